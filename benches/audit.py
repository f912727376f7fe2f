"""`make bench-audit`: the audit beside other scanners, in one run: a large tree, a small project, a history.

The large tree is the Python files of some packages of PyPI, fetched once into target/bench-audit (or any directory
that `--tree` names). The history is that of Locust's own code from release to release, each place that changed in a
commit of its own, and a key that comes and goes now and then. The project of six files is written anew. Each command of
a race is started in turn, some rounds long, so that a machine that changes its pace changes it for all; the
fastest round counts, and the most memory of any. Contenders that are not installed are named. Those that need minutes
for the tree run only with `--slow`, and once.

Every contender reads the same files and writes its report to /dev/null. What they look for differs: the rates say what
it costs to have one of them in a hook or a CI job, not which finds more.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import os
import platform
import random
import shutil
import string
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "target" / "bench-audit"

#: Wheels whose Python files are the large tree.
PACKAGES = (
    "ansible==12.3.0",
    "django==5.2.19",
    "homeassistant==2024.3.3",
    "matplotlib==3.11.2",
    "networkx==3.6.1",
    "pandas==3.1.1",
    "plotly==7.1.0",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
    "sqlalchemy==2.1.9",
    "statsmodels==0.15.0",
    "sympy==1.14.0",
)

#: Wheels between which the code changes of which the history is made.
RELEASES = (
    *("1.0.3", "1.2.3", "1.4.4", "1.6.0", "2.0.0", "2.2.3", "2.4.3", "2.6.1", "2.8.6", "2.10.2", "2.12.2", "2.14.2"),
    *("2.16.1", "2.18.4", "2.20.1", "2.23.1", "2.26.0", "2.29.1", "2.31.8", "2.33.2", "2.37.14", "2.40.5", "2.43.4"),
    "2.47.0",
)


@dataclass
class Contender:
    """A command of a race, or none if its program is not there."""

    name: str
    program: Path | None
    arguments: list[str]
    #: Takes minutes for a large tree.
    slow: bool = False
    #: Exit statuses that say that it has done its work.
    fine: tuple[int, ...] = (0, 1)
    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    failed: str = ""

    def run(self, directory: Path, limit: float) -> None:
        """Runs it once, and keeps what it took."""
        assert self.program
        with open(os.devnull, "wb") as nowhere, tempfile.TemporaryFile() as errors:
            started = time.monotonic()
            process = subprocess.Popen(
                [str(self.program), *self.arguments],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=nowhere,
                stderr=errors,
                start_new_session=True,
            )
            status, used = wait(process, started + limit)
            taken = time.monotonic() - started
            if status is None:
                self.failed = f"stopped after {limit:.0f} s"
                return
            code = os.waitstatus_to_exitcode(status)
            if code not in self.fine:
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                self.failed = f"exit status {code}: {' '.join(last)[:90]}"
                return
        self.seconds.append(taken)
        self.memory = max(self.memory, used)


def wait(process: subprocess.Popen[bytes], until: float) -> tuple[int | None, float]:
    """The status of a process and the most memory that it, or one that it waited for, had in MB; none if time is up."""
    pause = 0.0005
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, used.ru_maxrss / 1000
        if time.monotonic() > until:
            os.killpg(process.pid, 9)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            return None, used.ru_maxrss / 1000
        time.sleep(pause)
        pause = min(pause * 1.2, 0.005)


def program(name: str, folders: list[Path]) -> Path | None:
    """Where a program is: in one of the folders, or on the path."""
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    found = shutil.which(name)
    return Path(found) if found else None


def gitleaks(folders: list[Path]) -> Path | None:
    """gitleaks, unless what goes by its name is betterleaks, which has other options and takes part by itself."""
    found = program("gitleaks", folders)
    return None if found and is_betterleaks(found) else found


@functools.cache
def is_betterleaks(program: Path) -> bool:
    """Whether it says so; told once."""
    help_text = subprocess.run([str(program), "--help"], capture_output=True, text=True, timeout=60)
    found = "betterleaks" in (help_text.stdout + help_text.stderr).lower()
    if found:
        print(f"{program} is betterleaks by another name; gitleaks is left out")
    return found


def tree_contenders(tegmen: Path, folders: list[Path]) -> list[Contender]:
    """Who can go through a directory."""

    def find(name: str) -> Path | None:
        return program(name, folders)

    kingfisher = ["scan", "--no-update-check", "--no-validate", "--format", "json", "--git-history", "none", "."]
    return [
        Contender(
            "tegmen audit", tegmen if tegmen.is_file() else None, ["audit", "--format", "json", "."], fine=(0, 1, 2)
        ),
        Contender("kingfisher", find("kingfisher"), kingfisher, fine=(0, 200, 205)),
        Contender("betterleaks", find("betterleaks"), ["fs", "--no-banner", "-o", "-", "."]),
        Contender("gitleaks", gitleaks(folders), ["dir", "--no-banner", "-f", "json", "-r", "-", "."]),
        Contender(
            "ruff, S rules",
            find("ruff"),
            ["check", "--isolated", "--no-cache", "--select", "S", "--output-format", "json", "."],
        ),
        Contender("banditrs", find("banditrs"), ["-r", ".", "-f", "json"]),
        Contender("bandit", find("bandit"), ["-q", "-r", ".", "-f", "json"], slow=True),
        Contender("detect-secrets", find("detect-secrets"), ["scan", "--all-files", "."], slow=True),
        Contender("credsweeper", find("credsweeper"), ["--path", ".", "--save-json", os.devnull], slow=True),
    ]


def history_contenders(tegmen: Path, folders: list[Path]) -> list[Contender]:
    """Who can go through the commits of a repository; and what it takes to print them."""

    def find(name: str) -> Path | None:
        return program(name, folders)

    kingfisher = ["scan", "--no-update-check", "--no-validate", "--format", "json", "--git-history", "full", "."]
    return [
        Contender(
            "tegmen audit --history",
            tegmen if tegmen.is_file() else None,
            ["audit", "--history", "--format", "json", "."],
            fine=(0, 1, 2),
        ),
        Contender("git log -p", find("git"), ["log", "-p", "--all"]),
        Contender("kingfisher", find("kingfisher"), kingfisher, fine=(0, 200, 205)),
        Contender("betterleaks", find("betterleaks"), ["git", "--no-banner", "-o", "-", "."]),
        Contender("gitleaks", gitleaks(folders), ["git", "--no-banner", "-f", "json", "-r", "-", "."]),
    ]


def race(title: str, contenders: list[Contender], directory: Path, rounds: int, slow: bool, limit: float) -> None:
    """Runs the contenders in turn and prints what each took."""
    print(f"\n{title}", flush=True)
    present = [one for one in contenders if one.program]
    for number in range(rounds + 1):
        for one in present:
            if one.failed or (one.slow and (not slow or number > 0)):
                continue
            one.run(directory, limit)
            # The first round warms the caches of the machine.
            if number == 0 and not one.slow:
                one.seconds.clear()
    own = min(contenders[0].seconds, default=0.0)
    print(f"  {'':<26}{'seconds':>10}{'median':>10}{'of tegmen':>12}{'MB':>8}")
    for one in sorted(present, key=lambda one: min(one.seconds, default=1e9)):
        if one.failed:
            print(f"  {one.name:<26}{one.failed}")
        elif one.seconds:
            best, middle = min(one.seconds), sorted(one.seconds)[len(one.seconds) // 2]
            of = f"{best / own:11.2f}x" if own else ""
            print(f"  {one.name:<26}{best:10.3f}{middle:10.3f}{of:>12}{one.memory:8.0f}")
        else:
            print(f"  {one.name:<26}left out: takes minutes (--slow)")
    for one in contenders:
        if not one.program:
            print(f"  {one.name:<26}not installed")


def large_tree() -> Path:
    """The Python files of the packages, fetched where they are not there yet."""
    tree = KEPT / "tree"
    stamp = KEPT / "packages"
    if tree.is_dir() and stamp.is_file() and stamp.read_text() == "\n".join(PACKAGES):
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    wheels = KEPT / "wheels"
    wheels.mkdir(parents=True)
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*fetch, "--only-binary", ":all:", "--dest", str(wheels), *PACKAGES], check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".py")]
            # The code of a wheel, not a `site-packages` that scanners leave out.
            archive.extractall(tree / wheel.name.split("-")[0], names)
    shutil.rmtree(wheels)
    stamp.write_text("\n".join(PACKAGES))
    return tree


LOCUSTFILE = """\
import logging
import os

