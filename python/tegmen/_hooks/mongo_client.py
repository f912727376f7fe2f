"""``pymongo``, sync and async, and so Locust's ``MongoDBUser``: user name and password, where a connection logs in. The
server never gets the password: SCRAM sends a proof that is computed from it. Other placeholders are stopped at the
socket."""

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
    if plugin is None:
        return
    if module.__name__.endswith(".pool"):
        # A connection greets with the name of its user. It keeps what it greeted with: not the password.
        for name in ("Connection", "AsyncConnection"):
            owner: Any = getattr(module, name, None)
            greet = getattr(owner, "_hello", None)
            if greet is not None:
                owner._hello = _filling(plugin, greet, _name_of_user, _with_options)
    elif (authenticate := getattr(module, "authenticate", None)) is not None:
        module.authenticate = _filling(plugin, authenticate, _parts, _with_credentials)  # type: ignore[attr-defined]


def _name_of_user(conn: Any, *_: Any) -> tuple[Any, ...]:
    credentials = conn.opts._credentials
    return () if credentials is None else (credentials.username,)


def _parts(credentials: Any, *_: Any) -> tuple[Any, ...]:
    return (credentials.username, credentials.password)


def _filling(plugin: Plugin, function: Any, parts_of: Any, arguments_of: Any) -> Any:
    """The function with credentials that are values. `parts_of` finds those that it is given; `arguments_of` makes
    arguments with the values, and says how to undo what it took for that."""
    if hasattr(function, "_tegmen"):
        return function

    def carries(*args: Any) -> bool:
        return any(plugin.carries(part or "") for part in parts_of(*args))

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def filling_async(*args: Any, **options: Any) -> Any:
            if not carries(*args):
                return await function(*args, **options)
            result, failure = await _call_async(plugin, function, arguments_of, args, options)
            if failure is not None:
                raise failure
            return result

        filling: Any = filling_async
    else:

        @functools.wraps(function)
        def filling_sync(*args: Any, **options: Any) -> Any:
            if not carries(*args):
                return function(*args, **options)
            result, failure = _call(plugin, function, arguments_of, args, options)
            if failure is not None:
                raise failure
            return result

        filling = filling_sync
    filling._tegmen = True
    return filling


def _call(
    plugin: Plugin, function: Any, arguments_of: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """Never raises: the variables of this frame, and of those below, are values."""
    undo = None
    try:
        filled, undo = arguments_of(plugin, *args)
        return function(*filled, **options), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)
    finally:
        if undo is not None:
            undo()


async def _call_async(
    plugin: Plugin, function: Any, arguments_of: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """As above. What cancels a task is an exception as well."""
    undo = None
    try:
        filled, undo = arguments_of(plugin, *args)
        return await function(*filled, **options), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)
    finally:
        if undo is not None:
            undo()


def _with_credentials(plugin: Plugin, credentials: Any, conn: Any, *rest: Any) -> tuple[tuple[Any, ...], Any]:
    return (_filled(plugin, credentials, conn, "username", "password"), conn, *rest), None


def _with_options(plugin: Plugin, conn: Any, *rest: Any) -> tuple[tuple[Any, ...], Any]:
    options = conn.opts
    conn.opts = _Options(options, _filled(plugin, options._credentials, conn, "username"))
    return (conn, *rest), functools.partial(setattr, conn, "opts", options)


class _Options:
    """The options of a connection, which all of a pool share, with credentials of its own."""

    def __init__(self, options: Any, credentials: Any) -> None:
        self._options, self._credentials = options, credentials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._options, name)


def _filled(plugin: Plugin, credentials: Any, conn: Any, *names: str) -> Any:
    """The credentials with the values of these parts."""
    context = conn.opts._ssl_context
    host, port = conn.address
    destination = Destination.of(
        host, port or 27017, is_tls=context is not None, is_verified=context is not None and verifies(context)
    )
    # A placeholder is more than a `str` to pymongo.
    given = ((name, getattr(credentials, name)) for name in names)
    plain = {name: str.__str__(value) if isinstance(value, str) else value for name, value in given}
    return credentials._replace(**{name: credential(plugin, destination, value) for name, value in plain.items()})
