"""Reports in a browser without a network."""

from __future__ import annotations

import shutil

import pytest
import screens

from mlsse.html_pages import write_page
from mlsse.report_screen import screen_report

PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: mlsse[test]")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs chromium, which apt-get install chromium brings")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    rows = [screens.card(f"Li{6 - i / 10:.1f}PS5Cl", -5.0 + i / 10) for i in range(30)]
    folder = tmp_path_factory.mktemp("report")
    return write_page(screen_report(screens.write_screen(folder / "out", rows)), folder / "r.html")


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_it_opens_offline_fits_the_width_and_follows_the_mode(browser, page_file, size, mode):
    context = browser.new_context(viewport=size, color_scheme=mode, offline=True)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert said == []
    assert asked == [page_file.as_uri()]
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    paper = page.evaluate(f"getComputedStyle({root}).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (mode == "light")
    boxes = [figure.bounding_box() for figure in page.query_selector_all("figure svg")]
    assert len(boxes) == 3
    assert all(box["width"] >= 400 and box["height"] >= 150 for box in boxes)
    context.close()


def test_the_keyboard_reaches_contents_and_wide_tables(browser, page_file):
    context = browser.new_context(viewport=PHONE, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#section-1")
    assert page.evaluate("[...document.querySelectorAll('.wide')].every(e => e.tabIndex === 0)")
    context.close()
