"""Plotly figures of timelines, drawn by the `gantt` widget. Pure functions.

Colours are names of theme variables; times are milliseconds since 1970 (UTC).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.gantt.bar_styles import BASELINE, BarStyle, Frame, bars_of, frame_bars
from dashboard.gantt.baselines import Baselines
from dashboard.gantt.drawn_bars import DrawnBar, traces_of
from dashboard.gantt.durations import paused_seconds, row_seconds
from dashboard.gantt.fan_outs import fan_out_bars
from dashboard.gantt.hover import frame_text, hover_text, outcome_words
from dashboard.gantt.layout import layout, row_height
from dashboard.gantt.rows import RUN, ChartRow, Line, Unfolded, lines_of, path_of, span_key
from dashboard.gantt.sections import MAX_SPANS, FanOut, Row, RowOutcome, Section
from dashboard.times import in_words, milliseconds
from operations.records import Baseline
from operations.timeline import Ending, Span, SpanKind

MAX_NAME = 200  # characters of a name beside a row
SELECT, OPEN = "select:", "open:"
"""The first characters of the action of a bar or a row: it shows a span, or opens a fan-out."""
_TITLES = {
    SpanKind.WAIT: "event: {}",
    SpanKind.SUSPENSION: "suspended",
}
_DEADLINES = {
    SpanKind.TIMER: "timer fires",
    SpanKind.WAIT: "gives up waiting",
    SpanKind.BACKOFF: "next attempt",
}
_BAD = (RowOutcome.FAILED, RowOutcome.TIMED_OUT)


@dataclass(frozen=True)
class Gantt:
    """A figure, what stands beside its rows, and its legend as (label, colour, swatch) triples.

    `rows` has a dictionary for each row from top to bottom. `start` and `end` are the times of the
    axis; `end` is None while it grows. `baselines` has the row, start, p50 and p95 of each bar
    with a baseline, `deadlines` the row, time and words of each open span that is due at a time.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    rows: list[dict[str, Any]]
    row_height: int
    legend: list[tuple[str, str, str]]
    start: int
    end: int | None
    baselines: list[dict[str, int]]
    deadlines: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return [row["name"] for row in self.rows]


def gantt(  # noqa: PLR0913 - two are optional and named
    section: Section,
    started_at: datetime,
    ended_at: datetime | None,
    baselines: Baselines,
    *,
    frame: Frame | None = None,
    unfolded: Unfolded | None = None,
) -> Gantt:
    """Return the Gantt chart of a section: one row per lane, at least one bar per span.

    `started_at` and `ended_at` are the times of the instance, `baselines` the ones of its calls.
    `frame` is the bar of the whole run, `unfolded` has the children whose rows are drawn too.
    """
    unfolded = unfolded or Unfolded()
    lines = lines_of(section, unfolded)
    known = {"": baselines, **{path_of(key): each for key, each in unfolded.baselines.items()}}
    first = 1 if frame else 0
    numbered = list(enumerate(lines, first))
    bars = list(_bars(numbered, section.suspensions, started_at, known))
    framing = list(_frame_bars(frame, started_at)) if frame else []
    compared = [*(_frame_baseline(frame) if frame else ()), *_baselines(numbered, known)]
    styles = [bar.style for bar in bars] + ([BASELINE] if compared else [])
    end = section.ended_at if section.is_part else ended_at
    return Gantt(
        traces=[*traces_of(framing), *traces_of(bars)],
        layout=layout(first + len(lines)),
        rows=[
            *([_frame_row(frame)] if frame else []),
            *(_row(line, section.suspensions) for line in lines),
        ],
        row_height=row_height(first + len(lines)),
        legend=_legend(styles),
        start=milliseconds(section.started_at or started_at),
        end=milliseconds(end) if end else None,
        baselines=compared,
        deadlines=_deadlines(numbered),
    )


def _legend(styles: Iterable[BarStyle]) -> list[tuple[str, str, str]]:
    """Return each label once: queue time whatever the ending, a suspension whether it has ended."""
    items: dict[str, tuple[str, str, str]] = {}
    for style in styles:
        items.setdefault(style.label, (style.label, style.colour, style.swatch))
    return list(items.values())


def _bars(
    lines: Iterable[tuple[int, Line]],
    pauses: Row,
    started_at: datetime,
    known: Mapping[str, Baselines],
) -> Iterator[DrawnBar]:
    for y, line in lines:
        if not isinstance(line, ChartRow):
            continue
        if isinstance(line.entry, FanOut):
            yield from fan_out_bars(line.entry, y, started_at, _action(line) or "")
            continue
        paused = paused_seconds(line.entry, pauses)
        for span in line.entry[-MAX_SPANS:]:
            action = f"{SELECT}{span_key(span, line.path)}"
            hover = hover_text(span, started_at, _baseline(span, line, known), paused)
            for bar in bars_of(span):
                yield DrawnBar(
                    bar.style, y, bar.start, bar.end, action, hover, bar.style.height,
                    bar.style.opacity,
                )  # fmt: skip


