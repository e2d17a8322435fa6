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
from mlsse.compositions import composition_vectors, nearest
from mlsse.errors import ConditionError
from mlsse.features import MOBILE_ION, compute_features
from mlsse.formulas import Formula, parse_formula
from mlsse.phase_columns import PHASE_COLUMNS
from mlsse.readings import read_formulas
from mlsse.score_batches import IONS, Batch, Scored, first_ion
from mlsse.targets import ROOM_TEMPERATURE_K, check_temperature, inverse_temperature

if TYPE_CHECKING:
    import pandas as pd

Condition = TypeVar("Condition")

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

_TEXTS = frozenset({
    "formula", "reduced_formula", "mobile_ion", "nearest_known_formula", "e_hull_source",
    "decomposition_products", "conductivity_kind", "model_version", "error",
})  # fmt: skip
_NUMBERS = frozenset(SCORE_CARD) - _TEXTS - {"in_domain", "warnings"}

_PART_ROWS = 256
_SAME_COMPOSITION = 1e-3  # sum of differences of atom fractions


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


def predict_arrays(
    formulas: Iterable[str] | str,
    *,
    temperature_k: float | Sequence[float] = ROOM_TEMPERATURE_K,
    ion: str | Sequence[str | None] | None = None,
    model: Model | None = None,
    groups: Iterable[str] = tuple(COLUMN_GROUPS),
    n_threads: int | None = None,
) -> dict[str, np.ndarray]:
    """Predict as `predict_columns`, one array a column, for those who go on with arrays.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        Numbers as float, NaN where a value is empty; all others as objects, None where empty.
    """
    return _arrays(formulas, temperature_k, ion, model, groups, n_threads)


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
    return ion or first_ion(formula.amounts)


def _columns(
    formulas: Iterable[str] | str,
    temperature_k: float | Sequence[float],
    ion: str | Sequence[str | None] | None,
    model: Model | None,
    groups: Iterable[str],
    n_threads: int | None = None,
) -> dict[str, list[Any]]:
    """The score card as one list a column."""
    arrays = _arrays(formulas, temperature_k, ion, model, groups, n_threads)
    columns = {name: array.tolist() for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype == float and np.isnan(array).any():
            columns[name] = [None if value != value else value for value in columns[name]]
    return columns


def _arrays(
    formulas: Iterable[str] | str,
    temperature_k: float | Sequence[float],
    ion: str | Sequence[str | None] | None,
    model: Model | None,
    groups: Iterable[str],
    n_threads: int | None = None,
) -> dict[str, np.ndarray]:
    """The score card as one array a column, empty values as NaN or None."""
    texts = [formulas] if isinstance(formulas, str) else list(formulas)
    temperatures_k = _one_each(temperature_k, len(texts), check_temperature, "temperature_k")
    asked_ions = _one_each(ion, len(texts), _check_ion, "ion")
    chosen = _check_groups(groups)
    model = model or champion()
    columns: dict[str, np.ndarray] = {
        name: np.full(len(texts), np.nan if name in _NUMBERS else None, _type_of(name))
        for name in SCORE_CARD
    }
    columns["formula"][:] = [text if isinstance(text, str) else repr(text) for text in texts]
    warnings: list[list[str]] = [[] for _ in texts]
    read = read_formulas(texts)
    for row, error in read.errors.items():
        columns["error"][row] = error
    if len(read.rows):
        batch = Batch(texts, read, temperatures_k, asked_ions, model, chosen, warnings)
        _ = model.sessions  # loaded once, before the threads
        if "phases" in chosen:
            _ = model.phases
        # Small parts are shared evenly among threads; one thread alone is faster with larger ones.
        parts = read.parts(2 * _PART_ROWS if n_threads == 1 else _PART_ROWS)
        scores = _in_parallel(batch.score, parts, n_threads)
        for part, scored in zip(parts, scores, strict=True):
            for name, values in scored.items():
                columns[name][read.rows[part]] = values
        for name, values in batch.of_formulas().items():
            columns[name][read.rows] = values
    columns["warnings"][:] = warnings
    return columns


def _type_of(name: str) -> type:
    return float if name in _NUMBERS else object


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
