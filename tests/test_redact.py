"""`tegmen redact` against the encoders of Python's own libraries: what they write is found."""

from __future__ import annotations

import base64
import csv
import html
import http.cookies
import io
import json
import random
import secrets
import shlex
import string
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape as xml_escape

import markupsafe
import pytest
from requests import PreparedRequest
from requests.utils import requote_uri

KEYBOARD = string.ascii_letters + string.digits + string.punctuation + " "


def keyboard_value(seed: int) -> str:
    """A password with everything that is on the keyboard, blanks at its ends aside; the same for the same seed."""
    source = random.Random(seed)
    return "x" + "".join(source.choice(KEYBOARD) for _ in range(24)) + "x"


VALUES = [
    secrets.token_urlsafe(32),
    secrets.token_hex(20),
    base64.b64encode(bytes(range(190, 230))).decode(),
    'it\'s "quoted" \\ back/slash',
    "tab\tand\nnew line, \x1b[31m and \x7f",
    "Grüße, naïve Straße",
    "日本語パスワード🔑漢字",
    "100%25 a+b&c=d;e?f#g <h>",
    *(keyboard_value(seed) for seed in range(12)),
]


def written_to_csv(value: str) -> str:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="").writerow([value])
    return file.getvalue()[1:-1]


def sent_as_parameter(value: str) -> str:
    request = PreparedRequest()
    request.prepare(method="GET", url="http://shop.example/", params={"key": value}, headers={})
    return str(request.url).partition("key=")[2]


def in_a_cookie(value: str) -> str:
    """As Python writes it, without the quotes around it."""
    quoted = http.cookies.SimpleCookie({"c": value})["c"].coded_value
    return inside(quoted) if quoted != value else value


def inside(text: str) -> str:
    """Without the quotes around it."""
    return text[1:-1]


ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quote": urllib.parse.quote,
    "quote, nothing safe": lambda value: urllib.parse.quote(value, safe=""),
    "quote_plus": urllib.parse.quote_plus,
    "quote, lower case": lambda value: "".join(
        part if index % 2 == 0 else part.lower()
        for index, part in enumerate(_split_percent(urllib.parse.quote(value, safe="")))
    ),
    "quote twice": lambda value: urllib.parse.quote(urllib.parse.quote(value, safe=""), safe=""),
    "encodeURIComponent": lambda value: urllib.parse.quote(value, safe="!~*'()"),
    "requests, parameter": sent_as_parameter,
    "every byte": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "json": lambda value: inside(json.dumps(value)),
    "json, not ASCII": lambda value: inside(json.dumps(value, ensure_ascii=False)),
    "json in json": lambda value: inside(json.dumps(inside(json.dumps(value)))),
    "json in a parameter": lambda value: urllib.parse.quote_plus(inside(json.dumps(value))),
    "json of PHP": lambda value: inside(json.dumps(value)).replace("/", "\\/"),
    "html.escape": html.escape,
    "xml text": xml_escape,
    "markupsafe": lambda value: str(markupsafe.escape(value)),
    "html twice": lambda value: html.escape(html.escape(value)),
    "json in html": lambda value: html.escape(inside(json.dumps(value))),
    "repr": lambda value: inside(repr(value)),
    "ascii": lambda value: inside(ascii(value)),
    "repr in a list in a message": lambda value: repr([value])[2:-2],
    "repr of bytes": lambda value: repr(value.encode())[2:-1],
    "repr of json": lambda value: repr(json.dumps({"key": value}))[10:-3],
    "json of repr": lambda value: inside(inside(json.dumps(repr(value)))) if "'" not in value else "skip",
    "shlex.quote": lambda value: shlex.quote(value + " ")[1:-2],
    "csv": written_to_csv,
    "cookie": in_a_cookie,
    "cookie of bytes": lambda value: in_a_cookie(value.encode().decode("latin-1")),
    "cookie in json": lambda value: inside(json.dumps(in_a_cookie(value.encode().decode("latin-1")))),
    "cookie in repr": lambda value: inside(repr(in_a_cookie(value.encode().decode("latin-1")))),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
}


def _split_percent(text: str) -> Iterator[str]:
    """Text and %XX in turn."""
    rest = text
    while "%" in rest:
        plain, _, rest = rest.partition("%")
        yield plain
        yield "%" + rest[:2]
        rest = rest[2:]
    yield rest


def redact(tegmen: Path, value: str, data: bytes) -> bytes:
    process = subprocess.run(
        [tegmen, "redact", "--secret", "KEY=env:KEY"],
        input=data,
        env={"KEY": value},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == b""
    return process.stdout


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_every_encoding_is_found(tegmen_bin: Path, value: str) -> None:
    texts = {name: encode(value) for name, encode in ENCODERS.items()}
    texts = {name: text for name, text in texts.items() if text != "skip"}
    # A byte that is in none of the values keeps them apart.
    out = redact(tegmen_bin, value, "\x01".join(texts.values()).encode()).decode()
    left = {name: (texts[name], text) for name, text in zip(texts, out.split("\x01"), strict=True) if text != "[KEY]"}
    assert left == {}


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["base64", "base64url"])
def test_base64_at_every_offset(tegmen_bin: Path, value: str, encode: Callable[[bytes], bytes]) -> None:
    users = ["u", "us", "use", "user@shop.example"]
    for user in users:
        text = encode(f"{user}:{value}".encode())
        out = redact(tegmen_bin, value, text)
        assert b"[KEY]" in out
        # The rest is what the user's name needs, and the characters that it shares with the value.
        assert len(out.replace(b"[KEY]", b"")) <= len(encode(f"{user}:".encode())) + 4


