"""Finished stages of long jobs, kept by what they follow from, so that none is done twice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_KEPT_DAYS = 14.0


def fingerprint(content: Mapping[str, Any]) -> str:
    """Name a content by 16 hexadecimal digits.

    Parameters
    ----------
    content : mapping
        Strict JSON; the order of its keys does not matter.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Stages:
    """A folder of finished stages, each a folder of its own.

    Parameters
    ----------
    folder : pathlib.Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str, content: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
        """Look up a finished stage, or make it.

        Whoever else needs it meanwhile waits and finds it done. A killed process leaves a part
        that the next one starts anew.

        Parameters
        ----------
        name : str
        content : mapping
            What the stage follows from, strict JSON.
        make : callable
            Fills the empty folder that it is given.

        Returns
        -------
        pathlib.Path
            Folder of the finished stage; not to be changed.
        """
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / f"{name}-{fingerprint(content)}"
        with FileLock(place.with_name(place.name + ".lock")):
            if place.is_dir():
                os.utime(place)  # was of use today
                return place
            part = place.with_name(f".{place.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(place)
        return place

    def prune(self) -> None:
        """Remove stages that nobody has asked for in two weeks."""
        if not self.folder.is_dir():
            return
        for place in self.folder.iterdir():
            if place.is_dir() and time.time() - place.stat().st_mtime > _KEPT_DAYS * 86_400:
                shutil.rmtree(place, ignore_errors=True)
