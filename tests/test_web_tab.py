"""The tab "Secrets" in Locust's web UI, in a real browser; and its JSON, behind Locust's login.

With `TEGMEN_SCREENSHOTS=FOLDER` it leaves pictures of the tab there, light and dark.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from demo.forms import found
from demo.openbao import OpenBao
from support.server import Server
from support.web import WebUI, forked, wait_for

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

LOCUSTFILE = """
import os
from flask import Blueprint
from locust import HttpUser, constant, events, task
from tegmen import protect

KEY, LENT = os.environ["API_KEY"], os.environ["DB_CODE"]

@events.init.add_listener
def own_tab(environment, **_):
    # As Locust's example of an extended web UI does.
    if environment.web_ui:
        environment.web_ui.template_args |= {
            "extended_tabs": [{"title": "Own tab", "key": "own"}],
            "extended_tables": [{"key": "own", "structure": [{"key": "name", "title": "Own"}]}],
        }

class Shopper(HttpUser):
    wait_time = constant(0.3)

    @task
    def get(self):
        print(protect("tok-" + os.urandom(9).hex(), name="SESSION").reveal(), flush=True)
        self.client.get("/orders", headers={"X-Key": KEY})
        self.client.get(os.environ["ELSEWHERE"] + "/steal", headers={"X-Key": KEY}, name="elsewhere")
