"""`make bench`: requests per second of Locust with and without Tegmen, side by side in one run.

Both run at once and take turns of a fraction of a second on the same core: one is stopped (SIGSTOP) while the other
works. So a machine whose speed changes does so for both. The server has another core, where there is one, and counts
the requests.

The figure is requests per second of processor time that Locust and everything Tegmen runs beside it have used. Locust's
users do nothing but send requests, so it is at its limit, and on a machine with nothing else to do this is the same as
requests per second on the clock. On a busy one it still holds.

Two processes of the same program differ by some percent for as long as they live: by where things lie in memory, and
by the seed of Python's hashes. So there are several pairs, both of one with the same seed, and the median is given.
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

    def on_start(self):
        # Locust has requests look at no variable of the environment; FastHttpUser verifies nothing.
        if isinstance(self, HttpUser) and "REQUESTS_CA_BUNDLE" in os.environ:
            self.client.verify = os.environ["REQUESTS_CA_BUNDLE"]

    @task
    def get(self):
        self.client.get("/", headers={headers})
"""

WITH_SECRET = '{"Authorization": "Bearer " + os.environ["API_KEY"]}'
WITHOUT_SECRET = '{"Accept": "text/plain"}'


@dataclass(frozen=True)
class Case:
    """What is measured: which user, and whether its requests carry a secret."""

    user: str
    headers: str
    #: What the server answers: see `server.py`.
    answer: str = ""
    tls: bool = False

    @property
    def name(self) -> str:
        secret = "a secret in each request" if "API_KEY" in self.headers else "no secret in the request"
        return f"{self.user}, {secret}{', 8 KB of JSON' if self.answer else ''}{', TLS' if self.tls else ''}"


