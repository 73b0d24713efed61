"""Hints: the queue between the endpoint and the recorder, and the reads that hints trigger."""

import threading
import time
from collections.abc import Sequence

from operations.recorder.discovery import FinishedRuns
from operations.recorder.limits import RecorderLimits
from operations.recorder.schedule import Schedule
from operations.recorder.traces.parser import Hint


class HintQueue:
    """A bounded queue between threads; it drops hints instead of blocking, and counts them."""

    def __init__(self, limits: RecorderLimits | None = None) -> None:
        limits = limits or RecorderLimits()
        self._size = limits.queued_hints
        self._silence = limits.untraced_after
        self._lock = threading.Lock()
        self._waiting: list[Hint] = []
        self._arrived = threading.Event()
        self._last_at = -self._silence
        self.received = 0
        """How many hints arrived, including dropped ones."""
        self.dropped = 0

    @property
    def is_traced(self) -> bool:
        """Whether trace spans arrive at all, with hints or without."""
        return time.monotonic() - self._last_at < self._silence

    def offer(self, hints: Sequence[Hint]) -> None:
        """Queue hints; drop those for which the queue has no room."""
        with self._lock:
            taken = hints[: max(0, self._size - len(self._waiting))]
            self._waiting.extend(taken)
            self.received += len(hints)
            self.dropped += len(hints) - len(taken)
            self._last_at = time.monotonic()
        if taken:
            self._arrived.set()

    def take(self) -> list[Hint]:
        """Return the queued hints, and empty the queue."""
        with self._lock:
            self._arrived.clear()
            waiting, self._waiting = self._waiting, []
            return waiting

    def wait(self, seconds: float) -> None:
        """Wait until there is a hint, for `seconds` at most."""
        self._arrived.wait(seconds)


class HintHandler:
    """Wakes the runs that hints name; a hint may be forged, early, doubled or of an earlier run.

    A hint only triggers a read, and never creates a row. The number of reads a second of ids that
    are not followed is limited, because anybody can send hints.
    """

    def __init__(
        self, queue: HintQueue, schedule: Schedule, finished: FinishedRuns, limits: RecorderLimits
    ) -> None:
        self._queue = queue
        self._schedule = schedule
        self._finished = finished
        self._limits = limits
        self._credit, self._credited_at = limits.unfollowed_reads, time.monotonic()
        self._rate, self._rated_at = 0.0, time.monotonic()

    def handle(self, read_seconds: float) -> list[Hint]:
        """Wake the runs that the queued hints name, and return these hints.

        Only a hint that is later than the end of a finished run wakes it. `read_seconds` is how
        many seconds a read takes at present.
        """
        now = time.monotonic()
        hints = self._queue.take()
        self.measure(len(hints), now)
        excess = max(0.0, self._rate * read_seconds - self._limits.busy_readers)
        self._schedule.delay = min(self._limits.longest_hint_delay, excess)
        latest: dict[str, float] = {}
        for hint in hints:
            latest[hint.instance_id] = max(hint.at, latest.get(hint.instance_id, 0.0))
        ended = {hint.instance_id for hint in hints if hint.is_end}
        for instance_id, at in latest.items():
            is_followed = instance_id in self._schedule
            has_ended = self._finished.ended_after(instance_id, at)
            if is_followed or (not has_ended and self.admits_unfollowed(now)):
                by = self.read_by(now, is_end=instance_id in ended)
                self._schedule.hint(instance_id, now, by)
        return hints

    def read_by(self, now: float, *, is_end: bool = False) -> float:
        """Return the time by which a run with a hint is to be read."""
        delay = self._schedule.delay
        return now + (min(delay, self._limits.longest_end_delay) if is_end else delay)

    def measure(self, count: int, now: float) -> None:
        """Update the measured rate of hints; `count` hints arrived since the last call."""
        passed, self._rated_at = max(1e-3, now - self._rated_at), now
        self._rate += (count / passed - self._rate) * min(1.0, passed)

    def admits_unfollowed(self, now: float) -> bool:
        """Return True if a hint may trigger the read of an id that is not followed."""
        rate = self._limits.unfollowed_reads
        self._credit = min(rate, self._credit + (now - self._credited_at) * rate)
        self._credited_at = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True
