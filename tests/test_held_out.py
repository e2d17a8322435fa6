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
    """The invented rows in place of the datasets; three of four papers on garnets are held out."""
    rows = synthetic.conductivity_rows()
    monkeypatch.setattr(held_out, "SHARE", 0.3)
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
    alone = np.array([held_out.is_held_out([doi])[0] for doi in dois])
    np.testing.assert_array_equal(held_out.is_held_out(dois), alone)
    assert abs(alone.mean() - held_out.SHARE) < 0.03
    assert not held_out.is_held_out([""])[0]
    both = held_out.is_held_out(["10.1000/1|10.1000/2", "10.1000/2|10.1000/1"])
    assert both[0] == both[1]


def test_nothing_is_learned_of_a_held_out_paper_or_composition(known_rows):
    asked = held_out.asked_conductivities()
    assert 0 < len(asked) < len(known_rows)
    known = held_out.without_leaks(known_rows, asked)
    assert 0 < len(known) < len(known_rows) - len(asked)
    assert not set(known.table["doi"]) & set(asked.table["doi"])
    assert l1_distance_matrix(known.vectors, asked.vectors).min() > held_out.LEAK_DISTANCE
    assert known.groups.max() < len(known)


def test_own_measurements_are_learned_from_unless_near_a_held_out_one(known_rows):
    asked = held_out.asked_conductivities()
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
    known = held_out.without_leaks(known_rows, held_out.asked_conductivities())
    assert trained.model.metadata["metrics"]["conductivity"]["n_rows"] == len(known)
    scores = held_out.score(trained.model)
    assert set(scores) == set(gate.METRICS)
    # All held-out garnets conduct well: there are no two classes to tell apart.
    assert scores.pop("superionic_roc_auc") is None
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
