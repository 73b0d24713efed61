"""Timelines of reruns: their histories start with events copied from the source."""

from collections.abc import Sequence

from operations.history import HistoryEvent
from operations.timeline import (
    Ending,
    SpanKind,
    Timeline,
    timeline_of,
)
from tests.unit.events import (
    at,
    attempts_of,
    back_off,
    completed,
    ended,
    failed,
    fired,
    only_span,
    raised,
    scheduled,
    started,
    timer,
    turn,
    wait,
)


def rerun(*own: HistoryEvent, copied: Sequence[HistoryEvent] = ()) -> Timeline:
    """Return the timeline of a rerun: copied events, then its own events, from second 1000."""
    return timeline_of([turn(0), started(0, execution_id="source's"), *copied, *own])


def test_a_rerun_starts_with_its_first_own_event() -> None:
    """The times of copied events do not count."""
    timeline = rerun(
        scheduled(2, 1000, rerun_of="source"),
        turn(1003),
        completed(2, 1002),
        ended(1004),
        copied=[scheduled(1, 1), completed(1, 2), turn(2)],
    )
    assert (timeline.started_at, timeline.ended_at) == (at(1000), at(1004))
    assert timeline.rerun_of == "source"


def test_copied_spans_take_no_time() -> None:
    """They are at the start of the rerun, with their results."""
    timeline = rerun(
        scheduled(2, 1000, rerun_of="source"), copied=[scheduled(1, 1), completed(1, 2, "7")]
    )
    copied, other = timeline.spans
    assert (copied.scheduled_at, copied.ended_at, copied.output) == (at(1000), at(1000), "7")
    assert (copied.ending, copied.copied) == (Ending.COMPLETED, True)
    assert (other.scheduled_at, other.copied) == (at(1000), False)


def test_a_source_whose_clock_is_ahead() -> None:
    """Copied spans are at the start of the rerun, even if their times are later."""
    timeline = rerun(
        scheduled(2, 1000, rerun_of="source"), copied=[scheduled(1, 2000), completed(1, 2001)]
    )
    assert (timeline.spans[0].scheduled_at, timeline.spans[0].ended_at) == (at(1000), at(1000))


def test_calls_that_were_unfinished_in_the_source_are_not_copied() -> None:
    """Dapr schedules them again right before the marked event, without a mark."""
    timeline = rerun(
        scheduled(2, 1000),
        scheduled(3, 1001, rerun_of="source"),
        copied=[scheduled(1, 1), completed(1, 2)],
    )
    assert timeline.started_at == at(1000)
    assert [(span.event_id, span.copied) for span in timeline.spans] == [
        (1, True),
        (2, False),
        (3, False),
    ]


def test_copied_attempts_are_counted() -> None:
    """A rerun from the second attempt of a call is its second attempt."""
    timeline = rerun(
        back_off(2, 1000, 4, "c"),
        scheduled(3, 1000, call="c", rerun_of="source"),
        copied=[scheduled(1, 1, call="c"), turn(2), failed(1, 2), turn(4), fired(2, 4)],
    )
    assert attempts_of(timeline) == [(1, 1, 1, 2), (2, 1, 1, 2), (3, 1, 2, 2)]
    assert [span.copied for span in timeline.spans] == [True, True, False]


def test_a_timer_that_had_fired_is_not_open_again() -> None:
    """Dapr creates each timer again, after the copied event that it fired."""
    timeline = rerun(
        timer(1, 1000, 60),
        scheduled(2, 1000, rerun_of="source"),
        copied=[turn(60), fired(1, 60)],
    )
    span = timeline.spans[0]
    assert (span.kind, span.ending, span.copied) == (SpanKind.TIMER, Ending.COMPLETED, True)
    assert span.due is None


def test_a_copied_external_event_ends_its_wait() -> None:
    """A wait that ended in the source has ended in the rerun."""
    timeline = rerun(
        wait(5, 1000),
        wait(1, 1000),
        scheduled(6, 1000, rerun_of="source"),
        copied=[raised("APPROVAL", 3, '"yes"')],
    )
    first, second, _ = timeline.spans
    assert (first.event_id, first.ending, first.output) == (1, Ending.COMPLETED, '"yes"')
    assert (second.event_id, second.ending) == (5, Ending.OPEN)


def test_a_wait_that_had_timed_out_is_not_open_again() -> None:
    """A later external event of the same name does not change its end."""
    timeline = rerun(
        wait(1, 1000, due=2),
        scheduled(6, 1000, rerun_of="source"),
        copied=[fired(1, 2), raised("approval", 3)],
    )
    assert timeline.spans[0].ending is Ending.TIMED_OUT


def test_a_timer_that_had_not_fired_is_not_copied() -> None:
    """It is due at the same time as in the source."""
    timeline = rerun(timer(1, 1000, 1500), scheduled(2, 1000, rerun_of="source"))
    span = timeline.spans[0]
    assert (span.ending, span.copied, span.due) == (Ending.OPEN, False, at(1500))


def test_a_rerun_of_a_rerun() -> None:
    """The last marked event counts; earlier ones were copied."""
    timeline = rerun(
        scheduled(2, 1000, rerun_of="second"),
        copied=[scheduled(1, 500, rerun_of="first"), completed(1, 501)],
    )
    assert (timeline.rerun_of, timeline.started_at) == ("second", at(1000))


def test_a_rerun_from_the_first_event() -> None:
    """Only the start is copied."""
    timeline = rerun(scheduled(1, 1000, rerun_of="source"))
    assert (only_span(timeline).scheduled_at, only_span(timeline).copied) == (at(1000), False)
