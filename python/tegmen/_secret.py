"""``Secret``: a placeholder that knows its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from tegmen import _native, _session


class Secret(str):
    """The placeholder of a secret: an ordinary ``str`` that stands for the value everywhere except on the wire.

    Put it into headers, URLs, JSON, forms, cookies or Basic authentication as you would the value.
    """

    __slots__ = ("_name",)

    _name: str

    def __new__(cls, placeholder: object = "", name: str | None = None) -> Secret:
        if name is None:
            # `type(old)(new)`, as Locust's web UI does: what is no placeholder is text.
            from tegmen import _environ

            text = str.__str__(placeholder) if isinstance(placeholder, str) else str(placeholder)
            return _environ.known(text)  # type: ignore[no-any-return]
        secret = super().__new__(cls, placeholder)
        secret._name = name
        return secret

    @property
    def name(self) -> str:
        """The name in the manifest."""
        return self._name

    def reveal(self) -> str:
        """The real value, for what cannot use a placeholder: signing, protocols other than HTTP.

        What is revealed is in Python's memory until the garbage collector reuses it; outputs are still searched for it.

        Raises:
            UnicodeDecodeError: the value is not text.
            KeyError: the placeholder stands for nothing any more: a record was given back.
            BrokerError: there is no broker.
        """
        # By the placeholder: of several that have one name, as the records of a pool have, the very one or none.
        value = _session.plugin().reveal(str.__str__(self))
        if value is None:
            raise self._gone()
        return value.decode()

    def _gone(self) -> KeyError:
        return KeyError(f"there is no secret {self._name}, or it was given back")

    def hmac_sha256(self, data: bytes | str) -> bytes:
        """HMAC-SHA-256 (RFC 2104) of ``data`` under the value, which is not revealed. 32 bytes."""
        return self.hmac(data, "sha256")

    def hmac(self, data: bytes | str, digest: str = "sha256") -> bytes:
        """HMAC (RFC 2104) of ``data`` under the value, which is not revealed.

        Args:
            data: what is signed. Text is UTF-8.
            digest: ``sha256``, ``sha384``, ``sha512``, or ``sha1`` for old services.

        Raises:
            ValueError: there is no such digest.
            TypeError: a placeholder stands in the data: what is signed would not be what is sent.
        """
        raw = data.encode() if isinstance(data, str) else bytes(data)
        mac = _native.hmac(_session.plugin(), str.__str__(self), digest, raw)
        if mac is None:
            raise self._gone()
        return mac

    def sign_jwt(
        self, claims: Mapping[str, Any], algorithm: str = "HS256", *, headers: Mapping[str, Any] | None = None
    ) -> str:
        """A JSON Web Token (RFC 7519) with these claims, signed with the value, which is not revealed.

        The token is a credential: outputs show ``[NAME.jwt]`` for it. It is ordinary text: any host can be sent it.

        Args:
            claims: the claims; what is in them must be JSON. Times (``exp``, ``iat``) are seconds since 1970.
            algorithm: with a shared key ``HS256``, ``HS384``, ``HS512``; with a private key in PEM ``RS256``,
                ``RS384``, ``RS512``, ``PS256``, ``PS384``, ``PS512``; from PKCS #8 ``ES256``, ``ES384``, ``EdDSA``.
            headers: more of the token's header, such as ``kid``.

        Raises:
            ValueError: there is no such algorithm, or the value is no key for it.
            TypeError: a placeholder stands in the claims.
        """
        header = {"alg": algorithm, "typ": "JWT", **(headers or {})}
        head, body = (json.dumps(part, separators=(",", ":")).encode() for part in (header, dict(claims)))
        plugin = _session.plugin()
        token = _native.jwt(plugin, str.__str__(self), algorithm, head, body, f"{self._name}.jwt")
        if token is None:
            raise self._gone()
        return token

    def __repr__(self) -> str:
        return f"<Secret {self._name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, (str(self), self._name))

    def _refuse_number(self) -> NoReturn:
        raise TypeError(explanation(self._name, "int() or float()"))

    def __int__(self) -> int:
        self._refuse_number()

    def __float__(self) -> float:
        self._refuse_number()


def explanation(name: str, function: str) -> str:
    """The message where a function meets a placeholder that it cannot work with."""
    return (
        f"{function} needs the value of [{name}], and Python has its placeholder only. Write `reveal = true` under "
        f"[secrets.{name}] in tegmen.toml, or use secret({name!r}).reveal()"
    )
