"""`tegmen doctor` as CI and a browser see it: SARIF that validates, a page that stands alone, a wheel that has it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from conftest import Project

SUPPORT = Path(__file__).resolve().parent / "support"


def test_sarif_validates_and_points_at_files(project: Project) -> None:
    project.write("locustfile.py", "from locust import HttpUser\n", 0o666)
    result = project.run(project.tegmen, "doctor", "--format", "sarif", "--fail-on", "never").check()
    document = json.loads(result.stdout)
    schema = json.loads((SUPPORT / "sarif-2.1.0.json").read_text())
    jsonschema.validate(document, schema)
    results = {entry["ruleId"]: entry for entry in document["runs"][0]["results"]}
    place = results["TGM560"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "locustfile.py"
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    assert len(rules) >= 40 and all(rule["helpUri"].startswith("https://") for rule in rules)


def test_the_page_stands_alone(project: Project) -> None:
    result = project.run(project.tegmen, "doctor", "--format", "html", "-o", "page.html", "--fail-on", "never").check()
    page = project.read("page.html")
    assert "written to page.html" in result.stderr
    assert "What to repair" in page and "default-src 'none'" in page
    assert not re.search(r"<(script|img|iframe|link)\b", page), "nothing is loaded"


def test_the_packages_of_this_python_are_found_and_have_no_known_hole(project: Project) -> None:
    result = project.run(
        project.tegmen, "doctor", "--format", "json", "--select", "TGM587,TGM588", "--fail-on", "never"
    )
    answers = {answer["check"]: answer for answer in json.loads(result.stdout)["answers"]}
    assert answers["known-advisories"]["outcome"] == "pass", answers
    assert answers["unknown-locust"]["outcome"] == "pass", answers


@pytest.mark.parametrize("options", [("run", "--sandbox"), ("run",)])
def test_the_doctor_finds_less_to_say_inside_of_a_run(project: Project, options: tuple[str, ...]) -> None:
    """What `tegmen run` promises, as the doctor measures it."""
    project.write("key", "k" * 20, 0o600)
    command = (project.tegmen, *options, "-q", "--secret", "API_KEY=file:key", "--", project.tegmen, "doctor")
    checks = ["privileges-can-be-gained", "core-dumps-allowed", "loose-umask", "sensitive-variables"]
    if "--sandbox" in options:
        checks += ["no-seccomp", "excess-capabilities"]
    result = project.run(
        *command,
        "--format",
        "json",
        "--select",
        ",".join(checks),
        "--fail-on",
        "never",
        env={"A_TOKEN": os.urandom(9).hex()},
    )
    outcomes = {answer["check"]: answer["outcome"] for answer in json.loads(result.check().stdout)["answers"]}
    assert set(outcomes.values()) == {"pass"}, outcomes


def test_what_cannot_be_looked_at_is_not_known(project: Project) -> None:
    """Neither a missing HOME nor an empty /proc makes a check pass."""
    ask = (project.tegmen, "doctor", "--format", "json", "--fail-on", "never", "--select")

    def outcomes(checks: str, *before: str) -> set[str]:
        result = project.run(*before, *ask, checks).check()
        return {answer["outcome"] for answer in json.loads(result.stdout)["answers"]}

    for before in (("env", "-u", "HOME"), ("env", "HOME=here")):
        assert outcomes("secret-in-history,history-readable", *before) == {"not known"}
    assert "not known" not in outcomes("secret-in-history,history-readable")
    hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
    if project.run(*hidden, "true").status == 0:
        assert outcomes("sensitive-variables-elsewhere,secret-on-command-line", *hidden) == {"not known"}
