"""``grpc``: metadata and messages. Its core connects past Python's sockets: a placeholder is stopped here."""

from __future__ import annotations

import functools
from collections.abc import Iterator
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
        # What every call of `grpc` passes, behind its interceptors.
        augment = module.augment_metadata

        @functools.wraps(augment)
        def checking_augment(metadata: Any, *args: Any, **options: Any) -> Any:
            # It may be there to be read once.
            return augment(_checked(plugin, metadata), *args, **options)

        module.augment_metadata = checking_augment  # type: ignore[attr-defined]
    elif module.__name__ == "grpc.aio._call":
        # The same of `grpc.aio`.
        init = module.Call.__init__

        @functools.wraps(init)
        def checking_init(self: Any, call: Any, metadata: Any, *args: Any, **options: Any) -> None:
            init(self, call, _checked(plugin, metadata), *args, **options)

        module.Call.__init__ = checking_init
    elif module.__name__ == "grpc._plugin_wrapping":
        # What credentials that a script computes pass, perhaps in a thread of their own: a call waits for an answer.
        answer = module._AuthMetadataPluginCallback.__call__

        @functools.wraps(answer)
        def checking_answer(self: Any, metadata: Any, error: Any) -> None:
            try:
                metadata = _checked(plugin, metadata)
            except SecretRefused as refused:
                metadata, error = None, refused
            answer(self, metadata, error)

        module._AuthMetadataPluginCallback.__call__ = checking_answer
    else:
        _messages(module, plugin)


def _messages(module: ModuleType, plugin: Plugin) -> None:
    serialize = module.serialize

    @functools.wraps(serialize)
    def checking_serialize(message: Any, *args: Any, **options: Any) -> Any:
        data = serialize(message, *args, **options)
        _check(plugin, data, "a message")
        return data

    module.serialize = checking_serialize  # type: ignore[attr-defined]


def _checked(plugin: Plugin, metadata: Any) -> Any:
    """The metadata, which holds no placeholder."""
    if isinstance(metadata, Iterator):
        metadata = tuple(metadata)
    for key, value in metadata or ():
        _check(plugin, value, f"the metadata `{key}`")
    return metadata


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
