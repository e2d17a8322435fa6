"""The rule by which one conductivity table is made of several."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mlsse.compositions import composition_vectors
from mlsse.formulas import parse_formula
from mlsse.merging import Merged, merge_measurements


def row(source: str, formula: str, value: float, paper: str = "a", **columns: object) -> dict:
    return {
        "source": source,
        "formula": formula,
        "conductivity_s_per_cm": value,
        "papers": frozenset(paper.split()),
        "temperature_k": 298.15,
        "censored": "none",
        "activation_energy_ev": math.nan,
        "conductivity_kind": "unstated",
        **columns,
    }


def merge(*rows: dict) -> Merged:
    frame = pd.DataFrame(rows)
    frame["normal_form"] = [parse_formula(f).normal_form for f in frame["formula"]]
    frame["log10_conductivity"] = np.log10(frame["conductivity_s_per_cm"])
    return merge_measurements(
        frame.drop(columns="papers"),
        frame["papers"].tolist(),
        composition_vectors(frame["formula"].tolist()),
    )


def survivors(*rows: dict) -> list[int]:
    return [int(i) for i in merge(*(r | {"i": i} for i, r in enumerate(rows))).frame["i"]]


def test_same_paper_same_composition_is_one_measurement() -> None:
    merged = merge(
        row("obelix", "Li3PS4", 1e-4),
        row("liverpool", "Li6P2S8", 1.2e-4, temperature_k=303.15),
        row("laskowski", "Li3PS4", 1e-4),
    )
    assert merged.frame["source"].tolist() == ["obelix"]
    assert merged.dropped == {
        "liverpool: same measurement as in obelix": 1,
        "laskowski: same measurement as in obelix": 1,
    }


def test_the_better_source_is_believed_in_a_conflict() -> None:
    merged = merge(row("obelix", "Li3PS4", 1e-4), row("laskowski", "Li3PS4", 3e-4))
    assert merged.frame["conductivity_s_per_cm"].tolist() == [1e-4]
    assert merged.dropped == {"laskowski: another value than obelix has from the same paper": 1}


@pytest.mark.parametrize(
    ("value", "kelvin", "stays"),
    [
        (1.2e-4, 307.0, False),  # read off a figure at 34 C: the same point
        (2.1e-4, 307.0, True),  # warmer and higher: another point of the series
        (2.1e-4, 302.0, False),  # room temperature both, and contradicting
        (1.0e-4, 309.0, True),
    ],
)
def test_temperature_windows(value: float, kelvin: float, stays: bool) -> None:
    kept = survivors(
        row("obelix", "Li3PS4", 1e-4), row("liverpool", "Li3PS4", value, temperature_k=kelvin)
    )
    assert kept == ([0, 1] if stays else [0])


def test_other_papers_are_repeated_measurements() -> None:
    assert survivors(
        row("obelix", "Li3PS4", 1e-4), row("liverpool", "Li3PS4", 1.1e-4, paper="b")
    ) == [0, 1]


@pytest.mark.parametrize("paper", ["b", ""])
def test_one_figure_in_two_sources_is_one_measurement(paper: str) -> None:
    merged = merge(
        row("obelix", "Li3PS4", 1.34e-4), row("laskowski", "Li3PS4", 1.34e-4, paper=paper)
    )
    assert len(merged.frame) == 1
    assert merged.dropped == {"laskowski: same figure as in obelix under another citation": 1}


def test_one_figure_in_one_source_is_not() -> None:
    assert survivors(
        row("laskowski", "Li3PS4", 1.34e-4), row("laskowski", "Li3PS4", 1.34e-4, paper="b")
    ) == [0, 1]


def test_rounded_composition_of_one_paper() -> None:
    exact = row("obelix", "Li0.375Sr0.4375Hf0.25Ta0.75O3", 3.8e-4)
    rounded = row("liverpool", "Li0.38Sr0.44Hf0.25Ta0.75O3", 3.8e-4)
    assert survivors(exact, rounded) == [0]
    assert survivors(exact, rounded | {"papers": frozenset("b")}) == [0, 1]
    assert survivors(exact, rounded | {"conductivity_s_per_cm": 3.5e-4}) == [0, 1]


def test_links_other_than_dois_count_as_paper() -> None:
    assert survivors(
        row("obelix", "Li3PS4", 1e-4, paper="10.1/right laskowski:7"),
        row("laskowski", "Li3PS4", 5e-4, paper="10.1/wrong laskowski:7"),
    ) == [0]


def test_a_row_listed_twice_and_preparations_of_one_paper() -> None:
    rows = [
        row("laskowski", "Li3PS4", 1e-4),
        row("laskowski", "Li3PS4", 1.1e-4),
        row("laskowski", "Li3PS4", 5e-4),
    ]
    assert survivors(*rows) == [0, 2]
    assert survivors(*(r | {"source": "obelix"} for r in rows)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "censored", "better", "better_censored", "reason"),
    [
        (1e-10, "upper", 5e-12, "none", "same measurement as in obelix"),
        (5e-12, "none", 1e-10, "upper", "same measurement as in obelix"),
        (1e-8, "none", 1e-10, "upper", "another value than obelix has from the same paper"),
        (1e-10, "upper", 1e-8, "none", "another value than obelix has from the same paper"),
    ],
)
def test_upper_bounds(
    value: float, censored: str, better: float, better_censored: str, reason: str
) -> None:
    merged = merge(
        row("obelix", "LiScO2", better, censored=better_censored),
        row("laskowski", "LiScO2", value, censored=censored),
    )
    assert merged.dropped == {f"laskowski: {reason}": 1}
    assert merged.frame["censored"].tolist() == [better_censored]


def test_a_bound_of_another_paper_stays() -> None:
    assert survivors(
        row("obelix", "LiScO2", 5e-12),
        row("laskowski", "LiScO2", 1e-10, paper="b", censored="upper"),
    ) == [0, 1]


def test_bulk_and_total_are_two_measurements() -> None:
    total = row("obelix", "Li3PS4", 1e-4, conductivity_kind="total")
    bulk = row("laskowski", "Li3PS4", 1e-3, conductivity_kind="bulk")
    assert survivors(total, bulk) == [0, 1]
    assert survivors(total, bulk | {"conductivity_kind": "unstated"}) == [0]


def test_blanks_are_filled_in_from_a_duplicate_but_not_from_a_conflict() -> None:
    known = {"activation_energy_ev": 0.3, "conductivity_kind": "bulk"}
    merged = merge(
        row("obelix", "Li3PS4", 1e-4),
        row("laskowski", "Li3PS4", 1.01e-4, **known),
        row("obelix", "LiScO2", 1e-9),
        row("laskowski", "LiScO2", 1e-6, **known),
    )
    assert merged.frame["activation_energy_ev"].tolist()[0] == 0.3
    assert math.isnan(merged.frame["activation_energy_ev"].tolist()[1])
    assert merged.frame["conductivity_kind"].tolist() == ["bulk", "unstated"]
    assert merged.filled == {"activation_energy_ev": 1, "conductivity_kind": 1}


def test_every_row_is_kept_or_counted_and_order_is_kept() -> None:
    rng = np.random.default_rng(0)
    sources = ["obelix", "liverpool", "laskowski"]
    rows = [
        row(
            source, f"Li{rng.integers(1, 4)}PS4", 10.0 ** -rng.uniform(3, 4), rng.choice(["a", "b"])
        )
        for source in sources
        for _ in range(30)
    ]
    merged = merge(*rows)
    assert len(merged.frame) + merged.dropped.total() == len(rows)
    order = merged.frame["source"].map(sources.index)
    assert order.is_monotonic_increasing
    assert (merged.frame["source"] == "obelix").sum() == 30
    pd.testing.assert_frame_equal(merged.frame, merge(*rows).frame)
