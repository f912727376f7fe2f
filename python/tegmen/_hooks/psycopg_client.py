"""``psycopg`` and ``psycopg2``: user name and password, before libpq gets them. It connects past Python's sockets."""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._hooks._destination import Destination, credential
from tegmen._native import Plugin, SecretRefused

#: What may be a secret in itself; everything else of a connection string goes as it is, or not at all.
CREDENTIALS = ("user", "password", "sslpassword")


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "psycopg2":
        _psycopg2(module, importlib.import_module("psycopg2.extensions"), plugin)
    else:
        _psycopg(module, plugin)


def _psycopg(module: ModuleType, plugin: Plugin) -> None:
    make = module.make_conninfo

    @functools.wraps(make)
    def filling_make(conninfo: str = "", **parts: Any) -> str:
        if not plugin.is_clear(conninfo, [str(part) for part in parts.values()]):
            given = module.conninfo_to_dict(conninfo) if conninfo else {}
            conninfo, parts = "", _filled(plugin, {**given, **parts})
        elif "password" not in parts:
            _check_environment(plugin)
        result: str = make(conninfo, **parts)
        return result

    module.make_conninfo = filling_make  # type: ignore[attr-defined]


def _psycopg2(module: ModuleType, extensions: ModuleType, plugin: Plugin) -> None:
    connect = module._connect

    @functools.wraps(connect)
    def filling_connect(dsn: str, *args: Any, **options: Any) -> Any:
        if plugin.is_clear(dsn):
            _check_environment(plugin)
            return connect(dsn, *args, **options)
        failure: BaseException | None = None
        try:
            filled = extensions.make_dsn("", **_filled(plugin, extensions.parse_dsn(dsn)))
            return connect(filled, *args, **options)
        except BaseException as error:
            failure = _errors.clean(plugin, error)
        raise failure

    module._connect = filling_connect  # type: ignore[attr-defined]


def _filled(plugin: Plugin, parts: dict[str, Any]) -> dict[str, Any]:
    """The parts of a connection string with their values.

    Raises:
        SecretRefused: one may not go there, or is not where a credential stands.
    """
    host, port = str(parts.get("host") or parts.get("hostaddr") or ""), str(parts.get("port") or 5432)
    is_local = not host or host.startswith(("/", "@"))
    mode = parts.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    # `require` encrypts, and does not look at who is at the other end.
    is_tls = mode in ("require", "verify-ca", "verify-full")
    destination = Destination.of(
        "localhost" if is_local else host,
        int(port) if port.isdecimal() else 5432,
        is_tls=is_tls and not is_local,
        is_verified=mode == "verify-full",
    )
    filled = {}
    for name, part in parts.items():
        if name in CREDENTIALS:
            filled[name] = credential(plugin, destination, part)
        elif plugin.carries(str(part)):
            names = plugin.names_in(str(part))
            raise SecretRefused(f"[{names[0]}] was not sent: it stands in `{name}` of a connection to PostgreSQL")
        else:
            filled[name] = part
    return filled


def _check_environment(plugin: Plugin) -> None:
    """libpq reads this itself, and gets the placeholder."""
    password = os.environ.get("PGPASSWORD", "")
    if password and plugin.carries(password):
        name = plugin.names_in(password)[0]
        raise SecretRefused(
            f"[{name}] was not sent: libpq would take its placeholder from PGPASSWORD for the password. Hand it over: "
            'connect(…, password=os.environ["PGPASSWORD"])'
        )
