"""What somebody has who installed the wheel and nothing else: manual pages, completions, types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / "target/wheels"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel of this checkout alone."""
    wheels = sorted(WHEELS.glob("tegmen-*.whl"))
    if not wheels:
        pytest.skip("there is no wheel in target/wheels: `make install` builds it")
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin/python")]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheels[-1])], check=True)
    return folder


def shell(fresh: Path, script: str) -> str:
    """Run where the environment is active."""
    env = {"PATH": f"{fresh / 'bin'}:/usr/bin:/bin", "HOME": str(fresh.parent), "MANPAGER": "cat", "MANWIDTH": "80"}
    # Minimal containers have `man` say that pages were left out.
    env |= {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, cwd=fresh.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_command_has_a_manual_page_that_man_finds(fresh: Path) -> None:
    names = ["", *shell(fresh, "tegmen reference commands").splitlines()]
    pages = {"-".join(["tegmen", *name.split()]) for name in names}
    assert {page.stem for page in (fresh / "share/man/man1").iterdir()} == pages
    if not shutil.which("man"):
        pytest.skip("there is no man")
    found = shell(fresh, f"man -w {' '.join(sorted(pages))}").splitlines()
    assert found == [str(fresh / f"share/man/man1/{page}.1") for page in sorted(pages)]


def test_the_pages_are_those_of_this_version(fresh: Path) -> None:
    for page in (fresh / "share/man/man1").iterdir():
        assert page.read_bytes() == (ROOT / "docs/man" / page.name).read_bytes()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tegmen au", "audit"),
        ("tegmen audit --for", "--format"),
        ("tegmen audit --format sa", "sarif"),
        ("tegmen --qui", "--quiet"),
        ("tegmen secrets im", "import"),
        ("tegmen explain hardcoded-passw", "hardcoded-password"),
    ],
)
def test_bash_completes(fresh: Path, typed: str, expected: str) -> None:
    words = typed.split()
    script = f"""
    source {fresh}/share/bash-completion/completions/tegmen
    COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}
    _tegmen tegmen {words[-1]} {words[-2]}
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert expected in shell(fresh, script).split()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("bash", "bash-completion/completions/tegmen"),
        ("zsh", "zsh/site-functions/_tegmen"),
        ("fish", "fish/vendor_completions.d/tegmen.fish"),
    ],
)
def test_what_the_wheel_brings_is_what_the_program_prints(fresh: Path, name: str, place: str) -> None:
    text = (fresh / "share" / place).read_text()
    assert text == shell(fresh, f"tegmen completions {name}")
    if shutil.which(name):
        subprocess.run([name, "-n", fresh / "share" / place], check=True)


def test_the_types_are_there(fresh: Path) -> None:
    (package,) = fresh.glob("lib/python3*/site-packages/tegmen")
    assert (package / "py.typed").is_file() and (package / "_native.pyi").is_file()


def test_the_bill_of_materials_has_both_native_parts_and_no_more(fresh: Path) -> None:
    (folder,) = fresh.glob("lib/python3*/site-packages/tegmen-*.dist-info/sboms")
    (file,) = folder.iterdir()
    bill = json.loads(file.read_text())
    names = {component["name"] for component in bill["components"]}
    # Of the extension module, of the command line, of the tests only.
    assert {"pyo3", "tegmen-plugin"} <= names and {"clap", "ruff_python_parser"} <= names and "snapbox" not in names
    assert all(component["licenses"] for component in bill["components"])
    of_others = [one for one in bill["components"] if not one["name"].startswith("tegmen")]
    assert all(len(one["hashes"][0]["content"]) == 64 for one in of_others) and len(of_others) > 100
    known = {bill["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in bill["components"])}
    assert {ref for one in bill["dependencies"] for ref in [one["ref"], *one["dependsOn"]]} == known
    # Nothing that is another at each build, or on each machine.
    assert "serialNumber" not in bill and "timestamp" not in bill["metadata"]
    assert str(ROOT) not in file.read_text() and "file://" not in file.read_text()
