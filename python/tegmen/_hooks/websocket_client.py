"""``websocket-client``, and ``python-socketio`` on it: the request of the handshake, and messages."""

from __future__ import annotations

import functools
import weakref
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._hooks._destination import Destination, verifies
from tegmen._hooks._websocket import handshake, message
from tegmen._native import Plugin, SecretRefused

#: Where the socket of a connection leads.
_destinations: weakref.WeakKeyDictionary[Any, Destination] = weakref.WeakKeyDictionary()

_TEXT, _CONTINUATION, _BINARY = 1, 0, 2


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "websocket._handshake":
        _handshake(module, plugin)
    else:
        _connection(module.WebSocket, plugin)


class _Filling:
    """In the place of the socket while the handshake is written: the first thing that is sent is its request."""

    def __init__(self, plugin: Plugin, socket: Any, destination: Destination) -> None:
        self._plugin, self._socket, self._destination = plugin, socket, destination

    def send(self, data: bytes, *args: Any) -> int:
        filled = handshake(self._plugin, self._destination, bytes(data))
        if filled is data or filled == data:
            sent: int = self._socket.send(data, *args)
            return sent
        failure = _send(self._plugin, self._socket, filled)
        if failure is not None:
            raise failure
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _send(plugin: Plugin, socket: Any, data: bytes) -> BaseException | None:
    """Never raises: the variables of this frame, and of those below, are values."""
    try:
        socket.sendall(data)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


def _handshake(module: ModuleType, plugin: Plugin) -> None:
    shake = module.handshake

    @functools.wraps(shake)
    def filling_handshake(sock: Any, url: str, hostname: str, port: int, *args: Any, **options: Any) -> Any:
        is_tls = url.lower().startswith("wss:")
        context = getattr(sock, "context", None)
        is_verified = is_tls and context is not None and verifies(context)
        destination = Destination.of(hostname, int(port), is_tls=is_tls, is_verified=is_verified)
        _destinations[sock] = destination
        return shake(_Filling(plugin, sock, destination), url, hostname, port, *args, **options)

    module.handshake = filling_handshake  # type: ignore[attr-defined]


def _connection(owner: Any, plugin: Plugin) -> None:
    connect, send = owner.connect, owner.send_frame

    @functools.wraps(connect)
    def checking_connect(self: Any, url: str, **options: Any) -> Any:
        """What must not be sent is refused before anything is dialled."""
        from websocket._url import parse_url

        header = options.get("header") or {}
        if not isinstance(header, dict):
            header = dict(line.split(":", 1) for line in header if ":" in line)
        fields = {name.strip(): str(value).strip() for name, value in header.items()}
        if options.get("cookie"):
            fields["Cookie"] = options["cookie"]
        if not plugin.is_clear(url, fields):
            hostname, port, resource, is_secure = parse_url(url)
            scheme = "https" if is_secure else "http"
            plugin.fill(scheme, _errors.dialled(hostname), port, resource, fields, None)
        return connect(self, url, **options)

    @functools.wraps(send)
    def filling_send(self: Any, frame: Any) -> Any:
        data = frame.data.encode() if isinstance(frame.data, str) else bytes(frame.data)
        if not plugin.carries(data):
            return send(self, frame)
        if frame.opcode not in (_TEXT, _CONTINUATION, _BINARY):
            raise SecretRefused(
                f"[{plugin.names_in(data)[0]}] was not sent: it stands in a control frame of a WebSocket"
            )
        result, failure = _send_filled(plugin, self, send, frame, data)
        if failure is not None:
            raise failure
        return result

    owner.connect, owner.send_frame = checking_connect, filling_send


def _send_filled(
    plugin: Plugin, connection: Any, send: Any, frame: Any, data: bytes
) -> tuple[Any, BaseException | None]:
    """Sends a frame with its values, and says how long the script's own would have been. Never raises, as above."""
    try:
        destination = _destinations.get(connection.sock)
        filled = message(plugin, destination, data, is_text=frame.opcode == _TEXT)
        kind = type(frame)
        sent = kind(frame.fin, frame.rsv1, frame.rsv2, frame.rsv3, frame.opcode, frame.mask_value, filled)
        sent.get_mask_key = frame.get_mask_key
        return send(connection, sent), None
    except BaseException as error:
        return None, _errors.clean(plugin, error)
