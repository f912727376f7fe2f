"""``httpcore`` beneath ``httpx``, sync and async, HTTP/1.1 and HTTP/2, and so the client of OpenAI; ``httpcore2``
beneath ``httpx2`` alike.

A connection fills a copy of the request before it connects: the objects of ``httpx``, its hooks and its exceptions hold
placeholders. A proxy that forwards reads the request, and is asked for as any host is; so is one of SOCKS without TLS.
"""

from __future__ import annotations

import functools
import importlib
import ssl
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _bodies, _errors, _tls
from tegmen._native import Plugin, SecretRefused
from tegmen._origin import usual_port

#: Classes that dial, and where they say to whom.
DIALLING = {
    "connection": ("HTTPConnection", "_origin"),
    "http_proxy": ("TunnelHTTPConnection", "_remote_origin"),
    "socks_proxy": ("Socks5Connection", "_remote_origin"),
}

_told: set[str] = set()


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    for folder, prefix in (("_sync", ""), ("_async", "Async")):
        for file, (name, origin) in DIALLING.items():
            try:
                part = importlib.import_module(f"{module.__name__}.{folder}.{file}")
            except ImportError:
                # SOCKS needs a package of its own.
                continue
            owner = getattr(part, prefix + name, None)
            if owner is not None:
                (_async if prefix else _sync)(owner, origin, plugin)


def _sync(owner: Any, origin: str, plugin: Plugin) -> None:
    handle = owner.handle_request

    @functools.wraps(handle)
    def filling_handle(self: Any, request: Any) -> Any:
        scheme, host, port = _destination(getattr(self, origin))
        fields = _Fields(request.headers)
        body = _known(request.stream)
        if plugin.is_clear(request.url.target, request.headers, body, host) and not _bodies.packs(fields):
            return handle(self, request)
        try:
            body = _bodies.gathered(plugin, body, fields)
            filled = _filled(plugin, self, request, (scheme, host, port), fields, body)
        except BaseException as error:
            failure: BaseException | None = _refused(self, error)
        else:
            if filled is None:
                request.stream = _Body(body)
                return handle(self, request)
            response, failure = _send(plugin, handle, self, filled)
        if failure is not None:
            raise failure
        return response

    owner.handle_request = filling_handle


def _async(owner: Any, origin: str, plugin: Plugin) -> None:
    handle = owner.handle_async_request

    @functools.wraps(handle)
    async def filling_handle(self: Any, request: Any) -> Any:
        scheme, host, port = _destination(getattr(self, origin))
        fields = _Fields(request.headers)
        body = _known(request.stream)
        if plugin.is_clear(request.url.target, request.headers, body, host) and not _bodies.packs(fields):
            return await handle(self, request)
        try:
            body = await _gathered(plugin, body, fields)
            filled = _filled(plugin, self, request, (scheme, host, port), fields, body)
        except BaseException as error:
            failure: BaseException | None = _refused(self, error)
        else:
            if filled is None:
                request.stream = _Body(body)
                return await handle(self, request)
            response, failure = await _send_async(plugin, handle, self, filled)
        if failure is not None:
            raise failure
        return response

    owner.handle_async_request = filling_handle


def _send(plugin: Plugin, handle: Any, connection: Any, filled: Any) -> tuple[Any, BaseException | None]:
    """Never raises: the variables of this frame, and of those below, are values."""
    try:
        return handle(connection, filled), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)


async def _send_async(plugin: Plugin, handle: Any, connection: Any, filled: Any) -> tuple[Any, BaseException | None]:
    """As above. What cancels a task is an exception as well."""
    try:
        return await handle(connection, filled), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)


def _destination(origin: Any) -> tuple[str, str, int]:
    scheme = "https" if origin.scheme in (b"https", b"wss") else "http"
    return scheme, origin.host.decode("latin-1"), origin.port or usual_port(scheme)


def _known(stream: Any) -> Any:
    """The body as bytes where it is at hand: `httpx` and `httpcore` keep it under these names."""
    if isinstance(stream, bytes):
        return stream
    for name in ("_stream", "_content"):
        content = getattr(stream, name, None)
        if isinstance(content, bytes):
            return content
    return stream


