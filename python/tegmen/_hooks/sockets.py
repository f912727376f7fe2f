"""The last look before the wire: no placeholder leaves this process through a socket.

Requests of the clients that we know carry values by then. What still holds a placeholder comes from a library that we
do not know, or speaks another protocol: it is refused, with the name of the secret, rather than sent in vain.

Sockets within the machine (AF_UNIX) may carry placeholders, like the environment does.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _errors
from tegmen._native import SHORTEST_PIECE, Plugin, SecretRefused

#: The functions to put oneself before.
FUNCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "socket": {"socket": ("send", "sendall", "sendto", "sendmsg")},
    "ssl": {"SSLSocket": ("send", "sendall", "write"), "SSLObject": ("write",)},
    "gevent._socket3": {"socket": ("send", "sendall", "sendto", "sendmsg")},
    "gevent.ssl": {"SSLSocket": ("send", "write")},
    "gevent._ssl3": {"SSLSocket": ("send", "write")},
}

_told: set[str] = set()
#: Sockets that are in `sendall`, which sends what was searched already, piece by piece.
_sending: set[int] = set()


def apply(module: ModuleType) -> None:
    for class_name, names in FUNCTIONS[module.__name__].items():
        owner: Any = getattr(module, class_name, None)
        # gevent's `sendall` is a loop in Python around this.
        send = getattr(owner, "send", None) if module.__name__ == "gevent._socket3" else None
        for name in names:
            function = getattr(owner, name, None)
            if function is not None and not hasattr(function, "_tegmen"):
                setattr(owner, name, _watched(function, name, send))


def _watched(function: Any, name: str, send: Any) -> Any:
    if name == "sendmsg":

        @functools.wraps(function)
        def watched_sendmsg(self: Any, buffers: Any, *args: Any, **kwargs: Any) -> Any:
            plugin = _session.current
            if plugin is not None:
                buffers = list(buffers)
                data = b"".join(bytes(buffer) for buffer in buffers)
                if plugin.carries(data):
                    _refuse(plugin, self, data, args[2] if len(args) > 2 else None)
            return function(self, buffers, *args, **kwargs)

        watched_sendmsg._tegmen = True  # type: ignore[attr-defined]
        return watched_sendmsg

    if name == "sendall":

        @functools.wraps(function)
        def watched(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
            plugin = _session.current
            if plugin is None or len(data) < SHORTEST_PIECE:
                return function(self, data, *args, **kwargs)
            if plugin.carries(data if type(data) is bytes else bytes(data)):
                _refuse(plugin, self, data)
            if send is not None and type(data) is bytes and not args and not kwargs:
                # Nearly always all of it goes at once.
                sent = send(self, data)
                if sent == len(data):
                    return None
                data = memoryview(data)[sent:]
            key = id(self)
            _sending.add(key)
            try:
                return function(self, data, *args, **kwargs)
            finally:
                _sending.discard(key)

    else:

        @functools.wraps(function)
        def watched(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
            plugin = _session.current
            if (
                plugin is not None
                and len(data) >= SHORTEST_PIECE
                # `sendall` passes its pieces on like this; others may use the same socket while it waits.
                and not (type(data) is memoryview and id(self) in _sending)
                and plugin.carries(data if type(data) is bytes else bytes(data))
            ):
                _refuse(plugin, self, data, args[-1] if args else None)
            return function(self, data, *args, **kwargs)

    watched._tegmen = True  # type: ignore[attr-defined]
    return watched


def _refuse(plugin: Plugin, socket: Any, data: Any, address: Any = None) -> None:
    """Stops what carries a placeholder; `address` is where a datagram goes.

    Raises:
        SecretRefused: it does not stay within the machine.
    """
    if _is_local(socket):
        return
    data = bytes(data)
    name, peer = _errors.name_of(plugin, data), _peer(socket, address)
    plugin.refused(name, peer, "a protocol that is not replaced in")
    message = (
        f"[{name}] was not sent to {peer}: its placeholder was about to leave through a socket, by a library "
        "or a protocol in which tegmen does not replace it. Send it with Locust's clients, requests, urllib3 or "
        f"http.client; or hand the library {_errors.revealing(name)}"
    )
    # Some libraries pass over what goes wrong when they send, and wait for an answer: they are to wait for nothing, and
    # whoever looks for the reason finds it in the log.
    if message not in _told:
        _told.add(message)
        _session.logger.error(message)
    try:
        socket.shutdown(2)
    except Exception:
        # It is not connected.
        _session.logger.debug("nothing to shut down at %s", peer)
    raise SecretRefused(message)


def _is_local(socket: Any) -> bool:
    # AF_UNIX, which `socket` names; it is not imported here.
    return getattr(socket, "family", None) == 1


def _peer(socket: Any, address: Any) -> str:
    try:
        host, port = (address if isinstance(address, tuple) else socket.getpeername())[:2]
    except (AttributeError, OSError, ValueError, TypeError):
        return "the network"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
