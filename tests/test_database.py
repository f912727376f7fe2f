"""Credentials of a database that Vault lends: a real PostgreSQL, a real OpenBao with its database engine, real Locust.

The target logs in to the database with what each request carries, so a request with a credential that is not good, or
no longer, fails.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator

import pytest

from conftest import Project
from demo.openbao import OpenBao
from support.postgres import Postgres
from support.running import running, wait_for
from support.server import Request, Response, Server

LOCUSTFILE = """
    import os
    from locust import HttpUser, constant, task

    class Reporter(HttpUser):
        wait_time = constant(0.3)
        @task
        def report(self):
            self.client.get("/report", auth=(os.environ["DB_USER"], os.environ["DB_PASSWORD"]))
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres.start() as server:
        yield server


class Database:
    """A connection of Vault's to the database, with a role of its own, and an AppRole that may use it."""

    def __init__(self, bao: OpenBao, postgres: Postgres, **role: object) -> None:
        self.bao, self.postgres = bao, postgres
        self.name = f"db{secrets.token_hex(4)}"
        self.admin, self.password = f"{self.name}_admin", secrets.token_hex(12)
        postgres.sql(f"CREATE ROLE {self.admin} LOGIN SUPERUSER PASSWORD '{self.password}'")
        bao.ask("POST", f"sys/mounts/{self.name}", {"type": "database"})
        url = f"postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{postgres.port}/postgres?sslmode=disable"
        connection = {"plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "connection_url": url}
        bao.ask("POST", f"{self.name}/config/shop", connection | {"username": self.admin, "password": self.password})
        create = """CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"""
        settings = {"db_name": "shop", "creation_statements": [create], "default_ttl": "3s", "max_ttl": "8s"}
        bao.ask("POST", f"{self.name}/roles/report", settings | role)
        paths = {
            f"{self.name}/creds/report": ["read"],
            f"{self.name}/static-creds/fixed": ["read"],
            f"{self.name}/rotate-role/fixed": ["update"],
            f"{self.name}/rotate-root/shop": ["update"],
        }
        bao.policy(self.name, paths)
        self.role_id = bao.approle(self.name, [self.name], secret_id_num_uses=0)
        self.secret_id = bao.secret_id(self.name)

    def manifest(self, server: Server, path: str, more: str = "") -> str:
        hosts = f'hosts = ["http://127.0.0.1:{server.port}"]'
        return f"""
[vault]
address = "{self.bao.address}"
auth = {{ method = "approle", role_id = "{self.role_id}", secret_id = "env:SECRET_ID" }}
{more}

[secrets.DB_USER]
source = "vault-dynamic:{self.name}/{path}#username"
{hosts}
[secrets.DB_PASSWORD]
source = "vault-dynamic:{self.name}/{path}#password"
{hosts}
max_age = "1d"
"""

    def lent(self) -> list[str]:
        """The roles that there are because Vault has lent them."""
        return self.postgres.roles("v-%-report-")

    def renewals(self) -> int:
        return sum(
            entry["type"] == "request"
            and entry["request"]["path"] == "sys/leases/renew"
            and self.name in (entry.get("auth", {}).get("policies") or [])
            for entry in self.bao.audit()
        )


class Target:
    """A server that logs in to the database with what a request carries."""

    def __init__(self, make_server: object, postgres: Postgres) -> None:
        self.used: list[tuple[str, str, bool]] = []

        def respond(request: Request) -> Response:
            kind, _, text = (request.header("Authorization") or "").partition(" ")
            user, _, password = base64.b64decode(text).decode().partition(":")
            good = kind == "Basic" and postgres.accepts(user, password)
            self.used.append((user, password, good))
            return Response(200 if good else 401)

        self.server: Server = make_server(respond=respond)  # type: ignore[operator]

    def good(self) -> int:
        return sum(good for _, _, good in self.used)


@pytest.fixture
def target(make_server: object, postgres: Postgres) -> Target:
    return Target(make_server, postgres)


def write(project: Project, target: Target, manifest: str, database: Database) -> dict[str, str]:
    project.write("locustfile.py", LOCUSTFILE)
    project.write("tegmen.toml", manifest)
    return {"SECRET_ID": database.secret_id, "LOCUST_HOST": f"http://127.0.0.1:{target.server.port}"}


def test_a_lease_is_renewed_changed_over_and_given_back(
    project: Project, bao: OpenBao, postgres: Postgres, target: Target
) -> None:
    database = Database(bao, postgres)
    env = write(project, target, database.manifest(target.server, "creds/report"), database)
    with running(project, "-u", "2", "-r", "2", "--csv", "out", env=env) as run:
        # Two thirds of three seconds: renewed. Eight seconds are its maximum: another one takes its place.
        wait_for(lambda: len({user for user, _, _ in target.used}) >= 2, 60)
        seen = len(target.used)
        wait_for(lambda: len(target.used) > seen + 6)
        assert database.lent()
        output = run.end()
    assert database.renewals() >= 1
    # Not one request was sent with a credential that was not good.
    assert target.good() == len(target.used), target.used
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert "the Vault token is revoked" in output
    wait_for(lambda: database.lent() == [])
    everything = output + "".join(file.read_text(errors="replace") for file in project.path.glob("out*"))
    for user, password, _ in set(target.used):
        assert user not in everything and password not in everything


def test_after_a_kill_of_the_broker_the_lease_ends_with_the_token(
    project: Project, bao: OpenBao, postgres: Postgres, target: Target
) -> None:
    # By itself the credential would live for an hour.
    database = Database(bao, postgres, default_ttl="1h", max_ttl="2h")
    manifest = database.manifest(target.server, "creds/report", 'token_ttl = "4s"')
    env = write(project, target, manifest, database)
    with running(project, "-u", "1", env=env) as run:
        wait_for(lambda: target.good() > 2)
        time.sleep(5)
        # Longer than the token's time: it is prolonged.
        assert len(database.lent()) == 1 and target.used[-1][2]
        run.process.kill()
        run.process.wait()
    wait_for(lambda: database.lent() == [], 25)


def test_static_and_root_roles_are_rotated(project: Project, bao: OpenBao, postgres: Postgres, target: Target) -> None:
    database = Database(bao, postgres)
    fixed = f"{database.name}_fixed"
    postgres.sql(f"CREATE ROLE {fixed} LOGIN PASSWORD 'unknown'")
    static = {"db_name": "shop", "username": fixed, "rotation_period": "24h"}
    bao.ask("POST", f"{database.name}/static-roles/fixed", static)
    password = bao.ask("GET", f"{database.name}/static-creds/fixed")["data"]["password"]
    more = f'\n[rotations.root]\ndatabase_root = "{database.name}/shop"\nmax_age = "30d"\n'
    manifest = database.manifest(target.server, "static-creds/fixed", 'poll = "1s"') + more
    env = write(project, target, manifest, database)

    def rotate(*arguments: str) -> str:
        result = project.run(project.tegmen, "rotate", *arguments, env=env)
        assert password not in result.output
        return result.check(0).output

    table = rotate()
    assert re.search(r"DB_PASSWORD +\d+[sm] +1d +fresh", table) and re.search(r"root +\? +30d +due", table), table
    # With the run's own SecretID Vault is not asked.
    assert "Vault is not asked now" in rotate("DB_PASSWORD", "--dry-run")
    env["VAULT_TOKEN"] = bao.token([database.name])
    assert "would have Vault do" in rotate("DB_PASSWORD", "--dry-run", "--own-token")
    del env["VAULT_TOKEN"]

    with running(project, "-u", "1", env=env) as run:
        wait_for(lambda: target.good() > 2)
        rotate("DB_PASSWORD")
        # The server made it; the test has it within the interval.
        assert not postgres.accepts(fixed, password)
        wait_for(lambda: target.used[-1][1] != password and target.used[-1][2])
        output = run.end()
    assert "[DB_PASSWORD] has a new value" in output
    for _, used, _ in target.used:
        assert used not in output

    rotate("--due")
    assert not postgres.accepts(database.admin, database.password)
    # Vault itself knows the new one.
    assert bao.ask("GET", f"{database.name}/creds/report")["data"]["username"]
    lines = [json.loads(line) for line in project.read(".tegmen/rotations.jsonl").splitlines()]
    assert [(line["name"], line["outcome"]) for line in lines if line["outcome"] == "rotated"] == [
        ("DB_PASSWORD", "rotated"),
        ("root", "rotated"),
    ]
    assert re.search(r"root +\d+s +30d +fresh", rotate())
