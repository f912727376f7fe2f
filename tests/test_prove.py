"""`tegmen prove`: real Locust against the hostile target; what leaks is found, what does not is not."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
from pathlib import Path

import pytest

from conftest import Project
from support.run import BIN, Result

LOCUST = (str(BIN / "locust"), "-f", "locustfile.py")

QUIET = """
import os
from locust import FastHttpUser, HttpUser, between, task

KEY = os.environ["SHOP_API_KEY"]

class Shopper(HttpUser):
    wait_time = between(5, 15)
    host = "https://shop.example.com"

    def on_start(self):
        token = self.client.post("/login", json={"password": os.environ["SHOP_PASSWORD"]}).json()["access_token"]
        assert token

    @task
    def orders(self):
        self.client.get("/orders", headers={"Authorization": f"Bearer {KEY}"})

    @task
    def search(self):
        print("looking with", KEY)
        self.client.get(f"/search?key={KEY}")

class Fast(FastHttpUser):
    wait_time = between(5, 15)
    host = "https://shop.example.com"

    @task
    def orders(self):
        with self.client.get("/fast", headers={"X-Api-Key": KEY}, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"not found: {response.text}")
"""


TITLES = {
    "stdout": "standard output",
    "csv": "CSV files",
    "html": "HTML report",
    "web-ui": "web UI",
    "messages": "ZMQ",
    "environ": "/proc/PID/environ",
    "memory": "memory",
    "other-hosts": "other hosts",
}


def values() -> dict[str, str]:
    return {"SHOP_API_KEY": f"sk_live_{secrets.token_hex(16)}", "SHOP_PASSWORD": f"Pw-{secrets.token_hex(8)}"}


def prove(project: Project, *options: str, env: dict[str, str] | None = None, seconds: str = "3") -> Result:
    command = (project.tegmen, "prove", "--seconds", seconds, *options, "--", *LOCUST)
    return project.run(*command, env=values() if env is None else env, timeout=200)


def proof(project: Project) -> dict:  # type: ignore[type-arg]
    read: dict = json.loads(project.read(".tegmen/prove.json"))  # type: ignore[type-arg]
    return read


@pytest.fixture(autouse=True)
def _closed(tegmen_bin: Path) -> None:
    """Where the kernel gives no namespace, `prove` refuses; that is tested in Rust."""
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives this user no network namespace")


def test_a_test_under_protection_is_clean_and_its_secrets_arrive(project: Project) -> None:
    project.write("locustfile.py", QUIET)
    env = values()
    result = prove(project, "--without", "--output", "proof.txt", env=env, seconds="6").check(0)
    text = project.read("proof.txt")
    assert "Nothing leaked" in text
    assert "without Tegmen" in text
    read = proof(project)
    arrivals = {
        secret["name"]: {(arrival["host"], arrival["place"]) for arrival in secret["arrivals"]}
        for secret in read["secrets"]
    }
    assert arrivals["SHOP_PASSWORD"] == {("shop.example.com", "body:password")}
    places = {place for host, place in arrivals["SHOP_API_KEY"] if host == "shop.example.com"}
    assert {"header:authorization", "query:key", "header:x-api-key"} <= places
    states = {channel["channel"]: channel["states"] for channel in read["channels"]}
    for channel in ("stdout", "stderr", "log", "csv", "html", "web-ui", "messages", "environ", "memory", "other-hosts"):
        assert states[channel][:2] == ["clean", "clean"], channel
    for channel in ("stdout", "csv", "html", "web-ui", "messages", "environ", "memory", "other-hosts"):
        row = next(line for line in text.splitlines() if line.strip().startswith(TITLES[channel]))
        assert "SHOP_API_KEY" in row, f"without Tegmen it comes out: {row}"
    # Neither the values nor anything of them is in what is kept or shown.
    for value in env.values():
        assert value not in result.output
        assert value[8:20] not in project.read(".tegmen/prove.json")


def test_a_leak_is_found_with_its_line(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, task
        from tegmen import secret

        class Shopper(HttpUser):
            host = "http://localhost:8080"

            @task
            def leak(self):
                value = secret("SHOP_API_KEY").reveal()
                open("notes.txt", "w").write(value[4:20])
                self.client.get("/", headers={"X-Key": secret("SHOP_API_KEY")})
        """,
    )
    result = prove(project, "--stages", "alone", env=values(), seconds="3").check(1)
    assert "notes.txt" in result.stdout
    leaks = [leak for leak in proof(project)["leaks"] if leak["secret"] == "SHOP_API_KEY"]
    assert {leak["channel"] for leak in leaks} == {"files"}
    assert not leaks[0]["is_whole"]


