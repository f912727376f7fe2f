"""`tegmen prove` over our own examples, and over those of Locust's source package: a few that say most."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from conftest import Project
from support.run import BIN

EXAMPLES = Path(__file__).parent.parent / "examples"
#: Source packages of later versions have no examples.
LOCUST = "2.20.0"


@pytest.fixture(autouse=True)
def _closed(tegmen_bin: Path) -> None:
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives this user no network namespace")


@pytest.fixture(scope="session")
def locusts_examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locust-source")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", str(folder)]
    got = subprocess.run([*command, f"locust=={LOCUST}"], capture_output=True, text=True, timeout=120)
    if got.returncode != 0:
        pytest.skip(f"Locust's source package is not to be had: {got.stderr[-200:]}")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as package:
        package.extractall(folder, filter="data")
    return folder / f"locust-{LOCUST}" / "examples"


def prove(project: Project, *options: str, status: int, seconds: int = 3) -> dict:  # type: ignore[type-arg]
    start = (project.tegmen, "prove", "--quiet", "--seconds", str(seconds), *options, "--")
    command = (*start, str(BIN / "locust"), "-f", "locustfile.py", "--host", "https://shop.example.com")
    project.run(*command, timeout=120).check(status)
    read: dict = json.loads(project.read(".tegmen/prove.json"))  # type: ignore[type-arg]
    return read


def test_the_shop_is_clean(project: Project) -> None:
    shutil.copytree(EXAMPLES / "shop" / "after", project.path, dirs_exist_ok=True)
    read = prove(project, "--stages", "alone", status=0, seconds=5)
    arrivals = {secret["name"]: secret["arrivals"] for secret in read["secrets"]}
    assert arrivals["API_KEY"] and arrivals["SHOP_PASSWORD"]
    assert read["coverage"]["not_run"] == []
    assert read["leaks"] == []


def test_master_and_workers_are_clean(project: Project) -> None:
    shutil.copytree(EXAMPLES / "distributed", project.path, dirs_exist_ok=True)
    read = prove(project, "--stages", "workers", status=0)
    messages = next(channel for channel in read["channels"] if channel["channel"] == "messages")
    assert messages["bytes"] > 0
    assert "clean" in messages["states"]


@pytest.mark.parametrize("name", ["basic", "fast_http_locust", "nested_inline_tasksets"])
def test_what_has_no_secret_leaks_none(project: Project, locusts_examples: Path, name: str) -> None:
    shutil.copy(locusts_examples / f"{name}.py", project.path / "locustfile.py")
    read = prove(project, "--stages", "alone", status=0)
    assert read["coverage"]["requests"] > 0
    assert read["coverage"]["ran"]
    (file,) = read["coverage"]["files"]
    assert file["ran"] > 0


def test_credentials_in_a_list_are_canaries(project: Project, locusts_examples: Path) -> None:
    before = (locusts_examples / "dynamic_user_credentials.py").read_text()
    # Everybody's example password is no secret.
    for _ in range(before.count('"password")')):
        before = before.replace('"password")', f'"Pw-{secrets.token_hex(8)}")', 1)
    project.write("locustfile.py", before)
    read = prove(project, "--stages", "alone", status=1)
    assert project.read("locustfile.py") == before
    # A redirect to another host takes the form along.
    assert any(leak["secret"].startswith("literal:") for leak in read["leaks"])
    literals = [secret for secret in read["secrets"] if secret["origin"] == "literal"]
    assert any(arrival["place"] == "body:password" for secret in literals for arrival in secret["arrivals"])
