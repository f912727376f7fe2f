"""A server that ends badly: each path is a way. It keeps what it has read."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

#: What is sent in answer, by path; `{sent}` is the request as it came. Then the connection is closed.
ANSWERS: dict[str, bytes] = {
    "/nothing": b"",
    "/half-a-line": b"HTTP/1.1 20",
    "/half-a-head": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Half: of it",
    "/half-a-head-that-quotes": b"HTTP/1.1 200 OK\r\nX-Echo: {line}",
    "/no-body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "/half-a-body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"half" * 30,
    "/half-a-body-that-quotes": b"HTTP/1.1 500 Oops\r\nContent-Length: 99999\r\n\r\n{sent}",
    "/half-a-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nhalf",
    "/half-a-chunk-that-quotes": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{sent}",
    "/half-a-body-in-json-that-quotes": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{sent}"
    ),
    "/half-a-large-body-that-quotes": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{sent}" + b"half of it " * 9000
    ),
    "/no-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    "/rubbish": bytes(range(256)) * 4,
    "/rubbish-that-quotes": b"{sent}",
    "/no-version": b"HTTP 200 OK\r\n\r\nbody",
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "/bad-gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x8bgarbage",
    "/endless-head": b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000,
}
#: These stay open, and say no more.
SILENT = {
    "/silent": b"",
    "/silent-in-the-head": b"HTTP/1.1 200 OK\r\nX-Ha",
    "/silent-in-the-body": ANSWERS["/no-body"] + b"ha",
}
#: These are reset: as soon as the first bytes are there, or after the whole head.
RESET = ("/reset-at-once", "/reset-after-the-head")

PATHS = (*ANSWERS, *SILENT, *RESET)


class Rude:
    """Listens on this machine. Use it as a context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.read: list[bytes] = []
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Rude:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            sent = connection.recv(24)
            if b" /reset-at-once" not in sent:
                while b"\r\n\r\n" not in sent:
                    sent += _more(connection)
            path = sent.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
            if path in RESET:
                self.read.append(sent)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            while not _is_whole(sent):
                sent += _more(connection)
            self.read.append(sent)
            line = sent.partition(b"X-Key: ")[2].partition(b"\r\n")[0]
            answer = ANSWERS.get(path, SILENT.get(path, b""))
            connection.sendall(answer.replace(b"{sent}", sent).replace(b"{line}", line))
            if path in SILENT:
                self._ended.wait(3)


def _more(connection: socket.socket) -> bytes:
    more = connection.recv(65536)
    if not more:
        raise OSError("gone")
    return more


def _is_whole(sent: bytes) -> bool:
    """Whether head and body are there."""
    head, _, body = sent.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)
