"""What the script, its children and everybody who looks at its processes get to see of a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from conftest import Project
from demo.openbao import free_port
from support.hunt import leaks
from support.run import BIN, NOBODY, Result, clean_environment, ordinary_user, why_no_ordinary_user
from support.server import Request, Server

SUPPORT = Path(__file__).with_name("support")

MANIFEST = """
    [secrets.API_KEY]
    source = "env:KEY_SOURCE"

    [secrets.SHOP_DSN]
    source = "env:SHOP_DSN"

    [secrets.PIN]
    source = "env:PIN_SOURCE"
    reveal = true

    [secrets.NUMBER]
    source = "env:NUMBER"

    [secrets.ENCODED]
    source = "env:ENCODED"
"""


@dataclass
class Probe:
    """What the probe saw, what it sent, and what was put into its environment."""

    outcome: dict[str, Any]
    request: Request
    result: Result
    environment: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.outcome[name]

    def sent(self, name: str) -> str | None:
        return self.request.header(f"x-{name}")


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory, tegmen_bin: Path) -> Probe:
    """One run for all tests here."""
    project = Project(tmp_path_factory.mktemp("probe"), tegmen_bin)
    shutil.copy(SUPPORT / "probe.py", project.path / "locustfile.py")
    key, password = secrets.token_hex(10), secrets.token_hex(10)
    pin = f"{secrets.randbelow(10**7) + 10**7}"
    environment = {
        "KEY_SOURCE": key,
        "SHOP_DSN": f"postgres://shop:{password}@db.example/shop",
        "PIN_SOURCE": pin,
        "NUMBER": "47114711",
        "ENCODED": base64.b64encode(b"\xff\xfe" + secrets.token_bytes(30)).decode(),
        "INSIDE": f"before {key} after",
        "PUBLIC": "public text",
        "VAULT_TOKEN": f"hvs.{secrets.token_hex(10)}",
        "BAO_TOKEN": f"s.{secrets.token_hex(10)}",
        "VAULT_SECRET_ID": secrets.token_hex(10),
        "VAULT_WRAPPED_TOKEN": secrets.token_hex(10),
        "TEGMEN_STORE_KEY": secrets.token_hex(10),
        "VAULT_ADDR": "http://127.0.0.1:1",
        "UNNAMED_PASSWORD": secrets.token_hex(10),
    }
    project.write("tegmen.toml", MANIFEST)
    project.write(
        "own.env",
        f"""
        API_KEY={"o" * 20}
        NEW_TOKEN=new-{key[::-1]}
        NEW_TTL=3600
        NEW_NAME=shop
        REDIS_URL=redis://x:{password[::-1]}@cache.example/0
        HTTPS_PROXY=http://user:{password[::-1]}@proxy.example:3128
        """,
    )
    with Server() as server:
        hosts = ("--hosts", server.origin)
        options = ("--host", server.origin)
        result = project.tegmen_run(*hosts, locust=options, env=environment).check()
        return Probe(json.loads(project.read("outcome.json")), server.last, result, environment)


def is_placeholder(text: str | None) -> bool:
    """Whether the text holds the token of a placeholder: 30 lower-case letters and digits."""
    return text is not None and re.search("[a-z][a-z0-9]{29}", text) is not None


def test_the_script_sees_placeholders(probe: Probe) -> None:
    seen = probe["environ"]
    assert seen["API_KEY"] == seen["LOCUST_API_KEY"] == probe["getenv"] == probe["bytes"]
    assert is_placeholder(seen["API_KEY"])
    assert probe["types"] == ["Secret", "Secret"]
    assert seen["PUBLIC"] == "public text"
    assert seen["SHOP_DSN"].startswith("postgres://") and seen["SHOP_DSN"].endswith("@db.example/shop"), "still a URL"
    assert probe.environment["PIN_SOURCE"] == seen["PIN"] == probe["secret"]["pin"], "revealed"
    assert probe["all"]["INSIDE"] == f"before {seen['API_KEY']} after", "a value inside another variable"
    address = probe["all"]["VAULT_ADDR"]
    assert address.startswith("http://127.0.0.1:") and address != "http://127.0.0.1:1", "what stands in for Vault"


def test_what_opens_the_secrets_manager_is_gone(probe: Probe) -> None:
    gone = {"KEY_SOURCE", "PIN_SOURCE", "VAULT_TOKEN", "BAO_TOKEN", "VAULT_SECRET_ID", "VAULT_WRAPPED_TOKEN"}
    gone.add("TEGMEN_STORE_KEY")
    # A script that uses Vault itself finds something to use, which is the same for all and good for nothing else.
    left = {name: value for name, value in probe["all"].items() if name in gone}
    assert left.keys() == {"VAULT_TOKEN", "BAO_TOKEN", "VAULT_SECRET_ID", "VAULT_WRAPPED_TOKEN"}
    assert len(set(left.values())) == 1 and left["VAULT_TOKEN"].startswith("tegmen-stand-in-")
    for name in gone | {"NUMBER", "ENCODED"}:
        value = probe.environment[name]
        assert value not in probe["self"], name
        if name != "PIN_SOURCE":
            assert value not in json.dumps(probe.outcome["all"]), name


def test_what_is_not_protected_is_said(probe: Probe) -> None:
    assert "not protected, because the manifest does not name it: UNNAMED_PASSWORD" in probe.result.stderr
    assert "add [secrets.UNNAMED_PASSWORD]" in probe.result.stderr
    assert "[NUMBER] is a number" in probe.result.stderr and "[ENCODED] is an encoded key" in probe.result.stderr
    assert "[PIN] is a number" not in probe.result.stderr
    hidden = {name: probe.environment[name] for name in probe.environment.keys() - {"VAULT_ADDR", "PUBLIC"}}
    told = leaks({"output": probe.result.output.encode()}, hidden)
    assert not told, told


def test_load_dotenv_brings_no_value(probe: Probe) -> None:
    """What is declared keeps the value of its source; what is sensitive gets a placeholder of its own."""
    dotenv, key = probe["dotenv"], probe.environment["KEY_SOURCE"]
    assert dotenv["unchanged"] and dotenv["overridden"]
    assert "the script wrote API_KEY into the environment (load_dotenv?)" in probe.result.stderr
    after = dotenv["after"]
    assert is_placeholder(after["NEW_TOKEN"]) and is_placeholder(after["REDIS_URL"])
    assert after["REDIS_URL"].startswith("redis://") and after["REDIS_URL"].endswith("@cache.example/0")
    assert (after["NEW_TTL"], after["NEW_NAME"]) == ("3600", "shop"), "what is not sensitive is left alone"
    assert after["HTTPS_PROXY"].endswith("@proxy.example:3128") and "user:" in after["HTTPS_PROXY"]
    assert dotenv["values"] == f"new-{key[::-1]}", "a dictionary of the script's own is its own"


def test_every_way_of_writing_the_environment_is_watched(probe: Probe) -> None:
    born = probe["born"]
    for name in ("UPDATED_PASSWORD", "SET_SECRET", "MERGED_TOKEN", "BINARY_TOKEN"):
        assert is_placeholder(born[name]) and "4f9a8b7c" not in born[name], name
    assert born["PLAIN"] == "plain-4f9a8b7c6d5e"
    assert born["SHORT_TOKEN"] == "4711", "too short to be told from other text"


@pytest.mark.parametrize("way", ["inherited", "copy", "dict", "more", "gevent", "spawned", "posix", "executed"])
def test_programs_get_placeholders(probe: Probe, way: str) -> None:
    child = probe["children"][way]
    values = [
        value for name, value in probe.environment.items() if name not in ("PUBLIC", "VAULT_ADDR", "UNNAMED_PASSWORD")
    ]
    assert not [name for name, text in child.items() for value in values if value in text]
    assert child["API_KEY"] == probe["environ"]["API_KEY"]
    assert is_placeholder(child["PIN"]), "what is revealed is revealed to Python in this process"
    assert is_placeholder(child["PUT_TOKEN"] if way == "inherited" else child["NEW_TOKEN"])
    assert child["PUBLIC"] == "public text"
    assert (child.get("MORE") == "1") == (way == "more")


def test_a_python_child_has_a_plugin_of_its_own(probe: Probe) -> None:
    key, pin = probe["python child"]
    assert (key, pin) == (probe["environ"]["API_KEY"], probe.environment["PIN_SOURCE"])


def test_secret(probe: Probe) -> None:
    told, key = probe["secret"], probe.environment["KEY_SOURCE"]
    assert told["same"] and told["is str"] and told["json"] and told["dict key"] == 1
    assert (told["name"], told["repr"]) == ("API_KEY", "<Secret API_KEY>")
    assert told["reveal"] == told["by variable"] == key
    assert told["hmac"] == told["hmac of text"] == hmac.new(key.encode(), b"data", hashlib.sha256).hexdigest()
    assert told["pickled"] == "API_KEY" and told["copied"] == ["API_KEY", "API_KEY"]
    assert told["cast"] == ["other", "Secret"]
    assert told["unknown"].startswith("KeyError") and "Add [secrets.NO_SUCH] to tegmen.toml" in told["unknown"]
    assert told["pin as number"] == int(probe.environment["PIN_SOURCE"])


def test_protect(probe: Probe) -> None:
    told = probe["protect"]
    assert (told["type"], told["name"]) == ("Secret", "MINTED") and is_placeholder(told["text"])
    assert told["again"] and told["of a secret"] and told["reveal"] == "minted-4f9a8b7c6d5e"
    assert told["empty"].startswith("ValueError")
    assert told["long"].startswith("BrokerError") and "too long" in told["long"]


def test_what_cannot_work_with_a_placeholder_says_so(probe: Probe) -> None:
    """With the secret's name and the line of the manifest that helps."""
    guards = probe["guards"]
    owners = {"int": "NUMBER", "float": "NUMBER", "b64decode": "ENCODED", "urlsafe": "ENCODED"}
    for name in ("int", "float", "hmac.new", "hmac.digest", "b64decode", "urlsafe", "jwt"):
        owner = owners.get(name, "API_KEY")
        assert guards[name].startswith("TypeError"), guards[name]
        assert f"[{owner}]" in guards[name] and f"`reveal = true` under [secrets.{owner}]" in guards[name]
    assert guards["hmac without"] == hmac.new(b"own", b"data", hashlib.sha256).hexdigest()
    assert guards["pickled plugin"].startswith("TypeError")
    assert "not that of the value: hashlib.md5 needs the value of [API_KEY]" in probe.result.stderr


