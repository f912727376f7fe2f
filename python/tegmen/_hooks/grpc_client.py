"""``grpc``: metadata and messages. Its core connects past Python's sockets: a placeholder is stopped here."""

from __future__ import annotations

import functools
from collections.abc import Callable
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

    def check_metadata(metadata: Any) -> None:
        for key, value in metadata or ():
            _check(plugin, value, f"the metadata `{key}`")

    def check_call(_: Any, __: Any, metadata: Any = None, *___: Any) -> None:
        check_metadata(metadata)

    def check_credentials(_: Any, metadata: Any, *__: Any) -> None:
        check_metadata(metadata)

    #: What every call passes, of `grpc` and of `grpc.aio` behind its interceptors; and what credentials that a script
    #: computes pass.
    points: dict[str, tuple[Any, str, Callable[..., None]]] = {
        "grpc._compression": (module, "augment_metadata", lambda metadata, *_: check_metadata(metadata)),
        "grpc.aio._call": (getattr(module, "Call", None), "__init__", check_call),
        "grpc._plugin_wrapping": (getattr(module, "_AuthMetadataPluginCallback", None), "__call__", check_credentials),
    }
    if module.__name__ in points:
        owner, name, check = points[module.__name__]
        if owner is not None:
            setattr(owner, name, _checking(getattr(owner, name), check))
        return
    serialize = module.serialize

    @functools.wraps(serialize)
    def checking_serialize(message: Any, *args: Any, **options: Any) -> Any:
        data = serialize(message, *args, **options)
        _check(plugin, data, "a message")
        return data

    module.serialize = checking_serialize  # type: ignore[attr-defined]


def _checking(function: Any, check: Callable[..., None]) -> Any:
    @functools.wraps(function)
    def checking(*args: Any, **options: Any) -> Any:
        check(*args, *(options["metadata"],) if "metadata" in options else ())
        return function(*args, **options)

    return checking


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
