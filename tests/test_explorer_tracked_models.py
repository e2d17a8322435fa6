from __future__ import annotations

import pytest
import synthetic
import tracked

from mlsse import tracking
from mlsse.errors import TrackingError
from mlsse.explorer import tracked_models


@pytest.fixture
def store(monkeypatch):
    tracked.make_stores_quickly(monkeypatch)
    return tracking.open_store()


def test_looking_makes_no_store(tmp_path):
    assert tracked_models.find_store(None) is None
    assert not (tmp_path / "store").exists()
    missing = tmp_path / "mlflow.db"
    with pytest.raises(TrackingError, match="there is no file"):
        tracked_models.find_store(f"sqlite:///{missing}")
    assert not missing.exists()
    with pytest.raises(TrackingError, match="expected the address"):
        tracked_models.find_store("file:///somewhere")


def test_runs_come_with_what_became_of_them(store, tmp_path):
    plain, _ = tracked.log(tmp_path / "plain", 0, store)
    folder = tmp_path / "registered"
    run_id, model = tracked.log(folder, 1, store, evidence=tracked.evidence())
    version = tracking.register(run_id, folder, tags={}, store=store)

    found = {entry.run.run_id: entry for entry in tracked_models.entries(store)}
    assert set(found) == {plain, run_id}
    assert found[plain].state == "not registered"
    assert found[plain].promotion == ""
    assert found[run_id].promotion.startswith(f"mlsse models promote {version.number} ")
    assert model.version in found[run_id].label

    tracking.promote(version.number, reason="a test", store=store)
    first = tracked_models.entries(tracked_models.find_store(store.uri))[0]
    assert (first.run.run_id, first.state, first.promotion) == (run_id, "champion", "")

    found = tracked_models.evidence_of(run_id, store)
    assert len(found.out_of_fold) == len(synthetic.conductivity_rows())
    assert found.out_of_fold["log10_conductivity"].dtype == float
    assert {"stable", "stable_probability"} <= set(found.held_out)
    assert tracked_models.evidence_of(plain, store) is None
    assert tracked_models.model_of(first, store).version == model.version


def test_a_model_without_a_store_has_the_scores_of_its_metadata(tmp_path):
    model = tracked.write(tmp_path / "bundle")
    entry = tracked_models.loaded_entry(model)
    assert entry.run.model_version == model.version
    assert any(name.endswith("/mae_room_temperature") for name in entry.run.metrics)
    assert entry.promotion == ""
    assert entry.key == "loaded"
    with pytest.raises(TrackingError, match="no store"):
        tracked_models.model_of(entry, None)
