"""``paho-mqtt``: user name and password of the CONNECT packet. What is published goes as it is, or not at all."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._hooks._destination import Destination, credential, verifies
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    owner: Any = module.Client
    connect = owner._send_connect

    @functools.wraps(connect)
    def filling_connect(self: Any, *args: Any, **options: Any) -> Any:
        given = self._username, self._password
        if plugin.is_clear(*given):
            return connect(self, *args, **options)
        result, failure = _connect_filled(plugin, self, connect, args, options)
        self._username, self._password = given
        if failure is not None:
            _session.logger.error("%s", failure)
            raise failure
        return result

    owner._send_connect = filling_connect


def _connect_filled(
    plugin: Plugin, client: Any, connect: Any, args: Any, options: Any
) -> tuple[Any, BaseException | None]:
    """Never raises: the variables of this frame, and of those below, are values."""
    try:
        context = client._ssl_context
        is_verified = context is not None and verifies(context) and not client._tls_insecure
        destination = Destination.of(client._host, client._port, is_tls=context is not None, is_verified=is_verified)
        client._username = credential(plugin, destination, client._username)
        client._password = credential(plugin, destination, client._password)
        return connect(client, *args, **options), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)
