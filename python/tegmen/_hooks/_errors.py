"""What may come out of a request that carried values: exceptions without them, neither in their text nor in the
variables of the frames that they passed."""

from __future__ import annotations

import binascii
import re
import sys

from tegmen._native import SHORTEST_PIECE, Plugin, SecretRefused

#: A method that is not longer cannot hold a piece of a placeholder.
LONGEST_METHOD = SHORTEST_PIECE - 1


class Passing(Exception):
    """Carries a refusal through urllib3, which takes an `OSError` for a broken connection and tries again."""

    def __init__(self, refusal: BaseException) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def clean(plugin: Plugin, error: BaseException) -> BaseException:
    """The exception and those it came from, without tracebacks; each in whose text a value stands is replaced by one of
    a type above it."""
    seen: dict[int, BaseException] = {}

    def cleaned(one: BaseException | None) -> BaseException | None:
        if one is None:
            return None
        if id(one) in seen:
            return seen[id(one)]
        cause, context, hidden = one.__cause__, one.__context__, one.__suppress_context__
        text = str(one)
        found = plugin.redact(f"{text}\n{one!r}") is not None
        result = _replacement(one, plugin.redact(text) or text) if found else one.with_traceback(None)
        seen[id(one)] = result
        result.__cause__, result.__context__ = cleaned(cause), cleaned(context)
        result.__suppress_context__ = hidden
        return result

    return cleaned(error) or error


def _replacement(error: BaseException, text: str) -> BaseException:
    http = sys.modules.get("http.client")
    kinds: list[type[BaseException]] = [ValueError, ConnectionError, TimeoutError]
    if http is not None:
        kinds += [http.BadStatusLine, http.HTTPException]
    for kind in kinds:
        if isinstance(error, kind):
            return kind(text)
    return OSError(text) if isinstance(error, Exception) else error


def check_method(plugin: Plugin, method: str | bytes, origin: str) -> None:
    """A method is no place for a secret, but a placeholder could be one.

    Raises:
        SecretRefused: there is one in it.
    """
    if plugin.carries(method):
        names = plugin.names_in(method)
        raise SecretRefused(f"[{names[0]}] was not sent to {origin}: it stands in the method of the request")


#: What `names_in` says of a placeholder that stands in another form.
UNKNOWN = "a secret"

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")


def name_of(plugin: Plugin, data: str | bytes) -> str:
    """The name of the first secret whose placeholder is in the data; in base64 too, as in Basic authentication."""
    names = plugin.names_in(data)
    if names[:1] != [UNKNOWN]:
        return names[0] if names else UNKNOWN
    raw = data.encode(errors="replace") if isinstance(data, str) else bytes(data)
    for match in _BASE64.finditer(raw):
        text = match[0].replace(b"-", b"+").replace(b"_", b"/")
        decoded = binascii.a2b_base64(text[: len(text) - (len(text) % 4 == 1)] + b"==")
        inner = plugin.names_in(decoded) if plugin.carries(decoded) else []
        if inner and inner[0] != UNKNOWN:
            return inner[0]
    return names[0]


def revealing(name: str) -> str:
    """What to write where the value itself is needed."""
    return f"secret({name!r}).reveal()" if name != UNKNOWN else "secret(…).reveal()"


def dialled(host: str) -> str:
    """The name that a client looks up. Sockets encode names by IDNA 2003, in which a sharp s is two."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
