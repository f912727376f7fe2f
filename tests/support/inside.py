"""What malicious code inside the test would try: each attempt, and how it ended. Run inside of `tegmen run`.

Prints a JSON object: each attempt that was asked for, and "done" or the name of the error that stopped it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import socket
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "keyctl": 250, "add_key": 248,
        "request_key": 249, "kexec_load": 246, "kexec_file_load": 320, "mount": 165, "umount2": 166, "pivot_root": 155,
        "chroot": 161, "init_module": 175, "finit_module": 313, "delete_module": 176, "perf_event_open": 298,
        "userfaultfd": 323, "io_uring_setup": 425, "unshare": 272, "setns": 308, "pidfd_getfd": 438, "kcmp": 312,
        "open_by_handle_at": 304, "fsopen": 430, "move_mount": 429, "syslog": 103, "swapon": 167, "iopl": 172,
        "clone3": 435,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "keyctl": 219, "add_key": 217,
        "request_key": 218, "kexec_load": 104, "kexec_file_load": 294, "mount": 40, "umount2": 39, "pivot_root": 41,
        "chroot": 51, "init_module": 105, "finit_module": 273, "delete_module": 106, "perf_event_open": 241,
        "userfaultfd": 282, "io_uring_setup": 425, "unshare": 97, "setns": 268, "pidfd_getfd": 438, "kcmp": 272,
        "open_by_handle_at": 265, "fsopen": 430, "move_mount": 429, "syslog": 116, "swapon": 224, "clone3": 435,
    },
}  # fmt: skip


def call(number: int, *arguments: int) -> str:
    """A system call by its number. With nonsense for arguments it fails anyhow: with EPERM or ENOSYS, by a filter."""
    ctypes.set_errno(0)
    padded = [ctypes.c_long(argument) for argument in (*arguments, *[0] * (6 - len(arguments)))]
    result = LIBC.syscall(ctypes.c_long(number), *padded)
    return "done" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))


def attempt(work: Callable[[], object]) -> str:
    try:
        work()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return "done"


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def write(path: str) -> None:
    with open(path, "w") as file:
        file.write("x")


def connect(host: str, port: str) -> None:
    socket.create_connection((host, int(port)), timeout=5).close()


def listen(port: str) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", int(port)))


def fast_open(host: str, port: str) -> None:
    """A connection without connect(): data in its first packet."""
    with socket.socket() as client:
        client.sendto(b"x", 0x20000000, (host, int(port)))


def multipath(host: str, port: str) -> None:
    """TCP by another name, for which Landlock has no rules."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as client:
        client.connect((host, int(port)))


def datagram(host: str, port: str) -> None:
    """Something that needs no connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", (host, int(port)))


def lookup(name: str) -> None:
    """Asks the machine's server of names, as a name would be used to carry something out. No such name: ENOENT."""
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    servers = [line.split()[1] for line in lines if line.startswith("nameserver")] or ["127.0.0.1"]
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"\x07\x09\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01", (servers[0], 53))
        answer = client.recv(512)
    if answer[3] & 15 or answer[7] == 0:
        raise OSError(errno.ENOENT, name)


def neighbour(path: str) -> None:
    """A socket within the machine, as Docker's or an agent's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)


def lend(path: str) -> None:
    """Gives others rights to a file, beside those of its mode."""
    os.setxattr(path, "system.posix_acl_access", b"\x02\0\0\0" + b"\x01\0\x06\0\xff\xff\xff\xff")


def limit(pid: str) -> None:
    """No time of the processor for a process: as good as a signal that kills it."""
    resource.prlimit(int(pid), resource.RLIMIT_CPU, (1, 1))


ATTEMPTS: dict[str, Callable[..., object]] = {
    "read": read,
    "list": os.listdir,
    "write": write,
    "connect": connect,
    "listen": listen,
    "fast_open": fast_open,
    "multipath": multipath,
    "datagram": datagram,
    "lookup": lookup,
    "neighbour": neighbour,
    "chmod": lambda path, mode: os.chmod(path, int(mode, 8)),
    "fchmod": lambda path, mode: os.fchmod(os.open(path, os.O_RDONLY), int(mode, 8)),
    "chown": lambda path: os.chown(path, os.geteuid(), os.getegid()),
    "lend": lend,
    "limit": limit,
    "signal": lambda pid: os.kill(int(pid), 0),
    "family": lambda family: socket.socket(int(family), socket.SOCK_STREAM).close(),
    "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
}


def main() -> None:
    numbers = NUMBERS.get(platform.machine(), {})
    outcome = {}
    # Not on the command line: what is named there is opened to the command.
    for wish in os.environ["WISHES"].splitlines():
        name, *arguments = wish.split(",")
        if name == "call":
            outcome[wish] = call(numbers[arguments[0]]) if arguments[0] in numbers else "EPERM"
        elif name == "second_numbering":
            outcome[wish] = call(0x40000000 + 39)
        elif name == "capabilities":
            status = Path("/proc/self/status").read_text()
            outcome[wish] = status.split("CapEff:")[1].split()[0] + status.split("CapBnd:")[1].split()[0]
        elif name == "new_namespace":
            outcome[wish] = call(56 if platform.machine() == "x86_64" else 220, 0x10000000)
        else:
            outcome[wish] = attempt(lambda: ATTEMPTS[name](*arguments))  # noqa: B023
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
