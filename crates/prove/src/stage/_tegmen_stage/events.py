"""What Python's audit events tell (PEP 578): files that are opened, hosts that are dialled, programs that are started;
and which line of the project it was."""

import os
import sys

from _tegmen_stage.gate import PLAN, gate
from _tegmen_stage.places import running_line
from _tegmen_stage.said import say


def watch_events():
    """Files that are opened, hosts that are dialled, programs that are started: which line of the project it was."""
    writing = os.O_WRONLY | os.O_RDWR
    known, opened, overwritten = set(), {}, {}

    def tell_opened(path, place):
        file = os.path.abspath(os.fsdecode(path))
        opened[file] = place
        gate.tell({"opened": {"file": file, "path": place[0], "line": place[1]}})

    def overwriting(file):
        """What a line wrote is looked at before it is overwritten: again and again is often enough."""
        if file in opened and overwritten.setdefault(file, 0) < 60 and os.path.isfile(file):
            overwritten[file] += 1
            gate.tell({"removing": file}, answered=True)

    def started(program, words, environment):
        """What others see of a program while it runs, however short that is. What it inherits is not in here."""
        place = running_line(sys._getframe(2))
        told = {"program": os.fsdecode(program), "words": f"{words}", "environment": f"{environment or ''}"}
        if place is not None:
            told["path"], told["line"] = place
        gate.tell({"started": told})

    def at(path, folder):
        """The file that such a path means, seen from that folder."""
        folder = os.getcwd() if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
        return os.path.normpath(os.path.join(folder, os.fsdecode(path)))

    def told(event, arguments):
        try:
            if event == "open":
                path, mode, flags = arguments
                is_written = (isinstance(mode, str) and not set(mode).isdisjoint("wax+")) or (flags or 0) & writing
                if not is_written or isinstance(path, int):
                    return
                if (flags or 0) & os.O_TRUNC:
                    overwriting(os.path.abspath(os.fsdecode(path)))
                if (event, path) in known:
                    return
                place = running_line(sys._getframe(1))
                if place is not None:
                    known.add((event, path))
                    tell_opened(path, place)
            elif event == "sqlite3.connect":
                place = running_line(sys._getframe(1))
                if place is not None:
                    tell_opened(arguments[0], place)
            elif event == "os.remove":
                # It is looked at while it is there.
                file = at(*arguments)
                if file in opened:
                    gate.tell({"removing": file}, answered=True)
            elif event == "os.rename":
                old, new, from_folder, to_folder = arguments
                overwriting(at(new, to_folder))
                place = opened.get(at(old, from_folder))
                if place is not None:
                    tell_opened(at(new, to_folder), place)
            elif event == "os.truncate":
                if isinstance(arguments[0], (str, bytes)):
                    overwriting(os.path.abspath(os.fsdecode(arguments[0])))
            elif event == "os.system":
                started("sh", arguments[0], None)
            elif event in ("os.exec", "os.posix_spawn"):
                started(*arguments)
            elif event in ("socket.connect", "socket.sendto"):
                address = arguments[1]
                is_path = isinstance(address, (str, bytes)) and address != "\0" + PLAN["gate"]
                if is_path and (event, address) not in known:
                    known.add((event, address))
                    place = running_line(sys._getframe(1))
                    if place is not None:
                        socket = os.fsdecode(address)
                        told = {"what": f"went to the socket {socket}", "path": place[0], "line": place[1]}
                        gate.tell({"unwatched": {"socket": socket, **told}})
                host = address[0] if isinstance(address, tuple) else None
                if host is None or (event, host) in known:
                    return
                place = running_line(sys._getframe(1))
                if place is not None:
                    known.add((event, host))
                    gate.tell({"dialled": {"address": str(host), "path": place[0], "line": place[1]}})
            elif event == "subprocess.Popen":
                program, words, _, environment = arguments
                started(program, words, environment)
            elif event == "syslog.syslog":
                say(("system-log",), str(arguments[-1]), running_line(sys._getframe(1)))
        except Exception:
            # It watches; whatever goes wrong in here is not the test's.
            return

    sys.addaudithook(told)


def on_shared_memory(module):
    """Memory that has a name is a file for everybody else, and no event tells of it."""
    open_, unlink = module.shm_open, module.shm_unlink

    def file(path):
        return os.path.join("/dev/shm", os.fsdecode(path).lstrip("/"))

    def shm_open(path, *args, **kwargs):
        descriptor = open_(path, *args, **kwargs)
        place = running_line()
        if place is not None:
            gate.tell({"opened": {"file": file(path), "path": place[0], "line": place[1]}})
        return descriptor

    def shm_unlink(path):
        # Mostly it is a process of multiprocessing that removes what is left.
        gate.tell({"removing": file(path)}, answered=True)
        return unlink(path)

    module.shm_open, module.shm_unlink = shm_open, shm_unlink
