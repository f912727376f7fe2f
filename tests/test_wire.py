"""The value is on the wire exactly, in every place and encoding: a server of another make parses it back.

Each place is tried with every hard value, by a real user under the real `tegmen run`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.forms import found
from support.agent import Agent
from support.places import PLACES, Place
from support.server import Request, Response, Server
from support.values import hard_values, header, mark

USERS = ("HttpUser", "FastHttpUser")
VALUES = hard_values() | {"PASSWORD": f"pässword {mark()}"}

#: `reach(things)`: every text that can be got at from them, by whatever way: attributes, frames of tracebacks, closures.
HEAD = """
import gc, types
import tegmen
SKIPPED = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.GetSetDescriptorType)


def reach(*things):
    found, seen, left = [], set(), list(things)
    while left:
        thing = left.pop()
        if id(thing) in seen or isinstance(thing, SKIPPED):
            continue
        seen.add(id(thing))
        if isinstance(thing, (str, bytes, bytearray)):
            found.append(thing.encode(errors='replace') if isinstance(thing, str) else bytes(thing))
        elif isinstance(thing, dict) and '__builtins__' in thing:
            continue
        elif isinstance(thing, types.FrameType):
            left += [dict(thing.f_locals), thing.f_back]
        elif isinstance(thing, types.TracebackType):
            left += [thing.tb_frame, thing.tb_next]
        else:
            left += gc.get_referents(thing)
            if isinstance(thing, BaseException):
                left += [thing.__cause__, thing.__context__, thing.__traceback__, str(thing), repr(thing)]
    return b'\\n'.join(found).decode(errors='replace')
