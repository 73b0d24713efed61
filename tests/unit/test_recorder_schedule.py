"""When each followed run is read next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.model import Status
from operations.recorder.limits import RecorderLimits
from operations.recorder.schedule import Schedule, is_quiet, retry_after
from operations.records import Snapshot
from operations.timeline import Span, SpanKind
from tests.unit.snapshots import ID, activity, at, done, pending, snapshot

LIMITS = RecorderLimits()
BRISK, QUIET, SLOWEST, TRACED = (
    LIMITS.active_interval,
    LIMITS.quiet_interval,
    LIMITS.longest,
    LIMITS.traced_interval,
)
ALL = 10_000
EVER = 1e9


def waiting(*, due: datetime | None = None, **fields: object) -> Snapshot:
    """Return a snapshot of an instance that waits for an event, at most until `due`."""
    wait = Span(SpanKind.WAIT, "approval", lane=1, event_id=1, scheduled_at=at(0), due=due)
    return snapshot(spans=(wait,), **fields)  # type: ignore[arg-type]


def working(**fields: object) -> Snapshot:
    """Return a snapshot of an instance with an open activity."""
    return snapshot(spans=(activity(1, 0),), **fields)  # type: ignore[arg-type]


def wake(schedule: Schedule, *ids: str, by: float) -> None:
    """Schedule reads of instances."""
    for instance_id in ids:
        schedule.wake(instance_id, by)


def followed(*snapshots: Snapshot, now: float = 0) -> Schedule:
    """Return a schedule of runs that have been read once."""
    schedule = Schedule(LIMITS)
    wake(schedule, *(each.instance.instance_id for each in snapshots), by=now)
    schedule.take(now, ALL)
    for each in snapshots:
        schedule.updated(each, now)
    return schedule


def test_a_new_instance_is_due_at_once() -> None:
    """The schedule hands it out once."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 5)
    assert schedule.take(4.9, ALL) == []
    assert schedule.take(5, ALL) == [ID]
    assert schedule.take(EVER, ALL) == []


def test_a_new_instance_may_be_due_later() -> None:
    """Its hints may be gathered first."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 7)
    assert schedule.take(6.9, ALL) == []
    assert schedule.take(7, ALL) == [ID]


def test_following_an_instance_twice_changes_nothing() -> None:
    """An instance that is being read is not handed out to a second reader."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.wake(ID, 0)
    assert schedule.take(EVER, ALL) == []
    assert len(schedule) == 1


def test_the_longest_overdue_comes_first() -> None:
    """No more ids are handed out than requested."""
    schedule = Schedule(LIMITS)
    schedule.wake("b", 2)
    schedule.wake("a", 3)
    schedule.wake("c", 1)
    assert schedule.take(9, 2) == ["c", "b"]
    assert schedule.take(9, 2) == ["a"]


def test_an_active_run_is_read_often() -> None:
    """An activity may end at any time."""
    schedule = followed(working())
    assert schedule.take(BRISK - 0.01, ALL) == []
    assert schedule.take(BRISK, ALL) == [ID]


@pytest.mark.parametrize("quiet", [waiting(), snapshot(Status.SUSPENDED), snapshot(Status.STALLED)])
def test_a_quiet_run_is_read_less_often(quiet: Snapshot) -> None:
    """It is not expected to change by itself."""
    schedule = followed(quiet)
    assert schedule.take(QUIET - 0.01, ALL) == []
    assert schedule.take(QUIET, ALL) == [ID]


def test_more_quiet_runs_are_each_read_less_often() -> None:
    """Any number of quiet runs costs the same number of reads a second."""
    many = [waiting(instance_id=f"order_{number}") for number in range(1000)]
    schedule = followed(*many)
    assert len(schedule.take(9.9, ALL)) < 1000
    assert len(schedule.take(10, ALL)) > 0
    assert len(schedule) == 1000


def test_quiet_runs_do_not_delay_active_ones() -> None:
    """The number of quiet runs does not matter."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.updated(working(), 0)
    assert ID in schedule.take(BRISK, ALL)


def test_each_run_is_read_at_least_once_a_minute() -> None:
    """Ten thousand quiet runs are read within a minute."""
    many = [waiting(instance_id=f"order_{number}") for number in range(10_000)]
    assert len(followed(*many).take(SLOWEST, ALL)) == 10_000


def test_a_quiet_run_is_read_when_its_timer_is_due() -> None:
    """A timer shortens the interval of its run."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(6000)])
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.updated(waiting(due=datetime.now(UTC) + timedelta(seconds=20)), 0)
    assert ID not in schedule.take(19, ALL)
    assert ID in schedule.take(20, ALL)


