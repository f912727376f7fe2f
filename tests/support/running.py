"""A run that goes on while a test looks at it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from conftest import Project
from support.run import BIN, clean_environment


def wait_for(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Running:
    """A run in the background."""

    def __init__(self, project: Project, *locust: str, env: dict[str, str] | None = None) -> None:
        self.out = project.path / "stdout"
        self.err = project.path / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [str(project.tegmen), "run", "--", str(BIN / "locust"), "-f", "locustfile.py", "--headless", *locust],
                cwd=project.path,
                env=clean_environment(project.path, env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    def end(self, signal_number: int = signal.SIGTERM) -> str:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        self.process.wait(30)
        return self.output


@contextmanager
def running(project: Project, *locust: str, env: dict[str, str] | None = None) -> Iterator[Running]:
    run = Running(project, *locust, env=env)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()
