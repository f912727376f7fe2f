"""``seal_responses``: values that an answer repeats become placeholders again, before Python sees them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any

from tegmen import _native, _session
from tegmen._hooks import _errors, _packing
from tegmen._native import Plugin

#: A body of a known length up to this is sealed as a whole, and has a known length afterwards.
WHOLE = 8 << 20
_BLOCK = 1 << 16

_told: set[str] = set()


class Seal:
    """Takes values out of the body of one answer: decoded, searched, and in the characters that it came in."""

    def __init__(self, plugin: Plugin, decoders: list[Any], charset: str | None) -> None:
        self._decoders = decoders
        self._sealer = _native.sealer(plugin)
        self._read: Any = None
        if charset is not None:
            self._read = codecs.getincrementaldecoder(charset)("surrogatepass")
            self._write = codecs.getincrementalencoder(charset)("surrogatepass")

    def push(self, data: bytes) -> bytes:
        for decoder in self._decoders:
            data = decoder.decode(data)
        return self._sealed(data, False)

    def finish(self) -> bytes:
        data = b""
        for decoder in self._decoders:
            data = decoder.decode(data) + decoder.finish()
        return self._sealed(data, True)

    def _sealed(self, data: bytes, is_end: bool) -> bytes:
        if self._read is not None:
            data = self._read.decode(data, is_end).encode("utf-8", "surrogatepass")
        sealed = self._sealer.push(data)
        if is_end:
            sealed += self._sealer.finish()
        if self._read is None:
            return sealed
        return bytes(self._write.encode(sealed.decode("utf-8", "surrogatepass"), is_end))


def _wide_charset(content_type: str) -> str | None:
    """A character set in which a letter is not one byte, so that the text has to be read before it is searched."""
    _, _, rest = content_type.lower().partition("charset=")
    name = rest.split(";")[0].strip("\"' ")
    return name if name.replace("_", "-").startswith(("utf-16", "utf-32")) else None


def seal_of(plugin: Plugin, encoding: str, content_type: str, where: str) -> Seal | None:
    """What seals a body; None when it cannot be looked into."""
    decoders = _packing.decoders(encoding)
    if decoders is None:
        if where not in _told:
            _told.add(where)
            _session.logger.error(
                "answers of %s are not sealed: nothing here undoes the encoding %r; outputs are still searched",
                where,
                encoding[:40],
            )
        return None
    return Seal(plugin, decoders, _wide_charset(content_type))


def sealed_whole(plugin: Plugin, seal: Seal, body: bytes, destination: tuple[str, str, int], carried: bool) -> bytes:
    """A whole body, sealed; the credentials that it gives out are placeholders in it too."""
    for decoder in seal._decoders:
        body = decoder.decode(body) + decoder.finish()
    seal._decoders = []
    if carried and len(body) <= _native.LONGEST_ANSWER:
        _native.seal_tokens(plugin, body, *destination)
        seal._sealer = _native.sealer(plugin)
    return seal._sealed(body, True)


def seal_response(
    plugin: Plugin, response: Any, destination: tuple[str, str, int], encoding: str, content_type: str, carried: bool
) -> None:
    seal = seal_of(plugin, encoding, content_type, f"{destination[1]}:{destination[2]}")
    if seal is None:
        return
    # A second view of the same answer, which undoes the framing.
    kind: Any = type(response)
    inner = kind.__new__(kind)
    inner.__dict__.update(response.__dict__)
    headers = response.headers
    if encoding:
        del headers["Content-Encoding"]
    is_json = carried and "json" in content_type.lower()
    if (response.length is not None and response.length <= WHOLE) or is_json:
        (head, rest), failure = _beginning(plugin, inner, WHOLE)
        if failure is not None:
            raise failure
        if rest is None:
            body = sealed_whole(plugin, seal, head, destination, carried)
            for name in ("Content-Length", "Transfer-Encoding"):
                del headers[name]
            # What is missing of it stays missing, so that whoever reads it finds it cut.
            response.length = len(body) + (inner.length or 0)
            headers["Content-Length"] = str(response.length)
            response.fp, response.chunked, response.chunk_left = _Body(plugin, inner, iter((body,))), False, None
            if not response.length:
                response._close_conn()
            return
        pieces = _pieces(seal, inner, head, rest)
    else:
        pieces = _pieces(seal, inner, b"", _blocks(inner))
    if response.length is not None:
        del headers["Content-Length"]
        headers["Transfer-Encoding"] = "chunked"
        response.chunked, response.length = True, None
    if response.chunked:
        response.chunk_left = None
        pieces = _chunked(pieces)
    response.fp = _Body(plugin, inner, pieces)


def _beginning(
    plugin: Plugin, inner: Any, most: int
) -> tuple[tuple[bytes, Iterator[bytes] | None], BaseException | None]:
    """The body, if it is not longer than that, and None; else what was read of it, and the rest; and how it failed.

    Never raises: the variables of this frame are what was read.
    """
    blocks = _blocks(inner)
    read = bytearray()
    try:
        for block in blocks:
            read += block
            if len(read) > most:
                return (bytes(read), blocks), None
    except BaseException as error:
        return (b"", None), _errors.clean(plugin, error)
    return (bytes(read), None), None


def _blocks(inner: Any) -> Iterator[bytes]:
    """What has arrived, without waiting for more."""
    while block := inner.read1(_BLOCK):
        yield block


def _pieces(seal: Seal, inner: Any, head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield seal.push(head)
    for block in rest:
        yield seal.push(block)
    yield seal.finish()
    if inner.length:
        from http.client import IncompleteRead

        raise IncompleteRead(b"", inner.length)


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if piece:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


class _Raw(io.RawIOBase):
    def __init__(self, plugin: Plugin, inner: Any, pieces: Iterator[bytes]) -> None:
        self._plugin, self._inner, self._pieces, self._left = plugin, inner, pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece, failure = self._next()
            if failure is not None:
                # What lies in it is what was in this memory before.
                del buffer
                raise failure
            if piece is None:
                return 0
            self._left = piece
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _next(self) -> tuple[bytes | None, BaseException | None]:
        """Never raises: frames below have what was read."""
        try:
            return next(self._pieces, None), None
        except BaseException as error:
            return None, _errors.clean(self._plugin, error)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _Body(io.BufferedReader):
    """The file from which ``http.client`` reads a sealed answer."""

    def __init__(self, plugin: Plugin, inner: Any, pieces: Iterator[bytes]) -> None:
        super().__init__(_Raw(plugin, inner, pieces), _BLOCK)