@pytest.mark.parametrize("value", ["Grüße, naïve Straße"])
def test_latin_1(tegmen_bin: Path, value: str) -> None:
    """requests sends user and password of Basic authentication so."""
    assert redact(tegmen_bin, value, b"<" + value.encode("latin-1") + b">") == b"<[KEY]>"
    out = redact(tegmen_bin, value, base64.b64encode(f"user:{value}".encode("latin-1")))
    assert b"[KEY]" in out


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16(tegmen_bin: Path, value: str, encoding: str) -> None:
    out = redact(tegmen_bin, value, f"<{value}>".encode(encoding))
    assert len(out) <= len("[KEY]") + 6
    assert b"[KEY]" in out


def test_requote_keeps_what_is_quoted(tegmen_bin: Path) -> None:
    value = "semi;colon,comma and space"
    assert (
        redact(tegmen_bin, value, requote_uri(f"http://shop.example/{value}").encode()) == b"http://shop.example/[KEY]"
    )


def filtered(tegmen_bin: Path, text: str, env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """`tegmen redact` with each of those variables as a secret."""
    secrets_options = [word for name in env for word in ("--secret", f"{name}=env:{name}")]
    return subprocess.run(
        [tegmen_bin, "redact", *secrets_options, *options], input=text, env=env, capture_output=True, text=True
    )


def test_an_empty_value_is_refused_before_anything_is_read(tegmen_bin: Path) -> None:
    for value in ("", "  ", "ab"):
        result = filtered(tegmen_bin, "everything\n", {"KEY": value})
        assert (result.returncode, result.stdout) == (2, ""), result
        assert "KEY" in result.stderr


def test_short_values_and_common_words_are_masked_alone_and_told(tegmen_bin: Path) -> None:
    result = filtered(tegmen_bin, "4711 14711 postgres postgresql POSTGRES\n", {"PIN": "4711", "DB": "postgres"})
    assert result.stdout == "[PIN] 14711 [DB] postgresql POSTGRES\n"
    assert "PIN: the value has fewer than 6 bytes" in result.stderr
    assert "DB: the value is a common word" in result.stderr
    assert "Use a longer one" in result.stderr


def test_what_is_shown_never_contains_a_value(tegmen_bin: Path) -> None:
    """A name that is a value, a value with another's display in it, and one that the edge of a display would make."""
    env = {"API_KEY": "API_KEY", "OTHER": "hunter2-other", "IN": "see [OTHER] there", "EDGE": "]correct-horse"}
    text = "API_KEY hunter2-other|see [OTHER] there|see hunter2-other there|hunter2-othercorrect-horse\n"
    result = filtered(tegmen_bin, text, env)
    assert result.returncode == 0
    assert not any(value in result.stdout for value in env.values()), result.stdout
    assert filtered(tegmen_bin, result.stdout, env).stdout == result.stdout, "twice is once"


def test_the_same_input_gives_the_same_output(tegmen_bin: Path) -> None:
    env = {"A": "hunter2-hunter2", "B": "hunter2-hunter2-long", "C": "2-hunter2-lo"}
    text = "hunter2-hunter2-long hunter2-hunter2 hunter2-hunter2-lo\n" * 5
    outputs = {filtered(tegmen_bin, text, dict(sorted(env.items(), reverse=back))).stdout for back in (False, True)}
    assert len(outputs) == 1
    assert outputs.pop().splitlines() == ["[B] [A] [A]"] * 5


def test_counts_are_told_without_text(tegmen_bin: Path) -> None:
    value = secrets.token_hex(16)
    result = filtered(tegmen_bin, f"{value} {value}\n", {"KEY": value}, "--counts")
    assert result.stdout == "[KEY] [KEY]\n"
    assert "masked 2 times: KEY" in result.stderr
    assert value not in result.stderr


def test_base64_in_lines(tegmen_bin: Path) -> None:
    """What `base64` and Python's MIME encoder break into lines, in the middle of the value."""
    value = secrets.token_urlsafe(24)
    for before in (35, 36, 37, 50):
        mime = base64.encodebytes(b"x" * before + value.encode() + b"y" * 60).decode()
        shown = filtered(tegmen_bin, mime, {"KEY": value}).stdout
        kept = shown.replace("[KEY]", "")
        assert "[KEY]" in shown and kept.count("\n") == mime.count("\n"), shown
        assert len(mime) - len(kept) >= len(value) * 4 // 3 - 2, shown
