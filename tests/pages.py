"""What every page of a report has to be, checked on its text."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import html5lib
import pytest

_XHTML = "{http://www.w3.org/1999/xhtml}"
_SVG = "{http://www.w3.org/2000/svg}"
#: Elements that would fetch something, run something or send something.
_FORBIDDEN = {"script", "iframe", "object", "embed", "link", "base", "form", "audio", "video"}


def check_page(text):
    """Assert that a page is valid, needs nothing from outside and can be read by all; its tree."""
    page = html5lib.HTMLParser(strict=True).parse(text)
    assert text.startswith("<!DOCTYPE html>")
    elements = [e for e in page.iter() if isinstance(e.tag, str)]
    names = Counter(e.tag.rpartition("}")[2].lower() for e in elements)
    assert not _FORBIDDEN & names.keys()
    ids = Counter(e.attrib["id"] for e in elements if "id" in e.attrib)
    assert ids
    assert max(ids.values()) == 1
    for element in elements:
        assert not [name for name in element.attrib if str(name).lower().startswith("on")]
        _check_addresses(element, ids)
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(element.attrib.get(name, "").split()) <= ids.keys()
    assert names["h1"] == names["main"] == 1
    levels = [int(e.tag[-1]) for e in elements if e.tag in {f"{_XHTML}h{i}" for i in range(1, 7)}]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    for figure in page.iter(f"{_SVG}svg"):
        assert figure.attrib["role"] == "img"
        assert [child.tag for child in figure][:2] == [f"{_SVG}title", f"{_SVG}desc"]
        assert all(child.text.strip() for child in list(figure)[:2])
    for image in page.iter(f"{_XHTML}img"):
        assert image.attrib["alt"].strip()
    for table in page.iter(f"{_XHTML}table"):
        assert "".join(table.find(f"{_XHTML}caption").itertext()).strip()
    return page


def _check_addresses(element, ids):
    """References lead into the page, links to papers and data alone; images are in the page."""
    for name, value in element.attrib.items():
        if "href" in str(name):
            inside = value.startswith("#") and value[1:] in ids
            assert inside or value.startswith(("https://", "data:image/"))
            assert inside or element.tag in (f"{_XHTML}a", f"{_SVG}image")
        if str(name) in ("src", "srcset", "poster", "action"):
            assert value.startswith("data:image/png;base64,")
        if "url(" in value:
            assert value.count("url(") == value.count("url(#")


def words(page):
    """All text of a page that a reader sees, style sheets left out."""
    body = page.find(f"{_XHTML}body")
    return " ".join(" ".join(body.itertext()).split())


def check_with_nu(path):
    """Let the Nu HTML Checker look at a file, where it is at hand."""
    jar = os.environ.get("MLSSE_NU_CHECKER", "")
    if not (jar and Path(jar).is_file() and shutil.which("java")):
        pytest.skip("needs java and the Nu HTML Checker: set MLSSE_NU_CHECKER to its vnu.jar")
    done = subprocess.run(
        ["java", "-jar", jar, "--Werror", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
