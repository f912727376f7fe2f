"""What a program of the same user tries against a running broker and the processes below it.

    intruder.py CHANNEL BROKER SHELL PLUGIN

Prints one line of JSON: for each way what came of it. `CHANNEL` is what stands in TEGMEN_CHANNEL.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CHANNEL, BROKER, SHELL, PLUGIN = sys.argv[1], *(int(pid) for pid in sys.argv[2:5])
NUMBER, NAME = CHANNEL.split(",")
HELLO = json.dumps({"version": 2, "package": "intruder"}).encode()
PTRACE_ATTACH, PTRACE_SEIZE, PR_SET_DUMPABLE, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 16, 0x4206, 4, 434, 438


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def failed() -> OSError:
    return OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def call(name, *arguments):
    result = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise failed()
    return result


def steal(pid, number):
    """A copy of another process's descriptor."""
    handle = call("syscall", SYS_PIDFD_OPEN, pid, 0)
    return call("syscall", SYS_PIDFD_GETFD, handle, number, 0)


def ask(channel):
    """Says hello as the plugin does, and tells what the answer brings."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(5)
    socket.send_fds(channel, [HELLO], [theirs.fileno()])
    theirs.close()
    message, descriptors, _, _ = socket.recv_fds(ours, 65536, 16)
    return {"answer": message.decode(), "descriptors": len(descriptors)}


def by_name():
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.settimeout(5)
    channel.connect("\0" + NAME)
    channel.send(HELLO)
    message, descriptors, _, _ = socket.recv_fds(channel, 65536, 16)
    return {"answer": message.decode(), "descriptors": len(descriptors)}


def with_stolen():
    return ask(socket.socket(fileno=steal(SHELL, int(NUMBER))))


def with_stolen_from_a_fork():
    """The asker is gone when the broker looks."""
    channel = socket.socket(fileno=steal(SHELL, int(NUMBER)))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(5)
    if (pid := os.fork()) == 0:
        socket.send_fds(channel, [HELLO], [theirs.fileno()])
        os._exit(0)
    theirs.close()
    os.waitpid(pid, 0)
    message, descriptors, _, _ = socket.recv_fds(ours, 65536, 16)
    return {"answer": message.decode(), "descriptors": len(descriptors)}


def steal_memory(pid):
    taken = []
    for number in range(64):
        try:
            steal(pid, number)
            taken.append(number)
        except OSError as error:
            last = error
    if taken:
        return {"descriptors": len(taken)}
    raise last


def read_memory(pid):
    buffer = ctypes.create_string_buffer(64)
    ours = Vector(ctypes.cast(buffer, ctypes.c_void_p), 64)
    # Where programs usually lie; what counts is the permission, which is asked for first.
    theirs = Vector(0x400000, 64)
    return call("process_vm_readv", pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)


def trace(pid, request):
    call("ptrace", request, pid, 0, 0)
    return "traced"


def look(pid, name):
    path = f"/proc/{pid}/{name}"
    if name in ("fd", "map_files"):
        return {number: os.readlink(f"{path}/{number}") for number in os.listdir(path)}
    with open(path, "rb") as file:
        return len(file.read(100))


def flood():
    """Nonsense of all kinds, and descriptors by the dozen."""
    channel = socket.socket(fileno=steal(SHELL, int(NUMBER)))
    channel.setblocking(False)
    sent = 0
    null = os.open("/dev/null", os.O_RDWR)
    full, _kept = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    full.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            full.send(b"x" * 1000)
    messages = [
        (b"", []),
        (b"x", [null]),
        (b"{}", [null] * 64),
        (HELLO, [null] * 250),
        (HELLO, [full.fileno()]),
        (HELLO, []),
        (b"[" * 60000, [null]),
        (b"\xff" * 150_000, [null]),
        (b'{"tell": "learn", "name": "X", "placeholder": "", "value": "y"}', [null]),
    ]
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        for message, descriptors in messages:
            try:
                socket.send_fds(channel, [message], descriptors)
                sent += 1
            except (BlockingIOError, OSError):
                time.sleep(0.001)
    silent = []
    for _ in range(200):
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        caller.setblocking(False)
        with contextlib.suppress(OSError):
            caller.connect("\0" + NAME)
        silent.append(caller)
    return {"sent": sent, "callers": len(silent)}


WAYS = {
    "by name": by_name,
    "through the descriptor of the shell": with_stolen,
    "through the descriptor, and gone": with_stolen_from_a_fork,
    "flood": flood,
    "through the descriptor after the flood": with_stolen,
}
for who, pid in (("broker", BROKER), ("plugin", PLUGIN)):
    WAYS[f"descriptors of the {who}"] = lambda pid=pid: steal_memory(pid)
    WAYS[f"memory of the {who}"] = lambda pid=pid: read_memory(pid)
    for name in ("mem", "environ", "maps", "fd", "map_files", "auxv", "stack"):
        WAYS[f"/proc/…/{name} of the {who}"] = lambda pid=pid, name=name: look(pid, name)
    WAYS[f"attach to the {who}"] = lambda pid=pid: trace(pid, PTRACE_ATTACH)
    WAYS[f"seize the {who}"] = lambda pid=pid: trace(pid, PTRACE_SEIZE)

if "closed" in sys.argv:
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
signal.alarm(60)
told = {}
for way, work in WAYS.items():
    try:
        told[way] = {"came": work()}
    except OSError as error:
        told[way] = {"error": error.strerror or str(error)}
print(json.dumps(told))
