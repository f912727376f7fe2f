"""Runs a command where ordinary users can reach this Python and this checkout, also if root keeps them in closed
folders.

Some tests of root's start programs as an ordinary user. Where Python lies in `/root`, that user cannot reach it, and
the tests would be skipped. So the command gets its own view of the file system (a mount namespace): in it a closed
folder on the way can be passed, and what lies in it is the same, with its own modes. Nothing changes for anybody else.

For all but root on Linux, and where nothing is closed, the command just runs.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What runs inside of the namespace.
INSIDE = "--inside"


def closed_folders() -> list[Path]:
    """The folders on the way that only their owner can pass, the outermost first."""
    ends = {ROOT, Path(sys.prefix), Path(sys.base_prefix), Path(os.path.realpath(sys.executable))}
    ways = {folder for end in ends for folder in end.parents}
    return sorted(folder for folder in ways if not folder.stat().st_mode & stat.S_IXOTH)


def open_up(folder: Path) -> None:
    """Puts an open folder with the same entries in the place of a closed one, in this namespace."""
    kept = tempfile.mkdtemp()
    mount("--rbind", folder, kept)
    mount("-t", "tmpfs", "-o", "mode=0711", "tmpfs", folder)
    for entry in os.scandir(kept):
        place = folder / entry.name
        if entry.is_symlink():
            place.symlink_to(os.readlink(entry.path))
            continue
        if entry.is_dir():
            place.mkdir()
        else:
            place.touch()
        mount("--rbind", entry.path, place)
    subprocess.run(["umount", "--lazy", kept], check=True)
    os.rmdir(kept)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main() -> None:
    arguments = sys.argv[1:]
    is_inside = arguments[:1] == [INSIDE]
    command = arguments[1:] if is_inside else arguments
    if is_inside:
        for folder in closed_folders():
            open_up(folder)
        # Not the folder that was covered.
        os.chdir(os.getcwd())
    elif sys.platform == "linux" and os.geteuid() == 0 and (closed := closed_folders()):
        unshare = ["unshare", "--mount", "--propagation", "private"]
        if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            command = [*unshare, sys.executable, __file__, INSIDE, *command]
        else:
            print(
                f"no mount namespace: an ordinary user cannot pass {closed[0]}, and some tests are skipped", flush=True
            )
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
