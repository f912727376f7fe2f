"""The pytest plugin: placeholders from the manifest, and a test that lets a value out fails without showing it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = 'pytest_plugins = ["tegmen.pytest_plugin"]\n'
TESTS = """
import base64, os, sys
import pytest
from tegmen.pytest_plugin import assert_no_secrets


def test_has_placeholders(tegmen_secrets, tegmen_no_leaks):
    assert list(tegmen_secrets) == ["API_KEY"]
    print("key", tegmen_secrets["API_KEY"], base64.b64encode(f"u:{tegmen_secrets['API_KEY']}".encode()).decode())
    assert os.environ["LOCUST_API_KEY"] == tegmen_secrets["API_KEY"]


def test_prints(tegmen_secrets, tegmen_no_leaks):
    print(base64.b64encode(tegmen_secrets["API_KEY"].reveal().encode()).decode(), file=sys.stderr)


def test_fails_with_it(tegmen_secrets, tegmen_no_leaks):
    raise RuntimeError("refused: " + tegmen_secrets["API_KEY"].reveal())


def test_asserts(tegmen_secrets, capsys):
    print(tegmen_secrets["API_KEY"].reveal())
    with pytest.raises(pytest.fail.Exception, match="the value of API_KEY is in the text"):
        assert_no_secrets(capsys.readouterr().out)
    assert_no_secrets("nothing at all, and " + tegmen_secrets["API_KEY"])
"""


def run(directory: Path, command: list[str | Path], value: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LOCUST_API_KEY": value, "HOME": str(directory)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(TESTS)
    (tmp_path / "tegmen.toml").write_text('[secrets.API_KEY]\nsource = "env:LOCUST_API_KEY"\n')
    return tmp_path


def test_a_leak_fails_the_test_and_is_not_shown(project: Path, tegmen_bin: Path) -> None:
    value = secrets.token_urlsafe(24)
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=out.xml", "-rA"]
    done = run(project, [tegmen_bin, "run", "--", *pytest_], value)
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "the test lets secrets out: API_KEY in captured stderr call" in done.stdout
    assert "the test lets secrets out: API_KEY in the message of the failure" in done.stdout
    # Not even in the file that pytest writes itself, past every output that is filtered.
    report = (project / "out.xml").read_text()
    assert "[API_KEY]" in report
    assert value not in report + done.stdout + done.stderr


def test_without_a_run_the_tests_fail_and_say_how_to_start_them(project: Path) -> None:
    done = run(project, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], secrets.token_urlsafe(24))
    assert "4 errors" in done.stdout
    assert "start pytest with `tegmen run -- pytest`" in done.stdout
