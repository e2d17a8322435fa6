"""The views of many materials, elements, models and candidates, without a browser."""

from __future__ import annotations

import io

import dash
import numpy as np
import pandas as pd
import pytest
import screens

from mlsse.bundle import load_model
from mlsse.compositions import composition_vectors
from mlsse.errors import ConditionError
from mlsse.explorer import material_map, screen_columns, screen_figure, theme
from mlsse.explorer.context import Context, Measured
from mlsse.explorer.element_table import element_facts
from mlsse.explorer.embedding import map_known
from mlsse.explorer.known_materials import gather
from mlsse.explorer.screen_selection import Asked, as_frame, hold, select
from mlsse.explorer.views import elements, materials, models, screen

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def context():
    return Context(load_model(), None, "no datasets here")


@pytest.fixture(scope="module")
def world(context):
    return material_map.World(gather(context), map_known(context.model))


@pytest.fixture(scope="module")
def facts(context, world):
    return element_facts(
        context.model.process.vectors,
        world.known.log10_conductivity,
        world.known.left_out_error,
        world.known.n_measurements,
    )


def ids_of(component):
    return {
        one.id for one in [component, *component._traverse()] if getattr(one, "id", None)
    }  # fmt: skip


@pytest.mark.parametrize("view", [materials, elements, models, screen])
def test_ids_begin_with_the_name_of_the_view(view, context, tmp_path):
    folder = screens.write_screen(tmp_path / "s", [screens.card("Li3N"), screens.card("LiCl")])
    layout = view.layout(Context(context.model, None, "", folder))
    name = view.__name__.rpartition(".")[2]
    assert ids_of(layout)
    assert all(id_.startswith(f"{name}-") for id_ in ids_of(layout))
    view.register(dash.Dash(__name__), Context(context.model, None, "", folder))


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("colouring", ["log10", "family", "source"])
def test_map_has_every_known_material_once(context, world, colouring, mode):
    figure = material_map.draw(
        world, colouring, mode, material_map.read_candidates("", context, None)
    )
    rows = [row for trace in figure.data for row in trace.customdata]
    assert sorted(rows) == list(range(len(world.known.formulas)))
    hovered = next(t.text[list(t.customdata).index(0)] for t in figure.data if 0 in t.customdata)
    assert hovered.startswith(world.known.formulas[0])
    assert "S/cm at 298 K" in hovered
    assert "source:" in hovered


def test_candidates_are_placed_and_bad_ones_told(context, world):
    found = material_map.read_candidates(f"Li6PS5Cl, Xx2O, {HOSTILE}", context, world.map)
    assert [row["formula"] for row in found.rows] == ["Li6PS5Cl"]
    assert len(found.errors) == 2
    figure = material_map.draw(world, "family", "light", found)
    stars = figure.data[-1]
    assert stars.name == "candidates"
    assert "candidate Li6PS5Cl" in stars.text[0]
    assert "Stars: 1 candidates" in material_map.describe(world, found)
    known = world.known.formulas.index("Li6PS5Cl")
    np.testing.assert_allclose([stars.x[0], stars.y[0]], world.map.places[known], atol=1e-6)


def test_details_link_the_papers_of_a_measurement(context, world):
    formula = world.known.formulas[3]
    table = pd.DataFrame(
        {
            "formula": [formula], "temperature_k": [300.0], "log10_conductivity": [-4.0],
            "censored": ["none"], "source": ["obelix"], "doi": ["10.1/a|10.1/b"],
        }
    )  # fmt: skip
    measured = Measured(table, context.model.process.vectors[[3]])
    with_one = Context(context.model, measured)
    parts = materials.details(3, gather(with_one), with_one)
    links = [one.href for part in parts for one in part._traverse() if hasattr(one, "href")]
    assert links == ["https://doi.org/10.1/a", "https://doi.org/10.1/b"]
    told = materials.details(3, world.known, context)[-1]
    assert told.children == "no datasets here"


@pytest.mark.parametrize("name", list(elements.QUANTITIES))
def test_periodic_table_has_each_element_in_its_cell(facts, name):
    figure = elements.draw(facts, name, "light")
    texts = np.array([list(map(len, row)) for row in figure.data[0].customdata]) > 0
    written = [trace.text[1][0] for trace in figure.data if np.isfinite(trace.z[1][0])]
    assert len(written) == 1
    assert written[0].startswith("<b>Li</b>")
    # Each element of the table is coloured in exactly one of the layers.
    filled = sum(np.isfinite(np.array(layer.z, float)).astype(int) for layer in figure.data)
    np.testing.assert_array_equal(filled, texts.astype(int))
    assert figure.layout.xaxis.title.text == "group"
    assert figure.layout.coloraxis.colorbar.title.text == elements.QUANTITIES[name].bar


