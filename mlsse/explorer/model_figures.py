"""Figures that put two models side by side, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from mlsse.explorer import theme
from mlsse.explorer.known_materials import OTHER, family_names
from mlsse.explorer.model_comparison import Comparison, residuals_by_family
from mlsse.run_figures import coverage, reliability

if TYPE_CHECKING:
    import pandas as pd

_MEASURED = theme.Axis("measured<br>log10 of conductivity", "S/cm")
_PREDICTED = theme.Axis("predicted<br>log10 of conductivity", "S/cm")
#: Places of the families in the palette, the same in all figures.
_FAMILIES = ("phosphates", "sulfides", "garnets", "halides", "oxyhalides", OTHER)

Drawn = tuple[go.Figure, str]


def parity(
    name: str, rows: pd.DataFrame, mode: theme.Mode, limits: tuple[float, float] | None = None
) -> Drawn:
    """Draw predicted against measured values of held-out rows by family; bounds are left out.

    Parameters
    ----------
    name : str
        Of the model.
    rows : pandas.DataFrame
        As `mlsse.evidence.out_of_fold_table` makes it.
    mode : {"light", "dark"}
    limits : (float, float), optional
        Of both axes, log10 of S/cm.

    Returns
    -------
    figure : plotly.graph_objects.Figure
    text : str
    """
    values = rows[rows["censored"] == "none"]
    families = values["family"].str.split("|").str[0].to_numpy()
    measured = values["log10_conductivity"].to_numpy()
    predicted = values["predicted_log10_conductivity"].to_numpy()
    texts = [
        f"{theme.as_plain(formula)}<br>{kelvin:.0f} K"
        for formula, kelvin in zip(values["formula"], values["temperature_k"], strict=True)
    ]
    ends = list(limits or _ends(measured, predicted))
    drawn = theme.figure(
        [_identity(ends, mode), *_by_family(families, measured, predicted, texts)],
        x=_MEASURED, y=_PREDICTED, mode=mode, height=460, xaxis_range=ends, yaxis_range=ends,
        showlegend=True,
    )  # fmt: skip
    error = np.abs(measured - predicted).mean() if len(values) else float("nan")
    return drawn, (
        f"{name}: {len(values)} held-out measurements at all temperatures, mean absolute error "
        f"{error:.2f} decades; {len(rows) - len(values)} bounds are not shown."
    )


def shared_limits(tables: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """Limits between which all measured and predicted values of some tables lie, log10 of S/cm."""
    names = ("log10_conductivity", "predicted_log10_conductivity")
    return _ends(*(table[name].to_numpy() for table in tables for name in names))


def residuals(tables: Mapping[str, pd.DataFrame], mode: theme.Mode) -> Drawn:
    """Draw measured less predicted values of held-out rows by family, a box for each model.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By model; as `mlsse.evidence.out_of_fold_table` makes them.
    mode : {"light", "dark"}

    Returns
    -------
    figure : plotly.graph_objects.Figure
    text : str
    """
    traces, words = [], []
    for place, (name, rows) in enumerate(tables.items()):
        by_family = residuals_by_family(rows)
        names = [family for family in _FAMILIES if family in by_family]
        traces.append(
            go.Box(
                x=[family for family in names for _ in by_family[family]],
                y=np.concatenate([by_family[f] for f in names]) if names else [],
                name=name, marker={"color": theme.series_colour(place), "size": 3},
                line={"width": 1.5},
            )
        )  # fmt: skip
        medians = ", ".join(
            f"{f} {np.median(by_family[f]):+.1f} ({len(by_family[f])} rows)" for f in names
        )
        words.append(f"{name}: {medians}")
    drawn = theme.figure(
        traces,
        x=theme.Axis("family", None),
        y=theme.Axis("measured less predicted", "decades"),
        mode=mode, height=460, boxmode="group", showlegend=True,
    )  # fmt: skip
    return drawn, f"Median residual in decades. {'; '.join(words)}."


def calibration(
    tables: Mapping[str, pd.DataFrame], compounds: Mapping[str, pd.DataFrame], mode: theme.Mode
) -> Drawn:
    """Draw stated against observed shares: of intervals, and of stable compounds.

    Parameters
    ----------
    tables, compounds : mapping of str to pandas.DataFrame
        By model; as the tables of `mlsse.evidence.Evidence`.
    mode : {"light", "dark"}

    Returns
    -------
    figure : plotly.graph_objects.Figure
    text : str
    """
    traces: list[Any] = [_identity([0.0, 1.0], mode)]
    words = []
    for place, (name, rows) in enumerate(tables.items()):
        nominal, observed = coverage(rows)
        traces.append(_line(nominal, observed, f"{name}, intervals", place, "solid"))
        words.append(
            f"{name}: {100 * np.interp(0.9, nominal, observed):.0f} % inside the 90 % interval"
        )
        if name in compounds:
            table = compounds[name]
            # A table from the store spells truth values out.
            label = table["stable"].astype(str).str.lower() == "true"
            stated, found = reliability(table["stable_probability"].astype(float), label)
            traces.append(_line(stated, found, f"{name}, stable", place, "dot"))
    drawn = theme.figure(
        traces,
        x=theme.Axis("stated share (0 to 1)", None),
        y=theme.Axis("observed share (0 to 1)", None),
        mode=mode, height=460, xaxis_range=[0, 1], yaxis_range=[0, 1], showlegend=True,
    )  # fmt: skip
    return drawn, (
        "Intervals of conductivity and the probability of being stable; on the diagonal they keep "
        f"what they state. {'; '.join(words)}."
    )


def disagreement(names: Sequence[str], found: Comparison, mode: theme.Mode) -> Drawn:
    """Draw the predictions of two models for the known materials.

    Parameters
    ----------
    names : sequence of str
        Of the two models.
    found : Comparison
    mode : {"light", "dark"}

    Returns
    -------
    figure : plotly.graph_objects.Figure
    text : str
    """
    texts = [
        f"{theme.as_plain(formula)}<br>measured: {value:.2f}"
        for formula, value in zip(found.formulas, found.measured, strict=True)
    ]
    ends = list(_ends(found.first, found.second))
    x, y = (theme.Axis(f"{name}:<br>log10 of conductivity", "S/cm") for name in names)
    drawn = theme.figure(
        [
            _identity(ends, mode),
            *_by_family(np.array(found.families), found.first, found.second, texts),
        ],
        x=x, y=y, mode=mode, height=520, xaxis_range=ends, yaxis_range=ends, showlegend=True,
    )  # fmt: skip
    gaps = np.abs(found.differences)
    by_family = ", ".join(
        f"{name} {gaps[np.array(found.families) == name].mean():.2f}"
        for name in family_names(found.families)
    )
    return drawn, (
        f"{len(gaps)} known materials at 298 K; mean difference {gaps.mean():.2f} decades, by "
        "family: "
        f"{by_family}. Both have learned from most of them: this tells where the models disagree, "
        "and not which of them is right."
    )


def _ends(*values: np.ndarray) -> tuple[float, float]:
    every = np.concatenate(values) if any(len(v) for v in values) else np.zeros(1)
    return float(every.min()) - 0.5, float(every.max()) + 0.5


def _identity(ends: Sequence[float], mode: theme.Mode) -> go.Scatter:
    return go.Scatter(
        x=list(ends), y=list(ends), mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": theme.LOOKS[mode].muted, "width": 1},
    )  # fmt: skip


def _line(x: np.ndarray, y: np.ndarray, name: str, place: int, dash: str) -> go.Scatter:
    colour, symbol = theme.series_colour(place), theme.series_symbol(place)
    return go.Scatter(
        x=x, y=y, mode="lines+markers", name=name, line={"color": colour, "dash": dash},
        marker={"color": colour, "symbol": symbol, "size": 6},
    )  # fmt: skip


def _by_family(
    families: np.ndarray, x: np.ndarray, y: np.ndarray, texts: Sequence[str]
) -> list[go.Scatter]:
    traces = []
    for place, name in enumerate(_FAMILIES):
        rows = np.flatnonzero(families == name)
        if len(rows):
            traces.append(
                go.Scatter(
                    x=x[rows], y=y[rows], mode="markers", name=name,
                    text=[texts[i] for i in rows.tolist()],
                    hovertemplate="%{text}<br>%{x:.2f}, %{y:.2f}<extra>%{fullData.name}</extra>",
                    marker={
                        "size": 5, "opacity": 0.6, "color": theme.series_colour(place),
                        "symbol": theme.series_symbol(place),
                    },
                )
            )  # fmt: skip
    return traces
