"""Builds spans from history events, one event after another."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from operations.history import NO_END, HistoryEvent, TimerOrigin
from operations.model import Status
from operations.timeline.lanes import Lanes, call_of
from operations.timeline.spans import SUSPENSIONS, Ending, Span, SpanKind, closed, event_key
from operations.timeline.timeouts import Expiry, Timeouts


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
        self._timeouts = Timeouts()
        self._late: tuple[int, HistoryEvent] | None = None  # an event after the time-out of a wait
        self._causes = 0  # events that may have caused the current turn
        self._suspension: int | None = None
        self._lanes = Lanes()
        self._names: dict[int, str] = {}

    @property
    def ended_at(self) -> datetime | None:
        """When the instance ended, None if it has not."""
        return self._ended_at

    @property
    def suspended_at(self) -> datetime | None:
        """Since when the instance is suspended, None if it is not."""
        index = self._suspension
        return self._spans[index].scheduled_at if index in self._open else None

    def add(self, events: Iterable[HistoryEvent], *, copied: bool = False) -> None:
        """Process further events; events of unknown kinds are ignored."""
        self._copied = copied
        for event in events:
            handle = _HANDLERS.get(event.kind)
            if handle is not None:
                handle(self, event)
        self._settle_late(is_consumed=False)
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
        if kind in _MADE_BY_WORKFLOW and self._lanes.attempts[lane] <= 1:
            self._call_made(kind)
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
                app_id=event.app_id,
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

    def _call_made(self, kind: SpanKind) -> None:
        """Count a call of the workflow; a new wait for an event ends the waits that expired."""
        self._settle_late(is_consumed=True)
        self._timeouts.count_call()
        if kind is SpanKind.WAIT:
            self._time_out_expired()

    def _time_out_expired(self) -> None:
        for index, fired in self._timeouts.drop_all():
            if index in self._open:
                self._close_span(index, fired, Ending.TIMED_OUT)

    def _settle_late(self, *, is_consumed: bool) -> None:
        """Close an expired wait that an event met late: completed if consumed, else timed out."""
        if self._late is None:
            return
        (index, event), self._late = self._late, None
        expiry = self._timeouts.expiry_of(index)
        if index in self._open and expiry:
            if is_consumed:
                self._close_span(index, event, Ending.COMPLETED)
            else:
                self._close_span(index, expiry.fired, Ending.TIMED_OUT)

    def _cause(self) -> None:
        """Count an event that may cause the turn; an earlier late event then counts as unused."""
        self._settle_late(is_consumed=False)
        self._causes += 1

    def turn_started(self, _: HistoryEvent) -> None:
        """Count a turn: the workflow executes until it has to wait."""
        self._settle_late(is_consumed=False)
        self._turn += 1
        self._causes = 0

    def activity_scheduled(self, event: HistoryEvent) -> None:
        """Open a span for an attempt of an activity."""
        lane = self._lanes.for_activity(call_of(event, SpanKind.ACTIVITY), event.event_id)
        self._names[lane] = event.name or ""
        self._open_span(event, SpanKind.ACTIVITY, lane)

    def child_created(self, event: HistoryEvent) -> None:
        """Open a span for an attempt of a child."""
        call = call_of(event, SpanKind.CHILD)
        lane = self._lanes.for_child(call, event.name or "", event.event_id)
        self._names[lane] = event.name or ""
        self._open_span(event, SpanKind.CHILD, lane)

    def answered(self, event: HistoryEvent) -> None:
        """Close an attempt; a failed attempt of a child may be followed by another in its lane."""
        self._cause()
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
                self._timeouts.add(wait, self._turn)
            case TimerOrigin.ACTIVITY_RETRY:
                self._back_off(event, SpanKind.ACTIVITY)
            case TimerOrigin.CHILD_RETRY:
                self._back_off(event, SpanKind.CHILD)
            case _:
                self._open_span(event, SpanKind.TIMER, self._lanes.new(event.event_id))

    def _back_off(self, event: HistoryEvent, of: SpanKind) -> None:
        lane = self._lanes.known(call_of(event, of))
        if lane is None:
            lane = self._lanes.new(event.event_id)
        self._open_span(event, SpanKind.BACKOFF, lane, self._names.get(lane, _UNNAMED))

    def timer_fired(self, event: HistoryEvent) -> None:
        """Close the span that the timer opened."""
        self._cause()
        index = self._answered_by(event, "timerCreated")
        if index is None:
            return
        span = self._spans[index]
        timed_out = span.kind is SpanKind.WAIT
        self._close_span(index, event, Ending.TIMED_OUT if timed_out else Ending.COMPLETED)
        if span.kind is SpanKind.TIMER:
            self._timeouts.expire(span.turn, event, self._turn)
        if span.kind is SpanKind.BACKOFF:
            self._lanes.retry(span.lane, span.name)

    def event_raised(self, event: HistoryEvent) -> None:
        """Close the wait that receives the event; Dapr keeps the event if nothing waits for it.

        A wait whose timer has fired received the event only if the workflow reacts to the event.
        """
        self._cause()
        while (index := self._awaiting(event)) is not None:
            expiry = self._timeouts.expiry_of(index)
            if expiry is None or self._still_waits(expiry):
                self._close_span(index, event, Ending.COMPLETED)
                return
            if self._causes == 1:
                self._late = index, event
                return
            self._close_span(index, expiry.fired, Ending.TIMED_OUT)

    def _still_waits(self, expiry: Expiry) -> bool:
        """Return True if a workflow can only be waiting for the event, although a timer fired.

        A paused workflow reacts when it is resumed.
        """
        if self._suspension in self._open:
            return True
        if expiry.turn == self._turn or self._timeouts.has_gone_on(expiry):
            return False
        return all(self._spans[index].kind in _PASSIVE for index in self._open)

    def suspended(self, event: HistoryEvent) -> None:
        """Open a suspension, unless one is open."""
        if self._suspension not in self._open:
            self._suspension = self._open_span(event, SpanKind.SUSPENSION, SUSPENSIONS, "suspended")

    def resumed(self, event: HistoryEvent) -> None:
        """Close the suspension."""
        if self._suspension in self._open:
            self._close_span(self._suspension, event, Ending.COMPLETED)

    def ended(self, event: HistoryEvent) -> None:
        """Store the end of the instance, and cut off the open spans.

        A workflow that ends by itself no longer waits for an event whose timer fired.
        """
        is_own_end = event.kind == _COMPLETED and event.status is not Status.TERMINATED
        self._settle_late(is_consumed=is_own_end)
        if is_own_end:
            self._time_out_expired()
        self._ended_at = self._moment(event)
        self._cut_off(self._ended_at)


_MADE_BY_WORKFLOW = frozenset({SpanKind.ACTIVITY, SpanKind.CHILD, SpanKind.TIMER, SpanKind.WAIT})
_PASSIVE = frozenset({SpanKind.WAIT, SpanKind.TIMER})
_COMPLETED = "executionCompleted"
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
    _COMPLETED: TimelineBuilder.ended,
    **dict.fromkeys(_ANSWERS, TimelineBuilder.answered),
}


def _due(event: HistoryEvent) -> datetime | None:
    """Return when a timer is due, None for the timer of a wait without a deadline."""
    due = event.fire_at
    return due if due is not None and due.year < NO_END else None
