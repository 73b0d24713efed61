"""External events: check, raise, read again, and note who did it."""

from operations.actions.acting import Acted
from operations.actions.holding import Holding
from operations.actions.noting import Noting
from operations.actions.reads import after_the_call, begun
from operations.actions.requests import Request, check_name
from operations.errors import (
    ActionNotAllowed,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance, allowed_actions
from operations.records import Outcome
from operations.timeline.spans import event_key

LONGEST_NAME = 200  # characters
_LOOK_FIRST = "Look at its history before you raise it again: it would come twice."


def check_event(name: str) -> None:
    """Raise `InvalidInput` for what is no name of an event."""
    check_name("event", name, LONGEST_NAME)


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
        check_event(name)
        with (
            self._noting.attempt(request, Action.RAISE, instance_id) as attempt,
            self._holding.alone_if_it_can_be(instance_id, Action.RAISE) as is_alone,
        ):
            before = begun(self._gateway, Action.RAISE, instance_id)
            attempt.before, attempt.detail = before.status, f"the event {name!r}"
            self._noting.ensure_same_run(instance_id, request)
            if Action.RAISE not in allowed_actions(before.status):
                raise ActionNotAllowed(Action.RAISE, instance_id, before.status)
            if is_alone:  # or the ledger is away
                self._noting.begin_in_spite(attempt)
            after = self._raised(before, name, payload)
            self._noting.note(attempt.entry(Outcome.DONE, after.status), attempt.key)
            return Acted(before, after, changed=True)

    def _raised(self, before: Instance, name: str, payload: str | None) -> Instance:
        """Return the instance as it is once the engine has the event."""
        try:
            self._gateway.raise_event(before.instance_id, name, payload)
        except OutcomeUnknown as error:
            raise OutcomeUnknown("raise", error.reason, _LOOK_FIRST) from error
        with after_the_call("raise", _LOOK_FIRST):
            return self._with_event(before, name)

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
