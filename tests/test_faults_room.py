"""Too little of everything: no room on the disk, no descriptors, no memory. Each is said, what was there before is
whole, nothing is left behind, and nothing comes out.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Project
from support.aftermath import Aftermath
from support.hunt import leaks
from support.run import BIN, Result, clean_environment, run
from support.server import Server

#: A file system of its own with as much room as its files take, in which a command runs; then the checksums of the
#: files that are there, before and after.
ROOM = """
set -eu
mount -t tmpfs -o size=256k,mode=755 none "$1"
cp -a "$2/." "$1/"
cd "$1"
sums() { find . -type f ! -name fill ! -name '*.lock' -exec sha256sum {} + | sort -k 2; }
sums > "$2.before"
cat /dev/zero > fill 2>/dev/null || :
shift 2
status=0
"$@" || status=$?
exec 3> "$AFTER"
sums >&3
exit $status
"""
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
SCRIPT = """
import os

from locust import HttpUser, task

PASSWORD = "@VALUE@"


class Shopper(HttpUser):
    host = "https://shop.example.com"

    @task
    def login(self):
        key = os.environ["API_KEY"]
        self.client.post("/login", json={"password": PASSWORD}, headers={"X-Key": key})
"""
#: What writes a file, with the exit status of its failure.
WRITES = {
    "init --yes": 2,
    "audit --output findings.json --format json": 2,
    "audit --write-baseline baseline.json": 2,
    "fix --to dotenv": 2,
    "fix --to store": 2,
    "report --no-doctor -o risk.html": 2,
    "report --no-doctor --format json -o risk.json": 2,
    "doctor --format json -o doctor.json": 2,
    "secrets set API_KEY": 2,
    "secrets import .env": 2,
    "run --summary summary.json --secret API_KEY=env:API_KEY -- true": 125,
}


@pytest.fixture
def room(project: Project) -> Iterator[Path]:
    """Where the small file system goes."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("no namespace of users and mounts can be made")
    (folder := project.path.parent / "room").mkdir()
    yield folder


def in_room(project: Project, room: Path, *command: str | Path, env: dict[str, str], stdin: str = "") -> Result:
    env = {"AFTER": f"{project.path}.after", "HOME": str(room)} | env
    return run([*UNSHARE, "sh", "-c", ROOM, "sh", room, project.path, *command], room.parent, env, stdin=stdin)


@pytest.mark.parametrize("line", WRITES)
def test_a_full_disk_is_said_and_spoils_nothing(project: Project, room: Path, line: str) -> None:
    value = f"k3y-{secrets.token_hex(10)}"
    project.write("locustfile.py", SCRIPT.replace("@VALUE@", value))
    project.write(".env", f"OTHER_KEY={value}\n", 0o600)
    result = in_room(project, room, project.tegmen, *shlex.split(line), env={"API_KEY": value}, stdin=value)
    result.check(WRITES[line])
    assert "No space left on device" in result.stderr
    assert "error: " in result.stderr and "has a defect" not in result.stderr
    before, after = (Path(f"{project.path}.{when}").read_text() for when in ("before", "after"))
    assert before == after
    assert "start the test with its secrets protected" not in result.stderr, "nothing was changed"
    assert leaks({"output": result.output.encode()}, {"the value": value}) == []


def test_a_run_without_room_for_its_directory_does_not_start(project: Project, room: Path) -> None:
    env = {"API_KEY": secrets.token_hex(10), "TMPDIR": str(room)}
    result = in_room(project, room, project.tegmen, "run", "--", "touch", f"{project.path}/ran", env=env).check(125)
    assert "no temporary directory can be made" in result.stderr and "No space left" in result.stderr
    assert not (project.path / "ran").exists()
    assert Path(f"{project.path}.after").read_text() == Path(f"{project.path}.before").read_text() == ""


