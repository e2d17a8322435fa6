"""Rows that follow a known rule, for tests that fit models without the datasets."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from mlsse.arrhenius import Measurements
from mlsse.config import ProcessSettings, load_experiment
from mlsse.features import compute_features, feature_names, fraction_columns
from mlsse.featurize import element_tables
from mlsse.formulas import parse_formula
from mlsse.phases import fit_phases
from mlsse.splits import composition_groups
from mlsse.targets import inverse_temperature
from mlsse.training import (
    ConductivityRows,
    StabilityRows,
    assemble,
    fit_conductivity,
    fit_stability,
)

SETTINGS = ProcessSettings(
    framework_length=1.4,
    chemistry_length=5.6,
    descriptor_length=1.6,
    conductivity_sd=2.0,
    activation_energy_sd_ev=0.155,
    correlation=-0.4,
    conductivity_noise=0.1,
    activation_energy_noise_ev=0.02,
    forest_weight=0.5,
    forest_share=0.15,
)


def features(texts):
    return compute_features([parse_formula(text) for text in texts], element_tables())


@lru_cache(maxsize=1)
def garnets():
    """Formulas of a doped garnet and log10 conductivities on a smooth curve over the doping."""
    x = np.linspace(0.0, 1.0, 21)
    texts = [f"Li{7 - v:.2f}La3Zr{2 - v:.2f}Ta{v:.2f}O12" if v else "Li7La3Zr2O12" for v in x]
    return texts, -3.0 - 2.0 * (x - 0.4) ** 2


def measurements(texts, log10, *, t=0.0, is_bound=False, energies=np.nan):
    n = len(texts)
    return Measurements(
        features(texts),
        np.asarray(log10, dtype=float),
        np.broadcast_to(np.asarray(t, dtype=float), n).copy(),
        np.broadcast_to(np.asarray(is_bound), n).copy(),
        np.broadcast_to(np.asarray(energies, dtype=float), n).copy(),
    )


@lru_cache(maxsize=1)
def conductivity_rows():
    """Rows of the canonical conductivity table, invented: garnets, sulfides, halides, oxides."""
    texts, log10 = garnets()
    rows = [(text, value, 298.15, "none", f"10.1/g{i % 4}") for i, (text, value) in enumerate(
        zip(texts, log10, strict=True))]  # fmt: skip
    for i in range(12):
        x = i / 12
        argyrodite = f"Li6PS5Cl{1 - x:.3f}Br{x:.3f}" if i else "Li6PS5Cl"
        halide = f"Li3YCl{6 - x:.3f}Br{x:.3f}" if i else "Li3YCl6"
        niobate = f"LiNb{1 - x / 4:.4f}Ta{x / 4:.4f}O3" if i else "LiNbO3"
        phosphate = f"Li3P{1 - x / 9:.4f}V{x / 9:.4f}O4" if i else "Li3PO4"
        rows += [
            (argyrodite, -2.5 - x, 298.15, "none", "10.1/s"),
            (argyrodite, -1.5 - x, 353.15, "none", "10.1/s"),
            (halide, -3.3 + x, 298.15, "none", "10.1/h"),
            (niobate, -9.0, 298.15, "none", "10.1/o"),
            (phosphate, -10.0, 298.15, "upper", "10.1/b"),
        ]
    table = pd.DataFrame(
        rows, columns=["formula", "log10_conductivity", "temperature_k", "censored", "doi"]
    )
    table["activation_energy_ev"] = np.where(table["doi"] == "10.1/h", 0.45, np.nan)
    table["source"], table["split"] = "obelix", "train"
    X = features(table["formula"])
    rows_ = Measurements(
        X,
        table["log10_conductivity"].to_numpy(),
        np.array([inverse_temperature(t) for t in table["temperature_k"]]),
        (table["censored"] == "upper").to_numpy(),
        table["activation_energy_ev"].to_numpy(),
    )
    groups = composition_groups(X[:, fraction_columns()], table["doi"])
    return ConductivityRows(table, rows_, groups)


@lru_cache(maxsize=1)
def stability_rows():
    """Compounds whose energies are a simple function of composition."""
    random = np.random.default_rng(0)
    texts = [
        f"{a}{random.integers(1, 4)}{b}{random.integers(1, 4)}{c}{random.integers(1, 7)}"
        for a in ("Li", "Na", "K", "Mg") for b in ("P", "Al", "Ti", "Zr", "Nb", "Ge")
        for c in ("O", "S", "F", "Cl", "N") for _ in range(6)
    ]  # fmt: skip
    X = features(texts).astype(np.float32)
    names = feature_names()
    ionic = X[:, names.index("avg ionic char")].astype(float)
    energy = 0.3 - 2.0 * ionic + random.normal(scale=0.05, size=len(texts))
    return StabilityRows(X, energy, -4.0 * ionic, np.full(len(texts), "train"))


@lru_cache(maxsize=1)
def phases():
    """A few reference phases with round energies, eV/atom: Li-O, Li-P-S and what they touch."""
    energies = {
        "Li2O": -2.0, "Li2O2": -1.6, "Li2S": -1.5, "P2S5": -0.4, "Li3PS4": -1.2, "Li3P": -0.9,
        "Li3PO4": -2.7, "P2O5": -2.2, "LiCl": -2.1, "YCl3": -2.4, "LiCoO2": -1.7, "CoO": -1.2,
        "CoS": -0.5, "Li2SO4": -2.2, "Na2S": -1.2, "LiPS3": -0.7,
    }  # fmt: skip
    above = {"LiPS3": 0.2}
    return fit_phases(
        [parse_formula(text).amounts for text in energies],
        np.array(list(energies.values())),
        np.array([above.get(text, -0.1) for text in energies]),
    )


def smoke_experiment():
    return load_experiment(Path(__file__).parents[1] / "experiments" / "smoke.toml")


@lru_cache(maxsize=1)
def fitted():
    """Fitted models of the invented rows."""
    experiment = smoke_experiment()
    return (
        fit_conductivity(conductivity_rows(), experiment.conductivity, experiment.seed),
        fit_stability(stability_rows(), experiment.stability, experiment.seed),
    )


def write(folder):
    """Write the fitted models as a bundle and load it."""
    conductivity, stability = fitted()
    return assemble(
        smoke_experiment(),
        conductivity_rows(),
        conductivity,
        stability_rows(),
        stability,
        phases(),
        folder,
    )
