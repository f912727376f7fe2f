"""Bodies that are no text: streams, files, compressed and binary ones. And requests without a secret, which stay what
they are.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from support.agent import Agent, Secret
from support.server import Server
from support.values import mark

USERS = ("HttpUser", "FastHttpUser")

SECRETS = {
    "SHORT": f"p\"w {mark()[:4]}",
    "LONG": f"long é {mark()} \"quoted\" " + mark() * 5,
    "EQUAL": "=" + mark() * 3,
    "RAW": bytes(range(128, 160)),
    "THEIRS": Secret(f"theirs-{mark()}", 'hosts = ["elsewhere.example"]'),
}  # fmt: skip

#: Objects that clients take as bodies.
HEAD = """
import array, gzip, zlib, tempfile


class Once:
    '''Can be read once, like the encoders of requests_toolbelt; says its length.'''

    def __init__(self, data, with_length=True):
        self.stream = io.BytesIO(data)
        if with_length:
            self.len = len(data)

    def read(self, size=-1):
        return self.stream.read(size)


def file(data, mode="w+b", position=0):
    made = tempfile.TemporaryFile(mode)
    made.write(data)
    made.seek(position)
    return made


def pieces(text, *cuts):
    data, start = text.encode(), 0
    for cut in (*cuts, len(data)):
        yield data[start:cut]
        start = cut


J = {"Content-Type": "application/json"}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, server: Server
) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp(request.param) / "project"
    agent = Agent.start(folder, tegmen_bin, request.param, SECRETS, host=server.origin, head=HEAD)
    yield agent
    agent.stop()


def send(agent: Agent, code: str, **names: object) -> str | None:
    """Sends a request; gives the failure."""
    failure = agent.do(f"r = {code}; result = None if r.status_code == 200 else str(r.error)", **names)
    assert failure is None or isinstance(failure, str)
    return failure


