"""How the bars of a Gantt style, by what they are of and how that ended."""

from dataclasses import dataclass
from datetime import datetime

from operations.timeline import Ending, Span, SpanKind

QUEUED = 0.35  # the opacity of an activity's time in the queue

_DASHED, CROSSED = "/", "x"


@dataclass(frozen=True)
class BarStyle:
    """How a bar bars_by_style, and what that label."""

    label: str
    colour: str
    pattern: str = ""
    height: float = 0.62  # of its row
    opacity: float = 1.0

    @property
    def swatch(self) -> str:
        """The style in the legend."""
        if self.opacity < 1:
            return "queued"
        return {_DASHED: "open", CROSSED: "crossed"}.get(self.pattern, "solid")


_GREEN, _BLUE, _RED = "--st-green-color", "--st-blue-color", "--st-red-color"
_ORANGE, _VIOLET, _GRAY = "--st-orange-color", "--st-violet-color", "--st-gray-color"
_STYLES = {
    (SpanKind.ACTIVITY, Ending.COMPLETED): BarStyle("completed (queue + run)", _GREEN),
    (SpanKind.ACTIVITY, Ending.FAILED): BarStyle("failed (queue + run)", _RED, CROSSED),
    (SpanKind.ACTIVITY, Ending.OPEN): BarStyle("under way (queue + run)", _BLUE, _DASHED),
    (SpanKind.ACTIVITY, Ending.CUT_OFF): BarStyle("cut off by the end", _GRAY, _DASHED),
    (SpanKind.ACTIVITY, Ending.UNSEEN): BarStyle("end not seen", _GRAY, _DASHED),
    (SpanKind.CHILD, Ending.COMPLETED): BarStyle("child completed", _GREEN, height=0.4),
    (SpanKind.CHILD, Ending.FAILED): BarStyle("child failed", _RED, CROSSED, height=0.4),
    (SpanKind.CHILD, Ending.OPEN): BarStyle("child under way", _BLUE, _DASHED, height=0.4),
    (SpanKind.BACKOFF, Ending.OPEN): BarStyle(
        "before the next attempt", _GRAY, _DASHED, height=0.18
    ),
    (SpanKind.BACKOFF, Ending.COMPLETED): BarStyle("before the next attempt", _GRAY, height=0.18),
    (SpanKind.TIMER, Ending.OPEN): BarStyle("timer under way", _VIOLET, _DASHED, height=0.3),
    (SpanKind.TIMER, Ending.COMPLETED): BarStyle("timer", _VIOLET, height=0.3),
    (SpanKind.WAIT, Ending.OPEN): BarStyle("waiting for an event", _VIOLET, _DASHED),
    (SpanKind.WAIT, Ending.COMPLETED): BarStyle("event came", _VIOLET),
    (SpanKind.WAIT, Ending.TIMED_OUT): BarStyle("event did not come in time", _RED, CROSSED),
    (SpanKind.SUSPENSION, Ending.OPEN): BarStyle("suspended", _ORANGE, _DASHED),
    (SpanKind.SUSPENSION, Ending.COMPLETED): BarStyle("suspended", _ORANGE),
}
BASELINE = BarStyle("as long as 95 % of past runs", "--st-gray-background-color", height=0.92)
_RUNS = {
    Ending.COMPLETED: BarStyle("completed", _GREEN),
    Ending.FAILED: BarStyle("failed", _RED, CROSSED),
    Ending.CUT_OFF: BarStyle("cut off by the end", _GRAY, _DASHED),
    Ending.UNSEEN: BarStyle("end not seen", _GRAY, _DASHED),
}
_QUEUES = {
    ending: BarStyle("in Dapr's queue", style.colour, opacity=QUEUED)
    for ending, style in _RUNS.items()
}
_ELSE = BarStyle("cut off by the end", _GRAY, _DASHED, height=0.4)


@dataclass(frozen=True)
class Bar:
    """A span, or a part of one, as it is drawn; `end` is None while it is open."""

    span: Span
    style: BarStyle
    start: datetime
    end: datetime | None


def style_of(span: Span) -> BarStyle:
    """Return the style of a span; of one whose begin is known, that of its run."""
    if span.started_at and span.ending in _RUNS:
        return _RUNS[span.ending]
    return _STYLES.get((span.kind, span.ending), _ELSE)


def bars_of(span: Span) -> tuple[Bar, ...]:
    """Return a span as one bar, or as its time in the queue and its run where that is known."""
    style = style_of(span)
    if not (span.started_at and span.ending in _RUNS):
        return (Bar(span, style, span.scheduled_at, span.ended_at),)
    queue = Bar(span, _QUEUES[span.ending], span.scheduled_at, span.started_at)
    return queue, Bar(span, style, span.started_at, span.ended_at)
