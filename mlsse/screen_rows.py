"""The rows of a screen, read in batches, so that memory does not grow with the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse.conditions import kinds_of
from mlsse.errors import ScreenError
from mlsse.prediction import COLUMN_GROUPS
from mlsse.screen_store import open_screen

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 50_000


class ScreenRows:
    """The scores of a screen.

    Parameters
    ----------
    folder : str or pathlib.Path

    Attributes
    ----------
    names : list of str
        The columns.
    kinds : dict of str to Kind
        Of the columns that can be compared.
    absent : dict of str to str
        Columns that were not computed, and the group of `COLUMN_GROUPS` that each belongs to.
    absent_kinds : dict of str to Kind
        Of these.
    temperature_k : float
    notes : list of str
        What to know of the screen.

    Raises
    ------
    ScreenError
        If there is no screen, or a part of it is missing or cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        screen = open_screen(folder)
        self.temperature_k = screen.manifest.temperature_k
        self.paths = screen.score_files()
        if not self.paths:
            raise ScreenError(f"{folder} has no scores yet: let mlsse screen go on with --resume")
        try:
            schema = parquet.read_schema(self.paths[0])
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.paths[0], error) from error
        self.names = schema.names
        of_screen = screen.manifest.columns
        self.absent = {
            name: group
            for group, names in COLUMN_GROUPS.items()
            if group not in of_screen
            for name in names
        }
        kinds = kinds_of(schema)
        self.kinds = {name: kinds[name] for name in kinds if name not in self.absent}
        self.absent_kinds = {name: kinds[name] for name in kinds if name in self.absent}
        totals = screen.manifest.totals
        if totals is not None and totals.chunks != len(self.paths):
            raise ScreenError(
                f"{folder} has {len(self.paths)} of its {totals.chunks} parts: let mlsse screen "
                "make the others with --resume"
            )
        self.notes = (
            [] if screen.is_complete else ["the screen is unfinished: these are the rows so far"]
        )

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, int, pa.Table]]:
        """Number of the part, rows of it that came before, and a table of at most 50,000 rows."""
        import pyarrow as pa

        for part in range(len(self.paths)):
            for offset, batch in self._read(part, columns):
                yield part, offset, pa.Table.from_batches([batch])

    def rows(self, parts: NDArray[np.intp], places: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Whole rows by part and place in it, in the order asked for."""
        import pyarrow as pa

        found: dict[tuple[int, int], dict[str, Any]] = {}
        for part in np.unique(parts).tolist():
            wanted = np.sort(places[parts == part])
            for offset, batch in self._read(part, self.names):
                here = wanted[(wanted >= offset) & (wanted < offset + len(batch))]
                rows = batch.take(pa.array(here - offset, type=pa.int64())).to_pylist()
                found |= {(part, i): row for i, row in zip(here.tolist(), rows, strict=True)}
        return [found[key] for key in zip(parts.tolist(), places.tolist(), strict=True)]

    def _read(self, part: int, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa
        from pyarrow import parquet

        path, offset = self.paths[part], 0
        try:
            with parquet.ParquetFile(path) as file:
                lacking = sorted(set(columns) - set(file.schema_arrow.names))
                if lacking:
                    raise ScreenError(
                        f"{path} lacks the column {lacking[0]}: delete it and run mlsse screen "
                        "with --resume"
                    )
                for batch in file.iter_batches(_BATCH_ROWS, columns=list(columns)):
                    yield offset, batch
                    offset += len(batch)
        except ScreenError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ScreenError:
    first = (str(error).splitlines() or [""])[0]
    return ScreenError(
        f"{path} cannot be read ({first}): delete it and run mlsse screen with --resume"
    )
