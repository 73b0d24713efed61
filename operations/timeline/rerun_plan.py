"""What a rerun keeps of a history and what it runs again, told before it is made.

Dapr goes through the source's history up to the event. Of what was scheduled there it keeps what
has an answer there too, and schedules the rest again, and every timer; events that were raised
there stay. All that comes after is dropped: the workflow comes to it anew, if it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.history import HistoryEvent, TimerOrigin
from operations.timeline.spans import event_key

RERUNNABLE = frozenset({"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"})
"""The kinds of events from which an instance can be run again."""

_FAILURES = frozenset({"taskFailed", "childWorkflowInstanceFailed"})
_TIMER = "timerCreated"


@dataclass(frozen=True)
class RerunPlan:
    """What comes of a rerun from `event`; each part in the order of the history.

    `kept` is what was scheduled before and keeps its answer, `again` what is scheduled anew at
    once, the event itself among it, and `later` what was scheduled after, to which the workflow
    comes by itself, if it does. `raised_before` are the external events that stay,
    `raised_after` those that are lost: what waits for one of them waits again.
    """

    event: HistoryEvent
    kept: tuple[HistoryEvent, ...]
    again: tuple[HistoryEvent, ...]
    later: tuple[HistoryEvent, ...]
    raised_before: tuple[HistoryEvent, ...]
    raised_after: tuple[HistoryEvent, ...]

    @property
    def takes_input(self) -> bool:
        """Whether the event's input can be changed: a timer has none."""
        return self.event.kind != _TIMER


def rerunnable(history: Sequence[HistoryEvent]) -> tuple[HistoryEvent, ...]:
    """Return the events from which a finished instance with this history can be run again."""
    return tuple(event for event in history if event.kind in RERUNNABLE)


def first_step(history: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the event from which everything is run again, None if there is nothing to run."""
    return next(iter(rerunnable(history)), None)


def failed_step(history: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the first attempt of the step whose failure came last, None if none failed."""
    failed = [event.answers for event in history if event.kind in _FAILURES]
    last = next((e for e in rerunnable(history) if failed and e.event_id == failed[-1]), None)
    if last is None or last.task_execution_id is None:
        return last
    return next(e for e in rerunnable(history) if e.task_execution_id == last.task_execution_id)


def plan_of(history: Sequence[HistoryEvent], event_id: int) -> RerunPlan | None:
    """Return what comes of a rerun from an event; None if it is none of the `rerunnable` ones."""
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
    """Return the ids of the events that have their answer: an external event is one to a wait."""
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
