"""The model card: whatever the metadata say, and no more."""

from __future__ import annotations

import copy
import json

import pytest
import synthetic
from pages import check_page

from mlsse.bundle import METADATA, load_model
from mlsse.family_scores import scores_by_family
from mlsse.html_pages import as_html
from mlsse.model_card import card, model_card
from mlsse.paths import resource_folder

FAMILY = {
    "n": 40, "n_compositions": 12, "mae": 1.9, "mae_ci95": [1.2, 2.6], "median_mae": 1.7,
    "coverage_90": 0.57, "mean_interval_width": 3.3,
}  # fmt: skip
COST = {
    "wall_seconds": 120.0, "cpu_seconds": 7200.0, "peak_memory_gb": 2.0, "cpu": "a processor",
    "cores": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("model") / "bundle").metadata


def test_the_card_of_a_bundle_is_that_of_its_metadata(tmp_path):
    model = synthetic.write(tmp_path / "bundle")
    written = (tmp_path / "bundle" / "MODEL_CARD.md").read_text("utf-8")
    assert written == model_card(model.metadata)
    read_back = json.loads((tmp_path / "bundle" / METADATA).read_bytes())
    assert written == model_card(read_back)


def test_the_shipped_card_is_that_of_the_shipped_metadata():
    folder = resource_folder("models") / "champion"
    shipped = (folder / "MODEL_CARD.md").read_text("utf-8")
    assert shipped == model_card(load_model(folder).metadata), (
        "write it anew: mlsse models card --out models/champion/MODEL_CARD.md"
    )


def test_it_tells_use_data_scores_failures_and_versions(metadata):
    made = model_card(metadata)
    for title in (
        "What it predicts", "Intended use", "What it learned from",
        "How it scored while it was trained", "How it scored by family",
        "Known failures", "What it cannot know", "What it cost", "Versions",
    ):  # fmt: skip
        assert f"\n## {title}\n" in made
    for source in metadata["data"].values():
        assert f"| {source['title']} | {source['rows']:,} |" in made
        assert source["licence"] in made
    error = metadata["metrics"]["conductivity"]["mae_room_temperature"]
    assert f"| room temperature | {error:.3f} |" in made
    assert "numpy" in made


def test_families_and_what_fails_among_them(metadata):
    told = copy.deepcopy(metadata)
    few = {**FAMILY, "n": 5}
    good = {**FAMILY, "mae": 0.8, "coverage_90": 0.91}
    told["metrics"]["conductivity"]["by_family"] = {"halides": FAMILY, "few": few, "good": good}
    made = model_card(told)
    assert "| halides | 40 | 12 | 1.90 | 1.20 to 2.60 | 1.70 | 0.57 | 3.30 |" in made
    assert (
        "- Halides: an error of 1.90 decades on 40 held-out rows, no better than the median of all "
        "rows (1.70).\n- Halides: the 90 % interval holds only 57 % of 40 held-out values.\n"
    ) in made
    assert "- Few" not in made
    assert "- Good" not in made


def test_what_undefined_scores_look_like(metadata):
    told = copy.deepcopy(metadata)
    odd = dict.fromkeys(FAMILY) | {"n": 20, "n_compositions": 1}
    told["metrics"]["conductivity"] |= {"by_family": {"odd": odd}, "mae_other_temperatures": None}
    made = model_card(told)
    assert "| odd | 20 | 1 | undefined | undefined | undefined | undefined | undefined |" in made
    assert "| other temperatures | undefined |" in made


def test_cost_and_its_estimate(metadata):
    made = model_card({**metadata, "cost": COST})
    assert "| processor time over all cores | 120.0 min |" in made
    assert "a processor, 2 cores" in made
    # (7200 s * 12 W + 120 s * 2 GB * 0.3725 W/GB) * 1.67 = 40.1 Wh, times 0.475 g/Wh.
    assert "| energy, estimated | 40 Wh |" in made
    assert "| carbon dioxide, estimated | 19 g |" in made


def test_a_bundle_without_them_says_so(metadata):
    told = {name: value for name, value in metadata.items() if name != "cost"}
    told["metrics"] = copy.deepcopy(metadata["metrics"])
    told["metrics"]["conductivity"].pop("by_family", None)
    assert model_card(told).count("Not recorded when this model was trained.") == 2


def test_the_card_as_a_page(metadata):
    told = copy.deepcopy(metadata)
    told["metrics"]["conductivity"]["by_family"] = scores_by_family(
        synthetic.fitted()[0].out_of_fold
    )
    check_page(as_html(card({**told, "cost": COST})))
