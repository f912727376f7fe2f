"""`secretspec:`, in a build that has it (`make test-secretspec`), and what the usual build says.

AWS is moto's server, which speaks the protocol of Secrets Manager and of Parameter Store. age files are
written by pyrage.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Project
from support.run import Result, free_port, run
from support.server import Server

REGION = "eu-central-1"
#: The library keeps a record of accesses in the home folder and reads its settings there: the project's is used.
SPEC = """\
[project]
name = "shop"
revision = "1.0"

[profiles.default]
API_KEY = { description = "the shop's key", required = true }
"""


@pytest.fixture
def value() -> str:
    return f"k3y-{secrets.token_hex(12)}"


@pytest.fixture(scope="session")
def built(tegmen_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this build has the source."""
    folder = tmp_path_factory.mktemp("build")
    told = run([tegmen_bin, "run", "--secret", "A_KEY=secretspec:A_KEY", "--", "true"], folder).check(125)
    return "was built without" not in told.stderr


@pytest.fixture
def with_it(built: bool) -> None:
    if not built:
        pytest.skip("this build has no secretspec: (make test-secretspec)")


@pytest.fixture(scope="session")
def managers() -> Path:
    """Where the programs of secrets managers are."""
    if not (folder := os.environ.get("TEGMEN_MANAGERS")):
        pytest.skip("TEGMEN_MANAGERS names no folder with moto and pyrage (make test-secretspec)")
    return Path(folder)


@pytest.fixture(scope="session")
def moto(managers: Path) -> Iterator[dict[str, str]]:
    """A server of AWS, and the environment that leads to it."""
    port = free_port()
    command = [managers / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
    }
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
                    break
                except OSError:
                    assert server.poll() is None and time.monotonic() < deadline
                    time.sleep(0.2)
            yield environment
        finally:
            server.terminate()


def aws(moto: dict[str, str], service: str, call: str, **parameters: str) -> None:
    """Makes a secret there, as its owner would. The server believes any signature."""
    scope = f"{moto['AWS_ACCESS_KEY_ID']}/20260101/{REGION}/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": call,
    }
    data = json.dumps(parameters).encode()
    urllib.request.urlopen(urllib.request.Request(moto["AWS_ENDPOINT_URL"], data, headers), timeout=20).close()


def send(project: Project, server: Server, source: str, env: dict[str, str] | None = None) -> Result:
    """A run that sends the secret."""
    script = "import os, requests, sys; requests.get(sys.argv[1], headers={'X-Key': os.environ['API_KEY']})"
    secret = ("--secret", f"API_KEY={source}", "--hosts", server.origin)
    command = (project.tegmen, "run", *secret, "--", sys.executable, "-c", script, server.origin)
    return project.run(*command, env=env)


def test_a_build_without_it_says_how_to_get_it(project: Project, built: bool) -> None:
    if built:
        pytest.skip("this build has it")
    project.write("tegmen.toml", '[secrets.API_KEY]\nsource = "secretspec:awssm://eu-central-1#shop/api"\n')
    told = project.run(project.tegmen, "run", "--", "true").check(125).stderr
    assert "API_KEY" in told and "secretspec:awssm://eu-central-1#shop/api" in told
    assert "--features secretspec" in told and "exec:secretspec get NAME" in told


@pytest.mark.usefixtures("with_it")
@pytest.mark.parametrize("field", ["", "?field=key"])
def test_aws_secrets_manager(
    project: Project, moto: dict[str, str], echo_server: Server, value: str, field: str
) -> None:
    name = f"shop/{secrets.token_hex(4)}"
    text = f'{{"key": "{value}", "other": 1}}' if field else value
    aws(moto, "secretsmanager", "secretsmanager.CreateSecret", Name=name, SecretString=text)
    result = send(project, echo_server, f"secretspec:awssm://{REGION}#{name}{field}", moto).check()
    assert echo_server.last.header("X-Key") == value
    assert value not in result.output and moto["AWS_SECRET_ACCESS_KEY"] not in result.output


