"""Workers of a Dask cluster; the only module that imports Dask."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import TracebackType
from typing import Any

from mlsse.errors import ScreenError, ScreenInputError

_LEAST_LOOK_AHEAD = 4
_CONNECT_SECONDS = 30


class DaskEngine:
    """Calls functions on a Dask cluster; a call whose worker is lost is done again by another.

    Parameters
    ----------
    scheduler : str, optional
        Address, such as ``tcp://10.0.0.1:8786``, or a scheduler file, whose name ends in
        ``.json``. By default a cluster of processes on this machine, for as long as this lives.
    workers : int, optional
        Processes of that local cluster, by default one a core.

    Attributes
    ----------
    lost : tuple of exception classes
        What a call ends with when Dask has given it up: it has lost four workers in a row.
    gone : tuple of exception classes
        What any use of the cluster ends with when its scheduler was lost.
    retries : int
        How often to submit such a call again: Dask has done so itself.

    Raises
    ------
    ScreenInputError
        If Dask is not installed.
    ScreenError
        If the scheduler does not answer.
    """

    retries = 0

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        try:
            from distributed import Client, LocalCluster
            from distributed.comm import CommClosedError
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            raise ScreenInputError(
                f"--engine dask needs Dask ({error}): pip install 'mlsse[dask]'"
            ) from error
        self.lost: tuple[type[BaseException], ...] = (KilledWorker,)
        self.gone: tuple[type[BaseException], ...] = (CommClosedError, CancelledError)
        self.cluster: Any = None
        if scheduler is not None and scheduler.endswith(".json"):
            _check_file(scheduler)
        try:
            if scheduler is None:
                from joblib import cpu_count

                self.cluster = LocalCluster(
                    n_workers=workers or cpu_count(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    memory_limit=0,
                )
                self.client = Client(self.cluster)
            elif scheduler.endswith(".json"):
                self.client = Client(scheduler_file=scheduler, timeout=_CONNECT_SECONDS)
            else:
                self.client = Client(scheduler, timeout=_CONNECT_SECONDS)
        except (OSError, ValueError) as error:  # time-outs are of the former
            self._close_cluster()
            where = scheduler or "this machine"
            raise ScreenError(
                f"no Dask scheduler answers at {where} ({error}): give the address that "
                "`dask scheduler` prints, such as tcp://10.0.0.1:8786"
            ) from error
        # Results differ by nothing but what is written: each call is one of its own.
        self._executor = self.client.get_executor(pure=False)

    def __enter__(self) -> DaskEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def look_ahead(self) -> int:
        """How many calls to have submitted at once; follows workers that come and go."""
        return max(_LEAST_LOOK_AHEAD, 2 * sum(self.client.nthreads().values()))

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function on some worker."""
        future: Future[Any] = self._executor.submit(function, *arguments)
        return future

    def check(self) -> None:
        """Raise an exception of `gone` if the scheduler was lost: calls under way may never end."""
        if self.client.status in ("closing", "closed"):
            raise self.gone[0]("the connection to the scheduler is closed")

    def close(self) -> None:
        """Take back what is not done yet and leave the cluster; end it if it is of this machine."""
        self._executor.shutdown(wait=False)
        self.client.close()
        self._close_cluster()

    def _close_cluster(self) -> None:
        if self.cluster is not None:
            self.cluster.close()
            self.cluster = None


def _check_file(scheduler: str) -> None:
    if not Path(scheduler).is_file():
        raise ScreenInputError(
            f"the scheduler file {scheduler} does not exist: `dask scheduler --scheduler-file` "
            "writes it"
        )
