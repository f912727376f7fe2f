"""``geventhttpclient`` beneath ``FastHttpUser``: the last step before the wire."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _bodies, _tls
from tegmen._native import Plugin, SecretRefused


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "geventhttpclient.connectionpool":
        _remember_factory(module.SSLConnectionPool)
    else:
        _client(module, plugin)


def _remember_factory(pool_class: Any) -> None:
    """A pool does not keep what made its TLS context; a verified twin needs the same."""
    init = pool_class.__init__

    @functools.wraps(init)
    def remembering_init(self: Any, *args: Any, **options: Any) -> None:
        self._tegmen_factory = options.get("ssl_context_factory")
        init(self, *args, **options)

    pool_class.__init__ = remembering_init


def _client(module: ModuleType, plugin: Plugin) -> None:
    client_class: Any = module.HTTPClient
    request = client_class.request

    @functools.wraps(request)
    def filling_request(self: Any, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> Any:
        gathered = _bodies.gathered(plugin, body)
        content = gathered.data if isinstance(gathered, _bodies.Whole) else gathered
        searched = content if isinstance(content, (str, bytes, bytearray)) else None
        sent = _merged(self, headers) if plugin.may_carry(self.default_headers) else headers
        filled = plugin.fill("https" if self.ssl else "http", self.host, self.port, request_uri, sent, searched)
        if filled is None:
            if isinstance(gathered, _bodies.Whole):
                gathered = iter([gathered.data])
            return request(self, method, request_uri, gathered, headers)
        target, values, new_body, names, tls_unverified = filled
        client = self if not self.ssl or tls_unverified else _verified(self)
        pairs = _pairs(sent)
        # Header text is sent as ISO 8859-1: decoded so, the bytes come out as they are.
        given = [(value.decode("latin-1"), pairs[index][1]) for index, value in values]
        for (index, _), (value, _) in zip(values, given, strict=True):
            pairs[index] = (pairs[index][0], value)
        if new_body is not None:
            length = str(len(new_body))
            pairs = [(name, length if name.lower() == "content-length" else value) for name, value in pairs]
        sent_body = gathered if new_body is None else new_body
        if isinstance(gathered, _bodies.Whole):
            sent_body = iter([gathered.data if new_body is None else new_body])
        sent_uri = request_uri if target is None else target.decode("latin-1")
        failure: Exception | None = None
        response: Any = None
        try:
            response = request(client, method, sent_uri, sent_body, _fields(self, pairs))
        except Exception as error:
            failure = error
        if failure is not None:
            reason = _certificate_error(failure) if client is not self else None
            if reason is not None:
                raise _tls.unverified(names, f"https://{self.host}:{self.port}", reason)
            raise _clean(plugin, failure).with_traceback(None) from None
        # Locust and listeners read the request from here.
        if target is not None:
            given.append((sent_uri, request_uri))
        head = _as_given(response._sent_request, given)
        if head is None:
            head = self._build_request(method.upper(), request_uri, body=b"", headers=headers)
        response._sent_request = head
        return response

    client_class.request = filling_request


def _pairs(headers: Any) -> list[tuple[str, Any]]:
    """The header fields in their order, from the storage of geventhttpclient's own headers where there is one line for
    each: `items()` costs ten times as much."""
    if isinstance(headers, dict) and type(headers) is not dict:
        stored = list(dict.values(headers))
        if all(type(pair) is tuple for pair in stored):
            return stored
    return list((headers or {}).items())


def _fields(client: Any, pairs: list[tuple[str, Any]]) -> Any:
    """The header fields as the client takes them, also where a name has several lines."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    several = client.headers_type()
    for name, value in pairs:
        several.add(name, value)
    return several


def _as_given(head: Any, given: list[tuple[str, Any]]) -> str | None:
    """The head of a request with what stood in the place of each text that was sent. None when one is not found as it
    is. Cheaper than to build the head anew, which is a tenth of the whole request."""
    if not isinstance(head, str):
        return None
    shown: str = head
    for sent, text in given:
        if sent not in shown or not isinstance(text, str):
            return None
        shown = shown.replace(sent, text)
    return shown


def _merged(client: Any, headers: Any) -> Any:
    merged = client.headers_type()
    merged.update(client.default_headers)
    merged.update(headers or {})
    return merged


def _clean(plugin: Plugin, error: Exception) -> Exception:
    redacted = plugin.redact(f"{error!s}\n{error!r}")
    error.__context__ = error.__cause__ = None
    if redacted is None:
        return error
    text = plugin.redact(str(error)) or str(error)
    return ValueError(text) if isinstance(error, ValueError) else SecretRefused(text)


def _certificate_error(error: BaseException) -> BaseException | None:
    import ssl

    return error if isinstance(error, ssl.SSLCertVerificationError) else None


def _verified(client: Any) -> Any:
    """The client itself if it verifies, else a twin that does; made once."""
    import gevent.ssl

    pool = client._connection_pool
    context = pool.ssl_context
    if context.verify_mode == gevent.ssl.CERT_REQUIRED and context.check_hostname:
        return client
    twin = getattr(client, "_tegmen_verified", None)
    if twin is None:
        factory = getattr(pool, "_tegmen_factory", None)

        def verifying(*args: Any, **options: Any) -> Any:
            made = None
            if factory is not None and getattr(factory, "__name__", "") != "insecure_ssl_context_factory":
                # The script's own authorities and client certificate.
                try:
                    made = factory(*args, **options)
                except TypeError:
                    made = factory()
            if made is None:
                made = gevent.ssl.create_default_context()
            _tls.load_authorities(made)
            made.check_hostname = True
            made.verify_mode = gevent.ssl.CERT_REQUIRED
            return made

        proxied = client.use_proxy
        credentials = (client._proxy_credentials or "").partition(":") if proxied else ("", "", "")
        twin = type(client)(
            client.host,
            port=client.port,
            headers=client.default_headers,
            block_size=client.block_size,
            connection_timeout=pool.connection_timeout,
            network_timeout=pool.network_timeout,
            concurrency=pool.size,
            ssl=True,
            ssl_options={k: v for k, v in pool.ssl_options.items() if k not in pool.default_options},
            ssl_context_factory=verifying,
            insecure=False,
            proxy_host=pool._connection_host if proxied else None,
            proxy_port=pool._connection_port if proxied else None,
            proxy_user=credentials[0] or None,
            proxy_password=credentials[2] or None,
            version=client.version,
            headers_type=client.headers_type,
        )
        client._tegmen_verified = twin
    return twin
