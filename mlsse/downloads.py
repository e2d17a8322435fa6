"""The registry of datasets, and how their files come to this machine and are checked.

`data/registry.toml` names each file with an address pinned to a commit and its sha256. A
file is looked for in the mirror (the environment variable MLSSE_DATA_MIRROR: a folder, or
a base address, that holds ``https://HOST/PATH`` as ``HOST/PATH``), in the cache
(MLSSE_CACHE, or the cache folder of the platform) and at its public address. Its sha256
is checked wherever it comes from and whenever it is read.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from mlsse.errors import DatasetError, DataUnavailableError
from mlsse.paths import resource_folder

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 3
PAUSE_SECONDS = 0.5
"""Wait before the second attempt; doubled before each further one."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a dataset.

    Attributes
    ----------
    name : str
        What the file is within its dataset, such as ``train``.
    location : str
        An https address, or the path of a file that comes with mlsse.
    sha256 : str
    bytes : int
    """

    name: str
    location: str
    sha256: str
    bytes: int

    @property
    def packaged(self) -> bool:
        """Whether the file comes with mlsse."""
        return "://" not in self.location

    @property
    def key(self) -> str:
        """``HOST/PATH`` of the address: the place in a mirror and in the cache."""
        return self.location.partition("://")[2]


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """What the registry says of a dataset.

    Attributes
    ----------
    name, title : str
    columns : mapping of str to str
        Canonical column to unit, "" where it has none.
    rows, kept : int
        Rows as published, and rows that `load_dataset` returns.
    licence, citation, doi : str
    problems : tuple of str
        What is wrong in the source, and what is dropped and why.
    files : tuple of FileEntry
    parts : tuple of str
        Names of the datasets that this one is merged from.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    rows: int
    kept: int
    licence: str
    citation: str
    doi: str
    problems: tuple[str, ...]
    files: tuple[FileEntry, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Where a file is, and whether it holds what the registry says.

    Attributes
    ----------
    name, location : str
        As in `FileEntry`.
    path : pathlib.Path
        Where the file is, or would be.
    state : {"ok", "absent", "damaged"}
    """

    name: str
    location: str
    path: Path
    state: Literal["ok", "absent", "damaged"]


@cache
def registry() -> Mapping[str, DatasetEntry]:
    """Datasets by name, in the order of the registry.

    Raises
    ------
    DatasetError
        If the registry is not as `DatasetEntry` and `FileEntry` want it.
    """
    path = resource_folder("data") / "registry.toml"
    with path.open("rb") as stream:
        content = tomllib.load(stream)
    entries = {}
    for name, raw in content["datasets"].items():
        fields = dict(raw)
        try:
            files = [_file_entry(n, f) for n, f in fields.pop("files", {}).items()]
            entries[name] = DatasetEntry(
                name=name,
                columns=MappingProxyType(content["schemas"][fields.pop("schema")]),
                problems=tuple(fields.pop("problems")),
                parts=tuple(fields.pop("parts", ())),
                files=tuple(files),
                **fields,
            )
        except (KeyError, TypeError) as error:
            raise DatasetError(f"{path}: the entry of {name!r} is not usable: {error}") from error
    return MappingProxyType(entries)


def _file_entry(name: str, raw: Mapping[str, Any]) -> FileEntry:
    location = raw["address"] if "address" in raw else raw["path"]
    return FileEntry(name, location, raw["sha256"], raw["bytes"])


def list_datasets() -> list[DatasetEntry]:
    """All datasets, in the order of the registry.

    Returns
    -------
    list of DatasetEntry
    """
    return list(registry().values())


def describe(name: str) -> DatasetEntry:
    """What the registry says of one dataset.

    Parameters
    ----------
    name : str

    Returns
    -------
    DatasetEntry

    Raises
    ------
    DatasetError
        If there is no such dataset.
    """
    entries = registry()
    if name not in entries:
        close = get_close_matches(str(name), entries, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise DatasetError(f"no dataset {name!r}{hint}: there are {', '.join(entries)}")
    return entries[name]


def fetch(name: str) -> dict[str, Path]:
    """Bring the files of a dataset to this machine, and check them.

    Parameters
    ----------
    name : str

    Returns
    -------
    dict of str to pathlib.Path
        File name within the dataset to where it is; for a merged dataset the key is
        ``part/file``.

    Raises
    ------
    DatasetError
        If there is no such dataset, or a mirror or the public address gives a file with
        another sha256.
    DataUnavailableError
        If a file is neither in the mirror nor in the cache and cannot be fetched.
    """
    entry = describe(name)
    paths = {f.name: _obtain(f, entry.name) for f in entry.files}
    for part in entry.parts:
        paths |= {f"{part}/{file}": path for file, path in fetch(part).items()}
    return paths


def verify(name: str) -> list[FileStatus]:
    """Check the files of a dataset where they are; fetch nothing.

    Parameters
    ----------
    name : str

    Returns
    -------
    list of FileStatus
        One for each file, those of the parts included.

    Raises
    ------
    DatasetError
        If there is no such dataset.
    DataUnavailableError
        If MLSSE_DATA_MIRROR names a folder that does not exist.
    """
    entry = describe(name)
    statuses = []
    for file in entry.files:
        path = _expected_path(file)
        found = _sha256(path)
        state: Literal["ok", "absent", "damaged"] = (
            "absent" if found is None else "ok" if found == file.sha256 else "damaged"
        )
        statuses.append(FileStatus(file.name, file.location, path, state))
    for part in entry.parts:
        statuses += verify(part)
    return statuses


def cache_folder() -> Path:
    """Folder of the downloaded files: MLSSE_CACHE, or the cache folder of the platform."""
    named = os.environ.get("MLSSE_CACHE", "")
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("mlsse"))


def _mirror() -> Path | str | None:
    """The folder or the base address that MLSSE_DATA_MIRROR names."""
    named = os.environ.get("MLSSE_DATA_MIRROR", "")
    if not named:
        return None
    if named.startswith(("http://", "https://")):
        return named.rstrip("/")
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataUnavailableError(
            f"MLSSE_DATA_MIRROR is {named!r}, which is neither a folder nor a http(s) address"
        )
    return folder


def _expected_path(file: FileEntry) -> Path:
    """Where a file is read from, if it is on this machine."""
    if file.packaged:
        return resource_folder("data") / file.location
    mirror = _mirror()
    if isinstance(mirror, Path) and (mirror / file.key).is_file():
        return mirror / file.key
    return cache_folder() / file.key


def _obtain(file: FileEntry, dataset: str) -> Path:
    """Path of a file that has the sha256 of the registry, downloaded if need be."""
    path = _expected_path(file)
    found = _sha256(path)
    if found == file.sha256:
        return path
    cached = not file.packaged and path == cache_folder() / file.key
    mirror = None if file.packaged else _mirror()
    if cached and not isinstance(mirror, Path):
        return _download(file, dataset, base=mirror, damaged=found is not None)
    if cached:
        raise DataUnavailableError(
            f"dataset {dataset!r}: neither the mirror {mirror} nor the cache {cache_folder()} "
            f"has a sound {file.key}: put the file of {file.location} there"
        )
    if found is None:
        raise DataUnavailableError(
            f"dataset {dataset!r}: {path} is absent: the installation is incomplete, "
            "install mlsse anew"
        )
    raise DatasetError(
        f"dataset {dataset!r}: {path} has sha256 {found}, expected {file.sha256}: "
        "put the published file there"
    )


def _download(file: FileEntry, dataset: str, *, base: str | None, damaged: bool) -> Path:
    """Bring a file into the cache: to a temporary name, checked, then moved into place."""
    import pooch

    address = file.location if base is None else f"{base}/{file.key}"
    folder = cache_folder()
    store = pooch.create(
        path=folder, base_url="", registry={file.key: file.sha256}, urls={file.key: address}
    )
    try:
        return Path(store.fetch(file.key, downloader=_fetch_address))
    except OSError as error:
        state = "the copy in the cache is damaged and " if damaged else ""
        raise DataUnavailableError(
            f"dataset {dataset!r}: {state}{address} cannot be brought to {folder} "
            f"({_cause(error)}): go online and run `mlsse data fetch {dataset}`, or set "
            f"MLSSE_DATA_MIRROR to a folder that holds {file.key}"
        ) from error
    except ValueError as error:
        raise DatasetError(f"dataset {dataset!r}: {address}: {error}") from error


def _fetch_address(address: str, output_file: str, store: object) -> None:
    """Download to a file, as pooch wants its downloaders; try again where it may help."""
    import pooch
    import requests

    download = pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS, progressbar=sys.stderr.isatty())
    for attempt in range(ATTEMPTS):
        try:
            download(address, output_file, store)
            return
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            refused = status is not None and status < 500 and status != 429
            if refused or attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_SECONDS * 2**attempt)


def _cause(error: OSError) -> str:
    """Few words for a failed download; the texts of requests fill a screen."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    if error.strerror:
        return error.strerror
    return type(error).__name__


def _sha256(path: Path) -> str | None:
    """Hex digest of a file; None if there is no file."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
