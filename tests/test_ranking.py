"""Ranking of screens made up by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from screens import card, write_screen

from mlsse import contenders, ranking
from mlsse.errors import ConditionError, ScreenError
from mlsse.screen_store import score_file

PARENT = {"parent": pa.string(), "substitution": pa.string()}
FAR_APART = ["Li3N", "LiF", "Li3YCl6", "Li10GeP2S12", "Li7La3Zr2O12", "Li2CO3", "LiI"]


def formulas(found: ranking.Ranking) -> list[str]:
    return [candidate.row["formula"] for candidate in found.candidates]


@pytest.fixture
def screen(tmp_path: Path) -> Path:
    """Seven far compositions, each half a decade below the one before."""
    rows = [card(text, -3.0 - 0.5 * i) for i, text in enumerate(FAR_APART)]
    return write_screen(tmp_path / "screen", rows[::-1])


def test_the_best_come_first(screen: Path) -> None:
    found = ranking.rank(screen, top=3)
    assert formulas(found) == FAR_APART[:3]
    assert [c.rank for c in found.candidates] == [1, 2, 3]
    assert [c.probability for c in found.candidates] == [None] * 3
    assert found.counts == {"rows": 7, "passing": 7}
    assert found.candidates[0].row["input_row"] == 6
    assert found.temperature_k == 298.15


def test_parts_and_their_order_do_not_matter(tmp_path: Path) -> None:
    rows = [card(text, -3.0 - 0.5 * i) for i, text in enumerate(FAR_APART)]
    expected = None
    for size in (1, 2, 7, 100):
        folder = write_screen(tmp_path / str(size), rows, chunk_rows=size)
        found = ranking.rank(folder, where="log10_conductivity > -5.6")
        listed = [(c.row, c.probability) for c in found.candidates]
        expected = expected or listed
        assert listed == expected
        assert len(listed) == 6


def test_conditions_narrow_and_count(screen: Path) -> None:
    found = ranking.rank(screen, where=["log10_conductivity > -4.6 and in_domain"])
    assert formulas(found) == FAR_APART[:4]
    assert found.counts == {
        "rows": 7, "log10_conductivity > -4.6": 4, "in_domain": 7, "passing": 4,
    }  # fmt: skip


def test_an_aim_counts_but_leaves_nothing_out(screen: Path) -> None:
    found = ranking.rank(screen, aims="log10_conductivity > -4")
    assert len(found.candidates) == 7
    assert found.candidates[2].probability == pytest.approx(0.5)
    with pytest.raises(ConditionError, match="nothing tells its chance"):
        ranking.rank(screen, aims="in_domain")


def test_probability_in_whole_percent_then_objectives(tmp_path: Path) -> None:
    rows = [
        card("Li3N", -3.000, activation_energy_ev=0.4),
        card("LiF", -3.001, activation_energy_ev=0.2),
        card("Li2CO3", -2.0, activation_energy_ev=0.9),
    ]
    folder = write_screen(tmp_path / "screen", rows)
    found = ranking.rank(
        folder, where="log10_conductivity > -4", objectives=["activation_energy_ev:min"]
    )
    assert formulas(found) == ["Li2CO3", "LiF", "Li3N"]
    by_energy = ranking.rank(folder, objectives="activation_energy_ev:min")
    assert formulas(by_energy) == ["LiF", "Li3N", "Li2CO3"]


def test_empty_objectives_come_last(tmp_path: Path) -> None:
    rows = [card("Na3SbS4", None), card("Li3N", -9.0), card("LiF", -8.0)]
    folder = write_screen(tmp_path / "screen", rows)
    assert formulas(ranking.rank(folder)) == ["LiF", "Li3N", "Na3SbS4"]


def test_excluded_elements_are_whole_symbols(screen: Path) -> None:
    assert formulas(ranking.rank(screen, exclude=["C", "S", "I"])) == [
        "Li3N", "LiF", "Li3YCl6", "Li7La3Zr2O12",
    ]  # fmt: skip
    with pytest.raises(ConditionError, match="unknown element 'Cx'"):
        ranking.rank(screen, exclude=["Cx"])


def test_what_is_known_can_be_left_out(tmp_path: Path) -> None:
    rows = [
        card("Li3N", nearest_known_distance=0.05),
        card("LiF", nearest_known_distance=0.1),
        card("Li2CO3", e_hull_source="reference"),
        card("NaF", None, nearest_known_distance=None),
    ]
    folder = write_screen(tmp_path / "screen", rows)
    assert formulas(ranking.rank(folder, known=False)) == ["LiF", "NaF"]
    assert formulas(ranking.rank(folder, known=False, known_distance=0.2)) == ["NaF"]
    partly = write_screen(tmp_path / "partly", rows, columns=("conductivity",))
    found = ranking.rank(partly, known=False)
    assert formulas(found) == ["LiF", "Li2CO3", "NaF"]
    assert "e_hull_source" in found.notes[0]
    neither = write_screen(tmp_path / "neither", rows, columns=("stability",))
    with pytest.raises(ConditionError, match="--columns conductivity,phases"):
        ranking.rank(neither, known=False, objectives="stable_probability:max")


def test_a_parent_has_so_many(tmp_path: Path) -> None:
    rows = [
        {**card(f"Li{i}{o}", -3.0 - 0.1 * i), "parent": p, "substitution": "x"}
        for i in range(2, 7)
        for o, p in (("O", "Li2O"), ("N", "Li3N"), ("F", None))
    ]
    folder = write_screen(tmp_path / "screen", rows, own=PARENT)
    found = formulas(ranking.rank(folder, per_parent=1))
    assert found == ["Li2O", "Li2N", "Li2F", "Li3F", "Li4F", "Li5F", "Li6F"]
    assert len(ranking.rank(folder, per_parent=2).candidates) == 9
    assert len(ranking.rank(folder, per_parent=0).candidates) == 15


def test_a_composition_is_listed_once(tmp_path: Path) -> None:
    rows = [
        {**card("Li3N", -3.0), "parent": "a"},
        {**card("Li3N", -3.0), "parent": "b"},
        {**card("Li3N", -3.0), "parent": "b"},
        {**card("LiF", -5.0), "parent": "b"},
    ]
    folder = write_screen(tmp_path / "screen", rows, own={"parent": pa.string()})
    found = ranking.rank(folder)
    assert [c.row["input_row"] for c in found.candidates] == [0, 3]


def test_variants_where_no_row_names_a_parent(tmp_path: Path) -> None:
    rows = [card(f"Li{700 - i}La300Zr{200 - i}Ta{i}O1200", -4.0 - 0.1 * i) for i in range(1, 6)]
    folder = write_screen(tmp_path / "screen", [*rows, card("LiI", -8.0)])
    assert formulas(ranking.rank(folder, per_parent=2)) == [
        *(row["formula"] for row in rows[:2]), "LiI",
    ]  # fmt: skip
    assert len(ranking.rank(folder, per_parent=2, variant_distance=0.0).candidates) == 6


def test_a_full_pool_of_variants_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(contenders, "VARIANT_POOL", 1)
    monkeypatch.setattr(contenders, "_SPARE", 0)
    n = 130
    rows = [card(f"Li{7000 + i}La3000Zr2000O12000", -4.0 - 0.01 * i) for i in range(n)]
    folder = write_screen(tmp_path / "screen", [*rows, card("LiI", -8.0)], chunk_rows=50)
    found = ranking.rank(folder, top=10, per_parent=1)
    assert len(found.candidates) == 1
    assert any("hold no more that differ" in note for note in found.notes)


def test_the_pareto_front_of_the_whole_screen(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    values = generator.random((40, 2))
    rows = [
        card(f"Li{i + 1}N", -3.0 - a, activation_energy_ev=b) for i, (a, b) in enumerate(values)
    ]
    folder = write_screen(tmp_path / "screen", rows)
    on_front = {
        f"Li{i + 1}N"
        for i, one in enumerate(values)
        if not any((other < one).all() for other in values)
    }
    wanted = ["log10_conductivity:max", "activation_energy_ev:min"]
    only = ranking.rank(folder, objectives=wanted, pareto_only=True, per_parent=0)
    assert set(formulas(only)) == on_front
    assert only.counts["on the Pareto front"] == len(on_front)
    every = ranking.rank(folder, objectives=wanted, per_parent=0)
    assert {c.row["formula"] for c in every.candidates if c.on_front} == on_front
    with pytest.raises(ConditionError, match="two objectives"):
        ranking.rank(folder, pareto_only=True)


def test_a_front_that_is_too_large(screen: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(contenders, "MAX_FRONT", 2)
    wanted = ["in_domain:max", "temperature_k:min"]
    found = ranking.rank(screen, objectives=wanted)
    assert any("Pareto front has more than" in note for note in found.notes)
    assert {c.on_front for c in found.candidates} == {None}
    with pytest.raises(ConditionError, match="choose fewer objectives"):
        ranking.rank(screen, objectives=wanted, pareto_only=True)


def test_probability_as_an_objective(screen: Path) -> None:
    wanted = ["probability:max", "log10_conductivity:min"]
    found = ranking.rank(screen, where="log10_conductivity > -7", objectives=wanted)
    assert all(c.on_front for c in found.candidates)
    with pytest.raises(ConditionError, match="no threshold"):
        ranking.rank(screen, objectives="probability:max")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"objectives": "log10_conductivity"}, "name:max or name:min"),
        ({"objectives": "formula:max"}, "holds no numbers"),
        ({"objectives": "activation_energy:min"}, "did you mean activation_energy_ev"),
        ({"where": "oxidation_limit > 4"}, "did you mean oxidation_limit_v"),
        ({"top": 0}, "at least 1"),
        ({"per_parent": -1}, "at least 0"),
        ({"window_error_v": float("nan")}, "zero or more"),
    ],
)
def test_what_does_not_fit_is_refused(screen: Path, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(ConditionError, match=why):
        ranking.rank(screen, **asked)


def test_a_column_that_was_not_computed(tmp_path: Path) -> None:
    folder = write_screen(tmp_path / "screen", [card("Li3N")], columns=("conductivity",))
    for asked in (
        {"where": "oxidation_limit_v > 4"},
        {"where": "e_hull_source = model"},
        {"objectives": "oxidation_limit_v:max"},
    ):
        with pytest.raises(ConditionError, match="not computed: screen with --columns phases"):
            ranking.rank(folder, **asked)  # type: ignore[arg-type]


def test_nothing_passes(screen: Path) -> None:
    found = ranking.rank(screen, where="log10_conductivity > 3 and in_domain")
    assert found.candidates == ()
    assert "none fulfils log10_conductivity > 3" in found.notes[-1]


def test_folders_that_are_no_complete_screen(tmp_path: Path, screen: Path) -> None:
    with pytest.raises(ScreenError, match="holds no screen"):
        ranking.rank(tmp_path / "absent")
    path = score_file(screen, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScreenError, match=r"part-000001.parquet cannot be read"):
        ranking.rank(screen)
    path.unlink()
    with pytest.raises(ScreenError, match="2 of its 3 parts"):
        ranking.rank(screen)
    unfinished = write_screen(tmp_path / "unfinished", [card("Li3N")], complete=False)
    assert "unfinished" in ranking.rank(unfinished).notes[0]
    empty = write_screen(tmp_path / "empty", [], complete=False)
    with pytest.raises(ScreenError, match="no scores yet"):
        ranking.rank(empty)


def test_many_rows_in_batches_agree_with_a_plain_sort(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("mlsse.screen_rows._BATCH_ROWS", 7)
    generator = np.random.default_rng(1)
    rows = [
        {
            **card(f"Li{i + 1}N", value, oxidation_limit_v=3.0 + 2.0 * share),
            "parent": f"P{generator.integers(6)}",
        }
        for i, (value, share) in enumerate(
            zip(generator.normal(-5.0, 2.0, 200), generator.random(200), strict=True)
        )
    ]
    folder = write_screen(tmp_path / "screen", rows, own={"parent": pa.string()}, chunk_rows=23)
    found = ranking.rank(
        folder,
        where="log10_conductivity > -6 and oxidation_limit_v > 3.5",
        top=12,
        per_parent=3,
    )
    from scipy.stats import norm

    passing = [r for r in rows if r["log10_conductivity"] > -6 and r["oxidation_limit_v"] > 3.5]

    def percent(row: dict[str, Any]) -> float:
        above = norm.cdf((row["log10_conductivity"] + 6.0) * norm.ppf(0.95))
        return np.round(100.0 * above * norm.cdf((row["oxidation_limit_v"] - 3.5) / 0.2))

    passing.sort(key=lambda r: (-percent(r), -r["log10_conductivity"]))
    of_parent: dict[str, int] = {}
    expected = []
    for row in passing:
        of_parent[row["parent"]] = of_parent.get(row["parent"], 0) + 1
        if of_parent[row["parent"]] <= 3:
            expected.append(row["formula"])
    assert formulas(found) == expected[:12]
