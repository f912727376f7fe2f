"""``requests.auth.HTTPDigestAuth`` with a secret for its password: the answer to the challenge is computed from the
value, which Python does not see; not for a host that the secret is not bound to, where a redirect may have led. Basic
authentication needs nothing: the placeholder is replaced within its base64.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._native import SecretRefused


def apply(module: ModuleType) -> None:
    auth_class: Any = module.HTTPDigestAuth
    build = auth_class.build_digest_header

    @functools.wraps(build)
    def build_with_secret(self: Any, method: str, url: str) -> Any:
        plugin = _session.connected()
        texts = [text for text in (self.username, self.password) if isinstance(text, str)]
        if plugin is None or not any(plugin.carries(text) for text in texts):
            return build(self, method, url)
        from tegmen import auth

        chal, state = self._thread_local.chal, self._thread_local
        try:
            return auth.answered(chal, self.username, self.password, method, url, state)
        except SecretRefused as refusal:
            failure = refusal
        from requests.exceptions import ConnectionError

        # As where a connection refuses it: Locust counts a request that has failed.
        raise ConnectionError(failure)

    auth_class.build_digest_header = build_with_secret
