"""Finished stages: made once, whole or not at all."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlsse.stages import Stages


def test_a_stage_is_made_once_for_each_content(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "result").write_text("done")

    stages = Stages(tmp_path / "stages")
    places = [stages.get("fit", content, make) for content in ({"a": 1}, {"a": 1}, {"a": 2})]
    assert places[0] == places[1] != places[2]
    assert len(made) == 2
    assert (places[0] / "result").read_text() == "done"


def test_a_stage_that_broke_off_is_made_anew(tmp_path):
    stages = Stages(tmp_path)

    def fail(folder):
        (folder / "half").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        stages.get("fit", {}, fail)
    place = stages.get("fit", {}, lambda folder: (folder / "whole").touch())
    assert [file.name for file in place.iterdir()] == ["whole"]


def test_who_needs_it_meanwhile_waits(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        time.sleep(0.2)

    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda _: Stages(tmp_path).get("fit", {}, make), range(4)))
    assert len(made) == 1
    assert len(set(places)) == 1


def test_what_nobody_has_asked_for_in_two_weeks_goes(tmp_path):
    stages = Stages(tmp_path)
    old, young = (stages.get(name, {}, lambda folder: None) for name in ("old", "young"))
    weeks_ago = time.time() - 15 * 86_400
    os.utime(old, (weeks_ago, weeks_ago))
    stages.prune()
    assert not old.exists()
    assert young.is_dir()
    Stages(tmp_path / "none").prune()
