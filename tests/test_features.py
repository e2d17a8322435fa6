"""The feature matrix: by hand, by its symmetries, and against matminer."""

import numpy as np
import pytest
from examples import column, electrolyte_like_formulas, electrolytes
from matminer.featurizers.composition import (
    ElementFraction,
    ElementProperty,
    IonProperty,
    Stoichiometry,
    ValenceOrbital,
)
from matminer.utils.data import PymatgenData
from pymatgen.core import Composition

from mlsse import features
from mlsse.errors import FormulaError
from mlsse.features import compute_features, feature_names, fraction_columns
from mlsse.featurize import element_tables
from mlsse.formulas import ELEMENTS, parse_formula


@pytest.fixture(scope="module")
def tables():
    return element_tables()


@pytest.fixture(scope="module")
def row_of(tables):
    """Function from a formula to its features by name."""
    return lambda text: dict(
        zip(feature_names(), compute_features([text], tables)[0].tolist(), strict=True)
    )


@pytest.fixture(scope="module")
def texts():
    return electrolyte_like_formulas()[::5]


@pytest.fixture(scope="module")
def matrix(texts, tables):
    return compute_features(texts, tables)


def assert_holds(row, expected):
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-12)


class TestByHand:
    def test_names_are_those_of_the_columns(self, tables):
        names = feature_names()
        assert len(set(names)) == len(names) == compute_features(["Li2O"], tables).shape[1]
        assert names[fraction_columns()] == [f"{element} fraction" for element in ELEMENTS]

    def test_statistics_of_lithium_oxide(self, row_of):
        lithium, oxygen = 6.941, 15.9994
        mean = (2 * lithium + oxygen) / 3
        assert_holds(
            row_of("Li2O"),
            {
                "minimum AtomicWeight": lithium,
                "maximum AtomicWeight": oxygen,
                "range AtomicWeight": oxygen - lithium,
                "mean AtomicWeight": mean,
                "avg_dev AtomicWeight": (2 * (mean - lithium) + (oxygen - mean)) / 3,
                "mode AtomicWeight": lithium,
                "mean Number": 14 / 3,
                "anion minimum AtomicWeight": oxygen,
                "anion mean AtomicWeight": oxygen,
                "anion avg_dev AtomicWeight": 0.0,
                "cation minimum AtomicWeight": 0.0,  # the mobile ion is no cation here
                "cation mean AtomicWeight": 0.0,
                "Li fraction": 2 / 3,
                "O fraction": 1 / 3,
                "Na fraction": 0.0,
            },
        )

    def test_sublattices_of_a_garnet(self, row_of):
        row = row_of("Li7La3Zr2O12")
        weights = {"La": 138.90547, "Zr": 91.224}
        assert_holds(
            row,
            {
                "minimum Number": 3.0,
                "maximum Number": 57.0,
                "mean Number": (7 * 3 + 3 * 57 + 2 * 40 + 12 * 8) / 24,
                "mode Number": 8.0,
                "cation minimum AtomicWeight": weights["Zr"],
                "cation maximum AtomicWeight": weights["La"],
                "cation mean AtomicWeight": (3 * weights["La"] + 2 * weights["Zr"]) / 5,
                "cation avg_dev AtomicWeight": 12 / 25 * (weights["La"] - weights["Zr"]),
                "anion maximum AtomicWeight": 15.9994,
            },
        )

    def test_mode_is_the_least_of_several_most_frequent(self, row_of):
        assert row_of("NaCl")["mode Number"] == 11
        assert row_of("ClNa")["mode Number"] == 11
        assert row_of("NaCl")["mode Electronegativity"] == 0.93
        assert row_of("LiNaCl2")["mode Number"] == 17

    def test_norms(self, row_of):
        assert_holds(
            row_of("Li2O"),
            {
                "0-norm": 2.0,
                "2-norm": 5**0.5 / 3,
                "3-norm": 9 ** (1 / 3) / 3,
                "5-norm": 33**0.2 / 3,
                "7-norm": 129 ** (1 / 7) / 3,
                "10-norm": 1025**0.1 / 3,
            },
        )

    def test_valence_orbitals_and_ionic_character(self, row_of):
        character = 1 - np.exp(-0.25 * (3.44 - 0.98) ** 2)
        assert_holds(
            row_of("Li2O"),
            {
                "avg s valence electrons": (2 * 1 + 2) / 3,
                "avg p valence electrons": 4 / 3,
                "frac s valence electrons": 0.5,
                "frac p valence electrons": 0.5,
                "frac d valence electrons": 0.0,
                "max ionic char": character,
                "avg ionic char": 2 / 9 * character,
            },
        )

    def test_ratios_of_an_argyrodite(self, row_of):
        def entropy(*amounts):
            shares = np.array(amounts) / sum(amounts)
            return -(shares * np.log(shares)).sum()

        assert_holds(
            row_of("Li6PS5Cl"),
            {
                "mobile ion fraction": 6 / 13,
                "cation fraction": 1 / 13,
                "anion fraction": 6 / 13,
                "mobile ion per anion": 1.0,
                "mobile ion per cation": 6.0,
                "cation per anion": 1 / 6,
                "mixing entropy": entropy(6, 1, 5, 1),
                "cation mixing entropy": 0.0,
                "anion mixing entropy": entropy(5, 1),
                "cation charge per anion": 5 / 6,
            },
        )

    def test_what_is_not_there_is_zero(self, row_of):
        row = row_of("Fe")
        absent = [n for n in row if n.startswith("anion ") or n.endswith(" per anion")]
        assert len(absent) > 50
        assert_holds(row, dict.fromkeys([*absent, "max ionic char", "mixing entropy"], 0.0))
        assert_holds(row, {"0-norm": 1.0, "2-norm": 1.0, "cation fraction": 1.0})


