"""Reading and writing formulas, by hand and against oracles."""

import math

import numpy as np
import pytest
from examples import KNOWN_MATERIALS, any_amounts, column, doped, electrolytes, formula_texts
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

from mlsse import formulas
from mlsse.compositions import composition_vectors
from mlsse.errors import FormulaError, MlsseError
from mlsse.formulas import (
    ELEMENT_INDEX,
    ELEMENTS,
    MAX_LENGTH,
    Formula,
    formula_from_fractions,
    parse_formula,
)


class TestElements:
    def test_they_are_the_first_96_without_those_that_lack_properties(self):
        lacking = {"He", "Ne", "Ar", "At", "Rn", "Fr"}
        expected = [Element.from_Z(z).symbol for z in range(1, 97)]
        assert list(ELEMENTS) == [symbol for symbol in expected if symbol not in lacking]
        assert len(ELEMENTS) == 90

    def test_index_is_the_place_in_the_list(self):
        assert all(ELEMENTS[index] == symbol for symbol, index in ELEMENT_INDEX.items())
        assert len(ELEMENT_INDEX) == 90


class TestReading:
    @pytest.mark.parametrize(
        ("text", "amounts"),
        [
            ("Li2O", {"Li": 2, "O": 1}),
            ("LiCoO2", {"Li": 1, "Co": 1, "O": 2}),
            ("CO", {"C": 1, "O": 1}),
            ("Li.5O", {"Li": 0.5, "O": 1}),
            ("LiLi2", {"Li": 3}),
            ("Li1.3Al0.3Ti1.7(PO4)3", {"Li": 1.3, "Al": 0.3, "Ti": 1.7, "P": 3, "O": 12}),
            ("Li0.6[Li0.2{Sn0.8}S2]2", {"Li": 1.0, "Sn": 1.6, "S": 4}),
            ("Li3(Mo8(HWO5(H2O)))*(H2O)18", {"Li": 3, "Mo": 8, "H": 39, "W": 1, "O": 24}),
            ("LiCl·2H2O", {"Li": 1, "Cl": 1, "H": 4, "O": 2}),
            ("LiCl * 2 H2O", {"Li": 1, "Cl": 1, "H": 4, "O": 2}),
            ("LiCl•H2O", {"Li": 1, "Cl": 1, "H": 2, "O": 1}),
            ("2Li2S·P2S5", {"Li": 4, "S": 7, "P": 2}),
            ("0.75Li2S*0.25P2S5", {"Li": 1.5, "S": 2.0, "P": 0.5}),
            ("2(Li2S·0.5P2S5)", {"Li": 4, "S": 7, "P": 2}),
            ("70Li2S 30P2S5", {"Li": 140, "S": 220, "P": 60}),
            ("2Li2 3O", {"Li": 4, "O": 3}),
            ('"(Li2S)70 (P2S5)30"', {"Li": 140, "S": 220, "P": 60}),
            (
                '"(Li2S)0.3 ((P2S5)0.4 (Sb2S3)0.6)0.7"',
                {"Li": 0.6, "S": 0.3 + 1.4 + 1.26, "P": 0.56, "Sb": 0.84},
            ),
            (
                "((Li2S)0.6 (SiS2)0.4 )95 (Li4SiO4)5",
                {"Li": 134, "S": 133, "Si": 43, "O": 20},
            ),
            ("\u201cLi2O\u201d", {"Li": 2, "O": 1}),
            ("Li₇La₃Zr₂O₁₂", {"Li": 7, "La": 3, "Zr": 2, "O": 12}),
            ("Li₀.₅TiO₂", {"Li": 0.5, "Ti": 1, "O": 2}),
            ("Ｌｉ２Ｏ", {"Li": 2, "O": 1}),  # noqa: RUF001 - full width is what is tested
            ("\ufeff Li2\u00a0O\n", {"Li": 2, "O": 1}),
            ("Li0.022 La0.117 O0.626", {"Li": 0.022, "La": 0.117, "O": 0.626}),
            ("Li 7 La 3 Zr 2 O 12", {"Li": 7, "La": 3, "Zr": 2, "O": 12}),
            ("LiYO  2", {"Li": 1, "Y": 1, "O": 2}),
            ("Li (Ti O3)", {"Li": 1, "Ti": 1, "O": 3}),
            ("Li1/3La5/9TiO3", {"Li": 1 / 3, "La": 5 / 9, "Ti": 1, "O": 3}),
            ("Li1e-1O1E+1", {"Li": 0.1, "O": 10}),
            ("Li2Er1E2", {"Li": 2, "Er": 100}),
            ("Li1.5H2O", {"Li": 1.5, "H": 2, "O": 1}),
            ("LiCl1.5(H2O)", {"Li": 1, "Cl": 1.5, "H": 2, "O": 1}),
            ("(" * 20 + "Li" + ")" * 20, {"Li": 1}),
        ],
    )
    def test_amounts(self, text, amounts):
        formula = parse_formula(text)
        assert formula.amounts == pytest.approx(amounts, rel=1e-12)
        assert formula.text == text
        assert formula.notes == ()

    def test_order_is_that_of_the_text(self):
        assert list(parse_formula("O2(LiCo)").amounts) == ["O", "Li", "Co"]

    @pytest.mark.parametrize(
        ("text", "amounts", "notes"),
        [
            ("LiAlD4", {"Li": 1, "Al": 1, "H": 4}, ["D (deuterium) is read as hydrogen"]),
            (
                "D2OT2H",
                {"H": 5, "O": 1},
                ["D (deuterium) is read as hydrogen", "T (tritium) is read as hydrogen"],
            ),
        ],
    )
    def test_isotopes_are_hydrogen_with_a_note(self, text, amounts, notes):
        formula = parse_formula(text)
        assert formula.amounts == amounts
        assert list(formula.notes) == notes

    def test_fractions_sum_to_one(self):
        fractions = parse_formula("Li2O").fractions
        assert fractions == {"Li": pytest.approx(2 / 3), "O": pytest.approx(1 / 3)}

    def test_a_formula_cannot_be_changed_and_can_be_a_key(self):
        formula = parse_formula("Li2O")
        with pytest.raises(AttributeError):
            formula.text = "Na2O"
        assert {formula: 1}[parse_formula("Li2O")] == 1

    @given(formula_texts)
    @example("Li6.02P0.98Si0.02S5Br")
    def test_agrees_with_pymatgen(self, text):
        assume(len(text) <= MAX_LENGTH and "H2O" not in text)
        oracle = {str(e): n for e, n in Composition(text).get_el_amt_dict().items()}
        total = sum(oracle.values())
        assume(oracle and min(oracle.values()) > 1e-6 * total)
        assert parse_formula(text).amounts == pytest.approx(oracle, rel=1e-9)

    @given(formula_texts)
    def test_both_readers_agree(self, text):
        assume(len(text) <= MAX_LENGTH)
        assume(not formulas._DOUBTFUL_HYDRATE.search(text))
        plain = formulas._read_plain(text)
        assume(plain is not None and min(plain.values()) > 1e-6 * sum(plain.values()))
        assert formulas._Reader(text).read().amounts == pytest.approx(plain, rel=1e-12)


