"""What begins a span, and what ends it."""

import pytest

from operations.timeline import (
    SUSPENSIONS,
    Ending,
    Span,
    SpanKind,
)
from tests.unit.events import (
    REFUSED,
    at,
    back_off,
    child,
    child_back_off,
    child_completed,
    child_failed,
    completed,
    event,
    failed,
    fired,
    only,
    raised,
    read,
    resumed,
    scheduled,
    suspended,
    timer,
    tries,
    wait,
)


def test_an_activity_under_way_is_open() -> None:
    """Until its answer is there, an attempt has no end."""
    span = only(read(scheduled(1, 1, payload='{"amount": 5}')))
    assert span == Span(SpanKind.ACTIVITY, "charge", 1, 1, at(1), input='{"amount": 5}', turn=1)


def test_what_has_no_name_is_called_what_it_is() -> None:
    """A name is never empty."""
    assert only(read(scheduled(1, 1, name=""))).name == "activity"


def test_an_activity_that_completed() -> None:
    """The answer gives the end and the output."""
    span = only(read(scheduled(1, 1), completed(1, 3, "true")))
    assert (span.ended_at, span.ending, span.output) == (at(3), Ending.COMPLETED, "true")


def test_an_activity_that_failed() -> None:
    """A failed attempt holds why."""
    span = only(read(scheduled(1, 1), failed(1, 3)))
    assert (span.ended_at, span.ending, span.failure) == (at(3), Ending.FAILED, REFUSED)


def test_attempts_of_a_call_share_a_lane() -> None:
    """What has one task execution id is one call, in the lane of its first attempt."""
    timeline = read(scheduled(1, 1, call="c"), failed(1, 2), scheduled(3, 4, call="c"))
    assert tries(timeline) == [(1, 1, 1, 2), (3, 1, 2, 2)]


def test_two_calls_have_lanes_of_their_own() -> None:
    """Two calls of one activity are no attempts of each other."""
    timeline = read(scheduled(1, 1, call="c"), scheduled(2, 1, call="d"))
    assert tries(timeline) == [(1, 1, 1, 1), (2, 2, 1, 1)]


@pytest.mark.parametrize("call", [None, ""])
def test_without_a_task_execution_id_each_attempt_is_a_call(call: str | None) -> None:
    """Where nothing tells what belongs together, nothing is put together."""
    timeline = read(scheduled(1, 1, call=call), failed(1, 2), scheduled(3, 4, call=call))
    assert tries(timeline) == [(1, 1, 1, 1), (3, 3, 1, 1)]


def test_answers_come_in_any_order() -> None:
    """Each answer ends the attempt that it names."""
    timeline = read(scheduled(1, 1), scheduled(2, 1), completed(2, 2), failed(1, 3))
    assert [span.ending for span in timeline.spans] == [Ending.FAILED, Ending.COMPLETED]


def test_an_answer_to_nothing_is_ignored() -> None:
    """An answer to an event that is not there, or answered, changes nothing."""
    once = read(scheduled(1, 1), completed(1, 2, "1"))
    assert read(scheduled(1, 1), completed(1, 2, "1"), failed(1, 3), failed(7, 3)) == once


def test_an_answer_of_another_kind_is_ignored() -> None:
    """A fired timer does not end an activity."""
    assert only(read(scheduled(1, 1), fired(1, 2), child_completed(1, 2))).ended_at is None


def test_an_answer_that_names_nothing_is_ignored() -> None:
    """Answers have the event id -1, which is nobody's name."""
    span = only(read(scheduled(-1, 1), event("taskCompleted", 2, -1)))
    assert span.ending is Ending.OPEN


def test_of_two_events_with_one_id_the_last_is_answered_first() -> None:
    """Should generations share ids, an answer is the later one's."""
    timeline = read(scheduled(1, 1), scheduled(1, 5), completed(1, 6), completed(1, 7))
    assert [(span.scheduled_at, span.ended_at) for span in timeline.spans] == [
        (at(1), at(7)),
        (at(5), at(6)),
    ]


def test_two_events_with_one_id_have_lanes_of_their_own() -> None:
    """An event id that is taken names no second lane."""
    timeline = read(scheduled(1, 1, call="c"), scheduled(1, 5, call="d"))
    first, second = (span.lane for span in timeline.spans)
    assert first == 1
    assert second > 1


def test_an_activity_without_an_id_has_a_lane_above_the_pauses() -> None:
    """The event id -1 names no lane: the pauses have that."""
    assert only(read(scheduled(-1, 1))).lane > SUSPENSIONS


