"""A secret goes where its `hosts` say, by whatever way a request is made, and nowhere else.

What is refused never connects.
"""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from conftest import Project
from demo.forms import found
from support.agent import Agent, Secret
from support.run import BIN, clean_environment
from support.server import Request, Response, Server
from support.values import header, mark

USERS = ("HttpUser", "FastHttpUser")

#: Names in the domain `test` are this machine.
HEAD = """
import socket as plain_socket
resolve = plain_socket.getaddrinfo


def here(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    return resolve("127.0.0.1" if name and name.rstrip(".").endswith(".test") else host, *args, **kwargs)


plain_socket.getaddrinfo = here
import gevent.socket
gevent.socket.getaddrinfo = here
"""


def no_tunnel(request: Request) -> Response | None:
    """A proxy that reads requests, and refuses to connect."""
    return Response(502) if request.method == "CONNECT" else None


def redirecting(request: Request) -> Response | None:
    """`/redirect/307?URL` redirects there."""
    path, _, location = request.target.partition("?")
    if not path.startswith("/redirect/"):
        return None
    return Response(int(path.removeprefix("/redirect/")), b"", [("Location", location)])


class Place:
    """Servers: the test's own target, another one, one with TLS, one with IPv6."""

    def __init__(self, ca: trustme.CA) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self.target = Server(respond=redirecting)
        self.other = Server()
        self.tls = Server(context)
        self.six = Server(address="::1")
        self.proxy = Server(respond=no_tunnel)
        self.all = (self.target, self.other, self.tls, self.six, self.proxy)


@pytest.fixture(scope="module")
def place(ca: trustme.CA) -> Iterator[Place]:
    place = Place(ca)
    yield place
    for server in place.all:
        server.close()


def secrets(place: Place) -> dict[str, Secret | str]:
    port, other = place.target.port, place.other.port
    return {
        "KEY": f"key-{mark()}",
        "NAMED": Secret(
            f"named-{mark()}",
            f'hosts = ["http://shop.test:{port}", "http://bücher.test:{port}", "http://[::1]:{place.six.port}"]',
        ),
        "ELSEWHERE": Secret(f"elsewhere-{mark()}", f'hosts = ["127.0.0.1:{other}"]'),
        "PROXY": Secret(f"proxy-{mark()}", f'hosts = ["127.0.0.1:{place.proxy.port}"]'),
        "BOTH": Secret(f"both-{mark()}", f'hosts = ["127.0.0.1:{port}", "127.0.0.1:{place.proxy.port}"]'),
        "BEARER": Secret(f"bearer-{mark()}", 'places = ["header:Authorization"]'),
        "FIELD": Secret(f"field-{mark()}", 'places = ["body:password", "query:token", "cookie:sid", "path"]'),
    }


@pytest.fixture(scope="module", params=USERS)
def agent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, place: Place
) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp(request.param) / "project"
    agent = Agent.start(folder, tegmen_bin, request.param, secrets(place), host=place.target.origin, head=HEAD)
    yield agent
    agent.stop()


def send(agent: Agent, code: str, **names: object) -> str | None:
    """Sends a request; gives the failure as Locust reports it."""
    result = agent.do(f"r = {code}; result = reported[-1][1]", **names)
    assert result is None or isinstance(result, str)
    return result


def unconnected(server: Server, action: Callable[[], object]) -> object:
    """Does it, and asserts that the server has seen no connection."""
    before = server.connections
    result = action()
    assert server.connections == before
    return result


WAYS = [
    "c.get(U, headers={'X-Key': S('KEY')})",
    "c.get(U, headers={'Cookie': 'a=' + S('KEY')})",
    "c.get(U, auth=('ann', S('KEY')))",
    "c.get(U + '?token=' + S('KEY'))",
    "c.get(U + 'x/' + S('KEY') + '/y')",
    "c.post(U, data={'key': S('KEY')})",
    "c.post(U, json={'key': S('KEY')})",
    "c.post(U, data=iter([b'{', S('KEY').encode(), b'}']))",
    "c.post(U, data=io.BytesIO(S('KEY').encode()))",
    "c.post(U, files={'f': ('f.txt', S('KEY'))})",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["other", "tls", "tls of the target", "localhost"])
