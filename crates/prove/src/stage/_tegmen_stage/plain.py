"""A test without protection, of a script that asks for it: what it gets are plain strings."""

import json
import os

from _tegmen_stage.gate import PLAN


def stay_plain(module):
    """A test without protection does not start itself again with it."""
    if PLAN.get("plain"):
        module.start_again = lambda: None


def on_tegmen(module):
    """A test without protection, of a script that asks for it: what it gets are plain strings."""
    if not PLAN.get("plain"):
        return

    class Plain(str):
        name = ""

        def reveal(self):
            return str(self)

        def hmac_sha256(self, data):
            import hashlib
            import hmac

            return hmac.new(self.encode(), data, hashlib.sha256).digest()

    def secret(name):
        value = os.environ.get(name, os.environ.get("LOCUST_" + name))
        if value is None:
            raise KeyError(f"there is no secret {name}")
        plain = Plain(value)
        plain.name = name
        return plain

    def protect(value, *, name="TOKEN"):
        plain = Plain(value)
        plain.name = name
        return plain

    module.secret, module.protect = secret, protect
    if PLAN.get("pools"):
        module.pool = _plain_pools()


class _Record(dict):
    """A record of a pool, without protection: plain values, as items and as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def release(self):
        return None


class _Pool:
    def __init__(self, name, records):
        self.name, self._records, self._next = name, records, 0

    def __len__(self):
        return len(self._records)

    def __bool__(self):
        return bool(self._records)

    def checkout(self, *, timeout=None):
        self._next += 1
        return _Record(self._records[(self._next - 1) % len(self._records)])


def _plain_pools():
    with open(PLAN["pools"]) as file:
        pools = {name: _Pool(name, records) for name, records in json.load(file).items()}
    return lambda name: pools[name]
