"""Faults: whatever is killed or interrupted, whenever: nothing stays behind, and nothing comes out.

Moments are random. A failure shows its seed, with which `TEGMEN_FAULTS=SEED` tries the same again; `make soak` goes on
for longer, with other seeds.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Project
from demo.openbao import free_port
from demo.processes import tree
from support.aftermath import PATIENCE, Aftermath, below, name_of
from support.run import BIN, clean_environment
from support.server import Server

SEED = int(os.environ.get("TEGMEN_FAULTS") or secrets.randbelow(1 << 32))
#: How long to go on, in seconds; once for each fault if not said otherwise.
SOAK = float(os.environ.get("TEGMEN_SOAK") or 0)

#: Finds processes below that of `tegmen run`.
Who = Callable[[int], list[int]]

LOCUSTFILE = """\
import os

from locust import HttpUser, constant, task
from tegmen import secret

KEY = os.environ["API_KEY"]


class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task
    def order(self):
        self.client.get("/orders", headers={"X-Key": KEY})
        print("ordered with", KEY, "that is", secret("API_KEY").reveal(), flush=True)
"""
LOCUST = f"{BIN / 'locust'} -f locustfile.py"
USERS = "--headless -u 2 -r 2 -t 120s --csv out --html report.html --logfile log"


class Scene:
    """A load test under `tegmen run`, and who is who in it."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project = project
        self.server = server
        self.value = f"k3y-{secrets.token_hex(6)}+/={secrets.token_hex(6)}"
        self.after = Aftermath(project.path, {"the value": self.value})
        self.environment = clean_environment(
            project.path, {"TMPDIR": str(self.after.temporary), "API_KEY": self.value, "LOCUST_HOST": server.origin}
        )
        project.write("locustfile.py", LOCUSTFILE)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: str) -> subprocess.Popen[bytes]:
        with (self.project.path / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self.project.tegmen, "run", "--", "sh", "-c", command],
                cwd=self.project.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.process

    def status(self) -> int:
        """The exit status, as a shell would have it."""
        assert self.process
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running\n{self.output[-3000:]}") from None
        return status if status >= 0 else 128 - status

    @property
    def output(self) -> str:
        return self.project.read("output")


@pytest.fixture
def scene(project: Project, echo_server: Server) -> Iterator[Scene]:
    scene = Scene(project, echo_server)
    yield scene
    if scene.process and scene.process.poll() is None:
        for pid in tree(scene.process.pid):
            with_grace(pid, signal.SIGKILL)
        scene.process.wait()


