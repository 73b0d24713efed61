"""Which events open and close spans."""

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
    attempts_of,
    back_off,
    child,
    child_back_off,
    child_completed,
    child_failed,
    completed,
    event,
    failed,
    fired,
    only_span,
    raised,
    resumed,
    scheduled,
    suspended,
    timeline_with,
    timer,
    wait,
)


def test_an_unanswered_activity_is_open() -> None:
    """An attempt has no end until it is answered."""
    span = only_span(timeline_with(scheduled(1, 1, payload='{"amount": 5}')))
    assert span == Span(SpanKind.ACTIVITY, "charge", 1, 1, at(1), input='{"amount": 5}', turn=1)


def test_an_activity_without_a_name_has_the_name_of_its_kind() -> None:
    """A name is never empty."""
    assert only_span(timeline_with(scheduled(1, 1, name=""))).name == "activity"


def test_a_completed_activity() -> None:
    """The answer has the end and the output."""
    span = only_span(timeline_with(scheduled(1, 1), completed(1, 3, "true")))
    assert (span.ended_at, span.ending, span.output) == (at(3), Ending.COMPLETED, "true")


def test_a_failed_activity() -> None:
    """The answer has the end and the failure."""
    span = only_span(timeline_with(scheduled(1, 1), failed(1, 3)))
    assert (span.ended_at, span.ending, span.failure) == (at(3), Ending.FAILED, REFUSED)


def test_attempts_of_a_call_share_a_lane() -> None:
    """Attempts with one task execution id are of one call; the lane is the first attempt's."""
    timeline = timeline_with(scheduled(1, 1, call="c"), failed(1, 2), scheduled(3, 4, call="c"))
    assert attempts_of(timeline) == [(1, 1, 1, 2), (3, 1, 2, 2)]


def test_two_calls_have_different_lanes() -> None:
    """Two calls of one activity are not attempts of each other."""
    timeline = timeline_with(scheduled(1, 1, call="c"), scheduled(2, 1, call="d"))
    assert attempts_of(timeline) == [(1, 1, 1, 1), (2, 2, 1, 1)]


@pytest.mark.parametrize("call", [None, ""])
def test_without_a_task_execution_id_each_attempt_is_a_call(call: str | None) -> None:
    """Nothing shows which attempts belong together."""
    timeline = timeline_with(scheduled(1, 1, call=call), failed(1, 2), scheduled(3, 4, call=call))
    assert attempts_of(timeline) == [(1, 1, 1, 1), (3, 3, 1, 1)]


def test_answers_may_have_any_order() -> None:
    """Each answer closes the attempt that it names."""
    timeline = timeline_with(scheduled(1, 1), scheduled(2, 1), completed(2, 2), failed(1, 3))
    assert [span.ending for span in timeline.spans] == [Ending.FAILED, Ending.COMPLETED]


def test_an_answer_without_an_open_event_is_ignored() -> None:
    """The event is missing, or was answered before."""
    once = timeline_with(scheduled(1, 1), completed(1, 2, "1"))
    assert timeline_with(scheduled(1, 1), completed(1, 2, "1"), failed(1, 3), failed(7, 3)) == once


def test_an_answer_of_another_kind_is_ignored() -> None:
    """A fired timer does not close an activity."""
    assert (
        only_span(timeline_with(scheduled(1, 1), fired(1, 2), child_completed(1, 2))).ended_at
        is None
    )


def test_an_answer_that_names_no_event_is_ignored() -> None:
    """Answers have the event id -1, which names no event."""
    span = only_span(timeline_with(scheduled(-1, 1), event("taskCompleted", 2, -1)))
    assert span.ending is Ending.OPEN


def test_of_two_events_with_one_id_the_last_is_answered_first() -> None:
    """If generations share ids, an answer belongs to the later event."""
    timeline = timeline_with(scheduled(1, 1), scheduled(1, 5), completed(1, 6), completed(1, 7))
    assert [(span.scheduled_at, span.ended_at) for span in timeline.spans] == [
        (at(1), at(7)),
        (at(5), at(6)),
    ]


def test_two_events_with_one_id_have_different_lanes() -> None:
    """An event id names one lane only."""
    timeline = timeline_with(scheduled(1, 1, call="c"), scheduled(1, 5, call="d"))
    first, second = (span.lane for span in timeline.spans)
    assert first == 1
    assert second > 1


def test_an_activity_without_an_id_has_another_lane_than_suspensions() -> None:
    """The event id -1 names no lane, because suspensions have that lane."""
    assert only_span(timeline_with(scheduled(-1, 1))).lane > SUSPENSIONS


