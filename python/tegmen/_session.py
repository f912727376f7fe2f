"""The connection of this process to the broker: made at first need, kept over forks."""

from __future__ import annotations

import atexit
import logging
import os
import sys

from tegmen._native import BrokerError, Plugin

#: Set by ``tegmen run``: where the broker is to be found.
CHANNEL = "TEGMEN_CHANNEL"

logger = logging.getLogger("tegmen")

#: The connection if there is one. Only what is done for every request reads it here; all else calls :func:`connected`.
current: Plugin | None = None


def is_run() -> bool:
    """Whether this process was started by ``tegmen run``."""
    return CHANNEL in os.environ


def plugin() -> Plugin:
    """The connection.

    Raises:
        BrokerError: there is no broker, or it gave nothing to this process.
    """
    global current
    if current is None:
        address = os.environ.get(CHANNEL)
        if not address:
            raise BrokerError(
                "there is no broker: the secrets are held by `tegmen run`. Start the test with "
                "`tegmen run -- locust …` (or any other command)"
            )
        current = Plugin(address)
        os.register_at_fork(after_in_child=_forked)
        _after_connecting(current)
    return current


def _forked() -> None:
    if current is not None:
        current.forked()
    pools = sys.modules.get("tegmen._pool")
    if pools is not None:
        pools.after_fork()


def connected() -> Plugin | None:
    """The connection if there is one already."""
    return current


def plugin_or_stop() -> Plugin:
    """The connection; without one the process ends here: it would go on unprotected."""
    try:
        return plugin()
    except BrokerError as error:
        stop(str(error))


def stop(message: str) -> "NoReturn":  # noqa: UP037 - typing is not imported at start
    """Ends the process at once, with a message. Not ``sys.exit``: a script could catch it and go on unprotected."""
    sys.stdout.flush()
    print(f"tegmen: {message}", file=sys.stderr, flush=True)
    os._exit(125)


def _after_connecting(plugin: Plugin) -> None:
    atexit.register(plugin.tell_counts)
    from tegmen import _environ, _guards, _logging

    _environ.connect(plugin)
    _logging.install(plugin)
    _guards.install(plugin)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn
