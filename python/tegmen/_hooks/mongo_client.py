"""``pymongo``, sync and async, and so Locust's ``MongoDBUser``: the password, where a connection logs in. The server
never gets it: SCRAM sends a proof that is computed from it. Other placeholders are stopped at the socket."""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._hooks._destination import Destination, credential, verifies
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    authenticate = getattr(module, "authenticate", None)
    if plugin is None or authenticate is None or hasattr(authenticate, "_tegmen"):
        return
    if inspect.iscoroutinefunction(authenticate):

        @functools.wraps(authenticate)
        async def filling_authenticate_async(credentials: Any, conn: Any, *args: Any, **options: Any) -> None:
            if not plugin.carries(credentials.password or ""):
                await authenticate(credentials, conn, *args, **options)
            elif failure := await _log_in_async(plugin, authenticate, credentials, conn, *args, **options):
                raise failure

        filling: Any = filling_authenticate_async
    else:

        @functools.wraps(authenticate)
        def filling_authenticate(credentials: Any, conn: Any, *args: Any, **options: Any) -> None:
            if not plugin.carries(credentials.password or ""):
                authenticate(credentials, conn, *args, **options)
            elif failure := _log_in(plugin, authenticate, credentials, conn, *args, **options):
                raise failure

        filling = filling_authenticate
    filling._tegmen = True
    module.authenticate = filling  # type: ignore[attr-defined]


def _log_in(
    plugin: Plugin, authenticate: Any, credentials: Any, conn: Any, *args: Any, **options: Any
) -> BaseException | None:
    """Never raises: the variables of this frame, and of those below, are values."""
    try:
        authenticate(_filled(plugin, credentials, conn), conn, *args, **options)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


async def _log_in_async(
    plugin: Plugin, authenticate: Any, credentials: Any, conn: Any, *args: Any, **options: Any
) -> BaseException | None:
    """As above. What cancels a task is an exception as well."""
    try:
        await authenticate(_filled(plugin, credentials, conn), conn, *args, **options)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


def _filled(plugin: Plugin, credentials: Any, conn: Any) -> Any:
    """The credentials with the value."""
    context = conn.opts._ssl_context
    host, port = conn.address
    destination = Destination.of(
        host, port or 27017, is_tls=context is not None, is_verified=context is not None and verifies(context)
    )
    password = credential(plugin, destination, str.__str__(credentials.password))
    return credentials._replace(password=password)
