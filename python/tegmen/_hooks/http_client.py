"""``http.client``, and with it ``urllib.request``, ``xmlrpc.client`` and what else of the standard library speaks HTTP.

``urllib3`` builds on it as well: its requests come by here filled already.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tegmen import _native, _session
from tegmen._hooks import _answers, _bodies, _errors, _tls
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    connection_class: Any = module.HTTPConnection
    # Whether the request whose answer is awaited carried a secret.
    connection_class._tegmen_carried = False
    # Whether what the request carries was counted with its body.
    connection_class._tegmen_counted = False
    # Where it leads: a socket, and where that was connected to.
    connection_class._tegmen_destination = None
    end, tunnel = connection_class.endheaders, connection_class._tunnel
    getresponse = connection_class.getresponse

    @functools.wraps(end)
    def filling_end(self: Any, message_body: Any = None, **options: Any) -> Any:
        plugin = _plugin()
        if plugin is None:
            return end(self, message_body, **options)
        lines = self._buffer
        body = message_body
        if body is None:
            head = b"\r\n".join(lines)
            carried = _native.carried(plugin, head, self.host)
            if carried != _answers.PLACEHOLDER:
                if carried:
                    self._tegmen_carried = True
                return end(self, **options)
            failure = send_head(plugin, self, end, head, destination(self), is_verified, options)
        else:
            body = _bodies.gathered(plugin, body, _Fields(lines[1:]))
            carried = _native.carried(plugin, lines, _bodies.content(body), self.host)
            if carried != _answers.PLACEHOLDER and not _is_packed(lines):
                if carried:
                    self._tegmen_carried = True
                return end(self, body, **options)
            failure = _send_filled(plugin, self, end, body, options)
        if failure is not None:
            # Nothing was sent, or not all of it: what follows must not be taken for the rest.
            del self._buffer[:]
            self.close()
            raise failure
        return None

    @functools.wraps(tunnel)
    def filling_tunnel(self: Any) -> Any:
        plugin = _session.connected()
        if plugin is None or plugin.is_clear(self._tunnel_headers):
            return tunnel(self)
        given = self._tunnel_headers
        failure = _connect_filled(plugin, self, tunnel)
        self._tunnel_headers = given
        if failure is not None:
            raise failure
        return None

    @functools.wraps(getresponse)
    def watching_getresponse(self: Any) -> Any:
        failure: BaseException | None = None
        try:
            response = getresponse(self)
        except Exception as error:
            failure = _broken(self, error)
        if failure is not None:
            raise failure
        plugin = _session.current
        if plugin is not None:
            carried = self._tegmen_carried
            if carried:
                self._tegmen_carried = False
            # Another kind of response has another kind of headers.
            fields = getattr(response.headers, "_headers", None)
            look = _native.answered(plugin, fields, response.reason, carried) if fields is not None else 0
            if look:
                sealing = destination(self) if look & _answers.SEALS else None
                _answers.watch(plugin, response, look, sealing, carried)
        return response

    connection_class.endheaders, connection_class._tunnel = filling_end, filling_tunnel
    connection_class.getresponse = watching_getresponse
    _responses(module)


def _broken(connection: Any, error: BaseException) -> BaseException:
    """What comes of an answer whose head cannot be read: such an error quotes what was read, and so do its frames."""
    plugin = _session.connected()
    if plugin is None or not connection._tegmen_carried:
        return error
    return _errors.clean(plugin, error)


def _responses(module: Any) -> None:
    """What a server sends back of a secret in the head of its response is a placeholder before anybody sees it."""
    read = module._read_headers

    @functools.wraps(read)
    def clean_read(file: Any, *limits: Any) -> Any:
        lines = read(file, *limits) if limits else read(file)
        plugin = _session.current
        if plugin is None:
            return lines
        changed = plugin.reflected(b"".join(lines))
        return lines if changed is None else changed.splitlines(keepends=True)

    module._read_headers = clean_read


def _plugin() -> Plugin | None:
    """Asked at the first request, not at the import: many programs import this and never send anything."""
    connected = _session.connected()
    return connected if connected is not None or not _session.is_run() else _session.plugin_or_stop()


class _Fields:
    """Header lines as the header fields that they are."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._pairs = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]

    def items(self) -> list[tuple[bytes, bytes]]:
        return self._pairs


def _is_packed(lines: list[bytes]) -> bool:
    return any(line[:17].lower() == b"content-encoding:" for line in lines)


