"""``redis``, sync and async: the arguments of commands, AUTH among them, before their lengths are written."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks._destination import Destination, credential, verifies
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    owner: Any = module.AbstractConnection
    if module.__name__ == "redis.asyncio.connection":
        _async(owner, plugin)
        return
    construct = owner._construct_command_packer

    @functools.wraps(construct)
    def filling_construct(self: Any, *args: Any, **options: Any) -> Any:
        return _Packer(plugin, self, construct(self, *args, **options))

    owner._construct_command_packer = filling_construct


def _async(owner: Any, plugin: Plugin) -> None:
    """That of asyncio packs by itself."""
    pack = owner.pack_command

    @functools.wraps(pack)
    def filling_pack(self: Any, *args: Any) -> Any:
        return pack(self, *_filled(plugin, self, args))

    owner.pack_command = filling_pack


def _filled(plugin: Plugin, connection: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a command with their values."""
    if not any(isinstance(arg, (str, bytes, bytearray)) and plugin.carries(arg) for arg in args):
        return args
    destination = _destination(connection)
    return tuple(credential(plugin, destination, arg) for arg in args)


class _Packer:
    """Packs a command with its values."""

    def __init__(self, plugin: Plugin, connection: Any, packer: Any) -> None:
        self._plugin, self._connection, self._packer = plugin, connection, packer

    def pack(self, *args: Any) -> Any:
        return self._packer.pack(*_filled(self._plugin, self._connection, args))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packer, name)


def _destination(connection: Any) -> Destination:
    host = getattr(connection, "host", None)
    if host is None:
        # A socket of this machine.
        return Destination.of("localhost", 6379, is_tls=False, is_verified=False)
    ssl_context = getattr(connection, "ssl_context", None)
    is_tls = ssl_context is not None or type(connection).__name__.startswith("SSL")
    if ssl_context is not None and hasattr(ssl_context, "get"):
        # That of asyncio keeps how it is to be made.
        is_verified = verifies(ssl_context.get())
    else:
        is_verified = bool(getattr(connection, "check_hostname", False))
    return Destination.of(host, int(connection.port), is_tls=is_tls, is_verified=is_verified)
