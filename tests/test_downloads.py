"""The downloader: a folder mirror, a server on this machine, and what can go wrong with each."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlsse import downloads
from mlsse.downloads import FileEntry, cache_folder, describe, fetch, list_datasets, verify
from mlsse.errors import DatasetError, DataUnavailableError

CONTENT = b"formula,target\nLi2O,1.0\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = "data.example.org/abc123/tiny.csv"
REGISTRY = f"""
[schemas.tiny]
formula = ""
band_gap_ev = "eV"

[datasets.tiny]
title = "A tiny table"
schema = "tiny"
rows = 1
kept = 1
licence = "MIT"
citation = "nobody"
doi = ""
problems = ["none"]

[datasets.tiny.files.table]
address = "https://{KEY}"
sha256 = "{SHA256}"
bytes = {len(CONTENT)}

[datasets.packaged]
title = "A table that comes with mlsse"
schema = "tiny"
rows = 1
kept = 1
licence = "MIT"
citation = "nobody"
doi = ""
problems = []

[datasets.packaged.files.table]
path = "own.csv"
sha256 = "{SHA256}"
bytes = {len(CONTENT)}

[datasets.both]
title = "The two of them"
schema = "tiny"
parts = ["tiny", "packaged"]
rows = 2
kept = 2
licence = "MIT"
citation = "nobody"
doi = ""
problems = []
"""


class Server(ThreadingHTTPServer):
    """Counts its requests, and can fail the first few of them."""

    n_requests = 0
    n_failures = 0


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.n_requests += 1
        if self.server.n_requests <= self.server.n_failures:
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the registry above, an empty cache, no mirror, no waiting."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "registry.toml").write_text(REGISTRY)
    (folder / "own.csv").write_bytes(CONTENT)
    monkeypatch.setattr(downloads, "resource_folder", lambda name: folder)
    monkeypatch.setattr(downloads, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLSSE_DATA_MIRROR", raising=False)
    downloads.registry.cache_clear()
    yield folder
    downloads.registry.cache_clear()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder that mirrors the one public file."""
    path = tmp_path / "mirror" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def server(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of that folder, named as the mirror."""
    with Server(("127.0.0.1", 0), partial(Handler, directory=str(mirror))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLSSE_DATA_MIRROR", f"http://127.0.0.1:{running.server_port}/")
        yield running
        running.shutdown()


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> str:
    """Address at which nothing listens, named as the mirror: this machine is offline."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as closed:
        address = f"http://127.0.0.1:{closed.server_port}"
    monkeypatch.setenv("MLSSE_DATA_MIRROR", address)
    return address


def test_folder_mirror_is_read_in_place(
    data: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(mirror))
    assert fetch("tiny") == {"table": mirror / KEY}
    assert not cache_folder().exists()


def test_folder_mirror_with_wrong_hash(
    data: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror / KEY).write_bytes(b"other")
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(mirror))
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DatasetError, match=f"'tiny'.*{found}, expected {SHA256}"):
        fetch("tiny")
    assert [s.state for s in verify("tiny")] == ["damaged"]


def test_folder_mirror_without_the_file_falls_back_to_the_cache(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(empty))
    with pytest.raises(DataUnavailableError, match=rf"'tiny'.*{empty}.*https://{KEY}"):
        fetch("tiny")
    cached = cache_folder() / KEY
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert fetch("tiny") == {"table": cached}
    cached.write_bytes(b"damaged")
    with pytest.raises(DataUnavailableError, match="has a sound"):
        fetch("tiny")


def test_mirror_that_is_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSSE_DATA_MIRROR", "/no/such/folder")
    with pytest.raises(DataUnavailableError, match=r"'/no/such/folder'.*neither a folder nor"):
        fetch("tiny")


def test_fresh_download_then_cached(data: Path, server: Server) -> None:
    assert [s.state for s in verify("tiny")] == ["absent"]
    path = fetch("tiny")["table"]
    assert path == cache_folder() / KEY
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert fetch("tiny")["table"] == path
    assert server.n_requests == 1
    assert [s.state for s in verify("tiny")] == ["ok"]


def test_corrupted_cache_is_fetched_anew(data: Path, server: Server) -> None:
    path = fetch("tiny")["table"]
    path.write_bytes(CONTENT[:-3])
    assert [s.state for s in verify("tiny")] == ["damaged"]
    assert fetch("tiny")["table"].read_bytes() == CONTENT
    assert server.n_requests == 2


def test_corrupted_cache_offline(data: Path, no_server: str) -> None:
    cached = cache_folder() / KEY
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"damaged")
    with pytest.raises(DataUnavailableError, match="'tiny': the copy in the cache is damaged"):
        fetch("tiny")
    assert cached.read_bytes() == b"damaged"


