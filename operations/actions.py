"""What an operator can do: check, act, read again, and say who did it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from operations.errors import (
    ActionNotAllowed,
    Conflict,
    EngineRefused,
    EngineUnavailable,
    InstanceExists,
    InvalidInput,
    LedgerUnavailable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger, Start
from operations.model import (
    INSTANCE_ID,
    Action,
    Actor,
    Instance,
    Status,
    allowed_actions,
    is_safe_id,
    parsed,
)

CLAIM_LASTS = 10.0  # seconds after which a start that is under way counts as abandoned
PATIENCE = 2.5  # seconds to wait for a start that another request has under way
CLAIM_BY = 1.0  # seconds after which a request that has waited makes no start of its own any more
SETTLING = 0.5  # seconds to wait for a confirmed action to show
PAUSE_BETWEEN_READS = 0.05  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Started:
    """The outcome of a start: `created` is False when the same start had been made already."""

    instance_id: str
    created: bool


@dataclass(frozen=True)
class Acted:
    """The outcome of an action: the instance before and after it."""

    before: Instance
    after: Instance

    @property
    def changed(self) -> bool:
        """Whether the action did anything: False when its goal was already reached."""
        return self.before.status is not self.after.status


class Actions:
    """Acts on instances through the gateway, with the ledger as the memory of who did what.

    Every method may raise `EngineUnavailable`, `EngineRefused` and `LedgerUnavailable`.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger

    def read(self, instance_id: str) -> Instance:
        """Return the instance as it is now; raises `UnknownInstance`."""
        instance = self._gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        return instance

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: Mapping[str, object],
        actor: Actor,
        *,
        finished_counts: bool = False,
    ) -> Started:
        """Start an instance once, however often and from wherever the same start is asked for.

        The same start again returns the instance that runs; one that has finished only if
        `finished_counts`, which is for ids that the caller made up for this one start, or if nobody
        had been told of it when this request came.
        Raises `InvalidInput` for an unsafe id, `InstanceExists` for one that is taken, and
        `OutcomeUnknown` when the engine, or another request with the same start, takes too long.
        """
        if not is_safe_id(instance_id):
            raise InvalidInput("instance_id", instance_id, INSTANCE_ID)
        wanted = Start(instance_id, workflow, json.dumps(payload, sort_keys=True), actor)
        arrived, began = datetime.now(UTC), time.monotonic()
        while time.monotonic() < began + PATIENCE:
            # In this order: a start that comes between the two reads makes the claim fail below.
            latest = self._ledger.latest_start(instance_id)
            instance = self._gateway.state(instance_id)
            if instance:
                return self._found(wanted, instance, arrived, finished_counts=finished_counts)
            if latest is None or latest.is_accepted or _is_abandoned(latest):
                in_time = time.monotonic() < began + CLAIM_BY
                claimed = self._ledger.claim(wanted, latest) if in_time else None
                if claimed:
                    return self._start_claimed(claimed)
            elif not _is_same(latest, wanted):
                raise InstanceExists(instance_id, "by another start, which is under way")
            time.sleep(PAUSE_BETWEEN_READS)
        raise OutcomeUnknown("start", "a start of it is under way")

    def act(self, action: Action, instance_id: str, actor: Actor) -> Acted:
        """Pause, resume or terminate an instance; one where the goal is reached is left alone.

        Raises `UnknownInstance`, `ActionNotAllowed` and `OutcomeUnknown`.
        """
        before = self.read(instance_id)
        if before.status is action.goal:
            return Acted(before, before)
        if action not in allowed_actions(before.status):
            raise ActionNotAllowed(action, instance_id, before.status)
        self._call(action)(instance_id)
        shown = "unknown"
        try:
            after = self._read_until_settled(action, instance_id)
            shown = after.status
        except EngineUnavailable as error:
            raise OutcomeUnknown(action, str(error)) from error
        finally:
            log.info(
                f"{action} {instance_id}",
                instance_id=instance_id,
                actor=actor.name,
                before=before.status,
                after=shown,
            )
        if not _is_reached(action, after.status):
            if after.status.is_finished:
                raise ActionNotAllowed(action, instance_id, after.status)
            raise OutcomeUnknown(action, f"the instance still shows {after.status}")
        return Acted(before, after)

    def _call(self, action: Action) -> Callable[[str], None]:
        return {
            Action.PAUSE: self._gateway.pause,
            Action.RESUME: self._gateway.resume,
            Action.TERMINATE: self._gateway.terminate,
        }[action]

    def _read_until_settled(self, action: Action, instance_id: str) -> Instance:
        """Read until the instance shows what the engine has just confirmed, but not for long."""
        deadline = time.monotonic() + SETTLING
        while True:
            instance = self.read(instance_id)
            settled = _is_reached(action, instance.status) or instance.status.is_finished
            if settled or time.monotonic() > deadline:
                return instance
            time.sleep(PAUSE_BETWEEN_READS)

    def _found(
        self, wanted: Start, instance: Instance, arrived: datetime, *, finished_counts: bool
    ) -> Started:
        latest = self._ledger.latest_start(wanted.instance_id)
        counts = finished_counts or _is_untold(latest, arrived)
        started = _already_there(wanted, instance, latest, finished_counts=counts)
        if latest and not latest.is_accepted and _is_same(latest, wanted):
            self._ledger.accept(latest)
        return started

    def _start_claimed(self, start: Start) -> Started:
        try:
            created = self._start_in_engine(start)
        except (Conflict, EngineUnavailable, EngineRefused):
            with _in_spite_of_the_ledger(start):  # the claim lapses by itself
                self._ledger.release(start)
            raise
        with _in_spite_of_the_ledger(start):  # the next request that finds the instance notes it
            self._ledger.accept(start)
        log.info(
            f"start {start.instance_id}",
            instance_id=start.instance_id,
            actor=start.actor.name,
            workflow=start.workflow,
        )
        return Started(start.instance_id, created)

    def _start_in_engine(self, start: Start) -> bool:
        """Start the instance; False if the engine turns out to have it already."""
        try:
            self._gateway.start(start.workflow, start.instance_id, start.payload)
        except InstanceExists:
            # Started by somebody who does not use this ledger, or by a call that was thought lost.
            instance = self._gateway.state(start.instance_id)
            if instance is None:
                raise
            _already_there(start, instance, start, finished_counts=True)
            return False
        return True