def test_a_run_that_is_due_soon_is_not_quiet() -> None:
    """A timer that fires within seconds counts as work."""
    soon = datetime.now(UTC) + timedelta(seconds=2)
    assert not is_quiet(waiting(due=soon), 0, LIMITS)
    assert is_quiet(waiting(due=soon + timedelta(hours=1)), 0, LIMITS)
    assert is_quiet(waiting(), 0, LIMITS)


def test_a_run_that_stays_pending_becomes_quiet() -> None:
    """Every new run is pending for milliseconds; a scheduled one stays pending."""
    assert not is_quiet(pending(), 0, LIMITS)
    assert is_quiet(pending(), LIMITS.pending_reads, LIMITS)


def test_a_run_that_works_and_waits_is_not_quiet() -> None:
    """One open activity is enough."""
    wait = waiting().timeline.spans[0]
    assert not is_quiet(snapshot(spans=(wait, activity(2, 0))), 0, LIMITS)
    assert not is_quiet(snapshot(), 0, LIMITS)


def test_a_run_that_is_woken_is_due_at_once() -> None:
    """Its interval does not matter."""
    schedule = followed(waiting())
    schedule.wake(ID, 0.1)
    assert schedule.take(0.1, ALL) == [ID]


def test_a_run_that_is_woken_during_its_read_is_read_again() -> None:
    """The read may be older than the change."""
    schedule = followed(waiting())
    schedule.take(EVER, ALL)
    schedule.wake(ID, 0.1)
    assert schedule.take(EVER, ALL) == []
    schedule.updated(waiting(), 0.2)
    assert schedule.take(0.2, ALL) == [ID]


def test_a_hint_makes_a_run_due_by_a_time() -> None:
    """The hint may arrive during a read; an earlier due time stays."""
    schedule = followed(waiting())
    schedule.hint(ID, 0, 9.0)
    assert schedule.take(QUIET - 0.1, ALL) == []
    assert schedule.take(QUIET, ALL) == [ID]
    schedule.hint(ID, QUIET, QUIET + 0.6)
    schedule.hint(ID, QUIET, QUIET + 0.7)
    schedule.updated(waiting(), QUIET)
    schedule.hint(ID, QUIET, QUIET + 0.8)
    assert schedule.take(QUIET + 0.5, ALL) == []
    assert schedule.take(QUIET + 0.6, ALL) == [ID]


def test_a_run_that_has_ended_is_not_followed() -> None:
    """It is never due again, but its id can be followed again."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.ended(ID)
    assert ID not in schedule
    assert schedule.take(EVER, ALL) == []
    schedule.wake(ID, 2)
    assert schedule.take(2, ALL) == [ID]


def test_runs_that_have_ended_do_not_count() -> None:
    """When the other runs have ended, a quiet run is read more often again."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    *others, last = schedule.take(EVER, ALL)
    for instance_id in others:
        schedule.ended(instance_id)
    schedule.updated(waiting(instance_id=last), 0)
    assert schedule.take(QUIET, ALL) == [last]


def test_a_run_that_was_woken_before_its_end_is_read_again() -> None:
    """Its id may have another run."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.wake(ID, 1)
    schedule.ended(ID)
    assert schedule.take(2, ALL) == [ID]
    assert schedule.last(ID) is None


def test_failed_reads_are_repeated_less_and_less_often() -> None:
    """Each failure in a row doubles the time, up to a minute."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    assert schedule.failed(ID, 0) == 1
    assert schedule.take(retry_after(1, LIMITS), ALL) == [ID]
    assert schedule.failed(ID, 0) == 2
    assert schedule.take(retry_after(2, LIMITS) - 0.01, ALL) == []
    assert [retry_after(failures, LIMITS) for failures in (1, 2, 3, 20)] == [2, 4, 8, SLOWEST]


def test_a_successful_read_resets_the_failures() -> None:
    """The next failure is the first one again."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.failed(ID, 0)
    schedule.take(EVER, ALL)
    schedule.updated(working(), 0)
    schedule.take(EVER, ALL)
    assert schedule.failed(ID, 0) == 1


def test_a_run_whose_read_was_cancelled_is_due_at_once() -> None:
    """The schedule hands it out again."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.unread(ID, 1)
    assert schedule.take(1, ALL) == [ID]