def test_another_origin_is_refused_before_connecting(agent: Agent, place: Place, way: str, kind: str) -> None:
    if agent.is_fast and kind == "tls of the target":
        pytest.skip("geventhttpclient goes on with TLS then: its clients are told apart by host and port only")
    server = {"other": place.other, "tls": place.tls}.get(kind, place.target)
    origin = {
        "tls of the target": f"https://127.0.0.1:{server.port}",
        "localhost": f"http://localhost:{server.port}",
    }.get(kind, server.origin)
    before = len(server.requests)
    failure = send(agent, way, U=origin + "/")
    assert failure is not None
    assert f"[KEY] was not sent to {origin}: the secret is bound to the test's own target" in failure
    shown = origin.removeprefix("https://")
    own = place.target.origin
    assert f'write in tegmen.toml under [secrets.KEY]: hosts = ["{own}", "{shown}"]' in failure
    assert len(server.requests) == before
    if server is not place.target:
        assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_another_port_carry_nothing(agent: Agent, place: Place, status: int) -> None:
    there = f"{place.other.origin}/x"
    for code in (
        "c.get(U, headers={'X-Key': S('KEY')})",
        "c.post(U, json={'key': S('KEY')}, headers={'X-Key': S('KEY')})",
    ):
        failure = unconnected(place.other, lambda code=code: send(agent, code, U=f"/redirect/{status}?{there}"))
        assert isinstance(failure, str)
        assert f"[KEY] was not sent to {place.other.origin}" in failure
        assert header(place.target.last, "X-Key") == agent.value("KEY")
    if status in (307, 308):
        failure = unconnected(
            place.other, lambda: send(agent, "c.post(U, json={'key': S('KEY')})", U=f"/redirect/{status}?{there}")
        )
        assert isinstance(failure, str)
        assert "[KEY] was not sent" in failure


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_within_the_target_carry_it_again(agent: Agent, place: Place, status: int) -> None:
    code = "c.post(U, json={'key': S('KEY')}, headers={'X-Key': S('KEY')})"
    assert send(agent, code, U=f"/redirect/{status}?/there") is None
    assert place.target.last.target == "/there"
    assert header(place.target.last, "X-Key") == agent.value("KEY")
    body = place.target.last.body
    assert (agent.value("KEY").encode() in body) == (status in (307, 308))


def test_tricks_with_the_host(agent: Agent, place: Place) -> None:
    here, there = place.target.port, place.other.port
    evil = [
        f"http://127.0.0.1:{here}@127.0.0.1:{there}/",
        f"http://127.0.0.1%3A{here}@127.0.0.1:{there}/",
        f"http://ann:127.0.0.1@127.0.0.1:{there}/?x=http://127.0.0.1:{here}/",
        f"http://127.0.0.1:{there}/http://127.0.0.1:{here}/",
        f"http://127.0.0.1:{there}\\@127.0.0.1:{here}/",
        f"http://127.0.0.1:{there}#@127.0.0.1:{here}/",
        f"http://127.0.0.1:{there}?@127.0.0.1:{here}/",
        f"http://2130706433:{there}/",
        f"http://127.1:{there}/",
        f"http://0x7f.1:{there}/",
        f"http://[::ffff:127.0.0.1]:{there}/",
        f"http://127.0.0.1.test:{there}/",
        f"HTTP://127.0.0.1:{there}/",
        f"http://127.0.0.1.:{there}/",
        f"http://[::1]:{place.six.port}/",
        f"http://127.0.0.1.test:{here}/",
    ]
    for url in evil:
        for headers in ("{}", f"{{'Host': '127.0.0.1:{here}'}}"):
            before = len(place.target.requests)
            code = f"r = c.get(U, headers={{'X-Key': S('KEY')}} | {headers}); result = reported[-1][1]"
            outcome = agent.do(f"try: {code}\nexcept Exception as error: result = repr(error)", U=url)
            if outcome is None:
                # The client takes it for the target, and goes there.
                assert len(place.target.requests) == before + 1, url
                assert "\\" in url
            else:
                assert "[KEY] was not sent" in outcome or "Invalid" in outcome or "Failed to parse" in outcome, outcome
    for server in (place.other, place.six):
        assert server.connections == 0


