"""What WebSocket clients have in common: messages, which are masked before they reach the socket, so that nobody behind
could tell that a placeholder is in them."""

from __future__ import annotations

from tegmen._hooks._destination import Destination, text
from tegmen._native import Plugin, SecretRefused


def handshake(plugin: Plugin, destination: Destination, head: bytes) -> bytes:
    """The head of the request, as it is to go out.

    Raises:
        SecretRefused: it may not go there.
    """
    if plugin.is_clear(head, destination.host):
        return head
    filled = plugin.fill_head(destination.scheme, destination.host, destination.port, head)
    if filled is None:
        return head
    sent, names, tls_unverified = filled
    destination.check(names, tls_unverified)
    return sent


def message(plugin: Plugin, destination: Destination | None, data: bytes, *, is_text: bool) -> bytes:
    """A message, as it is to go out.

    Raises:
        SecretRefused: it may not go there, or cannot be put in.
    """
    if not plugin.carries(data):
        return data
    if destination is None:
        names = plugin.names_in(data)
        raise SecretRefused(f"[{names[0]}] was not sent: it is not known where this WebSocket leads")
    return text(plugin, destination, data) if is_text else text(plugin, destination, data, "application/octet-stream")
