"""Roll-ups: they have at any time what the rows of runs and attempts have."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from operations.errors import InvalidInput
from operations.ledger import Ledger, open_ledger
from operations.ledger.db.connections import reading, writing
from operations.ledger.schema import HEAD
from operations.ledger.statistics.buckets import Bucket, oldest_minute, split, time_at
from operations.ledger.tables import roll_ups
from operations.model import Failure, Status
from operations.records import ALL_TIME, Period
from operations.timeline import Ending, StartTime
from tests.unit.plans import plans
from tests.unit.roll_ups import kept_and_made
from tests.unit.snapshots import NOON, activity, at, pending, snapshot

pytestmark = pytest.mark.both_databases

HOUR, DAY = 3600, 86_400
FAULT = Failure("ValueError", "No 7")


@pytest.fixture
def now() -> float:
    """Return the start of the hour two hours ago: how many seconds after noon."""
    return (time_at(oldest_minute()) - NOON).total_seconds()


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
                **{"spans": spans, **more},
            )
        ]
    )


def count_rows(ledger: Ledger, bucket: Bucket) -> int:
    """Return how many roll-ups of this length there are."""
    query = select(func.count()).where(roll_ups.c.seconds == bucket.seconds)
    with reading(ledger._engine) as connection:
        return connection.execute(query).scalar_one()


def test_roll_ups_have_what_the_rows_have(ledger: Ledger) -> None:
    """Random runs of one day and the next are recorded in any order, and change in any way."""
    rng = random.Random(3)  # noqa: S311 - the same runs for every call
    for _ in range(150):
        number, start = rng.randrange(30), rng.uniform(0, DAY)
        end = start + rng.expovariate(1 / HOUR)
        status = rng.choice((Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.TERMINATED))
        fault = {"ending": rng.choice((Ending.FAILED, Ending.COMPLETED, Ending.CUT_OFF))}
        spans = (activity(1, start, end, **fault), activity(2, start))
        workflow = rng.choice(("order", "refund"))
        write(ledger, number, start, end, status=status, workflow=workflow, spans=spans)
        if rng.random() < 0.1:
            ledger.runs.mark_purged({f"i{rng.randrange(30)}": at(DAY)})
        if rng.random() < 0.1:
            late = StartTime(f"i{number}", 1, at(start + 1), at(end))
            ledger.runs.add_start_times([late])
    kept, made = kept_and_made(ledger)
    assert kept == made
    assert len(made) > 100


def ended_later(ledger: Ledger) -> None:
    """Record the end of the running run."""
    write(ledger, 1, 5, 50)


def terminated(ledger: Ledger) -> None:
    """Record the end of a run without attempts."""
    ledger.runs.ingest([snapshot(Status.TERMINATED, instance_id="i2", execution="e2", read=55)])


def got_a_start_time(ledger: Ledger) -> None:
    """Add the start of an attempt from a trace."""
    ledger.runs.add_start_times([StartTime("i3", 1, at(17), at(30))])


def purged(ledger: Ledger) -> None:
    """Mark the running run as purged: its end is unknown."""
    ledger.runs.mark_purged({"i1": at(40)})


def replaced(ledger: Ledger) -> None:
    """Record the next run of the running run's id: that one was purged before its end was read."""
    ledger.runs.ingest([snapshot(instance_id="i1", execution="e9", created=90, read=100)])


def continued(ledger: Ledger) -> None:
    """Record the next generation of the running run, whose attempt has an unknown end."""
    ledger.runs.ingest(
        [snapshot(instance_id="i1", execution="e1b", read=100, started_at=at(70), spans=())]
    )


def got_its_name(ledger: Ledger) -> None:
    """Record the workflow of a run that was pending."""
    ledger.runs.ingest([snapshot(instance_id="i5", execution="e5", created=10, read=4000)])


def was_a_phantom(ledger: Ledger) -> None:
    """Delete a pending run that was recorded after a purge."""
    ledger.runs.mark_purged({"i3": at(40)})
    ledger.runs.ingest([pending(instance_id="i3", read=60)])
    ledger.runs.mark_purged({"i3": at(70)})


LATE = (
    ended_later,
    terminated,
    got_a_start_time,
    purged,
    replaced,
    continued,
    got_its_name,
    was_a_phantom,
)


