"""Every command that the documents show is run, or read by the program that it is for. One that nobody reads fails."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from demo.openbao import OpenBao, find_binary
from support.shown import scripts, simple

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
#: What a shell and every system have: there is no more to these than that the shell reads them.
PLAIN = {"[", "cat", "cd", "curl", "env", "exec", "export", "grep", "man", "mkdir", "pass", "pytest", "test", "umask"}
Check = Callable[[list[str], Path], str | None]


def tegmen(words: list[str], page: Path) -> str | None:
    own, _, command = shlex.join(words).partition(" -- ")
    if command and (wrong := check(shlex.split(command), page)):
        return wrong
    binary = os.environ.get("TEGMEN_BIN", str(Path(sys.executable).parent / "tegmen"))
    given = shlex.split(own)[1:]
    asked = given if given[-1:] in (["--help"], ["--version"]) else [*given, "--help"]
    return said([binary, *asked])


def locust(words: list[str], _page: Path) -> str | None:
    """Locust's own parser reads it. What only its master or its worker reads is in there as well."""
    code = "import sys; from locust.argument_parser import get_parser; get_parser().parse_args(sys.argv[1:])"
    return said([sys.executable, "-c", code, *words[1:]])


def make(words: list[str], _page: Path) -> str | None:
    return said(["make", "--dry-run", "--directory", str(ROOT), *words[1:]])


def cargo(words: list[str], _page: Path) -> str | None:
    packages = [words[at + 1] for at, word in enumerate(words) if word in ("-p", "--package")]
    known = {f"tegmen-{path.name}" for path in (ROOT / "crates").iterdir()} | {"tegmen"}
    features = [words[at + 1] for at, word in enumerate(words) if word == "--features"]
    declared = (ROOT / "crates/tegmen/Cargo.toml").read_text()
    missing = [name for name in packages if name not in known]
    missing += [name for name in features if not re.search(rf"^{name} = ", declared, re.M)]
    return f"there is no {missing}" if missing else None


def script(words: list[str], page: Path) -> str | None:
    """A script of this repository, which says that it takes these options."""
    file = next((word for word in words if word.endswith((".py", ".sh"))), "")
    found = next((base / file for base in (ROOT, page.parent) if (base / file).is_file()), None)
    if not found:
        return f"there is no {file}"
    if found.suffix == ".sh":
        return said(["bash", "-n", str(found)])
    if "argparse" not in found.read_text():
        return said([sys.executable, "-m", "py_compile", str(found)])
    return said([sys.executable, str(found), *words[words.index(file) + 1 :], "--help"])


def python(words: list[str], page: Path) -> str | None:
    if words[1:3] == ["-m", "pip"]:
        return pip(words[2:], page)
    if words[1] == "-c":
        compile(words[2], str(page), "exec")
        return None
    return script(words, page)


def shell(words: list[str], page: Path) -> str | None:
    if words[1] != "-c":
        return script(words, page)
    return next((wrong for inner in simple(words[2]) if (wrong := check(inner, page))), None)


def pip(words: list[str], _page: Path) -> str | None:
    return said([sys.executable, "-m", *words, "--help"])


def files(words: list[str], page: Path) -> str | None:
    """Files and directories of this repository that are handed over are there."""
    named = [words[at + 1] for at, word in enumerate(words) if word in ("-f", "--filename")]
    missing = [name for name in named if not (ROOT / name).exists() and not (page.parent / name).exists()]
    return f"there is no {missing}" if missing else None


def openssl(words: list[str], _page: Path) -> str | None:
    return said(words)


def read_elsewhere(_words: list[str], _page: Path) -> str | None:
    """By a test of its own, below."""
    return None


CHECKS: dict[str, Check] = {
    "tegmen": tegmen,
    "locust": locust,
    "make": make,
    "cargo": cargo,
    "python": python,
    "sh": shell,
    "./run.sh": script,
    ".venv/bin/pytest": script,
    "pip": pip,
    "docker": files,
    "kubectl": files,
    "openssl": openssl,
    "vault": read_elsewhere,
}


def said(command: list[str]) -> str | None:
    """What is wrong with it, if anything."""
    return _said(tuple(command))


@cache
def _said(command: tuple[str, ...]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.stderr or "it fails" if done.returncode else None


def check(words: list[str], page: Path) -> str | None:
    """What is wrong with a command that a page shows."""
    if words[0] in CHECKS:
        return CHECKS[words[0]](words, page)
    return None if words[0] in PLAIN else f"nobody reads a command of {words[0]}: add it to CHECKS"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_read_by_its_program(page: Path) -> None:
    wrong = {}
    for text in scripts(page):
        for words in simple(text):
            if reason := check(words, page):
                wrong[shlex.join(words)] = reason
    assert wrong == {}


#: What would be asked of somebody on the Internet.
REMOTE = re.compile(r"oidc_discovery_url=|connection_url=|rotate-root|auth/kubernetes/config")
#: What one page begins and another goes on with.
BEFORE = {"log-in-to-vault.md": ROOT / "docs/how-to/vault-approle.md"}
WITH_VAULT = [page for page in PAGES if any(words[0] == "vault" for text in scripts(page) for words in simple(text))]


@pytest.fixture
def own_bao() -> Iterator[OpenBao]:
    """One for each page: they switch on the same."""
    with OpenBao.start() as server:
        yield server


@pytest.mark.parametrize("page", WITH_VAULT, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_vault_is_told_is_what_it_takes(page: Path, own_bao: OpenBao, tmp_path: Path) -> None:
    """In the order of the page, each in a real OpenBao. What needs others than it is put together only."""
    known: list[str] = []
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "VAULT_ADDR": own_bao.address, "VAULT_TOKEN": own_bao.root_token}
    pages = [BEFORE[page.name], page] if page.name in BEFORE else [page]
    for text in (text for page in pages for text in scripts(page)):
        if not any(words[0] == "vault" for words in simple(text)):
            continue
        option = " -output-curl-string" if REMOTE.search(text) else ""
        own = re.sub(r"^vault (\w+)", rf"vault \1{option}", text).replace("/run/secrets/", f"{tmp_path}/")
        done = subprocess.run(
            ["bash", "-ec", f'vault() {{ {find_binary()} "$@"; }}\n{own}'],
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        # Two ways to the same on one page.
        is_known = "path is already in use" in done.stderr
        assert done.returncode == 0 or is_known, f"{text}\n{done.stderr}"
        known.append(text)
    assert known


def test_there_is_something_to_read() -> None:
    found = [words for page in PAGES for text in scripts(page) for words in simple(text)]
    assert len(found) > 150
    assert {"tegmen", "vault", "locust", "docker", "make"} <= {words[0] for words in found}
