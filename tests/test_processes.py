"""Several processes: forked workers, a master and workers under brokers of their own, all of them under one.

Whatever goes from one to another passes a relay that keeps it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import Project
from demo.openbao import free_port
from demo.processes import readable, tree
from demo.relay import Relay
from support.hunt import files_of, leaks, tag_in
from support.run import BIN, clean_environment
from support.server import Request, Response, Server

SPREAD = Path(__file__).with_name("support") / "spread.py"
LOCUST = f"{BIN / 'locust'} -f locustfile.py"
USERS = 4
MASTER = f"--headless -u {USERS} -r {USERS} -t 2s --expect-workers 2 --csv out --html report.html --print-stats"


def echo(request: Request) -> Response:
    return Response(200, b"you sent " + request.raw)


@dataclass
class Run:
    """A run and all that it left behind."""

    folder: Path
    server: Server
    tegmen: Path
    value: str = field(default_factory=lambda: f"k3y-{secrets.token_hex(6)}+/={secrets.token_hex(6)}")
    late: str = field(default_factory=lambda: f"late-{secrets.token_hex(12)}")
    channels: dict[str, bytes] = field(default_factory=dict)
    #: How many processes were looked into, by the name of their program.
    looked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.source = self.folder.parent / f"{self.folder.name}-key"
        self.source.write_text(self.value)

    def start(self, stack: ExitStack, name: str, command: str) -> subprocess.Popen[bytes]:
        """Starts a shell command under `tegmen run`, each with its own broker."""
        environment = clean_environment(self.folder, {"LATE": self.late[::-1]})
        process = subprocess.Popen(
            [self.tegmen, "run", "--secret", f"API_KEY=file:{self.source}", "--", "sh", "-c", command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stack.enter_context((self.folder / f"{name}.stdout").open("wb")),
            stderr=stack.enter_context((self.folder / f"{name}.stderr").open("wb")),
            start_new_session=True,
        )
        stack.callback(end, process)
        return process

    def wait(self, *processes: subprocess.Popen[bytes]) -> None:
        """Until all have ended; meanwhile looks at what can be read of every process."""
        seen = b""
        deadline = time.monotonic() + 60
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < deadline, "still running\n" + self.text("stderr")
            for process in processes:
                for pid in tree(process.pid):
                    seen += readable(pid)
                    self.looked.add(name_of(pid))
            time.sleep(0.2)
        self.channels |= {"environ and cmdline": seen} | files_of(self.folder, "tag", "locustfile.py")

    def text(self, ending: str) -> str:
        """All files whose name ends so."""
        return "".join(file.read_text(errors="replace") for file in sorted(self.folder.glob(f"*{ending}")))

    def check(self) -> None:
        """Nothing came out; everything arrived; names are the same everywhere."""
        tag = tag_in((self.folder / "tag").read_text())
        searched = {"the value": self.value, "late": self.late, "the run's tag": tag}
        environment = self.channels.pop("environ and cmdline")
        told = leaks(self.channels, searched) + leaks({"/proc": environment}, {"the value": self.value})
        assert not told, "\n".join(told)
        assert b"\x1b" not in self.channels["master.stdout"]
        requests = self.server.requests
        assert len({request.header("x-pid") for request in requests}) == 2, "both workers sent requests"
        for request in requests:
            sent = {
                name: request.header(f"x-{name}") for name in ("key", "told", "bytes", "real", "bearer", "deep", "late")
            }
            assert sent == dict.fromkeys(("key", "told", "bytes", "real"), self.value) | dict.fromkeys(
                ("bearer", "deep"), f"Bearer {self.value}"
            ) | {"late": self.late}
        rows = re.findall(r"GET,/named/\[API_KEY\]\?late=\[LATE_TOKEN\],(\d+),(\d+),", self.text("out_stats.csv"))
        assert len(rows) == 1, "all in one row"
        counted, failed = map(int, rows[0])
        # A user who is stopped while its request is on the way does not count it.
        assert counted == failed
        assert len(requests) - USERS <= counted <= len(requests)
        assert "you sent GET /named/[API_KEY]?late=[LATE_TOKEN]" in self.text("out_failures.csv")
        assert "raised [API_KEY] [API_KEY]" in self.text("out_exceptions.csv")
        assert "printed [API_KEY] [API_KEY]" in self.text("stdout")
        assert "logged [API_KEY] [API_KEY]" in self.text("stderr")
        assert (self.folder / "answered").exists(), "what a worker sent back is the master's own placeholder"
        assert "names the secret [MINTED], which this process does not have" in self.text("stderr")


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def run(project: Project, make_server: Callable[..., Server]) -> Run:
    shutil.copy(SPREAD, project.path / "locustfile.py")
    return Run(project.path, make_server(respond=echo), project.tegmen)


@pytest.fixture
def wires() -> Iterator[tuple[Relay, int]]:
    """A relay for the workers, and the port of the master behind it."""
    port = free_port()
    with Relay(port) as relay:
        yield relay, port


def test_forked_workers(run: Run, wires: tuple[Relay, int]) -> None:
    relay, port = wires
    command = f"exec {LOCUST} -H {run.server.origin} {MASTER} --processes 2 --master-bind-port {port}"
    command += f" --master-host 127.0.0.1 --master-port {relay.port}"
    with ExitStack() as stack:
        run.wait(run.start(stack, "master", command))
    run.channels["ZMQ"] = relay.seen
    assert len(relay.seen) > 2000
    run.check()
    assert {"tegmen", "locust"} <= run.looked


def test_a_master_and_workers_with_brokers_of_their_own(run: Run, wires: tuple[Relay, int]) -> None:
    relay, port = wires
    with ExitStack() as stack:
        master = run.start(
            stack, "master", f"exec {LOCUST} -H {run.server.origin} {MASTER} --master --master-bind-port {port}"
        )
        worker = f"exec {LOCUST} -H {run.server.origin} --worker --master-host 127.0.0.1 --master-port {relay.port}"
        run.wait(master, *(run.start(stack, f"worker{number}", worker) for number in (1, 2)))
    run.channels["ZMQ"] = relay.seen
    assert b"tegmen:API_KEY" in relay.seen, "what scripts send each other travels by its name"
    run.check()


def test_a_master_and_workers_under_one_shell(run: Run, wires: tuple[Relay, int]) -> None:
    relay, port = wires
    worker = f"{LOCUST} -H {run.server.origin} --worker --master-host 127.0.0.1 --master-port {relay.port}"
    master = f"{LOCUST} -H {run.server.origin} {MASTER} --master --master-bind-port {port}"
    with ExitStack() as stack:
        run.wait(run.start(stack, "master", f"{worker} & {worker} & {master}; status=$?; wait; exit $status"))
    run.channels["ZMQ"] = relay.seen
    run.check()
    assert "sh" in run.looked


def test_a_worker_that_is_not_told_its_target_sends_nothing(run: Run, wires: tuple[Relay, int]) -> None:
    """The master's word is not enough without a cluster key: whoever could pose as a master would get the secrets."""
    relay, port = wires
    with ExitStack() as stack:
        options = MASTER.replace("--expect-workers 2", "--expect-workers 1").replace("-t 2s", "-t 1s")
        master = run.start(
            stack, "master", f"exec {LOCUST} -H {run.server.origin} {options} --master --master-bind-port {port}"
        )
        worker = f"exec {LOCUST} --worker --master-host 127.0.0.1 --master-port {relay.port}"
        run.wait(master, run.start(stack, "worker", worker))
    assert run.server.requests == []
    said = run.text("stderr")
    assert "this worker has no host: it takes none from a master without a cluster key. Start it with --host" in said
