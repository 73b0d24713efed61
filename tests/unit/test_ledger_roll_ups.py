"""Roll-ups: statistics have the same values with and without them, whatever is written late."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from operations.ledger import Ledger, LedgerLimits, RollUpLimits, StatisticsLimits
from operations.ledger.db.connections import reading, writing
from operations.ledger.statistics import roll_ups as module
from operations.ledger.statistics.buckets import HOUR, MINUTE, time_at
from operations.ledger.statistics.tallies import read_tallies
from operations.ledger.tables import buckets, roll_ups
from operations.model import Failure, Status
from operations.records import Period
from operations.timeline import StartTime
from tests.unit.plans import plans
from tests.unit.snapshots import activity, at, pending, snapshot

pytestmark = pytest.mark.both_databases

NOW = at(4 * HOUR + 11)  # 11 seconds after the end of the fourth hour
DAY = Period(at(0), NOW)
FAULT = Failure("ValueError", "No 7")


def limits(hours: timedelta = timedelta(days=9), durations: int = 1000) -> LedgerLimits:
    """Return the limits of a ledger that keeps minutes for ten minutes."""
    roll_ups = RollUpLimits(minutes=timedelta(minutes=10), hours=hours)
    statistics = StatisticsLimits(60, 60, durations=durations, roll_ups=roll_ups)
    return LedgerLimits(statistics=statistics)


@pytest.fixture
def ledger_limits() -> LedgerLimits:
    """Return limits with which there are few roll-ups."""
    return limits()


def rolled(ledger: Ledger, now: datetime = NOW, most: int = 4) -> list[tuple[int, datetime]]:
    """Roll up everything that is due; return the lengths and the starts of these buckets."""
    found = []
    for size in (MINUTE, HOUR):
        while starts := ledger.statistics.roll_up(size, now, most):
            found += [(size, time_at(start)) for start in starts]
    return found


def values(ledger: Ledger, within: Period = DAY) -> list[object]:
    """Return all statistics of a period."""
    statistics = ledger.statistics
    return [
        statistics.workflows(within),
        statistics.activities(within),
        *(statistics.series(within, step) for step in (MINUTE, HOUR)),
    ]


def without_roll_ups(ledger: Ledger, within: Period = DAY) -> list[object]:
    """Return all statistics of a period, after the roll-ups have been deleted."""
    with writing(ledger._engine) as connection:
        for table in (roll_ups, buckets):
            connection.execute(delete(table))
    return values(ledger, within)


def write(ledger: Ledger, number: int, start: float, end: float, **more: Any) -> None:
    """Record a run that completed, with one attempt of the same times."""
    spans = (activity(1, start, end, started_at=at(start + (end - start) / 4)),)
    ledger.runs.ingest(
        [
            snapshot(
                more.pop("status", Status.COMPLETED),
                instance_id=f"i{number}",
                execution=f"e{number}",
                created=start,
                read=end,
                spans=spans,
                **more,
            )
        ]
    )


def count_rows(ledger: Ledger, step: int) -> int:
    """Return how many roll-ups of this length there are."""
    query = select(func.count()).where(roll_ups.c.seconds == step)
    with reading(ledger._engine) as connection:
        return connection.execute(query).scalar_one()


def test_statistics_are_the_same_with_roll_ups(ledger: Ledger) -> None:
    """Random runs are recorded in any order, and roll-ups are made in between."""
    rng = random.Random(3)  # noqa: S311 - the same runs for every call
    for number in range(40):
        start = rng.uniform(0, 4 * HOUR)
        status = rng.choice((Status.COMPLETED, Status.FAILED, Status.TERMINATED))
        workflow = rng.choice(("order", "refund"))
        write(
            ledger,
            number,
            start,
            start + rng.expovariate(1 / 300),
            status=status,
            workflow=workflow,
        )
        if number % 9 == 0:
            rolled(ledger, at(rng.uniform(0, 4 * HOUR)))
    rolled(ledger)
    for within in (DAY, Period(at(1234), at(3 * HOUR + 777)), Period(at(100), at(130))):
        found = values(ledger, within)
        assert found == without_roll_ups(ledger, within)
        rolled(ledger)
    assert count_rows(ledger, HOUR) > 8


def test_a_bucket_is_rolled_up_soon_after_its_end(ledger: Ledger) -> None:
    """Minutes only for ten minutes, and none before the first run."""
    write(ledger, 1, HOUR + 5, HOUR + 50)
    assert rolled(ledger, at(HOUR + 69)) == []
    assert rolled(ledger, at(HOUR + 70)) == [(MINUTE, at(HOUR))]
    found = rolled(ledger, at(3 * HOUR + 10))
    assert {start for size, start in found if size == HOUR} == {at(2 * HOUR), at(HOUR)}
    minutes = [start for size, start in found if size == MINUTE]
    assert (minutes[0], minutes[-1], len(minutes)) == (at(3 * HOUR - 600), at(3 * HOUR - 60), 10)
    assert rolled(ledger, at(3 * HOUR + 10)) == []


def test_a_first_roll_up_goes_back_in_time(ledger: Ledger) -> None:
    """The newest hour has a roll-up at once."""
    write(ledger, 1, 5, 50)
    (start,) = ledger.statistics.roll_up(HOUR, NOW)
    assert time_at(start) == at(3 * HOUR)
    hours = [start for size, start in rolled(ledger) if size == HOUR]
    assert hours == [at(0), at(HOUR), at(2 * HOUR)]


def ended_later(ledger: Ledger) -> None:
    """Record the end of the run that was rolled up as running."""
    write(ledger, 1, 5, 50)


def terminated(ledger: Ledger) -> None:
    """Correct the end of a run."""
    ledger.runs.ingest([snapshot(Status.TERMINATED, instance_id="i2", execution="e2", read=55)])


def started_earlier(ledger: Ledger) -> None:
    """Record a run that is older than the oldest one."""
    write(ledger, 4, -3 * HOUR, -2 * HOUR)


def has_a_start_time(ledger: Ledger) -> None:
    """Add the start of an attempt from a trace."""
    ledger.runs.add_start_times([StartTime("i3", 1, at(17), at(30))])


def purged(ledger: Ledger) -> None:
    """Mark the running run as purged: its end is unknown."""
    ledger.runs.mark_purged({"i1": at(40)})


def continued(ledger: Ledger) -> None:
    """Record the next generation of the running run, whose attempt has an unknown end."""
    ledger.runs.ingest(
        [snapshot(instance_id="i1", execution="e1b", read=100, started_at=at(70), spans=())]
    )


def got_its_name(ledger: Ledger) -> None:
    """Record the workflow of a run that was pending."""
    ledger.runs.ingest([snapshot(instance_id="i5", execution="e5", created=10, read=4000)])


LATE = (
    ended_later,
    terminated,
    started_earlier,
    has_a_start_time,
    purged,
    continued,
    got_its_name,
)


@pytest.mark.parametrize("late", LATE, ids=[each.__name__ for each in LATE])
def test_a_late_write_is_rolled_up_again(ledger: Ledger, late: Callable[[Ledger], None]) -> None:
    """Only the buckets that it changes."""
    ledger.runs.ingest(
        [
            snapshot(instance_id="i1", execution="e1", created=5, read=20, spans=(activity(1, 6),)),
            snapshot(instance_id="i2", execution="e2", created=5, read=20),
            pending(instance_id="i5", read=10),
        ]
    )
    write(ledger, 3, 10, 30)
    write(ledger, 9, 2 * HOUR + 1, 2 * HOUR + 5)
    rolled(ledger)
    before = values(ledger)
    late(ledger)
    again = rolled(ledger)
    assert again
    assert all(start < at(HOUR) for _, start in again)
    whole = Period(at(-4 * HOUR), NOW)
    found = values(ledger, whole)
    assert found == without_roll_ups(ledger, whole)
    assert late is started_earlier or values(ledger) != before


def test_a_write_that_changes_no_statistics_is_not_rolled_up_again(ledger: Ledger) -> None:
    """A run of many hours is written often, and its old attempts stay as they are."""
    spans = (activity(1, 1, 30), activity(2, HOUR + 1, HOUR + 30))
    for read in (HOUR + 100, HOUR + 200):
        ledger.runs.ingest([snapshot(read=read, spans=spans, custom_status=f'"{read}"')])
        assert bool(rolled(ledger)) == (read == HOUR + 100)


def test_a_write_during_a_roll_up_is_not_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is rolled up once more."""
    write(ledger, 1, 5, 50)
    read, writes = read_tallies, [lambda: write(ledger, 2, 6, 50)]

    def read_then_write(*arguments: Any) -> Any:
        found = read(*arguments)
        if writes:
            writes.pop()()
        return found

    monkeypatch.setattr(module, "read_tallies", read_then_write)
    assert rolled(ledger, at(71)) == [(MINUTE, at(0)), (MINUTE, at(0))]
    (orders,) = ledger.statistics.workflows(Period(at(0), at(60))).of
    assert (orders.started, orders.count) == (2, 2)


