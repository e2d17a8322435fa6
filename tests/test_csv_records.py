"""Broken records of a CSV file cost no other record."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsse.csv_records import csv_records

QUOTE = "a quote is not closed, or not where it may be"


def records(text, n_cells=2):
    lines = enumerate(text.split("\n")[: -1 if text.endswith("\n") else None], start=1)
    return list(csv_records(iter(lines), n_cells))


def test_whole_records_are_split_and_blank_lines_skipped():
    assert records('a,b\n\n"c, d","say ""e"""\n') == [
        (1, ["a", "b"], ""),
        (3, ["c, d", 'say "e"'], ""),
    ]


def test_a_quoted_cell_may_hold_line_ends():
    assert records('"a\nb",c\nd,e\n') == [(1, ["a\nb", "c"], ""), (3, ["d", "e"], "")]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("a", "1 cell, the header has 2"),
        ("a,b,c", "3 cells, the header has 2"),
        ('"a,b', QUOTE),
        ('"a"b,c', QUOTE),
        ('"a,"b', QUOTE),
    ],
)
def test_a_broken_record_is_told_and_the_next_is_read(broken, fault):
    found = records(f"x,y\n{broken}\nLi2O,1\nLi2S,2\n")
    assert found[0] == (1, ["x", "y"], "")
    assert found[1][0] == 2
    assert found[1][2] == fault
    assert found[2:] == [(3, ["Li2O", "1"], ""), (4, ["Li2S", "2"], "")]


def test_two_broken_quotes_do_not_swallow_what_is_between():
    found = records('"a,b\nLi2O,1\nc,d"\nLi2S,2\n')
    assert [(line, bool(fault)) for line, _, fault in found] == [
        (1, True), (2, False), (3, False), (4, False),
    ]  # fmt: skip
    assert found[2][1] == ["c", 'd"']


def test_a_quote_that_is_never_closed_is_given_up_after_a_hundred_lines():
    found = records('"a,b\n' + "Li2O,1\n" * 300)
    assert [fault for _, _, fault in found] == [QUOTE] + [""] * 300


def test_a_line_that_is_too_long_is_a_fault():
    assert list(csv_records(iter([(1, None), (2, "a,b")]), 2)) == [
        (1, [], "the line is longer than 1048576 bytes"),
        (2, ["a", "b"], ""),
    ]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=6)


@given(st.lists(st.tuples(CELL, CELL), max_size=8))
def test_what_the_csv_module_writes_is_read_back(rows):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    assert [cells for _, cells, fault in records(stream.getvalue()) if not fault] == [
        list(row) for row in rows
    ]
