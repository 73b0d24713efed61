"""Builds spans from history events, one event after another."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from operations.history import NO_END, HistoryEvent, TimerOrigin
from operations.timeline.lanes import Call, Lanes
from operations.timeline.spans import SUSPENSIONS, Ending, Span, SpanKind, event_key


class TimelineBuilder:
    """Builds spans from events; no span starts before `started_at`, if that is known."""

    def __init__(self, started_at: datetime | None) -> None:
        self._started_at = started_at
        self._ended_at: datetime | None = None
        self._copied = False
        self._turn = 0
        self._spans: list[Span] = []
        self._open: dict[int, None] = {}  # indices of open spans; a dict keeps their order
        self._unanswered: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self._waits: defaultdict[str, deque[int]] = defaultdict(deque)
        self._suspension: int | None = None
        self._lanes = Lanes()
        self._names: dict[int, str] = {}

    @property
    def ended_at(self) -> datetime | None:
        """When the instance ended, None if it has not."""
        return self._ended_at

    def add(self, events: Iterable[HistoryEvent], *, copied: bool = False) -> None:
        """Process further events; events of unknown kinds are ignored."""
        self._copied = copied
        for event in events:
            handle = _HANDLERS.get(event.kind)
            if handle is not None:
                handle(self, event)
        if self._ended_at is not None:
            self._cut_off(self._ended_at)

    def spans(self) -> tuple[Span, ...]:
        """Return the spans by `scheduled_at`, each with the number of attempts in its lane."""
        attempts = self._lanes.attempts
        counted = (
            replace(span, attempt_count=attempts[span.lane]) if attempts[span.lane] > 1 else span
            for span in self._spans
        )
        return tuple(sorted(counted, key=lambda span: (span.scheduled_at, span.event_id)))

    def _open_span(
        self, event: HistoryEvent, kind: SpanKind, lane: int, name: str | None = None
    ) -> int:
        index = len(self._spans)
        self._spans.append(
            Span(
                kind=kind,
                name=name or event.name or kind.value,
                lane=lane,
                event_id=event.event_id,
                scheduled_at=self._moment(event),
                attempt_number=self._lanes.attempts[lane] or 1,
                due=_due(event),
                input=event.payload,
                instance_id=event.instance_id,
                turn=self._turn,
            )
        )
        self._open[index] = None
        self._unanswered[event.kind, event.event_id].append(index)
        return index

    def _close_span(self, index: int, event: HistoryEvent, ending: Ending) -> None:
        span = closed(self._spans[index], self._moment(event), ending)
        span = replace(span, output=event.payload, failure=event.failure)
        self._spans[index] = replace(span, copied=True, due=None) if self._copied else span
        del self._open[index]

    def _cut_off(self, at: datetime) -> None:
        for index in self._open:
            self._spans[index] = closed(self._spans[index], at, Ending.CUT_OFF)
        self._open.clear()

    def _moment(self, event: HistoryEvent) -> datetime:
        """Return an event's time; an event that a rerun copied gets the start of the rerun."""
        if self._started_at is None:
            return event.timestamp
        return self._started_at if self._copied else max(event.timestamp, self._started_at)

    def _answered_by(self, event: HistoryEvent, kind: str) -> int | None:
        """Return the index of the open span that an event answers; of equal ids, the last one."""
        if event.answers is None:
            return None
        candidates = self._unanswered[kind, event.answers]
        while candidates:
            if (index := candidates.pop()) in self._open:
                return index
        return None

    def _awaiting(self, event: HistoryEvent) -> int | None:
        """Return the index of the oldest open wait for an external event of this name."""
        waits = self._waits[event_key(event.name)]
        while waits:
            if (index := waits.popleft()) in self._open:
                return index
        return None

    def turn_started(self, _: HistoryEvent) -> None:
        """Count a turn: the workflow executes until it has to wait."""
        self._turn += 1

    def activity_scheduled(self, event: HistoryEvent) -> None:
        """Open a span for an attempt of an activity."""
        lane = self._lanes.for_activity(_call(event, SpanKind.ACTIVITY), event.event_id)
        self._names[lane] = event.name or ""
        self._open_span(event, SpanKind.ACTIVITY, lane)

    def child_created(self, event: HistoryEvent) -> None:
        """Open a span for an attempt of a child."""
        call = _call(event, SpanKind.CHILD)
        lane = self._lanes.for_child(call, event.name or "", event.event_id)
        self._names[lane] = event.name or ""
        self._open_span(event, SpanKind.CHILD, lane)

    def answered(self, event: HistoryEvent) -> None:
        """Close an attempt; a failed attempt of a child may be followed by another in its lane."""
        scheduling, ending = _ANSWERS[event.kind]
        index = self._answered_by(event, scheduling)
        if index is not None:
            self._close_span(index, event, ending)
            if ending is Ending.FAILED:
                self._lanes.failed(self._spans[index].lane)

    def timer_created(self, event: HistoryEvent) -> None:
        """Open a span: a wait, a back-off or a timer, depending on the timer's origin."""
        match event.origin:
            case TimerOrigin.EXTERNAL_EVENT:
                wait = self._open_span(event, SpanKind.WAIT, self._lanes.new(event.event_id))
                self._waits[event_key(event.name)].append(wait)
            case TimerOrigin.ACTIVITY_RETRY:
                self._back_off(event, SpanKind.ACTIVITY)
            case TimerOrigin.CHILD_RETRY:
                self._back_off(event, SpanKind.CHILD)
            case _:
                self._open_span(event, SpanKind.TIMER, self._lanes.new(event.event_id))

    def _back_off(self, event: HistoryEvent, of: SpanKind) -> None:
        lane = self._lanes.known(_call(event, of))
        if lane is None:
            lane = self._lanes.new(event.event_id)
        self._open_span(event, SpanKind.BACKOFF, lane, self._names.get(lane, _UNNAMED))

    def timer_fired(self, event: HistoryEvent) -> None:
        """Close the span that the timer opened."""
        index = self._answered_by(event, "timerCreated")
        if index is None:
            return
        span = self._spans[index]
        timed_out = span.kind is SpanKind.WAIT
        self._close_span(index, event, Ending.TIMED_OUT if timed_out else Ending.COMPLETED)
        if span.kind is SpanKind.BACKOFF:
            self._lanes.retry(span.lane, span.name)

    def event_raised(self, event: HistoryEvent) -> None:
        """Close the wait that receives the event; Dapr keeps the event if nothing waits for it."""
        index = self._awaiting(event)
        if index is not None:
            self._close_span(index, event, Ending.COMPLETED)

    def suspended(self, event: HistoryEvent) -> None:
        """Open a suspension, unless one is open."""
        if self._suspension not in self._open:
            self._suspension = self._open_span(event, SpanKind.SUSPENSION, SUSPENSIONS, "suspended")

    def resumed(self, event: HistoryEvent) -> None:
        """Close the suspension."""
        if self._suspension in self._open:
            self._close_span(self._suspension, event, Ending.COMPLETED)

    def ended(self, event: HistoryEvent) -> None:
        """Store the end of the instance, and cut off the open spans."""
        self._ended_at = self._moment(event)
        self._cut_off(self._ended_at)


