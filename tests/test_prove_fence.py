"""`tegmen prove` where the kernel gives no namespace: behind Landlock; and against the real target, through the one way
out that a person has opened."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Project
from support.run import BIN, Result
from support.server import Request, Response, Server

LOCUST = (str(BIN / "locust"), "-f", "locustfile.py")

#: Runs a command where no namespaces are to be had: in one in which their number is limited to none, without any right.
WITHOUT_NAMESPACES = (
    *("unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c"),
    "echo 0 > /proc/sys/user/max_user_namespaces"
    ' && exec setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "$@"',
    "sh",
)

SHOP = """
import os, socket
import requests
from locust import HttpUser, task

PASSWORD = "{password}"
FILE = "{file}"

class Shopper(HttpUser):
    host = "https://shop.example.com"

    def on_start(self):
        answer = requests.post("https://shop.example.com/login", data={{"password": PASSWORD}})
        self.token = answer.json()["token"]

    @task
    def orders(self):
        self.client.get("/orders", headers={{"X-Key": os.environ["SHOP_API_KEY"], "X-Token": self.token}})

    @task
    def outside(self):
        for kind, address in ((socket.SOCK_DGRAM, ("192.0.2.1", 53)), (socket.SOCK_STREAM, ("192.0.2.1", 2222))):
            try:
                with socket.socket(socket.AF_INET, kind) as connection:
                    connection.settimeout(2)
                    connection.connect(address)
                    said = f"connected {{kind.name}} {{connection.getpeername()[0]}}"
            except OSError as error:
                said = f"refused {{kind.name}} {{type(error).__name__}}"
            with open(FILE, "a") as file:
                file.write(said + "\\n")
        print("admin", PASSWORD)
"""


def proof(project: Project) -> dict:  # type: ignore[type-arg]
    read: dict = json.loads(project.read(".tegmen/prove.json"))  # type: ignore[type-arg]
    return read


@pytest.fixture(autouse=True)
def _fence(tegmen_bin: Path) -> None:
    if subprocess.run([*WITHOUT_NAMESPACES, "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives this user no namespace in which there are no others")
    version = subprocess.run(
        [str(BIN / "python"), "-c", "import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))"],
        capture_output=True,
        text=True,
    )
    if int(version.stdout) < 4:
        pytest.skip("the kernel has no Landlock that knows ports")


def test_landlock_is_the_fence_where_there_are_no_namespaces(project: Project) -> None:
    password = f"Pw-{secrets.token_hex(8)}"
    said = project.path / "said.txt"
    project.write("locustfile.py", SHOP.format(password=password, file=said))
    command = (str(project.tegmen), "prove", "--seconds", "3", "--format", "json", "--", *LOCUST)
    result = project.run(*WITHOUT_NAMESPACES, *command, timeout=120).check(1)
    read = json.loads(result.stdout)["proofs"][0]
    assert read["isolation"] == "Landlock"
    known = {secret["name"]: secret for secret in read["secrets"]}
    for name in ("SHOP_API_KEY", "literal:PASSWORD", "issued:token"):
        assert {arrival["host"] for arrival in known[name]["arrivals"]} == {"shop.example.com"}, name
    # The script itself stays as it is: a copy of it ran, with a canary in the place of what is written there.
    assert password in project.read("locustfile.py") and password not in result.output
    leaks = {(leak["secret"], leak["channel"]) for leak in read["leaks"]}
    assert ("literal:PASSWORD", "stdout") in leaks
    spot = next(leak["spot"] for leak in read["leaks"] if leak["channel"] == "stdout")
    assert project.read("locustfile.py").splitlines()[spot["line"] - 1].lstrip().startswith('print("admin"')
    assert read["coverage"]["not_run"] == []
    messages = next(channel for channel in read["channels"] if channel["channel"] == "messages")
    assert messages["bytes"] > 0
    # Python is led to the stand-in, whatever it dials; datagrams cannot be led anywhere.
    assert set(said.read_text().splitlines()) >= {"refused SOCK_DGRAM PermissionError"}
    assert "connected SOCK_STREAM 127.64." in said.read_text()


def test_without_either_it_refuses(project: Project) -> None:
    """As on an old kernel: the call that makes rules of Landlock is not there."""
    project.write("locustfile.py", SHOP.format(password="none-here", file="said.txt"))
    command = (str(project.tegmen), "prove", "--", *LOCUST)
    result = project.run(*WITHOUT_NAMESPACES, str(BIN / "python"), "-c", NO_LANDLOCK, *command, timeout=60).check(2)
    assert "the network cannot be closed" in result.stderr
    assert "Landlock" in result.stderr and "clone" in result.stderr


#: A filter of system calls under which landlock_create_ruleset(2) fails with ENOSYS.
NO_LANDLOCK = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, equal, end = 0x20, 0x15, 0x06
program = b"".join(
    struct.pack("HBBI", *one)
    for one in ((load, 0, 0, 0), (equal, 0, 1, 444), (end, 0, 0, 0x00050000 | 38), (end, 0, 0, 0x7FFF0000))
)
memory = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(memory)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def target() -> Iterator[Server]:
    with Server() as server:
        yield server


def prove(project: Project, target: Server, *options: str) -> Result:
    command = (str(project.tegmen), "prove", "--seconds", "3", "--stages", "alone", *options, "--target", target.origin)
    return project.run(*command, "--", *LOCUST, env={"SHOP_API_KEY": REAL}, timeout=60)


REAL = f"sk_live_{secrets.token_hex(16)}"


def test_the_real_target_is_asked_and_nobody_else(project: Project, target: Server) -> None:
    asked: list[str] = []

    def respond(request: Request) -> Response:
        asked.append(request.header("x-key") or "")
        return Response(200, f"you sent {asked[-1]}".encode(), [("X-Real", "yes")])

    target.respond = respond
    project.write(
        "locustfile.py",
        f"""
        import os
        from locust import HttpUser, task

        class Shopper(HttpUser):
            host = "{target.origin}"

            @task
            def orders(self):
                answer = self.client.get("/orders", headers={{"X-Key": os.environ["SHOP_API_KEY"]}})
                assert answer.headers["X-Real"] == "yes"
                open("answer.txt", "w").write(answer.text)
                self.client.get("https://elsewhere.example.org/")
        """,
    )
    result = prove(project, target).check(1)
    read = proof(project)
    assert read["isolation"] == f"Landlock, open to {target.origin}"
    assert asked and len(set(asked)) == 1
    assert asked[0] != REAL and len(asked[0]) == len(REAL), "a canary, not the value"
    assert {(leak["secret"], leak["channel"]) for leak in read["leaks"]} == {("SHOP_API_KEY", "files")}
    hosts = {arrival["host"] for secret in read["secrets"] for arrival in secret["arrivals"]}
    assert target.origin in hosts
    assert "the real target answered" in result.stdout


def test_a_target_that_is_not_there_is_said(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, task

        class Shopper(HttpUser):
            host = "http://127.0.0.1:9"

            @task
            def orders(self):
                self.client.get("/orders", headers={"X-Key": os.environ["SHOP_API_KEY"]})
        """,
    )
    command = (str(project.tegmen), "prove", "--seconds", "2", "--stages", "alone", "--target", "http://127.0.0.1:9")
    result = project.run(*command, "--", *LOCUST, env={"SHOP_API_KEY": REAL}, timeout=60)
    assert "the real target http://127.0.0.1:9 could not be asked" in result.stdout
