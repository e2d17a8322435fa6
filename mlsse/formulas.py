"""Text to elements and amounts, and back.

The reader (`parse_formula`) is strict: a text is understood completely or refused with a
`FormulaError` that names the place and the remedy; nothing is guessed. What was read is written
as a readable formula, and as a key for grouping.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from mlsse.errors import FormulaError

_SYMBOLS = (
    "H Li Be B C N O F Na Mg Al Si P S Cl K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho "
    "Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po Ra Ac Th Pa U Np Pu Am Cm"
)
ELEMENTS: tuple[str, ...] = tuple(_SYMBOLS.split())
"""The supported symbols by atomic number: Z = 1 to 96 without He, Ne, Ar, At, Rn and Fr."""

ELEMENT_INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(ELEMENTS)}
"""Column of each element in a composition vector."""

MAX_LENGTH = 500
"""Longest text that is read, in characters."""

MIN_FRACTION = 1e-9
"""Smallest atom fraction that an element of a formula may have."""

_UNCOVERED = "He Ne Ar At Rn Fr Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
_RARE = "Tc Kr Xe Pm Po Ra Ac Th Pa U Np Pu Am Cm"
_ISOTOPES = {"D": "deuterium", "T": "tritium"}
_MIN_TOTAL, _MAX_TOTAL = 1e-30, 1e30
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Formula:
    """A chemical formula that was read.

    Attributes
    ----------
    text : str
        The text as it was given.
    amounts : dict of str to float
        Amount of each element in that formula unit, by first appearance.
    notes : tuple of str
        What the reader took for granted, in words.
    """

    text: str
    amounts: dict[str, float] = field(hash=False)
    notes: tuple[str, ...] = ()

    @property
    def fractions(self) -> dict[str, float]:
        """Atom fraction of each element; they sum to 1."""
        total = sum(self.amounts.values())
        return {symbol: amount / total for symbol, amount in self.amounts.items()}

    @property
    def reduced_formula(self) -> str:
        """Readable formula, the same for every multiple; see `formula_from_fractions`."""
        return formula_from_fractions(self.amounts)

    @property
    def normal_form(self) -> str:
        """Key of the composition: parts per million of each element, alphabetically.

        Multiples, other orders of the elements and rounding errors of floating point give the
        same key, since the boundary between two keys lies 1e-12 off the half part per million,
        where fractions of ordinary amounts do not fall. A fraction that differs by 1e-6 or more
        gives another key.
        """
        scale = 1e6 / sum(self.amounts.values())
        counts = [
            (symbol, int(amount * scale + 0.500001)) for symbol, amount in self.amounts.items()
        ]
        return "".join([f"{symbol}{count}" for symbol, count in sorted(counts) if count])


# Reading
# -------

_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
# What most formulas are made of: symbols and brackets, each with what follows up to the next.
_TOKEN = re.compile(r"[A-Z()\[\]{}][^A-Z()\[\]{}]*")
_PLAIN_TERM = re.compile(rf"(?:([A-Z][a-z]?|[)\]}}])({_NUMBER})?|([(\[{{])) *")
_AMOUNT = re.compile(rf"({_NUMBER}(?:[eE][+-]?[0-9]+)?)(?:/([0-9]+))?")
_SYMBOL = re.compile(r"[A-Z][a-z]?")
_SPACES = " \t\r\n"
# CuSO4.5H2O reads as O4.5 H2O to a machine and as five waters to a chemist.
_DOUBTFUL_HYDRATE = re.compile(r"(?:[FINOS]|Cl|Br|[)\]}])[0-9]+(\.)[1-9][0-9]?H2O(?![0-9.])")
_SEPARATORS = frozenset("·*")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BRACKETS = frozenset("()[]{}")
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
_MINUS = "-\u2212\u2013"
_CHARGES = f"+{_MINUS}^⁺⁻¹²³⁴⁵⁶⁷⁸⁹⁰"
# One character for one, so that positions stay those of the text as it was given.
_TYPOGRAPHY = str.maketrans(
    {
        **{chr(0x2080 + digit): str(digit) for digit in range(10)},
        **{chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(0x5E)},
        **dict.fromkeys("•⋅∙‧・", "·"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u200b\u202f\u3000\ufeff", " "),
    }
)


def parse_formula(text: object) -> Formula:
    """Read a chemical formula.

    A formula is one part or several joined by ``·`` or ``*``. A part may begin with a
    multiplier, which counts up to its end; elements and brackets ``()``, ``[]``, ``{}`` are
    followed by their amount: a decimal, a fraction such as ``1/3``, or scientific notation
    (``1e-2``; the letter is part of a number only if digits follow, and no element is named E).
    Spaces separate terms; an amount may stand apart from its term only where every amount can
    have but one place. Quotation marks around the whole, subscript and full-width characters
    and typographic spaces and dots are understood. D and T are read as hydrogen, with a note.

    Parameters
    ----------
    text : str
        The formula, at most `MAX_LENGTH` characters.

    Returns
    -------
    Formula

    Raises
    ------
    FormulaError
        If `text` is no text, empty or too long; has an unknown symbol, an element outside
        `ELEMENTS`, brackets that do not match or lie more than 20 deep, a charge, a variable
        or an amount that is not finite and above zero; if the amounts sum to less than 1e-30
        or more than 1e30; or if an atom fraction is below `MIN_FRACTION`.

    Examples
    --------
    >>> parse_formula("Li1.3Al0.3Ti1.7(PO4)3").amounts
    {'Li': 1.3, 'Al': 0.3, 'Ti': 1.7, 'P': 3.0, 'O': 12.0}
    >>> parse_formula("70Li2S 30P2S5").reduced_formula
    'Li7P3S11'
    >>> parse_formula("Xx2O")
    Traceback (most recent call last):
    mlsse.errors.FormulaError: formula 'Xx2O', position 0: no element is called 'Xx': did you \
