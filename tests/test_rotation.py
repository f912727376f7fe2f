"""A run that goes on while its secrets change, end, or Vault is away: real Locust, real processes, a real OpenBao."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import Project
from demo.openbao import OpenBao
from support.running import running, wait_for
from support.server import Server

#: Two users in each of two processes; all requests carry the key.
LOCUSTFILE = """
    import os
    from locust import FastHttpUser, HttpUser, constant

    def ask(user):
        if os.path.exists("crash"):
            os.kill(os.getpid(), 9)
        key = os.environ["KEY"]
        user.client.get("/plain", headers={"X-Key": key, "X-Form": "twice " + key})

    class Requests(HttpUser):
        wait_time = constant(0.05)
        tasks = [ask]

    class Fast(FastHttpUser):
        wait_time = constant(0.05)
        tasks = [ask]
"""


def keys(server: Server) -> list[str]:
    return [request.header("X-Key") or "" for request in list(server.requests)]


class Role:
    """An AppRole of its own, and a KV secret that it may read."""

    def __init__(self, bao: OpenBao, **settings: object) -> None:
        self.bao = bao
        self.name = f"rotation-{secrets.token_hex(4)}"
        self.path = f"{self.name}/shop"
        self.values = [f"v{version}-{secrets.token_hex(12)}" for version in range(4)]
        bao.put(self.path, {"key": self.values[0]})
        bao.policy(
            self.name,
            {f"secret/data/{self.path}": ["read"], f"secret/metadata/{self.path}": ["read"]},
        )
        options = {"secret_id_num_uses": 0, "token_ttl": "20m"} | settings
        self.role_id = bao.approle(self.name, [self.name], **options)
        self.secret_id = bao.secret_id(self.name)

    def manifest(self, server: Server, more: str = "", address: str = "") -> str:
        return f"""
[vault]
address = "{address or self.bao.address}"
auth = {{ method = "approle", role_id = "{self.role_id}", secret_id = "env:SECRET_ID" }}
{more}

