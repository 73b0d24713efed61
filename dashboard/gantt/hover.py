"""What is said of a bar of a Gantt that is pointed at."""

from datetime import datetime
from html import escape
from textwrap import wrap

from dashboard.durations import in_words
from dashboard.gantt.bar_styles import look_of
from operations.records import Baseline
from operations.timeline import Span, SpanKind

MOST_TOLD = 300  # characters of an error in a hover text
LINE = 56  # characters of a line of it


def told(span: Span, started_at: datetime, baseline: Baseline | None) -> str:
    """Return what is said of a bar that is pointed at, as Plotly's markup."""
    lines = [f"<b>{escape(span.name or span.kind)}</b>", _how(span)]
    begun = (span.scheduled_at - started_at).total_seconds()
    lines.append(f"from +{in_words(begun)}")
    if span.ended_at:
        lines[-1] += f", for {in_words((span.ended_at - span.scheduled_at).total_seconds())}"
    if span.ended_at and span.started_at:
        queue, run = span.started_at - span.scheduled_at, span.ended_at - span.started_at
        lines.append(
            f"queue {in_words(queue.total_seconds())}, run {in_words(run.total_seconds())}"
        )
    if baseline and span.kind is SpanKind.ACTIVITY:
        lines.append(f"usually {in_words(baseline.median)}, 95 % within {in_words(baseline.p95)}")
    if span.failure:
        told = f"{span.failure.error_type}: {span.failure.message}"[:MOST_TOLD]
        lines.extend(escape(line) for line in wrap(told, LINE))
    return "<br>".join(lines)


def _how(span: Span) -> str:
    attempt = (
        f", attempt {span.attempt_number} of {span.attempt_count}" if span.attempt_count > 1 else ""
    )
    endless = ", no deadline" if span.kind is SpanKind.WAIT and not span.due else ""
    return f"{look_of(span).says}{attempt}{endless}"
