"""Grids of compositions."""

from fractions import Fraction

import examples  # noqa: F401 - registers the profile of hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsse.composition_grids import UNBOUNDED, Grid, SeenCompositions, decimal, elements_key
from mlsse.formulas import Formula


def grid(slopes, axes, base=(700, 300, 200), lower=(0, 0, 0), upper=(UNBOUNDED,) * 3):
    return Grid(
        ("Li", "La", "Zr"), 100, tuple(map(np.array, axes)), np.array(base), np.array(slopes),
        np.array(lower), np.array(upper),
    )  # fmt: skip


@given(st.integers(-10_000, 10_000), st.sampled_from([1, 2, 3, 7, 20, 100, 625, 10_000, 30_000]))
def test_decimals_are_exact(number, unit):
    text = decimal(number, unit)
    assert Fraction(text) == Fraction(number, unit)
    assert "." not in text or not text.endswith("0")


def test_decimal_examples():
    assert [decimal(3, 10), decimal(1, 3), decimal(-40, 20), decimal(0, 7)] == [
        "0.3", "1/3", "-2", "0",
    ]  # fmt: skip


def test_rows_in_pieces():
    whole = grid([[-1, 1, 0], [0, -1, 1]], [[0, 5, 10], [1, 2]])
    amounts, places = whole.rows(0, 99)
    assert amounts.tolist() == [
        [700, 299, 201], [700, 298, 202], [695, 304, 201], [695, 303, 202], [690, 309, 201],
        [690, 308, 202],
    ]  # fmt: skip
    assert [place.tolist() for place in places] == [[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]]
    pieces = [whole.rows(start, start + 4)[0] for start in (0, 4)]
    assert np.concatenate(pieces).tolist() == amounts.tolist()
    assert whole.rows(6, 9)[0].shape == (0, 3)
    assert whole.is_full()


def test_bounds_prune_an_axis_or_leave_out_points():
    whole = grid([[-1, 1, 0], [0, -1, 1]], [[0, 5, 10], [1, 2]], lower=(695, 0, 0))
    assert not whole.is_full()
    pruned = whole.pruned()
    assert [axis.tolist() for axis in pruned.axes] == [[0, 5], [1, 2]]
    assert pruned.is_full()
    assert pruned.rows(0, 9)[0].tolist() == whole.rows(0, 9)[0].tolist()
    mixed = grid([[-1, 1, 0], [0, -1, 1]], [[0, 5], [1, 2]], upper=(999, 303, 999)).pruned()
    assert mixed.n_points == 4
    assert mixed.rows(0, 9)[0][:, 1].tolist() == [299, 298, 303]


def test_only_grids_that_cannot_repeat_are_called_distinct():
    assert grid([[-1, 1, 0], [0, -1, 1]], [[0, 5, 10], [1, 2]]).is_distinct()
    # The same change twice; amounts in proportion; steps below a part per million.
    assert not grid([[-1, 1, 0], [-2, 2, 0]], [[0, 5, 10], [1, 2]]).is_distinct()
    assert not grid([[7, 3, 2]], [[0, 100]]).is_distinct()
    assert not grid([[-1, 1, 0]], [range(100_000)], base=(10**9, 10**9, 10**9)).is_distinct()


@given(
    st.lists(st.lists(st.integers(1, 2000), min_size=3, max_size=3), min_size=1, max_size=20),
    st.integers(0, 20),
)
def test_what_was_seen_is_the_normal_form(rows, cut):
    seen = SeenCompositions(3)
    kept = []
    for part in (rows[:cut], rows[cut:]):
        if part:
            kept += [part[i] for i in seen.fresh(np.array(part))]
    symbols = ("Li", "O", "F")
    forms = [Formula("", dict(zip(symbols, map(float, row), strict=True))) for row in rows]
    first = dict.fromkeys(formula.normal_form for formula in forms)
    assert [
        Formula("", dict(zip(symbols, map(float, row), strict=True))).normal_form for row in kept
    ] == list(first)


@pytest.mark.parametrize("symbols", [[], ["Li"], ["Li", "O", "Cm"]])
def test_keys_of_elements(symbols):
    assert elements_key(symbols) == elements_key(reversed(symbols))
    assert elements_key(symbols).bit_count() == len(symbols)
