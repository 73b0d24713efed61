"""What an instance is at: in the few words of a list's column, and by the names to find it by."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from operations.timeline.spans import Ending, Span, SpanKind, event_key


@dataclass(frozen=True)
class Waiting:
    """What an instance is at, in a few words, and until when at the latest, if that is known."""

    what: str
    until: datetime | None = None


_MOST_TELLING = (SpanKind.ACTIVITY, SpanKind.WAIT, SpanKind.CHILD, SpanKind.BACKOFF)
_RANK = {kind: rank for rank, kind in enumerate(_MOST_TELLING)}
_WORDS = {SpanKind.WAIT: "event ", SpanKind.CHILD: "child ", SpanKind.BACKOFF: "retry of "}
_NAMED = 2  # as many are named, and more are counted


def waiting_at(spans: Sequence[Span]) -> Waiting | None:
    """Return what the open ones of an instance's spans say, None where none is open.

    A timer is named only where nothing else is open. Beside something else it is a time-out, or
    what is left of one: that of a wait, if both began in the same turn.
    """
    others, timers = _opened(spans)
    if any(span.kind is SpanKind.SUSPENSION for span in others):
        return Waiting("suspended")
    if others:
        return _waiting_at_best(sorted(others, key=_telling), timers)
    return _waiting_for_timers(timers) if timers else None


def awaited_in(spans: Sequence[Span]) -> frozenset[str]:
    """Return the names of all that the open ones of an instance's spans are for, by `event_key`.

    They are those of events, activities and children, of a pause, or else of timers. What it waits
    for while it is paused is among them: it comes to that again.
    """
    others, timers = _opened(spans)
    is_paused_at_most = all(span.kind is SpanKind.SUSPENSION for span in others)
    named = [*others, *(_latest(timers) if is_paused_at_most else ())]
    return frozenset(event_key(span.name) for span in named)


def _opened(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Return the spans that are open, the timers apart."""
    opened = [span for span in spans if span.ending is Ending.OPEN]
    timers = [span for span in opened if span.kind is SpanKind.TIMER]
    return [span for span in opened if span.kind is not SpanKind.TIMER], timers


def _telling(span: Span) -> tuple[int, int, datetime, int]:
    """Return a key that puts first what says most: of two activities, the one that was retried."""
    return (_RANK[span.kind], -span.attempt, span.scheduled_at, span.event_id)


def _waiting_at_best(ranked: Sequence[Span], timers: Sequence[Span]) -> Waiting:
    best = [span for span in ranked if span.kind is ranked[0].kind]
    return Waiting(_words(ranked, best), _until(best, timers))


def _waiting_for_timers(timers: Sequence[Span]) -> Waiting:
    last = _latest(timers)
    return Waiting(_words(last, last), _earliest(last))


def _latest(timers: Sequence[Span]) -> list[Span]:
    """Return the timers that began last: older ones are left over."""
    turn = max((timer.turn for timer in timers), default=0)
    return [timer for timer in timers if timer.turn == turn]


def _words(ranked: Sequence[Span], best: Sequence[Span]) -> str:
    labels = Counter(map(_label, best))
    if len(labels) <= _NAMED and len(best) == len(ranked):
        return ", ".join(_counted(label, count) for label, count in labels.items())
    label, count = next(iter(labels.items()))
    return f"{_counted(label, count)} and {len(ranked) - count} more"


def _label(span: Span) -> str:
    """Return such as `charge (attempt 3)`, `event approval` or `retry of charge`."""
    label = f"{_WORDS.get(span.kind, '')}{span.name}"
    retried = span.attempt > 1 and span.kind is not SpanKind.BACKOFF
    return f"{label} (attempt {span.attempt})" if retried else label


def _counted(label: str, count: int) -> str:
    return f"{label} ×{count}" if count > 1 else label  # noqa: RUF001 - a multiplication sign


def _until(best: Sequence[Span], timers: Iterable[Span]) -> datetime | None:
    turns = {span.turn for span in best if span.kind is SpanKind.WAIT}
    return _earliest([*best, *(timer for timer in timers if timer.turn in turns)])


def _earliest(spans: Iterable[Span]) -> datetime | None:
    return min((span.due for span in spans if span.due is not None), default=None)
