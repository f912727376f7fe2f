"""Names, failures and exceptions as they enter Locust's statistics, and the messages between its processes.

The statistics feed the console, the web UI, CSV, HTML and JSON: what is clean there is clean everywhere.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._native import Plugin

#: Stands for a placeholder in a message to a process of another run, which has placeholders of its own.
MARK = "\u27e6tegmen:"
MARK_END = "\u27e7"

#: How many distinct names are remembered. A test with more has a name for each request, and asks anew.
REMEMBERED = 10_000


class RedactedError(Exception):
    """Stands for an exception whose text held a secret. Looks as the exception would, with ``[NAME]`` in it."""

    def __init__(self, text: str, shown: str) -> None:
        super().__init__(text)
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is None:
        return
    hooks: dict[str, Any] = {
        "locust.stats": _statistics,
        "locust.runners": _runners,
        "locust.rpc.protocol": _messages,
        "locust.html": _report,
    }
    hooks[module.__name__](module, plugin)


def clean_error(plugin: Plugin, error: Any) -> Any:
    """The exception or text, or what stands for it."""
    if error is None:
        return None
    if isinstance(error, str):
        return plugin.redact(error) or error
    shown, text = repr(error), str(error)
    clean_shown, clean_text = plugin.redact(shown), plugin.redact(text)
    if clean_shown is None and clean_text is None:
        return error
    return RedactedError(clean_text or text, clean_shown or shown)


def _statistics(module: ModuleType, plugin: Plugin) -> None:
    log_request, log_error = module.RequestStats.log_request, module.RequestStats.log_error
    names: dict[str, str] = {}

    def clean_name(name: Any) -> Any:
        if not isinstance(name, str):
            return name
        known = names.get(name)
        if known is None:
            known = plugin.redact(name) or name
            if len(names) < REMEMBERED:
                names[name] = known
        return known

    @functools.wraps(log_request)
    def clean_log_request(self: Any, method: str, name: str, *args: Any, **kwargs: Any) -> Any:
        return log_request(self, method, clean_name(name), *args, **kwargs)

    @functools.wraps(log_error)
    def clean_log_error(self: Any, method: str, name: str, error: Any, *args: Any, **kwargs: Any) -> Any:
        return log_error(self, method, clean_name(name), clean_error(plugin, error), *args, **kwargs)

    module.RequestStats.log_request, module.RequestStats.log_error = clean_log_request, clean_log_error


def _runners(module: ModuleType, plugin: Plugin) -> None:
    log_exception = module.Runner.log_exception

    @functools.wraps(log_exception)
    def clean_log_exception(self: Any, node_id: str, msg: str, formatted_tb: str) -> Any:
        return log_exception(self, node_id, plugin.redact(msg) or msg, plugin.redact(formatted_tb) or formatted_tb)

    module.Runner.log_exception = clean_log_exception


def _report(module: ModuleType, plugin: Plugin) -> None:
    get_html_report = module.get_html_report

    @functools.wraps(get_html_report)
    def clean_html_report(*args: Any, **kwargs: Any) -> Any:
        report = get_html_report(*args, **kwargs)
        return (plugin.redact(report) or report) if isinstance(report, str) else report

    module.get_html_report = clean_html_report  # type: ignore[attr-defined]


def _messages(module: ModuleType, plugin: Plugin) -> None:
    """Between master and workers no placeholder travels. In an option it is named, so that a worker under a broker of
    its own puts its own placeholder there; elsewhere it is shown as in every output."""
    serialize, unserialize = module.Message.serialize, module.Message.unserialize.__func__

    @functools.wraps(serialize)
    def clean_serialize(self: Any) -> Any:
        data = _mapped(self.data, lambda text: _named(plugin, text) if self.type == "spawn" else _shown(plugin, text))
        if data is self.data:
            return serialize(self)
        return serialize(type(self)(self.type, data, self.node_id))

    @functools.wraps(unserialize)
    def own_unserialize(cls: Any, data: Any) -> Any:
        message = unserialize(cls, data)
        if message.type == "spawn":
            message.data = _mapped(message.data, lambda text: _own(plugin, text))
        return message

    module.Message.serialize, module.Message.unserialize = clean_serialize, classmethod(own_unserialize)


def _shown(plugin: Plugin, text: str) -> str:
    return plugin.redact(text) or text


def _named(plugin: Plugin, text: str) -> str:
    if not plugin.carries(text):
        return plugin.redact(text) or text
    for name, _, placeholder, _ in plugin.secrets():
        text = text.replace(placeholder, f"{MARK}{name}{MARK_END}")
    return plugin.redact(text) or text


def _own(plugin: Plugin, text: str) -> str:
    if MARK not in text:
        return text
    for name, _, placeholder, _ in plugin.secrets():
        text = text.replace(f"{MARK}{name}{MARK_END}", placeholder)
    return text


def _mapped(data: Any, change: Any) -> Any:
    """The data with every text changed; the same object where nothing was."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        pairs = [(_mapped(key, change), _mapped(value, change)) for key, value in data.items()]
        same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, data.items(), strict=True))
        return data if same else dict(pairs)
    if isinstance(data, (list, tuple)):
        items = [_mapped(item, change) for item in data]
        return data if all(a is b for a, b in zip(items, data, strict=True)) else type(data)(items)
    return data
