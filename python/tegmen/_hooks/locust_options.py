"""Locust's options: web UI and master listen on this machine unless they are told otherwise, and what is marked as
secret is not in the page."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _environ, _session
from tegmen._native import Plugin

LOOPBACK = "127.0.0.1"

#: Locust listens on all addresses by default, without a login.
DEFAULTS = {"web_host": LOOPBACK, "master_bind_host": LOOPBACK}


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is None:
        return
    set_up, shown = module.setup_parser_arguments, module.ui_extra_args_dict

    @functools.wraps(set_up)
    def set_up_on_this_machine(parser: Any) -> None:
        set_up(parser)
        parser.set_defaults(**DEFAULTS)

    @functools.wraps(shown)
    def shown_without_secrets(*args: Any, **kwargs: Any) -> Any:
        options = shown(*args, **kwargs)
        for name, option in options.items():
            if option.get("is_secret"):
                option["default_value"] = masked(plugin, name, option["default_value"])
        return options

    module.setup_parser_arguments = set_up_on_this_machine  # type: ignore[attr-defined]
    module.ui_extra_args_dict = shown_without_secrets  # type: ignore[attr-defined]


def masked(plugin: Plugin, name: str, value: Any) -> Any:
    """What a page shows in the place of an option that is marked as secret."""
    if isinstance(value, list):
        return [masked(plugin, name, one) for one in value]
    if not isinstance(value, str) or not value:
        return value
    return plugin.redact(value) or f"[{name.upper()}]"


def learn_secret_options(plugin: Plugin, environment: Any) -> None:
    """Lets every output be searched for the options that are marked as secret, as the test was started with them. Not
    for what is entered in the web UI: whoever can do that could have anything masked."""
    options = vars(environment.parsed_options) if environment.parsed_options else {}
    for name in secret_options():
        value = options.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and len(one) >= _environ.SHORTEST and plugin.redact(one) is None:
                plugin.learn(name.upper(), one)


def secret_options() -> list[str]:
    """The names of the options that are marked as secret."""
    from locust import argument_parser

    # It cannot be asked when the test was not started from the command line.
    try:
        options = argument_parser.ui_extra_args_dict.__wrapped__()  # type: ignore[attr-defined]
    except (SystemExit, Exception):
        return []
    return [name for name, option in options.items() if option.get("is_secret")]


def say_who_can_connect(environment: Any) -> None:
    """Tells where the web UI and the master listen, as far as somebody should know."""
    web_ui, options = environment.web_ui, environment.parsed_options
    if web_ui is not None and not web_ui.web_login and not _is_local(web_ui.host):
        _session.logger.warning(
            "the web UI listens on %s without a login: whoever reaches it can start and stop the test and read its "
            "logs. Add --web-login, or leave --web-host out",
            web_ui.host or "all addresses",
        )
    is_master = bool(getattr(options, "master", False)) and not getattr(options, "processes", None)
    if is_master and getattr(options, "master_bind_host", None) == LOOPBACK:
        _session.logger.info(
            "the master listens on this machine only (%s); for workers on others start it with --master-bind-host",
            LOOPBACK,
        )


def _is_local(host: str | None) -> bool:
    return host is not None and (host == "localhost" or host.startswith("127.") or host == "::1")
