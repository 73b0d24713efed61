"""Waits for an event or a timer, whichever comes first: which of the two came."""

import pytest

from operations.history import HistoryEvent
from operations.model import Status
from operations.timeline import Ending, Span, SpanKind
from tests.unit.events import (
    at,
    completed,
    ended,
    event,
    fired,
    raised,
    resumed,
    scheduled,
    suspended,
    terminated,
    timeline_with,
    timer,
    turn,
    wait,
)

EITHER = (wait(1, 1), timer(2, 1, 60), turn(60), fired(2, 60))
"""A wait and a timer of one turn, and the firing of the timer."""
TIMED_OUT, CAME = (Ending.TIMED_OUT, at(60)), (Ending.COMPLETED, at(70))
OPEN = (Ending.OPEN, None)


def waits(*events: HistoryEvent) -> list[Span]:
    """Return the waits of a history that starts with the wait and its timer."""
    return [span for span in timeline_with(*EITHER, *events).spans if span.kind is SpanKind.WAIT]


ENDS = {
    "the event came after the timer, in the same turn": (
        [raised("approval", 60), scheduled(3, 61)],
        TIMED_OUT,
    ),
    "the event came while the workflow did something else": (
        [scheduled(3, 61), turn(70), raised("approval", 70)],
        TIMED_OUT,
    ),
    "the event came with the end of something else": (
        [scheduled(3, 61), turn(70), raised("approval", 70), completed(3, 70), scheduled(4, 70)],
        TIMED_OUT,
    ),
    "the workflow ended": ([ended(61)], TIMED_OUT),
    "the workflow waits for another event": ([wait(3, 61, "other")], TIMED_OUT),
    "the workflow awaited the timer first, then the event": (
        [turn(70), raised("approval", 70), scheduled(3, 71)],
        CAME,
    ),
    "the workflow sent a reminder, and reacts to the event": (
        [
            scheduled(3, 61),
            turn(65),
            completed(3, 65),
            timer(4, 65, 99),
            turn(70),
            raised("approval", 70),
            scheduled(5, 71),
        ],
        CAME,
    ),
    "the workflow sent a reminder, and ends with the event": (
        [scheduled(3, 61), turn(65), completed(3, 65), turn(70), raised("approval", 70), ended(71)],
        CAME,
    ),
    "a paused workflow reacts later": (
        [
            scheduled(3, 61),
            turn(65),
            completed(3, 65),
            suspended(66),
            turn(70),
            raised("approval", 70),
            turn(80),
            resumed(80),
            scheduled(4, 81),
        ],
        CAME,
    ),
    "the workflow may still wait": ([scheduled(3, 61)], OPEN),
    "the instance was terminated": ([terminated(70)], (Ending.CUT_OFF, at(70))),
    "the instance was terminated, as its state says": (
        [event("executionCompleted", 70, 99, status=Status.TERMINATED)],
        (Ending.CUT_OFF, at(70)),
    ),
}


@pytest.mark.parametrize(("events", "end"), ENDS.values(), ids=ENDS)
def test_a_wait_ends_with_what_came_first(
    events: list[HistoryEvent], end: tuple[Ending, object]
) -> None:
    """The reaction of the workflow shows whether it still waited when the event came."""
    first = waits(*events)[0]
    assert (first.ending, first.ended_at) == end


def test_the_next_wait_receives_an_event_that_the_first_one_missed() -> None:
    """The workflow asks again after each time-out."""
    first, second = waits(wait(3, 61), timer(4, 61, 120), turn(70), raised("approval", 70))
    assert (first.ending, first.ended_at) == TIMED_OUT
    assert (second.ending, second.ended_at) == CAME


def test_an_event_before_the_timer_is_received() -> None:
    """The timer fires later, which changes nothing."""
    (received,) = waits_of(
        wait(1, 1), timer(2, 1, 60), turn(5), raised("approval", 5), scheduled(3, 5), fired(2, 60)
    )
    assert (received.ending, received.ended_at) == (Ending.COMPLETED, at(5))


def waits_of(*events: HistoryEvent) -> list[Span]:
    """Return the waits of a history."""
    return [span for span in timeline_with(*events).spans if span.kind is SpanKind.WAIT]


def test_a_timer_of_another_turn_is_no_time_out() -> None:
    """The workflow did not choose between the two."""
    (still_open,) = waits_of(
        timer(1, 1, 60), turn(5), wait(2, 5), turn(60), fired(1, 60), scheduled(3, 60)
    )
    assert still_open.ending is Ending.OPEN
