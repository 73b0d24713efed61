"""When each instance that is followed is read next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.model import Status
from operations.recorder.following import Following
from operations.recorder.pace import (
    BEGINNING,
    BRISK,
    QUIET,
    SLOWEST,
    TRACED,
    TRACED_READS,
    again_after,
    is_quiet,
)
from operations.records import Snapshot
from operations.timeline import Span, SpanKind
from tests.unit.snapshots import ID, activity, at, done, pending, snapshot

ALL = 10_000
EVER = 1e9


def waiting(*, due: datetime | None = None, **told: object) -> Snapshot:
    """Return a snapshot of an instance that waits for an event, until it is due at the latest."""
    wait = Span(SpanKind.WAIT, "approval", lane=1, event_id=1, scheduled_at=at(0), due=due)
    return snapshot(spans=(wait,), **told)  # type: ignore[arg-type]


def working(**told: object) -> Snapshot:
    """Return a snapshot of an instance whose activity is under way."""
    return snapshot(spans=(activity(1, 0),), **told)  # type: ignore[arg-type]


def followed(*snapshots: Snapshot, now: float = 0) -> Following:
    """Return these instances as they are followed after they were seen."""
    following = Following()
    following.follow([each.instance.instance_id for each in snapshots], now)
    following.due(now, ALL)
    for each in snapshots:
        following.seen(each, now)
    return following


def test_a_new_one_is_due_at_once() -> None:
    """It is handed out to be read, once."""
    following = Following()
    following.follow([ID], 5)
    assert following.due(4.9, ALL) == []
    assert following.due(5, ALL) == [ID]
    assert following.due(EVER, ALL) == []


def test_a_new_one_may_be_left_some_time() -> None:
    """It counts as never read from now on."""
    following = Following()
    following.follow([ID], 5, 7)
    assert following.due(6.9, ALL) == []
    assert following.never_read(5) == 1
    assert following.due(7, ALL) == [ID]


def test_to_follow_it_again_changes_nothing() -> None:
    """One that is being read is not handed out to a second reader."""
    following = Following()
    following.follow([ID], 0)
    following.due(0, ALL)
    following.follow([ID], 0)
    assert following.due(EVER, ALL) == []
    assert len(following) == 1


def test_the_longest_overdue_comes_first() -> None:
    """And no more are handed out than asked for."""
    following = Following()
    following.follow(["b"], 2)
    following.follow(["a"], 3)
    following.follow(["c"], 1)
    assert following.due(9, 2) == ["c", "b"]
    assert following.due(9, 2) == ["a"]


def test_what_works_is_read_often() -> None:
    """An activity may end at any moment."""
    following = followed(working())
    assert following.due(BRISK - 0.01, ALL) == []
    assert following.due(BRISK, ALL) == [ID]


@pytest.mark.parametrize("seen", [waiting(), snapshot(Status.SUSPENDED), snapshot(Status.STALLED)])
def test_what_waits_is_read_less_often(seen: Snapshot) -> None:
    """Nothing is expected of it."""
    following = followed(seen)
    assert following.due(QUIET - 0.01, ALL) == []
    assert following.due(QUIET, ALL) == [ID]


def test_the_more_wait_the_less_often_each_is_read() -> None:
    """Any number of waiting ones costs as many reads a second."""
    many = [waiting(instance_id=f"order_{number}") for number in range(1000)]
    following = followed(*many)
    assert len(following.due(9.9, ALL)) < 1000
    assert len(following.due(10, ALL)) > 0
    assert len(following) == 1000


def test_what_waits_does_not_slow_down_what_works() -> None:
    """However many wait."""
    following = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    following.follow([ID], 0)
    following.due(0, ALL)
    following.seen(working(), 0)
    assert ID in following.due(BRISK, ALL)


def test_each_is_read_once_a_minute_at_least() -> None:
    """Even if it is one of ten thousand."""
    many = [waiting(instance_id=f"order_{number}") for number in range(10_000)]
    assert len(followed(*many).due(SLOWEST, ALL)) == 10_000


def test_a_waiting_one_is_read_when_it_goes_on_by_itself() -> None:
    """A timer that is due within its pace shortens it."""
    following = followed(*[waiting(instance_id=f"order_{number}") for number in range(6000)])
    following.follow([ID], 0)
    following.due(0, ALL)
    following.seen(waiting(due=datetime.now(UTC) + timedelta(seconds=20)), 0)
    assert ID not in following.due(19, ALL)
    assert ID in following.due(20, ALL)


def test_what_is_due_soon_is_not_quiet() -> None:
    """A timer that fires within seconds is as good as work."""
    soon = datetime.now(UTC) + timedelta(seconds=2)
    assert not is_quiet(waiting(due=soon), 0)
    assert is_quiet(waiting(due=soon + timedelta(hours=1)), 0)
    assert is_quiet(waiting(), 0)


def test_a_pending_one_is_expected_to_begin_at_once_or_late() -> None:
    """For milliseconds every start is pending; one that still is after a while has its time."""
    assert not is_quiet(pending(), 0)
    assert is_quiet(pending(), BEGINNING)


def test_work_beside_a_wait_is_no_quiet() -> None:
    """One open activity is enough."""
    wait = waiting().timeline.spans[0]
    assert not is_quiet(snapshot(spans=(wait, activity(2, 0))), 0)
    assert not is_quiet(snapshot(), 0)


def test_one_that_is_woken_is_due_at_once() -> None:
    """However seldom it was to be read."""
    following = followed(waiting())
    following.wake(ID, 0.1)
    assert following.due(0.1, ALL) == [ID]


def test_one_that_is_woken_while_it_is_read_is_read_again() -> None:
    """What is read at this moment may be older than what woke it."""
    following = followed(waiting())
    following.due(EVER, ALL)
    following.wake(ID, 0.1)
    assert following.due(EVER, ALL) == []
    following.seen(waiting(), 0.2)
    assert following.due(0.2, ALL) == [ID]


def test_one_that_is_hinted_at_is_due_by_then() -> None:
    """Also while it is read; what is due sooner stays so."""
    following = followed(waiting())
    following.hint(ID, 0, 9.0)
    assert following.due(QUIET - 0.1, ALL) == []
    assert following.due(QUIET, ALL) == [ID]
    following.hint(ID, QUIET, QUIET + 0.6)
    following.hint(ID, QUIET, QUIET + 0.7)
    following.seen(waiting(), QUIET)
    following.hint(ID, QUIET, QUIET + 0.8)
    assert following.due(QUIET + 0.5, ALL) == []
    assert following.due(QUIET + 0.6, ALL) == [ID]


def test_one_whose_news_came_without_a_hint_is_not_traced() -> None:
    """Traces do not tell of all: it is asked as often as if there were none."""
    following = followed(working())
    following.hint(ID, 0, 0)
    following.due(EVER, ALL)
    following.seen(working(), 0)
    assert following._followed[ID].is_traced
    following.due(EVER, ALL)
    following.seen(working(status=Status.SUSPENDED), 1)
    assert not following._followed[ID].is_traced


def test_one_that_is_over_is_not_followed() -> None:
    """It is never due again, and can be followed anew."""
    following = followed(working())
    following.due(EVER, ALL)
    following.over(ID)
    assert ID not in following
    assert following.due(EVER, ALL) == []
    following.follow([ID], 2)
    assert following.due(2, ALL) == [ID]


def test_what_is_over_does_not_count() -> None:
    """When the others are over, one that waits is read more often again."""
    following = followed(*[waiting(instance_id=f"order_{number}") for number in range(1000)])
    *others, last = following.due(EVER, ALL)
    for instance_id in others:
        following.over(instance_id)
    following.seen(waiting(instance_id=last), 0)
    assert following.due(QUIET, ALL) == [last]


def test_one_that_was_woken_before_it_was_over_is_read_again() -> None:
    """Its id may have another life."""
    following = followed(working())
    following.due(EVER, ALL)
    following.wake(ID, 1)
    following.over(ID)
    assert following.due(2, ALL) == [ID]
    assert following.last(ID) is None


def test_one_that_cannot_be_read_is_tried_more_and_more_rarely() -> None:
    """Each trouble in a row doubles the time, up to a minute."""
    following = followed(working())
    following.due(EVER, ALL)
    assert following.troubled(ID, 0) == 1
    assert following.due(again_after(1), ALL) == [ID]
    assert following.troubled(ID, 0) == 2
    assert following.due(again_after(2) - 0.01, ALL) == []
    assert [again_after(troubles) for troubles in (1, 2, 3, 20)] == [2, 4, 8, SLOWEST]


def test_one_that_can_be_read_again_has_no_troubles() -> None:
    """The next one counts from the beginning."""
    following = followed(working())
    following.due(EVER, ALL)
    following.troubled(ID, 0)
    following.due(EVER, ALL)
    following.seen(working(), 0)
    following.due(EVER, ALL)
    assert following.troubled(ID, 0) == 1


def test_one_that_was_not_read_is_due_at_once() -> None:
    """Nobody came to it."""
    following = followed(working())
    following.due(EVER, ALL)
    following.unread(ID, 1)
    assert following.due(1, ALL) == [ID]


def test_what_was_seen_twice_is_surely_in_the_ledger() -> None:
    """What was written once may have come too late to be taken."""
    following = followed(working())
    assert not following.is_known(working())
    following.due(EVER, ALL)
    following.seen(working(read_at=at(9)), 1)
    assert following.is_known(working())
    assert not following.is_known(working(last_updated_at=at(10)))
    begun = replace(activity(1, 0), started_at=at(0))  # a trace told of it meanwhile
    assert not following.is_known(snapshot(spans=(begun,)))


def test_what_the_ledger_took_as_old_is_not_surely_in_it() -> None:
    """However often it was read: it is to be written again, and counts as never told."""
    event = HistoryEvent(1, at(1), "taskScheduled")
    following = followed(working())
    for second in range(3):
        following.due(EVER, ALL)
        following.seen(working(history=(event,)), second, is_taken=False)
        assert not following.is_known(working())
    assert following.told(working()) == 0
    following.due(EVER, ALL)
    following.seen(working(history=(event,)), 4)
    assert following.is_known(working())
    assert following.told(working()) == 1


def test_the_last_sighting_is_kept_without_its_history() -> None:
    """A history may be large, and there may be many."""
    seen = done(instance_id=ID)
    last = followed(seen).last(ID)
    assert last
    assert last.instance == seen.instance
    assert last.history is None
    assert Following().last(ID) is None


MANY_TRACED = 10 * TRACED_READS


def traced(number: int) -> Following:
    """Return so many instances that work, all of them traced, as they are followed at second 0."""
    working_ones = [working(instance_id=f"order_{each}") for each in range(number)]
    following = Following()
    for each in working_ones:
        following.hint(each.instance.instance_id, 0, 0)
    following.due(0, ALL)
    for each in working_ones:
        following.seen(each, 0)
    return following


def settled(number: int) -> Following:
    """Return the same, read again some time after the last hint, at second 0."""
    following = traced(number)
    for instance_id in following.due(EVER, ALL):
        following.seen(working(instance_id=instance_id), 0)
    return following


def test_a_hint_has_it_read_at_once() -> None:
    """Also one that is not followed yet."""
    following = followed(working())
    following.hint(ID, 0, 0)
    following.hint("order_new", 0, 0)
    assert sorted(following.due(0, ALL)) == [ID, "order_new"]


def test_one_is_read_again_right_after_a_hint_and_then_less_often() -> None:
    """The engine may still be at what the hint was of; later the next hint tells when to look."""
    following = traced(1)
    assert following.due(BRISK - 0.01, ALL) == []
    assert following.due(BRISK, ALL) == ["order_0"]
    following.seen(working(instance_id="order_0"), BRISK)
    assert following.due(BRISK + TRACED - 0.01, ALL) == []
    assert following.due(BRISK + TRACED, ALL) == ["order_0"]


def test_how_long_hints_wait_to_be_heeded() -> None:
    """From the first one since an instance was last read."""
    following = followed(working())
    following.hint(ID, 3, 9)
    following.hint(ID, 5, 9)
    assert list(following.waits(10)) == [7]
    assert following.due(9, ALL) == [ID]
    assert list(following.waits(10)) == [7]
    following.hint(ID, 10, 10)
    following.seen(working(), 11)
    assert list(following.waits(12)) == [2]


def test_a_hint_waits_until_what_it_led_to_is_written() -> None:
    """Not only until somebody goes to read: that may fail for an hour."""
    following = followed(working())
    following.hint(ID, 3, 3)
    following.due(3, ALL)
    following.troubled(ID, 4)
    assert list(following.waits(10)) == [7]
    following.due(EVER, ALL)
    following.unread(ID, 5)
    following.due(EVER, ALL)
    following.seen(working(), 6, is_taken=False)
    assert list(following.waits(10)) == [7]
    following.due(EVER, ALL)
    following.seen(working(), 7)
    assert list(following.waits(10)) == []


def test_a_hint_waits_no_more_when_its_instance_is_over() -> None:
    """One that came since then does."""
    following = followed(working())
    following.hint(ID, 1, 1)
    following.due(1, ALL)
    following.hint(ID, 4, 4)
    following.over(ID)
    assert list(following.waits(10)) == [6]
    following.due(4, ALL)
    following.over(ID)
    assert list(following.waits(10)) == []


BACKLOG = [f"old_{number}" for number in range(1000)]


def catching_up() -> Following:
    """Return what is followed when a long list has just been read, at second 0."""
    following = Following()
    following.follow(BACKLOG, 0, is_backlog=True)
    return following


def test_what_lives_is_read_before_what_is_caught_up_with() -> None:
    """However long that waits; what it lacks to all of the reads is the backlog's."""
    following = catching_up()
    following.follow(["new"], 9)
    assert following.due(9, 4)[0] == "new"
    assert len(following.due(9, 100)) == 100
    assert following.never_read(0) == 1000