class TestRefusal:
    @pytest.mark.parametrize(
        ("text", "position", "message"),
        [
            ("", None, "nothing in it: write a formula"),
            (" \t\n", None, "nothing in it: write a formula"),
            ('""', None, "nothing in it: write a formula"),
            ("Xx2O", 0, "no element is called 'Xx': did you mean Xe?"),
            ("Li2Q", 3, "no element is called 'Q': check the spelling"),
            ("LI2O", 0, "did you mean Li2O?"),
            ("LiCOo2", 3, "did you mean LiCoO2?"),
            (
                "li7la3zr2o12",
                0,
                "a symbol begins with a capital letter: did you mean Li7La3Zr2O12?",
            ),
            ("LixCoO2", 2, "the variable 'x': put a number in its place"),
            ("LiCoOx", 4, "put a number in place of the variable 'x'"),
            ("Li7-xLa3Zr2O12", 3, "put a number in place of an expression such as 7-x"),
            ("Li7La3Zr2O12-δ", 12, "put a number in place of an expression"),
            ("Li-2O", 2, "amounts cannot be negative"),
            ("Li\u22122O", 2, "amounts cannot be negative"),
            ("Li0O", 2, "the amount 0 is not finite and above zero"),
            ("Li0.0O", 2, "the amount 0.0 is not finite and above zero"),
            ("(Li2O)0", 6, "the amount 0 is not finite and above zero"),
            ("0Li2O", 0, "the amount 0 is not finite and above zero"),
            ("Li1/0O", 2, "the amount 1/0 is not finite"),
            ("Li1e999", 2, "the amount 1e999 is not finite"),
            ("Li" + "9" * 400, None, "its amounts sum to inf"),
            ("Li1e200(Li1e200)1e200", None, "its amounts sum to inf"),
            ("((Li1e-200)1e-200)", None, "its amounts sum to 0"),
            ("Li1e31", None, "its amounts sum to 1e.31"),
            ("LiCl9C1e-10", 5, r"the atom fraction of C is 1.0e-11"),
            ("LiAl1e-10", 2, r"the atom fraction of Al is 1.0e-10, at least 1e-09 is read"),
            ("Li2(O", 3, r"'\(' is never closed: add '\)'"),
            ("Li2O)", 4, r"'\)' has no element or matching bracket before it"),
            ("(Li2O]", 5, r"'\]' has no element or matching bracket before it"),
            ("Li()2", 3, r"'\)' has no element or matching bracket before it"),
            ("Li(2)", 4, r"'\)' has no element or matching bracket before it"),
            ("Li(", 3, "the text ends where an element should follow"),
            ("Li2O·", 5, "the text ends where an element should follow"),
            ("2", 1, "the text ends where an element should follow"),
            ("·Li", 0, "has no place in a formula"),
            ("Li2 3O", 4, "write one amount after each element"),
            ("Li2.3.4O", 5, "write one amount after each element"),
            ("LiCl.H2O", 4, "and · between the parts of a mixture or a hydrate"),
            ("CuSO4.5H2O", 5, "write ·5H2O for a hydrate"),
            ("Mg(ClO4)2.6H2O", 9, "write ·5H2O for a hydrate"),
            ("Li 2O", 3, "write Li2O without spaces, and 2Li2S·P2S5 for a mixture"),
            ("Li2S 3P2S5", 5, "write Li2O without spaces, and 2Li2S·P2S5 for a mixture"),
            ("2 Li 2 O", 5, "write Li2O without spaces"),
            ("Li N 3", 5, "it is open to which element this amount belongs"),
            ("Li La Zr O 7 3 2 12", 13, "write one amount after each element"),
            ("Li+", 2, "charges are not read: write the neutral formula"),
            ("SO4^2-", 3, "charges are not read: write the neutral formula"),
            ("SO4--", 3, "charges are not read: write the neutral formula"),
            ("SO₄²⁻", 3, "charges are not read: write the neutral formula"),
            ("(NH4-)", 4, "charges are not read: write the neutral formula"),
            ("Li2S-P2S5", 4, "and · between the parts of a mixture"),
            ("Li0,5O", 3, "write decimals with a point"),
            ("LiO̅", 3, r"the character '\\u0305' has no place in a formula: remove it"),
            ("Li2О", 3, r"the character '\\u041e' has no place"),  # noqa: RUF001 - Cyrillic O
            ("Li٢O", 2, r"the character '\\u0662' has no place"),
            ("Li\x00O", 2, r"the character '\\x00' has no place"),
            ("Li\ud800O", 2, r"the character '\\ud800' has no place"),
            ("Li2O/Al2O3", 4, "the character '/' has no place"),
            ("HeLi", 0, "He is not covered"),
            ("LiFr2", 2, "Fr is not covered"),
            ("LiEs", 2, "Es is not covered"),
            ("(" * 500, 20, "brackets more than 20 deep"),
            ("Li" * 251, None, "502 characters, at most 500 are read: shorten it"),
        ],
    )
    def test_with_place_and_remedy(self, text, position, message):
        with pytest.raises(FormulaError, match=message) as caught:
            parse_formula(text)
        assert caught.value.position == position
        assert len(caught.value.text) <= 70
        assert f"{caught.value} {caught.value.text}".encode()

    @pytest.mark.parametrize("thing", [None, math.nan, 7, b"Li2O", ["Li2O"], {"Li": 2}, object()])
    def test_what_is_no_text(self, thing):
        with pytest.raises(FormulaError, match=f"got {type(thing).__name__}: pass a string"):
            parse_formula(thing)

    def test_is_an_error_of_the_project_and_a_value_error(self):
        with pytest.raises(ValueError, match="Xx") as caught:
            parse_formula("Xx")
        assert isinstance(caught.value, MlsseError)


