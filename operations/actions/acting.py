"""Pause, resume and terminate: check, act, read again, and note who did it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from operations.actions.holding import Holding
from operations.actions.noting import Noting, deed_of
from operations.actions.requests import Request
from operations.errors import (
    ActionNotAllowed,
    EngineUnavailable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance, Status, allowed_actions
from operations.records import Outcome

SETTLING = 0.5  # seconds to wait for a confirmed action to show
BETWEEN_READS = 0.05  # seconds


@dataclass(frozen=True)
class Acted:
    """The outcome of an action: the instance before and after it."""

    before: Instance
    after: Instance

    @property
    def changed(self) -> bool:
        """Whether the action did anything: False when its goal was already reached."""
        return self.before.status is not self.after.status


class Acting:
    """Acts on instances: `Actions.act` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def act(self, action: Action, instance_id: str, request: Request) -> Acted:
        """Act alone on the instance, and note it, whatever comes of it."""
        with (
            self._noting.failure_of(request, action, instance_id) as attempt,
            self._holding.alone_if_it_can_be(instance_id, action),
        ):
            before = begun(self._gateway, action, instance_id)
            attempt.before = before.status
            self._noting.ensure_life(instance_id, request)
            acted = Acted(before, self._reached(action, before))
            outcome = Outcome.DONE if acted.changed else Outcome.UNCHANGED
            deed = deed_of(request, action, instance_id, before.status, outcome)
            self._noting.note(replace(deed, after=acted.after.status))
            return acted

    def _reached(self, action: Action, before: Instance) -> Instance:
        """Return the instance as the action left it."""
        if before.status is action.goal:
            return before
        if action not in allowed_actions(before.status):
            raise ActionNotAllowed(action, before.instance_id, before.status)
        self._call(action)(before.instance_id)

        def settled(instance: Instance) -> bool:
            return is_reached(action, instance.status) or instance.status.is_finished

        try:
            after = read_until(self._gateway, settled, before.instance_id)
        except EngineUnavailable as error:
            raise OutcomeUnknown(action, str(error)) from error
        if not is_reached(action, after.status):
            if after.status.is_finished:
                raise ActionNotAllowed(action, before.instance_id, after.status)
            raise OutcomeUnknown(action, f"the instance still shows {after.status}")
        return after

    def _call(self, action: Action) -> Callable[[str], None]:
        return {
            Action.PAUSE: self._gateway.pause,
            Action.RESUME: self._gateway.resume,
            Action.TERMINATE: self._gateway.terminate,
        }[action]


def begun(gateway: Gateway, action: Action, instance_id: str) -> Instance:
    """Return the instance, once it is known whether it has begun; raises `UnknownInstance`.

    For some milliseconds every start looks like one in the future, which only terminate may touch:
    anything else would begin it at once.
    """

    def known(instance: Instance) -> bool:
        return action is Action.TERMINATE or instance.status is not Status.PENDING

    return read_until(gateway, known, instance_id)


def read_until(gateway: Gateway, enough: Callable[[Instance], bool], instance_id: str) -> Instance:
    """Read until the instance is as it should be, but not for long; raises `UnknownInstance`."""
    deadline = time.monotonic() + SETTLING
    while True:
        instance = gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        if enough(instance) or time.monotonic() > deadline:
            return instance
        time.sleep(BETWEEN_READS)


def is_reached(action: Action, status: Status) -> bool:
    """Whether an action had its effect: a resumed instance may have ended when it is read."""
    ended_by_itself = status in {Status.COMPLETED, Status.FAILED}
    return status is action.goal or (action is Action.RESUME and ended_by_itself)
