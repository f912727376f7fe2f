"""Hot paths, counted in instructions (valgrind's callgrind): a count is the same on a busy machine as on a quiet one.

Twice the work is to take twice the instructions: what one costs grows with no list that it is held against.
"""

from __future__ import annotations

import random
import re
import shutil
import string
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.run import clean_environment

LETTERS = string.ascii_letters + string.digits

#: Twice as much may take so many times the instructions. What is sorted takes somewhat more than twice.
GROWTH = 2.6


def text(number: int) -> str:
    """What looks like a secret, the same in every run."""
    return "".join(random.Random(number).choices(LETTERS, k=24))


def lines_of_a_log(folder: Path, count: int) -> list[str | Path]:
    session = "session=" + text(0)[:12]
    line = "[2026-11-23 10:{:02}:07,{:03}] worker-1/INFO/shop: GET /orders/{} {}\n"
    (folder / "input").write_text("".join(line.format(n % 60, n % 1000, n, session) for n in range(count)))
    return ["redact", "--secret", "KEY=env:KEY_0"]


def classes_of_a_script(folder: Path, count: int) -> list[str | Path]:
    shopper = """
class Shopper{0}(HttpUser):
    @task
    def order_{0}(self):
        key = os.environ["API_KEY_{0}"]
        self.client.get(f"/orders/{0}?page={{key}}", headers={{"X-Key": key}}, name="order")
        print("done", {0})
"""
    script = folder / "locustfile.py"
    script.write_text("import os\nfrom locust import HttpUser, task\n" + "".join(map(shopper.format, range(count))))
    return ["audit", script]


def secrets_of_a_manifest(folder: Path, count: int) -> list[str | Path]:
    secret = '[secrets.KEY_{0}]\nsource = "env:KEY_{0}"\nhosts = ["shop-{0}.example.com"]\n\n'
    manifest = folder / "tegmen.toml"
    manifest.write_text("".join(map(secret.format, range(count))))
    return ["redact", "--manifest", manifest]


WORK = {
    "a line of a log is redacted": (lines_of_a_log, 500),
    "a class of a script is audited": (classes_of_a_script, 20),
    "a secret of a manifest is read": (secrets_of_a_manifest, 20),
}


@pytest.fixture
def instructions(tmp_path: Path) -> Callable[[list[str | Path]], int]:
    """Counts those of a command."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        pytest.skip("valgrind is not installed (apt-get install valgrind)")

    def count(command: list[str | Path]) -> int:
        (tmp_path / "input").touch()
        with (tmp_path / "input").open("rb") as stdin:
            done = subprocess.run(
                [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
                cwd=tmp_path,
                env=clean_environment(tmp_path, {f"KEY_{number}": text(number) for number in range(100)}),
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        counted = re.search(r"Collected : (\d+)", done.stderr)
        # The audit says with 1 that it has found something.
        assert done.returncode in (0, 1) and counted, done.stderr
        return int(counted[1])

    return count


@pytest.mark.parametrize("name", WORK)
def test_instructions(
    name: str, instructions: Callable[[list[str | Path]], int], tegmen_bin: Path, tmp_path: Path
) -> None:
    prepare, times = WORK[name]
    once, twice, four_times = (instructions([tegmen_bin, *prepare(tmp_path, factor * times)]) for factor in (1, 2, 4))
    # The start and the end are in all of them.
    assert (four_times - twice) / (twice - once) < GROWTH
