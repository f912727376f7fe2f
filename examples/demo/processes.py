"""Which processes run below another one, what anybody of the same user can read about them, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

PROC = Path("/proc")


def tree(root: int) -> list[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def _parent(pid: int) -> int | None:
    try:
        # The name may hold anything, also brackets and blanks: what counts stands after the last bracket.
        return int((PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def identity(pid: int) -> str | None:
    """The process by its start time, since a pid is used again; None if there is none, or only its remains."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{pid}:{fields[19]}"


def readable(pid: int) -> bytes:
    """Environment and arguments, as far as they can be read."""
    text = b""
    for name in ("environ", "cmdline"):
        with contextlib.suppress(OSError):
            text += (PROC / str(pid) / name).read_bytes() + b"\0"
    return text


class Census:
    """Remembers every process that was started below us, to say at the end whether one is left."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def take(self) -> None:
        """Notes what runs below this process now."""
        self.seen |= {name for pid in tree(os.getpid())[1:] if (name := identity(pid))}

    def left(self) -> list[int]:
        """Those noted that still run."""
        return [pid for name in self.seen if identity(pid := int(name.partition(":")[0])) == name]


def end(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> int | None:
    """Sends the signals in turn, each followed by some seconds of patience; then kills the whole process group."""
    try:
        for number, seconds in signals:
            if process.poll() is None:
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
        return process.poll()
    finally:
        # Also when somebody presses Ctrl-C again while we are patient.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_gone(census: Census, seconds: float) -> list[int]:
    """What is still left when the time is up; it is killed, and named so that somebody looks into it."""
    deadline = time.monotonic() + seconds
    while (left := census.left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left
