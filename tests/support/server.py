"""A real HTTP server that keeps every request exactly as it came over the wire, plain or with TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One request: `head` and `raw_body` as received, the rest taken apart. `body` is without chunk framing."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    head: bytes
    raw_body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def raw(self) -> bytes:
        """Everything that came."""
        return self.head + self.raw_body


@dataclass(frozen=True)
class Response:
    """An answer. Content-Length is added; a header that is given twice is sent twice."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Type", "application/json")])
    reason: str = "Status"


Handler = Callable[[Request], "Response | None"]


class Server:
    """Listens on this machine. `respond` may be a function from request to response; None means the default one."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, respond: Handler | None = None, address: str = "127.0.0.1"
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.respond: Handler | None = respond
        self._tls = tls
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS (the certificate is for both)."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Request:
        """The request that came last."""
        return self.requests[-1]

    def close(self) -> None:
        """Stops listening and ends open connections."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            # A client that breaks off, or that does not trust our certificate, is part of what is tested.
            with contextlib.suppress(OSError, EOFError, ValueError), connection:
                stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                with stream, stream.makefile("rb") as reader:
                    while self._exchange(stream, reader):
                        pass
        finally:
            self._open.discard(connection)

    def _exchange(self, stream: socket.socket, reader: object) -> bool:
        head = _until_blank_line(reader)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _version = lines[0].split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)]
        lower = {name.lower(): value for name, value in headers}
        if lower.get("expect", "").lower() == "100-continue":
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in lower.get("transfer-encoding", "").lower():
            body, raw_body = _chunks(reader)
        else:
            body = raw_body = _exactly(reader, int(lower.get("content-length", "0")))
        request = Request(method, target, headers, body, head, raw_body)
        self.requests.append(request)
        response = (self.respond and self.respond(request)) or Response()
        stream.sendall(_bytes_of(response, method))
        return lower.get("connection", "").lower() != "close"


def _bytes_of(response: Response, method: str) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in response.headers)]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else response.body)


def _until_blank_line(reader) -> bytes:  # type: ignore[no-untyped-def]
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            raise EOFError
        head += line
    return head


def _exactly(reader, count: int) -> bytes:  # type: ignore[no-untyped-def]
    data: bytes = reader.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _chunks(reader) -> tuple[bytes, bytes]:  # type: ignore[no-untyped-def]
    body = raw = b""
    while True:
        line = reader.readline()
        size = int(line.split(b";")[0], 16)
        data = _exactly(reader, size + 2)
        raw += line + data
        if size == 0:
            return body, raw
        body += data[:-2]
