"""The channel between broker and plugin against a program of the same user that knows where it is.

What the plugin gets it gets in every process of the test; what others get is nothing. (`test_strangers.py` shows the
plain case; here the intruder takes what it can.)
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from demo.processes import tree
from support.hunt import leaks
from support.run import NOBODY, clean_environment, ordinary_user, why_no_ordinary_user

INTRUDER = Path(__file__).with_name("support") / "intruder.py"

#: Below the broker: a shell, which everybody may look into, and two Pythons with the plugin.
SCENE = """
cd "$HOME"
python -c "$PLUGIN" one &
wait_for() { while ! test -e "$1"; do sleep 0.05; done; }
wait_for one
wait_for attacked
python -c "$PLUGIN" two
wait
"""
PLUGIN = """
import os, sys, time
from tegmen import secret
name = sys.argv[1]
value = secret("API_KEY").reveal()
with open(name + ".part", "w") as file:
    file.write(f"{os.environ['TEGMEN_CHANNEL']} {os.getpid()} {os.getppid()}")
os.rename(name + ".part", name)
while not os.path.exists("attacked"):
    time.sleep(0.05)
print(name, secret("API_KEY").reveal() == value, value)
"""


@dataclass
class Scene:
    """A run of Tegmen as an ordinary user, and the pids of those in it."""

    folder: Path
    value: str
    broker: subprocess.Popen[str]
    channel: str
    plugin: int
    shell: int
    options: dict[str, Any]

    def intrude(self, *arguments: str) -> dict[str, Any]:
        """Runs the intruder as the same user, from outside."""
        command = [sys.executable, INTRUDER, self.channel, self.broker.pid, self.shell, self.plugin, *arguments]
        result = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env=clean_environment(self.folder),
            capture_output=True,
            text=True,
            timeout=80,
            **self.options,
        )
        assert result.returncode == 0, result.stderr
        assert leaks({"intruder": result.stdout.encode()}, {"value": self.value}) == []
        told: dict[str, Any] = json.loads(result.stdout)
        return told


@pytest.fixture
def scene(tegmen_bin: Path) -> Iterator[Scene]:
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, value = Path(name), f"k3y-{secrets.token_hex(16)}"
        (folder / "key").write_text(value)
        options = ordinary_user()
        for path in (folder, folder / "key"):
            if options:
                os.chown(path, NOBODY, NOBODY)
        broker = subprocess.Popen(
            [tegmen_bin, "run", "--secret", "API_KEY=file:key", "--", "sh", "-c", SCENE],
            cwd=folder,
            env=clean_environment(folder, {"PLUGIN": PLUGIN}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        left: list[int] = []
        try:
            deadline = time.monotonic() + 30
            while not (folder / "one").exists():
                assert broker.poll() is None and time.monotonic() < deadline, "the plugin did not come up"
                time.sleep(0.05)
            channel, plugin, shell = (folder / "one").read_text().split()
            left.append(int(plugin))
            yield Scene(folder, value, broker, channel, int(plugin), int(shell), options)
        finally:
            if broker.poll() is None:
                left += tree(broker.pid)
            # What the shell has left in the background does not end with the shell.
            for pid in left:
                with contextlib.suppress(OSError):
                    if pid == broker.pid or PLUGIN.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
            broker.communicate()


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("dumpable", ["open", "closed"])
def test_an_intruder_gets_nothing_and_breaks_nothing(scene: Scene, dumpable: str) -> None:
    is_root = os.geteuid() == 0
    before = descriptors_of(scene.broker.pid) if is_root else 0
    told = scene.intrude(dumpable)
    for way in ("by name", "through the descriptor of the shell", "through the descriptor, and gone"):
        outcome = told[way]
        came = outcome.get("came", {"answer": "", "descriptors": 0})
        assert came["descriptors"] == 0 and "welcome" not in came["answer"], (way, outcome)
    assert "did not come from the command" in told["through the descriptor of the shell"]["came"]["answer"]
    assert "did not come from the command" in told["through the descriptor after the flood"]["came"]["answer"]
    assert told["flood"]["came"]["sent"] > 100, told["flood"]
    for way, outcome in told.items():
        if way.endswith((" broker", " plugin")):
            assert outcome.get("error") in ("Operation not permitted", "Permission denied"), (way, outcome)
    if is_root:
        deadline = time.monotonic() + 5
        while descriptors_of(scene.broker.pid) > before + 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert descriptors_of(scene.broker.pid) <= before + 2, "no descriptor of the flood is left open"
        threads = len(os.listdir(f"/proc/{scene.broker.pid}/task"))
        assert threads < 100
    # The one who had the secrets has them still, and a new one gets them.
    (scene.folder / "attacked").touch()
    stdout, stderr = scene.broker.communicate(timeout=30)
    assert scene.broker.returncode == 0, stderr
    assert stdout.splitlines() == ["one True [API_KEY]", "two True [API_KEY]"]
    warnings = [line for line in stderr.splitlines() if "did not get them" in line]
    assert 1 <= len(warnings) <= 10, "a flood is not a flood of messages"
    assert leaks({"output": (stdout + stderr).encode()}, {"value": scene.value}) == []


def test_when_the_broker_is_killed_nothing_goes_on(scene: Scene) -> None:
    pids = tree(scene.broker.pid)
    assert {scene.plugin, scene.shell} <= set(pids)
    os.kill(scene.broker.pid, signal.SIGKILL)
    scene.broker.wait(10)
    deadline = time.monotonic() + 10
    while _lives(scene.shell):
        assert time.monotonic() < deadline, "the command outlives its broker"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


PROCESSES = """
import multiprocessing, os, subprocess, sys
from tegmen import protect, secret