def test_other_ways_to_write_the_same_host(agent: Agent, place: Place) -> None:
    port = place.target.port
    for url in (
        f"http://shop.test:{port}/",
        f"http://SHOP.test:{port}/",
        f"http://shop.test.:{port}/",
        f"http://ann:pw@shop.test:{port}/",
        f"http://bücher.test:{port}/",
        f"http://xn--bcher-kva.test:{port}/",
        f"HTTP://Shop.Test:{port}/x",
    ):
        assert send(agent, "c.get(U, headers={'X-Key': S('NAMED')})", U=url) is None, url
        assert header(place.target.last, "X-Key") == agent.value("NAMED")
    assert send(agent, "c.get(U, headers={'X-Key': S('NAMED')})", U=f"http://[::1]:{place.six.port}/") is None
    assert header(place.six.last, "X-Key") == agent.value("NAMED")
    place.six.connections = 0
    before = len(place.target.requests)
    for url in (f"http://other.test:{port}/", f"http://shop.test.evil.test:{port}/", f"http://bucher.test:{port}/"):
        failure = send(agent, "c.get(U, headers={'X-Key': S('NAMED')})", U=url)
        assert failure is not None
        assert "[NAMED] was not sent" in failure
    assert len(place.target.requests) == before


def test_a_secret_in_the_host_or_the_method_is_refused(agent: Agent, place: Place) -> None:
    before = len(place.target.requests)
    failure = send(agent, "c.get(f'http://{S(\"KEY\")}.test:{P}/')", P=place.target.port)
    assert failure is not None
    assert "[KEY] was not sent" in failure
    assert "it stands in the host" in failure
    failure = send(agent, "c.request(S('KEY'), '/')")
    assert failure is not None
    assert "[KEY] was not sent" in failure
    assert "the method" in failure
    failure = send(agent, "c.get('/', headers={S('KEY'): 'x'})")
    assert failure is not None
    assert "in the name of a header field" in failure
    assert len(place.target.requests) == before


@pytest.mark.parametrize(
    ("code", "name", "where"),
    [
        ("c.get('/', headers={'X-Key': S(N)})", "BEARER", "header:x-key"),
        ("c.get('/', params={'a': S(N)})", "BEARER", "query:a"),
        ("c.post('/', json={'a': S(N)})", "BEARER", "body:a"),
        ("c.get('/' + S(N))", "BEARER", "path"),
        ("c.get('/', headers={'Cookie': 'a=' + S(N)})", "BEARER", "cookie:a"),
        ("c.get('/', headers={'Authorization': S(N)})", "FIELD", "header:authorization"),
        ("c.get('/', auth=('ann', S(N)))", "FIELD", "basic"),
        ("c.post('/', data={'user': S(N)})", "FIELD", "body:user"),
        ("c.post('/', json={'password': 1, 'user': S(N)})", "FIELD", "body:user"),
        ("c.get('/?tokens=' + S(N))", "FIELD", "query:tokens"),
        ("c.post('/', data=S(N))", "FIELD", "body"),
    ],
)
def test_places_are_enforced(agent: Agent, place: Place, code: str, name: str, where: str) -> None:
    before = len(place.target.requests)
    failure = send(agent, code, N=name)
    assert failure is not None
    assert f"[{name}] was not sent to {place.target.origin}: it may stand in" in failure
    assert f'add "{where}" to `places` under [secrets.{name}]' in failure
    assert len(place.target.requests) == before


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("c.get('/', headers={'Authorization': 'Bearer ' + S(N)})", "BEARER"),
        ("c.get('/', headers={'authorization': S(N)})", "BEARER"),
        ("c.get('/', auth=('ann', S(N)))", "BEARER"),
        ("c.post('/', data={'password': S(N)})", "FIELD"),
        ("c.post('/', json={'user': {'password': S(N)}})", "FIELD"),
        ("c.get('/?a=1&token=' + S(N))", "FIELD"),
        ("c.get('/a/' + S(N) + '/b')", "FIELD"),
        ("c.get('/', headers={'Cookie': 'a=1; sid=' + S(N)})", "FIELD"),
        ("c.post('/', files={'password': (None, S(N))})", "FIELD"),
    ],
)
def test_places_are_granted(agent: Agent, place: Place, code: str, name: str) -> None:
    assert send(agent, code, N=name) is None
    value = agent.value(name).encode()
    raw = place.target.last.raw
    assert value in raw or base64.b64encode(b"ann:" + value) in raw


