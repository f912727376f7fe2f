"""Which lines of the project's files ran."""

import sys

from _tegmen_stage.gate import gate
from _tegmen_stage.places import is_ours, relative


class Lines:
    """Which lines of the project's files ran: each is told once. Python 3.12 has events for that (sys.monitoring),
    which cost nothing once a line has been seen; before it, each call of a function is looked at (sys.settrace).
    """

    def __init__(self):
        self._ran = {}

    def watch(self):
        if hasattr(sys, "monitoring"):
            self._monitor(sys.monitoring)
        elif sys.gettrace() is None:
            import threading

            sys.settrace(self._call)
            threading.settrace(self._call)

    def _monitor(self, monitoring):
        # Somebody else's tool, such as a measurement of coverage, keeps its number.
        for tool in (monitoring.COVERAGE_ID, 3, 4):
            if monitoring.get_tool(tool) is None:
                break
        else:
            return
        monitoring.use_tool_id(tool, "tegmen prove")

        def line(code, number):
            if is_ours(code.co_filename):
                self._tell(code.co_filename, number)
            return monitoring.DISABLE

        monitoring.register_callback(tool, monitoring.events.LINE, line)
        monitoring.set_events(tool, monitoring.events.LINE)

    def _call(self, frame, event, argument):
        path = frame.f_code.co_filename
        if not is_ours(path):
            return None
        self._tell(path, frame.f_lineno)
        return self._line

    def _line(self, frame, event, argument):
        if event == "line":
            self._tell(frame.f_code.co_filename, frame.f_lineno)
        return self._line

    def _tell(self, path, number):
        ran = self._ran.get(path)
        if ran is None:
            ran = self._ran[path] = set()
            gate.tell({"lines": {"path": relative(path), "lines": sorted(self._runnable(path))}})
        if number and number not in ran:
            ran.add(number)
            gate.tell({"line": {"path": relative(path), "lines": [number]}})

    @staticmethod
    def _runnable(path):
        """The lines of a file that have code: those of its functions and classes too."""
        try:
            with open(path, "rb") as file:
                waiting = [compile(file.read(), path, "exec", dont_inherit=True)]
        except (OSError, SyntaxError, ValueError):
            return set()
        lines = set()
        while waiting:
            code = waiting.pop()
            # Where a function or class begins is no line of its own: its definition ran, or it did.
            first = code.co_firstlineno if code.co_name != "<module>" else None
            lines.update(line for _, _, line in code.co_lines() if line and line != first)
            waiting.extend(constant for constant in code.co_consts if hasattr(constant, "co_lines"))
        return lines
