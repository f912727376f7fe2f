"""The tab "Secrets" of Locust's web UI: what the run uses, how often each secret was sent and where, what was refused
and what was masked. Drawn by Locust's own page from a table, so that it looks like the other tabs.

``GET /tegmen/secrets`` gives the same as JSON. Both are behind Locust's login where there is one.
"""

from __future__ import annotations

import functools
import json
import time
from typing import Any

from tegmen import _session
from tegmen._hooks import _overview
from tegmen._native import BrokerError, Plugin

KEY = "secrets"
TAB = {"key": KEY, "title": "Secrets"}
TABLE = {"key": KEY, "structure": [{"key": key, "title": title} for key, title in _overview.COLUMNS]}

#: How often the broker is asked at most, in seconds, however many pages are open.
PAUSE = 1.0

#: What Locust calls the view with the statistics, with blueprints and before there were any.
ENDPOINTS = ("locust.request_stats", "request_stats")


def install(web_ui_class: Any) -> None:
    """Lets every page have the tab, beside those of scripts and plugins."""
    update = web_ui_class.update_template_args

    @functools.wraps(update)
    def update_with_tab(self: Any) -> None:
        update(self)
        for name, own in (("extended_tabs", TAB), ("extended_tables", TABLE)):
            others = [one for one in self.template_args.get(name) or [] if one.get("key") != KEY]
            self.template_args[name] = [*others, own]

    web_ui_class.update_template_args = update_with_tab


def serve(web_ui: Any, plugin: Plugin) -> None:
    """Gives the tab its rows, and the page its JSON."""
    from flask import Response, request

    # In older versions there is no blueprint, and no base path.
    base = getattr(web_ui.app.blueprints.get("locust"), "url_prefix", None) or ""
    asked_at, document = 0.0, dict[str, Any]()

    def overview() -> dict[str, Any]:
        nonlocal asked_at, document
        now = time.monotonic()
        if now - asked_at >= PAUSE:
            asked_at, document = now, _overview.document(plugin)
        return document

    def secrets() -> Any:
        try:
            return Response(json.dumps(overview(), indent=2) + "\n", mimetype="application/json")
        except BrokerError as error:
            return Response(json.dumps({"error": str(error)}), status=503, mimetype="application/json")

    view = web_ui.auth_required_if_enabled(secrets)
    web_ui.app.add_url_rule(f"{base}/tegmen/secrets", "tegmen_secrets", view, methods=["GET"])

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def add_rows(response: Any) -> Any:
        if request.endpoint not in ENDPOINTS or not response.is_json or response.status_code != 200:
            return response
        statistics = response.get_json()
        others = [one for one in statistics.get("extended_stats") or [] if one.get("key") != KEY]
        try:
            rows = _overview.rows(overview())
        except BrokerError as error:
            _session.logger.debug("no rows for the tab: %s", error)
            rows = []
        statistics["extended_stats"] = [*others, {"key": KEY, "data": rows}]
        response.set_data(json.dumps(statistics))
        return response
