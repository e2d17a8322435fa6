"""Text to elements and amounts, and what follows from them alone.

The reader (`parse_formula`) is strict: a text is understood completely or refused with a
`FormulaError` that names the place and the remedy; nothing is guessed. On what was read stand
a readable formula, a key for grouping, composition vectors, distances between compositions and
a check of charge balance.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NoReturn

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
# What most formulas are made of, without any doubt to which term an amount belongs.
_PLAIN = re.compile(rf" *(?:(?:[A-Z][a-z]?|[)\]}}]){_NUMBER}? *|[(\[{{] *)+")
_PLAIN_TOKEN = re.compile(rf"([A-Z][a-z]?|[()\[\]{{}}])({_NUMBER}?)")
_AMOUNT = re.compile(rf"({_NUMBER}(?:[eE][+-]?[0-9]+)?)(?:/([0-9]+))?")
_SYMBOL = re.compile(r"[A-Z][a-z]?")
_SPACE = re.compile(r"[ \t\r\n]*")
# CuSO4.5H2O reads as O4.5 H2O to a machine and as five waters to a chemist.
_DOUBTFUL_HYDRATE = re.compile(r"[0-9](\.)[0-9]+H2O(?![0-9.])")
_SEPARATORS = frozenset("·*")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
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
    if text[:1] == '"' == text[-1:]:
        text = text[1:-1]
    if not _PLAIN.fullmatch(text) or "H2O" in text:
        return None
    amounts: dict[str, float] = {}
    outer: list[tuple[str, dict[str, float]]] = []
    for token, digits in _PLAIN_TOKEN.findall(text):
        amount = float(digits) if digits else 1.0
        if amount == 0.0:
            return None
        if token in ELEMENT_INDEX:
            amounts[token] = amounts.get(token, 0.0) + amount
        elif token in _CLOSING:
            outer.append((_CLOSING[token], amounts))
            amounts = {}
        elif outer and amounts and token == outer[-1][0] and len(outer) <= _MAX_DEPTH:
            inner = amounts
            amounts = outer.pop()[1]
            for symbol, value in inner.items():
                amounts[symbol] = amounts.get(symbol, 0.0) + value * amount
        else:
            return None
    return None if outer else amounts


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
        match = _SPACE.match(self.text, self.position)
        end = match.end() if match else self.position
        spaced = end > 0 and self.text[end - 1] in " \t\r\n"
        return spaced and _AMOUNT.match(self.text, end) is not None

    def at_term(self) -> bool:
        return self.peek() in _CLOSING or _SYMBOL.match(self.text, self.position) is not None

    def skip_space(self) -> bool:
        start = self.position
        match = _SPACE.match(self.text, start)
        self.position = match.end() if match else start
        return self.position > start

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
        position = text.find(symbol)
        _refuse(
            text,
            position if position >= 0 else None,
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
_DECIMALS = {d: n for n in (4, 3, 2, 1) for d in range(2, 10**n + 1) if 10**n % d == 0}
_MAX_ATOMS = 36
# Denominators up to which fractions in single precision are told apart.
_MAX_DENOMINATOR = 2000
_FRACTION_ERROR = 1e-7


def formula_from_fractions(fractions: Mapping[str, float]) -> str:
    """Write a readable formula from atom fractions, or from amounts of any unit.

    Whole numbers without a common divisor if they sum to at most 36 (``Li10GeP2S12``); else
    the multiple of at most 36 atoms that reads best, with at most four decimals, as doped
    materials are written (``Li6.35La3Zr1.35Ta0.65O12``); if no multiple has so few, four
    digits for ten atoms. Fractions in single precision suffice.

    Parameters
    ----------
    fractions : mapping of str to float
        Fraction or amount of each element, above zero, their sum between 1e-30 and 1e30.

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
    elif sum(counts) <= _MAX_ATOMS:
        texts = [str(count) for count in counts]
    else:
        divisor = min(_divisors(counts), key=lambda d: _awkwardness(counts, d))
        texts = [_trim(f"{count / divisor:.{_DECIMALS[divisor]}f}") for count in counts]
    return "".join(
        symbol if text == "1" else symbol + text
        for symbol, text in zip(symbols, texts, strict=True)
    )


