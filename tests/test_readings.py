"""Formulas of a batch in groups of the same elements."""

import numpy as np
import pytest
from examples import KNOWN_MATERIALS

from mlsse.compositions import composition_vectors
from mlsse.errors import FormulaError
from mlsse.features import compute_features, features_of_vectors
from mlsse.featurize import element_tables
from mlsse.formulas import parse_formula
from mlsse.readings import read_formulas

TEXTS = ["LiCl", "Xx2O", "Li2O", "Li3N", "Li2D", "Li0.5Cl0.5", 5, "70Li2S 30P2S5", "O1Li1", ""]


@pytest.mark.parametrize("texts", [TEXTS, TEXTS * 3], ids=["few", "many"])
def test_groups_hold_every_readable_formula_once(texts):
    read = read_formulas(texts)
    assert sorted([*read.rows.tolist(), *read.errors]) == list(range(len(texts)))
    assert len({group.symbols for group in read.groups}) == len(read.groups)
    places = [p for group in read.groups for p in range(group.places.start, group.places.stop)]
    assert places == list(range(len(read.rows)))
    for group in read.groups:
        rows = read.rows[group.places].tolist()
        assert rows == sorted(rows)
        for row, amounts in zip(rows, group.amounts.tolist(), strict=True):
            expected = parse_formula(texts[row]).amounts
            assert dict(zip(group.symbols, amounts, strict=True)) == expected


@pytest.mark.parametrize("texts", [TEXTS, TEXTS * 3], ids=["few", "many"])
def test_errors_and_notes_are_those_of_the_reader(texts):
    read = read_formulas(texts)
    for row, error in read.errors.items():
        with pytest.raises(FormulaError) as caught:
            parse_formula(texts[row])
        assert str(caught.value) == error
    assert read.notes[4] == parse_formula("Li2D").notes
    assert all(texts[row] == "Li2D" for row in read.notes)


def test_vectors_of_any_part():
    texts = [*KNOWN_MATERIALS, *KNOWN_MATERIALS[::2]]
    read = read_formulas(texts)
    expected = composition_vectors([texts[row] for row in read.rows.tolist()])
    for start, stop in ((0, len(texts)), (3, 4), (1, len(texts) - 2)):
        np.testing.assert_allclose(read.vectors(start, stop), expected[start:stop], rtol=1e-14)


def test_features_of_vectors_are_those_of_the_formulas():
    tables = element_tables()
    vectors = composition_vectors(KNOWN_MATERIALS)
    np.testing.assert_array_equal(
        features_of_vectors(vectors, tables), compute_features(KNOWN_MATERIALS, tables)
    )


def test_nothing_readable():
    read = read_formulas(["Xx"] * 20)
    assert len(read.rows) == len(read.groups) == 0
    assert len(read.errors) == 20


@pytest.mark.parametrize("n_rows", [1, 2, 5, 100])
def test_parts_hold_every_formula_once_and_large_groups_alone(n_rows):
    texts = [f"Li{i}Cl" for i in range(1, 8)] + ["NaF", "KBr", "Li2O"] + ["Li3N", "Li6N2"]
    read = read_formulas(texts * 2)
    parts = read.parts(n_rows)
    assert [place for part in parts for place in range(part.start, part.stop)] == list(range(24))
    assert all(part.stop - part.start <= n_rows for part in parts)
    for group in read.groups:
        start, stop = group.places.start, group.places.stop
        if stop - start > n_rows:
            assert {start, stop} <= {0, 24, *(part.start for part in parts)}
