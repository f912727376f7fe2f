"""Installs the programs that some tests run, where that can be done: as root on a machine with apt-get.

An ordinary user is told what is skipped; the tests themselves skip with the same words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: The packages of Debian, by their program: a browser for pages, what the documents show for clusters, and what counts
#: instructions.
PACKAGES = {
    "chromium": "chromium",
    "kubectl": "kubernetes-client",
    "docker-compose": "docker-compose",
    "valgrind": "valgrind",
}


def main() -> int:
    missing = []
    for program, package in PACKAGES.items():
        if path := shutil.which(program):
            print(f"there already: {path}")
        else:
            missing.append(package)
    if not missing:
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"skipped: not installed, and only root can do it (apt-get install {' '.join(missing)})")
        return 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "--no-install-recommends", "-y", *missing],
    ):
        status = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode
        if status != 0:
            print(f"error: `{' '.join(command)}` ended with status {status}")
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
