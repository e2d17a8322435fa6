"""Figures: what is written on them, that nothing overlaps, and how they are saved."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

import mlsse
from mlsse import figures, interfaces, plots
from mlsse.errors import ConditionError
from mlsse.windows import Step, Window

FORMULAS = {
    "Na3SbS4": "Na",
    "Li7La3Zr2O12": "Li",
    "Li6PS5Cl": "Li",
    "Li1.3Al0.3Ti1.7(PO4)3": "Li",  # crowded
    "LiF": "Li",
}


@lru_cache(maxsize=1)
def all_windows() -> dict[str, Window]:
    return {formula: mlsse.window(formula, ion) for formula, ion in FORMULAS.items()}


@pytest.fixture(params=FORMULAS)
def window(request: pytest.FixtureRequest) -> Window:
    return all_windows()[request.param]


def make_window(steps: list[Step], **values: object) -> Window:
    empty = {"reduction_products": {}, "oxidation_products": {}, "notes": ()}
    words = {"reduction_reaction": "", "oxidation_reaction": "", "e_hull_source": "reference"}
    fields = {"formula": "Li2O", "reduced_formula": "Li2O", "ion": "Li", "e_hull_ev_per_atom": 0.0}
    limits = {"reduction_limit_v": 0.0, "oxidation_limit_v": 1.0, "steps": tuple(steps)}
    return Window(**(empty | words | fields | limits | values))  # type: ignore[arg-type]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def boxes(figure: Figure) -> dict[Text, Bbox]:
    """What each visible text covers, in pixels, lines and arrows to it left out."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    visible = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    # Ticks beyond the limits of an axis are texts too, though never drawn.
    drawn = [
        text
        for text in visible
        if not any(
            text in (tick.label1, tick.label2)
            for axes in figure.axes
            for axis, (low, high) in (
                (axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim())),
            )
            for tick in axis.get_major_ticks()
            if not low - 1e-9 <= tick.get_loc() <= high + 1e-9
        )
    ]  # fmt: skip
    return {text: Text.get_window_extent(text, renderer) for text in drawn}


def assert_tidy(figure: Figure) -> None:
    """All texts are inside the figure and none overlaps another."""
    found = boxes(figure)
    for text, box in found.items():
        assert figure.bbox.x0 <= box.x0, text
        assert figure.bbox.y0 <= box.y0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
    level = [(t, box) for t, box in found.items() if t.get_rotation() in (0.0, 90.0)]
    for (one, first), (other, second) in combinations(level, 2):
        assert not first.overlaps(second), (one, other)


def test_staircase_names_what_it_shows(window: Window) -> None:
    figure = plots.staircase([window])
    (axes,) = figure.axes
    assert axes.get_xlabel() == f"voltage against {window.ion} / V"
    assert axes.get_ylabel() == f"{window.ion} taken up by one formula unit"
    written = texts(figure)
    assert figures.pretty(window.formula) in written
    assert figures.SOURCE in written
    assert f"{window.oxidation_limit_v:.2f} V" in written
    assert (f"{window.reduction_limit_v:.2f} V" in written) == (window.reduction_limit_v > 0.0)


def test_staircase_is_tidy(window: Window) -> None:
    assert_tidy(plots.staircase([window]))


def test_staircase_has_every_step(window: Window) -> None:
    figure = plots.staircase([window])
    (axes,) = figure.axes
    (line,) = (patch for patch in axes.patches if hasattr(patch, "get_data"))
    levels, edges, _ = line.get_data()
    assert levels == pytest.approx([step.uptake for step in window.steps])
    assert edges[:-1] == pytest.approx([step.voltage_low_v for step in window.steps])
    # Each step has its products beside it, or a number that the list below explains.
    labels = {t.get_text() for t in axes.findobj(Annotation)}
    listed = [t for t in texts(figure) if " V:  " in t]
    assert {str(i + 1) for i in range(len(listed))} <= labels
    beside = [plots._mixture(s.products) in labels for s in window.steps]
    assert sum(beside) + len(listed) == len(window.steps)


def test_staircase_shades_the_window() -> None:
    window = all_windows()["Li6PS5Cl"]
    (axes,) = plots.staircase([window]).axes
    spans = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [(s.get_x(), s.get_x() + s.get_width()) for s in spans] == [
        pytest.approx((window.reduction_limit_v, window.oxidation_limit_v))
    ]


def test_staircase_of_many_formulas() -> None:
    windows = list(all_windows().values())
    figure = plots.staircase(windows)
    assert len(figure.axes) == len(windows)
    assert_tidy(figure)
    sizes = {tuple(np.round(axes.get_window_extent().size, 3)) for axes in figure.axes}
    assert len(sizes) == 1


def test_staircase_of_very_many_steps() -> None:
    """More numbers than a corner has room for: drawn all the same."""
    ends = [*np.linspace(0.0, 0.01, 25), None]
    steps = [
        Step(low, high, 1.0 - i / 50, {"Li12345La67890Zr12345O67890": 1.0 + i})
        for i, (low, high) in enumerate(pairwise(ends))
    ]
    figure = plots.staircase([make_window(steps)])
    assert len([t for t in texts(figure) if " V:  " in t]) > 15


