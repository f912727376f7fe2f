"""``os.environ``: gives placeholders as :class:`Secret`, and takes what a script writes there later into protection.

``load_dotenv()`` and its like write real values into the environment of the process. Where the name is that of a
secret, the placeholder stays; where it is another sensitive name, the value gets a placeholder of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from tegmen import _session
from tegmen._native import BrokerError, Plugin, is_sensitive
from tegmen._secret import Secret

#: A shorter value cannot be told from other text in what the test prints.
SHORTEST = 6

#: Set by ``tegmen run``: the variables that hold placeholders, with commas between them.
VARIABLES = "TEGMEN_VARIABLES"
_OWN = (_session.CHANNEL, VARIABLES, "TEGMEN_WEB_ORIGINS")

#: Variables whose reading asks for the broker.
_waiting: set[str] = set()
_names: dict[str, str] = {}
_placeholders: dict[str, Secret] = {}
_revealed: dict[str, str] = {}
_told: set[str] = set()


def watch() -> None:
    """Puts itself before reading and writing ``os.environ``, ``os.environb`` and ``os.putenv``."""
    _waiting.update(name for name in os.environ.get(VARIABLES, "").split(",") if name)
    environ_type: Any = type(os.environ)
    read, write, put = environ_type.__getitem__, environ_type.__setitem__, os.putenv
    binary = getattr(os, "environb", None)

    def __getitem__(self: Any, key: str) -> str:
        value: str = read(self, key)
        if self is not os.environ:
            return value
        if key in _waiting:
            _first_reading()
        return _revealed[key] if key in _revealed else _placeholders.get(value, value)

    def __setitem__(self: Any, key: Any, value: Any) -> None:
        if self is os.environ or self is binary:
            value = _protected_as_given(key, value)
        write(self, key, value)

    def putenv(key: Any, value: Any, /) -> None:
        put(key, _protected_as_given(key, value))

    environ_type.__getitem__, environ_type.__setitem__ = __getitem__, __setitem__
    os.putenv = putenv


def _first_reading() -> None:
    """A script without Locust reads the variable of a secret: it may be one that is revealed."""
    _waiting.clear()
    if _session.connected() is None and _session.is_run():
        # Without the broker it is a placeholder, as for every program.
        with contextlib.suppress(BrokerError):
            _session.plugin()


def connect(plugin: Plugin) -> None:
    """Learns the secrets of the broker."""
    _waiting.clear()
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


def handed_on(environment: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """An environment for another program: what was revealed to this process alone is a placeholder there, as it is in
    the environment that programs inherit."""
    changed = {}
    for key, value in environment.items():
        name = os.fsdecode(key)
        if name in _revealed and os.fsdecode(value) == _revealed[name]:
            plugin = _session.connected()
            placeholder = plugin.placeholder(_names[name]) if plugin is not None else None
            if placeholder is not None:
                changed[key] = os.fsencode(placeholder) if isinstance(value, bytes) else placeholder
    return {**environment, **changed} if changed else environment


def _protected_as_given(key: Any, value: Any) -> Any:
    if not isinstance(key, (str, bytes)) or not isinstance(value, (str, bytes)):
        return value
    text = os.fsdecode(value)
    protected = _protected(os.fsdecode(key), text)
    if protected is text:
        return value
    return os.fsencode(protected) if isinstance(value, bytes) else protected


def _is_taken(key: str, value: str) -> bool:
    if key in _OWN or len(value) < SHORTEST:
        return False
    return key in _names or is_sensitive(key, value)


def _protected(key: str, value: str) -> str:
    """What to write instead of ``value``."""
    if not _is_taken(key, value):
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
