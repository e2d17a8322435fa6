"""What a server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

_SECONDS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class ServerMetrics:
    """Counters of one server.

    Parameters
    ----------
    model_version : str

    Attributes
    ----------
    registry : prometheus_client.CollectorRegistry
        Holds nothing but these, and memory and processor time of the process.
    """

    def __init__(self, model_version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        model = Gauge("mlsse_model", "The served model.", ["version"], registry=self.registry)
        model.labels(model_version).set(1)
        self._requests = Counter(
            "mlsse_requests", "Requests.", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "mlsse_request_seconds",
            "Time of a request, reading it included.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._rows = Counter("mlsse_rows", "Formulas answered.", registry=self.registry)
        self._row_errors = Counter(
            "mlsse_row_errors", "Formulas that could not be used.", registry=self.registry
        )

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Count a request; the path is one of few, so that nobody can make series at will."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_rows(self, rows: int, errors: int) -> None:
        """Count formulas that were answered, and those of them with an error."""
        self._rows.inc(rows)
        self._row_errors.inc(errors)
