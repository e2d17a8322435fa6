"""From formulas to score-card rows: values, uncertainty, domain flag, warnings, errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.charges import is_charge_balanced
from mlsse.compositions import composition_vectors, nearest
from mlsse.errors import ConditionError, FormulaError
from mlsse.features import MOBILE_ION, compute_features
from mlsse.formulas import Formula, parse_formula
from mlsse.phase_columns import PHASE_COLUMNS, phase_columns
from mlsse.targets import ROOM_TEMPERATURE_K, check_temperature, inverse_temperature

if TYPE_CHECKING:
    import pandas as pd

Condition = TypeVar("Condition")
Scored = dict[str, list[Any]]

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

#: Columns that can be left out together; all others are always filled.
COLUMN_GROUPS = {
    "conductivity": (
        "log10_conductivity", "log10_conductivity_lower", "log10_conductivity_upper",
        "conductivity_s_per_cm", "activation_energy_ev", "superionic_probability", "in_domain",
        "nearest_known_formula", "nearest_known_distance", "conductivity_kind",
    ),
    "stability": (
        "formation_energy_ev_per_atom", "decomposition_energy_ev_per_atom",
        "stable_probability", "metastable_probability",
    ),
    "phases": PHASE_COLUMNS,
}  # fmt: skip

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
    domain_reasons : list of str
        Why the formula is out of the domain, in words, the gravest first; empty inside it.
    """

    formula: str
    contributions: list[tuple[str, float]]
    nearest: list[NearestMaterial]
    note: str
    domain_reasons: list[str] = field(default_factory=list)


def predict(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float | Sequence[float] = ROOM_TEMPERATURE_K,
    ion: str | Sequence[str | None] | None = None,
    model: Model | None = None,
    groups: Iterable[str] = tuple(COLUMN_GROUPS),
) -> pd.DataFrame:
    """Predict conductivity and stability from formulas.

    Parameters
    ----------
    formulas : iterable of str, or one str
        Chemical formulas, n of them.
    temperature_k : float or n of them, default 298.15
        Temperature in K, from 200 to 800.
    ion : str or n of them, optional
        Mobile ion such as ``"Li"``; by default lithium where the formula has it.
    model : Model, optional
        By default the shipped champion.
    groups : iterable of str, default all
        Which of `COLUMN_GROUPS` to compute; the columns of the others, and the warnings that
        go with them, stay empty.

    Returns
    -------
    pandas.DataFrame of shape (n, len(SCORE_CARD))
        The score card. An unusable formula gives a row with ``error`` filled and every
        value empty.

    Raises
    ------
    ConditionError
        If a temperature, an ion or a group cannot be used.

    Examples
    --------
    >>> card = predict(["Li6PS5Cl", "Xx2O"])
    >>> card["error"].notna().tolist()
    [False, True]
    """
    import pandas as pd

    columns = _columns(formulas, temperature_k, ion, model, groups)
    return pd.DataFrame(columns, columns=SCORE_CARD)


