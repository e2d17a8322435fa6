"""The table of Laskowski et al., as text that came out of a PDF, to legible entries.

The file has eight columns and no header: formula, conductivity, activation energy, space
group and its number, a phase label, ICSD id, number of the reference. A formula may run
over two or three lines, subscripts may be torn off (``Li SiS  4 4`` for Li4SiS4), and an
overline of the space group may sit on a number. A line is read only where it can be read
in one way: a wrong formula is worse than a lost one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass

_OVERLINE = "\u0305"
_EN_DASH = "\u2013"
_MINUS = "\u2212"
_SEPARATORS = f"-*\u00b7{_EN_DASH}"
_AMOUNT = re.compile(r"\d+(?:\.\d+)?|\.\d+")

#: (reference, formula) that the table gets wrong, checked against the paper: why.
MISPRINTS = {
    ("275", "0.3Li2S-0.7P2S5"): "misprint: the paper is about 0.7Li2S-0.3P2S5",
}


class IllegibleError(ValueError):
    """A formula that can be read in no way, or in more than one; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One material of the table, as printed.

    Attributes
    ----------
    line : int
        One-based number of its first line.
    formula, conductivity, activation_energy, reference : str
        The printed words, those of a formula over several lines joined.
    """

    line: int
    formula: str
    conductivity: str
    activation_energy: str
    reference: str


def read_entries(lines: Iterable[str]) -> tuple[list[Entry], int]:
    """Put the lines of the file together to entries.

    A line with formula and conductivity is an entry. A formula without conductivity opens
    a broken entry: the next line has the conductivity and perhaps a piece of the formula,
    the one after that the last piece.

    Parameters
    ----------
    lines : iterable of str

    Returns
    -------
    entries : list of Entry
    n_debris : int
        Lines that belong to no entry: phase labels and stray numbers.
    """
    rows = [[cell.replace(_OVERLINE, "").strip() for cell in row] for row in csv.reader(lines)]
    entries = []
    n_debris = 0
    position = 0
    while position < len(rows):
        kinds = [(bool(row[0]), bool(row[1])) for row in rows[position : position + 3]]
        if kinds[0] == (True, True):
            n_lines = 1
        elif len(kinds) == 3 and kinds[0] == kinds[2] == (True, False) and kinds[1][1]:
            n_lines = 3
        else:
            n_debris += 1
            position += 1
            continue
        block = rows[position : position + n_lines]
        entries.append(
            Entry(
                line=position + 1,
                formula="".join(row[0] for row in block),
                conductivity=_first(row[1] for row in block),
                activation_energy=_first(row[2] for row in block),
                reference=_first(row[7] for row in block),
            )
        )
        position += n_lines
    return entries, n_debris


def _first(cells: Iterable[str]) -> str:
    return next((cell for cell in cells if cell), "")


def read_number(text: str) -> tuple[float, bool]:
    """Value of a printed number, and whether it is an upper bound.

    Parameters
    ----------
    text : str
        Such as ``1.30E-10``, ``<1E-10`` or, with a minus sign, ``1.2E-4``.

    Returns
    -------
    value : float
    is_bound : bool

    Raises
    ------
    ValueError
        If the text is no number.
    """
    text = text.replace(_MINUS, "-").strip()
    return float(text.removeprefix("<")), text.startswith("<")


def legible_formula(text: str) -> str:
    """Printed formula to one that `formulas.parse_formula` reads, if there is one reading.

    Blanks go where they stand between a symbol and its number. A mixture such as
    ``0.7Li2S-0.3P2S5`` becomes ``(Li2S)0.7(P2S5)0.3`` if its amounts sum to one or to
    100, or if a compound without an amount is followed by additions with one.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Raises
    ------
    IllegibleError
        If subscripts are torn off, an amount has lost its decimal point, a second phase is
        given by weight, or a mixture has no consistent amounts.

    Examples
    --------
    >>> legible_formula("Li 7.22 Si 1.5 P 0.5 O8")
    'Li7.22Si1.5P0.5O8'
    >>> legible_formula("0.7Li2S-0.3P2S5")
    '(Li2S)0.7(P2S5)0.3'
    >>> legible_formula("Li SiS  4 4")
    Traceback (most recent call last):
    mlsse.laskowski.IllegibleError: subscripts are torn off
    """
    text = re.sub(r"^[αβγδ]-", "", text.strip())
    if "wt" in text:
        raise IllegibleError("a second phase is given by weight")
    joined = _join_blanks(text)
    if re.search(r"(?<![\d.])0\d", joined):
        raise IllegibleError("an amount has lost its decimal point")
    is_hydrate = re.search(r"[*·]\(?H2O", joined)
    if is_hydrate or not (joined[:1].isdigit() or any(c in joined for c in _SEPARATORS)):
        return joined
    return _mixture(joined)


def _join_blanks(text: str) -> str:
    """Remove the blanks of a formula where that leaves one reading."""
    text = re.sub(rf"\s*([*{_EN_DASH}])\s*", r"\1", text)
    is_mixture = text[:1].isdigit()
    for blank in re.finditer(r"\s+", text):
        left, right = text[blank.start() - 1], text[blank.end()]
        after_number = left.isdigit() and (right.isalpha() or right in "()")
        before_number = (left.isalpha() or left == ")") and right.isdigit()
        if before_number and is_mixture:
            # In a mixture the number may be the amount of the next compound.
            rest = text[blank.end() :].lstrip("0123456789.")
            before_number = rest == "" or rest[0] in _SEPARATORS + ")"
        if not (after_number or before_number):
            raise IllegibleError("subscripts are torn off")
    return "".join(text.split())


def _mixture(text: str) -> str:
    """A mixture with amounts before its compounds to one with amounts behind them."""
    terms = _split(text)
    if len(terms) == 1:
        if text.startswith("(") and text.endswith(")"):
            return _mixture(text[1:-1])
        raise IllegibleError("a mixture has no consistent amounts")
    amounts = []
    compounds = []
    for term in terms:
        amount = _AMOUNT.match(term)
        compound = term[amount.end() :] if amount else term
        if not compound:
            raise IllegibleError("a mixture has no consistent amounts")
        if any(c in compound for c in _SEPARATORS):
            compound = _mixture(compound)
        amounts.append(float(amount[0]) if amount else None)
        compounds.append(compound)
    if amounts[0] is None and None not in amounts[1:]:
        amounts[0] = 1.0
    else:
        total = sum(a or 0.0 for a in amounts)
        if None in amounts or not (abs(total - 1) < 0.015 or abs(total - 100) < 1.5):
            raise IllegibleError("a mixture has no consistent amounts")
    return "".join(f"({c}){a:g}" for c, a in zip(compounds, amounts, strict=True))


def _split(text: str) -> list[str]:
    """Terms of a mixture: split at the separators outside of brackets."""
    terms = [""]
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth == 0 and character in _SEPARATORS:
            terms.append("")
        else:
            terms[-1] += character
    return terms
