"""Pages as data, and as Markdown."""

from __future__ import annotations

import pytest

from mlsse.documents import (
    Bullets,
    Document,
    Link,
    Paragraph,
    Part,
    Picture,
    Section,
    Table,
    as_markdown,
    doi_link,
    facts,
)


def page(*blocks):
    return Document("Title", "Lead.", (Section("One", blocks),))


def test_all_blocks_as_markdown():
    table = Table("What", ("", "n / eV"), (("a", "1"), (Link("p", "https://x/a_(b)"), "2")),
                  frozenset({1}))  # fmt: skip
    made = as_markdown(
        page(Paragraph("Two\n  words."), Bullets(("x", "y")), Part("Deep", (table,)))
    )
    assert made == (
        "# Title\n\nLead.\n\n## One\n\nTwo words.\n\n- x\n- y\n\n### Deep\n\nWhat:\n\n"
        "|  | n / eV |\n| --- | ---: |\n| a | 1 |\n| [p](https://x/a_%28b%29) | 2 |\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<1E-10 | x", "\\<1E-10 \\| x"),
        ("see `a_b|<c>` and *d*", "see `a_b\\|<c>` and \\*d\\*"),
        ("[link](x) a\\b", "\\[link\\](x) a\\\\b"),
        ("snake_case and _this_", "snake_case and \\_this\\_"),
        ("one\n# two", "one # two"),
    ],
)
def test_mark_up_of_texts_is_escaped(text, expected):
    assert f"\n\n{expected}\n" in as_markdown(page(Paragraph(text)))


def test_facts_leave_out_what_is_empty():
    assert facts("F", (("a", "1"), ("b", ""))).rows == (("a", "1"),)


def test_a_doi_is_a_link_and_of_several_the_first():
    assert doi_link("10.1/a|10.2/b") == Link("10.1/a", "https://doi.org/10.1/a")
    assert doi_link("") == "none given"


def test_an_old_doi_becomes_a_valid_address():
    link = doi_link("10.1002/1521(2002)8:2<349::aid>3.0.co;2-5")
    assert link.address == "https://doi.org/10.1002/1521(2002)8:2%3C349::aid%3E3.0.co;2-5"


def test_pictures_are_found_wherever_they_stand():
    first, second = (Picture(name, "c", "a", None) for name in ("one", "two"))
    assert page(first, Part("p", (Part("q", (second,)),))).pictures() == [first, second]
