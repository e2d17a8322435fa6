from __future__ import annotations

import base64
import re
from functools import lru_cache

import pytest

pytest.importorskip("dash", reason="needs mlsse[explore]")

from explorer import ask, context, context_without_data, words

from mlsse.explorer import uploads
from mlsse.explorer.app import create_app, name_of, path_of
from mlsse.explorer.parts import FORMULAS_STORE
from mlsse.explorer.theme import MODE_STORE
from mlsse.explorer.views import VIEWS

FORMULAS = f"{FORMULAS_STORE}.data"
CONTENT = "explorer-content.children"
TABLE = "predict-table.children"
KELVIN = "predict-temperature.value"


@lru_cache(maxsize=1)
def app():
    return create_app(context())


def ids_in(component) -> set[str]:
    found = set()
    for part in component._traverse():
        name = getattr(part, "id", None)
        if isinstance(name, str):
            found.add(name)
    return found


def cells(table):
    return [
        [words(cell) for cell in row["props"]["children"]]
        for row in table["props"]["children"]["props"]["children"][2]["props"]["children"]
    ]


def test_the_page_loads_nothing_from_elsewhere():
    page = app().server.test_client().get("/")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert re.findall(r'(?:src|href)="(?!/)[^"]*"', text) == []
    assert '"disable_version_check":true' in text
    assert '<html lang="en">' in text


def test_headers_allow_scripts_of_this_server_alone():
    headers = app().server.test_client().get("/").headers
    policy = headers["Content-Security-Policy"]
    scripts = re.search(r"script-src ([^;]*);", policy)[1]
    assert scripts.startswith("'self' 'sha256-")
    assert "unsafe" not in scripts
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_other_host_names_are_refused():
    client = app().server.test_client()
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8050"}).status_code == 200
    open_app = create_app(context(), hosts=None)
    headers = {"Host": "elsewhere.example"}
    assert open_app.server.test_client().get("/", headers=headers).status_code == 200


