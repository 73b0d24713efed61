"""What the recorder makes of hints: it looks sooner, and lends begins to attempts."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from operations.ledger import Ledger
from operations.recorder.begins import Begins
from operations.recorder.finished import Finished
from operations.recorder.following import Following
from operations.recorder.hints import Hints
from operations.recorder.readers import Look
from operations.recorder.spans import Hint
from operations.records import Snapshot, StartTime

STRANGERS = 100  # ids a second that are looked at though nothing is known of them
MANY = 50.0  # hints a second, above which an instance's are gathered
GATHERED = 0.45  # seconds for which they are: then one read serves them all
ENDING = 0.3  # seconds that a busy engine takes from the end that it hints at until that is written


class Tracing:
    """Heeds hints, which may be forged, early, doubled or of an earlier life.

    A hint never makes a row: it has an instance read, and what is read counts. One of an id that is
    not followed costs a read too, so there are so many of those a second at most; the list of
    instances finds the others.
    """

    def __init__(self, hints: Hints, ledger: Ledger, following: Following) -> None:
        self._hints = hints
        self._ledger = ledger
        self._following = following
        self._begins = Begins()
        self._new = _begins(())
        self._strangers = float(STRANGERS)
        self._counted_at = time.monotonic()
        self._rate, self._heeded_at = 0.0, time.monotonic()

    def heed(self, finished: Finished) -> None:
        """Have read what something happened to; to what has finished, only if it was later."""
        now = time.monotonic()
        hints = self._hints.take()
        self._count(len(hints), now)
        later = self.by(now)
        ending = min(later, now + ENDING)
        ended = {hint.instance_id for hint in hints if hint.is_end}
        for instance_id, at in _latest(hints).items():
            is_over = finished.explain(instance_id, at)
            if instance_id in self._following or (not is_over and self._is_admitted(now)):
                self._following.hint(instance_id, now, ending if instance_id in ended else later)
        self._new = _begins(hints)
        self._begins.add(self._new, now)

    def traced(self, looks: Iterable[Look]) -> list[Look]:
        """Return what was read, in which attempts have the begins that were told of them."""
        return [
            replace(look, snapshot=self._begins.lent_to(look.snapshot)) if look.snapshot else look
            for look in looks
        ]

    def settle(self, seen: Iterable[Snapshot], over: Sequence[str]) -> None:
        """Write what came after its attempt was written, and forget what is over.

        What is followed will be read, for it was hinted at, and gets its begins then; those that
        are of an earlier generation than was `seen` are lent to what is known of that. What is over
        may have been written by others, who know of none. Raises `LedgerUnavailable`.
        """
        late = {begin for begin in self._new if begin.instance_id not in self._following}
        late.update(begin for each in seen for begin in self._begins.take_earlier(each))
        late.update(begin for each in over for begin in self._begins.of(each))
        self._ledger.runs.add_start_times(late)
        self._new = _begins(())
        for instance_id in over:
            self._begins.forget(instance_id)

    def by(self, now: float) -> float:
        """Return by when something new is to be read: later, if so many hints come that to read for
        each would slow the engine down.
        """
        return now + (GATHERED if self._rate > MANY else 0)

    def _count(self, came: int, now: float) -> None:
        passed, self._heeded_at = max(1e-3, now - self._heeded_at), now
        self._rate += (came / passed - self._rate) * min(1.0, passed)

    def _is_admitted(self, now: float) -> bool:
        """Whether an id that is not followed may be looked at."""
        earned = (now - self._counted_at) * STRANGERS
        self._strangers = min(STRANGERS, self._strangers + earned)
        self._counted_at = now
        if self._strangers < 1:
            return False
        self._strangers -= 1
        return True


def _latest(hints: Iterable[Hint]) -> dict[str, float]:
    """Return the time of the latest hint of each instance."""
    latest: dict[str, float] = {}
    for hint in hints:
        latest[hint.instance_id] = max(hint.at, latest.get(hint.instance_id, 0.0))
    return latest


def _begins(hints: Iterable[Hint]) -> frozenset[StartTime]:
    return frozenset(hint.begin for hint in hints if hint.begin)
