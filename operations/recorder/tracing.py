"""What the recorder makes of hints: it looks sooner, and lends begins to attempts."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from operations.ledger import Ledger
from operations.recorder.begins import Begins
from operations.recorder.following import Following
from operations.recorder.hints import Hints
from operations.recorder.readers import Look
from operations.recorder.spans import Hint
from operations.records import Begin

STRANGERS = 100  # ids a second that are looked at though nothing is known of them
MANY = 50.0  # hints a second, above which an instance's are gathered
GATHERED = 0.4  # seconds for which they are: then one read serves them all


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

    def heed(self, finished: Collection[str]) -> None:
        """Have read what something happened to; of what has finished, only a new start is news."""
        now = time.monotonic()
        hints = self._hints.take()
        by = now + (GATHERED if self._are_many(len(hints), now) else 0)
        started = {hint.instance_id for hint in hints if hint.is_start}
        for instance_id in {hint.instance_id for hint in hints}:
            is_over = instance_id in finished and instance_id not in started
            if instance_id in self._following or (not is_over and self._is_admitted(now)):
                self._following.hint(instance_id, by)
        self._new = _begins(hints)
        self._begins.add(self._new, now)

    def traced(self, looks: Iterable[Look]) -> list[Look]:
        """Return what was read, in which attempts have the begins that were told of them."""
        return [
            replace(look, sighting=self._begins.lent_to(look.sighting)) if look.sighting else look
            for look in looks
        ]

    def settle(self, over: Sequence[str]) -> None:
        """Write what came after its attempt was written, and forget what is over.

        Raises `LedgerUnavailable`.
        """
        of_over = (begin for each in over for begin in self._begins.of(each))
        self._ledger.instances.lend(self._new.union(of_over))
        self._new = _begins(())
        for instance_id in over:
            self._begins.forget(instance_id)

    def _are_many(self, came: int, now: float) -> bool:
        """Whether so many hints come that to read for each would slow the engine down."""
        passed, self._heeded_at = max(1e-3, now - self._heeded_at), now
        self._rate += (came / passed - self._rate) * min(1.0, passed)
        return self._rate > MANY

    def _is_admitted(self, now: float) -> bool:
        """Whether an id that is not followed may be looked at."""
        earned = (now - self._counted_at) * STRANGERS
        self._strangers = min(STRANGERS, self._strangers + earned)
        self._counted_at = now
        if self._strangers < 1:
            return False
        self._strangers -= 1
        return True


def _begins(hints: Iterable[Hint]) -> frozenset[Begin]:
    return frozenset(hint.begin for hint in hints if hint.begin)
