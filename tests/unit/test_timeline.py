"""Start and end of an instance, and the timelines of recorded histories."""

import random
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from operations.history import HistoryEvent
from operations.timeline import (
    Ending,
    Span,
    SpanKind,
    Timeline,
    Waiting,
    timeline_of,
)
from tests.unit.events import (
    TOO_LARGE,
    at,
    child,
    completed,
    ended,
    event,
    only_span,
    raised,
    scheduled,
    stalled,
    started,
    suspended,
    terminated,
    timeline_with,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded


def test_an_instance_ends_when_its_execution_completes() -> None:
    """Without that event it has no end."""
    assert timeline_with(ended(5)).ended_at == at(5)
    assert timeline_with().ended_at is None


@pytest.mark.parametrize("end", [ended(5), terminated(5)])
@pytest.mark.parametrize(
    "opening", [scheduled(1, 1), timer(1, 1, 9), wait(1, 1), child(1, 1, "c"), suspended(1)]
)
def test_open_spans_are_cut_off_at_the_end(opening: HistoryEvent, end: HistoryEvent) -> None:
    """No span is open when its instance has ended."""
    span = only_span(timeline_with(opening, end))
    assert (span.ended_at, span.ending) == (at(5), Ending.CUT_OFF)


def test_closed_spans_keep_their_end() -> None:
    """The end of the instance changes only open spans."""
    assert (
        only_span(timeline_with(scheduled(1, 1), completed(1, 2), ended(5))).ending
        is Ending.COMPLETED
    )


def test_terminated_and_then_completed() -> None:
    """Termination cuts off open spans; the completion is the end of the instance."""
    timeline = timeline_with(scheduled(1, 1), terminated(5), ended(6))
    assert (only_span(timeline).ended_at, timeline.ended_at) == (at(5), at(6))


def test_an_answer_after_the_end_is_ignored() -> None:
    """A span that was cut off stays cut off."""
    assert (
        only_span(timeline_with(scheduled(1, 1), ended(5), completed(1, 6))).ending
        is Ending.CUT_OFF
    )


def test_a_span_after_the_end_is_cut_off() -> None:
    """No span is open when its instance has ended."""
    span = only_span(timeline_with(ended(5), scheduled(1, 6)))
    assert (span.ended_at, span.ending) == (at(6), Ending.CUT_OFF)


def test_events_of_unknown_kinds_are_ignored() -> None:
    """A later Dapr may send other kinds."""
    assert (
        timeline_with(event("entityUnlocked", 1, 1), event("executionStalled", 2))
        == timeline_with()
    )


def test_an_empty_history() -> None:
    """An instance without a history has not started."""
    assert timeline_of([]) == Timeline(waiting=Waiting("start"), awaited=frozenset({"start"}))


def test_an_instance_starts_at_its_start_event() -> None:
    """A later event may precede the start event."""
    assert timeline_of([turn(2), started(1)]).started_at == at(1)


def test_the_first_turn_of_a_generation() -> None:
    """A turn before the start of a later generation belongs to the previous one."""
    assert timeline_of([turn(2), started(1), turn(3)]).first_turn_at == at(2)
    assert timeline_of([turn(1), started(1)]).first_turn_at == at(1)
    assert timeline_of([turn(0.5), started(1), turn(3)]).first_turn_at is None
    assert timeline_of([started(1)]).first_turn_at is None


def test_a_rerun_starts_on_its_own_clock() -> None:
    """Its copied events have the times of the source."""
    timeline = timeline_of(recorded("rerun"))
    assert timeline.first_turn_at
    assert timeline.started_at
    assert (
        timeline.started_at <= timeline.first_turn_at < timeline.started_at + timedelta(seconds=1)
    )


def test_without_a_start_the_first_event_counts() -> None:
    """The history may lack the start event."""
    assert timeline_of([turn(2), scheduled(1, 3)]).started_at == at(2)


def test_the_start_has_the_execution_and_the_parent() -> None:
    """Both ids are in the timeline."""
    timeline = timeline_of([turn(0), started(0, execution_id="e", instance_id="parent")])
    assert (timeline.execution_id, timeline.parent_id) == ("e", "parent")


def test_a_timeline_has_the_version_and_the_patches_of_the_code() -> None:
    """The version of the last turn, else the one that the start asked for; all patches once."""
    start = started(0, version="1")
    turns = [
        event("workflowStarted", n, version="2", patches=("one", name))
        for n, name in (
            (1, "two"),
            (2, "three"),
        )
    ]
    assert timeline_of([start, *turns]).version == "2"
    assert timeline_of([start, *turns]).patches == ("one", "two", "three")
    call = scheduled(1, 1, version="of an activity")
    assert timeline_of([turn(0), start, call]).version == "1"
    assert timeline_of([turn(0), started(0)]).version is None


def test_a_call_of_another_application_names_it() -> None:
    """The chart must say where a child lives."""
    assert (
        only_span(
            timeline_with(
                event(
                    "childWorkflowInstanceCreated",
                    1,
                    1,
                    name="pay",
                    instance_id="c",
                    app_id="billing",
                )
            )
        ).app_id
        == "billing"
    )


def test_no_span_ends_before_it_starts() -> None:
    """A clock that was set back makes an empty span."""
    assert only_span(timeline_with(scheduled(1, 5), completed(1, 4))).ended_at == at(5)


def test_no_span_starts_before_the_instance() -> None:
    """A clock that was set back does not move a span before the start."""
    assert only_span(timeline_of([started(3), scheduled(1, 2)])).scheduled_at == at(3)


def test_an_instance_does_not_end_before_it_starts() -> None:
    """A clock that was set back makes an empty run."""
    assert timeline_of([started(3), ended(2)]).ended_at == at(3)


def test_spans_are_ordered_by_their_starts() -> None:
    """Spans with the same start are ordered by event id."""
    timeline = timeline_with(scheduled(3, 2), scheduled(2, 1), scheduled(1, 2))
    assert [span.event_id for span in timeline.spans] == [2, 1, 3]


def test_a_scheduled_start_counts_from_its_first_turn() -> None:
    """The time until the start is due does not count."""
    assert timeline_of([turn(60), started(0, fire_at=at(59))]).started_at == at(60)


def test_a_scheduled_start_that_is_not_due() -> None:
    """The instance has not started, and waits for its start."""
    timeline = timeline_of([started(0, fire_at=at(59))])
    assert (timeline.started_at, timeline.waiting) == (None, Waiting("start", at(59)))


def test_a_start_scheduled_for_the_past_is_not_delayed() -> None:
    """It counts as a start without a schedule."""
    assert timeline_of([started(5, fire_at=at(1)), turn(6)]).started_at == at(5)


def test_turns_are_counted() -> None:
    """Spans that were created in one turn have the same number."""
    timeline = timeline_with(scheduled(1, 1), timer(2, 1, 9), turn(2), scheduled(3, 2))
    assert [span.turn for span in timeline.spans] == [1, 1, 2]


SPANS: dict[str, list[tuple[SpanKind, str, Ending]]] = {
    "child": [(SpanKind.CHILD, "parallel", Ending.COMPLETED)],
    "child_failed": [(SpanKind.CHILD, "failing", Ending.FAILED)],
    "event_raised": [
        (SpanKind.WAIT, "approval", Ending.COMPLETED),
        (SpanKind.TIMER, "timer", Ending.CUT_OFF),
    ],
    "event_timed_out": [
        (SpanKind.WAIT, "approval", Ending.TIMED_OUT),
        (SpanKind.TIMER, "timer", Ending.COMPLETED),
    ],
    "event_timed_out_at_most": [(SpanKind.WAIT, "approval", Ending.TIMED_OUT)],
    "failed": [(SpanKind.ACTIVITY, "fail", Ending.FAILED)],
    "resumed": [
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
        (SpanKind.SUSPENSION, "suspended", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
    ],
    "retried": [
        (SpanKind.ACTIVITY, "flaky", Ending.FAILED),
        (SpanKind.BACKOFF, "flaky", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "flaky", Ending.FAILED),
        (SpanKind.BACKOFF, "flaky", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "flaky", Ending.COMPLETED),
    ],
    "terminated": [
        (SpanKind.ACTIVITY, "work", Ending.CUT_OFF),
        (SpanKind.ACTIVITY, "work", Ending.CUT_OFF),
    ],
    "timer": [(SpanKind.TIMER, "timer", Ending.COMPLETED)],
    "unregistered": [],
}


@pytest.mark.parametrize(("name", "spans"), SPANS.items(), ids=SPANS)
def test_the_spans_of_a_recorded_history(
    name: str, spans: list[tuple[SpanKind, str, Ending]]
) -> None:
    """Kinds, names and endings of all spans."""
    found = timeline_of(recorded(name)).spans
    assert [(span.kind, span.name, span.ending) for span in found] == spans


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("child_running", "child parallel"),
        ("pending", "start"),
        ("retrying", "retry of flaky"),
        ("running", "work ×2"),  # noqa: RUF001
        ("suspended_while_waiting", "event approval"),
        ("timer_open", "timer"),
        ("waiting", "event approval"),
        ("waiting_at_most", "event approval"),
        ("waiting_until", "event approval"),
    ],
)
def test_what_a_recorded_instance_waits_for(name: str, what: str) -> None:
    """The text names the open spans."""
    waiting = timeline_of(recorded(name)).waiting
    assert waiting
    assert waiting.what == what


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_attempts_do_not_overlap(name: str) -> None:
    """With one clock, the spans of a lane follow one another."""
    lanes: dict[int, list[Span]] = {}
    for span in timeline_of(recorded(name)).spans:
        lanes.setdefault(span.lane, []).append(span)
    for spans in lanes.values():
        assert all(
            before.ended_at and before.ended_at <= after.scheduled_at
            for before, after in pairwise(spans)
        )