#: What sends a request with the secret named N to the URL U; raises when it fails.
OTHERS = {
    "requests": "import requests; r = requests.get(U, headers={'X-Key': S(N)})",
    "requests, session": "import requests; s = requests.Session(); s.headers['X-Key'] = S(N); r = s.get(U)",
    "requests, own adapter": """
        import requests
        from requests.adapters import HTTPAdapter
        s = requests.Session(); s.mount('http://', type('Own', (HTTPAdapter,), {})())
        r = s.get(U, headers={'X-Key': S(N)})
    """,
    "urllib3": "import urllib3; urllib3.PoolManager().request('GET', U, headers={'X-Key': S(N)})",
    "urllib3, pool": """
        import urllib3; from urllib.parse import urlsplit
        u = urlsplit(U); urllib3.HTTPConnectionPool(u.hostname, u.port).request('GET', '/', headers={'X-Key': S(N)})
    """,
    "urllib3, connection": """
        import urllib3.connection; from urllib.parse import urlsplit
        u = urlsplit(U); h = urllib3.connection.HTTPConnection(u.hostname, u.port)
        h.request('GET', '/', headers={'X-Key': S(N)}); h.getresponse()
    """,
    "geventhttpclient": """
        from geventhttpclient import HTTPClient
        HTTPClient.from_url(U).get('/', headers={'X-Key': S(N)})
    """,
    "geventhttpclient, no headers": """
        from geventhttpclient import HTTPClient
        HTTPClient.from_url(U).get('?X-Key=' + S(N))
    """,
    "urllib3, no headers": "import urllib3; urllib3.PoolManager().request('GET', U + '?X-Key=' + S(N))",
    "urllib.request": """
        import urllib.request
        urllib.request.urlopen(urllib.request.Request(U, headers={'X-Key': S(N)})).read()
    """,
    "http.client": """
        import http.client; from urllib.parse import urlsplit
        u = urlsplit(U); h = http.client.HTTPConnection(u.hostname, u.port)
        h.request('GET', '/', headers={'X-Key': S(N)}); h.getresponse().read()
    """,
    "http.client, step by step": """
        import http.client; from urllib.parse import urlsplit
        u = urlsplit(U); h = http.client.HTTPConnection(u.hostname, u.port)
        h.putrequest('GET', '/'); h.putheader('X-Key', S(N)); h.endheaders(); h.getresponse().read()
    """,
}


@pytest.mark.parametrize("library", OTHERS)
def test_other_clients_in_the_same_process(agent: Agent, place: Place, library: str) -> None:
    before = len(place.target.requests)
    agent.do(OTHERS[library], N="KEY", U=place.target.origin + "/")
    assert len(place.target.requests) == before + 1
    assert agent.value("KEY") in (header(place.target.last, "X-Key"), place.target.last.target.partition("=")[2])
    outcome = unconnected(
        place.other,
        lambda: agent.do(
            "try:\n" + _indented(OTHERS[library]) + "\nexcept Exception as error: result = str(error)",
            N="KEY",
            U=place.other.origin + "/",
        ),
    )
    assert isinstance(outcome, str)
    assert f"[KEY] was not sent to {place.other.origin}: the secret is bound to" in outcome


def _indented(code: str) -> str:
    import textwrap

    return textwrap.indent(textwrap.dedent(code).strip(), "    ")


def test_http_client_fills_bodies_too(agent: Agent, place: Place) -> None:
    agent.do(
        """
        import urllib.request, xmlrpc.client
        body = json.dumps({'k': S('KEY'), 'q': '"'}).encode()
        request = urllib.request.Request(U, body, {'Content-Type': 'application/json'})
        urllib.request.urlopen(request).read()
        """,
        U=place.target.origin,
    )
    assert place.target.last.body == b'{"k": "%s", "q": "\\""}' % agent.value("KEY").encode()
    agent.do(
        """
        try: xmlrpc.client.ServerProxy(U).login('ann', str(S('KEY')))
        except Exception as error: result = repr(error)
        """,
        U=place.target.origin,
    )
    assert f"<string>{agent.value('KEY')}</string>".encode() in place.target.last.body


