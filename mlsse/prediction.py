"""From formulas to score-card rows: values, uncertainty, domain flag, warnings, errors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.charges import is_charge_balanced
from mlsse.compositions import composition_vectors, nearest
from mlsse.errors import ConditionError, FormulaError
from mlsse.features import MOBILE_ION, compute_features
from mlsse.formulas import Formula, parse_formula
from mlsse.phase_columns import phase_columns
from mlsse.targets import ROOM_TEMPERATURE_K, check_temperature, inverse_temperature

if TYPE_CHECKING:
    import pandas as pd

#: Columns of a prediction, one row a formula, in order.
SCORE_CARD = (
    "formula", "reduced_formula", "mobile_ion", "temperature_k", "log10_conductivity",
    "log10_conductivity_lower", "log10_conductivity_upper", "conductivity_s_per_cm",
    "activation_energy_ev", "superionic_probability", "in_domain", "nearest_known_formula",
    "nearest_known_distance", "formation_energy_ev_per_atom",
    "decomposition_energy_ev_per_atom", "e_hull_ev_per_atom", "e_hull_source",
    "stable_probability", "metastable_probability", "decomposition_products",
    "reduction_limit_v", "oxidation_limit_v", "conductivity_kind", "model_version",
    "warnings", "error",
)  # fmt: skip

#: Ions looked for, in this order, where none is asked for.
IONS = ("Li", "Na", "K", "Ag", "Cu", "Mg", "Ca", "Zn", "Al", "Rb", "Cs", "H")

_CHUNK_ROWS = 256
#: Measurements of one composition that differ by more than this speak of polymorphs, decades.
_POLYMORPH_SPREAD = 1.5
#: A nearest known composition within this distance is the composition itself.
_SAME_COMPOSITION = 1e-3
_PHASE_CHANGE_K = 573.15


@dataclass(frozen=True)
class NearestMaterial:
    """A known material close to the one asked for.

    Attributes
    ----------
    formula : str
    distance : float
        Earth mover's distance along the modified Pettifor scale.
    measurements : list of dict
        ``conductivity_s_per_cm``, ``temperature_k``, ``doi``, ``censored`` of each
        measurement; empty where the datasets are not at hand.
    """

    formula: str
    distance: float
    measurements: list[dict[str, Any]]


@dataclass(frozen=True)
class Explanation:
    """Why a prediction is what it is.

    Attributes
    ----------
    formula : str
    contributions : list of (str, float)
        What is changed, and by how many decades the predicted conductivity follows; the
        strongest first.
    nearest : list of NearestMaterial
        The three nearest known materials.
    note : str
        What to do where measured values are missing, else empty.
    """

    formula: str
    contributions: list[tuple[str, float]]
    nearest: list[NearestMaterial]
    note: str


def predict(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float = ROOM_TEMPERATURE_K,
    ion: str | None = None,
    model: Model | None = None,
) -> pd.DataFrame:
    """Predict conductivity and stability from formulas.

    Parameters
    ----------
    formulas : iterable of str, or one str
        Chemical formulas, n of them.
    temperature_k : float, default 298.15
        Temperature in K, from 200 to 800.
    ion : str, optional
        Mobile ion such as ``"Li"``; by default lithium where the formula has it.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    pandas.DataFrame of shape (n, len(SCORE_CARD))
        The score card. An unusable formula gives a row with ``error`` filled and every
        value empty.

    Raises
    ------
    ConditionError
        If the temperature or the ion cannot be used.

    Examples
    --------
    >>> card = predict(["Li6PS5Cl", "Xx2O"])
    >>> card["error"].notna().tolist()
    [False, True]
    """
    import pandas as pd

    return pd.DataFrame(
        _columns(formulas, temperature_k=temperature_k, ion=ion, model=model), columns=SCORE_CARD
    )


def predict_rows(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float = ROOM_TEMPERATURE_K,
    ion: str | None = None,
    model: Model | None = None,
) -> list[dict[str, Any]]:
    """Predict as `predict`, one dict a row, without pandas; None where a value is empty."""
    columns = _columns(formulas, temperature_k=temperature_k, ion=ion, model=model)
    return [dict(zip(SCORE_CARD, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def explain(
    formula: str,
    *,
    temperature_k: float = ROOM_TEMPERATURE_K,
    ion: str | None = None,
    model: Model | None = None,
) -> Explanation:
    """Show what moves a predicted conductivity, and which measurements stand behind it.

    Parameters
    ----------
    formula : str
    temperature_k, ion, model
        As for `predict`.

    Returns
    -------
    Explanation

    Raises
    ------
    FormulaError
        If the formula is unusable.
    ConditionError
        If the temperature or the ion cannot be used.
    """
    model = model or champion()
    temperature_k = check_temperature(temperature_k)
    read = parse_formula(formula)
    contributions: list[tuple[str, float]] = []
    if _mobile_ion(read, _check_ion(ion)) == MOBILE_ION and MOBILE_ION in read.amounts:
        t = inverse_temperature(temperature_k)
        varied = [
            Formula(read.text, {**read.amounts, symbol: 1.1 * amount}, ())
            for symbol, amount in read.amounts.items()
        ]
        lines = model.lines(compute_features([read, *varied], model.tables))
        values = lines.log10_conductivity(t)
        contributions = [
            (f"10 % more {symbol}", float(value - values[0]))
            for symbol, value in zip(read.amounts, values[1:], strict=True)
        ]
        contributions.sort(key=lambda item: -abs(item[1]))
    known = model.process.vectors
    indices, distances = nearest(composition_vectors([read]), known, k=min(3, len(known)))
    measured, note = _measurements([known[i] for i in indices[0]])
    return Explanation(
        read.text,
        contributions,
        [
            NearestMaterial(model.known_formula(int(i)), float(d), found)
            for i, d, found in zip(indices[0], distances[0], measured, strict=True)
        ],
        note,
    )


def _measurements(vectors: Sequence[np.ndarray]) -> tuple[list[list[dict[str, Any]]], str]:
    """Measured values of known compositions, and what to do where the datasets are absent."""
    from mlsse.datasets import verify

    if any(status.state != "ok" for status in verify("conductivity")):
        note = "measured values: not at hand; fetch them with `mlsse data fetch conductivity`"
        return [[] for _ in vectors], note
    table, of_table = _conductivity_table()
    names = ["conductivity_s_per_cm", "temperature_k", "doi", "censored"]
    return [
        table.loc[np.abs(of_table - vector).sum(axis=1) < _SAME_COMPOSITION, names].to_dict(
            "records"
        )
        for vector in vectors
    ], ""


@lru_cache(maxsize=1)
def _conductivity_table() -> tuple[pd.DataFrame, np.ndarray]:
    """The merged conductivity table and its composition vectors."""
    from mlsse.datasets import load_dataset

    table = load_dataset("conductivity")
    return table, composition_vectors(table["formula"])


def _check_ion(ion: str | None) -> str | None:
    if ion is None or ion in IONS:
        return ion
    raise ConditionError(f"mobile ion {ion!r}: expected one of {', '.join(IONS)}")


def _mobile_ion(formula: Formula, ion: str | None) -> str:
    return ion or next((known for known in IONS if known in formula.amounts), MOBILE_ION)


def _columns(
    formulas: Iterable[str] | str, *, temperature_k: float, ion: str | None, model: Model | None
) -> dict[str, list[Any]]:
    """The score card as one list a column."""
    temperature_k = check_temperature(temperature_k)
    ion = _check_ion(ion)
    model = model or champion()
    texts = [formulas] if isinstance(formulas, str) else list(formulas)
    columns: dict[str, list[Any]] = {name: [None] * len(texts) for name in SCORE_CARD}
    columns["formula"] = [text if isinstance(text, str) else repr(text) for text in texts]
    columns["warnings"] = [[] for _ in texts]
    read: list[Formula] = []
    rows: list[int] = []
    for row, text in enumerate(texts):
        try:
            read.append(parse_formula(text))
            rows.append(row)
        except FormulaError as error:
            columns["error"][row] = str(error)
    if not read:
        return columns

    # Formulas of the same elements side by side are compared with the known ones faster.
    order = sorted(range(len(read)), key=lambda i: sorted(read[i].amounts))
    read, rows = [read[i] for i in order], [rows[i] for i in order]
    parts = [slice(start, start + _CHUNK_ROWS) for start in range(0, len(read), _CHUNK_ROWS)]

    def score(part: slice) -> dict[str, list[Any]]:
        return _score(read[part], temperature_k, ion, model)

    _ = model.sessions, model.phases  # loaded once, before the threads
    with _one_blas_thread(len(parts)), ThreadPoolExecutor(_n_workers(len(parts))) as pool:
        for part, scored in zip(parts, pool.map(score, parts), strict=True):
            for name, values in scored.items():
                column = columns[name]
                for row, value in zip(rows[part], values, strict=True):
                    column[row] = value
    return columns


def _n_workers(n_parts: int) -> int:
    return min(n_parts, os.cpu_count() or 1)


def _one_blas_thread(n_parts: int) -> AbstractContextManager[object]:
    """Keep the linear algebra of parallel parts from fighting over the cores."""
    if _n_workers(n_parts) == 1:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _score(
    formulas: list[Formula], temperature_k: float, ion: str | None, model: Model
) -> dict[str, list[Any]]:
    """Score-card columns of readable formulas."""
    n_rows = len(formulas)
    t = inverse_temperature(temperature_k)
    features = compute_features(formulas, model.tables)
    vectors = composition_vectors(formulas)
    ions = [_mobile_ion(formula, ion) for formula in formulas]
    covered = np.array(
        [i == MOBILE_ION and i in f.amounts for i, f in zip(ions, formulas, strict=True)]
    )
    lines = model.lines(features)
    calibration = model.calibration
    log10 = lines.log10_conductivity(t)
    lower, upper = calibration.interval(lines, t)
    in_domain = calibration.in_domain(lines) & covered
    indices, distances = (a[:, 0] for a in nearest(vectors, model.process.vectors))
    stability = model.stability(features)
    of_phases, phase_warnings = phase_columns(formulas, ions, stability.decomposition_energy, model)

    def where_covered(values: np.ndarray) -> list[Any]:
        return [v if c else None for v, c in zip(values.tolist(), covered.tolist(), strict=True)]

    return {
        "reduced_formula": [formula.reduced_formula for formula in formulas],
        "mobile_ion": ions,
        "temperature_k": [temperature_k] * n_rows,
        "log10_conductivity": where_covered(log10),
        "log10_conductivity_lower": where_covered(lower),
        "log10_conductivity_upper": where_covered(upper),
        "conductivity_s_per_cm": where_covered(10.0**log10),
        "activation_energy_ev": where_covered(lines.activation_energy_ev),
        "superionic_probability": where_covered(calibration.superionic_probability(lines, t)),
        "in_domain": in_domain.tolist(),
        "nearest_known_formula": [model.known_formula(i) for i in indices.tolist()],
        "nearest_known_distance": distances.tolist(),
        "formation_energy_ev_per_atom": stability.formation_energy.tolist(),
        "decomposition_energy_ev_per_atom": stability.decomposition_energy.tolist(),
        "stable_probability": stability.stable_probability.tolist(),
        "metastable_probability": stability.metastable_probability.tolist(),
        **of_phases,
        "conductivity_kind": ["total" if c else None for c in covered],
        "model_version": [model.version] * n_rows,
        "warnings": [
            _warnings(*known, temperature_k, model) + more
            for known, more in zip(
                zip(formulas, ions, in_domain, indices, distances, strict=True),
                phase_warnings,
                strict=True,
            )
        ],
    }


def _warnings(
    formula: Formula,
    ion: str,
    in_domain: bool,
    nearest_index: int,
    nearest_distance: float,
    temperature_k: float,
    model: Model,
) -> list[str]:
    """Short codes with words, the gravest first."""
    found = []
    amounts = formula.amounts
    if ion != MOBILE_ION:
        found.append(f"ion_not_covered: the data hold {MOBILE_ION} conductors, not {ion}")
    elif ion not in amounts:
        found.append(f"mobile_ion_missing: no {ion} in the formula, so no {ion} conductivity")
    else:
        if not in_domain:
            found.append(
                "out_of_domain: little alike was ever measured; the value leans on a prior"
            )
        unseen = [e for e in amounts if e not in model.known_elements]
        if unseen:
            found.append(f"unseen_elements: no measured conductor has {', '.join(unseen)}")
        spread = model.spread_decades[nearest_index]
        if nearest_distance < _SAME_COMPOSITION and spread > _POLYMORPH_SPREAD:
            found.append(
                f"polymorphs: measured values of this composition spread over {spread:.1f} decades"
                " (polymorphs, glass, density)"
            )
        low, high = model.temperature_range_k
        if not low <= temperature_k <= high:
            found.append(
                f"temperature_extrapolated: most measurements lie at {low:.0f} to {high:.0f} K"
            )
        if temperature_k > _PHASE_CHANGE_K:
            found.append("phase_change: melting and changes of phase are not modelled")
    if "C" in amounts and "H" in amounts:
        found.append("organic: polymers, liquids and molecular solids are outside the data")
    if is_charge_balanced(formula) is False:
        found.append("charge_unbalanced: no common oxidation states make the formula neutral")
    found += [f"note: {note}" for note in formula.notes]
    return found
