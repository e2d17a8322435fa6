"""What the views share: the model, what was measured, and where runs and a screen lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlsse.bundle import Model, load_model
from mlsse.compositions import composition_vectors
from mlsse.errors import DatasetError, DataUnavailableError
from mlsse.kernels import Floats
from mlsse.prediction import explain, predict_rows

if TYPE_CHECKING:
    import pandas as pd

#: Measurements whose atom fractions differ by less, summed, are of one composition.
SAME_COMPOSITION = 1e-3
_FETCH = "the public datasets are not on this machine; `mlsse data fetch conductivity` brings them"


@dataclass(frozen=True, eq=False)  # told apart by identity, so that answers can be cached
class Measured:
    """The public measurements, n of them.

    Attributes
    ----------
    table : pandas.DataFrame of n rows
        Canonical columns of the merged conductivity data; see `mlsse.datasets.load_dataset`.
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.
    """

    table: pd.DataFrame
    vectors: Floats

    def of(self, vector: Floats) -> pd.DataFrame:
        """Measurements of one composition, given by its atom fractions of shape (n_elements,)."""
        return self.table[np.abs(self.vectors - vector).sum(axis=1) < SAME_COMPOSITION]


@dataclass(frozen=True, eq=False)  # told apart by identity, so that answers can be cached
class Context:
    """What is loaded once, when the explorer starts.

    Attributes
    ----------
    model : Model
        Knows the compositions that it learned from (``model.process.vectors``,
        ``model.process.known_log10``, ``model.known_formula``) even without the datasets.
    measured : Measured or None
        None where the public datasets are not at hand.
    measured_note : str
        Why there are none and what to do about it, else empty.
    screen : pathlib.Path or None
        Folder that `mlsse screen` wrote.
    tracking_uri : str or None
        Tracking store; None is that of the environment, or else the default one.
    """

    model: Model
    measured: Measured | None = None
    measured_note: str = ""
    screen: Path | None = None
    tracking_uri: str | None = None

    @cached_property
    def known_formulas(self) -> list[str]:
        """Formulas of the compositions that the model learned from, m of them."""
        return [self.model.known_formula(i) for i in range(len(self.model.process.vectors))]

    def measurements_of(self, known: int) -> list[dict[str, Any]]:
        """Canonical rows measured of a known composition, by its row; none without datasets.

        They are kept, and not to be written to.
        """
        if self.measured is None:
            return []
        if known not in self._measurements:
            found = self.measured.of(self.model.process.vectors[known])
            self._measurements[known] = found.to_dict("records")
        return self._measurements[known]

    @cached_property
    def _measurements(self) -> dict[int, list[dict[str, Any]]]:
        return {}


def make_context(
    model: str | Path | None = None,
    *,
    screen: str | Path | None = None,
    tracking_uri: str | None = None,
) -> Context:
    """Load what the explorer needs.

    Parameters
    ----------
    model : str or pathlib.Path, optional
        Folder of a bundle; by default the shipped champion.
    screen : str or pathlib.Path, optional
    tracking_uri : str, optional

    Returns
    -------
    Context

    Raises
    ------
    BundleError
        If the bundle cannot be used.
    """
    loaded = load_model(model)
    example = loaded.known_formula(0)
    # What is loaded at first use is loaded now, lest the first visitor waits for it.
    predict_rows([example], model=loaded)
    explain(example, model=loaded)
    measured, note = load_measured()
    return Context(loaded, measured, note, Path(screen) if screen else None, tracking_uri)


def load_measured() -> tuple[Measured | None, str]:
    """The public measurements, or None and a note where their files are absent or damaged."""
    from mlsse.datasets import load_dataset, verify

    try:
        # Never a download at start: a page that opens should not wait for the network.
        if any(status.state != "ok" for status in verify("conductivity")):
            return None, _FETCH
        table = load_dataset("conductivity")
    except (DatasetError, DataUnavailableError) as error:
        return None, f"measured values cannot be read: {error}"
    return Measured(table, composition_vectors(table["formula"])), ""