def test_download_with_wrong_hash_leaves_nothing(data: Path, mirror: Path, server: Server) -> None:
    (mirror / KEY).write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DatasetError, match=f"'tiny'.*expected {SHA256} but got {found}"):
        fetch("tiny")
    assert list((cache_folder() / KEY).parent.iterdir()) == []
    assert server.n_requests == 1


def test_offline_and_absent_is_one_line_with_a_remedy(data: Path, no_server: str) -> None:
    with pytest.raises(DataUnavailableError) as caught:
        fetch("tiny")
    message = str(caught.value)
    for word in ("'tiny'", f"{no_server}/{KEY}", "mlsse data fetch tiny", "MLSSE_DATA_MIRROR"):
        assert word in message
    assert "\n" not in message


def test_absent_on_the_server_is_not_tried_again(data: Path, mirror: Path, server: Server) -> None:
    (mirror / KEY).unlink()
    with pytest.raises(DataUnavailableError, match="HTTP 404"):
        fetch("tiny")
    assert server.n_requests == 1


def test_server_that_recovers_is_tried_again(data: Path, server: Server) -> None:
    server.n_failures = downloads.ATTEMPTS - 1
    assert fetch("tiny")["table"].read_bytes() == CONTENT
    assert server.n_requests == downloads.ATTEMPTS


def test_server_that_does_not_recover(data: Path, server: Server) -> None:
    server.n_failures = downloads.ATTEMPTS
    with pytest.raises(DataUnavailableError, match="HTTP 503"):
        fetch("tiny")
    assert server.n_requests == downloads.ATTEMPTS


def test_cache_that_cannot_be_written(
    data: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataUnavailableError, match="cannot be brought to"):
        fetch("tiny")


def test_packaged_file_is_checked_too(data: Path) -> None:
    assert fetch("packaged") == {"table": data / "own.csv"}
    (data / "own.csv").write_bytes(b"edited")
    with pytest.raises(DatasetError, match=f"own.csv has sha256 .*, expected {SHA256}"):
        fetch("packaged")
    (data / "own.csv").unlink()
    with pytest.raises(DataUnavailableError, match="install mlsse anew"):
        fetch("packaged")


def test_merged_dataset_fetches_its_parts(
    data: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(mirror))
    assert fetch("both") == {
        "tiny/table": mirror / KEY,
        "packaged/table": data / "own.csv",
    }
    assert [s.state for s in verify("both")] == ["ok", "ok"]


def test_unknown_dataset(data: Path) -> None:
    with pytest.raises(DatasetError, match=r"no dataset 'tinny' \(did you mean 'tiny'\?\)"):
        describe("tinny")


def test_registry_with_a_field_too_many(data: Path) -> None:
    (data / "registry.toml").write_text(REGISTRY.replace("rows = 1", "rows = 1\ncolour = 2"))
    downloads.registry.cache_clear()
    with pytest.raises(DatasetError, match=r"'tiny' is not usable.*colour"):
        list_datasets()


def test_cache_folder_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLSSE_CACHE", raising=False)
    assert cache_folder().name == "mlsse"


@pytest.mark.parametrize("entry", list_datasets(), ids=lambda entry: entry.name)
def test_shipped_registry(entry: downloads.DatasetEntry) -> None:
    assert entry.title
    assert entry.licence
    assert entry.citation
    assert entry.columns["formula"] == ""
    assert 0 < entry.kept <= entry.rows
    assert bool(entry.files) != bool(entry.parts)
    assert all(describe(part).columns == entry.columns for part in entry.parts)
    for file in entry.files:
        assert len(file.sha256) == 64
        assert int(file.sha256, 16)
        assert file.bytes > 0
        if not file.packaged:
            host, owner, _, commit, path = file.key.split("/", 4)
            assert (file.location, host) == (f"https://{file.key}", "raw.githubusercontent.com")
            assert owner
            assert path
            assert len(commit) == 40
            assert int(commit, 16)


@pytest.mark.parametrize("entry", list_datasets(), ids=lambda entry: entry.name)
def test_files_that_come_with_mlsse_are_sound(entry: downloads.DatasetEntry) -> None:
    states = [s.state for s in verify(entry.name) if "://" not in s.location]
    assert states == ["ok"] * len(states)


@pytest.mark.mirror
@pytest.mark.parametrize("entry", list_datasets(), ids=lambda entry: entry.name)
def test_mirrored_files_have_the_registered_size(entry: downloads.DatasetEntry) -> None:
    paths = fetch(entry.name)
    sizes = {file.name: file.bytes for file in entry.files}
    assert {name: paths[name].stat().st_size for name in sizes} == sizes


def test_file_entry_key() -> None:
    file = FileEntry("table", "https://host/a/b.csv", "0" * 64, 1)
    assert (file.key, file.packaged) == ("host/a/b.csv", False)
