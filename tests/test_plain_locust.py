"""Plain `locust`, with a script that imports `tegmen`: it starts itself again under `tegmen run`, or says why not."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import LOCUST, Project
from demo.forms import found
from support.run import BIN
from support.server import Server

USERS = ["HttpUser", "FastHttpUser"]

HEAD = """
from tegmen import secret
KEY = secret("API_KEY")
"""


def write(project: Project, user: str, server: Server, head: str = HEAD) -> str:
    value = secrets.token_hex(12)
    (project.path / "key").write_text(value)
    (project.path / "key").chmod(0o600)
    project.write("tegmen.toml", '[secrets.API_KEY]\nsource = "file:key"\n')
    body = """
    print("pid", os.getpid(), os.getppid(), "key", KEY, KEY.reveal())
    self.client.get(f"/orders?key={KEY}", headers={"X-Key": KEY})
    raise RuntimeError(KEY.reveal())
    """
    project.one_task(body, user=user, host=server.origin, head=head)
    return value


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", ["locust", "python -m locust"])
def test_it_starts_again_under_tegmen_run(project: Project, echo_server: Server, user: str, way: str) -> None:
    value = write(project, user, echo_server)
    command = [*LOCUST[1:], "--csv", "out", "--logfile", "log"]
    program = [LOCUST[0]] if way == "locust" else [str(BIN / "python"), "-m", "locust"]
    result = project.run(*program, *command)
    assert result.status == 1, result.output
    assert echo_server.last.header("x-key") == value
    text = result.output + "".join(project.read(name) for name in ("log", "out_stats.csv", "out_exceptions.csv"))
    assert found(value, text) == set()
    assert result.output.count("plain locust: starting again under `tegmen run`") == 1
    assert "Not protected were the start of Locust" in result.stderr
    assert "key [API_KEY] [API_KEY]" in result.stdout and "/orders?key=[API_KEY]" in text
    assert "tegmen: [API_KEY] from file:key" in result.stderr


def test_the_process_stays_the_same_and_so_do_its_arguments(project: Project, echo_server: Server) -> None:
    """A supervisor that waits for the process it started has the run in it."""
    write(project, "HttpUser", echo_server)
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(project.path)}
    process = subprocess.Popen(
        LOCUST, cwd=project.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output, _ = process.communicate(timeout=60)
    (line,) = (line for line in output.splitlines() if line.startswith("pid"))
    assert line.split()[2] == str(process.pid), output


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("import subprocess\nchild = subprocess.Popen(['sleep', '9'])", "it has started other processes already"),
        ("import sys\nsys.settrace(lambda *_: None)", "a debugger is attached"),
        (
            "import os\nos.environ['TEGMEN_STARTED_AGAIN'] = '1'",
            "something on the way has taken out of its environment",
        ),
    ],
    ids=["children", "debugger", "again"],
)
def test_where_it_cannot_it_stops_and_says_why(project: Project, echo_server: Server, head: str, reason: str) -> None:
    value = write(project, "HttpUser", echo_server, head + HEAD)
    result = project.run(*LOCUST)
    assert (result.status, echo_server.connections) == (125, 0), result.output
    assert reason in result.stderr and "`tegmen run -- locust …`" in result.stderr
    assert value not in result.output and "Traceback" not in result.output


def test_a_python_without_the_command_is_told(
    project: Project, echo_server: Server, make_server: Callable[..., Server]
) -> None:
    write(
        project,
        "HttpUser",
        echo_server,
        "import shutil, sysconfig\nfrom pathlib import Path\nimport os\n"
        "os.access = lambda *_: False\nshutil.which = lambda *_: None\n" + HEAD,
    )
    result = project.run(*LOCUST)
    assert (result.status, echo_server.connections) == (125, 0), result.output
    assert "its command `tegmen` is not installed beside this Python" in result.stderr


def test_programs_that_are_not_locust_are_left_alone(project: Project) -> None:
    script = "from tegmen import Redactor; print(Redactor({'A': 'abcdefgh'}).redact('xabcdefgh'))"
    assert project.run(sys.executable, "-c", script).check().stdout == "x[A]\n"
    result = project.run(sys.executable, "-c", "import locust, tegmen; tegmen.secret('X')")
    assert result.status == 1 and "there is no broker" in result.stderr
