"""What somebody meets in the first hour: the wrong Python, wrappers, an identity provider, another version of Locust.

The Pythons are made here: virtual environments with all that this one has but the package tegmen.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from conftest import LOCUST, Project
from support.hunt import leaks
from support.run import BIN, Result
from support.server import Response, Server

HERE = Path(sysconfig.get_path("platlib"))
VERSION = "2.47.0"


def make_python(folder: Path, *, package: bool, locust: str = "") -> Path:
    """A virtual environment with what this one has installed, with the package tegmen or without, with this version of
    Locust; the folder of its programs."""
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    for entry in HERE.iterdir():
        if package or not entry.name.startswith("tegmen"):
            (site / entry.name).symlink_to(entry)
    if locust:
        (site / "locust").unlink()
        shutil.copytree(HERE / "locust", site / "locust", ignore=shutil.ignore_patterns("webui", "__pycache__"))
        (site / "locust/webui").symlink_to(HERE / "locust/webui")
        version = site / "locust/_version.py"
        version.write_text(version.read_text().replace(VERSION, locust))
        assert locust in version.read_text()
    script = (BIN / "locust").read_text().splitlines(keepends=True)
    (folder / "bin/locust").write_text("".join([f"#!{folder / 'bin/python'}\n", *script[1:]]))
    (folder / "bin/locust").chmod(0o755)
    return folder / "bin"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a Python without the package."""
    return make_python(tmp_path_factory.mktemp("bare") / "venv", package=False)


@pytest.fixture
def shop(project: Project, echo_server: Server) -> Server:
    """A project with a locustfile that sends a key, and the server that it is sent to."""
    project.one_task(
        'self.client.get("/", headers={"X-Key": os.environ["API_KEY"]})',
        host=echo_server.origin,
    )
    return echo_server


@pytest.fixture
def environment() -> dict[str, str]:
    return {"API_KEY": f"k3y-{secrets.token_hex(8)}"}


ARGUMENTS = " ".join(LOCUST[1:])


def check_stopped(project: Project, shop: Server, result: Result, python: Path) -> None:
    """Nothing was sent, and the exact command stands there."""
    assert shop.requests == [] and shop.connections == 0
    assert "the Python that runs Locust lacks the package tegmen" in result.stderr
    version = project.run(project.tegmen, "--version").stdout.split()[1]
    assert f"  {python} -m pip install tegmen=={version}\n" in result.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["{bin}/locust", *LOCUST[1:]], 125),
        (["{bin}/python", "-m", "locust", *LOCUST[1:]], 125),
        (["sh", "-c", f"{{bin}}/locust {ARGUMENTS}; exit $?"], 125),
        (["make", "load"], 2),
        (["{bin}/python", "wrapper.py"], 125),
        (["{bin}/python", "swallowing.py"], 125),
    ],
    ids=["locust", "module", "sh", "make", "wrapper", "swallowing"],
)
def test_a_python_without_the_package_is_stopped(
    project: Project, shop: Server, bare: Path, environment: dict[str, str], command: list[str], status: int
) -> None:
    if command[0] == "make" and not shutil.which("make"):
        pytest.skip("there is no make")
    project.write("Makefile", f"load:\n\t{bare}/locust {ARGUMENTS}\n")
    locust = [f"{bare}/locust", *LOCUST[1:]]
    project.write("wrapper.py", f"import subprocess, sys; sys.exit(subprocess.call({locust}))")
    swallow = "try:\n    import locust\nexcept BaseException:\n    pass\nprint('went on')\n"
    project.write("swallowing.py", swallow)
    words = [word.replace("{bin}", str(bare)) for word in command]
    result = project.run(project.tegmen, "run", "--", *words, env=environment).check(status)
    check_stopped(project, shop, result, bare / "python")
    assert "went on" not in result.stdout
    assert leaks({"output": result.output.encode()}, environment) == []


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("home/pipx/venvs/locust", "pipx inject locust tegmen=="),
        ("home/share/uv/tools/locust", "uv tool install locust --with tegmen=="),
        ("uv", "uv pip install --python {python} tegmen=="),
    ],
)
def test_the_command_is_that_of_the_installer(
    project: Project, shop: Server, environment: dict[str, str], folder: str, expected: str
) -> None:
    programs = make_python(project.path.parent / folder, package=False)
    if folder == "uv":
        with (programs.parent / "pyvenv.cfg").open("a") as file:
            file.write("uv = 0.9.0\n")
    result = project.run(project.tegmen, "run", "--", programs / "locust", *LOCUST[1:], env=environment).check(125)
    assert shop.connections == 0
    assert expected.format(python=programs / "python") in result.stderr


