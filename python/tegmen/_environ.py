"""``os.environ``: gives placeholders as :class:`Secret`, and takes what a script writes there later into protection.

``load_dotenv()`` and its like write real values into the environment of the process. Where the name is that of a
secret, the placeholder stays; where it is another sensitive name, the value gets a placeholder of its own.
"""

from __future__ import annotations

import os
from typing import Any

from tegmen import _session
from tegmen._native import Plugin, is_sensitive_name
from tegmen._secret import Secret

#: A shorter value cannot be told from other text in what the test prints.
SHORTEST = 6

_names: dict[str, str] = {}
_placeholders: dict[str, Secret] = {}
_revealed: dict[str, str] = {}
_told: set[str] = set()


def watch() -> None:
    """Puts itself before reading and writing ``os.environ``."""
    environ_type: Any = type(os.environ)
    read, write = environ_type.__getitem__, environ_type.__setitem__

    def __getitem__(self: Any, key: str) -> str:
        value: str = read(self, key)
        if self is os.environ:
            if key in _revealed:
                return _revealed[key]
            return _placeholders.get(value, value)
        return value

    def __setitem__(self: Any, key: str, value: str) -> None:
        if self is os.environ and isinstance(key, str) and isinstance(value, str):
            value = _protected(key, value)
        write(self, key, value)

    environ_type.__getitem__, environ_type.__setitem__ = __getitem__, __setitem__


def connect(plugin: Plugin) -> None:
    """Learns the secrets of the broker."""
    files = dict(plugin.files())
    for name, variables, placeholder, reveal in plugin.secrets():
        secret = Secret(placeholder, name)
        _placeholders[placeholder] = secret
        for variable in variables:
            _names[variable] = name
            if name in files:
                # Not a secret: a path that this process and its forks alone can open.
                _revealed[variable] = f"/proc/self/fd/{files[name]}"
            elif reveal:
                # Not into the C environment: what this process starts gets the placeholder.
                value = plugin.reveal(name)
                if value is not None:
                    _revealed[variable] = value.decode(errors="surrogateescape")


def placeholders() -> list[tuple[str, Secret]]:
    """All placeholders that this process knows, with their secrets; the longest first."""
    return sorted(_placeholders.items(), key=lambda item: -len(item[0]))


def known(text: str) -> Any:
    """The secret whose placeholder this is, else the text."""
    return _placeholders.get(text, text)


def revealed(name: str) -> str | None:
    """What Python code reads in the variable of that secret, where it is not the placeholder."""
    return next(
        (_revealed[variable] for variable, owner in _names.items() if owner == name and variable in _revealed), None
    )


def remember(placeholder: str, name: str) -> Secret:
    """A placeholder that was born in this process."""
    return _placeholders.setdefault(placeholder, Secret(placeholder, name))


def _protected(key: str, value: str) -> str:
    """What to write instead of ``value``."""
    if key == _session.CHANNEL or len(value) < SHORTEST or not (key in _names or is_sensitive_name(key)):
        return value
    plugin = _session.connected() or (_session.plugin_or_stop() if _session.is_run() else None)
    if plugin is None or plugin.carries(value):
        return value
    name = _names.get(key)
    if name is not None:
        plugin.learn(name, value)
        if key not in _told:
            _told.add(key)
            _session.logger.warning(
                "the script wrote %s into the environment (load_dotenv?); the value from the source of [%s] stays",
                key,
                name,
            )
        return plugin.placeholder(name) or value
    placeholder = plugin.protect(key, value)
    remember(placeholder, key)
    return placeholder
