"""When each instance that is followed is read next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.model import Status
from operations.recorder.limits import Limits
from operations.recorder.schedule import Schedule, is_quiet, retry_after
from operations.records import Snapshot
from operations.timeline import Span, SpanKind
from tests.unit.snapshots import ID, activity, at, done, pending, snapshot

LIMITS = Limits()
BRISK, QUIET, SLOWEST, TRACED = LIMITS.brisk, LIMITS.quiet, LIMITS.slowest, LIMITS.traced
ALL = 10_000
EVER = 1e9


def waiting(*, due: datetime | None = None, **told: object) -> Snapshot:
    """Return a snapshot of an instance that waits for an event, until it is due at the latest."""
    wait = Span(SpanKind.WAIT, "approval", lane=1, event_id=1, scheduled_at=at(0), due=due)
    return snapshot(spans=(wait,), **told)  # type: ignore[arg-type]


def working(**told: object) -> Snapshot:
    """Return a snapshot of an instance whose activity is under way."""
    return snapshot(spans=(activity(1, 0),), **told)  # type: ignore[arg-type]


def wake(schedule: Schedule, *ids: str, by: float) -> None:
    """Follow instances that are to be read by then."""
    for instance_id in ids:
        schedule.wake(instance_id, by)


def followed(*snapshots: Snapshot, now: float = 0) -> Schedule:
    """Return these instances as they are followed after they were seen."""
    schedule = Schedule(LIMITS)
    wake(schedule, *(each.instance.instance_id for each in snapshots), by=now)
    schedule.take(now, ALL)
    for each in snapshots:
        schedule.updated(each, now)
    return schedule


def test_a_new_one_is_due_at_once() -> None:
    """It is handed out to be read, once."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 5)
    assert schedule.take(4.9, ALL) == []
    assert schedule.take(5, ALL) == [ID]
    assert schedule.take(EVER, ALL) == []


def test_a_new_one_may_be_left_some_time() -> None:
    """Its hints may be gathered."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 7)
    assert schedule.take(6.9, ALL) == []
    assert schedule.take(7, ALL) == [ID]


def test_to_follow_it_again_changes_nothing() -> None:
    """One that is being read is not handed out to a second reader."""
    schedule = Schedule(LIMITS)
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.wake(ID, 0)
    assert schedule.take(EVER, ALL) == []
    assert len(schedule) == 1


def test_the_longest_overdue_comes_first() -> None:
    """And no more are handed out than asked for."""
    schedule = Schedule(LIMITS)
    schedule.wake("b", 2)
    schedule.wake("a", 3)
    schedule.wake("c", 1)
    assert schedule.take(9, 2) == ["c", "b"]
    assert schedule.take(9, 2) == ["a"]


def test_what_works_is_read_often() -> None:
    """An activity may end at any moment."""
    schedule = followed(working())
    assert schedule.take(BRISK - 0.01, ALL) == []
    assert schedule.take(BRISK, ALL) == [ID]


@pytest.mark.parametrize("seen", [waiting(), snapshot(Status.SUSPENDED), snapshot(Status.STALLED)])
def test_what_waits_is_read_less_often(seen: Snapshot) -> None:
    """Nothing is expected of it."""
    schedule = followed(seen)
    assert schedule.take(QUIET - 0.01, ALL) == []
    assert schedule.take(QUIET, ALL) == [ID]


def test_the_more_wait_the_less_often_each_is_read() -> None:
    """Any number of waiting ones costs as many reads a second."""
    many = [waiting(instance_id=f"order_{number}") for number in range(1000)]
    schedule = followed(*many)
    assert len(schedule.take(9.9, ALL)) < 1000
    assert len(schedule.take(10, ALL)) > 0
    assert len(schedule) == 1000


def test_what_waits_does_not_slow_down_what_works() -> None:
    """However many wait."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.updated(working(), 0)
    assert ID in schedule.take(BRISK, ALL)


