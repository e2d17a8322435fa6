"""The map of the known materials as a figure, with candidates in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mlsse.compositions import composition_vectors
from mlsse.errors import ScreenInputError
from mlsse.explorer import theme
from mlsse.explorer.answers import power
from mlsse.explorer.context import Context
from mlsse.explorer.embedding import CompositionMap, place_vectors
from mlsse.explorer.known_materials import KnownMaterials, family_names
from mlsse.explorer.uploads import split_text
from mlsse.kernels import Floats
from mlsse.merging import PREFERENCE
from mlsse.prediction import predict_rows

#: What the points can be coloured by, and its name.
COLOURINGS = {"log10": "conductivity", "family": "family", "source": "source of the data"}
_SEVERAL, _NO_SOURCE = "several sources", "not told"
MAX_CANDIDATES = 300
_CLIP = (-12.0, -1.0)  # log10 S/cm; a few values beyond would take all the colours


@dataclass(frozen=True)
class World:
    """The known materials and where they stand."""

    known: KnownMaterials
    map: CompositionMap


@dataclass(frozen=True)
class Candidates:
    """Formulas of the visitor: rows of the score card and their places, n of them."""

    rows: list[dict[str, Any]]
    places: Floats
    errors: list[str]


def read_candidates(text: str, context: Context, map_: CompositionMap) -> Candidates:
    """Read and score the formulas of a text; what cannot be read is told."""
    if not text.strip():
        return Candidates([], np.zeros((0, 2)), [])
    try:
        formulas = split_text(text)
    except ScreenInputError as error:
        return Candidates([], np.zeros((0, 2)), [str(error)])
    errors = []
    if len(formulas) > MAX_CANDIDATES:
        errors.append(f"only the first {MAX_CANDIDATES} of {len(formulas)} formulas are shown")
        formulas = formulas[:MAX_CANDIDATES]
    rows = predict_rows(formulas, model=context.model, groups=["conductivity"])
    errors += [row["error"] for row in rows if row["error"]]
    rows = [row for row in rows if not row["error"]]
    vectors = composition_vectors([row["formula"] for row in rows])
    return Candidates(rows, place_vectors(map_, context.model, vectors), errors)


def draw(
    world: World,
    colouring: str,
    mode: theme.Mode,
    candidates: Candidates,
    found: int | None = None,
) -> go.Figure:
    """Draw the map.

    Parameters
    ----------
    world : World
    colouring : {"log10", "family", "source"}
    mode : {"light", "dark"}
    candidates : Candidates
    found : int, optional
        A known material to point out, by its row.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    traces = (
        [_coloured_by_number(world)]
        if colouring == "log10"
        else _coloured_by_name(world, *_groups(world.known, colouring))
    )
    look = theme.LOOKS[mode]
    if candidates.rows:
        traces.append(_of_candidates(candidates, look))
    if found is not None:
        x, y = world.map.places[found]
        traces.append(
            go.Scatter(
                x=[x], y=[y], mode="markers", name=theme.as_plain(world.known.formulas[found]),
                hoverinfo="skip",
                marker={
                    "symbol": "circle-open", "size": 18, "color": look.text, "line": {"width": 3},
                },
            )
        )  # fmt: skip
    return theme.figure(
        traces,
        x=theme.Axis("first coordinate, no unit", None),
        y=theme.Axis("second coordinate, no unit", None),
        mode=mode,
        height=600,
        showlegend=True,
        xaxis_showticklabels=False,
        yaxis_showticklabels=False,
        clickmode="event",
    )


def _hover_texts(known: KnownMaterials) -> list[str]:
    texts = []
    for row, formula in enumerate(known.formulas):
        n = int(known.n_measurements[row])
        told = f"{', '.join(known.sources[row])}; {n} measured" if n else _NO_SOURCE
        texts.append(
            f"{theme.as_plain(formula)}<br>{power(known.log10_conductivity[row])} S/cm at 298 K"
            f"<br>{known.families[row]}<br>source: {told}"
        )
    return texts