#: Bodies of the JSON text D, which holds a secret.
KINDS = {
    "str": "D",
    "bytes": "D.encode()",
    "bytearray": "bytearray(D.encode())",
    "memoryview": "memoryview(D.encode())",
    "array": "array.array('B', D.encode())",
    "file": "file(D.encode())",
    "file in the middle": "file(b'skipped' + D.encode(), position=7)",
    "text file": "file(D, 'w+')",
    "BytesIO": "io.BytesIO(D.encode())",
    "StringIO": "io.StringIO(D)",
    "read once": "Once(D.encode())",
    "read once, length unknown": "Once(D.encode(), False)",
    "generator": "pieces(D, 3)",
    "generator of text": "(piece for piece in (D[:9], '', D[9:]))",
    "list": "[D.encode()]",
    "one byte after the other": "pieces(D, *range(len(D)))",
}
#: What the client itself does not take.
NOT_TAKEN = {
    "HttpUser": {"list"},
    "FastHttpUser": {"list"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["SHORT", "LONG"])
def test_every_kind_of_body_is_filled(agent: Agent, server: Server, kind: str, name: str) -> None:
    if kind in NOT_TAKEN[agent.user]:
        pytest.skip(f"{agent.user} does not take it")
    code = "D = json.dumps({'a': 'x' * 20, 'k': S(N)}); r = c.post('/', data=BODY, headers=J)"
    agent.do(code.replace("BODY", KINDS[kind]) + "; assert r.status_code == 200, r.error", N=name)
    assert json.loads(server.last.body) == {"a": "x" * 20, "k": agent.value(name)}
    length = server.last.header("content-length")
    assert (length is None) == ("chunked" in (server.last.header("transfer-encoding") or ""))
    assert length is None or int(length) == len(server.last.raw_body)


def test_a_placeholder_may_be_cut_anywhere(agent: Agent, server: Server) -> None:
    text = agent.do("result = json.dumps({'k': S('LONG')})")
    before = len(server.requests)
    agent.do(
        """
        D = json.dumps({'k': S('LONG')})
        for cut in range(len(D) + 1):
            assert c.post('/', data=pieces(D, cut, min(cut + 2, len(D))), headers=J).status_code == 200
        """
    )
    sent = server.requests[before:]
    assert len(sent) == len(text) + 1
    assert {json.loads(request.body)["k"] for request in sent} == {agent.value("LONG")}


def test_a_placeholder_over_the_edges_of_blocks_in_a_large_file(agent: Agent, server: Server) -> None:
    for edge in (1 << 16, 1 << 20):
        for offset in (-1, -12, -25, -40):
            code = "c.post('/', data=file(b'[\"' + b'x' * L + f'{S(N)}\"]'.encode()), headers=J)"
            assert send(agent, code, N="LONG", L=edge + offset - 2) is None
            assert json.loads(server.last.body) == ["x" * (edge + offset - 2) + agent.value("LONG")]


@pytest.mark.parametrize(
    ("encoding", "packed", "unpack"),
    [
        ("gzip", "gzip.compress(D)", gzip.decompress),
        ("x-gzip", "gzip.compress(D)", gzip.decompress),
        ("gzip", "gzip.compress(D[:9]) + gzip.compress(D[9:])", gzip.decompress),
        ("deflate", "zlib.compress(D)", zlib.decompress),
        ("identity", "D", bytes),
        ("gzip", "io.BytesIO(gzip.compress(D))", gzip.decompress),
        ("gzip", "file(gzip.compress(D))", gzip.decompress),
        ("gzip", "Once(gzip.compress(D))", gzip.decompress),
        ("gzip", "(bytes([byte]) for byte in gzip.compress(D))", gzip.decompress),
    ],
)
def test_compressed_bodies_are_filled(
    agent: Agent, server: Server, encoding: str, packed: str, unpack: type[bytes]
) -> None:
    code = f"c.post('/', data={packed}, headers=J | {{'Content-Encoding': '{encoding}'}})"
    agent.do("D = json.dumps({'k': S('LONG'), 'x': 'y' * 99}).encode()")
    assert send(agent, code) is None
    assert json.loads(unpack(server.last.body))["k"] == agent.value("LONG")
    # Nothing in it: the bytes are those of the script.
    agent.do("D = json.dumps({'x': 'y' * 99}).encode(); result = D.decode()")
    assert send(agent, code) is None
    assert json.loads(unpack(server.last.body)) == {"x": "y" * 99}


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress"])
def test_what_cannot_be_unpacked_is_refused(agent: Agent, server: Server, encoding: str) -> None:
    before = len(server.requests)
    for body in ("b'data'", "io.BytesIO(b'data')", "iter([b'data'])"):
        failure = send(agent, f"c.post('/', data={body}, headers={{'Content-Encoding': '{encoding}'}})")
        assert failure is not None
        assert f"the body has the Content-Encoding {encoding}" in failure
        assert "Send it as gzip, deflate or uncompressed" in failure
    assert len(server.requests) == before
    # A body that is empty hides nothing.
    assert send(agent, f"c.get('/', headers={{'Content-Encoding': '{encoding}'}})") is None


def test_a_binary_body_takes_a_value_as_long_as_its_placeholder(agent: Agent, server: Server) -> None:
    code = "c.post('/', data=b'\\x00\\xff' + S(N).encode() + b'\\x00', headers=T('application/octet-stream'))"
    assert send(agent, code, N="EQUAL") is None
    assert server.last.body == b"\x00\xff" + agent.value("EQUAL").encode() + b"\x00"
    before = len(server.requests)
    failure = send(agent, code, N="SHORT")
    assert failure is not None
    assert "[SHORT] was not sent" in failure
    assert "only a value as long as its placeholder" in failure
    assert len(server.requests) == before


def test_connections_are_kept_and_every_request_can_be_parsed(agent: Agent, server: Server) -> None:
    before, connections = len(server.requests), server.connections
    agent.do(
        """
        for n in range(5):
            for name in ('SHORT', 'LONG'):
                D = json.dumps({'k': S(name)})
                assert c.post('/a', data=D, headers=J | {'Content-Length': str(len(D))}).status_code == 200
                assert c.post('/b', data=iter([D.encode()]), headers=J).status_code == 200
                assert c.post('/c', data=io.BytesIO(D.encode()), headers=J).status_code == 200
                assert c.get(f'/d?k={S(name)}').status_code == 200
                assert c.request('GET', '/e', data=D, headers=J).status_code == 200
                assert c.put('/f', data=iter([D[:9], D[9:]]), headers=J).status_code == 200
                assert c.head('/g', headers={'X-Key': quote(S(name))}).status_code == 200
                assert c.post('/h', json={'k': S(name)}, headers={'Expect': '100-continue'}).status_code == 200
                assert c.post('/i', headers={'X-Key': S(name)}).status_code == 200
        """
    )
    sent = server.requests[before:]
    assert [request.target[:2] for request in sent] == ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"] * 10
    # The one that was open before may have been given up.
    assert server.connections <= connections + 1
    for request in sent:
        assert (
            len([name for name, _ in request.headers if name.lower() in ("content-length", "transfer-encoding")]) <= 1
        )


def test_a_stream_that_goes_on_is_not_held_back(agent: Agent, server: Server) -> None:
    """Up to a megabyte is; of more, nobody should have to keep it all."""
    for body in ("(b'x' * 70000 for _ in range(50))", "Once(b'x' * 3500000)", "Once(b'x' * 3500000, False)"):
        assert send(agent, f"c.post('/', data={body})") is None
        assert server.last.body == b"x" * 3_500_000


@pytest.mark.parametrize("wrap", ["(part for part in D)", "Once(b''.join(D))", "Once(b''.join(D), False)"])
def test_a_placeholder_far_into_a_stream_is_refused(agent: Agent, server: Server, wrap: str) -> None:
    requests, before = len(server.requests), agent.do("result = S('SHORT')")
    for cut in (5, 12, 20):
        agent.do("D = [b'x' * 70000] * 40 + [S('SHORT')[:C].encode(), S('SHORT')[C:].encode() + b'y' * 9]", C=cut)
        failure = send(agent, f"c.post('/', data={wrap})")
        assert failure is not None
        assert "[SHORT] was not sent: it stands in a streamed body of more than 1 MiB" in failure
    assert len(server.requests) == requests, "a body that breaks off is no request"
    assert isinstance(before, str)
    assert send(agent, "c.get('/after')") is None


def test_a_stream_is_refused_before_connecting(agent: Agent, server: Server) -> None:
    connections = server.connections
    for body in ("iter([S('THEIRS').encode()])", "io.BytesIO(S('THEIRS').encode())", "Once(S('THEIRS').encode())"):
        agent.do("c.client.close() if hasattr(c, 'client') and hasattr(c.client, 'close') else c.close()")
        failure = send(agent, f"c.post('/', data={body}, headers=J)")
        assert failure is not None
        assert "[THEIRS] was not sent" in failure
    assert server.connections == connections


#: Requests without a secret: with Tegmen they are what they are without.
PLAIN = [
    "c.get('/a?b=c&d=%20e', headers={'X-A': '1', 'x-b': ''})",
    "c.get('/é ü', params={'q': 'ö'})",
    "c.post('/', data={'a': 'b', 'c': ['d', 'e']})",
    "c.post('/', data='text é')",
    "c.post('/', data=b'\\x00\\xff')",
    "c.post('/', json={'a': ['é', None]})",
    "c.post('/')",
    "c.post('/', data='')",
    "c.request('GET', '/', data='body')",
    "c.put('/', data=file(b'x' * 70000))",
    "c.post('/', data=io.BytesIO(b'abc'), headers=T('text/plain'))",
    "c.post('/', data=gzip.compress(b'abc', mtime=0), headers={'Content-Encoding': 'gzip'})",
    "c.get('/', auth=('ann', 'secret'))",
    "c.delete('/x')",
    "c.head('/x')",
    "c.options('/x')",
    "c.patch('/x', data='1')",
]
#: The same, but for the pieces in which a stream goes out.
STREAMS = [
    "iter([b'a', b'', b'bc'])",
    "(b'x' * 9000 for _ in range(200))",
    "Once(b'x' * 9)",
    "Once(b'x' * 9, False)",
    "iter(['é', 'x'])",
]


def test_requests_without_a_secret_are_those_of_plain_locust(agent: Agent, server: Server, tmp_path: Path) -> None:
    plain = Agent.start(tmp_path / "plain", None, agent.user, {}, host=server.origin, head=HEAD)
    try:
        for code in PLAIN:
            assert send(agent, code) == send(plain, code) is None
            with_tegmen, without = server.requests[-2:]
            assert with_tegmen.raw == without.raw
        for body in STREAMS:
            assert send(agent, f"c.post('/', data={body})") == send(plain, f"c.post('/', data={body})") is None
            with_tegmen, without = server.requests[-2:]
            assert (with_tegmen.head, with_tegmen.body) == (without.head, without.body), body
    finally:
        plain.stop()


def test_a_request_that_does_not_leave_at_once(agent: Agent, server: Server) -> None:
    """More than a socket takes: what is left is sent when there is room, and nothing twice."""
    body = "'k=' + S('SHORT') + '&fill=' + 'x' * (24 << 20)"
    assert send(agent, f"c.post('/', data={body}, headers=T('application/x-www-form-urlencoded'))") is None
    sent = server.last.body
    assert len(sent) > 24 << 20 and sent.startswith(b"k=") and sent.endswith(b"x" * (24 << 20))
    assert send(agent, "c.post('/', data=bytes(range(256)) * (96 << 10))") is None
    assert server.last.body == bytes(range(256)) * (96 << 10)


def test_a_value_that_is_no_text(agent: Agent, server: Server) -> None:
    """It stands where bytes may, and is refused where only text may."""
    raw = bytes(range(128, 160))
    for code in (
        "c.post('/', data=b'\\x00' + S('RAW').encode() + b'\\xff', headers=T('application/octet-stream'))",
        "c.post('/', data={'k': S('RAW')})",
        "c.post('/', files={'f': ('f.bin', S('RAW'), 'application/octet-stream')})",
        "c.get('/?k=' + S('RAW'))",
        "c.get('/', headers={'X-Key': S('RAW')})",
        "c.get('/', auth=('ann', S('RAW')))",
    ):
        assert send(agent, code) is None, code
        sent = server.last.raw
        assert raw in unquote_to_bytes(sent.replace(b"+", b" ")) or base64.b64encode(b"ann:" + raw) in sent, code
    before = len(server.requests)
    for code in ("c.post('/', json=[S('RAW')])", "c.post('/', data=f'<a>{S(\"RAW\")}</a>')"):
        failure = send(agent, code)
        assert failure is not None
        assert "[RAW] was not sent" in failure
        assert "it is not text" in failure
    assert len(server.requests) == before
