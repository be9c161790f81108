"""What is measured while the coordinator works, in the metrics of `prometheus-client`.

They belong to no registry, so that two coordinators in one process have nothing in common.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import Metric

_FOLD_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_COMMIT_BUCKETS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_BATCH_BUCKETS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_EVENT_BUCKETS: Final = (1, 2, 5, 10, 30, 100, 300, 1000, 3000)


class Meters:
    """An Observer that counts and measures."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._folds = Histogram(
            "mfpt_fold_seconds", "Time to compute a version, seconds.", buckets=_FOLD_BUCKETS, registry=None
        )
        self._commits = Histogram(
            "mfpt_commit_seconds",
            "Time until a commit is on the disk, seconds.",
            buckets=_COMMIT_BUCKETS,
            registry=None,
        )
        self._failures = Counter("mfpt_commit_failures", "Commits that failed.", registry=None)
        self._batches = Histogram(
            "mfpt_batch_seconds", "Time to handle all that has come, seconds.", buckets=_BATCH_BUCKETS, registry=None
        )
        self._events = Histogram(
            "mfpt_batch_events",
            "What had come in the meantime, with one event for the clock.",
            buckets=_EVENT_BUCKETS,
            registry=None,
        )

    def took(self, events: int, seconds: float) -> None:
        """See Observer.took."""
        self._events.observe(events)
        self._batches.observe(seconds)

    def folded(self, seconds: float) -> None:
        """See Observer.folded."""
        self._folds.observe(seconds)

    def saved(self, seconds: float) -> None:
        """See Observer.saved."""
        self._commits.observe(seconds)

    def not_saved(self) -> None:
        """See Observer.not_saved."""
        self._failures.inc()

    def collect(self) -> Iterable[Metric]:
        """Return what was measured; from any thread."""
        for metric in (self._folds, self._commits, self._failures, self._batches, self._events):
            yield from metric.collect()
