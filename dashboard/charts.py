"""Timelines as Plotly figures: pure functions, whose figures the `gantt` part draws.

Colours are the theme's, by name; times are milliseconds since 1970 (UTC).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from textwrap import wrap
from typing import Any

from dashboard.looks import CROSSED, USUAL, Bar, Look, bars_of, look_of
from operations.records import Usual
from operations.timeline import SUSPENSIONS, Span, SpanKind, Timeline

ROWS = ((12, 30), (40, 24))  # up to so many rows, so many pixels each
DENSE = 18  # pixels of a row where there are more
MOST_TOLD = 300  # characters of an error in a hover text
LINE = 56  # characters of a line of it
_TITLES = {
    SpanKind.CHILD: "↳ {}",
    SpanKind.WAIT: "event: {}",
    SpanKind.SUSPENSION: "suspended",
}


@dataclass(frozen=True)
class Gantt:
    """A figure, the names of its rows, and its legend as (words, colour, look) triples.

    `start` and `end` are the instance's; `end` is None while it runs.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    names: list[str]
    legend: list[tuple[str, str, str]]
    start: int
    end: int | None


def gantt(timeline: Timeline, started_at: datetime, usual: Mapping[str, Usual]) -> Gantt:
    """Return the Gantt of a timeline: one row a lane, each attempt a bar of its own.

    Behind an activity stands how long it usually takes, where `usual` tells.
    """
    lanes = _lanes(timeline.spans)
    rows = {lane: row for row, lane in enumerate(lanes)}
    looks: dict[Look, list[Bar]] = defaultdict(list)
    for span in timeline.spans:
        for bar in bars_of(span):
            looks[bar.look].append(bar)
    shown = [*looks, *([USUAL] if _is_usual_shown(timeline.spans, usual) else [])]
    return Gantt(
        traces=[
            *_usual_traces(timeline.spans, rows, usual),
            *(_trace(look, bars, rows, started_at, usual) for look, bars in looks.items()),
        ],
        layout=_layout(list(lanes.values())),
        names=[_title(spans) for spans in lanes.values()],
        legend=_legend(shown),
        start=milliseconds(started_at),
        end=milliseconds(timeline.ended_at) if timeline.ended_at else None,
    )


def milliseconds(time: datetime) -> int:
    """Return a time as milliseconds since 1970 (UTC)."""
    return round(time.timestamp() * 1000)


def _lanes(spans: tuple[Span, ...]) -> dict[int, list[Span]]:
    lanes: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        lanes[span.lane].append(span)
    return dict(sorted(lanes.items(), key=lambda lane: lane[0] == SUSPENSIONS))


def _legend(looks: Iterable[Look]) -> list[tuple[str, str, str]]:
    """Return each look once; what waits in the queue is the same thing, however it ended."""
    told: dict[object, tuple[str, str, str]] = {}
    for look in looks:
        entry = (look.says, look.colour, look.swatch)
        told.setdefault(look.says if look.opacity < 1 else entry, entry)
    return list(told.values())


def _title(spans: list[Span]) -> str:
    first = spans[0]
    return _TITLES.get(first.kind, "{}").format(first.name or first.kind)


def _is_usual_shown(spans: Iterable[Span], usual: Mapping[str, Usual]) -> bool:
    return any(span.kind is SpanKind.ACTIVITY and span.name in usual for span in spans)


def _usual_traces(
    spans: Iterable[Span], rows: dict[int, int], usual: Mapping[str, Usual]
) -> list[dict[str, Any]]:
    """Return, behind each run, the stretch within which 95 % of the past ones ended."""
    known = [span for span in spans if span.kind is SpanKind.ACTIVITY and span.name in usual]
    if not known:
        return []
    return [
        {
            **_bars(USUAL, [Bar(span, USUAL, span.start, None) for span in known], rows),
            "x": [round(usual[span.name].p95 * 1000) for span in known],
            "hoverinfo": "skip",
            "meta": {"open": False},
        }
    ]


def _trace(
    look: Look,
    bars: list[Bar],
    rows: dict[int, int],
    started_at: datetime,
    usual: Mapping[str, Usual],
) -> dict[str, Any]:
    spans = [bar.span for bar in bars]
    return {
        **_bars(look, bars, rows),
        "x": [_lasted(bar) for bar in bars],
        "hovertext": [_told(span, started_at, usual.get(span.name)) for span in spans],
        "hoverinfo": "text",
        "meta": {"open": bars[0].end is None},
    }


