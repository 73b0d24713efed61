"""Properties of the timeline of any history, even an impossible one."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure
from operations.timeline import (
    SUSPENSIONS,
    Ending,
    Span,
    SpanKind,
    timeline_of,
    without_repetitions,
)

START = datetime(2026, 11, 23, 18, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
SCHEDULING = {"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"}
ENDS = {"executionCompleted", "executionTerminated"}
KINDS = [
    *sorted(SCHEDULING),
    *sorted(ENDS),
    "executionStarted",
    "workflowStarted",
    "taskCompleted",
    "taskFailed",
    "timerFired",
    "childWorkflowInstanceCompleted",
    "childWorkflowInstanceFailed",
    "eventRaised",
    "eventSent",
    "executionSuspended",
    "executionResumed",
    "executionStalled",
    "continueAsNew",
    "workflowCompleted",
    "somethingNew",
]
MOMENTS = st.integers(0, 20).map(lambda seconds: START + timedelta(seconds=seconds))
IDS = st.integers(-1, 5)
NAMES = st.none() | st.sampled_from(["", "charge", "Charge", "ship"])
KEYS = st.none() | st.sampled_from(["", "a", "b", "c"])


def events(kinds: Sequence[str] = KINDS) -> st.SearchStrategy[HistoryEvent]:
    """Return events of these kinds with any fields, but no reruns and no scheduled starts."""
    return st.builds(
        HistoryEvent,
        event_id=IDS,
        timestamp=MOMENTS,
        kind=st.sampled_from(kinds),
        name=NAMES,
        answers=st.none() | IDS,
        task_execution_id=KEYS,
        payload=st.none() | st.just("{}"),
        failure=st.none() | st.just(Failure("CardError", "The card was refused.")),
        fire_at=st.none() | MOMENTS | st.just(NEVER),
        origin=st.none() | st.sampled_from(TimerOrigin),
        instance_id=KEYS,
        execution_id=KEYS,
    ).map(lambda event: replace(event, fire_at=None) if _starts(event) else event)


def _starts(event: HistoryEvent) -> bool:
    return event.kind == "executionStarted"


ORDINARY = st.lists(events(), max_size=40)
STRANGE = st.lists(
    st.builds(
        replace,
        events(),
        rerun_of=st.sampled_from([None, None, None, "source"]),
        fire_at=st.none() | MOMENTS | st.just(NEVER),
    ),
    max_size=40,
)
ANY = ORDINARY | STRANGE


def scheduled(spans: Sequence[Span]) -> list[Span]:
    """Return all spans but the suspensions."""
    return [span for span in spans if span.kind is not SpanKind.SUSPENSION]


@given(ANY)
def test_the_same_history_gives_the_same_timeline(history: list[HistoryEvent]) -> None:
    """A timeline depends only on the history, and does not change it."""
    copy = [replace(event) for event in history]
    assert timeline_of(history) == timeline_of(tuple(copy))
    assert history == copy


@given(ANY)
def test_time_does_not_run_backwards(history: list[HistoryEvent]) -> None:
    """No span ends before it starts, or starts before the instance."""
    timeline = timeline_of(history)
    for span in timeline.spans:
        assert span.ended_at is None or span.ended_at >= span.scheduled_at
        assert timeline.started_at is None or span.scheduled_at >= timeline.started_at
    if timeline.started_at and timeline.ended_at:
        assert timeline.ended_at >= timeline.started_at


@given(ANY)
def test_open_spans_have_no_end(history: list[HistoryEvent]) -> None:
    """An open span has no output and no failure."""
    for span in timeline_of(history).spans:
        assert (span.ended_at is None) is (span.ending is Ending.OPEN)
        assert span.ended_at is not None or (span.output is None and span.failure is None)


@given(ANY)
def test_nothing_is_open_in_an_instance_that_has_ended(history: list[HistoryEvent]) -> None:
    """An instance that has ended waits for nothing."""
    timeline = timeline_of(history)
    assert (timeline.ended_at is not None) is any(event.kind in ENDS for event in history)
    if timeline.ended_at:
        assert timeline.waiting is None
        assert all(span.ended_at for span in timeline.spans)


@given(ANY)
def test_only_the_end_or_a_stall_cuts_off_spans(history: list[HistoryEvent]) -> None:
    """No span of an instance that goes on is cut off."""
    timeline = timeline_of(history)
    cut_off = any(span.ending is Ending.CUT_OFF for span in timeline.spans)
    assert timeline.stopped_at or not cut_off


@given(ANY)
def test_each_scheduled_event_is_one_span(history: list[HistoryEvent]) -> None:
    """No scheduled event is lost or shown twice.

    An action that is repeated while the instance is suspended has one span.
    """
    spans = scheduled(timeline_of(history).spans)
    once = without_repetitions(history, shown=1)
    wanted = Counter(event.event_id for event in once if event.kind in SCHEDULING)
    assert Counter(span.event_id for span in spans) == wanted


@given(ANY)
def test_spans_are_ordered(history: list[HistoryEvent]) -> None:
    """Spans are ordered by their starts, then by their event ids."""
    keys = [(span.scheduled_at, span.event_id) for span in timeline_of(history).spans]
    assert keys == sorted(keys)


@given(ANY)
def test_attempts_are_numbered_without_gaps(history: list[HistoryEvent]) -> None:
    """A lane has attempts 1 to n of one kind, or one other span."""
    lanes: defaultdict[int, list[Span]] = defaultdict(list)
    for span in scheduled(timeline_of(history).spans):
        lanes[span.lane].append(span)
    for spans in lanes.values():
        kinds = {span.kind for span in spans} - {SpanKind.BACKOFF}
        attempts = [span.attempt_number for span in spans if span.kind is not SpanKind.BACKOFF]
        assert len(kinds) == 1 or len(spans) == 1
        assert sorted(attempts) == list(range(1, len(attempts) + 1))
        assert all(span.attempt_count == max(1, len(attempts)) for span in spans)
        assert all(span.attempt_number <= span.attempt_count for span in spans)


@given(ANY)
def test_suspensions_have_their_own_lane(history: list[HistoryEvent]) -> None:
    """All suspensions share one lane, below all others."""
    for span in timeline_of(history).spans:
        if span.kind is SpanKind.SUSPENSION:
            assert span.lane == SUSPENSIONS
        else:
            assert span.lane > SUSPENSIONS


@given(ANY)
def test_a_lane_is_the_id_of_its_first_event(history: list[HistoryEvent]) -> None:
    """A lane below 2³¹ is the id of an event in it."""
    lanes: defaultdict[int, set[int]] = defaultdict(set)
    for span in scheduled(timeline_of(history).spans):
        lanes[span.lane].add(span.event_id)
    assert all(lane in ids for lane, ids in lanes.items() if lane < 2**31)


@given(st.lists(events(["executionSuspended", "executionResumed", "workflowStarted"])))
def test_suspensions_do_not_overlap(history: list[HistoryEvent]) -> None:
    """On a clock that goes forward, one suspension follows another."""
    real = [replace(event, event_id=-1) for event in history]
    real.sort(key=lambda event: event.timestamp)
    for before, after in pairwise(timeline_of(real).spans):
        assert before.ended_at is not None
        assert before.ended_at <= after.scheduled_at


@given(ANY)
def test_an_instance_waits_for_its_open_spans(history: list[HistoryEvent]) -> None:
    """An instance that has not started waits for its start; a suspension is no wait."""
    timeline = timeline_of(history)
    opened = [span for span in timeline.spans if span.ending is Ending.OPEN]
    has_open = any(span.kind is not SpanKind.SUSPENSION for span in opened)
    has_started = timeline.started_at is not None
    assert (timeline.waiting is not None) is (
        timeline.stopped_at is None and (has_open or not has_started)
    )
    if timeline.waiting:
        assert timeline.waiting.what
        assert timeline.waiting.until != NEVER or not has_started


@given(ORDINARY, st.integers(0, 40))
def test_a_timeline_grows(history: list[HistoryEvent], length: int) -> None:
    """Later events do not change the start and lane of a span."""
    start = HistoryEvent(-1, START, "executionStarted")
    before, after = (
        Counter(
            (span.kind, span.event_id, span.lane, span.scheduled_at, span.attempt_number)
            for span in spans
        )
        for spans in (
            timeline_of([start, *history[:length]]).spans,
            timeline_of([start, *history]).spans,
        )
    )
    assert before <= after


@given(ORDINARY, ORDINARY)
def test_a_rerun_has_no_time_of_its_source(
    copied: list[HistoryEvent], own: list[HistoryEvent]
) -> None:
    """All copied spans are at the start of the rerun."""
    mark = HistoryEvent(3, START, "taskScheduled", "charge", rerun_of="source")
    finished = [event for event in copied if event.kind not in SCHEDULING]
    timeline = timeline_of([*finished, mark, *own])
    assert (timeline.started_at, timeline.rerun_of) == (START, "source")
    assert all(
        span.scheduled_at == span.ended_at == START for span in timeline.spans if span.copied
    )
