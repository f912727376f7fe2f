"""``urllib3`` beneath ``requests``, and so ``HttpUser``: the last step before the wire.

A request is looked at twice: by the pool before it connects, so that what is refused never connects, and by the
connection, which sends the values. Everything above the connection holds placeholders only.
"""

from __future__ import annotations

import functools
import ssl
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _bodies, _tls
from tegmen._native import Plugin, SecretRefused

Filled = tuple[bytes | None, list[tuple[int, bytes]], bytes | None, list[str], bool]


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "urllib3.connection":
        _connection(module.HTTPConnection, plugin)
    else:
        _pool(module, plugin)


def _destination(connection: Any) -> tuple[str, str, int]:
    """Scheme, host and port that the request goes to: behind a tunnel, not the proxy."""
    if connection._tunnel_host:
        return "https", connection._tunnel_host, connection._tunnel_port or 443
    scheme = "https" if connection.default_port == 443 else "http"
    return scheme, connection.host, connection.port or connection.default_port


def _connection(connection_class: Any, plugin: Plugin) -> None:
    request = connection_class.request

    @functools.wraps(request)
    def filling_request(self: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        scheme, host, port = _destination(self)
        gathered = _bodies.gathered(plugin, body)
        content = gathered.data if isinstance(gathered, _bodies.Whole) else gathered
        searched = content if isinstance(content, (str, bytes, bytearray)) else None
        filled: Filled | None = plugin.fill(scheme, host, port, url, headers, searched)
        if filled is None:
            if isinstance(gathered, _bodies.Whole):
                gathered = iter([gathered.data])
            return request(self, method, url, body=gathered, headers=headers, **options)
        target, values, new_body, names, tls_unverified = filled
        if scheme == "https" and not tls_unverified and not _is_verified(self):
            raise SecretRefused(
                f"[{names[0]}] was not sent to {scheme}://{host}:{port}: the connection does not verify the certificate"
            )
        sent_headers = _headers(headers, values, None if new_body is None else len(new_body))
        sent_body = gathered if new_body is None else new_body
        if isinstance(gathered, _bodies.Whole):
            sent_body = iter([gathered.data if new_body is None else new_body])
        # The target as str: what is sent is what ASCII of it there is, and it is percent-encoded.
        sent_target = url if target is None else target.decode("latin-1")
        failure = None
        try:
            request(self, method, sent_target, body=sent_body, headers=sent_headers, **options)
        except Exception as error:
            failure = error
        finally:
            # The response takes its URL from here.
            if target is not None and getattr(self, "_response_options", None) is not None:
                self._response_options = self._response_options._replace(request_url=url)
        if failure is not None:
            # Without the frames below, whose variables hold the values; and without a value in its text.
            raise _clean(plugin, failure).with_traceback(None) from None

    connection_class.request = filling_request


def _clean(plugin: Plugin, error: Exception) -> Exception:
    """The exception itself if its text is clean, else one of its type or of a type above."""
    redacted = plugin.redact(f"{error!s}\n{error!r}")
    error.__context__ = error.__cause__ = None
    if redacted is None:
        return error
    text = plugin.redact(str(error)) or str(error)
    return ValueError(text) if isinstance(error, ValueError) else OSError(text)


def _is_verified(connection: Any) -> bool:
    # A plain socket to a proxy that terminates TLS is not verified either.
    return bool(getattr(connection, "is_verified", False))


def _headers(headers: Any, values: list[tuple[int, bytes]], length: int | None) -> Any:
    changed = dict(values)
    # The headers of requests keep their pairs here: to go through `items()` costs ten times as much.
    stored = getattr(headers, "_store", None)
    items = stored.values() if isinstance(stored, dict) else (headers or {}).items()
    pairs = [(name, changed.get(index, value)) for index, (name, value) in enumerate(items)]
    if length is not None:
        pairs = [(name, str(length) if _lower(name) == "content-length" else value) for name, value in pairs]
    new = dict(pairs)
    if len(new) == len(pairs):
        return new
    from urllib3 import HTTPHeaderDict

    several = HTTPHeaderDict()
    for name, value in pairs:
        several.add(name, value.decode("latin-1") if isinstance(value, bytes) else value)
    return several


def _lower(name: Any) -> str:
    return (name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower()


def _pool(module: ModuleType, plugin: Plugin) -> None:
    pool_class: Any = module.HTTPConnectionPool
    urlopen = pool_class.urlopen

    @functools.wraps(urlopen)
    def checking_urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any
    ) -> Any:
        searched = body if isinstance(body, (str, bytes, bytearray)) else None
        sent = self.headers if headers is None else headers
        # What is in the body of a stream is seen by the connection; a proxy gets the absolute URL.
        filled = plugin.fill(
            self.scheme, self.host, self.port or (443 if self.scheme == "https" else 80), url, sent, searched
        )
        if filled is None or self.scheme != "https" or filled[4] or not _is_lax(self):
            return urlopen(self, method, url, body, headers, *args, **options)
        verified = _verified(self)
        try:
            return urlopen(verified, method, url, body, headers, *args, **options)
        except Exception as error:
            reason = _certificate_error(error)
            if reason is None:
                raise
            refusal = _tls.unverified(filled[3], f"https://{self.host}:{self.port}", reason)
        raise refusal

    pool_class.urlopen = checking_urlopen


def _is_lax(pool: Any) -> bool:
    if pool.cert_reqs is None:
        return False
    return pool.cert_reqs in ("CERT_NONE", "NONE", ssl.CERT_NONE) or pool.assert_hostname is False


def _verified(pool: Any) -> Any:
    """The same pool, verifying; made once."""
    verified = getattr(pool, "_tegmen_verified", None)
    if verified is None:
        context = ssl.create_default_context()
        _tls.load_authorities(context)
        verified = type(pool)(
            pool.host,
            pool.port,
            timeout=pool.timeout,
            maxsize=getattr(pool.pool, "maxsize", 1) or 1,
            block=pool.block,
            headers=pool.headers,
            retries=pool.retries,
            _proxy=pool.proxy,
            _proxy_headers=pool.proxy_headers,
            _proxy_config=pool.proxy_config,
            key_file=pool.key_file,
            cert_file=pool.cert_file,
            key_password=pool.key_password,
            ssl_context=context,
            cert_reqs="CERT_REQUIRED",
        )
        pool._tegmen_verified = verified
    return verified


def _certificate_error(error: BaseException | None) -> BaseException | None:
    """The failed verification among the causes, if that is what it was."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        error = getattr(error, "reason", None) or inner or error.__cause__ or error.__context__
        if not isinstance(error, BaseException):
            return None
        seen += 1
    return None
