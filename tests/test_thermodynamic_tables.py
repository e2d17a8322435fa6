"""Hulls, windows, interfaces and coatings as text, from rows made by hand."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import fields

import pytest
from rich.console import Console

from mlsse import thermodynamic_tables as tables
from mlsse.coatings import Coating
from mlsse.interfaces import Interface
from mlsse.thermodynamics import Hull
from mlsse.windows import Window


def printed(show: Callable[..., None], *values: object, width: int = 80, **options: object) -> str:
    stream = io.StringIO()
    show(*values, Console(file=stream, width=width, highlight=False, markup=False), **options)
    assert max(map(len, stream.getvalue().splitlines()), default=0) <= width
    return " ".join(stream.getvalue().split())


def make(kind: type, **values: object) -> dict[str, object]:
    empty = dict.fromkeys([*(field.name for field in fields(kind)), "error"])
    return empty | {"notes": ()} | values


def make_hull(energy: float, **values: object) -> dict[str, object]:
    known = {
        "formula": "Li3PS4",
        "e_hull_ev_per_atom": max(0.0, energy),
        "decomposition_energy_ev_per_atom": energy,
        "source": "reference",
        "products": {"Li2S": 1.5, "P2S5": 0.5},
    }
    return make(Hull, **(known | values))


def make_pair(
    first: str, partner: str, energy: float | None, **values: object
) -> dict[str, object]:
    known = {
        "first": first,
        "second": partner,
        "partner": partner,
        "reaction_energy_mutual_ev_per_atom": energy,
        "e_hull_first_ev_per_atom": 0.0,
        "e_hull_second_ev_per_atom": 0.0,
    }
    if energy is None:
        known |= {"partner": None, "error": f"no energy of {first}"}
    return make(Interface, **(known | values))


@pytest.mark.parametrize(
    ("energy", "cell", "words"),
    [
        (0.0123, "0.012", "1.5 Li2S + 0.5 P2S5"),
        (0.0001, "<0.001", "1.5 Li2S + 0.5 P2S5"),
        (-0.0365, "0.000", "stable by 0.036 against 1.5 Li2S + 0.5 P2S5"),
        (-0.0001, "0.000", "stable by <0.001 against 1.5 Li2S + 0.5 P2S5"),
    ],
)
def test_hull(energy: float, cell: str, words: str) -> None:
    text = printed(tables.print_hulls, [make_hull(energy)])
    assert f"Li3PS4 {cell} reference {words}" in text


def test_hull_chances_and_notes() -> None:
    rows = [
        make_hull(0.1, stable_probability=0.084, metastable_probability=0.808, notes=("model: m",)),
        make_hull(0.1, formula="Li4PS4Cl", notes=("model: m",)),
        make(Hull, formula="\x1b[2JX", error="bad"),
    ]
    text = printed(tables.print_hulls, rows)
    assert "(chance to be stable 8%, within 0.05 eV/atom 81%)" in text
    assert "Li3PS4, Li4PS4Cl: model: m" in text
    assert "\x1b" not in text


def test_window_without_reactions() -> None:
    row = make(
        Window,
        formula="Li2O",
        ion="Li",
        reduction_limit_v=0.0,
        oxidation_limit_v=2.913,
        e_hull_ev_per_atom=0.0,
        reduction_reaction="",
        oxidation_reaction="",
    )
    text = printed(tables.print_windows, [row])
    assert "Li2O Li 0.00 2.91 0.000" in text
    assert "stable against Li metal above 2.91 V: nothing forms" in text


def test_matrix_fits_any_width_by_standing_upright() -> None:
    names = ["LCO", "NMC811", "LFP", "LMO", "water"]
    electrolytes = ["Li6PS5Cl", "Li1.3Al0.3Ti1.7(PO4)3", "Li6.4La3Zr1.4Ta0.6O12", "Li10GeP2S12"]
    rows = [
        make_pair(e, n, -0.001 * (i + 10 * j))
        for j, e in enumerate(electrolytes)
        for i, n in enumerate(names)
    ]
    wide = printed(tables.print_interfaces, rows, width=100)
    assert "Li6PS5Cl 0 -1 -2 -3 -4" in wide
    upright = printed(tables.print_interfaces, rows, width=50)
    assert "cathode LCO 0 -10 -20 NMC811 -1 -11 -21 LFP" in upright
    assert "cathode LCO -30 NMC811 -31 LFP" in upright


def test_matrix_names_what_a_note_is_about() -> None:
    rows = [
        make_pair("A", "LCO", -0.1, notes=("doubt: a",)),
        make_pair("A", "LNO", -0.1, notes=("doubt: a", "nickel_oxide: n")),
        make_pair("B", "LCO", -0.1),
        make_pair("B", "LNO", -0.1, notes=("nickel_oxide: n", "odd: o")),
        make_pair("X", "LCO", None),
        make_pair("X", "LNO", None),
    ]
    text = printed(tables.print_interfaces, rows)
    assert "X error error" in text
    assert "A: doubt: a" in text
    assert "LNO: nickel_oxide: n" in text
    assert "B with LNO: odd: o" in text
    assert text.count("X: no energy of X") == 1


def test_matrix_has_one_line_for_what_lies_above_the_hull() -> None:
    notes = ("above_hull: A lies 0.083 eV/atom above the hull",)
    rows = [
        make_pair("A", name, -0.1, notes=notes, e_hull_first_ev_per_atom=0.083)
        for name in ("LCO", "LFP")
    ]
    text = printed(tables.print_interfaces, rows)
    assert text.count("above_hull") == 1
    assert "alone: A 0.083" in text


def test_coatings_share_a_note_of_one_code() -> None:
    numbers = {name: -0.01 for name in (f.name for f in fields(Coating)) if "_ev_per_" in name}
    limits = {"reduction_limit_v": 1.0, "oxidation_limit_v": 4.1, "passes": True}
    uncoated = {"uncoated_reaction_energy_ev_per_atom": -0.32}
    rows = [
        make(Coating, formula=f, notes=(f"slow: at {v} V",), **numbers, **limits, **uncoated)
        for f, v in (("LiF", 4.1), ("LiCl", 4.2))
    ]
    rows.append(make(Coating, formula="Xe", error="none", **uncoated))
    names = {"cathode": "LCO", "electrolyte": "Li6PS5Cl", "n_ranked": 9}
    text = printed(tables.print_coatings, rows, **names)
    assert "the best 2 of 9" in text
    assert "LiF yes -10 -10 -10 -10 1.00 to 4.10 -10" in text
    assert "LiF, LiCl: slow: for the first, at 4.1 V" in text
    assert "Without a coating: -320 meV/atom." in text
    assert "Xe: none" in text
