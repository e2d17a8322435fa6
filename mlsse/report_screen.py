"""The report of a screen: what was found, how it is spread, the best candidates with reasons."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsse import ranked_list, report_figures
from mlsse.bundle import champion
from mlsse.choices import PROBABILITY, columns_read
from mlsse.conditions import Kind, numbers
from mlsse.contenders import passing_rows
from mlsse.documents import Block, Bullets, Document, Paragraph, Part, Picture, Section, Table
from mlsse.errors import ScreenError
from mlsse.pareto import MAX_FRONT, non_dominated
from mlsse.ranking import Ranking, rank
from mlsse.report_parts import CARD_LEGEND, card_table, percent, rests_on, shorten
from mlsse.screen_rows import ScreenRows
from mlsse.screen_store import Manifest, Screen, open_screen

Floats = NDArray[np.float64]

_UNFOLDED = 50
_REASONED = 25
_MAX_BAD = 50
#: Objectives where none are asked for, as far as their columns were computed.
_OBJECTIVES = (
    "log10_conductivity:max", "oxidation_limit_v:max", "metastable_probability:max",
)  # fmt: skip
_UNITS = {
    "_ev_per_atom": "(eV/atom)", "_s_per_cm": "(S/cm)", "_ev": "eV", "_v": "V", "_k": "K",
    "_gpa": "GPa",
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Numbers of all rows of a screen, n of them.

    Attributes
    ----------
    values : dict of str to ndarray of shape (n,)
        NaN where a value is empty; truth values as 0 and 1.
    input_row : ndarray of int, shape (n,)
    passing : ndarray of bool, shape (n,)
        Rows that fulfil every condition.
    """

    values: dict[str, Floats]
    input_row: NDArray[np.int64]
    passing: NDArray[np.bool_]


def screen_report(
    folder: str | Path,
    *,
    where: Sequence[str] = (),
    aims: Sequence[str] = (),
    objectives: Sequence[str] = (),
    top: int = 1000,
) -> Document:
    """Make the report of a screen.

    Parameters
    ----------
    folder : str or pathlib.Path
        Made by `mlsse.screen`, complete or not.
    where, aims : sequence of str
        As for `mlsse.rank`.
    objectives : sequence of str
        As for `mlsse.rank`; by default conductivity, and then the oxidation limit or the
        probability of being metastable, as far as they were computed.
    top : int
        How many candidates to list at most.

    Returns
    -------
    Document

    Raises
    ------
    ConditionError
        If a condition or an objective cannot be used.
    ScreenError
        If the folder holds no screen, or a part of it cannot be read.
    """
    screen, rows = open_screen(folder), ScreenRows(folder)
    chosen = list(objectives) or _objectives(rows)
    ranking = rank(folder, where=where, aims=aims, objectives=chosen, top=top, per_parent=0)
    columns = _collect(rows, ranking)
    manifest = screen.manifest
    n_rows = len(columns.input_row)
    return Document(
        f"Screen of {n_rows:,} candidates: {shorten(manifest.input_name)}",
        f"{n_rows:,} formulas were scored as solid electrolytes at {manifest.temperature_k:g} K; "
        f"{int(columns.passing.sum()):,} fulfil what is asked, {len(ranking.candidates):,} are "
        "listed.",
        (
            Section("What was asked, and what was found", tuple(_found(ranking, screen))),
            *_spread(columns, ranking),
            *_listed(ranking),
            *_reasons(ranking),
            *_bad(screen),
            _rests_on(manifest, ranking),
        ),
    )


def axis_label(name: str) -> str:
    """A column's name as words with its unit, for an axis.

    >>> axis_label("oxidation_limit_v")
    'oxidation limit / V'
    """
    if name == "log10_conductivity":
        return report_figures.LOG10
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return f"{_words(name.removesuffix(ending))} / {unit}"
    return _words(name)


def _words(name: str) -> str:
    return name.replace("_", " ").replace("e hull", "energy above hull")


def _objectives(rows: ScreenRows) -> list[str]:
    names = [text for text in _OBJECTIVES if text.partition(":")[0] in rows.kinds][:2]
    if not names:
        raise ScreenError("the screen has no column of numbers to sort by: screen it anew")
    return names


