"""However a request with a secret ends, neither response nor exception has the value, nor has anything else that Python
can reach: attributes, causes, frames, pickles, and all objects that the garbage collector knows.

The value is searched for whole and in pieces of eight bytes, as it is and in every encoding.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from support.agent import Agent, Secret
from support.rude import PATHS, Rude
from support.run import free_port

USERS = ("HttpUser", "FastHttpUser")
PIECE = 8

#: Everything is searched backwards: what is searched for must not be found itself.
HEAD = r"""
import copy, gc, pickle, types

PIECES = set(json.load(open("pieces")))
LENGTH = 8


def texts(thing):
    if isinstance(thing, str):
        return [thing.encode(errors="surrogatepass")]
    if isinstance(thing, (bytes, bytearray)):
        return [bytes(thing)]
    if isinstance(thing, memoryview):
        try:
            return [thing.tobytes()]
        except ValueError:
            return []
    return []


def pieces_in(raw):
    backwards = raw.decode("latin-1")[::-1]
    if len(backwards) > 2_000_000:
        return set()
    return {backwards[at:at + LENGTH] for at in range(len(backwards) - LENGTH + 1)} & PIECES


def everything():
    # What the garbage collector knows, and what that refers to; frames with their variables.
    gc.collect()
    seen = set()
    for thing in gc.get_objects():
        if isinstance(thing, types.FrameType):
            referred = [*thing.f_locals.values(), *gc.get_referents(thing)]
        elif isinstance(thing, (io.BytesIO, io.StringIO)) and not thing.closed:
            referred = [thing.getvalue()]
        else:
            referred = gc.get_referents(thing)
        while referred:
            one = referred.pop()
            if isinstance(one, memoryview) and one.obj is None:
                # The raw memory of a reader that waits for its first bytes: whatever the interpreter had there before.
                continue
            if isinstance(one, (str, bytes, bytearray, memoryview)):
                if id(one) not in seen:
                    seen.add(id(one))
                    yield thing, one
            elif not gc.is_tracked(one):
                # Dictionaries and tuples of texts only, which it does not list.
                referred += gc.get_referents(one)


def hunt(*roots):
    found = []
    for owner, one in everything():
        for raw in texts(one):
            if hit := pieces_in(raw):
                found.append(f"{len(hit)} pieces in a {type(one).__name__} of {len(raw)} in a {type(owner).__name__}: "
                             + " <- ".join(described(owner)))
    for root in roots:
        for what, raw in shown_of(root):
            if hit := pieces_in(raw):
                found.append(f"{len(hit)} pieces in {what} of a {type(root).__name__}")
    return found


def described(owner, depth=4):
    told = []
    for _ in range(depth):
        if isinstance(owner, types.FrameType):
            told.append(f"frame {owner.f_code.co_name}")
        elif isinstance(owner, dict):
            told.append(f"dict {list(owner)[:6]}")
        else:
            told.append(f"{type(owner).__module__}.{type(owner).__name__}")
        referrers = [one for one in gc.get_referrers(owner) if not isinstance(one, types.FrameType)]
        if not referrers:
            break
        owner = referrers[0]
    return told


def shown_of(root):
    yield "text", str(root).encode(errors="replace")
    yield "repr", repr(root).encode(errors="replace")
    for make in (pickle.dumps, lambda one: pickle.dumps(copy.copy(one)), lambda one: repr(copy.copy(one)).encode()):
        try:
            yield "a pickle or copy", make(root)
        except Exception:
            pass
    if isinstance(root, BaseException):
        told = traceback.TracebackException.from_exception(root, capture_locals=True)
        yield "its traceback", "".join(told.format()).encode(errors="replace")
