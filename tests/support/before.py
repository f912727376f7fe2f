"""A proxy before Vault: it counts what passes, and can let something happen after an answer."""

from __future__ import annotations

import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Callable


class Before:
    """Passes requests on to a server. Use it as a context manager."""

    def __init__(self, server: str, after: Callable[[str, str], None] | None = None) -> None:
        #: Method and path of each request, in order.
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                outer.seen.append((self.command, self.path))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
                headers = {"X-Vault-Token": self.headers.get("X-Vault-Token") or ""}
                request = urllib.request.Request(server + self.path, body, headers, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=20) as response:
                        status, text = response.status, response.read()
                except urllib.error.HTTPError as error:
                    with error:
                        status, text = error.code, error.read()
                if after:
                    after(self.command, self.path)
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_LIST = pass_on

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Before:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
