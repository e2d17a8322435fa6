"""What the shipped model must know: orders and bounds of the literature, and its own laws.

The list is `data/sanity.csv`, each line with its source. A line marked as a known failure has to
fail: when a better model mends it, the test breaks and the mark is to be taken off.
"""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest

import mlsse
from mlsse.bundle import champion
from mlsse.formulas import ELEMENTS, parse_formula
from mlsse.paths import resource_folder

HOLDS, KNOWN_FAILURE = "holds", "known failure"
CLAIMS = ("above", "at_most", "at_least", "smooth")
#: Fast and slow, of every family, inside and outside of what is known.
FORMULAS = (
    "Li10GeP2S12", "Li6PS5Cl", "Li3PS4", "Li7La3Zr2O12", "Li1.3Al0.3Ti1.7(PO4)3",
    "Li0.34La0.51TiO2.94", "Li3YCl6", "Li2ZrCl6", "Li3N", "Li3OCl", "LiBH4", "Li2CO3", "LiCoO2",
    "LiF", "LiTaSiO5",
)  # fmt: skip


def _entries() -> list[dict[str, str]]:
    path = resource_folder("data") / "sanity.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _log10(formulas: list[str], temperature_k: float = 298.15) -> np.ndarray:
    return mlsse.predict(formulas, temperature_k=temperature_k)["log10_conductivity"].to_numpy()


def _one_percent_off(formula: str) -> list[str]:
    """The formula with one amount after the other 1 % less and 1 % more."""
    amounts = parse_formula(formula).amounts
    return [
        "".join(f"{e}{n * (factor if e == changed else 1.0):.6f}" for e, n in amounts.items())
        for changed in amounts
        for factor in (0.99, 1.01)
    ]


def _holds(entry: dict[str, str]) -> bool:
    temperature_k = float(entry["temperature_k"])
    if entry["claim"] == "smooth":
        value, *others = _log10([entry["formula"], *_one_percent_off(entry["formula"])])
        return bool(np.abs(np.array(others) - value).max() < float(entry["bound"]))
    if entry["claim"] == "above":
        high, low = _log10([entry["formula"], entry["other"]], temperature_k)
        return bool(high > low)
    (value,) = _log10([entry["formula"]], temperature_k)
    bound = float(entry["bound"])
    return bool(value <= bound if entry["claim"] == "at_most" else value >= bound)


@pytest.mark.parametrize(
    "entry", _entries(), ids=lambda e: f"{e['claim']}-{e['formula']}-{e['other'] or e['bound']}"
)
def test_what_is_known(entry: dict[str, str]) -> None:
    if entry["expected"] == KNOWN_FAILURE:
        assert not _holds(entry), "it holds now: write 'holds' in data/sanity.csv"
    else:
        assert _holds(entry), entry["reason"]


def test_the_list_is_sound() -> None:
    entries = _entries()
    for entry in entries:
        assert entry["claim"] in CLAIMS
        assert entry["expected"] in (HOLDS, KNOWN_FAILURE)
        assert bool(entry["note"]) == (entry["expected"] == KNOWN_FAILURE)
        assert bool(entry["other"]) == (entry["claim"] == "above") == (not entry["bound"])
        assert entry["reason"]
        assert entry["source"]
        assert "Li" in parse_formula(entry["formula"]).amounts
    said = Counter((e["claim"], e["formula"], e["other"], e["temperature_k"]) for e in entries)
    assert max(said.values()) == 1


@pytest.mark.parametrize("formula", FORMULAS)
def test_more_temperature_means_more_conductivity(formula: str) -> None:
    steps = list(np.arange(200.0, 800.1, 10.0))
    table = mlsse.predict([formula] * len(steps), temperature_k=steps)
    assert (np.diff(table["log10_conductivity"]) > 0.0).all()


def test_order_and_scale_of_a_formula_do_not_matter() -> None:
    for formula in FORMULAS:
        amounts = parse_formula(formula).amounts
        turned = "".join(f"{e}{n:.10g}" for e, n in reversed(amounts.items()))
        twice = "".join(f"{e}{2 * n:.10g}" for e, n in amounts.items())
        table = mlsse.predict([formula, turned, twice])
        for column in ("log10_conductivity", "log10_conductivity_lower", "activation_energy_ev"):
            np.testing.assert_allclose(table[column], table[column][0], rtol=0, atol=1e-9)


def test_something_unseen_never_narrows_the_interval_of_a_conductor() -> None:
    unseen = [e for e in ("Os", "Th", "U", "Re", "Xe") if e not in champion().known_elements]
    assert unseen
    assert set(unseen) < set(ELEMENTS)
    for element in unseen:
        # One atom in eleven is of an element that no measured conductor has.
        mixed = [f"{f}{element}{sum(parse_formula(f).amounts.values()) / 10:.6f}" for f in FORMULAS]
        table = mlsse.predict([*FORMULAS, *mixed])
        width = (table["log10_conductivity_upper"] - table["log10_conductivity_lower"]).to_numpy()
        wider = width[len(FORMULAS) :] >= width[: len(FORMULAS)] - 1e-9
        # The width of an insulator is ruled by its level, which something unseen draws upward.
        insulates = (table["log10_conductivity"] < -7.0).to_numpy()[: len(FORMULAS)]
        assert (wider | insulates).all()
        assert wider.sum() > len(FORMULAS) / 2
