"""Where the hooks take hold, checked as the modules are loaded: a version of Locust or of a client that lacks one of
these is not run unprotected, whatever its number; and a new one that has them all is not turned away for its number.

A point is a name in the module, with the parameters that a hook passes on by their place.
"""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

POINTS: dict[str, tuple[str, ...]] = {
    "locust": ("events",),
    "locust.argument_parser": ("setup_parser_arguments(parser)", "ui_extra_args_dict", "get_empty_argument_parser"),
    "locust.debug": ("run_single_user(user_class)",),
    "locust.event": ("EventHook.fire", "EventHook.add_listener(self, handler)", "Events.__init__(self)"),
    "locust.html": ("get_html_report",),
    "locust.rpc.protocol": ("Message.serialize(self)", "Message.unserialize"),
    "locust.runners": ("Runner.log_exception(self, node_id, msg, formatted_tb)",),
    "locust.stats": ("RequestStats.log_error(self, method, name, error)", "EntriesDict.__missing__(self, key)"),
    "locust.web": (
        "CORS",
        "WebUI.__init__(self, environment, host, port)",
        "WebUI.auth_required_if_enabled(self, view_func)",
        "WebUI.update_template_args(self)",
    ),
    "opentelemetry.attributes": ("BoundedAttributes.__setitem__(self, key, value)",),
    "opentelemetry.sdk.trace": ("Span.end", "Span.update_name"),
    "http.client": ("HTTPConnection.endheaders(self, message_body)", "HTTPConnection._tunnel(self)", "_read_headers"),
    "urllib3.connection": ("HTTPConnection.request(self, method, url)", "HTTPConnection.endheaders"),
    "urllib3.connectionpool": (
        "HTTPConnectionPool._new_conn(self)",
        "HTTPConnectionPool.urlopen(self, method, url, body, headers)",
    ),
    "geventhttpclient.client": (
        "HTTPClient._build_request(self, method, request_uri, body, headers)",
        "HTTPClient.request(self, method, request_uri, body, headers)",
        "HTTPResponse._on_body",
        "HTTPResponse._on_message_complete(self)",
    ),
    "geventhttpclient.connectionpool": ("ConnectionPool._proxy_connect_request", "SSLConnectionPool.__init__"),
    "geventhttpclient.httplib": ("HTTPResponse._on_headers_complete(self)",),
}

_POINT = re.compile(r"([\w.]+)(?:\((.*)\))?")


def missing(module: ModuleType) -> list[str]:
    """The points that the module does not have, or has with other parameters."""
    return [point for point in POINTS.get(module.__name__, ()) if not _is_there(module, point)]


def _is_there(module: ModuleType, point: str) -> bool:
    match = _POINT.fullmatch(point)
    assert match is not None
    found: Any = module
    for part in match[1].split("."):
        found = getattr(found, part, None)
        if found is None:
            return False
    if match[2] is None:
        return True
    try:
        parameters = list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return True
    expected = match[2].split(", ")
    return parameters[: len(expected)] == expected


def told(module: ModuleType, points: list[str]) -> str:
    """The message where some are missing."""
    package = module.__name__.partition(".")[0]
    what = f"{package} {_version(package)}" if package != "http" else "the http.client of this Python"
    return (
        f"{what} has no {', '.join(f'{module.__name__}.{point}' for point in points)}, where tegmen takes hold of it: "
        "secrets could come out. Install a version of it that tegmen knows (see its README), or a newer tegmen"
    )


def _version(package: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"