@pytest.mark.parametrize("late", LATE, ids=[each.__name__ for each in LATE])
def test_each_kind_of_write_corrects_them(ledger: Ledger, late: Callable[[Ledger], None]) -> None:
    """In the hour to which the change belongs."""
    ledger.runs.ingest(
        [
            snapshot(instance_id="i1", execution="e1", created=5, read=20, spans=(activity(1, 6),)),
            snapshot(instance_id="i2", execution="e2", created=5, read=20),
            pending(instance_id="i5", read=10),
        ]
    )
    write(ledger, 3, 10, 30)
    before, _ = kept_and_made(ledger)
    late(ledger)
    kept, made = kept_and_made(ledger)
    assert kept == made
    assert kept != before or late is was_a_phantom


def test_a_write_that_changes_no_figures_writes_no_roll_ups(ledger: Ledger) -> None:
    """A run of many hours is written often, and its old attempts stay as they are."""
    spans = (activity(1, 1, 30), activity(2, HOUR + 1, HOUR + 30))
    for read in (HOUR + 100, HOUR + 200):
        ledger.runs.ingest([snapshot(read=read, spans=spans, custom_status=f'"{read}"')])
    with reading(ledger._engine) as connection:
        (highest,) = connection.execute(select(func.max(roll_ups.c["count"]))).one()
    assert highest == 2  # both attempts, on the same day


@pytest.mark.keeps_roll_ups_of_deleted_rows
def test_minutes_are_kept_for_two_hours(ledger: Ledger, now: float) -> None:
    """Older ones are neither written nor kept; the hours have them."""
    write(ledger, 1, now - 55, now - 10)
    assert (count_rows(ledger, Bucket.MINUTE), count_rows(ledger, Bucket.HOUR)) == (0, 7)
    write(ledger, 2, now + 5, now + 50)
    assert (count_rows(ledger, Bucket.MINUTE), count_rows(ledger, Bucket.HOUR)) == (7, 14)
    with pytest.MonkeyPatch.context() as patched:
        later = oldest_minute() + 60
        patched.setattr(f"{_write_module()}.oldest_minute", lambda: later)
        write(ledger, 3, now + 65, now + 70)
    assert count_rows(ledger, Bucket.MINUTE) == 7


def _write_module() -> str:
    return "operations.ledger.statistics.roll_ups"


def test_figures_of_the_last_two_hours_are_of_whole_minutes(ledger: Ledger, now: float) -> None:
    """The result says which period it covers."""
    for number in (10, 70, 130):
        write(ledger, number, now + number - 5, now + number)
    found = ledger.statistics.workflows(Period(at(now + 61), at(now + 119)))
    assert found.within == Period(at(now + 60), at(now + 120))
    assert [each.ended for each in found.of] == [1]


def test_older_figures_are_of_whole_hours(ledger: Ledger) -> None:
    """However short the period is."""
    for number in (10, HOUR + 10, 2 * HOUR + 10):
        write(ledger, number, number - 5, number)
    found = ledger.statistics.workflows(Period(at(HOUR + 5), at(HOUR + 6)))
    assert found.within == Period(at(HOUR), at(2 * HOUR))
    assert [each.ended for each in found.of] == [1]


def test_a_long_period_reads_few_buckets() -> None:
    """Days, and hours and minutes at its edges."""
    recent = time_at(oldest_minute())
    within = Period(NOON.replace(year=2020), recent.replace(minute=30))
    parts = split(within)
    assert [each.bucket for each in parts if each.bucket is Bucket.DAY] == [Bucket.DAY]
    assert sum(len(each.starts) for each in parts if each.bucket is not Bucket.DAY) <= 2 * 24 + 60
    assert parts[0].period.since == within.since
    assert parts[-1].period.until == within.until
    for one, next_one in pairwise(parts):
        assert one.stop == next_one.start


@pytest.mark.parametrize("within", [ALL_TIME, Period(ALL_TIME.since, at(0))])
def test_any_period_can_be_read(ledger: Ledger, within: Period) -> None:
    """Also from the first year to the last."""
    write(ledger, 1, -500, -400)
    assert ledger.statistics.workflows(within).of[0].ended == 1
    assert ledger.statistics.activities(within).within.since == ALL_TIME.since


@pytest.mark.parametrize("bucket", [Bucket.HOUR, Bucket.DAY])
def test_a_series_has_each_bucket_of_the_period(ledger: Ledger, bucket: Bucket) -> None:
    """Also those without runs; the period is widened to whole buckets."""
    step = bucket.seconds
    noon = at(0).replace(hour=0) if bucket is Bucket.DAY else at(0)
    first = (noon - at(0)).total_seconds()
    write(ledger, 1, first - 9, first + step - 1)
    write(ledger, 2, first, first + step, status=Status.FAILED)
    write(ledger, 3, first + step, first + 3 * step - 1, status=Status.TERMINATED, spans=())
    write(ledger, 4, first + 3 * step, first + 4 * step, spans=())
    found = ledger.statistics.series(Period(at(first + 1), at(first + 2 * step + 1)), bucket)
    assert found.within == Period(at(first), at(first + 3 * step))
    figures = [(e.created, e.completed, e.failed, e.other) for e in found.of]
    assert figures == [(1, 1, 0, 0), (1, 0, 1, 0), (0, 0, 0, 1)]
    assert [each.at for each in found.of] == [at(first + n * step) for n in range(3)]
    assert [each.queue_p95 for each in found.of] == [
        pytest.approx((step + 8) / 4, rel=0.02),
        pytest.approx(step / 4, rel=0.02),
        None,
    ]


