"""Tokens that the target issues during the test: the redactor learns them from the answers, by itself, and the script
works with them as before; with `seal_responses` the script gets placeholders, and values that an answer repeats too."""

from __future__ import annotations

import contextlib
import gzip
import json
import secrets
import socket
import threading
import zlib

import pytest

from conftest import Project
from demo.forms import found
from support.run import Result
from support.server import Request, Response, Server

USERS = ["HttpUser", "FastHttpUser"]
OUTPUTS = ("--csv", "out", "--csv-full-history", "--html", "report.html", "--logfile", "locust.log")


def token() -> str:
    """A token as servers issue them."""
    return secrets.token_urlsafe(24) + "7a"


class Bench:
    """A project with one secret, and a server that gives out tokens for it."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project, self.server = project, server
        self.value = f"{secrets.token_hex(8)}+/=&%\"'é{secrets.token_hex(8)}"
        self.file = project.path.parent / "password"
        self.file.write_text(self.value)

    def run(self, body: str, user: str, *, manifest: str = "", top: str = "", head: str = "") -> Result:
        lines = [
            top,
            "[secrets.PASSWORD]",
            f'source = "file:{self.file}"',
            f'hosts = ["{self.server.origin}"]',
            manifest,
        ]
        self.project.write("tegmen.toml", "\n".join([*lines, ""]))
        head = f'import json\nfrom tegmen import secret\nPASSWORD = secret("PASSWORD")\n{head}'
        self.project.one_task(body, user=user, host=self.server.origin, head=head)
        return self.project.tegmen_run(locust=OUTPUTS)

    def everything(self, result: Result) -> str:
        files = (path for path in sorted(self.project.path.rglob("*")) if path.is_file())
        return result.output + "".join(path.read_text(errors="surrogateescape") for path in files)

    def check_clean(self, result: Result, *values: str) -> str:
        text = self.everything(result)
        for value in (self.value, *values):
            assert found(value, text) == set(), result.output
        return text


@pytest.fixture
def bench(project: Project, echo_server: Server) -> Bench:
    return Bench(project, echo_server)


LOGIN = """
with self.client.post("/login", json={"password": PASSWORD}, catch_response=True) as response:
    given = response.json() if callable(getattr(response, "json", None)) else response.js
    print("given", json.dumps(given), response.headers.get("Set-Cookie"))
    response.failure(f"answer {response.text}")
token = given["data"]["accessToken"]
os.environ["SEEN"] = str(len(token))
self.client.get(f"/orders?token={token}", headers={"Authorization": f"Bearer {token}"})
import logging
logging.getLogger("own").warning("cut %s", response.text[:60])
try:
    raise KeyError(token)
except KeyError as error:
    logging.getLogger("own").exception("failed")
with self.client.post("/refresh", json={"refresh": token}, catch_response=True) as response:
    print("refreshed", response.text)
    response.success()
raise RuntimeError(f"the end {token}")
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("packed", ["plain", "gzip", "deflate"])
def test_tokens_of_a_login_come_out_nowhere_and_work(bench: Bench, user: str, packed: str) -> None:
    access, session, refreshed = token(), token(), token()
    pack = {"plain": lambda body: body, "gzip": gzip.compress, "deflate": zlib.compress}[packed]
    headers = [("Content-Type", "application/json"), ("Set-Cookie", f"sessionid={session}; HttpOnly")]
    if packed != "plain":
        headers.append(("Content-Encoding", packed))

    def respond(request: Request) -> Response | None:
        if request.target == "/login":
            return Response(200, pack(json.dumps({"data": {"accessToken": access, "expires": 60}}).encode()), headers)
        if request.target == "/refresh":
            # It carries no placeholder, but a token that was learnt.
            return Response(200, json.dumps({"refresh_token": refreshed}).encode())
        return None

    bench.server.respond = respond
    result = bench.run(LOGIN, user)
    assert "given" in result.stdout, result.output
    text = bench.check_clean(result, access, session, refreshed)
    assert "[ACCESS_TOKEN]" in text and "[SESSIONID]" in text and "[REFRESH_TOKEN]" in text
    orders = next(request for request in bench.server.requests if request.target.startswith("/orders"))
    assert orders.target == f"/orders?token={access}" and orders.header("Authorization") == f"Bearer {access}"


