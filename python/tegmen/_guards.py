"""Functions that cannot work with a placeholder say so, with the line of the manifest that helps, instead of computing
something wrong from it: ``hmac`` and ``base64.b64decode`` refuse it (PyJWT goes through the first), ``hashlib`` warns
(digest authentication goes through it, but so do keys of caches, for which a placeholder will do).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from tegmen import _session
from tegmen._native import Plugin
from tegmen._secret import explanation

REFUSING = (
    (hmac, ("new", "digest", "HMAC.__init__")),
    (base64, ("b64decode", "standard_b64decode", "urlsafe_b64decode", "b32decode", "b16decode")),
)
WARNING = ((hashlib, (*sorted(hashlib.algorithms_guaranteed), "new", "pbkdf2_hmac", "scrypt")),)

#: How the functions call the key, or the text.
WORDS = ("key", "s", "string", "data", "password")

_warned: set[tuple[str, str]] = set()


def install(plugin: Plugin) -> None:
    """Puts itself before the functions."""
    for modules, met in ((REFUSING, _refuse), (WARNING, _warn)):
        for module, names in modules:
            for name in names:
                owner: Any = module
                *path, last = name.split(".")
                for part in path:
                    owner = getattr(owner, part)
                function = getattr(owner, last, None)
                if function is not None:
                    setattr(owner, last, _guarded(plugin, function, f"{module.__name__}.{name}", met))


def unguarded(function: Any) -> Any:
    """The function itself."""
    return getattr(function, "_tegmen", function)


def _guarded(
    plugin: Plugin, function: Callable[..., Any], shown: str, met: Callable[[str, str], None]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        # The key or the text: the first argument, behind `self` or the name of an algorithm the second.
        for argument in (*args[:2], *(kwargs[word] for word in WORDS if word in kwargs)):
            if isinstance(argument, (str, bytes, bytearray)) and plugin.carries(argument):
                names = plugin.names_in(argument)
                met(names[0] if names else "a secret", shown)
        # `digestmod=hashlib.sha256`: for the function itself `hmac` knows a quick way.
        args = tuple(unguarded(argument) for argument in args)
        if "digestmod" in kwargs:
            kwargs["digestmod"] = unguarded(kwargs["digestmod"])
        return function(*args, **kwargs)

    guard._tegmen = function  # type: ignore[attr-defined]
    return guard


def _refuse(name: str, shown: str) -> None:
    raise TypeError(explanation(name, shown))


def _warn(name: str, shown: str) -> None:
    if (name, shown) not in _warned:
        _warned.add((name, shown))
        _session.logger.warning("what comes out is not that of the value: %s", explanation(name, shown))
