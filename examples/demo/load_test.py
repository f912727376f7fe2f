"""One run of real Locust with everything switched on that can give a secret away, and what came out of each channel."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo import processes
from demo.openbao import free_port
from demo.relay import Relay

LOCUST = str(Path(sys.executable).with_name("locust"))

#: Pages of the web UI that anybody may ask for.
PAGES = (
    "/",
    "/stats/requests",
    "/stats/requests/csv",
    "/stats/failures/csv",
    "/stats/report",
    "/exceptions",
    "/exceptions/csv",
    "/logs",
    "/tasks",
)

RUN_SECONDS = 6


class LoadTestError(Exception):
    """Locust did not come so far that anything could be said about it."""


@dataclass
class Outcome:
    """What a run left behind.

    `channels` maps where somebody may look to what stands there; `accepted` and `refused` is what the shop counted.
    """

    status: int | None
    channels: dict[str, bytes] = field(default_factory=dict)
    accepted: int = 0
    refused: int = 0

    def line_with(self, channel: str, words: str) -> str:
        """The first line of a channel that contains the words."""
        lines = self.channels[channel].decode(errors="replace").splitlines()
        return next((line.strip() for line in lines if words in line), "")


@dataclass
class LoadTest:
    """`command` is what stands before Locust's own arguments: nothing, or `tegmen run … --`."""

    folder: Path
    host: str
    environment: Mapping[str, str]
    command: tuple[str, ...] = ()

    def run(self, census: processes.Census, during: Callable[[], None] = lambda: None) -> Outcome:
        """Runs master, two workers, web UI, CSV, HTML and log file; calls `during` once while users are running."""
        out = self.folder / "out"
        out.mkdir()
        web, master = free_port(), free_port()
        with Relay(master) as relay, (out / "stdout").open("wb") as stdout, (out / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [*self.command, *self._locust(web, master, relay.port)],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                ui = WebUi(web, process, out)
                ui.wait_for({"running"}, 60)
                environment = b""
                for _ in range(3):
                    time.sleep(RUN_SECONDS / 4)
                    census.take()
                    environment += b"".join(processes.readable(pid) for pid in processes.tree(process.pid))
                during()
                ui.wait_for({"stopped"}, RUN_SECONDS + 30)
                pages = b"".join(ui.page(path) for path in PAGES)
                census.take()
            finally:
                # Ctrl-C, as a person would end it: Locust then writes its reports.
                status = processes.end(process, (signal.SIGINT, 20), (signal.SIGTERM, 5))
            zmq = relay.seen
        return Outcome(
            status,
            {
                "source code and .pyc": self._project(out),
                "stdout and stderr": (out / "stdout").read_bytes() + (out / "stderr").read_bytes(),
                "log file": (out / "locust.log").read_bytes(),
                "CSV files": b"".join(file.read_bytes() for file in sorted(out.glob("stats*.csv"))),
                "HTML report": (out / "report.html").read_bytes(),
                "web UI": pages,
                "/proc/PID/environ": environment,
                "ZMQ, worker to master": zmq,
            },
        )

    def _locust(self, web: int, master: int, relay: int) -> list[str]:
        words = f"""{LOCUST} -f locustfile.py --host {self.host} --users 6 --spawn-rate 6 --run-time {RUN_SECONDS}s
            --autostart --web-host 127.0.0.1 --web-port {web} --processes 2
            --master-bind-host 127.0.0.1 --master-bind-port {master} --master-host 127.0.0.1 --master-port {relay}
            --csv out/stats --csv-full-history --html out/report.html --logfile out/locust.log"""
        return words.split()

    def _project(self, out: Path) -> bytes:
        files = (file for file in sorted(self.folder.rglob("*")) if file.is_file() and out not in file.parents)
        return b"\n".join(file.read_bytes() for file in files)


class WebUi:
    """Locust's web UI, as a browser on this machine sees it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], out: Path) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self._process = process
        self._out = out

    def page(self, path: str) -> bytes:
        """A page's headers and body; a page that is not there is an error."""
        with urllib.request.urlopen(self._origin + path, timeout=10) as answer:
            body: bytes = answer.read()
        return str(answer.headers).encode() + body

    def wait_for(self, states: set[str], seconds: float) -> None:
        """Waits until the test is in one of the states."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise LoadTestError(f"Locust ended with status {self._process.returncode}:\n{self._output()}")
            try:
                with urllib.request.urlopen(self._origin + "/stats/requests", timeout=10) as answer:
                    if json.load(answer)["state"] in states:
                        return
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        raise LoadTestError(f"Locust did not get to {' or '.join(states)} in {seconds:.0f} s:\n{self._output()}")

    def _output(self) -> str:
        parts = ("stdout", "stderr", "locust.log")
        text = "".join((self._out / name).read_text(errors="replace") for name in parts if (self._out / name).exists())
        return "\n".join(text.splitlines()[-40:])