def test_the_wire_has_the_values(probe: Probe) -> None:
    key, dsn = probe.environment["KEY_SOURCE"], probe.environment["SHOP_DSN"]
    password = dsn.split(":")[2].split("@")[0]
    assert probe.sent("key") == probe.sent("pickled") == key
    assert probe.sent("new") == f"new-{key[::-1]}"
    assert probe.sent("dsn") == dsn
    assert probe.sent("url") == f"redis://x:{password[::-1]}@cache.example/0"
    assert probe.sent("inside") == f"before {key} after"
    assert probe.sent("minted") == "minted-4f9a8b7c6d5e"
    assert probe.sent("pin") == probe.environment["PIN_SOURCE"]
    for name in ("UPDATED-PASSWORD", "SET-SECRET", "MERGED-TOKEN", "BINARY-TOKEN", "PLAIN"):
        assert (probe.sent(name) or "").startswith(name.split("-")[0].lower()[:3]), name


def test_without_a_manifest_what_is_taken_and_left_is_listed(project: Project, echo_server: Server) -> None:
    password = secrets.token_hex(8)
    values = {
        "SHOP_API_KEY": f"k3y-{secrets.token_hex(8)}",
        "LOCUST_DB_PASSWORD": secrets.token_hex(8),
        "CACHE_REDIS_URL": f"redis://x:{password}@cache.example/0",
    }
    left = {
        "EMPTY_TOKEN": ("", "it is empty"),
        "SHORT_TOKEN": ("4711", "too short"),
        "VAULT_TOKEN": (f"hvs.{secrets.token_hex(8)}", "kept from the child"),
        "HTTPS_PROXY": (f"http://u:{secrets.token_hex(8)}@proxy.example", "clients read it as the address of a proxy"),
        "my-token": (secrets.token_hex(8), "characters that a secret's name cannot have"),
    }
    environment = (
        values | {name: value for name, (value, _) in left.items()} | {"PATH_TO_X": "/x", "TOKEN_URL": "http://x"}
    )
    result = project.run(project.tegmen, "run", "--", "env", env=environment).check()
    told = result.stderr
    assert "3 secrets from the environment: CACHE_REDIS_URL, LOCUST_DB_PASSWORD, SHOP_API_KEY" in told
    for name, (_, reason) in left.items():
        line = next(line for line in told.splitlines() if f"not taken: {name} " in line)
        assert reason in line
    assert "PATH_TO_X" not in told and "TOKEN_URL" not in told
    for name in ("SHOP_API_KEY", "LOCUST_SHOP_API_KEY"):
        assert f"{name}=[SHOP_API_KEY]" in result.stdout
    assert "LOCUST_LOCUST" not in result.stdout and "VAULT_TOKEN" not in result.stdout
    hidden = values | {"VAULT_TOKEN": left["VAULT_TOKEN"][0], "CACHE_REDIS_URL": password}
    assert leaks({"output": result.output.encode()}, hidden) == []
    quiet = project.run(project.tegmen, "run", "--quiet", "--", "true", env=environment).check()
    assert "not taken" not in quiet.stderr and "secrets from" not in quiet.stderr


