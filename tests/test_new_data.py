"""New measurements: bad rows are named with line and reason, good ones are used."""

from __future__ import annotations

import pytest

from mlsse import new_data
from mlsse.errors import DatasetError

HEADER = "formula,conductivity_s_per_cm,temperature_k,censored,activation_energy_ev,doi\n"


def read(tmp_path, text, name="new.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return new_data.read_new_data([tmp_path / name])


def test_a_good_row_gets_the_canonical_columns(tmp_path):
    row = HEADER + "Li6PS5Cl,2e-3,298.15,,0.33,https://doi.org/10.1000/ABC\n"
    found = read(tmp_path, row).table.iloc[0]
    assert found["log10_conductivity"] == pytest.approx(-2.69897)
    assert found["mobile_ion"] == "Li"
    assert found["censored"] == "none"
    assert found["conductivity_kind"] == "unstated"
    assert (found["doi"], found["source"], found["source_id"]) == (
        "10.1000/abc", "new", "new.csv:2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Xx2O,1e-3,300,,,", "formula 'Xx2O'"),
        ("NaCl,1e-3,300,,,", "no lithium"),
        ("Li2O,-1,300,,,", "conductivity_s_per_cm '-1': expected 1e-25 to 1 S/cm"),
        ("Li2O,fast,300,,,", "conductivity_s_per_cm 'fast': expected 1e-25 to 1 S/cm"),
        ("Li2O,,300,,,", "conductivity_s_per_cm '': expected a number"),
        ("Li2O,nan,300,,,", "conductivity_s_per_cm 'nan': expected"),
        ("Li2O,1e-3,25,,,", "temperature_k '25': expected 150 to 1500 K"),
        ("Li2O,1e-3,inf,,,", "temperature_k 'inf'"),
        ("Li2O,1e-3,300,lower,,", "lower bounds are not learned from"),
        ("Li2O,1e-3,300,,high,", "activation_energy_ev 'high': expected 0 to 3 eV"),
        ("Li2O,1e-3,300,,,my notes", "doi 'my notes': expected a DOI"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_the_good_ones_stay(tmp_path, row, reason):
    good = "Li3PS4,1e-4,300,,,\n"
    new = read(tmp_path, HEADER + good + row + "\n" + good.replace("300", "310"))
    assert new.table["temperature_k"].tolist() == [300.0, 310.0]
    (rejected,) = new.rejected
    assert (rejected.file, rejected.line) == ("new.csv", 3)
    assert any(reason in text for text in rejected.reasons), rejected.reasons


def test_all_faults_of_a_row_are_told_at_once(tmp_path):
    new = read(tmp_path, HEADER + "Xx,2,10,maybe,,\n")
    assert len(new.rejected[0].reasons) == 4


def test_lines_are_counted_as_an_editor_does(tmp_path):
    new = read(tmp_path, HEADER + '"Li2O",1e-9,300,,,"10.1000/a|\n10.1000/b"\nNaCl,1,300,,,\n')
    assert new.rejected[0].line == 4


def test_a_contradicting_logarithm_is_refused(tmp_path):
    header = "formula,conductivity_s_per_cm,temperature_k,log10_conductivity\n"
    new = read(tmp_path, header + "Li2O,1e-3,300,-3\nLi2O,1e-4,300,-3\n")
    assert len(new) == 1
    assert "is not that of 0.0001 S/cm" in new.rejected[0].reasons[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formula,temperature_k\nLi2O,300\n", "'conductivity_s_per_cm' is missing"),
        ("formula,DOI\n", "unknown column 'DOI'; known ones are formula"),
        (HEADER, "no row below its header"),
        ("", "'formula' is missing"),
        (HEADER.replace("censored", "formula"), "stands twice"),
        (HEADER + "Li2O,1,300,,,,surplus\n", "line 2 has more cells than the header"),
        (HEADER + '"Li2O,1,300\n', "is no CSV"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot read"):
        new_data.read_new_data([tmp_path / "none.csv"])
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="not UTF-8"):
        new_data.read_new_data([tmp_path / "bytes.csv"])


def known_table(tmp_path):
    """Two known measurements, as a dataset gives them."""
    text = HEADER + "Li6PS5Cl,2e-3,298.15,,,10.1000/a\nLi3YCl6,5e-4,298.15,,,10.1000/b\n"
    return read(tmp_path, text, "known.csv").table.assign(source="obelix")


def test_what_is_known_or_listed_twice_is_left_out_with_its_line(tmp_path):
    rows = (
        "Li12P2S10Cl2,2.01e-3,300,,,10.1000/a\n"  # the same measurement
        "Li6PS5Cl,9e-3,298.15,,,10.1000/a\n"  # another value from the same paper
        "Li6PS5Cl,9e-3,298.15,,,\n"  # one's own measurement: new
        "Li3PS4,1e-4,298.15,,,10.1000/c\n"
        "Li3PS4,1e-4,298.15,,,10.1000/c\n"  # twice
    )
    new = new_data.without_known(read(tmp_path, HEADER + rows), known_table(tmp_path))
    assert new.table["source_id"].tolist() == ["new.csv:4", "new.csv:5"]
    assert [(r.line, r.reasons) for r in new.rejected] == [
        (2, ("same measurement as in obelix",)),
        (3, ("another value than obelix has from the same paper",)),
        (6, ("listed twice in new",)),
    ]


def test_the_digest_follows_content_not_order_or_names(tmp_path):
    rows = ["Li2O,1e-9,300,,,\n", "Li3PS4,1e-4,300,upper,0.4,10.1000/c\n"]
    one = read(tmp_path, HEADER + "".join(rows), "one.csv").table
    other = read(tmp_path, HEADER + "".join(reversed(rows)), "other.csv").table
    assert new_data.digest(one) == new_data.digest(other) != ""
    changed = read(tmp_path, HEADER + "".join(rows).replace("1e-9", "2e-9")).table
    assert new_data.digest(changed) != new_data.digest(one)
    assert new_data.digest(one.iloc[:0]) == ""


@pytest.mark.mirror
def test_the_merged_table_is_at_rest_under_its_own_rule(tmp_path):
    from mlsse.datasets import load_dataset

    table = load_dataset("conductivity")
    own = read(tmp_path, HEADER + "LiC40H80O20Cl,1e-7,300,,,\n")
    new = new_data.without_known(own, table)
    assert len(new) == 1
    assert new.rejected == ()
