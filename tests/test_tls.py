"""A request with a secret goes to a destination whose certificate is verified, whatever the script says; one without a
secret keeps the script's own ways.
"""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from support.agent import Agent, Secret
from support.server import Server
from support.values import header, mark

#: Where no secret may go over an unverified connection, FastHttpUser sends them by a client of its own.
STRICT = "FastHttpUser, all verified"
USERS = ("HttpUser", "FastHttpUser", STRICT)
SECRETS = {"KEY": f"key-{mark()}", "LAX": Secret(f"lax-{mark()}", 'tls = "unverified"')}

#: `O`: what makes the client not look at certificates; FastHttpUser never does.
HEAD = """
import gzip
import ssl as plain_ssl
import gevent.ssl
O = {"verify": False} if @HTTP@ else {}
"""


def context(ca: trustme.CA, *names: str, client_ca: trustme.CA | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(made)
    if client_ca is not None:
        client_ca.configure_trust(made)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


@pytest.fixture(scope="module")
def right(ca: trustme.CA) -> Iterator[Server]:
    """Its certificate is good for its name, and signed by `ca`."""
    with Server(context(ca, "localhost")) as server:
        yield server


@pytest.fixture(scope="module")
def wrong(ca: trustme.CA) -> Iterator[Server]:
    """Its certificate is somebody else's."""
    with Server(context(ca, "other.example")) as server:
        yield server


@pytest.fixture(scope="module")
def mutual(ca: trustme.CA) -> Iterator[Server]:
    """Wants a certificate of its client."""
    with Server(context(ca, "localhost", client_ca=ca)) as server:
        yield server


def started(folder: Path, tegmen: Path, user: str, host: str, servers: list[Server], **env: str) -> Agent:
    hosts = ", ".join(f'"localhost:{server.port}"' for server in servers)
    secrets: dict[str, Secret | str | bytes] = {}
    user, is_strict = user.partition(",")[0], user == STRICT
    for name, secret in SECRETS.items():
        if is_strict and name == "LAX":
            continue
        one = secret if isinstance(secret, Secret) else Secret(secret)
        secrets[name] = Secret(one.value, f"{one.rules}\nhosts = [{hosts}]")
    head = HEAD.replace("@HTTP@", str(user == "HttpUser"))
    return Agent.start(folder, tegmen, user, secrets, host=host, head=head, env=env)


@pytest.fixture(scope="module", params=USERS)
def stranger(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tegmen_bin: Path,
    right: Server,
    wrong: Server,
) -> Iterator[Agent]:
    """Does not know the authority."""
    folder = tmp_path_factory.mktemp(request.param) / "project"
    agent = started(folder, tegmen_bin, request.param, right.origin, [right, wrong])
    yield agent
    agent.stop()


@pytest.fixture(scope="module", params=USERS)
def friend(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tegmen_bin: Path,
    right: Server,
    wrong: Server,
    mutual: Server,
    ca: trustme.CA,
    ca_file: Path,
) -> Iterator[Agent]:
    """Knows it, from the environment."""
    folder = tmp_path_factory.mktemp(request.param) / "project"
    folder.mkdir()
    certificate = ca.issue_cert("client@example.com")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    servers = [right, wrong, mutual]
    agent = started(folder, tegmen_bin, request.param, right.origin, servers, SSL_CERT_FILE=str(ca_file))
    yield agent
    agent.stop()


def send(agent: Agent, code: str, **names: object) -> str | None:
    """Sends a request; gives the failure as Locust reports it."""
    result = agent.do(f"r = {code}; result = reported[-1][1]", **names)
    assert result is None or isinstance(result, str)
    return result


WITH = "c.get(U + '/', headers={'X-Key': S(N)}, **O)"
WITHOUT = "c.get(U + '/', **O)"


def refused(agent: Agent, server: Server, code: str = WITH, name: str = "KEY") -> None:
    before = len(server.requests)
    failure = send(agent, code, N=name, U=server.origin)
    assert failure is not None
    assert f"[{name}] was not sent to {server.origin}: its certificate cannot be verified" in failure
    assert "Set SSL_CERT_FILE to the authority that signed it" in failure
    assert f'write tls = "unverified" under [secrets.{name}]' in failure
    assert len(server.requests) == before


def test_an_unknown_authority_is_refused(stranger: Agent, right: Server) -> None:
    refused(stranger, right)
    for code in (
        "c.post(U + '/', json={'k': S(N)}, **O)",
        "c.post(U + '/', data=iter([S(N).encode()]), headers=T('text/plain'), **O)",
        "c.post(U + '/', data=io.BytesIO(S(N).encode()), headers=T('text/plain'), **O)",
    ):
        refused(stranger, right, code)


def test_a_connection_that_is_open_already_is_not_used(stranger: Agent, right: Server) -> None:
    """It was opened without a look at the certificate, for requests without a secret: those stay as they are."""
    assert send(stranger, WITHOUT, U=right.origin) is None
    refused(stranger, right)
    connections = right.connections
    assert send(stranger, WITHOUT, U=right.origin) is None
    assert right.connections == connections, "it is still the same"


def test_what_might_hide_a_secret_and_hides_none_goes_as_the_script_says(stranger: Agent, right: Server) -> None:
    packed = "c.post(U + '/', data=gzip.compress(b'abc'), headers={'Content-Encoding': 'gzip'}, **O)"
    for _ in range(2):
        assert send(stranger, packed, U=right.origin) is None
        assert gzip.decompress(right.last.body) == b"abc"


def lax(agent: Agent) -> None:
    if "LAX" not in agent.secrets:
        pytest.skip("all secrets are for verified connections only")


def test_a_secret_may_opt_out(stranger: Agent, right: Server, wrong: Server) -> None:
    lax(stranger)
    for server in (right, wrong):
        assert send(stranger, WITH, N="LAX", U=server.origin) is None
        assert header(server.last, "X-Key") == stranger.value("LAX")
    # All in the request have to.
    both = "c.get(U + '/', headers={'X-Key': S(N), 'X-Lax': S('LAX')}, **O)"
    before = len(right.requests)
    failure = send(stranger, both, N="KEY", U=right.origin)
    assert failure is not None
    assert "was not sent" in failure
    assert len(right.requests) == before


def test_a_script_that_verifies_fails_as_before(stranger: Agent, right: Server) -> None:
    if stranger.is_fast:
        pytest.skip("FastHttpUser does not verify")
    before = len(right.requests)
    for headers in ("{}", "{'X-Key': S('KEY')}", "{'X-Key': S('LAX')}"):
        failure = send(stranger, f"c.get('/', headers={headers})")
        assert failure is not None
        assert "certificate verify failed" in failure.lower()
    assert len(right.requests) == before


def test_a_known_authority_will_do(friend: Agent, right: Server) -> None:
    connections = right.connections
    for _ in range(3):
        assert send(friend, WITH, N="KEY", U=right.origin) is None
        assert header(right.last, "X-Key") == friend.value("KEY")
    assert right.connections == connections + 1, "a verified connection is kept"


def test_another_name_in_the_certificate_is_refused(friend: Agent, wrong: Server) -> None:
    assert send(friend, WITHOUT, U=wrong.origin) is None
    refused(friend, wrong)


def test_a_host_header_does_not_say_whom_to_expect(friend: Agent, wrong: Server) -> None:
    """geventhttpclient takes the name for the certificate from there."""
    if friend.is_fast:
        session = """
            from geventhttpclient import HTTPClient
            o = {'headers': {'host': 'other.example'}, 'ssl_context_factory': gevent.ssl.create_default_context}
            h = HTTPClient.from_url(U, **o)
            assert h.get('/').status_code == 200
            try: h.get('/', headers={'X-Key': S('KEY')})
            except Exception as error: result = str(error)
        """
    else:
        session = """
            from requests.adapters import HTTPAdapter
            class Other(HTTPAdapter):
                def init_poolmanager(self, *args, **options):
                    super().init_poolmanager(*args, **options, assert_hostname='other.example')
            c.mount('https://', Other())
            a = os.environ['SSL_CERT_FILE']
            assert c.get(U, verify=a).status_code == 200
            r = c.get(U, headers={'X-Key': S('KEY')}, verify=a); result = reported[-1][1]
        """
    before = len(wrong.requests)
    failure = friend.do(session, U=wrong.origin)
    assert failure is not None
    assert "[KEY] was not sent" in failure
    assert "its certificate cannot be verified" in failure
    assert len(wrong.requests) == before + 1


def test_a_client_certificate_is_shown_on_verified_connections_too(friend: Agent, mutual: Server) -> None:
    if friend.is_fast:
        code = """
            from locust.contrib.fasthttp import FastHttpSession
            def factory(**options):
                made = gevent.ssl._create_unverified_context()
                made.load_cert_chain('client.pem')
                return made
            s = FastHttpSession(U, environment.events.request, user, ssl_context_factory=factory)
            for headers in ({}, {'X-Key': S('KEY')}):
                r = s.get('/', headers=headers); assert r.status_code == 200, r.error
        """
    else:
        code = """
            for headers in ({}, {'X-Key': S('KEY')}):
                r = c.get(U, headers=headers, cert='client.pem', verify=False); assert r.status_code == 200, r.error
        """
    friend.do(code, U=mutual.origin)
    assert header(mutual.last, "X-Key") == friend.value("KEY")


#: What sends the secret named N to U without a look at the certificate.
OTHERS = {
    "requests": "import requests; requests.get(U, headers={'X-Key': S(N)}, verify=False)",
    "urllib3": """
        import urllib3
        urllib3.PoolManager(cert_reqs='CERT_NONE', retries=0).request('GET', U, headers={'X-Key': S(N)})
    """,
    "urllib3, own context": """
        import urllib3
        x = plain_ssl.create_default_context(); x.check_hostname = False; x.verify_mode = plain_ssl.CERT_NONE
        urllib3.PoolManager(ssl_context=x, retries=0).request('GET', U, headers={'X-Key': S(N)})
    """,
    "urllib3, any name": """
        import urllib3
        o = {'ca_certs': os.environ.get('SSL_CERT_FILE'), 'assert_hostname': False, 'retries': 0}
        urllib3.PoolManager(**o).request('GET', U, headers={'X-Key': S(N)})
    """,
    "urllib3, connection": """
        import urllib3.connection; from urllib.parse import urlsplit
        u = urlsplit(U); h = urllib3.connection.HTTPSConnection(u.hostname, u.port, cert_reqs='CERT_NONE')
        h.request('GET', '/', headers={'X-Key': S(N)}); h.getresponse()
    """,
    "http.client": """
        import http.client; from urllib.parse import urlsplit
        u = urlsplit(U); x = plain_ssl._create_unverified_context()
        h = http.client.HTTPSConnection(u.hostname, u.port, context=x)
        h.request('GET', '/', headers={'X-Key': S(N)}); h.getresponse().read()
    """,
    "urllib.request": """
        import urllib.request
        x = plain_ssl._create_unverified_context()
        urllib.request.urlopen(urllib.request.Request(U, headers={'X-Key': S(N)}), context=x).read()
    """,
}


@pytest.mark.parametrize("library", OTHERS)
def test_other_clients_do_not_get_round_it(friend: Agent, wrong: Server, library: str) -> None:
    before = len(wrong.requests)
    friend.do("import textwrap, warnings; warnings.simplefilter('ignore')")
    run = "exec(textwrap.dedent(P), globals())"
    failure = friend.do(
        f"try: {run}\nexcept Exception as error: result = str(error)", P=OTHERS[library], N="KEY", U=wrong.origin
    )
    assert failure is not None
    assert f"[KEY] was not sent to {wrong.origin}" in failure
    assert 'write tls = "unverified" under [secrets.KEY]' in failure
    assert len(wrong.requests) == before
    lax(friend)
    friend.do(run, P=OTHERS[library], N="LAX", U=wrong.origin)
    assert header(wrong.last, "X-Key") == friend.value("LAX")