def _filled(
    plugin: Plugin, connection: Any, request: Any, destination: tuple[str, str, int], fields: _Fields, body: Any
) -> Any:
    """The request with its values; None when there is no placeholder in it.

    Raises:
        SecretRefused: it may not go there, or not so.
    """
    scheme, host, port = destination
    origin = f"{scheme}://{host}:{port}"
    _errors.check_method(plugin, request.method, origin)
    proxy = getattr(connection, "_proxy_origin", None)
    if proxy is not None and scheme == "http":
        # A SOCKS proxy reads what has no TLS as well: the same question, with its address.
        name = f"[{host}]" if ":" in host else host
        absolute = f"http://{name}:{port}".encode() + request.url.target
        plugin.fill(*_destination(proxy), absolute, fields, _bodies.content(body), look=True)
    filled = plugin.fill(scheme, host, port, request.url.target, fields, _bodies.content(body))
    if filled is None:
        return None
    target, values, new_body, names, tls_unverified = filled
    if scheme == "https" and not tls_unverified and not _verifies(connection, request, host):
        plugin.unsent(names, scheme, host, port)
        raise _tls.not_verified(names, origin)
    changed = dict(values)
    length = None if new_body is None else str(len(new_body)).encode()
    headers = []
    for index, (name, value) in enumerate(request.headers):
        is_length = length is not None and name.lower() == b"content-length"
        headers.append((name, length if is_length else changed.get(index, value)))
    url = request.url
    if target is not None:
        url = type(url)(scheme=url.scheme, host=url.host, port=url.port, target=target)
    extensions = {name: value for name, value in request.extensions.items() if name != "target"}
    if "trace" in extensions:
        extensions["trace"] = _tracing_given(extensions["trace"], request)
    content = _Body(_bodies.replaced(body, new_body))
    return type(request)(request.method, url, headers=headers, content=content, extensions=extensions)


def _tracing_given(trace: Any, given: Any) -> Any:
    """A tracer sees the request as the script has made it."""

    def traced(name: str, info: dict[str, Any]) -> Any:
        return trace(name, {**info, "request": given} if "request" in info else info)

    async def traced_async(name: str, info: dict[str, Any]) -> Any:
        return await trace(name, {**info, "request": given} if "request" in info else info)

    import inspect

    return traced_async if inspect.iscoroutinefunction(trace) else traced


def _verifies(connection: Any, request: Any, host: str) -> bool:
    named = request.extensions.get("sni_hostname")
    if named not in (None, "", host):
        return False
    context = connection._ssl_context
    # None is httpcore's own context, which verifies.
    return context is None or bool(context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname)


def _refused(connection: Any, error: BaseException) -> BaseException:
    """A connection that was not made for a refusal is given back to its pool as one that failed."""
    inner = connection if hasattr(connection, "_connect_failed") else getattr(connection, "_connection", None)
    if inner is not None and hasattr(inner, "_connect_failed") and inner._connection is None:
        inner._connect_failed = True
    if isinstance(error, SecretRefused) and str(error) not in _told:
        # Clients above, such as OpenAI's, say "Connection error" and try again.
        _told.add(str(error))
        _session.logger.error("%s", error)
    return error.with_traceback(None)


class _Fields:
    """Header fields, which are pairs of bytes."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs

    def items(self) -> list[tuple[bytes, bytes]]:
        return self._pairs


class _Body:
    """A body that was searched, for a connection of either kind."""

    __slots__ = ("_body",)

    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        if isinstance(self._body, bytes):
            return iter((self._body,) if self._body else ())
        return iter(self._body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if hasattr(self._body, "__aiter__"):
            async for piece in self._body:
                yield piece
        else:
            for piece in self:
                yield piece


class _WatchedAsync(_bodies.Stream):
    """As :class:`_bodies.Watched`."""

    __slots__ = ("_first", "_pieces", "_plugin")

    def __init__(self, plugin: Plugin, first: bytes, pieces: AsyncIterator[bytes]) -> None:
        self._plugin, self._first, self._pieces = plugin, first, pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail, self._first = self._first, b""
        async for piece in self._pieces:
            tail += piece
            if self._plugin.carries(tail):
                raise _bodies.too_long(self._plugin, tail)
            if len(tail) > _bodies.OVERLAP:
                yield tail[: -_bodies.OVERLAP]
                tail = tail[-_bodies.OVERLAP :]
        yield tail


async def _gathered(plugin: Plugin, body: Any, fields: _Fields) -> Any:
    """As :func:`_bodies.gathered`, for what is read asynchronously."""
    if not hasattr(body, "__aiter__"):
        return _bodies.gathered(plugin, body, fields)
    most = _bodies.LARGEST if _bodies.packs(fields) else _bodies.HELD
    held = bytearray()
    pieces = aiter(body)
    async for piece in pieces:
        held += piece
        if len(held) > most:
            if plugin.carries(held) or most == _bodies.LARGEST:
                raise _bodies.too_long(plugin, bytes(held))
            return _WatchedAsync(plugin, bytes(held), pieces)
    return _bodies.Whole(bytes(held))