"""

COLUMNS = ["Name", "Source", "Version", "Age", "Lease left", "Hosts", "Sent", "Refused", "Masked"]


@pytest.fixture
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


def cells(page: Any) -> dict[str, dict[str, str]]:
    """The table by the name in its first column."""
    titles = page.locator("thead th").all_inner_texts()
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    rows = [[cell.replace("\u00a0", " ") for cell in row] for row in rows]
    return {row[0]: dict(zip(titles, row, strict=True)) for row in rows}


def test_the_tab_in_a_browser(
    project: Project, tegmen_bin: Path, make_server: Callable[..., Server], bao: OpenBao, browser: Any
) -> None:
    target, elsewhere = make_server(), make_server()
    value, name = secrets.token_hex(12), f"tab-{secrets.token_hex(4)}"
    bao.put(name, {"key": value})
    lend(bao, name)
    project.write(
        "tegmen.toml",
        f"""
        [secrets.API_KEY]
        source = "vault:secret/{name}#key"
        max_age = "90d"

        [secrets.DB_CODE]
        source = "vault-dynamic:{name}/issue/web?common_name=shop.example.com#private_key"
        hosts = ["db.example.com"]
        """,
    )
    project.write("locustfile.py", LOCUSTFILE)
    env = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token, "ELSEWHERE": elsewhere.origin}
    ui = WebUI.start(project.path, tegmen_bin, "--host", target.origin, env=env)
    try:
        page = browser.new_page(viewport={"width": 1500, "height": 700})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(ui.origin)
        page.get_by_role("button", name="Start").click()
        page.get_by_role("tab", name="Secrets").click()

        page.wait_for_function("document.body.innerText.includes('another host')", timeout=20_000)
        page.wait_for_function("/\\d+ in stdout/.test(document.body.innerText)", timeout=20_000)
        assert page.locator("thead th").all_inner_texts() == COLUMNS
        table = cells(page)
        assert table.keys() == {"API_KEY", "DB_CODE", "SESSION"}
        key, lent = table["API_KEY"], table["DB_CODE"]
        assert (key["Source"], key["Version"]) == (f"vault:secret/{name}#key", "1")
        assert key["Age"].endswith(" s of 90 d") or " min" in key["Age"], key
        assert key["Hosts"] == f"the test's target: {target.origin}"
        assert key["Sent"].endswith(f" to {target.origin}") and int(key["Sent"].split()[0]) > 0
        assert key["Refused"].endswith(f" to {elsewhere.origin} (another host)")
        assert lent["Sent"] == "never" and lent["Hosts"] == "https://db.example.com"
        assert " until " in lent["Lease left"], lent
        before = page.locator("tbody tr td:nth-child(5)").nth(1).inner_text()
        page.wait_for_function(
            "before => !document.body.innerText.includes(before)", arg=before, timeout=20_000
        )  # it counts down
        assert "in stdout" in table["SESSION"]["Masked"] and table["SESSION"]["Source"] == "the test"
        assert page.get_by_role("tab", name="Own tab").count() == 1, "other tabs stay"
        assert not found(value, page.content())
        assert problems == []
        shoot(page, "light")
        page.emulate_media(color_scheme="dark")
        page.reload()
        page.get_by_role("tab", name="Secrets").click()
        page.wait_for_function("document.body.innerText.includes('another host')", timeout=20_000)
        shoot(page, "dark")
        page.get_by_role("tab", name="Statistics").click()
        assert page.get_by_text("/orders").count() > 0
        document = ui.get("/tegmen/secrets").json
        assert {secret["name"] for secret in document["secrets"]} == table.keys()
    finally:
        output = ui.stop()
    assert not found(value, output)
    assert f"tegmen: [API_KEY] from vault:secret/{name}#key (version 1, " in output


def lend(bao: OpenBao, mount: str) -> None:
    """An engine of the server that lends something for a time: certificates, which come with a date."""
    bao.ask("POST", f"sys/mounts/{mount}", {"type": "pki"})
    bao.ask("POST", f"{mount}/root/generate/internal", {"common_name": "test authority"})
    role = {
        "allowed_domains": "example.com",
        "allow_subdomains": True,
        "key_type": "ec",
        "key_bits": 256,
        "max_ttl": "1h",
    }
    bao.ask("POST", f"{mount}/roles/web", role)


def shoot(page: Any, name: str) -> None:
    if folder := os.environ.get("TEGMEN_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"secrets-{name}.png"))


def test_behind_the_login(project: Project, tegmen_bin: Path) -> None:
    project.write(
        "locustfile.py",
        """
        from locust import HttpUser, events, task

        @events.init.add_listener
        def login(environment, **_):
            environment.web_ui.app.config["SECRET_KEY"] = "x" * 32
            environment.web_ui.login_manager.user_loader(lambda user: None)

        class Shopper(HttpUser):
            @task
            def get(self):
                pass
        """,
    )
    ui = WebUI.start(project.path, tegmen_bin, "--web-login", env={"API_KEY": secrets.token_hex(9)})
    try:
        for path in ("/tegmen/secrets", "/stats/requests", "/"):
            answer = ui.get(path)
            assert answer.status in (302, 401) and "API_KEY" not in answer.text, path
    finally:
        ui.stop()


def test_below_a_base_path_and_with_workers(
    project: Project, tegmen_bin: Path, make_server: Callable[..., Server]
) -> None:
    target, elsewhere = make_server(), make_server()
    project.write("locustfile.py", LOCUSTFILE.replace('os.environ["DB_CODE"]', '""'))
    value = secrets.token_hex(12)
    ui = WebUI.start(
        project.path,
        tegmen_bin,
        *("--host", target.origin, "--web-base-path", "/load", "--autostart", "-u", "2"),
        *forked(2),
        env={"API_KEY": value, "ELSEWHERE": elsewhere.origin},
        base="/load",
    )
    try:

        def sent() -> int:
            rows = {secret["name"]: secret["sent"] for secret in ui.get("/tegmen/secrets").json["secrets"]}
            return int(rows["API_KEY"].get(target.origin, 0))

        wait_for(lambda: sent() >= 6, lambda: ui.output)
        (rows,) = (one["data"] for one in ui.get("/stats/requests").json["extended_stats"] if one["key"] == "secrets")
        assert {row["name"] for row in rows} == {"API_KEY", "SESSION"}
        assert sent() <= sum(value in request.raw.decode("latin-1") for request in target.requests)
        assert "[" not in rows[0]["name"] and rows[0]["source"] == "env:API_KEY"
    finally:
        output = ui.stop()
    assert not found(value, output)