def test_a_value_on_the_command_line_becomes_a_placeholder(project: Project) -> None:
    """The shell has put it there: `--key "$API_KEY"`."""
    value = f"k3y-{secrets.token_hex(8)}"
    script = "import sys; open('argv', 'w').write(repr(sys.argv) + open('/proc/self/cmdline').read())"
    command = (BIN / "python", "-c", script, "--key", value, f"--header=Bearer {value}")
    result = project.run(project.tegmen, "run", "--", *command, env={"API_KEY": value}).check()
    argv = project.read("argv")
    assert value not in argv and "--header=Bearer " in argv
    assert "the value of [API_KEY] stands in the command line" in result.stderr
    assert leaks({"output": result.output.encode()}, {"value": value}) == []


class MutualTls:
    """A server that asks for a client's certificate, and says who came."""

    def __init__(self, ca: trustme.CA) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = Server(context)


@pytest.fixture
def mutual_tls(ca: trustme.CA) -> Iterator[Server]:
    server = MutualTls(ca).server
    with server:
        yield server


CLIENT_CERTIFICATE = """
    import os
    import gevent
    import requests
    import ssl
    import urllib.request
    from locust import HttpUser, constant, task
    from locust.runners import WorkerRunner

    CERTIFICATE = (os.environ["CLIENT_CERT"], os.environ["CLIENT_KEY"])
    open("seen", "w").write(" ".join(CERTIFICATE))

    class Shopper(HttpUser):
        wait_time = constant(0.5)
        host = "@HOST@"

        @task
        def with_requests(self):
            self.client.get("/session", cert=CERTIFICATE, verify="@CA@")

        @task
        def with_ssl(self):
            context = ssl.create_default_context(cafile="@CA@")
            context.load_cert_chain(*CERTIFICATE)
            with urllib.request.urlopen("@HOST@/ssl", context=context) as answer:
                assert answer.status == 200
"""


