"""Starting other programs: a copy of ``os.environ`` that is handed to one holds placeholders, also where Python code
reads the value itself (``reveal = true``)."""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from tegmen import _environ


def apply(module: ModuleType) -> None:
    if module.__name__ == "os":
        # `posix_spawnp` and all of `exec*` and `spawn*` with an environment come down to these.
        for name in ("execve", "posix_spawn", "posix_spawnp"):
            _watch(module, name, 2)
    else:
        init = module.Popen.__init__
        _watch(module.Popen, "__init__", list(inspect.signature(init).parameters).index("env"))


def _watch(owner: Any, name: str, place: int) -> None:
    """`place` is the position of the environment among the arguments."""
    function = getattr(owner, name, None)
    if function is None or hasattr(function, "_tegmen"):
        return

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("env"):
            kwargs["env"] = _environ.handed_on(kwargs["env"])
        elif len(args) > place and args[place]:
            args = (*args[:place], _environ.handed_on(args[place]), *args[place + 1 :])
        return function(*args, **kwargs)

    watched._tegmen = True  # type: ignore[attr-defined]
    setattr(owner, name, watched)
