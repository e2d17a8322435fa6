"""What the benchmarks of hulls, windows and interfaces share."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse import benchmark_tools
from mlsse.bundle import champion
from mlsse.formulas import parse_formula
from mlsse.thermodynamics import hull
from mlsse.windows import window


@pytest.fixture(scope="module")
def model():
    return champion()


def test_a_forgetful_model_answers_the_same_and_knows_no_system(model):
    fresh = benchmark_tools.forgetful(model)
    assert hull("Li6.5PS5.5Cl", model=fresh) == hull("Li6.5PS5.5Cl", model=model)
    assert fresh.phases is not model.phases
    assert fresh.sessions is model.sessions


def test_a_formula_has_the_row_of_its_composition_whatever_the_scale(model):
    rows = {
        benchmark_tools.reference_row(model.phases, parse_formula(t)) for t in ("Li2O", "Li4O2")
    }
    assert len(rows) == 1
    assert model.phases.amounts(rows.pop()) == {"Li": 2, "O": 1}
    with pytest.raises(LookupError, match="Li4Co3O9 is no reference phase"):
        benchmark_tools.reference_row(model.phases, parse_formula("Li4Co3O9"))


def test_a_phase_is_left_out_of_its_system_alone(model):
    system = model.phases.system(("Li", "O"))
    row = benchmark_tools.reference_row(model.phases, parse_formula("Li2O"))
    left = benchmark_tools.without_phase(system, row)
    assert set(system.rows) - set(left.rows) == {row}
    assert left.columns.shape == (2, len(left.energies)) == (2, 2 + len(left.rows))
    for i, other in enumerate(left.rows.tolist(), start=2):
        amounts = model.phases.amounts(other)
        fractions = [amounts[e] / sum(amounts.values()) for e in ("Li", "O")]
        assert left.columns[:, i] == pytest.approx(fractions)
        assert left.energies[i] == model.phases.energies[other]
    assert row in system.rows


def test_window_limits_are_those_of_window(model):
    formula = parse_formula("Li6PS5Cl")
    system = model.phases.system(model.phases.elements_of(formula))
    found, whole = benchmark_tools.window_limits(system, formula, "Li"), window("Li6PS5Cl")
    assert found.reduction_v == pytest.approx(whole.reduction_limit_v, abs=1e-9)
    assert found.oxidation_v == pytest.approx(whole.oxidation_limit_v, abs=1e-9)


def test_pymatgen_gets_the_same_phases_and_energies(model):
    system = model.phases.system(model.phases.elements_of(parse_formula("Li3PS4")))
    entries = benchmark_tools.pymatgen_entries(model.phases, system)
    assert [entry.energy_per_atom for entry in entries] == pytest.approx(system.energies)
    for entry, column in zip(entries, system.columns.T, strict=True):
        fractions = [entry.composition.get_atomic_fraction(e) for e in system.elements]
        assert np.abs(fractions - column).max() < 1e-12
