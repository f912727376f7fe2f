"""Content encodings of answers: gzip, deflate, and Brotli and Zstandard where Python has a module for them."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any


class _Inflate:
    """gzip and deflate, with and without the header of zlib, and several members of gzip."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(47)
        self._begun = False

    def decode(self, data: bytes, limit: int = 0) -> bytes:
        out = []
        while data:
            try:
                out.append(self._inflater.decompress(data, limit))
            except zlib.error:
                if self._begun:
                    raise
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                out.append(self._inflater.decompress(data, limit))
            self._begun = True
            data = self._inflater.unused_data
            if data:
                self._inflater = zlib.decompressobj(47)
        return b"".join(out)

    def finish(self) -> bytes:
        return self._inflater.flush() if self._begun else b""


class _Module:
    """What a module that may be there brings along."""

    def __init__(self, *ways: tuple[str, str]) -> None:
        for name, function in ways:
            try:
                module: Any = importlib.import_module(name)
            except ImportError:
                continue
            made = getattr(module, function)()
            # zstandard makes what decompresses in two steps.
            self._decoder = made.decompressobj() if hasattr(made, "decompressobj") else made
            return
        raise ImportError(ways[0][0])

    def decode(self, data: bytes, limit: int = 0) -> bytes:
        process = getattr(self._decoder, "process", None) or self._decoder.decompress
        return bytes(process(data)) if data else b""

    def finish(self) -> bytes:
        return b""


def _brotli() -> _Module:
    return _Module(("brotli", "Decompressor"), ("brotlicffi", "Decompressor"))


def _zstd() -> _Module:
    return _Module(("compression.zstd", "ZstdDecompressor"), ("zstandard", "ZstdDecompressor"))


_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": _Inflate,
    "x-gzip": _Inflate,
    "deflate": _Inflate,
    "br": _brotli,
    "zstd": _zstd,
}


def decoders(encoding: str) -> list[Any] | None:
    """What undoes a Content-Encoding, in the order of the work; None when something in it is not known here."""
    names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")]
    try:
        return [_DECODERS[name]() for name in reversed(names)]
    except (KeyError, ImportError):
        return None


def decoded(encoding: str, body: bytes, longest: int) -> bytes | None:
    """The body as it was before it was packed; None when that cannot be said, or when it is too long."""
    known = decoders(encoding)
    if known is None:
        return None
    try:
        for decoder in known:
            body = decoder.decode(body, longest + 1)
    except Exception:
        # It is broken, or cut: whoever reads it finds out.
        return None
    return body if len(body) <= longest else None
