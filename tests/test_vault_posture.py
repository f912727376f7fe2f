"""What `tegmen doctor` says about Vault: a real OpenBao, roles that are as they should be and roles that are not."""

from __future__ import annotations

import json
import secrets
import time

from conftest import Project
from demo.openbao import OpenBao
from support.run import BIN


class Shop:
    """A secret, and a role that reads it."""

    def __init__(self, bao: OpenBao, rules: dict[str, list[str]], **role: object) -> None:
        self.bao = bao
        self.name = f"posture-{secrets.token_hex(4)}"
        self.path = f"{self.name}/shop"
        self.value = f"k3y-{secrets.token_hex(12)}"
        bao.put(self.path, {"key": self.value})
        bao.policy(self.name, {path.replace("NAME", self.name): words for path, words in rules.items()})
        self.role_id = bao.approle(self.name, [self.name], **({"secret_id_num_uses": 5} | role))
        self.secret_id = bao.secret_id(self.name)

    def manifest(self, more: str = "") -> str:
        return f"""
[vault]
address = "{self.bao.address}"
auth = {{ method = "approle", role_id = "{self.role_id}", secret_id = "env:SECRET_ID" }}
[secrets.KEY]
source = "vault:secret/{self.path}#key"
{more}
"""


EXACT = {"secret/data/NAME/shop": ["read"], "secret/metadata/NAME/shop": ["read"]}
#: What lets a token say all there is to say about itself.
OPEN = {
    "sys/policies/acl/NAME": ["read"],
    "auth/approle/role/NAME": ["read"],
    "sys/audit": ["read", "sudo"],
}


def doctor(project: Project, *options: str, env: dict[str, str]) -> dict[str, dict[str, str]]:
    command = (project.tegmen, "doctor", "--select", "TGM6,TGM7", "--fail-on", "never", "--format", "json", *options)
    result = project.run(*command, env=env).check(0)
    for name, value in env.items():
        assert ("TOKEN" not in name and "SECRET" not in name) or value not in result.output
    answers = json.loads(result.stdout)["answers"]
    return {answer["check"]: answer for answer in answers}


def outcomes(answers: dict[str, dict[str, str]], outcome: str) -> set[str]:
    return {name for name, answer in answers.items() if answer["outcome"] == outcome}


def test_a_role_with_what_it_needs(project: Project, bao: OpenBao) -> None:
    shop = Shop(bao, EXACT)
    project.write("tegmen.toml", shop.manifest('max_age = "90d"'))
    before = bao.accessors()
    answers = doctor(project, "--vault-login", env={"SECRET_ID": shop.secret_id})
    assert outcomes(answers, "fail") == set(), answers
    # What the token may not ask is not guessed.
    assert outcomes(answers, "not known") == {"vault-no-audit", "vault-secret-id-without-limit"}
    assert "rules with + are not seen" in answers["vault-policy-too-wide"]["found"]
    assert bao.accessors() == before


def test_a_role_with_more_than_it_needs(project: Project, bao: OpenBao) -> None:
    wide = {"secret/*": ["read", "update"], "kv/+/all": ["read"]}
    shop = Shop(bao, wide | OPEN, secret_id_num_uses=0, secret_id_ttl=0, token_ttl="48h", token_max_ttl="96h")
    bao.put(shop.path, {"key": shop.value, "other": "x"})
    project.write("tegmen.toml", shop.manifest('max_age = "1s"\n[secrets.MORE]\nsource = "env:MORE"'))
    time.sleep(1.5)
    answers = doctor(project, "--vault-login", env={"SECRET_ID": shop.secret_id})
    assert outcomes(answers, "fail") == {
        "vault-policy-too-wide",
        "vault-policy-wildcard",
        "vault-token-without-limit",
        "vault-secret-id-without-limit",
        "vault-old-versions",
        "secret-too-old",
        "secret-without-max-age",
    }
    assert answers["vault-no-audit"]["outcome"] == "pass"
    told = answers["vault-policy-too-wide"]
    assert told["severity"] == "high" and "secret/* (read, update)" in told["found"] and "kv/+/all" in told["found"]
    assert f"secret/{shop.path}: 1" in answers["vault-old-versions"]["found"]
    assert "KEY" in answers["secret-too-old"]["found"] and "MORE" in answers["secret-without-max-age"]["found"]

    # The policy that it prints is enough for a run, and nothing in it is too much.
    policy = told["repair"].partition("\n")[2]
    bao.ask("POST", f"sys/policies/acl/{shop.name}", {"policy": policy})
    project.write("tegmen.toml", shop.manifest())
    env = {"SECRET_ID": shop.secret_id}
    code = "import os; print('has it', os.environ['KEY'] != '')"
    run = project.run(project.tegmen, "run", "--", BIN / "python", "-c", code, env=env)
    assert "has it True" in run.check(0).stdout
    assert doctor(project, "--vault-login", env=env)["vault-policy-too-wide"]["outcome"] == "pass"


def test_root_and_what_is_not_asked(project: Project, bao: OpenBao) -> None:
    shop = Shop(bao, EXACT)
    project.write("tegmen.toml", shop.manifest())
    # A SecretID may be good for one login: nobody uses it up.
    uses = bao.ask("POST", f"auth/approle/role/{shop.name}/secret-id/lookup", {"secret_id": shop.secret_id})
    answers = doctor(project, env={"SECRET_ID": shop.secret_id})
    again = bao.ask("POST", f"auth/approle/role/{shop.name}/secret-id/lookup", {"secret_id": shop.secret_id})
    assert uses["data"]["secret_id_num_uses"] == again["data"]["secret_id_num_uses"] == 5
    assert "--vault-login" in answers["vault-root-token"]["found"]
    assert answers["vault-in-clear"]["outcome"] == "pass"

    project.write("tegmen.toml", f'[secrets.KEY]\nsource = "vault:secret/{shop.path}#key"\n')
    answers = doctor(project, env={"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token})
    assert {"vault-root-token", "vault-token-without-limit"} <= outcomes(answers, "fail")
    assert f'path "secret/data/{shop.path}"' in answers["vault-root-token"]["repair"]
    # Without verification, and nobody there.
    env = {"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN": secrets.token_hex(8), "VAULT_SKIP_VERIFY": "1"}
    answers = doctor(project, env=env)
    assert outcomes(answers, "fail") == {"vault-unverified", "secret-without-max-age"}
    assert "cannot be reached" in answers["vault-root-token"]["found"]

    project.write("tegmen.toml", '[secrets.KEY]\nsource = "env:KEY"\nmax_age = "1d"\n')
    answers = doctor(project, env={})
    assert answers["vault-root-token"]["outcome"] == "not applicable"