def test_a_recorded_snapshot_is_not_written_again() -> None:
    """It is written if a value differs, for example a start time, or if the ledger's row does."""
    schedule = followed(working())
    assert schedule.is_recorded(working(read_at=at(9)))
    assert not schedule.is_recorded(working(last_updated_at=at(10)))
    started = replace(activity(1, 0), started_at=at(0))
    assert not schedule.is_recorded(snapshot(spans=(started,)))
    schedule.rewrite(ID, 0)
    assert not schedule.is_recorded(working())


def test_a_stale_snapshot_is_not_recorded() -> None:
    """The same values are written again, and their events count as new."""
    event = HistoryEvent(1, at(1), "taskScheduled")
    schedule = followed(working())
    for second in range(3):
        schedule.take(EVER, ALL)
        schedule.updated(working(history=(event,)), second, is_stale=True)
        assert not schedule.is_recorded(working())
    assert schedule.recorded_events(working()) == 0
    schedule.take(EVER, ALL)
    schedule.updated(working(history=(event,)), 4)
    assert schedule.is_recorded(working())
    assert schedule.recorded_events(working()) == 1


def test_the_last_snapshot_is_kept_without_its_history() -> None:
    """Histories may be large, and there may be many runs."""
    final = done(instance_id=ID)
    last = followed(final).last(ID)
    assert last
    assert last.instance == final.instance
    assert last.history is None
    assert Schedule(LIMITS).last(ID) is None


def traced(*snapshots: Snapshot) -> Schedule:
    """Return a schedule of runs that got a hint and were read at second 0, while traces arrive."""
    schedule = Schedule(LIMITS)
    schedule.is_traced = True
    for each in snapshots:
        schedule.hint(each.instance.instance_id, 0, 0)
    schedule.take(0, ALL)
    for each in snapshots:
        schedule.updated(each, 0)
    return schedule


def test_a_hint_makes_a_run_due_at_once() -> None:
    """The id may not be followed yet."""
    schedule = followed(working())
    schedule.hint(ID, 0, 0)
    schedule.hint("order_new", 0, 0)
    assert sorted(schedule.take(0, ALL)) == [ID, "order_new"]


def test_a_run_is_read_again_soon_after_a_hint_and_then_less_often() -> None:
    """The first read may be too early; after that the next hint triggers a read."""
    schedule = traced(working())
    assert schedule.take(BRISK - 0.01, ALL) == []
    assert schedule.take(BRISK, ALL) == [ID]
    schedule.updated(working(), BRISK)
    assert schedule.take(BRISK + TRACED - 0.01, ALL) == []
    assert schedule.take(BRISK + TRACED, ALL) == [ID]


def test_many_traced_runs_are_each_read_less_often() -> None:
    """Hints trigger reads for any number of runs."""
    many = int(10 * LIMITS.traced_reads)
    schedule = traced(*[working(instance_id=f"order_{number}") for number in range(many)])
    assert schedule.take(9.9, ALL) == []
    assert len(schedule.take(10, ALL)) == many


def test_hints_wait_until_a_snapshot_answers_them() -> None:
    """They wait since the first unanswered hint; a hint during a read counts from its start."""
    schedule = followed(working())
    schedule.hint(ID, 3, 9)
    schedule.hint(ID, 5, 9)
    assert list(schedule.hint_waits(10)) == [7]
    assert schedule.take(9, ALL) == [ID]
    assert list(schedule.hint_waits(10)) == [7]
    schedule.hint(ID, 10, 10)
    schedule.updated(working(), 11)
    assert list(schedule.hint_waits(12)) == [3]


def test_a_hint_waits_until_a_snapshot_is_written() -> None:
    """A read may fail, be cancelled, or be stale."""
    schedule = followed(working())
    schedule.hint(ID, 3, 3)
    schedule.take(3, ALL)
    schedule.failed(ID, 4)
    assert list(schedule.hint_waits(10)) == [7]
    schedule.take(EVER, ALL)
    schedule.unread(ID, 5)
    schedule.take(EVER, ALL)
    schedule.updated(working(), 6, is_stale=True)
    assert list(schedule.hint_waits(10)) == [7]
    schedule.take(EVER, ALL)
    schedule.updated(working(), 7)
    assert list(schedule.hint_waits(10)) == []


def test_hints_of_a_run_whose_history_is_lost_do_not_wait() -> None:
    """The ledger says so after some reads; otherwise the lag would grow for ever."""
    schedule = followed(working())
    schedule.hint(ID, 3, 3)
    schedule.take(EVER, ALL)
    schedule.failed(ID, 4)
    for count in range(1, LIMITS.lost_reads + 1):
        assert list(schedule.hint_waits(10)) == [7]
        schedule.take(EVER, ALL)
        assert schedule.lost(ID, 5) == count
    assert list(schedule.hint_waits(10)) == []
    assert schedule.take(EVER, ALL) == [ID]
    schedule.updated(working(), 9)
    schedule.take(EVER, ALL)
    assert schedule.lost(ID, 10) == 1


