"""Who may use the web UI: its own page, and what is no browser; not the pages of other origins. What it shows of
options, what it listens on, and what the host entered in it does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Project
from support.run import free_port
from support.server import Server
from support.web import WebUI, forked, wait_for

LOCUSTFILE = """
import os
from locust import @USER@ as User, constant, events, task

KEY = os.environ["API_KEY"]

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--api-token", is_secret=True, default="@SHOWN@", include_in_web_ui=True)
    parser.add_argument("--pin", is_secret=True, default="4711", include_in_web_ui=True)
    parser.add_argument("--colour", default="green", include_in_web_ui=True)

class Shopper(User):
    wait_time = constant(0.2)

    @task
    def get(self):
        options = self.environment.parsed_options
        self.client.get("/", headers={"X-Key": KEY, "X-Token": options.api_token, "X-Pin": options.pin})
"""

LISTED = "https://locust.example.com"


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def shown() -> str:
    """A value that nobody told tegmen of."""
    return f"shown-{secrets.token_hex(9)}"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path, target: Server, shown: str) -> Iterator[WebUI]:
    """With a target and another origin that is allowed."""
    folder = tmp_path_factory.mktemp("web-access")
    (folder / "locustfile.py").write_text(LOCUSTFILE.replace("@USER@", "HttpUser").replace("@SHOWN@", shown))
    env = {"API_KEY": f"key-{secrets.token_hex(9)}"}
    ui = WebUI.start(folder, tegmen_bin, "--host", target.origin, options=("--web-origin", LISTED), env=env)
    yield ui
    output = ui.stop()
    assert env["API_KEY"] not in output


STRANGE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Host": "rebound.evil.example"},
    {"Host": "rebound.evil.example", "Origin": "http://rebound.evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Host": "localhost.evil.example:8089"},
    {"Host": "127.0.0.1.evil.example"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=lambda headers: " ".join(headers.values()))
def test_other_pages_are_refused(ui: WebUI, target: Server, headers: dict[str, str]) -> None:
    before = target.connections
    for method, path in (
        ("POST", "/swarm"),
        ("POST", "/user"),
        ("POST", "/stop"),
        ("GET", "/stop"),
        ("GET", "/stats/reset"),
    ):
        answer = ui.ask(method, path, headers, {"user_count": "1", "spawn_rate": "1"} if method == "POST" else None)
        # This Locust does not do it on GET; older ones do.
        assert answer.status == 403 or (answer.status, method) == (405, "GET"), (path, answer)
        assert answer.status == 405 or answer.text.startswith("tegmen: refused: "), "and says why"
    assert target.connections == before
    if headers.get("Sec-Fetch-Mode") != "navigate":
        for path in ("/", "/logs", "/stats/requests", "/exceptions", "/tegmen/secrets"):
            answer = ui.get(path, **{name.replace("-", "_"): value for name, value in headers.items()})
            assert answer.status == 403, path


def test_a_picture_in_somebodys_page_stops_nothing(ui: WebUI) -> None:
    """Plain http elsewhere than on this machine: browsers send no Sec-Fetch-Site then."""
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    for referer in ({}, {"Referer": "https://evil.example/x"}):
        # This Locust does not do it on GET; older ones do.
        assert ui.ask("GET", "/stop", browser | referer).status in (403, 405)
        assert ui.ask("GET", "/stats/reset", browser | referer).status in (403, 405)


def test_its_own_page_and_what_is_no_browser_are_answered(ui: WebUI) -> None:
    own = {"Origin": ui.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    for headers in (
        {},
        own,
        {"Origin": ui.origin},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Host": f"localhost:{ui.port}"},
        {"Host": f"[::1]:{ui.port}"},
        {"Host": "locust.example.com", "Origin": LISTED},
    ):
        answer = ui.ask("GET", "/", headers)
        assert answer.status == 200, (headers, answer.text[:200])
    assert ui.ask("POST", "/stop", own).status == 200


def test_no_other_origin_may_read_but_the_listed_one(ui: WebUI) -> None:
    for path in ("/", "/logs", "/stats/requests", "/nothing-here"):
        answer = ui.get(path)
        names = {name.lower() for name in answer.headers}
        assert not any(name.startswith("access-control") for name in names), "Locust's CORS is gone"
        assert {"referrer-policy", "x-frame-options", "cross-origin-resource-policy"} <= names
    answer = ui.get("/logs", Origin=LISTED, Sec_Fetch_Site="cross-site", Host="locust.example.com")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, LISTED)


def test_an_option_that_is_secret_is_not_in_the_page_and_works(ui: WebUI, target: Server, shown: str) -> None:
    page = ui.get("/").text
    assert shown not in page and '"default_value": "[API_TOKEN]"' in page
    assert '"default_value": "[PIN]"' in page and '"default_value": "green"' in page, "and '4711' is not: {page}"
    assert "4711" not in page
    form = {"api_token": "[API_TOKEN]", "pin": "[PIN]", "colour": "blue", "host": target.origin}
    answer = ui.swarm({"Origin": ui.origin}, **form)
    assert answer.json["success"], answer
    wait_for(lambda: target.requests, lambda: ui.output)
    assert target.last.header("x-token") == shown and target.last.header("x-pin") == "4711"
    ui.ask("POST", "/stop")


def test_it_listens_on_this_machine_and_a_warning_says_when_not(project: Project, tegmen_bin: Path) -> None:
    project.write("locustfile.py", LOCUSTFILE.replace("@USER@", "HttpUser").replace("@SHOWN@", "x"))
    env = {"API_KEY": secrets.token_hex(9)}
    ui = WebUI.start(project.path, tegmen_bin, "--master", f"--master-bind-port={free_port()}", env=env)
    try:
        listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line}
        ports = {address.split(":")[1]: address.split(":")[0] for address in listening}
        assert ports[f"{ui.port:04X}"] == "0100007F"
    finally:
        output = ui.stop()
    assert "the master listens on this machine only (127.0.0.1)" in output
    assert "without a login" not in output
    ui = WebUI.start(project.path, tegmen_bin, "--web-host", "0.0.0.0", env=env)
    output = ui.stop()
    assert "the web UI listens on 0.0.0.0 without a login" in output


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("processes", ["one process", "a worker"])
def test_the_first_host_that_a_person_enters_is_the_target(
    project: Project, tegmen_bin: Path, target: Server, user: str, processes: str
) -> None:
    project.write("locustfile.py", LOCUSTFILE.replace("@USER@", user).replace("@SHOWN@", "x"))
    key = f"key-{secrets.token_hex(9)}"
    workers = forked(1) if processes == "a worker" else ()
    ui = WebUI.start(project.path, tegmen_bin, *workers, env={"API_KEY": key})
    try:
        if workers:
            wait_for(lambda: ui.get("/worker-count").json["worker_count"] == 1, lambda: ui.output)

        def failures() -> list[str]:
            return [error["error"] for error in ui.get("/stats/requests").json["errors"]]

        with Server() as other:
            # Not a page of the web UI: nothing is pinned, and nothing is sent.
            ui.swarm(host=target.origin)
            wait_for(failures, lambda: ui.output)
            assert "was not sent to" in failures()[0]
            assert not any(request.header("x-key") for request in target.requests if request.header("x-key") == key)
            ui.ask("POST", "/stop")
            ui.swarm({"Origin": ui.origin}, host=target.origin)
            wait_for(lambda: any(request.header("x-key") == key for request in target.requests), lambda: ui.output)
            ui.ask("POST", "/stop")
            ui.ask("POST", "/stats/reset")
            ui.swarm({"Origin": ui.origin}, host=other.origin)
            wait_for(failures, lambda: ui.output)
            assert other.connections == 0, "later hosts get nothing"
            ui.ask("POST", "/stop")
    finally:
        output = ui.stop()
    assert f"the test's own target is {target.origin} from now on" in output
    assert key not in output
