"""What `docker build` talks to: takes the files that it is sent, and builds nothing."""

from __future__ import annotations

import io
import json
import socketserver
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.serving import serving


class Builds:
    """What was asked for: the options of each build, and the names of the files that came along."""

    def __init__(self, socket: Path) -> None:
        self.address = f"unix://{socket}"
        self.asked: list[tuple[dict[str, str], set[str]]] = []


@contextmanager
def daemon(folder: Path) -> Iterator[Builds]:
    """Listens on a socket in the folder."""
    builds = Builds(folder / "docker.sock")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def answer(self) -> None:
            body, url = self.body(), urlsplit(self.path)
            text = b"OK"
            if url.path.endswith("/build"):
                with tarfile.open(fileobj=io.BytesIO(body)) as files:
                    names = {file.name for file in files if file.isfile()}
                builds.asked.append(({name: values[0] for name, values in parse_qs(url.query).items()}, names))
                text = json.dumps({"stream": "Successfully built 0123456789ab\n"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.41")
            self.send_header("OSType", "linux")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_HEAD = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def address_string(self) -> str:
            return "docker"

    class Listener(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with serving(Listener(str(folder / "docker.sock"), Handler)):
        yield builds
