from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("plotly", reason="needs mlsse[explore]")

import plotly.graph_objects as go

import mlsse
from mlsse.explorer import theme


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read(mode):
    look = theme.LOOKS[mode]
    assert contrast(look.text, look.surface) > 7.0
    assert contrast(look.muted, look.surface) > 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_page_has_the_same_colours(mode):
    css = (Path(mlsse.__file__).parent / "explorer/assets/explorer.css").read_text("utf-8")
    block = css.split('[data-mode="dark"] {')[mode == "dark"]
    assert f"--surface: {theme.LOOKS[mode].surface};" in block
    assert f"--text: {theme.LOOKS[mode].text};" in block


def test_axes_name_quantity_and_unit():
    drawn = theme.figure(
        [go.Scatter(x=[1], y=[1])],
        x=theme.Axis("voltage against Li", "V"),
        y=theme.Axis("energy above hull", "eV/atom"),
        mode="dark",
    )
    assert drawn.layout.xaxis.title.text == "voltage against Li / V"
    assert drawn.layout.yaxis.title.text == "energy above hull / (eV/atom)"
    assert theme.Axis("partner", None).title == "partner"


@pytest.mark.parametrize(("quantity", "unit"), [("", "V"), ("voltage", ""), (" ", None)])
def test_an_axis_without_a_name_is_refused(quantity, unit):
    with pytest.raises(ValueError, match="an axis has a quantity"):
        theme.Axis(quantity, unit)


def test_series_differ_in_more_than_colour():
    n = len(theme.PALETTE)
    pairs = [(theme.series_colour(i), theme.series_symbol(i)) for i in range(3 * n)]
    assert len(set(pairs)) == len(pairs)
    assert len({symbol for _, symbol in pairs[:n]}) == n


def test_texts_are_no_markup():
    drawn = theme.empty_figure("<b>x</b>", "light")
    assert drawn.layout.annotations[0].text == "&lt;b&gt;x&lt;/b&gt;"
    assert theme.as_mode(None) == theme.as_mode("nonsense") == "light"
