"""What the engine did counts, even if the ledger cannot note it."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from operations.errors import LedgerRefused, LedgerUnavailable

log = structlog.get_logger(__name__)


@contextmanager
def in_spite_of_the_ledger(missed: str, instance_id: str) -> Iterator[None]:
    """Go on where the ledger is away or refuses, and log what it missed, such as `a start`."""
    try:
        yield
    except (LedgerUnavailable, LedgerRefused) as error:
        log.warning(f"the ledger missed {missed}", instance_id=instance_id, reason=str(error))
