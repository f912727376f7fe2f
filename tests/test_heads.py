"""The heads of requests that are remembered for a client of geventhttpclient are those that it would write."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from geventhttpclient.client import HTTPClient
from geventhttpclient.header import Headers
from hypothesis import given, settings
from hypothesis import strategies as st

from tegmen import _native
from tegmen._hooks import gevent_client

THERE = ("http", "127.0.0.1", 8000)
NAMES = st.sampled_from(["Accept", "accept", "X-Api-Key", "Content-Length", "Host", "Transfer-Encoding", "Cookie"])
VALUES = st.sampled_from(["a", "tgm_b", "é", "3", "chunked", "", "127.0.0.1"])
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)
TARGETS = st.sampled_from(["/", "/a", "/b?c=d", "/%20"] * 6 + ["/é", "/a b", "//c", "a", "*", "http://x/"])
BODIES = st.sampled_from([b"", b"a", b"abc", b"a" * 11] * 4 + [None, "text", bytearray(b"abc")])
NOTHING: list[Any] = [lambda client: None] * 30
CHANGES = st.sampled_from(
    [
        *NOTHING,
        lambda client: setattr(client, "host", "other.example"),
        lambda client: setattr(client, "version", "HTTP/1.0"),
        lambda client: setattr(client, "use_proxy", True),
        lambda client: setattr(client, "headers_type", type("Own", (Headers,), {})),
        lambda client: client.default_headers.update({"X-More": "1"}),
        lambda client: client.default_headers.update({"Content-Length": "1"}),
        lambda client: client.default_headers.add("User-Agent", "two"),
    ]
)
REQUESTS = st.tuples(
    CHANGES,
    st.sampled_from(["GET", "POST"] * 4 + ["G ET"]),
    TARGETS,
    BODIES,
    st.integers(0, 1),
    st.sampled_from([0, 1, 1, 1, 2]),
)


def written(
    client: Any, heads: _native.Heads, request: tuple[Any, ...], fields: list[dict[str, str]]
) -> tuple[str | _native.Head | None, str | None]:
    """What is remembered of a request, and what the client writes."""
    _, method, target, body, index, kind = request
    headers = Headers(fields[index]) if kind else fields[index] or None
    chunked = {0: None, 1: False, 2: True}[kind]
    remembered = heads.again(client, (method, target, body, headers, chunked))
    try:
        head = client._build_request(method, target, body, headers, chunked)
    except ValueError:
        return remembered, None
    heads.keep(head, THERE, client, (method, target, body, headers, chunked))
    return remembered, head


@settings(max_examples=400, deadline=None)
@given(st.lists(REQUESTS, min_size=2, max_size=12), st.lists(FIELDS, min_size=2, max_size=2), st.booleans())
def test_what_is_remembered_is_what_the_client_writes(
    requests: list[tuple[Any, ...]], fields: list[dict[str, str]], has_length: bool
) -> None:
    client = HTTPClient("127.0.0.1", 8000, headers={"Content-Length": "3"} if has_length else {})
    heads = _native.Heads(Headers)
    for request in requests:
        request[0](client)
        # Twice, as most requests are.
        for _ in range(2):
            remembered, head = written(client, heads, request, fields)
            assert remembered is None or remembered == head


def test_another_target_and_another_length_are_put_in() -> None:
    client, heads = HTTPClient("127.0.0.1", 8000), _native.Heads(Headers)
    headers = Headers({"X-Api-Key": "a", "Content-Type": "text/plain"})
    first = client._build_request("POST", "/a", b"12", headers, False)
    heads.keep(first, THERE, client, ("POST", "/a", b"12", headers, False))
    again = heads.again(client, ("POST", "/b?c=d", b"1234567890", Headers(headers), False))
    assert again == client._build_request("POST", "/b?c=d", b"1234567890", headers, False) != first
    # Neither of another method, nor with other fields, nor without a body.
    assert heads.again(client, ("PUT", "/a", b"12", headers, False)) is None
    assert heads.again(client, ("POST", "/a", b"12", Headers({"X-Api-Key": "b"}), False)) is None
    assert heads.again(client, ("POST", "/a", b"", headers, False)) is None


class Text(str):
    """What it is written as need not be what it is compared as."""


def test_nothing_is_remembered_that_is_more_than_text() -> None:
    client, heads = HTTPClient("127.0.0.1", 8000), _native.Heads(Headers)
    for headers in ({"A": 1}, {"A": Text("b")}, Headers({"A": ["b", "c"]}), type("Own", (dict,), {})(A="b")):
        request = ("GET", "/", b"", headers, None)
        heads.keep(client._build_request("GET", "/", b"", headers), THERE, client, request)
        assert heads.again(client, request) is None


def test_only_a_way_of_writing_that_is_known_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    import itertools

    count = itertools.count()

    def numbered(self: Any, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> str:
        return f"{method} {request_uri} HTTP/1.1\r\nX-Request: {next(count)}\r\n\r\n"

    assert gevent_client._heads(HTTPClient._build_request) is not None
    assert gevent_client._heads(numbered) is None
    numbered.__module__ = "geventhttpclient.client"
    assert gevent_client._heads(numbered) is None


def test_a_client_that_nobody_uses_any_more_goes_away() -> None:
    client, heads = HTTPClient("127.0.0.1", 8000), _native.Heads(Headers)
    client.headers_type = Headers
    # A loop through what is remembered.
    client.host = type("Host", (str,), {"client": client, "heads": heads})("127.0.0.1")
    heads.keep(client._build_request("GET", "/", b""), THERE, client, ("GET", "/", b"", None, None))
    known = weakref.ref(client)
    del client, heads
    gc.collect()
    assert known() is None