def test_another_failure_ends_the_count_of_lost_reads() -> None:
    """Only reads in a row that lack a part of the history count."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    assert schedule.lost(ID, 1) == 1
    schedule.take(EVER, ALL)
    schedule.failed(ID, 2)
    schedule.take(EVER, ALL)
    assert schedule.lost(ID, 3) == 1


def test_the_end_of_a_run_answers_its_hints() -> None:
    """A hint that arrived during the last read still waits."""
    schedule = followed(working())
    schedule.hint(ID, 1, 1)
    schedule.take(1, ALL)
    schedule.hint(ID, 4, 4)
    schedule.ended(ID)
    assert list(schedule.hint_waits(10)) == [9]
    schedule.take(4, ALL)
    schedule.ended(ID)
    assert list(schedule.hint_waits(10)) == []


BACKLOG = [f"old_{number}" for number in range(1000)]


def catching_up() -> Schedule:
    """Return a schedule with a long backlog."""
    schedule = Schedule(LIMITS)
    schedule.follow_backlog(BACKLOG)
    return schedule


def test_due_runs_are_read_before_the_backlog() -> None:
    """The backlog gets the remaining reads, in its order."""
    schedule = catching_up()
    schedule.wake("new", 9)
    assert schedule.take(9, 3) == ["new", *BACKLOG[:2]]
    assert schedule.take(9, 2) == BACKLOG[2:4]


def test_a_run_of_the_backlog_that_is_woken_is_read_first() -> None:
    """A hint, or a write of another process, wakes it; it is read once."""
    schedule = catching_up()
    schedule.hint(BACKLOG[-1], 9, 9)
    schedule.wake(BACKLOG[-2], 8)
    assert schedule.take(9, 2) == [BACKLOG[-2], BACKLOG[-1]]
    assert schedule.take(9, ALL) == BACKLOG[:-2]


def test_a_run_counts_as_backlog_until_it_was_read() -> None:
    """A failed read counts, a cancelled read does not."""
    schedule = catching_up()
    ids = schedule.take(0, 5)
    assert schedule.backlog == 1000
    schedule.updated(working(instance_id=ids[0]), 0)
    schedule.failed(ids[1], 0)
    schedule.absent(ids[2], 0)
    schedule.ended(ids[3])
    schedule.unread(ids[4], 0)
    assert schedule.backlog == 996
    assert schedule.take(0, 1) == [ids[4]]


def test_an_expected_instance_is_read_for_some_time() -> None:
    """An id is reserved before the engine has the instance; each read doubles the interval."""
    schedule = Schedule(LIMITS)
    schedule.expect(ID, 0, 0)
    for second in (0, 0.11, 0.32, 0.73):
        assert schedule.take(second - 0.02, ALL) == []
        assert schedule.take(second, ALL) == [ID]
        schedule.absent(ID, second)
    assert schedule.take(LIMITS.reserved, ALL) == [ID]
    schedule.absent(ID, LIMITS.reserved)
    assert ID not in schedule


def test_an_absent_instance_that_is_not_expected_is_not_followed() -> None:
    """An expected instance that has ended is not followed either."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.absent(ID, 0)
    schedule.expect(ID, 0, 0)
    schedule.take(0, ALL)
    schedule.ended(ID)
    assert ID not in schedule


def test_the_schedule_counts_the_recorded_events() -> None:
    """It counts events of the same execution; a read without a history changes nothing."""
    one, two = (HistoryEvent(number, at(number), "taskScheduled") for number in (1, 2))
    schedule = followed(working(history=(one,)))
    assert schedule.recorded_events(working(history=(one, two))) == 1
    schedule.take(EVER, ALL)
    schedule.updated(working(), 1)
    schedule.take(EVER, ALL)
    schedule.failed(ID, 2)
    assert schedule.recorded_events(working(history=(one, two))) == 1
    assert schedule.recorded_events(working(history=(one, two), execution="e2")) == 0


def test_a_quiet_run_is_read_at_the_same_rate_with_traces() -> None:
    """It is not expected to change by itself."""
    schedule = traced(waiting())
    assert schedule.take(QUIET - 0.01, ALL) == []
    assert schedule.take(QUIET, ALL) == [ID]
