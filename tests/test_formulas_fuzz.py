"""A hundred thousand hostile texts: each is read in full or refused, soon and in little memory."""

import collections
import datetime
import decimal
import math
import random
import time
import tracemalloc

import numpy as np
import pytest

from mlsse.charges import is_charge_balanced
from mlsse.errors import FormulaError
from mlsse.formulas import (
    ELEMENTS,
    MAX_LENGTH,
    MIN_FRACTION,
    Formula,
    parse_formula,
)

COUNT = 100_000
REAL = [
    "Li7La3Zr2O12",
    "Li10GeP2S12",
    "Li6.35La3Zr1.35Ta0.65O12",
    "Li1.3Al0.3Ti1.7(PO4)3",
    '"(Li2S)0.3 ((P2S5)0.4 (Sb2S3)0.6)0.7"',
    "((Li2S)0.6 (SiS2)0.4 )95 (Li4SiO4)5",
    "Li3(Mo8S8O8(OH)8(HWO5(H2O)))*(H2O)18",
    "70Li2S 30P2S5",
    "Li1/3La5/9TiO3",
    "Li₆PS₅Cl",
    "LiCl·2H2O",
    "Li0.022 La0.117 Ti0.208 Al0.001 O0.626",
    "Li1e-1Na1E+2O",
    "LiAlD4",
]
SYNTAX = "()[]{}0123456789..//**··eE+-^, \t\n\"'xyδ₀₉²⁺⁻•%"
NUMBERS = [
    "0",
    "00",
    "0.0",
    ".",
    "1.",
    ".5",
    "1..2",
    "1e9",
    "1e308",
    "1e309",
    "1e-308",
    "5e-324",
    "1e-9999",
    "1E+30",
    "9" * 60,
    "0." + "0" * 60 + "1",
    "1/0",
    "0/1",
    "1/3",
    "1/" + "9" * 60,
    "inf",
    "nan",
    "-1",
    "+1",
    "0x10",
    "1_000",
    "٣",
    "１",  # noqa: RUF001 - full width is meant
]


def hostile_texts(count, seed=20240917):
    """Texts of eight kinds in turn, the same ones for the same seed."""
    rng = random.Random(seed)

    def element():
        return rng.choice(ELEMENTS)

    def mutated():
        text = list(rng.choice(REAL))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text) + 1)
            change = rng.randrange(4)
            if change == 0:
                text.insert(place, rng.choice(SYNTAX))
            elif change == 1 and place < len(text):
                del text[place]
            elif change == 2 and place < len(text):
                text[place] = text[place].swapcase()
            else:
                text[place:place] = element()
        return "".join(text)

    def spliced():
        first, second = rng.choice(REAL), rng.choice(REAL)
        return first[: rng.randrange(len(first))] + second[rng.randrange(len(second)) :]

    def numbers():
        return "".join(element() + rng.choice(NUMBERS) for _ in range(rng.randint(1, 6)))

    def brackets():
        depth = rng.choice([1, 3, 19, 20, 21, 60, 166])
        inner = element() + rng.choice(["", "2", "1e-300", "1e300"])
        closing = rng.choice([")", ")2", ")1e30", ")0.001", "]", ""]) * depth
        return ("(" * depth + inner + closing)[: MAX_LENGTH + 1]

    def syntax():
        return "".join(rng.choices(SYNTAX, k=rng.randint(1, 40)))

    def unicode():
        points = [rng.randrange(0x110000) if rng.random() < 0.5 else rng.randrange(0x3000)]
        points += rng.choices(range(0xD800, 0xE000), k=rng.randrange(3))
        points += rng.choices(range(0x20), k=rng.randrange(3))
        characters = [*map(chr, points), element(), element()]
        rng.shuffle(characters)
        return "".join(characters)

    def long():
        unit = rng.choice(["Li", "Li2 ", "(Li)", "Li1/3", "Li9", "9", "Li·", "2Li ", "x", " ", "("])
        return unit * (rng.choice([480, 500, 502, 5_000]) // len(unit))

    def compounds():
        terms = [element() + f"{rng.uniform(0, 20):.{rng.randrange(7)}f}" for _ in range(5)]
        return "".join(terms[: rng.randint(1, 5)])

    kinds = [mutated, spliced, numbers, brackets, syntax, unicode, long, compounds]
    return [kinds[index % len(kinds)]() for index in range(count)]


def outcome(text):
    """Refused or read; anything else fails."""
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert len(str(refusal)) < 400
        assert str(refusal).isprintable()
        assert refusal.position is None or 0 <= refusal.position <= len(text)
        return "refused"
    assert isinstance(formula, Formula)
    assert formula.text == text
    assert all(symbol in ELEMENTS for symbol in formula.amounts)
    fractions = formula.fractions.values()
    assert math.isclose(sum(fractions), 1.0)
    assert min(fractions) >= MIN_FRACTION * (1 - 1e-9)
    return "read"


def test_only_a_formula_or_its_error():
    texts = hostile_texts(COUNT)
    started = time.process_time()
    outcomes = collections.Counter(map(outcome, texts))
    seconds = time.process_time() - started
    assert outcomes.total() == COUNT
    assert outcomes["read"] > COUNT / 10
    assert outcomes["refused"] > COUNT / 10
    assert seconds < 60  # a few seconds on an idle machine


def test_what_is_read_can_be_used():
    for text in hostile_texts(COUNT // 10, seed=1):
        try:
            formula = parse_formula(text)
        except FormulaError:
            continue
        fractions = parse_formula(formula.reduced_formula).fractions
        assert fractions == pytest.approx(formula.fractions, rel=1.1e-3, abs=3e-7)
        assert formula.normal_form
        assert is_charge_balanced(formula) in (True, False, None)


@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_LENGTH,
        "((Li)" * 100,
        "Li" * 250,
        "Li9" * 166,
        "Li" + "9" * 498,
        " " * 499 + "(",
        "Li" + " " * 497 + "x",
        "1/3" * 166,
        "li" * 250,
        "(((((Li9)9)9)9)9" * 31,
        "Li·" * 166,
        "x" * 10_000_000,
    ],
)
def test_no_text_takes_long_or_much_memory(text):
    tracemalloc.start()
    started = time.process_time()
    outcome(text)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "thing",
    [
        None,
        True,
        0,
        -1.5,
        math.nan,
        math.inf,
        1j,
        b"Li2O",
        bytearray(b"Li2O"),
        ["Li2O"],
        ("Li", 2),
        {"Li": 2},
        {"Li"},
        object(),
        str,
        len,
        np.float64("nan"),
        np.array(["Li2O"]),
        decimal.Decimal("NaN"),
        datetime.date(2024, 1, 1),
        iter("Li2O"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_things_that_are_no_text(thing):
    with pytest.raises(FormulaError, match="pass a string"):
        parse_formula(thing)


def test_numpy_text_is_text():
    assert parse_formula(np.str_("Li2O")).amounts == {"Li": 2.0, "O": 1.0}
