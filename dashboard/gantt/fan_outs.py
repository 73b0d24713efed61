"""The bars of a fan-out: one band for each outcome, which is darker while more calls are active."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate, groupby

from dashboard.gantt.bar_styles import style_of
from dashboard.gantt.drawn_bars import DrawnBar
from dashboard.gantt.hover import fan_out_text
from dashboard.gantt.sections import FanOut, Row

SLICES = 16  # of a band
_HEIGHT, _MIN_BAND = 0.78, 0.22  # fractions of the row, and of the height
_LEVELS, _PALEST = 4, 0.35  # of the opacity
_Band = tuple[float, float]  # the middle of a band, and its height


def fan_out_bars(fan_out: FanOut, y: int, started_at: datetime, action: str) -> Iterator[DrawnBar]:
    """Yield the bars of a fan-out, whose row is `y`."""
    by_outcome = list(fan_out.by_outcome.values())
    hover = fan_out_text(fan_out, started_at)
    for calls, band in zip(by_outcome, _bands([len(calls) for calls in by_outcome]), strict=True):
        for start, end, opacity in _slices(calls):
            yield DrawnBar(
                style_of(calls[0][-1]),
                y=y + band[0],
                start=start,
                end=end,
                action=action,
                hover=hover,
                height=band[1],
                opacity=opacity,
            )


def _bands(counts: Sequence[int]) -> list[_Band]:
    """Return the band of each outcome; the height shows how many calls have it."""
    shares = [max(_MIN_BAND, count / sum(counts)) for count in counts]
    heights = [_HEIGHT * share / sum(shares) for share in shares]
    ends = list(accumulate(heights))
    return [
        (round(end - height / 2 - _HEIGHT / 2, 4), round(height, 4))
        for end, height in zip(ends, heights, strict=True)
    ]


def _slices(calls: Sequence[Row]) -> Iterator[tuple[datetime, datetime | None, float]]:
    """Yield start, end and opacity of the slices of a band; open calls have one without an end."""
    start, ends = calls[0][0].scheduled_at, [call[-1].ended_at for call in calls]
    closed = [end for end in ends if end]
    if len(closed) < len(ends):
        yield start, None, 1.0
        return
    length = (max(closed) - start) / SLICES
    if not length:
        yield start, start, 1.0
        return
    active = [0] * (SLICES + 1)
    for call, end in zip(calls, closed, strict=True):
        first = min(SLICES - 1, int((call[0].scheduled_at - start) / length))
        last = min(SLICES - 1, int((end - start) / length))
        active[first] += 1
        active[last + 1] -= 1
    counts = list(accumulate(active))[:SLICES]
    levels = [-(-count * _LEVELS // max(counts)) for count in counts]
    for level, group in groupby(range(SLICES), key=levels.__getitem__):
        numbers = list(group)
        if level:
            opacity = _PALEST + (1 - _PALEST) * level / _LEVELS
            until = start + length * (numbers[-1] + 1)
            yield start + length * numbers[0], until, round(opacity, 3)
