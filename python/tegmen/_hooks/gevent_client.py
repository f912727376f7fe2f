"""``geventhttpclient`` beneath ``FastHttpUser``: the last step before the wire."""

from __future__ import annotations

import base64
import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import _bodies, _errors, _tls
from tegmen._native import Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "geventhttpclient.connectionpool":
        _remember_factory(module.SSLConnectionPool)
        _tunnel(module.ConnectionPool, plugin)
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


def _tunnel(pool_class: Any, plugin: Plugin) -> None:
    """CONNECT, which carries the credentials for the proxy."""
    build = pool_class._proxy_connect_request

    @functools.wraps(build)
    def filling_build(self: Any) -> Any:
        text = build(self)
        if not plugin.carries(text):
            return text
        _, *lines = text.rstrip("\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        filled = plugin.fill("http", self._connection_host, self._connection_port, "/", headers, None)
        for index, value in filled[1] if filled else ():
            text = text.replace(list(headers.values())[index], value.decode("latin-1"))
        return text

    pool_class._proxy_connect_request = filling_build


def _client(module: ModuleType, plugin: Plugin) -> None:
    client_class: Any = module.HTTPClient
    request = client_class.request

    @functools.wraps(request)
    def filling_request(self: Any, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> Any:
        if len(method) > _errors.LONGEST_METHOD:
            _errors.check_method(plugin, method, f"{self.host}:{self.port}")
        sent = {} if headers is None else headers
        if not request_uri.startswith(("/", "http")):
            # As geventhttpclient does.
            request_uri = "/" + request_uri
        if plugin.may_carry(self.default_headers) or (self.use_proxy and plugin.may_carry([self._proxy_credentials])):
            sent = _merged(self, headers)
        body = _bodies.gathered(plugin, body, sent)
        is_filled, response, failure = _send_filled(plugin, self, request, method, request_uri, body, sent)
        if failure is not None:
            raise failure
        return response if is_filled else request(self, method, request_uri, body, headers)

    client_class.request = filling_request


def _send_filled(
    plugin: Plugin, client: Any, request: Any, method: str, request_uri: str, body: Any, headers: Any
) -> tuple[bool, Any, BaseException | None]:
    """Sends the request with its values, if there is a placeholder in it: whether there is, the response, and how it
    failed. Never raises: the variables of this frame, and of those below, are values."""
    scheme, host, port, base = _destination(client)
    names: list[str] = []
    used = client
    try:
        filled = plugin.fill(scheme, host, port, base + request_uri, headers, _bodies.content(body))
        if filled is None:
            return False, None, None
        target, values, new_body, names, tls_unverified = filled
        if client.ssl and not tls_unverified:
            used = _verified(client)
        pairs = _pairs(headers)
        # Header text is sent as ISO 8859-1: decoded so, the bytes come out as they are.
        given = [(value.decode("latin-1"), pairs[index][1]) for index, value in values]
        for (index, _), (value, _) in zip(values, given, strict=True):
            pairs[index] = (pairs[index][0], value)
        if new_body is not None:
            length = str(len(new_body))
            pairs = [(name, length if name.lower() == "content-length" else value) for name, value in pairs]
        sent_uri = request_uri if target is None else target.decode("latin-1")[len(base) :]
        fields = _fields(client, pairs)
        response = request(used, method, sent_uri, _bodies.replaced(body, new_body), fields)
        # Locust and listeners read the request from here.
        if target is not None:
            given.append((sent_uri, request_uri))
        head = _as_given(response._sent_request, given)
        if head is None:
            head = client._build_request(method.upper(), request_uri, body=b"", headers=headers)
        response._sent_request = head
    except BaseException as error:
        reason = _certificate_error(error) if used is not client else None
        if reason is not None:
            return True, None, _tls.unverified(names, f"https://{client.host}:{client.port}", reason)
        return True, None, _errors.clean(plugin, error)
    return True, response, None


def _destination(client: Any) -> tuple[str, str, int, str]:
    """Scheme, host and port that the request goes to, and what stands before its target when a proxy reads it."""
    if client.ssl:
        return "https", _errors.dialled(client.host), client.port, ""
    if not client.use_proxy:
        return "http", _errors.dialled(client.host), client.port, ""
    pool = client._connection_pool
    host = f"[{client.host}]" if ":" in client.host else client.host
    return "http", pool._connection_host, pool._connection_port, f"http://{host}:{client.port}"


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
    if client.use_proxy and not client.ssl and client._proxy_credentials and "Proxy-Authorization" not in merged:
        # As geventhttpclient would add it later.
        token = base64.b64encode(client._proxy_credentials.encode()).decode("ascii")
        merged["Proxy-Authorization"] = f"Basic {token}"
    return merged


def _certificate_error(error: BaseException) -> BaseException | None:
    import ssl

    return error if isinstance(error, ssl.SSLCertVerificationError) else None


def _verified(client: Any) -> Any:
    """The client itself if it verifies, else a twin that does; made once."""
    import gevent.ssl

    pool = client._connection_pool
    context = pool.ssl_context
    # The name in the certificate may have been taken from a Host header.
    named = pool.ssl_options.get("server_hostname", client.host) == client.host
    if context.verify_mode == gevent.ssl.CERT_REQUIRED and context.check_hostname and named:
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
            disable_ipv6=pool.disable_ipv6,
            ssl_options={k: v for k, v in pool.ssl_options.items() if k not in pool.default_options}
            | {"server_hostname": client.host},
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