_UNNAMED = "a call"  # as in "retry of a call": some SDKs do not name the call
_CHILD = "childWorkflowInstanceCreated"
_ANSWERS = {
    "taskCompleted": ("taskScheduled", Ending.COMPLETED),
    "taskFailed": ("taskScheduled", Ending.FAILED),
    "childWorkflowInstanceCompleted": (_CHILD, Ending.COMPLETED),
    "childWorkflowInstanceFailed": (_CHILD, Ending.FAILED),
}
_HANDLERS: dict[str, Callable[[TimelineBuilder, HistoryEvent], object]] = {
    "workflowStarted": TimelineBuilder.turn_started,
    "taskScheduled": TimelineBuilder.activity_scheduled,
    "timerCreated": TimelineBuilder.timer_created,
    "timerFired": TimelineBuilder.timer_fired,
    _CHILD: TimelineBuilder.child_created,
    "eventRaised": TimelineBuilder.event_raised,
    "executionSuspended": TimelineBuilder.suspended,
    "executionResumed": TimelineBuilder.resumed,
    "executionTerminated": TimelineBuilder.ended,
    "executionCompleted": TimelineBuilder.ended,
    **dict.fromkeys(_ANSWERS, TimelineBuilder.answered),
}


def _call(event: HistoryEvent, kind: SpanKind) -> Call | None:
    """Return the call of an attempt or a back-off, None if the event does not name it."""
    key = event.task_execution_id or event.instance_id
    return (kind, key) if key else None


def _due(event: HistoryEvent) -> datetime | None:
    """Return when a timer is due, None for the timer of a wait without a deadline."""
    due = event.fire_at
    return due if due is not None and due.year < NO_END else None


def closed(span: Span, at: datetime, ending: Ending) -> Span:
    """Return a closed span; it does not end before its start, even if a clock was set back."""
    return replace(span, ended_at=max(at, span.scheduled_at), ending=ending)