def test_a_refusal_is_no_broken_connection(agent: Agent, place: Place) -> None:
    """urllib3 would try again what is refused, and would say that a connection was aborted."""
    result = agent.do(
        """
        import urllib3
        tried = []
        class Counting(urllib3.Retry):
            def increment(self, *args, **options):
                tried.append(args)
                return super().increment(*args, **options)
        result = []
        for options in ({}, {"body": "a" * 99}, {"body": S("KEY")}):
            try: urllib3.PoolManager(retries=Counting(3)).request("POST", U, headers={"X-Key": S("KEY")}, **options)
            except Exception as error:
                result.append([type(error).__name__, str(error), repr(error.__context__), len(tried)])
        """,
        U=place.other.origin + "/",
    )
    for name, message, context, tried in result:
        assert (name, context, tried) == ("SecretRefused", "None", 0)
        assert message.startswith("[KEY] was not sent to " + place.other.origin)
    assert not place.other.requests


def test_what_is_filled_by_nobody_is_refused_at_the_socket(agent: Agent, place: Place) -> None:
    for code in (
        "s.sendall(f'GET / HTTP/1.1\\r\\nX-Key: {S(\"KEY\")}\\r\\n\\r\\n'.encode())",
        "s.send(S('KEY').encode())",
        "s.sendall(memoryview(S('KEY').encode()))",
        "f = s.makefile('wb', buffering=0); f.write(S('KEY').encode())",
        "s.sendmsg([S('KEY').encode()[:9], S('KEY').encode()[9:]])",
    ):
        message = agent.do(
            f"import socket; s = socket.create_connection(('127.0.0.1', P))\n"
            f"try: {code}\nexcept Exception as error: result = str(error)\nfinally: s.close()",
            P=place.target.port,
        )
        assert message is not None, code
        assert f"[KEY] was not sent to 127.0.0.1:{place.target.port}: its placeholder was about to leave" in message
    # A library that does not mind, as httpx does not, is not left waiting, and the reason is in the log.
    code = """
        import contextlib, socket
        s = socket.create_connection(('127.0.0.1', P), timeout=9)
        with contextlib.suppress(OSError):
            s.sendall(S('KEY').encode())
        result = [s.recv(9).decode()]
    """
    assert agent.do(code, P=place.target.port) == [""]
    assert f"ERROR/tegmen: [KEY] was not sent to 127.0.0.1:{place.target.port}: its placeholder" in agent.output
    # Nothing against what holds none, and what stays on this machine.
    agent.do(
        """
        import socket
        one, two = socket.socketpair()
        one.sendall(S('KEY').encode())
        assert two.recv(99) == S('KEY').encode()
        """
    )


def test_proxies_that_read_the_request_have_to_be_bound(agent: Agent, place: Place) -> None:
    proxy = place.proxy.origin
    if agent.is_fast:
        through = """
            from locust.contrib.fasthttp import FastHttpSession
            p = FastHttpSession(T0, environment.events.request, user, proxy_host='127.0.0.1', proxy_port=P)
            r = p.get('/x', headers={'X-Key': S(N)}); result = str(r.error) if getattr(r, 'error', None) else None
        """
    else:
        through = """
            r = c.get('/x', headers={'X-Key': S(N)}, proxies={'http': f'http://127.0.0.1:{P}'})
            result = str(r.error) if r.error else None
        """
    names = {"P": place.proxy.port, "T0": place.target.origin}
    refused = unconnected(place.proxy, lambda: agent.do(through, N="KEY", **names))
    assert isinstance(refused, str)
    assert f"[KEY] was not sent to {proxy}: this proxy would read the request" in refused
    assert agent.do(through, N="BOTH", **names) is None
    assert place.proxy.last.target == f"{place.target.origin}/x"
    assert header(place.proxy.last, "X-Key") == agent.value("BOTH")
    # The destination counts as well.
    refused = agent.do(through, N="PROXY", **names)
    assert refused is not None
    assert f"[PROXY] was not sent to {place.target.origin}" in refused
    place.proxy.connections = 0


