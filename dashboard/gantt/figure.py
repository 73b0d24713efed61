"""Plotly figures of timelines, drawn by the `gantt` widget. Pure functions.

Colours are names of theme variables; times are milliseconds since 1970 (UTC).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.gantt.bar_styles import BASELINE, CROSSED, Bar, BarStyle, bars_of
from dashboard.gantt.hover import hover_text
from dashboard.gantt.layout import layout
from dashboard.gantt.sections import MAX_SPANS, Row, Section
from dashboard.times import milliseconds
from operations.records import Baseline
from operations.timeline import Span, SpanKind

_TITLES = {
    SpanKind.CHILD: "↳ {}",
    SpanKind.WAIT: "event: {}",
    SpanKind.SUSPENSION: "suspended",
}


@dataclass(frozen=True)
class Gantt:
    """A figure, the names of its rows, and its legend as (label, colour, swatch) triples.

    `attempts` has the number of attempts of each row. `start` and `end` are the times of the axis;
    `end` is None while it grows.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    names: list[str]
    attempts: list[int]
    legend: list[tuple[str, str, str]]
    start: int
    end: int | None


def gantt(
    section: Section,
    started_at: datetime,
    ended_at: datetime | None,
    baselines: Mapping[str, Baseline],
) -> Gantt:
    """Return the Gantt chart of a section: one row per lane, at least one bar per span.

    `started_at` and `ended_at` are the times of the instance. `baselines` are by activity name; the
    p95 of an activity is drawn behind its bars.
    """
    rows = section.drawn
    spans = [span for row in rows for span in row[-MAX_SPANS:]]
    numbers = {row[0].lane: number for number, row in enumerate(rows)}
    bars_by_style: dict[BarStyle, list[Bar]] = defaultdict(list)
    for span in spans:
        for bar in bars_of(span):
            bars_by_style[bar.style].append(bar)
    baseline_traces = _baseline_traces(spans, numbers, baselines)
    shown = [*bars_by_style, *([BASELINE] if baseline_traces else [])]
    end = section.ended_at if section.is_folded else ended_at
    return Gantt(
        traces=[
            *baseline_traces,
            *(
                _trace(style, bars, numbers, started_at, baselines)
                for style, bars in bars_by_style.items()
            ),
        ],
        layout=layout(rows),
        names=[_title(row) for row in rows],
        attempts=[row[0].attempt_count for row in rows],
        legend=_legend(shown),
        start=milliseconds(section.started_at or started_at),
        end=milliseconds(end) if end else None,
    )


def _legend(styles: Iterable[BarStyle]) -> list[tuple[str, str, str]]:
    """Return each style once; queue time appears once, whatever the ending."""
    items: dict[object, tuple[str, str, str]] = {}
    for style in styles:
        item = (style.label, style.colour, style.swatch)
        items.setdefault(style.label if style.opacity < 1 else item, item)
    return list(items.values())


def _title(row: Row) -> str:
    first = row[0]
    title = _TITLES.get(first.kind, "{}").format(first.name or first.kind)
    return f"{title} in {first.app_id}" if first.app_id else title


def _baseline_traces(
    spans: Iterable[Span], rows: dict[int, int], baselines: Mapping[str, Baseline]
) -> list[dict[str, Any]]:
    """Return a bar behind each attempt, as long as the p95 of past attempts."""
    known = [span for span in spans if span.kind is SpanKind.ACTIVITY and span.name in baselines]
    if not known:
        return []
    return [
        {
            **_bars(
                BASELINE, [Bar(span, BASELINE, span.scheduled_at, None) for span in known], rows
            ),
            "x": [round(baselines[span.name].p95 * 1000) for span in known],
            "hoverinfo": "skip",
            "meta": {"open": False},
        }
    ]


def _trace(
    style: BarStyle,
    bars: list[Bar],
    rows: dict[int, int],
    started_at: datetime,
    baselines: Mapping[str, Baseline],
) -> dict[str, Any]:
    spans = [bar.span for bar in bars]
    return {
        **_bars(style, bars, rows),
        "x": [_length(bar) for bar in bars],
        "hovertext": [hover_text(span, started_at, baselines.get(span.name)) for span in spans],
        "hoverinfo": "text",
        "meta": {"open": bars[0].end is None},
    }


def _bars(style: BarStyle, bars: list[Bar], rows: dict[int, int]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": style.label,
        "showlegend": False,
        "y": [rows[bar.span.lane] for bar in bars],
        "base": [milliseconds(bar.start) for bar in bars],
        "width": style.height,
        "marker": {
            "color": style.colour,
            "opacity": style.opacity,
            "cornerradius": 4,
            "line": {"width": 1, "color": style.colour},
            "pattern": _pattern(style),
        },
    }


def _pattern(style: BarStyle) -> dict[str, Any]:
    """Return stripes for an open bar, and crosses over the colour of a failed one."""
    crossed = style.pattern == CROSSED
    return {
        "shape": style.pattern,
        "fillmode": "overlay" if crossed else "replace",
        "fgcolor": "rgba(255,255,255,0.85)" if crossed else style.colour,
        "size": 10 if crossed else 7,
        "solidity": 0.2 if crossed else 0.55,
    }


def _length(bar: Bar) -> int:
    return milliseconds(bar.end) - milliseconds(bar.start) if bar.end else 0
