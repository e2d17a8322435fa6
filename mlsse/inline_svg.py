"""Figures as SVG that stands inside an HTML page, with words for those who do not see it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_PX_PER_INCH = 96.0
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_SHORTENED = ("d", "x", "y", "width", "height", "points")


def inline_svg(figure: Figure, name: str, title: str, alternative: str) -> str:
    """Draw a figure as one element ``svg``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Comes before every id, so that no two figures of a page share one: letters, digits and
        underscores, a letter first.
    title, alternative : str
        Name of the figure, and what it shows.

    Returns
    -------
    str
        Needs nothing from outside; texts are drawn as paths, so no font is missed. Lengths are
        rounded to a hundredth of a point.
    """
    root = ElementTree.fromstring(_draw(figure, name))
    ElementTree.register_namespace("", _SVG)
    _drop_what_pages_need_not(root)
    used = _references(root)
    for element in root.iter():
        _shorten(element)
        _rename(element, name, used)
    for key in ("width", "height", "version"):
        del root.attrib[key]
    for part, text in (("desc", alternative), ("title", title)):
        element = ElementTree.Element(f"{{{_SVG}}}{part}", {"id": f"{name}-{part}"})
        element.text = text
        root.insert(0, element)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        # What the style sheet of the file says; inside a page it would reach other elements.
        "style": f"width: {float(figure.get_size_inches()[0]) * _PX_PER_INCH:.0f}px; "
        "stroke-linejoin: round; stroke-linecap: butt",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _draw(figure: Figure, name: str) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    # The salt makes ids, and so the page, the same each time.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _drop_what_pages_need_not(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            kind = child.tag.removeprefix(f"{{{_SVG}}}")
            if kind in ("metadata", "style") or (kind == "defs" and not len(child)):
                parent.remove(child)


def _references(root: ElementTree.Element) -> set[str]:
    """Ids that something points at."""
    found = set()
    for element in root.iter():
        if _XLINK in element.attrib:
            found.add(element.attrib[_XLINK].removeprefix("#"))
        for value in element.attrib.values():
            found.update(_REFERENCE.findall(value))
    return found


def _rename(element: ElementTree.Element, name: str, used: set[str]) -> None:
    """Put the name before ids, those that are used, and before what points at them."""
    if (id_ := element.attrib.pop("id", None)) in used:
        element.attrib["id"] = f"{name}-{id_}"
    target = element.attrib.pop(_XLINK, None)
    if target is not None:
        is_inside = target.startswith("#")
        element.attrib["href"] = f"#{name}-{target[1:]}" if is_inside else target
    for key, value in element.attrib.items():
        if "url(#" in value:
            element.attrib[key] = _REFERENCE.sub(rf"url(#{name}-\1)", value)


def _shorten(element: ElementTree.Element) -> None:
    """Round lengths; what scales (transforms) keeps its digits."""
    for key in _SHORTENED:
        if key in element.attrib and not element.attrib[key].startswith("data:"):
            value = _LONG.sub(lambda found: f"{float(found[0]):.2f}", element.attrib[key])
            element.attrib[key] = " ".join(value.split())
