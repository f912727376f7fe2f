"""TLS towards a host that gets a secret: verified, whatever the script says, unless the manifest opts out."""

from __future__ import annotations

import os
from typing import Any

from tegmen import _session
from tegmen._native import SecretRefused


def authorities() -> tuple[str | None, str | None]:
    """Own certificate authorities from the environment, as requests and OpenSSL name them: a file, a directory."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    directory = os.environ.get("SSL_CERT_DIR")
    if bundle and not os.path.isfile(bundle):
        bundle, directory = None, bundle
    return bundle, directory


def load_authorities(context: Any) -> None:
    """Those from the environment, and those that Python's clients ship with."""
    bundle, directory = authorities()
    if bundle or directory:
        context.load_verify_locations(bundle, directory)
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())


def unverified(names: list[str], origin: str, error: BaseException) -> SecretRefused:
    """The refusal when the certificate cannot be verified."""
    name = _counted(names, origin)
    return SecretRefused(
        f"[{name}] was not sent to {origin}: its certificate cannot be verified ({error}). Set SSL_CERT_FILE to the "
        "authority that signed it; or, to send the secret all the same, write "
        f'tls = "unverified" under [secrets.{name}]'
    )


def not_verified(names: list[str], origin: str) -> SecretRefused:
    """The refusal where a connection does not verify, and no other can be made in its place."""
    name = _counted(names, origin)
    return SecretRefused(
        f"[{name}] was not sent to {origin}: the connection does not verify that it leads there (verify=False, a "
        "context without verification, or another host name in the certificate). Let it verify; or, to send the "
        f'secret all the same, write tls = "unverified" under [secrets.{name}]'
    )


def _counted(names: list[str], origin: str) -> str:
    """Counts the refusal; gives the name that the message speaks of."""
    plugin = _session.connected()
    if plugin is not None:
        for name in names:
            plugin.refused(name, origin.removesuffix(":443"), "an unverified connection")
    return names[0] if names else "NAME"
