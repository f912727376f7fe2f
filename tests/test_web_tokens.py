"""Tokens that the target issues during the test, in Locust's web UI, in a real browser: the tab "Secrets" counts them
by name, and no tab, no page and nothing that the browser was sent shows one, though the target quotes them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_web_tab import browser, cells

from conftest import Project
from demo.forms import found
from support.server import Request, Response, Server
from support.web import WebUI, forked, wait_for

__all__ = ["browser"]

LOCUSTFILE = """
import json
from locust import FastHttpUser, HttpUser, constant, task
from tegmen import secret

PASSWORD = secret("PASSWORD")

class Shopper({user}):
    wait_time = constant(0.2)

    @task
    def log_in(self):
        with self.client.post("/login", json={{"password": PASSWORD}}, catch_response=True) as response:
            response.success()
        token = (response.json() if callable(response.json) else response.js)["access_token"] \\
            if hasattr(response, "json") else response.js["access_token"]
        print("logged in with", token, response.headers.get("Set-Cookie"), flush=True)
        with self.client.get(f"/orders/{{token}}", headers={{"Authorization": f"Bearer {{token}}"}},
                             catch_response=True) as response:
            response.failure(f"the target says {{response.text}}")
        raise RuntimeError(f"no orders for {{token}}: {{response.text}}")
"""

#: What the page of each tab has to show, so that it has something to say.
TABS = {
    "Statistics": "/orders/[ACCESS_TOKEN]",
    "Failures": "the target says GET /orders/[ACCESS_TOKEN]",
    "Exceptions": "no orders for [ACCESS_TOKEN]",
    "Logs": "no orders for [ACCESS_TOKEN]",
    "Secrets": "ACCESS_TOKEN",
}
PAGES = ("/", "/stats/requests", "/exceptions", "/logs", "/stats/report", "/tegmen/secrets", "/stats/failures/csv")


class Shop:
    """Gives out a token and a session with each login, and quotes them when it is asked for something."""

    def __init__(self) -> None:
        self.issued: list[str] = []

    def __call__(self, request: Request) -> Response:
        if request.target == "/login":
            access, session = (f"{secrets.token_urlsafe(24)}7a" for _ in range(2))
            self.issued += [access, session]
            headers = [("Content-Type", "application/json"), ("Set-Cookie", f"sessionid={session}; HttpOnly")]
            return Response(200, json.dumps({"access_token": access}).encode(), headers)
        return Response(500, request.raw, [("Content-Type", "text/plain"), ("X-Echo", request.header("cookie") or "")])


@pytest.fixture
def shop() -> Shop:
    return Shop()


def shown(page: Any, tab: str, wanted: str) -> str:
    """A tab, once it shows what it has to; the whole document with what is in fields."""
    page.get_by_role("tab", name=tab).click()
    wait_for(lambda: wanted in page.inner_text("body").lower(), lambda: f"{tab}: {page.inner_text('body')}", 20)
    content: str = page.content()
    fields = page.evaluate("[...document.querySelectorAll('input, textarea')].map(field => field.value).join('\\n')")
    return f"{content}\n{page.evaluate('document.body.innerText')}\n{fields}"


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("processes", [0, 2], ids=["alone", "workers"])
def test_tokens_of_the_test_in_every_tab(
    project: Project,
    tegmen_bin: Path,
    make_server: Callable[..., Server],
    shop: Shop,
    browser: Any,
    user: str,
    processes: int,
) -> None:
    target = make_server(respond=shop)
    password = f"p-{secrets.token_hex(12)}"
    (project.path.parent / "password").write_text(password)
    project.write("locustfile.py", LOCUSTFILE.format(user=user))
    source = ("--secret", f"PASSWORD=file:{project.path.parent / 'password'}", "--hosts", target.origin)
    workers = forked(processes) if processes else ()
    ui = WebUI.start(project.path, tegmen_bin, "--host", target.origin, *workers, options=source)
    try:
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        page.goto(ui.origin)
        page.get_by_role("button", name="Start").click()
        # Those of workers are folded away, each its own.
        wanted = TABS | ({"Logs": "Worker Logs"} if processes else {})
        texts = {tab: shown(page, tab, wanted[tab].lower()) for tab in TABS}
        wait_for(lambda: TABS["Logs"] in ui.get("/logs").text)
        page.wait_for_function("/\\d+ in stdout/.test(document.body.innerText)", timeout=20_000)
        table = cells(page)
        for path in PAGES:
            answer = ui.get(path)
            texts[path] = f"{answer.headers}\n{answer.text}"
        document = ui.get("/tegmen/secrets").json
    finally:
        output = ui.stop()
    texts["output"] = output
    for name in ("ACCESS_TOKEN", "SESSIONID"):
        issued = int(table[name]["Source"].removeprefix("the target: ").removesuffix(" issued"))
        assert 1 < issued <= len(shop.issued) / 2, "they are counted"
        assert table[name]["Hosts"] == table[name]["Sent"] == "\u2013"
    assert "in stdout" in table["ACCESS_TOKEN"]["Masked"] and "in stdout" in table["SESSIONID"]["Masked"]
    for channel in ("failures", "exceptions"):
        assert f" in {channel}" in table["ACCESS_TOKEN"]["Masked"], table
    counts = {one["name"]: one["masked"] for one in document["secrets"]}
    assert counts["ACCESS_TOKEN"]["stdout"] >= 1 and counts["SESSIONID"]["stdout"] >= 1
    assert len(shop.issued) >= 2
    for tab, text in texts.items():
        for value in (password, *shop.issued):
            assert not found(value, text), f"{tab} shows it"
    assert "logged in with [ACCESS_TOKEN] sessionid=[SESSIONID]" in output
    sent = [request for request in target.requests if request.target.startswith("/orders/")]
    assert sent and all(request.target.rpartition("/")[2] in shop.issued for request in sent), "the tokens work"
