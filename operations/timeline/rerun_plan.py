"""Predicts which results a rerun keeps and which calls it makes again.

Dapr reads the source's history up to the chosen event. Calls that have a result before that event
keep the result, and a timer that has fired does not run again; all other calls are scheduled again.
External events that were raised before it stay. Later events are dropped, and happen again if the
workflow gets there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.history import HistoryEvent, TimerOrigin
from operations.timeline.spans import event_key

RERUNNABLE = frozenset({"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"})
"""The kinds of events from which a rerun can start."""

_FAILURES = frozenset({"taskFailed", "childWorkflowInstanceFailed"})
_TIMER = "timerCreated"


@dataclass(frozen=True)
class RerunPlan:
    """The effects of a rerun from `event`; each tuple is in the order of the history.

    A call schedules an activity, a timer or a child. Calls in `kept` keep their results. Calls in
    `again`, which include `event`, are scheduled again at once; calls in `later` are made again
    when the workflow gets there. External events in `raised_before` stay; events in `raised_after`
    are lost, and the workflow waits for them again.
    """

    event: HistoryEvent
    kept: tuple[HistoryEvent, ...]
    again: tuple[HistoryEvent, ...]
    later: tuple[HistoryEvent, ...]
    raised_before: tuple[HistoryEvent, ...]
    raised_after: tuple[HistoryEvent, ...]

    @property
    def takes_input(self) -> bool:
        """Whether the input of the event can be replaced; a timer has no input."""
        return self.event.kind != _TIMER


def rerunnable(history: Sequence[HistoryEvent]) -> tuple[HistoryEvent, ...]:
    """Return the events of a finished instance from which a rerun can start."""
    return tuple(event for event in history if event.kind in RERUNNABLE)


def first_call(history: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the event from which a rerun repeats everything, None if no event is rerunnable."""
    return next(iter(rerunnable(history)), None)


def failed_call(history: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the first attempt of the call that failed last, None if no call failed."""
    failed = [event.answers for event in history if event.kind in _FAILURES]
    last = next((e for e in rerunnable(history) if failed and e.event_id == failed[-1]), None)
    if last is None or last.task_execution_id is None:
        return last
    return next(e for e in rerunnable(history) if e.task_execution_id == last.task_execution_id)


def plan_of(history: Sequence[HistoryEvent], event_id: int) -> RerunPlan | None:
    """Return the plan of a rerun from an event, None if that event is not `rerunnable`."""
    found = next((at for at, event in enumerate(history) if event.event_id == event_id), None)
    if found is None or history[found].kind not in RERUNNABLE:
        return None
    event, before, after = history[found], history[:found], history[found + 1 :]
    answered = _answered(before)
    scheduled = rerunnable(before)
    return RerunPlan(
        event=event,
        kept=tuple(each for each in scheduled if each.event_id in answered),
        again=(*(each for each in scheduled if each.event_id not in answered), event),
        later=rerunnable(after),
        raised_before=_raised(before),
        raised_after=_raised(after),
    )


def _answered(history: Sequence[HistoryEvent]) -> set[int]:
    """Return the ids of the events that have an answer; an external event answers one wait."""
    answered: set[int] = set()
    for event in history:
        if event.answers is not None:
            answered.add(event.answers)
        elif event.kind == "eventRaised":
            waits = (each.event_id for each in history if _is_wait(each, event))
            answered.update([each for each in waits if each not in answered][:1])
    return answered


def _is_wait(timer: HistoryEvent, raised: HistoryEvent) -> bool:
    waits = timer.origin is TimerOrigin.EXTERNAL_EVENT
    return waits and event_key(timer.name) == event_key(raised.name)


def _raised(history: Sequence[HistoryEvent]) -> tuple[HistoryEvent, ...]:
    return tuple(event for event in history if event.kind == "eventRaised")