class TestReducedFormula:
    @pytest.mark.parametrize(
        ("text", "reduced"),
        [
            ("Li4O2", "Li2O"),
            ("OLi2", "Li2O"),
            ("Li12.7La6Zr2.7Ta1.3O24", "Li6.35La3Zr1.35Ta0.65O12"),
            ("Li1.3Al0.3Ti1.7(PO4)3", "Li1.3Al0.3Ti1.7P3O12"),
            ("Li0.5La0.5TiO3", "LiLaTi2O6"),
            ("70Li2S·30P2S5", "Li7P3S11"),
            ("Li2.6666666667O1.3333333333", "Li2O"),
            ("Li1/3La5/9TiO3", "Li0.6LaTi1.8O5.4"),
            ("Fe", "Fe"),
            ("Li1e20O5e19", "Li2O"),
            # Seven digits in no ratio: four of them, for ten atoms in all.
            ("Li3.1415927Na2.7182818O1.4142136", "Na3.737Li4.319O1.944"),
            ("Li5000O", "Li5O0.001"),
            *[(text, text) for text in KNOWN_MATERIALS],
        ],
    )
    def test_reads_as_chemists_write(self, text, reduced):
        assert parse_formula(text).reduced_formula == reduced

    @given(doped, st.sampled_from([2, 3, 0.5, 1 / 3, 7, 1e-6, 1e6, math.pi]))
    @settings(max_examples=200)
    def test_depends_neither_on_scale_nor_order(self, amounts, factor):
        expected = formula_from_fractions(amounts)
        multiple = {symbol: n * factor for symbol, n in reversed(amounts.items())}
        assert formula_from_fractions(multiple) == expected

    @given(doped)
    def test_of_itself_is_itself(self, amounts):
        formula = parse_formula(formula_from_fractions(amounts))
        assert formula.reduced_formula == formula.text
        assert formula.normal_form == Formula("", amounts).normal_form

    @given(any_amounts)
    @settings(max_examples=200)
    def test_is_a_formula_of_nearly_the_same_composition(self, amounts):
        total = sum(amounts.values())
        fractions = {symbol: n / total for symbol, n in amounts.items()}
        read = parse_formula(formula_from_fractions(amounts)).fractions
        assert read == pytest.approx(fractions, rel=1.1e-3, abs=3e-7)

    @pytest.mark.parametrize("text", [*KNOWN_MATERIALS, "(Li2S)0.3((P2S5)0.4(Sb2S3)0.6)0.7"])
    def test_single_precision_suffices(self, text):
        formula = parse_formula(text)
        single = {s: float(np.float32(f)) for s, f in formula.fractions.items()}
        assert formula_from_fractions(single) == formula.reduced_formula

    def test_traces_are_kept(self):
        assert formula_from_fractions({"Li": 1.0, "Al": 3.7e-7}) == "Li10Al0.0000037"

    @pytest.mark.parametrize(
        "fractions",
        [{}, {"Li": 0.0}, {"Li": -1.0, "O": 2.0}, {"Li": math.nan}, {"Li": math.inf}, {"Xx": 1.0}],
    )
    def test_refuses_what_is_no_composition(self, fractions):
        with pytest.raises(FormulaError, match="cannot write"):
            formula_from_fractions(fractions)


