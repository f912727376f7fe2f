"""``geventhttpclient`` beneath ``FastHttpUser``: the last step before the wire."""

from __future__ import annotations

import base64
import functools
import weakref
from types import ModuleType
from typing import Any

from tegmen import _native, _session
from tegmen._hooks import _answers, _bodies, _errors, _tls
from tegmen._native import Head, Plugin


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "geventhttpclient.connectionpool":
        _remember_factory(module.SSLConnectionPool)
        _tunnel(module.ConnectionPool, plugin)
    elif module.__name__ == "geventhttpclient.httplib":
        _responses(module.HTTPResponse, plugin)
    else:
        _client(module, plugin)


def _responses(response_class: Any, plugin: Plugin) -> None:
    """Responses that do not come from an `HTTPClient`."""
    complete = response_class._on_headers_complete

    @functools.wraps(complete)
    def clean_complete(self: Any) -> Any:
        result = complete(self)
        _answers.clean_gevent_head(plugin, self)
        return result

    response_class._on_headers_complete = clean_complete


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


class _Whole(Exception):
    """More than the head has to be filled, or over another connection."""


def _client(module: ModuleType, plugin: Plugin) -> None:
    client_class: Any = module.HTTPClient
    request = client_class.request
    # Whether it makes heads with values, and whether it verifies in the place of one that does not.
    client_class._tegmen_fills = client_class._tegmen_stands_in = False
    # What older versions do not have.
    for owner, name in ((client_class, "_proxy_credentials"), (module.HTTPResponse, "status_message")):
        if not hasattr(owner, name):
            setattr(owner, name, None)

    @functools.wraps(request)
    def filling_request(self: Any, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> Any:
        # Heads of one that fills are searched where they are made.
        carried, used = _answers.PLACEHOLDER, self
        if not self._tegmen_fills:
            carried = _native.carried(
                plugin, headers, body, request_uri, method, self.host, self.default_headers, self._proxy_credentials
            )
            if carried == _answers.PLACEHOLDER:
                used = _filling(plugin, self)
        if carried == _answers.PLACEHOLDER:
            response, is_secret = careful_request(self, used, method, request_uri, body, headers)
        else:
            response, is_secret = request(self, method, request_uri, body, headers), carried != 0
        look = _native.answered_gevent(plugin, response, is_secret)
        if look:
            destination = _destination(self)[:3] if look & _answers.SEALS else None
            _answers.watch_gevent(plugin, response, look, destination, is_secret)
        return response

    def careful_request(
        self: Any, used: Any, method: str, request_uri: str, body: Any, headers: Any
    ) -> tuple[Any, bool]:
        """The response, by a client that fills, and whether the request carried something secret."""
        failure: BaseException | None = None
        try:
            response = request(used, method, request_uri, body, headers)
            sent = response._sent_request
            if type(sent) is Head:
                # Without what it encodes to.
                response._sent_request = sent.written
                return response, True
            # There might have been something in it, and there was not.
            return response, _native.carried(plugin, sent, _bodies.content(body)) == _answers.ISSUED
        except _Whole:
            pass
        except BaseException as error:
            # What it looks at must not become a variable of this frame, which the traceback shows.
            failure = _failure(plugin, used, error)
            if failure is None:
                raise
        if failure is not None:
            raise failure
        return whole_request(self, method, request_uri, body, headers)

    def whole_request(self: Any, method: str, request_uri: str, body: Any, headers: Any) -> tuple[Any, bool]:
        _errors.check_method(plugin, method, f"{self.host}:{self.port}")
        sent = {} if headers is None else headers
        if not request_uri.startswith(("/", "http")):
            # As geventhttpclient does.
            request_uri = "/" + request_uri
        credentials = self._proxy_credentials if self.use_proxy else None
        if not plugin.is_clear(self.default_headers, credentials):
            sent = _merged(self, headers)
        body = _bodies.gathered(plugin, body, sent)
        is_filled, response, failure = _send_filled(plugin, self, request, method, request_uri, body, sent)
        if failure is not None:
            raise failure
        if not is_filled:
            response = request(self, method, request_uri, body, _searched(self, sent))
        return response, is_filled

    client_class.request = filling_request


def _filling(plugin: Plugin, client: Any) -> Any:
    """What sends the requests with values of a client: from now on itself, unless its connections do not verify."""
    used = client
    if client.ssl and not plugin.allows_unverified():
        used = _verified(client)
    if not used._tegmen_fills:
        used._build_request, used._tegmen_fills = _filling_build(plugin, used), True
    return used


def _filling_build(plugin: Plugin, one: Any) -> Any:
    """What makes the head of a request, for a client that has sent a secret before or is about to: with its values."""
    build, known = type(one)._build_request, weakref.ref(one)
    heads = _heads(build)

    @functools.wraps(build)
    def filling_build(method: str, request_uri: str, body: Any = b"", headers: Any = None, **options: Any) -> Any:
        client: Any = known()
        if isinstance(headers, _Searched):
            return build(client, method, request_uri, body, headers, **options)
        request = (method, request_uri, body, headers, options.get("chunked"))
        if heads and (not client.ssl or client._tegmen_stands_in or _verifies(client)):
            ready = heads.again(client, request, plugin)
            if ready is not None:
                return _meant(client, ready)
        head = build(client, method, request_uri, body, headers, **options)
        if body and (_is_packed(head) or not plugin.is_clear(body)):
            raise _Whole
        if client.ssl and not plugin.is_clear(head, client.host) and not _verifies(client):
            raise _Whole
        scheme, host, port, base = _destination(client)
        if len(method) > _errors.LONGEST_METHOD:
            _errors.check_method(plugin, method, f"{client.host}:{client.port}")
        elif heads and not base:
            heads.keep(head, (scheme, host, port), client, request)
        return _meant(client, plugin.head(scheme, host, port, head) or head)

    return filling_build


def _meant(client: Any, head: str | Head) -> str | Head:
    """The head of a request, if it is for that client: what verifies in the place of another has those with values."""
    if client._tegmen_stands_in and type(head) is str:
        raise _Whole
    return head


#: The names in `_build_request` of the versions that are known. What it writes depends on its arguments, and on those
#: of these that :class:`_native.Heads` compares.
_NAMES = """
    CRLF FIELD_VALUE_SEP HEADER_CONTENT_LENGTH HEADER_HOST HEADER_PROXY_AUTHORIZATION HEADER_TRANSFER_ENCODING
    HOST_PORT_SEP HTTP_11 PROTO_HTTP SLASH TRANSFER_ENCODING_CHUNKED ValueError WHITESPACE _BODY_CARRYING_METHODS
    _FIELD_VALUE_RE _REQUEST_TARGET_RE _TOKEN_RE _base_url_string _get_body_length _proxy_credentials
    _uses_chunked_transfer b64encode base64 decode default_headers encode fullmatch headers_type host isinstance items
    len port ssl startswith str update upper use_proxy version
"""
_ARGUMENTS = frozenset({"self", "method", "request_uri", "body", "headers", "chunked"})


def _heads(build: Any) -> _native.Heads | None:
    """What remembers the heads of a client; None where they may depend on more than is known here."""
    from geventhttpclient.header import Headers

    code = getattr(build, "__code__", None)
    if code is None or build.__module__ != "geventhttpclient.client" or code.co_freevars:
        return None
    has_inner = any(isinstance(one, type(code)) for one in code.co_consts)
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    is_known = set(code.co_names) <= set(_NAMES.split()) and _ARGUMENTS.issuperset(arguments) and not has_inner
    return _native.Heads(Headers) if is_known else None


def _is_packed(head: str) -> bool:
    return "content-encoding:" in head.lower()


def _failure(plugin: Plugin, client: Any, error: BaseException) -> BaseException | None:
    """What a request with values, which the frames of its error still know, has failed with; None for one without. One
    that never left is told."""
    variables = _request_frame(error)
    if variables is None or type(variables.get("request")) is not Head:
        return None
    names = variables["request"].secrets
    if variables.get("sock") is None:
        # Nothing could be connected to.
        scheme, host, port, _ = _destination(client)
        plugin.unsent(names, scheme, host, port)
    reason = _certificate_error(error) if client._tegmen_stands_in else None
    if reason is not None:
        return _tls.unverified(names, f"https://{client.host}:{client.port}", reason)
    return _errors.clean(plugin, error)


def _request_frame(error: BaseException) -> dict[str, Any] | None:
    """The variables of the frame of `HTTPClient.request` that the error has passed."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "request" and frame.f_globals.get("__name__") == "geventhttpclient.client":
            return frame.f_locals
        trace = trace.tb_next
    return None


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
        fields = _searched(client, pairs)
        response = request(used, method, sent_uri, _bodies.replaced(body, new_body), fields)
        # Locust and listeners read the request from here.
        if target is not None:
            given.append((sent_uri, request_uri))
        head = _as_given(response._sent_request, given)
        if head is None:
            head = type(client)._build_request(client, method.upper(), request_uri, body=b"", headers=headers)
        response._sent_request = head
    except BaseException as error:
        reason = _certificate_error(error) if used is not client else None
        variables = _request_frame(error) if names else None
        if variables is not None and variables.get("sock") is None:
            # Nothing could be connected to.
            plugin.unsent(names, scheme, host, port)
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


def _searched(client: Any, headers: Any) -> Any:
    """Headers, or pairs, with the mark that the request is as it is to go out."""
    searched = _searched_type(client.headers_type)()
    if isinstance(headers, (client.headers_type, list)):
        for name, value in headers if isinstance(headers, list) else headers.items():
            searched.add(name, value)
    else:
        searched.update(headers)
    return searched


class _Searched:
    """What marks headers so."""


@functools.cache
def _searched_type(headers_type: Any) -> Any:
    return type("Searched", (headers_type, _Searched), {})


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


def _verifies(client: Any) -> bool:
    """Whether its connections are verified, each for the host that it goes to."""
    pool = client._connection_pool
    context = pool.ssl_context
    # The name in the certificate may have been taken from a Host header.
    if not context.check_hostname or pool.ssl_options.get("server_hostname", client.host) != client.host:
        return False
    # Asked last: `verify_mode` makes a member of an enumeration, at ten times the cost.
    import ssl

    return bool(context.verify_mode == ssl.CERT_REQUIRED)


def _verified(client: Any) -> Any:
    """The client itself if it verifies, else a twin that does; made once."""
    import gevent.ssl

    if _verifies(client):
        return client
    pool = client._connection_pool
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
        client._tegmen_verified, twin._tegmen_stands_in = twin, True
    # The script may have changed them meanwhile.
    twin.default_headers = client.default_headers
    return twin
