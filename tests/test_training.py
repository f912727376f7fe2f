"""The course can be taken: before its exercise the check of a lesson fails, after it it succeeds, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.run import BIN

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "docs/training"
LESSONS = sorted(COURSE.glob("[0-9]-*.md"))


class Pupil:
    """Somebody in the folder of the course, with a shop that runs."""

    def __init__(self, folder: Path, port: str, tegmen: Path) -> None:
        self.folder = folder
        self.port = port
        self.env = {
            "PATH": os.pathsep.join([str(tegmen.parent), str(BIN), os.defpath]),
            "HOME": str(folder.parent),
            "LC_ALL": "C.UTF-8",
        }

    def types(self, script: str) -> subprocess.CompletedProcess[str]:
        """What the lesson says, on the port of this shop."""
        return subprocess.run(
            ["sh", "-euc", script.replace(":8000", f":{self.port}")],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def edits(self, *changes: tuple[str, str], file: str = "locustfile.py") -> None:
        text = Path(self.folder, file).read_text()
        for old, new in changes:
            assert old in text, f"{file} has no {old!r}"
            text = text.replace(old, new)
        Path(self.folder, file).write_text(text)


@pytest.fixture(scope="module")
def pupil(tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path) -> Iterator[Pupil]:
    home = tmp_path_factory.mktemp("pupil")
    subprocess.run([sys.executable, COURSE / "start.py", home / "course"], check=True, stdout=subprocess.DEVNULL)
    shop = subprocess.Popen(
        [sys.executable, ROOT / "examples/shop/shop.py", "--credentials", home / "course-shop.json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shop.stdout
    with shop:
        yield Pupil(home / "course", shop.stdout.readline().strip().rpartition(":")[2], tegmen_bin)
        shop.terminate()


def see_it(pupil: Pupil) -> None:
    for number, rule in {
        8: "hardcoded-fallback",
        15: "secret-in-log",
        16: "tls-verification-off",
        17: "hardcoded-password",
        18: "response-in-log",
        23: "secret-in-name",
        30: "secret-in-failure",
    }.items():
        lines = Path(pupil.folder, "locustfile.py").read_text().splitlines()
        lines[number - 1] += f"  # tegmen: ignore[{rule}] lesson 1"
        Path(pupil.folder, "locustfile.py").write_text("\n".join(lines) + "\n")


def out_of_the_code(pupil: Pupil) -> None:
    done = pupil.types(
        "sed -i 's/  # tegmen: ignore.*//' locustfile.py; tegmen fix --diff || true;"
        "tegmen fix --to store --unsafe-fixes; tegmen secrets list"
    )
    assert "SHOP_API_KEY" in done.stdout, done.stderr


def run_it(pupil: Pupil) -> None:
    pupil.edits(
        ("from tegmen import secret", "from tegmen import protect, secret"),
        ("import HttpUser, between, task", "import HttpUser, between, tag, task"),
        ('answer.json()["token"]', 'protect(answer.json()["token"], name="SESSION")'),
        ("    @task\n    def export", '    @tag("export")\n    @task\n    def export'),
    )


def no_farther_than_needed(pupil: Pupil) -> None:
    pupil.edits(
        ('    @tag("export")\n', ""),
        ("import HttpUser, between, tag, task", "import HttpUser, between, task"),
        ('{"X-Api-Key": API_KEY})', '{"X-Api-Key": API_KEY}, allow_redirects=False)'),
    )
    text = Path(pupil.folder, "locustfile.py").read_text()
    text = re.sub(
        r'self\.client\.get\(f"/search.*', 'self.client.get("/search?q=teapot", headers={"X-Api-Key": API_KEY})', text
    )
    Path(pupil.folder, "locustfile.py").write_text(text)
    pupil.edits(
        ('source = "store:SHOP_API_KEY"', 'source = "store:SHOP_API_KEY"\nplaces = ["header:X-Api-Key"]'),
        file="tegmen.toml",
    )


def prove_it(pupil: Pupil) -> None:
    leaky = (
        ("\n\nclass Customer", '\nPASSWORD_IN_CLEAR = secret("PASSWORD").reveal()\n\n\nclass Customer'),
        ("def on_start(self):\n", 'def on_start(self):\n        open("debug.txt", "w").write(PASSWORD_IN_CLEAR)\n'),
    )
    pupil.edits(*leaky)
    proof = pupil.types(
        "tegmen prove --seconds 2 --output leaky.txt -- locust -f locustfile.py --host https://shop.example.com"
    )
    assert proof.returncode == 1, proof.stderr
    pupil.edits(*((new, old) for old, new in leaky))


def keep_it_so(pupil: Pupil) -> None:
    text = Path(COURSE / "6-keep-it-so.md").read_text()
    (hook,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    Path(pupil.folder, ".pre-commit-config.yaml").write_text(hook)
    pupil.types("sed -i 's/^source = .*/&\\nmax_age = \"90d\"/' tegmen.toml; tegmen report -o report.html")


#: The solution of each lesson's exercise.
SOLUTIONS: list[Callable[[Pupil], None]] = [
    see_it,
    out_of_the_code,
    run_it,
    no_farther_than_needed,
    prove_it,
    keep_it_so,
]


def test_every_lesson_has_a_solution() -> None:
    assert [path.stem[2:].replace("-", "_") for path in LESSONS] == [solve.__name__ for solve in SOLUTIONS]


@pytest.mark.timeout(400)
def test_the_course_can_be_taken(pupil: Pupil) -> None:
    for lesson, solve in zip(LESSONS, SOLUTIONS, strict=True):
        (check,) = re.findall(r"```sh check\n(.*?)```", lesson.read_text(), re.S)
        before = pupil.types(check)
        assert before.returncode != 0, f"{lesson.name}: done before the exercise"
        solve(pupil)
        after = pupil.types(check)
        assert after.returncode == 0, f"{lesson.name}:\n{after.stdout}\n{after.stderr}"
