"""``urllib3`` beneath ``requests``, and so ``HttpUser``: the last step before the wire.

A connection fills what it sends, before it connects. With TLS it connects before it knows what it is to send: so there
the pool looks at the request first, so that what is refused never connects. Everything above the connection holds
placeholders only.
"""

from __future__ import annotations

import functools
import socket
import ssl
from types import ModuleType
from typing import Any

from tegmen import _native, _session
from tegmen._hooks import _answers, _bodies, _errors, _tls, http_client
from tegmen._native import Plugin, SecretRefused
from tegmen._origin import usual_port

Filled = tuple[bytes | None, list[tuple[int, bytes]], bytes | None, list[str], bool]


def apply(module: ModuleType) -> None:
    plugin = _session.plugin_or_stop() if _session.is_run() else _session.connected()
    if plugin is None:
        return
    if module.__name__ == "urllib3.connection":
        _see_ipv6()
        _connection(module.HTTPConnection, plugin)
    else:
        _pool(module, plugin)


def _see_ipv6() -> None:
    """Where there is IPv6, it is used. urllib3 tries to listen at ``::1`` to find out, which a sandbox refuses."""
    from urllib3.util import connection

    if connection.HAS_IPV6 or not socket.has_ipv6:
        return
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            # Nothing is sent by that.
            probe.connect(("::1", 9))
    except OSError:
        return
    connection.HAS_IPV6 = True


def _connection(connection_class: Any, plugin: Plugin) -> None:
    request, tunnel, end_of_any = connection_class.request, connection_class._tunnel, connection_class.endheaders
    # Only a connection of another class has some.
    connection_class._socks_options = None
    # That of http.client without the hook which does the same for connections of its own kind.
    end = getattr(end_of_any, "__wrapped__", end_of_any)

    @functools.wraps(request)
    def filling_request(self: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        if body is None:
            # The head is filled where it is sent.
            return request(self, method, url, headers=headers, **options)
        carried = _native.carried(plugin, body) if type(body) in (bytes, str) else _answers.PLACEHOLDER
        if carried != _answers.PLACEHOLDER and not _bodies.packs(headers):
            if carried:
                self._tegmen_carried = True
            return request(self, method, url, body=body, headers=headers, **options)
        scheme, host, port = http_client.destination(self)
        _errors.check_method(plugin, method, f"{scheme}://{host}:{port}")
        body = _bodies.gathered(plugin, body, headers)
        is_filled, failure = _send_filled(
            plugin, self, (scheme, host, port), request, method, url, body, headers, options
        )
        if failure is not None:
            raise _passing(self, failure)
        response: Any = None if is_filled else request(self, method, url, body=body, headers=headers, **options)
        return response

    @functools.wraps(end)
    def filling_end(self: Any, message_body: Any = None, **options: Any) -> Any:
        if message_body is not None:
            return end_of_any(self, message_body, **options)
        head = b"\r\n".join(self._buffer)
        carried = _native.carried(plugin, head, self.host)
        if carried != _answers.PLACEHOLDER:
            if carried:
                self._tegmen_carried = True
            return end(self, **options)
        destination = http_client.destination(self)
        failure = _refused_by_socks(plugin, self, head, destination) if self._socks_options is not None else None
        if failure is None:
            failure = http_client.send_head(plugin, self, end, head, destination, _is_verified, options)
        if failure is not None:
            # Nothing was sent, or not all of it: what follows must not be taken for the rest.
            del self._buffer[:]
            self.close()
            raise _passing(self, failure)
        return None

    @functools.wraps(tunnel)
    def filling_tunnel(self: Any) -> Any:
        """CONNECT, which carries the credentials for the proxy."""
        if plugin.is_clear(self._tunnel_headers):
            return tunnel(self)
        given = self._tunnel_headers
        failure = _connect_filled(plugin, self, tunnel)
        self._tunnel_headers = given
        if failure is not None:
            raise failure
        return None

    connection_class.request, connection_class._tunnel = filling_request, filling_tunnel
    connection_class.endheaders = filling_end


def _passing(connection: Any, failure: BaseException) -> BaseException:
    """What to raise: refusals of a pool's connection are unwrapped by the pool."""
    is_pooled = getattr(connection, "_tegmen_is_pooled", False) and isinstance(failure, SecretRefused)
    return _errors.Passing(failure) if is_pooled else failure


def _refused_by_socks(
    plugin: Plugin, connection: Any, head: bytes, destination: tuple[str, str, int]
) -> BaseException | None:
    """A SOCKS proxy reads what has no TLS as well: the same question, with its address. Never raises."""
    scheme, host, port = destination
    if scheme != "http":
        return None
    socks = connection._socks_options
    method, target, rest = head.split(b" ", 2)
    name = f"[{host}]" if ":" in host else host
    try:
        absolute = b" ".join((method, f"http://{name}:{port}".encode() + target, rest))
        plugin.fill_head("http", socks["proxy_host"], int(socks["proxy_port"] or 1080), absolute, look=True)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


def _send_filled(
    plugin: Plugin,
    connection: Any,
    destination: tuple[str, str, int],
    request: Any,
    method: str,
    url: str,
    body: Any,
    headers: Any,
    options: dict[str, Any],
) -> tuple[bool, BaseException | None]:
    """Sends the request with its values, if there is a placeholder in it: whether there is, and how it failed.

    Never raises: the variables of this frame, and of those below, are values.
    """
    scheme, host, port = destination
    names: list[str] = []
    try:
        filled: Filled | None = plugin.fill(scheme, host, port, url, headers, _bodies.content(body))
        if filled is None:
            return False, None
        _, _, new_body, names, tls_unverified = filled
        if scheme == "https" and not tls_unverified and not _is_verified(connection):
            plugin.unsent(names, scheme, host, port)
            return True, _tls.not_verified(names, f"https://{host}:{port}")
        connection._tegmen_carried = True
        socks = getattr(connection, "_socks_options", None)
        if socks is not None and scheme == "http":
            # This proxy reads the request as well: the same question again, with its address.
            address = socks["proxy_host"], int(socks["proxy_port"] or 1080)
            name = f"[{host}]" if ":" in host else host
            plugin.fill("http", *address, f"http://{name}:{port}{url}", headers, _bodies.content(body), look=True)
        # The head is filled where it is sent: tracers sit before `putrequest`. All of it is counted by now.
        given = headers if new_body is None else _headers(headers, [], len(new_body))
        connection._tegmen_counted = True
        try:
            request(connection, method, url, body=_bodies.replaced(body, new_body), headers=given, **options)
        finally:
            connection._tegmen_counted = False
    except BaseException as error:
        http_client.unsent(plugin, connection, names, destination)
        return True, _errors.clean(plugin, error)
    return True, None


def _connect_filled(plugin: Plugin, connection: Any, tunnel: Any) -> BaseException | None:
    """CONNECT with values. Never raises, as above."""
    scheme = "https" if getattr(connection.proxy, "scheme", "http") == "https" else "http"
    try:
        headers = connection._tunnel_headers
        filled: Filled | None = plugin.fill(scheme, connection.host, connection.port, "/", headers, None)
        if filled is not None:
            sent = _headers(headers, filled[1], None).items()
            connection._tunnel_headers = {
                name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in sent
            }
        tunnel(connection)
    except BaseException as error:
        return _errors.clean(plugin, error)
    return None


def _is_verified(connection: Any) -> bool:
    # A plain socket to a proxy that terminates TLS is not verified either.
    if not getattr(connection, "is_verified", False):
        return False
    return bool(connection.assert_fingerprint) or _names_host(connection, connection.server_hostname)


def _names_host(pool_or_connection: Any, server_hostname: Any) -> bool:
    """Whether it is the name of the host that the certificate is checked for."""
    host = getattr(pool_or_connection, "_tunnel_host", None) or pool_or_connection.host
    asserted = pool_or_connection.assert_hostname
    if asserted is False:
        return False
    return all(name in (None, "") or _plain(name) == _plain(host) for name in (asserted, server_hostname))


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


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
    urlopen, new_connection = pool_class.urlopen, pool_class._new_conn

    @functools.wraps(new_connection)
    def marking_new_connection(self: Any, *args: Any, **options: Any) -> Any:
        connection = new_connection(self, *args, **options)
        connection._tegmen_is_pooled = True
        return connection

    @functools.wraps(urlopen)
    def checking_urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any
    ) -> Any:
        use = None
        if self.scheme != "http":
            sent = self.headers if headers is None else headers
            if not plugin.is_clear(url, sent, body, self.host):
                # What is in a stream has to be known before connecting; without TLS the connection does that later.
                body = _bodies.gathered(plugin, body, sent)
                use = _checked(plugin, self, url, sent, body)
        try:
            return urlopen(use[0] if use else self, method, url, body, headers, *args, **options)
        except _errors.Passing as passing:
            refusal = passing.refusal
        except Exception as error:
            reason = _certificate_error(error) if use else None
            if use is None or reason is None:
                raise
            refusal = _tls.unverified(use[1], f"https://{self.host}:{self.port}", reason)
        raise refusal

    pool_class.urlopen, pool_class._new_conn = checking_urlopen, marking_new_connection