VALUE = secret("API_KEY").reveal()
own = protect("born-in-the-parent-4f9a", name="BORN")


def in_a_child(name):
    mine = protect("born-in-" + name + "-7c6d5e", name="BORN")
    same = secret("API_KEY").reveal() == VALUE and own.reveal() == "born-in-the-parent-4f9a"
    print(name, same, mine.reveal(), mine != own, flush=True)


def main():
    if "again" in sys.argv:
        print("executed", secret("API_KEY").reveal(), flush=True)
        return
    in_a_child("itself")
    if os.fork() == 0:
        in_a_child("fork")
        if os.fork() == 0:
            in_a_child("grandchild")
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
    for method in ("fork", "spawn", "forkserver"):
        process = multiprocessing.get_context(method).Process(target=in_a_child, args=(method + "ed",))
        process.start()
        process.join()
    for number in range(300):
        value = f"minted-{number:04}-{os.urandom(6).hex()}"
        protect(value, name="MINTED")
        os.write(1, f"{value}\\n".encode())
    subprocess.run([sys.executable, __file__, "again"], close_fds=True)
    os.execv(sys.executable, [sys.executable, __file__, "again"])


if __name__ == "__main__":
    main()
"""


def test_every_process_of_the_test_has_the_secrets(project: Project) -> None:
    """Forked, spawned, executed; and a value that was born a moment ago is known to the redactor already."""
    value = f"k3y-{secrets.token_hex(8)}"
    project.write("processes.py", PROCESSES)
    script = ("--", sys.executable, "processes.py")
    result = project.run(project.tegmen, "run", *script, env={"API_KEY": value}).check()
    lines = result.stdout.splitlines()
    assert lines.count("[MINTED]") == 300
    rest = [line for line in lines if line != "[MINTED]"]
    for name in ("itself", "fork", "grandchild", "forked", "spawned", "forkservered"):
        assert f"{name} True [BORN] True" in rest
    assert rest.count("executed [API_KEY]") == 2
    assert leaks({"output": result.output.encode()}, {"value": value, "born": "born-in-the-parent-4f9a"}) == []


def test_two_versions_do_not_fit(project: Project) -> None:
    """A Python with another version of the package is told which to install."""
    project.write(
        "old.py",
        """
        import array, json, os, socket
        name = os.environ["TEGMEN_CHANNEL"].partition(",")[2]
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.connect("\\0" + name)
        channel.send(json.dumps({"version": 0, "package": "0.0.1"}).encode())
        print(channel.recv(65536).decode())
        """,
    )
    result = project.run(project.tegmen, "run", "--", sys.executable, "old.py", env={"API_KEY": secrets.token_hex(8)})
    assert "the Python package tegmen 0.0.1 does not fit this tegmen" in result.stdout
    assert "a process asked for the secrets and did not get them" in result.stderr


def test_who_takes_the_name_of_a_broker_learns_nothing(project: Project) -> None:
    """The plugin talks only to a broker that it came from."""
    project.write(
        "imposter.py",
        """
        import os, socket, subprocess, sys
        name = f"tegmen-imposter-{os.getpid()}"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind("\\0" + name)
        listener.listen()
        listener.settimeout(20)
        script = "from tegmen import protect; protect('born-4f9a8b7c', name='BORN')"
        # Not below the imposter: init adopts it.
        command = ["setsid", "--fork", sys.executable, "-c", script]
        with open("stderr", "w") as stderr:
            subprocess.run(command, env={**os.environ, "TEGMEN_CHANNEL": f"9,{name}"}, stderr=stderr)
        connection, _ = listener.accept()
        print(connection.recv(65536))
        """,
    )
    result = project.run(sys.executable, "imposter.py").check()
    assert result.stdout == "b''\n", "not even a hello"
    deadline = time.monotonic() + 10
    while "another program took its place" not in project.read("stderr"):
        assert time.monotonic() < deadline, project.read("stderr")
        time.sleep(0.05)
