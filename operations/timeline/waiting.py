"""Describes what an instance waits for: in a few words for a list, and as names for the search."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from operations.timeline.spans import Ending, Span, SpanKind, event_key


@dataclass(frozen=True)
class Waiting:
    """What an instance waits for, in a few words, and the deadline, None without one.

    `kind` is the kind of the wait that is named first, `since` when the earliest wait of this kind
    began; both are None before the start.
    """

    what: str
    until: datetime | None = None
    kind: SpanKind | None = None
    since: datetime | None = None


EVENT = "event "
"""How `what` starts for an event: then the workflow gives up at `until`."""
_WORDS = {SpanKind.WAIT: EVENT, SpanKind.CHILD: "child ", SpanKind.BACKOFF: "retry of "}
_NAMED = 2  # labels that are written out; further ones are counted


def waiting_at(spans: Sequence[Span]) -> Waiting | None:
    """Return what an instance waits for, given its spans; None if no span is open.

    What probably blocks the workflow is named first: the calls of the kind that it made last, or an
    event for which it waits since the same turn. Calls before may be calls that nothing awaits. A
    timer is named only if the workflow created it last: then it is named first. An older timer is
    only a timeout, and the timer of a wait's turn is the deadline of the wait. A suspension does
    not count: after the resume the instance waits for the other spans.
    """
    awaited, timers = _awaited([span for span in spans if span.kind is not SpanKind.SUSPENSION])
    if not awaited:
        return None
    first = _first_named(awaited, _call_order(spans))
    best = [span for span in awaited if _is_like(span, first)]
    rest = [span for span in awaited if not _is_like(span, first)]
    best.sort(key=_importance)
    named = [span for span in best if span.kind is best[0].kind]
    since = min(span.scheduled_at for span in named)
    return Waiting(_words(best, rest), _until(named, timers), best[0].kind, since)


def _first_named(awaited: Sequence[Span], order: Callable[[Span], tuple[int, int]]) -> Span:
    """Return the span whose kind is named first."""
    last = max(awaited, key=order)
    if last.kind is SpanKind.TIMER:
        return last
    turn, _ = order(last)
    waits = (span for span in awaited if span.kind is SpanKind.WAIT and order(span)[0] == turn)
    return next(waits, last)


def awaited_in(spans: Sequence[Span]) -> frozenset[str]:
    """Return the names (see `event_key`) of everything that the open spans wait for.

    The names are of events, activities, children and suspensions, and of the timers that
    `waiting_at` names. A suspended instance still waits for the others, because it waits for them
    again when it is resumed.
    """
    awaited, _ = _awaited(spans)
    return frozenset(event_key(span.name) for span in awaited)


def _awaited(spans: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Return the open spans without the timers that are only timeouts, and all open timers."""
    opened = [span for span in spans if span.ending is Ending.OPEN]
    timers = [span for span in opened if span.kind is SpanKind.TIMER]
    others = [span for span in opened if span.kind is not SpanKind.TIMER]
    order = _call_order(spans)
    calls = [span for span in others if span.kind is not SpanKind.SUSPENSION]
    last_call = max(map(order, calls), default=(-1, -1))
    waits = {span.turn for span in calls if span.kind is SpanKind.WAIT}
    blocking = [
        timer for timer in _latest(timers) if order(timer) > last_call and timer.turn not in waits
    ]
    return [*others, *blocking], timers


def _call_order(spans: Iterable[Span]) -> Callable[[Span], tuple[int, int]]:
    """Return a sort key: when the workflow made the call of a span, which may be a retry."""
    made: dict[int, tuple[int, int]] = {}
    for span in spans:
        at = (span.turn, span.event_id)
        made[span.lane] = min(made.get(span.lane, at), at)
    return lambda span: made[span.lane]


def _is_like(span: Span, other: Span) -> bool:
    """Return True if both are of one kind; a back-off counts as an activity."""
    calls = {SpanKind.ACTIVITY, SpanKind.BACKOFF}
    return span.kind is other.kind or {span.kind, other.kind} <= calls


def _importance(span: Span) -> tuple[bool, int, datetime, int]:
    """Return a sort key that puts the most informative span first, such as a retried activity."""
    is_due = span.kind is SpanKind.BACKOFF
    return (is_due, -span.attempt_number, span.scheduled_at, span.event_id)


def _latest(timers: Sequence[Span]) -> list[Span]:
    """Return the timers of the last turn; older timers are obsolete timeouts."""
    turn = max((timer.turn for timer in timers), default=0)
    return [timer for timer in timers if timer.turn == turn]


def _words(best: Sequence[Span], rest: Sequence[Span]) -> str:
    """Return the labels of what blocks, then what else is open, as in `event approval and ship`."""
    labels, others = _labels(best), _labels(rest)
    if len(labels) <= _NAMED and not others:
        return ", ".join(labels)
    if len(labels) == 1 and len(others) == 1:
        return f"{labels[0]} and {others[0]}"
    count = len(best) + len(rest) - sum(_label(span) == _label(best[0]) for span in best)
    return f"{labels[0]} and {count} more"


def _labels(spans: Iterable[Span]) -> list[str]:
    """Return each label once, with the number of its spans."""
    return [_counted(label, count) for label, count in Counter(map(_label, spans)).items()]


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