def test_each_is_read_once_a_minute_at_least() -> None:
    """Even if it is one of ten thousand."""
    many = [waiting(instance_id=f"order_{number}") for number in range(10_000)]
    assert len(followed(*many).take(SLOWEST, ALL)) == 10_000


def test_a_waiting_one_is_read_when_it_goes_on_by_itself() -> None:
    """A timer that is due within its pace shortens it."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(6000)])
    schedule.wake(ID, 0)
    schedule.take(0, ALL)
    schedule.updated(waiting(due=datetime.now(UTC) + timedelta(seconds=20)), 0)
    assert ID not in schedule.take(19, ALL)
    assert ID in schedule.take(20, ALL)


def test_what_is_due_soon_is_not_quiet() -> None:
    """A timer that fires within seconds is as good as work."""
    soon = datetime.now(UTC) + timedelta(seconds=2)
    assert not is_quiet(waiting(due=soon), 0, LIMITS)
    assert is_quiet(waiting(due=soon + timedelta(hours=1)), 0, LIMITS)
    assert is_quiet(waiting(), 0, LIMITS)


def test_a_pending_one_is_expected_to_begin_at_once_or_late() -> None:
    """For milliseconds every start is pending; one that still is after a while has its time."""
    assert not is_quiet(pending(), 0, LIMITS)
    assert is_quiet(pending(), LIMITS.pending_reads, LIMITS)


def test_work_beside_a_wait_is_no_quiet() -> None:
    """One open activity is enough."""
    wait = waiting().timeline.spans[0]
    assert not is_quiet(snapshot(spans=(wait, activity(2, 0))), 0, LIMITS)
    assert not is_quiet(snapshot(), 0, LIMITS)


def test_one_that_is_woken_is_due_at_once() -> None:
    """However seldom it was to be read."""
    schedule = followed(waiting())
    schedule.wake(ID, 0.1)
    assert schedule.take(0.1, ALL) == [ID]


def test_one_that_is_woken_while_it_is_read_is_read_again() -> None:
    """What is read at this moment may be older than what woke it."""
    schedule = followed(waiting())
    schedule.take(EVER, ALL)
    schedule.wake(ID, 0.1)
    assert schedule.take(EVER, ALL) == []
    schedule.updated(waiting(), 0.2)
    assert schedule.take(0.2, ALL) == [ID]


def test_one_that_is_hinted_at_is_due_by_then() -> None:
    """Also while it is read; what is due sooner stays so."""
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


def test_one_that_is_over_is_not_followed() -> None:
    """It is never due again, and can be followed anew."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.ended(ID)
    assert ID not in schedule
    assert schedule.take(EVER, ALL) == []
    schedule.wake(ID, 2)
    assert schedule.take(2, ALL) == [ID]


def test_what_is_over_does_not_count() -> None:
    """When the others are over, one that waits is read more often again."""
    schedule = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    *others, last = schedule.take(EVER, ALL)
    for instance_id in others:
        schedule.ended(instance_id)
    schedule.updated(waiting(instance_id=last), 0)
    assert schedule.take(QUIET, ALL) == [last]


def test_one_that_was_woken_before_it_was_over_is_read_again() -> None:
    """Its id may have another life."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.wake(ID, 1)
    schedule.ended(ID)
    assert schedule.take(2, ALL) == [ID]
    assert schedule.last(ID) is None


def test_one_that_cannot_be_read_is_tried_more_and_more_rarely() -> None:
    """Each trouble in a row doubles the time, up to a minute."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    assert schedule.failed(ID, 0) == 1
    assert schedule.take(retry_after(1, LIMITS), ALL) == [ID]
    assert schedule.failed(ID, 0) == 2
    assert schedule.take(retry_after(2, LIMITS) - 0.01, ALL) == []
    assert [retry_after(troubles, LIMITS) for troubles in (1, 2, 3, 20)] == [2, 4, 8, SLOWEST]