def destination(connection: Any) -> tuple[str, str, int]:
    """Scheme, host and port that the request goes to: behind a tunnel, not the proxy."""
    known = connection._tegmen_destination
    if known is not None and known[0] is connection.sock:
        found: tuple[str, str, int] = known[1]
        return found
    default = connection.default_port
    scheme = "https" if default == 443 else "http"
    if connection._tunnel_host:
        found = scheme, connection._tunnel_host, connection._tunnel_port or default
    else:
        found = scheme, _errors.dialled(connection.host), connection.port or default
    if connection.sock is not None:
        connection._tegmen_destination = connection.sock, found
    return found


def send_head(
    plugin: Plugin,
    connection: Any,
    end: Any,
    head: bytes,
    destination: tuple[str, str, int],
    is_verified: Callable[[Any], bool],
    options: dict[str, Any],
) -> BaseException | None:
    """Sends a head with its values. Never raises: the variables of this frame, and of those below, are values."""
    scheme, host, port = destination
    names: list[str] = []
    try:
        if b" " not in head[: _errors.LONGEST_METHOD + 1]:
            _errors.check_method(plugin, head.partition(b" ")[0], f"{scheme}://{host}:{port}")
        filled = plugin.fill_head(scheme, host, port, head)
        if filled is not None:
            sent, names, tls_unverified = filled
            if scheme == "https" and not tls_unverified and not is_verified(connection):
                plugin.unsent(names, scheme, host, port)
                return _tls.not_verified(names, f"https://{host}:{port}")
            connection._buffer[:] = [sent]
            connection._tegmen_carried = True
            if connection._tegmen_counted:
                plugin.unsent(names, *destination)
                names = []
        end(connection, **options)
    except BaseException as error:
        unsent(plugin, connection, names, destination)
        return _errors.clean(plugin, error)
    return None


def unsent(plugin: Plugin, connection: Any, names: list[str], destination: tuple[str, str, int]) -> None:
    """Takes a request that failed off the count, where it cannot have left: there was no connection."""
    if names and getattr(connection, "sock", None) is None:
        plugin.unsent(names, *destination)


def _send_filled(plugin: Plugin, connection: Any, end: Any, body: Any, options: dict[str, Any]) -> BaseException | None:
    """Sends what is in the connection's buffer, with values. Never raises: the variables of this frame, and of those
    below, are values."""
    lines = connection._buffer
    scheme, host, port = destination(connection)
    names: list[str] = []
    try:
        # The method is no place for a value.
        method, target, version = lines[0].split(b" ", 2)
        _errors.check_method(plugin, method, f"{scheme}://{host}:{port}")
        fields = _Fields(lines[1:])
        filled = plugin.fill(scheme, host, port, target, fields, _bodies.content(body))
        if filled is not None:
            new_target, values, new_body, names, tls_unverified = filled
            if scheme == "https" and not tls_unverified and not is_verified(connection):
                plugin.unsent(names, scheme, host, port)
                return _tls.not_verified(names, f"https://{host}:{port}")
            lines[0] = b" ".join((method, new_target or target, version))
            for index, value in values:
                lines[index + 1] = fields.items()[index][0] + b": " + value
            for index, (name, _) in enumerate(fields.items(), 1):
                if new_body is not None and name.lower() == b"content-length":
                    lines[index] = name + b": " + str(len(new_body)).encode()
            body = _bodies.replaced(body, new_body)
            connection._tegmen_carried = True
        end(connection, body, **options)
    except BaseException as error:
        unsent(plugin, connection, names, (scheme, host, port))
        return _errors.clean(plugin, error)
    return None


def _connect_filled(plugin: Plugin, connection: Any, tunnel: Any) -> BaseException | None:
    """CONNECT, which carries the credentials for the proxy. Never raises, as above."""
    try:
        headers = connection._tunnel_headers
        filled = plugin.fill("http", connection.host, connection.port, "/", headers, None)
        if filled is not None:
            values = dict(filled[1])
            connection._tunnel_headers = {
                name: values[index].decode("latin-1") if index in values else value
                for index, (name, value) in enumerate(headers.items())
            }
        tunnel(connection)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


def is_verified(connection: Any) -> bool:
    if getattr(connection, "is_verified", False):
        # urllib3 knows.
        return True
    import ssl

    context = getattr(connection, "_context", None)
    return context is not None and context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
