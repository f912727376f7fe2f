"""At a terminal, `tegmen run -- locust` behaves as Locust itself: keys, Ctrl-C, Ctrl-Z, size, signals, exit status."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from support.run import clean_environment, started, why_no_ordinary_user
from support.server import Server
from support.terminal import Terminal, alive, family, wait_until

LOCUSTFILE = """\
import os
import signal

import gevent
from locust import HttpUser, constant, events, task

KEY = os.environ["API_KEY"]


class Shopper(HttpUser):
    host = "{host}"
    wait_time = constant(0.2)

    @task
    def order(self):
        self.client.get("/orders", headers={{"Authorization": KEY}})


if "SLOW" in os.environ:

    class Shopper(HttpUser):
        host = "{host}"

        @task
        def sleep(self):
            print("task begins", flush=True)
            gevent.sleep(120)


def resized(number, frame):
    print("the size is %dx%d" % os.get_terminal_size(1), flush=True)


def interrupted(number, frame):
    print("an interrupt arrives", flush=True)
    signal.default_int_handler(number, frame)


@events.init.add_listener
def ready(environment, **kwargs):
    signal.signal(signal.SIGWINCH, resized)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)
    print("terminals", [os.isatty(n) for n in range(3)], "\\033[32mgreen\\033[0m", KEY, flush=True)


@events.quitting.add_listener
def quitting(environment, **kwargs):
    environment.process_exit_code = int(os.environ.get("STATUS", "0"))
"""

LOCUST = ("locust", "--headless", "-u", "1", "-r", "10", "--only-summary")
#: `cat` must outlive Ctrl-C to show what comes after.
PIPE = " 2>&1 | (trap '' INT; exec cat)"
SPAWNED = "All users spawned"
SHUTTING_DOWN = "Shutting down (exit code 0)"
VALUE = "".join(["correct", "-horse-", "battery-", "staple"])


class Desk:
    """A project with the locustfile above, and somebody who starts Locust there."""

    def __init__(self, project: Project) -> None:
        self.path = project.path
        self.tegmen = (str(project.tegmen), "run", "--quiet", "--secret", "API_KEY=env:API_KEY", "--")
        #: Locust by itself, and under tegmen.
        self.both: tuple[tuple[str, ...], ...] = ((), self.tegmen)
        self.protected: list[Terminal] = []
        self.plain: list[Terminal] = []

    def start(self, prefix: tuple[str, ...], *arguments: str, **variables: str) -> Terminal:
        """Locust at a terminal, behind `prefix`."""
        terminal = Terminal([*prefix, *LOCUST, *arguments], self.path, API_KEY=VALUE, **variables)
        (self.protected if prefix else self.plain).append(terminal)
        return terminal

    def locust(self, *arguments: str, **variables: str) -> Terminal:
        """Locust under `tegmen run` at a terminal, its users spawned."""
        terminal = self.start(self.tegmen, *arguments, **variables)
        terminal.expect(SPAWNED)
        return terminal

    def shell(self) -> Terminal:
        """An interactive shell, in which `$T` is `tegmen run …` and `$L` is Locust."""
        words = {"T": " ".join(self.tegmen), "L": " ".join(LOCUST), "API_KEY": VALUE}
        terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], self.path, **words)
        self.protected.append(terminal)
        terminal.expect("$ ")
        terminal.line("bind 'set enable-bracketed-paste off'")
        terminal.expect("$ ")
        return terminal


@pytest.fixture
def desk(project: Project, echo_server: Server) -> Iterator[Desk]:
    """Nothing runs afterwards, and what ran under tegmen has not shown the value."""
    project.write("locustfile.py", LOCUSTFILE.format(host=echo_server.origin))
    desk = Desk(project)
    yield desk
    for terminal in desk.protected + desk.plain:
        terminal.close()
    assert all(VALUE not in terminal.shown for terminal in desk.protected)


def settle() -> None:
    """Plain Locust, too, can lose a Ctrl-C that comes while it starts or stops users."""
    time.sleep(1)


def test_what_was_a_terminal_stays_one(desk: Desk) -> None:
    """Also for colours; and the placeholder is shown by its name."""
    terminal = desk.start(desk.tegmen)
    terminal.expect("terminals [True, True, True] \x1b[32mgreen\x1b[0m [API_KEY]")
    terminal.expect(SPAWNED)
    settle()
    terminal.ctrl_c()
    assert terminal.end() == 0


def test_the_window_size_follows(desk: Desk) -> None:
    """The new size is there when the signal comes, which comes once."""
    terminal = desk.locust()
    terminal.resize(50, 132)
    terminal.expect("the size is 132x50")
    terminal.resize(30, 100)
    terminal.expect("the size is 100x30")
    settle()
    terminal.ctrl_c()
    assert terminal.end() == 0
    assert terminal.shown.count("the size is") == 2


@pytest.mark.parametrize("output", ["", " 2>errors.log", PIPE])
def test_locusts_keys_work(desk: Desk, output: str) -> None:
    """`w` and `s` add and stop a user at once, without Enter and without echo."""
    terminal = desk.shell()
    # The log goes to standard error.
    show = "tail -F errors.log 2>/dev/null & " if "errors" in output else ""
    terminal.line(f"{show}$T $L{output}")
    terminal.expect(SPAWNED)
    terminal.keys("w")
    terminal.expect("Ramping to 2 users")
    terminal.expect(SPAWNED)
    terminal.keys("s")
    terminal.expect("Ramping to 1 users")
    terminal.expect(SPAWNED)
    settle()
    terminal.ctrl_c()
    terminal.expect(SHUTTING_DOWN)
    assert not re.search(r"^[ws]\r?$", terminal.shown, re.MULTILINE)
    if show:
        terminal.line("kill %1")


def test_ctrl_c_once_is_graceful(desk: Desk) -> None:
    """The summary comes, and the exit status is Locust's."""
    for prefix in desk.both:
        terminal = desk.start(prefix)
        terminal.expect(SPAWNED)
        settle()
        terminal.ctrl_c()
        terminal.expect(SHUTTING_DOWN)
        terminal.expect("/orders")
        assert terminal.end() == 0
        assert marks(terminal.shown) == {"an interrupt arrives": 1, "Got SIGTERM": 0, "Shutting down": 1}


