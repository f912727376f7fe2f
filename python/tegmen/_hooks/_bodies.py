"""Bodies that are not at hand as a whole: files, generators and other iterables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tegmen._native import Plugin, SecretRefused

#: A stream that is longer is not held back any more: from then on a placeholder in it can only be refused.
HELD = 1 << 20
#: A file with a placeholder in it is read into memory up to this size, and so is a stream that is compressed.
LARGEST = 256 << 20
#: The longest form in which a placeholder is recognised is shorter: so much is kept of the piece before.
OVERLAP = 256

_BLOCK = 1 << 16


class Stream:
    """Pieces that go out as those of a stream do, and have been searched already."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError


class Whole(Stream):
    """A stream that was read to its end: to be sent in one piece, framed as a stream."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.data,))


class Watched(Stream):
    """A stream that is too long to be held: its beginning, and what follows, one overlap late, so that no placeholder
    goes out."""

    __slots__ = ("_first", "_pieces", "_plugin")

    def __init__(self, plugin: Plugin, first: bytes, pieces: Iterator[Any]) -> None:
        self._plugin, self._first, self._pieces = plugin, first, pieces

    def __iter__(self) -> Iterator[bytes]:
        tail, self._first = self._first, b""
        for piece in self._pieces:
            tail += _bytes(piece)
            if self._plugin.carries(tail):
                raise too_long(self._plugin, tail, self._pieces)
            if len(tail) > OVERLAP:
                yield tail[:-OVERLAP]
                tail = tail[-OVERLAP:]
        yield tail


def gathered(plugin: Plugin, body: Any, headers: Any) -> Any:
    """The body as one piece if a placeholder may be in it, else as it was or as a stream that is watched.

    A file without a placeholder stays the file, at its position.
    """
    if body is None or isinstance(body, (str, bytes, bytearray, Stream)):
        return body
    is_packed = packs(headers)
    if hasattr(body, "read"):
        return _file(plugin, body, is_packed)
    try:
        # memoryview, array.array and the like, which would be iterables of numbers.
        return bytes(memoryview(body))
    except TypeError:
        pass
    return _stream(plugin, iter(body), is_packed) if isinstance(body, Iterable) else body


def content(body: Any) -> str | bytes | bytearray | None:
    """What can be searched of a body that was gathered."""
    if isinstance(body, Whole):
        return body.data
    return body if isinstance(body, (str, bytes, bytearray)) else None


def replaced(body: Any, data: bytes | None) -> Any:
    """The body with other content, framed as it was; itself when there is none."""
    if data is None:
        return body
    return Whole(data) if isinstance(body, Whole) else data


def packs(headers: Any) -> bool:
    """Whether the body has to be decoded before it can be searched."""
    for name, value in (headers or {}).items():
        if len(name) == 16 and _text(name).lower() == "content-encoding":
            return _text(value).strip().lower() not in ("", "identity")
    return False


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _file(plugin: Plugin, body: Any, is_packed: bool) -> Any:
    try:
        start = body.tell()
        body.seek(start)
    except (AttributeError, OSError, ValueError):
        # It can be read only once.
        return _stream(plugin, _blocks(body), is_packed)
    found = is_packed
    tail = b""
    for block in () if found else _blocks(body):
        piece = tail + _bytes(block)
        if plugin.carries(piece):
            found = True
            break
        tail = piece[-OVERLAP:]
    body.seek(start)
    return _read(_blocks(body)) if found else body


def _blocks(body: Any) -> Iterator[Any]:
    while block := body.read(_BLOCK):
        yield block


def _read(blocks: Iterator[Any]) -> bytes:
    pieces = []
    size = 0
    for block in blocks:
        pieces.append(_bytes(block))
        size += len(pieces[-1])
        if size > LARGEST:
            raise SecretRefused(
                f"a body of more than {LARGEST >> 20} MiB that has to be searched for placeholders was not sent"
            )
    return b"".join(pieces)


def _stream(plugin: Plugin, pieces: Iterator[Any], is_packed: bool) -> Stream:
    if is_packed:
        return Whole(_read(pieces))
    held = bytearray()
    for piece in pieces:
        held += _bytes(piece)
        if len(held) > HELD:
            if plugin.carries(held):
                raise too_long(plugin, bytes(held), pieces)
            return Watched(plugin, bytes(held), pieces)
    return Whole(bytes(held))


def too_long(plugin: Plugin, piece: bytes, pieces: Iterable[Any] = ()) -> SecretRefused:
    """The refusal where a placeholder stands in a stream that is not held as a whole; `pieces` are what follows."""
    # A little more: the name is known only where the whole placeholder is there.
    for following in pieces:
        piece += _bytes(following)
        if len(piece) > 2 * OVERLAP:
            break
    names = [name for name in plugin.names_in(piece) if name != "a secret"]
    name = names[0] if names else "a secret"
    return SecretRefused(
        f"[{name}] was not sent: it stands in a streamed body of more than {HELD >> 20} MiB. Send the body as bytes or "
        f"as a file, or use secret({name!r}).reveal()"
    )


def _bytes(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)