def test_text_of_the_periodic_table_names_the_ends(facts):
    text = elements.describe(facts, "compositions")
    assert "Highest: Li" in text
    count = sum(one.n_compositions > 0 for one in facts)
    assert f"{count} of {len(facts)} elements occur" in text


def test_models_without_a_store_show_the_model_of_the_page(context):
    found, notes = models.find_entries(context)
    assert [entry.run.model_version for entry in found] == [context.model.version]
    assert notes == []
    bad = Context(context.model, None, "", None, "sqlite:////nowhere/mlflow.db")
    found, (note,) = models.find_entries(bad)
    assert len(found) == 1
    assert "there is no file" in note.children


@pytest.fixture
def garnets(tmp_path):
    cards = [
        screens.card(f"Li{i}La3Zr2O12", -10.0 + i / 10, oxidation_limit_v=3.0 - i / 100)
        for i in range(1, 31)
    ]
    cards[4] |= {"formula": "=1+1", "reduced_formula": "LiCl"}
    cards[5] |= {"formula": HOSTILE, "reduced_formula": "LiCl"}
    return hold(screens.write_screen(tmp_path / "garnets", cards))


def filters(conductivity=None, hull=None, reduction=None, oxidation=None, **more):
    defaults = {
        "x": "log10_conductivity", "y": "oxidation_limit_v", "only": [], "exclude": None,
        "where": None,
    }  # fmt: skip
    return screen.read_filters(
        conductivity, hull, reduction, oxidation, *(defaults | more).values()
    )


def test_fields_become_conditions():
    asked = filters(
        -9.5, oxidation=2.8, only=["domain", "new", "front"], exclude="Ge, As ", where=" stable "
    )
    assert asked.where == (
        "log10_conductivity_lower >= -9.5", "oxidation_limit_v >= 2.8", "in_domain", "stable",
    )  # fmt: skip
    assert asked.exclude == ("Ge", "As")
    assert asked.front_only
    assert not asked.known
    assert filters() == Asked(("log10_conductivity:max", "oxidation_limit_v:max"))
    with pytest.raises(ConditionError, match="both axes"):
        filters(y="log10_conductivity")


def test_file_holds_the_rows_of_the_table_in_full(garnets):
    found = select(garnets, filters(-9.0))
    file = pd.read_csv(io.StringIO(screen_columns.as_csv(garnets, found)))
    assert len(file) == len(found.rows) == found.counts["passing"] < 30
    table = screen_columns.row_table(garnets, found)
    rows = [one for one in table._traverse() if type(one).__name__ == "Tr"][1:]
    shown = [row.children[0].children.children for row in rows]
    assert file["formula"].tolist() == shown
    held = as_frame(garnets, found.rows, ["log10_conductivity"])["log10_conductivity"]
    assert file["log10_conductivity"].tolist() == held.tolist()
    assert file["on_front"].tolist() == found.on_front.tolist()


def test_a_formula_of_a_spreadsheet_is_quoted_in_the_file(garnets):
    file = pd.read_csv(io.StringIO(screen_columns.as_csv(garnets, select(garnets, filters()))))
    assert "'=1+1" in file["formula"].tolist()
    assert "=1+1" not in file["formula"].tolist()


def test_a_box_chooses_rows_whether_drawn_or_not(garnets):
    found = select(garnets, filters())
    box = {"range": {"x": [-8.05, -7.0], "y": [3.5, 0.0]}, "points": []}
    inside = screen_figure.in_box(garnets, filters(), found, box)
    values = as_frame(garnets, inside.rows, ["log10_conductivity"])["log10_conductivity"]
    assert len(values) == 11
    assert values.between(-8.05, -7.0).all()
    assert screen_figure.in_box(garnets, filters(), found, None) is found


def test_scatter_has_units_the_front_apart_and_no_markup(garnets):
    asked = filters()
    figure = screen_figure.draw(garnets, asked, select(garnets, asked), "dark")
    assert figure.layout.xaxis.title.text == "log10 of conductivity / (S/cm)"
    assert figure.layout.yaxis.title.text == "oxidation limit / V"
    passing, front = figure.data
    assert len(passing.x) + len(front.x) == 30
    assert "<img" not in "".join([*passing.text, *front.text])
    assert theme.as_plain(HOSTILE) in [*passing.text, *front.text]


def test_no_screen_and_a_broken_one_are_told(context, tmp_path):
    assert "mlsse screen" in screen.layout(context).children
    told = screen.layout(Context(context.model, None, "", tmp_path))
    assert told.role == "alert"


def test_vectors_of_candidates_are_those_of_formulas(context, world):
    found = material_map.read_candidates("Li3YCl6;LiCl\nLi2S", context, world.map)
    assert len(found.places) == len(composition_vectors(["Li3YCl6", "LiCl", "Li2S"]))
