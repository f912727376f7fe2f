"""Scripts that use Vault themselves, with hvac, run as they are: they read placeholders from what stands in for Vault.

A real OpenBao behind it, real Locust, real hvac.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import Project
from demo.openbao import OpenBao
from support.before import Before
from support.run import BIN, Result
from support.server import Request, Response, Server

#: The example of the analysis that the project was founded on, to the letter.
ANALYSIS = """
import os
import hvac
from locust import HttpUser, task, between

class MyUser(HttpUser):
    wait_time = between(1, 3)

    def on_start(self):
        # Vault authentication (using AppRole - example)
        vault_addr = os.environ.get("VAULT_ADDR")
        vault_role_id = os.environ.get("VAULT_ROLE_ID")
        vault_secret_id = os.environ.get("VAULT_SECRET_ID")

        if not all([vault_addr, vault_role_id, vault_secret_id]):
            raise Exception("Vault environment variables not set!")

        client = hvac.Client(url=vault_addr)
        client.auth.approle.login(role_id=vault_role_id, secret_id=vault_secret_id)

        # Retrieve the API key from Vault
        secret_path = "secret/data/locust/my-app"  # Adjust path as needed
        read_response = client.secrets.kv.v2.read_secret_version(path=secret_path)
        self.api_key = read_response['data']['data']['api_key'] #Adjust path as needed

        if not self.api_key:
            raise Exception("Failed to retrieve API key from Vault!")

    @task
    def my_task(self):
        headers = {"Authorization": f"Bearer {self.api_key}"}
        self.client.get("/my-protected-endpoint", headers=headers)
"""


class Vault:
    """A role of its own that may read below one path, with a SecretID that is good for one login."""

    def __init__(self, bao: OpenBao, path: str) -> None:
        self.bao = bao
        self.path = path
        self.name = f"hvac-{secrets.token_hex(4)}"
        self.value = f"k3y-{secrets.token_hex(12)}"
        bao.policy(self.name, {f"secret/data/{path}": ["read"], f"secret/metadata/{path}": ["read"]})
        self.role_id = bao.approle(self.name, [self.name])
        self.secret_id = bao.secret_id(self.name)

    @property
    def env(self) -> dict[str, str]:
        return {"VAULT_ADDR": self.bao.address, "VAULT_ROLE_ID": self.role_id, "VAULT_SECRET_ID": self.secret_id}

    def asked(self, path: str) -> int:
        """How often this role asked for a path."""
        return sum(
            entry["type"] == "request"
            and entry["request"]["path"] == path
            and self.name in (entry.get("auth", {}).get("policies") or [])
            for entry in self.bao.audit()
        )

    def logins(self) -> list[str]:
        return [
            entry["auth"]["accessor"]
            for entry in self.bao.audit()
            if entry["type"] == "response"
            and entry["request"]["path"] == "auth/approle/login"
            and self.name in ((entry.get("auth") or {}).get("policies") or [])
        ]


@pytest.mark.parametrize("users", [1, 1000])
def test_the_example_of_the_analysis(project: Project, bao: OpenBao, make_server: object, users: int) -> None:
    vault = Vault(bao, "secret/data/locust/my-app")
    bao.put(vault.path, {"api_key": vault.value})

    def protected(request: Request) -> Response:
        right = request.header("Authorization") == f"Bearer {vault.value}"
        return Response(200 if right else 401)

    server: Server = make_server(respond=protected)  # type: ignore[operator]
    project.write("locustfile.py", ANALYSIS)
    locust = (str(BIN / "locust"), "--headless", "-u", str(users), "-r", str(users), "-t", "30s" if users > 1 else "4s")
    options = ("--host", f"http://127.0.0.1:{server.port}", "--csv", "out", "--only-summary", "--stop-timeout", "5")
    result: Result = project.run(project.tegmen, "run", "--", *locust, *options, env=vault.env, timeout=150)
    result.check(0)
    wrong = [request for request in server.requests if request.header("Authorization") != f"Bearer {vault.value}"]
    assert len(server.requests) >= users and not wrong
    # Whatever the number of users: one login, one read; and the token is gone.
    assert len(vault.logins()) == 1
    assert vault.asked(f"secret/data/{vault.path}") == 1
    assert not any(bao.is_alive(accessor) for accessor in vault.logins())
    everything = result.output + "".join(file.read_text(errors="replace") for file in project.path.glob("out*"))
    for value in (vault.value, vault.secret_id, vault.role_id):
        assert value not in everything
    assert project.read("out_failures.csv").count("\n") <= 1, project.read("out_failures.csv")
    assert project.read("out_exceptions.csv").count("\n") <= 1, project.read("out_exceptions.csv")


#: Logs in and reads, once for each of so many users, eight at a time.
MANY = """
import json, os, sys, threading, urllib.parse
from http.client import HTTPConnection