@contextmanager
def _in_spite_of_the_ledger(start: Start) -> Iterator[None]:
    """Let what the engine did be the answer, even if it cannot be noted."""
    try:
        yield
    except LedgerUnavailable as error:
        log.warning("the ledger missed a start", instance_id=start.instance_id, reason=str(error))


def _is_reached(action: Action, status: Status) -> bool:
    """Whether an action had its effect: a resumed instance may have ended when it is read."""
    ended_by_itself = status in {Status.COMPLETED, Status.FAILED}
    return status is action.goal or (action is Action.RESUME and ended_by_itself)


def _already_there(
    wanted: Start, instance: Instance, latest: Start | None, *, finished_counts: bool
) -> Started:
    """Take an instance that has the id for this start's own, or raise `InstanceExists`."""
    if not _is_of(instance, wanted, latest):
        raise InstanceExists(wanted.instance_id, f"by another start, which is {instance.status}")
    if instance.status.is_finished and not finished_counts:
        raise InstanceExists(wanted.instance_id, f"by the same start, which is {instance.status}")
    return Started(wanted.instance_id, created=False)


def _is_of(instance: Instance, wanted: Start, latest: Start | None) -> bool:
    """Whether an instance was made by the start that is wanted.

    The engine knows neither input nor workflow of one that is still pending: then the ledger does.
    """
    if instance.input is None and instance.status is Status.PENDING:
        return latest is not None and _is_same(latest, wanted)
    same_input = parsed(instance.input) == parsed(wanted.payload)
    return instance.workflow == wanted.workflow and same_input


def _is_same(one: Start, other: Start) -> bool:
    return (one.workflow, one.payload) == (other.workflow, other.payload)


def _is_untold(latest: Start | None, arrived: datetime) -> bool:
    """Whether the latest start was not known to have worked before a request arrived.

    Then the request is as good as the start: sent at the same moment, or again for want of an
    answer.
    """
    return latest is not None and (latest.accepted_at is None or latest.accepted_at >= arrived)


def _is_abandoned(start: Start) -> bool:
    return time.time_ns() - start.claim > CLAIM_LASTS * 10**9
