"""OpenTelemetry (``locust --otel``, or a script's own): what goes into a span holds neither a placeholder nor a value.

Attributes of spans, of their events (exceptions with their tracebacks) and of log records all become
`BoundedAttributes`; the name of a span and its status are looked at when it ends.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "opentelemetry.attributes":
        _attributes(module.BoundedAttributes, plugin)
    else:
        _spans(module.Span, plugin)


def _attributes(attributes_class: Any, plugin: Plugin) -> None:
    set_item = attributes_class.__setitem__

    @functools.wraps(set_item)
    def set_clean_item(self: Any, key: Any, value: Any) -> None:
        set_item(self, key, _clean(plugin, value))

    attributes_class.__setitem__ = set_clean_item
    # Newer versions take those that an object begins with by another way.
    set_items = getattr(attributes_class, "_set_items", None)
    if set_items is None:
        return

    @functools.wraps(set_items)
    def set_clean_items(self: Any, attributes: Any) -> None:
        set_items(self, {key: _clean(plugin, value) for key, value in attributes.items()})

    attributes_class._set_items = set_clean_items


def _spans(span_class: Any, plugin: Plugin) -> None:
    end = span_class.end

    @functools.wraps(end)
    def clean_end(self: Any, *args: Any, **options: Any) -> None:
        name = plugin.redact(self.name, "telemetry")
        if name is not None:
            self.update_name(name)
        status = self.status
        text = status.description and plugin.redact_cut(status.description, "telemetry")
        if text:
            self._status = type(status)(status.status_code, text)
        end(self, *args, **options)

    span_class.end = clean_end


def _clean(plugin: Plugin, value: Any) -> Any:
    if isinstance(value, str):
        return plugin.redact_cut(value, "telemetry") or value
    if isinstance(value, (bytes, bytearray)):
        text = plugin.redact(bytes(value).decode(errors="surrogateescape"), "telemetry")
        return value if text is None else text.encode(errors="surrogateescape")
    if isinstance(value, (list, tuple)):
        return type(value)([_clean(plugin, one) for one in value])
    if isinstance(value, dict):
        return {key: _clean(plugin, one) for key, one in value.items()}
    return value
