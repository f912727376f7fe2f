"""The users for other protocols that come with Locust (`locust.contrib`), and `aiohttp`, each against a server.

The value arrives where the protocol has a place for it; else the placeholder is refused, and a revealed value works and
comes out nowhere.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from demo.forms import found
from support.mongo import USER, Mongo
from support.run import BIN, Result, clean_environment, free_port
from support.server import Request, Response, Server
from support.web import wait_for

HEAD = """
import os
import gevent
from locust import User, constant, events, task
from tegmen import SecretRefused, secret
KEY = os.environ["NAME"]

@events.request.add_listener
def tell(request_type, name, exception=None, response=None, **_):
    print("told:", request_type, name, repr(exception), response)

@events.test_start.add_listener
def end_at_some_time(environment, **_):
    gevent.spawn_later(10, environment.runner.quit)
"""

USER_CLASS = """
class Shopper({base}):
    wait_time = constant(60)
{settings}

    @task
    def once(self):
        try:
{body}
        finally:
            gevent.spawn_later(0.2, self.environment.runner.quit)
"""


def indented(text: str, by: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * by)


def locust(
    project: Project,
    imports: str,
    base: str,
    settings: str,
    body: str,
    *hosts: str,
    value: str,
    name: str = "KEY",
    **env: str,
) -> Result:
    """Runs one task of a user of Locust's; neither output nor files have the value."""
    rest = USER_CLASS.format(base=base, settings=indented(settings, 4), body=indented(body, 12))
    project.write("locustfile.py", HEAD.replace("NAME", name) + textwrap.dedent(imports) + rest)
    options = [text for host in hosts for text in ("--hosts", host)]
    result = project.tegmen_run(
        *("--secret", f"{name}=env:{name}", *options),
        locust=("--csv", "out", "--html", "out.html"),
        env={name: value, **env},
    )
    written = "".join(path.read_text(errors="replace") for path in sorted(project.path.glob("out*")))
    assert not found(value, result.output + written), result.output
    return result


# MongoDB


@pytest.fixture(scope="module")
def mongo() -> Iterator[Mongo]:
    with Mongo.start() as server:
        yield server


def test_mongodb(project: Project, mongo: Mongo) -> None:
    result = locust(
        project,
        "from locust.contrib.mongodb import MongoDBUser",
        "MongoDBUser",
        f"""
        conn_string = f"mongodb://{USER}:{{KEY}}@127.0.0.1:{mongo.port}/?authSource=admin"
        db_name = "shop"
        """,
        """
        self.client.execute_query("orders", {"sku": 7})
        print("there are", self.client.db.orders.count_documents({}))
        # What is stored is no credential: there the value is not put in.
        try:
            self.client.db.orders.insert_one({"key": KEY})
        except Exception as error:
            print("not stored:", error)
        self.client.db.orders.insert_one({"key": secret("KEY").reveal()})
        print("stored:", self.client.db.orders.find_one({"key": secret("KEY").reveal()}))
        """,
        f"http://127.0.0.1:{mongo.port}",
        value=mongo.password,
    )
    assert "told: MONGODB QUERY None" in result.stdout and "there are 1" in result.stdout, result.output
    assert "[KEY] was not sent to 127.0.0.1" in result.stdout.partition("not stored: ")[2]
    assert "'key': '[KEY]'" in result.stdout.partition("stored: {")[2]


