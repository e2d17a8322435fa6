"""The least cost of a mixture, against a general solver and against itself on the way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linprog

from mlsse.bundle import champion
from mlsse.formulas import ELEMENTS
from mlsse.simplex import follow, follow_many, minimise, minimise_many

COMMON = (
    "Li", "Na", "K", "O", "S", "P", "Cl", "F", "Si", "Ge", "Ti", "Zr", "La", "Al", "Fe",
    "Co", "Mn", "Ni", "N", "H", "C", "B", "Mg", "Sb", "Sn", "Br", "I", "Ta", "Nb",
)  # fmt: skip
GARNET = ("Li", "O", "Al", "Zr", "La")  # by atomic number


def least_cost(system, target):
    return minimise(system.columns, system.energies, target).prices(system.energies) @ target


def random_target(system, rng):
    """A mixture of all elements, a compound, an element, or a mixture of two phases."""
    n, m = system.columns.shape
    kind = rng.integers(4)
    if kind == 0:
        return rng.dirichlet(np.ones(n))
    if kind == 1:
        return system.columns[:, rng.integers(m)].copy()
    if kind == 2:
        return np.eye(n)[rng.integers(n)]
    return system.columns[:, rng.integers(m, size=2)] @ rng.dirichlet(np.ones(2))


def programs(count, seed=0):
    """Random chemical systems of two to seven elements, with a random target."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        symbols = rng.choice(COMMON, size=rng.integers(2, 8), replace=False)
        system = champion().phases.system(tuple(sorted(symbols, key=ELEMENTS.index)))
        yield system, random_target(system, rng), rng


def parts_of(system, target, heading, reach):
    basis = minimise(system.columns, system.energies, target)
    return list(follow(system.columns, system.energies, basis, target, heading, reach))


def check_parts(system, target, heading, parts, end):
    """Parts join from zero to the end, and each basis is optimal all along its part."""
    assert parts[0][0] == 0.0
    assert parts[-1][1] == pytest.approx(end, abs=1e-9)
    for (_, before, _), (after, _, _) in pairwise(parts):
        assert before == after
    for start, stop, basis in parts:
        for at in np.linspace(start, min(stop, start + 2.0), 4):
            moved = np.maximum(target + at * heading, 0.0)
            amounts = basis.amounts(moved)
            assert amounts.min() > -1e-9
            cost = system.energies[basis.members] @ amounts
            assert cost == pytest.approx(least_cost(system, moved), abs=1e-9)


def test_the_least_cost_is_that_of_a_general_solver():
    for system, target, _ in programs(300):
        basis = minimise(system.columns, system.energies, target)
        amounts = basis.amounts(target)
        expected = linprog(system.energies, A_eq=system.columns, b_eq=target, method="highs").fun
        assert system.energies[basis.members] @ amounts == pytest.approx(expected, abs=1e-9)
        assert amounts.min() > -1e-9
        np.testing.assert_allclose(system.columns[:, basis.members] @ amounts, target, atol=1e-12)


def test_optimal_prices_value_no_column_above_its_cost():
    for system, target, _ in programs(200, seed=1):
        basis = minimise(system.columns, system.energies, target)
        prices = basis.prices(system.energies)
        assert (prices @ system.columns - system.energies).max() < 1e-9
        np.testing.assert_allclose(
            prices @ system.columns[:, basis.members], system.energies[basis.members], atol=1e-9
        )


def test_a_program_by_hand():
    # Of A and B (cost 0), AB (-1) and A3B (-0.4): A3B lies above the line from A to AB, which
    # is at -0.5 there, so 3 A + B is half A and half AB.
    columns = np.array([[1.0, 0.0, 0.5, 0.75], [0.0, 1.0, 0.5, 0.25]])
    costs = np.array([0.0, 0.0, -1.0, -0.4])
    target = np.array([0.75, 0.25])
    basis = minimise(columns, costs, target)
    assert dict(zip(basis.members, basis.amounts(target), strict=True)) == {0: 0.5, 2: 0.5}
    np.testing.assert_allclose(basis.prices(costs), [0.0, -2.0])


