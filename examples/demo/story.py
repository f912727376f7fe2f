"""What the demo does and shows, in order: the audit, the plain run, the protected run, the table."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from demo import processes, terminal
from demo.forms import found
from demo.load_test import LoadTest, Outcome
from demo.openbao import OpenBao
from demo.shop_process import SCRIPT, Shop
from demo.terminal import heading, say

BIN = Path(sys.executable).parent
TEGMEN = str(BIN / "tegmen")
EXAMPLE = SCRIPT.parent
PARTNER = "other host, by a redirect"


class StoryError(Exception):
    """Something that the demo is about could not be had at all."""


class Story:
    """Tells it once. `checks` gathers what was claimed and whether it held."""

    def __init__(self, folder: Path, bao: OpenBao, shop: Shop, census: processes.Census) -> None:
        self.folder = folder
        self.bao = bao
        self.shop = shop
        self.census = census
        self.checks: list[tuple[str, bool]] = []
        self.alive_during_run: list[bool] = []
        self.issued = 0
        self.sessions: list[str] = []

    def tell(self) -> bool:
        """All of it; returns whether every claim held."""
        terminal.say(
            f"A shop's API listens on {self.shop.origin}; it takes only one API key and one customer's password, both "
            f"made up just now. OpenBao, which speaks Vault's API, listens on {self.bao.address}. Both are real, "
            "and so is Locust."
        )
        before = self.write_test("before")
        self.audit(before)
        plain = self.run_plain(before)
        protected = self.run_protected(self.write_test("after"))
        self.compare(plain, protected)
        return self.conclude()

    def check(self, claim: str, holds: bool) -> bool:
        """Notes a claim; the demo fails if it does not hold."""
        self.checks.append((claim, holds))
        return holds

    # --- the parts --------------------------------------------------------------------------------------------------

    def write_test(self, name: str) -> Path:
        """The example's folder as a project of its own; the made-up secrets go into what has places for them."""
        project = self.folder / name
        shutil.copytree(EXAMPLE / name, project, ignore=shutil.ignore_patterns("__pycache__"))
        for template in project.glob("*.template"):
            text = template.read_text().replace("@API_KEY@", self.shop.credentials.api_key)
            # In a string literal of Python the quotation mark needs its backslash.
            password = json.dumps(self.shop.credentials.password)[1:-1]
            template.with_suffix("").write_text(text.replace("@PASSWORD@", password))
            template.unlink()
        return project

    def audit(self, project: Path) -> None:
        heading("1  What `tegmen audit` says about the test as the team wrote it")
        text = self.tegmen("audit", project)
        result = self.tegmen("audit", "--format", "json", project)
        if not result.stdout.startswith("{"):
            raise StoryError(f"`tegmen audit` failed with status {result.returncode}:\n{result.stderr}")
        findings = json.loads(result.stdout)["findings"]
        rules = {finding["rule"] for finding in findings}
        terminal.quote(text.stdout.replace(f"{project}/", "").splitlines(), 34)
        say(f"In all {len(findings)} findings of {len(rules)} rules.")
        self.check("the audit finds the test's faults (status 1)", text.returncode == 1 and len(rules) >= 4)
        written = text.stdout + text.stderr + result.stdout + result.stderr
        self.check("the audit itself shows no value", not self.secrets_in(written.encode()))

    def tegmen(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command of Tegmen to its end."""
        return subprocess.run(
            [TEGMEN, *arguments], env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def run_plain(self, project: Path) -> Outcome:
        heading("2  The test as it is, with plain Locust")
        say(
            "Master, two workers, web UI, CSV, HTML report, log file; the secrets come from the environment, as the "
            "team's pipeline sets them. A relay between workers and master records what goes over the network."
        )
        credentials = self.shop.credentials
        secrets = {"SHOP_API_KEY": credentials.api_key, "SHOP_PASSWORD": credentials.password}
        outcome = self.load_test(project, self.environment(secrets), ())
        self.show(outcome)
        return outcome

    def run_protected(self, project: Path) -> Outcome:
        heading("3  The same test under `tegmen run`, the secrets in OpenBao")
        credentials = self.shop.credentials
        self.bao.put("locust/shop", {"api_key": credentials.api_key, "password": credentials.password})
        policy = self.bao.policy("shop-load-test", {"secret/data/locust/shop": ["read"]})
        role = self.bao.approle("shop-load-test", [policy])
        wrapped = project / "secret-id"
        wrapped.touch(0o600)
        wrapped.write_text(self.bao.secret_id("shop-load-test", wrap="5m"))
        self.issued = len(self.bao.secret_ids("shop-load-test"))
        say(
            "An AppRole that may read this one secret; its SecretID serves once and lies response-wrapped in a file. "
            "The locustfile is as careless as before, only the hard-coded values are gone:"
        )
        lines = (project / "locustfile.py").read_text().splitlines()
        code = [line.strip() for line in lines if re.search(r"environ\[|\b(secret|protect)\(", line)]
        terminal.quote(code)
        environment = self.environment({"VAULT_ADDR": self.bao.address, "VAULT_ROLE_ID": role})
        outcome = self.load_test(project, environment, (TEGMEN, "run", "--"))
        self.show(outcome)
        return outcome

    def load_test(self, project: Path, environment: dict[str, str], command: tuple[str, ...]) -> Outcome:
        earlier = self.shop.counts()
        outcome = LoadTest(project, self.shop.origin, environment, command).run(self.census, self.look_at_token)
        counts = self.shop.counts()
        outcome.accepted = counts["accepted"] - earlier["accepted"]
        outcome.refused = counts["refused"] - earlier["refused"]
        self.sessions = counts["sessions"]
        outcome.channels[PARTNER] = "\n".join(counts["partner"][len(earlier["partner"]) :]).encode()
        return outcome

    def look_at_token(self) -> None:
        """In the middle of a run: is the token that the login issued alive?"""
        self.alive_during_run = [self.bao.is_alive(accessor) for accessor in self.bao.logins()]

    def show(self, outcome: Outcome) -> None:
        """A line of each kind, to see for oneself what became of the same words."""
        words = {
            "stdout": ("stdout and stderr", "logging in with"),
            "log": ("log file", "login: "),
            "failure": ("stdout and stderr", "checkout failed"),
            "refused": ("stdout and stderr", "[API_KEY] was not sent"),
        }
        for name, (channel, text) in words.items():
            line = outcome.line_with(channel, text)
            if at := line.find(text) + 1:
                # The end of a failure is where the server's page quotes the request.
                part = line[at - 1 :] if name != "failure" else "… " + line[line.find("Authorization") :]
                terminal.quote([f"{name:<8} {part[:108]}"])

    # --- the table --------------------------------------------------------------------------------------------------

    def compare(self, plain: Outcome, protected: Outcome) -> None:
        heading("4  Where the key, the password and the sessions came out")
        say("Searched for as they are, URL-encoded, in base64, in hex, and for each piece of eight characters.\n")
        rows: list[list[tuple[str, bool | None]]] = []
        for channel, text in plain.channels.items():
            leaked, kept = self.secrets_in(text), self.secrets_in(protected.channels[channel])
            self.check(f"plain Locust gives something away: {channel}", bool(leaked))
            self.check(f"under tegmen run nothing comes out: {channel}", not kept)
            rows.append([(channel, None), self.cell(leaked), self.cell(kept)])
        rows.append([("", None)] * 3)
        rows += [self.requests_row(plain, protected), *self.vault_rows()]
        terminal.table(["", "plain Locust", "tegmen run"], rows)

    def cell(self, secrets: list[str]) -> tuple[str, bool]:
        return (", ".join(secrets), False) if secrets else ("nothing", True)

    def requests_row(self, plain: Outcome, protected: Outcome) -> list[tuple[str, bool | None]]:
        row: list[tuple[str, bool | None]] = [("requests accepted by the shop", None)]
        for name, outcome in (("plain Locust", plain), ("tegmen run", protected)):
            holds = self.check(
                f"the shop accepts every request of {name}", outcome.refused == 0 and outcome.accepted >= 20
            )
            row.append((f"{outcome.accepted} of {outcome.accepted + outcome.refused}", holds))
        return row

    def vault_rows(self) -> list[list[tuple[str, bool | None]]]:
        logins = self.bao.logins()
        alive = [self.bao.is_alive(accessor) for accessor in logins]
        once = self.check("one login for the whole run", len(logins) == 1)
        lived = self.check("the Vault token is alive during the run", self.alive_during_run == [True])
        revoked = self.check("the Vault token is revoked after the run", bool(logins) and not any(alive))
        spent = self.check("the SecretID is used up", self.issued == 1 and not self.bao.secret_ids("shop-load-test"))
        during = "alive" if lived else "not alive"
        return [
            [("logins to OpenBao", None), ("-", None), (str(len(logins)), once)],
            [("Vault token during the run", None), ("-", None), (during, lived)],
            [("Vault token after the run", None), ("-", None), ("revoked" if revoked else "STILL ALIVE", revoked)],
            [("SecretID after the run", None), ("-", None), ("used up" if spent else "STILL GOOD", spent)],
        ]

    def conclude(self) -> bool:
        failed = [claim for claim, holds in self.checks if not holds]
        print()
        for claim in failed:
            print(terminal.bad(f"  does not hold: {claim}"))
        held = len(self.checks) - len(failed)
        line = f"{held} of {len(self.checks)} claims hold."
        print(terminal.bold(terminal.bad(line) if failed else terminal.good(line)))
        return not failed

    # --- helpers ----------------------------------------------------------------------------------------------------

    def secrets_in(self, text: bytes) -> list[str]:
        """Which secrets the text holds in any form. The key's public prefix does not count."""
        credentials = self.shop.credentials
        secrets = {"key": [credentials.key_tail], "password": [credentials.password], "session": self.sessions}
        return [name for name, values in secrets.items() if any(found(value, text) for value in values)]

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Nothing of the caller's environment but the search path."""
        path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "NO_COLOR": "1"} | (more or {})
