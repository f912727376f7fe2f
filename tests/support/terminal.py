"""Programs at a terminal: types keys, resizes the window, keeps everything shown; and a look at their processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pexpect

from support.run import clean_environment


class Log:
    """All that a terminal showed. The methods are those that pexpect calls."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        """Keeps it."""
        self.text += text

    def flush(self) -> None:
        """Nothing to do."""


class Terminal:
    """A program that leads a terminal of its own, as an emulator starts it: 24 lines of 200 characters."""

    def __init__(self, command: Sequence[str], cwd: Path, **variables: str) -> None:
        self.log = Log()
        env = clean_environment(cwd, {"TERM": "xterm", "PS1": "$ ", **variables})
        self.process = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(cwd),
            env=env,
            encoding="utf-8",
            codec_errors="replace",
            timeout=60,
            dimensions=(24, 200),
        )
        self.process.logfile_read = self.log

    @property
    def pid(self) -> int:
        """Of the program, which leads the terminal's session and foreground."""
        return int(self.process.pid)

    @property
    def shown(self) -> str:
        """Everything shown so far."""
        return self.log.text

    def expect(self, text: str) -> None:
        """Waits until this is shown, after what was waited for before."""
        self.process.expect_exact(text)

    def keys(self, keys: str) -> None:
        """Types them."""
        self.process.send(keys)

    def line(self, text: str) -> None:
        """Types a line and waits for its echo, so that `expect` finds what is answered, not what was typed."""
        self.process.sendline(text)
        self.process.expect_exact("\n")

    def ctrl_c(self) -> None:
        """The key."""
        self.process.sendintr()

    def ctrl_z(self) -> None:
        """The key."""
        self.process.send("\x1a")

    def resize(self, lines: int, columns: int) -> None:
        """As when the window is dragged."""
        self.process.setwinsize(lines, columns)

    def end(self) -> int:
        """Waits for the end; the exit status, 128+n after signal n."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        status = self.process.exitstatus
        return 128 + int(self.process.signalstatus or 0) if status is None else int(status)

    def close(self) -> None:
        """Ends what still runs."""
        self.process.close(force=True)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs: neither gone nor a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits, for a minute at most."""
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "it did not come true within a minute"
        time.sleep(0.05)