from locust import HttpUser, between, events, task

from common.auth import login
from common.data import ITEMS

log = logging.getLogger(__name__)


@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--api-key", default="")


class Shopper(HttpUser):
    wait_time = between(1, 3)

    def on_start(self):
        self.token = login(self.client, os.getenv("SHOP_USER"), "{password}")
        log.info("token %s", self.token)

    @task
    def orders(self):
        for item in ITEMS:
            self.client.get(f"/items/{{item}}?token={{self.token}}")
"""

AUTH = """\
def login(client, user, password):
    reply = client.post("/login", json={"user": user, "password": password})
    print(reply.text)
    return reply.json()["access_token"]
"""


COMPOSE = """\
services:
  load:
    image: locustio/locust
    environment:
      API_KEY: {key}
"""


def made_up(source: random.Random, length: int) -> str:
    """A value like one that a provider issues."""
    return "".join(source.choices(string.ascii_letters + string.digits, k=length))


def small_project(directory: Path) -> None:
    """Six files of a load test."""
    source = random.Random(6)
    files = {
        "locustfile.py": LOCUSTFILE.format(password=made_up(source, 12)),
        "common/__init__.py": "",
        "common/auth.py": AUTH,
        "common/data.py": "ITEMS = [" + ", ".join(str(number) for number in range(400)) + "]\n",
        "docker-compose.yml": COMPOSE.format(key=made_up(source, 24)),
        ".env": f"SHOP_PASSWORD={made_up(source, 16)}\nLOCUST_HOST=http://localhost:8000\n",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def releases() -> list[dict[str, list[bytes]]]:
    """The text files of releases of Locust, the oldest first, by their lines."""
    folder = KEPT / "releases"
    folder.mkdir(parents=True, exist_ok=True)
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    found = []
    for version in RELEASES:
        if not list(folder.glob(f"locust-{version}-*.whl")):
            command = [*fetch, "--only-binary", ":all:", "--dest", str(folder), f"locust=={version}"]
            subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob(f"locust-{version}-*.whl"))) as archive:
            names = [
                name for name in archive.namelist() if name.endswith((".py", ".html", ".md")) and "/static/" not in name
            ]
            found.append({name: archive.read(name).splitlines(keepends=True) for name in names})
    return found


def history(directory: Path) -> int:
    """A repository in which real code changes as it did from release to release, one place of one file a commit; now
    and then a secret comes in and goes again. Gives the number of commits."""
    source = random.Random(0x617)
    files: dict[str, list[bytes]] = {}
    number = 0
    git = ["git", "-C", str(directory), "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    importing = subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    stream = importing.stdin
    assert stream

    def commit(changed: dict[str, list[bytes] | None]) -> None:
        nonlocal number
        number += 1
        message = f"Change {number}".encode()
        stream.write(b"commit refs/heads/main\n")
        stream.write(f"committer Dev <dev@example.com> {1_600_000_000 + number * 3600} +0000\n".encode())
        stream.write(b"data %d\n%s\n" % (len(message), message))
        for name, lines in changed.items():
            if lines is None:
                stream.write(f"D {name}\n".encode())
            else:
                body = b"".join(lines)
                stream.write(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(body), body))

    for release in releases():
        if gone := {name: None for name in files if name not in release}:
            commit(gone)
            files = {name: lines for name, lines in files.items() if name in release}
        if new := {name: lines for name, lines in release.items() if name not in files}:
            commit(new)
            files.update(new)
        for name, lines in sorted(release.items()):
            places = difflib.SequenceMatcher(None, files[name], lines, autojunk=False).get_opcodes()
            for kind, start, end, first, last in reversed(places):
                if kind == "equal":
                    continue
                files[name] = files[name][:start] + lines[first:last] + files[name][end:]
                commit({name: files[name]})
                if number % 100 == 0 and name.endswith(".py"):
                    # The next change of the file takes it out again.
                    commit({name: [*files[name], f'API_KEY = "{made_up(source, 32)}"\n'.encode()]})
    stream.close()
    if importing.wait():
        sys.exit("error: git fast-import has failed")
    subprocess.run([*git, "reset", "--quiet", "--hard"], check=True)
    # As a clone comes from a server; what fast-import takes for differences is hardly smaller than the files.
    subprocess.run([*git, "repack", "-a", "-d", "-f", "--quiet"], check=True)
    return number


def versions(contenders: list[Contender]) -> list[str]:
    """The versions of what takes part."""
    found: dict[str, str] = {}
    for one in contenders:
        if not one.program or one.program.name in found:
            continue
        words = ["version"] if one.program.name in ("gitleaks", "betterleaks") else ["--version"]
        try:
            output = subprocess.run([str(one.program), *words], capture_output=True, text=True, timeout=60).stdout
        except (OSError, subprocess.TimeoutExpired):
            output = ""
        first = next((text.strip() for text in output.splitlines() if text.strip()), "?")
        found[one.program.name] = first if one.program.name in first.lower() else f"{one.program.name} {first}"
    return list(found.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="The audit beside other scanners.")
    parser.add_argument("--tegmen", type=Path, default=ROOT / "target/release/tegmen")
    parser.add_argument(
        "--peers", type=Path, action="append", default=[], help="a folder with programs, before the path"
    )
    parser.add_argument("--tree", type=Path, help="a directory for the race on a large tree")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow", action="store_true", help="those that take minutes for the tree, too")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a contender is stopped")
    parser.add_argument("--only", choices=["tree", "project", "history"], action="append")
    options = parser.parse_args()
    wanted = options.only or ["project", "history", "tree"]

    tegmen = options.tegmen.absolute()
    folders = [folder.absolute() for folder in options.peers]
    print(f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    everyone = tree_contenders(tegmen, folders) + history_contenders(tegmen, folders)
    print("; ".join(versions(everyone)))
    with tempfile.TemporaryDirectory(prefix="tegmen-bench-") as name:
        folder = Path(name)
        if "project" in wanted:
            project = folder / "project"
            small_project(project)
            quick = tree_contenders(tegmen, folders)
            for one in quick:
                one.slow = False
            race("A project of six files", quick, project, max(options.rounds, 10), True, options.limit)
        if "history" in wanted:
            repository = folder / "history"
            repository.mkdir()
            title = f"The history of {history(repository):,} commits"
            race(title, history_contenders(tegmen, folders), repository, options.rounds, True, options.limit)
        if "tree" in wanted:
            tree = (options.tree or large_tree()).absolute()
            files = [path for path in tree.rglob("*.py") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            title = f"A tree of {len(files):,} Python files, {size:.0f} MB"
            race(title, tree_contenders(tegmen, folders), tree, options.rounds, options.slow, options.limit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
