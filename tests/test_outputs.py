"""Neither a value nor a placeholder comes out of Locust anywhere: outputs show `[NAME]`.

`support/leaky.py` gives its secrets away in every way that we know of, once for HttpUser and once for FastHttpUser,
with all of Locust's outputs switched on; then all that came out is searched for values and placeholders, in every form.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import Project
from support.hunt import files_of, leaks, tag_in
from support.run import BIN, clean_environment
from support.server import Request, Response, Server

LEAKY = Path(__file__).with_name("support") / "leaky.py"

PAGES = (
    "/",
    "/stats/requests",
    "/stats/requests/csv",
    "/stats/requests_full_history/csv",
    "/stats/failures/csv",
    "/stats/report",
    "/stats/report?download=1&theme=dark",
    "/exceptions",
    "/exceptions/csv",
    "/logs",
    "/tasks",
    "/own",
    "/own/stream",
    "/own/error",
    "/own/binary",
)


def hostile(request: Request) -> Response:
    """Gives back what it was sent, in the ways that error pages do."""
    path = request.target.partition("?")[0]
    sent = request.raw
    if path == "/slow":
        time.sleep(1)
    if path == "/loop":
        return Response(302, b"", [("Location", request.target)])
    if path == "/inconsistent":
        return Response(200, sent, [("Content-Length", "100"), ("X-Sent", "\\".join(request.target))])
    if path.startswith("/cut/"):
        return Response(200, b"." * int(path[5:]) + (request.header("x-key") or "").encode("latin-1") + b"." * 300)
    if path.startswith("/json"):
        return Response(200, json.dumps({"you sent": sent.decode("latin-1")}).encode())
    if path in ("/echo", "/error"):
        authorization = request.header("authorization") or "none"
        headers = [("X-Echo", authorization), ("Set-Cookie", f"s={authorization}")]
        return Response(200 if path == "/echo" else 401, b"not JSON: " + sent, headers)
    return Response()


@dataclass
class Outcome:
    """What came out of a run, by channel, and what to search for."""

    folder: Path
    client: str
    server: Server
    #: Where somebody wants the test's requests to go.
    elsewhere: Server
    status: int = 0
    channels: dict[str, bytes] = field(default_factory=dict)
    searched: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    #: What the server got each time the test was started from the web UI.
    sent: list[list[Request]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The test's target; for HttpUser with credentials."""
        user = f"user:{self.values['HOST_PASSWORD']}@" if self.client == "http" else ""
        return f"http://{user}127.0.0.1:{self.server.port}"

    def text(self, channel: str) -> str:
        return self.channels[channel].decode(errors="replace")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def fetch(url: str, form: dict[str, str] | None = None, document: object = None) -> bytes:
    """A page's status, headers and body; an error page too."""
    request = urllib.request.Request(url)
    if form is not None:
        request.data = urllib.parse.urlencode(form).encode()
    if document is not None:
        request.data = json.dumps(document).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return f"{answer.status}\n{answer.headers}".encode() + answer.read()
    except http.client.HTTPException as error:
        raise AssertionError(f"{url} broke off") from error
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code}\n{error.headers}".encode() + error.read()


def wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Until the file is there."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.05)