def test_the_password_of_a_proxy_goes_to_the_proxy(agent: Agent, place: Place) -> None:
    proxy, target = place.proxy.port, place.target.origin
    expected = "Basic " + base64.b64encode(f"ann:{agent.value('PROXY')}".encode()).decode()
    if agent.is_fast:
        session = """
            from geventhttpclient import HTTPClient
            o = {'proxy_host': '127.0.0.1', 'proxy_port': P, 'proxy_user': 'ann', 'proxy_password': S('PROXY')}
            HTTPClient.from_url(U, **o).get('/x')
        """
    else:
        session = "c.get(U + '/x', proxies={'http': B, 'https': B}, verify=False)"
        session = f"B = f'http://ann:{{S(\"PROXY\")}}@127.0.0.1:{{P}}'; {session}"
    agent.do(session, P=proxy, U=target)
    assert place.proxy.last.header("Proxy-Authorization") == expected
    # CONNECT: what answers there is no tunnel.
    agent.do(
        f"try:\n{_indented(session)}\nexcept Exception as error: result = repr(error)", P=proxy, U="https://shop.test"
    )
    assert place.proxy.last.method == "CONNECT"
    assert place.proxy.last.header("Proxy-Authorization") == expected
    place.proxy.connections = 0


MODULE = """
import requests
r = requests.post(os.environ.get("TO"), json={"key": os.environ["KEY"]})
early = r.status_code
"""


@pytest.mark.parametrize("way", ["--host", "-H", "LOCUST_HOST", "locust.conf", "pyproject.toml", "class"])
def test_the_target_of_the_test(tmp_path: Path, tegmen_bin: Path, place: Place, way: str) -> None:
    """The default for `hosts`, wherever Locust takes it from."""
    folder, host = tmp_path / "project", place.target.origin
    folder.mkdir()
    value = f"key-{mark()}"
    if way == "locust.conf":
        (folder / "locust.conf").write_text(f"host = {host}\n")
    if way == "pyproject.toml":
        (folder / "pyproject.toml").write_text(f'[tool.locust]\nhost = "{host}"\n')
    agent = Agent.start(
        folder,
        tegmen_bin,
        "FastHttpUser" if way in ("--host", "class") else "HttpUser",
        {"KEY": value},
        host=None,
        head="import os, sys\n" + ("early = 200" if way == "class" else MODULE),
        body=f'host = "{host}"' if way == "class" else "",
        env={"TO": host} | ({"LOCUST_HOST": host} if way == "LOCUST_HOST" else {}),
        locust=("--headless", "-u", "1", "-r", "1", *((way, host) if way.startswith("-") else ())),
    )
    try:
        assert agent.do("result = early") == 200, "a request at import"
        assert send(agent, "c.get('/', headers={'X-Key': S('KEY')})") is None
        assert header(place.target.last, "X-Key") == value
        refused = unconnected(
            place.other, lambda: send(agent, "c.get(U, headers={'X-Key': S('KEY')})", U=place.other.origin)
        )
        assert isinstance(refused, str)
        assert "[KEY] was not sent" in refused
    finally:
        agent.stop()


@pytest.mark.parametrize("user", USERS)
def test_a_package_that_is_not_installed_but_on_the_path_protects_too(
    tmp_path: Path, tegmen_bin: Path, place: Place, user: str
) -> None:
    """`pip install --target`: no .pth file is read there."""
    venv.create(tmp_path / "venv", symlinks=True)
    value = f"key-{mark()}"
    agent = Agent.start(
        tmp_path / "project",
        tegmen_bin,
        user,
        {"KEY": value},
        host=None,
        env={"PYTHONPATH": sysconfig.get_path("platlib")},
        command=[tmp_path / "venv/bin/python", BIN / "locust", "--headless", "-u", "1", "--host", place.target.origin],
    )
    try:
        assert send(agent, "c.get('/', headers={'X-Key': S('KEY')})") is None
        assert header(place.target.last, "X-Key") == value
    finally:
        agent.stop()


