"""Somebody between Locust's workers and their master, who speaks ZMQ: hears every message, and may change, repeat,
withhold or make up what goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import zmq

#: Gets the direction ("up" to the master, "down" to a worker), the worker's identity and a message; gives what to send
#: in its place.
Meddle = Callable[[str, bytes, bytes], Iterable[bytes]]


def pass_on(_direction: str, _node: bytes, message: bytes) -> Iterable[bytes]:
    return [message]


class Between:
    """Listens on 127.0.0.1 for workers, and connects to the master's port under each one's identity."""

    def __init__(self, master_port: int, meddle: Meddle = pass_on) -> None:
        self.messages: list[tuple[str, bytes, bytes]] = []
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self.port: int = self._front.bind_to_random_port("tcp://127.0.0.1")
        self._master_port = master_port
        self._meddle = meddle
        self._backs: dict[bytes, zmq.Socket[bytes]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)

    def __enter__(self) -> Between:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seen(self) -> bytes:
        """Everything that went by."""
        return b"\n".join(message for _, _, message in self.messages)

    def _back(self, node: bytes) -> zmq.Socket[bytes]:
        if node not in self._backs:
            back = self._context.socket(zmq.DEALER)
            back.setsockopt(zmq.IDENTITY, node)
            back.connect(f"tcp://127.0.0.1:{self._master_port}")
            self._backs[node] = back
        return self._backs[node]

    def _work(self) -> None:
        try:
            self._pass()
        finally:
            for socket in (self._front, *self._backs.values()):
                socket.close(linger=0)
            self._context.term()

    def _pass(self) -> None:
        while not self._ended.is_set():
            poller = zmq.Poller()
            for socket in (self._front, *self._backs.values()):
                poller.register(socket, zmq.POLLIN)
            ready = dict(poller.poll(100))
            if self._front in ready:
                node, message = self._front.recv_multipart()
                self.messages.append(("up", node, message))
                for changed in self._meddle("up", node, message):
                    self._back(node).send(changed)
            for node, back in list(self._backs.items()):
                if back in ready:
                    message = back.recv()
                    self.messages.append(("down", node, message))
                    for changed in self._meddle("down", node, message):
                        self._front.send_multipart([node, changed])