def test_mongodb_elsewhere_or_with_another_password(project: Project, mongo: Mongo) -> None:
    script = f"""
        import os, traceback
        import pymongo
        from tegmen import SecretRefused
        KEY = os.environ["KEY"]

        def ask(host, password):
            with pymongo.MongoClient(host, {mongo.port}, username="{USER}", password=password, authSource="admin",
                                     serverSelectionTimeoutMS=5000) as client:
                return client.shop.orders.count_documents({{}})

        print("with the value", ask("127.0.0.1", KEY))
        try:
            ask("localhost", KEY)
        except SecretRefused as error:
            print("refused:", error)
        try:
            ask("127.0.0.1", KEY + "?")
        except pymongo.errors.OperationFailure as error:
            trace = error.__traceback__
            while trace:
                assert os.environ["WANTED"][::-1] not in repr(trace.tb_frame.f_locals), trace.tb_frame
                trace = trace.tb_next
            print("another one:", error)

        import asyncio

        async def main():
            async with pymongo.AsyncMongoClient(
                f"mongodb://{USER}:{{KEY}}@127.0.0.1:{mongo.port}/?authSource=admin"
            ) as client:
                print("and async", (await client.shop.orders.find_one({{"sku": 7}}))["note"])

        asyncio.run(main())
    """
    project.write("script.py", script)
    command = ("--hosts", f"http://127.0.0.1:{mongo.port}", "--", BIN / "python", "script.py")
    env = {"KEY": mongo.password, "WANTED": mongo.password[::-1]}
    result = project.run(project.tegmen, "run", "--secret", "KEY=env:KEY", *command, env=env).check()
    assert "with the value " in result.stdout and "and async one order" in result.stdout
    assert f"refused: [KEY] was not sent to http://localhost:{mongo.port}" in result.stdout
    assert "another one: authentication failed" in result.stdout
    assert mongo.password not in result.output


def test_mongodb_takes_a_user_name_as_vault_lends_it(project: Project, mongo: Mongo) -> None:
    project.write(
        "script.py",
        f"""
        import asyncio, gc, os
        import pymongo
        USER, KEY = os.environ["DB_USER"], os.environ["KEY"]
        assert USER != os.environ["WANTED"][::-1]
        uri = f"mongodb://{{USER}}:{{KEY}}@127.0.0.1:{mongo.port}/?authSource=admin"

        def ask(**options):
            with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000, **options) as client:
                note = client.shop.orders.find_one({{"sku": 7}})["note"]
                # What a connection keeps of its login is not the password.
                kept = [one for one in gc.get_objects() if type(one).__name__ == "MongoCredential"]
                assert kept and not [one for one in kept if one.password == os.environ["WANTED_TOO"][::-1]]
                return note

        async def ask_async():
            async with pymongo.AsyncMongoClient(uri) as client:
                return (await client.shop.orders.find_one({{"sku": 7}}))["note"]

        # Whether the server says how to log in or the script does, which then logs in with the greeting.
        print("found:", ask(), ask(authMechanism="SCRAM-SHA-256"), asyncio.run(ask_async()))
        try:
            uri = uri.replace(KEY, "wrong")
            ask()
        except pymongo.errors.OperationFailure as error:
            trace = error.__traceback__
            while trace:
                assert os.environ["WANTED"][::-1] not in repr(trace.tb_frame.f_locals), trace.tb_frame
                trace = trace.tb_next
            print("not let in:", error)
        """,
    )
    secrets_of_it = ("--secret", "KEY=env:KEY", "--secret", "DB_USER=env:DB_USER")
    command = ("--hosts", f"http://127.0.0.1:{mongo.port}", "--", BIN / "python", "script.py")
    env = {"KEY": mongo.password, "DB_USER": USER, "WANTED": USER[::-1], "WANTED_TOO": mongo.password[::-1]}
    result = project.run(project.tegmen, "run", *secrets_of_it, *command, env=env).check()
    assert "found: one order one order one order" in result.stdout
    assert "not let in: " in result.stdout
    assert not found(mongo.password, result.output) and not found(USER, result.output)


# Milvus


