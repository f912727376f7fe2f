"""Values that are hard to carry, made anew for every session, and what a server of another make reads in a request."""

from __future__ import annotations

import base64
import io
import json
import secrets
import string
from urllib.parse import unquote_to_bytes

from werkzeug.wrappers import Request as Parsed

from support.server import Request

LETTERS = string.ascii_letters + string.digits + '+/=&%"\\ '


def mark() -> str:
    """Twelve characters that occur nowhere else."""
    return secrets.token_hex(6)


def jwt() -> str:
    """A JSON Web Token with a made-up signature."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": f"ann-{mark()}", "exp": 1999999999}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, secrets.token_urlsafe(32)])


def hard_values() -> dict[str, str]:
    """By name. Every value holds something random, so that it can be searched for."""
    signature = f"sv=2022-11-02&ss=b&se=2030-01-01T00%3A00%3A00Z&sig={mark()}%2Bdef%3D"
    return {
        "PLAIN": f"hunter2-{mark()}",
        "SPACES": f"a b  c {mark()}",
        "QUOTES": f'it\'s "q" `b` {mark()}"',
        "RESERVED": f"&=+%/?#;,:@!$'()*[]{{}}{mark()}&x=1",
        "PERCENT": f"100%25%zz%41{mark()}%",
        "BACKSLASH": f"a\\b\\\\c\\n\\u0041\\{mark()}\\",
        "LATIN": f"é ß ü {mark()} ÿ",
        "EURO": f"5€{mark()}",
        "KANJI": f"日本語{mark()}é",
        "EMOJI": f"🔑🦗{mark()}",
        "CDATA": f"]]>x]]>{mark()}]]",
        "MARKUP": f'<a b="c">&amp;&#65;{mark()}</a>',
        "COMMAS": f"a;b,c; d=e,{mark()}",
        "EQUALS": f"=={mark()}=",
        "TEMPLATE": f"${{x}}{{{{y}}}}%s{{0}}{mark()}#{{z}}",
        # No blank at its ends: a header would lose it.
        "LONG": f"a{''.join(secrets.choice(LETTERS) for _ in range(1021))}zz",
        "JSON": json.dumps({"user": "ann", "password": f'p"w\\d €{mark()}', "n": 3, "deep": [{"k": mark()}]}),
        "JWT": jwt(),
        "URL": f"https://ann:p%40s%2Fs{mark()}@h.example/x/{mark()}9?token={mark()}",
        "DSN": f"postgresql://ann:p@s/s{mark()}@db.example:5432/shop?sslmode=require",
        "SAS": signature,
        "SIGNED": "?" + signature,
        "COOKIES": f"a={mark()}; b={mark()}",
        "MULTILINE": f"one\ntwo\r\nthree\t{mark()}",
        "DOTS": "..",
        "PIN": "4711",
        "STRIPE": "sk_" + "live_" + secrets.token_hex(12),
        "HEX32": secrets.token_hex(16),
        "BASE64": base64.b64encode(secrets.token_bytes(33)).decode(),
    }


def parsed(request: Request) -> Parsed:
    """The request as Werkzeug reads it, which shares no code with the clients or with Tegmen."""
    path, _, query = request.target.partition("?")
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": str(len(request.body)),
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    environ["CONTENT_LENGTH"] = str(len(request.body))
    return Parsed(environ)


def header(request: Request, name: str) -> str:
    """The value of a header field as servers read it: ISO 8859-1, unless it is UTF-8."""
    raw = (request.header(name) or "").encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
