"""A small shop API to aim a load test at. It takes only the right key, the right password, or a session it gave out.

    python examples/shop/shop.py                    # makes up credentials and prints them
    python examples/shop/shop.py --credentials FILE # {"api_key": …, "user": …, "password": …}; "-" is standard input

Some of it behaves as real servers do and as a load test's author would not expect: an error page quotes the request,
an export redirects to another host, a login sets a cookie and answers with a token. It counts what it accepted and
refused (`GET /-/counts`) and what reached the host it redirects to. For examples and tests only.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import secrets
import signal
import string
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PRODUCTS = [{"id": number, "name": f"Teapot {number}", "price": 12 + number} for number in range(1, 21)]


class Shop:
    """What the handlers share: the credentials, the sessions, the counts."""

    def __init__(self, credentials: dict[str, str]) -> None:
        self.api_key = credentials["api_key"]
        self.user = credentials["user"]
        self.password = credentials["password"]
        self.sessions: set[str] = set()
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {"accepted": 0, "refused": 0}
        self.refusals: list[str] = []
        self.partner: list[str] = []
        self.partner_origin = ""

    def report(self) -> dict[str, Any]:
        """What a test may ask to check itself."""
        with self.lock:
            return self.counts | {
                "refusals": self.refusals,
                "partner": self.partner,
                "sessions": sorted(self.sessions),
            }

    def login(self, user: object, password: object) -> str | None:
        """A new session for the right customer."""
        if not self.is_customer(str(user), str(password)):
            return None
        token = secrets.token_urlsafe(24)
        with self.lock:
            self.sessions.add(token)
        return token

    def is_key(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self.api_key.encode())

    def is_customer(self, user: str, password: str) -> bool:
        return hmac.compare_digest(f"{user}:{password}".encode(), f"{self.user}:{self.password}".encode())

    def count(self, accepted: bool, request: str) -> None:
        with self.lock:
            self.counts["accepted" if accepted else "refused"] += 1
            if not accepted:
                self.refusals.append(request)


class Api(BaseHTTPRequestHandler):
    """The shop's own host."""

    protocol_version = "HTTP/1.1"
    shop: Shop

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/-/counts":
            self.answer(200, self.shop.report())
        elif self.allowed():
            self.page(path)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = urlsplit(self.path).path
        if path == "/login":
            self.login(body)
        elif self.allowed():
            self.answer(201, {"order": secrets.token_hex(4), "bytes": len(body)})

    def page(self, path: str) -> None:
        if path in ("/products", "/search"):
            self.answer(200, {"products": PRODUCTS})
        elif path in ("/orders", "/account"):
            self.answer(200, {"customer": self.shop.user, "orders": []})
        elif path == "/export":
            # 307: whoever follows sends the same headers to the other host.
            self.answer(307, {"see": "the partner"}, {"Location": f"{self.shop.partner_origin}/files/export.csv"})
        elif path == "/broken":
            # As a framework's debug page does: the whole request, with its Authorization.
            quoted = f"{self.requestline}\n{self.headers}"
            self.answer(500, {"error": "Teapot overflow", "request": quoted})
        else:
            self.answer(404, {"error": "no such page"})

    def login(self, body: bytes) -> None:
        try:
            form = json.loads(body)
            token = self.shop.login(form.get("user"), form.get("password"))
        except (ValueError, AttributeError):
            token = None
        self.shop.count(token is not None, self.requestline)
        if token is None:
            self.answer(401, {"error": "wrong user or password"})
        else:
            self.answer(200, {"user": self.shop.user, "token": token}, {"Set-Cookie": f"session={token}; HttpOnly"})

    def allowed(self) -> bool:
        """Counts the request; answers those that bring nothing right."""
        allowed = self.has_right_credential()
        self.shop.count(allowed, self.requestline)
        if not allowed:
            self.answer(401, {"error": "unauthorized"}, {"WWW-Authenticate": "Bearer"})
        return allowed

    def has_right_credential(self) -> bool:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            return self.shop.is_key(given) or given in self.shop.sessions
        if scheme == "Basic":
            user, _, password = base64.b64decode(given).decode(errors="replace").partition(":")
            return self.shop.is_customer(user, password)
        if key := self.headers.get("X-Api-Key"):
            return self.shop.is_key(key)
        if key := parse_qs(urlsplit(self.path).query).get("api_key"):
            return self.shop.is_key(key[0])
        cookie = self.headers.get("Cookie", "")
        return any(part.strip().removeprefix("session=") in self.shop.sessions for part in cookie.split(";"))

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a server's own log is not what this example is about."""


class Partner(Api):
    """Another host, of somebody else: keeps what it was sent."""

    def do_GET(self) -> None:
        with self.shop.lock:
            self.shop.partner.append(f"{self.requestline}\n{self.headers}")
        self.answer(200, {"rows": 3})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def made_up_credentials() -> dict[str, str]:
    """New ones, for a shop that somebody starts to try things out."""
    letters = string.ascii_letters + string.digits
    key, password = ("".join(secrets.choice(letters) for _ in range(length)) for length in (32, 24))
    return {"api_key": "sk" + "_live_" + key, "user": "load-test", "password": password}


def main() -> None:
    parser = argparse.ArgumentParser(description="A small shop API to aim a load test at.")
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--port-file", type=Path, help="write the port to this file when the server is ready")
    parser.add_argument("--credentials", help="JSON file with api_key, user and password; - is standard input")
    options = parser.parse_args()

    if options.credentials:
        text = sys.stdin.read() if options.credentials == "-" else Path(options.credentials).read_text()
        credentials = json.loads(text)
    else:
        credentials = made_up_credentials()
        print(json.dumps(credentials, indent=2), flush=True)

    shop = Shop(credentials)
    api = Server(("127.0.0.1", options.port), type("ShopApi", (Api,), {"shop": shop}))
    partner = Server(("127.0.0.1", 0), type("PartnerApi", (Partner,), {"shop": shop}))
    shop.partner_origin = f"http://127.0.0.1:{partner.server_address[1]}"
    threading.Thread(target=partner.serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = api.server_address[1]
    if options.port_file:
        part = options.port_file.with_suffix(".part")
        part.write_text(str(port))
        part.rename(options.port_file)
    print(f"The shop listens on http://127.0.0.1:{port}", flush=True)
    try:
        api.serve_forever()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