@pytest.mark.parametrize("user", USERS)
def test_a_secret_in_the_address_of_the_target(tmp_path: Path, tegmen_bin: Path, place: Place, user: str) -> None:
    """Credentials, or a key in the path."""
    password, key = f"p@ss/{mark()}", f"k3y{mark()}"
    address = f"127.0.0.1:{place.target.port}"
    agent = Agent.start(
        tmp_path / "project",
        tegmen_bin,
        user,
        {"BASE_URL": f"http://ann:{quote(password, safe='')}@{address}", "OTHER_URL": f"http://{address}/hooks/{key}"},
        host=None,
        head="import os",
        body="host = os.environ['BASE_URL']",
    )
    try:
        assert send(agent, "c.get('/x')") is None
        expected = "Basic " + base64.b64encode(f"ann:{password}".encode()).decode()
        assert place.target.last.header("Authorization") == expected
        assert send(agent, "c.post(S('OTHER_URL') + '/x', json={'a': 1})") is None
        assert place.target.last.target == f"/hooks/{key}/x"
    finally:
        output = agent.stop()
    for value in (password, quote(password, safe=""), key):
        assert not found(value, output)


def test_run_single_user(tmp_path: Path, tegmen_bin: Path, place: Place) -> None:
    value = f"key-{mark()}"
    agent = Agent.start(
        tmp_path / "project",
        tegmen_bin,
        "HttpUser",
        {"KEY": value},
        host=None,
        head="import sys",
        body=f'host = "{place.target.origin}"',
        command=["python", "-c", "import locust, locustfile; locust.run_single_user(locustfile.Agent)"],
    )
    try:
        assert send(agent, "c.get('/', headers={'X-Key': S('KEY')})") is None
        assert header(place.target.last, "X-Key") == value
    finally:
        agent.process.kill()
        agent.stop()


LOCUSTFILE = """
import os
from locust import HttpUser, FastHttpUser, constant, task

class Shopper({user}):
    wait_time = constant(0.1)

    @task
    def get(self):
        self.client.get("/", headers={{"X-Key": os.environ["API_KEY"]}})
"""


@pytest.mark.parametrize("user", USERS)
def test_another_host_in_the_web_ui_gets_nothing(project: Project, place: Place, user: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    project.write("locustfile.py", LOCUSTFILE.format(user=user))
    key = f"key-{mark()}"
    process = subprocess.Popen(
        [
            project.tegmen,
            "run",
            "--",
            BIN / "locust",
            "--host",
            place.target.origin,
            "--web-host=127.0.0.1",
            "-P",
            str(port),
        ],
        cwd=project.path,
        env=clean_environment(project.path, {"API_KEY": key}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ui = requests.Session()
    ui.mount("http://", HTTPAdapter(max_retries=Retry(connect=8, backoff_factor=0.1)))

    def swarm(host: str) -> None:
        data = {"user_count": 1, "spawn_rate": 1, "host": host}
        ui.post(f"http://127.0.0.1:{port}/swarm", data=data, timeout=10).raise_for_status()

    def errors() -> list[str]:
        stats = ui.get(f"http://127.0.0.1:{port}/stats/requests", timeout=10).json()
        return [error["error"] for error in stats["errors"]]

    def wait_for(what: Callable[[], object]) -> None:
        for _ in range(100):
            if what():
                return
            time.sleep(0.1)
        raise AssertionError("waited in vain")

    try:
        swarm(place.target.origin)
        wait_for(lambda: header(place.target.last, "X-Key") == key)
        assert errors() == []
        ui.post(f"http://127.0.0.1:{port}/stop", timeout=10).raise_for_status()
        before = place.other.connections
        swarm(place.other.origin)
        wait_for(errors)
        (error,) = errors()
        assert place.other.connections == before
        assert f"[API_KEY] was not sent to {place.other.origin}" in error
        assert f"the test's own target, {place.target.origin}" in error
        assert f"add to `tegmen run`: --hosts {place.target.origin} --hosts {place.other.origin}" in error
    finally:
        ui.close()
        process.terminate()
        process.wait(15)
