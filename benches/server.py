"""A server that is much faster than any load generator in Python: it answers every request with the same bytes.

Prints its port, then, for each line on standard input, how many requests it has answered so far. With the argument
`json` its answer is a page of a list, else two letters. A second argument is a file with a certificate and its key:
then it speaks TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

#: As shops and ticket systems have them: none of the names is that of a credential, though some look like it.
ITEMS = [
    {
        "id": 1000 + number,
        "key": f"SHOP-{number}",
        "title": f"A thing of wood, no. {number}",
        "author": "ann",
        "price": 9.5,
    }
    for number in range(80)
]


def answer(kind: str) -> bytes:
    """The whole of it."""
    body = json.dumps({"items": ITEMS, "next_page_token": None}).encode() if kind == "json" else b"ok"
    content_type = b"application/json" if kind == "json" else b"text/plain"
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)


class Answers(asyncio.Protocol):
    """One connection. Knows GET only: a request ends with its head."""

    count = 0
    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.tail = b""

    def data_received(self, data: bytes) -> None:
        *whole, self.tail = (self.tail + data).split(b"\r\n\r\n")
        Answers.count += len(whole)
        self.transport.write(Answers.answer * len(whole))  # type: ignore[attr-defined]


async def main() -> None:
    Answers.answer = answer(sys.argv[1] if len(sys.argv) > 1 else "")
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[2])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(Answers.count, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