def test_a_back_off_stands_between_the_attempts_in_their_lane() -> None:
    """A back-off has its activity's name and lane, and the number of the attempt before."""
    timeline = read(scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 4, "c"), fired(2, 4))
    span = timeline.spans[1]
    assert (span.kind, span.name, span.lane) == (SpanKind.BACKOFF, "charge", 1)
    assert (span.ended_at, span.ending, span.due) == (at(4), Ending.COMPLETED, at(4))


def test_a_back_off_is_no_attempt() -> None:
    """Attempts are counted without the back-offs between them."""
    timeline = read(
        scheduled(1, 1, call="c"),
        failed(1, 2),
        back_off(2, 2, 4, "c"),
        fired(2, 4),
        scheduled(3, 5, call="c"),
    )
    assert tries(timeline) == [(1, 1, 1, 2), (2, 1, 1, 2), (3, 1, 2, 2)]


def test_a_back_off_of_an_unknown_call_has_its_own_lane() -> None:
    """A back-off that does not tell its call stands for itself."""
    span = only(read(back_off(2, 2, 4, None)))
    assert (span.kind, span.lane, span.attempt_number) == (SpanKind.BACKOFF, 2, 1)


def test_a_timer_is_open_until_it_fires() -> None:
    """A timer knows when it is due."""
    span = only(read(timer(1, 1, 60)))
    assert (span.kind, span.name, span.due, span.ended_at) == (
        SpanKind.TIMER,
        "timer",
        at(60),
        None,
    )


def test_a_timer_that_fired() -> None:
    """A timer that fired is completed, at the time when it was seen."""
    span = only(read(timer(1, 1, 60), fired(1, 61)))
    assert (span.ended_at, span.ending) == (at(61), Ending.COMPLETED)


def test_a_timer_with_a_name_of_its_own() -> None:
    """A timer that the workflow named shows that name."""
    assert only(read(timer(1, 1, 60, name="cooling"))).name == "cooling"


def test_a_timer_of_an_unknown_origin() -> None:
    """A timer that does not tell what it is for is a timer."""
    assert only(read(event("timerCreated", 1, 1))).kind is SpanKind.TIMER


def test_a_wait_without_end() -> None:
    """A wait that is due in the year 9999 has no end."""
    span = only(read(wait(1, 1)))
    assert (span.kind, span.name, span.due) == (SpanKind.WAIT, "approval", None)


def test_a_wait_with_a_time_out() -> None:
    """A wait with a time-out is due then."""
    assert only(read(wait(1, 1, due=60))).due == at(60)


def test_a_raised_event_ends_its_wait() -> None:
    """The event ends the wait, and is its output."""
    span = only(read(wait(1, 1), raised("approval", 5, '"yes"')))
    assert (span.ended_at, span.ending, span.output) == (at(5), Ending.COMPLETED, '"yes"')


def test_a_wait_that_timed_out() -> None:
    """A wait whose timer fires has timed out."""
    span = only(read(wait(1, 1, due=60), fired(1, 60)))
    assert (span.ended_at, span.ending) == (at(60), Ending.TIMED_OUT)


def test_names_of_events_are_compared_without_case() -> None:
    """The engine knows no case in the names of events."""
    span = only(read(wait(1, 1, "Approval"), raised("APPROVAL", 5)))
    assert span.ending is Ending.COMPLETED


def test_an_event_of_another_name_ends_nothing() -> None:
    """A wait goes on until its own event comes."""
    assert only(read(wait(1, 1), raised("refusal", 5))).ending is Ending.OPEN


def test_the_oldest_wait_gets_the_event() -> None:
    """One event ends one wait, the first."""
    timeline = read(wait(1, 1), wait(2, 2), raised("approval", 5))
    assert [span.ending for span in timeline.spans] == [Ending.COMPLETED, Ending.OPEN]


def test_a_wait_that_timed_out_gets_no_event() -> None:
    """An event goes past a wait that has ended, to the next."""
    timeline = read(wait(1, 1, due=2), fired(1, 2), wait(3, 2), raised("approval", 5))
    assert [span.ending for span in timeline.spans] == [Ending.TIMED_OUT, Ending.COMPLETED]


def test_an_event_raised_before_ends_no_later_wait() -> None:
    """An event that came early was handed over without a wait: its next wait is a new one."""
    assert only(read(raised("approval", 1), wait(1, 2))).ending is Ending.OPEN


def test_a_child_under_way() -> None:
    """A child's span leads to its instance."""
    span = only(read(child(1, 1, "order:0001")))
    assert (span.kind, span.name, span.instance_id, span.ended_at) == (
        SpanKind.CHILD,
        "pay",
        "order:0001",
        None,
    )


