"""The hover texts of the Gantt's bars."""

from datetime import datetime, timedelta
from html import escape
from textwrap import wrap

from dashboard.gantt.bar_styles import Frame, style_of
from dashboard.gantt.durations import comparison
from dashboard.gantt.sections import FanOut
from dashboard.times import in_words
from operations.model import Failure
from operations.records import Baseline
from operations.timeline import Span, SpanKind

MAX_FAILURE_LENGTH = 300  # characters of a failure in a hover text
MAX_NAME_LENGTH = 80  # characters of a name in a hover text
LINE_LENGTH = 56  # characters


def hover_text(
    span: Span, started_at: datetime, baseline: Baseline | None, paused: float = 0
) -> str:
    """Return the hover text of a span in Plotly's markup, with all data escaped.

    `paused` is for how many seconds the instance was paused meanwhile.
    """
    lines = [f"<b>{escape(span.name[:MAX_NAME_LENGTH] or span.kind)}</b>", _describe(span)]
    lines.append(f"from +{_words(span.scheduled_at - started_at)}")
    if span.ended_at:
        lines[-1] += f", for {_words(span.ended_at - span.scheduled_at)}"
    if span.ended_at and span.started_at:
        queue, execution = span.started_at - span.scheduled_at, span.ended_at - span.started_at
        lines.append(f"queue {_words(queue)}, execution {_words(execution)}")
    if words := comparison(span, baseline):
        lines.append(words)
    if paused:
        lines.append(f"paused meanwhile for {in_words(paused)}")
    if span.instance_id and span.kind is SpanKind.CHILD:
        lines.append(f"instance {escape(span.instance_id)}")
    if span.app_id:
        lines.append(f"in application {escape(span.app_id)}")
    if span.failure:
        lines.extend(escape(line) for line in wrap(error_words(span.failure), LINE_LENGTH))
    return "<br>".join(lines)


def error_words(failure: Failure) -> str:
    """Return the beginning of a failure in one line."""
    return f"{failure.error_type}: {failure.message}"[:MAX_FAILURE_LENGTH]


def frame_text(frame: Frame, started_at: datetime) -> str:
    """Return the hover text of the bar of a whole run."""
    lines = [
        f"<b>{escape(frame.workflow[:MAX_NAME_LENGTH] or 'workflow')}</b>",
        f"run {frame.status.lower()}",
    ]
    lines.append(f"from +{_words(frame.started_at - started_at)}")
    if frame.ended_at:
        lines[-1] += f", for {_words(frame.ended_at - frame.started_at)}"
    if frame.first_turn_at and frame.first_turn_at > frame.started_at:
        lines.append(f"queue {_words(frame.first_turn_at - frame.started_at)}")
    if frame.comparison:
        lines.append(frame.comparison)
    return "<br>".join(lines)


def fan_out_text(fan_out: FanOut, started_at: datetime) -> str:
    """Return the hover text of a fan-out: its outcomes, and its longest call."""
    first, last = fan_out.first, [call[-1].ended_at for call in fan_out.rows]
    lines = [
        f"<b>{escape(first.name[:MAX_NAME_LENGTH])}</b>",
        f"{len(fan_out.rows):,} calls in one turn",
        outcome_words(fan_out),
        f"from +{_words(first.scheduled_at - started_at)}",
    ]
    ends = [end for end in last if end]
    if len(ends) == len(last):
        lines[-1] += f", for {_words(max(ends) - first.scheduled_at)}"
    pairs = zip(fan_out.rows, last, strict=True)
    took = [end - call[0].scheduled_at for call, end in pairs if end]
    if took:
        lines.append(f"longest call {_words(max(took))}")
    return "<br>".join([*lines, "Click to show the calls"])


def outcome_words(fan_out: FanOut) -> str:
    """Return how many calls have each outcome: "470 completed, 7 failed, 3 running"."""
    counts = [(len(calls), outcome) for outcome, calls in fan_out.by_outcome.items()]
    counts.sort(key=lambda each: -each[0])
    return ", ".join(f"{count:,} {outcome}" for count, outcome in counts)


def _words(duration: timedelta) -> str:
    return in_words(duration.total_seconds())


def status_words(span: Span) -> str:
    """Return what a span is or was: "completed", "back-off before the next attempt"."""
    return style_of(span).label.removesuffix(" (queue + execution)")


def _describe(span: Span) -> str:
    attempt = (
        f", attempt {span.attempt_number} of {span.attempt_count}" if span.attempt_count > 1 else ""
    )
    deadline = ", no deadline" if span.kind is SpanKind.WAIT and not span.due else ""
    return f"{style_of(span).label}{attempt}{deadline}"
