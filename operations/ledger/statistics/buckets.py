"""The minutes, hours and days (in UTC) for which statistics are rolled up."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial

from operations.ledger.micros import micros_of, time_of
from operations.records import Period

RECENT = timedelta(hours=2)
"""The least time for which minutes are kept; older statistics cover whole hours."""

_SECOND = 10**6  # microseconds
_LAST = micros_of(datetime.max.replace(tzinfo=UTC)) // _SECOND


class Bucket(StrEnum):
    """The unit of time that a roll-up covers."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """The length in seconds."""
        return {Bucket.MINUTE: 60, Bucket.HOUR: 3600, Bucket.DAY: 86_400}[self]

    def start_of(self, second: int) -> int:
        """Return the start of the bucket in which a second lies, in seconds since 1970."""
        return second - second % self.seconds


@dataclass(frozen=True)
class Buckets:
    """Neighbouring buckets of one length: `start` and `stop` are in seconds since 1970 (UTC)."""

    bucket: Bucket
    start: int
    stop: int

    @property
    def period(self) -> Period:
        """The period that the buckets cover."""
        return Period(time_at(self.start), time_at(min(self.stop, _LAST)))

    @property
    def starts(self) -> range:
        """The start of each bucket."""
        return range(self.start, self.stop, self.bucket.seconds)


def second_of(time: datetime) -> int:
    """Return the second since 1970 (UTC) in which a time lies."""
    return micros_of(time) // _SECOND


def time_at(second: int) -> datetime:
    """Return the time this many seconds after 1970, aware UTC."""
    return time_of(second * _SECOND)


def oldest_minute() -> int:
    """Return the start of the oldest minute that is kept, in seconds since 1970."""
    return Bucket.HOUR.start_of(second_of(datetime.now(UTC) - RECENT))


def buckets_in(within: Period, bucket: Bucket) -> Buckets:
    """Return the buckets of a length in which a period lies."""
    last = second_of(within.until - timedelta(microseconds=1))
    start, stop = bucket.start_of(second_of(within.since)), bucket.start_of(last)
    return Buckets(bucket, start, stop + bucket.seconds)


def split(within: Period) -> list[Buckets]:
    """Split a period into few buckets: days, then hours and minutes at its edges.

    The edges are widened to whole hours, or to whole minutes while these are kept.
    """
    recent = oldest_minute()
    exact, coarse = (buckets_in(within, each) for each in (Bucket.MINUTE, Bucket.HOUR))
    start = exact.start if exact.start >= recent else coarse.start
    stop = exact.stop if exact.stop > recent else coarse.stop
    return _split(start, stop, [Bucket.DAY, Bucket.HOUR, Bucket.MINUTE])


def _split(start: int, stop: int, sizes: list[Bucket]) -> list[Buckets]:
    if start >= stop:
        return []
    size, *finer = sizes
    first, last = size.start_of(start + size.seconds - 1), size.start_of(stop)
    if first >= last:
        return _split(start, stop, finer)
    edges = partial(_split, sizes=finer)
    return [*edges(start, first), Buckets(size, first, last), *edges(last, stop)]
