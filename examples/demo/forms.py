"""The forms in which a secret may come out: as it is, encoded, cut into pieces.

A search for the value as it is finds too little.
"""

from __future__ import annotations

import base64
import gzip
import html
import http.cookies
import json
import urllib.parse
import zlib
from collections.abc import Iterable

#: A piece of this many bytes of a random value does not occur by chance.
PIECE = 8


def forms_of(value: str) -> dict[str, set[bytes]]:
    """What to search for, by the name of the form. Every entry is at least `PIECE` bytes long."""
    raw = value.encode()
    forms = {
        "as it is": {raw},
        "URL-encoded": {urllib.parse.quote(value, safe="").encode(), urllib.parse.quote_plus(value, safe="").encode()},
        "hex": {raw.hex().encode(), raw.hex().upper().encode()},
        "JSON or HTML": {json.dumps(value)[1:-1].encode(), html.escape(value).encode(), repr(value)[1:-1].encode()},
        "in a cookie": {in_a_cookie(value), in_a_cookie(raw.decode("latin-1"))},
        "base64": set(base64_forms(raw)),
        "reversed": {raw[::-1]},
        "a piece": {raw[at : at + PIECE] for at in range(len(raw) - PIECE + 1)},
    }
    return {name: {form for form in all_ if len(form) >= PIECE} for name, all_ in forms.items()}


def in_a_cookie(value: str) -> bytes:
    """With the octal escapes of a quoted string."""
    coded = http.cookies.SimpleCookie({"c": value})["c"].coded_value
    return (coded if coded == value else coded[1:-1]).encode()


def base64_forms(raw: bytes) -> Iterable[bytes]:
    """What base64 makes of the value wherever it stands in the encoded text, both alphabets, without uncertain ends."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        # The first characters hold bits of what stands before, the last ones of what follows.
        sure = encoded[(0, 2, 3)[before] : len(encoded) - (0 if (before + len(raw)) % 3 == 0 else 1)]
        yield sure
        yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def found(value: str, text: bytes | str) -> set[str]:
    """The names of the forms of the value that occur in the text; the text also unpacked if it is compressed."""
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    texts = [data, *unpacked(data)]
    return {name for name, forms in forms_of(value).items() if any(form in some for form in forms for some in texts)}


def unpacked(data: bytes) -> Iterable[bytes]:
    """What gzip or zlib has packed, where the data begins like it."""
    try:
        if data[:2] == b"\x1f\x8b":
            yield gzip.decompress(data)
        elif data[:1] == b"\x78":
            yield zlib.decompress(data)
    except (OSError, EOFError, zlib.error):
        return
