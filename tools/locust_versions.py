"""Tries the plugin with the oldest version of Locust that is supported and with one in the middle; the newest one is
what all other tests use. Each gets a virtual environment of its own in target/, with what pip finds for it today.

The wheel must be there (`make install`). With a version as argument only that one is tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("2.32.0", "2.40.5")

#: A few tests that take hold of everything: names, failures, listeners, the wire, redirects, the web UI, workers.
TESTS = (
    "tests/test_channels.py::test_statistics_show_the_name_only",
    "tests/test_channels.py::test_an_error_page_that_quotes_the_request",
    "tests/test_channels.py::test_a_listener_that_prints_request_and_response",
    "tests/test_channels.py::test_a_redirect_to_another_host_gets_nothing",
    "tests/test_channels.py::test_prints_logs_and_tracebacks",
    "tests/test_web_access.py::test_an_option_that_is_secret_is_not_in_the_page_and_works",
    "tests/test_web_access.py::test_no_other_origin_may_read_but_the_listed_one",
    "tests/test_summary.py::test_the_numbers_are_those_of_the_server",
)


def main() -> int:
    wheels = sorted((ROOT / "target/wheels").glob("tegmen-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        print("error: no wheel in target/wheels; run `make install` first")
        return 1
    failed = []
    for version in sys.argv[1:] or VERSIONS:
        started = time.monotonic()
        programs = environment(version, wheels[-1])
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
            cwd=ROOT,
            env={**os.environ, "TEGMEN_TEST_BIN": str(programs)},
            stdin=subprocess.DEVNULL,
        ).returncode
        print(f"Locust {version}: {'ok' if status == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s", flush=True)
        if status != 0:
            failed.append(version)
    return 1 if failed else 0


def environment(version: str, wheel: Path) -> Path:
    """The programs of a Python with that Locust and our wheel."""
    folder = ROOT / "target" / f"locust-{version}"
    python = folder / "bin/python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip(python, f"locust=={version}", "setuptools")
        (folder / "complete").touch()
    pip(python, "--no-deps", "--force-reinstall", str(wheel))
    return folder / "bin"


def pip(python: Path, *arguments: str) -> None:
    """Installs something, out of the cache where it can."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