def test_literals_pools_places_and_lines(project: Project) -> None:
    password, records = f"Pw-{secrets.token_hex(8)}", [f"Rec-{secrets.token_hex(8)}" for _ in range(3)]
    project.write("users.csv", "user,password\n" + "".join(f"u{n},{value}\n" for n, value in enumerate(records)))
    project.write(
        "tegmen.toml",
        """
        [secrets.SHOP_API_KEY]
        source = "env:SHOP_API_KEY"
        places = ["header:X-Key", "query:key"]

        [pools.shoppers]
        source = "file:users.csv"
        secret_fields = ["password"]
        on_empty = "cycle"
        """,
    )
    digest = hashlib.sha256(password.encode()).hexdigest()
    script = f"""
        import hashlib
        from locust import HttpUser, task
        from tegmen import pool, secret

        ADMIN_PASSWORD = "{password}"

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            @task
            def admin(self):
                with pool("shoppers").checkout() as record:
                    self.client.post("/login", data={{"user": record.user, "password": record["password"]}})
                print("admin", ADMIN_PASSWORD, len(ADMIN_PASSWORD))
                self.client.get("/", headers={{"X-Key": secret("SHOP_API_KEY")}}, auth=("root", ADMIN_PASSWORD))
                self.client.post("/", data=secret("SHOP_API_KEY").reveal())
                if hashlib.sha256(ADMIN_PASSWORD.encode()).hexdigest() == "{digest}":
                    print("the real one")
        """
    before = project.write("locustfile.py", script).read_text()
    result = prove(project, "--stages", "alone", env=values(), seconds="3").check(1)
    assert project.read("locustfile.py") == before
    assert "the real one" not in result.output
    for value in (password, *records):
        assert value not in result.output + project.read(".tegmen/prove.json")
    read = proof(project)
    known = {secret["name"]: secret for secret in read["secrets"]}
    assert "shoppers" not in known, "a pool is no secret"
    assert known["literal:ADMIN_PASSWORD"]["origin"] == "literal"
    assert {arrival["place"] for arrival in known["literal:ADMIN_PASSWORD"]["arrivals"]} == {"basic"}
    assert {arrival["place"] for arrival in known["shoppers.password"]["arrivals"]} == {"body:password"}
    assert known["SHOP_API_KEY"]["places_not_seen"] == ["query:key"]
    # What a process has in its own memory is told, and is no leak.
    assert known["SHOP_API_KEY"]["own_memory"] > 0
    leaks = {(leak["secret"], leak["channel"]) for leak in read["leaks"]}
    assert ("literal:ADMIN_PASSWORD", "stdout") in leaks
    assert ("SHOP_API_KEY", "other-places") in leaks
    assert "shoppers.password" not in {name for name, _ in leaks}
    assert "memory" not in {channel for _, channel in leaks}
    (file,) = read["coverage"]["files"]
    last = len(before.splitlines())
    assert file["path"] == "locustfile.py"
    assert file["missed"] == [[last, last]]
    assert f"nothing is shown of line {last}" in result.stdout


