"""What became of the secrets of a run: said at its end, and as JSON with `--summary`. The numbers are those that a
server counts; there is no value in any of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from demo.forms import found
from demo.openbao import OpenBao
from support.server import Server

USERS = ["HttpUser", "FastHttpUser"]

LOCUSTFILE = """
import os
from locust import FastHttpUser, HttpUser, constant, task
from tegmen import protect

KEY, UNUSED = os.environ["API_KEY"], os.environ["UNUSED"]

class Shopper(@USER@):
    wait_time = constant(1000)

    @task
    def once(self):
        for _ in range(3):
            self.client.get("/head", headers={"X-Key": KEY})
        self.client.get(f"/path?key={KEY}", name="path")
        self.client.post("/both", headers={"X-Key": KEY}, json={"key": KEY})
        token = protect("tok-" + os.urandom(9).hex(), name="TOKEN")
        self.client.get("/token", headers={"Authorization": f"Bearer {token}", "X-Key": KEY})
        self.client.get("/plain")
        self.client.get(os.environ["ELSEWHERE"] + "/steal", headers={"X-Key": KEY})
        self.client.get(os.environ["NOWHERE"] + "/closed", headers={"X-Key": KEY})
        print("done", KEY)
"""


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {secret["name"]: secret for secret in document["secrets"]}


def carried(server: Server, value: str) -> int:
    """How many requests had it."""
    return sum(bool(found(value, request.raw) - {"a piece"}) for request in server.requests)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("processes", ["one process", "two workers"])
def test_the_numbers_are_those_of_the_server(
    project: Project, make_server: Callable[..., Server], user: str, processes: str
) -> None:
    server, elsewhere, closed = make_server(), make_server(), make_server()
    closed.close()
    values = {"API_KEY": secrets.token_hex(16), "UNUSED": secrets.token_hex(16)}
    project.write("locustfile.py", LOCUSTFILE.replace("@USER@", user))
    options = ["--secret", "API_KEY=env:API_KEY", "--secret", "UNUSED=env:UNUSED", "--summary", "summary.json"]
    options += ["--hosts", server.origin, "--hosts", closed.origin]
    command = ["locust", "--headless", "-u", "2", "-r", "2", "-t", "4s", "--host", server.origin]
    if processes == "two workers":
        command += ["--processes", "2"]
    environment = values | {"ELSEWHERE": elsewhere.origin, "NOWHERE": closed.origin}
    result = project.run(project.tegmen, "run", *options, "--", *command, env=environment)
    text = project.read("summary.json")
    for value in values.values():
        assert found(value, text + result.output) == set()
    document = json.loads(text)
    known = by_name(document)
    assert known.keys() == {"API_KEY", "UNUSED", "TOKEN"}
    count = carried(server, values["API_KEY"])
    assert count == 12, result.output
    assert known["API_KEY"]["sent"] == {server.origin: count}, "what could not be connected to was not sent"
    assert known["API_KEY"]["refused"] == [{"to": elsewhere.origin, "why": "another host", "count": 2}]
    assert elsewhere.connections == 0
    assert known["TOKEN"]["sent"] == {server.origin: 2} and known["TOKEN"]["source"] == "the test"
    assert known["UNUSED"]["sent"] == {} and known["UNUSED"]["source"] == "env:UNUSED"
    assert known["API_KEY"]["masked"]["stdout"] >= 2
    assert document["exit_status"] == result.status and document["targets"] == [server.origin]
    assert document["processes"] == (3 if processes == "two workers" else 1) or document["processes"] >= 1
    line = f"tegmen: [API_KEY] from env:API_KEY: sent {count} times to {server.origin}; refused 2 times to "
    assert f"{line}{elsewhere.origin} (another host)" in result.stderr
    assert "tegmen: [UNUSED] from env:UNUSED: never sent" in result.stderr


def test_version_age_and_lease(project: Project, bao: OpenBao, echo_server: Server) -> None:
    path = f"summary-{secrets.token_hex(4)}"
    for number in (1, 2):
        bao.put(path, {"key": f"{secrets.token_hex(12)}-{number}"})
    file = project.write("key", secrets.token_hex(12), mode=0o600)
    project.write("locustfile.py", LOCUSTFILE.replace("@USER@", "HttpUser"))
    environment = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token}
    options = [f"API_KEY=vault:secret/{path}#key", f"UNUSED=file:{file}", "CALLED=exec:echo hidden-in-the-command-line"]
    result = project.run(
        project.tegmen,
        "run",
        *(part for option in options for part in ("--secret", option)),
        "--summary",
        "-",
        "--quiet",
        "--",
        "python",
        "-c",
        "import tegmen; tegmen.secret('API_KEY')",
        env=environment,
    ).check()
    known = by_name(json.loads(result.stdout))
    assert (known["API_KEY"]["version"], known["API_KEY"]["source"]) == (2, f"vault:secret/{path}#key")
    assert 0 <= known["API_KEY"]["age"] < 600 and 0 <= known["UNUSED"]["age"] < 600
    assert known["CALLED"]["source"] == "exec:echo …" and "hidden" not in result.output
    assert {known[name]["lease"] for name in known} == {None}
    assert result.stderr == ""


def test_a_place_that_cannot_be_written_to_is_told_of_before_the_run(project: Project) -> None:
    result = project.run(project.tegmen, "run", "--summary", "missing/summary.json", "--", "touch", "started")
    assert result.check(125).stderr.startswith("error: --summary: a file cannot be made in missing")
    assert not (project.path / "started").exists()


def test_a_command_without_the_plugin_has_a_summary_too(project: Project) -> None:
    value = secrets.token_hex(12)
    options = ["--secret", "API_KEY=env:API_KEY", "--summary", "summary.json"]
    result = project.run(
        project.tegmen, "run", *options, "--", "sh", "-c", "echo $API_KEY; exit 3", env={"API_KEY": value}
    )
    document = json.loads(project.read("summary.json"))
    assert (result.status, document["exit_status"], document["processes"]) == (3, 3, 0)
    assert by_name(document)["API_KEY"]["masked"] == {"stdout": 1}
    assert "never sent" not in result.stderr
    assert Path(project.path / "summary.json").stat().st_mode & 0o777 in (0o644, 0o664, 0o600)
