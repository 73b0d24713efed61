"""Pause, resume and terminate."""

from operations.actions.context import ActionContext
from operations.actions.recording import ActionResult, Recording, after_call
from operations.errors import ActionNotAllowed, OutcomeUnknown
from operations.gateway import Gateway
from operations.model import Action, Instance, Status


class StatusChanges:
    """Changes the status of instances; see `Actions.change_status` for the effects and errors."""

    def __init__(self, gateway: Gateway, recording: Recording) -> None:
        self._recording = recording
        self._calls = {
            Action.PAUSE: gateway.pause,
            Action.RESUME: gateway.resume,
            Action.TERMINATE: gateway.terminate,
        }

    def change(self, action: Action, instance_id: str, context: ActionContext) -> ActionResult:
        """Change the status of an instance, unless it already has the status."""

        def call(before: Instance) -> Instance:
            self._calls[action](before.instance_id)
            return self._settled(action, before.instance_id)

        return self._recording.perform(action, instance_id, context, call)

    def _settled(self, action: Action, instance_id: str) -> Instance:
        """Read the instance until its status shows the effect of the call."""

        def is_settled(instance: Instance) -> bool:
            return _is_reached(action, instance.status) or instance.status.is_finished

        with after_call(action):
            after = self._recording.read_until(is_settled, instance_id)
        if _is_reached(action, after.status):
            return after
        if after.status.is_finished:  # the engine confirms actions on finished instances too
            raise ActionNotAllowed(action, instance_id, after.status)
        raise OutcomeUnknown(action, f"the instance still shows {after.status}")


def _is_reached(action: Action, status: Status) -> bool:
    """Return True if an action had its effect; a resumed instance may already have ended."""
    ended_by_itself = status in {Status.COMPLETED, Status.FAILED}
    return status is action.goal or (action is Action.RESUME and ended_by_itself)
