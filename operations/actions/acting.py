"""Pause, resume and terminate: check, act, read again, and note who did it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    ActionNotAllowed,
    ActionUnderWay,
    EngineUnavailable,
    FlowdeckError,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.ledger.holds import Hold
from operations.model import Action, Actor, Instance, Status, allowed_actions
from operations.records import Deed, Outcome, Sighting
from operations.sighting import sight

PATIENCE = 1.0  # seconds to wait for another action on the same instance
SETTLING = 0.5  # seconds to wait for a confirmed action to show
BETWEEN_READS = 0.05  # seconds

log = structlog.get_logger(__name__)


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
        self._ledger = ledger

    def act(self, action: Action, instance_id: str, actor: Actor) -> Acted:
        """Act alone on the instance, and note it, whatever comes of it."""
        with self._alone_on(instance_id, action):
            return self._act(action, instance_id, actor)

    @contextmanager
    def _alone_on(self, instance_id: str, action: Action) -> Iterator[None]:
        """Shut out others: Dapr checks nothing, and two pauses at a time wreck an instance.

        Without the ledger one acts all the same: it must be possible to stop what runs wild.
        """
        hold: Hold | None = None
        with in_spite_of_the_ledger("an action", instance_id):
            hold = self._hold(instance_id, action)
        try:
            yield
        finally:
            with in_spite_of_the_ledger("an action", instance_id):
                if hold:
                    self._ledger.holds.release(hold)

    def _hold(self, instance_id: str, action: Action) -> Hold:
        deadline = time.monotonic() + PATIENCE
        while True:
            if hold := self._ledger.holds.take(instance_id):
                return hold
            if time.monotonic() > deadline:
                raise ActionUnderWay(action, instance_id)
            time.sleep(BETWEEN_READS)

    def _act(self, action: Action, instance_id: str, actor: Actor) -> Acted:
        before = self._begun(action, instance_id)
        after: Instance | None = None
        failed: FlowdeckError | None = None
        try:
            after = self._reached(action, before)
        except FlowdeckError as error:
            failed = error
            raise
        finally:
            self._note(_deed(action, before, after, failed, actor))
        return Acted(before, after)

    def _begun(self, action: Action, instance_id: str) -> Instance:
        """Return the instance, once it is known whether it has begun.

        For some milliseconds every start looks like one in the future, which only terminate may
        touch: anything else would begin it at once.
        """

        def known(instance: Instance) -> bool:
            return action is Action.TERMINATE or instance.status is not Status.PENDING

        return self._read_until(known, instance_id)

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
            after = self._read_until(settled, before.instance_id)
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

    def _read_until(self, enough: Callable[[Instance], bool], instance_id: str) -> Instance:
        """Read until the instance is as it should be, but not for long."""
        deadline = time.monotonic() + SETTLING
        while True:
            instance = self._gateway.state(instance_id)
            if instance is None:
                raise UnknownInstance(instance_id)
            if enough(instance) or time.monotonic() > deadline:
                return instance
            time.sleep(BETWEEN_READS)

    def _note(self, deed: Deed) -> None:
        """Write down what was done and what it led to, so that no list says otherwise."""
        log.info(
            f"{deed.action} {deed.instance_id}",
            instance_id=deed.instance_id,
            actor=deed.actor.name,
            before=deed.before,
            after=deed.after or "unknown",
            outcome=deed.outcome,
        )
        with in_spite_of_the_ledger("an action", deed.instance_id):
            self._ledger.journal.note(deed)
            if deed.outcome is not Outcome.REFUSED and (seen := self._sighting(deed.instance_id)):
                self._ledger.instances.record([seen])

    def _sighting(self, instance_id: str) -> Sighting | None:
        try:
            return sight(self._gateway, instance_id)
        except FlowdeckError:  # the recorder will see it
            return None


def is_reached(action: Action, status: Status) -> bool:
    """Whether an action had its effect: a resumed instance may have ended when it is read."""
    ended_by_itself = status in {Status.COMPLETED, Status.FAILED}
    return status is action.goal or (action is Action.RESUME and ended_by_itself)


def _deed(
    action: Action,
    before: Instance,
    after: Instance | None,
    failed: FlowdeckError | None,
    actor: Actor,
) -> Deed:
    return Deed(
        at=datetime.now(UTC),
        actor=actor,
        action=action,
        instance_id=before.instance_id,
        outcome=_outcome(before, after, failed),
        before=before.status,
        after=after.status if after else None,
        message=str(failed) if failed else None,
    )


def _outcome(before: Instance, after: Instance | None, failed: FlowdeckError | None) -> Outcome:
    if after:
        return Outcome.UNCHANGED if after.status is before.status else Outcome.DONE
    return Outcome.UNKNOWN if isinstance(failed, OutcomeUnknown) else Outcome.REFUSED
