"""Locust's start: is it a version that we know, and which target is the test started against?"""

from __future__ import annotations

import functools
import os
import sys
import urllib.parse
from types import ModuleType
from typing import Any

from tegmen import _session
from tegmen._hooks import locust_options
from tegmen._native import Plugin

#: The versions of Locust that the plugin was written for: from, and before (major, minor).
KNOWN = ((2, 32), (2, 48))

#: How often the broker is told what was counted, in seconds.
TELLING = 1.0

#: Set by ``tegmen run --allow-unknown-locust``.
ALLOW = "TEGMEN_ALLOW_UNKNOWN_LOCUST"


def before(module: ModuleType) -> None:
    """Before anything of Locust runs: no broker, no test."""
    if module.__name__ == "locust" and _session.is_run():
        _session.plugin_or_stop()


def apply(module: ModuleType) -> None:
    plugin = _session.connected()
    if plugin is None:
        return
    if module.__name__ == "locust":
        _check_version(module)
        plugin.ready(str(getattr(module, "__version__", "unknown")))
        module.events.init.add_listener(_on_init)
    elif module.__name__ == "locust.main":
        _add_target(_host_option())
    elif module.__name__ == "locust.debug":
        run_single_user = module.run_single_user

        @functools.wraps(run_single_user)
        def run(user_class: Any, *args: Any, **kwargs: Any) -> Any:
            _add_target(getattr(user_class, "host", None))
            return run_single_user(user_class, *args, **kwargs)

        module.run_single_user = run  # type: ignore[attr-defined]


def _check_version(module: ModuleType) -> None:
    version = str(getattr(module, "__version__", "unknown"))
    (first_major, first_minor), (last_major, last_minor) = KNOWN
    range_known = f"{first_major}.{first_minor} to {last_major}.{last_minor - 1}"
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        major, minor = 0, 0
    if (major, minor) >= KNOWN[1]:
        # What it lacks of the places that the hooks need stops it: see `_points`.
        _session.logger.warning(
            "Locust %s is newer than the versions that tegmen was tried with (%s); all places where tegmen takes hold "
            "of it are checked as they are loaded",
            version,
            range_known,
        )
    elif (major, minor) < KNOWN[0] and not os.environ.get(ALLOW):
        _session.stop(
            f"Locust {version} is not a version that tegmen knows ({range_known}): it may let secrets out in ways that "
            "are not covered. Install a known version, or run `tegmen run --allow-unknown-locust …`"
        )


def _on_init(environment: Any, **_: Any) -> None:
    """The target as it was at the start. What somebody enters in the web UI later is not the test's own target."""
    _add_target(getattr(environment, "host", None))
    for user_class in getattr(environment, "user_classes", ()):
        _add_target(getattr(user_class, "host", None))
    if plugin := _session.connected():
        locust_options.learn_secret_options(plugin, environment)
    locust_options.say_who_can_connect(environment)
    import gevent

    gevent.spawn(_tell_counts)


def _tell_counts() -> None:
    """The broker is told what was sent and masked while the test runs: for the web UI, and processes are killed."""
    import gevent

    while plugin := _session.connected():
        gevent.sleep(TELLING)
        plugin.tell_counts()


def _host_option() -> str | None:
    """``--host`` from the command line, the environment or the configuration file, by Locust's own parser: scripts may
    make requests while they are imported, before Locust has parsed its options."""
    from locust import argument_parser

    parser = argument_parser.get_empty_argument_parser(add_help=False)
    parser.add_argument("-H", "--host", env_var="LOCUST_HOST")
    # A value that is wrong is Locust's to complain about.
    try:
        options, _ = parser.parse_known_args(sys.argv[1:])
    except (SystemExit, Exception):
        return None
    host: str | None = options.host
    return host


def _add_target(host: object) -> None:
    plugin = _session.connected()
    if plugin is None or not isinstance(host, str) or not host:
        return
    _learn_credentials(plugin, host)
    if not plugin.add_target(host) and host.lower().startswith("http://"):
        _session.logger.info(
            "the target %s is plain http: a secret is sent there only if its `hosts` say so",
            plugin.redact(host) or host,
        )


def _learn_credentials(plugin: Plugin, host: str) -> None:
    """``http://user:password@host``: pages, reports and file names show the host. What is not from a secret's source is
    at least taken out of them."""
    try:
        url = urllib.parse.urlsplit(host)
        # Without a password, what stands before the `@` is a token.
        written = url.password or url.username
    except ValueError:
        return
    for text in {written, urllib.parse.unquote(written)} if written else ():
        if not plugin.carries(text) and plugin.redact(text) is None:
            plugin.learn("HOST_PASSWORD", text)
