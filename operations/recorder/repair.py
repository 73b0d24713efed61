"""Replaces a ledger that SQLite reports as damaged by a new one, and keeps the damaged file."""

import time

import structlog

from operations.errors import LedgerUnavailable
from operations.ledger.damage import is_suspected, settle_suspicion
from operations.recorder.limits import RecorderLimits

log = structlog.get_logger(__name__)


class Repair:
    """Checks the file of a ledger after a report of damage; see `ledger.db.damaged_files`.

    A check reads the whole file, so a sound file is not checked again for
    `RecorderLimits.damage_memory` seconds.
    """

    def __init__(self, url: str, limits: RecorderLimits) -> None:
        self._url = url
        self._limits = limits
        self._not_before = 0.0

    @property
    def is_due(self) -> bool:
        """Whether a process has reported damage that was not checked lately."""
        return time.monotonic() >= self._not_before and is_suspected(self._url)

    def repair(self) -> None:
        """Check the file, and move it aside if it is damaged.

        This process must not have it open.
        """
        log.warning("the ledger is reported as damaged: checking the whole file")
        try:
            moved = settle_suspicion(self._url, self._limits.damage_patience)
        except LedgerUnavailable as error:
            self._not_before = time.monotonic() + self._limits.damage_retry
            log.warning("the ledger's file cannot be checked", reason=str(error))
            return
        if moved is None:
            self._not_before = time.monotonic() + self._limits.damage_memory
            log.info("the ledger's file is not damaged")
            return
        kept, found = moved
        log.error(
            f"the ledger was damaged ({found}): a new one is filled, and the damaged file is kept "
            f"as {kept}; the pages and docs/operating.md say how to recover its content"
        )
