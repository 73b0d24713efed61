"""Divides the history of a rerun into the events copied from its source and its own events.

Dapr copies the calls that the source had finished before the chosen event, with the source's
times. Then it reschedules, all at once and in no order, the unfinished calls and every timer, even
a timer that had fired. Last it reschedules the chosen event, the only one that carries a mark.
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
    """A rerun of the instance `source_id`; the rerun started at `started_at` (aware UTC).

    `copied` contains the copied events, each timer before its answer; `own` contains all others.
    """

    source_id: str
    started_at: datetime
    copied: tuple[HistoryEvent, ...]
    own: tuple[HistoryEvent, ...]


def rerun_in(history: Sequence[HistoryEvent]) -> Rerun | None:
    """Return the copied and own events of a rerun, None if the history is not of a rerun.

    The source may be a rerun itself, so the last mark counts.
    """
    marks = [(at, event.rerun_of) for at, event in enumerate(history) if event.rerun_of]
    if not marks:
        return None
    mark, source = marks[-1]
    start = _first_rescheduled(history, mark)
    timers = _Timers(history[start:mark])
    copied = tuple(timers.before_their_answers(history[:start]))
    started_at = min(event.timestamp for event in history[start : mark + 1])
    return Rerun(source, started_at, copied, (*timers.others(), *history[mark:]))


def _first_rescheduled(history: Sequence[HistoryEvent], mark: int) -> int:
    """Return the index of the first event that was rescheduled together with the marked event.

    A copied event of the same kinds is followed by its answer, and an answer ends the search.
    """
    first = mark
    while first > 0 and history[first - 1].kind in _SCHEDULING:
        first -= 1
    return first


class _Timers:
    """Timers that were rescheduled although the copied events contain their answers."""

    def __init__(self, rescheduled: Sequence[HistoryEvent]) -> None:
        self._rescheduled = rescheduled
        self._placed: set[int] = set()
        self._by_id: dict[int, int] = {}
        self._by_name: defaultdict[str, deque[int]] = defaultdict(deque)
        for at in sorted(range(len(rescheduled)), key=lambda at: rescheduled[at].event_id):
            event = rescheduled[at]
            if event.kind == "timerCreated":
                self._by_id[event.event_id] = at
                if event.origin is TimerOrigin.EXTERNAL_EVENT:
                    self._by_name[event_key(event.name)].append(at)

    def before_their_answers(self, copied: Sequence[HistoryEvent]) -> Iterator[HistoryEvent]:
        """Yield the copied events, each timer right before the event that answers it."""
        for event in copied:
            at = self._answered_by(event)
            if at is not None:
                self._placed.add(at)
                yield self._rescheduled[at]
            yield event

    def others(self) -> Iterator[HistoryEvent]:
        """Return the rescheduled events that no copied event answers."""
        events = enumerate(self._rescheduled)
        return (event for at, event in events if at not in self._placed)

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
