"""Places for the labels of a staircase, so that nothing overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.transforms import Bbox

from mlsse.figures import DPI, SMALL, renderer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PIXELS = DPI / 72.0  # of a point
_GAP = 3.0  # points between a step and what is written beside it
_APART = 1.5  # points between two labels
_ALIGNED = {"left": 0.0, "bottom": 0.0, "center": 0.5, "right": 1.0, "top": 1.0}
_ANGLES = np.deg2rad([90, 270, 60, 240, 120, 300, 30, 210, 0, 180])
_NUMBER_ROOM = 1.8  # the circle around a number, in widths of two digits


@dataclass(frozen=True)
class Span:
    """One step: from a low to a high voltage at a level."""

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Label:
    """Where the label of a step goes.

    Attributes
    ----------
    is_number : bool
        Whether there is no room for more than a number.
    place : tuple of float
        In the data of the axes.
    offset : tuple of float
        From there, in points.
    ha, va : str
        How the text is aligned to it.
    """

    is_number: bool
    place: tuple[float, float]
    offset: tuple[float, float]
    ha: str
    va: str


def place_labels(
    axes: Axes, spans: Sequence[Span], texts: Sequence[str], verticals: Sequence[float] = ()
) -> list[Label]:
    """Find a place for the text of each step, or else for a number.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Of its final size in inches, with its limits set.
    spans : sequence of Span
        By rising voltage.
    texts : sequence of str
    verticals : sequence of float
        Where lines run from bottom to top, which a text crosses only if it must.

    Returns
    -------
    list of Label
        No two overlap, and none leaves the panel or hides the staircase, as long as the
        numbers have room.
    """
    sizes = [_measure(axes, text) for text in texts]
    wide_first = sorted(range(len(spans)), key=lambda i: spans[i].low - spans[i].high)
    numbered: set[int] = set()
    while True:
        # Numbers choose first, since each must have a place; then texts, the others fall back.
        room = _Room(axes, spans, verticals)
        labels = {i: room.place_number(spans[i]) for i in sorted(numbered)}
        refused = set()
        for i in wide_first:
            if i in numbered:
                continue
            label = room.place_text(spans[i], sizes[i])
            if label is None:
                refused.add(i)
            else:
                labels[i] = label
        if not refused:
            return [labels[i] for i in range(len(spans))]
        numbered |= refused


def _measure(axes: Axes, text: str) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    written = axes.text(0.0, 0.0, text, size=SMALL)
    box = written.get_window_extent(renderer_of(axes.get_figure(root=True)))  # type: ignore[arg-type]
    written.remove()
    return box.width, box.height


class _Room:
    """What of a panel is taken, in pixels."""

    def __init__(self, axes: Axes, spans: Sequence[Span], verticals: Sequence[float]) -> None:
        self.axes = axes
        self.labels: list[Bbox] = []
        self.number_side = _NUMBER_ROOM * max(_measure(axes, "00"))
        ends = [((span.low, span.level), (span.high, span.level)) for span in spans]
        ends += [
            ((left.high, left.level), (left.high, right.level)) for left, right in pairwise(spans)
        ]
        self.stairs = [_hull(axes.transData.transform(pair)) for pair in ends]
        low, high = axes.get_ylim()
        lines = [((x, low), (x, high)) for x in verticals]
        self.verticals = [_hull(axes.transData.transform(line)) for line in lines]

    def place_text(self, span: Span, size: tuple[float, float]) -> Label | None:
        """Above or below the step, or at one of its ends; None if there is no room."""
        middle = 0.5 * (span.low + span.high)
        # A text at an end keeps away from the lines of other steps, lest it seem to be theirs.
        near, far = 0.5 * _GAP, 1.6 * _GAP
        places = (
            (middle, (0.0, _GAP), "center", "bottom", near),
            (middle, (0.0, -_GAP), "center", "top", near),
            (span.high, (-_GAP, _GAP), "right", "bottom", near),
            (span.low, (_GAP, -_GAP), "left", "top", near),
            (span.high, (2.0 * _GAP, 0.0), "left", "center", far),
            (span.low, (-2.0 * _GAP, 0.0), "right", "center", far),
            (span.low, (_GAP, _GAP), "left", "bottom", near),
            (span.high, (-_GAP, -_GAP), "right", "top", near),
            (span.high, (2.5 * _GAP, _GAP), "left", "bottom", near),
        )
        for avoided, (x, offset, ha, va, clearance) in product((self.verticals, []), places):
            label = Label(False, (x, span.level), offset, ha, va)
            box = self._box(label, size)
            if self._is_free(box, clearance) and not _meets(box.padded(2.0), avoided):
                self.labels.append(box)
                return label
        return None

    def place_number(self, span: Span) -> Label:
        """As near to the step as there is room, with a free way to it."""
        place = 0.5 * (span.low + span.high), span.level
        start = self.axes.transData.transform(place)
        size = self.number_side, self.number_side
        near = self.number_side / _PIXELS / 2.0 + 2.0
        distances = np.arange(near, 120.0, 3.0)
        for crossed, distance, angle in product((self.labels, []), distances, _ANGLES):
            offset = float(distance * np.cos(angle)), float(distance * np.sin(angle))
            label = Label(True, place, offset, "center", "center")
            box = self._box(label, size)
            middle = 0.5 * (box.x0 + box.x1), 0.5 * (box.y0 + box.y1)
            if self._is_free(box, 1.0) and not any(
                _meets(Bbox([point, point]).padded(2.0), crossed)
                for point in np.linspace(start, middle, 15)
            ):
                self.labels.append(box)
                return label
        return Label(True, place, (0.0, near), "center", "center")

    def _box(self, label: Label, size: tuple[float, float]) -> Bbox:
        anchor = np.asarray(self.axes.transData.transform(label.place))
        x, y = (float(part) for part in anchor + np.array(label.offset) * _PIXELS)
        width, height = size
        left, bottom = x - _ALIGNED[label.ha] * width, y - _ALIGNED[label.va] * height
        return Bbox.from_bounds(left, bottom, width, height)

    def _is_free(self, box: Bbox, clearance: float) -> bool:
        """Whether a box is inside, off the other labels and, by points, off the stairs."""
        (x0, y0), (x1, y1) = self.axes.bbox.min, self.axes.bbox.max
        if box.x0 < x0 or box.y0 < y0 or box.x1 > x1 or box.y1 > y1:
            return False
        from_stairs, from_labels = (box.padded(points * _PIXELS) for points in (clearance, _APART))
        return not (_meets(from_stairs, self.stairs) or _meets(from_labels, self.labels))


def _meets(box: Bbox, others: Sequence[Bbox]) -> bool:
    return any(box.overlaps(other) for other in others)


def _hull(ends: Any) -> Bbox:
    """The box around two points."""
    return Bbox([np.min(ends, axis=0), np.max(ends, axis=0)])