@pytest.mark.parametrize("user", USERS)
def test_the_session_of_an_open_page_is_somebodys_once_a_login_goes_along_with_it(bench: Bench, user: str) -> None:
    session = token()

    def respond(request: Request) -> Response:
        headers = [("Set-Cookie", f"PHPSESSID={session}; Path=/")] if request.target == "/" else []
        return Response(200, b"Hello.", headers)

    bench.server.respond = respond
    script = """
        self.client.get("/")
        cookies = self.client.cookiejar if hasattr(self.client, "cookiejar") else self.client.cookies
        session = next(iter(cookies)).value
        self.client.post("/login", data={"password": PASSWORD}, headers={"X-Key": PASSWORD})
        print("it is", session)
        self.client.get(f"/orders?s={session}")
    """
    result = bench.run(script, user)
    text = bench.check_clean(result, session)
    assert "[PHPSESSID]" in text
    login = next(request for request in bench.server.requests if request.target == "/login")
    assert f"PHPSESSID={session}" in (login.header("Cookie") or "")


@pytest.mark.parametrize("user", USERS)
def test_answers_to_requests_that_carried_nothing_are_left_alone(bench: Bench, user: str) -> None:
    shown = token()
    bench.server.respond = lambda _: Response(200, json.dumps({"access_token": shown}).encode())
    result = bench.run('print("it is", self.client.get("/public").text)', user)
    assert shown in result.stdout, "nothing says that it is to be kept"


PARTS = """
import http.client
connection = http.client.HTTPConnection({host!r}, {port})
connection.request("GET", "/chunks", headers={{"X-Password": PASSWORD.encode()}})
answer = connection.getresponse()
pieces = []
while piece := answer.read(7):
    pieces.append(piece)
print("chunks", b"".join(pieces))
connection.request("GET", "/again")
print("same connection", connection.getresponse().read())
"""