def test_a_script_that_asks_tegmen_runs_without_it_too(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        from locust import HttpUser, task
        from tegmen import secret

        KEY = secret("SHOP_API_KEY")

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            @task
            def search(self):
                self.client.get(f"/search?key={KEY}")
        """,
    )
    result = prove(project, "--without", "--stages", "alone", "--format", "json", seconds="2").check(0)
    without = next(one for one in json.loads(result.stdout)["proofs"] if one["protection"] == "off")
    assert without["coverage"]["requests"] > 0
    assert "csv" in {leak["channel"] for leak in without["leaks"] if leak["secret"] == "SHOP_API_KEY"}


def test_traces_over_grpc_are_searched(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        import grpc
        import grpc.experimental.gevent
        from locust import HttpUser, task
        from tegmen import secret

        grpc.experimental.gevent.init_gevent()
        EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            @task
            def traced(self):
                self.client.get("/", headers={"X-Key": secret("SHOP_API_KEY")})
                with grpc.insecure_channel("127.0.0.1:4317", compression=grpc.Compression.Gzip) as channel:
                    span = b"key " + secret("SHOP_API_KEY").reveal().encode() + b" " * 2000
                    print("exported", channel.unary_unary(EXPORT)(span, timeout=5))
        """,
    )
    result = prove(project, "--stages", "alone", seconds="3").check(1)
    assert "OTLP over gRPC, to port 4317" in result.stdout
    leaks = {(leak["secret"], leak["channel"]) for leak in proof(project)["leaks"]}
    assert leaks == {("SHOP_API_KEY", "telemetry")}


@pytest.mark.timeout(400)
def test_the_proof_is_proved(project: Project) -> None:
    # What the command says of the project's own test is not for the self-test, wherever it stands.
    project.write("locust.conf", "host = https://conf.example\ntags = fast\n")
    options = ("-f", "locustfile.py", "--host", "https://shop.example.com", "-T", "slow", "Shopper")
    command = (project.tegmen, "prove", "--self-test", "--seconds", "5", "--", str(BIN / "locust"), *options)
    result = project.run(*command, env={"LOCUST_HOST": "https://env.example"}, timeout=390)
    failed = [line for line in result.stdout.splitlines() if "FAILED" in line]
    assert failed == [], result.output
    assert "ok      ZMQ, workers and master" in result.stdout
    assert "placeholders in the environment: " in result.stdout


def test_a_self_test_that_cannot_run_says_so_once(project: Project) -> None:
    result = project.run(project.tegmen, "prove", "--self-test", "--", "make", "load").check(2)
    assert "CMD has to be how Locust is started" in result.stderr
    project.write("locust", "#!/bin/sh\necho no such luck >&2\nexit 3\n").chmod(0o755)
    result = project.run(project.tegmen, "prove", "--self-test", "--", "./locust").check(2)
    assert "did not run" in result.stderr and "no such luck" in result.stderr


def test_a_test_without_a_host_is_told_so(project: Project) -> None:
    project.write("locustfile.py", QUIET.replace("host =", "unused ="))
    result = prove(project, "--stages", "alone", seconds="3").check(2)
    assert "it has no host" in result.stderr


def test_what_is_issued_and_printed_leaks_and_nothing_leaves_the_machine(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        import os, socket
        from locust import HttpUser, task

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            @task
            def once(self):
                self.client.cookies.clear()
                # No secret goes along: what is issued here is not learnt.
                self.client.get("/open")
                print("cookies", self.client.cookies.get_dict())
                self.client.get("/", headers={"X-Key": os.environ["SHOP_API_KEY"]})
                print("links", [name for _, name in socket.if_nameindex()], socket.gethostbyname("example.org"))
        """,
    )
    result = prove(project, "--format", "json", "--stages", "alone", seconds="3").check(1)
    read = json.loads(result.stdout)["proofs"][0]
    assert read["isolation"] == "network namespace"
    # It is somebody's from the request on with which a secret went along.
    assert {leak["secret"] for leak in read["leaks"]} == {"issued:anonymous-session"}
    assert read["leaks"][0]["channel"] == "stdout"
    assert read["leaks"][0]["spot"]["path"] == "locustfile.py"
    assert "protect(" in read["leaks"][0]["repair"]
