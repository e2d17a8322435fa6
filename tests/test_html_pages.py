"""Pages of one file: valid, by themselves, with every text escaped."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pages import check_page, check_with_nu, words

from mlsse import html_pages
from mlsse.documents import (
    Bullets,
    Document,
    Link,
    Paragraph,
    Part,
    Picture,
    Section,
    Table,
)
from mlsse.errors import ConditionError
from mlsse.figures import new_figure

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"'& {{ 7 * 7 }}"


def picture(name="one"):
    figure = new_figure(4.0, 3.0)
    axes = figure.add_subplot()
    axes.plot([1, 2], [3, 4])
    axes.set_title(NASTY.replace("$", ""))
    return Picture(name, f"Caption {NASTY}", f"Shows {NASTY}", figure)


def document(text=NASTY, pictures=("one", "two")):
    table = Table(text, ("", text), ((text, Link(text, "https://doi.org/10.1/x")),), frozenset({1}))
    folded = Table("folded", ("a",), (("1",),), is_folded=True)
    blocks = (Paragraph(text), Bullets((text, "`code` <b>")), table, folded)
    inner = Part(text, (Part(text, (Paragraph("deep"),)),))
    return Document(
        text, text, (Section(text, (*blocks, inner)), Section("S", tuple(map(picture, pictures))))
    )


def test_a_page_is_valid_and_hostile_texts_are_texts():
    text = html_pages.as_html(document(), made=MADE)
    page = check_page(text)
    shown = words(page)
    assert shown.count("<script>alert(1)</script>") >= 8
    assert "{{ 7 * 7 }}" in shown
    assert "49" not in shown
    assert "2026-01-02 03:04 UTC" in shown
    code = [e.text for e in page.iter("{http://www.w3.org/1999/xhtml}code")]
    assert code == ["code"]


def test_the_browser_is_told_to_run_and_fetch_nothing():
    text = html_pages.as_html(document())
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text
    assert "prefers-color-scheme: dark" in text


def test_the_nu_checker_finds_nothing(tmp_path):
    check_with_nu(html_pages.write_page(document(), tmp_path / "page.html"))


def test_a_file_is_written_as_a_whole(tmp_path):
    path = html_pages.write_page(document("x", ()), tmp_path / "page.html", made=MADE)
    check_page(path.read_text("utf-8"))
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(ConditionError, match=r"cannot write .*no_folder"):
        html_pages.write_page(document("x", ()), tmp_path / "no_folder" / "page.html")


def test_a_large_figure_becomes_an_image(monkeypatch):
    monkeypatch.setattr(html_pages, "_MAX_SVG", 100)
    page = check_page(html_pages.as_html(document("x")))
    images = list(page.iter("{http://www.w3.org/1999/xhtml}img"))
    assert [image.attrib["width"] for image in images] == ["384", "384"]
    assert images[0].attrib["alt"] == f"Shows {NASTY}"


def test_a_page_too_large_for_mail_is_refused(monkeypatch):
    monkeypatch.setattr(html_pages, "MAX_BYTES", 1000)
    with pytest.raises(ConditionError, match=r"more than 0 MB: report on fewer"):
        html_pages.as_html(document("x", ()))


def test_figures_for_papers(tmp_path):
    paths = html_pages.write_figures(document("x"), tmp_path / "new" / "figures")
    assert [path.name for path in paths] == ["one.png", "one.svg", "two.png", "two.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()[:1000]
    (tmp_path / "file").write_text("")
    with pytest.raises(ConditionError, match="cannot make the folder"):
        html_pages.write_figures(document("x"), tmp_path / "file")
