"""When attempts began: what is told of them, and what the history confirms."""

import pytest

from operations.recorder.limits import RecorderLimits
from operations.recorder.traces.pending_start_times import StartTimes
from operations.records import StartTime
from operations.timeline import Ending, Span, SpanKind, start_time_within, with_start_times
from tests.unit.snapshots import ID, activity, at, snapshot


@pytest.mark.parametrize("began", [1, 1.5, 2])
def test_an_attempt_began_between_its_scheduling_and_its_end(began: float) -> None:
    """Both included: an activity may take no time, and wait for none."""
    assert start_time_within(at(1), at(2), [at(began)]) == at(began)


@pytest.mark.parametrize("began", [0, 0.999999, 2.000001, 9])
def test_any_other_time_is_of_something_else(began: float) -> None:
    """An earlier generation or life, a later one, or nothing at all."""
    assert start_time_within(at(1), at(2), [at(began)]) is None


def test_an_attempt_that_has_not_ended_has_no_begin() -> None:
    """No trace is sent before the end: what is told of it is forged, or of something else."""
    assert start_time_within(at(1), None, [at(1.5)]) is None


def test_of_an_attempt_that_was_handed_out_twice_the_last_time_counts() -> None:
    """The first worker died."""
    assert start_time_within(at(1), at(5), [at(2), at(4), at(2), at(6)]) == at(4)


def test_spans_get_the_begins_that_are_known_of_the_same_attempts() -> None:
    """The same event at the same time: another generation counts its events anew."""
    known = [
        activity(1, 0, 3, started_at=at(1)),
        activity(2, 0, 3),
        activity(3, 9, 10, started_at=at(9)),
    ]
    spans = [activity(1, 0, 3), activity(2, 0, 3), activity(3, 0, 3)]
    assert [span.started_at for span in with_start_times(spans, known)] == [at(1), None, None]


def test_what_is_known_of_an_attempt_is_all_that_changes() -> None:
    """Nor does what is no activity, or has its begin, lose anything."""
    known, timer = activity(1, 0, 3, started_at=at(2)), Span(SpanKind.TIMER, "t", 4, 4, at(0))
    better = [activity(4, 0, started_at=at(2))]
    assert with_start_times([known, timer], better) == (known, timer)


def told(*known: tuple[int, float], most: int = 10) -> StartTimes:
    """Return start times of the order: of an event's id, in seconds after noon, each."""
    kept = StartTimes(RecorderLimits(start_times=most))
    kept.add([StartTime(ID, event_id, at(started)) for event_id, started in known], 0)
    return kept


def test_a_sighting_gets_what_was_told_of_its_attempts() -> None:
    """Each retry by its own event; an attempt of which nothing was told stays as it is."""
    found = snapshot(
        spans=(
            activity(1, 0, 2, ending=Ending.FAILED),
            activity(3, 4, 6),
            activity(5, 4, 6),
            activity(7, 4),
        )
    )
    applied = told((1, 1), (3, 5), (7, 5)).applied_to(found)
    assert [span.started_at for span in applied.timeline.spans] == [at(1), at(5), None, None]
    assert told((9, 1)).applied_to(found) == found


def test_what_was_told_of_another_instance_is_not_lent() -> None:
    """Though the event has the same id."""
    kept = StartTimes(RecorderLimits())
    kept.add([StartTime("order_B", 1, at(1))], 0)
    found = snapshot(spans=(activity(1, 0, 2),))
    assert kept.applied_to(found) is found


def test_the_oldest_give_way() -> None:
    """However many are told, so many are kept."""
    kept = told(*((number, 1) for number in range(25)), most=10)
    assert len(kept) == 10
    assert {each.event_id for each in kept.of(ID)} == set(range(15, 25))


def test_what_is_told_twice_is_kept_once() -> None:
    """Spans may be sent again."""
    assert len(told((1, 1), (1, 1), (1, 2))) == 2


def test_what_nothing_confirms_is_forgotten_in_time() -> None:
    """Forged begins do not stay for ever."""
    kept = told((1, 1))
    kept.add([StartTime(ID, 2, at(1))], RecorderLimits().start_time_age - 1)
    assert len(kept) == 2
    kept.add([], RecorderLimits().start_time_age)
    assert [each.event_id for each in kept.of(ID)] == [2]


def test_an_instance_that_is_over_is_forgotten() -> None:
    """Others are not."""
    kept = told((1, 1), (2, 1))
    kept.add([StartTime("order_B", 1, at(1))], 0)
    kept.forget(ID)
    assert (kept.of(ID), len(kept)) == ([], 1)
    kept.forget(ID)