def _points(world: World, rows: np.ndarray, texts: Sequence[str], **more: Any) -> go.Scatter:
    places = world.map.places[rows]
    return go.Scatter(
        x=places[:, 0], y=places[:, 1], mode="markers", customdata=rows.tolist(),
        text=[texts[i] for i in rows.tolist()], hovertemplate="%{text}<extra></extra>", **more,
    )  # fmt: skip


def _coloured_by_number(world: World) -> go.Scatter:
    low, high = _CLIP
    marker = {
        "size": 7,
        "color": world.known.log10_conductivity,
        "cmin": low,
        "cmax": high,
        "colorscale": theme.SEQUENTIAL,
        "colorbar": {
            # Below, lest it takes the width of a phone.
            "orientation": "h",
            "y": -0.14,
            "yanchor": "top",
            "title": {"text": "log10 of conductivity at 298 K / (S/cm)", "side": "bottom"},
            "thickness": 14,
            "outlinewidth": 0,
        },
    }
    rows = np.arange(len(world.known.formulas))
    texts = _hover_texts(world.known)
    return _points(world, rows, texts, marker=marker, name="known materials")


def _groups(known: KnownMaterials, colouring: str) -> tuple[list[str], list[str]]:
    """Group of each known material, and the groups in the order of the legend."""
    if colouring == "family":
        return known.families, family_names(known.families)
    labels = [
        _NO_SOURCE if not names else names[0] if len(names) == 1 else _SEVERAL
        for names in known.sources
    ]
    order = [name for name in (*PREFERENCE, _SEVERAL, _NO_SOURCE) if name in labels]
    return labels, order + sorted(set(labels) - set(order))


def _coloured_by_name(world: World, labels: list[str], order: list[str]) -> list[go.Scatter]:
    texts = _hover_texts(world.known)
    of_row = np.array(labels)
    return [
        _points(
            world, np.flatnonzero(of_row == name), texts, name=name,
            marker={
                "size": 7, "opacity": 0.85, "color": theme.series_colour(place),
                "symbol": theme.series_symbol(place),
            },
        )
        for place, name in enumerate(order)
    ]  # fmt: skip


def _of_candidates(candidates: Candidates, look: theme.Look) -> go.Scatter:
    texts = [
        f"candidate {theme.as_plain(row['formula'])}<br>{_predicted(row)}<br>source: this model"
        for row in candidates.rows
    ]
    return go.Scatter(
        x=candidates.places[:, 0], y=candidates.places[:, 1], mode="markers", name="candidates",
        text=texts, hovertemplate="%{text}<extra></extra>",
        marker={
            "symbol": "star", "size": 15, "color": theme.VERMILION,
            "line": {"color": look.text, "width": 1.5},
        },
    )  # fmt: skip


def _predicted(row: dict[str, Any]) -> str:
    if row["log10_conductivity"] is None:
        return "no conductivity predicted"
    return f"{power(row['log10_conductivity'])} S/cm at 298 K (90 %: {interval_words(row)})"


def interval_words(row: dict[str, Any]) -> str:
    """The 90 % interval of a row of the score card, S/cm."""
    if row["log10_conductivity"] is None:
        return "-"
    ends = [power(row[f"log10_conductivity_{end}"]) for end in ("lower", "upper")]
    return " to ".join(ends)


def describe(world: World, candidates: Candidates) -> str:
    """What the map shows, in words."""
    families = world.known.families
    counts = ", ".join(f"{families.count(name)} {name}" for name in family_names(families))
    first, second = (f"{100 * share:.0f} %" for share in world.map.shares)
    text = (
        f"{len(families)} known compositions: {counts}. The coordinates show {first} and {second} "
        "of what the kernel tells apart, so points that differ may still lie together; distances "
        "in the tables below are exact."
    )
    return text + (f" Stars: {len(candidates.rows)} candidates." if candidates.rows else "")
