"""Every way in which a secret has been seen to come out of Locust, one test each, for both of Locust's HTTP clients.

Each test runs real Locust with console output, log file, CSV and HTML report, and searches all of them for the value in
every form. Where the request is meant to arrive, the server must have been sent the very value: a test in which nothing
comes out because nothing works is worth nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from demo.forms import found
from support.run import Result
from support.server import Request, Response, Server

OUTPUTS = ("--csv", "out", "--csv-full-history", "--html", "report.html", "--logfile", "locust.log")
USERS = ["HttpUser", "FastHttpUser"]
HEAD = 'KEY = os.environ["LOCUST_API_KEY"]\nAUTH = {"Authorization": f"Bearer {KEY}"}'


class Bench:
    """A project with one secret, a server that takes it, and the search through what a run leaves behind."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project = project
        self.server = server
        # Characters that URLs, JSON and forms have to encode; none that a header may not carry.
        self.value = f"{secrets.token_hex(8)}+/=&%\"'{secrets.token_hex(8)}"
        self.file = project.path.parent / "api-key"
        self.file.write_text(self.value)

    def run(self, body: str, user: str, *locust: str, head: str = "", env: dict[str, str] | None = None) -> Result:
        """Runs one task under `tegmen run`, with all outputs."""
        self.project.one_task(body, user=user, host=self.server.origin, head=f"{HEAD}\n{head}")
        options = ("--secret", f"API_KEY=file:{self.file}")
        self.last = self.project.tegmen_run(*options, locust=(*OUTPUTS, *locust), env=env)
        return self.last

    def everything(self, result: Result) -> str:
        """All that the run wrote anywhere in the project or on its output."""
        files = (path for path in sorted(self.project.path.rglob("*")) if path.is_file())
        return result.output + "".join(path.read_text(errors="surrogateescape") for path in files)

    def check_clean(self, result: Result) -> str:
        """Nothing holds the value in any form; returns everything."""
        text = self.everything(result)
        assert found(self.value, text) == set(), result.output
        return text

    @property
    def sent(self) -> bytes:
        """All that the server received."""
        return b"".join(request.raw for request in self.server.requests)

    def check_arrived(self) -> None:
        """The server received the value, in one form or another."""
        assert found(self.value, self.sent) - {"a piece"}, f"the server got {self.sent!r}\n{self.last.output}"


@pytest.fixture
def bench(project: Project, echo_server: Server) -> Bench:
    return Bench(project, echo_server)


def quoting(request: Request) -> Response:
    """A server's error page that quotes what it was sent."""
    return Response(500, b"<h1>Oops</h1><pre>" + request.raw + b"</pre>", [("Content-Type", "text/html")])


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "request_line",
    ['f"/k/{KEY}/x"', '"/q?token=" + KEY', '"/q", params={"token": KEY}', '"/n", name=f"order {KEY}", headers=AUTH'],
    ids=["path", "query", "params", "name"],
)
def test_statistics_show_the_name_only(bench: Bench, user: str, request_line: str) -> None:
    result = bench.run(f"self.client.get({request_line})", user)
    text = bench.check_clean(result)
    bench.check_arrived()
    if not ("params" in request_line and user == "FastHttpUser"):
        # There, Locust's own name leaves the parameters out.
        assert "[API_KEY]" in text, "the statistics have a name"


@pytest.mark.parametrize("user", USERS)
def test_an_error_page_that_quotes_the_request(bench: Bench, user: str) -> None:
    bench.server.respond = quoting
    result = bench.run(
        """
        with self.client.post("/pay", json={"key": KEY}, headers=AUTH, catch_response=True) as response:
            response.failure(response.text)
            print("the page:", response.text)
        """,
        user,
    )
    assert "[API_KEY]" in bench.check_clean(result)
    bench.check_arrived()


