"""`tegmen rotate` as a person uses it: a real OpenBao, the real store, files, hooks.

`gh`, `glab` and `kubectl` cannot be had here without an account or a cluster; small scripts of the same names stand in
for them, which keep their command line, environment and standard input.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import signal
import stat
import string
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dotenv import dotenv_values

from conftest import Project
from demo.openbao import OpenBao
from support.before import Before
from support.run import Result, clean_environment

ALPHABET = set(string.ascii_letters + string.digits)

#: Keeps how it was called, and what it was given.
KEEP = """\
#!/bin/sh
dir=$(dirname "$0")/kept; mkdir -p "$dir"; n=$(ls "$dir" | wc -l)
cat > "$dir/$n.stdin"
printf '%s\\n' "$0" "$@" > "$dir/$n.argv"
tr '\\0' '\\n' < /proc/$$/environ > "$dir/$n.env"
"""


class Kept:
    """A program that keeps how it was called."""

    def __init__(self, folder: Path, name: str, more: str = "") -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.path = self.folder / name
        self.path.write_text(KEEP + more)
        self.path.chmod(0o755)

    def calls(self) -> list[tuple[list[str], bytes, str]]:
        kept = self.folder / "kept"
        numbers = sorted(int(file.stem) for file in kept.glob("*.stdin")) if kept.exists() else []
        return [
            (
                (kept / f"{number}.argv").read_text().splitlines()[1:],
                (kept / f"{number}.stdin").read_bytes(),
                (kept / f"{number}.env").read_text(),
            )
            for number in numbers
        ]


def rotate(project: Project, *arguments: str, env: dict[str, str] | None = None, stdin: str | None = None) -> Result:
    return project.run(project.tegmen, "rotate", *arguments, env=env, stdin=stdin)


def record(project: Project) -> list[dict[str, object]]:
    return [json.loads(line) for line in project.read(".tegmen/rotations.jsonl").splitlines()]


def nowhere(project: Project, result: Result, *values: str, but: tuple[str, ...] = ()) -> None:
    """None of the values is in an output or in a file, but for those that hold them."""
    for value in values:
        assert value not in result.output
        for file in project.path.rglob("*"):
            if file.is_file() and file.name not in but and "kept" not in file.parts:
                assert value.encode() not in file.read_bytes(), file


class Shop:
    """A KV secret of its own, and a token that may rotate it."""

    def __init__(self, bao: OpenBao, mount: str = "secret") -> None:
        self.bao = bao
        self.path = f"rotate-{secrets.token_hex(4)}/shop"
        self.value = f"old-{secrets.token_hex(12)}"
        self.other = f"other-{secrets.token_hex(12)}"
        self.mount = mount
        self.fields = {"api_key": self.value, "other": self.other, "port": 8443, "on": True, "nothing": None}
        if mount == "secret":
            bao.put(self.path, self.fields)
            paths = {f"secret/data/{self.path}": ["read", "update"], f"secret/metadata/{self.path}": ["read"]}
        else:
            bao.put_v1(self.path, self.fields, mount=mount)
            paths = {f"{mount}/{self.path}": ["read", "update"]}
        name = bao.policy(f"rotate-{secrets.token_hex(4)}", paths)
        self.token = bao.token([name])

    @property
    def env(self) -> dict[str, str]:
        return {"VAULT_ADDR": self.bao.address, "VAULT_TOKEN": self.token}

    def manifest(self, more: str = "") -> str:
        return f'[secrets.API_KEY]\nsource = "vault:{self.mount}/{self.path}#api_key"\nmax_age = "90d"\n{more}'

    def now(self) -> dict[str, object]:
        if self.mount == "secret":
            return dict(self.bao.ask("GET", f"secret/data/{self.path}")["data"]["data"])
        return dict(self.bao.ask("GET", f"{self.mount}/{self.path}")["data"])

    def version(self) -> int:
        return int(self.bao.ask("GET", f"secret/metadata/{self.path}")["data"]["current_version"])


@pytest.fixture
def shop_path(bao: OpenBao) -> Shop:
    return Shop(bao)


def test_a_new_version_by_the_rule(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    project.write("tegmen.toml", shop.manifest("[secrets.API_KEY.rotate]\nlength = 40\n"))
    result = rotate(project, "API_KEY", env=shop.env).check(0)
    now = shop.now()
    new = str(now["api_key"])
    assert len(new) == 40 and set(new) <= ALPHABET
    # Everything else of the path is what it was.
    assert now | {"api_key": shop.value} == shop.fields
    assert shop.version() == 2
    assert "API_KEY rotated: vault:secret/" in result.stderr and "version 2" in result.stderr
    begun, ended = record(project)
    assert (begun["outcome"], ended["outcome"], ended["version"], ended["value"]) == ("begun", "rotated", 2, "rule")
    nowhere(project, result, new, shop.value, shop.other, shop.token)
    assert stat.S_IMODE((project.path / ".tegmen/rotations.jsonl").stat().st_mode) == 0o600


def test_what_is_given_and_what_is_refused(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    project.write("tegmen.toml", shop.manifest())
    # Without a rule nothing is made up.
    result = rotate(project, "API_KEY", env=shop.env).check(1)
    assert "nothing says what a new value of API_KEY looks like" in result.stderr and "--stdin" in result.stderr
    given = f'g1ven "{secrets.token_hex(8)}\\ü'
    result = rotate(project, "API_KEY", "--stdin", env=shop.env, stdin=given + "\n").check(0)
    assert shop.now()["api_key"] == given
    nowhere(project, result, given)
    assert record(project)[-1]["value"] == "given"
    result = rotate(project, "API_KEY", "--stdin", env=shop.env, stdin=given).check(1)
    assert "has that value already" in result.stderr
    result = rotate(project, "API_KEY", "--stdin", env=shop.env, stdin="").check(2)
    assert "is empty" in result.stderr
    assert "did you mean API_KEY?" in rotate(project, "API_KYE", env=shop.env).check(2).stderr
    assert shop.version() == 2
    # The manifest's mistakes are told with their lines.
    project.write("tegmen.toml", shop.manifest('[secrets.API_KEY.rotate]\nlenght = 3\nalphabet = "z-a"\nlength = 0\n'))
    told = rotate(project, "API_KEY", env=shop.env).check(2).stderr
    assert "did you mean `length`?" in told and "runs backwards" in told and "tegmen.toml:5" in told


def test_a_write_in_between_is_noticed(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    shop = shop_path
    intruder = Kept(project.path.parent, "push")
    # Between reading and writing somebody else writes: the check-and-set of the engine refuses ours.
    bao.ask("POST", f"secret/metadata/{shop.path}", {"cas_required": True})
    project.write("tegmen.toml", shop.manifest(f'[secrets.API_KEY.rotate]\nhook = "{intruder.path}"\n'))
    theirs = {"options": {"cas": 1}, "data": {"api_key": "theirs"}}

    def write(method: str, path: str) -> None:
        if (method, path) == ("GET", f"/v1/secret/data/{shop.path}") and shop.version() == 1:
            bao.ask("POST", f"secret/data/{shop.path}", theirs)

    with Before(bao.address, write) as proxy:
        result = rotate(project, "API_KEY", env=shop.env | {"VAULT_ADDR": proxy.address}).check(1)
    assert "somebody else has written" in result.stderr, result.stderr
    assert shop.now() == {"api_key": "theirs"} and shop.version() == 2
    assert intruder.calls() == []
    assert record(project)[-1]["outcome"] == "rolled-back"


def test_kv_one_is_told(project: Project, bao: OpenBao) -> None:
    shop = Shop(bao, "rotate-kv1")
    project.write("tegmen.toml", shop.manifest("[secrets.API_KEY.rotate]\n"))
    assert " ?  90d  due" in rotate(project, env=shop.env).check(0).stdout.replace("  ?", " ?")
    result = rotate(project, "API_KEY", env=shop.env).check(0)
    assert "KV version 1 has no check-and-set" in result.stderr
    now = shop.now()
    assert now | {"api_key": shop.value} == shop.fields and now["api_key"] != shop.value
    # Now the record knows.
    table = rotate(project, env=shop.env).check(0).stdout
    assert re.search(r"API_KEY +\d+s +90d +fresh", table), table


def test_a_hook_gets_the_value_on_stdin_only(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    hook = Kept(project.path.parent, "set-key", "echo quiet please\n")
    project.write("tegmen.toml", shop.manifest(f"[secrets.API_KEY.rotate]\nhook = \"{hook.path} --shop 'a b'\"\n"))
    result = rotate(project, "API_KEY", env=shop.env).check(0)
    new = str(shop.now()["api_key"])
    [(arguments, given, environment)] = hook.calls()
    assert arguments == ["--shop", "a b"] and given == new.encode()
    assert new not in environment and shop.value not in environment
    assert "TEGMEN_SECRET=API_KEY" in environment and "TEGMEN_STEP=set" in environment
    assert "the target is told" in result.stderr and record(project)[-1]["hook"] is True
    nowhere(project, result, new)


def test_a_hook_that_fails_is_taken_back_everywhere(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    outside = project.path.parent
    gh = Kept(outside, "gh")
    hook = Kept(outside, "set-key", 'echo "no $(cat "$dir/$n.stdin") here"; base64 "$dir/$n.stdin" >&2; exit 3\n')
    undo = Kept(outside, "unset-key")
    project.write(".env", "# ours\nAPI_KEY=stale # note\nB=2\n", 0o640)
    project.write("key.txt", "stale\n", 0o600)
    follow = '"dotenv:.env#API_KEY", "file:key.txt", "github:acme/shop#API_KEY", "store:API_KEY"'
    project.write(
        "tegmen.toml",
        shop.manifest(f'[secrets.API_KEY.rotate]\nfollow = [{follow}]\nhook = "{hook.path}"\nundo = "{undo.path}"\n'),
    )
    before = project.read(".env")
    env = shop.env | {"PATH": f"{gh.folder}:{os.environ['PATH']}"}
    result = rotate(project, "API_KEY", env=env).check(1)
    assert shop.now() == shop.fields and shop.version() == 3
    assert project.read(".env") == before and project.read("key.txt") == "stale\n"
    assert "API_KEY was not rotated, everything has its old value again: the hook:" in result.stderr
    assert "failed (exit status: 3) and said: " in result.stderr
    first, second = gh.calls()
    assert first[0] == ["secret", "set", "API_KEY", "--repo", "acme/shop"]
    tried = first[1].decode()
    assert second[1].decode() == shop.value and undo.calls()[0][1].decode() == shop.value
    # What the hook said about the value is masked, encoded too.
    assert "no [value] here" in result.stderr
    nowhere(project, result, tried, shop.value)
    assert [line["outcome"] for line in record(project)] == ["begun", "rolled-back"]
    # The store has nothing of it.
    assert project.run(project.tegmen, "secrets", "get", "API_KEY").status == 1


def test_what_cannot_be_taken_back_is_said(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    # The second call, which takes it back, fails too.
    gh = Kept(project.path.parent, "gh", '[ "$n" = 0 ]\n')
    project.write(
        "tegmen.toml", shop.manifest('[secrets.API_KEY.rotate]\nfollow = ["github:API_KEY"]\nhook = "false"\n')
    )
    result = rotate(project, "API_KEY", env=shop.env | {"PATH": f"{gh.folder}:{os.environ['PATH']}"}).check(1)
    assert "its places may differ now" in result.stderr and "github:API_KEY could not be taken back" in result.stderr
    assert shop.now() == shop.fields
    assert record(project)[-1]["outcome"] == "torn"
    assert "did not come to its end" in rotate(project, env=shop.env).check(0).stderr


def test_the_environment_follows(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    programs = {name: Kept(project.path.parent, name) for name in ("gh", "glab", "kubectl")}
    text = "# shop\nFIRST='1'\nexport API_KEY='old one'  # do not touch\r\nLAST=\"x # y\"\n\nOTHER=${API_KEY}-x\n"
    (project.path / "config").mkdir()
    real = project.path / "config/real.env"
    real.write_bytes(text.encode())
    real.chmod(0o640)
    (project.path / ".env").symlink_to("config/real.env")
    follow = '"dotenv:.env#API_KEY", "github:API_KEY", "gitlab:acme/shop#API_KEY", "kubectl:load/shop#api-key"'
    project.write("tegmen.toml", shop.manifest(f"[secrets.API_KEY.rotate]\nfollow = [{follow}]\n"))
    path = ":".join([*(str(program.folder) for program in programs.values()), os.environ["PATH"]])
    result = rotate(project, "API_KEY", env=shop.env | {"PATH": path}).check(0)
    new = str(shop.now()["api_key"])
    # The line has the new value; every other byte, the mode and the link are what they were.
    assert real.read_bytes().decode() == text.replace("old one", new)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640 and (project.path / ".env").is_symlink()
    assert dotenv_values(project.path / ".env")["API_KEY"] == new
    [(gh, gh_given, _)], [(glab, glab_given, _)], [(kubectl, patch, _)] = (
        programs[name].calls() for name in ("gh", "glab", "kubectl")
    )
    assert gh == ["secret", "set", "API_KEY"] and gh_given == new.encode()
    assert glab == ["variable", "update", "API_KEY", "--masked", "--raw", "--repo", "acme/shop"]
    assert glab_given == new.encode()
    assert kubectl == ["patch", "secret", "shop", "--type=merge", "--patch-file=/dev/stdin", "--namespace", "load"]
    assert base64.b64decode(json.loads(patch)["data"]["api-key"]).decode() == new
    nowhere(project, result, new, but=("real.env", ".env"))
    assert record(project)[-1]["follow"] == follow.replace('"', "").split(", ")


def test_dotenv_file_store_and_variables(project: Project) -> None:
    project.write(".env", "A=one # c\nB='two'\n", 0o600)
    project.write("key", "three\n", 0o600)
    project.run(project.tegmen, "secrets", "set", "D", stdin="four").check(0)
    project.write(
        "tegmen.toml",
        """
        [secrets.A]
        source = "dotenv:.env#A"
        [secrets.A.rotate]
        alphabet = "0-9a-f"
        length = 16
        prefix = "key_"
        [secrets.C]
        source = "file:key"
        [secrets.C.rotate]
        alphabet = "!-~"
        must_have = ["A-Z", "a-z", "0-9", "!-/"]
        length = 12
        [secrets.D]
        source = "store:D"
        max_age = "1d"
        [secrets.D.rotate]
        [secrets.E]
        source = "env:E_KEY"
        [secrets.E.rotate]
        """,
    )
    project.write("compose.yaml", "environment:\n  - E_KEY\n")
    result = rotate(project, "A", "C", "D", "E", env={"E_KEY": "five"}).check(1)
    env = project.read(".env")
    match = re.fullmatch(r"A=(key_[0-9a-f]{16}) # c\nB='two'\n", env)
    assert match
    key = project.read("key")
    assert len(key) == 13 and key.endswith("\n") and key[:-1] != "three"
    assert re.search("[A-Z]", key) and re.search("[a-z]", key) and re.search("[0-9]", key) and re.search("[!-/]", key)
    stored = project.run(project.tegmen, "secrets", "get", "D").check(0).stdout
    assert len(stored) == 32 and set(stored) <= ALPHABET
    # Of a variable it is said where it is set, and nothing is made up.
    assert "E has to be changed by hand" in result.stderr and "compose.yaml:2" in result.stderr
    nowhere(project, result, match[1], key.strip(), stored, "five", but=(".env", "key"))
    assert [line["name"] for line in record(project)] == ["A", "A", "C", "C", "D", "D"]
    rows = json.loads(rotate(project, "--format", "json").check(0).stdout)
    states = {row["name"]: (row["state"], row["at_least"]) for row in rows}
    assert states == dict.fromkeys("ACE", ("no max_age", False)) | {"D": ("fresh", False)}


def test_a_variable_with_something_that_sets_it(project: Project) -> None:
    gh = Kept(project.path.parent, "gh")
    project.write(
        "tegmen.toml",
        '[secrets.E]\nsource = "env:E_KEY"\nmax_age = "1d"\n[secrets.E.rotate]\nfollow = ["github:E_KEY"]\n',
    )
    env = {"E_KEY": "five-five-five", "PATH": f"{gh.folder}:{os.environ['PATH']}"}
    assert "due" in rotate(project, env=env).stdout
    rotate(project, "--due", env=env).check(0)
    [(arguments, given, _)] = gh.calls()
    assert arguments == ["secret", "set", "E_KEY"] and len(given) == 32
    assert "nothing is due" in rotate(project, "--due", env=env).check(0).stderr
    # A program that is not there: nothing is half done.
    rotate(project, "E", env={"E_KEY": "x", "PATH": "/nonexistent"}).check(1)


def test_due_by_the_age_of_the_field(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    shop = shop_path
    time.sleep(3)
    # A new version in which another field changed does not make this one young.
    bao.put(shop.path, shop.fields | {"other": "new"})
    manifest = shop.manifest("[secrets.API_KEY.rotate]\n").replace("90d", "3s")
    more = f'[secrets.OTHER]\nsource = "vault:secret/{shop.path}#other"\nmax_age = "1d"\n[secrets.OTHER.rotate]\n'
    project.write("tegmen.toml", manifest + more)
    table = rotate(project, env=shop.env).check(0).stdout
    assert re.search(r"API_KEY +[3-9]s +3s +due", table) and re.search(r"OTHER +[0-9]s +1d +fresh", table), table
    assert rotate(project, "--check", env=shop.env).status == 1
    plan = rotate(project, "--due", "--dry-run", env=shop.env).check(0)
    assert "would write version 3 of secret/" in plan.stdout and "OTHER" not in plan.stdout
    assert shop.version() == 2 and not (project.path / ".tegmen").exists()
    rotate(project, "--due", env=shop.env).check(0)
    now = shop.now()
    assert now["api_key"] != shop.value and now["other"] == "new" and shop.version() == 3


def test_the_ages_of_a_whole_path_are_those_of_its_fields(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    shop = shop_path
    time.sleep(3)
    bao.put(shop.path, {"api-key": shop.value, "other": "new"})
    bao.put(shop.path, {"api-key": shop.value, "other": "newer"})
    manifest = f'[secrets.shop]\nsource = "vault:secret/{shop.path}"\nmax_age = "1d"\n[secrets.shop.rotate]\n'
    project.write("tegmen.toml", manifest)
    table = rotate(project, env=shop.env).check(0).stdout
    assert re.search(r"shop\.api_key +[0-9]s +1d +fresh", table) and re.search(r"shop\.other +[0-9]s +1d +fresh", table)
    assert "nothing is due" in rotate(project, "--due", env=shop.env).check(0).stderr
    doctor = ("doctor", "--select", "secret-too-old", "--format", "json", "--fail-on", "never")
    answer = json.loads(project.run(project.tegmen, *doctor, env=shop.env).check(0).stdout)["answers"][0]
    assert answer["outcome"] == "pass", answer
    # One of them is old: it alone is rotated.
    time.sleep(3)
    bao.put(shop.path, {"api-key": shop.value, "other": "newest"})
    project.write("tegmen.toml", manifest.replace("1d", "3s"))
    answer = json.loads(project.run(project.tegmen, *doctor, env=shop.env).check(0).stdout)["answers"][0]
    assert answer["outcome"] == "fail", answer
    assert "shop.api_key" in answer["found"] and "shop.other" not in answer["found"]
    rotate(project, "--due", env=shop.env).check(0)
    now = shop.now()
    assert now["other"] == "newest" and now["api-key"] != shop.value
    # What cannot be read has no age, and says why.
    project.write("tegmen.toml", manifest.replace(shop.path, "nowhere/shop"))
    told = rotate(project, "--due", env=shop.env).check(1).stderr
    assert "how old shop is cannot be looked up" in told and "permission denied" in told


def test_a_dry_run_tells_what_the_token_may_not(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    shop = shop_path
    project.write("tegmen.toml", shop.manifest("[secrets.API_KEY.rotate]\n"))
    reader = bao.token([bao.policy(f"r-{secrets.token_hex(4)}", {f"secret/data/{shop.path}": ["read"]})])
    result = rotate(project, "API_KEY", "--dry-run", env=shop.env | {"VAULT_TOKEN": reader}).check(1)
    assert f'path "secret/data/{shop.path}" {{ capabilities = ["update"] }}' in result.stderr
    result = rotate(project, "API_KEY", env=shop.env | {"VAULT_TOKEN": reader}).check(1)
    assert "permission denied" in result.stderr and shop.version() == 1
    assert record(project)[-1]["outcome"] == "rolled-back"


def test_another_login_for_rotating(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    """The test's own role may read only; what rotates is somebody else, whose token is revoked in the end."""
    shop = shop_path
    name = f"rotator-{secrets.token_hex(4)}"
    bao.policy(name, {f"secret/data/{shop.path}": ["read", "update"]})
    role = bao.approle(name, [name])
    project.write(
        "tegmen.toml",
        f"""
        [vault]
        auth = {{ method = "approle", role_id = "nobody", secret_id = "env:NONE" }}
        rotate_auth = {{ method = "approle", role_id = "{role}", secret_id = "env:ROTATE_ID" }}
        """
        + shop.manifest("[secrets.API_KEY.rotate]\n").replace("\n", "\n        "),
    )
    before = bao.accessors()
    env = {"VAULT_ADDR": bao.address, "ROTATE_ID": bao.secret_id(name)}
    # A dry run does not use up what is good for once.
    assert "Vault is not asked" in rotate(project, "API_KEY", "--dry-run", env=env).check(0).stdout
    rotate(project, "API_KEY", env=env).check(0)
    assert shop.version() == 2 and bao.accessors() == before
    # With one's own token, whatever the manifest says.
    rotate(project, "API_KEY", "--own-token", env=shop.env).check(0)
    assert shop.version() == 3


