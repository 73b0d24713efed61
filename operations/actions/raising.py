"""External events: check, raise, read again, and note who did it."""

from dataclasses import replace

from operations.actions.acting import Acted, begun
from operations.actions.holding import Holding
from operations.actions.noting import Noting, deed_of
from operations.actions.requests import Request, is_text
from operations.errors import (
    ActionNotAllowed,
    EngineUnavailable,
    InvalidInput,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance, allowed_actions
from operations.timeline.spans import event_key

LONGEST_NAME = 200  # characters
NAME = f"a text of 1 to {LONGEST_NAME} characters, without NUL"
_LOOK_FIRST = "Look at its history before you raise it again: it would come twice."


class Raising:
    """Raises external events: `Actions.raise_event` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def raise_event(
        self, instance_id: str, name: str, payload: str | None, request: Request
    ) -> Acted:
        """Raise it alone on the instance, and note it, whatever comes of it."""
        if not 1 <= len(name) <= LONGEST_NAME or not is_text(name):
            raise InvalidInput("event", name, NAME)
        with (
            self._noting.failure_of(request, Action.RAISE, instance_id) as attempt,
            self._holding.alone_if_it_can_be(instance_id, Action.RAISE),
        ):
            before = begun(self._gateway, Action.RAISE, instance_id)
            attempt.before = before.status
            self._noting.ensure_life(instance_id, request)
            after = self._raised(before, name, payload)
            deed = deed_of(request, Action.RAISE, instance_id, before.status)
            self._noting.note(replace(deed, after=after.status, message=f"the event {name!r}"))
            return Acted(before, after)

    def _raised(self, before: Instance, name: str, payload: str | None) -> Instance:
        """Return the instance as it is once the engine has the event."""
        instance_id = before.instance_id
        if Action.RAISE not in allowed_actions(before.status):
            raise ActionNotAllowed(Action.RAISE, instance_id, before.status)
        try:
            self._gateway.raise_event(instance_id, name, payload)
        except OutcomeUnknown as error:
            raise OutcomeUnknown("raise", error.why, _LOOK_FIRST) from error
        try:
            return self._with_event(before, name)
        except EngineUnavailable as error:
            raise OutcomeUnknown("raise", str(error), _LOOK_FIRST) from error

    def _with_event(self, before: Instance, name: str) -> Instance:
        """Read the instance again: one that ended before the event came has taken no notice."""
        instance_id = before.instance_id
        after = self._gateway.state(instance_id)
        if after is None:
            raise UnknownInstance(instance_id)
        if after.status.is_finished and not self._has_come(before, name):
            raise ActionNotAllowed(Action.RAISE, instance_id, after.status)
        return after

    def _has_come(self, before: Instance, name: str) -> bool:
        """Whether an event of that name came to the instance after it was read `before`.

        Both times are the engine's.
        """
        return any(
            event.kind == "eventRaised"
            and event_key(event.name) == event_key(name)
            and (before.last_updated_at is None or event.timestamp > before.last_updated_at)
            for event in self._gateway.history(before.instance_id)
        )