@pytest.mark.parametrize("user", USERS)
def test_rest_with_an_answer_that_is_not_json(bench: Bench, user: str) -> None:
    bench.server.respond = quoting
    body = """
        with self.rest("POST", "/api", json={"key": KEY}) as response:
            pass
    """
    if user == "HttpUser":
        body = """
        with self.client.post("/api", json={"key": KEY}, catch_response=True) as response:
            try:
                response.json()
            except ValueError as error:
                response.failure(f"{error}: {response.text[:250]}")
        """
    bench.check_clean(bench.run(body, user))
    bench.check_arrived()


@pytest.mark.parametrize("user", USERS)
def test_a_connection_that_breaks(bench: Bench, user: str) -> None:
    def break_off(_: Request) -> Response:
        raise EOFError

    bench.server.respond = break_off
    result = bench.run('self.client.get(f"/x?token={KEY}", name="/x")', user)
    bench.check_clean(result)
    bench.check_arrived()
    assert "/x" in result.output


@pytest.mark.parametrize("user", USERS)
def test_raise_for_status(bench: Bench, user: str) -> None:
    bench.server.respond = lambda _: Response(401)
    result = bench.run('self.client.get(f"/x?token={KEY}", name="/x").raise_for_status()', user)
    bench.check_clean(result)
    bench.check_arrived()


@pytest.mark.parametrize("user", USERS)
def test_prints_logs_and_tracebacks(bench: Bench, user: str) -> None:
    result = bench.run(
        """
        print("printed", KEY, AUTH)
        logging.getLogger("shop").warning("logged %s", AUTH)
        self.client.get("/", headers=AUTH)
        raise RuntimeError(f"raised {KEY}")
        """,
        user,
        head="import logging",
    )
    text = bench.check_clean(result)
    bench.check_arrived()
    for word in ("printed [API_KEY]", "logged {'Authorization': 'Bearer [API_KEY]'}", "raised [API_KEY]"):
        assert word in text


@pytest.mark.parametrize("user", USERS)
def test_a_revealed_value_is_taken_out_of_every_output(bench: Bench, user: str) -> None:
    result = bench.run(
        """
        value = secret("API_KEY").reveal()
        print("plain", value)
        print("base64", base64.b64encode(b"user:" + value.encode()).decode())
        print("quoted", urllib.parse.quote(value, safe=""))
        print("hex", value.encode().hex())
        print("in two", end=" ")
        sys.stdout.write(value[:9]); sys.stdout.flush()
        sys.stdout.write(value[9:] + "\\n"); sys.stdout.flush()
        sys.stderr.write(f"to stderr {value}\\n")
        logging.warning("logged %r", value)
        self.client.get("/", name=f"named {value}", headers={"X-Key": value})
        raise RuntimeError(value)
        """,
        user,
        head="import base64, logging, sys, urllib.parse\nfrom tegmen import secret",
    )
    bench.check_clean(result)
    bench.check_arrived()
    assert "plain [API_KEY]" in result.stdout
    assert "in two [API_KEY]" in result.stdout


@pytest.mark.parametrize("user", USERS)
def test_debug_logs_and_wire_dumps(bench: Bench, user: str) -> None:
    result = bench.run(
        'self.client.post("/d", params={"token": KEY}, headers=AUTH, json={"key": KEY})',
        user,
        "-L",
        "DEBUG",
        head="import http.client\nhttp.client.HTTPConnection.debuglevel = 1",
    )
    bench.check_clean(result)
    bench.check_arrived()


@pytest.mark.parametrize("user", USERS)
def test_a_listener_that_prints_request_and_response(bench: Bench, user: str) -> None:
    bench.server.respond = quoting
    result = bench.run(
        'self.client.post("/d", headers=AUTH, json={"key": KEY}, cookies={"sid": KEY})',
        user,
        head="""
from locust import events

@events.request.add_listener
def show(**arguments):
    print({name: str(value) for name, value in arguments.items()})
    response = arguments["response"]
    for name in ("url", "headers", "text", "_sent_request", "http_log"):
        print(name, getattr(response, name, None), getattr(arguments["exception"], name, None))
    request = getattr(response, "request", None)
    print(getattr(request, "url", None), getattr(request, "headers", None), getattr(request, "body", None))
""",
    )
    bench.check_clean(result)
    bench.check_arrived()
    assert "[API_KEY]" in result.stdout