@pytest.mark.parametrize("option", ["-I", "-E", "PYTHONPATH="])
def test_a_python_that_ignores_us_is_told_of(
    project: Project, shop: Server, bare: Path, environment: dict[str, str], option: str
) -> None:
    """With the package it protects all the same. Without it nothing can stop it, but no value is there to be sent."""

    def command(programs: Path) -> list[str | Path]:
        if option.startswith("-"):
            return [programs / "python", option, "-m", "locust", *LOCUST[1:]]
        return ["env", option, programs / "locust", *LOCUST[1:]]

    project.run(project.tegmen, "run", "--", *command(BIN), env=environment).check()
    assert shop.last.header("x-key") == environment["API_KEY"]
    result = project.run(project.tegmen, "run", "--", *command(bare), env=environment)
    assert "no process of the command asked for the secrets" in result.stderr
    assert "is the package tegmen installed in the Python that ran?" in result.stderr
    assert environment["API_KEY"] not in (shop.last.header("x-key") or "")


def test_ways_to_start_locust(project: Project, shop: Server, environment: dict[str, str]) -> None:
    """Each in its own way, and the value arrives."""
    words = [str(BIN / "locust"), *LOCUST[1:]]
    project.write("wrapper.py", f"import subprocess, sys; sys.exit(subprocess.run({words!r}).returncode)")
    project.write("Makefile", f"load:\n\t{' '.join(words)}\n")
    ways = {
        "python -m": [BIN / "python", "-m", "locust", *LOCUST[1:]],
        "wrapper": [BIN / "python", "wrapper.py"],
        "make": ["make", "load"],
        "sh": ["sh", "-c", " ".join(words)],
        "env": ["env", "-u", "HOME", *words],
        "nohup": ["nohup", *words],
        "timeout": ["timeout", "60", *words],
    }
    for way, command in ways.items():
        before = len(shop.requests)
        if not shutil.which(str(command[0])):
            continue
        result = project.run(project.tegmen, "run", "--", *command, env=environment)
        assert result.status == 0, (way, result.output)
        assert [request.header("x-key") for request in shop.requests[before:]] == [environment["API_KEY"]], way


def test_single_user(project: Project, shop: Server, environment: dict[str, str]) -> None:
    project.write(
        "single.py",
        f"""
        import os
        from locust import HttpUser, run_single_user, task

        class Shopper(HttpUser):
            host = "{shop.origin}"

            @task
            def once(self):
                self.client.get("/", headers={{"X-Key": os.environ["API_KEY"]}})
                os._exit(7)

        run_single_user(Shopper)
        """,
    )
    project.run(project.tegmen, "run", "--", BIN / "python", "single.py", env=environment).check(7)
    assert shop.last.header("x-key") == environment["API_KEY"]


def test_the_environments_own_sitecustomize_and_path_stay(project: Project, environment: dict[str, str]) -> None:
    project.write("own/sitecustomize.py", "import os; os.environ['OWN_SITE'] = 'ran'; print('own sitecustomize')")
    project.write("own/module_of_own.py", "HERE = True")
    script = "import os, sys, module_of_own; print(os.environ['OWN_SITE'], os.environ['PYTHONPATH'], sys.path[:3])"
    own = project.path / "own"
    for python in (BIN / "python", None):
        python = python or make_python(project.path / "bare", package=False) / "python"
        command = (project.tegmen, "run", "--", python, "-c", script)
        result = project.run(*command, env=environment | {"PYTHONPATH": str(own)}).check()
        assert result.stdout.count("own sitecustomize") == 1
        assert "ran " in result.stdout and f":{own} " in result.stdout
        assert "tegmen-" not in result.stdout.partition("[")[2], "our directory is not on the path any more"


