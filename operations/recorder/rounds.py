"""Goes round what has finished, to find the ids that were used again though nothing told of it."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from operations.errors import DaprRefused
from operations.model import Instance
from operations.recorder.finished import Finished

IDLE = 20.0  # states a second that are read while there is nothing else to read
BUSY = 2.0  # and while there is
AT_ONCE = 20  # states that are read at a time at most
SHORTEST = 10.0  # seconds from the beginning of a round to that of the next at least

_States = list[tuple[str, Instance | None]]


class Stated(Protocol):
    """What states are read from: the gateway, or what stands before it."""

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, None if there is none with this id."""


class Rounds:
    """Reads the states of all that has finished, at a steady pace, ever again, the newest first.

    The engine erases a finished instance when its id is started again, and lists the id as before.
    Where traces come they tell of it; a round finds the others, and costs next to nothing: it reads
    no histories, in one thread.
    """

    def __init__(self, gateway: Stated, finished: Finished) -> None:
        self._gateway = gateway
        self._finished = finished
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rounds")
        self._reading: Future[_States] | None = None
        self._left: list[str] = []
        self._earned, self._earned_at = 0.0, time.monotonic()
        self._due = time.monotonic() + SHORTEST

    def close(self) -> None:
        """Read no more; what is being read comes to its end by its deadline."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def news(self, *, is_idle: bool) -> list[str]:
        """Return ids that were found to have changed, and go on; raises `DaprUnavailable`."""
        self._earn(IDLE if is_idle else BUSY)
        if self._reading and not self._reading.done():
            return []
        read, self._reading = self._reading, None
        self._go_on()
        states = read.result() if read else ()
        return [each for each, now in states if self._finished.differ(each, now)]

    def _go_on(self) -> None:
        if ids := self._next(int(self._earned)):
            self._earned -= len(ids)
            self._reading = self._thread.submit(self._read, ids)

    def _earn(self, a_second: float) -> None:
        now = time.monotonic()
        self._earned = min(AT_ONCE, self._earned + (now - self._earned_at) * a_second)
        self._earned_at = now

    def _next(self, most: int) -> list[str]:
        """Return the ids that are next in the round, or the first ones of the next one."""
        if not self._left and time.monotonic() >= self._due:
            self._left, self._due = list(self._finished), time.monotonic() + SHORTEST
        cut = max(0, len(self._left) - most)
        self._left, ids = self._left[:cut], self._left[cut:]
        return ids

    def _read(self, ids: Sequence[str]) -> _States:
        states: _States = []
        for instance_id in ids:
            try:
                states.append((instance_id, self._gateway.state(instance_id)))
            except DaprRefused:  # it may be so for a moment: the next round reads it again
                continue
        return states
