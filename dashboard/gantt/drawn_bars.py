"""Bars that are placed in a chart, and the Plotly traces that draw them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.gantt.bar_styles import CROSSED, BarStyle
from dashboard.times import milliseconds


@dataclass(frozen=True)
class DrawnBar:
    """A bar in the row `y`; `end` is None while it is open.

    `action` is what a click on it does. `height` is a fraction of the row.
    """

    style: BarStyle
    y: float
    start: datetime
    end: datetime | None
    action: str
    hover: str
    height: float
    opacity: float


def traces_of(bars: Iterable[DrawnBar]) -> list[dict[str, Any]]:
    """Return one trace for the bars of each style; a trace is all open or all closed."""
    by_style: dict[tuple[BarStyle, bool], list[DrawnBar]] = defaultdict(list)
    for bar in bars:
        by_style[bar.style, bar.end is None].append(bar)
    return [_trace(style, found, is_open) for (style, is_open), found in by_style.items()]


def _trace(style: BarStyle, bars: list[DrawnBar], is_open: bool) -> dict[str, Any]:  # noqa: FBT001 - the key of a group
    return {
        "type": "bar",
        "orientation": "h",
        "name": style.label,
        "showlegend": False,
        "y": [bar.y for bar in bars],
        "base": [milliseconds(bar.start) for bar in bars],
        "x": [_length(bar) for bar in bars],
        "width": _one_or_all([bar.height for bar in bars]),
        "marker": {
            "color": style.colour,
            "opacity": _one_or_all([bar.opacity for bar in bars]),
            "cornerradius": 4,
            "line": {"width": 1, "color": style.colour},
            "pattern": _pattern(style),
        },
        "hovertext": [bar.hover for bar in bars],
        "hoverinfo": "text",
        "meta": {"open": is_open, "actions": [bar.action for bar in bars]},
    }


def _one_or_all(values: Sequence[float]) -> float | Sequence[float]:
    """Return the value that all bars have, or the value of each."""
    return values[0] if len(set(values)) == 1 else values


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


def _length(bar: DrawnBar) -> int:
    return milliseconds(bar.end) - milliseconds(bar.start) if bar.end else 0
