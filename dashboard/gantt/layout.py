"""The Plotly layout of a Gantt chart: heights of rows, axes, and the duration of each row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dashboard.gantt.sections import Row
from dashboard.times import in_words, milliseconds
from operations.timeline import SpanKind

ROWS = ((12, 30), (40, 24))  # (maximum number of rows, pixels per row)
DENSE = 18  # pixels per row of a chart with more rows
TALL = 20  # rows; a chart with more has its axis at the top, where it is in view


def layout(lanes: Sequence[Row]) -> dict[str, Any]:
    """Return the layout of a chart with one row per lane."""
    is_tall = len(lanes) > TALL
    return {
        "barmode": "overlay",
        "bargap": 0,
        "height": max(1, len(lanes)) * _row_height(len(lanes)) + 88,
        "margin": {"l": 10, "r": 90, "t": 44 if is_tall else 30, "b": 30 if is_tall else 44},
        "font": {"size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "xaxis": {
            "type": "date",
            "ticks": "outside",
            "tickangle": 0,
            "nticks": 8,
            "side": "top" if is_tall else "bottom",
        },
        "yaxis": {
            "range": [len(lanes) - 0.5, -0.5],
            "tickvals": list(range(len(lanes))),
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        "annotations": [_duration_label(row, spans) for row, spans in enumerate(lanes)],
    }


def _row_height(rows: int) -> int:
    return next((height for limit, height in ROWS if rows <= limit), DENSE)


def _total_seconds(spans: Row) -> float:
    """Return the seconds from the first start to the last end; for suspensions, their sum."""
    if spans[0].kind is SpanKind.SUSPENSION:
        return sum(
            _seconds(span.scheduled_at, span.ended_at or span.scheduled_at) for span in spans
        )
    return _seconds(spans[0].scheduled_at, spans[-1].ended_at or spans[-1].scheduled_at)


def _duration_label(row: int, spans: Row) -> dict[str, Any]:
    """Return the annotation with the duration of a row, right of the plot."""
    end = spans[-1].ended_at
    text = in_words(_total_seconds(spans)) if end else "…"
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


def _seconds(start: datetime, end: datetime) -> float:
    return (milliseconds(end) - milliseconds(start)) / 1000
