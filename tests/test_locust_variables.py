"""The list of variables that Locust reads itself is that of the installed Locust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "crates/sources/tests/locust_variables.py"


def test_the_list_is_that_of_the_installed_locust() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
