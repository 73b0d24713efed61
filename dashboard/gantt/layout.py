"""The Plotly layout of a Gantt chart: heights of rows, margins and axes."""

from typing import Any

ROWS = ((12, 30), (40, 24))  # (maximum number of rows, pixels per row)
DENSE = 18  # pixels per row of a chart with more rows
TALL = 20  # rows; a chart with more has its axis at the top, where it is in view
_AXIS, _FREE = 44, 30  # pixels above and below the rows: with the axis, and without it
_SECOND, _MINUTE, _DAY = 1000, 60_000, 86_400_000  # milliseconds
TICKS = [
    {"dtickrange": [None, 100], "value": "%H:%M:%S.%3f\n%Y-%m-%d"},
    {"dtickrange": [100, _SECOND], "value": "%H:%M:%S.%1f\n%Y-%m-%d"},
    {"dtickrange": [_SECOND, _MINUTE], "value": "%H:%M:%S\n%Y-%m-%d"},
    {"dtickrange": [_MINUTE, _DAY], "value": "%H:%M\n%Y-%m-%d"},
    {"dtickrange": [_DAY, None], "value": "%Y-%m-%d"},
]
"""The formats of times, by the distance of the ticks. Plotly shows the date, the second line, only
where it changes."""


def layout(rows: int) -> dict[str, Any]:
    """Return the layout of a chart with so many rows; the widget adds the margins at its sides."""
    is_tall = rows > TALL
    top, bottom = (_AXIS, _FREE) if is_tall else (_FREE, _AXIS)
    return {
        "barmode": "overlay",
        "bargap": 0,
        "height": max(1, rows) * row_height(rows) + top + bottom,
        "margin": {"t": top, "b": bottom},
        "font": {"size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "zoom",
        "showlegend": False,
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "xaxis": {
            "type": "date",
            "ticks": "outside",
            "tickangle": 0,
            "nticks": 8,
            "tickformatstops": TICKS,
            "side": "top" if is_tall else "bottom",
        },
        "yaxis": {
            "type": "linear",
            "range": [max(1, rows) - 0.5, -0.5],
            "showticklabels": False,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
    }


def row_height(rows: int) -> int:
    """Return the pixels of a row in a chart with so many rows."""
    return next((height for limit, height in ROWS if rows <= limit), DENSE)
