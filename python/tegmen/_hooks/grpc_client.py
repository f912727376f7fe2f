"""``grpc``: metadata and messages. Its core connects past Python's sockets: a placeholder is stopped here."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._native import Plugin, SecretRefused

_told: set[str] = set()


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "grpc._compression":
        augment = module.augment_metadata

        @functools.wraps(augment)
        def checking_augment(metadata: Any, *args: Any, **options: Any) -> Any:
            for key, value in metadata or ():
                _check(plugin, value, f"the metadata `{key}`")
            return augment(metadata, *args, **options)

        module.augment_metadata = checking_augment  # type: ignore[attr-defined]
        return
    serialize = module.serialize

    @functools.wraps(serialize)
    def checking_serialize(message: Any, *args: Any, **options: Any) -> Any:
        data = serialize(message, *args, **options)
        _check(plugin, data, "a message")
        return data

    module.serialize = checking_serialize  # type: ignore[attr-defined]


def _check(plugin: Plugin, value: Any, place: str) -> None:
    if isinstance(value, (str, bytes)) and plugin.carries(value):
        name = _errors.name_of(plugin, value)
        message = (
            f"[{name}] was not sent: its placeholder stands in {place} of a gRPC call, in which tegmen does not "
            f"replace it. Hand over {_errors.revealing(name)}"
        )
        if message not in _told:
            # Some clients show what goes wrong as an error of their own, or not at all.
            _told.add(message)
            _session.logger.error("%s", message)
        raise SecretRefused(message)
