"""The featurizer keeps the contract of scikit-learn, and the element tables are what they say."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Element
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from mlsse.errors import FormulaError
from mlsse.features import PROPERTIES, compute_features, feature_names
from mlsse.featurize import FormulaFeaturizer, element_tables
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS

TEXTS = ["Li2O", "Li7La3Zr2O12", "(Li2S)70(P2S5)30", "Li6PS5Cl"]


@pytest.fixture(scope="module")
def featurizer():
    return FormulaFeaturizer().fit(TEXTS)


class TestFormulaFeaturizer:
    def test_is_compute_features(self, featurizer):
        expected = compute_features(TEXTS, element_tables())
        np.testing.assert_array_equal(featurizer.transform(TEXTS), expected)
        np.testing.assert_array_equal(FormulaFeaturizer().fit_transform(TEXTS), expected)

    @pytest.mark.parametrize(
        "container", [tuple, iter, np.array, lambda x: pd.Series(x, index=[3, 1, 2, 0])]
    )
    def test_takes_any_container_of_texts(self, featurizer, container):
        expected = featurizer.transform(TEXTS)
        np.testing.assert_array_equal(featurizer.transform(container(TEXTS)), expected)

    def test_names_its_features(self, featurizer):
        names = featurizer.get_feature_names_out()
        assert names.dtype == object
        assert names.tolist() == feature_names()
        assert len(names) == featurizer.transform(TEXTS).shape[1]

    def test_can_be_cloned_without_what_it_learned(self, featurizer):
        copy = clone(featurizer)
        assert copy.get_params() == {}
        assert not hasattr(copy, "tables_")

    def test_refuses_to_transform_before_fit(self):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            FormulaFeaturizer().transform(TEXTS)

    @pytest.mark.parametrize(
        ("thing", "message"), [("Xx2O", "did you mean Xe"), ("", "nothing in it"), (3.0, "float")]
    )
    def test_refuses_what_is_no_formula(self, featurizer, thing, message):
        with pytest.raises(FormulaError, match=message):
            featurizer.transform(["Li2O", thing])

    def test_works_in_a_pipeline(self):
        pipeline = make_pipeline(FormulaFeaturizer(), DummyRegressor())
        assert pipeline.fit(TEXTS, [1.0, 2.0, 3.0, 4.0]).predict(["NaCl"]) == [2.5]
        assert pipeline[:-1].get_feature_names_out().tolist() == feature_names()


class TestElementTables:
    def test_every_value_is_known(self):
        tables = element_tables()
        assert tables.values.shape == (len(ELEMENTS), len(PROPERTIES))
        assert np.isfinite(tables.values).all()
        assert np.isfinite(tables.pauling).all()

    @pytest.mark.parametrize(
        ("element", "name", "value"),
        [
            ("O", "Electronegativity", 3.44),
            ("Li", "AtomicWeight", 6.941),
            ("La", "NdValence", 1.0),
            ("Li", "UsualCharge", 1.0),
            ("Cl", "ElectronAffinity", 3.612725),
            ("Zr", "Number", 40.0),
        ],
    )
    def test_hand_picked(self, element, name, value):
        found = element_tables().values[ELEMENT_INDEX[element], PROPERTIES.index(name)]
        assert found == pytest.approx(value, abs=1e-3)

    def test_agree_with_pymatgen(self):
        tables = element_tables()
        numbers = [Element(symbol).Z for symbol in ELEMENTS]
        assert tables.values[:, PROPERTIES.index("Number")].tolist() == numbers
        assert tables.pauling.tolist() == [Element(symbol).X for symbol in ELEMENTS]

    def test_ionic_character(self):
        character = element_tables().ionic_character
        sodium, chlorine = ELEMENT_INDEX["Na"], ELEMENT_INDEX["Cl"]
        expected = 1 - np.exp(-0.25 * (3.16 - 0.93) ** 2)
        assert character[sodium, chlorine] == pytest.approx(expected)
        np.testing.assert_array_equal(character, character.T)
        assert not character.diagonal().any()