@pytest.mark.parametrize("user", ["as we are", "as an ordinary user"])
@pytest.mark.parametrize("processes", ["one process", "two workers"])
def test_a_client_certificate_is_served_as_a_file(
    tegmen_bin: Path, ca: trustme.CA, ca_file: Path, mutual_tls: Server, user: str, processes: str
) -> None:
    options: dict[str, Any] = {}
    if user == "as an ordinary user":
        if reason := why_no_ordinary_user():
            pytest.skip(reason)
        options = ordinary_user()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        project = Project(Path(name), tegmen_bin)
        certificate = ca.issue_cert("load-test@example.com")
        key = certificate.private_key_pem.bytes()
        project.write("client.key", key.decode(), 0o600)
        project.write("client.pem", b"".join(blob.bytes() for blob in certificate.cert_chain_pems).decode())
        shutil.copy(ca_file, project.path / "ca.pem")
        script = CLIENT_CERTIFICATE.replace("@HOST@", mutual_tls.origin).replace("@CA@", str(project.path / "ca.pem"))
        project.write("locustfile.py", script)
        project.write(
            "tegmen.toml",
            """
            [secrets.CLIENT_KEY]
            source = "file:client.key"
            as = "file"

            [secrets.CLIENT_CERT]
            source = "file:client.pem"
            as = "file"
            """,
        )
        if options:
            for path in (project.path, *project.path.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        port = free_port()
        workers = f"--processes 2 --master-bind-port {port} --master-port {port}" if processes == "two workers" else ""
        arguments = f"{BIN / 'locust'} --headless -u 2 -r 2 -t 2s --only-summary {workers}".split()
        result = subprocess.run(
            [tegmen_bin, "run", "--", *arguments],
            cwd=project.path,
            env=clean_environment(project.path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            **options,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert {request.target for request in mutual_tls.requests} == {"/session", "/ssl"}
        assert all(path.startswith("/proc/self/fd/") for path in project.read("seen").split())
        lines = [line for line in key.decode().splitlines() if not line.startswith("-----")]
        output = {"output": (result.stdout + result.stderr).encode()}
        assert leaks(output, {f"line {number}": line for number, line in enumerate(lines)}) == []
        assert "is key material" not in result.stderr
