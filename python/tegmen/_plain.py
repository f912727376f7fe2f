"""Plain ``locust`` with a script that imports ``tegmen``: the process starts itself again under ``tegmen run``.

Protection needs a broker that Locust descends from, in whose hands the values and the outputs are; no process can put
itself under one later. While Locust loads the script it has done nothing yet, so that it can begin anew: same command,
same process id, same terminal. Where something has happened already, it stops and says how to start.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tegmen import _session

#: Set for the second start: a third one would be the beginning of many.
AGAIN = "TEGMEN_STARTED_AGAIN"


def start_again() -> None:
    """To be called at the import of ``tegmen``. Returns where there is nothing to protect: under ``tegmen run``, or in
    a program that is not Locust."""
    if _session.is_run() or not _locust_loads_a_script():
        return
    command = [sys.executable, *sys.orig_argv[1:]]
    reason = _why_not()
    program = _program()
    if reason is None and program is None:
        reason = "its command `tegmen` is not installed beside this Python"
    if reason is not None or program is None:
        _session.stop(
            f"the script imports tegmen, and plain locust cannot be protected here: {reason}. Start the test with "
            "`tegmen run -- locust …`"
        )
    print(
        "tegmen: plain locust: starting again under `tegmen run`. Not protected were the start of Locust and what the "
        "script did before it imported tegmen; `tegmen run -- locust …` protects that too",
        file=sys.stderr,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[AGAIN] = "1"
    try:
        os.execv(program, [program, "run", "--", *command])
    except OSError as error:
        _session.stop(f"{program} cannot be started: {error}")


def _locust_loads_a_script() -> bool:
    """Whether Locust's own program is about to load its script, and nothing else has been done yet."""
    if "locust.main" not in sys.modules:
        return False
    frame = sys._getframe()
    functions = set()
    while frame is not None:
        functions.add((str(frame.f_globals.get("__name__")), frame.f_code.co_name))
        frame = frame.f_back  # type: ignore[assignment]
    is_main = ("locust.main", "main") in functions
    return is_main and any(module.startswith("locust.") and name == "load_locustfile" for module, name in functions)


def _why_not() -> str | None:
    """What keeps the process from beginning anew."""
    if os.environ.get(AGAIN):
        return "it was started under `tegmen run`, which something on the way has taken out of its environment"
    if sys.gettrace() is not None or "pydevd" in sys.modules:
        return "a debugger is attached"
    if not sys.orig_argv or sys.orig_argv[1:2] == ["-"]:
        return "its own command line is not known"
    if _children():
        return "it has started other processes already"
    return None


def _children() -> bool:
    """Whether there are child processes, which would be left without their parent."""
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            if task.read_text().strip():
                return True
        except OSError:
            # This thread has ended, or the kernel does not say.
            continue
    return False


def _program() -> str | None:
    """The command line of this very package."""
    import shutil
    import sysconfig

    folders = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    for folder in folders:
        if os.access(folder / "tegmen", os.X_OK):
            return str(folder / "tegmen")
    return shutil.which("tegmen")