def test_one_that_can_be_read_again_has_no_troubles() -> None:
    """The next one counts from the beginning."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.failed(ID, 0)
    schedule.take(EVER, ALL)
    schedule.updated(working(), 0)
    schedule.take(EVER, ALL)
    assert schedule.failed(ID, 0) == 1


def test_one_that_was_not_read_is_due_at_once() -> None:
    """Nobody came to it."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.unread(ID, 1)
    assert schedule.take(1, ALL) == [ID]


def test_what_the_ledger_has_taken_is_not_written_again() -> None:
    """Unless the ledger has other values by now; a start time from spans is a new value."""
    schedule = followed(working())
    assert schedule.is_recorded(working(read_at=at(9)))
    assert not schedule.is_recorded(working(last_updated_at=at(10)))
    started = replace(activity(1, 0), started_at=at(0))
    assert not schedule.is_recorded(snapshot(spans=(started,)))
    schedule.rewrite(ID, 0)
    assert not schedule.is_recorded(working())


def test_what_the_ledger_took_as_old_is_not_surely_in_it() -> None:
    """However often it was read: it is to be written again, and counts as never told."""
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


def test_the_last_sighting_is_kept_without_its_history() -> None:
    """A history may be large, and there may be many."""
    seen = done(instance_id=ID)
    last = followed(seen).last(ID)
    assert last
    assert last.instance == seen.instance
    assert last.history is None
    assert Schedule(LIMITS).last(ID) is None


def traced(*snapshots: Snapshot) -> Schedule:
    """Return runs that were hinted at and read at second 0, while traces arrive."""
    schedule = Schedule(LIMITS)
    schedule.is_traced = True
    for each in snapshots:
        schedule.hint(each.instance.instance_id, 0, 0)
    schedule.take(0, ALL)
    for each in snapshots:
        schedule.updated(each, 0)
    return schedule


def test_a_hint_has_it_read_at_once() -> None:
    """Also one that is not followed yet."""
    schedule = followed(working())
    schedule.hint(ID, 0, 0)
    schedule.hint("order_new", 0, 0)
    assert sorted(schedule.take(0, ALL)) == [ID, "order_new"]


def test_one_is_read_again_soon_after_a_hint_and_then_less_often() -> None:
    """The engine may still be at what the hint was of; later the next hint tells when to read."""
    schedule = traced(working())
    assert schedule.take(BRISK - 0.01, ALL) == []
    assert schedule.take(BRISK, ALL) == [ID]
    schedule.updated(working(), BRISK)
    assert schedule.take(BRISK + TRACED - 0.01, ALL) == []
    assert schedule.take(BRISK + TRACED, ALL) == [ID]


def test_many_that_are_traced_are_read_less_often() -> None:
    """Hints tell when to read, whatever the number."""
    many = int(10 * LIMITS.traced_reads)
    schedule = traced(*[working(instance_id=f"order_{number}") for number in range(many)])
    assert schedule.take(9.9, ALL) == []
    assert len(schedule.take(10, ALL)) == many


def test_how_long_hints_wait_to_be_heeded() -> None:
    """From the first one that no snapshot answers; from the start of a read, if one came in it."""
    schedule = followed(working())
    schedule.hint(ID, 3, 9)
    schedule.hint(ID, 5, 9)
    assert list(schedule.unanswered(10)) == [7]
    assert schedule.take(9, ALL) == [ID]
    assert list(schedule.unanswered(10)) == [7]
    schedule.hint(ID, 10, 10)
    schedule.updated(working(), 11)
    assert list(schedule.unanswered(12)) == [3]


