"""Where the files that come with mlsse are, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mlsse.errors import DataUnavailableError

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: Literal["data", "models"]) -> Path:
    """Folder of the files that come with mlsse.

    A wheel carries them inside the package; in a checkout, also one installed with
    ``pip install --editable``, they lie beside it.

    Parameters
    ----------
    name : {"data", "models"}

    Returns
    -------
    pathlib.Path
        An existing folder; its files are read-only at run time.

    Raises
    ------
    DataUnavailableError
        If there is no such folder: the installation is incomplete.
    """
    candidates = [_PACKAGE / name]
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        candidates.append(_PACKAGE.parent / name)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise DataUnavailableError(
        f"the folder {name!r} of mlsse is not at {candidates[-1]}: install mlsse anew"
    )
