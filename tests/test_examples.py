"""The examples that run elsewhere (a cluster, a CI service) are valid, hold no secret, and show commands that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = ROOT / "examples/kubernetes"
CI = ROOT / "examples/ci"

MANIFESTS = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}-{document['metadata']['name']}")
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
PODS = [
    pytest.param(document["spec"]["template"]["spec"], id=document["metadata"]["name"])
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
    if document["kind"] == "Deployment"
]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_fits_the_schemas_of_kubernetes(manifest: dict) -> None:
    kubernetes_validate.validate(manifest, "1.33", strict=True)


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_fits_the_restricted_pod_security_standard(pod: dict) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"configMap", "projected", "emptyDir"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_nothing_in_the_cluster_holds_a_secret(tegmen_bin: Path) -> None:
    kinds = {document.values[0]["kind"] for document in MANIFESTS}
    assert "Secret" not in kinds
    audit = subprocess.run(
        [tegmen_bin, "audit", "--format", "json", "--min-confidence", "low", KUBERNETES], capture_output=True, text=True
    )
    assert [finding["rule"] for finding in json.loads(audit.stdout)["findings"]] == [], audit.stdout


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        (ROOT / ".github/workflows/ci.yml", "vendor.github-workflows"),
        (ROOT / ".github/workflows/release.yml", "vendor.github-workflows"),
        (CI / "github-actions.yml", "vendor.github-workflows"),
        (CI / "gitlab-ci.yml", "vendor.gitlab-ci"),
        (ROOT / "action.yml", "vendor.github-actions"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_file_for_ci_fits_the_published_schema(file: Path, schema: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    if schema == "vendor.gitlab-ci":
        check += ["--data-transform", "gitlab-ci"]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "file", [*sorted(CI.iterdir()), ROOT / "action.yml", KUBERNETES / "Containerfile"], ids=lambda path: path.name
)
def test_options_that_are_shown_exist(file: Path, tegmen_bin: Path) -> None:
    for command, rest in re.findall(r"\btegmen (audit|prove|report|run|fix)\b([^\n`]*)", file.read_text()):
        told = subprocess.run([tegmen_bin, command, "--help"], capture_output=True, text=True, check=True).stdout
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest.split(" -- ")[0]):
            assert option in told, f"{file.name}: tegmen {command} has no {option}"


def test_the_problem_matcher_reads_what_the_audit_writes(tmp_path: Path, tegmen_bin: Path) -> None:
    Path(tmp_path, "locustfile.py").write_text(
        "from locust import HttpUser\n\nclass Shopper(HttpUser):\n    def on_start(self):\n"
        "        self.client.verify = False\n"
    )
    written = subprocess.run(
        [tegmen_bin, "audit", "--format", "github", "--fail-on", "never"], cwd=tmp_path, capture_output=True, text=True
    ).stdout
    pattern = json.loads((CI / "problem-matcher.json").read_text())["tasks"][0]["problemMatcher"]["pattern"]
    found = re.search(pattern["regexp"], written, re.M)
    assert found, written
    assert (found[pattern["file"]], found[pattern["line"]]) == ("locustfile.py", "5")
    assert "tls-verification-off" in found[pattern["code"]] and found[pattern["message"]]