def test_the_secret_id_of_a_role(project: Project, bao: OpenBao) -> None:
    name = f"rot-{secrets.token_hex(4)}"
    bao.policy(name, {f"auth/approle/role/{name}/secret-id*": ["update"]})
    role = bao.approle(name, [name], secret_id_num_uses=0)
    old = bao.secret_id(name)
    project.write("secret-id", old + "\n", 0o600)
    manifest = f"""
        [vault]
        auth = {{ method = "approle", role_id = "{role}", secret_id = "file:secret-id" }}
        [rotations.login]
        approle = "approle/{name}"
        max_age = "1s"
        HOOK
        """
    project.write("tegmen.toml", manifest.replace("HOOK", 'hook = "false"'))
    env = {"VAULT_ADDR": bao.address}
    # A failing hook: the old one is where it was and good, the new one is gone.
    rotate(project, "login", env=env).check(1)
    assert project.read("secret-id") == old + "\n" and len(bao.secret_ids(name)) == 1
    project.write("tegmen.toml", manifest.replace("HOOK", ""))
    time.sleep(1.1)
    table = rotate(project, env=env).check(0).stdout
    assert re.search(r"login +[1-9]\d*s +1s +due", table), table
    result = rotate(project, "--due", env=env).check(0)
    new = project.read("secret-id").strip()
    assert new != old and len(bao.secret_ids(name)) == 1
    status, _ = bao.call("POST", "auth/approle/login", {"role_id": role, "secret_id": old})
    assert status >= 400
    status, _ = bao.call("POST", "auth/approle/login", {"role_id": role, "secret_id": new})
    assert status == 200
    assert stat.S_IMODE((project.path / "secret-id").stat().st_mode) == 0o600
    nowhere(project, result, new, old, but=("secret-id",))


