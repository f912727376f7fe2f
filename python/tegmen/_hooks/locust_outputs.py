"""Names, failures and exceptions as they enter Locust's statistics, and the messages between its processes.

The statistics feed the console, the web UI, CSV, HTML and JSON: what is clean there is clean everywhere.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tegmen import _environ, _guards, _native, _session
from tegmen._hooks import locust_cluster
from tegmen._native import Plugin

#: Stands for a placeholder in a message to a process of another run, which has placeholders of its own.
MARK = "\u27e6tegmen:"
MARK_END = "\u27e7"
_MARKED = re.compile(f"{MARK}(.+?):([0-9a-f]{{12}}){MARK_END}")

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
        "locust.event": _events,
        "locust.stats": _statistics,
        "locust.runners": _runners,
        "locust.rpc.protocol": _messages,
        "locust.html": _report,
    }
    hooks[module.__name__](module, plugin)


def clean_error(plugin: Plugin, error: Any, channel: str = "failures") -> Any:
    """The exception or text, or what stands for it."""
    if error is None:
        return None
    if isinstance(error, str):
        return plugin.redact_cut(error, channel) or error
    shown, text = repr(error), str(error)
    clean_text = plugin.redact_cut(text, channel)
    # What stands in both is counted once.
    clean_shown = plugin.redact_cut(shown, channel if clean_text is None else None)
    if clean_shown is None and clean_text is None:
        return error
    return RedactedError(clean_text or text, clean_shown or shown)


def _cleaning_names(plugin: Plugin) -> Callable[[Any], Any]:
    """A function that gives the clean name for each name; a test has few of them."""
    names: dict[str, str] = {}

    def clean_name(name: Any) -> Any:
        if not isinstance(name, str):
            return name
        known = names.get(name)
        if known is None:
            known = plugin.redact(name, "statistics") or name
            if len(names) < REMEMBERED:
                names[name] = known
        return known

    return clean_name


def _events(module: ModuleType, plugin: Plugin) -> None:
    """What listeners are told of requests and errors: they write it into files, databases and metrics."""
    init = module.Events.__init__
    clean_name = _cleaning_names(plugin)

    def shown(text: str) -> str:
        # A placeholder is the script's own here: a listener may send it on.
        return text if plugin.carries(text) else plugin.redact_cut(text, "failures") or text

    def clean(channel: str, arguments: dict[str, Any]) -> dict[str, Any]:
        for key in ("request_type", "name"):
            if key in arguments:
                arguments[key] = clean_name(arguments[key])
        if isinstance(arguments.get("url"), str):
            arguments["url"] = plugin.redact(arguments["url"]) or arguments["url"]
        if arguments.get("context"):
            arguments["context"] = _mapped(arguments["context"], shown)
        if arguments.get("exception") is not None:
            arguments["exception"] = clean_error(plugin, arguments["exception"], channel)
        return arguments

    @functools.wraps(init)
    def clean_init(self: Any) -> None:
        init(self)
        self.user_error.fire = firing(self.user_error.fire, "exceptions")
        for_listeners(self.request)

    def firing(fire: Callable[..., Any], channel: str) -> Callable[..., Any]:
        def clean_fire(**arguments: Any) -> Any:
            return fire(**(arguments if _native.is_plain_event(plugin, arguments) else clean(channel, arguments)))

        return clean_fire

    def for_listeners(hook: Any) -> None:
        """Looks at each request once there is somebody to tell: what Locust itself listens with are its statistics,
        which are clean by themselves."""
        fire, add_listener = hook.fire, hook.add_listener

        def clean_add_listener(handler: Any) -> Any:
            if getattr(handler, "__module__", None) != "locust.runners":
                hook.fire = firing(fire, "failures")
            return add_listener(handler)

        hook.add_listener = clean_add_listener

    module.Events.__init__ = clean_init


def _statistics(module: ModuleType, plugin: Plugin) -> None:
    log_error = module.RequestStats.log_error
    missing = module.EntriesDict.__missing__
    clean_name = _cleaning_names(plugin)

    @functools.wraps(log_error)
    def clean_log_error(self: Any, method: str, name: str, error: Any, *args: Any, **kwargs: Any) -> Any:
        clean = clean_error(plugin, error)
        return log_error(self, clean_name(method), clean_name(name), clean, *args, **kwargs)

    @functools.wraps(missing)
    def clean_missing(self: Any, key: Any) -> Any:
        """Every request asks for its entry here. One whose name is not clean never gets one, and so comes by each
        time; the others only once."""
        clean = tuple(clean_name(part) for part in key)
        return missing(self, key) if clean == key else self[clean]

    module.RequestStats.log_error = clean_log_error
    module.EntriesDict.__missing__ = clean_missing


def _runners(module: ModuleType, plugin: Plugin) -> None:
    log_exception = module.Runner.log_exception

    @functools.wraps(log_exception)
    def clean_log_exception(self: Any, node_id: str, msg: str, formatted_tb: str) -> Any:
        texts = (plugin.redact_cut(text, "exceptions") or text for text in (msg, formatted_tb))
        return log_exception(self, node_id, *texts)

    module.Runner.log_exception = clean_log_exception
    locust_cluster.runners(module, plugin)


def _report(module: ModuleType, plugin: Plugin) -> None:
    get_html_report = module.get_html_report

    @functools.wraps(get_html_report)
    def clean_html_report(*args: Any, **kwargs: Any) -> Any:
        report = get_html_report(*args, **kwargs)
        return (plugin.redact(report, "report") or report) if isinstance(report, str) else report

    module.get_html_report = clean_html_report  # type: ignore[attr-defined]


#: Messages that only report what happened. All others carry what the other end works with.
REPORTS = {"stats", "logs", "exception", "heartbeat"}


def _messages(module: ModuleType, plugin: Plugin) -> None:
    """Between master and workers neither placeholders nor values travel. In a report they are shown as in every output.
    In an option, or in what scripts send one another, the secret is named, so that a process under a broker of its own
    puts its own placeholder there."""
    serialize, unserialize = module.Message.serialize, module.Message.unserialize.__func__

    @functools.wraps(serialize)
    def clean_serialize(self: Any) -> Any:
        change = _shown if self.type in REPORTS else _named
        data = _mapped(self.data, lambda text: change(plugin, text))
        if data is self.data:
            return serialize(self)
        return serialize(type(self)(self.type, data, self.node_id))

    @functools.wraps(unserialize)
    def own_unserialize(cls: Any, data: Any) -> Any:
        message = unserialize(cls, data)
        if message.type not in REPORTS:
            message.data = _mapped(message.data, lambda text: _own(plugin, text))
        return message

    module.Message.serialize, module.Message.unserialize = clean_serialize, classmethod(own_unserialize)


def _shown(plugin: Plugin, text: str) -> str:
    return plugin.redact_cut(text, "messages") or text


def _named(plugin: Plugin, text: str) -> str:
    if plugin.redact(text) is None:
        return text
    for placeholder, secret in _environ.placeholders():
        text = text.replace(placeholder, f"{MARK}{secret.name}:{_fingerprint(placeholder)}{MARK_END}")
    for name, _, placeholder, _ in plugin.secrets():
        value = plugin.reveal(name)
        if value is not None and len(value) >= _environ.SHORTEST:
            mark = f"{MARK}{name}:{_fingerprint(placeholder)}{MARK_END}"
            text = text.replace(value.decode(errors="surrogateescape"), mark)
    return plugin.redact(text) or text


def _own(plugin: Plugin, text: str) -> str:
    if MARK not in text:
        return text

    def placeholder(match: re.Match[str]) -> str:
        name, fingerprint = match.groups()
        shared = plugin.placeholder(name)
        revealed = _environ.revealed(name)
        if revealed is not None:
            return revealed
        # Of several that were born under one name, the very one; it is here when this process was forked from the
        # sender. Else the one of that name.
        own = [text for text, secret in _environ.placeholders() if secret.name == name]
        found = next((text for text in own if _fingerprint(text) == fingerprint), shared)
        if found is None and len(own) == 1:
            found = own[0]
        if found is None:
            _session.logger.error(
                "a message from another process names the secret [%s], which this process does not have: a value that "
                "was born in one process stays there. Put it into tegmen.toml, or get it in each process",
                name,
            )
            return match[0]
        return found

    return _MARKED.sub(placeholder, text)


def _fingerprint(placeholder: str) -> str:
    """Tells placeholders apart, and gives nothing of them away: they are random."""
    digest: str = _guards.unguarded(hashlib.sha256)(placeholder.encode()).hexdigest()
    return digest[:12]


def _mapped(data: Any, change: Any) -> Any:
    """The data with every text changed; the same object where nothing was."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, bytes):
        # What is not text is left as it is.
        text = data.decode(errors="surrogateescape")
        changed = change(text)
        return data if changed is text else changed.encode(errors="surrogateescape")
    if isinstance(data, dict):
        pairs = [(_mapped(key, change), _mapped(value, change)) for key, value in data.items()]
        same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, data.items(), strict=True))
        return data if same else dict(pairs)
    if isinstance(data, (list, tuple)):
        items = [_mapped(item, change) for item in data]
        return data if all(a is b for a, b in zip(items, data, strict=True)) else type(data)(items)
    return data
