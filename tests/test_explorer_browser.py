"""The explorer in headless Chromium: what a visitor sees and does.

Each view is photographed into the folder that MLSSE_SCREENSHOTS names, if any.
"""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="needs mlsse[explore]")

import explorer
import screens
import tracked
from browsing import DESK, PHONE, Visit, chromium, served

from mlsse import tracking
from mlsse.explorer.answers import neighbours
from mlsse.explorer.app import name_of, path_of
from mlsse.explorer.context import Context, make_context
from mlsse.explorer.views import VIEWS
from mlsse.prediction import predict_rows
from mlsse.speed import generated_formulas

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
GARNET = "Li7La3Zr2O12"

# Axes in sight without a title, texts of a figure that lie on one another, cells of a table that
# reach into the next. The box of a text that is written aslant says nothing.
_FAULTS = """() => {
  const faults = [];
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    const layout = plot._fullLayout, name = plot.closest("figure").getAttribute("aria-label");
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\\d*$/.test(key))) {
      if (layout[axis].visible && !/\\S/.test(layout[axis].title.text || "")) {
        faults.push(`${name}: ${axis} has no title`);
      }
    }
    const texts = [...plot.querySelectorAll(
      ".xtick text, .ytick text, .xtitle, .ytitle, .cbtitle text, .legendtext, .annotation text"
    )].filter((text) => {
      const turned = /rotate\\((-?[\\d.]+)/.exec(text.getAttribute("transform") || "");
      return text.textContent.trim() && !(turned && Number(turned[1]) % 90);
    }).map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 3) {
        faults.push(`${name}: "${one}" and "${other}" overlap by ${wide} x ${high} px`);
      }
    }));
    const box = plot.getBoundingClientRect();
    texts.filter(([, a]) => a.left < box.left - 1 || a.right > box.right + 1).forEach(
      ([one]) => faults.push(`${name}: "${one}" is cut off`)
    );
  }
  for (const cell of document.querySelectorAll(".table th, .table td")) {
    if (cell.scrollWidth > cell.clientWidth + 1) {
      faults.push(`"${cell.textContent}" reaches into the next cell`);
    }
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Invented measurements, a screen of real predictions, and a store of two trainings."""
    folder = tmp_path_factory.mktemp("explorer")
    base = explorer.context()
    rows = predict_rows(generated_formulas(60), model=base.model)
    screen = screens.write_screen(folder / "screened", [row for row in rows if not row["error"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLSSE_STORE", str(folder / "store"))
        tracked.make_stores_quickly(patch)
        store = tracking.open_store()
        for variant in (0, 1):
            bundle = folder / f"bundle-{variant}"
            run_id, _ = tracked.log(bundle, variant, store, evidence=tracked.evidence())
        tracking.register(run_id, bundle, tags={}, store=store)
    return Context(base.model, base.measured, "", screen, store.uri)


@pytest.fixture(scope="module")
def address(browser, context):
    with served(context) as found:
        yield found


@pytest.fixture
def opened(browser, address):
    """A tab at desk size, without a fault at the end."""
    tab = browser.new_context(viewport=DESK, accept_downloads=True)
    visit = Visit(tab.new_page(), address)
    yield visit
    tab.close()
    assert visit.faults == []


def photograph(visit, name):
    if folder := os.environ.get("MLSSE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        visit.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("view", VIEWS, ids=name_of)
@pytest.mark.parametrize(
    ("size", "mode"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"]
)
def test_views_fit_are_accessible_and_quiet(browser, address, view, size, mode):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: mlsse[test]"
    )
    tab = browser.new_context(viewport=size, color_scheme=mode)
    visit = Visit(tab.new_page(), address)
    visit.go(path_of(view))
    assert visit.page.locator("html").get_attribute("data-mode") == mode
    assert visit.page.title() == f"{view.TITLE} - mlsse explorer"
    photograph(visit, f"{name_of(view)}-{'desk' if size is DESK else 'phone'}-{mode}")
    assert visit.fits_the_width()
    assert visit.page.evaluate(_FAULTS) == []
    captions = visit.page.locator("figure.figure:visible figcaption").all_text_contents()
    assert all(caption.strip() for caption in captions)
    found = axe.Axe().run(visit.page).response["violations"]
    grave = {
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    }
    assert grave == set()
    assert visit.faults == []
    tab.close()


def rows_of(visit, selector):
    visit.page.locator(f"{selector} tbody tr").first.wait_for()
    return [
        [cell.strip() for cell in row.locator("th, td").all_text_contents()]
        for row in visit.page.locator(f"{selector} tbody tr").all()
    ]


def enter(visit, text):
    visit.page.get_by_label("Formulas").fill(text)
    visit.page.get_by_role("button", name="Predict").click()


def test_formulas_are_answered_and_a_bad_one_has_its_message(opened):
    opened.go("/")
    enter(opened, "Li6PS5Cl\nXx2O")
    opened.page.locator("#predict-table").get_by_text("no element is called 'Xx'").wait_for()
    good, bad = rows_of(opened, "#predict-table")
    assert good[0] == "Li6PS5Cl"
    assert re.fullmatch(r"\d\.\de-?\d+", good[1])
    assert re.fullmatch(r"\de-?\d+ to \de-?\d+", good[2])
    assert (bad[0], bad[8]) == ("Xx2O", "no result")
    enter(opened, "")
    opened.page.get_by_role("alert").get_by_text("no formula in it").wait_for()


def test_what_a_visitor_types_is_never_html(opened):
    dialogs = []
    opened.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened.go("/")
    enter(opened, f"{HOSTILE}\nLi3N")
    opened.page.locator("#predict-table").get_by_text(HOSTILE).first.wait_for()
    for path, field in (
        ("/arrhenius", "Formula"), ("/voltage", "Formula"), ("/interfaces", "Formulas"),
        ("/what-if", "Host"), ("/materials", "Candidates"),
    ):  # fmt: skip
        opened.go(path)
        box = opened.page.get_by_label(field, exact=True).first
        box.fill(f"Li{HOSTILE}")
        box.press("Enter")
        opened.page.locator(".message").get_by_text("onerror").first.wait_for()
        opened.settle()
    opened.go(f"/{HOSTILE}")
    assert opened.page.locator("img").count() == 0
    assert dialogs == []


def upload(visit, file):
    visit.page.locator(".upload input[type=file]").set_input_files(file)


def test_a_csv_file_of_1000_rows(opened, tmp_path):
    file = tmp_path / "garnets.csv"
    texts = [f"Li{7 - i / 2000:g}La3Zr{2 - i / 2000:g}Ta{i / 2000:g}O12" for i in range(1, 1001)]
    file.write_text("name,formula\n" + "".join(f"no {i},{t}\n" for i, t in enumerate(texts)))
    opened.go("/")
    upload(opened, file)
    opened.page.get_by_text("garnets.csv: 1000 formulas read").wait_for()
    opened.page.get_by_text("1 to 50 of 1000").wait_for()
    assert [row[0] for row in rows_of(opened, "#predict-table")] == texts[:50]
    opened.page.get_by_role("button", name="Next").click()
    opened.page.get_by_text("51 to 100 of 1000").wait_for()
    assert [row[0] for row in rows_of(opened, "#predict-table")] == texts[50:100]
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Download CSV").click()
    saved = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [row["formula"] for row in saved] == texts


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("wide.csv", ",".join(["formula"] * 10_000), "10000 columns"),
        ("sheet.csv", 'formula\n=HYPERLINK("http://example.org","x")\n', "of a spreadsheet"),
        ("huge.csv", 100 * 10**6, "huge.csv has 95.4 MiB, at most 4 are read"),
    ],
)
def test_hostile_files_are_refused_with_a_message(opened, tmp_path, name, content, told):
    file = tmp_path / name
    if isinstance(content, int):
        with file.open("wb") as out:
            out.truncate(content)
    else:
        file.write_text(content)
    opened.go("/")
    before = rows_of(opened, "#predict-table")
    upload(opened, file)
    opened.page.get_by_role("alert").get_by_text(told).wait_for()
    opened.settle()
    assert rows_of(opened, "#predict-table") == before


def test_the_slider_redraws(opened):
    opened.go("/what-if")
    opened.page.get_by_text("At x = 0", exact=True).wait_for()
    marked = "id => document.querySelector(`#what_if-${id} .js-plotly-plot`).layout.shapes[0].x0"
    names = ("conductivity", "stability", "window")
    assert [opened.page.evaluate(marked, name) for name in names] == [0, 0, 0]
    thumb = opened.page.get_by_role("slider")
    for _ in range(3):
        thumb.press("ArrowRight")
    opened.page.get_by_text("At x = 0.15", exact=True).wait_for()
    opened.settle()
    assert [opened.page.evaluate(marked, name) for name in names] == pytest.approx([0.15] * 3)
    assert opened.page.get_by_text("Li6.85La3Zr1.85Ta0.15O12").count()


def selection_of(visit):
    """All rows of the table of a screen, page by page."""
    found = []
    while True:
        found += rows_of(visit, "#screen-rows")
        shown = visit.page.locator("#screen-count").inner_text()
        after = visit.page.get_by_role("button", name="Next rows")
        if after.is_disabled():
            return found
        after.click()
        visit.page.locator("#screen-count").get_by_text(shown).wait_for(state="detached")
        visit.settle()


def test_a_selection_is_downloaded_as_the_table_shows_it(opened):
    opened.go("/screen")
    count = opened.page.locator("#screen-count")
    n_all = int(count.inner_text().rpartition(" ")[2])
    opened.page.get_by_label("Leave out elements").fill("S")
    opened.page.get_by_label("Leave out elements").press("Enter")
    count.get_by_text(f"of {n_all}").wait_for(state="detached")
    opened.settle()
    n_filtered = int(count.inner_text().rpartition(" ")[2])
    plot = opened.page.locator("#screen-scatter .nsewdrag").first.bounding_box()
    opened.page.mouse.move(plot["x"] + 3, plot["y"] + 3)
    opened.page.mouse.down()
    right, below = plot["x"] + 0.7 * plot["width"], plot["y"] + 0.98 * plot["height"]
    opened.page.mouse.move(right, below, steps=5)
    opened.page.mouse.up()
    count.get_by_text(f"of {n_filtered}").wait_for(state="detached")
    opened.settle()
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Download the selection").click()
    saved = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    shown = selection_of(opened)
    assert 0 < len(shown) < n_filtered < n_all
    assert [row[0] for row in shown] == [row["formula"] for row in saved]
    assert not any("S" in re.findall("[A-Z][a-z]?", row["formula"]) for row in saved)
    for row, record in zip(shown, saved, strict=True):
        value, low, high = (
            float(record[f"log10_conductivity{end}"]) for end in ("", "_lower", "_upper")
        )
        assert row[1] == f"{value:.2f} ({low:.2f} to {high:.2f})"


def focused(visit, property_="textContent"):
    return visit.page.evaluate(f"document.activeElement.{property_}")


def test_it_works_by_keyboard_alone(opened):
    keys = opened.page.keyboard
    opened.go("/")
    keys.press("Tab")
    assert focused(opened) == "Skip to the content"
    keys.press("Enter")
    keys.press("Tab")
    assert focused(opened, "id") == "predict-text"
    keys.press("Control+A")
    keys.type("Li3InCl6")
    for _ in range(12):
        keys.press("Tab")
        if focused(opened, "id") == "predict-go":
            break
    keys.press("Enter")
    opened.page.locator("#predict-table tbody th").get_by_text("Li3InCl6").wait_for()
    opened.settle()

    opened.page.locator("nav a").first.focus()
    keys.press("Tab")
    assert focused(opened) == "Arrhenius"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert opened.page.evaluate(outline) == "solid"
    keys.press("Enter")
    opened.page.locator("main h1").get_by_text("Arrhenius").wait_for()
    opened.settle()
    assert focused(opened, "id") == "explorer-content"
    assert opened.page.get_by_label("Formula", exact=True).input_value() == "Li3InCl6"
    opened.page.locator("figcaption").get_by_text("Li3InCl6: about").wait_for()


def test_lists_are_chosen_from_by_keyboard(opened):
    opened.go("/elements")
    keys = opened.page.keyboard
    opened.page.locator("#explorer-toggle").focus()
    keys.press("Tab")
    assert focused(opened, "id") == "elements-quantity"
    assert opened.page.get_by_label("Colour by").count() == 1
    keys.press("Enter")
    opened.page.locator(".dash-dropdown-content").wait_for()
    options = opened.page.locator(".dash-dropdown-content input")
    for place in range(1, options.count()):
        keys.press("ArrowDown")
        opened.page.locator(f".dash-dropdown-content label:nth-child({place + 1})").locator(
            "input:focus"
        ).wait_for()
    assert focused(opened, "value") == "error"
    keys.press("Enter")
    opened.page.locator("figcaption").get_by_text("predicted from all others").wait_for()


def test_dark_mode_is_followed_chosen_and_kept(browser, address):
    tab = browser.new_context(viewport=DESK, color_scheme="dark")
    visit = Visit(tab.new_page(), address)
    visit.go("/voltage")
    root, toggle = visit.page.locator("html"), visit.page.get_by_role("button", name="Dark mode")
    paper = "document.querySelector('.js-plotly-plot')._fullLayout.paper_bgcolor"
    assert root.get_attribute("data-mode") == "dark"
    assert toggle.get_attribute("aria-pressed") == "true"
    dark = visit.page.evaluate(paper)
    toggle.press("Space")
    visit.page.locator("html[data-mode=light]").wait_for()
    visit.settle()
    assert toggle.get_attribute("aria-pressed") == "false"
    assert visit.page.evaluate(paper) != dark
    visit.go("/voltage")
    assert root.get_attribute("data-mode") == "light"
    assert visit.faults == []
    tab.close()


@pytest.mark.mirror
def test_the_arrhenius_plot_has_the_measured_points_of_the_neighbours(
    browser, tmp_path_factory, monkeypatch
):
    from mlsse.datasets import load_dataset

    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path_factory.mktemp("cache")))
    load_dataset("conductivity")
    context = make_context()
    assert context.measured is not None
    expected = {
        f"{known.formula} ({known.distance:.2f})": sorted(
            (1000.0 / row["temperature_k"], 10.0 ** row["log10_conductivity"])
            for row in known.measurements
        )
        for known in neighbours(GARNET, context)
    }
    assert len(expected) == 5
    assert len(expected[f"{GARNET} (0.00)"]) > 3
    with served(context) as found:
        visit = Visit(browser.new_page(viewport=DESK), found)
        visit.go("/arrhenius")
        photograph(visit, "arrhenius-measured")
        traces = visit.page.evaluate(
            "document.querySelector('.js-plotly-plot').data"
            ".filter(t => t.mode === 'markers').map(t => [t.name, t.x, t.y])"
        )
        visit.page.close()
    drawn = {name: sorted(zip(x, y, strict=True)) for name, x, y in traces}
    assert set(drawn) == set(expected)
    for name, points in expected.items():
        assert drawn[name] == [pytest.approx(point) for point in points]
    assert visit.faults == []
