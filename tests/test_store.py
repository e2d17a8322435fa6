"""The store: where it is, and that it is made once and whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlsse import store as stores
from mlsse.errors import TrackingError
from mlsse.store import Store, open_store, reported


def test_it_is_one_absolute_file_with_its_artifacts_beside(tmp_path):
    store = open_store()
    assert store.uri == f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    assert store.artifacts == (tmp_path / "store" / "artifacts").as_uri()
    assert (tmp_path / "store" / "mlflow.db").is_file()
    (default,) = store.client().search_experiments()
    assert default.artifact_location.startswith(store.artifacts)


def test_a_relative_sqlite_file_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    assert open_store().uri == f"sqlite:///{tmp_path / 'runs.db'}"
    assert (tmp_path / "runs.db").is_file()


def test_without_settings_it_is_in_the_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("MLSSE_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(stores, "_make_sqlite", lambda file, store: None)
    assert open_store().folder.name == "mlsse"


@pytest.mark.parametrize("uri", ["file:///tmp/runs", "runs", "ftp://host/x", "sqlite"])
def test_an_address_of_another_kind_is_refused(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match="expected the http address"):
        open_store()


def test_a_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLSSE_STORE", str(tmp_path / "file" / "store"))
    with pytest.raises(TrackingError, match=r"Not a directory.*MLSSE_STORE"):
        open_store()


def test_two_processes_at_once_make_one_sound_store(tmp_path):
    code = (
        "from mlsse.store import open_store\n"
        "client = open_store().client()\n"
        "import os; client.create_experiment(str(os.getpid()))\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    names = {e.name for e in open_store().client().search_experiments()}
    assert names == {"Default", *(str(process.pid) for process in both)}


def test_what_a_killed_process_left_half_made_does_no_harm(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / ".mlflow.db.fresh").write_bytes(b"SQLite format 3\0 and no more")
    (folder / ".mlflow.db.fresh-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    assert open_store().client().search_experiments()
    assert not list(folder.glob(".mlflow.db*"))


def test_the_lock_nests_and_keeps_others_out():
    store = open_store()
    code = (
        "from mlsse.store import open_store\n"
        "with open_store().lock(timeout=0.1): pass\n"
    )  # fmt: skip
    with store.lock(), store.lock():
        held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another process has held" in held.stderr
    free = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert free.returncode == 0, free.stderr


def test_no_message_holds_a_password():
    store = Store("postgresql://ann:secret@host/runs", Path("folder"), None)
    assert store.name == "postgresql://ann:***@host/runs"
    assert Store("sqlite:////a/b.db", Path("folder"), None).name == "sqlite:////a/b.db"


def test_it_is_active_for_a_while_only(monkeypatch):
    import mlflow

    store = open_store()
    with store.active():
        assert mlflow.get_tracking_uri() == store.uri
    assert "MLFLOW_TRACKING_URI" not in os.environ
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere/x.db")
    with store.active():
        pass
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:////elsewhere/x.db"


def test_an_unreachable_server_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    @reported
    def ask():
        return open_store().client().search_experiments()

    with pytest.raises(TrackingError, match=r"127\.0\.0\.1.*can be reached") as failure:
        ask()
    assert "\n" not in str(failure.value)
