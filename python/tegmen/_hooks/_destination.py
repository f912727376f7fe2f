"""Where a connection leads that does not speak HTTP, and how a value is put into a text that goes there.

The same rules hold as for HTTP: `https` in a manifest's `hosts` is TLS that verifies, whatever is spoken within it;
without TLS an origin is written with `http://`, unless it is on this machine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tegmen._hooks import _errors, _tls
from tegmen._native import Plugin, SecretRefused


class Destination(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int
    #: Whether TLS makes sure of it.
    is_verified: bool

    @classmethod
    def of(cls, host: str, port: int, *, is_tls: bool, is_verified: bool) -> Destination:
        """From what a client has been told."""
        return cls("https" if is_tls else "http", _errors.dialled(host), port, is_verified)

    @property
    def origin(self) -> str:
        """As the manifest would have it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{name}:{self.port}"

    def check(self, names: list[str], tls_unverified: bool) -> None:
        """What has been filled for this destination may be sent.

        Raises:
            SecretRefused: nothing makes sure that it leads there.
        """
        if self.scheme == "https" and not tls_unverified and not self.is_verified:
            raise _tls.not_verified(names, self.origin)


def verifies(context: Any) -> bool:
    """Whether a TLS context verifies; `None` is one that a library makes, which does."""
    import ssl

    return context is None or bool(context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname)


def text(
    plugin: Plugin, destination: Destination, data: bytes, content_type: str = "text/plain; charset=utf-8"
) -> bytes:
    """A text with its values, for that destination.

    Raises:
        SecretRefused: it may not go there, or cannot be put in.
    """
    if not plugin.carries(data):
        return data
    headers = {"Content-Type": content_type}
    filled = plugin.fill(destination.scheme, destination.host, destination.port, "/", headers, data)
    if filled is None or filled[2] is None:
        names = plugin.names_in(data)
        raise SecretRefused(
            f"[{names[0]}] was not sent to {destination.origin}: it stands where no value can be put in"
        )
    destination.check(filled[3], filled[4])
    return filled[2]


def credential(plugin: Plugin, destination: Destination, given: Any) -> Any:
    """A user name, a password or the like, as it was given: `str` or `bytes`, with the value in it."""
    if isinstance(given, str):
        data = given.encode()
        return text(plugin, destination, data).decode() if plugin.carries(data) else given
    if isinstance(given, (bytes, bytearray)):
        return text(plugin, destination, bytes(given)) if plugin.carries(given) else given
    return given
