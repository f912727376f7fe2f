"""Runs Locust and Tegmen as a user would: real programs, own environment, output kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The programs that tests run; `TEGMEN_TEST_BIN` names those of another Python, with another Locust.
BIN = Path(os.environ.get("TEGMEN_TEST_BIN") or Path(sys.executable).parent)


@dataclass(frozen=True)
class Result:
    """How a program ended: its exit status (128+n after signal n) and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams."""
        return self.stdout + self.stderr

    def check(self, status: int = 0) -> Result:
        """Itself, if it ended with this status; else an assertion error that shows the output."""
        assert self.status == status, f"status {self.status}, not {status}\n{self.stdout}\n--- stderr\n{self.stderr}"
        return self


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of the caller's environment but the search path; the programs of this Python first."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"} | dict(extra or {})


@contextmanager
def started(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A program that runs meanwhile. It is awaited at the end; when the test fails or its time is up, killed before."""
    with subprocess.Popen([str(part) for part in command], **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def run(
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    *,
    stdin: str | None = None,
    timeout: float = 90,
) -> Result:
    """Runs the command to its end in a session of its own. What is still running after the time-out is killed."""
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(cwd, env),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout)
    except BaseException as error:
        # The whole session: Locust's workers are its grandchildren.
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise AssertionError(f"still running after {timeout} s: {command}\n{out}\n--- stderr\n{err}") from None
        raise
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Result(status, out, err)


#: "nobody" everywhere: a user without rights, and without files.
NOBODY = 65534


def ordinary_user() -> dict[str, int | list[int]]:
    """Options for `subprocess.Popen` with which root starts a program as an ordinary user; others need none."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def why_no_ordinary_user() -> str | None:
    """Why a program of this Python cannot be started as an ordinary user, if that is so."""
    try:
        subprocess.run([sys.executable, "-c", "import locust"], check=True, capture_output=True, **ordinary_user())  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError) as error:
        return f"an ordinary user cannot run {sys.executable}: {error}"
    return None


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
