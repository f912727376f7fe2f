"""The example's shop as a process of its own, for the demo and the tests."""

from __future__ import annotations

import json
import secrets
import shutil
import string
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parent.parent / "shop" / "shop.py"


@dataclass(frozen=True)
class Credentials:
    """What the shop accepts. Made up anew each time; `key_tail` is the part of the key that is random."""

    api_key: str
    user: str
    password: str

    @classmethod
    def make(cls) -> Credentials:
        """A key that looks like a payment provider's, and a password with characters that need encoding."""
        return cls("sk" + "_live_" + _letters(32), "load-test", f'{_letters(12)}+/&=%"{_letters(12)}')

    @property
    def key_tail(self) -> str:
        """The key without its prefix, which says nothing."""
        return self.api_key.rpartition("_")[2]


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))


def _port(process: subprocess.Popen[bytes], credentials: Credentials, port_file: Path) -> int:
    """Hands the credentials over and waits for the port."""
    assert process.stdin
    process.stdin.write(json.dumps(vars(credentials)).encode())
    process.stdin.close()
    deadline = time.monotonic() + 20
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise OSError("the shop did not start; its message is above")
        time.sleep(0.02)
    return int(port_file.read_text())


@dataclass
class Shop:
    """A running shop. Use it as a context manager, or call `stop()`."""

    origin: str
    credentials: Credentials
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, credentials: Credentials | None = None) -> Shop:
        """Starts it on a free port and waits until it listens. The credentials go in through standard input."""
        credentials = credentials or Credentials.make()
        folder = Path(tempfile.mkdtemp(prefix="tegmen-shop-"))
        try:
            port_file = folder / "port"
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), "--credentials", "-", "--port-file", str(port_file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                return cls(f"http://127.0.0.1:{_port(process, credentials, port_file)}", credentials, process)
            except BaseException:
                process.kill()
                process.wait()
                raise
        finally:
            shutil.rmtree(folder)

    def counts(self) -> dict[str, Any]:
        """`accepted` and `refused` requests so far, the `refusals`, what reached the `partner`, and all `sessions`."""
        with urllib.request.urlopen(f"{self.origin}/-/counts", timeout=10) as answer:
            counts: dict[str, Any] = json.load(answer)
            return counts

    def stop(self) -> None:
        """Ends the server."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
