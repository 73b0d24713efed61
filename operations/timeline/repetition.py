"""Finds actions that an application repeats while an instance is suspended.

The application's SDK keeps back the engine's confirmations until the resume, so the workflow
schedules the same again in each turn. `docs/operating.md` describes the fault.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from operations.history import HistoryEvent

_SCHEDULING = {
    "taskScheduled": "activity",
    "timerCreated": "timer",
    "childWorkflowInstanceCreated": "child",
}
REPETITION_REMEDY = (
    "Terminate the instance, then rerun it. A resume can fail it. Do not restart the application "
    "before: daprd may then give it no more work. docs/operating.md says more."
)
"""What helps an instance that repeats an action."""

_SHOWN = 2  # events of each repeated action that show the fault


def repeated_action(history: Sequence[HistoryEvent]) -> str | None:
    """Return what was repeated while the instance was suspended, such as "activity charge"."""
    numbered = _numbered(history)
    repeated = next((each for each, number in numbered if number > 1 and _schedules(each)), None)
    if repeated is None:
        return None
    return " ".join(filter(None, (_SCHEDULING[repeated.kind], repeated.name)))


def cause_of_repetition(repeats: str) -> str:
    """Return why an action was repeated, in a sentence for an operator."""
    return (
        f"While the instance was suspended, the application scheduled the same {repeats} again in "
        "each turn: a fault of its SDK, which keeps the engine's confirmations until the resume."
    )


def without_repetitions(
    history: Sequence[HistoryEvent], shown: int = _SHOWN
) -> tuple[HistoryEvent, ...]:
    """Return a history with at most `shown` events of each repeated action, and as many answers.

    The starts of turns in which nothing else happened are left out too.
    """
    numbered = list(_numbered(history))
    if all(number <= shown for _, number in numbered):
        return tuple(history)
    return tuple(_without_empty_turns(event for event, number in numbered if number <= shown))


def _numbered(history: Iterable[HistoryEvent]) -> Iterator[tuple[HistoryEvent, int]]:
    """Yield each event with how often its action was scheduled, or answered, while suspended.

    The number of any other event, and of all events while the instance is not suspended, is 0.
    """
    counts: Counter[tuple[str, int]] = Counter()
    is_suspended = False
    for event in history:
        if event.kind == "executionSuspended":
            is_suspended = True
        elif event.kind == "executionResumed":
            is_suspended = False
            counts.clear()
        action = event.event_id if _schedules(event) else event.answers
        if not is_suspended or action is None:
            yield event, 0
        else:
            counts[event.kind, action] += 1
            yield event, counts[event.kind, action]


def _schedules(event: HistoryEvent) -> bool:
    return event.kind in _SCHEDULING


def _without_empty_turns(events: Iterable[HistoryEvent]) -> Iterator[HistoryEvent]:
    turn: HistoryEvent | None = None
    for event in events:
        if event.kind == "workflowStarted":
            turn = event
            continue
        if turn is not None:
            yield turn
            turn = None
        yield event
    if turn is not None:
        yield turn