class TestNormalForm:
    def test_is_parts_per_million_by_alphabet(self):
        assert parse_formula("Li4O2").normal_form == "Li666667O333333"
        assert parse_formula("NaAlO2").normal_form == "Al250000Na250000O500000"

    @given(doped, st.sampled_from([2, 3, 0.1, 0.7, 1 / 3, math.pi, 1e6]))
    def test_is_the_same_for_multiples(self, amounts, factor):
        multiple = {symbol: n * factor for symbol, n in reversed(amounts.items())}
        assert Formula("", multiple).normal_form == Formula("", amounts).normal_form

    def test_halves_of_a_millionth_do_not_waver(self):
        # 1/128 is 7812.5 parts per million.
        keys = {parse_formula(f"Li{n}O{127 * n}").normal_form for n in (1, 3, 0.1, 0.7, 1e5)}
        assert keys == {"Li7813O992188"}

    def test_tells_apart_from_a_millionth_on(self):
        assert (
            parse_formula("Li0.500001O0.499999").normal_form
            != parse_formula("Li0.500002O0.499998").normal_form
        )
        assert parse_formula("LiO").normal_form == parse_formula("LiOAl1e-8").normal_form


@pytest.fixture(scope="module")
def texts():
    """The formulas of the conductivity tables, and every tenth of the stability table."""
    critexam = list(column("**/benchmark_data/CritExam__Ed/*.csv", "formula"))
    assert len(critexam) == 85_014
    return sorted({*electrolytes(), *critexam[::10]})


@pytest.mark.mirror
class TestDatasets:
    def test_every_formula_is_read_as_pymatgen_does(self, texts):
        assert len(electrolytes()) == 820 + 2 * 599
        refused_by_pymatgen = []
        for text in texts:
            amounts = parse_formula(text).amounts
            try:
                oracle = {str(e): n for e, n in Composition(text).get_el_amt_dict().items()}
            except ValueError:
                refused_by_pymatgen.append(text)
                continue
            assert amounts == pytest.approx(oracle, rel=1e-6), text
        # Quoted glasses, and one hydrate.
        assert all(text[0] == '"' or "*" in text for text in refused_by_pymatgen)

    def test_reduced_formulas_say_the_same(self, texts):
        read = [parse_formula(text) for text in texts]
        reduced = composition_vectors([formula.reduced_formula for formula in read])
        np.testing.assert_allclose(reduced, composition_vectors(read), atol=3e-7)