"""


def pieces_of(value: str) -> list[str]:
    """Pieces of the value and of its encodings, backwards; none that stands in what is not the value."""
    raw = value.encode()
    forms = [
        raw,
        quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
        repr(raw)[2:-1].encode(),
        raw.hex().encode(),
        value.encode("utf-16-le"),
    ]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        forms.append(encoded[4:-4] if before else encoded[:-4])
    pieces = {form[at : at + PIECE].decode("latin-1")[::-1] for form in forms for at in range(len(form) - PIECE + 1)}
    # Those that are pieces forwards, too, would be found where they are kept.
    return sorted(piece for piece in pieces if piece[::-1] not in pieces)


#: How lines about exceptions and responses end.
ERRORS = ("Error", "Response", "Closed", "Exception", "str")

#: A place where nobody listens.
NOBODY = f"http://127.0.0.1:{free_port()}"
VALUE = f"{secrets.token_hex(9)}+/ü={secrets.token_hex(9)}"

#: Where the value stands in a request.
SEND = {
    "header": "c.get(U, headers={'X-Key': S('KEY').encode() if FAST else S('KEY')}, **O)",
    "query": "c.get(U + '?k=' + quote(S('KEY')), **O)",
    "params": "c.get(U, params={'k': S('KEY')}, **O)",
    "JSON": "c.post(U, json={'k': ['deep', S('KEY')]}, **O)",
    "form": "c.post(U, data={'k': S('KEY')}, **O)",
    "bytes": "c.put(U, data=f'text {S(\"KEY\")} text'.encode(), headers=T('text/plain'), **O)",
    "file": "c.put(U, data=io.BytesIO(f'text {S(\"KEY\")} text'.encode()), headers=T('text/plain'), **O)",
    "stream": "c.put(U, data=iter([b'text ', S('KEY').encode(), b' text']), headers=T('text/plain'), **O)",
    "cookie": "c.get(U, headers={'Cookie': 'a=' + quote(S('KEY'))}, **O)",
    "Basic": "c.get(U, auth=('ann', S('KEY')), **O)",
    "large": "c.put(U, data='x' * 300_000 + S('KEY') + 'x' * 300_000, headers=T('text/plain'), **O)",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Rude]:
    with Rude() as server:
        yield server


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, server: Rude
) -> Iterator[Agent]:
    yield from started(request.param, tmp_path_factory.mktemp(request.param), tegmen_bin, server)


@pytest.fixture(scope="module", params=USERS)
def sealed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, server: Rude
) -> Iterator[Agent]:
    """One whose answers have placeholders."""
    folder = tmp_path_factory.mktemp(f"sealed-{request.param}")
    yield from started(request.param, folder, tegmen_bin, server, "seal_responses = true")


def started(user: str, folder: Path, tegmen: Path, server: Rude, rules: str = "") -> Iterator[Agent]:
    (project := folder / "project").mkdir()
    (project / "pieces").write_text(json.dumps(pieces_of(VALUE)))
    body = "connection_timeout = network_timeout = 0.3" if user == "FastHttpUser" else ""
    secret = Secret(VALUE, f'hosts = ["{server.origin}", "{NOBODY}"]\n{rules}')
    agent = Agent.start(project, tegmen, user, {"KEY": secret}, host=server.origin, head=HEAD, body=body)
    yield agent
    output = agent.stop()
    assert VALUE not in output


def ended(agent: Agent, path: str) -> tuple[list[str], list[str]]:
    """What was found after requests with the value in each place, and how they ended."""
    code = """
        O = {} if FAST else {'timeout': 0.3}
        kept, ends = [], []

        def end(send):
            try:
                r = eval(send)
                kept.extend([r, getattr(r, 'request', None), getattr(r, 'error', None)])
                ends.append(f"{r.status_code} {getattr(r, 'error', None)}")
                r.raise_for_status()
                r.text
            except Exception as error:
                kept.append(error)
                ends.append(f"raised {error!r}")

        # At once: geventhttpclient asks again and again.
        gevent.joinall([gevent.spawn(end, send) for send in SENDS])
        found = hunt(*[one for one in kept if one is not None])
        kept = None
        result = [found, ends]
    """
    found, ends = agent.do(code, U=path, SENDS=list(SEND.values()), FAST=agent.is_fast)
    return found, ends


@pytest.mark.parametrize("path", [path for path in PATHS if "quotes" not in path])
def test_nothing_keeps_the_value(agent: Agent, server: Rude, path: str) -> None:
    before = len(server.read)
    found, ends = ended(agent, path)
    assert found == [], "\n".join([*found, *ends])
    assert len(server.read) - before >= len(SEND) - 2, ends


def test_nor_where_nobody_is_there(agent: Agent) -> None:
    found, ends = ended(agent, f"{NOBODY}/refused")
    assert found == [], "\n".join([*found, *ends])
    assert "refused" in " ".join(ends), ends


def test_nor_where_it_may_not_go(agent: Agent) -> None:
    found, ends = ended(agent, "http://127.0.0.1:9/elsewhere")
    assert found == [], "\n".join([*found, *ends])
    assert "[KEY] was not sent" in " ".join(ends), ends


def test_the_hunt_finds_what_is_there(agent: Agent) -> None:
    """A search that finds nothing anywhere is worth nothing."""
    assert agent.do(
        """
        from tegmen import secret
        held = [secret('KEY').reveal()[3:14]]
        result = hunt()
        del held
        """
    )
    assert agent.do("result = hunt()") == []


@pytest.mark.parametrize("path", ["/half-a-head-that-quotes", "/rubbish-that-quotes"])
def test_a_broken_head_that_quotes_the_request(agent: Agent, path: str) -> None:
    found, ends = ended(agent, path)
    assert found == [], "\n".join([*found, *ends])


def test_a_broken_body_that_quotes_the_request(agent: Agent) -> None:
    """What has come of a body is as the target has sent it, in the frames that read it; what is told of it is clean."""
    found, ends = ended(agent, "/half-a-body-that-quotes")
    told = [text for text in found if any(text.endswith(end) for end in ERRORS) and "its traceback" not in text]
    assert told == [], "\n".join([*told, *ends])
    assert found, "what explains it has changed"


@pytest.mark.parametrize("path", [path for path in PATHS if "quotes" in path])
def test_answers_with_placeholders_in_them(sealed: Agent, path: str) -> None:
    found, ends = ended(sealed, path)
    assert found == [], "\n".join([*found, *ends])
    if "half-a-body" in path and not sealed.is_fast:
        # What was cut is told as cut, as without.
        assert sum("IncompleteRead" in end for end in ends) >= len(SEND), ends
