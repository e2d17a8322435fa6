"""A bundle is written whole, loaded as it was, and refused when anything is wrong with it."""

from __future__ import annotations

import hashlib
import io
import json
import pickle

import numpy as np
import pytest
import synthetic

from mlsse.bundle import ARRAYS, METADATA, PHASES, TREES, ProbabilityMap, load_model
from mlsse.errors import BundleError


@pytest.fixture
def folder(tmp_path):
    synthetic.write(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_loaded_bundle_predicts_what_was_fitted(folder):
    conductivity, stability = synthetic.fitted()
    model = load_model(folder)
    X = synthetic.features(["Li6.5La3Zr1.5Ta0.5O12", "Li3YCl5Br", "NaAlO2"])
    expected, found = conductivity.predict_lines(X), model.lines(X)
    np.testing.assert_allclose(
        found.room_log10_conductivity, expected.room_log10_conductivity, atol=1e-5
    )
    np.testing.assert_allclose(found.unexplained, expected.unexplained)
    np.testing.assert_allclose(found.signals, expected.signals, atol=1e-5)
    assert model.calibration.domain == conductivity.calibration.domain
    np.testing.assert_allclose(
        model.stability(X).formation_energy,
        stability.models["formation_energy"].predict(X[:, stability.columns].astype(np.float32)),
        atol=1e-5,
    )
    np.testing.assert_array_equal(
        model.decomposition_energy(X), model.stability(X).decomposition_energy
    )
    np.testing.assert_array_equal(model.calibration.quantiles, conductivity.calibration.quantiles)


def test_many_rows_that_are_alike_give_the_very_same_stability(folder, monkeypatch):
    model = load_model(folder)
    X = synthetic.features(
        [f"Li6.5La3Zr{1 + i / 1000:.3f}Ta{1 - i / 1000:.3f}O12" for i in range(200)]
    )
    expected = [model.stability(X[i : i + 1]) for i in range(200)]
    monkeypatch.setattr(model, "_run", None)  # nothing is left to run in the other way
    found = model.stability(X)
    for name in ("decomposition_energy", "formation_energy", "stable_probability"):
        one_by_one = np.concatenate([getattr(row, name) for row in expected])
        np.testing.assert_array_equal(getattr(found, name), one_by_one)


def test_the_same_models_give_the_same_files_and_version(tmp_path):
    one, other = (synthetic.write(tmp_path / name) for name in ("one", "other"))
    assert one.version == other.version
    for path in one.folder.iterdir():
        assert path.read_bytes() == (other.folder / path.name).read_bytes()


def test_it_replaces_an_old_bundle_and_leaves_nothing_beside(folder):
    synthetic.write(folder)
    assert sorted(p.name for p in folder.parent.iterdir()) == ["bundle"]
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        [METADATA, ARRAYS, PHASES, "MODEL_CARD.md", *(f"{name}.onnx" for name in TREES)]
    )


def test_it_does_not_overwrite_what_is_no_bundle(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="is no bundle"):
        synthetic.write(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", [ARRAYS, "stable.onnx"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_file_is_refused_by_name(folder, name, damage):
    path = folder / name
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "truncate":
        path.write_bytes(data[:-1])
    else:
        path.unlink()
    with pytest.raises(BundleError, match=f"{name} is not what"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format_version", 99, "bundle format 99, .* install a newer mlsse"),
        ("format_version", 1, "bundle format 1, .* train it anew"),
        ("format_version", None, "damaged"),
        ("model_version", "champion-00000000", "but its files are those of another"),
        ("features", {"count": 1, "sha256": "0"}, "other features"),
        ("sha256", {"../../secret": "0"}, "lists other files"),
        ("sha256", 3, "damaged|lists other files"),
    ],
)
def test_metadata_of_another_kind_is_refused(folder, key, value, message):
    path = folder / METADATA
    metadata = json.loads(path.read_text())
    metadata[key] = value
    path.write_text(json.dumps(metadata))
    with pytest.raises(BundleError, match=message):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 100_000])
def test_metadata_that_is_no_json_object_is_refused(folder, text):
    (folder / METADATA).write_text(text)
    with pytest.raises(BundleError, match="damaged"):
        load_model(folder)


def forge(folder, name, data):
    """Put other contents into a bundle, with hashes and a model version that fit."""
    (folder / name).write_bytes(data)
    metadata = json.loads((folder / METADATA).read_text())
    metadata["sha256"][name] = hashlib.sha256(data).hexdigest()
    identity = hashlib.sha256("".join(metadata["sha256"].values()).encode()).hexdigest()[:8]
    metadata["model_version"] = f"smoke-{identity}"
    (folder / METADATA).write_text(json.dumps(metadata))


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", [ARRAYS, PHASES])
def test_a_forged_array_runs_no_code(folder, name):
    sprung = folder.parent / "sprung"
    trap = np.empty(1, dtype=object)
    trap[0] = Trap(sprung)
    with np.load(folder / name) as arrays:
        forged = dict(arrays)
    forged[next(iter(forged))] = trap
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **forged)
    forge(folder, name, buffer.getvalue())
    with pytest.raises(BundleError, match=f"{name} holds no part of a model"):
        load_model(folder).phases  # noqa: B018 - read at first use
    assert not sprung.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", pickle.dumps({"a": 1}), b"\x93NUMPY"])
@pytest.mark.parametrize("name", [ARRAYS, PHASES])
def test_a_forged_file_of_another_kind_is_refused(folder, name, data):
    forge(folder, name, data)
    with pytest.raises(BundleError, match=f"{name} holds no part of a model"):
        load_model(folder).phases  # noqa: B018 - read at first use


def test_missing_arrays_and_a_forged_tree_are_refused(folder):
    buffer = io.BytesIO()
    np.savez(buffer, nothing=np.zeros(1))
    forge(folder, ARRAYS, buffer.getvalue())
    with pytest.raises(BundleError, match="holds no part of a model"):
        load_model(folder)
    synthetic.write(folder)
    forge(folder, "stable.onnx", b"no graph")
    with pytest.raises(BundleError, match=r"stable\.onnx holds no part of a model"):
        load_model(folder).sessions  # noqa: B018 - read at first use


@pytest.mark.parametrize(("name", "use"), [("stable.onnx", "sessions"), (PHASES, "phases")])
def test_a_file_that_changes_after_loading_is_refused(folder, name, use):
    model = load_model(folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b"x")
    with pytest.raises(BundleError, match=f"{name} is not what"):
        getattr(model, use)


def test_a_folder_without_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="holds no model bundle"):
        load_model(tmp_path)


def test_metadata_tells_data_versions_and_metrics(folder):
    metadata = load_model(folder).metadata
    assert set(metadata["data"]) == {"obelix", "critexam"}
    assert metadata["data"]["obelix"]["rows"] == len(synthetic.conductivity_rows())
    assert "scikit-learn" in metadata["versions"]
    card = (folder / "MODEL_CARD.md").read_text()
    assert "## What it cannot know" in card
    assert "CC-BY" in card


def test_probability_map_interpolates():
    to = ProbabilityMap(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.2, 1.0]))
    np.testing.assert_allclose(to(np.array([0.25, 0.75])), [0.1, 0.6])