def _frame_bars(frame: Frame, started_at: datetime) -> Iterator[DrawnBar]:
    hover = frame_text(frame, started_at)
    for bar in frame_bars(frame):
        yield DrawnBar(
            bar.style, 0, bar.start, bar.end, f"{SELECT}{RUN}", hover, bar.style.height,
            bar.style.opacity,
        )  # fmt: skip


def _baseline(span: Span, line: ChartRow, known: Mapping[str, Baselines]) -> Baseline | None:
    """Return the baseline of an attempt or a child; `known` has the baselines by path."""
    return known.get(line.path, {}).get((span.kind, span.name))


def _frame_baseline(frame: Frame) -> Iterator[dict[str, int]]:
    if frame.baseline:
        yield _drawn_baseline(0, frame.started_at, frame.baseline)


def _drawn_baseline(row: int, start: datetime, baseline: Baseline) -> dict[str, int]:
    p50, p95 = (round(each * 1000) for each in (baseline.p50, baseline.p95))
    return {"row": row, "start": milliseconds(start), "p50": p50, "p95": p95}


def _baselines(
    lines: Iterable[tuple[int, Line]], known: Mapping[str, Baselines]
) -> Iterator[dict[str, int]]:
    for y, line in lines:
        if not isinstance(line, ChartRow) or isinstance(line.entry, FanOut):
            continue
        for span in line.entry[-MAX_SPANS:]:
            if baseline := _baseline(span, line, known):
                yield _drawn_baseline(y, span.scheduled_at, baseline)


def _deadlines(lines: Iterable[tuple[int, Line]]) -> list[dict[str, Any]]:
    return [
        {"row": y, "at": milliseconds(span.due), "words": _DEADLINES.get(span.kind, "due")}
        for y, line in lines
        if isinstance(line, ChartRow) and not isinstance(line.entry, FanOut)
        for span in line.entry[-1:]
        if span.due and span.ending is Ending.OPEN
    ]


def _frame_row(frame: Frame) -> dict[str, Any]:
    took = frame.seconds
    return {
        "name": frame.workflow[:MAX_NAME] or "workflow",
        "action": f"{SELECT}{RUN}",
        "depth": 0,
        "isRun": True,
        "since": None if frame.ended_at else milliseconds(frame.started_at),
        "duration": None if took is None else in_words(took),
    }


def _row(line: Line, pauses: Row) -> dict[str, Any]:
    """Return what stands beside a row: its name, notes, controls and duration."""
    if not isinstance(line, ChartRow):
        return {"name": line.words, "depth": line.depth, "isNote": True}
    if isinstance(line.entry, FanOut):
        return {**_fan_out_row(line.entry), "action": _action(line), "depth": line.depth}
    first, last = line.entry[0], line.entry[-1]
    seconds, paused = row_seconds(line.entry, pauses), paused_seconds(line.entry, pauses)
    return {
        "name": title_of(first),
        "action": _action(line),
        "depth": line.depth,
        "attempts": first.attempt_count,
        "unfolded": line.is_unfolded,
        "key": line.key,
        "since": milliseconds(first.scheduled_at) if last.ended_at is None else None,
        "duration": None if seconds is None else in_words(seconds),
        "paused": in_words(paused) if paused else None,
    }


def _fan_out_row(fan_out: FanOut) -> dict[str, Any]:
    bad = [(outcome, len(calls)) for outcome, calls in fan_out.by_outcome.items()]
    worst = [f"{count:,} {outcome}" for outcome, count in bad if outcome in _BAD]
    ends = [call[-1].ended_at for call in fan_out.rows]
    closed, first = [end for end in ends if end], fan_out.first
    is_open = len(closed) < len(ends)
    took = (max(closed) - first.scheduled_at).total_seconds() if closed else 0
    return {
        "name": f"{first.name[:MAX_NAME]} × {len(fan_out.rows):,}",  # noqa: RUF001 - a multiplication sign
        "isFanOut": True,
        "bad": ", ".join(worst),
        "words": outcome_words(fan_out),
        "since": milliseconds(first.scheduled_at) if is_open else None,
        "duration": None if is_open else in_words(took),
    }


def title_of(first: Span) -> str:
    """Return the name of a row by its first span."""
    title = _TITLES.get(first.kind, "{}").format(first.name[:MAX_NAME] or first.kind)
    return f"{title} in {first.app_id}" if first.app_id else title


def _action(line: ChartRow) -> str | None:
    """Return what a click on the name of a row does; a fan-out of a child is not opened."""
    if isinstance(line.entry, FanOut):
        return f"{OPEN}{line.entry.first.lane}" if line.depth == 0 else None
    return f"{SELECT}{line.key}"
