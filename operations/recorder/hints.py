"""The way of hints from where they are received to where they are heeded."""

import threading
import time
from collections.abc import Sequence

from operations.recorder.spans import Hint

ROOM = 10_000  # hints that wait to be heeded; what comes when there is no room is dropped
SILENCE = 60.0  # seconds without any span, after which none are said to arrive: few may be sampled


class Hints:
    """A bounded queue between threads, which never blocks, and counts what it took and dropped."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._waiting: list[Hint] = []
        self._heard_at = -SILENCE
        self.came = 0
        """How many hints came, with those that were dropped."""
        self.dropped = 0

    @property
    def arrive(self) -> bool:
        """Whether spans arrive at all, be they hints or not."""
        return time.monotonic() - self._heard_at < SILENCE

    def offer(self, hints: Sequence[Hint]) -> None:
        """Take what spans hinted at, as much of it as there is room for."""
        with self._lock:
            taken = hints[: max(0, self._room - len(self._waiting))]
            self._waiting.extend(taken)
            self.came += len(hints)
            self.dropped += len(hints) - len(taken)
            self._heard_at = time.monotonic()

    def take(self) -> list[Hint]:
        """Return what waits, and have room again."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            return waiting
