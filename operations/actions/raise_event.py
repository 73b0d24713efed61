"""Raises external events."""

from operations.actions.context import MAX_EVENT_NAME_LENGTH, ActionContext, check_name
from operations.actions.payload_limit import PayloadLimit
from operations.actions.recording import ActionResult, Recording, after_call
from operations.errors import ActionNotAllowed, OutcomeUnknown, UnknownInstance
from operations.gateway import Gateway
from operations.model import Action, Instance
from operations.timeline.spans import event_key

_REMEDY = "Check its history before you raise the event again: it may have arrived."


def check_event(name: str) -> None:
    """Raise `InvalidInput` for a text that cannot name an event."""
    check_name("event", name, MAX_EVENT_NAME_LENGTH)


class ExternalEvents:
    """Raises external events; see `Actions.raise_event` for the effects and errors."""

    def __init__(self, gateway: Gateway, recording: Recording) -> None:
        self._gateway = gateway
        self._recording = recording
        self._limit = PayloadLimit(gateway)

    def raise_event(
        self, instance_id: str, name: str, payload: str | None, context: ActionContext
    ) -> ActionResult:
        """Raise an event with JSON text, or without a payload."""
        check_event(name)

        def call(before: Instance) -> Instance:
            self._limit.check_event(instance_id, name, payload)
            try:
                self._gateway.raise_event(instance_id, name, payload)
            except OutcomeUnknown as error:
                raise OutcomeUnknown("raise", error.reason, _REMEDY) from error
            with after_call("raise", _REMEDY):
                return self._read_after(before, name)

        detail = f"the event {name!r}"
        return self._recording.perform(Action.RAISE, instance_id, context, call, detail)

    def _read_after(self, before: Instance, name: str) -> Instance:
        """Read the instance; raise `ActionNotAllowed` if it ended before the event arrived."""
        instance_id = before.instance_id
        after = self._gateway.state(instance_id)
        if after is None:
            raise UnknownInstance(instance_id)
        if after.status.is_finished and not self._has_arrived(before, name):
            raise ActionNotAllowed(Action.RAISE, instance_id, after.status)
        return after

    def _has_arrived(self, before: Instance, name: str) -> bool:
        """Return True if such an event arrived after `before` was read, by the engine's clock."""
        return any(
            event.kind == "eventRaised"
            and event_key(event.name) == event_key(name)
            and (before.last_updated_at is None or event.timestamp > before.last_updated_at)
            for event in self._gateway.history(before.instance_id)
        )
