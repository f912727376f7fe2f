"""Locust's web UI: no page shows a placeholder or a value, and what a page was shown it may send back."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is None:
        return
    init = module.WebUI.__init__

    @functools.wraps(init)
    def clean_init(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        _protect(self.app, plugin)

    module.WebUI.__init__ = clean_init


def _protect(app: Any, plugin: Plugin) -> None:
    from flask import request

    @app.before_request  # type: ignore[untyped-decorator]
    def take_back() -> None:
        """A field that showed ``[NAME]`` and comes back unchanged means the placeholder."""
        if request.method != "POST" or not request.form:
            return
        shown = {f"[{name}]": placeholder for name, _, placeholder, _ in plugin.secrets()}
        if any(value in shown for value in request.form.values()):
            pairs = [(key, shown.get(value, value)) for key, value in request.form.items(multi=True)]
            request.form = type(request.form)(pairs)

    @app.after_request  # type: ignore[untyped-decorator]
    def clean(response: Any) -> Any:
        for name, value in list(response.headers.items()):
            redacted = plugin.redact(value)
            if redacted is not None:
                response.headers[name] = redacted
        if response.direct_passthrough or response.is_streamed:
            return response
        text = response.get_data(as_text=True)
        redacted = plugin.redact(text)
        if redacted is not None:
            response.set_data(redacted)
        return response
