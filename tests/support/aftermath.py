"""What a run has left behind: processes, sockets, files, and the value in any of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from pathlib import Path

from demo.processes import tree
from support.hunt import leaks

#: prctl(2): orphans below this process become its children, so that none gets lost.
SUBREAPER = 36
SHARED = Path("/dev/shm")
#: How long anything may take, on any machine.
PATIENCE = 60


def name_of(pid: int) -> str:
    """What the kernel lists a process as; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def below(pid: int, name: str) -> list[int]:
    """The descendants that are listed as that, the oldest first."""
    return sorted(found for found in tree(pid)[1:] if name_of(found) == name)


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path)):
                    found.add(match[1])
    return found


def _open_sockets() -> set[str]:
    """The inodes of every socket that the kernel lists (proc_pid_net(5))."""
    found = set()
    for table, column in (("tcp", 9), ("tcp6", 9), ("udp", 9), ("unix", 6)):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                found.add(line.split()[column])
    return found


class Aftermath:
    """Made before a run, whose TMPDIR is `temporary`; what it may leave is in `folder`, and none of it with a value."""

    def __init__(self, folder: Path, values: dict[str, str]) -> None:
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        self.folder = folder
        self.temporary = folder.parent / f"{folder.name}-temporary"
        self.temporary.mkdir()
        self.values = values
        self._processes = set(tree(os.getpid()))
        self._shared = set(os.listdir(SHARED))
        self._sockets: set[str] = set()

    def look(self) -> None:
        """Notes the sockets that the run has open now."""
        ours = _sockets(os.getpid())
        for pid in set(tree(os.getpid())) - self._processes:
            self._sockets |= _sockets(pid) - ours

    def left(self) -> list[str]:
        """What is there still."""
        found = []
        for pid in set(tree(os.getpid())) - self._processes:
            with contextlib.suppress(OSError):
                # Orphans are ours to take.
                os.waitpid(pid, os.WNOHANG)
            if name := name_of(pid):
                found.append(f"process {pid} ({name})")
        # Who cleans up does so while we look: `walk` passes over a folder that has gone.
        walk = os.walk(self.temporary)
        found += [os.path.join(top, name) for top, folders, files in walk for name in folders + files]
        found += [f"/dev/shm/{name}" for name in sorted(set(os.listdir(SHARED)) - self._shared)]
        found += [f"socket {inode}" for inode in sorted(self._sockets & _open_sockets())]
        return found

    def check(self) -> None:
        """Soon nothing is left, and what was written holds no value."""
        deadline = time.monotonic() + PATIENCE
        while left := self.left():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        files = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        told = leaks(files, self.values)
        assert not told, "\n".join(told)
