"""The scikit-learn face of `mlsse.features`, and where the element tables come from."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlsse.features import (
    ANIONS,
    EXTRA_PROPERTIES,
    MAGPIE_PROPERTIES,
    ElementTables,
    Floats,
    compute_features,
    feature_names,
)
from mlsse.formulas import ELEMENTS


@functools.lru_cache(maxsize=1)
def element_tables() -> ElementTables:
    """Read the element tables from matminer and pymatgen.

    Returns
    -------
    ElementTables
        Magpie properties, ionisation energy (eV) and polarisability (cubic angstrom) as
        matminer's ``MagpieData`` has them; Pauling electronegativity, electron affinity
        (eV), mean cationic radius (angstrom; zero where no cation is known) and usual
        charge (the lowest common oxidation state of an anion, the highest of any other
        element) as pymatgen has them.

    References
    ----------
    Ward et al., npj Comput. Mater. 2, 16028 (2016), doi 10.1038/npjcompumats.2016.28.
    """
    from matminer.utils.data import MagpieData
    from pymatgen.core import Element

    magpie = MagpieData(impute_nan=False)
    columns = {}
    for name in [*MAGPIE_PROPERTIES, "FirstIonizationEnergy", "Polarizability"]:
        columns[name] = [magpie.all_elemental_props[name][symbol] for symbol in ELEMENTS]
    elements = [Element(symbol) for symbol in ELEMENTS]
    columns["ElectronAffinity"] = [e.electron_affinity for e in elements]
    columns["CationicRadius"] = [e.average_cationic_radius for e in elements]
    # An anion takes its lowest common charge, every other element its highest.
    columns["UsualCharge"] = [
        (min if e.symbol in ANIONS else max)(e.common_oxidation_states, default=0) for e in elements
    ]
    names = MAGPIE_PROPERTIES + EXTRA_PROPERTIES
    values = np.array([columns[name] for name in names], dtype=float).T
    if not np.isfinite(values).all():
        element, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"the element tables of the installed matminer and pymatgen have no "
            f"{names[column]} for {ELEMENTS[element]}: install the versions of constraints.txt"
        )
    return ElementTables(values, pauling=np.array([e.X for e in elements]))


class FormulaFeaturizer(TransformerMixin, BaseEstimator):
    """Turn chemical formulas into a feature matrix.

    Attributes
    ----------
    tables_ : ElementTables
        The element properties in use, read from matminer at `fit`.

    Examples
    --------
    >>> FormulaFeaturizer().fit_transform(["Li2O", "Li4O2"]).shape
    (2, 383)
    """

    def fit(self, X: Iterable[str], y: Any = None) -> FormulaFeaturizer:
        """Read the element tables; the formulas are not looked at."""
        self.tables_ = element_tables()
        return self

    def transform(self, X: Iterable[str]) -> Floats:
        """Compute the features.

        Parameters
        ----------
        X : iterable of str, length n_samples

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        FormulaError
            If a text is no usable formula.
        """
        check_is_fitted(self, "tables_")
        return compute_features(list(X), self.tables_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features, in order."""
        return np.array(feature_names(), dtype=object)
