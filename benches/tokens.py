"""`make bench-tokens`: what it costs that every simulated user has a token of its own, beside plain Locust.

Each of 10,000 FastHttpUsers logs in with a password, which is a secret, gets an access token and a session cookie, and
sends one request with the token. Tegmen learns both from each answer, in the process and in the broker. Once there is
nothing to learn, and once both, so that the cost of the tokens stands apart from that of the request.

Both run at once and take turns on the same core, as in throughput.py. Time is processor time of Locust and all that is
beside it, from the first login to the last request; memory is what they occupy at the end more than at the first login.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from throughput import Server, descendants, pin, processor_time, started

LOCUSTFILE = """
import json, os
from locust import FastHttpUser, constant, task
from geventhttpclient.client import HTTPClientPool

class Shopper(FastHttpUser):
    wait_time = constant(100_000)
    # 10,000 connections are not what is measured.
    client_pool = HTTPClientPool(concurrency=10)

    @task
    def log_in(self):
        with self.client.post("/login", json={"password": os.environ["PASSWORD"]}, catch_response=True) as response:
            self.token = json.loads(response.text)["given"]
            response.success()
        self.client.get("/orders", headers={"Authorization": "Bearer " + self.token})
"""


class Logins(asyncio.Protocol):
    """One connection. A body is short, and comes with its head or directly after it."""

    count = 0
    #: The name under which the token is given out, and with it whether it is one to be learnt.
    issues = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, rest = self.data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(rest) < length:
                return
            self.data = rest[length:]
            Logins.count += 1
            self.transport.write(answer(head.startswith(b"POST")))  # type: ignore[attr-defined]


def answer(is_login: bool) -> bytes:
    token, session = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    cookie = f"Set-Cookie: sessionid={session}; HttpOnly\r\n" if is_login and Logins.issues else ""
    name = ', "access_token": "' + token + '"' if Logins.issues else ', "colour_of_it": "' + token + '"'
    body = '{"given": "' + token + '"' + name + "}" if is_login else "ok"
    kind = "application/json" if is_login else "text/plain"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{cookie}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Logins, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(Logins.count, flush=True)


class Login(Server):
    """The server in a process of its own."""

    def __init__(self, cpu: int | None, issues: bool) -> None:
        command = [sys.executable, __file__, "--serve", "tokens" if issues else "nothing"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pin(self._process.pid, cpu)
        self.origin = f"http://127.0.0.1:{self._read()}"


def occupied(pids: list[int]) -> int:
    """Kilobytes of memory of these processes (VmRSS of proc_pid_status(5))."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/status").read_text()
            total += int(text.partition("VmRSS:")[2].split()[0]) if "VmRSS:" in text else 0
    return total


class Contender:
    """A Locust that is stopped, but for its turns, until all of its users have done what they do."""

    def __init__(self, protected: bool, issues: bool, users: int, cpus: tuple[int | None, int | None], folder: Path):
        folder.mkdir()
        (folder / "locustfile.py").write_text(LOCUSTFILE)
        self.server = Login(cpus[1], issues)
        self.users, self._log = users, folder / "log"
        self._process = started(folder, self._log, self.server.origin, users, "PASSWORD", protected)
        pin(self._process.pid, cpus[0])
        deadline = time.monotonic() + 120
        while self.server.count() == 0:
            self._check(deadline)
            time.sleep(0.02)
        self._family = descendants(self._process.pid)
        self._signal(signal.SIGSTOP)
        self.done_before, self._used_before = self.server.count(), processor_time(self._family)
        self._memory_before = occupied(self._family)
        self.is_done = False

    def turn(self, seconds: float, deadline: float) -> None:
        if self.is_done:
            return
        self._check(deadline)
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)
        time.sleep(0.01)
        self.is_done = self.server.count() >= 2 * self.users
        self.used = processor_time(self._family) - self._used_before
        self.memory = occupied(self._family) - self._memory_before

    def stop(self) -> None:
        self._signal(signal.SIGCONT)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
                break
        self.server.stop()

    def _check(self, deadline: float) -> None:
        if self._process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"error: Locust does not go on:\n{self._log.read_text(errors='replace')[-3000:]}")

    def _signal(self, number: int) -> None:
        for pid in self._family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def measure(users: int, issues: bool, rounds: int, cpus: tuple[int | None, int | None]) -> None:
    """Lets both take their turns until they are done, some times; prints the medians."""
    plain, ours = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="tegmen-bench-") as folder, contextlib.ExitStack() as stack:
            both = []
            for protected in (False, True):
                contender = Contender(protected, issues, users, cpus, Path(folder, str(protected)))
                stack.callback(contender.stop)
                both.append(contender)
            deadline = time.monotonic() + 900
            while not all(contender.is_done for contender in both):
                for contender in both:
                    contender.turn(0.25, deadline)
            for contender, figures in zip(both, (plain, ours), strict=True):
                done = 2 * users - contender.done_before
                figures.append((contender.used / done * 2 / 1e3, contender.memory / users))
    (time_plain, memory_plain), (time_ours, memory_ours) = (
        [sorted(column)[len(column) // 2] for column in zip(*figures, strict=True)] for figures in (plain, ours)
    )
    what = "a token and a session each" if issues else "nothing to learn"
    print(
        f"  {what:<28} {time_plain:9.0f} {time_ours:9.0f} {time_plain / time_ours:8.1%} "
        f"{memory_plain:10.1f} {memory_ours:10.1f}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="A token for each user, beside plain Locust.")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=["tokens", "nothing"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        Logins.issues = options.serve == "tokens"
        asyncio.run(serve())
        return 0
    available = sorted(os.sched_getaffinity(0))
    cpus = (available[0], available[1]) if len(available) > 1 else (None, None)
    print(f"{options.users} users; for each of them (a login and a request), median of {options.rounds} rounds\n")
    print(f"  {'':<28} {'plain, us':>9} {'tegmen':>9} {'ratio':>8} {'plain, KB':>10} {'tegmen':>10}", flush=True)
    for issues in (False, True):
        measure(options.users, issues, options.rounds, cpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