@pytest.mark.usefixtures("with_it")
def test_aws_parameter_store(project: Project, moto: dict[str, str], echo_server: Server, value: str) -> None:
    name = f"/shop/{secrets.token_hex(4)}"
    aws(moto, "ssm", "AmazonSSM.PutParameter", Name=name, Value=value, Type="SecureString")
    send(project, echo_server, f"secretspec:awsps://{REGION}#{name}", moto).check()
    assert echo_server.last.header("X-Key") == value


AGE = """\
import pathlib, pyrage, sys
identity = pyrage.x25519.Identity.generate()
pathlib.Path("identity").write_text(f"{identity}\\n")
pathlib.Path("shop.age").write_bytes(pyrage.encrypt(f"SHOP_KEY={sys.argv[1]}\\n".encode(), [identity.to_public()]))
"""


@pytest.mark.usefixtures("with_it")
def test_an_age_file(project: Project, managers: Path, echo_server: Server, value: str) -> None:
    run([managers / "python", "-c", AGE, value], project.path).check()
    folder = f"secretspec:age://{project.path}/shop.age?identity={project.path}"
    result = send(project, echo_server, f"{folder}/identity#SHOP_KEY").check()
    assert echo_server.last.header("X-Key") == value
    assert value not in result.output and "AGE-SECRET-KEY" not in result.output
    wrong = send(project, echo_server, f"{folder}/shop.age#SHOP_KEY").check(125)
    assert "secretspec says" in wrong.stderr and value not in wrong.output


@pytest.mark.usefixtures("with_it")
@pytest.mark.parametrize(
    "provider",
    [
        "akv://vault",
        "aac://store",
        "gcsm://project",
        "keyring://",
        "cloudflare://account/store",
        "keeper://",
        "ejson://x",
    ],
)
def test_every_provider_is_built_in(project: Project, provider: str) -> None:
    """None of them can be reached: there is no network. None says that it is not known, or was left out."""
    command = ("unshare", "--user", "--net", project.tegmen, "run", "--secret", f"A_KEY=secretspec:{provider}#shop/api")
    told = project.run(*command, "--", "true").check(125).stderr
    assert "secretspec says" in told
    assert "feature was not enabled" not in told and "backend" not in told.lower(), told


@pytest.mark.usefixtures("with_it")
def test_what_the_project_declares(project: Project, echo_server: Server, value: str) -> None:
    project.write("secretspec.toml", SPEC)
    project.write(".env", f"API_KEY={value}\n", 0o600)
    env = {"SECRETSPEC_PROVIDER": "dotenv://.env"}
    result = send(project, echo_server, "secretspec:API_KEY", env).check()
    assert echo_server.last.header("X-Key") == value and value not in result.output
    told = send(project, echo_server, "secretspec:NO_SUCH", env).check(125).stderr
    assert "secretspec.toml declares no NO_SUCH" in told
    project.write(".env", "OTHER=x\n", 0o600)
    assert "no such secret" in send(project, echo_server, "secretspec:API_KEY", env).check(125).stderr


@pytest.mark.usefixtures("with_it")
def test_faults(project: Project, moto: dict[str, str], echo_server: Server) -> None:
    told = send(project, echo_server, "secretspec:API_KEY").check(125).stderr
    assert "there is no secretspec.toml" in told and "secretspec:PROVIDER://" in told
    missing = f"secretspec:awssm://{REGION}#shop/{secrets.token_hex(4)}"
    assert "no such secret" in send(project, echo_server, missing, moto).check(125).stderr
    told = send(project, echo_server, "secretspec:nonsense://x#a").check(125).stderr
    assert "secretspec says" in told and "nonsense" in told
    nobody = moto | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    assert "secretspec says" in send(project, echo_server, missing, nobody).check(125).stderr
    assert not echo_server.requests
