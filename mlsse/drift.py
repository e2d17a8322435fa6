"""How far recent formulas are from what a model has learned from.

The compositions that a bundle knows are compared with those of requests or of new measurements:
how many are out of the domain, how far the nearest known one is, which elements come up more
often. A model does not see such a drift; it only gets worse.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import metrics, new_data
from mlsse.bundle import Model
from mlsse.compositions import composition_vectors, nearest
from mlsse.errors import DatasetError, FormulaError
from mlsse.features import MOBILE_ION, compute_features
from mlsse.formulas import ELEMENTS, Formula, parse_formula
from mlsse.kernels import Floats
from mlsse.targets import inverse_temperature

if TYPE_CHECKING:
    import pandas as pd

#: A population stability index from which a shift is called large.
LARGE_PSI = 0.25
#: Chance of a shift as large without any drift, below which it counts.
SIGNIFICANCE = 0.01
_SAME_COMPOSITION = 1e-3
_MIN_FORMULAS = 20  # fewer say nothing of a distribution


def read_formulas(file: str | Path) -> tuple[list[str], pd.DataFrame | None]:
    """Read recent formulas.

    Parameters
    ----------
    file : str or pathlib.Path
        A CSV file with a column ``formula``, any others beside; if ``conductivity_s_per_cm`` is
        among them, the rows are new measurements. Or a text file with one formula a line.

    Returns
    -------
    formulas : list of str
    measured : pandas.DataFrame or None
        The usable ones among new measurements, canonical columns.

    Raises
    ------
    DatasetError
        If the file cannot be read, or holds no formula.
    """
    file = Path(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DatasetError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not UTF-8 text: byte {error.start}") from error
    header = [name.strip() for name in next(csv.reader(lines[:1]), [])]
    if "conductivity_s_per_cm" in header:
        new = new_data.read_new_data([file])
        unusable = [row.formula for row in new.rejected]
        return [*new.table["formula"], *unusable], new.table
    if "formula" in header:
        rows = csv.DictReader(lines, fieldnames=header)
        texts = [(row["formula"] or "").strip() for row in rows][1:]
    else:
        texts = [line.strip() for line in lines if not line.startswith("#")]
    found = [text for text in texts if text]
    if not found:
        raise DatasetError(
            f"{file} holds no formula: expected a column named formula, or one formula a line"
        )
    return found, None


def drift_report(
    formulas: Sequence[str], model: Model, measured: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Compare recent formulas with the compositions that a model knows.

    Parameters
    ----------
    formulas : sequence of str
    model : Model
    measured : pandas.DataFrame, optional
        New measurements, canonical columns, to compare with what the model predicts.

    Returns
    -------
    dict
        Strict JSON. ``n_formulas``, ``n_unusable``, ``known_share`` (compositions that are known
        already), ``out_of_domain_share`` beside ``expected_out_of_domain_share`` (of rows held
        out by paper), ``nearest_known_distance`` (median and 90 % quantile beside those of the
        known compositions among each other, and the two-sample Kolmogorov-Smirnov test),
        ``elements`` (share of formulas with each element, recent and known, population stability
        index, p-value of Fisher's exact test; the largest index first), ``measured`` (error of
        the model on new measurements, or None) and ``alerts``, lines of words.

    Raises
    ------
    DatasetError
        If no formula can be used.

    References
    ----------
    Siddiqi: Credit Risk Scorecards (2006), for the population stability index and its limits.
    """
    read = _readable(formulas)
    if not read:
        raise DatasetError(f"none of the {len(formulas)} formulas can be used")
    vectors = composition_vectors(read)
    known = model.process.vectors
    distance = nearest(vectors, known)[1][:, 0]
    # The nearest known neighbour of a known composition, itself left out.
    among_known = nearest(known, known, k=2)[1][:, 1]
    lines = model.lines(compute_features(read, model.tables))
    covered = np.array([MOBILE_ION in formula.amounts for formula in read])
    outside = 1.0 - float((model.calibration.in_domain(lines) & covered).mean())
    expected = 1.0 - float(model.metadata["experiment"]["conductivity"]["in_domain_share"])
    test = _distance_test(distance, among_known)
    report: dict[str, Any] = {
        "model_version": model.version,
        "n_formulas": len(formulas),
        "n_unusable": len(formulas) - len(read),
        "known_share": float((distance < _SAME_COMPOSITION).mean()),
        "out_of_domain_share": outside,
        "expected_out_of_domain_share": expected,
        "nearest_known_distance": {
            "median": float(np.median(distance)),
            "quantile_90": float(np.quantile(distance, 0.9)),
            "median_among_known": float(np.median(among_known)),
            "quantile_90_among_known": float(np.quantile(among_known, 0.9)),
            **test,
        },
        "elements": element_shifts(vectors > 0, known > 0),
        "measured": None if measured is None or measured.empty else _errors(measured, model),
    }
    report["alerts"] = _alerts(report, len(read))
    return report