"""


def respond(request: Request) -> Response | None:
    """Answers that are failures."""
    path = request.target.partition("?")[0]
    if path == "/close":
        raise OSError
    if path == "/slow":
        time.sleep(0.5)
    if path == "/loop":
        return Response(302, b"", [("Location", "/loop")])
    if path == "/garbage":
        return Response(200, b"\x1f\x8bgarbage", [("Content-Encoding", "gzip")])
    return Response(int(path[1:])) if path[1:].isdigit() else None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(respond=respond) as server:
        yield server


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, server: Server
) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp(request.param) / "project"
    agent = Agent.start(folder, tegmen_bin, request.param, VALUES, host=server.origin, head=HEAD)
    yield agent
    agent.stop()


@pytest.mark.parametrize("place", [pytest.param(place, id=place.name) for place in PLACES])
def test_the_server_reads_exactly_the_value(agent: Agent, server: Server, place: Place) -> None:
    wrong = []
    for name in VALUES.keys() - place.skipped:
        before = len(server.requests)
        code = f"r = {place.send}; result = None if r.status_code == 200 else str(r.error)"
        failure, sent = agent.do(code, N=name), server.requests[before:]
        if failure is None and len(sent) == 1 and name not in place.refused:
            try:
                got = place.read(sent[0])
            except Exception as error:
                got = error
            if got == VALUES[name]:
                continue
        elif name in place.refused and failure is not None and not sent:
            assert f"[{name}] was not sent to {server.origin}: its value cannot stand in" in failure
            continue
        else:
            got = failure
        wrong.append(f"{name} {VALUES[name]!r:.300}\n   read {got!r:.900}\n   sent {[one.raw for one in sent]!r:.700}")
    assert not wrong, "\n".join(wrong)


#: How a request ends: what it is sent to, and options of the client.
ENDS = {
    "well": ("/x", {}),
    "404": ("/404", {}),
    "500": ("/500", {}),
    "connection closed": ("/close", {}),
    "time-out": ("/slow", {"timeout": 0.1}),
    "redirect loop": ("/loop", {}),
    "garbage": ("/garbage", {}),
    "line break in a header": ("/x", {"break": True}),
    "nobody there": ("nobody", {}),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_that_comes_back_holds_the_value(agent: Agent, server: Server, end: str) -> None:
    """Neither response nor exception, nor anything that can be reached from them, however it ended."""
    path, options = ENDS[end]
    before = len(server.requests)
    text = agent.do(
        """
        c = user.client
        if 'timeout' in O and FAST:
            from locust.contrib.fasthttp import FastHttpSession
            c = FastHttpSession(user.host, environment.events.request, user, network_timeout=O['timeout'])
        options = {'timeout': O['timeout']} if 'timeout' in O and not FAST else {}
        c.cookies.clear() if not FAST else c.cookiejar.clear()
        seen = []
        events.request.add_listener(lambda **meta: seen.append(meta))
        headers = {'X-Key': S('PASSWORD' if 'break' not in O else 'MULTILINE'), 'Cookie': 'a=' + S('PASSWORD')}
        gathered = []
        for send in (
            lambda: c.get(U + '?k=' + S('PASSWORD'), headers=headers, **options),
            lambda: c.post(U, json={'k': S('PASSWORD')}, auth=('ann', S('PASSWORD')), **options),
            lambda: c.put(U, data=iter([S('PASSWORD').encode()]), headers=headers | T('text/plain'), **options),
            lambda: c.put(U, data=io.BytesIO(S('PASSWORD').encode()), headers=T('text/plain'), **options),
        ):
            try:
                r = send()
                gathered += [r, getattr(r, 'request', None), getattr(r, 'error', None)]
                r.raise_for_status()
            except Exception as error:
                gathered.append(error)
        events.request._handlers.pop()
        result = reach(gathered, seen, reported)
        del gathered, seen, send
        """,
        U=path if path != "nobody" else server.origin.rpartition(":")[0] + ":9/x",
        O=options,
        FAST=agent.is_fast,
    )
    assert len(text) > 1000
    for name in ("PASSWORD", "MULTILINE"):
        assert not found(VALUES[name], text), [line for line in text.splitlines() if found(VALUES[name], line)][:3]
    if path != "nobody" and "break" not in options:
        # After a redirect some are without.
        sent = [request.raw for request in server.requests[before:]]
        assert sum(bool(found(VALUES["PASSWORD"], raw)) for raw in sent) >= 4


def test_what_is_kept_of_a_request_does_not_turn_into_what_was_sent(agent: Agent, server: Server) -> None:
    kept = agent.do(
        """
        r = user.client.get('/x', headers={'X-Key': S('PASSWORD')})
        head = getattr(r, '_sent_request', None) or str(r.request.headers)
        result = [type(head).__name__, head.encode('latin-1').decode('latin-1')]
        """
    )
    assert server.last.header("x-key") == VALUES["PASSWORD"]
    assert kept[0] == "str" and not found(VALUES["PASSWORD"], kept[1])


def test_what_is_shown_of_a_request_is_what_the_script_gave(agent: Agent, server: Server) -> None:
    shown = agent.do(
        """
        url = '/x?a=1&k=' + S('PLAIN')
        r = c.post(url, data='key ' + S('PLAIN'), headers={'X-Key': S('PLAIN'), 'Content-Type': 'text/plain'})
        given = {'url': url, 'body': 'key ' + S('PLAIN'), 'key': S('PLAIN')}
        sent = r.request
        head = getattr(r, '_sent_request', None)
        body = sent.body.decode() if isinstance(sent.body, bytes) else sent.body
        result = [given, sent.url, r.url, body, sent.headers['X-Key'], head, reported]
        """
    )
    given, sent_url, url, body, key, head, reported = shown
    assert sent_url == url == server.origin + given["url"]
    assert (body, key) == (given["body"], given["key"])
    assert reported == [[given["url"], None]] or reported == [["/x?a=1&k=[PLAIN]", None]]
    if agent.is_fast:
        assert head.startswith(f"POST {given['url']} HTTP/1.1\r\n")
        assert f"X-Key: {key}\r\n" in head
    assert server.last.body == f"key {VALUES['PLAIN']}".encode()


def test_the_debug_output_of_http_client_and_urllib3_shows_names(agent: Agent, server: Server) -> None:
    agent.do(
        """
        import http.client, logging
        logging.getLogger('urllib3').setLevel(logging.DEBUG)
        http.client.HTTPConnection.debuglevel = 1
        try:
            c.get('/debug?k=' + S('PASSWORD'), headers={'X-Key': S('PASSWORD')})
            h = http.client.HTTPConnection('127.0.0.1', P)
            h.request('GET', '/debug', headers={'X-Key': S('PASSWORD')})
            h.getresponse()
        finally:
            http.client.HTTPConnection.debuglevel = 0
        print('said', flush=True)
        """,
        P=server.port,
    )
    for _ in range(100):
        if "said" in agent.output:
            break
        time.sleep(0.05)
    assert not found(VALUES["PASSWORD"], agent.output)
    assert agent.output.count("send: b'GET /debug") == (1 if agent.is_fast else 2)
    assert "[PASSWORD]" in agent.output


#: A script changes the placeholder into something that nobody can undo. K is the secret.
CHANGES = {
    "in capital letters": "K.upper()",
    "as a title": "K.title()",
    "with a capital": "K.capitalize()",
    "its first half": "K[:len(K) // 2]",
    "a piece from the middle": "K[6:20]",
    "its end": "K[-21:]",
    "backwards": "K[::-1]",
    "in hexadecimal": "K.encode().hex()",
    "in capital hexadecimal": "K.encode().hex().upper()",
    "in broken base64": "base64.b64encode(K.encode()).decode()[:25]",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_placeholder_that_was_changed_is_refused(agent: Agent, server: Server, change: str) -> None:
    before = len(server.requests)
    for send in (
        "c.get('/', headers={'X-Key': V})",
        "c.get('/' + V)",
        "c.get('/', params={'k': V})",
        "c.get('/', headers={'Cookie': 'a=' + V})",
        "c.post('/', data={'k': V})",
        "c.post('/', json={'k': V})",
        "c.post('/', json={'k': json.dumps({'k': V})})",
        "c.post('/', data=f'<a>{V}</a>')",
        "c.post('/', data=f'\\x00{V}'.encode(), headers=T('application/octet-stream'))",
        "c.post('/', files={'f': ('f.txt', V)})",
        "c.post('/', data=iter([V.encode()]))",
    ):
        failure = agent.do(f"K = S('HEX32'); V = {CHANGES[change]}; r = {send}; result = reported[-1][1]")
        assert failure is not None, send
        assert "] was not sent to" in failure
        assert ".reveal()" in failure
        if change not in ("its first half", "a piece from the middle", "in broken base64"):
            assert "[HEX32]" in failure
    assert len(server.requests) == before


def test_other_encodings_of_a_body_are_refused(agent: Agent, server: Server) -> None:
    before = len(server.requests)
    for body in (
        "json.dumps({'k': S('HEX32')}).encode('utf-16')",
        "S('HEX32').encode('utf-16-be')",
        "json.dumps({'k': S('HEX32')}).encode('utf-32')",
    ):
        failure = agent.do(f"r = c.post('/', data={body}, headers=T('application/json')); result = reported[-1][1]")
        assert failure is not None, body
        assert "[HEX32] was not sent" in failure or "[a secret] was not sent" in failure
    assert len(server.requests) == before


def test_base64_within_json_is_filled(agent: Agent, server: Server) -> None:
    agent.do("c.post('/', json={'k': base64.b64encode(f'ann:{S(\"PASSWORD\")}'.encode()).decode(), 'n': 1})")
    sent = base64.b64decode(__import__("json").loads(server.last.body)["k"]).decode()
    assert sent == f"ann:{VALUES['PASSWORD']}"


def test_cookies_of_a_session(agent: Agent, server: Server) -> None:
    """Given to the client rather than written into the header, and kept for the next request."""
    if agent.is_fast:
        pytest.skip("FastHttpUser has no option for cookies")
    from support.values import parsed

    for name in VALUES:
        failure = agent.do("r = c.get('/', cookies={'sid': S(N)}); result = str(r.error) if r.error else None", N=name)
        assert failure is None, name
        assert parsed(server.last).cookies["sid"] == VALUES[name], (name, server.last.raw)
    agent.do("c.cookies.set('kept', S('RESERVED')); c.get('/'); r = c.get('/'); c.cookies.clear()")
    assert parsed(server.last).cookies["kept"] == VALUES["RESERVED"]


def test_many_secrets_in_one_request(agent: Agent, server: Server) -> None:
    names = sorted(VALUES.keys() - {"MULTILINE", "DOTS"})
    agent.do(
        """
        headers = {f'X-{n}': S(n) for n in NAMES}
        r = c.post('/', params={n: S(n) for n in NAMES}, json={n: [S(n), 'x' + S(n)] for n in NAMES}, headers=headers)
        assert r.status_code == 200, r.error
        """,
        NAMES=names,
    )
    from support.values import parsed

    read = parsed(server.last)
    assert {name: read.args[name] for name in names} == {name: VALUES[name] for name in names}
    assert read.get_json() == {name: [VALUES[name], "x" + VALUES[name]] for name in names}
    assert {name: header(server.last, f"X-{name}") for name in names} == {name: VALUES[name] for name in names}


def test_repeated_header_lines(agent: Agent, server: Server) -> None:
    if not agent.is_fast:
        pytest.skip("requests joins them")
    agent.do("c.get('/', headers={'X-Many': ['a', S('PLAIN'), S('EURO')]})")
    lines = [value for name, value in server.last.headers if name == "X-Many"]
    assert [line.encode("latin-1").decode() for line in lines] == ["a", VALUES["PLAIN"], VALUES["EURO"]]


#: Places in which any text may stand, for values that nobody thought of.
ANYWHERE = [place for place in PLACES if not place.refused and not place.skipped and "S('" not in place.send]
#: What has a meaning somewhere, so that it comes more often than by chance.
PIECES = [
    '"',
    "'",
    "\\",
    "&",
    "=",
    "+",
    "%",
    "%25",
    "#",
    "?",
    "/",
    "//",
    "..",
    "<",
    ">",
    "]]>",
    "]]",
    "&amp;",
    "{",
    "}",
]
PIECES += [
    "[",
    "]",
    ":",
    ";",
    ",",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\\u0041",
    "\\n",
    "${",
    "`",
    "é",
    "ÿ",
    "€",
    "日",
    "🔑",
    "\u2028",
    "--",
]
PIECES += [
    "https://",
    "http://a@b/",
    "eyJ",
    "==",
    "a",
    "x",
    "0",
    "null",
    "@",
    "|",
    "~",
    "\x7f",
    "\u00a0",
    "\ufeff",
    "\u0301",
]


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join), data=st.data())
def test_any_value_in_any_place(agent: Agent, server: Server, value: str, data: st.DataObject) -> None:
    """With a value that the test has got just now: it is protected, and stands for itself in every place."""
    places = data.draw(st.lists(st.sampled_from(ANYWHERE), min_size=4, max_size=4, unique_by=lambda place: place.name))
    for place in places:
        before = len(server.requests)
        failure = agent.do(
            f"S = lambda name: P\nP = tegmen.protect(V, name='BORN')\ntry: r = {place.send}\n"
            "finally: S = lambda name: os.environ[name]\nresult = reported[-1][1]",
            V=value,
            N="BORN",
        )
        sent = server.requests[before:]
        if failure is not None:
            # Neither XML nor a header has a way to write all of them.
            assert "[BORN] was not sent" in failure and "its value cannot stand in" in failure, (place.name, failure)
            assert not sent
            assert any(char < " " or char in "\x7f\ufffe\uffff" for char in value), (place.name, failure)
            assert "XML" in place.name or place.name in ("CDATA", "CDATA between brackets", "SOAP", "JSON in CDATA")
            continue
        assert place.read(sent[0]) == value, (place.name, sent[0].raw)


def test_a_time_out_of_the_script_stays_what_it_is(agent: Agent) -> None:
    """`gevent.Timeout` knows itself by identity, and comes through frames that hold values."""
    text = agent.do(
        """
        mine, r = gevent.Timeout(0.1), None
        try:
            with mine:
                r = c.post('/slow', json={'k': S('PASSWORD')})
        except gevent.Timeout as error:
            assert error is mine
        # FastHttpUser makes a failure of it.
        assert FAST is (r is not None and r.error is not None)
        result = reach(mine, r)
        """,
        FAST=agent.is_fast,
    )
    assert not found(VALUES["PASSWORD"], text)
