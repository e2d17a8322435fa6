"""The look back on families, on materials made up by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic import features, measurements, smoke_experiment

from mlsse import discovery_benchmark, training
from mlsse.arrhenius import Lines
from mlsse.compositions import composition_vectors
from mlsse.discovery_benchmark import Compounds, draw_decoys, enrichments, look_back, materials
from mlsse.features import fraction_columns
from mlsse.formulas import ELEMENT_INDEX
from mlsse.signals import SIGNALS
from mlsse.splits import composition_groups
from mlsse.training import ConductivityRows


def rows(
    texts: list[str], log10: Any, *, dois: list[str] | None = None, **others: Any
) -> ConductivityRows:
    measured = measurements(texts, log10, **others)
    table = pd.DataFrame(
        {
            "formula": texts,
            "temperature_k": 298.15,
            "doi": dois or [f"10.1/{i}" for i in range(len(texts))],
            "source": "made up",
            "split": "",
        }
    )
    return ConductivityRows(
        table, measured, composition_groups(composition_vectors(texts), table["doi"].tolist())
    )


def test_enrichment_by_hand() -> None:
    is_hit = np.zeros(200, dtype=bool)
    is_hit[[0, 5, 150, 199]] = True  # 2 % of all
    score = -np.arange(200.0)
    # First 1 %: rows 0 and 1, one of two; first 5 %: rows 0 to 9, two of ten.
    np.testing.assert_allclose(enrichments(score, is_hit, np.ones(200)), [25.0, 10.0])
    np.testing.assert_allclose(enrichments(-score, is_hit, np.ones(200)), [25.0, 5.0])


def test_equal_scores_count_as_chance_does() -> None:
    generator = np.random.default_rng(0)
    is_hit = generator.random(300) < 0.1
    np.testing.assert_allclose(enrichments(np.zeros(300), is_hit, np.ones(300)), 1.0)
    # Ten at the top are equal, two of them hits, and the limit of 1 % takes three of them.
    score = np.zeros(300)
    score[:10] = 1.0
    is_hit = np.zeros(300, dtype=bool)
    is_hit[:2] = True
    mean = []
    for _ in range(4000):
        shuffled = generator.permutation(300)
        first = shuffled[np.argsort(-score[shuffled], kind="stable")][:3]
        mean.append(is_hit[first].sum() / 3 / (2 / 300))
    found = enrichments(score, is_hit, np.ones(300))
    assert found[0] == pytest.approx(30.0)
    assert found[0] == pytest.approx(np.mean(mean), rel=0.1)


def test_a_weight_is_so_many_rows() -> None:
    generator = np.random.default_rng(1)
    score, is_hit = generator.random(60), generator.random(60) < 0.3
    weights = generator.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), weights)
    np.testing.assert_allclose(
        enrichments(score, is_hit, weights.astype(float)),
        enrichments(score[repeated], is_hit[repeated], np.ones(len(repeated))),
    )


def test_materials_are_medians_of_what_was_measured_at_room_temperature() -> None:
    texts = ["Li3N", "Li6N2", "Li3N", "LiF", "LiF", "LiCl"]
    given = rows(texts, [-3.0, -5.0, -4.5, -3.0, -3.5, -3.0], is_bound=[False] * 4 + [True] * 2)
    hot = given.table.assign(temperature_k=[298.15, 300.0, 290.0, 298.0, 298.0, 400.0])
    found = materials(replace(given, table=hot))
    by_median = dict(zip(found.log10_conductivity.tolist(), found.is_superionic, strict=True))
    # LiF: one value above the threshold, one only a bound; LiCl was measured hot.
    assert by_median == {-4.5: False, -3.25: False}


def test_decoys_are_alike_and_repeatable() -> None:
    lithium = ELEMENT_INDEX["Li"]
    screened = composition_vectors(["Li3PS4", "LiF"])
    pairs = [f"Li{n}{x}" for n in range(1, 120) for x in ("O", "N", "F", "Cl", "S")]
    triples = [f"Li{n}Al{m}O4" for n in range(1, 25) for m in range(1, 25)]
    compounds = composition_vectors([*pairs, *triples])
    drawn = draw_decoys(screened, compounds, np.random.default_rng(0))
    assert drawn.shape == (2, 100)
    assert all(len(set(row)) == 100 for row in drawn.tolist())
    n_elements = (compounds > 0).sum(axis=1)
    assert (n_elements[drawn[0]] == 3).mean() > 0.9
    assert np.abs(compounds[drawn[0], lithium] - screened[0, lithium]).mean() < 0.2
    assert np.abs(compounds[drawn[1], lithium] - screened[1, lithium]).mean() < 0.15
    again = draw_decoys(screened, compounds, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, again)


@pytest.fixture
def protocols(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A look back by a model that knows sulfur when it sees it, and nothing else."""
    monkeypatch.setattr(discovery_benchmark, "_RESAMPLES", 50)
    sulfides = [f"Li{n}PS{n}" for n in range(3, 9)]
    others = [f"Li{n}AlO{n}" for n in range(1, 30)]
    leaking = ["Li3PSe4", "Li3AlSe4"]
    texts = [*sulfides, "LiCl", *others, *leaking]
    log10 = [-3.0] * 6 + [-3.0] + np.linspace(-9.0, -5.0, 29).tolist() + [-3.0] * 2
    dois = [f"10.1/{i}" for i in range(len(texts))]
    dois[-2], dois[-1] = "10.1/0|10.1/x", ""  # the paper of a sulfide; none
    given = rows(texts, log10, dois=dois)
    asked: list[set[str]] = []
    sulfur = ELEMENT_INDEX["S"]

    def fit(known: ConductivityRows, *_: Any) -> Any:
        asked.append(set(known.table["formula"]))
        is_known = {vector.tobytes() for vector in known.vectors}

        def lines(X: np.ndarray) -> Lines:
            vectors = X[:, fraction_columns()]
            assert not any(vector.tobytes() in is_known for vector in vectors[:6])
            value = np.where(vectors[:, sulfur] > 0, -3.0, -8.0)
            return Lines(
                value, np.full(len(X), 0.3), np.zeros(len(X)), np.zeros((len(X), len(SIGNALS)))
            )

        calibration = SimpleNamespace(
            superionic_probability=lambda x, t: np.full(len(x.room_log10_conductivity), 0.5)
        )
        return SimpleNamespace(predict_lines=lines, calibration=calibration)

    monkeypatch.setattr(training, "fit_conductivity", fit)
    decoys = [f"Li{n}Ga{m}O{n}" for n in range(1, 25) for m in range(1, 25)]
    compounds = Compounds(
        composition_vectors(decoys), features(decoys), np.arange(len(decoys)) % 2 == 0
    )
    found = look_back(given, compounds, smoke_experiment())
    assert asked == [{"LiCl", *others}]
    return found


def test_a_family_that_is_told_from_its_decoys_is_enriched(protocols: dict[str, Any]) -> None:
    for of_decoys in protocols.values():
        sulfides = of_decoys["sulfides"]
        assert sulfides["n_materials"] == sulfides["n_superionic"] == 6
        assert sulfides["n_decoys"] == 600
        assert sulfides["n_training_rows"] == 30
        assert sulfides["n_leaking_rows_left_out"] == 2
        first = sulfides["first_1_percent"]
        assert first["model"]["enrichment"] == pytest.approx(100.0)
        assert first["model"]["n_superionic_found"] == pytest.approx(6.0)
        assert first["best_possible"] == pytest.approx(100.0)
        assert first["random"]["enrichment"] == 1.0
        assert first["neighbours"]["enrichment"] < 100.0
        assert len(first["model"]["ci95"]) == 2


def test_a_family_with_few_superionic_conductors_is_left_out(protocols: dict[str, Any]) -> None:
    assert "1 superionic conductors; at least 5" in protocols["discovery"]["halides"]["left_out"]
    assert "0 superionic" in protocols["discovery"]["garnets"]["left_out"]