def element_shifts(recent: NDArray[np.bool_], known: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Compare how often each element occurs.

    Parameters
    ----------
    recent, known : ndarray of bool, shapes (n, n_elements) and (m, n_elements)
        Which formulas have which element of `mlsse.formulas.ELEMENTS`.

    Returns
    -------
    list of dict
        ``element``, ``share``, ``known_share``, ``psi``, ``p_value`` of each element of either;
        the largest index first. The index is that of two bins, with and without the element,
        half a formula added to each.
    """
    from scipy.stats import fisher_exact

    shifts = []
    n, m = len(recent), len(known)
    for i in np.flatnonzero(recent.any(axis=0) | known.any(axis=0)):
        a, b = int(recent[:, i].sum()), int(known[:, i].sum())
        p, q = (a + 0.5) / (n + 1.0), (b + 0.5) / (m + 1.0)
        psi = (p - q) * np.log(p / q) + (q - p) * np.log((1.0 - p) / (1.0 - q))
        shifts.append(
            {
                "element": ELEMENTS[i],
                "share": a / n,
                "known_share": b / m,
                "psi": float(psi),
                "p_value": float(fisher_exact([[a, n - a], [b, m - b]])[1]),
            }
        )
    return sorted(shifts, key=lambda shift: (-shift["psi"], shift["element"]))


def _readable(formulas: Sequence[str]) -> list[Formula]:
    read = []
    for text in formulas:
        try:
            read.append(parse_formula(text))
        except FormulaError:
            continue
    return read


def _distance_test(recent: Floats, known: Floats) -> dict[str, float]:
    from scipy.stats import ks_2samp

    result = ks_2samp(recent, known)
    return {"ks_statistic": float(result.statistic), "p_value": float(result.pvalue)}


def _errors(measured: pd.DataFrame, model: Model) -> dict[str, Any]:
    """How the model does on new measurements."""
    features = compute_features([parse_formula(f) for f in measured["formula"]], model.tables)
    t = np.array([inverse_temperature(k) for k in measured["temperature_k"]])
    lines = model.lines(features)
    lower, upper = model.calibration.interval(lines, t)
    truth, censored = measured["log10_conductivity"].to_numpy(float), measured["censored"]
    return {
        "n": len(measured),
        "mae_decades": metrics.mae(truth, lines.log10_conductivity(t), censored),
        "coverage_90": metrics.interval_coverage(truth, lower, upper, censored),
    }


def _alerts(report: dict[str, Any], n: int) -> list[str]:
    """What of a report asks for attention."""
    if n < _MIN_FORMULAS:
        return [f"only {n} usable formulas: too few to tell a drift from chance"]
    from scipy.stats import binom, binomtest

    alerts = []
    outside, expected = report["out_of_domain_share"], report["expected_out_of_domain_share"]
    chance = binomtest(round(outside * n), n, expected, alternative="greater").pvalue
    if chance < SIGNIFICANCE:
        alerts.append(
            f"{100 * outside:.0f} % of the formulas are out of the domain, {100 * expected:.0f} % "
            "are usual for unknown papers"
        )
    # Many elements are compared at once.
    limit = SIGNIFICANCE / max(1, len(report["elements"]))
    alerts += [
        f"{shift['element']} is in {100 * shift['share']:.0f} % of the formulas, in "
        f"{100 * shift['known_share']:.0f} % of the known ones"
        for shift in report["elements"]
        if shift["psi"] >= LARGE_PSI and shift["p_value"] < limit
    ]
    measured = report["measured"]
    if measured:
        inside = round(measured["coverage_90"] * measured["n"])
        if binom.cdf(inside, measured["n"], 0.9) < SIGNIFICANCE:
            alerts.append(
                f"the 90 % interval holds only {100 * measured['coverage_90']:.0f} % of the new "
                "measurements"
            )
    return alerts
