"""A TCP relay that keeps what passes.

It stands between Locust's workers and their master, as somebody on the network could.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Listens on 127.0.0.1 and passes everything on to another port of it. `seen` is what went by, both ways."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._seen: list[bytearray] = []
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def seen(self) -> bytes:
        """The bytes of all connections, each direction by itself."""
        return b"\n".join(bytes(stream) for stream in self._seen)

    def close(self) -> None:
        for some in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                some.shutdown(socket.SHUT_RDWR)
            some.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                # The master is not there yet; ZMQ tries again.
                near.close()
                continue
            self._sockets += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        seen = bytearray()
        self._seen.append(seen)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                seen += data
                target.sendall(data)
        for some in (source, target):
            with contextlib.suppress(OSError):
                some.shutdown(socket.SHUT_RDWR)
