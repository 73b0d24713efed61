"""Start times of attempts: known from trace spans, and confirmed by the history."""

import pytest

from operations.recorder.limits import RecorderLimits
from operations.recorder.traces.pending_start_times import PendingStartTimes
from operations.records import StartTime
from operations.timeline import Ending, Span, SpanKind, start_time_within, with_start_times
from tests.unit.snapshots import ID, activity, at, snapshot


@pytest.mark.parametrize("started", [1, 1.5, 2])
def test_an_attempt_starts_between_its_scheduling_and_its_end(started: float) -> None:
    """Both limits are included: queue time and execution time may be zero."""
    assert start_time_within(at(1), at(2), [at(started)]) == at(started)


@pytest.mark.parametrize("started", [0, 0.999999, 2.000001, 9])
def test_a_time_outside_the_attempt_is_ignored(started: float) -> None:
    """It belongs to another generation or run, or is forged."""
    assert start_time_within(at(1), at(2), [at(started)]) is None


def test_an_attempt_that_has_not_ended_has_no_start_time() -> None:
    """Its trace span is sent only after its end."""
    assert start_time_within(at(1), None, [at(1.5)]) is None


def test_the_last_start_time_of_an_attempt_counts() -> None:
    """An attempt starts again if its worker dies."""
    assert start_time_within(at(1), at(5), [at(2), at(4), at(2), at(6)]) == at(4)


def test_spans_get_the_start_times_of_the_same_attempts() -> None:
    """Event id and time must match, because event ids repeat in each generation."""
    known = [
        activity(1, 0, 3, started_at=at(1)),
        activity(2, 0, 3),
        activity(3, 9, 10, started_at=at(9)),
    ]
    spans = [activity(1, 0, 3), activity(2, 0, 3), activity(3, 0, 3)]
    assert [span.started_at for span in with_start_times(spans, known)] == [at(1), None, None]


def test_other_spans_do_not_change() -> None:
    """Timers and spans with a start time stay the same."""
    known, timer = activity(1, 0, 3, started_at=at(2)), Span(SpanKind.TIMER, "t", 4, 4, at(0))
    others = [activity(4, 0, started_at=at(2))]
    assert with_start_times([known, timer], others) == (known, timer)


def pending(*known: tuple[int, float], limit: int = 10) -> PendingStartTimes:
    """Return pending start times of the order, given as event id and seconds after noon."""
    start_times = PendingStartTimes(RecorderLimits(start_times=limit))
    start_times.add([StartTime(ID, event_id, at(started)) for event_id, started in known], 0)
    return start_times


def test_a_snapshot_gets_the_start_times_of_its_attempts() -> None:
    """Retries have event ids of their own; an attempt without a start time is unchanged."""
    found = snapshot(
        spans=(
            activity(1, 0, 2, ending=Ending.FAILED),
            activity(3, 4, 6),
            activity(5, 4, 6),
            activity(7, 4),
        )
    )
    applied = pending((1, 1), (3, 5), (7, 5)).applied_to(found)
    assert [span.started_at for span in applied.timeline.spans] == [at(1), at(5), None, None]
    assert pending((9, 1)).applied_to(found) == found


def test_start_times_of_another_instance_are_not_used() -> None:
    """The event id may be the same."""
    start_times = PendingStartTimes(RecorderLimits())
    start_times.add([StartTime("order_B", 1, at(1))], 0)
    found = snapshot(spans=(activity(1, 0, 2),))
    assert start_times.applied_to(found) is found


def test_the_number_of_start_times_is_limited() -> None:
    """The oldest are dropped."""
    start_times = pending(*((number, 1) for number in range(25)), limit=10)
    assert len(start_times) == 10
    assert {each.event_id for each in start_times.of(ID)} == set(range(15, 25))


def test_duplicates_are_kept_once() -> None:
    """A trace span may be sent more than once."""
    assert len(pending((1, 1), (1, 1), (1, 2))) == 2


def test_start_times_expire() -> None:
    """Forged start times are never confirmed."""
    start_times = pending((1, 1))
    start_times.add([StartTime(ID, 2, at(1))], RecorderLimits().start_time_age - 1)
    assert len(start_times) == 2
    start_times.add([], RecorderLimits().start_time_age)
    assert [each.event_id for each in start_times.of(ID)] == [2]


def test_the_start_times_of_an_instance_can_be_dropped() -> None:
    """Start times of other instances stay."""
    start_times = pending((1, 1), (2, 1))
    start_times.add([StartTime("order_B", 1, at(1))], 0)
    start_times.forget(ID)
    assert (start_times.of(ID), len(start_times)) == ([], 1)
    start_times.forget(ID)
