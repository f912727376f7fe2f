"""The code that goes along in the processes of a test, alone: what it tells of lines, by each of Python's two ways."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

STAGE = Path(__file__).parent.parent / "crates" / "prove" / "src" / "stage"

SCRIPT = """
def used(value):
    if value:
        return 1
    return 2

def unused():
    return 3

used(True)
"""

#: `sys.monitoring` (PEP 669) as far as lines need it, for a Python that has none: made of `sys.settrace`.
MONITORING = """
import sys
import types

class Monitoring:
    COVERAGE_ID, DISABLE = 1, object()
    events = types.SimpleNamespace(LINE=32)

    def __init__(self):
        self.tools, self.callback, self.disabled = {}, None, set()

    def get_tool(self, number):
        return self.tools.get(number)

    def use_tool_id(self, number, name):
        assert number not in self.tools
        self.tools[number] = name

    def register_callback(self, number, event, callback):
        assert number in self.tools and event == self.events.LINE
        self.callback = callback

    def set_events(self, number, events):
        assert events == self.events.LINE
        sys.settrace(self.trace)

    def trace(self, frame, event, argument):
        place = (frame.f_code, frame.f_lineno)
        if event == "line" and place not in self.disabled:
            if self.callback(*place) is self.DISABLE:
                self.disabled.add(place)
        return self.trace

sys.monitoring = Monitoring()
sys.monitoring.tools.update({1: "coverage"} if TAKEN else {})
"""


def told(folder: Path, before: str = "") -> list[dict[str, object]]:
    """What the stage tells while a script runs."""
    project = folder / "project"
    project.mkdir()
    (project / "script.py").write_text(SCRIPT)
    name = f"tegmen-gate-of-{folder.name}"
    messages: list[dict[str, object]] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()

        def hear() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile() as lines:
                messages.extend(json.loads(line) for line in lines)

        hearing = threading.Thread(target=hear)
        hearing.start()
        plan = json.dumps({"gate": name, "project": str(project)})
        start = f"""
import runpy, sys
sys.path.insert(0, {str(STAGE)!r})
runpy.run_path({str(STAGE / "sitecustomize.py")!r})
runpy.run_path({str(project / "script.py")!r})
"""
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(before) + start],
            env={"TEGMEN_STAGE": plan},
            check=True,
            timeout=30,
        )
        hearing.join(10)
    return messages


def lines(messages: list[dict[str, object]], kind: str) -> list[int]:
    found = [message[kind] for message in messages if kind in message]
    return sorted(line for one in found if one["path"] == "script.py" for line in one["lines"])  # type: ignore[index]


@pytest.mark.parametrize("before", ["", "TAKEN = False\n" + MONITORING, "TAKEN = True\n" + MONITORING])
def test_each_line_is_told_once(tmp_path: Path, before: str) -> None:
    messages = told(tmp_path, before)
    assert lines(messages, "lines") == [2, 3, 4, 5, 7, 8, 10]
    assert lines(messages, "line") == [2, 3, 4, 7, 10]