def test_many_targets_at_once_are_each_served_once_and_as_if_alone():
    system = champion().phases.system(GARNET)
    rng = np.random.default_rng(2)
    targets = np.stack([random_target(system, rng) for _ in range(300)], axis=1)
    seen = []
    for served, basis in minimise_many(system.columns, system.energies, targets):
        seen += served.tolist()
        amounts = basis.amounts(targets[:, served])
        assert amounts.min() > -1e-9
        alone = [least_cost(system, targets[:, i]) for i in served]
        np.testing.assert_allclose(system.energies[basis.members] @ amounts, alone, atol=1e-9)
    assert sorted(seen) == list(range(300))


def test_no_targets_need_no_basis():
    system = champion().phases.system(GARNET)
    assert list(minimise_many(system.columns, system.energies, np.zeros((5, 0)))) == []


def test_all_along_a_line_the_cost_is_the_least():
    for system, target, rng in programs(150, seed=3):
        heading = random_target(system, rng) - target
        if np.abs(heading).max() > 1e-9:
            check_parts(system, target, heading, parts_of(system, target, heading, 1.0), 1.0)


@pytest.mark.parametrize("reach", [0.05, 1.0, np.inf])
def test_taking_up_an_element_goes_as_far_as_asked(reach):
    for system, target, rng in programs(40, seed=4):
        heading = np.eye(len(target))[rng.integers(len(target))]
        parts = parts_of(system, target, heading, reach)
        check_parts(system, target, heading, parts, reach)
        assert parts[-1][1] == reach


def test_giving_off_an_element_ends_where_none_is_left():
    for system, target, _ in programs(80, seed=5):
        place = int(target.argmax())
        heading = -np.eye(len(target))[place]
        parts = parts_of(system, target, heading, np.inf)
        check_parts(system, target, heading, parts, target[place])


def test_nothing_can_be_given_off_that_is_not_there():
    system = champion().phases.system(GARNET)
    lithium_free = np.array([0.0, 0.6, 0.4, 0.0, 0.0])
    assert parts_of(system, lithium_free, -np.eye(5)[0], 1.0) == []


@pytest.mark.parametrize("start", ["compound", "element"])
def test_a_degenerate_start(start):
    # At a compound or an element all but one amounts are zero, and of many optimal bases most
    # are of no use on the way.
    system = champion().phases.system(GARNET)
    n = len(GARNET)
    starts = system.columns[:, n:].T if start == "compound" else np.eye(n)
    for target in starts:
        for heading in np.eye(n):
            parts = parts_of(system, target, heading, 0.5)
            check_parts(system, target, heading, parts, 0.5)


def test_the_cost_along_a_line_is_convex():
    for system, target, _ in programs(40, seed=6):
        heading = np.eye(len(target))[0]
        slopes = [
            basis.prices(system.energies) @ heading
            for _, _, basis in parts_of(system, target, heading, np.inf)
        ]
        assert np.diff(slopes).min(initial=0.0) > -1e-9


def test_the_basis_at_the_start_is_left_as_it_was():
    for system, target, rng in programs(20, seed=7):
        basis = minimise(system.columns, system.energies, target)
        members, inverse = basis.members.copy(), basis.inverse.copy()
        heading = np.eye(len(target))[rng.integers(len(target))]
        list(follow(system.columns, system.energies, basis, target, heading, np.inf))
        np.testing.assert_array_equal(basis.members, members)
        np.testing.assert_array_equal(basis.inverse, inverse)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_targets_side_by_side_go_as_if_each_went_alone(sign):
    system = champion().phases.system(GARNET)
    rng = np.random.default_rng(8)
    garnets = np.array([[7.0 - 3.0 * x, 12.0, x, 2.0, 3.0] for x in rng.uniform(0.0, 0.5, 100)]).T
    targets = garnets / garnets.sum(axis=0)
    heading = sign * np.eye(5)[0]
    reaches = np.minimum(rng.uniform(0.01, 0.5, 100), targets[0] if sign < 0 else np.inf)
    alone = [
        parts_of(system, target, heading, reach)
        for target, reach in zip(targets.T, reaches, strict=True)
    ]
    for served, basis in minimise_many(system.columns, system.energies, targets):
        together = {i: [] for i in range(len(served))}
        for which, starts, ends, found in follow_many(
            system.columns, system.energies, basis, targets[:, served], heading, reaches[served]
        ):
            for i, start, end in zip(which.tolist(), starts, ends, strict=True):
                together[i].append((start, end, found))
        for i, parts in together.items():
            target, reach = targets[:, served[i]], reaches[served[i]]
            check_parts(system, target, heading, parts, reach)
            assert len(parts) == len(alone[served[i]])
