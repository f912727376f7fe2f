"""What a run makes of the variables and of `auth`, and what of it the test gets to see: none."""

from __future__ import annotations

import json
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import Project
from demo.openbao import OpenBao
from support.run import BIN, clean_environment

#: What the test sees: its environment, and whether the file is there.
LOOK = """
import json, os, sys
print(json.dumps({"env": dict(os.environ), "file": os.path.exists("jwt")}))
"""

MANIFEST = """
[vault]
auth = {{ method = "jwt", mount = "{mount}", role = "locust", jwt = "file:jwt", remove_after_reading = true }}
[secrets.API_KEY]
source = "vault:secret/{path}#api_key"
"""


def test_a_login_leaves_nothing_to_the_test(project: Project, bao: OpenBao) -> None:
    name = f"login-{secrets.token_hex(4)}"
    value, path = f"k3y-{secrets.token_hex(12)}", f"locust/{name}"
    bao.put(path, {"api_key": value})
    bao.policy(name, {f"secret/data/{path}": ["read"], f"secret/metadata/{path}": ["read"]})
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    bao.ask("POST", f"sys/auth/{name}", {"type": "jwt"})
    bao.ask("POST", f"auth/{name}/config", {"jwt_validation_pubkeys": [public.decode()]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": [name]}
    bao.ask("POST", f"auth/{name}/role/locust", role)
    claims = {"sub": "job", "aud": "vault", "iat": int(time.time()) - 1, "exp": int(time.time()) + 300}
    token = jwt.encode(claims, key, "ES256")

    project.write("tegmen.toml", MANIFEST.format(mount=name, path=path))
    project.write("look.py", LOOK)
    project.write("jwt", token)
    header = f"header-{secrets.token_hex(8)}"
    variables = {
        # Where an Agent would be; nobody listens at the other.
        "VAULT_AGENT_ADDR": bao.address,
        "VAULT_ADDR": "http://127.0.0.1:1",
        "VAULT_HEADERS": json.dumps({"X-Gateway": header}),
        "VAULT_RATE_LIMIT": "100:100",
        "VAULT_WRAP_TTL": "60",
    }
    result = project.run(project.tegmen, "run", "--", BIN / "python", "look.py", env=variables).check(0)
    seen = json.loads(result.stdout)
    assert "VAULT_WRAP_TTL is not followed" in result.stderr
    assert seen["env"]["API_KEY"] == "[API_KEY]"
    assert not seen["file"]
    assert "VAULT_AGENT_ADDR" not in seen["env"] and "VAULT_HEADERS" not in seen["env"]
    # What stands in for Vault, for scripts that ask it.
    assert (
        seen["env"]["VAULT_ADDR"].startswith("http://127.0.0.1:") and seen["env"]["VAULT_ADDR"] != "http://127.0.0.1:1"
    )
    for secret in (value, token, header):
        assert secret not in result.output
    accessors = [
        entry["auth"]["accessor"]
        for entry in bao.audit()
        if entry["type"] == "response" and entry["request"]["path"] == f"auth/{name}/login" and entry.get("auth")
    ]
    assert len(accessors) == 1 and not bao.is_alive(accessors[0])

    # Again, without the file: the message says what is missing, and no run starts.
    again = project.run(project.tegmen, "run", "--", BIN / "python", "look.py", env=variables)
    assert again.status == 125 and "no JWT to log in to Vault with (file:jwt): there is no file" in again.stderr


def test_no_core_has_what_a_login_takes(project: Project) -> None:
    """Vault hangs, so that the credential is in memory; then the process is made to dump core, as far as it may."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        environment = clean_environment(
            project.path,
            {"VAULT_ADDR": f"http://127.0.0.1:{listener.getsockname()[1]}", "VAULT_TOKEN": secrets.token_hex(16)},
        )
        process = subprocess.Popen(
            [project.tegmen, "run", "--secret", "A=vault:secret/a#b", "--hosts", "x.example", "--", "true"],
            cwd=project.path,
            env=environment,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
        )
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1)
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
            os.kill(process.pid, signal.SIGABRT)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -signal.SIGABRT
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status)
    assert not list(project.path.glob("core*"))