mean Xe?
    """
    if not isinstance(text, str):
        raise FormulaError(
            f"a formula is text such as 'Li6PS5Cl', got {type(text).__name__}: pass a string"
        )
    if len(text) > MAX_LENGTH:
        _refuse(text, None, f"{len(text)} characters, at most {MAX_LENGTH} are read: shorten it")
    amounts = _read_plain(text)
    if amounts is None:
        return _Reader(text).read()
    return _checked(text, amounts, ())


def _read_plain(text: str) -> dict[str, float] | None:
    """Read the usual formula fast; None for all others, which `_Reader` reads or refuses."""
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text or "H2O" in text:
        return None
    try:
        terms = list(map(_plain_term, tokens))
    except ValueError:
        return None
    amounts = dict(terms)
    if len(amounts) == len(terms) and _BRACKETS.isdisjoint(amounts):
        return amounts
    amounts = {}
    outer: list[tuple[str, dict[str, float]]] = []
    for symbol, amount in terms:
        if symbol in ELEMENT_INDEX:
            amounts[symbol] = amounts.get(symbol, 0.0) + amount
        elif symbol in _CLOSING:
            outer.append((_CLOSING[symbol], amounts))
            amounts = {}
        elif outer and amounts and symbol == outer[-1][0] and len(outer) <= _MAX_DEPTH:
            inner = amounts
            amounts = outer.pop()[1]
            for element, value in inner.items():
                amounts[element] = amounts.get(element, 0.0) + value * amount
        else:
            return None
    return None if outer else amounts


@lru_cache(maxsize=4096)
def _plain_term(token: str) -> tuple[str, float]:
    """Symbol or bracket with its amount; ValueError where `_Reader` has to look closer."""
    match = _PLAIN_TERM.fullmatch(token)
    if match is None:
        raise ValueError(token)
    symbol = match[1] or match[3]
    amount = float(match[2] or 1.0)
    if amount == 0.0 or not (symbol in ELEMENT_INDEX or symbol in _BRACKETS):
        raise ValueError(token)
    return symbol, amount


class _Reader:
    """Recursive descent over a text that is not a plain run of symbols and amounts."""

    def __init__(self, text: str) -> None:
        self.given = text
        self.text = _unquote(text if text.isascii() else text.translate(_TYPOGRAPHY))
        self.position = 0
        self.notes: list[str] = []
        self.spaced_amount: int | None = None
        self.bare_gap: int | None = None

    def read(self) -> Formula:
        if not self.text.strip():
            _refuse(self.given, None, "nothing in it: write a formula such as Li6PS5Cl")
        doubtful = _DOUBTFUL_HYDRATE.search(self.text)
        if doubtful:
            self.refuse(
                doubtful.start(1),
                "this may be a decimal point or the dot of a hydrate: write ·5H2O for a hydrate, "
                "(H2O) after a decimal amount",
            )
        amounts = self.mixture(depth=0)
        if self.position < len(self.text):
            self.refuse_character()
        if self.spaced_amount is not None and self.bare_gap is not None:
            self.refuse(
                self.spaced_amount,
                "it is open to which element this amount belongs, since another stands apart "
                "without one: write each amount directly after its element",
            )
        return _checked(self.given, amounts, tuple(self.notes))

    def mixture(self, depth: int) -> dict[str, float]:
        amounts: dict[str, float] = {}
        while True:
            self.skip_space()
            multiplier = self.number()
            self.part(amounts, multiplier, depth)
            if self.peek() in _SEPARATORS:
                self.position += 1
            elif multiplier is None or not self.at_spaced_number():
                return amounts

    def part(self, amounts: dict[str, float], multiplier: float | None, depth: int) -> None:
        """Add the terms up to the next separator, closing bracket, multiplier or end."""
        self.skip_space()
        start = self.position
        while True:
            item = self.bracket(depth) if self.peek() in _CLOSING else self.symbol()
            if item is None:
                break
            amount = self.amount(multiplied=multiplier is not None)
            if multiplier is not None:
                amount *= multiplier
            for symbol, inner in item.items():
                amounts[symbol] = amounts.get(symbol, 0.0) + inner * amount
            end = self.position
            if self.skip_space() and self.text[end - 1] not in "0123456789" and self.at_term():
                self.bare_gap = end
        if self.position == start:
            self.refuse_character()

    def bracket(self, depth: int) -> dict[str, float]:
        start, opening = self.position, self.peek()
        if depth == _MAX_DEPTH:
            self.refuse(start, f"brackets more than {_MAX_DEPTH} deep: write it flatter")
        self.position += 1
        inner = self.mixture(depth + 1)
        if self.position == len(self.text):
            self.refuse(start, f"'{opening}' is never closed: add '{_CLOSING[opening]}'")
        if self.peek() != _CLOSING[opening]:
            self.refuse_character()
        self.position += 1
        return inner

    def symbol(self) -> dict[str, float] | None:
        match = _SYMBOL.match(self.text, self.position)
        if match is None:
            return None
        symbol = match.group()
        if symbol in _ISOTOPES:
            note = f"{symbol} ({_ISOTOPES[symbol]}) is read as hydrogen"
            if note not in self.notes:
                self.notes.append(note)
            symbol = "H"
        if symbol in _UNCOVERED.split():
            self.refuse(
                self.position,
                f"{symbol} is not covered, as properties that the models need are unknown: "
                "leave it out",
            )
        if symbol not in ELEMENT_INDEX:
            self.refuse_symbol(symbol)
        self.position = match.end()
        return {symbol: 1.0}

    def amount(self, *, multiplied: bool) -> float:
        """Amount of the term just read: directly after it, or after a space if that is clear."""
        if not self.at_spaced_number():
            amount = self.number()
            return 1.0 if amount is None else amount
        end = self.position
        self.skip_space()
        start = self.position
        amount = self.number()
        glued = self.at_term()
        if multiplied and glued:
            self.position = end
            self.skip_space()
            return 1.0
        if multiplied or glued:
            self.refuse(
                start,
                "this number may belong to what stands before or after it: write Li2O without "
                "spaces, and 2Li2S·P2S5 for a mixture",
            )
        self.spaced_amount = start
        return 1.0 if amount is None else amount

    def number(self) -> float | None:
        match = _AMOUNT.match(self.text, self.position)
        if match is None:
            return None
        value = float(match[1])
        if match[2] is not None:
            divisor = float(match[2])
            value = value / divisor if divisor else math.inf
        if self.text[match.end() : match.end() + 1] == ",":
            self.position = match.end()
            self.refuse_character()
        if not 0.0 < value < math.inf:
            self.refuse(
                self.position,
                f"the amount {_shorten(match[0])} is not finite and above zero: correct it or "
                "leave the element out",
            )
        self.position = match.end()
        return value

    def at_spaced_number(self) -> bool:
        """Whether a number comes next with space before it, skipped already or not."""
        end = self.after_space()
        spaced = end > 0 and self.text[end - 1] in _SPACES
        return spaced and _AMOUNT.match(self.text, end) is not None

    def at_term(self) -> bool:
        return self.peek() in _CLOSING or _SYMBOL.match(self.text, self.position) is not None

    def skip_space(self) -> bool:
        start, self.position = self.position, self.after_space()
        return self.position > start

    def after_space(self) -> int:
        end = self.position
        while end < len(self.text) and self.text[end] in _SPACES:
            end += 1
        return end

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def refuse(self, position: int, message: str) -> NoReturn:
        _refuse(self.given, position, message)

    def refuse_symbol(self, symbol: str) -> NoReturn:
        message = f"no element is called {symbol!r}: "
        respelled = _respell(self.text)
        if symbol[0] in ELEMENT_INDEX and symbol[1:] in ("x", "y", "z"):
            message += f"put a number in place of the variable '{symbol[1]}'"
        elif respelled is not None:
            message += f"did you mean {respelled}?"
        else:
            near = [known for known in ELEMENTS if known[0] == symbol[0]]
            message += f"did you mean {' or '.join(near)}?" if near else "check the spelling"
        self.refuse(self.position, message)

    def refuse_character(self) -> NoReturn:
        """Say what is wrong with the character at the position, or with the end of the text."""
        character, rest = self.peek(), self.text[self.position + 1 :]
        if not character:
            message = "the text ends where an element should follow: complete it"
        elif character in _CLOSING.values():
            message = f"'{character}' has no element or matching bracket before it: check them"
        elif character in "0123456789.":
            message = (
                "a number where an element should stand: write one amount after each element, "
                "and · between the parts of a mixture or a hydrate"
            )
        elif character in _MINUS and rest[:1] in tuple("0123456789."):
            message = (
                "a minus sign before a number: amounts cannot be negative, and the parts of a "
                "mixture are joined by ·"
            )
        elif character in _MINUS and rest.strip(f" )]}}{_CHARGES}"):
            message = (
                "a minus sign: put a number in place of an expression such as 7-x, and · "
                "between the parts of a mixture"
            )
        elif character in _CHARGES:
            message = "charges are not read: write the neutral formula, and · in a mixture"
        elif character == ",":
            message = "a comma: write decimals with a point, one formula at a time"
        elif character in "xyzδ" and self.position > 0:
            message = f"the variable '{character}': put a number in its place"
        elif character.isascii() and character.isalpha():
            respelled = _respell(self.text)
            hint = f"did you mean {respelled}?" if respelled else "check the spelling"
            message = f"a symbol begins with a capital letter: {hint}"
        else:
            message = f"the character {character!a} has no place in a formula: remove it"
        self.refuse(self.position, message)


def _unquote(text: str) -> str:
    """Blank out quotation marks around the whole text."""
    stripped = text.strip()
    if len(stripped) > 1 and _QUOTES.get(stripped[0]) == stripped[-1]:
        start, end = text.index(stripped[0]), text.rindex(stripped[-1])
        return f"{text[:start]} {text[start + 1 : end]} {text[end + 1 :]}"
    return text


def _respell(text: str) -> str | None:
    """Spell a text of wrong case with the symbols of common elements, if that is possible."""
    text = text.strip()
    if len(text) > 60 or not text.isprintable():
        return None
    spelled: dict[int, str] = {len(text): ""}
    for start in reversed(range(len(text))):
        if not text[start].isalpha():
            if start + 1 in spelled:
                spelled[start] = text[start] + spelled[start + 1]
            continue
        for end in (start + 1, start + 2):
            symbol = text[start:end].capitalize()
            if symbol in ELEMENT_INDEX and symbol not in _RARE.split() and end in spelled:
                spelled[start] = symbol + spelled[end]
    respelled = spelled.get(0)
    if respelled is None or respelled == text:
        return None
    try:
        parse_formula(respelled)
    except FormulaError:
        return None
    return respelled


def _checked(text: str, amounts: dict[str, float], notes: tuple[str, ...]) -> Formula:
    total = sum(amounts.values())
    if not _MIN_TOTAL <= total <= _MAX_TOTAL:
        _refuse(
            text,
            None,
            f"its amounts sum to {total:g}, outside {_MIN_TOTAL:g} to {_MAX_TOTAL:g}: "
            "write a formula unit",
        )
    if min(amounts.values()) < MIN_FRACTION * total:
        symbol = min(amounts, key=amounts.__getitem__)
        place = re.search(f"{symbol}(?![a-z])", text)
        _refuse(
            text,
            place.start() if place else None,
            f"the atom fraction of {symbol} is {amounts[symbol] / total:.1e}, at least "
            f"{MIN_FRACTION:g} is read: correct its amount or leave it out",
        )
    return Formula(text, amounts, notes)


def _refuse(text: str, position: int | None, message: str) -> NoReturn:
    shown = _shorten(text)
    place = "" if position is None else f", position {position}"
    raise FormulaError(f"formula {shown!r}{place}: {message}", text=shown, position=position)


def _shorten(text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


# Writing
# -------

# By electronegativity, the cation first, but metals of one compound in the order in which
# chemists write them (Al before Ti, Bi before Fe, Ni Co Mn) and H between B and P.
_WRITING_ORDER = (
    "Cs Rb K Na Li Ra Ba Sr Ca Eu Yb La Ce Pr Nd Pm Sm Gd Tb Dy Ho Er Tm Lu Y Ac Th Pa U Np Pu "
    "Am Cm Mg Sc Tl Pb Bi Ag Cu Hg Cd Zn Be Au Pd Pt Ni Co Rh Ir Fe Ru Os Mn Tc Re Cr In Ga Al "
    "Zr Hf Ti V Nb Ta Mo W Sn Ge Si Sb B H As P C Po Te Se S Xe Kr I Br N Cl O F"
)
_WRITING_RANK = {symbol: rank for rank, symbol in enumerate(_WRITING_ORDER.split())}
# Divisors that leave at most four decimals, and how many they leave.
DECIMALS_BY_DIVISOR = {2**i * 5**j: max(i, j) for i in range(5) for j in range(5) if i or j}
MAX_ATOMS = 36
# Denominators up to which fractions in single precision are told apart.
MAX_DENOMINATOR = 2000
_FRACTION_ERROR = 1e-7


def formula_from_fractions(fractions: Mapping[str, float], *, whole: bool = False) -> str:
    """Write a readable formula from atom fractions, or from amounts of any unit.

    Whole numbers without a common divisor if they sum to at most 36 (``Li10GeP2S12``); else
    the multiple of at most 36 atoms that reads best, with at most four decimals, as doped
    materials are written (``Li6.35La3Zr1.35Ta0.65O12``); if no multiple has so few, four
    digits for ten atoms. Fractions in single precision suffice.

    Parameters
    ----------
    fractions : mapping of str to float
        Fraction or amount of each element, above zero, their sum between 1e-30 and 1e30.
    whole : bool
        Write small whole numbers also if they sum to more than 36.

    Returns
    -------
    str
        The formula, cations first; the same for every order, and for every multiple if the
        smallest whole numbers in that ratio sum to at most 2000.

    Raises
    ------
    FormulaError
        If there is no element, one is not in `ELEMENTS`, or a value is out of range.

    Examples
    --------
    >>> formula_from_fractions({"O": 24, "La": 6, "Zr": 2.7, "Ta": 1.3, "Li": 12.7})
    'Li6.35La3Zr1.35Ta0.65O12'
    """
    for symbol, value in fractions.items():
        if symbol not in ELEMENT_INDEX or not value > 0.0:
            raise FormulaError(
                f"cannot write {value!r} of {symbol!r}: expected supported elements, each with "
                "a fraction above zero"
            )
    total = sum(fractions.values())
    if not _MIN_TOTAL <= total <= _MAX_TOTAL:
        raise FormulaError(f"cannot write a formula of {total:g} atoms: expected fractions")
    symbols = sorted(fractions, key=_WRITING_RANK.__getitem__)
    counts = _whole_numbers([float(fractions[symbol]) for symbol in symbols])
    if counts is None:
        texts = [_four_digits(10.0 * fractions[symbol] / total) for symbol in symbols]
    elif whole or sum(counts) <= MAX_ATOMS:
        texts = [str(count) for count in counts]
    else:
        atoms = sum(counts)
        divisor = min(_divisors(atoms), key=lambda d: _awkwardness(counts, atoms, d))
        texts = [write_amount(count, divisor) for count in counts]
    return "".join([s if t == "1" else s + t for s, t in zip(symbols, texts, strict=True)])


def _whole_numbers(amounts: Sequence[float]) -> list[int] | None:
    """Smallest whole numbers in the ratio of the amounts, if a readable formula can hold them."""
    for factor in (1.0, 10.0, 100.0, 1e3, 1e4):
        scaled = [amount * factor for amount in amounts]
        counts = list(map(round, scaled))
        # Lists and maps, as generators take twice the time for so few items.
        if all([abs(v - n) <= 1e-12 * v for v, n in zip(scaled, counts, strict=True)]):
            divisor = math.gcd(*counts)
            if divisor > 1:
                counts = [count // divisor for count in counts]
            if _is_readable(counts):
                return counts
            break
    shares = np.array(amounts) / sum(amounts)
    denominator = math.lcm(*[_denominator(share) for share in shares.tolist()])
    if denominator <= MAX_DENOMINATOR:
        return [round(share * denominator) for share in shares.tolist()]
    # Many digits: ten-thousandths, in formulas in which one element has a whole amount.
    most = [int(share * (MAX_ATOMS - 1)) for share in shares]
    scales = np.concatenate([np.arange(1, n + 1) / s for n, s in zip(most, shares, strict=True)])
    scales = scales[:, None]
    exact = 1e4 * scales * shares
    rounded = np.rint(exact)
    fits = (np.abs(exact - rounded) <= 2e4 * _FRACTION_ERROR * scales) & (rounded > 0)
    found = [
        [count // math.gcd(*counts) for count in counts]
        for counts in rounded[fits.all(axis=1)].astype(int).tolist()
    ]
    return min(found, key=sum, default=None)


def _is_readable(counts: Sequence[int]) -> bool:
    """Whether the counts are small or have a multiple with a whole amount."""
    total = sum(counts)
    return total <= MAX_DENOMINATOR or any(
        count % divisor == 0 for divisor in _divisors(total) for count in counts
    )


@lru_cache(maxsize=4096)
def _divisors(total: int) -> list[int]:
    """Divisors of a number of atoms that make a formula of 1.5 to 36 atoms."""
    return [
        divisor for divisor in DECIMALS_BY_DIVISOR if 1.5 * divisor <= total <= MAX_ATOMS * divisor
    ]


def _denominator(share: float) -> int:
    """Denominator of the first continued fraction that equals a share within the error."""
    value = share
    numerator, last_numerator, denominator, last_denominator = 1, 0, 0, 1
    while True:
        whole = int(value)
        numerator, last_numerator = whole * numerator + last_numerator, numerator
        denominator, last_denominator = whole * denominator + last_denominator, denominator
        if numerator and abs(share - numerator / denominator) <= _FRACTION_ERROR:
            return denominator
        value = 1.0 / (value - whole)


def _awkwardness(counts: Sequence[int], total: int, divisor: int) -> tuple[float, float]:
    """How ill a formula reads, and of two that read alike, its atoms."""
    n_broken = len([count for count in counts if count % divisor])
    return awkwardness_of(n_broken, len(counts), total, divisor)


def awkwardness_of(n_broken: Any, n_elements: int, total: Any, divisor: int) -> tuple[Any, Any]:
    """How ill formulas read, by atoms, broken amounts and decimals; and how many atoms they have.

    With these weights most doped electrolytes come out as their authors wrote them.

    Parameters
    ----------
    n_broken : int, or ndarray of int
        Elements with a broken amount.
    n_elements : int
    total : int, or ndarray of int
        Atoms, counted in the smallest whole numbers.
    divisor : int
        Of these numbers, one of `DECIMALS_BY_DIVISOR`.

    Returns
    -------
    awkwardness, n_atoms : float, or ndarray
    """
    atoms = total / divisor
    weight = (1.0, 1.2, 1.5, 5.0, 10.0)[DECIMALS_BY_DIVISOR[divisor]]
    if isinstance(atoms, float):
        return max(7.0, atoms) * weight * _broken_weights(n_elements)[n_broken], atoms
    return np.maximum(7.0, atoms) * weight * np.take(_broken_weights(n_elements), n_broken), atoms


@lru_cache(maxsize=100)
def _broken_weights(n_elements: int) -> list[float]:
    """Weight of each number of broken amounts; that no amount is whole counts as one more."""
    weights: list[float] = [2.8**n for n in range(n_elements)]
    return [*weights, 2.8 ** (n_elements + 1)]


def writing_order(symbols: Sequence[str]) -> list[int]:
    """Places of symbols in the order in which they are written."""
    return sorted(range(len(symbols)), key=lambda i: _WRITING_RANK[symbols[i]])


@lru_cache(maxsize=65536)
def write_amount(count: int, divisor: int) -> str:
    """Amount of an element of so many atoms, divided by one of `DECIMALS_BY_DIVISOR`, or by 1."""
    decimals = DECIMALS_BY_DIVISOR.get(divisor, 0)
    return _trim(f"{count / divisor:.{decimals}f}") if decimals else str(count)


def _four_digits(value: float) -> str:
    return _trim(f"{value:.{max(0, 3 - math.floor(math.log10(value)))}f}")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