def test_an_event_that_was_carried_over_is_not_of_1970() -> None:
    """The timeline starts with its generation."""
    timeline = timeline_of(recorded("carried_over"))
    assert timeline.started_at
    assert timeline.started_at.year == 2026
    assert [span.kind for span in timeline.spans] == [SpanKind.TIMER]
    assert timeline.spans[0].scheduled_at > timeline.started_at


def test_the_recorded_rerun() -> None:
    """Only its last activity takes time; the others were copied."""
    rerun, source = (timeline_of(recorded(name)) for name in ("rerun", "rerun_source"))
    assert [span.copied for span in rerun.spans] == [True, True, False]
    assert rerun.started_at
    assert rerun.ended_at
    assert source.ended_at
    assert source.ended_at < rerun.started_at
    assert rerun.ended_at - rerun.started_at < timedelta(seconds=1)


def test_a_recorded_scheduled_start() -> None:
    """The three seconds until the start was due do not count."""
    timeline = timeline_of(recorded("started_later"))
    assert timeline.started_at
    assert timeline.ended_at
    assert timeline.ended_at - timeline.started_at < timedelta(seconds=1)


def test_a_long_history_takes_time_in_proportion() -> None:
    """Eight times as many events take some eight times as long, not 64; all spans are open."""

    def seconds(half: int) -> float:
        opened = [scheduled(n, 1, f"ship_{n}", call=f"c{n}") for n in range(half)]
        answers = [completed(n, 2) for n in range(half)]
        random.Random(1).shuffle(answers)  # noqa: S311 - the same order in every run
        before = time.process_time()
        timeline_with(*opened, *answers)
        timeline_with(*opened)
        timeline_with(*(wait(n, 1) for n in range(half)), *(raised("approval", 2) for _ in answers))
        return time.process_time() - before

    assert seconds(8_000) < 40 * min(seconds(1_000) for _ in range(3))


def test_a_stalled_instance_does_nothing() -> None:
    """Its open spans end at the stall, it waits for nothing, and it has not ended."""
    timeline = timeline_with(scheduled(1, 1), suspended(2), stalled(5))
    assert timeline.stall
    assert (timeline.stall.at, timeline.stall.reason) == (at(5), TOO_LARGE)
    assert [(span.ending, span.ended_at) for span in timeline.spans] == [
        (Ending.CUT_OFF, at(5))
    ] * 2
    assert (timeline.waiting, timeline.awaited) == (None, frozenset())
    assert (timeline.ended_at, timeline.stopped_at) == (None, at(5))


def test_an_instance_that_goes_on_is_not_stalled() -> None:
    """Dapr continues it after a restart with a larger limit; the note of the stall stays."""
    timeline = timeline_with(scheduled(1, 1), stalled(5), turn(60), completed(1, 4), ended(61))
    assert timeline.stall is None
    assert [(span.ending, span.ended_at) for span in timeline.spans] == [(Ending.COMPLETED, at(4))]
    assert timeline.stopped_at == at(61)
