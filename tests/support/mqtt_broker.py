"""A real MQTT broker (amqtt) on 127.0.0.1 that takes one user: `python -m support.mqtt_broker PORT`.

The password is in the environment. In a process of its own, because of what its library leaves open.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin


class OneUser(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in who knows the password."""

    async def authenticate(self, *, session: Any) -> bool:
        return bool(session.username == "load-test" and session.password == os.environ["PASSWORD"])


async def main() -> None:
    """Serves until it is killed."""
    listener = {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}
    broker = Broker({"listeners": {"default": listener}, "plugins": {"support.mqtt_broker.OneUser": {}}})
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
