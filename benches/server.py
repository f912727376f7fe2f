"""A server that is much faster than any load generator in Python: it answers every request with the same bytes.

Prints its port, then, for each line on standard input, how many requests it has answered so far.
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Answers(asyncio.Protocol):
    """One connection. Knows GET only: a request ends with its head."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.tail = b""

    def data_received(self, data: bytes) -> None:
        *whole, self.tail = (self.tail + data).split(b"\r\n\r\n")
        Answers.count += len(whole)
        self.transport.write(ANSWER * len(whole))  # type: ignore[attr-defined]


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(Answers.count, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