def _collect(rows: ScreenRows, ranking: Ranking) -> Columns:
    """Read the columns that are drawn, of all rows."""
    wanted = {"log10_conductivity", "in_domain", "e_hull_ev_per_atom"}
    wanted |= {objective.name for objective in ranking.choice.objectives}
    plain = (Kind.NUMBER, Kind.TRUTH)
    drawn = [name for name in rows.kinds if name in wanted and rows.kinds[name] in plain]
    parts: dict[str, list[Any]] = {name: [] for name in [*drawn, "input_row", "passing"]}
    counts = dict.fromkeys(ranking.counts, 0)
    read = list(dict.fromkeys([*columns_read(ranking.choice, rows.kinds), *drawn]))
    for _, _, table in rows.batches(read):
        parts["passing"].append(passing_rows(table, ranking.choice, counts))
        for name in [*drawn, "input_row"]:
            parts[name].append(numbers(table[name]))
    joined = {name: np.concatenate(found or [np.zeros(0)]) for name, found in parts.items()}
    return Columns(
        {name: joined[name] for name in drawn},
        joined["input_row"].astype(np.int64),
        joined["passing"].astype(bool),
    )


def _found(ranking: Ranking, screen: Screen) -> Iterator[Block]:
    counts = ranking.counts
    yield Table(
        "How many candidates are left",
        ("", "candidates"),
        tuple((shorten(_COUNTS.get(name, name)), f"{n:,}") for name, n in counts.items()),
        frozenset({1}),
    )
    if not screen.is_complete:
        yield Paragraph("The screen is unfinished: these are the rows so far.")
    order = ", then ".join(map(str, ranking.choice.objectives))
    if ranking.choice.thresholds:
        thresholds = "; ".join(str(each.condition) for each in ranking.choice.thresholds)
        order = (
            f"the probability that all thresholds hold ({shorten(thresholds)}), in whole percent, "
            f"then {order}"
        )
    yield Paragraph(f"Sorted by {order}. A composition that occurs twice is listed once.")
    if ranking.notes:
        yield Bullets(tuple(_sentence(note) for note in ranking.notes))


_COUNTS = {"rows": "scored", "passing": "fulfil everything"}


def _spread(columns: Columns, ranking: Ranking) -> Iterator[Section]:
    """Figures of all rows."""
    pictures = [
        *_conductivity_picture(columns),
        *_hull_picture(columns),
        *_trade_off_picture(columns, ranking),
    ]
    if pictures:
        yield Section("How the candidates are spread", tuple(pictures))


def _conductivity_picture(columns: Columns) -> Iterator[Picture]:
    log10 = columns.values.get("log10_conductivity")
    if log10 is None or not np.isfinite(log10).any():
        return
    inside = columns.values.get("in_domain", np.ones(len(log10))) == 1.0
    has_value = np.isfinite(log10)
    yield Picture(
        "conductivities",
        "Predicted conductivity of all candidates; out of the domain the value leans on a prior.",
        f"A histogram of log10 of conductivity: half of the {int(has_value.sum()):,} values lie "
        f"below {np.median(log10[has_value]):.1f}, the greatest is {log10[has_value].max():.1f}; "
        f"{int((inside & has_value).sum()):,} are in the domain of the model. The dotted line is "
        "at -4, that is 1e-4 S/cm.",
        report_figures.histogram(
            {"in the domain": log10[inside], "out of it": log10[~inside]},
            "Predicted conductivity",
            report_figures.LOG10,
            -4.0,
        ),
    )


def _hull_picture(columns: Columns) -> Iterator[Picture]:
    energy = columns.values.get("e_hull_ev_per_atom")
    if energy is None or not np.isfinite(energy).any():
        return
    known = energy[np.isfinite(energy)]
    share = percent(float((known <= 0.05).mean()))
    yield Picture(
        "energies_above_hull",
        "Energy above the convex hull of all candidates; most good electrolytes lie within 0.05 "
        "eV/atom (dotted line).",
        f"A histogram of the energy above hull in eV/atom: {share} of {len(known):,} candidates "
        f"lie within 0.05 eV/atom, the highest at {known.max():.2f}.",
        report_figures.histogram(
            {"candidates": energy}, "Energy above the convex hull",
            "energy above hull / (eV/atom)", 0.05,
        ),
    )  # fmt: skip