def test_large_requests_are_refused():
    client = app().server.test_client()
    body = b'{"output": "' + b"x" * 8 * 2**20 + b'"}'
    answer = client.post(
        "/_dash-update-component", data=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("view", VIEWS, ids=name_of)
def test_views_keep_the_protocol(view):
    assert view.TITLE
    shown = view.layout(context())
    name = name_of(view)
    assert [id_ for id_ in sorted(ids_in(shown)) if not id_.startswith(f"{name}-")] == []
    answer = ask(app(), CONTENT, {"explorer-location.pathname": path_of(view)})
    assert words(answer[CONTENT]).startswith(view.TITLE)
    assert view.TITLE in words(answer["explorer-menu.children"])


def test_unknown_addresses_say_so():
    answer = ask(app(), CONTENT, {"explorer-location.pathname": "/nowhere"})
    assert "There is no such page" in words(answer[CONTENT])


@pytest.mark.parametrize("view", VIEWS[:5], ids=name_of)
def test_every_figure_follows_the_mode_of_the_page(view):
    drawn = [
        call
        for key, call in app().callback_map.items()
        if re.search(rf"{name_of(view)}-[\w-]+\.figure", key)
    ]
    for call in drawn:
        assert {"id": MODE_STORE, "property": "data"} in call["inputs"]


def test_score_card_of_good_and_bad_formulas():
    given = {FORMULAS: ["Li6PS5Cl", "Xx2O", "NaCl"], KELVIN: 298.15}
    answer = ask(app(), TABLE, given)
    good, bad, sodium = cells(answer[TABLE])
    assert good[0] == "Li6PS5Cl"
    assert re.fullmatch(r"\d\.\de-?\d+", good[1])
    assert re.fullmatch(r"\de-?\d+ to \de-?\d+", good[2])
    assert bad[8] == "no result"
    assert "no element is called 'Xx'" in bad[-1]
    assert sodium[1] == "-"
    assert answer["predict-chosen.options"] == [
        {"label": text, "value": text} for text in ("Li6PS5Cl", "NaCl")
    ]


def test_many_formulas_come_in_pages():
    texts = [f"Li{7 - i / 100:g}La3Zr{2 - i / 100:g}Ta{i / 100:g}O12" for i in range(1, 61)]
    given = {FORMULAS: texts, KELVIN: 298.15, "predict-page.data": 0}
    first = ask(app(), TABLE, given)
    assert len(cells(first[TABLE])) == 50
    assert first["predict-pages.hidden"] is False
    assert first["predict-place.children"] == "1 to 50 of 60"
    second = ask(app(), TABLE, given, "predict-next.n_clicks")
    assert [row[0] for row in cells(second[TABLE])] == texts[50:]
    third = ask(app(), TABLE, {**given, "predict-page.data": 1}, "predict-next.n_clicks")
    assert third["predict-page.data"] == 1


@pytest.mark.parametrize("kelvin", [None, 5.0, 1e9])
def test_impossible_temperatures_are_refused(kelvin):
    answer = ask(app(), TABLE, {FORMULAS: ["Li3N"], KELVIN: kelvin})
    assert "expected a finite number from 200 to 800 K" in words(answer[TABLE])


def test_what_a_browser_stores_is_not_trusted():
    for stored in ("Li3N", [None, 3, {"a": 1}], []):
        assert "No formulas" in words(ask(app(), TABLE, {FORMULAS: stored, KELVIN: 300})[TABLE])


def test_typed_formulas_are_taken():
    given = {"predict-text.value": "Li6PS5Cl, Li3YCl6\n\n  Li3N "}
    answer = ask(app(), FORMULAS, given, "predict-go.n_clicks")
    assert answer[FORMULAS] == ["Li6PS5Cl", "Li3YCl6", "Li3N"]
    empty = ask(app(), FORMULAS, {"predict-text.value": " "}, "predict-go.n_clicks")
    assert FORMULAS not in empty
    assert "no formula" in words(empty["predict-message.children"])


def uploaded(content: bytes, name: str):
    given = {
        "predict-file.contents": "data:text/csv;base64," + base64.b64encode(content).decode(),
        "predict-file.filename": name,
    }
    return ask(app(), FORMULAS, given, "predict-file.contents")


def test_a_csv_file_is_taken():
    rows = "".join(f"{i},Li{7 - i / 1000:g}La3Zr2O12\n" for i in range(1000))
    answer = uploaded(f"number,formula\n{rows}".encode(), "rows.csv")
    assert len(answer[FORMULAS]) == 1000
    assert "1000 formulas read" in words(answer["predict-message.children"])


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"a,b\n1,2\n", "two.csv", "no column 'formula'"),
        (",".join(["c"] * 10_000).encode(), "wide.csv", "10000 columns"),
        (b'formula\n=HYPERLINK("http://x","y")\n', "sheet.csv", "formula of a spreadsheet"),
        (b"formula\n@SUM(1)\n", "sheet.csv", "formula of a spreadsheet"),
        (b"\x00\x01", "binary.csv", "no text"),
        (b"\xff\xfef\x00", "wide.txt", "no text"),
        (b"formula\n\xff\n", "latin.csv", "not UTF-8"),
        (b"", "empty.csv", "is empty"),
        (b"x" * (uploads.MAX_FILE_BYTES + 1), "large.csv", "at most 4 are read"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(content, name, why):
    answer = uploaded(content, name)
    assert FORMULAS not in answer
    assert why in words(answer["predict-message.children"])


def test_input_stays_text():
    hostile = "<img src=x onerror=alert(1)>"
    answer = ask(app(), TABLE, {FORMULAS: [hostile], KELVIN: 298.15})
    assert cells(answer[TABLE])[0][0] == hostile  # a child of an element: React escapes it
    assert "dangerously_allow_html" not in str(answer)


def test_download_equals_the_score_card():
    given = {FORMULAS: ["Li6PS5Cl", "=1+1"], KELVIN: 298.15}
    saved = ask(app(), "predict-download.data", given, "predict-csv.n_clicks")
    content = saved["predict-download.data"]["content"]
    header, first, second = content.splitlines()
    row = dict(zip(header.split(","), first.split(","), strict=False))
    assert row["formula"] == "Li6PS5Cl"
    assert -8 < float(row["log10_conductivity"]) < 0
    assert second.startswith("'=1+1,")


def test_details_show_neighbours_with_their_papers():
    text = context().model.known_formula(0)
    given = {"predict-chosen.value": text, KELVIN: 298.15}
    answer = ask(app(), "predict-details.children", given)["predict-details.children"]
    told = words(answer)
    assert "1.0e-4" in told
    assert "10.1000/two" in told
    assert "https://doi.org/10.1000/two" in str(answer)


def test_without_datasets_the_page_says_what_to_do():
    bare = create_app(context_without_data())
    given = {"predict-chosen.value": "Li6PS5Cl", KELVIN: 298.15}
    told = words(ask(bare, "predict-details.children", given)["predict-details.children"])
    assert "fetch them" in told
    answer = ask(bare, "arrhenius-plot.figure", {"arrhenius-formula.value": "Li6PS5Cl"})
    assert "fetch them" in words(answer["arrhenius-message.children"])


def test_arrhenius_shows_measured_points_and_bounds():
    text = context().model.known_formula(0)
    answer = ask(app(), "arrhenius-plot.figure", {"arrhenius-formula.value": text})
    figure = answer["arrhenius-plot.figure"]
    (points,) = [t for t in figure["data"] if t.get("name") == f"{text} (0.00)"]
    assert sorted(points["y"]) == pytest.approx([1e-4, 1e-3])
    assert points["x"] == pytest.approx([1000 / 298.15, 1000 / 350.0])
    assert text in answer["arrhenius-plot-text.children"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "conductivity / (S/cm)"


def test_bounds_are_drawn_as_bounds():
    text = context().model.known_formula(1)
    answer = ask(app(), "arrhenius-plot.figure", {"arrhenius-formula.value": text})
    (points,) = [
        t for t in answer["arrhenius-plot.figure"]["data"] if t.get("name") == f"{text} (0.00)"
    ]
    assert points["marker"]["symbol"] == ["triangle-down-open"]
    assert points["text"][0].startswith("below 1.0e-9")


@pytest.mark.parametrize("text", ["Xx", "NaCl", "<b>Li</b>"])
def test_arrhenius_refuses_with_a_reason(text):
    answer = ask(app(), "arrhenius-plot.figure", {"arrhenius-formula.value": text})
    assert "formula" in words(answer["arrhenius-message.children"])


def test_voltage_staircase_falls_and_has_the_limits():
    given = {"voltage-formula.value": "Li6PS5Cl", "voltage-ion.value": "Li"}
    answer = ask(app(), "voltage-plot.figure", given)
    stairs = answer["voltage-plot.figure"]["data"][0]
    assert stairs["y"] == sorted(stairs["y"], reverse=True)
    assert stairs["x"] == sorted(stairs["x"])
    assert "not oxidised below" in answer["voltage-plot-text.children"]
    n_steps = len(stairs["x"]) - 1
    assert len(cells(answer["voltage-steps.children"])) == n_steps


def test_voltage_of_a_formula_without_the_ion_is_refused():
    given = {"voltage-formula.value": "Li6PS5Cl", "voltage-ion.value": "Na"}
    answer = ask(app(), "voltage-plot.figure", given)
    assert "no Na in it" in words(answer["voltage-message.children"])


def test_interfaces_map_has_all_pairs():
    given = {
        "interfaces-formulas.value": "Li3PS4, Li3N, Xx",
        "interfaces-kinds.value": ["anode"],
        "interfaces-voltage.value": None,
    }
    answer = ask(app(), "interfaces-plot.figure", given)
    cells_drawn = answer["interfaces-plot.figure"]["data"][0]
    assert cells_drawn["x"] == ["Li3PS4", "Li3N"]
    assert "lithium" in cells_drawn["y"]
    row = cells_drawn["text"][cells_drawn["y"].index("lithium")]
    assert float(row[0]) < -300.0  # Li3PS4 is reduced by lithium
    assert float(row[1]) == 0.0  # Li3N is in equilibrium with it
    assert "no element is called 'Xx'" in words(answer["interfaces-message.children"])


@pytest.mark.parametrize(
    ("formulas", "kinds", "voltage", "why"),
    [
        ("", ["anode"], None, "no formula"),
        ("Li3N", [], None, "no partners"),
        (",".join(f"Li{i}N" for i in range(1, 12)), ["anode"], None, "at most 10"),
        ("Li3N", ["anode"], 99, "expected 0 to 10 V"),
    ],
)
def test_interfaces_refuse_with_a_reason(formulas, kinds, voltage, why):
    given = {
        "interfaces-formulas.value": formulas,
        "interfaces-kinds.value": kinds,
        "interfaces-voltage.value": voltage,
    }
    answer = ask(app(), "interfaces-plot.figure", given)
    assert why in words(answer["interfaces-message.children"])


def what_if(x, **changed):
    given = {
        "what_if-host.value": "Li7La3Zr2O12",
        "what_if-site.value": "Zr",
        "what_if-dopant.value": "Ta",
        "what_if-charges.value": "",
        "what_if-temperature.value": 298.15,
        "what_if-x.value": x,
    }
    return given | {f"what_if-{name}.value": value for name, value in changed.items()}


def test_the_slider_redraws():
    start, later = (ask(app(), "what_if-facts.children", what_if(x)) for x in (0.0, 0.6))
    assert "Li7La3Zr2O12" in words(start["what_if-facts.children"])
    assert "Li6.4La3Zr1.4Ta0.6O12" in words(later["what_if-facts.children"])
    for name in ("conductivity", "stability", "window"):
        lines = [
            answer[f"what_if-{name}.figure"]["layout"]["shapes"][0]["x0"]
            for answer in (start, later)
        ]
        assert lines == pytest.approx([0.0, 0.6])


def test_a_move_of_the_slider_alone_moves_the_line_of_figures_that_are_there():
    answer = ask(app(), "what_if-facts.children", what_if(0.6), "what_if-x.value")
    assert "Li6.4La3Zr1.4Ta0.6O12" in words(answer["what_if-facts.children"])
    for name in ("conductivity", "stability", "window"):
        changes = answer[f"what_if-{name}.figure"]["operations"]
        assert [change["params"]["value"] for change in changes] == pytest.approx([0.6, 0.6])
        assert f"what_if-{name}-text.children" not in answer
    assert "data" in ask(
        app(), "what_if-facts.children", what_if(0.6), "what_if-dopant.value"
    )["what_if-window.figure"]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "expected an object"),
        ({"output": "nothing.children"}, "no callback has this output"),
        ({"output": "predict-text.value", "inputs": [3]}, "inputs are not those"),
        ({"output": "predict-text.value", "inputs": None}, "inputs are not those"),
    ],
)
def test_malformed_callback_requests_are_told_what_is_wrong(body, told):
    answer = app().server.test_client().post("/_dash-update-component", json=body)
    assert answer.status_code == 400
    assert told in answer.get_data(as_text=True)


def test_scripts_of_other_packages_are_not_found():
    answer = app().server.test_client().get("/_dash-component-suites/os/path.js")
    assert (answer.status_code, answer.get_data()) == (404, b"there is no such file")


def test_the_slider_follows_the_site():
    answer = ask(app(), "what_if-x.max", what_if(5.0))
    assert (answer["what_if-x.min"], answer["what_if-x.max"]) == (0.0, 2.0)
    assert answer["what_if-x.value"] == 2.0
    assert answer["what_if-x.step"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"host": "NaCl"}, "no Li in it"),
        ({"host": "Xx"}, "no element"),
        ({"site": "Cl"}, "has no Cl"),
        ({"dopant": "Zr"}, "cannot replace itself"),
        ({"dopant": "Sn"}, "the field of charges"),
        ({"charges": "Sn is 4"}, "expected such as Sn=4"),
        ({"temperature": 5}, "from 200 to 800 K"),
    ],
)
def test_what_if_refuses_with_a_reason(changed, why):
    answer = ask(app(), "what_if-x.max", what_if(0.0, **changed))
    assert why in words(answer["what_if-message.children"])