def _checked(plugin: Plugin, pool: Any, url: str, headers: Any, body: Any) -> tuple[Any, list[str]] | None:
    """Refuses what must not be sent. If a connection of this pool would not be verified, and has to be: the pool to use
    instead, and the secrets that need it."""
    port = pool.port or usual_port(pool.scheme)
    # A proxy gets the absolute URL.
    filled = plugin.fill(pool.scheme, _errors.dialled(pool.host), port, url, headers, _bodies.content(body), look=True)
    if filled is None or pool.scheme != "https" or filled[4] or not _is_lax(pool):
        return None
    return _verified(pool), filled[3]


def _is_lax(pool: Any) -> bool:
    if pool.assert_fingerprint:
        return False
    context = pool.conn_kw.get("ssl_context")
    if pool.cert_reqs is not None:
        required = pool.cert_reqs in ("CERT_REQUIRED", "REQUIRED", ssl.CERT_REQUIRED)
    else:
        required = context is None or context.verify_mode == ssl.CERT_REQUIRED
    return not required or not _names_host(pool, pool.conn_kw.get("server_hostname"))


def _verified(pool: Any) -> Any:
    """The same pool, verifying; made once."""
    verified = getattr(pool, "_tegmen_verified", None)
    if verified is None:
        context = ssl.create_default_context()
        _tls.load_authorities(context)
        if pool.ca_certs or pool.ca_cert_dir:
            context.load_verify_locations(pool.ca_certs, pool.ca_cert_dir)
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
            **{name: pool.conn_kw[name] for name in _KEPT if name in pool.conn_kw},
        )
        pool._tegmen_verified = verified
    return verified


#: Options of a pool that have nothing to do with TLS.
_KEPT = ("blocksize", "source_address")


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
