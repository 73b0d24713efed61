"""The time at which something was seen."""

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time, and never goes back: what is read later must look later.

    The ledger tells by it which of two snapshots is news. So a machine's clock that is set back
    goes on from where it was; one that is set forward is followed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = datetime.now(UTC)
        self._told_at = time.monotonic()

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        with self._lock:
            at = time.monotonic()
            self._told += timedelta(seconds=at - self._told_at)
            self._told = max(self._told, datetime.now(UTC))
            self._told_at = at
            return self._told