def test_a_back_off_is_in_the_lane_of_its_attempts() -> None:
    """It has the name of the activity and the number of the attempt before it."""
    timeline = timeline_with(
        scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 4, "c"), fired(2, 4)
    )
    span = timeline.spans[1]
    assert (span.kind, span.name, span.lane) == (SpanKind.BACKOFF, "charge", 1)
    assert (span.ended_at, span.ending, span.due) == (at(4), Ending.COMPLETED, at(4))


def test_a_back_off_is_not_an_attempt() -> None:
    """Attempts are counted without the back-offs between them."""
    timeline = timeline_with(
        scheduled(1, 1, call="c"),
        failed(1, 2),
        back_off(2, 2, 4, "c"),
        fired(2, 4),
        scheduled(3, 5, call="c"),
    )
    assert attempts_of(timeline) == [(1, 1, 1, 2), (2, 1, 1, 2), (3, 1, 2, 2)]


def test_a_back_off_of_an_unknown_call_has_its_own_lane() -> None:
    """The event does not name the call."""
    span = only_span(timeline_with(back_off(2, 2, 4, None)))
    assert (span.kind, span.lane, span.attempt_number) == (SpanKind.BACKOFF, 2, 1)


def test_a_timer_is_open_until_it_fires() -> None:
    """An open timer has its due time."""
    span = only_span(timeline_with(timer(1, 1, 60)))
    assert (span.kind, span.name, span.due, span.ended_at) == (
        SpanKind.TIMER,
        "timer",
        at(60),
        None,
    )


def test_a_fired_timer() -> None:
    """It is completed at the time of the event."""
    span = only_span(timeline_with(timer(1, 1, 60), fired(1, 61)))
    assert (span.ended_at, span.ending) == (at(61), Ending.COMPLETED)


def test_a_timer_with_a_name() -> None:
    """A timer that the workflow named has that name."""
    assert only_span(timeline_with(timer(1, 1, 60, name="cooling"))).name == "cooling"


def test_a_timer_of_an_unknown_origin() -> None:
    """A timer without an origin is a timer."""
    assert only_span(timeline_with(event("timerCreated", 1, 1))).kind is SpanKind.TIMER


def test_a_wait_without_a_deadline() -> None:
    """A wait that is due in the year 9999 has no deadline."""
    span = only_span(timeline_with(wait(1, 1)))
    assert (span.kind, span.name, span.due) == (SpanKind.WAIT, "approval", None)


def test_a_wait_with_a_deadline() -> None:
    """The wait is due at its deadline."""
    assert only_span(timeline_with(wait(1, 1, due=60))).due == at(60)


def test_a_raised_event_completes_its_wait() -> None:
    """The payload of the event is the output of the wait."""
    span = only_span(timeline_with(wait(1, 1), raised("approval", 5, '"yes"')))
    assert (span.ended_at, span.ending, span.output) == (at(5), Ending.COMPLETED, '"yes"')


def test_a_timed_out_wait() -> None:
    """A wait whose timer fires has timed out."""
    span = only_span(timeline_with(wait(1, 1, due=60), fired(1, 60)))
    assert (span.ended_at, span.ending) == (at(60), Ending.TIMED_OUT)


def test_names_of_events_are_compared_without_case() -> None:
    """Dapr compares the names of events without case."""
    span = only_span(timeline_with(wait(1, 1, "Approval"), raised("APPROVAL", 5)))
    assert span.ending is Ending.COMPLETED


def test_an_event_of_another_name_closes_no_wait() -> None:
    """A wait is open until its own event is raised."""
    assert only_span(timeline_with(wait(1, 1), raised("refusal", 5))).ending is Ending.OPEN


def test_the_oldest_wait_receives_the_event() -> None:
    """One event completes one wait."""
    timeline = timeline_with(wait(1, 1), wait(2, 2), raised("approval", 5))
    assert [span.ending for span in timeline.spans] == [Ending.COMPLETED, Ending.OPEN]


def test_a_timed_out_wait_receives_no_event() -> None:
    """The next open wait receives the event."""
    timeline = timeline_with(wait(1, 1, due=2), fired(1, 2), wait(3, 2), raised("approval", 5))
    assert [span.ending for span in timeline.spans] == [Ending.TIMED_OUT, Ending.COMPLETED]


def test_an_early_event_completes_no_later_wait() -> None:
    """The workflow received the early event without a wait, so a later wait is open."""
    assert only_span(timeline_with(raised("approval", 1), wait(1, 2))).ending is Ending.OPEN


