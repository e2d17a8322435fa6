"""The kernel by hand and by its properties."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import features

from mlsse.compositions import composition_vectors
from mlsse.features import feature_names
from mlsse.formulas import ELEMENTS
from mlsse.kernels import CompositionKernel, descriptor_columns, stoichiometry

TEXTS = ["Li6PS5Cl", "Li6PS5Br", "Li10GeP2S12", "Li7La3Zr2O12", "LiNbO3", "Li3YCl6", "Li"]


def kernel(**lengths):
    scale = np.ones(len(descriptor_columns()) + 2)
    defaults = {"framework_length": 1.0, "chemistry_length": 1.0, "descriptor_length": 1.0}
    elements = np.arange(1, len(ELEMENTS))
    return CompositionKernel(**(defaults | lengths), descriptor_scale=scale, elements=elements)


def embed(kernel_, texts):
    return kernel_.embed(composition_vectors(texts), features(texts)[:, descriptor_columns()])


def test_frameworks_by_hand():
    # Without Li: PS5Cl against PS5Br differ by 1/7 of Cl and 1/7 of Br.
    k = kernel(framework_length=0.5, chemistry_length=2.0)
    (a, b) = (embed(k, [text]) for text in TEXTS[:2])
    assert np.abs(a[0] - b[0]).sum() == pytest.approx((2 / 7) / 0.5)
    # Iodine stands two places from chlorine on the modified Pettifor scale.
    c = embed(k, ["Li6PS5I"])
    assert np.abs(a[1] - c[1]).sum() == pytest.approx((2 / 7) / 2.0)


def test_amount_of_lithium_changes_descriptors_alone():
    a, b = (embed(kernel(), [text]) for text in ("Li7La3Zr2O12", "Li5La3Zr2O12"))
    np.testing.assert_allclose(a[0], b[0])
    np.testing.assert_allclose(a[1], b[1])
    assert np.abs(a[2] - b[2]).sum() > 0


def test_covariance_is_one_at_home_symmetric_and_positive_definite():
    k = kernel()
    points = embed(k, TEXTS)
    covariance = k.covariance(points, points)
    np.testing.assert_allclose(np.diag(covariance), 1.0)
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert covariance.min() >= 0


def test_descriptors_are_means_and_ratios():
    names = [feature_names()[i] for i in descriptor_columns()]
    assert "mobile ion per anion" in names
    assert "cation mean AtomicWeight" in names
    assert len(names) == 49


def simplicity(text):
    return stoichiometry(composition_vectors([text]))[0]


@pytest.mark.parametrize(
    ("text", "atoms", "misfit"),
    [
        ("Li2O", 3, 0.0),
        ("Li3PO4", 8, 0.0),  # three quarters
        ("Li6PS5Cl", 13, 0.0),
        ("Li7La3Zr2O12", 24, 1 / 3),  # 7/12 of the anions are 2.33 quarters
        ("Li10GeP2S12", 25, 1 / 3),
        ("LiAl", 2, 0.0),  # no anions
    ],
)
def test_stoichiometry_by_hand(text, atoms, misfit):
    assert simplicity(text) == pytest.approx([np.log(atoms), misfit], abs=1e-6)


def test_a_formula_unit_that_fits_nearly_counts_as_larger():
    # The unit of 24 atoms is missed by 0.01 of Li, 0.01 of Zr and 0.01 of Ta, before the
    # amounts are brought to 24 atoms.
    text = "Li6.99La3Zr1.99Ta0.01O12"
    amounts = np.array([6.99, 3.0, 1.99, 0.01, 12.0]) * 24 / 23.99
    missed = np.abs(amounts - np.rint(amounts)).sum()
    assert simplicity(text)[0] == pytest.approx(np.log(24) + 10 * missed, abs=1e-6)
    assert simplicity("Li6.4La3Zr1.4Ta0.6O12")[0] == pytest.approx(np.log(100))


def test_stoichiometry_does_not_depend_on_the_number_of_formula_units_or_rows():
    np.testing.assert_allclose(simplicity("Li2O"), simplicity("Li4O2"), atol=1e-12)
    vectors = composition_vectors(TEXTS)
    rows = np.vstack([stoichiometry(vectors[i : i + 1]) for i in range(len(vectors))])
    np.testing.assert_array_equal(stoichiometry(vectors), rows)


def test_stoichiometry_is_continuous():
    steps = np.linspace(0.0, 1.0, 2001)
    garnets = composition_vectors([f"Li{7 - x}La3Zr{2 - x:.6f}Ta{x:.6f}O12" for x in steps[1:-1]])
    assert np.abs(np.diff(stoichiometry(garnets), axis=0)).max() < 0.1


def test_covariance_of_a_batch_is_that_of_its_rows_by_hand():
    k = kernel(framework_length=0.7, chemistry_length=3.0, descriptor_length=5.0)
    alike = [f"Li{7 - x}La3Zr{2 - x}Ta{x}O12" for x in (0.1, 0.2, 0.3, 0.4)]
    a, b = embed(k, alike), embed(k, TEXTS)
    found = k.covariance(a, b)
    for i in range(len(alike)):
        for j in range(len(TEXTS)):
            parts = [np.exp(-np.abs(p[i] - q[j]).sum()) for p, q in zip(a, b, strict=True)]
            assert found[i, j] == pytest.approx(np.mean(parts), rel=1e-12)
