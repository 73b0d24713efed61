"""How the bars of a Gantt look, by what they are of and how that ended."""

from dataclasses import dataclass
from datetime import datetime

from operations.timeline import Ending, Span, SpanKind

QUEUED = 0.35  # the opacity of an activity's time in the queue

_DASHED, CROSSED = "/", "x"


@dataclass(frozen=True)
class Look:
    """How a bar looks, and what that says."""

    says: str
    colour: str
    pattern: str = ""
    height: float = 0.62  # of its row
    opacity: float = 1.0

    @property
    def swatch(self) -> str:
        """The look in the legend."""
        if self.opacity < 1:
            return "queued"
        return {_DASHED: "open", CROSSED: "crossed"}.get(self.pattern, "solid")


_GREEN, _BLUE, _RED = "--st-green-color", "--st-blue-color", "--st-red-color"
_ORANGE, _VIOLET, _GRAY = "--st-orange-color", "--st-violet-color", "--st-gray-color"
_LOOKS = {
    (SpanKind.ACTIVITY, Ending.COMPLETED): Look("completed (queue + run)", _GREEN),
    (SpanKind.ACTIVITY, Ending.FAILED): Look("failed (queue + run)", _RED, CROSSED),
    (SpanKind.ACTIVITY, Ending.OPEN): Look("under way (queue + run)", _BLUE, _DASHED),
    (SpanKind.ACTIVITY, Ending.CUT_OFF): Look("cut off by the end", _GRAY, _DASHED),
    (SpanKind.ACTIVITY, Ending.UNSEEN): Look("end not seen", _GRAY, _DASHED),
    (SpanKind.CHILD, Ending.COMPLETED): Look("child completed", _GREEN, height=0.4),
    (SpanKind.CHILD, Ending.FAILED): Look("child failed", _RED, CROSSED, height=0.4),
    (SpanKind.CHILD, Ending.OPEN): Look("child under way", _BLUE, _DASHED, height=0.4),
    (SpanKind.BACKOFF, Ending.OPEN): Look("before the next attempt", _GRAY, _DASHED, height=0.18),
    (SpanKind.BACKOFF, Ending.COMPLETED): Look("before the next attempt", _GRAY, height=0.18),
    (SpanKind.TIMER, Ending.OPEN): Look("timer under way", _VIOLET, _DASHED, height=0.3),
    (SpanKind.TIMER, Ending.COMPLETED): Look("timer", _VIOLET, height=0.3),
    (SpanKind.WAIT, Ending.OPEN): Look("waiting for an event", _VIOLET, _DASHED),
    (SpanKind.WAIT, Ending.COMPLETED): Look("event came", _VIOLET),
    (SpanKind.WAIT, Ending.TIMED_OUT): Look("event did not come in time", _RED, CROSSED),
    (SpanKind.SUSPENSION, Ending.OPEN): Look("suspended", _ORANGE, _DASHED),
    (SpanKind.SUSPENSION, Ending.COMPLETED): Look("suspended", _ORANGE),
}
USUAL = Look("as long as 95 % of past runs", "--st-gray-background-color", height=0.92)
_RUNS = {
    Ending.COMPLETED: Look("completed", _GREEN),
    Ending.FAILED: Look("failed", _RED, CROSSED),
    Ending.CUT_OFF: Look("cut off by the end", _GRAY, _DASHED),
    Ending.UNSEEN: Look("end not seen", _GRAY, _DASHED),
}
_QUEUES = {
    ending: Look("in Dapr's queue", look.colour, opacity=QUEUED) for ending, look in _RUNS.items()
}
_ELSE = Look("cut off by the end", _GRAY, _DASHED, height=0.4)


@dataclass(frozen=True)
class Bar:
    """A span, or a part of one, as it is drawn; `end` is None while it is open."""

    span: Span
    look: Look
    start: datetime
    end: datetime | None


def look_of(span: Span) -> Look:
    """Return the look of a span; of one whose begin is known, that of its run."""
    if span.started_at and span.ending in _RUNS:
        return _RUNS[span.ending]
    return _LOOKS.get((span.kind, span.ending), _ELSE)


def bars_of(span: Span) -> tuple[Bar, ...]:
    """Return a span as one bar, or as its time in the queue and its run where that is known."""
    look = look_of(span)
    if not (span.started_at and span.ending in _RUNS):
        return (Bar(span, look, span.scheduled_at, span.ended_at),)
    queue = Bar(span, _QUEUES[span.ending], span.scheduled_at, span.started_at)
    return queue, Bar(span, look, span.started_at, span.ended_at)
