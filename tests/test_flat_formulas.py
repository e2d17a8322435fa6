"""Reading in bulk gives what reading one by one gives, to the last bit."""

import numpy as np
import pytest
from examples import KNOWN_MATERIALS, formula_texts
from hypothesis import given
from hypothesis import strategies as st

from mlsse.errors import FormulaError
from mlsse.flat_formulas import read_flat_formulas, write_formulas
from mlsse.formulas import ELEMENTS, formula_from_fractions, parse_formula


def amounts_of(texts):
    """Amounts of each text as read in bulk, None where it is left to `parse_formula`."""
    rows, columns, amounts, unread = read_flat_formulas(texts)
    read = [{} for _ in texts]
    for row, column, amount in zip(rows.tolist(), columns.tolist(), amounts.tolist(), strict=True):
        read[row][ELEMENTS[column]] = amount
    for row in unread:
        assert read[row] == {}
        read[row] = None
    return read


def test_hand_worked():
    rows, columns, amounts, unread = read_flat_formulas(["Li2O", "(Li)", "CaF.5"])
    assert rows.tolist() == [0, 0, 2, 2]
    assert [ELEMENTS[column] for column in columns] == ["Li", "O", "Ca", "F"]
    assert amounts.tolist() == [2.0, 1.0, 1.0, 0.5]
    assert unread.tolist() == [1]


def test_known_materials_are_flat():
    assert amounts_of(KNOWN_MATERIALS) == [parse_formula(text).amounts for text in KNOWN_MATERIALS]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", " Li2O", "Li2O ", "Li2 O", "Li\nO", "LiLi2", "Li0", "Li0.0O", "Li2.", "Li1.2.3",
        "Li1e2", "Li1/3", "Li0.1234567890123456", "2Li2O", "Li(OH)", '"LiO"', "Xx", "LiAr", "LiD",
        "Lix", "li2o", "Li₂O", "LiО", "Li·O", "LiCl9C1e-10", "LiAl0.0000000001", "CuSO4.5H2O",  # noqa: RUF001 - a Cyrillic O
        "Li" * 251, "Li\ud800", "Li\x00",
    ],
)  # fmt: skip
def test_all_else_is_left_to_the_reader(text):
    assert amounts_of(["LiF", text, "NaCl"]) == [{"Li": 1, "F": 1}, None, {"Na": 1, "Cl": 1}]


def test_none_at_all():
    assert [part.tolist() for part in read_flat_formulas([])] == [[], [], [], []]


@given(st.lists(formula_texts | st.text(max_size=30), max_size=5))
def test_agrees_with_parse_formula(texts):
    for text, amounts in zip(texts, amounts_of(texts), strict=True):
        if amounts is not None:
            assert parse_formula(text).amounts == amounts


def test_random_numbers_are_exact():
    rng = np.random.default_rng(0)
    texts = [
        f"Li{number:.{digits}f}O{other}"
        for number, digits, other in zip(
            10 ** rng.uniform(-3, 3, 3000),
            rng.integers(3, 12, 3000).tolist(),
            rng.integers(1, 10**6, 3000).tolist(),
            strict=True,
        )
    ]
    read = amounts_of(texts)
    assert read == [parse_formula(text).amounts for text in texts]


def test_what_neither_reads_is_refused_later():
    for text in ("Xx", "LiAl0.0000000001"):
        assert amounts_of([text]) == [None]
        with pytest.raises(FormulaError):
            parse_formula(text)


def test_writing_in_bulk_is_writing_one_by_one():
    symbols = ("O", "Li", "Zr", "La", "Ta")
    doped = [(12.0, 7.0 - x, 2.0 - x, 3.0, x) for x in (0.05, 0.1, 0.25, 1 / 3, 0.5, 1.0, 1.23456)]
    odd = [(0.1, 0.1, 0.1, 0.1, 0.1), (1e-3, 1.0, 1.0, 1.0, 1.0), (1e12, 2e12, 1e12, 1e12, 3e12)]
    many = np.random.default_rng(0).integers(1, 4000, (200, 5)) / 100
    amounts = np.array([*doped, *odd, *many.tolist()])
    expected = [
        formula_from_fractions(dict(zip(symbols, row, strict=True))) for row in amounts.tolist()
    ]
    assert write_formulas(symbols, amounts) == expected
    assert write_formulas(symbols, amounts[:3]) == expected[:3]
    assert "Li6.75La3Zr1.75Ta0.25O12" in expected


def test_what_cannot_be_written_is_refused():
    with pytest.raises(FormulaError, match="fraction above zero"):
        write_formulas(["Li"], np.zeros((10, 1)))
