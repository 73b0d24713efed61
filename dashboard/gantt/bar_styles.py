"""The styles of Gantt bars, by the kind and the ending of their span."""

from dataclasses import dataclass
from datetime import datetime

from operations.timeline import Ending, Span, SpanKind

QUEUED = 0.35  # opacity of an attempt's queue time

_DASHED, CROSSED = "/", "x"


@dataclass(frozen=True)
class BarStyle:
    """The style of a bar, and its label in the legend; `height` is a fraction of the row."""

    label: str
    colour: str
    pattern: str = ""
    height: float = 0.62
    opacity: float = 1.0

    @property
    def swatch(self) -> str:
        """The CSS class of the style in the legend."""
        if self.opacity < 1:
            return "queued"
        return {_DASHED: "open", CROSSED: "crossed"}.get(self.pattern, "solid")


_GREEN, _BLUE, _RED = "--st-green-color", "--st-blue-color", "--st-red-color"
_ORANGE, _VIOLET, _GRAY = "--st-orange-color", "--st-violet-color", "--st-gray-color"
_CUT_OFF = "cut off: the instance ended or stalled"
_STYLES = {
    (SpanKind.ACTIVITY, Ending.COMPLETED): BarStyle("completed (queue + execution)", _GREEN),
    (SpanKind.ACTIVITY, Ending.FAILED): BarStyle("failed (queue + execution)", _RED, CROSSED),
    (SpanKind.ACTIVITY, Ending.OPEN): BarStyle("running (queue + execution)", _BLUE, _DASHED),
    (SpanKind.ACTIVITY, Ending.CUT_OFF): BarStyle(_CUT_OFF, _GRAY, _DASHED),
    (SpanKind.ACTIVITY, Ending.END_UNKNOWN): BarStyle("end unknown", _GRAY, _DASHED),
    (SpanKind.CHILD, Ending.COMPLETED): BarStyle("child completed", _GREEN, height=0.4),
    (SpanKind.CHILD, Ending.FAILED): BarStyle("child failed", _RED, CROSSED, height=0.4),
    (SpanKind.CHILD, Ending.OPEN): BarStyle("child running", _BLUE, _DASHED, height=0.4),
    (SpanKind.BACKOFF, Ending.OPEN): BarStyle(
        "back-off before the next attempt", _GRAY, _DASHED, height=0.18
    ),
    (SpanKind.BACKOFF, Ending.COMPLETED): BarStyle(
        "back-off before the next attempt", _GRAY, height=0.18
    ),
    (SpanKind.TIMER, Ending.OPEN): BarStyle("timer pending", _VIOLET, _DASHED, height=0.3),
    (SpanKind.TIMER, Ending.COMPLETED): BarStyle("timer", _VIOLET, height=0.3),
    (SpanKind.WAIT, Ending.OPEN): BarStyle("waiting for an event", _VIOLET, _DASHED),
    (SpanKind.WAIT, Ending.COMPLETED): BarStyle("event received", _VIOLET),
    (SpanKind.WAIT, Ending.TIMED_OUT): BarStyle("event timed out", _RED, CROSSED),
    (SpanKind.SUSPENSION, Ending.OPEN): BarStyle("suspended", _ORANGE, _DASHED),
    (SpanKind.SUSPENSION, Ending.COMPLETED): BarStyle("suspended", _ORANGE),
}
BASELINE = BarStyle("p95 of past attempts", "--st-gray-background-color", height=0.92)
_EXECUTIONS = {
    Ending.COMPLETED: BarStyle("completed", _GREEN),
    Ending.FAILED: BarStyle("failed", _RED, CROSSED),
    Ending.CUT_OFF: BarStyle(_CUT_OFF, _GRAY, _DASHED),
    Ending.END_UNKNOWN: BarStyle("end unknown", _GRAY, _DASHED),
}
_QUEUE_TIMES = {
    ending: BarStyle("in Dapr's queue", style.colour, opacity=QUEUED)
    for ending, style in _EXECUTIONS.items()
}
_DEFAULT = BarStyle(_CUT_OFF, _GRAY, _DASHED, height=0.4)


@dataclass(frozen=True)
class Bar:
    """A bar for a span, its queue time or its execution time; `end` is None while it is open."""

    span: Span
    style: BarStyle
    start: datetime
    end: datetime | None


def style_of(span: Span) -> BarStyle:
    """Return the style of a span; if its start is known, the style of its execution time."""
    if span.started_at and span.ending in _EXECUTIONS:
        return _EXECUTIONS[span.ending]
    return _STYLES.get((span.kind, span.ending), _DEFAULT)


def bars_of(span: Span) -> tuple[Bar, ...]:
    """Return one bar for a span; two, queue and execution time, if its start is known."""
    style = style_of(span)
    if not (span.started_at and span.ending in _EXECUTIONS):
        return (Bar(span, style, span.scheduled_at, span.ended_at),)
    queue = Bar(span, _QUEUE_TIMES[span.ending], span.scheduled_at, span.started_at)
    return queue, Bar(span, style, span.started_at, span.ended_at)
