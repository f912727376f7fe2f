"""Installs Debian's Chromium for the browser tests, where that can be done: as root on a machine with apt-get.

An ordinary user is told what is skipped; the tests themselves skip with the same words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> int:
    if path := shutil.which("chromium"):
        print(f"there already: {path}")
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("skipped: Chromium is not installed, and only root can install it (apt-get install chromium)")
        return 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "--no-install-recommends", "-y", "chromium"],
    ):
        status = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode
        if status != 0:
            print(f"error: `{' '.join(command)}` ended with status {status}")
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
