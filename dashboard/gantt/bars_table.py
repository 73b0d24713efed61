"""The bars of a Gantt chart as rows of a table. Pure functions."""

from collections.abc import Iterator
from typing import Any

from dashboard.gantt.bar_styles import Frame
from dashboard.gantt.figure import MAX_NAME, OPEN, SELECT, title_of
from dashboard.gantt.hover import error_words, outcome_words, status_words
from dashboard.gantt.rows import RUN, ChartRow, Line, Unfolded, lines_of, span_key
from dashboard.gantt.sections import MAX_SPANS, FanOut, Section
from dashboard.times import in_words, milliseconds
from operations.timeline import CALLS, Span, SpanKind

MAX_TABLE_ROWS = 500


def table_rows(section: Section, unfolded: Unfolded, frame: Frame | None) -> list[dict[str, Any]]:
    """Return a row for each bar that is drawn, from top to bottom; queue time is a column."""
    rows = [_frame_row(frame)] if frame else []
    for line in lines_of(section, unfolded):
        rows.extend(_rows(line))
    return rows[:MAX_TABLE_ROWS]


def _rows(line: Line) -> Iterator[dict[str, Any]]:
    if not isinstance(line, ChartRow):
        return
    if isinstance(line.entry, FanOut):
        first = line.entry.first
        yield {
            "action": f"{OPEN}{first.lane}" if line.depth == 0 else None,
            "name": f"{first.name[:MAX_NAME]} × {len(line.entry.rows):,}",  # noqa: RUF001 - a multiplication sign
            "depth": line.depth,
            "status": outcome_words(line.entry),
            "start": milliseconds(first.scheduled_at),
        }
        return
    for span in line.entry[-MAX_SPANS:]:
        yield _row(span, line)


def _row(span: Span, line: ChartRow) -> dict[str, Any]:
    many = span.kind in CALLS and span.attempt_count > 1
    queue, execution = times_of(span)
    return {
        "action": f"{SELECT}{span_key(span, line.path)}",
        "name": title_of(span),
        "depth": line.depth,
        "attempt": f"{span.attempt_number} of {span.attempt_count}" if many else "",
        "status": status_words(span),
        "queue": queue,
        "execution": execution,
        "start": milliseconds(span.scheduled_at),
        "error": error_words(span.failure) if span.failure else "",
    }


def _frame_row(frame: Frame) -> dict[str, Any]:
    return {
        "action": f"{SELECT}{RUN}",
        "name": frame.workflow[:MAX_NAME] or "workflow",
        "depth": 0,
        "status": f"run {frame.status.lower()}",
        "execution": in_words(frame.seconds) if frame.seconds else "",
        "start": milliseconds(frame.started_at),
    }


def times_of(span: Span) -> tuple[str, str]:
    """Return queue time and execution time in words; both together if its start is unknown."""
    if span.ended_at is None:
        return "", ""
    if span.started_at is None:
        took = in_words((span.ended_at - span.scheduled_at).total_seconds())
        return "", f"{took} with queue" if span.kind is SpanKind.ACTIVITY else took
    queue, execution = span.started_at - span.scheduled_at, span.ended_at - span.started_at
    return in_words(queue.total_seconds()), in_words(execution.total_seconds())
