"""What the script, its children and everybody who looks at its processes get to see of a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from conftest import Project
from demo.processes import readable, tree
from support.hunt import leaks
from support.run import BIN, Result, clean_environment
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
    """Whether the text holds a placeholder, going by its length and alphabet, and holds no value."""
    return text is not None and any(part.isalnum() and part.islower() for part in text.replace("-", ":").split(":")) and len(text) >= 30


def test_the_script_sees_placeholders(probe: Probe) -> None:
    seen = probe["environ"]
    assert seen["API_KEY"] == seen["LOCUST_API_KEY"] == probe["getenv"] == probe["bytes"]
    assert is_placeholder(seen["API_KEY"])
    assert probe["types"] == ["Secret", "Secret"]
    assert seen["PUBLIC"] == "public text"
    assert seen["SHOP_DSN"].startswith("postgres://") and seen["SHOP_DSN"].endswith("@db.example/shop"), "still a URL"
    assert probe.environment["PIN_SOURCE"] == seen["PIN"] == probe["secret"]["pin"], "revealed"
    assert probe["all"]["INSIDE"] == f"before {seen['API_KEY']} after", "a value inside another variable"
    assert probe["all"]["VAULT_ADDR"] == "http://127.0.0.1:1"


def test_what_opens_the_secrets_manager_is_gone(probe: Probe) -> None:
    gone = {"KEY_SOURCE", "PIN_SOURCE", "VAULT_TOKEN", "BAO_TOKEN", "VAULT_SECRET_ID", "VAULT_WRAPPED_TOKEN"}
    gone.add("TEGMEN_STORE_KEY")
    assert gone & probe["all"].keys() == set()
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
    told = leaks({"output": probe.result.output.encode()}, {name: probe.environment[name] for name in probe.environment.keys() - {"VAULT_ADDR", "PUBLIC"}})
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
    values = [value for name, value in probe.environment.items() if name not in ("PUBLIC", "VAULT_ADDR", "UNNAMED_PASSWORD")]
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
