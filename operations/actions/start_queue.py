"""Lets a few starts at a time reach the ledger and the engine; the others queue in order."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from operations.actions.context import ActionLimits
from operations.errors import TooManyStarts


class StartQueue:
    """The queue of a process for its starts; safe to share between threads.

    An engine that gets dozens of starts at once answers all of them late, and callers take a late
    answer for an unknown outcome. Each start that waits occupies a thread, so their number is
    limited too: the process needs threads for other actions.
    """

    def __init__(self, limits: ActionLimits) -> None:
        self._free = limits.starts_at_once
        self._admissions = threading.BoundedSemaphore(limits.max_starts)
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def admission(self, instance_id: str) -> Iterator[None]:
        """Count a start until its end; raise `TooManyStarts` beyond `ActionLimits.max_starts`."""
        if not self._admissions.acquire(blocking=False):
            raise TooManyStarts(instance_id)
        try:
            yield
        finally:
            self._admissions.release()

    @contextmanager
    def turn(self, instance_id: str, deadline: float) -> Iterator[None]:
        """Wait for a turn, and hold it; raise `TooManyStarts` at a deadline of the monotonic clock.

        At most `ActionLimits.starts_at_once` threads hold a turn.
        """
        if not self._take(deadline):
            raise TooManyStarts(instance_id)
        try:
            yield
        finally:
            self._give_back()

    def _take(self, deadline: float) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(max(0.0, deadline - time.monotonic())):
            return True
        with self._lock:
            if turn.is_set():  # since the wait ended
                return True
            self._waiting.remove(turn)
            return False

    def _give_back(self) -> None:
        """Pass the turn on to the thread that has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