def test_staircase_of_one_step() -> None:
    figure = plots.staircase([make_window([Step(0.0, None, 0.0, {"Li2O": 1.0})])])
    assert "Li$_{2}$O" in texts(figure)


def test_staircase_without_reduction() -> None:
    assert "stable against Li metal, up to 6.36 V" in texts(plots.staircase([all_windows()["LiF"]]))


@pytest.mark.parametrize("n", [0, 25])
def test_staircase_of_too_few_or_many(n: int) -> None:
    with pytest.raises(ConditionError, match=f"^{n} formulas to draw"):
        plots.staircase([all_windows()["LiF"]] * n)


@lru_cache(maxsize=1)
def table() -> pd.DataFrame:
    electrolytes = ["Li7La3Zr2O12", "Li6PS5Cl", "Li3PS4", "Li1.3Al0.3Ti1.7(PO4)3", "Xe"]
    partners = ["LCO", "NMC811", "LFP", "LMO", "lithium", "graphite", "LiIn"]
    others = ["LiNbO3", "Li3PO4", "LiF", "water", "carbon dioxide"]
    return mlsse.interface(electrolytes, partners + others)


def test_heat_map_names_what_it_shows() -> None:
    figure = plots.heat_map(table())
    axes, bar, *_ = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        *["Li$_{7}$La$_{3}$Zr$_{2}$O$_{12}$", "Li$_{6}$PS$_{5}$Cl", "Li$_{3}$PS$_{4}$"],
        *["Li$_{1.3}$Al$_{0.3}$Ti$_{1.7}$(PO$_{4}$)$_{3}$", "Xe"],
    ]
    names = [t.get_text() for t in axes.get_xticklabels()]
    assert names[:5] == ["LCO", "NMC811", "LFP", "LMO", "lithium"]
    assert bar.get_xlabel() == "reaction energy / (meV/atom)"
    written = texts(figure)
    assert {"cathode", "anode", "coating", "air", "at open circuit", "no result"} < set(written)
    assert figures.SOURCE in written


def test_heat_map_cells() -> None:
    axes = plots.heat_map(table()).axes[0]
    values = {
        t.get_position(): t.get_text() for t in axes.texts if t.get_text().lstrip("-").isdigit()
    }
    assert len(values) == 4 * 12
    assert values[0.5, 0.5] == "-1"  # garnet with LCO
    assert values[0.5, 1.5] == "-320"  # argyrodite with LCO
    hatched = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_hatch()]
    assert [p.get_y() for p in hatched] == [4.0] * 12  # Xe


def test_heat_map_is_tidy() -> None:
    assert_tidy(plots.heat_map(table()))


def test_heat_map_of_many_partners_stands_upright() -> None:
    names = [partner.name for partner in interfaces.partners()][:16]
    figure = plots.heat_map(mlsse.interface(["Li6PS5Cl"], names))
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["Li$_{6}$PS$_{5}$Cl"]
    assert len(axes.get_yticklabels()) == 16
    assert_tidy(figure)


def test_heat_map_at_a_voltage_shows_what_contact_adds() -> None:
    pairs = mlsse.interface(["Li6PS5Cl"], ["LCO", "LFP"], voltage_v=4.2)
    figure = plots.heat_map(pairs)
    assert "at 4.2 V against Li, beyond what each does alone there" in texts(figure)
    energy = 1e3 * pairs["reaction_energy_mutual_ev_per_atom"][0]
    assert f"{energy:.0f}" in texts(figure)


def test_heat_map_without_any_result() -> None:
    figure = plots.heat_map(mlsse.interface(["Xe"], ["LCO", "LFP"]))
    assert len([p for p in figure.axes[0].patches if p.get_hatch()]) == 2
    with pytest.raises(ConditionError, match="0 pairs"):
        plots.heat_map(table()[:0])


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [("png", b"\x89PNG"), ("PNG", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")],
)
def test_save(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"figure.{suffix}"
    plots.save(plots.staircase([all_windows()["LiF"]]), path)
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_size > 5000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["figure.gif", "figure", "png", "none/figure.png", "folder.png"])
def test_save_refuses(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ConditionError, match=r"\.png, \.svg, \.pdf|does not exist|is a folder"):
        plots.save(Figure(), tmp_path / name)


def test_save_writes_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Figure, path: Path, **options: object) -> None:
        path.write_bytes(b"half a figure")
        raise OSError(28, "No space left on device")

    path = tmp_path / "figure.png"
    path.write_bytes(b"as it was")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ConditionError, match="No space left"):
        plots.save(Figure(), path)
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Li6PS5Cl", "Li$_{6}$PS$_{5}$Cl"),
        ("2 Li2S + 0.5 GeS2", "2 Li$_{2}$S + 0.5 GeS$_{2}$"),
        ("LiNi1/3Mn1/3Co1/3O2", "LiNi$_{1/3}$Mn$_{1/3}$Co$_{1/3}$O$_{2}$"),
        ("Li1.3Al0.3(PO4)3", "Li$_{1.3}$Al$_{0.3}$(PO$_{4}$)$_{3}$"),
        ("$", ""),
    ],
)
def test_pretty(text: str, expected: str) -> None:
    assert figures.pretty(text) == expected


def test_no_pyplot() -> None:
    """The library leaves the user's figures, and their display, alone."""
    code = "import sys, mlsse.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