def test_a_roll_up_that_was_interrupted_is_repeated(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the rows are read."""
    write(ledger, 1, 5, 50)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "read_tallies", die)
        with pytest.raises(KeyboardInterrupt):
            ledger.statistics.roll_up(MINUTE, at(71))
    (orders,) = ledger.statistics.workflows(Period(at(0), at(60))).of
    assert (orders.started, orders.count) == (1, 1)
    assert rolled(ledger, at(71)) == [(MINUTE, at(0))]
    assert count_rows(ledger, MINUTE) == 2


def test_old_minutes_are_deleted(ledger: Ledger) -> None:
    """The hours keep what they had."""
    write(ledger, 1, HOUR - 55, HOUR - 10)
    rolled(ledger, at(HOUR + 10))
    assert count_rows(ledger, MINUTE) == 2
    write(ledger, 2, 4 * HOUR, 4 * HOUR + 5)
    rolled(ledger, at(4 * HOUR + 71))
    assert count_rows(ledger, MINUTE) == 2
    assert count_rows(ledger, HOUR) == 2


@pytest.mark.parametrize("ledger_limits", [limits(durations=2)])
def test_roll_ups_do_not_count_as_rows(ledger: Ledger) -> None:
    """The latest rows are read until there are too many; older roll-ups are then left out."""
    for number in range(5):
        write(ledger, number, number, number + 1)
        write(ledger, 10 + number, HOUR + number, HOUR + number + 1)
    rolled(ledger, at(2 * HOUR + 11))
    everything = Period(at(0), at(2 * HOUR))
    assert ledger.statistics.workflows(everything).within == everything
    assert ledger.statistics.workflows(everything).of[0].count == 10
    later = Period(at(0), at(HOUR + 2))
    assert ledger.statistics.workflows(later).within == later
    assert ledger.statistics.workflows(later).of[0].count == 6
    assert ledger.statistics.workflows(Period(at(0), at(HOUR + 5))).within.since == at(HOUR + 2)


@pytest.mark.parametrize("ledger_limits", [limits(hours=timedelta(hours=3))])
def test_hours_before_the_limit_are_not_rolled_up(ledger: Ledger) -> None:
    """An engine with a wrong clock does not cause millions of roll-ups."""
    write(ledger, 1, -1000 * HOUR, 5)
    hours = {start for size, start in rolled(ledger) if size == HOUR}
    assert hours == {at(3 * HOUR), at(2 * HOUR), at(HOUR)}


@pytest.mark.sqlite_alone
def test_roll_ups_are_read_by_their_key(ledger: Ledger) -> None:
    """Only those of the period and of the kind."""
    write(ledger, 1, 5, 50)
    rolled(ledger)
    ask: Callable[[Ledger], object] = lambda ledger: ledger.statistics.workflows(DAY)  # noqa: E731
    assert set(plans(ledger, ask, "roll_ups")) == {
        (
            "SEARCH roll_ups USING INDEX sqlite_autoindex_roll_ups_1 "
            "(seconds=? AND start>? AND start<?)"
        )
    }
