"""What all reports have in common."""

from __future__ import annotations

import screens

from mlsse.report_parts import CARD_COLUMNS, card_table, notes_table, percent, shorten
from mlsse.tables import interval

ROW = {
    **screens.card("Li6PS5Cl", -2.0),
    "superionic_probability": 0.997,
    "e_hull_ev_per_atom": 0.0834,
    "error": None,
}


def test_a_row_of_the_score_card_as_words():
    table = card_table("Card", [ROW])
    assert table.columns == CARD_COLUMNS
    assert table.rows == (
        ("Li6PS5Cl", "1.0e-2", "1e-3 to 1e-1", "0.30", "above 99 %", "~0.083", "1.00 to 4.00",
         "yes", "Li2O (5.00)"),
    )  # fmt: skip
    assert table.numeric == {1, 2, 3, 4, 5, 6}


def test_empty_columns_are_left_out_and_others_come_first():
    names = [name for name in ROW if "conductivity" in name]
    row = ROW | dict.fromkeys([*names, "activation_energy_ev", "superionic_probability"])
    table = card_table("Card", [row, row], {"rank": ["1", "2"]})
    assert [name.split(" ")[0] for name in table.columns] == [
        "rank", "formula", "energy", "window", "nearest",
    ]  # fmt: skip
    assert table.rows[1][:2] == ("2", "Li6PS5Cl")
    assert table.numeric == {0, 2, 3}


def test_no_share_is_rounded_to_certainty():
    assert [percent(x) for x in (None, 0.0, 0.004, 0.5, 0.9951, 1.0)] == [
        "-", "0 %", "below 1 %", "50 %", "above 99 %", "100 %",
    ]  # fmt: skip


def test_an_interval_without_an_end_is_a_dash():
    assert interval(None, 1.0) == "-"


def test_texts_of_users_become_one_short_line():
    assert shorten("a\n\tb\x00\u202ec") == "a bc"
    assert len(shorten("x" * 500)) == 200


def test_equal_notes_are_told_once():
    table = notes_table("N", [(f"F{i}", ["same"]) for i in range(10)] + [("G", ["own"])], "note")
    assert table.rows == (
        ("F0, F1, F2, F3, F4, F5, F6, F7 and 2 more", "same"),
        ("G", "own"),
    )
