"""Locust's web UI: no page shows a placeholder or a value, and what a page was shown it may send back."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from tegmen import _environ, _session
from tegmen._hooks import locust_access, locust_options, locust_tab
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is None:
        return
    # It lets every page of the world read what this one does.
    module.CORS = _no_cors  # type: ignore[attr-defined]
    locust_tab.install(module.WebUI)
    init = module.WebUI.__init__

    @functools.wraps(init)
    def clean_init(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        locust_access.guard(self, plugin)
        _protect(self, plugin)
        locust_tab.serve(self, plugin)

    module.WebUI.__init__ = clean_init


def _no_cors(*_: Any, **__: Any) -> None:
    """Stands for `flask_cors.CORS` in Locust."""


def _protect(web_ui: Any, plugin: Plugin) -> None:
    from flask import request

    shown = _Shown(plugin)

    @web_ui.app.before_request  # type: ignore[untyped-decorator]
    def take_back() -> None:
        """A field that showed ``[NAME]`` and comes back means what it stood for."""
        shown.look_at(web_ui.environment)
        if request.method != "POST":
            return
        if request.is_json or request.path.endswith("/user"):
            raw = request.get_data(cache=False)
            changed = _taken_back_json(raw, shown)
            request.environ.update({"wsgi.input": io.BytesIO(changed), "CONTENT_LENGTH": str(len(changed))})
            request.__dict__.pop("stream", None)
        elif request.form:
            pairs = [(key, shown.taken_back(key, value)) for key, value in request.form.items(multi=True)]
            request.form = type(request.form)(pairs)

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def clean(response: Any) -> Any:
        headers = [(name, plugin.redact(value, "pages") or value) for name, value in response.headers.items()]
        if headers != list(response.headers.items()):
            # All at once: a header may be there several times.
            response.headers.clear()
            response.headers.extend(headers)
        if response.direct_passthrough:
            # A file, as it lies on the disk.
            return response
        if response.is_streamed:
            response.response = _clean_stream(plugin, response.response)
            return response
        body = response.get_data()
        cleaned = _clean_bytes(plugin, body)
        if cleaned is not body:
            response.set_data(cleaned)
        return response


def _clean_bytes(plugin: Plugin, body: bytes) -> bytes:
    redacted = plugin.redact(body.decode(errors="surrogateescape"), "pages")
    return body if redacted is None else redacted.encode(errors="surrogateescape")


def _clean_stream(plugin: Plugin, pieces: Iterable[Any]) -> Iterator[Any]:
    """Piece by piece: to wait for the next one could be to wait for ever."""
    try:
        for piece in pieces:
            if isinstance(piece, str):
                yield plugin.redact(piece, "pages") or piece
            else:
                yield _clean_bytes(plugin, bytes(piece))
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


class _Shown:
    """What the fields of the page stand for.

    Only what a field held itself comes back: whoever can reach the web UI cannot put one secret in another's place.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        #: For each field what it shows, and what that stands for; also what it showed before somebody changed it.
        self._fields: dict[str, dict[str, str]] = {}

    def look_at(self, environment: Any) -> None:
        """Remembers what the fields hold now."""
        options = vars(environment.parsed_options) if environment.parsed_options else {}
        defaults = _defaults()
        for key, value in (*options.items(), *((key, option["default_value"]) for key, option in defaults.items())):
            is_secret = bool(defaults.get(key, {}).get("is_secret"))
            for one in value if isinstance(value, list) else [value]:
                self._remember(key, one, is_secret)
        hosts = [getattr(user_class, "host", None) for user_class in environment.user_classes]
        for host in (environment.host, *hosts):
            self._remember("host", host)

    def _remember(self, key: str, value: object, is_secret: bool = False) -> None:
        if isinstance(value, str):
            shown = locust_options.masked(self._plugin, key, value) if is_secret else self._plugin.redact(value)
            if shown and shown != value:
                self._fields.setdefault(key, {})[shown] = str.__str__(value)

    def taken_back(self, key: str, value: str) -> str:
        """The text that a field held, for the text that it showed; also when more was written around it."""
        held = self._fields.get(key, {})
        if value in held or key == "host":
            return held.get(value, value)
        for placeholder, secret in _environ.placeholders():
            if any(placeholder in text for text in held.values()):
                value = value.replace(f"[{secret.name}]", placeholder)
        return value


def _defaults() -> dict[str, Any]:
    from locust import argument_parser

    # As the page does; it cannot be asked for when the test was not started from the command line.
    try:
        options: dict[str, Any] = argument_parser.ui_extra_args_dict.__wrapped__()  # type: ignore[attr-defined]
        return options
    except (SystemExit, Exception):
        return {}


def _taken_back_json(body: bytes, shown: _Shown) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return body

    def changed(value: Any, key: str) -> Any:
        if isinstance(value, str):
            return shown.taken_back(key, value)
        if isinstance(value, dict):
            return {name: changed(one, name) for name, one in value.items()}
        return [changed(one, key) for one in value] if isinstance(value, list) else value

    return json.dumps(changed(document, "")).encode()
