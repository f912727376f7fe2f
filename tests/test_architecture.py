"""The plan of the house in ARCHITECTURE.md is the house that stands: its tables against cargo's own data."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: What the table has where a crate knows no other.
NOBODY = "\N{EN DASH}"
CRATES = sorted(path.parent for path in ROOT.glob("crates/*/Cargo.toml"))


@cache
def packages() -> dict[str, dict[str, Any]]:
    """The workspace's packages by the name that the documents use (`sys` for `tegmen-sys`)."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    data = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return {package["name"].removeprefix("tegmen-"): package for package in data["packages"]}


def dependencies(package: str, *, ours: bool) -> set[str]:
    """What a package depends on outside its tests: our own crates, or everybody else's."""
    names = {entry["name"] for entry in packages()[package]["dependencies"] if entry["kind"] != "dev"}
    return {name.removeprefix("tegmen-") for name in names if name.startswith("tegmen") == ours}


def table(heading: str) -> list[list[str]]:
    """The cells of the table whose first head cell and second are `heading`."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    lines = text.split(f"\n| {heading} |", 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def words(cell: str) -> set[str]:
    return set() if cell == NOBODY else {word.strip() for word in cell.split(",")}


def test_every_arrow_between_crates_is_documented_and_no_other() -> None:
    documented = {crate: words(knows) for crate, knows, _ in table("Crate | Knows")}
    assert documented == {name: dependencies(name, ours=True) for name in packages()}


def test_no_arrow_points_upwards() -> None:
    order = [crate for crate, _, _ in table("Crate | Knows")]
    for crate, knows, _ in table("Crate | Knows"):
        assert all(order.index(other) < order.index(crate) for other in words(knows)), crate


def test_every_dependency_has_its_reason() -> None:
    documented = dict(table("Crate | Why this one"))
    used = {other for name in packages() for other in dependencies(name, ours=False)}
    assert set(documented) == used
    assert all(len(reason) > 3 for reason in documented.values())


def sources(crate: Path) -> list[Path]:
    return sorted((crate / "src").rglob("*.rs"))


@pytest.mark.parametrize("crate", CRATES, ids=lambda crate: crate.name)
def test_the_lints_of_the_house_hold_in_every_crate(crate: Path) -> None:
    manifest = (crate / "Cargo.toml").read_text()
    if crate.name == "sys":
        assert 'undocumented_unsafe_blocks = "deny"' in manifest
    elif crate.name == "tegmen":
        # It prints, so it cannot take the workspace's lints as they are.
        assert all(f'{lint} = "' in manifest for lint in ("unwrap_used", "expect_used", "panic", "dbg_macro", "todo"))
        assert 'unsafe_code = "forbid"' in manifest
    else:
        assert "[lints]\nworkspace = true" in manifest


@pytest.mark.parametrize("lint", ["print_stdout", "print_stderr"])
def test_only_the_command_line_prints(lint: str) -> None:
    allowed = {crate.name for crate in CRATES for file in sources(crate) if allows(file, lint)}
    assert allowed <= {"tegmen"}


@pytest.mark.parametrize("lint", ["unsafe_code", "unwrap_used", "expect_used", "panic", "todo", "dbg_macro"])
def test_nobody_lifts_a_lint_of_the_house(lint: str) -> None:
    lifted = [
        str(file.relative_to(ROOT))
        for crate in CRATES
        if crate.name not in ("sys", "testing") or lint in ("todo", "dbg_macro")
        for file in sources(crate)
        if allows(file, lint)
    ]
    assert lifted == []


def allows(file: Path, lint: str) -> bool:
    # Only attributes: a lint's name in a comment lifts nothing.
    return bool(re.search(rf"#!?\[(?:allow|expect)\([^)]*\b{lint}\b", file.read_text()))


def test_only_syntax_knows_the_parser() -> None:
    users = {name for name in packages() if any(other.startswith("ruff_") for other in dependencies(name, ours=False))}
    assert users == {"syntax"}


#: By its path, or in a list of what is used (`use std::{collections::HashMap, fs}`).
IO = re.compile(r"\bstd::(?:\{[^;]*?\b)?(?:fs|net|process|env|io)\b")


def test_io_is_seen_however_it_is_written() -> None:
    for text in ("std::fs::read(path)", "use std::io;", "use std::{\n    collections::HashMap,\n    fs,\n};"):
        assert IO.search(text), text
    assert not IO.search("use std::{collections::HashMap, fmt};\nuse crate::env;")


def test_rules_do_no_io() -> None:
    rules = sorted((ROOT / "crates/audit/src/rules").rglob("*.rs"))
    assert rules
    assert [file.name for file in rules if IO.search(file.read_text())] == []


def test_checks_of_the_posture_do_no_io() -> None:
    checks = sorted((ROOT / "crates/posture/src/checks").rglob("*.rs"))
    assert checks
    texts = {file.name: file.read_text() for file in checks}
    assert [name for name, text in texts.items() if IO.search(text) or "tegmen_sys" in text] == []


@pytest.mark.parametrize("crate", ["findings", "report", "audit", "syntax", "classify", "posture"])
def test_the_audit_never_meets_a_secret_type(crate: str) -> None:
    assert "secret" not in dependencies(crate, ours=True)


def test_no_secret_type_can_be_serialised() -> None:
    # No other crate can teach it to a type of this one.
    assert "serde" not in dependencies("secret", ours=False)


def test_no_path_of_a_developer_and_no_marker_is_committed() -> None:
    command = ["git", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    marks = re.compile(r"/(work|home)/(?!user|you|\.\.\.)[a-z]+/|\b(TODO|FIXME|XXX)\b")
    own = Path(__file__).name
    found = []
    for name in filter(None, names):
        file = ROOT / name
        if file.is_file() and file.name != own and file.suffix in {".rs", ".py", ".md", ".toml", ".pyi", ""}:
            text = file.read_text(errors="replace")
            found += [f"{name}: {match.group()}" for match in marks.finditer(text)]
    assert found == []
