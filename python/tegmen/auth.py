"""What is computed from a secret, without a reveal: Basic and Digest authentication, the signature of AWS.

MACs and JSON Web Tokens are methods of the secret itself: :meth:`tegmen.Secret.hmac`, :meth:`tegmen.Secret.sign_jwt`.
The classes are for ``requests`` and so for ``HttpUser`` (``auth=``); the functions give header fields for
``FastHttpUser`` and every other client.
"""

from __future__ import annotations

import base64
import datetime
import os
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from tegmen import _native, _session
from tegmen._origin import authority, usual_port

__all__ = ["AwsSigV4", "aws_headers", "basic", "digest"]

_PAIR = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def basic(username: str, password: str) -> str:
    """The value of an ``Authorization`` field for Basic authentication (RFC 7617), of a user name and a secret.

    The placeholder in it is replaced when the request is sent, base64 or not.
    """
    pair = f"{str.__str__(username)}:{str.__str__(password)}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def digest(challenge: str, username: str, password: str, method: str, url: str, body: bytes | str = b"") -> str:
    """The value of an ``Authorization`` field that answers a Digest challenge (RFC 7616)::

        response = self.client.get("/private", headers=..., catch_response=True)
        if response.status_code == 401:
            challenge = response.headers["WWW-Authenticate"]
            headers = {"Authorization": digest(challenge, "ann", PASSWORD, "GET", "/private")}

    With ``requests`` and ``HttpUser``, ``requests.auth.HTTPDigestAuth("ann", PASSWORD)`` does all of that.

    Args:
        challenge: the ``WWW-Authenticate`` field of the answer.
        username: the user, or a secret that is one.
        password: the secret.
        method: the method of the request to come.
        url: its URL, or the path and query of it. By a URL it is seen whether the secret may go there.
        body: its body, for servers that protect it (``auth-int``).

    Raises:
        ValueError: it is no Digest challenge, or of an algorithm that is not known.
        TypeError: a placeholder stands in the URL, where the server would compute with the value.
        SecretRefused: the secret is not bound to the host of the URL, which could guess it from the answer.
    """
    scheme, _, rest = challenge.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ValueError("the challenge is not one of Digest authentication")
    return answered(_parsed(rest), username, password, method, url, None, body)


def _parsed(text: str) -> dict[str, str]:
    pairs = (match.groups() for match in _PAIR.finditer(text))
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted or "") if bare is None else bare for name, quoted, bare in pairs
    }


def answered(
    challenge: Mapping[str, str],
    username: Any,
    password: Any,
    method: str,
    url: str,
    state: Any,
    body: bytes | str = b"",
) -> str:
    """The answer to a challenge that is taken apart. In ``state`` ``requests`` counts the uses of a nonce."""
    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    offered = [word.strip().lower() for word in challenge.get("qop", "").split(",") if word.strip()]
    # The body is at hand only where the caller gives it.
    qop = "auth" if "auth" in offered or not offered else offered[0]
    algorithm = challenge.get("algorithm", "MD5")
    count = 1
    if state is not None:
        count = state.nonce_count + 1 if nonce == state.last_nonce else 1
        state.nonce_count, state.last_nonce = count, nonce
    target = urllib.parse.urlsplit(url)
    uri = (target.path or "/") + (f"?{target.query}" if target.query else "")
    fields = {"qop": qop if offered else "", "count": f"{count:08x}", "cnonce": os.urandom(8).hex()}
    response = _native.digest(
        _session.plugin(),
        str.__str__(username) if isinstance(username, str) else username.decode(),
        str.__str__(password) if isinstance(password, str) else password.decode(),
        algorithm=algorithm,
        realm=realm,
        nonce=nonce,
        method=method.upper(),
        uri=uri,
        body=body.encode() if isinstance(body, str) else bytes(body),
        to=_destination(target),
        **fields,
    )
    if response is None:
        raise ValueError(
            "the password is no secret of this run: give requests the secret itself, not a text made of it"
        )
    parts = [
        f'username="{username}"',
        f'realm="{realm}"',
        f'nonce="{nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
    ]
    if "algorithm" in challenge:
        parts.append(f"algorithm={algorithm}")
    if "opaque" in challenge:
        parts.append(f'opaque="{challenge["opaque"]}"')
    if offered:
        parts.append(f'qop={qop}, nc={fields["count"]}, cnonce="{fields["cnonce"]}"')
    return "Digest " + ", ".join(parts)