def test_a_hint_waits_until_what_it_led_to_is_written() -> None:
    """Not only until somebody goes to read: that may fail for an hour."""
    schedule = followed(working())
    schedule.hint(ID, 3, 3)
    schedule.take(3, ALL)
    schedule.failed(ID, 4)
    assert list(schedule.unanswered(10)) == [7]
    schedule.take(EVER, ALL)
    schedule.unread(ID, 5)
    schedule.take(EVER, ALL)
    schedule.updated(working(), 6, is_stale=True)
    assert list(schedule.unanswered(10)) == [7]
    schedule.take(EVER, ALL)
    schedule.updated(working(), 7)
    assert list(schedule.unanswered(10)) == []


def test_a_hint_waits_no_more_when_its_instance_is_over() -> None:
    """One that came since its last read began does."""
    schedule = followed(working())
    schedule.hint(ID, 1, 1)
    schedule.take(1, ALL)
    schedule.hint(ID, 4, 4)
    schedule.ended(ID)
    assert list(schedule.unanswered(10)) == [9]
    schedule.take(4, ALL)
    schedule.ended(ID)
    assert list(schedule.unanswered(10)) == []


BACKLOG = [f"old_{number}" for number in range(1000)]


def catching_up() -> Schedule:
    """Return what is followed when a long list has just been read."""
    schedule = Schedule(LIMITS)
    schedule.follow_backlog(BACKLOG)
    return schedule


def test_what_lives_is_read_before_the_backlog() -> None:
    """The backlog gets the reads that are left, in its order."""
    schedule = catching_up()
    schedule.wake("new", 9)
    assert schedule.take(9, 3) == ["new", *BACKLOG[:2]]
    assert schedule.take(9, 2) == BACKLOG[2:4]


def test_what_is_woken_is_read_before_the_backlog() -> None:
    """Once: a hint, or a write of another process, told of it."""
    schedule = catching_up()
    schedule.hint(BACKLOG[-1], 9, 9)
    schedule.wake(BACKLOG[-2], 8)
    assert schedule.take(9, 2) == [BACKLOG[-2], BACKLOG[-1]]
    assert schedule.take(9, ALL) == BACKLOG[:-2]


def test_the_backlog_counts_until_it_was_read() -> None:
    """In vain or not; what was given up was not read."""
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


def test_one_that_is_expected_is_looked_for_some_time() -> None:
    """Its id is reserved before the engine has it; each look doubles the time to the next."""
    schedule = Schedule(LIMITS)
    schedule.expect(ID, 0, 0)
    for moment in (0, 0.11, 0.32, 0.73):
        assert schedule.take(moment - 0.02, ALL) == []
        assert schedule.take(moment, ALL) == [ID]
        schedule.absent(ID, moment)
    assert schedule.take(LIMITS.reserved, ALL) == [ID]
    schedule.absent(ID, LIMITS.reserved)
    assert ID not in schedule


def test_one_that_is_not_expected_and_absent_is_over() -> None:
    """As is one that was expected and has ended."""
    schedule = followed(working())
    schedule.take(EVER, ALL)
    schedule.absent(ID, 0)
    schedule.expect(ID, 0, 0)
    schedule.take(0, ALL)
    schedule.ended(ID)
    assert ID not in schedule


def test_how_much_of_a_history_was_told_before() -> None:
    """Of the same execution; a look without news, or one that failed, tells nothing else."""
    one, two = (HistoryEvent(number, at(number), "taskScheduled") for number in (1, 2))
    schedule = followed(working(history=(one,)))
    assert schedule.recorded_events(working(history=(one, two))) == 1
    schedule.take(EVER, ALL)
    schedule.updated(working(), 1)
    schedule.take(EVER, ALL)
    schedule.failed(ID, 2)
    assert schedule.recorded_events(working(history=(one, two))) == 1
    assert schedule.recorded_events(working(history=(one, two), execution="e2")) == 0


def test_what_is_traced_and_waits_is_read_as_all_that_waits() -> None:
    """Nothing is expected of it."""
    schedule = traced(waiting())
    assert schedule.take(QUIET - 0.01, ALL) == []
    assert schedule.take(QUIET, ALL) == [ID]
