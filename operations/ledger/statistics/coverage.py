"""Reads the tallies of any period: from roll-ups where there are some, from rows for the rest."""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.statistics.buckets import (
    HOUR,
    MINUTE,
    read_rolled_up,
    second_of,
    start_of,
    time_at,
)
from operations.ledger.statistics.roll_ups import read_roll_ups
from operations.ledger.statistics.tallies import Kind, RowLimits, Tallies, Tally, read_tallies
from operations.records import Period

_Steps = dict[datetime, Tallies]


@dataclass(frozen=True)
class Covered:
    """The tallies of a period, or of the latest part of it, by the start of each step.

    Without steps, it is the start of the period.
    """

    within: Period
    steps: _Steps


@dataclass(frozen=True)
class _Part:
    """A part of a period; `size` is the length of its buckets, None without roll-ups."""

    period: Period
    size: int | None = None


def read_covered(
    connection: Connection,
    kind: Kind,
    within: Period,
    limits: StatisticsLimits,
    step: int | None = None,
) -> Covered:
    """Read the tallies of a period, the latest part first, until rows or time are used up.

    The result has steps of `step` seconds; by default the whole period is one step.
    """
    steps: _Steps = defaultdict(lambda: defaultdict(Tally))
    rows, deadline = limits.durations, time.monotonic() + limits.reading_seconds

    def step_of(at: datetime) -> datetime:
        return start_of(at, step) if step else within.since

    for part in reversed(_parts(connection, within, step)):
        if part.size:
            for at, key, tally in read_roll_ups(connection, kind, part.size, part.period):
                steps[step_of(at)][key].merge(tally)
            continue
        left = RowLimits(rows, deadline - time.monotonic(), limits.batch)
        read, cut = read_tallies(connection, kind, part.period, left, step_of if step else None)
        for at, tallies in read.items():
            for key, tally in tallies.items():
                steps[step_of(at)][key].merge(tally)
                rows -= tally.ended
        if cut:
            return Covered(Period(cut, within.until), steps)
    return Covered(within, steps)


def _parts(connection: Connection, within: Period, step: int | None) -> list[_Part]:
    """Split a period at its roll-ups, the oldest part first."""
    hours = read_rolled_up(connection, HOUR, within) if step != MINUTE else set()
    minutes = read_rolled_up(connection, MINUTE, within)
    sizes = dict.fromkeys(hours, HOUR)
    sizes |= {start: MINUTE for start in minutes if start - start % HOUR not in hours}
    parts, until = list[_Part](), within.since
    for start, size in sorted(sizes.items()):
        since = time_at(start)
        if until < since:
            parts.append(_Part(Period(until, since)))
        until = time_at(start + size)
        if parts and parts[-1].size == size:
            parts[-1] = _Part(Period(parts[-1].period.since, until), size)
        else:
            parts.append(_Part(Period(since, until), size))
    return [*parts, _Part(Period(until, within.until))] if until < within.until else parts


def steps_of(period: Period, step: int) -> Iterator[Period]:
    """Split a period at the multiples of `step` seconds; the first and the last may be shorter."""
    since = period.since
    while since < period.until:
        until = min(period.until, time_at(second_of(start_of(since, step)) + step))
        yield Period(since, until)
        since = until