def _destination(url: urllib.parse.SplitResult) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL; None where it is a path alone."""
    if not url.hostname:
        return None
    return url.scheme, url.hostname, url.port or usual_port(url.scheme)


def aws_headers(
    method: str,
    url: str,
    *,
    secret_key: str,
    access_key: str,
    region: str,
    service: str,
    session_token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | str = b"",
    payload_hash: str | None = None,
) -> dict[str, str]:
    """The header fields of a request that is signed for AWS (Signature Version 4), the given ones among them.

    The signature is computed from the request as it will go out: placeholders in it are filled for that, and
    checked as when it is sent. The secret key itself is never sent.

    Args:
        method: the method.
        url: the whole URL, with the host that it will be sent to; a blank in it is ``%20``.
        secret_key: the secret access key, a secret.
        access_key: the ID of the key, or a secret that is one.
        region: for example ``eu-central-1``.
        service: for example ``execute-api``, ``s3``, ``sqs``.
        session_token: the token of temporary credentials.
        headers: more fields, all of which are signed.
        body: the body.
        payload_hash: instead of the body's hash, for example ``UNSIGNED-PAYLOAD``.

    Raises:
        SecretRefused: a placeholder in the request must not go there.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    target = urllib.parse.urlsplit(url)
    scheme, host, port = _destination(target) or (target.scheme, "", 80)
    sent = {str(name): str.__str__(value) for name, value in (headers or {}).items()}
    lower = {name.lower() for name in sent}
    if "host" not in lower:
        sent["Host"] = authority(scheme, host, port)
    sent["X-Amz-Date"] = time = now.strftime("%Y%m%dT%H%M%SZ")
    if session_token is not None:
        sent["X-Amz-Security-Token"] = str.__str__(session_token)
    signed = _native.aws(
        _session.plugin(),
        str.__str__(secret_key),
        time=time,
        region=region,
        service=service,
        method=method.upper(),
        scheme=scheme,
        host=host,
        port=port,
        target=(target.path or "/") + (f"?{target.query}" if target.query else ""),
        headers=[(name, value) for name, value in sent.items() if name.lower() not in _NOT_SIGNED],
        body=body.encode() if isinstance(body, str) else bytes(body or b""),
        body_hash=payload_hash,
    )
    if signed is None:
        raise ValueError("the secret key is no secret of this run")
    names, signature, body_hash = signed
    if service == "s3":
        sent["X-Amz-Content-SHA256"] = body_hash
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    sent["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={str.__str__(access_key)}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


#: What proxies and clients change on the way.
_NOT_SIGNED = (
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
)


class AwsSigV4:
    """Signs requests for AWS: ``self.client.get(url, auth=AwsSigV4(...))`` with ``HttpUser`` and ``requests``.

    Args are those of :func:`aws_headers`.
    """

    def __init__(
        self,
        *,
        secret_key: str,
        access_key: str,
        region: str,
        service: str,
        session_token: str | None = None,
    ) -> None:
        self._options: dict[str, Any] = {
            "secret_key": secret_key,
            "access_key": access_key,
            "region": region,
            "service": service,
            "session_token": session_token,
        }

    def __call__(self, request: Any) -> Any:
        """Signs a prepared request, as ``requests`` asks of an ``auth``."""
        # A blank as `requests` writes it could be taken for a plus.
        address, mark, query = request.url.partition("?")
        request.url = address + mark + query.replace("+", "%20")
        body = request.body
        whole = body is None or isinstance(body, (str, bytes))
        headers = aws_headers(
            request.method,
            request.url,
            headers=request.headers,
            body=(body or b"") if whole else b"",
            # A stream cannot be hashed before it is sent.
            payload_hash=None if whole else "UNSIGNED-PAYLOAD",
            **self._options,
        )
        request.headers.update(headers)
        return request

    def __repr__(self) -> str:
        return f"<AwsSigV4 {self._options['service']} {self._options['region']}>"