def test_what_is_woken_is_of_the_backlog_no_more() -> None:
    """It lives: a hint, or a write of another process, told of it."""
    following = catching_up()
    following.hint(BACKLOG[-1], 9, 9)
    following.wake(BACKLOG[-2], 8)
    assert following.due(9, 4)[:2] == [BACKLOG[-2], BACKLOG[-1]]
    assert sorted(following.due(9, ALL)) == sorted(set(BACKLOG[:-2]) - {BACKLOG[0], BACKLOG[1]})


def test_the_backlog_has_a_part_of_the_reads_in_any_case() -> None:
    """More that lives than can be read does not end the catching up."""
    following = catching_up()
    following.follow([f"new_{number}" for number in range(1000)], 9)
    handed_out = following.due(9, 100)
    assert sum(each in BACKLOG for each in handed_out) == 25
    assert len(handed_out) == 100


def test_how_much_of_a_history_was_told_before() -> None:
    """Of the same execution; a look without news, or one that failed, tells nothing else."""
    one, two = (HistoryEvent(number, at(number), "taskScheduled") for number in (1, 2))
    following = followed(working(history=(one,)))
    assert following.told(working(history=(one, two))) == 1
    following.due(EVER, ALL)
    following.seen(working(), 1)
    following.due(EVER, ALL)
    following.troubled(ID, 2)
    assert following.told(working(history=(one, two))) == 1
    assert following.told(working(history=(one, two), execution="e2")) == 0


def test_many_that_are_traced_are_asked_less_often_than_others() -> None:
    """Hints tell when to look, whatever the number."""
    following = settled(MANY_TRACED)
    assert following.due(9, ALL) == []
    assert len(following.due(10, ALL)) == MANY_TRACED
    following.hint("order_7", 10, 10)
    for each in range(MANY_TRACED):
        following.over(f"order_{each}")
    assert following.due(10, ALL) == ["order_7"]


def test_what_is_traced_and_waits_is_read_as_all_that_waits() -> None:
    """Nothing is expected of it."""
    following = Following()
    following.hint(ID, 0, 0)
    following.due(0, ALL)
    following.seen(waiting(), 0)
    assert following.due(QUIET - 0.01, ALL) == []
    assert following.due(QUIET, ALL) == [ID]
