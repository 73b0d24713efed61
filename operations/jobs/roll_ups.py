"""Rolls up the statistics of each minute and hour, in a thread of its own."""

import time
from datetime import UTC, datetime
from threading import Event, Thread

import structlog

from operations.errors import FlowdeckError
from operations.ledger import Ledger
from operations.ledger.statistics.buckets import HOUR, MINUTE

PAUSES = {MINUTE: 5.0, HOUR: 60.0}
"""Seconds from the end of one round to the start of the next one, by the length of the buckets."""
MOST = 256  # buckets at once: many are empty
LONG = 0.1  # seconds; buckets that took longer are rolled up one by one

log = structlog.get_logger(__name__)


class RollUps:
    """Rolls up what is due, as long as the ledger is open; call `close` at the end.

    After each step the thread rests for as long as the step took, so that recording continues
    meanwhile.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="roll-ups", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, once the current step is done."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        due = dict.fromkeys(PAUSES, 0.0)
        while not self._stopping.is_set():
            for size, pause in PAUSES.items():
                if due[size] <= time.monotonic():
                    self._round(size)
                    due[size] = time.monotonic() + pause
            self._stopping.wait(max(0.0, min(due.values()) - time.monotonic()))

    def _round(self, size: int) -> None:
        """Roll up the buckets of one length until none is due, or the ledger is away."""
        most = 1
        try:
            while not self._stopping.is_set():
                start = time.monotonic()
                if not self._ledger.statistics.roll_up(size, datetime.now(UTC), most):
                    return
                took = time.monotonic() - start
                most = min(2 * most, MOST) if took < LONG else 1
                self._stopping.wait(took)
        except FlowdeckError as error:
            log.debug("cannot roll up", reason=str(error))  # the recorder reports it