def _whole_numbers(amounts: Sequence[float]) -> list[int] | None:
    """Smallest whole numbers in the ratio of the amounts, if a readable formula can hold them."""
    for factor in (1.0, 10.0, 100.0, 1e3, 1e4):
        scaled = [amount * factor for amount in amounts]
        counts = [round(value) for value in scaled]
        if all(abs(v - n) <= 1e-12 * v for v, n in zip(scaled, counts, strict=True)):
            divisor = math.gcd(*counts)
            counts = [count // divisor for count in counts]
            if _is_readable(counts):
                return counts
            break
    shares = np.array(amounts) / sum(amounts)
    denominator = math.lcm(*[_denominator(share) for share in shares.tolist()])
    if denominator <= _MAX_DENOMINATOR:
        return [round(share * denominator) for share in shares.tolist()]
    # Many digits: ten-thousandths, in formulas in which one element has a whole amount.
    scales = np.concatenate([np.arange(1, int(s * _MAX_ATOMS) + 1) / s for s in shares])[:, None]
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
    return sum(counts) <= _MAX_DENOMINATOR or any(
        count % divisor == 0 for divisor in _divisors(counts) for count in counts
    )


def _divisors(counts: Sequence[int]) -> list[int]:
    """Divisors that make a formula of 1.5 to 36 atoms."""
    total = sum(counts)
    return [divisor for divisor in _DECIMALS if 1.5 * divisor <= total <= _MAX_ATOMS * divisor]


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


def _awkwardness(counts: Sequence[int], divisor: int) -> tuple[float, float]:
    """How ill a formula reads, by atoms, broken amounts and decimals.

    With these weights most doped electrolytes come out as their authors wrote them.
    """
    atoms = sum(counts) / divisor
    broken = sum(count % divisor != 0 for count in counts)
    if broken == len(counts):
        broken += 1
    weight = (1.0, 1.2, 1.5, 5.0, 10.0)[_DECIMALS[divisor]]
    return max(7.0, atoms) * weight * 2.8**broken, atoms


def _four_digits(value: float) -> str:
    return _trim(f"{value:.{max(0, 3 - math.floor(math.log10(value)))}f}")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


# Distances
# ---------

_PETTIFOR_ORDER = (
    "He Ne Ar Kr Xe Rn Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb Lu Tm Y Er Ho Dy Tb Gd Sm Pm Nd Pr Ce La "
    "Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Sc Zr Hf Ti Ta Nb V Cr Mo W Re Tc Os Ru Ir Rh Pt "
    "Pd Au Ag Cu Ni Co Fe Mn Mg Zn Cd Hg Be Al Ga In Tl Pb Sn Ge Si B C N P As Sb Bi Po Te Se S O "
    "At I Br Cl F H"
)
_PETTIFOR_RANK = {symbol: rank for rank, symbol in enumerate(_PETTIFOR_ORDER.split())}
PETTIFOR_POSITIONS: np.ndarray = np.array([float(_PETTIFOR_RANK[s]) for s in ELEMENTS])
"""Position of each of `ELEMENTS` on the modified Pettifor scale, 0 (He) to 102 (H)."""

_SCALE_ORDER = np.argsort(PETTIFOR_POSITIONS)
_SCALE_STEPS = np.diff(PETTIFOR_POSITIONS[_SCALE_ORDER])
_SMALL_MATRIX = 1_000_000


def composition_vectors(formulas: Iterable[Formula | str]) -> np.ndarray:
    """Atom fractions of formulas.

    Parameters
    ----------
    formulas : iterable of Formula or str
        Formulas, read or as text.

    Returns
    -------
    numpy.ndarray of shape (n_formulas, 90)
        Atom fractions in the order of `ELEMENTS`; each row sums to 1.

    Raises
    ------
    FormulaError
        If a text is no usable formula.
    """
    read = [item if isinstance(item, Formula) else parse_formula(item) for item in formulas]
    rows = [row for row, formula in enumerate(read) for _ in formula.amounts]
    columns = [ELEMENT_INDEX[symbol] for formula in read for symbol in formula.amounts]
    vectors = np.zeros((len(read), len(ELEMENTS)))
    vectors[rows, columns] = [value for formula in read for value in formula.amounts.values()]
    return vectors / vectors.sum(axis=1, keepdims=True)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Earth mover's distance of two compositions along the modified Pettifor scale.

    The scale puts the 103 elements in a row so that neighbours replace each other in crystals.
    The distance is the mean number of places by which an atom of one composition has to move
    to make the other: 1 for all atoms moving to the next element, at most 102.

    Parameters
    ----------
    a, b : numpy.ndarray of shape (90,)
        Composition vectors.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a vector does not have 90 entries.

    References
    ----------
    H. Glawe et al., New J. Phys. 18, 093011 (2016), doi 10.1088/1367-2630/18/9/093011 (scale);
    C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi 10.1021/acs.chemmater.0c03381
    (distance).

    Examples
    --------
    >>> nacl, nabr = composition_vectors(["NaCl", "NaBr"])
    >>> distance(nacl, nabr)  # half of the atoms move by one place
    0.5
    """
    return float(np.abs(_cumulative(a) - _cumulative(b)).sum())


def distance_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Earth mover's distances, as `distance`, between all rows of two sets.

    The result takes 8 bytes a pair; for the closest rows alone use `nearest`.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors.

    Returns
    -------
    numpy.ndarray of shape (n, m)

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """
    return _cityblock(_cumulative(A), _cumulative(B))


def l1_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of absolute differences of atom fractions, from 0 (equal) to 2 (no common element).

    Parameters
    ----------
    a, b : numpy.ndarray of shape (90,)
        Composition vectors.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a vector does not have 90 entries.
    """
    return float(np.abs(_as_vectors(a) - _as_vectors(b)).sum())


def l1_distance_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Sums of absolute differences, as `l1_distance`, between all rows of two sets.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors.

    Returns
    -------
    numpy.ndarray of shape (n, m)

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """
    return _cityblock(_as_vectors(A), _as_vectors(B))


def nearest(A: np.ndarray, B: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `B` that are closest to each row of `A` by `distance`.

    Exact, and in little memory: the distances of a few sums of neighbouring columns bound the
    true ones from below, and only the rows that they leave open are compared in full.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors to choose from.
    k : int, default=1
        How many rows, from 1 to m.

    Returns
    -------
    indices : numpy.ndarray of shape (n, k)
        Rows of `B`, the closest first.
    distances : numpy.ndarray of shape (n, k)
        Their distances.

    Raises
    ------
    ValueError
        If `k` is not between 1 and m, or the vectors do not have 90 entries.
    """
    A, B = _cumulative(A), _cumulative(B)
    if not 1 <= k <= len(B):
        raise ValueError(f"k = {k}: expected 1 to {len(B)}, the number of rows to choose from")
    edges = np.linspace(0, B.shape[1], 12, endpoint=False).astype(int)
    coarse_a = np.add.reduceat(A, edges, axis=1).astype(np.float32)
    coarse_b = np.add.reduceat(B, edges, axis=1).astype(np.float32).T.copy()
    size = max(1, 100_000 // len(B))
    indices = np.empty((len(A), k), dtype=np.intp)
    distances = np.empty((len(A), k))
    for start in range(0, len(A), size):
        block = slice(start, start + size)
        bounds = np.zeros((len(A[block]), len(B)), dtype=np.float32)
        for column, row in zip(coarse_a[block].T, coarse_b, strict=True):
            bounds += np.abs(column[:, None] - row)
        chosen = np.argpartition(bounds, k - 1, axis=1)[:, :k]
        limit = np.abs(A[block, None, :] - B[chosen]).sum(axis=2).max(axis=1, keepdims=True)
        # The slack covers the single precision of the bounds.
        rows, columns = np.nonzero(bounds <= limit.astype(np.float32) + 1e-2)
        exact = np.full(bounds.shape, np.inf)
        exact[rows, columns] = np.abs(A[start + rows] - B[columns]).sum(axis=1)
        chosen = np.sort(np.argpartition(exact, k - 1, axis=1)[:, :k], axis=1)
        found = np.take_along_axis(exact, chosen, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        indices[block] = np.take_along_axis(chosen, order, axis=1)
        distances[block] = np.take_along_axis(found, order, axis=1)
    return indices, distances


def _as_vectors(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=float)
    if vectors.ndim == 0 or vectors.shape[-1] != len(ELEMENTS):
        raise ValueError(
            f"shape {vectors.shape}: expected composition vectors of {len(ELEMENTS)} entries, "
            "as composition_vectors makes them"
        )
    return vectors


def _cumulative(vectors: np.ndarray) -> np.ndarray:
    """Vectors whose L1 distance is the earth mover's distance, which is exact in one dimension."""
    ordered = _as_vectors(vectors)[..., _SCALE_ORDER]
    return np.cumsum(ordered, axis=-1)[..., :-1] * _SCALE_STEPS


def _cityblock(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    if len(A) * len(B) > _SMALL_MATRIX:
        # Importing scipy takes longer than numpy takes for a small matrix.
        from scipy.spatial.distance import cdist

        return cdist(A, B, "cityblock")
    distances = np.empty((len(A), len(B)))
    for row, vector in zip(distances, A, strict=True):
        row[:] = np.abs(B - vector).sum(axis=1)
    return distances


# Charge balance
# --------------

_HALOGENS = frozenset({"Cl", "Br", "I"})
_CHALCOGENS = frozenset({"S", "Se", "Te"})
_ANION_FORMERS = frozenset({"F", "O", "N"}) | _HALOGENS | _CHALCOGENS
# Charge of the elements that are anions only where no anion former is more electronegative.
_LESSER_ANIONS = {"C": -4, "Si": -4, "Ge": -4, "Sn": -4, "Pb": -4} | dict.fromkeys(
    ("P", "As", "Sb", "Bi"), -3
)
_CHARGE_TOLERANCE = 0.01

_States = tuple[tuple[float, float], ...]


def _states(*charges: float) -> _States:
    return tuple((charge, charge) for charge in charges)


# Oxidation states beside anions. "3 5" are two states of which all atoms of the element share
# one; "2:4" is mixed valence, any mean between.
_CATION_STATES: dict[str, _States] = {
    symbol: tuple(
        (float(low), float(high or low))
        for low, _, high in (state.partition(":") for state in states.split())
    )
    for states, symbols in {
        "1": "Li Na K Rb Cs Ag",
        "2": "Be Mg Ca Sr Ba Ra Zn Cd",
        "3": "B Al Ga In Sc Y La Nd Pm Sm Gd Dy Ho Er Tm Lu Ac Cm",
        "4": "Zr Hf Si Th",
        "5": "P Ta",
        "1:2": "Hg",
        "1:3": "Cu Au Tl",
        "2:3": "Fe Eu Yb",
        "2:4": "Ti Co Ni Pd Pt Pb",
        "2:5": "V",
        "2:6": "Mo",
        "2 4": "Ge Sn Po",
        "2:3 6": "Cr",
        "2:4 7": "Mn",
        "2 4 6 8": "Xe",
        "2 ": "Kr",
        "3 5": "As",
        "3:4": "Ce Pr Tb Rh Am",
        "3:5": "Sb Bi Ru Ir",
        "3:6": "U Np Pu",
        "3:7": "Re",
        "4:5": "Nb Pa",
        "4:6": "W",
        "4:7": "Tc",
        "4:8": "Os",
    }.items()
    for symbol in symbols.split()
}


def is_charge_balanced(formula: Formula | str) -> bool | None:
    """Whether common oxidation states can make a formula neutral.

    Each element takes the states that it commonly has in such company: sulfur is -2 in a
    sulfide but may be +6 beside oxygen, hydrogen is -1 in LiBH4 and +1 in LiOH, transition
    metals may be of mixed valence. A net charge of up to 1 % of the anions' charge counts as
    neutral, since amounts are rounded (Li0.33La0.56TiO3).

    Parameters
    ----------
    formula : Formula or str
        The formula, read or as text.

    Returns
    -------
    bool or None
        None where oxidation states say nothing: elements, alloys, borides and other compounds
        without a common anion, unless they are neutral as in Li3P; binary compounds with so
        much O, N, S, Se or Te that its atoms may bind to each other (Li2O2, Na2S4, LiN3,
        FeS2); and boron hydrides other than BH4.

    Raises
    ------
    FormulaError
        If a text is no usable formula.

    Examples
    --------
    >>> is_charge_balanced("Li6PS5Cl"), is_charge_balanced("Li7PS5Cl"), is_charge_balanced("LiAl")
    (True, False, None)
    """
    amounts = (formula if isinstance(formula, Formula) else parse_formula(formula)).amounts
    present = amounts.keys()
    anion_formers = present & _ANION_FORMERS
    if len(amounts) == 1 or not (anion_formers or present & (_LESSER_ANIONS.keys() | {"H"})):
        return None
    options = [_charge_options(symbol, amounts) for symbol in amounts]
    if math.prod(map(len, options)) > 500:
        options = [((min(option)[0], max(high for _, high in option)),) for option in options]
    excess_of_anions = True
    for choice in product(*options):
        lowest = [n * low for n, (low, _) in zip(amounts.values(), choice, strict=True)]
        highest = [n * high for n, (_, high) in zip(amounts.values(), choice, strict=True)]
        tolerance = -_CHARGE_TOLERANCE * sum(charge for charge in lowest if charge < 0)
        if sum(lowest) <= tolerance and sum(highest) >= -tolerance:
            return True
        excess_of_anions = excess_of_anions and sum(highest) < 0
    without_anion = not anion_formers and "H" not in present
    boron_hydride = {"B", "H"} <= present
    self_bonded = (
        len(amounts) == 2 and excess_of_anions and present & (_CHALCOGENS | {"O", "N", "H"})
    )
    return None if without_anion or boron_hydride or self_bonded else False


def _charge_options(symbol: str, amounts: Mapping[str, float]) -> _States:
    """States that an element may take beside the other elements of a formula."""
    if symbol in _CATION_STATES and symbol not in _LESSER_ANIONS:
        return _CATION_STATES[symbol]
    present = amounts.keys()
    if symbol == "F":
        return _states(-1)
    if symbol == "O":
        return _states(-2)
    if symbol in _HALOGENS:
        return _states(-1, 5, 7) if "O" in present else _states(-1)
    if symbol in _CHALCOGENS:
        if present & {"O", "F"}:
            return _states(-2, 2, 4, 6)
        return _states(-2, 4) if symbol != "S" and present & _HALOGENS else _states(-2)
    if symbol == "N":
        return _states(-3, 3, 5) if "O" in present else _states(-3)
    if symbol == "H":
        if not present & (_ANION_FORMERS | {"C", "P", "As"}):
            return _states(-1)
        if "B" not in present:
            return _states(1)
        return ((-1.0, 1.0),) if present & {"O", "N", "C"} else _states(-1, 1)
    if symbol == "C" and "H" in present:
        return ((-4.0, 4.0),)
    anion = _states(_LESSER_ANIONS[symbol])
    if not present & _ANION_FORMERS:
        return anion
    if symbol == "C":
        return _states(4, 3, 2) + anion
    if symbol == "P":
        sulfur = amounts.get("S", 0.0) + amounts.get("Se", 0.0)
        if math.isclose(sulfur, 3 * amounts["P"], rel_tol=0.01):
            anion += _states(4)  # P-P bonds of P2S6
        if "H" in present or not present & ({"O"} | _CHALCOGENS):
            anion += _states(3)
    return _CATION_STATES[symbol] + anion
