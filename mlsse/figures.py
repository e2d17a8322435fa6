"""What all figures share: their style, their source, and how they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlsse.errors import ConditionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase

FORMATS = ("png", "svg", "pdf")
SOURCE = (
    "Materials Project energies via CritExam, Bartel et al. 2020, doi:10.1038/s41524-020-00362-y"
)
DPI = 150
#: Sizes of text, in points.
TITLE, TEXT, SMALL = 12.0, 8.5, 7.5
#: Colours that the colour-blind tell apart, by Okabe and Ito, then those of text.
BLUE, GREEN, ORANGE, INK, GREY = "#0072B2", "#009E73", "#D55E00", "#222222", "#6b6b6b"


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of a size in inches, drawn without a display."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def renderer_of(axes: Axes) -> RendererBase:
    """What measures the texts of a panel."""
    return axes.get_figure(root=True).canvas.get_renderer()  # type: ignore[union-attr]


def sign(figure: Figure) -> None:
    """Write at the foot where the energies come from."""
    width, height = figure.get_size_inches()
    figure.text(0.12 / width, 0.12 / height, SOURCE, size=6.5, color=GREY)


def pretty(text: str) -> str:
    """Lower the amounts of the elements in formulas."""
    plain = text.replace("$", "")
    return re.sub(r"(?<=[A-Za-z)\]}])(\d+(?:[./]\d+)*)", r"$_{\1}$", plain)


def check_path(path: str | Path) -> Path:
    """Return the path of a figure, or refuse it.

    Raises
    ------
    ConditionError
        If its suffix is none of `FORMATS`, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower().lstrip(".") not in FORMATS:
        accepted = ", ".join(f".{name}" for name in FORMATS)
        raise ConditionError(f"figure {str(path)!r}: the name must end in one of {accepted}")
    if not path.parent.is_dir():
        raise ConditionError(f"figure {str(path)!r}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise ConditionError(f"figure {str(path)!r}: that is a folder, name a file")
    return path


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format that the suffix names, all of it or nothing.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or pathlib.Path
        Ends in one of `FORMATS`; its folder exists.

    Raises
    ------
    ConditionError
        If the path cannot be used.
    """
    path = check_path(path)
    unfinished = path.with_name(path.name + ".part")
    try:
        figure.savefig(unfinished, format=path.suffix.lower().lstrip("."), dpi=DPI)
        unfinished.replace(path)
    except OSError as error:
        raise ConditionError(f"cannot write the figure {path}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
