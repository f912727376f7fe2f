"""``Secret``: a placeholder that knows its name."""

from __future__ import annotations

from typing import Any, NoReturn

from tegmen import _session


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
            BrokerError: there is no broker.
        """
        value = _session.plugin().reveal(self._name)
        if value is None:
            raise KeyError(f"there is no secret {self._name}")
        return value.decode()

    def hmac_sha256(self, data: bytes | str) -> bytes:
        """HMAC-SHA-256 (RFC 2104) of ``data`` under the value, which is not revealed. 32 bytes."""
        mac = _session.plugin().hmac_sha256(self._name, data.encode() if isinstance(data, str) else data)
        if mac is None:
            raise KeyError(f"there is no secret {self._name}")
        return mac

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
