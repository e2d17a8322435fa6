"""Reading what is legible of a table that came out of a PDF, and nothing else."""

from __future__ import annotations

import pytest

from mlsse.laskowski import Entry, IllegibleError, legible_formula, read_entries, read_number


def test_a_line_with_formula_and_conductivity_is_an_entry() -> None:
    entries, n_debris = read_entries(["Li2O,1E-9,0.5,Fm3m,225,,1234,7"])
    assert entries == [Entry(1, "Li2O", "1E-9", "0.5", "7")]
    assert n_debris == 0


def test_overlines_are_taken_off_numbers() -> None:
    entries, _ = read_entries(["Li2O, 1.30E-10\u0305,0.5\u0305,P-1,2,,,7"])
    assert entries == [Entry(1, "Li2O", "1.30E-10", "0.5", "7")]


def test_phase_labels_around_an_entry_are_debris() -> None:
    lines = ['"",,,,,\u03b1-,,', "Li5GaO4,5E-9,,Pbca,61,,9,64", '"",,,,,Li5GaO4,,']
    entries, n_debris = read_entries(lines)
    assert [(e.line, e.formula) for e in entries] == [(2, "Li5GaO4")]
    assert n_debris == 2


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["Li1.3Al0.3Ti1.7(P,,,,,,,9", '"",4E-4,0.30,R3c,167,,,', "O4)3,,,,,,,"],
            Entry(1, "Li1.3Al0.3Ti1.7(PO4)3", "4E-4", "0.30", "9"),
        ),
        (
            ["0.9(0.6Li2S-,,0.34,,,,,", '"",1E-3,,,,,,9', "0.4SiS2)-0.1LiI,,,,,,,"],
            Entry(1, "0.9(0.6Li2S-0.4SiS2)-0.1LiI", "1E-3", "0.34", "9"),
        ),
        (
            ["0.5Li2O-,,,,,,,9", "0.1TiO2-,2E-8,0.55,,,,,", "0.4P2O5,,,,,,,"],
            Entry(1, "0.5Li2O-0.1TiO2-0.4P2O5", "2E-8", "0.55", "9"),
        ),
        (
            ["Li6.4La3Zr1.4Ta0.6O1,,,,,,,9", '"",7E-4,,,,,,', "2,,,,,,,"],
            Entry(1, "Li6.4La3Zr1.4Ta0.6O12", "7E-4", "", "9"),
        ),
    ],
)
def test_a_formula_over_three_lines_is_joined(lines: list[str], expected: Entry) -> None:
    entries, n_debris = read_entries([*lines, "Li2O,1E-9,,,,,,7"])
    assert entries == [expected, Entry(4, "Li2O", "1E-9", "", "7")]
    assert n_debris == 0


def test_a_lone_head_is_debris_and_swallows_nothing() -> None:
    entries, n_debris = read_entries(["Li2Zr,,,,,,,1", "Li2O,1E-9,,,,,,7", "LiF,1E-9,,,,,,7"])
    assert [e.formula for e in entries] == ["Li2O", "LiF"]
    assert n_debris == 1


@pytest.mark.parametrize(
    ("text", "value", "is_bound"),
    [("1.30E-10", 1.3e-10, False), ("<1E-10", 1e-10, True), ("1.2E\u22124", 1.2e-4, False)],
)
def test_numbers(text: str, value: float, is_bound: bool) -> None:
    assert read_number(text) == (value, is_bound)


@pytest.mark.parametrize("text", ["", "high", "1E-4 1E-5"])
def test_words_are_no_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Li3InCl6", "Li3InCl6"),
        ("Li 7.22 Si 1.5 P 0.5 O8", "Li7.22Si1.5P0.5O8"),
        ("LiYO  2", "LiYO2"),
        ("(La 0.6 Li 0.4 )(Ti 0.8 Al 0.2 )O  3", "(La0.6Li0.4)(Ti0.8Al0.2)O3"),
        ("Li 10.35 (Sn 0.2 Si 0.8 ) 1.35 P1.65S12", "Li10.35(Sn0.2Si0.8)1.35P1.65S12"),
        ("Li1.4Al0.4Ti1.6 (PO4)3", "Li1.4Al0.4Ti1.6(PO4)3"),
        ("\u03b2-Li8GeP4", "Li8GeP4"),
        ("LiCl*H2O", "LiCl*H2O"),
        ("Li3(MoO4)*(H2O)18", "Li3(MoO4)*(H2O)18"),
        ("0.7Li2S-0.3P2S5", "(Li2S)0.7(P2S5)0.3"),
        ("80Li2S * 20P2S5", "(Li2S)80(P2S5)20"),
        ("0.5 Li2S * 0.5 SiS  2", "(Li2S)0.5(SiS2)0.5"),
        ("(0.4SiS2-0.6Li2S)", "(SiS2)0.4(Li2S)0.6"),
        ("0.9(0.4SiS2-0.6Li2S)-0.1LiI", "((SiS2)0.4(Li2S)0.6)0.9(LiI)0.1"),
        ("0.26B2S3 \u2013 0.3Li2S \u20130.44LiI", "(B2S3)0.26(Li2S)0.3(LiI)0.44"),
        ("LiTi2(PO4)3-0.2Li2O", "(LiTi2(PO4)3)1(Li2O)0.2"),
    ],
)
def test_legible(text: str, expected: str) -> None:
    assert legible_formula(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Li SiS  4 4",
        "Li OCl 3",  # without the gap this would be LiOCl3; it is Li3OCl
        "Li Nd5 3Sb2O12",
        "LiTi (PO )  2 4 3",
        "Li6La3(PO4) 3 Zr O  2 6",
        "Li P6 0.31Ge0.69S5I",
        "0.2(Li2S) 0.8(GeS2)",  # 0.8 belongs to GeS2, not to the bracket before it
        "0.95(0.6Li2S-0.4SiS )-20.05Li3PO4",
        "0.7Li2S- 0.3P2S5",
    ],
)
def test_torn_subscripts_are_refused(text: str) -> None:
    with pytest.raises(IllegibleError, match="subscripts are torn off"):
        legible_formula(text)


@pytest.mark.parametrize("text", ["Li3.5Si0.5P05S4", "LiHf2(P04)3"])
def test_lost_decimal_points_are_refused(text: str) -> None:
    with pytest.raises(IllegibleError, match="decimal point"):
        legible_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "Li2S*P2S5",
        "SiS2-Li2S",
        "0.58(Li2O) * 0.5(P2O5)",
        "0.3LiBr-0.3SiS2-0.35Li2S",
        "0.9(SiS2-Li2S)-0.1LiCl",
        "0.5Li2S-SiS2",
        "0.5Li2S",
        "0.5-0.5Li2S",
        "Li7La3Zr2O12-Ga",
    ],
)
def test_mixtures_without_consistent_amounts_are_refused(text: str) -> None:
    with pytest.raises(IllegibleError, match="no consistent amounts"):
        legible_formula(text)


def test_composites_by_weight_are_refused() -> None:
    with pytest.raises(IllegibleError, match="by weight"):
        legible_formula("Li3PS4 \u2013 5 wt% Al2O3")
