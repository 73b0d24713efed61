"""Pause, resume and terminate: check, act, read again, and note who did it."""

from collections.abc import Callable
from dataclasses import dataclass

from operations.actions.holding import Holding
from operations.actions.noting import Noting
from operations.actions.reads import after_the_call, begun, read_until
from operations.actions.requests import Request
from operations.errors import ActionNotAllowed, OutcomeUnknown
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance, Status, allowed_actions
from operations.records import Outcome


@dataclass(frozen=True)
class Acted:
    """The outcome of an action: the instance before and after it.

    `changed` says whether it did anything: False when its goal was already reached.
    """

    before: Instance
    after: Instance
    changed: bool


class Acting:
    """Acts on instances: `Actions.act` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def act(self, action: Action, instance_id: str, request: Request) -> Acted:
        """Act alone on the instance, and note it, whatever comes of it."""
        with (
            self._noting.attempt(request, action, instance_id) as attempt,
            self._holding.alone_if_it_can_be(instance_id, action) as is_alone,
        ):
            before = begun(self._gateway, action, instance_id)
            attempt.before = before.status
            self._noting.ensure_same_run(instance_id, request)
            if before.status is action.goal:
                self._noting.note(attempt.entry(Outcome.UNCHANGED, before.status))
                return Acted(before, before, changed=False)
            if action not in allowed_actions(before.status):
                raise ActionNotAllowed(action, instance_id, before.status)
            if is_alone:  # or the ledger is away
                self._noting.begin_in_spite(attempt)
            after = self._acted_on(action, instance_id)
            self._noting.note(attempt.entry(Outcome.DONE, after.status), attempt.key)
            return Acted(before, after, changed=True)

    def _acted_on(self, action: Action, instance_id: str) -> Instance:
        """Return the instance as the action left it."""
        self._call(action)(instance_id)

        def settled(instance: Instance) -> bool:
            return is_reached(action, instance.status) or instance.status.is_finished

        with after_the_call(action):
            after = read_until(self._gateway, settled, instance_id)
        if not is_reached(action, after.status):
            if after.status.is_finished:
                raise ActionNotAllowed(action, instance_id, after.status)
            raise OutcomeUnknown(action, f"the instance still shows {after.status}")
        return after

    def _call(self, action: Action) -> Callable[[str], None]:
        return {
            Action.PAUSE: self._gateway.pause,
            Action.RESUME: self._gateway.resume,
            Action.TERMINATE: self._gateway.terminate,
        }[action]


def is_reached(action: Action, status: Status) -> bool:
    """Whether an action had its effect: a resumed instance may have ended when it is read."""
    ended_by_itself = status in {Status.COMPLETED, Status.FAILED}
    return status is action.goal or (action is Action.RESUME and ended_by_itself)
