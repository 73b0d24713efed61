"""Start times of attempts: known from trace spans, and confirmed by the history."""

from datetime import datetime

import pytest

from operations.recorder.limits import RecorderLimits
from operations.recorder.traces.pending_start_times import PendingStartTimes
from operations.timeline import (
    Ending,
    Span,
    SpanKind,
    StartTime,
    start_time_within,
    with_start_times,
)
from operations.timeline.start_times import END_TOLERANCE
from tests.unit.snapshots import ID, activity, at, snapshot

COMPLETED = Ending.COMPLETED
TOLERANCE = END_TOLERANCE.total_seconds()


def started_within(
    since: float, until: float | None, *known: tuple[float, float], ending: Ending = COMPLETED
) -> datetime | None:
    """Return the start time of an attempt; `known` are the starts and ends of trace spans."""
    times = [StartTime(ID, 1, at(start), at(end)) for start, end in known]
    ended_at = None if until is None else at(until)
    return start_time_within(at(since), ended_at, ending, times)


@pytest.mark.parametrize("started", [1, 1.5, 2])
def test_an_attempt_starts_between_its_scheduling_and_its_end(started: float) -> None:
    """Both limits are included: queue time and execution time may be zero."""
    assert started_within(1, 2, (started, 2)) == at(started)


@pytest.mark.parametrize("started", [0, 0.999999, 2.000001, 9])
def test_a_time_outside_the_attempt_is_ignored(started: float) -> None:
    """It belongs to another generation or run, or is forged."""
    assert started_within(1, 2, (started, 2)) is None


@pytest.mark.parametrize("ending", [Ending.COMPLETED, Ending.FAILED])
@pytest.mark.parametrize(
    ("ended", "is_believed"),
    [
        (30, True),
        (30 - TOLERANCE, True),
        (30 + TOLERANCE, True),
        (29.9 - TOLERANCE, False),
        (30.1 + TOLERANCE, False),
        (20, False),
        (900, False),
    ],
)
def test_a_trace_span_ends_with_its_attempt(
    ended: float, ending: Ending, *, is_believed: bool
) -> None:
    """A span with another end is forged, or is of a delivery to a worker that died."""
    assert started_within(1, 30, (20, ended), ending=ending) == (at(20) if is_believed else None)


@pytest.mark.parametrize(
    ("ending", "allowed"), [(Ending.CUT_OFF, (30, 99)), (Ending.END_UNKNOWN, (20, 30))]
)
def test_an_attempt_whose_end_was_not_read_bounds_the_span(
    ending: Ending, allowed: tuple[float, ...]
) -> None:
    """It went on after the end of its run, or ended before the next generation."""
    ends = [end for end in (20, 30, 99) if started_within(1, 30, (20, end), ending=ending)]
    assert tuple(ends) == allowed


def test_an_attempt_that_has_not_ended_has_no_start_time() -> None:
    """Its trace span is sent only after its end."""
    assert started_within(1, None, (1.5, 2), ending=Ending.OPEN) is None


def test_the_last_start_time_of_an_attempt_counts() -> None:
    """An attempt starts again if its worker dies."""
    assert started_within(1, 5, (2, 5), (4, 5), (2, 5), (6, 5)) == at(4)


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
    """Return pending start times of attempts of a second, given as event id and start."""
    start_times = PendingStartTimes(RecorderLimits(start_times=limit))
    start_times.add(
        [StartTime(ID, event_id, at(start), at(start + 1)) for event_id, start in known], 0
    )
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
    start_times.add([StartTime("order_B", 1, at(1), at(2))], 0)
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
    start_times.add([StartTime(ID, 2, at(1), at(2))], RecorderLimits().start_time_age - 1)
    assert len(start_times) == 2
    start_times.add([], RecorderLimits().start_time_age)
    assert [each.event_id for each in start_times.of(ID)] == [2]


def test_the_start_times_of_an_instance_can_be_dropped() -> None:
    """Start times of other instances stay."""
    start_times = pending((1, 1), (2, 1))
    start_times.add([StartTime("order_B", 1, at(1), at(2))], 0)
    start_times.forget(ID)
    assert (start_times.of(ID), len(start_times)) == ([], 1)
    start_times.forget(ID)
