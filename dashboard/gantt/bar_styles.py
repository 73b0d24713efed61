"""The styles of Gantt bars, by the kind and the ending of their span."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.gantt.durations import compared
from operations.model import Status
from operations.records import Baseline
from operations.timeline import Ending, Span, SpanKind

QUEUED = 0.35  # opacity of an attempt's queue time

_DASHED, CROSSED = "/", "x"
_FRAME, _TRANSLUCENT = 0.34, 0.6  # height and opacity of the bar of a whole run


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
        if self.opacity <= QUEUED:
            return "pale"
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
BASELINE = BarStyle("p50 to p95 of other runs", _GRAY, height=0.92, opacity=QUEUED)
_RANKED = frozenset({Status.COMPLETED, Status.FAILED})
_OF_STATUS = {
    Status.RUNNING: _BLUE,
    Status.SUSPENDED: _ORANGE,
    Status.COMPLETED: _GREEN,
    Status.FAILED: _RED,
    Status.STALLED: _RED,
}
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
    """A bar for a queue time, an execution time or both; `end` is None while it is open."""

    style: BarStyle
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Frame:
    """A whole run, whose bar frames the bars of its calls.

    The time before `first_turn_at`, if that is known, is queue time. `ended_at` is when the run
    ended or stalled, None while it goes on. `baseline` has the durations of other runs, if known.
    """

    workflow: str
    status: Status
    started_at: datetime
    first_turn_at: datetime | None = None
    ended_at: datetime | None = None
    baseline: Baseline | None = None

    @property
    def seconds(self) -> float | None:
        """The seconds from the start to the end, None while the run goes on."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    @property
    def comparison(self) -> str | None:
        """How the run compares with others; it is ranked only if it ended by itself."""
        if self.baseline is None:
            return None
        return compared(self.seconds if self.status in _RANKED else None, self.baseline)


def frame_bars(frame: Frame) -> tuple[Bar, ...]:
    """Return one bar for a whole run; two, queue and execution time, if its first turn is known."""
    colour = _OF_STATUS.get(frame.status, _GRAY)
    label = f"run {frame.status.lower()}"
    style = BarStyle(label, colour, _DASHED if frame.ended_at is None else "", _FRAME, _TRANSLUCENT)
    first, end = frame.first_turn_at, frame.ended_at
    if first is None or first <= frame.started_at or (end and end < first):
        return (Bar(style, frame.started_at, end),)
    queue = BarStyle("in Dapr's queue", colour, height=_FRAME, opacity=QUEUED / 2)
    return Bar(queue, frame.started_at, first), Bar(style, first, end)


def style_of(span: Span) -> BarStyle:
    """Return the style of a span; if its start is known, the style of its execution time."""
    if span.started_at and span.ending in _EXECUTIONS:
        return _EXECUTIONS[span.ending]
    return _STYLES.get((span.kind, span.ending), _DEFAULT)


def bars_of(span: Span) -> tuple[Bar, ...]:
    """Return one bar for a span; two, queue and execution time, if its start is known."""
    style = style_of(span)
    if not (span.started_at and span.ending in _EXECUTIONS):
        return (Bar(style, span.scheduled_at, span.ended_at),)
    queue = Bar(_QUEUE_TIMES[span.ending], span.scheduled_at, span.started_at)
    return queue, Bar(style, span.started_at, span.ended_at)
