"""The queue of hints between the endpoint and the recorder, and how hints wake the recorder."""

import threading
import time
from collections.abc import Sequence

from operations.recorder.discovery import FinishedRuns
from operations.recorder.limits import Limits
from operations.recorder.schedule import Schedule
from operations.recorder.traces.spans import Hint


class HintQueue:
    """A bounded queue between threads, which never blocks, and counts what it took and dropped."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._size = limits.queued_hints
        self._silence = limits.silence
        self._lock = threading.Lock()
        self._waiting: list[Hint] = []
        self._arrived = threading.Event()
        self._last_at = -self._silence
        self.received = 0
        """How many hints came, with those that were dropped."""
        self.dropped = 0

    @property
    def is_traced(self) -> bool:
        """Whether spans arrive at all, be they hints or not."""
        return time.monotonic() - self._last_at < self._silence

    def offer(self, hints: Sequence[Hint]) -> None:
        """Take the hints of some spans, as many as there is room for."""
        with self._lock:
            taken = hints[: max(0, self._size - len(self._waiting))]
            self._waiting.extend(taken)
            self.received += len(hints)
            self.dropped += len(hints) - len(taken)
            self._last_at = time.monotonic()
        if taken:
            self._arrived.set()

    def take(self) -> list[Hint]:
        """Return the hints that wait, and have room again."""
        with self._lock:
            self._arrived.clear()
            waiting, self._waiting = self._waiting, []
            return waiting

    def wait(self, seconds: float) -> None:
        """Wait until there is a hint, for so many seconds at most."""
        self._arrived.wait(seconds)


class HintHandler:
    """Wakes the runs that hints name; hints may be forged, early, doubled or of an earlier run.

    A hint never makes a row: the instance is read, and what the read returns counts. The hint of an
    id that is not followed costs a read too, so there are so many of those a second at most.
    """

    def __init__(
        self, queue: HintQueue, schedule: Schedule, finished: FinishedRuns, limits: Limits
    ) -> None:
        self._queue = queue
        self._schedule = schedule
        self._finished = finished
        self._limits = limits
        self._strangers, self._strangers_at = limits.strangers, time.monotonic()
        self._rate, self._rated_at = 0.0, time.monotonic()

    def handle(self, read_seconds: float) -> list[Hint]:
        """Wake the runs that the waiting hints name, and return these hints.

        A finished run is woken only by what happened after its end. `read_seconds` is how long a
        read takes at present.
        """
        now = time.monotonic()
        hints = self._queue.take()
        self.measure(len(hints), now)
        excess = max(0.0, self._rate * read_seconds - self._limits.pressure)
        self._schedule.delay = min(self._limits.gathered, excess)
        latest: dict[str, float] = {}
        for hint in hints:
            latest[hint.instance_id] = max(hint.at, latest.get(hint.instance_id, 0.0))
        ended = {hint.instance_id for hint in hints if hint.is_end}
        for instance_id, at in latest.items():
            is_known = instance_id in self._schedule
            is_over = self._finished.ended_after(instance_id, at)
            if is_known or (not is_over and self.admits_stranger(now)):
                by = self.by(now, is_end=instance_id in ended)
                self._schedule.hint(instance_id, now, by)
        return hints

    def by(self, now: float, *, is_end: bool = False) -> float:
        """Return by when a run that was hinted at is to be read."""
        delay = self._schedule.delay
        return now + (min(delay, self._limits.ending) if is_end else delay)

    def measure(self, count: int, now: float) -> None:
        """Measure how many hints come in a second."""
        passed, self._rated_at = max(1e-3, now - self._rated_at), now
        self._rate += (count / passed - self._rate) * min(1.0, passed)

    def admits_stranger(self, now: float) -> bool:
        """Return whether an id that is not followed may be read now because of a hint."""
        most = self._limits.strangers
        self._strangers = min(most, self._strangers + (now - self._strangers_at) * most)
        self._strangers_at = now
        if self._strangers < 1:
            return False
        self._strangers -= 1
        return True
