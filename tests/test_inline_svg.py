"""Figures inside pages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from mlsse.figures import new_figure
from mlsse.inline_svg import inline_svg

_SVG = "{http://www.w3.org/2000/svg}"


def figure():
    made = new_figure(4.0, 3.0)
    axes = made.add_subplot()
    axes.plot(np.arange(5), np.arange(5) / 3.0, "o", label="a <b> & $c$")
    axes.imshow(np.zeros((4, 4)))
    axes.set_title("<script>alert(1)</script> -->")
    axes.legend()
    return made


def test_ids_are_those_of_the_name_and_every_reference_is_met():
    root = ElementTree.fromstring(inline_svg(figure(), "one", "T & <t>", "What it shows"))
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids)) > 4
    assert all(id_.startswith("one-") for id_ in ids)
    text = ElementTree.tostring(root, encoding="unicode")
    pointed_at = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert pointed_at
    assert pointed_at | {"one-title", "one-desc"} == set(ids)


def test_words_stand_for_the_figure():
    root = ElementTree.fromstring(inline_svg(figure(), "one", "T & <t>", "What it shows"))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "one-title one-desc"
    assert [child.text for child in root][:2] == ["T & <t>", "What it shows"]
    assert root.attrib["viewBox"] == "0 0 288 216"
    assert "width: 384px" in root.attrib["style"]


def test_nothing_reaches_beyond_the_figure():
    text = inline_svg(figure(), "one", "t", "d")
    root = ElementTree.fromstring(text)
    assert not {f"{_SVG}style", f"{_SVG}metadata", f"{_SVG}script"} & {e.tag for e in root.iter()}
    assert "<!--" not in text
    assert "<script" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_the_same_figure_gives_the_same_text():
    assert inline_svg(figure(), "one", "t", "d") == inline_svg(figure(), "one", "t", "d")