def _bars(look: Look, bars: list[Bar], rows: dict[int, int]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": look.says,
        "showlegend": False,
        "y": [rows[bar.span.lane] for bar in bars],
        "base": [milliseconds(bar.start) for bar in bars],
        "width": look.height,
        "marker": {
            "color": look.colour,
            "opacity": look.opacity,
            "cornerradius": 4,
            "line": {"width": 1, "color": look.colour},
            "pattern": _pattern(look),
        },
    }


def _pattern(look: Look) -> dict[str, Any]:
    """Return stripes for what is under way, and crosses over the colour of what failed."""
    crossed = look.pattern == CROSSED
    return {
        "shape": look.pattern,
        "fillmode": "overlay" if crossed else "replace",
        "fgcolor": "rgba(255,255,255,0.85)" if crossed else look.colour,
        "size": 10 if crossed else 7,
        "solidity": 0.2 if crossed else 0.55,
    }


def _lasted(of: Bar | Span) -> int:
    return milliseconds(of.end) - milliseconds(of.start) if of.end else 0


def _told(span: Span, started_at: datetime, usual: Usual | None) -> str:
    """Return what is said of a bar that is pointed at, as Plotly's markup."""
    lines = [f"<b>{escape(span.name or span.kind)}</b>", _how(span)]
    begun = (span.start - started_at).total_seconds()
    lines.append(f"from +{in_words(begun)}")
    if span.end:
        lines[-1] += f", for {in_words((span.end - span.start).total_seconds())}"
    if span.end and span.began:
        queue, run = span.began - span.start, span.end - span.began
        lines.append(
            f"queue {in_words(queue.total_seconds())}, run {in_words(run.total_seconds())}"
        )
    if usual and span.kind is SpanKind.ACTIVITY:
        lines.append(f"usually {in_words(usual.median)}, 95 % within {in_words(usual.p95)}")
    if span.failure:
        told = f"{span.failure.error_type}: {span.failure.message}"[:MOST_TOLD]
        lines.extend(escape(line) for line in wrap(told, LINE))
    return "<br>".join(lines)


def _how(span: Span) -> str:
    attempt = f", attempt {span.attempt} of {span.attempts}" if span.attempts > 1 else ""
    endless = ", no deadline" if span.kind is SpanKind.WAIT and not span.due else ""
    return f"{look_of(span).says}{attempt}{endless}"


def in_words(seconds: float) -> str:
    """Return a duration as it is read: 0.0421 gives "42 ms", 75 gives "1 min 15 s"."""
    if seconds < 1:
        return f"{min(999, max(0, round(seconds * 1000)))} ms"
    for size, unit, smaller, smaller_unit in _UNITS:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{int(whole)} {unit} {int(rest // smaller)} {smaller_unit}"
    return f"{min(seconds, 59.99):.2f} s"


_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def _layout(lanes: list[list[Span]]) -> dict[str, Any]:
    return {
        "barmode": "overlay",
        "bargap": 0,
        "height": max(1, len(lanes)) * _row_height(len(lanes)) + 88,
        "margin": {"l": 10, "r": 90, "t": 30, "b": 44},
        "font": {"size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "xaxis": {"type": "date", "ticks": "outside", "tickangle": 0, "nticks": 8},
        "yaxis": {
            "range": [len(lanes) - 0.5, -0.5],
            "tickvals": list(range(len(lanes))),
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        "annotations": [_length(row, spans) for row, spans in enumerate(lanes)],
    }


def _row_height(rows: int) -> int:
    return next((height for most, height in ROWS if rows <= most), DENSE)


def _lasted_in_all(spans: list[Span]) -> float:
    """Return the seconds from the first attempt to the end of the last; of pauses, their sum."""
    if spans[0].kind is SpanKind.SUSPENSION:
        return sum(_lasted(span) for span in spans) / 1000
    return (milliseconds(spans[-1].end or spans[-1].start) - milliseconds(spans[0].start)) / 1000


def _length(row: int, spans: list[Span]) -> dict[str, Any]:
    """Return how long a row took, in a column of its own on the right."""
    end = spans[-1].end
    text = in_words(_lasted_in_all(spans)) if end else "…"
    return {
        "text": text,
        "x": 1,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 8,
        "y": row,
        "yanchor": "middle",
        "showarrow": False,
        "opacity": 0.75,
    }
