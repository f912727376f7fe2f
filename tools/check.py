"""`make test`: runs every check of the repository in turn, shows what goes on, and ends with what was skipped and why.

Uses the standard library only, and works without a terminal. A step that fails does not stop the steps that do not need
it. The exit status is 0 when every step that ran has passed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_FOLDERS = ["python", "crates", "tests", "examples", "tools", "benches"]


@dataclass
class Step:
    """One check. `skip` says why it is not run; `needs` names a step without which it makes no sense."""

    name: str
    command: Sequence[str]
    skip: str = ""
    needs: str = ""
    group: str = "test"
    outcome: str = ""
    seconds: float = 0

    def run(self) -> None:
        started = time.monotonic()
        status = subprocess.run(self.command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
        self.seconds = time.monotonic() - started
        self.outcome = "ok" if status == 0 else f"FAILED (status {status})"


def steps(python: str) -> list[Step]:
    """All steps in order: what fails fast comes first."""
    # As it stands on the command line: a link of a virtual environment must not be followed.
    python = str(Path(python).absolute())
    own = Path(python).parent
    folders = [folder for folder in PYTHON_FOLDERS if any((ROOT / folder).rglob("*.py"))]
    nextest = shutil.which("cargo-nextest")
    # The extension module cannot be linked into a test binary; it is tested from Python.
    workspace = ["--workspace", "--exclude", "tegmen-python", "--locked"]
    rust = (
        ["cargo", "nextest", "run", *workspace]
        if nextest
        else ["cargo", "test", "--quiet", "--lib", "--bins", "--tests"]
    )
    if nextest and os.environ.get("CI"):
        rust += ["--status-level", "slow", "--final-status-level", "flaky"]
    if not nextest:
        rust += workspace
    deny = own / "cargo-deny"
    return [
        Step("rustfmt", ["cargo", "fmt", "--all", "--check"], group="lint"),
        Step("ruff", [python, "-m", "ruff", "check", "--quiet", *folders], group="lint"),
        Step("ruff format", [python, "-m", "ruff", "format", "--check", "--quiet", *folders], group="lint"),
        Step("mypy", [python, "-m", "mypy", "--strict", "python/tegmen", "examples/demo", "tools"], group="lint"),
        Step(
            "clippy",
            ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
            group="lint",
        ),
        Step(
            "licences and bans",
            [str(deny), "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
            skip="" if deny.exists() else "cargo-deny is not in .venv",
            group="lint",
        ),
        Step("Rust tests", rust),
        Step("documentation site", [python, "-m", "mkdocs", "build", "--quiet", "--strict"], group="lint"),
        Step("generated documents", ["cargo", "xtask", "docs", "--check"], skip=missing_task("docs")),
        Step("wheel into .venv", ["make", "install", f"PYTHON={python}"]),
        Step("programs for tests", [python, "tools/programs.py"]),
        Step(
            "type stubs",
            [python, "-m", "mypy.stubtest", "--allowlist", "tests/stubtest.txt", "tegmen._native"],
            needs="wheel into .venv",
        ),
        Step(
            "Python tests",
            [python, "tools/within_reach.py", python, "-m", "pytest", "-q", "tests"],
            needs="wheel into .venv",
        ),
        Step("older versions of Locust", [python, "tools/locust_versions.py"], needs="wheel into .venv"),
    ]


def missing_task(name: str) -> str:
    """Why `cargo xtask NAME` cannot run, or nothing."""
    return "" if (ROOT / "xtask/src" / f"{name}.rs").exists() else f"there is no `cargo xtask {name}` yet"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the repository's checks.")
    parser.add_argument("--python", default=sys.executable, help="the Python that has tests/requirements.txt")
    parser.add_argument("--only", choices=["lint"], help="run the quick steps only")
    options = parser.parse_args()

    chosen = [step for step in steps(options.python) if options.only in (None, step.group)]
    for number, step in enumerate(chosen, 1):
        print(f"\n== [{number}/{len(chosen)}] {step.name}", flush=True)
        broken = any(other.name == step.needs and other.outcome != "ok" for other in chosen)
        if reason := step.skip or (f"needs: {step.needs}" if broken else ""):
            step.outcome = f"skipped: {reason}"
            print(step.outcome, flush=True)
        else:
            step.run()
            print(f"{step.outcome}, {step.seconds:.0f} s", flush=True)
    return summary(chosen)


def summary(done: list[Step]) -> int:
    """Says how each step ended; returns the exit status."""
    width = max(len(step.name) for step in done)
    print("\n== Summary")
    for step in done:
        print(f"  {step.name:<{width}}  {step.seconds:5.0f} s  {step.outcome}")
    failed = [step.name for step in done if step.outcome.startswith("FAILED")]
    skipped = [f"{step.name} ({step.outcome.removeprefix('skipped: ')})" for step in done if "skipped" in step.outcome]
    # Advisories are a matter of the day, not of the commit, and need the advisory database from the network.
    skipped.append("dependency advisories (run `cargo deny check advisories` where the network allows)")
    print(f"\nSkipped: {'; '.join(skipped)}.")
    print(f"FAILED: {', '.join(failed)}." if failed else "All steps that ran have passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
