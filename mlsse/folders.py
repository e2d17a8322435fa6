"""Put a complete folder where an old one may be, at once or not at all."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_HERE = -100  # AT_FDCWD: paths are taken as they are
_EXCHANGE = 2  # RENAME_EXCHANGE


def replace_folder(fresh: Path, folder: Path) -> None:
    """Move a complete folder to a place, in one step where the system can.

    Linux exchanges the two names, so that no reader finds the place empty. Elsewhere, and on
    file systems that cannot, the old folder steps aside just before the fresh one follows.

    Parameters
    ----------
    fresh : pathlib.Path
        The complete folder, in a temporary one on the file system of `folder`. What was at
        `folder` is left here or beside, for the caller to remove.
    folder : pathlib.Path
        The place; what is there is replaced.
    """
    if not folder.exists():
        os.replace(fresh, folder)
    elif not _exchange(fresh, folder):
        os.replace(folder, fresh.with_name("old"))
        os.replace(fresh, folder)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names; False where that is not possible."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):  # no Linux, or an old C library
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)
