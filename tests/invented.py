"""Measured rows of several papers and sources, invented, with leaks put in on purpose."""

from __future__ import annotations

import numpy as np
import pandas as pd
import synthetic

from mlsse import training
from mlsse.features import fraction_columns
from mlsse.splits import composition_groups
from mlsse.targets import inverse_temperature

TEST_DOI = "10.1/halide In"
NEAR, NEAR_OFFICIAL = "Li2.951In0.95Zr0.05Cl6", "Li2.94In0.94Zr0.06Cl6"


def members(x):
    """Fifteen families at one doping: paper, log10 conductivity, formula."""
    for i, metal in enumerate(("Y", "In", "Sc", "Er", "Ho")):
        formula = f"Li{3 - x:.2f}{metal}{1 - x:.2f}Zr{x}Cl6"
        yield f"10.1/halide {metal}", -3.0 - 0.2 * i - 2 * x, formula
    for i, halogen in enumerate(("Cl", "Br", "I")):
        formula = f"Li{6 - x:.2f}PS{5 - x:.2f}{halogen}{1 + x:.2f}"
        yield f"10.1/sulfide {halogen}", -2.5 - i - 2 * x, formula
    for i, metal in enumerate(("Ta", "Nb", "W")):
        formula = f"Li{6 - x:.2f}La3Zr{1 - x:.2f}{metal}{1 + x:.2f}O12"
        yield f"10.1/garnet {metal}", -3.5 - 0.1 * i - 2 * x, formula
    for i, metal in enumerate(("Ti", "Ge", "Zr", "Hf")):
        formula = f"Li{1 + x:.2f}Al{x}{metal}{2 - x:.2f}P3O12"
        yield f"10.1/nasicon {metal}", -4.0 - i - 2 * x, formula


def rows():
    """Five members of each family, the last one only a bound; halides are measured hot as well.

    Chlorides of indium are the test of OBELiX. Leaks: one member of the sulfides is also of
    the test's paper, one has no paper, and a halide of Liverpool is almost a test row. So is
    one of OBELiX's own training rows, which leaks in the strict variant alone.
    """
    found = [
        (formula, -10.0 if x == 0.25 else log10 + (temperature_k > 300), temperature_k, x, doi)
        for x in (0.05, 0.1, 0.15, 0.2, 0.25)
        for doi, log10, formula in members(x)
        for temperature_k in ((298.15, 353.15) if "halide" in doi else (298.15,))
    ]
    table = pd.DataFrame(
        found, columns=["formula", "log10_conductivity", "temperature_k", "x", "doi"]
    )
    table["censored"] = np.where(table["x"] == 0.25, "upper", "none")
    # OBELiX knows room temperature alone.
    hot = table["temperature_k"] > 300
    table["source"], table["split"] = "obelix", "train"
    table.loc[table["doi"].str.contains("sulfide") | hot, ["source", "split"]] = ["liverpool", ""]
    table.loc[(table["doi"] == TEST_DOI) & ~hot, "split"] = "test"
    sulfides = table.index[table["doi"].str.contains("sulfide")]
    table.loc[sulfides[0], "doi"] += "|" + TEST_DOI
    table.loc[sulfides[1], "doi"] = ""
    near = table.index[(table["doi"] == "10.1/halide Sc") & ~hot]
    table.loc[near[0], ["formula", "source", "split"]] = [NEAR, "liverpool", ""]
    table.loc[near[1], "formula"] = NEAR_OFFICIAL
    table["activation_energy_ev"] = np.where(hot, 0.4, np.nan)
    measurements = training.Measurements(
        synthetic.features(table["formula"]),
        table["log10_conductivity"].to_numpy(),
        np.array([inverse_temperature(t) for t in table["temperature_k"]]),
        (table["censored"] == "upper").to_numpy(),
        table["activation_energy_ev"].to_numpy(),
    )
    groups = composition_groups(measurements.features[:, fraction_columns()], table["doi"])
    return training.ConductivityRows(table, measurements, groups)