def test_a_test_whose_disk_fills_up_comes_to_its_end(project: Project, room: Path, echo_server: Server) -> None:
    value = f"k3y-{secrets.token_hex(10)}"
    project.one_task('print(os.environ["API_KEY"] * 9)', host=echo_server.origin)
    locust = f"{BIN / 'locust'} --headless -u 1 -t 2s --csv out --html report.html --logfile log > output"
    result = in_room(project, room, project.tegmen, "run", "--", "sh", "-c", locust, env={"API_KEY": value})
    # Python's own for an output that cannot be written, or Locust's.
    assert 0 < result.status < 125, result.output
    assert leaks({"output": result.output.encode()}, {"the value": value}) == []
    # And where it is our output that has no room. Who goes on writing may get a SIGPIPE.
    words = [str(project.tegmen), "run", "--", "sh", "-c", "echo much; exit 7"]
    result = in_room(project, room, "sh", "-c", f"{shlex.join(words)} > output", env={"API_KEY": value}).check(7)
    assert "a part of the output could not be written: No space left on device" in result.stderr


#: Limits of ulimit, from nothing that anything could run with to enough.
LIMITS = {"-n": [*range(3, 40, 2), 64], "-v": [*range(30_000, 200_000, 1_000), 1_000_000]}
#: So many limits are tried from the first one on with which the kernel starts a program at all.
TRIED = 25


@pytest.mark.parametrize("option", LIMITS)
def test_with_less_and_less(project: Project, option: str) -> None:
    """It works or says that it does not; nothing hangs and nothing stays behind."""
    value = f"k3y-{secrets.token_hex(10)}"
    after = Aftermath(project.path, {"the value": value})
    env = clean_environment(project.path, {"API_KEY": value, "TMPDIR": str(after.temporary)})
    statuses: list[int] = []
    for limit in LIMITS[option]:
        if len(statuses) == TRIED:
            limit = LIMITS[option][-1]
        elif len(statuses) > TRIED:
            break
        limited = f'ulimit {option} {limit} && exec "$@"'
        command = ["bash", "-c", limited, "bash", project.tegmen]
        # With less than that, the kernel does not even start it.
        if subprocess.run([*command, "--version"], capture_output=True).returncode:
            continue
        command += ["run", "--", "echo", "done"]
        done = subprocess.run(command, cwd=project.path, env=env, capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        statuses.append(done.returncode)
        assert "has a defect" not in said and "panicked" not in said, (limit, said)
        assert leaks({"output": said.encode()}, {"the value": value}) == []
        if done.returncode == 0:
            assert done.stdout == "done\n"
        else:
            # 127 is the dynamic linker's of the command; memory that is not there ends a program of Rust with SIGABRT.
            assert done.returncode in (125, 126, 127, -6), (limit, said)
            assert said.strip(), (limit, done.returncode)
        if done.returncode == -6:
            # What is aborted cannot clean up; no value is in what it leaves.
            files = {str(path): path.read_bytes() for path in after.temporary.rglob("*") if path.is_file()}
            assert leaks(files, {"the value": value}) == []
            shutil.rmtree(after.temporary)
            after.temporary.mkdir()
        after.check()
    assert statuses[-1] == 0, statuses


def test_a_test_without_descriptors(project: Project, echo_server: Server) -> None:
    """Requests that have no socket fail as they do without us, and nothing that they carry comes out."""
    value = f"k3y-{secrets.token_hex(10)}"
    after = Aftermath(project.path, {"the value": value})
    project.one_task(
        """
        held = []
        try:
            while True:
                held.append(open("/dev/null"))
        except OSError as error:
            print(error, os.environ["API_KEY"], flush=True)
        for spare in range(4):
            self.client.get("/", headers={"X-Key": os.environ["API_KEY"]}, name=f"spare {spare}")
            held.pop().close()
        for file in held:
            file.close()
        self.client.get("/", headers={"X-Key": os.environ["API_KEY"]}, name="free")
        """,
        host=echo_server.origin,
    )
    env = {"API_KEY": value, "TMPDIR": str(after.temporary)}
    locust = [str(project.tegmen), "run", "--", str(BIN / "locust"), "--headless", "-u", "1", "-t", "20s"]
    limited = ["bash", "-c", 'ulimit -Sn 200 && ulimit -Hn 200 && exec "$@"', "bash", *locust]
    result = project.run(*limited, env=env)
    assert "Too many open files: '/dev/null' [API_KEY]" in result.stdout, result.output
    assert echo_server.last.header("x-key") == value
    assert leaks({"output": result.output.encode()}, {"the value": value}) == []
    after.check()
