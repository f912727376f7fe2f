"""Who may use Locust's web UI: pages of other origins may not, nor a page whose name was made to lead here.

Locust answers every page in the browser of whoever runs the test (its CORS header allows all origins), and starts a
test towards any host on anybody's request. Under ``tegmen run`` a browser's request is answered when it comes from the
web UI itself. What is no browser sends none of the headers by which this is told, and is let through: it needs to reach
the port.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any
from urllib.parse import urlsplit

from tegmen import _session
from tegmen._native import Plugin

#: Set by ``tegmen run --web-origin``: with blanks between them.
ORIGINS = "TEGMEN_WEB_ORIGINS"

#: What changes something; older versions of Locust do it on GET.
CHANGING = ("locust.stop", "locust.reset_stats", "locust.swarm", "locust.update_user")

HARMLESS = ("GET", "HEAD", "OPTIONS")

HEADERS = (
    # So that the browser says on every request of the page where it comes from, and nobody else learns the address.
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def guard(web_ui: Any, plugin: Plugin) -> None:
    """Answers only whom it may; to be called before anything else looks at requests."""
    from flask import Response, request

    others = [origin.rstrip("/") for origin in os.environ.get(ORIGINS, "").split()]
    had_target = _has_host(web_ui.environment)

    @web_ui.app.before_request  # type: ignore[untyped-decorator]
    def refuse() -> Any:
        reason = None if web_ui.web_login else _strange_host(request.host, web_ui.host, others)
        reason = reason or _cross_origin(request, others)
        if reason is None:
            if request.endpoint == "locust.swarm" and not had_target and _is_from_here(request):
                _pin(plugin, request.form.get("host"))
            return None
        _session.logger.warning("the web UI refused %s %s: %s", request.method, request.path, reason)
        return Response(f"tegmen: refused: {reason}\n", status=403, mimetype="text/plain")

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def say_so(response: Any) -> Any:
        for name, value in HEADERS:
            response.headers.setdefault(name, value)
        origin = request.headers.get("Origin", "")
        if origin in others:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            response.headers.add("Vary", "Origin")
        return response


def _strange_host(host: str, bound: str | None, others: list[str]) -> str | None:
    """Why the name by which the browser came here is none of ours: somebody's domain can be made to lead to this
    machine, and pages of that domain are then of the same origin (DNS rebinding). An address cannot."""
    name = _name(host)
    if not name or name == "localhost" or name.endswith(".localhost"):
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return None
    own = {_name(bound or ""), socket.gethostname().lower(), *(_name(urlsplit(origin).netloc) for origin in others)}
    if name in own:
        return None
    return (
        f"{name} is not known as a name of this web UI, and somebody else's name could be made to lead here. Use its "
        f"address, or start with `tegmen run --web-origin http://{host} …`, or with --web-login"
    )


def _name(authority: str) -> str:
    """The host in `host:port`, in lower case, without brackets."""
    name = authority.rpartition("@")[2].lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


def _authority(origin: str) -> str | None:
    """Host and port of an origin, the port left out where it is that of the scheme."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return host if port in (None, default) else f"{host}:{port}"


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is that of the web UI, reached under that Host: over which scheme, a proxy may know better."""
    scheme = origin.partition("://")[0]
    return _authority(origin) is not None and _authority(origin) == _authority(f"{scheme}://{host}")


def _cross_origin(request: Any, others: list[str]) -> str | None:
    """Why a request is that of a page which is not the web UI's."""
    headers = request.headers
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    changes = request.method not in HARMLESS or request.endpoint in CHANGING
    if origin is not None and origin in others:
        return None
    if site is not None:
        if site in ("same-origin", "none"):
            return None
        if headers.get("Sec-Fetch-Mode") == "navigate" and not changes:
            # Somebody follows a link.
            return None
        return _told(origin or f"a page of another origin ({site})")
    if origin is not None:
        return None if _is_own(origin, request.host) else _told(origin)
    if changes and request.method in HARMLESS and headers.get("User-Agent", "").startswith("Mozilla/"):
        # A picture in somebody's page can have the browser do this, and need not say whose page it is.
        referer = headers.get("Referer", "")
        if not _is_own(referer, request.host):
            return _told(referer or "a page that does not say which")
    return None


def _told(origin: str) -> str:
    return (
        f"it comes from {origin}, not from the web UI itself. If that is meant, start with "
        "`tegmen run --web-origin ORIGIN …`"
    )


def _is_from_here(request: Any) -> bool:
    """Whether the browser says that the request comes from the web UI's own page."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return bool(site == "same-origin")
    return origin is not None and _is_own(origin, request.host)


def _has_host(environment: Any) -> bool:
    """Whether the test has a target before anybody enters one."""
    classes = getattr(environment, "user_classes", None) or ()
    return bool(environment.host) or any(getattr(user_class, "host", None) for user_class in classes)


def _pin(plugin: Plugin, host: str | None) -> None:
    """The host of the first start, entered by a person in the page, is the test's own target: for good."""
    if not host or plugin.targets():
        return
    if plugin.pin_target(host):
        _session.logger.info("the test's own target is %s from now on, as entered in the web UI", host)
    else:
        _session.logger.warning(
            "%s does not become the test's own target: only https does, or this machine. A secret is sent to plain "
            "http only where its `hosts` say so",
            plugin.redact(host) or host,
        )