def test_ctrl_c_twice_is_immediate(desk: Desk) -> None:
    """The first one waits for a task that takes two minutes, the second does not."""
    ends = []
    for prefix in desk.both:
        terminal = desk.start(prefix, "--stop-timeout", "100", SLOW="1")
        terminal.expect("task begins")
        settle()
        terminal.ctrl_c()
        terminal.expect("an interrupt arrives")
        settle()
        assert terminal.process.isalive()
        terminal.ctrl_c()
        ends.append((terminal.end(), marks(terminal.shown)))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("output", ["", PIPE])
def test_ctrl_z_stops_and_fg_goes_on(desk: Desk, output: str) -> None:
    """The shell has its terminal back meanwhile."""
    terminal = desk.shell()
    terminal.line(f"$T $L{output}")
    terminal.expect(SPAWNED)
    for _ in range(2):
        terminal.ctrl_z()
        terminal.expect("Stopped")
        terminal.expect("$ ")
        terminal.line("stty -a | grep -o ' icanon\\| echo ' | tr -d ' \\n'; echo ' modes'")
        terminal.expect("icanonecho modes")
        terminal.expect("$ ")
        terminal.line("fg")
        settle()
    terminal.ctrl_c()
    terminal.expect(SHUTTING_DOWN)
    terminal.expect("$ ")
    terminal.line("echo status $?")
    terminal.expect("status 0")


def test_ctrl_c_ends_every_process(desk: Desk) -> None:
    """With `--processes`: none is left."""
    terminal = desk.locust("--processes", "2")
    processes = family(terminal.pid)
    assert len(processes) > 3
    settle()
    terminal.ctrl_c()
    assert terminal.end() == 0
    wait_until(lambda: not any(map(alive, processes)))


