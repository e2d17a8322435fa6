from __future__ import annotations

import numpy as np
import pytest

from mlsse.compositions import composition_vectors
from mlsse.explorer.element_table import N_GROUPS, PERIODS, cells, element_facts, grid
from mlsse.formulas import ELEMENTS


def test_every_element_has_a_cell_of_its_own():
    places = cells()
    assert set(ELEMENTS) <= set(places)
    assert len(set(places.values())) == len(places)
    assert all(0 <= r < len(PERIODS) and 0 <= c < N_GROUPS for r, c in places.values())


def test_groups_and_periods_agree_with_pymatgen():
    element = pytest.importorskip("pymatgen.core").Element
    for symbol, (row, column) in cells().items():
        one = element(symbol)
        if not (one.is_lanthanoid or one.is_actinoid):
            assert (PERIODS[row], column + 1) == (str(one.row), one.group), symbol


def test_facts_of_hand_made_compositions():
    vectors = composition_vectors(["Li2O", "Li2S", "LiCl"])
    facts = {
        one.symbol: one
        for one in element_facts(
            vectors, np.array([-8.0, -6.0, -10.0]), np.array([1.0, -2.0, 0.5]), np.array([3, 1, 2])
        )
    }
    lithium = facts["Li"]
    assert (lithium.n_compositions, lithium.n_measurements) == (3, 6)
    assert lithium.mean_log10_conductivity == pytest.approx(-8.0)
    assert lithium.mean_error == pytest.approx(3.5 / 3)
    assert facts["S"].mean_error == pytest.approx(2.0)
    assert facts["Zr"].n_compositions == 0
    assert np.isnan(facts["Zr"].mean_log10_conductivity)


def test_grid_holds_values_in_their_cells_and_nothing_else():
    found = grid({"Li": 1.0, "La": 2.0})
    assert found[1, 0] == 1.0
    assert found[7, 2] == 2.0
    assert np.isfinite(found).sum() == 2
