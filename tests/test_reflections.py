"""What an allowed target sends back of a secret in the head of its response is a placeholder before Python or a
redirect sees it; and no response can have a script send what it did not mean to send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.forms import found
from support.agent import Agent
from support.server import Request, Response, Server
from support.values import mark

USERS = ["HttpUser", "FastHttpUser"]
STATUSES = [301, 302, 303, 307, 308]

REFLECTING = ("X-Echo", "WWW-Authenticate", "Location", "Set-Cookie", "ETag", "Link", "Content-Disposition")


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, target: Server
) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("reflections") / "project"
    values = {"KEY": f"k3y-{mark()}+/=&{mark()}", "LATIN": f"é-{mark()}", "SECOND": f"second-{mark()}"}
    agent = Agent.start(folder, tegmen_bin, request.param, values, host=target.origin)
    yield agent
    output = agent.stop()
    for value in values.values():
        assert not found(value, output)


def sent_key(request: Request) -> str:
    return request.header("x-key") or ""


def test_no_header_of_a_response_holds_the_value(agent: Agent, target: Server) -> None:
    def reflect(request: Request) -> Response:
        value = sent_key(request)
        fields = [(name, f'a="{value}"; b={quote(value, safe="")}') for name in REFLECTING]
        return Response(200, b"ok", [*fields, ("X-Latin", request.header("x-latin") or "")])

    target.respond = reflect
    seen = agent.do(
        """
        r = c.get('/echo', headers={'X-Key': S('KEY'), 'X-Latin': S('LATIN')}, **({} if fast else {}))
        result = repr(dict(r.headers)) + repr(getattr(r, 'cookies', '')) + repr(getattr(r, 'raw', r).__dict__)
        """.replace("**({} if fast else {})", "name='echo'")
    )
    assert not found(agent.value("KEY"), seen) and agent.value("LATIN") not in seen
    assert found(agent.value("KEY"), target.last.raw), "and it arrived"
    placeholder = agent.do("result = str.__str__(S('KEY'))")
    assert placeholder in seen


def test_the_reason_does_not_hold_the_value(agent: Agent, target: Server) -> None:
    target.respond = lambda request: Response(200, b"ok", [], reason=f"Hello {sent_key(request)}!")
    seen = agent.do(
        """
        r = c.get('/reason', headers={'X-Key': S('KEY')}, name='reason')
        result = repr(getattr(r, 'reason', '')) + repr(getattr(getattr(r, '_response', r), 'status_message', ''))
        """
    )
    assert not found(agent.value("KEY"), seen) and "Hello [KEY]!" in seen


def test_responses_beside_the_client_of_geventhttpclient(agent: Agent, target: Server) -> None:
    target.respond = lambda request: Response(200, b"ok", [("X-Echo", sent_key(request))])
    seen = agent.do(
        f"""
        from geventhttpclient.httplib import HTTPConnection
        connection = HTTPConnection('127.0.0.1', {target.port})
        connection.request('GET', '/', headers={{'X-Key': str(S('KEY'))}})
        r = connection.getresponse()
        result = repr(r.headers if isinstance(r.headers, dict) else list(r._headers_index.items()))
        """
    )
    assert not found(agent.value("KEY"), seen) and "X-Echo" in seen, seen
    assert agent.do("result = str.__str__(S('KEY'))") in seen


def test_a_cookie_with_the_value_is_sent_back(agent: Agent, target: Server) -> None:
    target.respond = lambda request: Response(
        200, b"", [("Set-Cookie", f"sid={quote(sent_key(request), safe='')}; Path=/")]
    )
    agent.do("c.get('/login', headers={'X-Key': S('KEY')}, name='login')")
    target.respond = None
    agent.do("c.get('/again', name='again')")
    assert f"sid={quote(agent.value('KEY'), safe='')}" in (target.last.header("cookie") or "")
    agent.do("(c.cookies if hasattr(c, 'cookies') else c.cookiejar).clear()")


def test_a_session_that_is_given_again_stays_what_it_is(agent: Agent, target: Server) -> None:
    """Many servers set the cookie of a session anew in each answer."""
    session = f"s3ss-{mark()}{mark()}="
    target.respond = lambda request: Response(
        200, b"", [("Set-Cookie", f"session={quote(session)}; Path=/; HttpOnly"), ("X-Session", session)]
    )
    agent.do("c.get('/login', headers={'X-Key': S('KEY')}, name='login')")
    for _ in range(2):
        seen = agent.do("r = c.get('/again', name='again'); result = r.headers['X-Session']")
        assert seen == session
        assert f"session={quote(session)}" in (target.last.header("cookie") or "")
    target.respond = None
    agent.do("(c.cookies if hasattr(c, 'cookies') else c.cookiejar).clear()")


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_with_the_value_to_another_host_goes_nowhere(
    agent: Agent, target: Server, other: Server, status: int
) -> None:
    before = other.connections

    def redirect(request: Request) -> Response:
        return Response(status, b"", [("Location", f"{other.origin}/steal?token={quote(sent_key(request), safe='')}")])

    target.respond = redirect
    error = agent.do(
        """
        try:
            r = c.get('/go', headers={'X-Key': S('KEY')}, name='go')
            result = repr(getattr(r, 'error', None))
        except Exception as error:
            result = repr(error)
        """
    )
    assert other.connections == before, "refused before connecting"
    assert "[KEY] was not sent to" in error, error


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_with_the_value_to_the_target_itself_works(agent: Agent, target: Server, status: int) -> None:
    def redirect(request: Request) -> Response | None:
        if request.target.startswith("/go"):
            return Response(status, b"", [("Location", f"/there/{quote(sent_key(request), safe='')}?x=1")])
        return None

    target.respond = redirect
    seen = agent.do(
        """
        r = c.get('/go', headers={'X-Key': S('KEY')}, name='go')
        result = repr([r.url, getattr(r, 'history', ''), [h.url for h in getattr(r, 'history', [])]])
        """
    )
    assert target.last.target.startswith("/there/")
    assert found(agent.value("KEY"), target.last.target) - {"a piece"}
    assert not found(agent.value("KEY"), seen)


def test_a_response_cannot_introduce_a_placeholder(agent: Agent, target: Server) -> None:
    """Whoever has learnt what a placeholder looks like cannot have it filled in."""
    placeholder = agent.do("result = str.__str__(S('SECOND'))")

    def redirect(request: Request) -> Response | None:
        if request.target.startswith("/go"):
            fields = [("Location", f"/there?x={placeholder}"), ("Set-Cookie", f"x={placeholder}")]
            return Response(302, b"", fields)
        return None

    target.respond = redirect
    agent.do(
        """
        try:
            c.get('/go', name='go')
        except Exception as error:
            result = repr(error)
        """
    )
    assert not found(agent.value("SECOND"), b"".join(request.raw for request in target.requests[-2:]))
    agent.do("(c.cookies if hasattr(c, 'cookies') else c.cookiejar).clear()")


def test_what_frames_a_message_stays(agent: Agent, target: Server) -> None:
    """A value that looks like a length or a type does not break a response."""
    target.respond = lambda _: Response(200, b"x" * 10, [("Content-Type", "application/json"), ("X-Key", "plain")])
    assert agent.do("r = c.get('/plain', name='plain'); result = [r.status_code, len(r.content or b'')]") == [200, 10]
