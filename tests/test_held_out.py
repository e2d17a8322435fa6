"""The fair comparison: what is asked was not learned from, and stays the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic

from mlsse import gate, held_out, training
from mlsse.compositions import l1_distance_matrix


@pytest.fixture
def known_rows(monkeypatch):
    """The invented rows in place of the datasets, their papers named so that three folds have some.

    Whatever is held out, several papers are left to learn from.
    """
    rows = synthetic.conductivity_rows()
    names = {doi: f"10.1/u{i}" for i, doi in enumerate(rows.table["doi"].unique())}
    rows = dataclasses.replace(rows, table=rows.table.assign(doi=rows.table["doi"].map(names)))
    monkeypatch.setattr(training, "load_conductivity_rows", lambda sources, new=None: rows)
    monkeypatch.setattr(
        training, "load_stability_rows", lambda *_, **__: synthetic.stability_rows()
    )
    monkeypatch.setattr(training, "load_phases", lambda *_: synthetic.phases())
    for function in (held_out.asked_conductivities, held_out.asked_compounds):
        function.cache_clear()
    yield rows
    for function in (held_out.asked_conductivities, held_out.asked_compounds):
        function.cache_clear()


def test_papers_keep_their_side_whatever_else_there_is():
    dois = [f"10.1000/{i}" for i in range(2000)]
    alone = np.array([held_out.paper_folds([doi])[0] for doi in dois])
    np.testing.assert_array_equal(held_out.paper_folds(dois), alone)
    counts = np.bincount(alone, minlength=held_out.N_FOLDS)
    assert len(counts) == held_out.N_FOLDS
    assert (abs(counts / 2000 - 1 / held_out.N_FOLDS) < 0.03).all()
    assert held_out.paper_folds([""])[0] == -1
    both = held_out.paper_folds(["10.1000/1|10.1000/2", "10.1000/2|10.1000/1"])
    assert both[0] == both[1]


def test_each_paper_is_held_out_once_and_the_published_test_split_never(known_rows, monkeypatch):
    asked = held_out.asked_conductivities()
    dois = [set(fold.table["doi"]) for fold in asked]
    assert sum(map(len, dois)) == len(set.union(*dois))
    assert sum(map(len, asked)) == (known_rows.table["doi"] != "").sum()
    published = known_rows.table.assign(source="obelix", split="test")
    monkeypatch.setattr(
        training,
        "load_conductivity_rows",
        lambda sources, new=None: dataclasses.replace(known_rows, table=published),
    )
    held_out.asked_conductivities.cache_clear()
    assert held_out.asked_conductivities() == ()


def test_nothing_is_learned_of_a_held_out_paper_or_composition(known_rows):
    asked = held_out.asked_conductivities()[1]
    assert 0 < len(asked) < len(known_rows)
    known = held_out.without_leaks(known_rows, asked)
    assert 0 < len(known) < len(known_rows) - len(asked)
    assert not set(known.table["doi"]) & set(asked.table["doi"])
    assert l1_distance_matrix(known.vectors, asked.vectors).min() > held_out.LEAK_DISTANCE
    assert known.groups.max() < len(known)


def test_own_measurements_are_learned_from_unless_near_a_held_out_one(known_rows):
    asked = held_out.asked_conductivities()[0]
    far = ["Li2ZnCl4", "Li3BN2"]
    texts = [asked.table["formula"].iloc[0], *far]
    own = pd.DataFrame({"formula": texts, "doi": "", "source": "new", "censored": "none"})
    rows = training.ConductivityRows(
        own, synthetic.measurements(texts, [-3.0, -4.0, -5.0]), np.arange(3)
    )
    assert held_out.without_leaks(rows, asked).table["formula"].tolist() == far
    published = dataclasses.replace(rows, table=own.assign(source="liverpool"))
    assert len(held_out.without_leaks(published, asked)) == 0


def test_a_fitted_recipe_is_scored_in_all_metrics_of_the_gate(known_rows, tmp_path):
    experiment = synthetic.smoke_experiment()
    trained = held_out.fit(experiment, None, tmp_path / "bundle")
    known = held_out.without_leaks(known_rows, held_out.asked_conductivities()[0])
    assert trained.model.metadata["metrics"]["conductivity"]["n_rows"] == len(known)
    scores = held_out.score(experiment, None, trained.model)
    assert set(scores) == set(gate.METRICS)
    assert all(np.isfinite(value) for value in scores.values())


def test_a_recipe_is_settings_data_and_software_but_no_name():
    experiment = synthetic.smoke_experiment()
    recipe = held_out.recipe(experiment, None)
    assert held_out.recipe(dataclasses.replace(experiment, name="other"), None) == recipe
    assert held_out.recipe(dataclasses.replace(experiment, seed=1), None) != recipe
    assert set(recipe["data"]) >= {"obelix", "liverpool", "critexam"}
    new = pd.DataFrame(
        {
            "normal_form": ["Li1 O1"], "conductivity_s_per_cm": [1e-9], "censored": ["none"],
            "temperature_k": [300.0], "activation_energy_ev": [np.nan],
            "conductivity_kind": ["total"], "doi": [""],
        }
    )  # fmt: skip
    assert held_out.recipe(experiment, new)["new_data"] != recipe["new_data"] == ""