@pytest.fixture(scope="module", params=["http", "fast"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path) -> Outcome:
    """One run of the leaky locustfile."""
    folder = tmp_path_factory.mktemp(f"outputs-{request.param}")
    values = {
        # Everything that an encoding has to change, and that a header can carry.
        "API_KEY": f"k3y/{secrets.token_urlsafe(9)}+z=&%\"'<>\\ {secrets.token_hex(6)}",
        "DB_PASSWORD": f"p\u00e9 {secrets.token_urlsafe(9)}\\n{secrets.token_hex(6)}\u00df#?",
        "HOST_PASSWORD": f"{secrets.token_hex(6)}%2F{secrets.token_hex(6)}",
    }
    shutil.copy(LEAKY, folder / "locustfile.py")
    with Server(respond=hostile) as server, Server() as elsewhere:
        outcome = Outcome(folder, request.param, server, elsewhere, values=values)
        run(outcome, tegmen_bin)
        return outcome


def run(outcome: Outcome, tegmen: Path) -> None:
    """Runs the test until it has done all, fetches the pages, starts it again from the web UI, ends it."""
    folder, web = outcome.folder, free_port()
    command: list[str | Path] = [tegmen, "run"]
    for name in ("API_KEY", "DB_PASSWORD"):
        source = folder.parent / f"{folder.name}-{name}"
        source.write_text(outcome.values[name])
        command += ["--secret", f"{name}=file:{source}"]
    json_option = ["--json-file", "result"] if outcome.client == "http" else ["--json"]
    command += ["--", BIN / "locust", "--host", outcome.host, *json_option]
    command += f"""--web-host 127.0.0.1 --web-port {web} --csv stats --csv-full-history
        --html report.html --logfile locust.log -L DEBUG --stop-timeout 0""".split()
    environment = clean_environment(folder, {"CLIENT": outcome.client, "DEAD": f"http://127.0.0.1:{free_port()}"})
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=stdout, stderr=stderr, stdin=-3, start_new_session=True
        )
        try:
            use_web_ui(outcome, f"http://127.0.0.1:{web}", process)
            wait_for(folder / "done", process)
            outcome.channels |= {page: fetch(f"http://127.0.0.1:{web}{page}") for page in PAGES}
            process.send_signal(signal.SIGINT)
            outcome.status = process.wait(30)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    outcome.channels |= files_of(folder, "tag", "minted", "locustfile.py", "environ.json")
    outcome.searched = dict(outcome.values) | {
        "the run's tag": tag_in((folder / "tag").read_text()),
        "MINTED": (folder / "minted").read_text()[::-1],
    }


def use_web_ui(outcome: Outcome, ui: str, process: subprocess.Popen[bytes]) -> None:
    """Starts the test from the web UI: as the command line has it; with the form as it is shown; with another host;
    with one secret in the place of another; and at last the test itself."""
    again, rehearsal = outcome.folder / "again", outcome.folder / "rehearsal"
    shown = {"api_key": "[API_KEY]", "bearer": "Bearer [API_KEY]", "hidden": "[DB_PASSWORD]"}
    swapped = {"api_key": "[DB_PASSWORD]", "bearer": "Token [API_KEY]"}
    host = {"host": outcome.host.replace(outcome.values["HOST_PASSWORD"], "[HOST_PASSWORD]")}
    rehearsal.touch()
    wait_for_page(f"{ui}/tasks", process)
    forms: list[dict[str, str]] = [{}, shown | host, shown | {"host": outcome.elsewhere.origin}, swapped | host]
    for number, fields in enumerate([*forms, shown | host]):
        if number == len(forms):
            rehearsal.unlink()
        before = len(outcome.server.requests)
        outcome.channels[f"swarm {number}"] = fetch(f"{ui}/swarm", {"user_count": "1", "spawn_rate": "1", **fields})
        if number < len(forms):
            wait_for(again, process)
            again.unlink()
            outcome.sent.append(outcome.server.requests[before:])
            outcome.channels[f"stop {number}"] = fetch(f"{ui}/stop", {})
    settings = {"user_class_name": "Leaky", "weight": 3, **host}
    outcome.channels["user"] = fetch(f"{ui}/user", document=settings)


