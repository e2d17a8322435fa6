"""From formulas to score-card rows: values, uncertainty, domain flag, warnings, errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.charges import are_charge_unbalanced
from mlsse.compositions import composition_vectors, nearest
from mlsse.errors import ConditionError
from mlsse.features import MOBILE_ION, compute_features, features_of_vectors
from mlsse.flat_formulas import write_formulas
from mlsse.formulas import Formula, parse_formula
from mlsse.phase_columns import PHASE_COLUMNS, phase_columns
from mlsse.readings import Group, Readings, read_formulas
from mlsse.targets import ROOM_TEMPERATURE_K, check_temperature, inverse_temperature

if TYPE_CHECKING:
    import pandas as pd

Condition = TypeVar("Condition")
Scored = dict[str, np.ndarray]

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
    return ion or _first_ion(formula.amounts)


def _first_ion(symbols: Container[str]) -> str:
    return next((known for known in IONS if known in symbols), MOBILE_ION)


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
        batch = _Batch(texts, read, temperatures_k, asked_ions, model, chosen, warnings)
        _ = model.sessions  # loaded once, before the threads
        if "phases" in chosen:
            _ = model.phases
        size = len(read.rows)
        # Small parts are shared evenly among threads; one thread alone is faster with larger ones.
        step = 2 * _CHUNK_ROWS if n_threads == 1 else _CHUNK_ROWS
        parts = [slice(start, min(size, start + step)) for start in range(0, size, step)]
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


class _Batch:
    """Readable formulas, their conditions and what was found of them group by group.

    Arrays have an entry a readable formula, in the order of `Readings`.
    """

    def __init__(
        self,
        texts: list[Any],
        read: Readings,
        temperatures_k: list[float],
        asked_ions: list[str | None],
        model: Model,
        groups: frozenset[str],
        warnings: list[list[str]],
    ) -> None:
        rows = read.rows.tolist()
        self.texts, self.read, self.model, self.groups = texts, read, model, groups
        self.temperatures_k = np.array([temperatures_k[row] for row in rows])
        self.warnings = [warnings[row] for row in rows]
        self.ions = np.empty(len(rows), dtype=object)
        self.has_ion = np.empty(len(rows), dtype=bool)
        self.group_of = np.empty(len(rows), dtype=np.intp)
        for number, group in enumerate(read.groups):
            first = _first_ion(group.symbols)
            ions = [asked_ions[row] or first for row in rows[group.places]]
            self.ions[group.places] = ions
            self.has_ion[group.places] = [ion in group.symbols for ion in ions]
            self.group_of[group.places] = number

    def of_formulas(self) -> dict[str, Any]:
        """Columns of the formulas and conditions themselves."""
        reduced = []
        for group in self.read.groups:
            reduced += write_formulas(group.symbols, group.amounts)
        return {
            "reduced_formula": np.array(reduced, dtype=object),
            "mobile_ion": self.ions,
            "temperature_k": self.temperatures_k,
            "model_version": self.model.version,
        }

    def score(self, part: slice) -> Scored:
        """Columns of the models for some of the formulas; adds to their warnings."""
        model, groups = self.model, self.groups
        vectors = self.read.vectors(part.start, part.stop)
        features = features_of_vectors(vectors, model.tables)
        columns: Scored = {}
        if "conductivity" in groups:
            columns |= self._conductivity(part, vectors, features)
        self._warn_of_formulas(part)
        if "stability" in groups or "phases" in groups:
            stability = model.stability(features)
        if "stability" in groups:
            columns |= {
                "formation_energy_ev_per_atom": stability.formation_energy,
                "decomposition_energy_ev_per_atom": stability.decomposition_energy,
                "stable_probability": stability.stable_probability,
                "metastable_probability": stability.metastable_probability,
            }
        if "phases" in groups:
            formulas = [parse_formula(self.texts[row]) for row in self.read.rows[part].tolist()]
            of_phases, more = phase_columns(
                formulas, self.ions[part].tolist(), stability.decomposition_energy, model
            )
            columns |= {
                name: np.array(values, dtype=_type_of(name)) for name, values in of_phases.items()
            }
            for found, added in zip(self.warnings[part], more, strict=True):
                found += added
        return columns

    def _conductivity(self, part: slice, vectors: np.ndarray, features: np.ndarray) -> Scored:
        """Columns of the group ``conductivity``; adds to the warnings."""
        model, calibration = self.model, self.model.calibration
        distinct, place = np.unique(self.temperatures_k[part], return_inverse=True)
        t = np.array([inverse_temperature(value) for value in distinct.tolist()])[place]
        covered = self.has_ion[part] & (self.ions[part] == MOBILE_ION)
        lines = model.lines(features)
        log10 = lines.log10_conductivity(t)
        lower, upper = calibration.interval(lines, t)
        in_domain = calibration.in_domain(lines) & covered
        indices, distances = (a[:, 0] for a in model.known.nearest(vectors))
        self._warn_of_conductivities(part, covered, in_domain, indices, distances)
        kinds = np.full(len(covered), None, dtype=object)
        kinds[covered] = "total"
        names = {i: model.known_formula(i) for i in np.unique(indices).tolist()}
        numbers = {
            "log10_conductivity": log10,
            "log10_conductivity_lower": lower,
            "log10_conductivity_upper": upper,
            "conductivity_s_per_cm": 10.0**log10,
            "activation_energy_ev": lines.activation_energy_ev,
            "superionic_probability": calibration.superionic_probability(lines, t),
        }
        return {
            **{name: np.where(covered, values, np.nan) for name, values in numbers.items()},
            "in_domain": in_domain.astype(object),
            "nearest_known_formula": np.array([names[i] for i in indices.tolist()], dtype=object),
            "nearest_known_distance": distances,
            "conductivity_kind": kinds,
        }

    def _warn_of_conductivities(
        self,
        part: slice,
        covered: np.ndarray,
        in_domain: np.ndarray,
        indices: np.ndarray,
        distances: np.ndarray,
    ) -> None:
        """Doubts about conductivities, short codes with words, the gravest first."""
        model, warnings, ions = self.model, self.warnings[part], self.ions[part]
        for i in np.flatnonzero(~covered).tolist():
            ion = ions[i]
            warnings[i].append(
                f"ion_not_covered: the data hold {MOBILE_ION} conductors, not {ion}"
                if ion != MOBILE_ION
                else f"mobile_ion_missing: no {ion} in the formula, so no {ion} conductivity"
            )
        for i in np.flatnonzero(covered & ~in_domain).tolist():
            warnings[i].append(
                "out_of_domain: little alike was ever measured; the value leans on a prior"
            )
        for here, group in self._groups(part):
            if any(symbol not in model.known_elements for symbol in group.symbols):
                for i in here[covered[here]].tolist():
                    amounts = parse_formula(self.texts[self.read.rows[part.start + i]]).amounts
                    unseen = [symbol for symbol in amounts if symbol not in model.known_elements]
                    warnings[i].append(
                        f"unseen_elements: no measured conductor has {', '.join(unseen)}"
                    )
        spread = model.spread_decades[indices]
        known = covered & (distances < _SAME_COMPOSITION)
        for i in np.flatnonzero(known & (spread > _POLYMORPH_SPREAD)).tolist():
            warnings[i].append(
                f"polymorphs: measured values of this composition spread over {spread[i]:.1f} "
                "decades (polymorphs, glass, density)"
            )
        low, high = model.temperature_range_k
        temperatures_k = self.temperatures_k[part]
        outside = (temperatures_k < low) | (temperatures_k > high)
        for i in np.flatnonzero(covered & outside).tolist():
            warnings[i].append(
                f"temperature_extrapolated: most measurements lie at {low:.0f} to {high:.0f} K"
            )
        for i in np.flatnonzero(covered & (temperatures_k > _PHASE_CHANGE_K)).tolist():
            warnings[i].append("phase_change: melting and changes of phase are not modelled")

    def _warn_of_formulas(self, part: slice) -> None:
        """Doubts about formulas themselves."""
        warnings = self.warnings[part]
        for here, group in self._groups(part):
            if {"C", "H"} <= set(group.symbols):
                for i in here.tolist():
                    warnings[i].append(
                        "organic: polymers, liquids and molecular solids are outside the data"
                    )
            of_group = here + (part.start - group.places.start)
            unbalanced = are_charge_unbalanced(group.symbols, group.amounts[of_group])
            for i in here[unbalanced].tolist():
                warnings[i].append(
                    "charge_unbalanced: no common oxidation states make the formula neutral"
                )
        if self.read.notes:
            for found, row in zip(warnings, self.read.rows[part].tolist(), strict=True):
                found += [f"note: {note}" for note in self.read.notes.get(row, ())]

    def _groups(self, part: slice) -> Iterator[tuple[np.ndarray, Group]]:
        """Groups that have formulas in a part, and which of its formulas these are."""
        first, last = self.group_of[part.start], self.group_of[part.stop - 1]
        for group in self.read.groups[first : last + 1]:
            start, stop = max(part.start, group.places.start), min(part.stop, group.places.stop)
            yield np.arange(start, stop) - part.start, group
