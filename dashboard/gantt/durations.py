"""How long the spans of a row took, without what a pause added. Pure functions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dashboard.times import in_words, milliseconds
from operations.records import Baseline
from operations.timeline import CALLS, Ending, Span, SpanKind

_COMPARED = frozenset({Ending.COMPLETED, Ending.FAILED})
_Period = tuple[int, int]  # milliseconds since 1970


def row_seconds(spans: Sequence[Span], pauses: Sequence[Span]) -> float | None:
    """Return the seconds from the first start of a row to its last end, None while it is open.

    For an activity or a child, a pause counts only during attempts, because it does not stop them.
    For suspensions, the result is the sum of their durations.
    """
    end = spans[-1].ended_at
    if end is None:
        return None
    if spans[0].kind is SpanKind.SUSPENSION:
        return sum(_length(_period(span, end)) for span in spans) / 1000
    total = _length((milliseconds(spans[0].scheduled_at), milliseconds(end)))
    if spans[0].kind in CALLS:
        attempts = [_period(span, end) for span in spans if span.kind in CALLS]
        for pause in _pauses(spans, pauses):
            total -= _length(pause) - sum(_overlap(pause, attempt) for attempt in attempts)
    return total / 1000


def paused_seconds(spans: Sequence[Span], pauses: Sequence[Span]) -> float:
    """Return for how many seconds the instance was paused meanwhile; 0 for suspensions."""
    if spans[0].kind is SpanKind.SUSPENSION or spans[-1].ended_at is None:
        return 0
    return sum(map(_length, _pauses(spans, pauses))) / 1000


def comparison(span: Span, baseline: Baseline | None) -> str | None:
    """Return how an attempt or a child compares with other runs, None if that is unknown."""
    if baseline is None:
        return None
    of = "attempts in other runs" if span.kind is SpanKind.ACTIVITY else "other runs"
    if span.ended_at is None or span.ending not in _COMPARED or span.copied:
        return compared(None, baseline, of)
    return compared((span.ended_at - span.scheduled_at).total_seconds(), baseline, of)


def compared(seconds: float | None, baseline: Baseline, of: str = "other runs") -> str:
    """Return how a duration compares with a baseline; None is a duration that is not known yet.

    `of` says what the baseline consists of.
    """
    of = f"{baseline.count:,} {of}"
    percentiles = f"p50 {in_words(baseline.p50)}, p95 {in_words(baseline.p95)}"
    if seconds is None:
        return f"{of}: {percentiles}"
    slower, faster = baseline.share_shorter(seconds), baseline.share_longer(seconds)
    if not slower and not faster:
        return f"as fast as {of} ({percentiles})"
    share, word = (slower, "slower") if slower >= faster else (faster, "faster")
    return f"{word} than {round(share * 100)} % of {of} ({percentiles})"


def _pauses(spans: Sequence[Span], pauses: Iterable[Span]) -> list[_Period]:
    """Return the parts of the pauses that lie between the start and the end of a row."""
    start, end = spans[0].scheduled_at, spans[-1].ended_at
    if end is None:
        return []
    row = milliseconds(start), milliseconds(end)
    parts = ((max(row[0], a), min(row[1], b)) for a, b in (_period(each, end) for each in pauses))
    return [part for part in parts if part[0] < part[1]]


def _period(span: Span, open_end: datetime) -> _Period:
    return milliseconds(span.scheduled_at), milliseconds(span.ended_at or open_end)


def _overlap(one: _Period, other: _Period) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _length(period: _Period) -> int:
    return max(0, period[1] - period[0])
