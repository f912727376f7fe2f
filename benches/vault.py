"""What the start of a run costs with Vault: one AppRole login and ten KV paths, beside the bare HTTP requests.

    make bench-vault

A real OpenBao on this machine, over TLS and without. In each round one after the other: the bare requests (login and
ten reads over one connection, by Python's http.client), `tegmen run -- date` with ten secrets in files, and the same
with ten secrets in ten paths of Vault. The command says when it began. What Vault costs the start is the difference of
the last two until then: login, mount and reads. What it costs the whole run has the end of the token too. The medians
of all rounds are shown.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from demo.openbao import OpenBao  # noqa: E402

PATHS = 10


def bare(bao: OpenBao, role_id: str, secret_id: str) -> float:
    """The requests that there must be, and nothing else."""
    address = urlsplit(bao.address)
    began = time.perf_counter()
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        context = ssl.create_default_context(cafile=str(bao.ca_cert))
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context)
    else:
        connection = http.client.HTTPConnection(address.hostname or "", address.port)

    def ask(method: str, path: str, body: object = None, token: str = "") -> dict[str, object]:
        data = json.dumps(body) if body is not None else None
        connection.request(method, f"/v1/{path}", data, {"X-Vault-Token": token} if token else {})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)  # type: ignore[no-any-return]

    login = ask("POST", "auth/approle/login", {"role_id": role_id, "secret_id": secret_id})
    token = login["auth"]["client_token"]  # type: ignore[index]
    for number in range(PATHS):
        assert ask("GET", f"secret/data/bench/{number}", token=token)["data"]
    connection.close()
    return time.perf_counter() - began


def run(tegmen: Path, folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """How long it took until the command began, and until all was over."""
    command = [tegmen, "run", "--quiet", "--", "date", "+%s%N"]
    began = time.time_ns()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return (int(done.stdout) - began) / 1e9, (time.time_ns() - began) / 1e9


def measure(tegmen: Path, rounds: int, *, tls: bool) -> dict[str, float]:
    with OpenBao.start(tls=tls) as bao, tempfile.TemporaryDirectory(prefix="tegmen-bench-") as name:
        folder = Path(name)
        for number in range(PATHS):
            bao.put(f"bench/{number}", {"key": f"value-number-{number}"})
        bao.policy("bench", {"secret/data/bench/*": ["read"], "secret/metadata/bench/*": ["read"]})
        role_id = bao.approle("bench", ["bench"], secret_id_num_uses=0)
        secret_id = bao.secret_id("bench")
        (files := folder / "files").mkdir()
        (vault := folder / "vault").mkdir()
        secrets = [f"[secrets.KEY_{number}]\nsource = " for number in range(PATHS)]
        for number in range(PATHS):
            (files / f"{number}").write_text(f"value-number-{number}")
        (files / "tegmen.toml").write_text("".join(f'{one}"file:{n}"\n' for n, one in enumerate(secrets)))
        ca = f'ca_cert = "{bao.ca_cert}"\n' if tls else ""
        auth = f'auth = {{ method = "approle", role_id = "{role_id}", secret_id = "env:SECRET_ID" }}\n'
        (vault / "tegmen.toml").write_text(
            f'[vault]\naddress = "{bao.address}"\n{ca}{auth}'
            + "".join(f'{one}"vault:secret/bench/{n}#key"\n' for n, one in enumerate(secrets))
        )
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": name}
        times: dict[str, list[float]] = {"bare": [], "files": [], "vault": [], "more": [], "whole": []}
        for _ in range(rounds):
            times["bare"].append(bare(bao, role_id, secret_id))
            (without, without_all), (start, whole) = (
                run(tegmen, files, environment),
                run(tegmen, vault, environment | {"SECRET_ID": secret_id}),
            )
            times["files"].append(without)
            times["vault"].append(start)
            times["more"].append(start - without)
            times["whole"].append(whole - without_all)
        return {what: statistics.median(values) * 1000 for what, values in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tegmen", type=Path, default=ROOT / "target/release/tegmen")
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    print(f"one AppRole login and {PATHS} KV paths, medians of {options.rounds} rounds, milliseconds\n")
    columns = ["bare requests", "start, files", "start, Vault", "more with Vault", "times bare", "more in all"]
    print(" " * 8 + "".join(f"{column:>17}" for column in columns))
    for tls in (False, True):
        found = measure(options.tegmen.resolve(), options.rounds, tls=tls)
        ratio = found["more"] / found["bare"]
        print(
            f"{'https' if tls else 'http':8}{found['bare']:>17.1f}{found['files']:>17.1f}{found['vault']:>17.1f}"
            f"{found['more']:>17.1f}{ratio:>17.2f}{found['whole']:>17.1f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
