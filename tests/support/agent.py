"""A Locust that does what a test tells it, one thing after the other: hundreds of cases in one process.

`agent.do("r = c.get('/x', headers={'X-Key': S('KEY')}); result = r.status_code")` runs in the task of a real user,
under the real `tegmen run`, and gives back `result`. Nothing of what comes back goes through the redactor.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.run import BIN, clean_environment

#: How long one thing may take, in seconds.
PATIENCE = 30


@dataclass
class Secret:
    """A secret of the agent's manifest. `rules` is TOML for its table, such as `hosts = ["a.example"]`."""

    value: bytes | str
    rules: str = ""

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else self.value.decode()

    @property
    def data(self) -> bytes:
        return self.value.encode() if isinstance(self.value, str) else self.value


class Failed(AssertionError):
    """What was to be done raised an exception: its text."""


@dataclass
class Agent:
    """A running Locust. `user` is the class of its user, `HttpUser` or `FastHttpUser`."""

    user: str
    secrets: Mapping[str, Secret]
    process: subprocess.Popen[bytes]
    folder: Path
    _inbox: Any = field(repr=False)
    _outbox: Any = field(repr=False)
    _rest: bytes = field(default=b"", repr=False)

    @property
    def is_fast(self) -> bool:
        return self.user == "FastHttpUser"

    @classmethod
    def start(
        cls,
        folder: Path,
        tegmen: Path | None,
        user: str,
        secrets: Mapping[str, Secret | str | bytes],
        *,
        host: str | None,
        head: str = "",
        body: str = "",
        env: Mapping[str, str] | None = None,
        options: Iterable[str] = (),
        locust: Iterable[str] = ("--headless", "-u", "1", "-r", "1"),
        command: Iterable[str | Path] | None = None,
    ) -> Agent:
        """Writes manifest and locustfile into the folder and starts both programs.

        `head` stands at the top of the module, `body` in the class. `command` stands instead of Locust's. Without
        `tegmen` it is plain Locust, with the values in its environment.
        """
        folder.mkdir(parents=True, exist_ok=True)
        made = {name: one if isinstance(one, Secret) else Secret(one) for name, one in secrets.items()}
        for name, secret in made.items():
            (folder / "values").mkdir(exist_ok=True)
            (folder / "values" / name).write_bytes(secret.data)
            (folder / "values" / name).chmod(0o600)
        tables = [f'[secrets.{name}]\nsource = "file:values/{name}"\n{one.rules}\n' for name, one in made.items()]
        (folder / "tegmen.toml").write_text("\n".join(tables))
        text = LOCUSTFILE.replace("@USER@", user).replace("@HEAD@", textwrap.dedent(head))
        text = text.replace("@BODY@", textwrap.indent(textwrap.dedent(body).strip() or "pass", "    "))
        (folder / "locustfile.py").write_text(text)
        for name in ("inbox", "outbox"):
            os.mkfifo(folder / name)
        locust = (*locust, *(("--host", host) if host else ()))
        environment = dict(env or {}) if tegmen else {name: one.text for name, one in made.items()} | dict(env or {})
        run = (tegmen, "run", "--quiet", *options, "--") if tegmen else ()
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [*run, *(command or (BIN / "locust", "--only-summary", *locust))],
                cwd=folder,
                env=clean_environment(folder, environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Read and write: opening waits for nobody.
        inbox, outbox = (os.open(folder / name, os.O_RDWR) for name in ("inbox", "outbox"))
        agent = cls(user, made, process, folder, inbox, outbox)
        try:
            agent.do("pass")
        except BaseException:
            agent.stop()
            raise
        return agent

    def value(self, name: str) -> str:
        """The value of a secret."""
        return self.secrets[name].text

    def do(self, code: str, **names: Any) -> Any:
        """Runs the code with these names beside the ones that are always there (see `LOCUSTFILE`); gives `result`.

        Raises:
            Failed: it raised an exception.
        """
        message = json.dumps({"code": textwrap.dedent(code).strip(), "names": names}).encode() + b"\n"
        while message:
            message = message[os.write(self._inbox, message) :]
        answer = json.loads(self._line())
        if answer["error"] is not None:
            raise Failed(answer["error"])
        return answer["result"]

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            for _ in range(PATIENCE * 10):
                if select.select([self._outbox], [], [], 0.1)[0]:
                    break
                if self.process.poll() is not None:
                    raise AssertionError(f"ended with {self.process.returncode}:\n{self.output}")
            else:
                # Nothing more is to be expected of it.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"no answer after {PATIENCE} s:\n{self.output}")
            self._rest += os.read(self._outbox, 1 << 20)
        line, self._rest = self._rest.split(b"\n", 1)
        return line

    @property
    def output(self) -> str:
        """What both programs have written so far."""
        return (self.folder / "output").read_text(errors="replace")

    def stop(self) -> str:
        """Ends the run, and gives its output."""
        if self.process.poll() is None:
            os.write(self._inbox, b"\n")
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        for descriptor in (self._inbox, self._outbox):
            os.close(descriptor)
        return self.output


LOCUSTFILE = """\
import base64, io, json, os, sys, traceback
from urllib.parse import quote
from xml.sax.saxutils import escape
@HEAD@
import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

#: What Locust reports of requests: name and failure.
reported = []


@events.request.add_listener
def report(name, exception, **kwargs):
    reported.append((name, None if exception is None else f"{exception!r} {exception}"))


def S(name):
    return os.environ[name]


def T(content_type):
    return {"Content-Type": content_type}


def shown(thing):
    return thing if isinstance(thing, (str, int, float, type(None))) else repr(thing)


class Agent(@USER@):
    wait_time = constant(0)
@BODY@

    @task
    def serve(self):
        names = globals()
        names.update(user=self, c=self.client, environment=self.environment)
        pool = gevent.get_hub().threadpool
        with open("inbox") as inbox, open("outbox", "w") as outbox:
            while (line := pool.apply(inbox.readline).strip()):
                order = json.loads(line)
                names.update(order["names"], result=None)
                del reported[:]
                answer = {"result": None, "error": None}
                try:
                    exec(compile(order["code"], "case", "exec"), names)
                    answer["result"] = names["result"]
                except BaseException as error:
                    answer["error"] = "".join(traceback.format_exception(error))
                outbox.write(json.dumps(answer, default=shown) + "\\n")
                outbox.flush()
        self.environment.runner.quit()
"""
