"""A folder is replaced at once: no reader finds its place empty."""

from __future__ import annotations

import sys
import threading

import pytest

from mlsse import folders
from mlsse.folders import replace_folder


def folder_with(path, text):
    path.mkdir(parents=True)
    (path / "file").write_text(text)
    return path


@pytest.mark.parametrize("at_once", [True, False])
def test_it_replaces_what_is_there(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    place = folder_with(tmp_path / "place", "old")
    replace_folder(folder_with(tmp_path / "scratch" / "fresh", "new"), place)
    assert (place / "file").read_text() == "new"
    left = [p.read_text() for p in (tmp_path / "scratch").rglob("file")]
    assert left == ["old"]


def test_it_fills_an_empty_place(tmp_path):
    replace_folder(folder_with(tmp_path / "fresh", "new"), tmp_path / "place")
    assert (tmp_path / "place" / "file").read_text() == "new"
    assert not (tmp_path / "fresh").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="exchanges names on Linux only")
def test_no_reader_finds_the_place_empty(tmp_path):
    place = folder_with(tmp_path / "place", "0")
    done = threading.Event()
    missing = []

    def read():
        while not done.is_set():
            if not place.is_dir():
                missing.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for i in range(300):
            replace_folder(folder_with(tmp_path / str(i), str(i)), place)
    finally:
        done.set()
        reader.join()
    assert (place / "file").read_text() == "299"
    assert not missing
