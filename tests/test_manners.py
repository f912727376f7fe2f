"""How commands behave towards people: they teach, fit the window, end as documented, and show no defect."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import Project
from support.run import Result
from support.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
#: Each command as somebody types it first, with the exit status in an empty folder.
FIRST = {
    "": 2,
    "init": 2,
    "init --yes": 2,
    "audit": 0,
    "fix": 0,
    "fix --diff": 0,
    "explain": 2,
    "explain TGM401": 0,
    "run": 125,
    "run locust": 125,
    "run -- true": 0,
    "run -- false": 1,
    "run -- no-such-command": 127,
    "doctor --fail-on never": 0,
    "prove": 2,
    "prove -- no-such-command": 2,
    "report": 0,
    "guide": 2,
    "redact": 2,
    "rotate": 2,
    "secrets": 2,
    "secrets list": 0,
    "secrets get NAME": 1,
    "secrets import missing": 2,
    "completions": 2,
    "completions bash": 0,
    # Typos, and files that are not there.
    "auditt": 2,
    "audit --fail-onn low": 2,
    "audit --format xml": 2,
    "audit missing": 2,
    "audit --baseline missing": 2,
    "audit --config missing": 2,
    "fix missing": 2,
    "init missing": 2,
    "report missing": 2,
    "report -o missing/risk.html": 2,
    "explain hardcoded-pasword": 2,
    "doctor --select missing": 2,
    "run --manifest missing -- true": 125,
    "rotate --manifest missing": 2,
    "redact --manifest missing": 2,
}
#: Those that say nothing but what was asked for.
SILENT = {"run -- true", "run -- false", "explain TGM401", "completions bash"}
DEFECTS = re.compile(r"panicked|has a defect|RUST_BACKTRACE|Traceback|\[src/|Error\(|Os \{|None\b.*Some\(")


@pytest.fixture
def empty(tmp_path: Path, tegmen_bin: Path) -> Project:
    (tmp_path / "empty").mkdir()
    return Project(tmp_path / "empty", tegmen_bin)


def documented() -> dict[str, set[str]]:
    """The exit statuses of each command, as the page of the command line has them."""
    rows = re.findall(r"^\| `tegmen (\S+)` \| `?([\w ]+)`? \|", (ROOT / "docs/reference/cli.md").read_text(), re.M)
    found: dict[str, set[str]] = {}
    for command, status in rows:
        found.setdefault(command, set()).add(status)
    return found


@pytest.mark.parametrize("line", FIRST)
def test_the_first_try_teaches(empty: Project, line: str) -> None:
    result = empty.run(empty.tegmen, *line.split(), env={"COLUMNS": "60"})
    assert result.status == FIRST[line], result.output
    assert not DEFECTS.search(result.output), result.output
    assert "\x1b[" not in result.output, "NO_COLOR is set"
    if FIRST[line] == 0:
        return
    command = line.split()[0] if line else ""
    if command in documented():
        statuses = documented()[command]
        assert str(result.status) in statuses or "any other" in statuses
    if line not in SILENT:
        said = result.stderr
        assert said.strip(), "a failure is said on standard error"
        # What to do: a command, an option, a choice or a hint.
        assert re.search(r"`?tegmen |--\w|hint: |tip: |Usage: |possible values|; |check ", said), said


@pytest.mark.parametrize("columns", [60, 160])
def test_help_fits_the_window(empty: Project, columns: int) -> None:
    names = empty.run(empty.tegmen, "reference", "commands").check().stdout.splitlines()
    for name in ["", *names]:
        for option in ("-h", "--help"):
            told = empty.run(empty.tegmen, *name.split(), option, env={"COLUMNS": str(columns)}).check().stdout
            wide = [line for line in told.splitlines() if len(line) > columns]
            # A word that is longer than the window stays whole.
            assert [line for line in wide if len(max(line.split(), key=len)) < columns - 10] == [], name


@pytest.mark.parametrize("columns", [60, 160])
def test_what_is_shown_on_a_terminal_fits_it(project: Project, columns: int) -> None:
    project.write("locustfile.py", SCRIPT)
    project.run(project.tegmen, "init", "--yes", env={"LOCUST_API_KEY": f"k3y-{secrets.token_hex(8)}"}).check()
    for command in (
        ["audit"],
        ["fix", "--diff"],
        ["doctor", "--fail-on", "never"],
        ["doctor", "--list"],
        ["report"],
        ["guide"],
        ["explain", "hardcoded-password"],
        ["run", "--secret", "NO_SUCH_KEY=env:NO_SUCH_VARIABLE", "--", "true"],
    ):
        terminal = Terminal(["sh", "-c", 'sleep 0.3; exec "$@"', "sh", str(project.tegmen), *command], project.path)
        terminal.resize(40, columns)
        status = terminal.end()
        assert status in (0, 1, 125), terminal.shown
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", terminal.shown)
        assert not DEFECTS.search(shown)
        lines = [part for line in shown.splitlines() for part in line.split("\r")]
        # Code, diffs and tables stay as they are, and words whole: commands, paths and addresses are for copying.
        is_code = re.compile(r"[-+|] ?|@@|```| {4}" if command[0] == "fix" else r"[|]|self\.| +print\(")
        wide = [line for line in lines if len(line) > columns and not is_code.match(line)]
        # Where the left column leaves no room for a word, that stands there alone.
        assert [line for line in wide if len(line.split()[-1]) + 20 < columns] == [], command


@pytest.mark.parametrize("command", ["audit", "report", "explain --all", "doctor --fail-on never", "--help"])
def test_a_reader_that_has_had_enough_is_no_failure(project: Project, command: str) -> None:
    project.write("locustfile.py", SCRIPT)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [project.tegmen, *command.split()], cwd=project.path, stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert not DEFECTS.search(done.stderr) and "Broken pipe" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "audit",
        "report",
        "explain --all",
        "doctor",
        "doctor --list",
        "guide",
        "--help",
        "completions bash",
        "redact --env",
    ],
)
def test_what_cannot_be_printed_is_said(project: Project, command: str) -> None:
    project.write("locustfile.py", SCRIPT)
    key = {"LOCUST_API_KEY": f"k3y-{secrets.token_hex(8)}"}
    project.run(project.tegmen, "init", "--yes", env=key).check()
    line = f"{project.tegmen} {command} > /dev/full"
    result = project.run("sh", "-c", line, stdin="text\n", env=key).check(2)
    assert "No space left on device" in result.stderr and not DEFECTS.search(result.stderr), result.stderr


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_manifest_that_cannot_be_read_is_none_that_is_not_there(project: Project, kind: str) -> None:
    """To go on without it would be to go on unprotected."""
    project.write("locustfile.py", SCRIPT)
    manifest = project.path / "tegmen.toml"
    if kind == "link":
        manifest.symlink_to("nowhere")
    else:
        manifest.mkdir()
    key = {"LOCUST_API_KEY": f"k3y-{secrets.token_hex(8)}"}
    for line, status in {
        "run -- touch ran": 125,
        "guide": 2,
        "rotate": 2,
        "report": 2,
        "init --yes": 2,
        "fix --to dotenv": 2,
    }.items():
        result = project.run(project.tegmen, *line.split(), env=key).check(status)
        assert "tegmen.toml" in result.stderr and "there is no tegmen.toml" not in result.stderr, line
        expected = "is there already" if line.startswith("init") else "cannot be read"
        assert expected in result.stderr, result.stderr
    assert not (project.path / "ran").exists()


def test_a_pipe_in_the_place_of_a_file_holds_nothing_up(project: Project) -> None:
    """Some password managers serve `.env` as one; it waits for them."""
    project.write("locustfile.py", SCRIPT)
    os.mkfifo(project.path / ".env")
    for line in ("init --yes", "audit --fail-on never", "fix --diff", "report --no-doctor", "guide"):
        result = project.run(project.tegmen, *line.split(), timeout=60)
        assert result.status in (0, 1, 2), line
    assert "LOCUST_API_KEY" in project.read("tegmen.toml")


def test_commands_to_copy_are_as_a_shell_needs_them(project: Project) -> None:
    project.write("load tests/it's one.py", SCRIPT)
    told = project.run(project.tegmen, "init", "--yes").check().stderr
    guide = project.run(project.tegmen, "guide").check().stdout
    for text in (told, guide):
        (name,) = {shlex.split(found)[0] for found in re.findall(r"""locust -f ([^\n`]+\.py['"]?)""", text)}
        assert name == "load tests/it's one.py", text


#: Each command as it does its work in the project below, with its exit status.
WORK = {
    "audit": 1,
    "fix --diff": 1,
    "fix --to dotenv": 0,
    "init --yes": 0,
    "explain TGM401": 0,
    "run -- true": 0,
    "doctor --fail-on never": 0,
    "prove --seconds 2 --users 1 --stages alone -- locust": 0,
    "report": 0,
    "report -o risk.html": 0,
    "guide": 0,
    "guide -o guide.md": 0,
    "redact --env": 0,
    "rotate": 0,
    "rotate --due --dry-run": 1,
    "secrets set API_KEY": 0,
    "secrets import .env.other": 0,
    "secrets list": 0,
    "secrets get API_KEY": 0,
    "secrets rm API_KEY": 0,
    "completions bash": 0,
}
#: Those whose work needs the manifest.
WITH_MANIFEST = ("run", "guide", "report", "rotate", "prove", "doctor")


def test_every_command_is_tried_quietly(empty: Project) -> None:
    names = empty.run(empty.tegmen, "reference", "commands").check().stdout.splitlines()
    assert [name for name in names if not any(f"{line} ".startswith(f"{name} ") for line in WORK)] == []


@pytest.mark.parametrize("line", WORK)
def test_quiet_says_nothing_but_results_warnings_and_errors(project: Project, line: str) -> None:
    """Before the subcommand and after it; and what is a result does not change."""
    command, *rest = line.split()
    env = {"LOCUST_API_KEY": f"k3y-{secrets.token_hex(8)}", "COLUMNS": "100"}

    def prepared() -> None:
        for file in project.path.iterdir():
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        hard_coded = MENDABLE.replace("@VALUE@", env["LOCUST_API_KEY"])
        project.write("locustfile.py", hard_coded if "--to" in line else SCRIPT)
        if command == "secrets":
            project.write(".env.other", f"API_KEY={env['LOCUST_API_KEY']}\n", 0o600)
        if command in WITH_MANIFEST:
            project.run(project.tegmen, "init", "--yes", env=env).check()
        if command == "secrets":
            given = env["LOCUST_API_KEY"]
            project.run(project.tegmen, "secrets", "set", "API_KEY", stdin=given, env=env).check()

    def done(*words: str) -> Result:
        prepared()
        return project.run(project.tegmen, *words, stdin="text\n", env=env).check(WORK[line])

    # Two runs with canaries differ; so does what else runs on a machine.
    usual = None if command in ("prove", "doctor") else done(command, *rest)
    for words in [["--quiet", command, *rest], [command, "-q", *rest]][command == "prove" :]:
        quiet = done(*words)
        said = [line for line in quiet.stderr.splitlines() if not line.startswith(("error: ", "warning: ", "hint: "))]
        assert said == [], quiet.stderr
        # A hint belongs to what stands before it.
        assert not quiet.stderr.startswith("hint: ")
        if usual:
            results = [line for line in quiet.stdout.splitlines() if line.strip()]
            # The audit's summary is for people; pages have the time.
            assert [result for result in results if result not in usual.stdout] == []
            assert bool(results) == bool(usual.stdout.strip())


def test_quiet_and_verbose_go_together_on_no_side(empty: Project) -> None:
    for line in WORK:
        command, *rest = line.split()
        for words in (["-q", command, "-v", *rest], ["-v", command, "--quiet", *rest], [command, "-qv", *rest]):
            result = empty.run(empty.tegmen, *words).check(125 if command == "run" else 2)
            assert "'--quiet' cannot be used with '--verbose'" in result.stderr, words


def test_verbose_says_more(project: Project) -> None:
    project.write("locustfile.py", SCRIPT)
    env = {"LOCUST_API_KEY": f"k3y-{secrets.token_hex(8)}"}

    def said(*words: str) -> Result:
        return project.run(project.tegmen, *words, env=env)

    for command in (["audit"], ["doctor", "--fail-on", "never"], ["fix", "--diff"], ["secrets", "list"]):
        assert len(said(*command, "--verbose").output) > len(said(*command).output), command
    said("init", "--yes").check()
    told = said("-v", "run", "--", "true").check().stderr
    assert "tegmen: [API_KEY] from env:LOCUST_API_KEY, as API_KEY, LOCUST_API_KEY; to https://shop.example.com" in told
    assert env["LOCUST_API_KEY"] not in told


MENDABLE = """
import os

from locust import HttpUser, task

PASSWORD = "@VALUE@"


class Shopper(HttpUser):
    host = "https://shop.example.com"

    @task
    def login(self):
        self.client.post("/login", json={"password": PASSWORD})
"""
SCRIPT = """
import os

from locust import HttpUser, task


class Shopper(HttpUser):
    host = "https://shop.example.com"

    @task
    def orders(self):
        key = os.environ["LOCUST_API_KEY"]
        print(f"with {key}")
        self.client.get("/orders", headers={"Authorization": f"Bearer {key}"}, verify=False)
"""