def test_a_wrapped_secret_id(project: Project, bao: OpenBao) -> None:
    name = f"rot-{secrets.token_hex(4)}"
    bao.policy(name, {f"auth/approle/role/{name}/secret-id": ["update"]})
    role = bao.approle(name, [name])
    project.write(
        "tegmen.toml",
        f"""
        [vault]
        auth = {{ method = "approle", role_id = "{role}", secret_id = "file:wrapped", wrapped = true }}
        [rotations.login]
        approle = "approle/{name}"
        wrap = "5m"
        """,
    )
    env = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token([name])}
    result = rotate(project, "login", "--own-token", env=env).check(0)
    wrapping = project.read("wrapped")
    assert "the old SecretID stays good until it ends by itself" in result.stderr
    unwrapped = bao.ask("POST", "sys/wrapping/unwrap", {}, token=wrapping)["data"]["secret_id"]
    assert bao.call("POST", "auth/approle/login", {"role_id": role, "secret_id": unwrapped})[0] == 200
    # Without wrap the file could not be unwrapped at the next run: that is a mistake in the manifest.
    project.write("tegmen.toml", project.read("tegmen.toml").replace('wrap = "5m"', ""))
    assert "wrap" in rotate(project, "login", "--own-token", env=env).check(2).stderr


@contextmanager
def in_the_middle(project: Project, shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """A rotation whose hook has begun and does not end."""
    project.write("tegmen.toml", shop.manifest("[secrets.API_KEY.rotate]\nhook = \"sh -c 'touch here; sleep 30'\"\n"))
    with subprocess.Popen(
        [project.tegmen, "rotate", "API_KEY"],
        cwd=project.path,
        env=clean_environment(project.path, shop.env),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (project.path / "here").exists():
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_a_signal_in_the_middle(project: Project, shop_path: Shop) -> None:
    """Ctrl-C while the hook runs: the hook gets it, and everything has its old value."""
    shop = shop_path
    with in_the_middle(project, shop) as process:
        assert shop.now()["api_key"] != shop.value
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert shop.now() == shop.fields, told
    assert "everything has its old value again" in told
    assert record(project)[-1]["outcome"] == "rolled-back"


def test_a_signal_to_us_alone(project: Project, shop_path: Shop) -> None:
    """As a service manager sends it: the hook is asked to end, and is not waited for until its time is over."""
    shop = shop_path
    with in_the_middle(project, shop) as process:
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert shop.now() == shop.fields, told
    assert "everything has its old value again" in told and "did not end" not in told
    assert process.returncode == -signal.SIGTERM or process.returncode == 1
    assert record(project)[-1]["outcome"] == "rolled-back"


def test_a_kill_in_the_middle_is_told_the_next_time(project: Project, shop_path: Shop) -> None:
    shop = shop_path
    with in_the_middle(project, shop) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    told = rotate(project, env=shop.env).check(0).stderr
    assert "the rotation of API_KEY that began at" in told and "did not come to its end" in told
    # The value is not lost: the source has both.
    assert shop.version() == 2 and shop.now()["api_key"] != shop.value


def test_one_field_of_a_whole_path(project: Project, bao: OpenBao, shop_path: Shop) -> None:
    shop = shop_path
    bao.put(shop.path, {"api-key": shop.value, "other": shop.other})
    project.write("tegmen.toml", f'[secrets.shop]\nsource = "vault:secret/{shop.path}"\n[secrets.shop.rotate]\n')
    told = rotate(project, "shop", env=shop.env).check(1).stderr
    assert "stands for all fields of a path" in told and "tegmen rotate shop.FIELD" in told
    # By the name that the test has for it, which a hyphen cannot be in.
    rotate(project, "shop.api_key", env=shop.env).check(0)
    now = shop.now()
    assert now["other"] == shop.other and now["api-key"] != shop.value and set(now) == {"api-key", "other"}
    rotate(project, "shop.other", "--stdin", env=shop.env, stdin="given-anew").check(0)
    assert shop.now() == now | {"other": "given-anew"}
    assert "has no field nope" in rotate(project, "shop.nope", env=shop.env).check(1).stderr


def test_values_that_a_rule_cannot_make(project: Project) -> None:
    project.write("dsn", "postgres://me:pw@db/shop", 0o600)
    project.write("tegmen.toml", '[secrets.DSN]\nsource = "file:dsn"\n[secrets.DSN.rotate]\n')
    told = rotate(project, "DSN").check(1).stderr
    assert "is a URL, which a rule cannot make" in told and "pw@" not in told
    rotate(project, "DSN", "--stdin", stdin="postgres://me:new@db/shop").check(0)
    assert project.read("dsn") == "postgres://me:new@db/shop"
