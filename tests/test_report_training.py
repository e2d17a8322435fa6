"""The report of a training, and what a logged run keeps."""

from __future__ import annotations

import pandas as pd
import pytest
import tracked
from pages import check_page, check_with_nu, words

from mlsse import store as stores
from mlsse.errors import BundleError, TrackingError
from mlsse.html_pages import as_html, write_page
from mlsse.report_training import training_report
from mlsse.run_evidence import run_evidence, run_metadata


@pytest.fixture
def logged(tmp_path, monkeypatch):
    """A run with its evidence."""
    tracked.make_stores_quickly(monkeypatch)
    return tracked.log(tmp_path / "bundle", evidence=tracked.evidence())


def test_a_run_gives_back_what_was_logged(logged):
    run_id, model = logged
    store = stores.open_store()
    assert run_metadata(run_id, store) == model.metadata
    found, expected = run_evidence(run_id, store), tracked.evidence()
    for name in ("out_of_fold", "held_out", "importances"):
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(expected, name), check_dtype=False
        )


def test_a_run_without_evidence_or_bundle(tmp_path, monkeypatch):
    tracked.make_stores_quickly(monkeypatch)
    run_id, _ = tracked.log(tmp_path / "bundle")
    store = stores.open_store()
    assert run_evidence(run_id, store) is None
    client = store.client()
    empty = client.create_run(client.get_run(run_id).info.experiment_id).info.run_id
    with pytest.raises(TrackingError, match="keeps no bundle"):
        run_metadata(empty, store)


def test_the_report_of_a_run_has_card_figures_and_all_metrics(logged, tmp_path):
    run_id, model = logged
    made = training_report(run_id[:8])
    assert [p.name for p in made.pictures()] == [
        "errors_by_family", "parity", "calibration", "interval_width", "residuals_by_family",
        "importances",
    ]  # fmt: skip
    assert all(any(c.isdigit() for c in p.alternative) for p in made.pictures()[:-1])
    path = write_page(made, tmp_path / "report.html")
    shown = words(check_page(path.read_text("utf-8")))
    for name in ("What it predicts", "Known failures", "What it cost", "garnets", run_id,
                 model.version, "conductivity/grouped_2_fold/mae_room_temperature",
                 "conductivity.n_trees"):  # fmt: skip
        assert name in shown
    check_with_nu(path)


def test_the_report_of_a_folder(tmp_path):
    model = tracked.write(tmp_path / "bundle")
    shown = words(check_page(as_html(training_report(tmp_path / "bundle"))))
    assert f"Training of {model.version}" in shown
    assert "Everything that was logged" not in shown


def test_what_is_no_training_is_refused(tmp_path, monkeypatch):
    tracked.make_stores_quickly(monkeypatch)
    with pytest.raises(BundleError, match="holds no model bundle"):
        training_report(tmp_path)
    with pytest.raises(TrackingError, match="no runs begin with 'abc'"):
        training_report("abc")
