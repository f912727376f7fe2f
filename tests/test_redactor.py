"""`tegmen.Redactor`, on its own: no broker, no Locust."""

from __future__ import annotations

import base64
import doctest
import json
import pickle
import secrets
import subprocess
import sys
import threading
import urllib.parse
import warnings
from pathlib import Path

import pytest

import tegmen
from tegmen import Redactor

STUB = Path(tegmen.__file__).with_name("_native.pyi")


def test_the_example_of_the_documentation() -> None:
    text = STUB.read_text().split("class Redactor:", 1)[1].split('"""')[1]
    results = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(text, {}, "Redactor", str(STUB), 0))
    assert results.attempted == 6
    assert results.failed == 0


def test_values_are_found_in_every_encoding() -> None:
    value = 'p@ss "wörd"/' + secrets.token_urlsafe(12)
    redactor = Redactor({"PASSWORD": value})
    for encoded in (
        value,
        json.dumps(value)[1:-1],
        urllib.parse.quote(value, safe=""),
        value.encode().hex(),
        repr(value)[1:-1],
        base64.b64encode(value.encode() + b"  "[: -len(value.encode()) % 3]).decode().rstrip("="),
    ):
        assert redactor.redact(f"<{encoded}>").startswith("<[PASSWORD]"), encoded
    assert redactor.redact(f"<{value}>".encode()) == b"<[PASSWORD]>"


def test_clean_text_is_the_same_object() -> None:
    redactor = Redactor({"KEY": secrets.token_hex(16)})
    text, data = "nothing in here", b"nothing in here"
    assert redactor.redact(text) is text
    assert redactor.redact(data) is data
    assert redactor.counts == {}


def test_a_stream_cut_into_bytes() -> None:
    value = secrets.token_hex(16)
    redactor = Redactor({"KEY": value})
    text = f"first {value} then {value}{value[:9]}".encode()
    out = b"".join(redactor.feed(text[at : at + 1]) for at in range(len(text))) + redactor.finish()
    assert out == b"first [KEY] then [KEY]" + value[:9].encode()
    assert redactor.counts == {"KEY": 2}
    assert redactor.feed(f"again {value}.".encode()) == b"again [KEY]."


def test_values_are_added_while_a_stream_passes_and_old_ones_stay() -> None:
    redactor, old, new = Redactor(), secrets.token_hex(16), secrets.token_hex(16)
    assert redactor.feed(old.encode() + b"\n") == old.encode() + b"\n"
    redactor.add("KEY", old)
    assert redactor.feed(old.encode() + b"\n") == b"[KEY]\n"
    redactor.add("KEY", new)
    assert redactor.feed(f"{old} {new}\n".encode()) == b"[KEY] [KEY]\n"
    assert redactor.redact(f"{old} {new}") == "[KEY] [KEY]"
    assert redactor.counts == {"KEY": 5}


def test_the_tokens_of_ten_thousand_users() -> None:
    redactor = Redactor()
    tokens = [secrets.token_urlsafe(24) for _ in range(10_000)]
    for token in tokens:
        redactor.add("TOKEN", token)
    text = "\n".join(tokens)
    assert redactor.redact(text) == "\n".join(["[TOKEN]"] * len(tokens))


def test_threads_share_one() -> None:
    redactor, values = Redactor(), [secrets.token_hex(16) for _ in range(400)]
    failures: list[str] = []

    def add(part: list[str]) -> None:
        for value in part:
            redactor.add("KEY", value)
            shown = redactor.redact(f"<{value}>")
            if shown != "<[KEY]>":
                failures.append(shown)

    threads = [threading.Thread(target=add, args=(values[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert redactor.counts == {"KEY": 400}


@pytest.mark.parametrize("value", ["", "  ", "\n", "ab", b"", b"x"])
def test_empty_and_tiny_values_are_refused_and_nothing_is_masked(value: str | bytes) -> None:
    redactor = Redactor()
    with pytest.raises(ValueError, match=r"^KEY: the value "):
        redactor.add("KEY", value)
    assert redactor.redact("ab x and all the rest") == "ab x and all the rest"
    with pytest.raises(ValueError, match=r"^KEY: the value "):
        Redactor({"KEY": value})


def test_short_values_and_common_words_are_masked_where_they_stand_alone_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="PIN: the value has fewer than 6 bytes"):
        pin = Redactor({"PIN": "4711"})
    assert pin.redact("4711 14711 4711-x") == "[PIN] 14711 [PIN]-x"
    with pytest.warns(UserWarning, match="DB: the value is a common word"):
        word = Redactor({"DB": "Postgres"})
    assert word.redact("Postgres PostgreSQL") == "[DB] PostgreSQL"


def test_a_warning_that_is_an_error_adds_nothing() -> None:
    redactor = Redactor()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            redactor.add("PIN", "4711")
    assert redactor.redact("4711") == "4711"


def test_the_name_never_gives_the_value_away() -> None:
    assert Redactor({"hunter2-x": "hunter2-x"}).redact("<hunter2-x>") == "<[\N{HORIZONTAL ELLIPSIS}]>"


def test_what_is_no_text_is_refused() -> None:
    redactor = Redactor({"KEY": secrets.token_hex(16)})
    for wrong in (None, 7, ["x"], bytearray(b"x")):
        with pytest.raises(TypeError, match="only str and bytes"):
            redactor.redact(wrong)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"^KEY: the value must be str or bytes"):
        redactor.add("KEY", 123456)  # type: ignore[arg-type]


def test_text_that_is_not_unicode_passes() -> None:
    value = secrets.token_hex(16)
    redactor = Redactor({"KEY": value})
    assert redactor.redact(f"\udcff{value}\udc80") == "\udcff[KEY]\udc80"
    assert redactor.redact("\udcff") == "\udcff"


def test_it_shows_and_gives_away_nothing() -> None:
    value = secrets.token_hex(16)
    redactor = Redactor({"KEY": value})
    assert value not in repr(redactor)
    assert not hasattr(redactor, "__dict__")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(redactor)


def test_it_needs_no_run_and_imports_neither_ssl_nor_locust() -> None:
    code = "import sys, tegmen; tegmen.Redactor({'A': 'hunter2-x'}); print({'ssl', 'locust'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
