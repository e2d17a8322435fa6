"""What a logged run keeps beside its scores, read back from the store."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsse.bundle import METADATA
from mlsse.errors import TrackingError
from mlsse.evidence import Evidence
from mlsse.registry import BUNDLE_ARTIFACT
from mlsse.store import Store, reported

if TYPE_CHECKING:
    import pandas as pd

_EVIDENCE = "evidence"


@reported
def run_metadata(run_id: str, store: Store) -> dict[str, Any]:
    """Read the metadata of the bundle that a run wrote.

    Raises
    ------
    TrackingError
        If the run keeps no bundle, as one that was killed, or the store fails.
    """
    text = _artifact(run_id, f"{BUNDLE_ARTIFACT}/{METADATA}", store)
    if text is None:
        raise TrackingError(f"run {run_id} keeps no bundle: it failed, or gathers a search")
    found: dict[str, Any] = json.loads(text)
    return found


@reported
def run_evidence(run_id: str, store: Store) -> Evidence | None:
    """Read the tables that `mlsse.tracking.log_training` has logged; None where it has none.

    Raises
    ------
    TrackingError
        If the store fails.
    """
    out_of_fold = _table(run_id, "out_of_fold", store)
    held_out = _table(run_id, "held_out", store)
    importances = _table(run_id, "importances", store)
    if out_of_fold is None or held_out is None or importances is None:
        return None
    return Evidence(out_of_fold, held_out, importances.set_index("feature"))


def _table(run_id: str, name: str, store: Store) -> pd.DataFrame | None:
    import pandas as pd

    text = _artifact(run_id, f"{_EVIDENCE}/{name}.csv", store)
    if text is None:
        return None
    # The word "none" of a column is a word.
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])


def _artifact(run_id: str, path: str, store: Store) -> str | None:
    """Text of an artifact of a run; None if it has none of this name."""
    client = store.client()
    names = {item.path for item in client.list_artifacts(run_id, path.rpartition("/")[0])}
    if path not in names:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, path, folder)).read_text("utf-8")