address = urllib.parse.urlsplit(os.environ["VAULT_ADDR"])
users, seen, wrong = int(sys.argv[1]), set(), []

def ask(method, path, token, body=None):
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request(method, path, body, {"X-Vault-Token": token} if token else {})
    with connection.getresponse() as answer:
        return json.loads(answer.read())

def work(share):
    for _ in range(share):
        try:
            login = {"role_id": os.environ["VAULT_ROLE_ID"], "secret_id": os.environ["VAULT_SECRET_ID"]}
            token = ask("POST", "/v1/auth/approle/login", None, json.dumps(login))["auth"]["client_token"]
            seen.add(ask("GET", "/v1/secret/data/@PATH@", token)["data"]["data"]["api_key"])
        except Exception as error:
            wrong.append(repr(error))

shares = [users // 8 + (number < users % 8) for number in range(8)]
threads = [threading.Thread(target=work, args=[share]) for share in shares]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(seen), "value,", len(wrong), "wrong", wrong[:3])
"""


def test_ten_thousand_users_ask_as_often_as_one(project: Project, bao: OpenBao) -> None:
    asked = {}
    for users in (1, 10_000):
        vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
        bao.put(vault.path, {"api_key": vault.value})
        project.write("many.py", MANY.replace("@PATH@", vault.path))
        with Before(bao.address) as proxy:
            env = vault.env | {"VAULT_ADDR": proxy.address}
            command = (project.tegmen, "run", "--", BIN / "python", "many.py", str(users))
            result = project.run(*command, env=env, timeout=240).check(0)
        assert result.stdout.startswith("1 value, 0 wrong"), result.output
        # Looking for a new version and prolonging the token go by the time, not by the users.
        timed = ("/v1/secret/metadata/", "/v1/auth/token/renew-self")
        asked[users] = [path.replace(vault.path, "PATH") for _, path in proxy.seen if not path.startswith(timed)]
    assert asked[1] == asked[10_000]
    assert asked[1].count("/v1/auth/approle/login") == 1 and asked[1].count("/v1/secret/data/PATH") == 1


def test_a_new_version_reaches_what_a_script_read_itself(project: Project, bao: OpenBao, make_server: object) -> None:
    vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
    bao.put(vault.path, {"api_key": vault.value, "url": "https://shop.example", "on": True, "port": 1234567})
    new = f"n3w-{secrets.token_hex(12)}"
    server: Server = make_server()  # type: ignore[operator]
    project.write("new", new)
    project.write("tegmen.toml", '[vault]\npoll = "1s"\n')
    project.one_task(
        f"""
        import hvac, json, time
        client = hvac.Client()
        assert client.is_authenticated()
        fields = client.secrets.kv.v2.read_secret_version(path="{vault.path}", raise_on_deleted_version=True)
        assert fields["data"]["metadata"]["version"] == 1
        fields = fields["data"]["data"]
        print("read", json.dumps(fields), flush=True)
        again = hvac.Client(token="x")
        again.auth.userpass.login("anybody", "anything")
        assert again.read("secret/data/{vault.path}")["data"]["data"] == fields
        client.auth.token.renew_self()
        client.logout(revoke_token=True)
        for _ in range(40):
            self.client.get("/", headers={{"X-Key": fields["api_key"]}})
            gevent.sleep(0.1)
        """,
        host=f"http://127.0.0.1:{server.port}",
    )

    def rotate() -> None:
        while not server.requests:
            time.sleep(0.05)
        bao.put(vault.path, {"api_key": new})

    # Once the script has read it, however long that takes.
    threading.Thread(target=rotate, daemon=True).start()
    result = project.tegmen_run(env=vault.env).check(0)
    sent = [request.header("X-Key") for request in server.requests]
    assert set(sent) == {vault.value, new}, result.output
    line = next(line for line in result.stdout.splitlines() if line.startswith("read "))
    shown = json.loads(line[5:])
    assert (shown["url"], shown["on"]) == ("https://shop.example", True)
    assert shown["port"] != 1234567 and vault.value not in result.output and new not in result.output


def test_what_is_refused_and_to_whom(project: Project, bao: OpenBao) -> None:
    vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
    bao.put(vault.path, {"api_key": vault.value})
    project.write(
        "ask.py",
        f"""
        import json, os, urllib.request, urllib.error
        address, token = os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"]
        assert os.environ["VAULT_SECRET_ID"] == token

        def ask(method, path, token=token, body=None, **headers):
            data = json.dumps(body).encode() if body is not None else None
            request = urllib.request.Request(address + path, data, headers, method=method)
            if token:
                request.add_header("X-Vault-Token", token)
            try:
                with urllib.request.urlopen(request, timeout=20) as response:
                    return response.status, json.load(response)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        def told(*arguments, **options):
            status, answer = ask(*arguments, **options)
            print(status, answer["errors"][0])

        told("GET", "/v1/secret/data/{vault.path}", token=None)
        told("GET", "/v1/secret/data/{vault.path}", token="hvs.something")
        told("POST", "/v1/secret/data/{vault.path}", body={{"data": {{}}}})
        told("DELETE", "/v1/secret/data/{vault.path}")
        told("GET", "/v1/secret/metadata?list=true")
        told("GET", "/v1/secret/data/other")
        told("GET", "/v1/secret/data/other")
        told("GET", "/v1/nope/x")
        told("GET", "/v1/secret/data/{vault.path}", **{{"X-Vault-Namespace": "other"}})
        told("POST", "/v1/auth/token/create", body={{}})
        told("GET", "/v1/secret/metadata?list=True")
        told("GET", "/v1/secret/metadata/{vault.path}")
        told("GET", "/v1/secret/{vault.path}")
        told("GET", "/v1/sys/internal/ui/mounts/secret")
        told("GET", "/v1/auth/token/lookup")
        print(ask("GET", "/v1/sys/health", token=None)[1]["sealed"])
        print(ask("GET", "/v1/secret/data/{vault.path}")[1]["data"]["data"]["api_key"])
        for junk in (b"", b"GET", b"GET / HTTP/1.1\\r\\nContent-Length: 99999999\\r\\n\\r\\n", b"\\0" * 70000):
            import socket, urllib.parse
            url = urllib.parse.urlsplit(address)
            with socket.create_connection((url.hostname, url.port), 20) as stream:
                try:
                    stream.sendall(junk)
                    stream.shutdown(socket.SHUT_WR)
                    stream.recv(100)
                except OSError:
                    pass
        print("still", ask("GET", "/v1/sys/health", token=None)[0])
        """,
    )
    result = project.run(project.tegmen, "run", "--", BIN / "python", "ask.py", env=vault.env).check(0)
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:10]] == ["403"] * 7 + ["404" if "404" in lines[7] else "403"] + [
        "403"
    ] * 2
    assert "is not the token that VAULT_TOKEN holds" in lines[0] and "is not the token" in lines[1]
    assert "POST secret/data" in lines[2] and "is not passed on" in lines[2] and "DELETE" in lines[3]
    assert "permission denied: the token may not read secret/data/other" in lines[5]
    # What is no secret has no placeholder, and a policy for it is not recommended.
    for line in (lines[4], *lines[10:15]):
        assert line.startswith("403") and "is not passed on" in line and "policy" not in line, line
    assert lines[15] == "False" and f"[secret.{vault.path.replace('/', '.')}.api_key]" in lines[16]
    assert lines[17] == "still 200"
    # Asked twice, denied once; nothing was written.
    assert vault.asked("secret/data/other") == 1
    assert bao.ask("GET", f"secret/metadata/{vault.path}")["data"]["current_version"] == 1
    assert vault.value not in result.output


def test_a_declared_secret_keeps_its_name_and_its_hosts(project: Project, bao: OpenBao, make_server: object) -> None:
    vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
    bao.put(vault.path, {"api_key": vault.value})
    server: Server = make_server()  # type: ignore[operator]
    project.write(
        "tegmen.toml",
        f"""
        [secrets.KEY]
        source = "vault:secret/{vault.path}#api_key"
        hosts = ["shop.example.com"]
        """,
    )
    project.one_task(
        f"""
        import hvac
        fields = hvac.Client().secrets.kv.v2.read_secret_version(path="{vault.path}")["data"]["data"]
        print("same", fields["api_key"] == os.environ["KEY"], flush=True)
        self.client.get("/", headers={{"X-Key": fields["api_key"]}})
        """,
        host=f"http://127.0.0.1:{server.port}",
    )
    result = project.tegmen_run(env=vault.env)
    assert "same True" in result.stdout
    assert not any(vault.value in request.raw.decode(errors="replace") for request in server.requests)
    assert "[KEY]" in result.output and vault.value not in result.output


def test_nobody_outside_of_the_run_gets_anything(project: Project, bao: OpenBao) -> None:
    vault = Vault(bao, f"locust/{secrets.token_hex(4)}")
    project.write("show.sh", 'echo "$VAULT_ADDR" > address; sleep 3')
    statuses: list[int] = []

    def outside() -> None:
        for _ in range(50):
            time.sleep(0.1)
            if (project.path / "address").exists():
                address = project.read("address").strip()
                request = urllib.request.Request(f"{address}/v1/secret/data/{vault.path}")
                try:
                    urllib.request.urlopen(request, timeout=10)
                except urllib.error.HTTPError as error:
                    statuses.append(error.code)
                return

    thread = threading.Thread(target=outside)
    thread.start()
    project.run(project.tegmen, "run", "--", "sh", "show.sh", env=vault.env).check(0)
    thread.join()
    assert statuses == [403]
    # Nobody asked for anything: nobody logged in.
    assert vault.logins() == []