@pytest.fixture(scope="module")
def milvus_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Milvus Lite. It takes any token."""
    port, folder = free_port(), tmp_path_factory.mktemp("milvus")
    command = [BIN / "milvus-lite", "server", "--data-dir", folder / "data", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment(folder, {"PYTHONUNBUFFERED": "1"}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: "listening" in (folder / "log").read_text(), (folder / "log").read_text)
        yield port
    finally:
        process.terminate()
        process.wait(30)


MILVUS = """
from pymilvus import MilvusClient
from locust.contrib.milvus import MilvusUser
"""


def test_milvus_with_a_placeholder_is_refused(project: Project, milvus_port: int) -> None:
    value = secrets.token_hex(12)
    settings = f"""
        def __init__(self, environment):
            super().__init__(environment, uri="http://127.0.0.1:{milvus_port}", token=f"root:{{KEY}}", timeout=5)
    """
    # It logs in as it is made.
    body = "pass"
    result = locust(project, MILVUS, "MilvusUser", settings, body, f"http://127.0.0.1:{milvus_port}", value=value)
    assert (
        "[KEY] was not sent: its placeholder stands in the metadata `authorization` of a gRPC call" in result.output
    ), result.output
    assert "Hand over secret('KEY').reveal()" in result.output


def test_milvus_with_the_value(project: Project, milvus_port: int) -> None:
    settings = f"""
        def __init__(self, environment):
            token = "root:" + secret("KEY").reveal()
            super().__init__(
                environment, uri="http://127.0.0.1:{milvus_port}", token=token, collection_name="shop", timeout=20
            )
            self.client.client.create_collection("shop", dimension=2)
    """
    body = """
        print("inserted", self.insert([{"id": 1, "vector": [0.1, 0.2], "note": secret("KEY").reveal()}])["result"])
        print("found", self.query("id == 1", ["note"])["result"])
        self.query(f"note == '{secret('KEY').reveal()}' and", ["note"])
    """
    result = locust(
        project,
        *(MILVUS, "MilvusUser", settings, body, f"http://127.0.0.1:{milvus_port}"),
        value=f"s3cr3t-{secrets.token_hex(12)}",
    )
    assert "'insert_count': 1" in result.stdout, result.output
    assert "'note': '[KEY]'" in result.stdout
    assert "told: milvus query" in result.stdout


# DNS


@pytest.fixture
def dns_port() -> Iterator[tuple[int, list[str]]]:
    """A server that answers every question with its own name, and keeps the names."""
    from dnslib import QTYPE, RR, TXT
    from dnslib.server import BaseResolver, DNSLogger, DNSServer

    asked: list[str] = []

    class Names(BaseResolver):
        def resolve(self, request: Any, handler: Any) -> Any:
            asked.append(str(request.q.qname))
            reply = request.reply()
            reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(asked[-1])))
            return reply

    server = DNSServer(Names(), port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply,-truncated,-error"))
    server.start_thread()
    yield server.server.server_address[1], asked
    server.stop()
    server.server.server_close()


def test_dns(project: Project, dns_port: tuple[int, list[str]]) -> None:
    port, asked = dns_port
    value = f"s3cr3t-{secrets.token_hex(12)}"
    body = f"""
        for name in (KEY, secret("KEY").reveal()):
            message = dns.message.make_query(f"{{name}}.example.com", dns.rdatatype.TXT)
            try:
                response = self.client.udp(message, "127.0.0.1", port={port}, timeout=5, name=f"asked {{name}}")
                print("answer:", response.answer[0])
            except SecretRefused as error:
                print("refused:", error)
    """
    result = locust(
        project,
        "import dns.message, dns.rdatatype\nfrom locust.contrib.dns import DNSUser",
        *("DNSUser", "", body, f"http://127.0.0.1:{port}"),
        value=value,
    )
    assert asked == [f"{value}.example.com."], result.output
    assert f"refused: [KEY] was not sent to 127.0.0.1:{port}: its placeholder was about to leave" in result.stdout
    assert 'IN TXT "[KEY].example.com."' in result.stdout
    assert "told: DNS asked [KEY] None" in result.stdout


# Qdrant and OpenAI, over HTTP


def test_qdrant(project: Project, make_server: Callable[..., Server]) -> None:
    def answer(request: Request) -> Response:
        result: object = {"exists": True} if request.target.endswith("/exists") else {"points": []}
        return Response(200, json.dumps({"result": result, "status": "ok", "time": 0.1}).encode())

    server = make_server(respond=answer)
    value = f"s3cr3t-{secrets.token_hex(12)}"
    settings = f"""
        url, api_key, collection_name = "{server.origin}", KEY, "shop"
        client_kwargs = {{"check_compatibility": False}}
    """
    body = """
        print("exists:", self.client.client.collection_exists("shop"))
        self.search([0.1, 0.2])
        self.client.client = QdrantClient("localhost", api_key=KEY, https=False, check_compatibility=False)
        self.search([0.1, 0.2])
        options = {"prefer_grpc": True, "https": False, "check_compatibility": False}
        self.client.client = QdrantClient("127.0.0.1", grpc_port=1, api_key=KEY, **options)
        self.search([0.1, 0.2])
    """
    imports = "from qdrant_client import QdrantClient\nfrom locust.contrib.qdrant import QdrantUser"
    result = locust(project, imports, "QdrantUser", settings, body, server.origin, value=value)
    assert [request.header("api-key") for request in server.requests] == [value, value], result.output
    assert "exists: True" in result.stdout
    assert "[KEY] was not sent to http://localhost:6333" in result.stdout, "by REST"
    assert "stands in the metadata `api-key` of a gRPC call" in result.stdout


def test_openai(project: Project, make_server: Callable[..., Server]) -> None:
    def answer(request: Request) -> Response:
        text = f"you said {json.loads(request.body)['input']} with {request.header('authorization')}"
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
        return Response(200, json.dumps({"id": "r", "object": "response", "output": [message]}).encode())

    server = make_server(respond=answer)
    value = f"s3cr3t-{secrets.token_hex(12)}"
    body = """
        response = self.client.responses.create(model="small", input=f"hello {KEY}")
        print("answer:", response.output_text)
        elsewhere = OpenAI(base_url="http://localhost:1/v1", max_retries=0)
        try:
            elsewhere.responses.create(model="small", input="hello")
        except Exception as error:
            print("refused:", error)
    """
    result = locust(
        project,
        *(
            "from openai import OpenAI\nfrom locust.contrib.oai import OpenAIUser",
            "OpenAIUser",
            "",
            body,
            server.origin,
        ),
        value=value,
        name="OPENAI_API_KEY",
        OPENAI_BASE_URL=f"{server.origin}/v1",
    )
    assert [request.header("authorization") for request in server.requests] == [f"Bearer {value}"], result.output
    request = server.last
    assert json.loads(request.body)["input"] == f"hello {value}"
    assert "answer: you said hello [OPENAI_API_KEY] with Bearer [OPENAI_API_KEY]" in result.stdout
    assert "told: POST /v1/responses None" in result.stdout
    assert "[OPENAI_API_KEY] was not sent to http://localhost:1" in result.output


# aiohttp


def test_aiohttp_with_a_placeholder_and_with_the_value(project: Project, make_server: Callable[..., Server]) -> None:
    server = make_server(respond=lambda request: Response(200, request.raw, [("Content-Type", "text/plain")]))
    value = f"s3cr3t-{secrets.token_hex(12)}"
    script = """
        import asyncio, base64, os
        import aiohttp
        from tegmen import SecretRefused, secret
        KEY, URL = os.environ["KEY"], os.environ["URL"]

        async def main():
            basic = base64.b64encode(f"user:{KEY}".encode()).decode()
            async with aiohttp.ClientSession() as session:
                for parts in ({"headers": {"X-Key": KEY}}, {"params": {"key": KEY}}, {"json": {"key": KEY}},
                              {"cookies": {"key": KEY}}, {"headers": {"Authorization": f"Basic {basic}"}}):
                    try:
                        await session.post(URL, **parts)
                    except aiohttp.ClientError as error:
                        assert isinstance(error.__cause__, SecretRefused), error
                        print("refused:", error)
                async with session.post(URL, headers={"X-Key": secret("KEY").reveal()}) as response:
                    print("answer:", await response.text())

        asyncio.run(main())
    """
    project.write("script.py", script)
    command = ("--hosts", server.origin, "--", BIN / "python", "script.py")
    env = {"KEY": value, "URL": server.origin}
    result = project.run(project.tegmen, "run", "--secret", "KEY=env:KEY", *command, env=env).check()
    assert result.stdout.count("refused: [KEY] was not sent to 127.0.0.1") == 5
    assert result.stdout.count("or hand the library secret('KEY').reveal()") == 5
    (request,) = server.requests
    assert request.header("x-key") == value
    assert "answer: POST / HTTP/1.1" in result.stdout and "X-Key: [KEY]" in result.stdout
    assert not found(value, result.output)


# Socket.IO


class SocketIO:
    """A Socket.IO server, which keeps the handshakes, what clients logged in with, and what was emitted."""

    def __init__(self) -> None:
        import socketio
        from werkzeug.serving import make_server

        server = socketio.Server(async_mode="threading")
        self.handshakes: list[dict[str, Any]] = []
        self.logins: list[Any] = []
        self.events: list[Any] = []

        @server.event
        def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
            self.handshakes.append(environ)
            self.logins.append(auth)

        @server.on("order")
        def order(sid: str, data: Any) -> Any:
            self.events.append(data)
            server.emit("told", {"you": data}, to=sid)
            return data

        self._server = make_server("127.0.0.1", 0, socketio.WSGIApp(server), threaded=True)
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> SocketIO:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
def test_socket_io(project: Project, transports: list[str]) -> None:
    # A quote, so that JSON has to be written as such.
    value = f'w3b"{secrets.token_hex(8)}'
    with SocketIO() as server:
        body = f"""
            self.sio.on("told", lambda data: print("told by the server:", data))
            self.sio.connect(
                f"http://127.0.0.1:{server.port}/?token={{KEY}}",
                headers={{"X-Key": KEY}}, auth={{"login": KEY}}, transports={transports},
            )
            print("answer:", self.sio.call("order", {{"key": KEY, "note": "ü"}}, timeout=20))
            self.sio.emit("order", "clear")
            self.sio.call("order", "the last", timeout=20)
            self.sio.disconnect()
            # Another name of the same host is another host.
            try:
                self.sio.connect("http://localhost:{server.port}", auth={{"login": KEY}}, transports={transports})
            except Exception as error:
                print("refused:", error)
        """
        result = locust(
            project,
            *("from locust.contrib.socketio import SocketIOUser", "SocketIOUser", "", body),
            f"http://127.0.0.1:{server.port}",
            value=value,
        )
    assert server.logins == [{"login": value}], result.output
    (handshake,) = server.handshakes
    assert handshake["HTTP_X_KEY"] == value
    assert f"token={value.replace(chr(34), '%22')}" in handshake["QUERY_STRING"]
    assert server.events == [{"key": value, "note": "ü"}, "clear", "the last"]
    assert "answer: {'key': '[KEY]', 'note': 'ü'}" in result.stdout
    assert "told by the server: {'you': {'key': '[KEY]', 'note': 'ü'}}" in result.stdout
    assert "told: WSC order None" in result.stdout and "told: WSE order None" in result.stdout
    # The client keeps to itself why it could not connect.
    assert f"http://localhost:{server.port} (another host)" in result.output


def test_what_this_file_needs_is_what_the_how_to_says() -> None:
    """The page names the versions that were tried."""
    page = (Path(__file__).parent.parent / "docs/how-to/other-clients.md").read_text()
    wanted = (Path(__file__).parent / "requirements.txt").read_text()
    for name in ("pymongo", "pymilvus", "dnspython", "qdrant-client", "openai", "aiohttp", "python-socketio"):
        version = wanted.partition(f"{name}==")[2].partition("\n")[0]
        assert f"`{name}` {'.'.join(version.split('.')[:2])}" in page, name
