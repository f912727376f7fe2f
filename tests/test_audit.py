"""`tegmen audit` as a CI job sees it: SARIF that validates, annotations, a wheel that has the command."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

SUPPORT = Path(__file__).resolve().parent / "support"

SCRIPT = """\
import os
from locust import HttpUser, task

KEY = os.getenv("SHOP_KEY")


class Shopper(HttpUser):
    password = "hunter2x"

    def on_start(self):
        reply = self.client.post("/login", {"user": "ellen", "password": self.password})
        print(reply.text)
        self.client.headers["X-Key"] = KEY
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    (tmp_path / "a b.py").write_text("print 'old', password\n")
    return tmp_path


def test_sarif_validates_against_the_schema(tegmen_bin: Path, project: Path) -> None:
    """The schema is SchemaStore's (Apache-2.0), as the npm package @microsoft/jest-sarif ships it."""
    done = subprocess.run([tegmen_bin, "audit", "--format", "sarif"], cwd=project, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    schema = json.loads((SUPPORT / "sarif-2.1.0.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(document)] == []
    rules = {result["ruleId"] for result in document["runs"][0]["results"]}
    assert {"TGM101", "TGM201", "TGM402"} <= rules
    assert b"hunter2x" not in done.stdout


def test_the_problem_matcher_of_the_documents_reads_what_the_audit_writes(tegmen_bin: Path, project: Path) -> None:
    page = (SUPPORT.parent.parent / "docs/how-to/use-in-an-editor.md").read_text()
    task = json.loads(page.split("```json\n")[1].split("```")[0])["tasks"][0]
    command = [tegmen_bin, *task["command"].split()[1:]]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    pattern = task["problemMatcher"]["pattern"]
    found = [match for line in done.stdout.splitlines() if (match := re.match(pattern["regexp"], line))]
    places = {(match[pattern["file"]], match[pattern["line"]], match[pattern["severity"]]) for match in found}
    assert ("locustfile.py", "8", "error") in places
    assert not any("%0A" in match[pattern["message"]] for match in found)


def test_a_deeply_nested_file_is_audited(tegmen_bin: Path, tmp_path: Path) -> None:
    deep = 5_000
    calls = f"import locust\n\nvalue = {'f(' * deep}1{')' * deep}\n"
    (tmp_path / "locustfile.py").write_text(calls + 'password = "hunter2x"\n')
    done = subprocess.run([tegmen_bin, "audit", "--format", "json"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "TGM101" in {finding["code"] for finding in json.loads(done.stdout)["findings"]}