@pytest.mark.parametrize("target", ["tegmen", "group"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_at_a_terminal_arrive_once(desk: Desk, number: signal.Signals, target: str) -> None:
    """Sent to tegmen alone or to its group: all as with Locust itself."""
    ends = []
    for prefix in desk.both:
        terminal = desk.start(prefix)
        terminal.expect(SPAWNED)
        settle()
        send(target, terminal.pid, number)
        ends.append((terminal.end(), marks(terminal.shown)))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("target", ["tegmen", "group"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_without_a_terminal_arrive_once(desk: Desk, number: signal.Signals, target: str) -> None:
    """The same in a session that has none, as in CI and in containers."""
    ends = []
    for prefix in desk.both:
        with started(
            [*prefix, *LOCUST],
            cwd=desk.path,
            env=clean_environment(desk.path, {"API_KEY": VALUE}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            output = ""
            while SPAWNED not in output:
                line = process.stdout.readline()
                assert line, f"it ended early: {output}"
                output += line
            settle()
            send(target, process.pid, number)
            output += process.communicate(timeout=60)[0]
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        ends.append((status, marks(output)))
    assert ends[0] == ends[1]


def send(target: str, pid: int, number: signal.Signals) -> None:
    """To one process, or to the group that it leads."""
    deliver: Callable[[int, int], None] = os.killpg if target == "group" else os.kill
    deliver(pid, number)


def marks(output: str) -> dict[str, int]:
    """How often Locust said that it was interrupted or told to end."""
    return {word: output.count(word) for word in ("an interrupt arrives", "Got SIGTERM", "Shutting down")}


@pytest.mark.parametrize("arguments", [(), ("--processes", "2")], ids=["one", "two"])
def test_tegmen_killed_takes_locust_along(desk: Desk, arguments: tuple[str, ...]) -> None:
    """No test goes on with nobody to filter what it says."""
    terminal = desk.locust(*arguments)
    processes = family(terminal.pid)
    os.kill(terminal.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, processes)))


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_exit_status_is_locusts(desk: Desk, status: int) -> None:
    """What a script sets as `process_exit_code` is what we end with."""
    assert desk.start(desk.tegmen, "-t", "1s", STATUS=str(status)).end() == status


@pytest.fixture(params=["ourselves"] + (["nobody"] if os.geteuid() == 0 else []))
def user(request: pytest.FixtureRequest) -> dict[str, Any]:
    """We, and an ordinary user if we may become one: what `Popen` needs for it."""
    if request.param == "ourselves":
        return {}
    entry = pwd.getpwnam(request.param)
    who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    return who


@pytest.fixture
def folder(user: dict[str, Any], echo_server: Server) -> Iterator[Path]:
    """The locustfile in a folder of that user. (pytest's own are closed to others.)"""
    folder = Path(tempfile.mkdtemp(prefix="tegmen-test-"))
    (folder / "locustfile.py").write_text(LOCUSTFILE.format(host=echo_server.origin))
    if user:
        os.chown(folder, user["user"], user["group"])
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("where", ["terminal", "pipe"])
@pytest.mark.parametrize("device", ["/dev/stdout", "/dev/stderr"])
def test_the_log_can_go_to_a_standard_stream(
    desk: Desk, folder: Path, user: dict[str, Any], where: str, device: str
) -> None:
    """`--logfile /dev/stdout`: a file to be opened anew, by a process into which nobody may look."""
    command = ["setsid", *desk.tegmen, *LOCUST, "-t", "1s", "--logfile", device]
    ours, theirs = os.openpty() if where == "terminal" else os.pipe()
    stdin: int = subprocess.DEVNULL
    if where == "terminal":
        command.insert(1, "--ctty")
        stdin = theirs
        if user:
            # A terminal belongs to whoever sits at it.
            os.chown(os.ttyname(theirs), user["user"], user["group"])
    env = clean_environment(folder, {"API_KEY": VALUE})
    with started(command, cwd=folder, env=env, stdin=stdin, stdout=theirs, stderr=theirs, **user) as process:
        os.close(theirs)
        output = read_all(ours)
    assert process.returncode == 0, output
    assert SPAWNED in output
    assert "[API_KEY]" in output
    assert VALUE not in output


def read_all(descriptor: int) -> str:
    """Everything until nobody can write any more. A terminal says so with an error."""
    output = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    os.close(descriptor)
    return output.decode(errors="replace")
