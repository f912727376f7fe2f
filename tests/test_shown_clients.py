"""What the documents show for clusters and containers is run by its program, where that is there: kubectl against an
API server that keeps and checks what it is sent, docker against a daemon that builds nothing, compose as far as it goes
alone.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.cluster import cluster
from support.daemon import daemon
from support.run import Result, run
from support.shown import scripts, simple

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def shown(page: Path, program: str) -> list[str]:
    """The commands of a program in a page, those within its sentences too, in their order."""
    found = [shlex.join(words) for text in scripts(page) for words in simple(text) if words[0] == program]
    # Whole ones have an option; others say which program is meant.
    within = re.findall(rf"(?<!`)`({program} [^`]*-[^`]*)`", page.read_text())
    return found + [line for line in within if line not in found]


def pages(program: str) -> list[Path]:
    return [page for page in PAGES if shown(page, program)]


def of(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else ""


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@needs("kubectl")
@pytest.mark.parametrize("page", pages("kubectl"), ids=of)
def test_kubectl_does_it(page: Path, tmp_path: Path) -> None:
    """In a cluster that has nothing but what the page says; every object is one of Kubernetes."""
    for name in ("locustfile.py", "tegmen.toml"):
        (tmp_path / name).write_text("")
    with cluster() as server:
        for line in shown(page, "kubectl"):
            words = shlex.split(line)
            at = words.index("-f") + 1 if "-f" in words else 0
            if at:
                words[at] = str(ROOT / words[at])
            command = [words[0], f"--server={server.address}", f"--cache-dir={tmp_path}/cache", *words[1:]]
            if "create" in words:
                # It is sent in a form that only a real one reads.
                made = json.loads(run([*command, "--dry-run=client", "-o", "json"], tmp_path).check().stdout)
                assert server.create(made)[0] == 200, line
            elif "port-forward" in words:
                # It finds the pod, and is refused the connection into it.
                assert "nobody connects to a pod here" in run(command, tmp_path).stderr
                assert set(server.dialled) == {"locust-master-1"}
            else:
                run(command, tmp_path).check()
        kinds = [made["kind"] for made in server.objects.values() if "kind" in made]
    assert kinds and "Secret" not in kinds


@needs("docker")
@pytest.mark.parametrize("page", pages("docker"), ids=of)
def test_docker_sends_what_the_image_is_built_from(page: Path, tmp_path: Path) -> None:
    """And none of what lies about in a checkout."""
    checkout = tmp_path / "checkout"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    if not tracked[:-1]:
        pytest.skip("this is no checkout of git")
    stray = [".env", ".git/config", ".venv/bin/python", "target/debug/tegmen", "examples/compose/secrets/api-key"]
    for name in [*filter(None, tracked), *stray]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes() if name not in stray else b"")
    builds = [line for line in shown(page, "docker") if line.startswith("docker build ")]
    for line in builds:
        with daemon(tmp_path) as docker:
            env = {"DOCKER_HOST": docker.address, "DOCKER_BUILDKIT": "0"}
            result = run(shlex.split(line), checkout, env)
        # A client without the old way of building.
        if not docker.asked and "buildx" in result.stderr:
            pytest.skip("docker builds with buildx only")
        result.check()
        ((options, sent),) = docker.asked
        assert options["dockerfile"] in sent
        wanted = {
            "Cargo.toml",
            "Cargo.lock",
            "pyproject.toml",
            "crates/tegmen/src/main.rs",
            "python/tegmen/__init__.py",
        }
        assert wanted <= sent
        assert {name for name in sent if name in stray} == set()


def compose(folder: Path, *words: str) -> Result:
    """The plugin of docker, or the program that was there before it."""
    if shutil.which("docker") and run(["docker", "compose", "version"], folder).status == 0:
        return run(["docker", "compose", *words], folder)
    if shutil.which("docker-compose"):
        return run(["docker-compose", *words], folder)
    pytest.skip("docker-compose is not installed")


def test_compose_understands_the_example() -> None:
    folder = ROOT / "examples/compose"
    services = yaml.safe_load(compose(folder, "config").check().stdout)["services"]
    scaled = [word for page in PAGES for line in shown(page, "docker") for word in line.split() if "=" in word]
    assert scaled and {word.partition("=")[0] for word in scaled if "worker" in word} <= set(services)


def test_what_git_is_said_to_ignore_it_ignores() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of git")
    names = ["examples/compose/secrets/api-key", "examples/compose/secrets/cluster-key"]
    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == names


def test_a_master_for_workers_elsewhere_listens_for_them() -> None:
    """Under Tegmen it listens on its own machine unless it is told otherwise."""
    starts = []
    for page in PAGES:
        lines = [shlex.join(words) for text in scripts(page) for words in simple(text)]
        if any(re.search(r"--master-host (?!127\.|localhost)", line) for line in lines):
            starts += [line for line in lines if line.startswith("tegmen run") and "--master" in line.split()]
    compose = yaml.safe_load((ROOT / "examples/compose/compose.yaml").read_text())
    starts.append(shlex.join(compose["services"]["master"]["command"]))
    (master, _service) = yaml.safe_load_all((ROOT / "examples/kubernetes/master.yaml").read_text())
    starts.append(shlex.join(master["spec"]["template"]["spec"]["containers"][0]["args"]))
    starts += re.findall(r'^ +command: "(.*)"$', (ROOT / "docs/how-to/kubernetes.md").read_text(), re.M)[:1]
    assert len(starts) >= 4
    assert [start for start in starts if "--master-bind-host" not in start] == []
