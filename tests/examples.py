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


def electrolyte_like_formulas():
    """Some thousand formulas as they stand in conductivity tables, and simple compounds of all."""
    shares = [round(0.05 * i, 2) for i in range(1, 20)]
    texts = [
        text for e in ELEMENTS for text in (e, f"Li{e}2", f"{e}2O3", f"Na3{e}Cl4Br", f"K{e}PO4")
    ]
    for x in shares:
        texts += [f"Li{7 - x:.2f}La3Zr{2 - x:.2f}{m}{x}O12" for m in ("Ta", "Nb", "Sb", "Bi")]
        texts += [
            f"Li{7 - x:.2f}Al{a}La3Zr{2 - x:.2f}W{x / 2:.3f}O12" for a in (0.05, 0.1, 0.2, 0.25)
        ]
        texts += [
            f"Li{1 + x:.2f}{m}{x}{t}{2 - x:.2f}(PO4)3"
            for m in ("Al", "Ga", "Sc", "In", "Cr", "Fe")
            for t in ("Ti", "Ge", "Zr", "Hf")
        ]
        texts += [
            f"Li{6 - x:.2f}P{c}{5 - x:.2f}{h}{1 + x:.2f}"
            for c in ("S", "Se")
            for h in ("Cl", "Br", "I")
        ]
        texts += [
            f"Li{3 - x:.2f}{m}{1 - x:.2f}Zr{x}{h}6"
            for m in ("Y", "In", "Sc", "Er", "Ho", "Yb")
            for h in ("F", "Cl", "Br", "I")
        ]
        for former in ("P2S5", "SiS2", "GeS2", "B2S3", "Sb2S3", "P2O5", "B2O3", "SiO2"):
            modifier = "Li2O" if "O" in former else "Li2S"
            first, rest = round(100 * x), 100 - round(100 * x)
            texts += [
                f"{first}{modifier}·{rest}{former}",
                f'"({modifier}){x} (({former})0.4 (Sb2S3)0.6){1 - x:.2f}"',
                f"({modifier}){first}({former}){rest}(LiI){first / 10}",
            ]
    return texts