class Raw:
    """A server that answers each request with bytes as they are."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                received += data
                while b"\r\n\r\n" in received:
                    _, _, received = received.partition(b"\r\n\r\n")
                    connection.sendall(self.answer)

    def close(self) -> None:
        for opened in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("packing", ["", "gzip"])
def test_chunks_and_the_same_connection_again(project: Project, packing: str, is_sealed: bool) -> None:
    given, value = token(), f"{secrets.token_hex(8)}+{secrets.token_hex(8)}"
    body = json.dumps({"id_token": given, "you_sent": value, "more": "x" * 300}).encode()
    packed = gzip.compress(body) if packing else body
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked"]
    lines += [f"Content-Encoding: {packing}"] if packing else []
    server = Raw("\r\n".join([*lines, "", ""]).encode() + in_chunks(packed, 11))
    try:
        (project.path.parent / "password").write_text(value)
        project.write(
            "tegmen.toml",
            f"""
            [secrets.PASSWORD]
            source = "file:../password"
            hosts = ["http://127.0.0.1:{server.port}"]
            seal_responses = {str(is_sealed).lower()}
            """,
        )
        project.one_task(
            PARTS.format(host="127.0.0.1", port=server.port) + SENT_ON.format(port=server.port),
            host="http://127.0.0.1:9",
            head='from tegmen import secret\nPASSWORD = secret("PASSWORD")',
        )
        result = project.tegmen_run()
    finally:
        server.close()
    assert "chunks b" in result.stdout and "same connection b" in result.stdout, result.output
    for known in (given, value):
        assert found(known, result.output) == set(), result.output
    if not packing or is_sealed:
        assert "[ID_TOKEN]" in result.stdout and "[PASSWORD]" in result.stdout
    assert f"python has the value: {not is_sealed}" in result.stdout or packing
    for line in ("requests True", "stream True", "urllib3 True"):
        assert line in result.stdout, result.output


#: The same through requests and urllib3, read in every way.
SENT_ON = """
value = PASSWORD.reveal()
print("python has the value:", value.encode() in b"".join(pieces))
import requests
import urllib3
url, headers = "http://127.0.0.1:{port}/r", {{"X-Password": PASSWORD}}
session = requests.Session()
whole = session.get(url, headers=headers)
print("requests", whole.json()["more"] == "x" * 300)
lines = b"".join(session.get(url, headers=headers, stream=True).iter_content(13))
print("stream", lines == whole.content)
pool = urllib3.PoolManager()
print("urllib3", pool.request("GET", url, headers=headers).data == whole.content)
"""


ECHO = """
response = self.client.post("/echo", json={"password": PASSWORD})
text = response.text
print("repeated", str.__str__(PASSWORD) in text, secret("PASSWORD").reveal() in text, len(response.content))
self.client.post("/again", data=text.encode())
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("where", ["secret", "all", "off"])
@pytest.mark.parametrize("packed", ["plain", "gzip"])
def test_a_body_that_repeats_a_value(bench: Bench, user: str, where: str, packed: str) -> None:
    def respond(request: Request) -> Response | None:
        if request.target != "/echo":
            return None
        body = b"<p>You sent " + json.loads(request.body)["password"].encode() + b"</p>" + b"." * 5000
        headers = [("Content-Type", "text/html; charset=utf-8")]
        if packed == "gzip":
            return Response(500, gzip.compress(body), [*headers, ("Content-Encoding", "gzip")])
        return Response(500, body, headers)

    bench.server.respond = respond
    line = "seal_responses = true"
    result = bench.run(ECHO, user, manifest=line if where == "secret" else "", top=line if where == "all" else "")
    is_sealed = where != "off"
    assert f"repeated {is_sealed} {not is_sealed}" in result.stdout, result.output
    again = next(request for request in bench.server.requests if request.target == "/again")
    assert bench.value.encode() in again.body, "what was sealed is a value again where it is sent"
    bench.check_clean(result)


@pytest.mark.parametrize("user", USERS)
def test_sealed_tokens_are_placeholders_that_work(bench: Bench, user: str) -> None:
    access = token()
    bench.server.respond = lambda request: (
        Response(200, json.dumps({"access_token": access}).encode()) if request.target == "/login" else None
    )
    body = """
    given = json.loads(self.client.post("/login", json={"password": PASSWORD}).text)["access_token"]
    print("length", len(given))
    open("given", "w").write(given[::-1])
    self.client.get("/orders", headers={"Authorization": f"Bearer {given}"})
    """
    result = bench.run(body, user, top="seal_responses = true")
    assert bench.project.read("given")[::-1] != access, result.output
    orders = next(request for request in bench.server.requests if request.target == "/orders")
    assert orders.header("Authorization") == f"Bearer {access}"
    bench.check_clean(result, access)


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "latin-1"])
def test_sealed_bodies_in_other_character_sets_and_binary(bench: Bench, charset: str) -> None:
    def respond(request: Request) -> Response:
        if request.target == "/text":
            body = f"sent: {bench.value}, ünd mehr".encode(charset)
            return Response(200, body, [("Content-Type", f"text/plain; charset={charset}")])
        body = b"\x00\xff\xfe" + bench.value.encode() + bytes(range(256))
        return Response(200, body, [("Content-Type", "application/octet-stream")])

    bench.server.respond = respond
    body = f"""
    text = self.client.post("/text", data=PASSWORD).content.decode({charset!r})
    print("text", text.replace(str.__str__(PASSWORD), "PLACEHOLDER") == "sent: PLACEHOLDER, ünd mehr")
    blob = self.client.post("/blob", data=PASSWORD).content
    print("blob", blob == b"\\x00\\xff\\xfe" + str.__str__(PASSWORD).encode() + bytes(range(256)))
    """
    result = bench.run(body, "HttpUser", manifest="seal_responses = true")
    assert "text True" in result.stdout and "blob True" in result.stdout, result.output
