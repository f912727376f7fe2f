"""Secret protection for Locust load tests: real values exist only on the wire.

Start the test with ``tegmen run -- locust …`` (plain ``locust`` starts itself again under it, when its script imports
this module). No change to the script is needed: ``os.environ["LOCUST_API_KEY"]`` is a placeholder then, and the plugin
puts the value into requests at the last step. This module is for scripts that want to say more::

    from tegmen import secret

    API_KEY = secret("API_KEY")
    self.client.get("/orders", headers={"Authorization": f"Bearer {API_KEY}"})

A pool (``[pools.NAME]`` in the manifest) has a record for each simulated user::

    from tegmen import pool

    customer = pool("shoppers").checkout()
    self.client.post("/login", json={"user": customer.user, "password": customer.password})

:mod:`tegmen.auth` has what is computed from a secret, without Python seeing it. :class:`Redactor` takes values out of
texts and streams, with or without a run.
"""

from __future__ import annotations

from tegmen import _plain, _session
from tegmen._native import BrokerError, Redactor, SecretRefused, __version__
from tegmen._pool import Pool, PoolEmpty, Record
from tegmen._secret import Secret

__all__ = [
    "BrokerError",
    "Pool",
    "PoolEmpty",
    "Record",
    "Redactor",
    "Secret",
    "SecretRefused",
    "__version__",
    "pool",
    "protect",
    "secret",
]

_plain.start_again()


def secret(name: str) -> Secret:
    """The secret of that name: a ``str`` that is its placeholder.

    Args:
        name: the name in the manifest, or one of the secret's environment variables.

    Raises:
        KeyError: the manifest has no such secret.
        BrokerError: the process was not started by ``tegmen run``.
    """
    plugin = _session.plugin()
    placeholder = plugin.placeholder(name)
    if placeholder is None:
        names = ", ".join(known for known, *_ in plugin.secrets()) or "none"
        raise KeyError(
            f"there is no secret {name}; this run has: {names}. Add [secrets.{name}] to tegmen.toml, or --secret "
            f"{name}=SOURCE to tegmen run"
        )
    return Secret(placeholder, name)


def pool(name: str) -> Pool:
    """The pool of that name, which gives each simulated user a record of its own.

    Args:
        name: the name in the manifest.

    Raises:
        KeyError: the manifest has no such pool.
        BrokerError: the process was not started by ``tegmen run``.
    """
    from tegmen import _pool

    return _pool.open_pool(name)


def protect(value: str, *, name: str = "TOKEN") -> Secret:
    """Takes a value that was born in the test, such as a token from a login, into protection: gives its placeholder.

    Requests to the test's own target carry the value; outputs show ``[name]``.

    Args:
        value: the value. A :class:`Secret` comes back as it is.
        name: what outputs show.

    Raises:
        BrokerError: the process was not started by ``tegmen run``.
        ValueError: the value is empty.
    """
    from tegmen import _environ

    if isinstance(value, Secret):
        return value
    if not value:
        raise ValueError(f"the value for [{name}] is empty: nothing would be protected")
    return _environ.remember(_session.plugin().protect(name, value), name)
