"""What the run knows of its secrets, from the broker, as rows of a table. No value, no placeholder."""

from __future__ import annotations

import json
import time
from typing import Any

from tegmen._native import Plugin

#: Key and title of each column. Locust's page turns keys into camel case: they are single words.
COLUMNS = (
    ("name", "Name"),
    ("source", "Source"),
    ("version", "Version"),
    ("age", "Age"),
    ("lease", "Lease left"),
    ("hosts", "Hosts"),
    ("sent", "Sent"),
    ("refused", "Refused"),
    ("masked", "Masked"),
)

NOTHING = "\u2013"
#: Does not break in a narrow column.
BLANK = "\u00a0"


def document(plugin: Plugin) -> dict[str, Any]:
    """The overview of the run.

    Raises:
        BrokerError: the broker is gone.
    """
    overview: dict[str, Any] = json.loads(plugin.overview())
    return overview


def rows(overview: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each secret."""
    return [_row(secret, overview["targets"]) for secret in overview["secrets"]]


def _row(secret: dict[str, Any], targets: list[str]) -> dict[str, str]:
    source = secret["source"]
    if secret["reveal"]:
        source += " (read by the script)"
    if secret["issued"] is not None:
        source += f": {secret['issued']} issued" if secret["issued"] != 1 else ": one issued"
    hosts = ", ".join(secret["hosts"]) or NOTHING
    if secret["hosts_are_target"]:
        hosts = f"the test's target: {hosts}" if targets else "the test's target: none yet"
    if secret["tls_unverified"]:
        hosts += " (certificate not verified)"
    age = NOTHING if secret["age"] is None else period(secret["age"])
    if secret["age"] is not None and secret["max_age"] is not None:
        age += f" of {period(secret['max_age'])}" if secret["age"] <= secret["max_age"] else ", due for rotation"
    return {
        "name": secret["name"],
        "source": source,
        "version": NOTHING if secret["version"] is None else str(secret["version"]),
        "age": age,
        "lease": _lease(secret["lease"]),
        "hosts": hosts,
        "sent": ", ".join(f"{count} to {to}" for to, count in sorted(secret["sent"].items())) or _unsent(secret),
        "refused": ", ".join(_refused(one) for one in secret["refused"]) or NOTHING,
        "masked": ", ".join(f"{count} in {channel}" for channel, count in sorted(secret["masked"].items())) or NOTHING,
    }


def _unsent(secret: dict[str, Any]) -> str:
    # What a target has issued is a text of the script, whose requests are not counted.
    return NOTHING if secret["issued"] is not None and not secret["hosts"] else "never"


def _refused(one: dict[str, Any]) -> str:
    why = f" ({one['why']})" if one["why"] else ""
    return f"{one['count']} to {one['to']}{why}"


def _lease(seconds: int | None) -> str:
    """What is left, and until when: the page stands still while no test runs."""
    if seconds is None:
        return NOTHING
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
    return f"{period(seconds)}, until {until}" if seconds else "ended"


def period(seconds: int) -> str:
    """A period in its two largest units."""
    for size, unit, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{BLANK}{unit}" + (f" {rest}{BLANK}{small}" if rest else "")
    return f"{seconds}{BLANK}s"