def test_an_unknown_version_of_locust_stops_unless_told_otherwise(
    project: Project, shop: Server, environment: dict[str, str]
) -> None:
    programs = make_python(project.path / "past", package=True, locust="2.9.0")
    command = (programs / "locust", *LOCUST[1:])
    result = project.run(project.tegmen, "run", "--", *command, env=environment).check(125)
    assert "Locust 2.9.0 is not a version that tegmen knows" in result.stderr
    assert "--allow-unknown-locust" in result.stderr and shop.connections == 0
    project.run(project.tegmen, "run", "--allow-unknown-locust", "--", *command, env=environment).check()
    assert shop.last.header("x-key") == environment["API_KEY"]


def test_a_newer_locust_runs_where_it_has_what_the_plugin_needs(
    project: Project, shop: Server, environment: dict[str, str]
) -> None:
    programs = make_python(project.path / "future", package=True, locust="9.1.0")
    command = (project.tegmen, "run", "--", programs / "locust", *LOCUST[1:])
    result = project.run(*command, env=environment).check()
    assert "Locust 9.1.0 is newer than the versions that tegmen was tried with" in result.output
    assert shop.last.header("x-key") == environment["API_KEY"]
    # From now on something of it is called otherwise.
    (stats,) = project.path.glob("future/lib/python3*/site-packages/locust/stats.py")
    stats.write_text(stats.read_text().replace("def log_error(self, method: str", "def log_failure(self, method: str"))
    before = shop.connections
    result = project.run(*command, env=environment).check(125)
    assert "has no locust.stats.RequestStats.log_error(self, method, name, error), where" in result.stderr
    assert shop.connections == before


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_a_login_elsewhere_is_told_which_line_to_add(
    project: Project, echo_server: Server, user: str, environment: dict[str, str]
) -> None:
    """And with that line it works."""
    with Server(respond=lambda request: Response(200, b'{"access_token": "t0ken-4f9a8b7c6d5e"}')) as provider:
        project.one_task(
            f"""
            data = {{"client_secret": os.environ["CLIENT_SECRET"]}}
            with self.client.post("{provider.origin}/token", data, catch_response=True) as response:
                assert response.status_code == 200, response.error
            token = protect(response.json()["access_token"])
            self.client.get("/", headers={{"Authorization": f"Bearer {{token}}"}})
            """,
            user=user,
            host=echo_server.origin,
            head="from tegmen import protect",
        )
        manifest = '[secrets.CLIENT_SECRET]\nsource = "env:API_KEY"\n'
        project.write("tegmen.toml", manifest)
        result = project.tegmen_run(env=environment)
        assert provider.connections == 0 and echo_server.requests == []
        line = f'hosts = ["{echo_server.origin}", "{provider.origin}"]'
        assert line in result.output and "[secrets.CLIENT_SECRET]" in result.output
        assert "tegmen.toml" in result.output
        project.write("tegmen.toml", f"{manifest}{line}\n")
        result = project.tegmen_run(env=environment).check()
        assert provider.last.body == f"client_secret={environment['API_KEY']}".encode()
        assert echo_server.last.header("authorization") == "Bearer t0ken-4f9a8b7c6d5e"


def test_tegmen_run_inside_of_tegmen_run(project: Project, environment: dict[str, str]) -> None:
    """The inner one would take placeholders for values."""
    inner = [project.tegmen, "run", "--", "true"]
    result = project.run(project.tegmen, "run", "--", *inner, env=environment).check(125)
    assert "inside of another `tegmen run`" in result.stderr


def test_the_module_without_a_run_says_how_to_start(project: Project) -> None:
    result = project.run(sys.executable, "-c", "from tegmen import secret; secret('API_KEY')").check(1)
    assert "Start the test with `tegmen run -- locust" in result.stderr
    plain = project.run(sys.executable, "-c", "import locust, tegmen; print('fine')").check()
    assert plain.stdout == "fine\n"


def test_plain_locust_is_left_alone_by_the_installed_package(
    project: Project, shop: Server, environment: dict[str, str]
) -> None:
    project.locust(env=environment).check()
    assert shop.last.header("x-key") == environment["API_KEY"]
