"""The documents are true: links lead somewhere, tests that they name exist, commands that they show are there."""

from __future__ import annotations

import re
import shlex
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


def test_every_way_out_has_a_test_that_exists() -> None:
    rows = [
        line for line in (ROOT / "docs/reference/leak-channels.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert len(rows) > 40
    for row in rows:
        tests = re.findall(r"`([^`]+)::([^`]+)`", row)
        assert tests, row
        for path, name in tests:
            assert re.search(rf"\bdef {re.escape(name)}\b", (ROOT / path).read_text()), (path, name)


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


#: What stands for something in a command that is shown.
STAND_INS = {"RULE": "TGM401", "CHECK": "running-as-root", "COMMAND": "run", "SHELL": "bash", "audit,": "audit"}
#: The two words that only packagers need are not in `--help`.
GENERATED = {"cli.md"}


def commands(document: Path) -> list[list[str]]:
    """The commands of `tegmen` that a page shows, in blocks and in lines, without what is around them in a shell."""
    text = document.read_text()
    blocks = "\n".join(re.findall(r"^ *```(?:console|sh|yaml|text)?\n(.*?)^ *```", text, re.S | re.M))
    indented = "\n".join(re.findall(r"^(?: {4}|\t)(.*)$", text, re.M))
    joined = re.sub(r"\\\n\s*", " ", f"{blocks}\n{indented}")
    found = re.findall(r"(?:^|[;|] *|\$ |run: |- |\bsudo )(tegmen [a-z][^`\n]*)$", joined, re.M)
    found += re.findall(r"(?<!`)`(?:\$ )?(tegmen [a-z][^`]*)`(?!`)", text)
    return [words for words in map(words_of, found) if words]


def words_of(line: str) -> list[str]:
    lexer = shlex.shlex(line.replace("…", ""), posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if word.startswith("#") or set(word) <= set("|<>;&"):
                break
            if word[0] not in "[…":
                words.append(STAND_INS.get(word, word))
            if word.endswith(","):
                break
    except ValueError:
        return []
    # What is run under Tegmen is for its own program to read.
    return words[: words.index("--")] if "--" in words else words


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.name not in GENERATED], ids=lambda p: p.name)
def test_commands_that_are_shown_are_understood(document: Path, tegmen_bin: Path) -> None:
    """The program itself reads subcommand, options and their values, up to the help that is asked for after them."""
    for words in commands(document):
        if words[1:] in (["--help"], ["--version"]):
            continue
        done = subprocess.run([tegmen_bin, *words[1:], "--help"], capture_output=True, text=True)
        # A page may name an option without its value.
        only_named = words[-1].startswith("--") and "a value is required" in done.stderr
        assert done.returncode == 0 or only_named, f"{' '.join(words)}\n{done.stderr}"


def test_there_are_commands_to_be_understood() -> None:
    shown = {str(page.relative_to(ROOT)): commands(page) for page in DOCUMENTS}
    assert sum(map(len, shown.values())) > 200
    pages = ["environment-variables", "docker-compose", "from-hvac", "locust-cloud", "vault-github-gitlab"]
    for page in ("README.md", "docs/tutorial.md", *(f"docs/how-to/{page}.md" for page in pages)):
        assert shown[page], page


def test_every_page_is_in_the_site() -> None:
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages - set(re.findall(r"(\S+\.md)$", nav, re.M)) == set()


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