def _trade_off_picture(columns: Columns, ranking: Ranking) -> Iterator[Picture]:
    """The first two objectives against each other."""
    chosen = [o for o in ranking.choice.objectives if o.name != PROBABILITY][:2]
    if len(chosen) < 2:
        return
    x, y = (columns.values[objective.name] for objective in chosen)
    listed = {each.row["input_row"] for each in ranking.candidates}
    is_listed = np.isin(columns.input_row, np.array(sorted(listed), dtype=np.int64))
    on_front = _front(columns, x, y, [objective.is_max for objective in chosen])
    labels = axis_label(chosen[0].name), axis_label(chosen[1].name)
    yield Picture(
        "trade_off",
        f"Each mark a candidate: {chosen[0]} against {chosen[1]}. On the Pareto front none is "
        "better in both at once.",
        f"A cloud of points, {labels[0]} to the right and {labels[1]} upwards; "
        f"{int(on_front.sum()):,} candidates are on the Pareto front of these two.",
        report_figures.trade_off(x, y, on_front, is_listed, labels),
    )


def _front(columns: Columns, x: Floats, y: Floats, is_max: Sequence[bool]) -> NDArray[np.bool_]:
    """Rows that pass and are on the Pareto front of two objectives."""
    signs = [-1.0 if high else 1.0 for high in is_max]
    on_front = np.zeros(len(x), dtype=bool)
    rows = np.flatnonzero(columns.passing & np.isfinite(x) & np.isfinite(y))
    if len(rows):
        found = non_dominated(np.stack([signs[0] * x[rows], signs[1] * y[rows]], axis=1))
        on_front[rows[found[: MAX_FRONT + 1]]] = True
    return on_front


def _listed(ranking: Ranking) -> Iterator[Section]:
    found = ranking.candidates
    if not found:
        return
    blocks: list[Block] = []
    for start, end in ((0, _UNFOLDED), (_UNFOLDED, len(found))):
        part = found[start:end]
        if part:
            caption = f"Candidates {start + 1:,} to {start + len(part):,}"
            before = {"rank": [str(each.rank) for each in part]}
            if ranking.choice.thresholds:
                before["probability"] = [percent(each.probability) for each in part]
            table = card_table(caption, [each.row for each in part], before)
            blocks.append(Table(table.caption, table.columns, table.rows, table.numeric, start > 0))
    yield Section("The best candidates", (*blocks, Paragraph(CARD_LEGEND)))


def _reasons(ranking: Ranking) -> Iterator[Section]:
    parts: tuple[Block, ...] = tuple(
        Part(
            f"{each.rank}. {shorten(each.row['formula'])}",
            (Bullets(tuple(map(_plain, ranked_list.reasons(each, ranking)))),),
        )
        for each in ranking.candidates[:_REASONED]
    )
    if parts:
        yield Section(f"Why the first {len(parts)}", parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _plain(text: str) -> str:
    """A reason without mark-up of its own; its formulas may come from anywhere."""
    return " ".join(text.replace("`", "'").split())


def _bad(screen: Screen) -> Iterator[Section]:
    rows = list(islice(_bad_rows(screen), _MAX_BAD + 1))
    if not rows:
        return
    shown = tuple(
        (shorten(row.get("line") or ""), shorten(row.get("formula") or ""),
         shorten(row.get("error") or ""))
        for row in rows[:_MAX_BAD]
    )  # fmt: skip
    totals = screen.manifest.totals
    caption = "Rows of the input that could not be scored"
    if totals is not None and totals.bad > _MAX_BAD:
        caption += f", the first {_MAX_BAD} of {totals.bad:,}"
    table = Table(caption, ("line", "formula", "why"), shown, frozenset({0}))
    yield Section("Rows that could not be used", (table,))


def _bad_rows(screen: Screen) -> Iterator[dict[str, str]]:
    for path in screen.error_files():
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                yield from csv.DictReader(stream)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ScreenError(f"{path} cannot be read ({error}): screen anew") from error


def _rests_on(manifest: Manifest, ranking: Ranking) -> Section:
    model = champion()
    metadata = model.metadata if model.version == manifest.model_version else None
    totals = manifest.totals
    pairs = (
        ("input", shorten(manifest.input_name)),
        ("kind of input", manifest.input_kind),
        ("sha256 of the input", manifest.input_sha256 or "read from standard input"),
        ("rows of the input", "" if totals is None else f"{totals.rows:,}"),
        ("rows that could not be used", "" if totals is None else f"{totals.bad:,}"),
        ("computed", ", ".join(manifest.columns)),
        ("temperature", f"{manifest.temperature_k:g} K"),
        ("mobile ion", manifest.ion or "that of each formula"),
        ("model version", manifest.model_version),
        ("sha256 of the model", manifest.model_sha256),
        ("screened with mlsse", manifest.mlsse_version),
    )
    protocol = [_sentence(text) for text in ranking.assumptions] or [
        "No thresholds were asked for, so no probabilities are told."
    ]
    return rests_on(pairs, metadata, protocol)
