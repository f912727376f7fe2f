"""``websockets``, its clients of both kinds: the request of the handshake, and messages."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks._destination import Destination, verifies
from tegmen._hooks._websocket import handshake, message
from tegmen._native import Plugin, SecretRefused

_TEXT, _DATA = 1, (0, 1, 2)


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "websockets.client":
        _protocol(module.ClientProtocol, plugin)
    elif module.__name__ == "websockets.sync.client":
        connect = module.connect

        @functools.wraps(connect)
        def marking_connect(uri: str, **options: Any) -> Any:
            if not verifies(options.get("ssl")):
                options["create_connection"] = _marking(options.get("create_connection") or module.ClientConnection)
            return connect(uri, **options)

        module.connect = marking_connect  # type: ignore[attr-defined]
    else:
        init = module.connect.__init__

        @functools.wraps(init)
        def marking_init(self: Any, uri: str, **options: Any) -> None:
            if not verifies(options.get("ssl")):
                options["create_connection"] = _marking(options.get("create_connection") or module.ClientConnection)
            init(self, uri, **options)

        module.connect.__init__ = marking_init


def _marking(create: Any) -> Any:
    """A connection whose TLS does not verify: what it sends has to know."""

    @functools.wraps(create, updated=())
    def marked(*args: Any, **options: Any) -> Any:
        protocol = options.get("protocol") or next(arg for arg in args if hasattr(arg, "send_request"))
        protocol._tegmen_is_lax = True
        return create(*args, **options)

    return marked


def _destination(protocol: Any) -> Destination | None:
    uri = getattr(protocol, "uri", None) or getattr(protocol, "wsuri", None)
    if uri is None:
        return None
    is_verified = not getattr(protocol, "_tegmen_is_lax", False)
    return Destination.of(uri.host, uri.port, is_tls=uri.secure, is_verified=is_verified)


def _protocol(owner: Any, plugin: Plugin) -> None:
    request, frame_of = owner.send_request, owner.send_frame

    @functools.wraps(request)
    def filling_request(self: Any, given: Any) -> None:
        before = len(self.writes)
        request(self, given)
        destination = _destination(self)
        for index in range(before, len(self.writes)):
            if destination is not None:
                head = self.writes[index]
                try:
                    self.writes[index] = handshake(plugin, destination, head)
                except SecretRefused:
                    del self.writes[before:]
                    raise

    @functools.wraps(frame_of)
    def filling_frame(self: Any, frame: Any) -> None:
        data = bytes(frame.data)
        if plugin.carries(data):
            if frame.opcode not in _DATA:
                raise SecretRefused(f"[{plugin.names_in(data)[0]}] was not sent: it stands in a control frame")
            filled = message(plugin, _destination(self), data, is_text=frame.opcode == _TEXT)
            frame = type(frame)(frame.opcode, filled, frame.fin, frame.rsv1, frame.rsv2, frame.rsv3)
        frame_of(self, frame)

    owner.send_request, owner.send_frame = filling_request, filling_frame