def test_a_child_that_completed() -> None:
    """A child's result is its span's output."""
    span = only(read(child(1, 1, "order:0001"), child_completed(1, 4, "7")))
    assert (span.ended_at, span.ending, span.output) == (at(4), Ending.COMPLETED, "7")


def test_a_child_that_failed() -> None:
    """A failed child's span holds why."""
    span = only(read(child(1, 1, "order:0001"), child_failed(1, 4)))
    assert (span.ending, span.failure) == (Ending.FAILED, REFUSED)


def test_a_retried_child_keeps_its_lane() -> None:
    """Python's SDK starts the same instance again: one lane, and the back-off in it."""
    timeline = read(
        child(1, 1, "order:0001"),
        child_failed(1, 2),
        child_back_off(2, 2, 4, "order:0001"),
        fired(2, 4),
        child(3, 5, "order:0001"),
    )
    assert tries(timeline) == [(1, 1, 1, 2), (2, 1, 1, 2), (3, 1, 2, 2)]
    assert timeline.spans[1].name == "pay"


def test_a_retried_child_with_a_new_id_is_told_by_its_name() -> None:
    """Go's SDK gives every attempt an id: the back-off that ended first tells the lane."""
    timeline = read(
        child(1, 1, "a"),
        child(2, 1, "b"),
        child_failed(2, 2),
        child_failed(1, 2),
        child_back_off(3, 2, 4, "b"),
        child_back_off(4, 2, 6, "a"),
        fired(3, 4),
        child(5, 4, "c"),
        fired(4, 6),
        child(6, 6, "d"),
    )
    assert [(span.event_id, span.lane) for span in timeline.spans] == [
        (1, 1),
        (2, 2),
        (3, 2),
        (4, 1),
        (5, 2),
        (6, 1),
    ]


def test_a_retry_of_a_child_is_made_once() -> None:
    """What comes after the retry is another call."""
    timeline = read(
        child(1, 1, "a"),
        child_failed(1, 2),
        child_back_off(2, 2, 4, "a"),
        fired(2, 4),
        child(3, 4, "a"),
        child(4, 4, "b"),
    )
    assert timeline.spans[-1].lane == 4


def test_a_child_of_the_same_id_after_a_success_is_another_call() -> None:
    """Only a failed child is tried again."""
    timeline = read(child(1, 1, "a"), child_completed(1, 2), child(2, 3, "a"))
    assert tries(timeline) == [(1, 1, 1, 1), (2, 2, 1, 1)]


def test_a_child_of_the_same_id_after_a_retry_that_worked_is_another_call() -> None:
    """The failure of an earlier attempt is forgotten with the next."""
    timeline = read(
        child(1, 1, "a"),
        child_failed(1, 2),
        child(2, 3, "a"),
        child_completed(2, 4),
        child(3, 5, "a"),
    )
    assert tries(timeline) == [(1, 1, 1, 2), (2, 1, 2, 2), (3, 3, 1, 1)]


def test_an_activity_of_a_childs_name_is_no_attempt_of_it() -> None:
    """A child does not come into the lane of an activity that is due again."""
    timeline = read(
        scheduled(1, 1, "pay", call="c"),
        failed(1, 2),
        back_off(2, 2, 4, "c"),
        fired(2, 4),
        child(3, 4, "c"),
    )
    assert timeline.spans[-1].lane == 3


def test_a_pause_is_open_until_it_is_resumed() -> None:
    """A pause lasts until it is resumed."""
    span = only(read(suspended(1)))
    assert (span.kind, span.lane, span.ended_at) == (SpanKind.SUSPENSION, SUSPENSIONS, None)


def test_a_pause_that_was_resumed() -> None:
    """Resuming ends the pause."""
    span = only(read(suspended(1), resumed(3)))
    assert (span.ended_at, span.ending) == (at(3), Ending.COMPLETED)


def test_pausing_twice_is_one_pause() -> None:
    """Pauses do not nest."""
    assert only(read(suspended(1), suspended(2), resumed(3), resumed(4))).ended_at == at(3)


def test_all_pauses_share_a_lane() -> None:
    """A second pause is in the row of the first, and no attempt."""
    timeline = read(suspended(1), resumed(2), suspended(3), resumed(4))
    assert tries(timeline) == [(-1, SUSPENSIONS, 1, 1), (-1, SUSPENSIONS, 1, 1)]


def test_resuming_what_runs_says_nothing() -> None:
    """A resumption without a pause has no span."""
    assert read(resumed(1)).spans == ()


def test_answers_come_during_a_pause() -> None:
    """An activity that is under way ends while the workflow is paused."""
    timeline = read(scheduled(1, 1), suspended(2), completed(1, 3))
    assert timeline.spans[0].ended_at == at(3)
