"""`tegmen init` at a terminal: it asks, takes Enter for what it proposes, and writes nothing when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pexpect
import pytest

SCRIPT = """\
import os

from locust import HttpUser


class Shopper(HttpUser):
    host = "https://shop.example.com"
    key = os.environ["LOCUST_API_KEY"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    return tmp_path


def init(project: Path, tegmen_bin: Path) -> pexpect.spawn[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(project), "TERM": "xterm", "NO_COLOR": "1"}
    return pexpect.spawn(
        str(tegmen_bin), ["init"], cwd=str(project), env=environment, encoding="utf-8", timeout=60, dimensions=(30, 60)
    )


def test_questions_and_answers(project: Path, tegmen_bin: Path) -> None:
    child = init(project, tegmen_bin)
    child.expect("1 secret that the load test reads:\r\n  API_KEY   locustfile.py:8")
    child.expect(r"\[E/s/v\] ")
    child.sendline("s")
    child.expect(r"Which hosts may they be sent to\? \[shop.example.com\] ")
    child.sendline("*.example.com")
    child.expect("wildcard")
    child.expect(r"\[shop.example.com\] ")
    child.sendline("")
    child.expect("Whom should people ask")
    child.sendline("team-shop")
    child.expect("tegmen secrets set API_KEY")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    manifest = (project / "tegmen.toml").read_text()
    assert 'owner = "team-shop"' in manifest
    assert 'source = "store:API_KEY"\nhosts = ["shop.example.com"]' in manifest


def test_no_answer_writes_nothing(project: Path, tegmen_bin: Path) -> None:
    child = init(project, tegmen_bin)
    child.expect(r"\[E/s/v\] ")
    child.sendeof()
    child.expect("nothing was written")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 2
    assert not (project / "tegmen.toml").exists()
