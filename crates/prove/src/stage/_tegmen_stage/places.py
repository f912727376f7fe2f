"""Which lines are the project's, and which of them is being run."""

import os
import sys

from _tegmen_stage.gate import HERE, PLAN

PROJECT = PLAN.get("project", os.getcwd())
_OUTSIDE = {"site-packages", "dist-packages", ".venv", "venv"}
_ours = {}


def relative(path):
    path = os.path.abspath(path)
    prefix = os.path.join(PROJECT, "")
    return path[len(prefix) :] if path.startswith(prefix) else path


def is_ours(path):
    """Whether a file is one of the project's."""
    is_ours = _ours.get(path)
    if is_ours is None:
        whole = os.path.abspath(path)
        is_inside = relative(path) != whole and not whole.startswith(os.path.join(HERE, ""))
        is_ours = is_inside and _OUTSIDE.isdisjoint(whole.split(os.sep)) and os.path.isfile(path)
        _ours[path] = is_ours
    return is_ours


def running_line(frame=None):
    """The line of the project that is being run."""
    frame = frame or sys._getframe(2)
    while frame is not None:
        if is_ours(frame.f_code.co_filename):
            return relative(frame.f_code.co_filename), frame.f_lineno
        frame = frame.f_back
    return None
