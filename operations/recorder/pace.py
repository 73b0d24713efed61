"""How often an instance is read, by what it is at."""

from datetime import UTC, datetime

from operations.model import Status
from operations.records import Snapshot
from operations.timeline import Ending, SpanKind

BRISK = 0.5  # seconds between two reads of an instance that is doing something
QUIET = 1.0  # seconds between two reads of one that waits
SLOWEST = 60.0  # seconds between two reads of any
TRACED = 1.5  # seconds between two of one that traces tell of, and told nothing lately
BRISK_READS = 400  # a second at most, for all that do something
TRACED_READS = 50  # a second at most, for those of them of which traces tell when to look
QUIET_READS = 100  # a second at most, for all that wait
SOON = 5.0  # seconds: what is due within them is as good as happening
BEGINNING = 20  # reads without news for which a pending instance is expected to begin
FIRST_AGAIN = 2.0  # seconds after which one that could not be read is tried again, then twice that
_WAITS = frozenset({SpanKind.WAIT, SpanKind.TIMER, SpanKind.BACKOFF})


def again_in(snapshot: Snapshot, many: int, *, quiet: bool, traced: bool = False) -> float:
    """Return the seconds until an instance is read again, which is one of so many such as it is."""
    if quiet:
        pace = max(QUIET, many / QUIET_READS)
    elif traced:
        pace = max(TRACED, many / TRACED_READS)
    else:
        pace = max(BRISK, many / BRISK_READS)
    return min(SLOWEST, pace, max(BRISK, seconds_until_due(snapshot)))


def again_after(troubles: int) -> float:
    """Return the seconds after which an instance is tried again that often could not be read."""
    return float(min(SLOWEST, FIRST_AGAIN * 2 ** min(troubles - 1, 10)))


def is_quiet(snapshot: Snapshot, unchanged: int) -> bool:
    """Whether nothing is expected to happen to the instance by itself within seconds.

    `unchanged` is how often it was read since then without news.
    """
    if snapshot.instance.status is Status.PENDING:  # for milliseconds, or until its time
        return unchanged >= BEGINNING
    if snapshot.instance.status is not Status.RUNNING:
        return True
    still = [span for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    return (
        bool(still)
        and all(span.kind in _WAITS for span in still)
        and seconds_until_due(snapshot) > SOON
    )


def seconds_until_due(snapshot: Snapshot) -> float:
    """Return how long until it goes on by itself, at the latest: infinite if it never does."""
    dues = [span.due for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    if snapshot.instance.status is Status.PENDING:
        dues.append(snapshot.scheduled_for)
    now = datetime.now(UTC)
    return min(((due - now).total_seconds() for due in dues if due), default=float("inf"))