def test_a_series_of_minutes(ledger: Ledger, now: float) -> None:
    """Of the last two hours."""
    write(ledger, 1, now + 5, now + 65)
    first, second = ledger.statistics.series(Period(at(now), at(now + 120)), Bucket.MINUTE).of
    assert (first.created, first.completed, second.created, second.completed) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("seconds", "bucket", "expected"),
    [
        (1001 * HOUR, Bucket.HOUR, "a time at most 1000 hours before until"),
        (1001 * DAY, Bucket.DAY, "a time at most 1000 days before until"),
        (3 * HOUR + 60, Bucket.MINUTE, "a time in the last two hours, for minutes"),
    ],
)
def test_a_series_that_cannot_be_read_is_refused(
    ledger: Ledger, seconds: int, bucket: Bucket, expected: str
) -> None:
    """The message has what was found and what is expected."""
    until = int(datetime.now(UTC).timestamp())
    within = Period(time_at(until - seconds), time_at(until))
    with pytest.raises(InvalidInput, match="since: found") as refused:
        ledger.statistics.series(within, bucket)
    assert f"'{within.since.isoformat()}', expected {expected}." in str(refused.value)


def test_an_older_ledger_gets_roll_ups_of_its_rows(ledger: Ledger, ledger_url: str) -> None:
    """When it is migrated."""
    write(ledger, 1, 5, 50)
    write(ledger, 2, HOUR, HOUR + 50, status=Status.FAILED, failure=FAULT)
    before, _ = kept_and_made(ledger)
    with writing(ledger._engine) as connection:
        for statement in OLDER:
            connection.exec_driver_sql(statement)
    reopened = open_ledger(ledger_url)
    kept, made = kept_and_made(reopened)
    reopened.close()
    assert kept == made == before
    assert HEAD >= "0004"


OLDER = (  # from the newest version back to 0003, which no Flowdeck does
    *(f"DROP INDEX runs_{order}_top_level" for order in ("newest", "ended", "longest", "by_id")),
    "DROP INDEX runs_by_id",
    *(
        f"DROP INDEX audit_log_{name}"
        for name in ("newest", "of_action", "of_actor", "of_outcome", "with_reason")
    ),
    "DROP TABLE roll_ups",
    "DROP TABLE failure_groups",
    "DROP TABLE bulk_items",
    "DROP TABLE bulk_jobs",
    "DROP INDEX runs_failed",
    *(f"DROP INDEX runs_{order}_of_failure_group" for order in ("newest", "ended", "longest")),
    "DROP INDEX attempts_failed",
    "DROP INDEX runs_waiting",
    *(
        f"ALTER TABLE runs DROP COLUMN {name}"
        for name in ("failed_step", "failure_group", "waits_kind", "waits_since")
    ),
    "ALTER TABLE attempts DROP COLUMN failure_group",
    *(
        f"ALTER TABLE runs ADD COLUMN {name} BIGINT NOT NULL DEFAULT -1"
        for name in ("queue_micros", "execution_micros")
    ),
    "CREATE INDEX runs_durations ON runs (ended_micros)",
    "CREATE INDEX attempts_ended ON attempts (ended_at)",
    "CREATE INDEX attempts_failed ON attempts (ended_at)",
    "UPDATE alembic_version SET version_num = '0003'",
)


@pytest.mark.sqlite_alone
def test_roll_ups_are_read_by_their_key(ledger: Ledger) -> None:
    """Only those of the period."""
    write(ledger, 1, 5, 50)
    within = Period(at(-3 * DAY - 1), at(5))
    for ask in (
        lambda ledger: ledger.statistics.workflows(within),
        lambda ledger: ledger.statistics.series(within, Bucket.HOUR),
    ):
        steps = set(plans(ledger, ask, "roll_ups"))
        assert "SEARCH roll_ups USING PRIMARY KEY (seconds=? AND start>? AND start<?)" in steps
        assert not any(step.startswith("SCAN") for step in steps)
