"""Describes what an instance waits for: in a few words for a list, and as names for the search."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from operations.timeline.spans import Ending, Span, SpanKind, event_key


@dataclass(frozen=True)
class Waiting:
    """What an instance waits for, in a few words, and the deadline, None without one."""

    what: str
    until: datetime | None = None


_BY_IMPORTANCE = (SpanKind.ACTIVITY, SpanKind.WAIT, SpanKind.CHILD, SpanKind.BACKOFF)
_RANK = {kind: rank for rank, kind in enumerate(_BY_IMPORTANCE)}
_WORDS = {SpanKind.WAIT: "event ", SpanKind.CHILD: "child ", SpanKind.BACKOFF: "retry of "}
_NAMED = 2  # labels that are written out; further ones are counted


def waiting_at(spans: Sequence[Span]) -> Waiting | None:
    """Return what an instance waits for, given its spans; None if no span is open.

    A timer is named only if no other span is open. If another one is, a timer is only a timeout:
    the deadline of a wait that was created in the same turn.
    """
    others, timers = _open_spans(spans)
    if any(span.kind is SpanKind.SUSPENSION for span in others):
        return Waiting("suspended")
    if others:
        return _waiting_for_first(sorted(others, key=_importance), timers)
    return _waiting_for_timers(timers) if timers else None


def awaited_in(spans: Sequence[Span]) -> frozenset[str]:
    """Return the names (see `event_key`) of everything that the open spans wait for.

    The names are of events, activities, children and suspensions; timers are included only if
    nothing but a suspension is open. A suspended instance still waits for the others, because it
    waits for them again when it is resumed.
    """
    others, timers = _open_spans(spans)
    has_only_suspensions = all(span.kind is SpanKind.SUSPENSION for span in others)
    named = [*others, *(_latest(timers) if has_only_suspensions else ())]
    return frozenset(event_key(span.name) for span in named)


def _open_spans(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Return the open spans that are not timers, and the open timers."""
    opened = [span for span in spans if span.ending is Ending.OPEN]
    timers = [span for span in opened if span.kind is SpanKind.TIMER]
    return [span for span in opened if span.kind is not SpanKind.TIMER], timers


def _importance(span: Span) -> tuple[int, int, datetime, int]:
    """Return a sort key that puts the most informative span first, such as a retried activity."""
    return (_RANK[span.kind], -span.attempt_number, span.scheduled_at, span.event_id)


def _waiting_for_first(ranked: Sequence[Span], timers: Sequence[Span]) -> Waiting:
    best = [span for span in ranked if span.kind is ranked[0].kind]
    return Waiting(_words(ranked, best), _until(best, timers))


def _waiting_for_timers(timers: Sequence[Span]) -> Waiting:
    last = _latest(timers)
    return Waiting(_words(last, last), _earliest(last))


def _latest(timers: Sequence[Span]) -> list[Span]:
    """Return the timers of the last turn; older timers are obsolete timeouts."""
    turn = max((timer.turn for timer in timers), default=0)
    return [timer for timer in timers if timer.turn == turn]


def _words(ranked: Sequence[Span], best: Sequence[Span]) -> str:
    labels = Counter(map(_label, best))
    if len(labels) <= _NAMED and len(best) == len(ranked):
        return ", ".join(_counted(label, count) for label, count in labels.items())
    label, count = next(iter(labels.items()))
    return f"{_counted(label, count)} and {len(ranked) - count} more"


def _label(span: Span) -> str:
    """Return a label such as `charge (attempt 3)`, `event approval` or `retry of charge`."""
    label = f"{_WORDS.get(span.kind, '')}{span.name}"
    retried = span.attempt_number > 1 and span.kind is not SpanKind.BACKOFF
    return f"{label} (attempt {span.attempt_number})" if retried else label


def _counted(label: str, count: int) -> str:
    return f"{label} ×{count}" if count > 1 else label  # noqa: RUF001 - a multiplication sign


def _until(best: Sequence[Span], timers: Iterable[Span]) -> datetime | None:
    turns = {span.turn for span in best if span.kind is SpanKind.WAIT}
    return _earliest([*best, *(timer for timer in timers if timer.turn in turns)])


def _earliest(spans: Iterable[Span]) -> datetime | None:
    return min((span.due for span in spans if span.due is not None), default=None)