class TestSymmetries:
    def test_multiples_are_the_same(self, tables):
        one, two, rest = compute_features(["Li2O", "Li4O2", "Li0.5O0.25"], tables)
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, rest)

    def test_order_of_the_elements_does_not_matter(self, texts, matrix, tables):
        reversed_texts = [
            "".join(f"{e}{n!r}" for e, n in reversed(parse_formula(text).amounts.items()))
            for text in texts
        ]
        np.testing.assert_array_equal(compute_features(reversed_texts, tables), matrix)

    def test_order_of_the_rows_does_not_matter(self, texts, matrix, tables):
        order = np.random.default_rng(0).permutation(len(texts))
        shuffled = compute_features([texts[i] for i in order], tables)
        np.testing.assert_array_equal(shuffled, matrix[order])

    def test_a_row_alone_is_the_row_in_a_batch(self, texts, matrix, tables, monkeypatch):
        for i in range(0, len(texts), 7):
            np.testing.assert_array_equal(compute_features([texts[i]], tables)[0], matrix[i])
        monkeypatch.setattr(features, "_BLOCK_ROWS", 70)
        monkeypatch.setattr(features, "_CHUNK_ROWS", 9)
        np.testing.assert_array_equal(compute_features(texts, tables), matrix)

    def test_many_elements_alone_and_in_a_batch(self, texts, tables):
        crowd = "".join(f"{e}{i + 1}" for i, e in enumerate(ELEMENTS))
        alone = compute_features([crowd], tables)[0]
        np.testing.assert_array_equal(compute_features([*texts, crowd], tables)[-1], alone)

    def test_read_formulas_are_as_good_as_texts(self, texts, matrix, tables):
        read = [parse_formula(text) for text in texts]
        np.testing.assert_array_equal(compute_features(read, tables), matrix)

    def test_every_value_is_finite(self, matrix):
        assert np.isfinite(matrix).all()

    def test_none_at_all(self, tables):
        assert compute_features([], tables).shape == (0, len(feature_names()))

    def test_refuses_a_text_that_is_no_formula(self, tables):
        with pytest.raises(FormulaError, match="Xx"):
            compute_features(["Li2O", "Xx2O"], tables)


class _NoStates(PymatgenData):
    """Without oxidation states, whose combinations take matminer minutes to try."""

    def get_oxidation_states(self, elem):
        return [0]


def assert_equal_to_matminer(texts, tables):
    compositions = [Composition(parse_formula(text).amounts) for text in texts]
    found = dict(zip(feature_names(), compute_features(texts, tables).T, strict=True))
    featurizers = [
        ElementProperty.from_preset("magpie", impute_nan=False),
        Stoichiometry(),
        ValenceOrbital(impute_nan=False),
        IonProperty(_NoStates(impute_nan=False), impute_nan=False, fast=True),
        ElementFraction(),
    ]
    compared = 0
    for featurizer in featurizers:
        expected = np.array([featurizer.featurize(c) for c in compositions], dtype=float)
        for label, values in zip(featurizer.feature_labels(), expected.T, strict=True):
            name = label.removeprefix("MagpieData ")
            name = f"{name} fraction" if name in ELEMENTS else name
            if name in found:
                np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-9, err_msg=name)
                compared += 1
    # Magpie, norms, orbitals, ionic characters and elements; not `compound possible`, He, ...
    assert compared == 132 + 6 + 8 + 2 + 90


class TestAgainstMatminer:
    def test_doped_and_glassy_formulas(self, tables):
        texts = electrolyte_like_formulas()
        assert len(texts) >= 2000
        assert_equal_to_matminer(texts, tables)

    @pytest.mark.mirror
    def test_formulas_of_the_datasets(self, tables):
        critexam = column("**/benchmark_data/CritExam__Ed/test.csv", "formula")
        texts = sorted({*electrolytes(), *list(critexam)[::10]})
        assert len(texts) >= 2000
        assert any(text.startswith('"') for text in texts)  # glasses
        assert_equal_to_matminer(texts, tables)
