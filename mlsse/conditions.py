"""Conditions on the columns of a table, such as ``log10_conductivity_lower > -4 and in_domain``.

A condition is ``name operator value``, or the name of a column of truth values alone, which
``not`` turns round. Several are joined by ``and``. Numbers compare by ``<``, ``<=``, ``>``,
``>=``, ``=`` and ``!=``, all else by the last two. A text of several words, or one that is
``and``, stands in quotation marks. A column of lists, such as ``warnings``, equals a text when
one of its items, or the short code before the colon of one, does. An empty value fulfils no
condition.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from mlsse.errors import ConditionError

if TYPE_CHECKING:
    import pyarrow as pa

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<operator><=|>=|==|!=|<|>|=)|(?P<word>[^\s<>=!"']+))"""
)
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
_ORDER = ("<", "<=", ">", ">=")


class Kind(Enum):
    """What the values of a column are."""

    NUMBER = "number"
    TRUTH = "truth value"
    TEXT = "text"
    LIST = "list of texts"


@dataclass(frozen=True)
class Condition:
    """A comparison of a column with a value.

    Attributes
    ----------
    name : str
        The column.
    operator : {"<", "<=", ">", ">=", "=", "!="}
    value : float, bool or str
    """

    name: str
    operator: str
    value: float | bool | str

    def __str__(self) -> str:
        if self.value is True and self.operator == "=":
            return self.name
        if self.value is False and self.operator == "=":
            return f"not {self.name}"
        value = f"{self.value:g}" if isinstance(self.value, float) else repr(self.value)
        return f"{self.name} {self.operator} {value}"

    def holds(self, table: pa.Table) -> NDArray[np.bool_]:
        """Tell which rows fulfil the condition.

        Parameters
        ----------
        table : pyarrow.Table
            Has the column; n rows.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where the value is empty or no number.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[self.name]
        if pa.types.is_null(column.type):
            return np.zeros(len(column), dtype=bool)
        if isinstance(self.value, float):
            return self._of_numbers(numbers(column))
        if _is_list(column.type):
            return self._of_lists(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        compare = pc.equal if self.operator == "=" else pc.not_equal
        return np.asarray(pc.fill_null(compare(column, self.value), False))

    def _of_numbers(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        value = float(self.value)
        compare = {
            "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
            "=": np.equal, "!=": np.not_equal,
        }[self.operator]  # fmt: skip
        return np.asarray(compare(values, value)) & ~np.isnan(values)

    def _of_lists(self, column: pa.ChunkedArray) -> NDArray[np.bool_]:
        import pyarrow.compute as pc

        found = np.zeros(len(column), dtype=bool)
        items, rows = pc.list_flatten(column), np.asarray(pc.list_parent_indices(column))
        alike = pc.or_(pc.equal(items, self.value), pc.starts_with(items, pattern=f"{self.value}:"))
        found[rows[np.asarray(pc.fill_null(alike, False), dtype=bool)]] = True
        return found if self.operator == "=" else ~found & np.asarray(pc.is_valid(column))


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values of a column of numbers or truth values, NaN where empty, shape (n,)."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    values = column.cast(pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float64)


def kinds_of(schema: pa.Schema) -> dict[str, Kind]:
    """Kinds of the columns of a table, those left aside that hold nothing to compare.

    A column without any value, whose type nobody knows, counts as one of numbers.
    """
    import pyarrow as pa

    found = {}
    for field in schema:
        kind = field.type
        if pa.types.is_boolean(kind):
            found[field.name] = Kind.TRUTH
        elif any(
            test(kind) for test in (pa.types.is_null, pa.types.is_integer, pa.types.is_floating)
        ) or pa.types.is_decimal(kind):
            found[field.name] = Kind.NUMBER
        elif _is_text(kind) or (pa.types.is_dictionary(kind) and _is_text(kind.value_type)):
            found[field.name] = Kind.TEXT
        elif _is_list(kind) and _is_text(kind.value_type):
            found[field.name] = Kind.LIST
    return found


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def known_name(name: str, names: Iterable[str], what: str = "column") -> str:
    """Return the name, or refuse it with the nearest known one.

    Raises
    ------
    ConditionError
        If it is none of the names.
    """
    known = list(names)
    if name in known:
        return name
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.0)
    if not near:
        raise ConditionError(f"unknown {what} {name!r}: there are none")
    # One that shares little with the name would help nobody.
    if difflib.SequenceMatcher(None, name.casefold(), near[0]).ratio() >= 0.5:
        raise ConditionError(f"unknown {what} {name!r}: did you mean {by_folded[near[0]]}?")
    raise ConditionError(f"unknown {what} {name!r}: expected one of {', '.join(known)}")


def parse_conditions(text: str, kinds: Mapping[str, Kind]) -> tuple[Condition, ...]:
    """Read conditions that are joined by ``and``.

    Parameters
    ----------
    text : str
    kinds : mapping of str to Kind
        The columns there are.

    Returns
    -------
    tuple of Condition

    Raises
    ------
    ConditionError
        If the text cannot be read, a column is unknown or a value does not fit it.

    Examples
    --------
    >>> kinds = {"stable_probability": Kind.NUMBER, "in_domain": Kind.TRUTH}
    >>> [str(c) for c in parse_conditions("stable_probability > .5 and in_domain", kinds)]
    ['stable_probability > 0.5', 'in_domain']
    """
    return tuple(
        _condition(words, text, kinds) for words in _split_at_and(_words(text), text) if words
    )


_Word = tuple[str, str]  # what it is, and itself


def _words(text: str) -> list[_Word]:
    found: list[_Word] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].strip()
            _refuse(text, f"{rest!r} is no name, operator or value")
        kind = str(match.lastgroup)
        word = match[kind]
        found.append((kind, word[1:-1] if kind == "quoted" else word))
        position = match.end()
    return found


def _split_at_and(words: list[_Word], text: str) -> list[list[_Word]]:
    parts: list[list[_Word]] = [[]]
    for kind, word in words:
        if kind == "word" and word.lower() == "and":
            parts.append([])
        elif kind == "word" and word.lower() == "or":
            _refuse(text, "conditions are joined by 'and' alone; rank twice for an 'or'")
        else:
            parts[-1].append((kind, word))
    if not all(parts):
        _refuse(text, "a condition is missing" + (" beside 'and'" if len(parts) > 1 else ""))
    return parts


def _condition(words: list[_Word], text: str, kinds: Mapping[str, Kind]) -> Condition:
    """Read one condition from its words."""
    opposite = len(words) > 1 and words[0] == ("word", "not")
    if opposite:
        words = words[1:]
    if words[0][0] != "word":
        _refuse(text, f"{words[0][1]!r} stands where the name of a column is expected")
    name = known_name(words[0][1], kinds)
    kind = kinds[name]
    if len(words) == 1:
        if kind is not Kind.TRUTH:
            _refuse(text, f"{name} is a {kind.value}: compare it with a value")
        return Condition(name, "=", not opposite)
    if len(words) != 3 or words[1][0] != "operator" or words[2][0] == "operator":
        shown = " ".join(word for _, word in words)
        _refuse(text, f"{shown!r} is not of the form 'name operator value'")
    operator = {"==": "="}.get(words[1][1], words[1][1])
    value = _value(name, kind, operator, words[2], text)
    if isinstance(value, bool) and operator == "!=":
        operator, value = "=", not value
    if opposite and isinstance(value, bool):
        return Condition(name, operator, not value)
    return Condition(name, _OPPOSITE[operator] if opposite else operator, value)


def _value(name: str, kind: Kind, operator: str, word: _Word, text: str) -> float | bool | str:
    quoted, spelled = word[0] == "quoted", word[1]
    if kind is not Kind.NUMBER and operator in _ORDER:
        _refuse(text, f"{name} is a {kind.value}: compare it by = or !=")
    if kind is Kind.NUMBER:
        try:
            value = math.nan if quoted else float(spelled)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            _refuse(text, f"{name} is a number, {spelled!r} is none")
        return value
    if kind is Kind.TRUTH:
        if spelled.lower() not in _TRUTH:
            _refuse(text, f"{name} is true or false, not {spelled!r}")
        return _TRUTH[spelled.lower()]
    return spelled


def _refuse(text: str, why: str) -> NoReturn:
    raise ConditionError(f"condition {text!r}: {why}")
