"""Finds external events that were raised, and that no wait in the history took."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from operations.history import HistoryEvent, TimerOrigin
from operations.model import Status
from operations.timeline.rerun_history import rerun_in
from operations.timeline.spans import Ending, Span, SpanKind, event_key

_PASSIVE = frozenset(
    {"workflowStarted", "workflowCompleted", "executionTerminated", "executionStalled"}
)
"""Kinds of events that do not show that the workflow has gone on."""
_ANSWERS = frozenset(
    {
        "taskCompleted",
        "taskFailed",
        "timerFired",
        "childWorkflowInstanceCompleted",
        "childWorkflowInstanceFailed",
        "eventRaised",
    }
)
"""Kinds of events that let the workflow go on; of a suspended one, only after the resume."""
_EndedWait = tuple[str, datetime]  # the name of its event, and when it ended


@dataclass(frozen=True)
class UnconsumedEvent:
    """An external event that no wait in the history took.

    The engine keeps such an event for a later wait with its name. The workflow may take it from
    there without a trace in the history. `is_certain` is True if the workflow cannot have done so,
    because it has not gone on since.
    """

    event: HistoryEvent
    is_certain: bool


def unconsumed_events(
    history: Sequence[HistoryEvent], spans: Iterable[Span]
) -> tuple[UnconsumedEvent, ...]:
    """Return the events that no wait took, in the order of the history.

    `spans` are the spans of this history. Names are compared as Dapr compares them, in any case. A
    later wait for the name of an event shows that the event had been consumed: the SDKs hand out
    kept events before they let a workflow wait.
    """
    rerun = rerun_in(history)
    waits = _EndedWaits(spans)
    found: dict[str, list[tuple[int, HistoryEvent]]] = defaultdict(list)  # by name
    progress = _Progress()
    for index, event in enumerate((*rerun.copied, *rerun.own) if rerun else history):
        if event.kind == "eventRaised" and not waits.take(event):
            found[event_key(event.name)].append((index, event))
            continue
        progress.add(index, event)
        if event.origin is TimerOrigin.EXTERNAL_EVENT:
            found.pop(event_key(event.name), None)
    left = sorted(chain.from_iterable(found.values()), key=lambda each: each[0])
    return tuple(UnconsumedEvent(event, index > progress.last) for index, event in left)


class _Progress:
    """The index of the `last` event of a history that shows that the workflow has gone on."""

    def __init__(self) -> None:
        self.last = -1
        self._is_suspended = self._holds = False

    def add(self, index: int, event: HistoryEvent) -> None:
        """Add the next event; a suspended workflow receives its answers when it is resumed."""
        if event.kind == "executionSuspended":
            self._is_suspended = True
        elif event.kind == "executionResumed":
            self.last = index if self._holds else self.last
            self._is_suspended = self._holds = False
        elif self._is_suspended and event.kind in _ANSWERS:
            self._holds = True
        elif event.kind not in _PASSIVE and event.status is not Status.TERMINATED:
            self.last = index


class _EndedWaits:
    """The waits of a timeline that an event ended; each of them takes one event.

    A wait ends at the time of its event, but not before its own start: the waits that a rerun
    copied start later than their events.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._ends: Counter[_EndedWait] = Counter()
        self._instant: dict[str, list[datetime]] = defaultdict(list)  # ended at their start
        for span in spans:
            if span.kind is not SpanKind.WAIT or span.ending is not Ending.COMPLETED:
                continue
            if span.ended_at == span.scheduled_at:
                insort(self._instant[event_key(span.name)], span.scheduled_at)
            elif span.ended_at:
                self._ends[event_key(span.name), span.ended_at] += 1

    def take(self, event: HistoryEvent) -> bool:
        """Return True if a wait took the event; that wait takes no other."""
        key = event_key(event.name)
        if self._ends[key, event.timestamp]:
            self._ends[key, event.timestamp] -= 1
            return True
        starts = self._instant[key]
        at = bisect_left(starts, event.timestamp)
        if at == len(starts):
            return False
        del starts[at]
        return True
