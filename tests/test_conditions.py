"""Conditions: what is read, what is refused, what holds."""

from __future__ import annotations

import re
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsse.conditions import Condition, Kind, kinds_of, known_name, parse_conditions
from mlsse.errors import ConditionError

TABLE = pa.table(
    {
        "log10_conductivity": [-3.0, None, float("nan"), -5.0],
        "in_domain": [True, False, None, True],
        "e_hull_source": ["model", "reference", None, "model"],
        "warnings": [["organic: no crystal"], [], ["polymorphs: 2", "organic: x"], None],
        "n": pa.array([1, 2, None, 4], pa.int64()),
        "empty": pa.nulls(4),
    }
)
KINDS = kinds_of(TABLE.schema)


def holding(text: str) -> list[int]:
    found = np.ones(len(TABLE), dtype=bool)
    for condition in parse_conditions(text, KINDS):
        found &= condition.holds(TABLE)
    return np.flatnonzero(found).tolist()


def test_kinds_come_from_the_types() -> None:
    assert KINDS == {
        "log10_conductivity": Kind.NUMBER, "in_domain": Kind.TRUTH, "e_hull_source": Kind.TEXT,
        "warnings": Kind.LIST, "n": Kind.NUMBER, "empty": Kind.NUMBER,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("log10_conductivity > -4", [0]),
        ("log10_conductivity>=-5", [0, 3]),
        ("log10_conductivity < -4", [3]),
        ("log10_conductivity != 7", [0, 3]),
        ("log10_conductivity = -3.0 ", [0]),
        ("log10_conductivity == -3e0", [0]),
        ("not log10_conductivity > -4", [3]),
        ("in_domain", [0, 3]),
        ("not in_domain", [1]),
        ("in_domain = no", [1]),
        ("in_domain != True", [1]),
        ("not in_domain = false", [0, 3]),
        ("e_hull_source = model", [0, 3]),
        ("e_hull_source != 'reference'", [0, 3]),
        ("warnings = organic", [0, 2]),
        ("warnings = 'organic: x'", [2]),
        ("warnings != organic", [1]),
        ("n >= 2 AND in_domain", [3]),
        ("empty > 0", []),
        ("empty != 0", []),
    ],
)
def test_an_empty_value_fulfils_nothing(text: str, rows: list[int]) -> None:
    assert holding(text) == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("log10_conductivty > -4", "did you mean log10_conductivity"),
        ("LOG10_CONDUCTIVITY > -4", "did you mean log10_conductivity"),
        ("zzz > 1", "expected one of log10_conductivity"),
        ("log10_conductivity > high", "'high' is none"),
        ("log10_conductivity > nan", "'nan' is none"),
        ("log10_conductivity > inf", "'inf' is none"),
        ("log10_conductivity > '-4'", "'-4' is none"),
        ("log10_conductivity", "compare it with a value"),
        ("log10_conductivity > -4 -3", "name operator value"),
        ("log10_conductivity >", "name operator value"),
        ("-4 < log10_conductivity < -2", "unknown column '-4'"),
        ("> 4", "name of a column"),
        ("in_domain and", "missing"),
        ("and in_domain", "missing"),
        ("", "missing"),
        ("   ", "missing"),
        ("not", "unknown column 'not'"),
        ("in_domain or n > 1", "'and' alone"),
        ("in_domain > 0", "compare it by = or !="),
        ("in_domain = 1", "true or false"),
        ("e_hull_source > model", "compare it by = or !="),
        ("e_hull_source = 'model", "no name, operator or value"),
        ("n = = 3", "name operator value"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConditionError, match=re.escape(why)):
        parse_conditions(text, KINDS)


def test_words_of_a_condition_read_as_itself() -> None:
    for text in ("n >= 2", "in_domain", "not in_domain", "e_hull_source != 'a b'"):
        (condition,) = parse_conditions(text, KINDS)
        assert str(condition) == text
        assert parse_conditions(str(condition), KINDS) == (condition,)


def test_a_quoted_and_is_a_text() -> None:
    assert parse_conditions("e_hull_source = 'and'", KINDS) == (
        Condition("e_hull_source", "=", "and"),
    )


def test_no_names_at_all() -> None:
    with pytest.raises(ConditionError, match="there are none"):
        known_name("x", [])


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConditionError):
        parse_conditions(text, KINDS)
