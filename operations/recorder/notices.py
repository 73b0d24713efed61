"""What the log says once about an application: it is not traced, or its workers do not match."""

import time
from collections.abc import Iterable

import structlog

from operations.health.outages import DaprMonitor
from operations.mixed_workers import explain, is_unregistered, may_be_mixed
from operations.recorder.traces.hints import HintQueue
from operations.records import Snapshot

SUSPECTED = 5.0  # seconds for which a failure waits for the number of workers
UNTRACED_AFTER = 15.0  # seconds; daprd sends trace spans every 5 seconds by default

log = structlog.get_logger(__name__)


class Notices:
    """Logs each notice once."""

    def __init__(
        self, health: DaprMonitor, queue: HintQueue, untraced_after: float = UNTRACED_AFTER
    ) -> None:
        self._health = health
        self._queue = queue
        self._untraced_after = untraced_after
        self._reachable_since: float | None = None
        self._is_traced: bool | None = None
        self._suspect: Snapshot | None = None
        self._suspected_at = 0.0
        self._has_explained = False

    def check_traces(self) -> None:
        """Log when trace spans arrive, or that none arrives although the sidecar is reachable."""
        if not self._health.is_reachable:
            self._reachable_since = None
        elif self._queue.is_traced and not self._is_traced:
            self._is_traced = True
            log.info("trace spans arrive")
        elif self._is_traced is None and self._seconds_reachable() >= self._untraced_after:
            self._is_traced = False
            log.info(
                "no trace spans arrive: changes are found by polling, and queue time is unknown"
            )

    def check_workers(self, snapshots: Iterable[Snapshot]) -> None:
        """Log why an instance failed if workers of different programs are the likely cause.

        The number of workers arrives up to a second late: each cycle checks the last failure again.
        """
        if self._has_explained:
            return
        for snapshot in snapshots:
            if is_unregistered(snapshot.instance.failure):
                self._suspect, self._suspected_at = snapshot, time.monotonic()
        if self._suspect is None or time.monotonic() - self._suspected_at > SUSPECTED:
            return
        if may_be_mixed(self._health.workers):
            self._has_explained = True
            cause = explain(self._suspect.instance.failure, self._health.workers)
            log.warning(f"{self._suspect.instance.instance_id} failed: {cause}")

    def _seconds_reachable(self) -> float:
        self._reachable_since = self._reachable_since or time.monotonic()
        return time.monotonic() - self._reachable_since
