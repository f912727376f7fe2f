"""Who gets the secrets from the broker, and who does not: processes of the same user, with all that they could know.

The tests run as an ordinary user, also where root runs them: root can look into everything, and nothing here claims
otherwise.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.forms import found
from support.run import clean_environment, why_no_ordinary_user

NOBODY = 65534

#: The client's side of the handshake, without the care that the plugin takes. Says what the broker answered, and the
#: value if there is one.
RAW_CLIENT = """
import array, ctypes, json, mmap, os, socket, sys

if "closed" in sys.argv:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
name = os.environ["TEGMEN_CHANNEL"].partition(",")[2]
channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
channel.settimeout(10)
try:
    channel.connect("\\0" + name)
    channel.send(json.dumps({"version": 2, "package": "stranger"}).encode())
    message, descriptors, _, _ = socket.recv_fds(channel, 65536, 8)
except OSError as error:
    sys.exit(f"no answer: {error}")
print("answer:", message.decode() or "none")
# The first is the memory.
for descriptor in descriptors[:1]:
    size = os.fstat(descriptor).st_size
    memory = mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ)
    print("memory:", memory[:].hex())
"""


@dataclass
class User:
    """An ordinary user with a folder, a secret in a file, and the address of a broker that runs for them."""

    folder: Path
    prefix: list[str]
    value: str
    broker: subprocess.Popen[bytes] | None = None
    channel: str = ""

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command as the user, outside of any run of Tegmen."""
        return subprocess.run(
            [*self.prefix, *command],
            cwd=self.folder,
            env=clean_environment(self.folder, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def python(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", script, *arguments, **environment)


@pytest.fixture
def user(tegmen_bin: Path) -> Iterator[User]:
    folder = Path(tempfile.mkdtemp(prefix="tegmen-user-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root needs setpriv to become an ordinary user")
        if reason := why_no_ordinary_user():
            pytest.skip(reason)
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    someone = User(folder, prefix, secrets.token_hex(20))
    (folder / "key").write_text(someone.value)
    if prefix:
        for path in (folder, folder / "key"):
            os.chown(path, NOBODY, NOBODY)
        if someone.run(str(tegmen_bin), "--version").returncode != 0:
            pytest.skip("an ordinary user cannot read this checkout")
    yield someone
    if someone.broker and someone.broker.poll() is None:
        someone.broker.terminate()
        someone.broker.wait(10)
    shutil.rmtree(folder)


@pytest.fixture
def running(user: User, tegmen_bin: Path) -> User:
    """The user with a run of Tegmen: a shell that says where the channel is, then waits."""
    command = [str(tegmen_bin), "run", "--secret", f"API_KEY=file:{user.folder}/key", "--", "sh", "-c"]
    user.broker = subprocess.Popen(
        [*user.prefix, *command, "echo $TEGMEN_CHANNEL > part; mv part channel; exec sleep 60"],
        cwd=user.folder,
        env=clean_environment(user.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (user.folder / "channel").exists():
        assert user.broker.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    user.channel = (user.folder / "channel").read_text().strip()
    return user


def test_a_process_of_the_same_user_gets_nothing(running: User) -> None:
    result = running.python(RAW_CLIENT, "closed", TEGMEN_CHANNEL=running.channel)
    assert "welcome" not in result.stdout
    assert not found(running.value, result.stdout + bytes_of(result.stdout))


def test_the_plugin_itself_in_a_foreign_process_gets_nothing(running: User) -> None:
    script = "from tegmen import secret; print('got', secret('API_KEY').reveal())"
    result = running.python(script, TEGMEN_CHANNEL=running.channel)
    assert result.returncode != 0
    assert "got" not in result.stdout
    assert not found(running.value, result.stdout + result.stderr)


def test_a_child_that_others_can_look_into_gets_nothing(user: User, tegmen_bin: Path) -> None:
    run = [
        str(tegmen_bin),
        "run",
        "--secret",
        f"API_KEY=file:{user.folder}/key",
        "--",
        sys.executable,
        "-c",
        RAW_CLIENT,
    ]
    opened = user.run(*run)
    assert "dumpable" in opened.stdout
    assert "memory:" not in opened.stdout
    # The same program, closed, is welcome: it is the check that stopped the first one.
    closed = user.run(*run, "closed")
    assert "welcome" in closed.stdout
    # It got the value, and the redactor knows it even in a dump of the memory in hex.
    assert "[API_KEY]" in closed.stdout
    assert not found(user.value, closed.stdout)


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd"])
def test_nobody_of_the_same_user_can_look_into_the_broker(running: User, name: str) -> None:
    assert running.broker
    # `setpriv` has become the broker: the pid is its own.
    result = running.python(f"""
import os
path = "/proc/{running.broker.pid}/{name}"
try:
    print("open", os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
except PermissionError:
    print("closed")
""")
    assert result.stdout == "closed\n", result.stdout + result.stderr


def test_nobody_of_the_same_user_can_look_into_locusts_python(user: User, tegmen_bin: Path) -> None:
    script = """
import os, subprocess, sys, tegmen
tegmen.secret("API_KEY").reveal()
look = "import sys; print(open(f'/proc/{sys.argv[1]}/mem', 'rb'))"
print(subprocess.run([sys.executable, "-c", look, str(os.getpid())], capture_output=True, text=True).stderr)
"""
    command = ["run", "--secret", f"API_KEY=file:{user.folder}/key", "--", sys.executable, "-c", script]
    result = user.run(str(tegmen_bin), *command)
    assert "PermissionError" in result.stdout, result.stdout + result.stderr


def bytes_of(text: str) -> str:
    """What the raw client said of the memory, as the text that the bytes are."""
    lines = [line.removeprefix("memory: ") for line in text.splitlines() if line.startswith("memory: ")]
    return "".join(bytes.fromhex(line).decode("latin-1") for line in lines)


ASKS_FOR_RECORDS = """
import ctypes, os, sys
from tegmen import BrokerError, pool

shoppers = pool("shoppers")
print("the parent has", shoppers.checkout().user, flush=True)
if os.fork() == 0:
    if "open" in sys.argv:
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    try:
        print("the child has", shoppers.checkout().user, flush=True)
    except BrokerError as error:
        print("refused:", error, flush=True)
    os._exit(0)
os.wait()
"""


def test_a_child_that_others_can_look_into_gets_no_record_of_a_pool(user: User, tegmen_bin: Path) -> None:
    """It has its parent's connection to the broker, and is looked at all the same."""
    rows = "".join(f"user-{number},{secrets.token_hex(12)}\n" for number in range(3))
    (user.folder / "records").write_text(f"user,password\n{rows}")
    manifest = user.folder / "tegmen.toml"
    manifest.write_text(f'[pools.shoppers]\nsource = "file:{user.folder}/records"\nsecret_fields = ["password"]\n')
    for path in (manifest, user.folder / "records"):
        path.chmod(0o644)
    run = [str(tegmen_bin), "run", "--manifest", str(manifest), "--", sys.executable, "-c", ASKS_FOR_RECORDS]
    closed = user.run(*run)
    assert "the child has user-1" in closed.stdout, closed
    opened = user.run(*run, "open")
    assert "the parent has user-0" in opened.stdout and "the child has" not in opened.stdout, opened
    assert "refused:" in opened.stdout and "other processes can look into process" in opened.stderr
