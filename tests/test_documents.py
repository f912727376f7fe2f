"""The documents are true: links lead somewhere, tests that they name exist, commands that they show are there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def attacks() -> list[tuple[str, str]]:
    """The rows of docs/attacks.md: the attack and each of its tests, as `path::name`."""
    rows = [line.strip("|").split("|") for line in (ROOT / "docs/attacks.md").read_text().splitlines() if "::" in line]
    return [(row[0].strip(), test) for row in rows for test in re.findall(r"`([^`]+::[^`]+)`", row[-1])]


def test_the_table_of_attacks_has_rows() -> None:
    assert len(attacks()) >= 20


@pytest.mark.parametrize(("attack", "test"), attacks())
def test_every_attack_has_a_test_that_exists(attack: str, test: str) -> None:
    path, name = test.split("::")
    assert re.search(rf"\b(def|fn) {re.escape(name)}\b", (ROOT / path).read_text()), attack


def test_named_tests_in_the_security_page_exist() -> None:
    named = re.findall(r"`((?:tests|crates)/[^`:]+)`", (ROOT / "SECURITY.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_commands_that_are_shown_exist(document: str, tegmen_bin: Path) -> None:
    text = (ROOT / document).read_text()
    told = subprocess.run([tegmen_bin, "--help"], check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"^  ([a-z-]+)  ", told, re.M))
    shown = set(re.findall(r"(?:^ +|`|\$ )tegmen ([a-z-]+)", text, re.M))
    assert shown <= known, f"{document} shows commands that are not there"


def test_make_targets_that_are_shown_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for document in DOCUMENTS:
        shown = set(re.findall(r"(?:^ +|`|\$ )make ([a-z-]+)", document.read_text(), re.M))
        assert shown <= targets, document


def test_the_versions_of_locust_are_the_same_everywhere() -> None:
    """What the plugin lets run, what the doctor says, what the documents say and what is tried."""
    plugin = (ROOT / "python/tegmen/_hooks/locust_start.py").read_text()
    numbers = re.search(r"^KNOWN = \(\((\d+), (\d+)\), \((\d+), (\d+)\)\)", plugin, re.M)
    assert numbers
    major, first, _, before = map(int, numbers.groups())
    doctor = (ROOT / "crates/posture/src/checks/locust.rs").read_text()
    assert f"= ([{major}, {first}], [{major}, {before}]);" in doctor
    shown = f"Locust {major}.{first} to {major}.{before - 1}"
    for document in ("README.md", "docs/reference/doctor.md"):
        assert shown in (ROOT / document).read_text(), document
    tools = (ROOT / "tools/locust_versions.py").read_text()
    tried = re.findall(r'"(\d+\.\d+)\.\d+"', tools.partition("VERSIONS = ")[2].partition("\n")[0])
    newest = re.search(r"^locust==(\d+\.\d+)\.", (ROOT / "tests/requirements.txt").read_text(), re.M)
    assert newest and newest[1] == f"{major}.{before - 1}", "the newest is what the tests use"
    assert len(tried) >= 2 and tried[0] == f"{major}.{first}", "the oldest, and one in the middle"
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"tries {', '.join(tried)} and {newest[1]}" in changelog
