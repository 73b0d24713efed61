"""The hover texts of the Gantt's bars."""

from datetime import datetime, timedelta
from html import escape
from textwrap import wrap

from dashboard.gantt.bar_styles import style_of
from dashboard.times import in_words
from operations.records import Baseline
from operations.timeline import Span, SpanKind

MAX_FAILURE_LENGTH = 300  # characters of a failure in a hover text
LINE_LENGTH = 56  # characters


def hover_text(span: Span, started_at: datetime, baseline: Baseline | None) -> str:
    """Return the hover text of a span in Plotly's markup, with all data escaped."""
    lines = [f"<b>{escape(span.name or span.kind)}</b>", _describe(span)]
    lines.append(f"from +{_words(span.scheduled_at - started_at)}")
    if span.ended_at:
        lines[-1] += f", for {_words(span.ended_at - span.scheduled_at)}"
    if span.ended_at and span.started_at:
        queue, execution = span.started_at - span.scheduled_at, span.ended_at - span.started_at
        lines.append(f"queue {_words(queue)}, execution {_words(execution)}")
    if baseline and span.kind is SpanKind.ACTIVITY:
        p50, p95 = in_words(baseline.p50), in_words(baseline.p95)
        lines.append(f"past attempts: p50 {p50}, p95 {p95}")
    if span.instance_id and span.kind is SpanKind.CHILD:
        lines.append(f"instance {escape(span.instance_id)}")
    if span.app_id:
        lines.append(f"in application {escape(span.app_id)}")
    if span.failure:
        text = f"{span.failure.error_type}: {span.failure.message}"[:MAX_FAILURE_LENGTH]
        lines.extend(escape(line) for line in wrap(text, LINE_LENGTH))
    return "<br>".join(lines)


def _words(duration: timedelta) -> str:
    return in_words(duration.total_seconds())


def _describe(span: Span) -> str:
    attempt = (
        f", attempt {span.attempt_number} of {span.attempt_count}" if span.attempt_count > 1 else ""
    )
    deadline = ", no deadline" if span.kind is SpanKind.WAIT and not span.due else ""
    return f"{style_of(span).label}{attempt}{deadline}"
