"""Functions that cannot work with a placeholder say so, with the line of the manifest that helps, instead of computing
something wrong from it: ``hmac`` and ``base64.b64decode`` (PyJWT goes through the first)."""

from __future__ import annotations

import base64
import functools
import hmac
from collections.abc import Callable
from typing import Any

from tegmen._native import Plugin
from tegmen._secret import explanation


def install(plugin: Plugin) -> None:
    """Puts itself before the functions."""
    for module, names in (
        (hmac, ("new", "digest", "HMAC.__init__")),
        (base64, ("b64decode", "standard_b64decode", "urlsafe_b64decode", "b32decode", "b16decode")),
    ):
        for name in names:
            owner: Any = module
            *path, last = name.split(".")
            for part in path:
                owner = getattr(owner, part)
            setattr(owner, last, _guarded(plugin, getattr(owner, last), f"{module.__name__}.{name}"))


def _guarded(plugin: Plugin, function: Callable[..., Any], shown: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        # The key or the text: the first argument, behind `self` for a method.
        for argument in (*args[:2], kwargs.get("key"), kwargs.get("s")):
            if isinstance(argument, (str, bytes, bytearray)) and plugin.carries(argument):
                names = plugin.names_in(argument)
                raise TypeError(explanation(names[0] if names else "a secret", shown))
        return function(*args, **kwargs)

    return guard
