"""The how-tos hold: what the pages show, run against real Locust and a real OpenBao."""

from __future__ import annotations

import re
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

import yaml
from test_hvac import Vault

from conftest import Project
from demo.openbao import OpenBao
from support.server import Request, Response, Server

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/how-to"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (PAGES / page).read_text(), re.S | re.M)


def command(page: str, server: Server) -> list[str]:
    """The first run that the page shows, a short one and against this server."""
    line = re.search(r"^\$ (tegmen run -- locust .*)$", (PAGES / page).read_text(), re.M)
    assert line
    words = shlex.split(line[1].replace("https://shop.example.com", server.origin), comments=True)
    return [*words, "--headless", "-u", "2", "-r", "2", "-t", "3s", "--only-summary", "--csv", "out"]


def for_(server: Server, text: str) -> str:
    return text.replace('"shop.example.com"', f'"{server.origin}"')


def shop(make_server: object, value: str) -> Server:
    def protected(request: Request) -> Response:
        return Response(200 if request.header("Authorization") == f"Bearer {value}" else 401)

    server: Server = make_server(respond=protected)  # type: ignore[operator]
    return server


def check(project: Project, server: Server, words: list[str], env: dict[str, str], value: str) -> str:
    """Runs it: the server got the value, nothing else has it."""
    before = len(server.requests)
    result = project.run(project.tegmen, *words[1:], env=env).check()
    asked = server.requests[before:]
    assert asked and all(request.header("Authorization") == f"Bearer {value}" for request in asked)
    assert value not in result.output + "".join(file.read_text() for file in project.path.glob("out*"))
    return result.output


def test_plain_environment_variables(project: Project, make_server: object) -> None:
    value = f"k3y-{secrets.token_hex(12)}"
    server = shop(make_server, value)
    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, task

        class Shopper(HttpUser):
            @task
            def orders(self):
                self.client.get("/orders", headers={"Authorization": f"Bearer {os.environ['LOCUST_API_KEY']}"})
        """,
    )
    words = command("environment-variables.md", server)
    env = {"LOCUST_API_KEY": value}
    assert "LOCUST_API_KEY" in check(project, server, words, env, value)
    # As the page has the manifest, and as `tegmen init` writes it.
    (manifest,) = blocks("environment-variables.md", "toml")
    project.write("tegmen.toml", for_(server, manifest))
    check(project, server, words, env, value)
    project.run(project.tegmen, *words[1:]).check(125)
    # The shell has nothing any more.
    project.write(".env", f"LOCUST_API_KEY={value}\n")
    project.run(project.tegmen, "secrets", "import", ".env", "--only", "LOCUST_API_KEY").check()
    (project.path / ".env").unlink()
    project.write("tegmen.toml", for_(server, manifest).replace("env:LOCUST_API_KEY", "store:LOCUST_API_KEY"))
    check(project, server, words, {}, value)


def test_from_hvac(project: Project, bao: OpenBao, make_server: object) -> None:
    vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
    bao.put(vault.path, {"api_key": vault.value})
    server = shop(make_server, vault.value)
    words = command("from-hvac.md", server)
    script, after = blocks("from-hvac.md", "python")
    (manifest,) = blocks("from-hvac.md", "toml")
    imports = "import os\nimport hvac\nfrom locust import HttpUser, task\n\n"
    project.write("locustfile.py", imports + script.replace("locust/shop", vault.path))
    check(project, server, words, vault.env, vault.value)
    for text in (None, after):
        if text:
            project.write("locustfile.py", text)
        project.write("tegmen.toml", for_(server, manifest).replace("locust/shop", vault.path))
        env = vault.env | {"VAULT_SECRET_ID": bao.secret_id(vault.name)}
        check(project, server, words, env, vault.value)
    assert len(vault.logins()) == 3, "one for each run"
    project.run(project.tegmen, "audit", "--select", "TGM3").check(0)


def test_the_example_for_compose_is_valid() -> None:
    file = ROOT / "examples/compose/compose.yaml"
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    example = yaml.safe_load(file.read_text())
    (shown,) = (yaml.safe_load(block) for block in blocks("docker-compose.md", "yaml"))
    for name, wanted in shown["services"].items():
        known = example["services"][name]
        assert {key: known[key] for key in wanted if key not in ("command", "volumes")}.items() <= wanted.items()
    assert shown["secrets"] == example["secrets"]
    for service in example["services"].values():
        assert set(service["environment"]) == {"HOME"}, "no value passes through the environment"


def test_what_the_page_about_kubernetes_shows_is_whole() -> None:
    (test,) = (yaml.safe_load(block) for block in blocks("kubernetes.md", "yaml"))
    spec = test["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["volumeMounts"]}
    (volume,) = spec["volumes"]
    token = volume["projected"]["sources"][0]["serviceAccountToken"]
    (manifest,) = blocks("kubernetes.md", "toml")
    assert f"file:{mounts[volume['name']]}/{token['path']}" in manifest
    (image,) = blocks("kubernetes.md", "dockerfile")
    folder = re.search(r'"(/\S+)/tegmen.toml"', image)
    assert folder and all(folder[1] in spec[role]["command"] for role in ("master", "worker"))
