"""A Locust with its web UI under `tegmen run`, and requests to it as browsers and others make them."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.run import BIN, clean_environment, free_port


def forked(number: int) -> tuple[str, ...]:
    """Options for so many workers beside the web UI, on a port of their own."""
    port = str(free_port())
    return ("--processes", str(number), "--master-bind-port", port, "--master-port", port)


@dataclass
class Answer:
    """What the web UI answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class WebUI:
    """A running Locust."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    base: str = ""
    _answers: list[Answer] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        folder: Path,
        tegmen: Path,
        *locust: str,
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        base: str = "",
        listens: str = "127.0.0.1",
    ) -> WebUI:
        """Starts `tegmen run OPTIONS -- locust LOCUST` in the folder, and waits until it answers."""
        port = free_port()
        command = [tegmen, "run", *options, "--", BIN / "locust", "-P", str(port), *locust]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env=clean_environment(folder, env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ui = cls(folder, port, process, base)

        def answers() -> bool:
            try:
                ui.get("/tasks")
            except OSError:
                assert process.poll() is None, ui.output
                return False
            return True

        wait_for(answers, lambda: ui.output)
        return ui

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> Answer:
        """One request with these headers and no others but the necessary."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            body = None if form is None else urllib.parse.urlencode(form)
            given = dict(headers or {})
            if body is not None:
                given["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, self.base + path, body, given)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read().decode(errors="replace"))
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def swarm(self, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        """Starts the test."""
        return self.ask("POST", "/swarm", headers, {"user_count": "1", "spawn_rate": "1", **form})

    def stop(self) -> str:
        """Ends the run; gives its output."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.terminate()
                self.process.wait(20)
        return self.output


def wait_for(what: Callable[[], object], output: Callable[[], str] = str, seconds: float = 40) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited in vain\n{output()}"
        time.sleep(0.1)
