"""`make bench`: requests per second of Locust with and without Tegmen, in pairs in one run.

Each pair is measured within seconds, in changing order, so that a machine whose speed changes does so for both.
Locust has one core to itself and the server another, where there are two. The requests are counted at the server.

Two figures: requests per second, and requests per second of processor time that Locust and everything Tegmen runs
beside it have used. Locust's users do nothing but send requests, so it is at its limit, and on a machine with nothing
else to do the two say the same. On a busy one the second still holds; the aim is judged by it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
GOAL = 0.97

LOCUSTFILE = """
import os
from locust import FastHttpUser, HttpUser, constant, task

class Shopper({user}):
    wait_time = constant(0)

    @task
    def get(self):
        self.client.get("/", headers={headers})
"""

WITH_SECRET = '{"Authorization": "Bearer " + os.environ["API_KEY"]}'
WITHOUT_SECRET = '{"Accept": "text/plain"}'


@dataclass(frozen=True)
class Speed:
    """Requests per second on the clock, and per second of processor time."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Case:
    """What is measured: which user, and whether its requests carry a secret."""

    user: str
    headers: str

    @property
    def name(self) -> str:
        return f"{self.user}, {'a secret in each request' if 'API_KEY' in self.headers else 'no secret in the request'}"


class Server:
    """The fast server in a process of its own."""

    def __init__(self, cpu: int | None) -> None:
        script = Path(__file__).with_name("server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self._process.pid, cpu)
        self.origin = f"http://127.0.0.1:{self._read()}"

    def count(self) -> int:
        """Requests answered so far."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


def rate(case: Case, protected: bool, server: Server, cpu: int | None, seconds: float) -> Speed:
    """The speed in a window that begins when the users are warm."""
    with tempfile.TemporaryDirectory(prefix="tegmen-bench-") as folder, contextlib.ExitStack() as stack:
        Path(folder, "locustfile.py").write_text(LOCUSTFILE.format(user=case.user, headers=case.headers))
        locust = [str(BIN / "locust"), "--headless", "-u", "10", "-r", "10", "--only-summary", "-H", server.origin]
        tegmen = [str(BIN / "tegmen"), "run", "--secret", "API_KEY=env:API_KEY", "--hosts", server.origin, "--"]
        log = stack.enter_context(Path(folder, "log").open("wb"))
        process = subprocess.Popen(
            [*(tegmen if protected else []), *locust],
            cwd=folder,
            env={"PATH": os.pathsep.join([str(BIN), os.defpath]), "HOME": folder, "API_KEY": secrets.token_urlsafe(30)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        pin(process.pid, cpu)
        stack.callback(stop, process)
        before = server.count()
        deadline = time.monotonic() + 60
        while server.count() - before < 200:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: Locust sends nothing:\n{Path(folder, 'log').read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        first, started, used = server.count(), time.monotonic(), processor_time(process.pid)
        time.sleep(seconds)
        requests = server.count() - first
        return Speed(requests / (time.monotonic() - started), requests / (processor_time(process.pid) - used))


def processor_time(root: int) -> float:
    """Seconds of processor time that a process and its descendants have used until now (proc_pid_stat(5))."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {root}
    while found := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
        family |= found
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends Locust as Ctrl-C does. It sometimes misses one, with Tegmen and without: then it gets another."""
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


def pin(pid: int, cpu: int | None) -> None:
    if cpu is not None:
        os.sched_setaffinity(pid, {cpu})


def measure(case: Case, server: Server, cpu: int | None, pairs: int, seconds: float) -> float:
    """Measures the pairs of a case and shows them; returns the median of their ratios."""
    print(f"\n{case.name}", flush=True)
    ratios = []
    for number in range(pairs):
        order = (False, True) if number % 2 == 0 else (True, False)
        rates = {protected: rate(case, protected, server, cpu, seconds) for protected in order}
        plain, ours = rates[False], rates[True]
        ratios.append(ours.processor / plain.processor)
        print(
            f"  plain {plain.clock:6.0f}/s   tegmen {ours.clock:6.0f}/s   {ours.clock / plain.clock:6.1%}"
            f"     per processor second {plain.processor:6.0f}   {ours.processor:6.0f}   {ratios[-1]:6.1%}",
            flush=True,
        )
    return statistics.median(ratios)


def main() -> int:
    parser = argparse.ArgumentParser(description="Requests per second with and without Tegmen, in pairs.")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="length of each measurement")
    parser.add_argument("--check", action="store_true", help=f"exit status 1 if a median is below {GOAL:.0%}")
    options = parser.parse_args()

    cpus = sorted(os.sched_getaffinity(0))
    ours, theirs = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
    server = Server(theirs)
    try:
        cases = [
            Case(user, headers) for user in ("HttpUser", "FastHttpUser") for headers in (WITH_SECRET, WITHOUT_SECRET)
        ]
        medians = {case: measure(case, server, ours, options.pairs, options.seconds) for case in cases}
    finally:
        server.stop()
    print(f"\nRequests per processor second, median of {options.pairs} pairs; the aim is {GOAL:.0%} of plain Locust.")
    for case, median in medians.items():
        print(f"  {case.name:<40} {median:6.1%}   {'reached' if median >= GOAL else 'MISSED'}")
    return int(options.check and min(medians.values()) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