def test_an_unanswered_child_is_open() -> None:
    """The span has the child's instance id."""
    span = only_span(timeline_with(child(1, 1, "order:0001")))
    assert (span.kind, span.name, span.instance_id, span.ended_at) == (
        SpanKind.CHILD,
        "pay",
        "order:0001",
        None,
    )


def test_a_completed_child() -> None:
    """The child's result is the output of the span."""
    span = only_span(timeline_with(child(1, 1, "order:0001"), child_completed(1, 4, "7")))
    assert (span.ended_at, span.ending, span.output) == (at(4), Ending.COMPLETED, "7")


def test_a_failed_child() -> None:
    """The span has the child's failure."""
    span = only_span(timeline_with(child(1, 1, "order:0001"), child_failed(1, 4)))
    assert (span.ending, span.failure) == (Ending.FAILED, REFUSED)


def test_a_retried_child_keeps_its_lane() -> None:
    """Python's SDK starts the same instance again; its back-off is in the same lane."""
    timeline = timeline_with(
        child(1, 1, "order:0001"),
        child_failed(1, 2),
        child_back_off(2, 2, 4, "order:0001"),
        fired(2, 4),
        child(3, 5, "order:0001"),
    )
    assert attempts_of(timeline) == [(1, 1, 1, 2), (2, 1, 1, 2), (3, 1, 2, 2)]
    assert timeline.spans[1].name == "pay"


def test_a_retried_child_with_a_new_id_is_found_by_its_name() -> None:
    """Go's SDK gives every attempt a new id; the first finished back-off has the lane."""
    timeline = timeline_with(
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
    """A later child of the same name is another call."""
    timeline = timeline_with(
        child(1, 1, "a"),
        child_failed(1, 2),
        child_back_off(2, 2, 4, "a"),
        fired(2, 4),
        child(3, 4, "a"),
        child(4, 4, "b"),
    )
    assert timeline.spans[-1].lane == 4


def test_a_child_of_the_same_id_after_a_success_is_another_call() -> None:
    """Only a failed child is retried."""
    timeline = timeline_with(child(1, 1, "a"), child_completed(1, 2), child(2, 3, "a"))
    assert attempts_of(timeline) == [(1, 1, 1, 1), (2, 2, 1, 1)]


def test_a_child_of_the_same_id_after_a_successful_retry_is_another_call() -> None:
    """The last attempt counts, not the failed one before it."""
    timeline = timeline_with(
        child(1, 1, "a"),
        child_failed(1, 2),
        child(2, 3, "a"),
        child_completed(2, 4),
        child(3, 5, "a"),
    )
    assert attempts_of(timeline) == [(1, 1, 1, 2), (2, 1, 2, 2), (3, 3, 1, 1)]


def test_a_child_is_not_an_attempt_of_an_activity() -> None:
    """A child does not get the lane of an activity of the same name that is due again."""
    timeline = timeline_with(
        scheduled(1, 1, "pay", call="c"),
        failed(1, 2),
        back_off(2, 2, 4, "c"),
        fired(2, 4),
        child(3, 4, "c"),
    )
    assert timeline.spans[-1].lane == 3


def test_a_suspension_is_open_until_it_is_resumed() -> None:
    """It has a lane of its own."""
    span = only_span(timeline_with(suspended(1)))
    assert (span.kind, span.lane, span.ended_at) == (SpanKind.SUSPENSION, SUSPENSIONS, None)


def test_a_resumed_suspension() -> None:
    """It is completed when the instance is resumed."""
    span = only_span(timeline_with(suspended(1), resumed(3)))
    assert (span.ended_at, span.ending) == (at(3), Ending.COMPLETED)


def test_suspending_twice_is_one_suspension() -> None:
    """Suspensions do not nest."""
    assert only_span(
        timeline_with(suspended(1), suspended(2), resumed(3), resumed(4))
    ).ended_at == at(3)


def test_all_suspensions_share_a_lane() -> None:
    """A second suspension is not a second attempt."""
    timeline = timeline_with(suspended(1), resumed(2), suspended(3), resumed(4))
    assert attempts_of(timeline) == [(-1, SUSPENSIONS, 1, 1), (-1, SUSPENSIONS, 1, 1)]


def test_resuming_a_running_instance_has_no_span() -> None:
    """There is no suspension to close."""
    assert timeline_with(resumed(1)).spans == ()


def test_answers_are_processed_during_a_suspension() -> None:
    """An activity may end while the workflow is suspended."""
    timeline = timeline_with(scheduled(1, 1), suspended(2), completed(1, 3))
    assert timeline.spans[0].ended_at == at(3)
