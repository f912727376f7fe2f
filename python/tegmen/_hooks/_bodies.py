"""Bodies that are not at hand as a whole: files, generators and other iterables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tegmen._native import Plugin, SecretRefused

#: A stream that is longer is not held back any more: from then on a placeholder in it can only be refused.
HELD = 1 << 20
#: A file with a placeholder in it is read into memory up to this size.
LARGEST_FILE = 256 << 20
#: The longest form in which a placeholder is recognised is shorter: so much is kept of the piece before.
OVERLAP = 256

_BLOCK = 1 << 16


def gathered(plugin: Plugin, body: Any) -> Any:
    """The body as one piece if a placeholder may be in it, else as it was or as a stream that is watched.

    A file without a placeholder stays the file, at its position.
    """
    if body is None or isinstance(body, (str, bytes, bytearray)):
        return body
    if isinstance(body, memoryview):
        return bytes(body)
    if hasattr(body, "read"):
        return _file(plugin, body)
    if isinstance(body, Iterable):
        return _stream(plugin, iter(body))
    return body


def _file(plugin: Plugin, body: Any) -> Any:
    try:
        start = body.tell()
        body.seek(start)
    except (AttributeError, OSError, ValueError):
        # It can be read only once, and its length may have been announced: it has to be read now.
        return _read(body)
    tail = b""
    found = False
    while block := body.read(_BLOCK):
        piece = tail + _bytes(block)
        if plugin.carries(piece):
            found = True
            break
        tail = piece[-OVERLAP:]
    body.seek(start)
    return _read(body) if found else body


def _read(body: Any) -> bytes:
    pieces = []
    size = 0
    while block := body.read(_BLOCK):
        pieces.append(_bytes(block))
        size += len(pieces[-1])
        if size > LARGEST_FILE:
            raise SecretRefused(
                f"a body of more than {LARGEST_FILE >> 20} MiB that has to be searched for placeholders was not sent"
            )
    return b"".join(pieces)


def _stream(plugin: Plugin, pieces: Iterator[Any]) -> Any:
    held = bytearray()
    for piece in pieces:
        held += _bytes(piece)
        if len(held) > HELD:
            if plugin.carries(held):
                raise SecretRefused(_too_long(plugin, held))
            return _watched(plugin, bytes(held), pieces)
    return Whole(bytes(held))


def _watched(plugin: Plugin, first: bytes, pieces: Iterator[Any]) -> Iterator[bytes]:
    """What follows, one overlap late, so that no part of a placeholder goes out."""
    tail = first
    for piece in pieces:
        tail += _bytes(piece)
        if plugin.carries(tail):
            raise SecretRefused(_too_long(plugin, tail))
        if len(tail) > OVERLAP:
            yield tail[:-OVERLAP]
            tail = tail[-OVERLAP:]
    yield tail


def _too_long(plugin: Plugin, piece: bytes | bytearray) -> str:
    names = plugin.names_in(bytes(piece))
    name = names[0] if names else "a secret"
    return (
        f"[{name}] was not sent: it stands in a streamed body of more than {HELD >> 20} MiB. Send the body as bytes "
        f"or as a file, or use secret({name!r}).reveal()"
    )


def _bytes(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)


class Whole:
    """A stream that was read to its end: to be sent in one piece, framed as a stream."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data
