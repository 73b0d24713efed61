"""Finds the waits for an event that a timer has ended: the timer of the same turn fired first.

A workflow that awaits an event or a timer, whichever comes first, leaves no trace in its history if
the timer wins. What the workflow does next decides.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from operations.history import HistoryEvent


@dataclass(frozen=True)
class Expiry:
    """The timer of a wait has fired, in the turn `turn`, after `calls` calls of the workflow."""

    fired: HistoryEvent
    turn: int
    calls: int


class Timeouts:
    """The open waits by the turn that created them, and those whose timer has fired."""

    def __init__(self) -> None:
        self._waits: defaultdict[int, list[int]] = defaultdict(list)
        self._expired: dict[int, Expiry] = {}
        self._calls = 0

    def add(self, wait: int, turn: int) -> None:
        """Remember a wait, by its index, and the turn that created it."""
        self._waits[turn].append(wait)

    def count_call(self) -> None:
        """Count a call that the workflow made."""
        self._calls += 1

    def expire(self, created_in: int, fired: HistoryEvent, turn: int) -> None:
        """Remember that a timer has fired, which was created in the turn `created_in`."""
        for wait in self._waits.pop(created_in, ()):
            self._expired[wait] = Expiry(fired, turn, self._calls)

    def expiry_of(self, wait: int) -> Expiry | None:
        """Return the expiry of a wait, None if its timer has not fired."""
        return self._expired.get(wait)

    def has_gone_on(self, expiry: Expiry) -> bool:
        """Return True if the workflow has made a call since the timer fired."""
        return self._calls > expiry.calls

    def drop_all(self) -> Iterator[tuple[int, HistoryEvent]]:
        """Yield and forget the expired waits, with the firing of their timers."""
        while self._expired:
            wait, expiry = self._expired.popitem()
            yield wait, expiry.fired
