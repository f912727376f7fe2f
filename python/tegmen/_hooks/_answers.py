"""What comes back: credentials that an answer gives out are made known to the redactor, and where the manifest wants it
the answer is sealed (:mod:`tegmen._hooks._sealing`).

An answer to a request that carried nothing secret, from a host that is not sealed, costs a look at a mark.
"""

from __future__ import annotations

from typing import Any

from tegmen import _native
from tegmen._hooks import _errors, _packing, _sealing
from tegmen._native import Plugin

#: A body that is shorter or longer is not searched for credentials.
SHORTEST, LONGEST = _native.SHORTEST_ANSWER, _native.LONGEST_ANSWER

#: What :func:`_native.carried` says of a request: a token that the target has issued is in it; a placeholder is, or
#: what may hide one.
ISSUED, PLACEHOLDER = 1, 2
#: What :func:`_native.answered` says of the head of an answer, as a sum.
REFLECTS, SEALS, GIVES_OUT, PACKED = 1, 2, 4, 8


def learn(plugin: Plugin, body: bytes, encoding: str, cookies: list[str]) -> None:
    """Lets the redactors know what an answer gives out."""
    text = _packing.decoded(encoding, body, LONGEST) if body and encoding else body
    _native.learn_answer(plugin, text or b"", cookies)


class Listening:
    """The file from which ``http.client`` reads an answer. What passes is remembered, up to a limit; at its end the
    redactor knows the credentials in it, before whoever reads has the last of it."""

    def __init__(self, plugin: Plugin, response: Any, encoding: str) -> None:
        self._plugin, self._response, self._encoding = plugin, response, encoding
        self._file, self._is_chunked, self._length = response.fp, bool(response.chunked), response.length
        self._seen: bytearray | None = bytearray()

    def _saw(self, data: Any) -> None:
        seen = self._seen
        if seen is None:
            return
        if not seen and len(data) == self._length and not self._is_chunked:
            # All of it at once, as most bodies come: nobody needs to listen any more.
            self._seen = None
            if self._response.fp is self:
                self._response.fp = self._file
            learn(self._plugin, bytes(data), self._encoding, [])
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


#: Scheme, host and port that an answer comes from; None where no host's answers are sealed.
From = tuple[str, str, int] | None


def watch(plugin: Plugin, response: Any, look: int, destination: From, carried: bool) -> None:
    """Looks at an answer as ``http.client`` has it, and with it ``urllib3``: its head is read, its body is not."""
    if look & REFLECTS:
        response.reason = plugin.redact(response.reason) or response.reason
    length = response.length
    if response.fp is None or length == 0:
        return
    headers = response.headers
    if destination is not None and _native.seals(plugin, *destination):
        content_type, encoding = headers.get("Content-Type") or "", headers.get("Content-Encoding") or ""
        _sealing.seal_response(plugin, response, destination, encoding, content_type, carried)
    elif look & GIVES_OUT and (length is None or SHORTEST <= length <= LONGEST):
        response.fp = Listening(plugin, response, (headers.get("Content-Encoding") or "") if look & PACKED else "")


def clean_gevent_head(plugin: Plugin, response: Any) -> None:
    """What a server sends back of a secret in the head of its response is a placeholder before anybody sees it."""
    headers = response._headers_index
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    changed = plugin.reflected(head.encode("latin-1", "replace"))
    if changed is not None:
        headers.clear()
        for line in changed.decode("latin-1").split("\r\n")[:-1]:
            name, _, value = line.partition(": ")
            headers.add(name, value)
    message = response.status_message
    if message:
        response.status_message = plugin.redact(message) or message


def watch_gevent(plugin: Plugin, response: Any, look: int, destination: From, carried: bool) -> None:
    """Looks at an answer as ``geventhttpclient`` has it: its head is read, and perhaps the beginning of its body."""
    if look & REFLECTS:
        clean_gevent_head(plugin, response)
    headers = response._headers_index
    if destination is not None and _native.seals(plugin, *destination):
        _seal_gevent(plugin, response, destination, carried)
    elif look & GIVES_OUT:
        encoding = ", ".join(_lines(headers.get("content-encoding"))) if look & PACKED else ""
        if response.message_complete:
            learn(plugin, bytes(response._body_buffer), encoding, [])
        else:
            _listen_gevent(plugin, response, encoding)


def _seal_gevent(plugin: Plugin, response: Any, destination: tuple[str, str, int], carried: bool) -> None:
    headers = response._headers_index
    content_type = ", ".join(_lines(headers.get("content-type")))
    encoding = ", ".join(_lines(headers.get("content-encoding")))
    seal = _sealing.seal_of(plugin, encoding, content_type, f"{destination[1]}:{destination[2]}")
    if seal is None:
        return
    if "content-encoding" in headers:
        del headers["content-encoding"]
    length = response.content_length
    is_json = carried and "json" in content_type.lower()
    if response.message_complete or is_json or (length is not None and length <= _sealing.WHOLE):
        whole, failure = _whole_gevent(plugin, response)
        if failure is not None:
            raise failure
        body = _sealing.sealed_whole(plugin, seal, whole, destination, carried)
        response._body_buffer[:] = body
        if length is not None:
            headers["content-length"] = str(len(body))
        return
    if length is not None:
        del headers["content-length"]
    response._body_buffer[:] = seal.push(bytes(response._body_buffer))
    on_body, on_complete = response._on_body, response._on_message_complete

    def sealed_body(data: Any) -> None:
        on_body(bytearray(seal.push(bytes(data))))

    def sealed_complete() -> None:
        on_body(bytearray(seal.finish()))
        _forget_watchers(response)
        on_complete()

    # What the parser calls when there is more of a body, and at its end.
    response._on_body, response._on_message_complete = sealed_body, sealed_complete


def _whole_gevent(plugin: Plugin, response: Any) -> tuple[bytes, BaseException | None]:
    """The body; and how it failed. Never raises: frames below have what was read of it, and so does the response."""
    try:
        return bytes(response.read()), None
    except BaseException as error:
        del response._body_buffer[:]
        return b"", _errors.clean(plugin, error)


def _listen_gevent(plugin: Plugin, response: Any, encoding: str) -> None:
    """Remembers what passes, up to a limit; at its end the redactor knows the credentials in it."""
    seen = bytearray(response._body_buffer)
    on_body, on_complete = response._on_body, response._on_message_complete

    def watched_body(data: Any) -> None:
        if len(seen) <= LONGEST:
            seen.extend(data)
        on_body(data)

    def watched_complete() -> None:
        if len(seen) <= LONGEST:
            learn(plugin, bytes(seen), encoding, [])
        _forget_watchers(response)
        on_complete()

    response._on_body, response._on_message_complete = watched_body, watched_complete


def _forget_watchers(response: Any) -> None:
    """They and the response refer to each other: it would have to wait for the garbage collector."""
    for name in ("_on_body", "_on_message_complete"):
        vars(response).pop(name, None)


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(line) for line in value] if isinstance(value, (list, tuple)) else [str(value)]
