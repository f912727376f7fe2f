"""``tegmen run --sandbox=report``: says what the sandbox would refuse to this Python, once each, and lets it go on.

Python tells of what it does by audit events (PEP 578). What native libraries do by themselves is not among them, and
neither are the system calls that the filter of the sandbox closes.

Must import neither ssl nor requests: Locust patches them first.
"""

from __future__ import annotations

import os
import sys
from typing import Any

#: The policy, a rule a line: ``read PATH``, ``write PATH``, ``list PATH``, ``connect PORT``, ``listen PORT``; and,
#: where hosts are told apart, ``reach ADDRESS PORT`` and ``name HOST``.
REPORT = "TEGMEN_SANDBOX_REPORT"

#: Events of changes to the file system, and which of their arguments are paths.
CHANGES: dict[str, tuple[int, ...]] = {
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
}

_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10


class Policy:
    """What is allowed."""

    def __init__(self, text: str) -> None:
        self.paths: dict[str, str] = {}
        self.ports: dict[str, set[int]] = {"connect": set(), "listen": set()}
        self.reach: set[tuple[str, int]] = set()
        self.names: set[str] = set()
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word in self.ports:
                self.ports[word].add(int(rest))
            elif word == "reach":
                address, _, port = rest.partition(" ")
                self.reach.add((address, int(port)))
            elif word == "name":
                self.names.add(rest)
            else:
                self.paths[rest] = word

    def allows(self, wish: str, path: str) -> bool:
        """Whether this path may be read, listed or written."""
        enough = {"read": ("read", "write"), "list": ("list", "read", "write"), "write": ("write",)}[wish]
        while True:
            if self.paths.get(path) in enough:
                return True
            above = os.path.dirname(path)
            if above == path:
                return False
            path = above

    def allows_connection(self, host: str, port: int) -> bool:
        """Whether this address may be connected to: by its port or, where there are names, by both."""
        if port not in self.ports["connect"]:
            return False
        # What listens on a port that the test may listen on is the test itself.
        is_own = port in self.ports["listen"] and (host.startswith("127.") or host in ("::1", "localhost"))
        return not self.names or is_own or (host, port) in self.reach or host.lower() in self.names

    def allows_lookup(self, host: str) -> bool:
        """Whether this name has an address inside. Addresses have one anyway, as this machine's own name does."""
        is_address = ":" in host or host.replace(".", "").isdigit()
        return not self.names or is_address or host.lower() in (*self.names, "localhost", "")


class Reporter:
    """The audit hook."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.told: set[str] = set()
        self.busy = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.busy:
            return
        self.busy = True
        try:
            self._look(event, arguments)
        except Exception as error:
            self._tell(f"({event} could not be looked at: {type(error).__name__})")
        finally:
            self.busy = False

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            self._path("write" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else "read", arguments[0])
        elif event in ("os.listdir", "os.scandir"):
            self._path("list", arguments[0] if arguments[0] is not None else ".")
        elif event in CHANGES:
            for place in CHANGES[event]:
                self._path("write", arguments[place])
        elif event == "os.chmod":
            if arguments[1] & 0o7077:
                self._tell(f"give others rights, by mode {arguments[1]:o}, to {_shown(arguments[0])}")
        elif event in ("os.chown", "os.setxattr"):
            self._tell(f"{event[3:]} {_shown(arguments[0])}")
        elif event in ("socket.connect", "socket.bind"):
            self._socket("connect" if event == "socket.connect" else "listen", *arguments[:2])
        elif event == "socket.getaddrinfo":
            host = arguments[0].decode("ascii", "replace") if isinstance(arguments[0], bytes) else arguments[0]
            if isinstance(host, str) and not self.policy.allows_lookup(host):
                self._tell(f"look up {host}")
        elif event == "subprocess.Popen":
            self._program(arguments[0], arguments[3])
        elif event in ("os.exec", "os.posix_spawn"):
            self._program(arguments[0], arguments[2])

    def _path(self, wish: str, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        full = os.path.realpath(os.fsdecode(path))
        # A descriptor that is open already: a pipe, a file in memory.
        if full.startswith("/proc/") and ("/fd/" in full or ":[" in full):
            return
        if not self.policy.allows(wish, full) and (wish == "write" or os.path.exists(full)):
            self._tell(f"{wish} {full}")

    def _program(self, program: Any, environment: Any) -> None:
        name = os.fsdecode(program)
        folders = [""] if "/" in name else os.get_exec_path(environment)
        found = (os.path.join(folder, name) for folder in folders)
        self._path("read", next((path for path in found if os.path.exists(path)), name))

    def _socket(self, wish: str, socket: Any, address: Any) -> None:
        family = getattr(socket, "family", None)
        if family == _AF_UNIX and isinstance(address, (str, bytes)) and address:
            if getattr(socket, "type", 0) & 0xF != 5:
                self._tell(f"{wish} to the socket {os.fsdecode(address)!r} of this machine")
        elif family in (_AF_INET, _AF_INET6) and getattr(socket, "type", 0) & 0xF == 1:
            host, port = address[:2]
            if wish == "connect" and not self.policy.allows_connection(host, port):
                self._tell(f"connect to {host} port {port}")
            elif wish == "listen" and port not in self.policy.ports["listen"]:
                self._tell(f"listen on {port}")

    def _tell(self, what: str) -> None:
        if what in self.told:
            return
        self.told.add(what)
        # Not by logging, which Locust sets up later and may send elsewhere.
        print(f"tegmen: the sandbox would refuse: {what}", file=sys.stderr, flush=True)


def _shown(path: Any) -> str:
    """What a path, or the descriptor of an open file, means."""
    return os.path.realpath(f"/proc/self/fd/{path}" if isinstance(path, int) else os.fsdecode(path))


def install() -> None:
    """Begins to report, if this run is to."""
    text = os.environ.get(REPORT)
    if text:
        sys.addaudithook(Reporter(Policy(text)))
