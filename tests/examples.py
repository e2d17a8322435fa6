"""Formulas to test with."""

import csv
import os
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from mlsse.formulas import ELEMENTS

# The same examples on every run, and no failure because a machine is busy.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

KNOWN_MATERIALS = [
    "Li7La3Zr2O12",
    "Li10GeP2S12",
    "Li6PS5Cl",
    "Li3YCl6",
    "Li2CO3",
    "LiPF6",
    "LiBH4",
    "LiAlH4",
    "Na3SbS4",
    "KH2PO4",
    "LiFePO4",
    "LiCoO2",
    "Bi4Ti3O12",
    "La2CuO4",
    "BiFeO3",
    "Cu2ZnSnS4",
    "Li3VO4",
    "NaAlSi3O8",
    "Li14ZnGe4O16",
    "LiNi0.8Co0.1Mn0.1O2",
    "Li6.35La3Zr1.35Ta0.65O12",
    "Li6.75La3Zr1.75Nb0.25O12",
    "Li1.3Al0.3Ti1.7P3O12",
    "Li3.35Ge0.35P0.65S4",
    "Li6.835La3Al0.231Zr2O12",
]

amounts_as_text = st.one_of(
    st.just(""),
    st.integers(1, 200).map(str),
    st.decimals("0.001", "99", places=3).map(str),
)
elements = st.sampled_from(ELEMENTS)
terms = st.recursive(
    st.tuples(elements, amounts_as_text).map("".join),
    lambda inner: st.tuples(
        st.sampled_from(["()", "[]", "{}"]),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        amounts_as_text,
    ).map(lambda parts: f"{parts[0][0]}{parts[1]}{parts[0][1]}{parts[2]}"),
    max_leaves=8,
)
formula_texts = st.lists(terms, min_size=1, max_size=6).map("".join)
# Whole numbers that sum to at most 2000, in hundredths.
doped = st.dictionaries(
    elements, st.integers(1, 330).map(lambda n: n / 100), min_size=1, max_size=6
)
any_amounts = st.dictionaries(elements, st.floats(1e-3, 1e3), min_size=1, max_size=6)


def random_vectors(n, seed=0):
    """Compositions of two to six elements."""
    rng = np.random.default_rng(seed)
    vectors = np.zeros((n, len(ELEMENTS)))
    for row in vectors:
        columns = rng.choice(len(ELEMENTS), size=rng.integers(2, 7), replace=False)
        row[columns] = rng.dirichlet(np.ones(len(columns)))
    return vectors


def column(pattern, *names):
    """Texts of the named columns of the tables of the mirror that match a pattern."""
    folder = Path(os.environ["MLSSE_DATA_MIRROR"])
    paths = sorted(folder.glob(pattern))
    assert paths, f"no {pattern} below {folder}"
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                yield from (row[name] for name in names if row[name])


def electrolytes():
    """All formulas of the conductivity tables, as they are written there."""
    obelix = "**/OBELiX/*/data"
    names = "Reduced Composition", "True Composition"
    return [
        *column(f"{obelix}/misc/LiIonDatabase.csv", "composition"),
        *column(f"{obelix}/downloads/all.csv", *names),
    ]