@pytest.mark.parametrize("user", USERS)
def test_a_header_that_cannot_be_sent(bench: Bench, user: str) -> None:
    result = bench.run('self.client.get("/", headers={"X-Key": KEY + "\\nX-Other: 1"})', user)
    bench.check_clean(result)
    assert b"X-Other" not in bench.sent


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_gets_nothing(
    bench: Bench, make_server: Callable[..., Server], user: str, status: int
) -> None:
    other = make_server()
    bench.server.respond = lambda _: Response(status, b"", [("Location", f"{other.origin}/steal?x=1")])
    headers = '{"X-Api-Key": KEY, "Cookie": f"sid={KEY}"}'
    result = bench.run(f'self.client.post("/go", headers={headers}, json={{"key": KEY}})', user)
    bench.check_clean(result)
    bench.check_arrived()
    reached = b"".join(request.raw for request in other.requests)
    assert found(bench.value, reached) == set()
    assert b"X-Api-Key" not in reached, "neither the value nor the placeholder leaves"


@pytest.mark.parametrize("user", USERS)
def test_a_request_to_a_host_that_the_secret_is_not_bound_to(
    bench: Bench, make_server: Callable[..., Server], user: str
) -> None:
    other = make_server()
    result = bench.run(f'self.client.get("{other.origin}/x", headers=AUTH)', user)
    bench.check_clean(result)
    assert other.connections == 0, "refused before connecting"
    assert "API_KEY" in result.output
    assert f"127.0.0.1:{other.port}" in result.output, "the error names the host"
    assert f"--hosts {other.origin}" in result.output, "and what would allow it"


@pytest.mark.parametrize("user", USERS)
def test_child_processes_and_the_environment(bench: Bench, user: str) -> None:
    result = bench.run(
        """
        print(subprocess.run(["env"], capture_output=True, text=True).stdout)
        print(open("/proc/self/environ").read())
        self.client.get("/", headers=AUTH)
        """,
        user,
        head="import subprocess",
        env={"VAULT_TOKEN": "hvs." + bench.value, "BAO_TOKEN": bench.value, "VAULT_SECRET_ID": bench.value},
    )
    bench.check_clean(result)
    bench.check_arrived()
    assert "LOCUST_API_KEY=[API_KEY]" in result.stdout
    for name in ("VAULT_TOKEN", "BAO_TOKEN", "VAULT_SECRET_ID"):
        assert name not in result.stdout, "the broker's own credentials never reach the child"


@pytest.mark.parametrize("user", USERS)
def test_a_sensitive_variable_that_the_script_sets_later(bench: Bench, user: str) -> None:
    env_file = bench.project.write(".env", "")
    env_file.write_text(f"SHOP_PASSWORD={bench.value}\n")
    result = bench.run(
        """
        for line in open(".env"):
            os.environ.update([line.rstrip("\\n").split("=", 1)])
        password = os.environ["SHOP_PASSWORD"]
        print("read", password)
        self.client.get("/", headers={"X-Password": password})
        """,
        user,
    )
    env_file.unlink()
    bench.check_clean(result)
    bench.check_arrived()


def test_the_value_is_nowhere_in_the_command_line(bench: Bench, tmp_path: Path) -> None:
    result = bench.run(
        'print(open(f"/proc/{os.getppid()}/cmdline").read())\nself.client.get("/", headers=AUTH)', "HttpUser"
    )
    bench.check_clean(result)
    bench.check_arrived()
