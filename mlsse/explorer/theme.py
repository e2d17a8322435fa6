"""Colours and figures of the explorer: one palette, a light and a dark look, named axes.

Every figure is made by `figure`, so that none lacks a quantity or a unit on an axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import plotly.graph_objects as go

Mode = Literal["light", "dark"]

#: Id of the store that holds the mode of the page, ``"light"`` or ``"dark"``; an ``Input`` of
#: every callback that draws.
MODE_STORE = "explorer-mode"

#: Colours that the colour-blind tell apart, by Okabe and Ito; yellow last, since it is faint
#: on white.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442",
)  # fmt: skip
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW)
#: Markers in step with `PALETTE`, so that no difference rests on colour alone.
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")
#: Colour scales for numbers; both rise evenly in lightness.
SEQUENTIAL, SEQUENTIAL_REVERSED = "Cividis", "Cividis_r"

_HEIGHT = 420  # px


@dataclass(frozen=True)
class Look:
    """Colours of a mode.

    Attributes
    ----------
    surface, text, muted, grid : str
        Behind a figure; of its text; of lesser text and reference lines; of the grid.
    """

    surface: str
    text: str
    muted: str
    grid: str


#: The same values stand in ``assets/explorer.css``.
LOOKS: dict[Mode, Look] = {
    "light": Look("#ffffff", "#1b1f24", "#57606a", "#e3e7ec"),
    "dark": Look("#171b21", "#e6e9ee", "#a4adb8", "#333a44"),
}


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    Attributes
    ----------
    quantity : str
        Such as ``"voltage against Li"``.
    unit : str or None
        Such as ``"V"``, of a logarithm the unit of its argument; None for names, counts, shares
        and other pure numbers.

    Raises
    ------
    ValueError
        If the quantity or the unit is blank.
    """

    quantity: str
    unit: str | None

    def __post_init__(self) -> None:
        if not self.quantity.strip() or (self.unit is not None and not self.unit.strip()):
            raise ValueError(f"{self}: an axis has a quantity, and a unit or None")

    @property
    def title(self) -> str:
        """Quantity and unit as written at the axis.

        >>> Axis("log10 of conductivity", "S/cm").title
        'log10 of conductivity / (S/cm)'
        """
        if self.unit is None:
            return self.quantity
        compound = any(sign in self.unit for sign in "/ ·")
        return f"{self.quantity} / {f'({self.unit})' if compound else self.unit}"


def as_mode(stored: object) -> Mode:
    """The mode that the store holds, light before it holds any."""
    return "dark" if stored == "dark" else "light"


def series_colour(place: int) -> str:
    """Colour of the series at a place; they begin anew after the last of `PALETTE`."""
    return PALETTE[place % len(PALETTE)]


def series_symbol(place: int) -> str:
    """Marker of the series at a place, out of step with the colours after the first round."""
    return SYMBOLS[(place + place // len(PALETTE)) % len(SYMBOLS)]


def translucent(colour: str, opacity: float) -> str:
    """Let a colour ``#rrggbb`` shine through, opacity 0 to 1.

    >>> translucent("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


@cache
def template(mode: Mode) -> go.layout.Template:
    """The look of all figures in a mode; plotly copies it into each."""
    look = LOOKS[mode]
    axis = {
        "gridcolor": look.grid, "zerolinecolor": look.grid, "linecolor": look.muted,
        "tickcolor": look.muted, "ticks": "outside", "ticklen": 4, "automargin": True,
        "title": {"standoff": 10}, "showline": True,
    }  # fmt: skip
    layout = {
        "paper_bgcolor": look.surface,
        "plot_bgcolor": look.surface,
        "font": {"color": look.text, "size": 13, "family": "system-ui, sans-serif"},
        "colorway": list(PALETTE),
        "colorscale": {"sequential": SEQUENTIAL},
        "xaxis": axis,
        "yaxis": axis,
        "coloraxis": {"colorbar": {"outlinewidth": 0, "thickness": 14}},
        "hoverlabel": {
            "bgcolor": look.surface,
            "bordercolor": look.muted,
            "font": {"color": look.text, "size": 13},
            "align": "left",
            "namelength": -1,
        },
        "legend": {
            "orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0.0,
            "bgcolor": "rgba(0,0,0,0)",
        },
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": look.muted, "activecolor": look.text},
        "hovermode": "closest",
    }  # fmt: skip
    return go.layout.Template(layout=layout)


def figure(
    traces: Iterable[Any], *, x: Axis, y: Axis, mode: Mode, height: int = _HEIGHT, **layout: Any
) -> go.Figure:
    """Make a figure of one pair of axes.

    Parameters
    ----------
    traces : iterable of plotly traces
    x, y : Axis
    mode : {"light", "dark"}
    height : int
        px; the width follows the page.
    **layout
        More of plotly's layout, such as ``xaxis_range`` or ``showlegend``.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    drawn = go.Figure(
        data=list(traces),
        layout={
            "template": template(mode),
            "height": height,
            "uirevision": "keep",
            "xaxis": {"title": {"text": x.title}},
            "yaxis": {"title": {"text": y.title}},
        },
    )
    return drawn.update_layout(**layout) if layout else drawn


def empty_figure(message: str, mode: Mode, *, height: int = 160) -> go.Figure:
    """A figure that says why there is nothing to see."""
    drawn = go.Figure()
    drawn.update_layout(template=template(mode), height=height)
    drawn.update_xaxes(visible=False)
    drawn.update_yaxes(visible=False)
    return drawn.add_annotation(
        text=as_plain(message), showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5
    )


def as_plain(text: str) -> str:
    """Text for hover labels and annotations: plotly would read ``<b>`` in it as mark-up.

    >>> as_plain("<b>Li</b> & Na")
    '&lt;b&gt;Li&lt;/b&gt; &amp; Na'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
