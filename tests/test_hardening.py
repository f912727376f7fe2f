"""What `tegmen run` does to the command without being asked."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import LOCUST, Project
from support.run import BIN, NOBODY, clean_environment, ordinary_user, why_no_ordinary_user
from support.server import Server


def shell(project: Project, script: str, *options: str, **environment: str) -> str:
    project.write("key", "sk_" + "7" * 20, 0o600)
    command = (project.tegmen, "run", "-q", "--secret", "API_KEY=file:key", *options, "--", "sh", "-c", script)
    return project.run(*command, env=environment).check().stdout.strip()


def test_nothing_below_can_gain_privileges(project: Project) -> None:
    script = "grep NoNewPrivs /proc/self/status | cut -f2"
    assert shell(project, script) == "1"
    assert shell(project, script, "--allow-privileges") == "0"


@pytest.mark.parametrize(("options", "mode"), [((), 0o600), (("--umask", "027"), 0o640), (("--umask", "keep"), 0o644)])
def test_what_is_written_is_for_its_user_alone(project: Project, options: tuple[str, ...], mode: int) -> None:
    before = os.umask(0o022)
    try:
        shell(project, "echo x > report.html", *options)
    finally:
        os.umask(before)
    assert stat.S_IMODE((project.path / "report.html").stat().st_mode) == mode


def test_no_core_dump_and_no_history(project: Project) -> None:
    assert shell(project, 'ulimit -c; echo "[$HISTFILE]"', HISTFILE="/somewhere") == "0\n[]"


def test_sensitive_variables_that_are_no_secrets_of_the_run_are_kept_back(project: Project) -> None:
    value = "tok_" + os.urandom(8).hex()
    script = 'echo "[$OTHER_TOKEN] [$PUBLIC]"'
    assert shell(project, script, OTHER_TOKEN=value, PUBLIC="p") == "[] [p]"
    assert shell(project, script, "--keep-env", "OTHER_TOKEN", OTHER_TOKEN=value, PUBLIC="p") == f"[{value}] [p]"


def test_the_command_inherits_the_standard_streams_and_the_channel_only(project: Project) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    script = "import os; print(len([fd for fd in os.listdir('/proc/self/fd')]))"
    project.write("key", "x" * 20, 0o600)
    command = [
        project.tegmen,
        "run",
        "-q",
        "--secret",
        "API_KEY=file:key",
        "--",
        sys.executable,
        "-I",
        "-S",
        "-c",
        script,
    ]
    result = subprocess.run(command, cwd=project.path, capture_output=True, text=True, pass_fds=(writer,), timeout=60)
    os.close(reader)
    os.close(writer)
    # 0, 1, 2, the channel, and the folder that is being listed.
    assert result.stdout.strip() == "5", result.stdout + result.stderr


def test_an_ordinary_user_can_log_to_dev_stdout(tmp_path: Path, tegmen_bin: Path, echo_server: Server) -> None:
    """A process that is not dumpable has descriptors in /proc that belong to root: its own must open all the same."""
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    folder = tmp_path / "project"
    folder.mkdir()
    if os.geteuid() == 0:
        # Not those that others may enter already: /tmp is one, with --basetemp.
        closed = (parent for parent in tmp_path.parents[:2] if not parent.stat().st_mode & 0o001)
        for parent in (tmp_path, *closed):
            parent.chmod(0o755)
        os.chown(folder, NOBODY, NOBODY)
    (folder / "locustfile.py").write_text(
        "import os\nfrom locust import HttpUser, constant, task\n\n\nclass Shopper(HttpUser):\n"
        "    wait_time = constant(0.1)\n\n    @task\n    def go(self):\n"
        "        self.client.get('/', headers={'X-Key': os.environ['API_KEY']})\n"
    )
    value = "sk_" + os.urandom(10).hex()
    environment = clean_environment(folder, {"API_KEY": value})
    for name in ("/dev/stdout", "/dev/stderr"):
        locust = [*LOCUST, "--host", echo_server.origin, "-t", "4s", "--logfile", name]
        command = [tegmen_bin, "run", "--secret", "API_KEY=env:API_KEY", "--hosts", echo_server.origin, "--", *locust]
        result = subprocess.run(  # type: ignore[call-overload]
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            **ordinary_user(),
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "Starting Locust" in (result.stdout if name == "/dev/stdout" else result.stderr)
        assert echo_server.last.header("X-Key") == value


def test_keys_of_tls_are_not_written_down(project: Project) -> None:
    """Who has them and what went over the wire can read all of it."""
    script = "import os, ssl; print(os.environ.get('SSLKEYLOGFILE'), ssl.create_default_context().keylog_filename)"
    command = ("--", BIN / "python", "-c", script)
    env = {"API_KEY": "s3cr3t-not-a-word", "SSLKEYLOGFILE": str(project.path / "keys")}
    result = project.run(project.tegmen, "run", "--secret", "API_KEY=env:API_KEY", *command, env=env).check()
    assert result.stdout.startswith("None None\n")
    assert "SSLKEYLOGFILE has the keys of TLS connections written to a file" in result.stderr
    kept = ("--keep-env", "SSLKEYLOGFILE", *command)
    result = project.run(project.tegmen, "run", "--secret", "API_KEY=env:API_KEY", *kept, env=env).check()
    assert str(project.path / "keys") in result.stdout