[secrets.KEY]
source = "vault:secret/{self.path}#key"
hosts = ["http://127.0.0.1:{server.port}"]
"""

    def tokens(self) -> list[str]:
        """The accessors of its tokens that are alive."""
        role = self.name
        found = []
        for accessor in self.bao.accessors():
            status, answer = self.bao.call("POST", "auth/token/lookup-accessor", {"accessor": accessor})
            if status == 200 and (answer["data"].get("meta") or {}).get("role_name") == role:
                found.append(accessor)
        return found

    def asked(self) -> list[str]:
        """What the token of this role was used for, in order."""
        return [
            entry["request"]["path"]
            for entry in self.bao.audit()
            if entry["type"] == "request" and self.name in (entry.get("auth", {}).get("policies") or [])
        ]


@pytest.fixture
def server(make_server: object) -> Server:
    return make_server()  # type: ignore[operator, no-any-return]


def write(project: Project, server: Server, role: Role, more: str = "", address: str = "") -> dict[str, str]:
    project.write("locustfile.py", LOCUSTFILE)
    project.write("tegmen.toml", role.manifest(server, more, address))
    return {"SECRET_ID": role.secret_id, "LOCUST_HOST": f"http://127.0.0.1:{server.port}"}


def test_a_new_version_is_on_the_wire_within_the_interval(project: Project, bao: OpenBao, server: Server) -> None:
    role = Role(bao)
    env = write(project, server, role, 'poll = "2s"')
    with running(project, "--processes", "2", "-u", "4", "-r", "4", "--csv", "out", env=env) as run:
        for version in (0, 1, 2):
            if version:
                bao.put(role.path, {"key": role.values[version]})
                written = time.monotonic()
            wait_for(lambda value=role.values[version]: value in keys(server)[-1:])
            if version:
                # The interval, a second, and what this busy machine needs.
                assert time.monotonic() - written < 2 + 1 + 2
            time.sleep(0.7)
            # All processes: from now on nobody sends another one.
            from_here = len(server.requests)
            time.sleep(0.8)
            assert set(keys(server)[from_here:]) == {role.values[version]}
            assert len(server.requests) > from_here + 20
        output = run.end()
    # Both of the places in a request are of one version, and no request failed.
    for request in server.requests:
        assert request.header("X-Form") == f"twice {request.header('X-Key')}"
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert output.count("[KEY] has a new value; requests carry it from now on") == 2
    # Said before anything was asked.
    assert "Vault is asked for one login and 1 read, then 1 request every 2 s" in output
    # Polled by metadata: each version was read once.
    asked = role.asked()
    assert asked.count(f"secret/data/{role.path}") == 3
    assert asked.count(f"secret/metadata/{role.path}") >= 2
    assert len(bao.logins()) and len(role.tokens()) == 0
    everything = output + "".join(file.read_text(errors="replace") for file in project.path.glob("out*"))
    assert not any(value in everything for value in [*role.values, role.secret_id])


def test_what_was_a_value_stays_redacted(project: Project, bao: OpenBao, server: Server) -> None:
    role = Role(bao)
    env = write(project, server, role, 'poll = "1s"')
    project.write(
        "locustfile.py",
        """
        import time
        from locust import HttpUser, constant, task
        from tegmen import secret

        OLD = secret("KEY").reveal()

        class Shopper(HttpUser):
            wait_time = constant(0.2)
            @task
            def ask(self):
                self.client.get("/", headers={"X-Key": secret("KEY")})
                print("old", OLD, "new", secret("KEY").reveal(), flush=True)
        """,
    )
    project.write("tegmen.toml", role.manifest(server, 'poll = "1s"') + "reveal = true\n")
    with running(project, "-u", "1", env=env) as run:
        wait_for(lambda: role.values[0] in keys(server))
        bao.put(role.path, {"key": role.values[1]})
        wait_for(lambda: role.values[1] in keys(server))
        time.sleep(1)
        output = run.end()
    assert "old [KEY] new [KEY]" in output
    assert role.values[0] not in output and role.values[1] not in output


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "the child crashes"])
def test_the_token_is_revoked_however_it_ends(project: Project, bao: OpenBao, server: Server, how: str) -> None:
    role = Role(bao)
    env = write(project, server, role)
    with running(project, "-u", "1", env=env) as run:
        wait_for(lambda: len(server.requests) > 3)
        assert len(role.tokens()) == 1
        if how == "the child crashes":
            (project.path / "crash").touch()
            run.process.wait(30)
            assert run.process.returncode == 128 + signal.SIGKILL
        else:
            run.end(getattr(signal, how))
        assert "the Vault token is revoked" in run.output
    assert role.tokens() == []


def test_a_killed_broker_leaves_a_token_that_soon_ends(project: Project, bao: OpenBao, server: Server) -> None:
    role = Role(bao)
    env = write(project, server, role, 'token_ttl = "4s"')
    with running(project, "-u", "1", env=env) as run:
        wait_for(lambda: len(server.requests) > 3)
        # Longer than its time: it is prolonged.
        time.sleep(6)
        assert len(role.tokens()) == 1
        run.process.kill()
        run.process.wait()
    wait_for(lambda: role.tokens() == [], 8)


def test_a_new_login_without_a_failed_request(project: Project, bao: OpenBao, server: Server) -> None:
    role = Role(bao, token_ttl="3s", token_max_ttl="4s")
    env = write(project, server, role, 'poll = "1s"')
    with running(project, "--processes", "2", "-u", "4", "-r", "4", "--csv", "out", env=env) as run:
        wait_for(lambda: "a new login at Vault" in run.output)
        bao.put(role.path, {"key": role.values[1]})
        wait_for(lambda: role.values[1] in keys(server))
        run.end()
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert role.tokens() == []


def test_vault_away_in_the_middle(project: Project, server: Server) -> None:
    with OpenBao.start() as bao:
        role = Role(bao)
        env = write(project, server, role, 'poll = "1s"')
        with running(project, "-u", "2", "-r", "2", "--csv", "out", env=env) as run:
            wait_for(lambda: len(server.requests) > 3)
            # It hangs: connections are made, and nobody answers.
            os.kill(bao.process.pid, signal.SIGSTOP)
            try:
                wait_for(lambda: "Vault cannot be asked; the run goes on with the values it has" in run.output)
                before = len(server.requests)
                time.sleep(1)
                assert len(server.requests) > before + 5
            finally:
                os.kill(bao.process.pid, signal.SIGCONT)
            bao.put(role.path, {"key": role.values[1]})
            wait_for(lambda: role.values[1] in keys(server))
            wait_for(lambda: "Vault answers again" in run.output)
            # And once more at the end, which does not wait for it for long.
            os.kill(bao.process.pid, signal.SIGSTOP)
            try:
                began = time.monotonic()
                output = run.end()
                took = time.monotonic() - began
            finally:
                os.kill(bao.process.pid, signal.SIGCONT)
        assert took < 25, took
        assert "the Vault token could not be revoked" in output and "it ends by its time to live" in output
        assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
        assert not any(value in output for value in [*role.values, role.secret_id])


#: Sets the clock of a program forward or back, as somebody or a time server may: by the seconds that a file holds.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now);
    const char *name = getenv("SHIFTED_CLOCK");
    FILE *file = id == CLOCK_REALTIME && name ? fopen(name, "r") : NULL;
    long shift = 0;
    if (file) { if (fscanf(file, "%ld", &shift) == 1) now->tv_sec += shift; fclose(file); }
    return result;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_clock_that_jumps(project: Project, bao: OpenBao, server: Server, tmp_path: Path) -> None:
    """Leases are counted on a clock that nobody sets: neither a day ahead nor one back is noticed."""
    (source := tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", source, "-ldl"], check=True)
    role = Role(bao)
    env = write(project, server, role, 'poll = "1s"\ntoken_ttl = "5s"')
    (shift := tmp_path / "shift").write_text("0")
    env |= {"LD_PRELOAD": str(tmp_path / "clock.so"), "SHIFTED_CLOCK": str(shift)}
    with running(project, "-u", "2", "-r", "2", "--csv", "out", env=env) as run:
        wait_for(lambda: role.values[0] in keys(server))
        for version, seconds in ((1, 2 * 86_400), (2, -2 * 86_400), (3, 0)):
            shift.write_text(str(seconds))
            bao.put(role.path, {"key": role.values[version]})
            wait_for(lambda value=role.values[version]: value in keys(server)[-1:])
            time.sleep(2)
        # Longer than the token's time: it was prolonged, and there was one login.
        assert len(role.tokens()) == 1
        output = run.end()
    assert "a new login" not in output and "Vault cannot be asked" not in output
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert role.tokens() == []


def test_a_machine_that_sleeps_longer_than_the_token_lives(project: Project, bao: OpenBao, server: Server) -> None:
    role = Role(bao)
    env = write(project, server, role, 'poll = "1s"\ntoken_ttl = "3s"')
    with running(project, "-u", "2", "-r", "2", "--csv", "out", env=env) as run:
        wait_for(lambda: len(server.requests) > 3)
        time.sleep(1)
        os.killpg(run.process.pid, signal.SIGSTOP)
        wait_for(lambda: role.tokens() == [], 20)
        os.killpg(run.process.pid, signal.SIGCONT)
        bao.put(role.path, {"key": role.values[1]})
        wait_for(lambda: role.values[1] in keys(server))
        output = run.end()
    assert "a new login at Vault" in output
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert role.tokens() == []
    assert not any(value in output for value in [*role.values, role.secret_id])
