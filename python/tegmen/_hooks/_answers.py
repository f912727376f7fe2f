"""What comes back: credentials that an answer gives out are made known to the redactor, and where the manifest wants it
the answer is sealed (:mod:`tegmen._hooks._sealing`).

An answer to a request that carried nothing secret, from a host that is not sealed, costs a look at a mark.
"""

from __future__ import annotations

from typing import Any

from tegmen import _native
from tegmen._hooks import _packing, _sealing
from tegmen._native import Plugin

#: A body that is longer is not searched for credentials.
LONGEST = _sealing.LONGEST

#: Content types in which servers hand out credentials. None at all is looked at too.
_TYPES = ("json", "javascript", "x-www-form-urlencoded", "text/plain", "text/html")


def may_give_out(content_type: str) -> bool:
    """Whether a body of that type is searched for credentials."""
    lower = content_type.lower()
    return not lower or any(kind in lower for kind in _TYPES)


def learn(plugin: Plugin, body: bytes, encoding: str, cookies: list[str]) -> None:
    """Lets the redactors know what an answer gives out."""
    text = _packing.decoded(encoding, body, LONGEST) if body and encoding else body
    _native.learn_answer(plugin, text or b"", cookies)


class Listening:
    """The file from which ``http.client`` reads an answer. What passes is remembered, up to a limit; at its end the
    redactor knows the credentials in it, before whoever reads has the last of it."""

    def __init__(self, plugin: Plugin, file: Any, is_chunked: bool, length: int | None, encoding: str) -> None:
        self._plugin, self._file, self._is_chunked, self._length = plugin, file, is_chunked, length
        self._encoding = encoding
        self._seen: bytearray | None = bytearray()

    def _saw(self, data: Any) -> None:
        seen = self._seen
        if seen is None:
            return
        seen += data
        if len(seen) > LONGEST:
            self._seen = None
        elif self._is_chunked:
            # The last chunk is empty: its line, or all that is left at once.
            if seen.endswith((b"\r\n0\r\n", b"\r\n0\r\n\r\n")):
                self._end()
        elif not data or (self._length is not None and len(seen) >= self._length):
            self._end()

    def _end(self) -> None:
        seen = self._seen
        if seen is None:
            return
        body = bytes(seen)
        if self._is_chunked:
            whole = _unchunked(body)
            if whole is None:
                # What looked like the last chunk is a part of another.
                return
            body = whole
        self._seen = None
        learn(self._plugin, body, self._encoding, [])

    def read(self, *size: Any) -> bytes:
        data: bytes = self._file.read(*size)
        self._saw(data)
        return data

    def read1(self, *size: Any) -> bytes:
        data: bytes = self._file.read1(*size)
        self._saw(data)
        return data

    def readline(self, *size: Any) -> bytes:
        data: bytes = self._file.readline(*size)
        self._saw(data)
        return data

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(buffer)
        self._saw(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        if not self._is_chunked:
            self._end()
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _unchunked(body: bytes) -> bytes | None:
    """The body without the framing of its chunks (RFC 9112, 7.1); None when its end is not there."""
    out: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            return None
        try:
            size = int(body[at:end].split(b";")[0], 16)
        except ValueError:
            return None
        if size == 0:
            return b"".join(out)
        out.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
        if at > len(body):
            return None


def watch(plugin: Plugin, connection: Any, response: Any, destination: tuple[str, str, int]) -> None:
    """Looks at an answer as ``http.client`` has it, and with it ``urllib3``: its head is read, its body is not."""
    carried = connection.__dict__.pop("_tegmen_carried", False)
    is_sealed = _native.seals(plugin, *destination)
    if not carried and not is_sealed:
        return
    headers = response.headers
    if carried:
        cookies = headers.get_all("Set-Cookie") or []
        if cookies:
            learn(plugin, b"", "", [str(cookie) for cookie in cookies])
    if response.fp is None or response.length == 0:
        return
    content_type, encoding = headers.get("Content-Type") or "", headers.get("Content-Encoding") or ""
    if is_sealed:
        _sealing.seal_response(plugin, response, destination, encoding, content_type, carried)
    elif carried and may_give_out(content_type) and not (response.length and response.length > LONGEST):
        response.fp = Listening(plugin, response.fp, bool(response.chunked), response.length, encoding)


def watch_gevent(plugin: Plugin, response: Any, destination: tuple[str, str, int], carried: bool) -> None:
    """Looks at an answer as ``geventhttpclient`` has it: its head is read, and perhaps the beginning of its body."""
    is_sealed = _native.seals(plugin, *destination)
    if not carried and not is_sealed:
        return
    headers = response._headers_index
    if carried:
        cookies = _lines(headers.get("set-cookie"))
        if cookies:
            learn(plugin, b"", "", cookies)
    content_type = ", ".join(_lines(headers.get("content-type")))
    encoding = ", ".join(_lines(headers.get("content-encoding")))
    first = bytes(response._body_buffer)
    if is_sealed:
        seal = _sealing.seal_of(plugin, encoding, content_type, f"{destination[1]}:{destination[2]}")
        if seal is None:
            return
        if "content-encoding" in headers:
            del headers["content-encoding"]
        length = response.content_length
        is_json = carried and "json" in content_type.lower()
        if response.message_complete or is_json or (length is not None and length <= _sealing.WHOLE):
            body = response.read()
            body = _sealing.sealed_whole(plugin, seal, body, destination, carried)
            response._body_buffer[:] = body
            if length is not None:
                headers["content-length"] = str(len(body))
            return
        if length is not None:
            del headers["content-length"]
        response._body_buffer[:] = seal.push(first)
        response._tegmen_seal = seal
    elif may_give_out(content_type):
        if response.message_complete:
            learn(plugin, first, encoding, [])
        else:
            response._tegmen_seen = (plugin, bytearray(first), encoding)


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(line) for line in value] if isinstance(value, (list, tuple)) else [str(value)]


def hook_gevent(response_class: Any) -> None:
    """Puts itself before what the parser of ``geventhttpclient`` calls when there is more of a body, and at its end."""
    on_body, on_complete = response_class._on_body, response_class._on_message_complete

    def watched_on_body(self: Any, data: Any) -> None:
        known = self.__dict__
        if "_tegmen_seal" in known:
            on_body(self, bytearray(known["_tegmen_seal"].push(bytes(data))))
            return
        if "_tegmen_seen" in known:
            seen = known["_tegmen_seen"][1]
            seen += data
            if len(seen) > LONGEST:
                del known["_tegmen_seen"]
        on_body(self, data)

    def watched_on_complete(self: Any) -> None:
        seal = self.__dict__.pop("_tegmen_seal", None)
        if seal is not None:
            on_body(self, bytearray(seal.finish()))
        seen = self.__dict__.pop("_tegmen_seen", None)
        if seen is not None:
            plugin, body, encoding = seen
            learn(plugin, bytes(body), encoding, [])
        on_complete(self)

    response_class._on_body, response_class._on_message_complete = watched_on_body, watched_on_complete