class Server:
    """The fast server in a process of its own; with TLS where there is a folder for the certificate."""

    def __init__(self, cpu: int | None, answer: str = "", folder: Path | None = None) -> None:
        arguments = [answer]
        #: What signed its certificate.
        self.authority: Path | None = None
        if folder is not None:
            import trustme

            authority = trustme.CA()
            certificate, self.authority = folder / "server.pem", folder / "authority.pem"
            authority.cert_pem.write_to_path(self.authority)
            authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
            arguments.append(str(certificate))
        script = Path(__file__).with_name("server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self._process.pid, cpu)
        self.origin = f"{'http' if folder is None else 'https'}://127.0.0.1:{self._read()}"

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


def started(
    folder: Path, log: Path, origin: str, users: int, variable: str, protected: bool, seed: int = 0, **env: str
) -> subprocess.Popen[bytes]:
    """Locust in that folder, with a new secret in that variable; under `tegmen run` if it is protected. With that seed
    for Python's hashes."""
    locust = [str(BIN / "locust"), "--headless", "-u", str(users), "-r", str(users), "--only-summary", "-H", origin]
    tegmen = [str(BIN / "tegmen"), "run", "--secret", f"{variable}=env:{variable}", "--hosts", origin, "--"]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*(tegmen if protected else []), *locust],
            cwd=folder,
            env={
                "PATH": os.pathsep.join([str(BIN), os.defpath]),
                "HOME": str(folder),
                "PYTHONHASHSEED": str(seed),
                variable: secrets.token_urlsafe(30),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


class Contender:
    """A Locust that is stopped, but for its turns."""

    def __init__(self, case: Case, protected: bool, server: Server, cpu: int | None, folder: Path, seed: int) -> None:
        folder.mkdir()
        Path(folder, "locustfile.py").write_text(LOCUSTFILE.format(user=case.user, headers=case.headers))
        self._server = server
        self._log = folder / "log"
        trusted = {"REQUESTS_CA_BUNDLE": str(server.authority)} if server.authority else {}
        self._process = started(folder, self._log, server.origin, 10, "API_KEY", protected, seed, **trusted)
        pin(self._process.pid, cpu)
        self._family: list[int] = []
        self.requests = 0
        self.used = 0

    def warm(self) -> None:
        """Waits until it sends requests, and stops it."""
        before = self._server.count()
        deadline = time.monotonic() + 60
        while self._server.count() - before < 1000:
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: Locust sends nothing:\n{self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        self._family = descendants(self._process.pid)
        self._signal(signal.SIGSTOP)

    def turn(self, seconds: float) -> None:
        """Lets it work for a while, and counts."""
        first, before = self._server.count(), processor_time(self._family)
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)
        # What was sent is answered while it stands still.
        time.sleep(0.01)
        self.requests += self._server.count() - first
        self.used += processor_time(self._family) - before

    def speed(self) -> float:
        """Requests per second of processor time."""
        return self.requests / (self.used / 1e9)

    def stop(self) -> None:
        """Ends Locust as Ctrl-C does. It sometimes misses one, with Tegmen and without: then it gets another."""
        self._signal(signal.SIGCONT)
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
                return

    def _signal(self, number: int) -> None:
        for pid in self._family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def descendants(root: int) -> list[int]:
    """A process and all that come from it, the parents first (proc_pid_stat(5))."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = [root]
    while found := [pid for pid, parent in parents.items() if parent in family and pid not in family]:
        family += found
    return family


def processor_time(pids: list[int]) -> int:
    """Nanoseconds that these processes have spent on a processor until now (the first field of schedstat)."""
    used = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                used += int(path.read_text().split()[0])
    return used


def pin(pid: int, cpu: int | None) -> None:
    if cpu is not None:
        os.sched_setaffinity(pid, {cpu})


def pair(case: Case, server: Server, cpu: int | None, turns: int, seconds: float) -> tuple[float, float]:
    """Requests per second of a new pair, plain and protected."""
    seed = secrets.randbelow(2**32)
    with tempfile.TemporaryDirectory(prefix="tegmen-bench-") as folder, contextlib.ExitStack() as stack:
        both = []
        for protected in (False, True):
            contender = Contender(case, protected, server, cpu, Path(folder, str(protected)), seed)
            stack.callback(contender.stop)
            contender.warm()
            both.append(contender)
        for number in range(turns):
            for contender in both if number % 2 else reversed(both):
                contender.turn(seconds)
        plain, ours = (contender.speed() for contender in both)
        return plain, ours


def measure(case: Case, server: Server, cpu: int | None, options: argparse.Namespace) -> float:
    """Lets several pairs run, one after the other, and returns the median of their ratios."""
    speeds = [pair(case, server, cpu, options.turns, options.seconds) for _ in range(options.pairs)]
    ratios = sorted(ours / plain for plain, ours in speeds)
    ratio = statistics.median(ratios)
    plain, ours = (statistics.median(column) for column in zip(*speeds, strict=True))
    spread = f"{ratios[0]:.1%} to {ratios[-1]:.1%}"
    print(f"  {case.name:<54} {plain:10.0f} {ours:10.0f} {ratio:8.1%}   {spread}", flush=True)
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description="Requests per second with and without Tegmen, side by side.")
    parser.add_argument(
        "--pairs", type=int, default=7, help="how many pairs of processes there are, one after the other"
    )
    parser.add_argument("--turns", type=int, default=12, help="how often each of the two has its turn")
    parser.add_argument("--seconds", type=float, default=0.25, help="length of a turn")
    parser.add_argument("--only", default="", help="only cases with this in their name")
    parser.add_argument("--check", action="store_true", help=f"exit status 1 if a ratio is below {GOAL:.0%}%")
    options = parser.parse_args()

    cpus = sorted(os.sched_getaffinity(0))
    ours, theirs = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
    print(f"Requests per second of processor time; the aim is {GOAL:.0%} of plain Locust.\n")
    print(f"  {'':<54} {'plain':>10} {'tegmen':>10} {'ratio':>8}   of the pairs", flush=True)
    users = ("HttpUser", "FastHttpUser")
    cases = [Case(user, headers) for user in users for headers in (WITH_SECRET, WITHOUT_SECRET)]
    cases += [Case(user, WITH_SECRET, "json") for user in users]
    cases += [Case(user, WITH_SECRET, tls=True) for user in users]
    ratios = []
    for case in cases:
        if options.only not in case.name:
            continue
        with tempfile.TemporaryDirectory(prefix="tegmen-bench-") as folder:
            server = Server(theirs, case.answer, Path(folder) if case.tls else None)
            try:
                ratios.append(measure(case, server, ours, options))
            finally:
                server.stop()
    return int(options.check and min(ratios) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