def predict_rows(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float | Sequence[float] = ROOM_TEMPERATURE_K,
    ion: str | Sequence[str | None] | None = None,
    model: Model | None = None,
    groups: Iterable[str] = tuple(COLUMN_GROUPS),
) -> list[dict[str, Any]]:
    """Predict as `predict`, one dict a row, without pandas; None where a value is empty."""
    columns = _columns(formulas, temperature_k, ion, model, groups)
    return [dict(zip(SCORE_CARD, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def predict_columns(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float | Sequence[float] = ROOM_TEMPERATURE_K,
    ion: str | Sequence[str | None] | None = None,
    model: Model | None = None,
    groups: Iterable[str] = tuple(COLUMN_GROUPS),
    n_threads: int | None = None,
) -> dict[str, list[Any]]:
    """Predict as `predict`, one list a column, without pandas; None where a value is empty.

    Parameters
    ----------
    formulas, temperature_k, ion, model, groups
        As for `predict`.
    n_threads : int, optional
        At most so many threads, by default one a core. One is for a caller that keeps the other
        cores busy itself, and who then sees to the threads of the linear algebra as well.
    """
    return _columns(formulas, temperature_k, ion, model, groups, n_threads)


def explain(
    formula: str,
    *,
    temperature_k: float = ROOM_TEMPERATURE_K,
    ion: str | None = None,
    model: Model | None = None,
) -> Explanation:
    """Show whether a conductivity can be trusted, what moves it, and what was measured nearby.

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
    domain_reasons: list[str]
    if (asked := _mobile_ion(read, _check_ion(ion))) != MOBILE_ION:
        domain_reasons = [f"the data hold {MOBILE_ION} conductors, not {asked}"]
    elif MOBILE_ION not in read.amounts:
        domain_reasons = [f"no {MOBILE_ION} in the formula"]
    else:
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
        domain_reasons = model.calibration.domain_reasons(lines)[0]
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
        domain_reasons,
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


def _check_groups(groups: Iterable[str]) -> frozenset[str]:
    chosen = frozenset([groups] if isinstance(groups, str) else groups)
    if chosen and chosen <= COLUMN_GROUPS.keys():
        return chosen
    raise ConditionError(f"groups {sorted(chosen)}: expected some of {', '.join(COLUMN_GROUPS)}")


def _one_each(
    given: Any, n_rows: int, check: Callable[[Any], Condition], name: str
) -> list[Condition]:
    """A checked condition for each row from one for all or one for each."""
    if not isinstance(given, (list, tuple, np.ndarray)):
        return [check(given)] * n_rows
    if len(given) != n_rows:
        raise ConditionError(f"{len(given)} values of {name} for {n_rows} formulas: give one each")
    return [check(value) for value in given]


def _mobile_ion(formula: Formula, ion: str | None) -> str:
    return ion or next((known for known in IONS if known in formula.amounts), MOBILE_ION)


def _columns(
    formulas: Iterable[str] | str,
    temperature_k: float | Sequence[float],
    ion: str | Sequence[str | None] | None,
    model: Model | None,
    groups: Iterable[str],
    n_threads: int | None = None,
) -> dict[str, list[Any]]:
    """The score card as one list a column."""
    texts = [formulas] if isinstance(formulas, str) else list(formulas)
    temperatures_k = _one_each(temperature_k, len(texts), check_temperature, "temperature_k")
    asked_ions = _one_each(ion, len(texts), _check_ion, "ion")
    chosen = _check_groups(groups)
    model = model or champion()
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
    ions = [_mobile_ion(f, asked_ions[row]) for f, row in zip(read, rows, strict=True)]
    of_read_k = [temperatures_k[row] for row in rows]
    parts = [slice(start, start + _CHUNK_ROWS) for start in range(0, len(read), _CHUNK_ROWS)]

    def score(part: slice) -> dict[str, list[Any]]:
        return _score(read[part], of_read_k[part], ions[part], model, chosen)

    _ = model.sessions  # loaded once, before the threads
    if "phases" in chosen:
        _ = model.phases
    for part, scored in zip(parts, _in_parallel(score, parts, n_threads), strict=True):
        for name, values in scored.items():
            column = columns[name]
            for row, value in zip(rows[part], values, strict=True):
                column[row] = value
    return columns


def _in_parallel(
    score: Callable[[slice], Scored], parts: list[slice], n_threads: int | None
) -> Iterator[Scored]:
    """Score parts, several at once; one alone is not worth a thread."""
    n_workers = min(len(parts), n_threads or os.cpu_count() or 1)
    if n_workers == 1:
        yield from map(score, parts)
        return
    from threadpoolctl import threadpool_limits

    # The linear algebra of parallel parts must not fight over the cores.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_workers) as pool:
        yield from pool.map(score, parts)


def _score(
    formulas: list[Formula],
    temperatures_k: list[float],
    ions: list[str],
    model: Model,
    groups: frozenset[str],
) -> dict[str, list[Any]]:
    """Score-card columns of readable formulas."""
    features = compute_features(formulas, model.tables)
    warnings: list[list[str]] = [[] for _ in formulas]
    columns: dict[str, list[Any]] = {
        "reduced_formula": [formula.reduced_formula for formula in formulas],
        "mobile_ion": list(ions),
        "temperature_k": list(temperatures_k),
        "model_version": [model.version] * len(formulas),
        "warnings": warnings,
    }
    if "conductivity" in groups:
        columns |= _conductivity(formulas, features, temperatures_k, ions, model, warnings)
    for found, formula in zip(warnings, formulas, strict=True):
        found += _formula_warnings(formula)
    if "stability" in groups or "phases" in groups:
        stability = model.stability(features)
    if "stability" in groups:
        columns |= {
            "formation_energy_ev_per_atom": stability.formation_energy.tolist(),
            "decomposition_energy_ev_per_atom": stability.decomposition_energy.tolist(),
            "stable_probability": stability.stable_probability.tolist(),
            "metastable_probability": stability.metastable_probability.tolist(),
        }
    if "phases" in groups:
        of_phases, more = phase_columns(formulas, ions, stability.decomposition_energy, model)
        columns |= of_phases
        for found, added in zip(warnings, more, strict=True):
            found += added
    return columns


def _conductivity(
    formulas: list[Formula],
    features: np.ndarray,
    temperatures_k: list[float],
    ions: list[str],
    model: Model,
    warnings: list[list[str]],
) -> dict[str, list[Any]]:
    """Columns of the group ``conductivity``; adds to the warnings."""
    t = np.array([inverse_temperature(temperature_k) for temperature_k in temperatures_k])
    covered = np.array(
        [i == MOBILE_ION and i in f.amounts for i, f in zip(ions, formulas, strict=True)]
    )
    lines = model.lines(features)
    calibration = model.calibration
    log10 = lines.log10_conductivity(t)
    lower, upper = calibration.interval(lines, t)
    in_domain = calibration.in_domain(lines) & covered
    vectors = composition_vectors(formulas)
    indices, distances = (a[:, 0] for a in model.known.nearest(vectors))
    for i, (formula, ion) in enumerate(zip(formulas, ions, strict=True)):
        doubts = _conductivity_warnings(
            formula, ion, in_domain[i], indices[i], distances[i], temperatures_k[i], model
        )
        warnings[i] += doubts

    def where_covered(values: np.ndarray) -> list[Any]:
        return [v if c else None for v, c in zip(values.tolist(), covered.tolist(), strict=True)]

    return {
        "log10_conductivity": where_covered(log10),
        "log10_conductivity_lower": where_covered(lower),
        "log10_conductivity_upper": where_covered(upper),
        "conductivity_s_per_cm": where_covered(10.0**log10),
        "activation_energy_ev": where_covered(lines.activation_energy_ev),
        "superionic_probability": where_covered(calibration.superionic_probability(lines, t)),
        "in_domain": in_domain.tolist(),
        "nearest_known_formula": [model.known_formula(i) for i in indices.tolist()],
        "nearest_known_distance": distances.tolist(),
        "conductivity_kind": ["total" if c else None for c in covered],
    }


def _conductivity_warnings(
    formula: Formula,
    ion: str,
    in_domain: bool,
    nearest_index: int,
    nearest_distance: float,
    temperature_k: float,
    model: Model,
) -> list[str]:
    """Doubts about a conductivity, short codes with words, the gravest first."""
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
    return found


def _formula_warnings(formula: Formula) -> list[str]:
    """Doubts about the formula itself."""
    found = []
    amounts = formula.amounts
    if "C" in amounts and "H" in amounts:
        found.append("organic: polymers, liquids and molecular solids are outside the data")
    if is_charge_balanced(formula) is False:
        found.append("charge_unbalanced: no common oxidation states make the formula neutral")
    found += [f"note: {note}" for note in formula.notes]
    return found
