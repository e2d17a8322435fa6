"""Worker processes on this machine, by joblib's loky."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from types import TracebackType
from typing import Any

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
     "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "1",
)  # fmt: skip
_WATCH_SECONDS = 1.0


class LocalEngine:
    """Calls functions in processes of their own, one thread each; with one worker, in this one.

    Parameters
    ----------
    workers : int, optional
        By default one a core that this process may use.

    Attributes
    ----------
    lost : tuple of exception classes
        What a call ends with when some worker was lost: all calls that were under way then.
    gone : tuple
        Empty: nothing but workers can be lost.
    retries : int
        How often to submit such a call again.
    """

    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)
    gone: tuple[type[BaseException], ...] = ()
    retries = 3

    def __init__(self, workers: int | None = None) -> None:
        from joblib import cpu_count

        self.workers = workers or cpu_count()
        self._pool: Any = None

    def __enter__(self) -> LocalEngine:
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
        """How many calls to have submitted at once: workers never wait, memory stays small."""
        return 1 if self.workers == 1 else 2 * self.workers

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function, in a worker if there are several."""
        if self.workers > 1:
            try:
                future: Future[Any] = self._started().submit(function, *arguments)
            except BrokenExecutor:
                self.close()
                future = self._started().submit(function, *arguments)
            return future
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done

    def check(self) -> None:
        """Nothing: the pool itself ends the calls of a worker that is lost."""

    def close(self) -> None:
        """End the workers, whatever they do."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None

    def _started(self) -> Any:
        if self._pool is None:
            from joblib.externals.loky.backend.context import get_context
            from joblib.externals.loky.process_executor import ProcessPoolExecutor

            self._pool = ProcessPoolExecutor(
                self.workers,
                context=get_context("loky"),
                initializer=_prepare_worker,
                initargs=(os.getpid(),),
                env=_ONE_THREAD,
            )
        return self._pool


def _prepare_worker(parent: int) -> None:
    """Leave Ctrl+C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