def with_grace(pid: int, number: int) -> None:
    """A signal; who has ended meanwhile needs none."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


#: How a test is started. `{port}` is for the master.
SHAPES = {
    "single": f"exec {LOCUST} {USERS}",
    "forked": f"exec {LOCUST} {USERS} --processes 2 --master-bind-port {{port}} --master-port {{port}}",
    "shell": (
        f"{LOCUST} --worker --master-port {{port}} & {LOCUST} --worker --master-port {{port}} & "
        f"{LOCUST} {USERS} --master --master-bind-port {{port}} --expect-workers 2; wait"
    ),
}


def broker(pid: int) -> list[int]:
    # Before there is a helper, nobody would remove the directory of PYTHONPATH. It holds a file of the wheel.
    return [pid] if helper(pid) else []


def helper(pid: int) -> list[int]:
    return below(pid, "run-helper")


def child(pid: int) -> list[int]:
    """What the broker has started for us."""
    return [found for found in tree(pid)[1:] if parent(found) == pid and name_of(found) != "run-helper"]


def locusts(pid: int) -> list[int]:
    return below(pid, "locust")


def worker_of_the_shell(pid: int) -> list[int]:
    # The master comes last.
    return locusts(pid)[:2] if len(locusts(pid)) == 3 else []


def master_of_the_shell(pid: int) -> list[int]:
    return locusts(pid)[2:]


def worker_of_a_master(pid: int) -> list[int]:
    return [found for found in locusts(pid) if parent(found) != pid]


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


#: Who is killed in which shape, and what `tegmen run` ends with then; `None`: the test goes on, and is told to end.
KILLED: list[tuple[str, Who, int | None]] = [
    ("single", broker, 137),
    ("single", child, 137),
    ("single", helper, None),
    ("forked", broker, 137),
    ("forked", child, 137),
    ("forked", worker_of_a_master, None),
    ("shell", broker, 137),
    ("shell", child, 137),
    ("shell", master_of_the_shell, None),
    ("shell", worker_of_the_shell, None),
]
#: Locust's own, and those of who was told to end before there was anybody to listen.
ENDED = {0, 1, 143}


def kill(scene: Scene, moments: random.Random, shape: str, who: Who, expected: int | None) -> None:
    process = scene.start(SHAPES[shape].format(port=free_port()))
    deadline = time.monotonic() + PATIENCE
    while not (victims := who(process.pid)):
        assert process.poll() is None and time.monotonic() < deadline, scene.output
        time.sleep(0.005)
    # Half of them while it starts, the other half while it works.
    moment = time.monotonic() + moments.choice([moments.uniform(0, 1), moments.uniform(1, 4)])
    while time.monotonic() < moment:
        scene.after.look()
        time.sleep(min(0.05, max(0, moment - time.monotonic())))
    with_grace(moments.choice(who(process.pid) or victims), signal.SIGKILL)
    if expected is None:
        time.sleep(moments.uniform(0, 0.5))
        with_grace(process.pid, signal.SIGTERM)
        assert scene.status() in ENDED, scene.output
    else:
        assert scene.status() == expected, scene.output
    scene.after.check()


@pytest.mark.parametrize(("shape", "who", "expected"), KILLED, ids=lambda value: getattr(value, "__name__", str(value)))
def test_whoever_is_killed(scene: Scene, shape: str, who: Who, expected: int | None) -> None:
    print(f"TEGMEN_FAULTS={SEED}")
    kill(scene, random.Random(f"{SEED} {shape} {who.__name__}"), shape, who, expected)


#: What a person, a terminal, a service or a shell may send. SIGKILL cannot be heard.
SIGNALS = [
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGWINCH,
]


def send_in_any_order(scene: Scene, moments: random.Random, shape: str) -> None:
    process = scene.start(SHAPES[shape].format(port=free_port()))
    time.sleep(moments.uniform(0, 3))
    order = moments.choices(SIGNALS, k=moments.randint(1, 12))
    for number in order:
        scene.after.look()
        if process.poll() is None:
            if moments.random() < 0.3:
                os.killpg(process.pid, number)
            else:
                os.kill(process.pid, number)
        time.sleep(moments.choice([0, 0, moments.uniform(0, 0.3)]))
    for number in (signal.SIGCONT, signal.SIGTERM):
        if process.poll() is None:
            os.kill(process.pid, number)
    status = scene.status()
    told = [number.name for number in order]
    assert status in ENDED | {128 + number for number in order}, (status, told, scene.output)
    scene.after.check()


@pytest.mark.parametrize("shape", ["single", "forked"])
def test_signals_in_any_order(scene: Scene, shape: str) -> None:
    print(f"TEGMEN_FAULTS={SEED}")
    send_in_any_order(scene, random.Random(f"{SEED} {shape}"), shape)


@pytest.mark.skipif(not SOAK, reason="`make soak` runs it")
def test_soak(tmp_path: Path, tegmen_bin: Path, echo_server: Server) -> None:
    """All of these over and over, each time with other moments."""
    print(f"TEGMEN_FAULTS={SEED}")
    moments = random.Random(SEED)
    end, number = time.monotonic() + SOAK, 0
    while time.monotonic() < end:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        scene = Scene(Project(folder, tegmen_bin), echo_server)
        if moments.random() < 0.25:
            shape = moments.choice(list(SHAPES))
            print(f"{number}: signals, {shape}", flush=True)
            send_in_any_order(scene, moments, shape)
        else:
            shape, who, expected = moments.choice(KILLED)
            print(f"{number}: kill {who.__name__}, {shape}", flush=True)
            kill(scene, moments, shape, who, expected)
        shutil.rmtree(folder)
