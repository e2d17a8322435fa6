from __future__ import annotations

import shlex

import numpy as np
import pytest
import screens

from mlsse import ranking
from mlsse.errors import ConditionError, ScreenError
from mlsse.explorer.screen_selection import Asked, as_frame, hold, select, spread_out

AXES = ("log10_conductivity:max", "oxidation_limit_v:max")


@pytest.fixture
def screen(tmp_path):
    cards = [
        screens.card("Li3YCl6", -3.0, oxidation_limit_v=4.2),
        screens.card("Li6PS5Cl", -2.0, oxidation_limit_v=2.1),
        screens.card("Li10GeP2S12", -1.9, oxidation_limit_v=2.0, nearest_known_distance=0.0),
        screens.card("Li3PO4", -9.0, oxidation_limit_v=4.1, in_domain=False),
        screens.card("NaCl", None, oxidation_limit_v=4.0),
        screens.card("LiF", -12.0, oxidation_limit_v=6.0),
        screens.card("Li7La3Zr2O12", -4.0, oxidation_limit_v=2.9),
    ]
    return hold(screens.write_screen(tmp_path / "screen", cards))


def formulas(screen, selection):
    return as_frame(screen, selection.rows, ["formula"])["formula"].tolist()


def test_all_rows_pass_without_conditions_best_first(screen):
    found = select(screen, Asked(AXES))
    assert formulas(screen, found) == [
        "Li10GeP2S12", "Li6PS5Cl", "Li3YCl6", "Li7La3Zr2O12", "Li3PO4", "LiF", "NaCl",
    ]  # fmt: skip
    assert found.counts["rows"] == found.counts["passing"] == 7
    assert any("1 rows without a value of both axes" in note for note in found.notes)


def test_front_is_that_of_both_axes(screen):
    found = select(screen, Asked(AXES))
    front = [f for f, on in zip(formulas(screen, found), found.on_front, strict=True) if on]
    assert front == ["Li10GeP2S12", "Li6PS5Cl", "Li3YCl6", "LiF"]
    assert formulas(screen, select(screen, Asked(AXES, front_only=True))) == front


def test_conditions_elements_and_what_is_known_leave_rows_out(screen):
    asked = Asked(
        AXES, where=("log10_conductivity > -10", "in_domain"), exclude=("Ge", "Zr"), known=False
    )
    found = select(screen, asked)
    assert formulas(screen, found) == ["Li6PS5Cl", "Li3YCl6"]
    assert found.counts["in_domain"] == 6
    assert found.counts["without excluded elements"] == 5


def test_rows_that_pass_are_those_of_rank(screen):
    asked = Asked(AXES, where=("oxidation_limit_v >= 2.05",), exclude=("Y",))
    ranked = ranking.rank(
        screen.folder, where=asked.where, objectives=asked.objectives, exclude=asked.exclude,
        per_parent=0,
    )  # fmt: skip
    found = select(screen, asked)
    assert set(formulas(screen, found)) == {one.row["formula"] for one in ranked.candidates}
    on_front = {one.row["formula"] for one in ranked.candidates if one.on_front}
    assert {
        f for f, on in zip(formulas(screen, found), found.on_front, strict=True) if on
    } == on_front - {"NaCl"}


def test_unknown_columns_and_elements_are_refused(screen):
    with pytest.raises(ConditionError, match="did you mean oxidation_limit_v"):
        select(screen, Asked(AXES, where=("oxidation_limit > 3",)))
    with pytest.raises(ConditionError, match="unknown element"):
        select(screen, Asked(AXES, exclude=("Xx",)))


def test_no_row_that_passes_is_an_empty_selection(screen):
    found = select(screen, Asked(AXES, where=("oxidation_limit_v > 99",)))
    assert len(found.rows) == len(found.on_front) == found.counts["passing"] == 0


def test_command_is_one_that_a_shell_reads_back(screen):
    asked = Asked(AXES, where=("in_domain",), exclude=("Ge", "As"), known=False, front_only=True)
    words = shlex.split(asked.command(screen.folder))
    assert words[:3] == ["mlsse", "rank", str(screen.folder)]
    assert words[3:5] == ["--where", "in_domain"]
    assert words.count("--objective") == 2
    assert words[-5:] == ["--exclude", "Ge,As", "--known", "no", "--pareto"]


def test_a_large_screen_is_held_in_part_and_says_so(screen):
    part = hold(screen.folder, max_rows=4)
    assert len(part.table) == 4
    assert any("only the first 4 rows" in note for note in part.notes)


def test_no_screen_is_an_error(tmp_path):
    with pytest.raises(ScreenError):
        hold(tmp_path)


def test_thinning_keeps_the_ends_and_what_must_stay():
    always = np.zeros(1000, dtype=bool)
    always[[123, 456]] = True
    kept = spread_out(1000, 50, always=always)
    assert {0, 123, 456, 999} <= set(kept.tolist())
    assert 50 <= len(kept) <= 52
    assert spread_out(5, 50, always=always[:5]).tolist() == [0, 1, 2, 3, 4]
