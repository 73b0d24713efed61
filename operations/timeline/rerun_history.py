"""Divides the history of a rerun into the part copied from its source and its own part.

Dapr copies what the source had finished before the chosen event, with the source's times. Then it
schedules again, all at once and in no order, what was not finished there and every timer, even one
that had fired; and last the chosen event itself, the only one that carries a mark.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from operations.history import HistoryEvent, TimerOrigin
from operations.timeline.spans import event_key

_SCHEDULING = frozenset({"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"})


@dataclass(frozen=True)
class Rerun:
    """A rerun of the instance `source_id`; its own time starts at `clock` (aware UTC).

    `copied` are the copied events, each timer before its answer; `own` are all other events.
    """

    source_id: str
    clock: datetime
    copied: tuple[HistoryEvent, ...]
    own: tuple[HistoryEvent, ...]


def rerun_in(history: Sequence[HistoryEvent]) -> Rerun | None:
    """Return the two parts of the history of a rerun, None if it is not the history of a rerun.

    The source may be a rerun itself: the last mark counts.
    """
    marks = [(at, event.rerun_of) for at, event in enumerate(history) if event.rerun_of]
    if not marks:
        return None
    mark, source = marks[-1]
    begin = _first_scheduled_anew(history, mark)
    anew = history[begin:mark]
    timers = _Timers(anew)
    copied = tuple(timers.before_their_answers(history[:begin]))
    clock = min(event.timestamp for event in history[begin : mark + 1])
    return Rerun(source, clock, copied, (*timers.others(), *history[mark:]))


def _first_scheduled_anew(history: Sequence[HistoryEvent], mark: int) -> int:
    """Return the index of the first event that was scheduled together with the marked one.

    A copied event of the same kind is followed by its answer, so it cannot be mistaken for one.
    """
    first = mark
    while first > 0 and history[first - 1].kind in _SCHEDULING:
        first -= 1
    return first


class _Timers:
    """Timers that were scheduled again although the copied part holds their answers."""

    def __init__(self, anew: Sequence[HistoryEvent]) -> None:
        self._anew = anew
        self._placed: set[int] = set()
        self._by_id: dict[int, int] = {}
        self._by_name: defaultdict[str, deque[int]] = defaultdict(deque)
        for at in sorted(range(len(anew)), key=lambda at: anew[at].event_id):
            if anew[at].kind == "timerCreated":
                self._by_id[anew[at].event_id] = at
                if anew[at].origin is TimerOrigin.EXTERNAL_EVENT:
                    self._by_name[event_key(anew[at].name)].append(at)

    def before_their_answers(self, copied: Sequence[HistoryEvent]) -> Iterator[HistoryEvent]:
        """Yield the copied events, each timer right before the event that answers it."""
        for event in copied:
            at = self._answered_by(event)
            if at is not None:
                self._placed.add(at)
                yield self._anew[at]
            yield event

    def others(self) -> Iterator[HistoryEvent]:
        """Yield the events that were scheduled again and have no answer among the copied ones."""
        return (event for at, event in enumerate(self._anew) if at not in self._placed)

    def _answered_by(self, event: HistoryEvent) -> int | None:
        if event.kind == "timerFired" and event.answers is not None:
            at = self._by_id.get(event.answers)
            return None if at in self._placed else at
        if event.kind == "eventRaised":
            return self._first_wait(self._by_name[event_key(event.name)])
        return None

    def _first_wait(self, waits: deque[int]) -> int | None:
        while waits:
            if (at := waits.popleft()) not in self._placed:
                return at
        return None
