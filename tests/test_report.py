"""`tegmen report` in a real browser: wide, narrow, in the dark, and on paper. And the schema of the manifest."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

#: The least contrast of a badge's text with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!c.endsWith(", 0)") && c !== "transparent") return c; } return "rgb(255, 255, 255)"; };
  const all = [...document.querySelectorAll(".badge, .meta, .matrix td, td, li, p, code")];
  return Math.min(...all.map((e) => { const [a, b] = [light(getComputedStyle(e).color), light(back(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }));
}"""

#: How far the first heading is from the end of what is above.
GAP = """() => document.querySelector("main h2").getBoundingClientRect().top
  - document.querySelector("header").lastElementChild.getBoundingClientRect().bottom"""


@pytest.fixture(scope="module")
def page_of_shop(tegmen_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the shop's test before it was repaired, with an earlier one for the trend."""
    project = tmp_path_factory.mktemp("shop")
    script = (ROOT / "examples/shop/before/locustfile.py.template").read_text()
    key, password = "sk" + "_live_" + secrets.token_hex(16), secrets.token_urlsafe(18)
    (project / "locustfile.py").write_text(script.replace("@API_KEY@", key).replace("@PASSWORD@", password))
    for _ in range(2):
        command = [tegmen_bin, "report", "--no-doctor", "-o", "risk.html"]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
        for kept in (project / ".tegmen/history").iterdir():
            kept.rename(kept.with_name(f"2026-01-01-{kept.name}"))
    return project / "risk.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [340, 768, 1280])
def test_it_fits_every_screen_and_can_be_read(browser: Browser, page_of_shop: Path, width: int, scheme: Any) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(page_of_shop.as_uri())
    assert said == []
    assert page.locator("#level").inner_text() == "High"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    # The first heading belongs to what stands above it.
    assert page.evaluate(GAP) < 60
    assert page.locator("svg .dot").count() == 2
    assert page.locator("tr[data-threat]").count() == 10
    # Every link of the contents leads somewhere.
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href") or "none").count() == 1
    page.close()


def test_it_prints(browser: Browser, page_of_shop: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(page_of_shop.as_uri())
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12
    page.emulate_media(media="print", color_scheme="dark")
    # Paper is white, whatever the screen is.
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) >= 4.5
    page.close()


def manifests() -> list[tuple[str, str]]:
    """Every manifest of the examples and the documents."""
    found = [(str(path.relative_to(ROOT)), path.read_text()) for path in ROOT.glob("examples/**/tegmen.toml")]
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", document.read_text(), re.S)):
            if "[secrets." in block or "[vault]" in block:
                found.append((f"{document.relative_to(ROOT)}#{number}", block))
    return found


@pytest.mark.parametrize(("name", "text"), manifests(), ids=lambda value: value[:40] if "\n" not in value else "")
def test_what_the_documents_show_fits_the_schema(name: str, text: str) -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 brings it")
    schema = json.loads((ROOT / "docs/reference/manifest.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    found = jsonschema.Draft7Validator(schema).iter_errors(tomllib.loads(text))
    # A page may show a part of a secret only.
    errors = [error.message for error in found if error.validator != "required"]
    assert errors == [], name