def wait_for_page(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until Locust answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            fetch(url)
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "no web UI"
            time.sleep(0.05)


def test_nothing_comes_out(outcome: Outcome) -> None:
    told = leaks(outcome.channels, outcome.searched)
    assert not told, "\n".join(told)


def test_all_channels_had_something_to_say(outcome: Outcome) -> None:
    """A search through nothing finds nothing."""
    channels = {"stdout", "stderr", "locust.log", "own.log", "json.log", "report.html", "stats_failures.csv"}
    channels |= {"stats_stats.csv", "stats_stats_history.csv", "stats_exceptions.csv", *PAGES}
    channels |= {"result.json"} if outcome.client == "http" else set()
    silent = [name for name in channels if len(outcome.channels.get(name, b"")) < 30]
    assert not silent
    missing = {"/tasks", "/own/error", "/own/binary", "stats_stats_history.csv", "/stats/requests_full_history/csv"}
    for name in channels - missing:
        assert "[API_KEY]" in outcome.text(name), f"{name} says nothing of the key"
    assert outcome.text("stdout").count("[API_KEY]") > 50
    assert outcome.text("own.log").count("[DB_PASSWORD]") > 50
    assert outcome.status == 1, "failures are Locust's status 1, as without tegmen"


def test_statistics_are_grouped_by_name(outcome: Outcome) -> None:
    statistics = outcome.text("/stats/requests/csv")
    for name in (
        "GET,/path/[API_KEY]/[DB_PASSWORD],",
        "GET,/query?token=[API_KEY]&p=[DB_PASSWORD],",
        "GET,name [API_KEY] [API_KEY],",
        "GET,/minted/[MINTED],",
        "X[API_KEY],fired [API_KEY],",
        "GET [API_KEY],direct [API_KEY],",
    ):
        assert name in statistics
    if outcome.client == "http":
        assert "GET,/params?key=[API_KEY]&password=[DB_PASSWORD]," in statistics


def test_errors_still_say_what_happened(outcome: Outcome) -> None:
    failures, exceptions = outcome.text("/stats/failures/csv"), outcome.text("/exceptions/csv")
    for text in (
        "bad: not JSON: GET /echo HTTP/1.1",
        "[API_KEY] was not sent to http://127.0.0.1:9",
        "X[API_KEY],fired [API_KEY],",
        "KeyError: ",
    ):
        assert text in failures
    for text in ("in on_start: [API_KEY] [API_KEY]", "/error?k=[API_KEY]", "in literal", "with a note [API_KEY]"):
        assert text in exceptions
    for text in ("RuntimeError: in a greenlet [API_KEY] [API_KEY]", "UserWarning: warning [API_KEY] [API_KEY]"):
        assert text in outcome.text("stderr")
    assert "to be logged [API_KEY] [API_KEY]" in outcome.text("/logs")


def test_the_values_are_on_the_wire(outcome: Outcome) -> None:
    """With encodings where the place demands them, by a parser that shares nothing with ours."""
    key, password = outcome.values["API_KEY"], outcome.values["DB_PASSWORD"]
    requests = {request.target.partition("?")[0].split("/")[1]: request for request in outcome.server.requests}
    path = requests["path"].target.split("/")
    assert [urllib.parse.unquote(part) for part in path[2:]] == [key, password]
    query = dict(urllib.parse.parse_qsl(requests["query"].target.partition("?")[2]))
    assert query == {"token": key, "p": password}
    assert requests["minted"].header("x-token") == f"Bearer {outcome.searched['MINTED']}"
    assert requests["later"].header("x-token") == f"Bearer {outcome.searched['MINTED']}-later"
    assert any(json.dumps(key)[1:-1].encode() in request.body for request in outcome.server.requests)
    if outcome.client == "http":
        host_password = urllib.parse.unquote(outcome.values["HOST_PASSWORD"])
        for path_, user in (("whoami", f"user:{host_password}"), ("as-ann", f"ann:{password}")):
            scheme, _, encoded = (requests[path_].header("authorization") or "").partition(" ")
            assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", user)


def test_children_have_placeholders(outcome: Outcome) -> None:
    environment = (outcome.folder / "environ.json").read_bytes()
    assert leaks({"environ.json": environment}, outcome.values) == []
    variables = json.loads(environment)
    assert variables["API_KEY"] == variables["LOCUST_API_KEY"] != variables["DB_PASSWORD"]
    assert outcome.searched["the run's tag"] in variables["DB_PASSWORD"]


def test_the_web_ui_shows_names_and_takes_them_back(outcome: Outcome) -> None:
    page = outcome.text("/")
    assert '"default_value": "[API_KEY]"' in page and '"default_value": "Bearer [API_KEY]"' in page
    assert outcome.client == "fast" or "user:[HOST_PASSWORD]@" in page
    key, password = outcome.values["API_KEY"], outcome.values["DB_PASSWORD"]
    expected = [("x-api-key", key), ("x-token", f"Bearer {key}"), ("x-hidden", password)]
    by_command, shown, moved, swapped = outcome.sent
    assert [(name, by_command[-1].header(name)) for name, _ in expected] == expected
    assert [(name, shown[-1].header(name)) for name, _ in expected] == expected
    assert moved == [] and outcome.elsewhere.requests == [], "another host gets nothing"
    assert swapped[-1].header("x-api-key") == "[DB_PASSWORD]", "a field cannot be given another field's secret"
    assert swapped[-1].header("x-token") == f"Token {key}"
    assert outcome.text("user").startswith("201")


def test_own_pages_stay_what_they_are(outcome: Outcome) -> None:
    own = outcome.text("/own")
    assert "<p>[DB_PASSWORD] [API_KEY]</p>" in own and "X-Key: [API_KEY]" in own
    assert own.count("Set-Cookie:") == 2 and "other=kept" in own
    assert "one [API_KEY]\ntwo [API_KEY]\nthree\nfour [DB_PASSWORD]" in outcome.text("/own/stream")
    assert outcome.channels["/own/binary"].endswith(b"\xff\xfe\x00 not text")


@pytest.mark.parametrize(
    ("script", "arguments", "expected", "status"),
    [
        ('raise RuntimeError(f"{KEY} {REAL}")', (), "RuntimeError: [API_KEY] [API_KEY]", 1),
        ("import sys; sys.exit(REAL)", (), "[API_KEY]", 1),
        ("x = (KEY", (), "was never closed", 1),
        ("", ("--apikeyy=VALUE", "VALUE"), "unrecognized arguments: --apikeyy=[API_KEY]", 2),
        ("", ("--users", "VALUE"), "invalid int value: '[API_KEY]'", 2),
        ("from locust import run_single_user\nrun_single_user(User)", (), "GET\t[API_KEY] /[API_KEY] \t", 0),
    ],
    ids=["exception", "exit", "syntax", "argument", "number", "single"],
)
def test_what_ends_locust_at_its_start(
    project: Project, echo_server: Server, script: str, arguments: tuple[str, ...], expected: str, status: int
) -> None:
    value = f"k3y-{secrets.token_hex(12)}"
    (project.path.parent / "key").write_text(value)
    project.write(
        "locustfile.py",
        f"""\
import os
from locust import HttpUser, task
from tegmen import secret
KEY, REAL = os.environ["API_KEY"], secret("API_KEY").reveal()
class User(HttpUser):
    host = "{echo_server.origin}"
    @task
    def once(self):
        self.client.get(f"/{{KEY}}", name=f"{{KEY}} /{{REAL}}")
        raise SystemExit(0) if os.environ.get("SINGLE") else RuntimeError(REAL)
{script}
""",
    )
    single = "run_single_user" in script
    command = [BIN / "python", "locustfile.py"] if single else [BIN / "locust", "--headless", *arguments]
    command = [str(part).replace("VALUE", value) for part in command]
    source = f"API_KEY=file:{project.path.parent / 'key'}"
    result = project.run(
        project.tegmen, "run", "--secret", source, "--", *command, env={"SINGLE": "1"} if single else {}
    ).check(status)
    assert re.sub(" +", " ", expected) in re.sub(" +", " ", result.output)
    assert leaks({"output": result.output.encode()}, {"API_KEY": value}) == []
