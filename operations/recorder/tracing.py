"""What the recorder makes of hints: it looks sooner, and lends begins to attempts."""

import time
from collections.abc import Collection, Sequence

from operations.ledger import Ledger
from operations.recorder.begins import Begins
from operations.recorder.following import Following
from operations.recorder.hints import Hints
from operations.recorder.spans import Hint
from operations.records import Begin, Sighting

STRANGERS = 100  # ids a second that are looked at though nothing is known of them


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
        self._new: list[Begin] = []
        self._strangers = float(STRANGERS)
        self._counted_at = time.monotonic()

    def heed(self, finished: Collection[str]) -> None:
        """Have read what something happened to; of what has finished, only a new start is news."""
        now = time.monotonic()
        hints = self._hints.take()
        for hint in hints:
            if hint.instance_id in self._following or self._is_admitted(hint, finished, now):
                self._following.wake(hint.instance_id, now)
        self._new = [hint.begin for hint in hints if hint.begin]
        self._begins.add(self._new, now)

    def lent_to(self, sighting: Sighting) -> Sighting:
        """Return a sighting in which attempts have the begins that were told of them."""
        return self._begins.lent_to(sighting)

    def settle(self, over: Sequence[str]) -> None:
        """Write what came after its attempt was written, and forget what is over.

        Raises `LedgerUnavailable`.
        """
        late = {*self._new, *(begin for each in over for begin in self._begins.of(each))}
        self._ledger.instances.lend(late)
        self._new = []
        for instance_id in over:
            self._begins.forget(instance_id)

    def _is_admitted(self, hint: Hint, finished: Collection[str], now: float) -> bool:
        """Whether an id that is not followed may be looked at."""
        if hint.instance_id in finished and not hint.is_start:
            return False
        earned = (now - self._counted_at) * STRANGERS
        self._strangers = min(STRANGERS, self._strangers + earned)
        self._counted_at = now
        if self._strangers < 1:
            return False
        self._strangers -= 1
        return True
