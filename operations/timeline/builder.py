"""One history event after another, folded into spans."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from operations.history import NO_END, HistoryEvent, TimerOrigin
from operations.timeline.lanes import Call, Lanes
from operations.timeline.spans import SUSPENSIONS, Ending, Span, SpanKind, event_key


class TimelineBuilder:
    """Spans in the making; none starts before `clock`, if there is one."""

    def __init__(self, clock: datetime | None) -> None:
        self._clock = clock
        self._ended_at: datetime | None = None
        self._copied = False
        self._turn = 0
        self._spans: list[Span] = []
        self._open: dict[int, None] = {}  # indices; a dict keeps their order
        self._asked: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self._waits: defaultdict[str, deque[int]] = defaultdict(deque)
        self._suspension: int | None = None
        self._lanes = Lanes()
        self._names: dict[int, str] = {}

    @property
    def ended_at(self) -> datetime | None:
        """When the instance ended, None while it is under way."""
        return self._ended_at

    def add(self, events: Iterable[HistoryEvent], *, copied: bool = False) -> None:
        """Fold further events in; those of an unknown kind say nothing."""
        self._copied = copied
        for event in events:
            fold = _FOLDS.get(event.kind)
            if fold is not None:
                fold(self, event)
        if self._ended_at is not None:
            self._cut_off(self._ended_at)

    def spans(self) -> tuple[Span, ...]:
        """Return the spans by start, each with the number of attempts in its lane."""
        attempts = self._lanes.attempts
        counted = (
            replace(span, attempts=attempts[span.lane]) if attempts[span.lane] > 1 else span
            for span in self._spans
        )
        return tuple(sorted(counted, key=lambda span: (span.scheduled_at, span.event_id)))

    def _begin(
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
                attempt=self._lanes.attempts[lane] or 1,
                due=_due(event),
                input=event.payload,
                instance_id=event.instance_id,
                turn=self._turn,
            )
        )
        self._open[index] = None
        self._asked[event.kind, event.event_id].append(index)
        return index

    def _end(self, index: int, event: HistoryEvent, ending: Ending) -> None:
        span = _closed(self._spans[index], self._moment(event), ending)
        span = replace(span, output=event.payload, failure=event.failure)
        self._spans[index] = replace(span, copied=True, due=None) if self._copied else span
        del self._open[index]

    def _cut_off(self, at: datetime) -> None:
        for index in self._open:
            self._spans[index] = _closed(self._spans[index], at, Ending.CUT_OFF)
        self._open.clear()

    def _moment(self, event: HistoryEvent) -> datetime:
        """Return an event's time on the own clock: what was copied was there from the start."""
        if self._clock is None:
            return event.timestamp
        return self._clock if self._copied else max(event.timestamp, self._clock)

    def _asked_by(self, event: HistoryEvent, kind: str) -> int | None:
        """Return the open span that an event answers: the last, should an id be there twice."""
        if event.answers is None:
            return None
        asked = self._asked[kind, event.answers]
        while asked:
            if (index := asked.pop()) in self._open:
                return index
        return None

    def _awaiting(self, event: HistoryEvent) -> int | None:
        """Return the wait that gets an event: the first."""
        waits = self._waits[event_key(event.name)]
        while waits:
            if (index := waits.popleft()) in self._open:
                return index
        return None

    def turn_began(self, _: HistoryEvent) -> None:
        """Count the turns, in which the workflow goes on until it must wait."""
        self._turn += 1

    def activity_scheduled(self, event: HistoryEvent) -> None:
        """Begin an attempt of an activity."""
        lane = self._lanes.for_activity(_call(event, SpanKind.ACTIVITY), event.event_id)
        self._names[lane] = event.name or ""
        self._begin(event, SpanKind.ACTIVITY, lane)

    def child_created(self, event: HistoryEvent) -> None:
        """Begin an attempt of a child."""
        call = _call(event, SpanKind.CHILD)
        lane = self._lanes.for_child(call, event.name or "", event.event_id)
        self._names[lane] = event.name or ""
        self._begin(event, SpanKind.CHILD, lane)

    def answered(self, event: HistoryEvent) -> None:
        """End an attempt; if it was a child's that failed, another may follow in its lane."""
        asked, ending = _ANSWERS[event.kind]
        index = self._asked_by(event, asked)
        if index is not None:
            self._end(index, event, ending)
            if ending is Ending.FAILED:
                self._lanes.failed(self._spans[index].lane)

    def timer_created(self, event: HistoryEvent) -> None:
        """Begin what the timer is for."""
        match event.origin:
            case TimerOrigin.EXTERNAL_EVENT:
                wait = self._begin(event, SpanKind.WAIT, self._lanes.new(event.event_id))
                self._waits[event_key(event.name)].append(wait)
            case TimerOrigin.ACTIVITY_RETRY:
                self._back_off(event, SpanKind.ACTIVITY)
            case TimerOrigin.CHILD_RETRY:
                self._back_off(event, SpanKind.CHILD)
            case _:
                self._begin(event, SpanKind.TIMER, self._lanes.new(event.event_id))

    def _back_off(self, event: HistoryEvent, of: SpanKind) -> None:
        lane = self._lanes.known(_call(event, of))
        if lane is None:
            lane = self._lanes.new(event.event_id)
        self._begin(event, SpanKind.BACKOFF, lane, self._names.get(lane, _UNTOLD))

    def timer_fired(self, event: HistoryEvent) -> None:
        """End what the timer was for."""
        index = self._asked_by(event, "timerCreated")
        if index is None:
            return
        span = self._spans[index]
        timed_out = span.kind is SpanKind.WAIT
        self._end(index, event, Ending.TIMED_OUT if timed_out else Ending.COMPLETED)
        if span.kind is SpanKind.BACKOFF:
            self._lanes.retry(span.lane, span.name)

    def event_raised(self, event: HistoryEvent) -> None:
        """End the wait that gets the event; the engine keeps one that nothing waits for."""
        index = self._awaiting(event)
        if index is not None:
            self._end(index, event, Ending.COMPLETED)

    def suspended(self, event: HistoryEvent) -> None:
        """Begin a pause, unless it is paused."""
        if self._suspension not in self._open:
            self._suspension = self._begin(event, SpanKind.SUSPENSION, SUSPENSIONS, "suspended")

    def resumed(self, event: HistoryEvent) -> None:
        """End the pause."""
        if self._suspension in self._open:
            self._end(self._suspension, event, Ending.COMPLETED)

    def ended(self, event: HistoryEvent) -> None:
        """End the instance, and cut off what is open."""
        self._ended_at = self._moment(event)
        self._cut_off(self._ended_at)


_UNTOLD = "a call"  # "retry of a call": some SDKs do not tell of which
_CHILD = "childWorkflowInstanceCreated"
_ANSWERS = {
    "taskCompleted": ("taskScheduled", Ending.COMPLETED),
    "taskFailed": ("taskScheduled", Ending.FAILED),
    "childWorkflowInstanceCompleted": (_CHILD, Ending.COMPLETED),
    "childWorkflowInstanceFailed": (_CHILD, Ending.FAILED),
}
_FOLDS: dict[str, Callable[[TimelineBuilder, HistoryEvent], object]] = {
    "workflowStarted": TimelineBuilder.turn_began,
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
    """Return which call an attempt, or a back-off after one, is of; None where nothing tells."""
    key = event.task_execution_id or event.instance_id
    return (kind, key) if key else None


def _due(event: HistoryEvent) -> datetime | None:
    """Return when a timer is due, None for one that only says that a wait has no end."""
    due = event.fire_at
    return due if due is not None and due.year < NO_END else None


def _closed(span: Span, at: datetime, ending: Ending) -> Span:
    """Return a span with its end, which is not before its start though a clock stepped back."""
    return replace(span, ended_at=max(at, span.scheduled_at), ending=ending)
