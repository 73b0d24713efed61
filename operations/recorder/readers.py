"""Reads instances in a few threads, so that a slow read does not delay the others."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.errors import DaprUnavailable, FlowdeckError, HistoryLost
from operations.model import Instance
from operations.recorder.limits import RecorderLimits
from operations.records import Snapshot
from operations.snapshots import Readable, read_snapshot, read_state

_WEIGHT = 0.05  # of one read in the moving average
IsKnownEnd = Callable[[Instance], bool]


@dataclass(frozen=True)
class ReadResult:
    """The result of one read of an instance, which started at `read_at` and took `seconds`.

    `snapshot` is None if the engine has no instance with this id. After an `error` it contains the
    instance's state alone, or is None. `is_known_end` says that the instance had ended and was
    recorded before, and has not changed since.
    """

    instance_id: str
    read_at: datetime
    seconds: float
    snapshot: Snapshot | None = None
    error: Exception | None = None
    is_known_end: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the engine has no instance with this id."""
        return self.snapshot is None and self.error is None and not self.is_known_end

    @property
    def is_unanswered(self) -> bool:
        """Whether the engine gave no answer."""
        return self.snapshot is None and isinstance(self.error, DaprUnavailable)


class Readers:
    """Reads instances in threads; `results` or `take_back` returns each queued id."""

    def __init__(
        self,
        gateway: Readable,
        now: Callable[[], datetime],
        is_known_end: IsKnownEnd,
        limits: RecorderLimits,
    ) -> None:
        self._gateway = gateway
        self._now = now
        self._is_known_end = is_known_end
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.readers, thread_name_prefix="reader")
        self._reading: dict[Future[ReadResult], str] = {}
        self.seconds = 0.0
        """How many seconds a read takes, as a moving average."""

    @property
    def room(self) -> int:
        """How many more reads may be queued."""
        return self._limits.queued_reads - len(self._reading)

    def close(self) -> None:
        """Start no further read; reads in progress end at their deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read(self, instance_id: str, last: Snapshot | None, *, is_finished: bool) -> None:
        """Queue the read of an instance.

        `last` is its last snapshot. `is_finished` says that it is known to have finished.
        """
        future = self._threads.submit(self._read, instance_id, last, is_finished)
        self._reading[future] = instance_id

    def results(self) -> list[ReadResult]:
        """Return the results of finished reads; wait for them at most `results_wait` seconds."""
        done = wait(self._reading, self._limits.results_wait).done
        for future in done:
            del self._reading[future]
        results = [future.result() for future in done]
        for result in results:
            self.seconds += (result.seconds - self.seconds) * _WEIGHT
        return results

    def take_back(self) -> Iterable[str]:
        """Cancel the reads that have not started, and return their ids."""
        cancelled = [future for future in self._reading if future.cancel()]
        return [self._reading.pop(future) for future in cancelled]

    def _read(self, instance_id: str, last: Snapshot | None, is_finished: bool) -> ReadResult:  # noqa: FBT001 - called by the executor
        read_at, start = self._now(), time.monotonic()
        snapshot: Snapshot | None = None
        error: Exception | None = None
        is_known_end = False
        try:
            is_known_end = is_finished and self._has_not_changed(instance_id)
            if not is_known_end:
                snapshot = read_snapshot(self._gateway, instance_id, last, self._now)
        except HistoryLost as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - one instance must not block the others
            snapshot, error = self._read_state(instance_id), caught
        seconds = time.monotonic() - start
        return ReadResult(instance_id, read_at, seconds, snapshot, error, is_known_end)

    def _has_not_changed(self, instance_id: str) -> bool:
        instance = self._gateway.state(instance_id)
        return instance is not None and self._is_known_end(instance)

    def _read_state(self, instance_id: str) -> Snapshot | None:
        try:
            return read_state(self._gateway, instance_id, self._now)
        except FlowdeckError:
            return None


class Clock:
    """The clock of reads, which never goes back.

    The ledger compares the times of two snapshots, so a later read must have a later time. If the
    machine's clock is set back, this clock continues; if it is set forward, this clock follows.
    """

    def __init__(self, system: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._last = system()
        self._last_at = time.monotonic()

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        with self._lock:
            # The system's clock is read first: a pause between the two reads must not count twice.
            system, at = self._system(), time.monotonic()
            self._last = max(self._last + timedelta(seconds=at - self._last_at), system)
            self._last_at = at
            return self._last
