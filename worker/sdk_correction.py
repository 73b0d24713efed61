"""Corrects how the SDK 1.19 executes an order that is suspended.

While an order is suspended, the SDK keeps back every event except a resume and a termination, also
the engine's confirmations of what the workflow itself scheduled. So the workflow schedules the same
again in each turn: activities run again, and after the resume the order fails. The SDK also keeps
back a second pause, after which the resume never ends, and fails an order that is resumed twice.
`docs/operating.md` describes the fault.
"""

from typing import Any

from dapr.ext.workflow._durabletask import worker as sdk

_STARTING_WORK = frozenset(
    {
        "executionStarted",
        "taskCompleted",
        "taskFailed",
        "timerFired",
        "eventRaised",
        "childWorkflowInstanceCompleted",
        "childWorkflowInstanceFailed",
    }
)
"""The events after which a workflow may schedule something."""

_CONFIRMATIONS = frozenset({"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"})

ORIGINALS = (sdk._is_suspendable, sdk._OrchestrationExecutor.process_event)
"""The two functions of the SDK that `correct_sdk` replaces."""


def correct_sdk() -> None:
    """Correct the SDK in this process, before a runtime starts; a second call changes nothing."""
    sdk._is_suspendable = _is_kept_back
    sdk._OrchestrationExecutor.process_event = _process_event  # type: ignore[assignment,method-assign]


def _is_kept_back(event: Any) -> bool:
    """Return True if a suspended workflow processes the event only after the resume."""
    return event.WhichOneof("eventType") in _STARTING_WORK


def _process_event(executor: Any, context: Any, event: Any) -> None:
    """Process an event as the SDK does, except a repeated resume or confirmation.

    A suspended workflow gets a confirmation only of an action that is pending. A confirmation of a
    later action waits until the resume, because the event that leads to this action waits too. Any
    other confirmation repeats an earlier one, from an uncorrected worker, and is ignored.
    """
    kind = event.WhichOneof("eventType")
    if executor._is_suspended and kind in _CONFIRMATIONS:
        if event.eventId not in context._pending_actions:
            if event.eventId > context._sequence_number:
                executor._suspended_events.append(event)
            return
    elif kind == "executionResumed" and not executor._is_suspended:
        return  # the SDK fails the workflow; another program resumed it at the same time
    _, process_event = ORIGINALS
    process_event(executor, context, event)
