"""Starts instances: once, even if several processes request the same start repeatedly."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from operations.actions.context import ActionContext, ActionLimits
from operations.actions.recording import best_effort
from operations.errors import (
    Conflict,
    DaprRefused,
    DaprUnavailable,
    InstanceExists,
    InvalidInput,
    OutcomeUnknown,
)
from operations.gateway import Gateway
from operations.json_texts import same_json
from operations.ledger import Ledger, Reservation
from operations.model import INSTANCE_ID, Instance, Status, is_startable_id
from operations.records import OUTCOME_NOT_RECORDED, START, AuditEntry, Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StartRequest:
    """The instance to start.

    `scheduled_for` is an aware time in the future, None for now; requests that differ only in it
    are the same start. `is_new_id` says that the caller created the id for this one start: then a
    finished instance of the same start is its result.
    """

    workflow: str
    instance_id: str
    payload: Mapping[str, object]
    scheduled_for: datetime | None = None
    is_new_id: bool = False


@dataclass(frozen=True)
class StartResult:
    """The result of a start; `created` is False if the same start had been made before."""

    instance_id: str
    created: bool


class Starts:
    """Starts instances; see `Actions.start` for the effects and errors."""

    def __init__(self, gateway: Gateway, ledger: Ledger, limits: ActionLimits) -> None:
        self._gateway = gateway
        self._reservations = ledger.reservations
        self._limits = limits

    def start(self, request: StartRequest, context: ActionContext) -> StartResult:
        """Reserve the id, start the instance, and record the outcome."""
        instance_id = request.instance_id
        if not is_startable_id(instance_id):
            raise InvalidInput("instance_id", instance_id, INSTANCE_ID)
        wanted = _reservation(request, context)
        requested_at, start, has_waited = datetime.now(UTC), time.monotonic(), False
        while time.monotonic() < start + self._limits.start_wait:
            # In this order: a start between the two reads makes the claim below fail.
            latest = self._reservations.latest(instance_id)
            if instance := self._gateway.state(instance_id):
                return self._found(wanted, instance, requested_at, is_new_id=request.is_new_id)
            if latest is None or latest.is_accepted or is_abandoned(latest, self._limits):
                in_time = time.monotonic() < start + self._limits.start_claim_wait
                if (in_time or not has_waited) and (
                    claimed := self._reservations.claim(wanted, latest, _entry(wanted, context))
                ):
                    return self._start_claimed(claimed)
            elif not is_same(latest, wanted):
                raise InstanceExists(instance_id, "by another start, which is in progress")
            time.sleep(self._limits.poll_interval)
            has_waited = True
        raise OutcomeUnknown("start", "the same start is in progress")

    def _found(
        self, wanted: Reservation, instance: Instance, requested_at: datetime, *, is_new_id: bool
    ) -> StartResult:
        """Return the result if the same start made the instance, and accept its reservation.

        Raise `InstanceExists` for any other instance.
        """
        latest = self._reservations.latest(wanted.instance_id)
        accepts_finished = is_new_id or _is_unanswered(latest, requested_at)
        result = _existing(wanted, instance, latest, accepts_finished=accepts_finished)
        if latest and not latest.is_accepted and is_same(latest, wanted):
            self._reservations.accept(latest)
        return result

    def _start_claimed(self, reservation: Reservation) -> StartResult:
        instance_id = reservation.instance_id
        try:
            created = self._call(reservation)
        except (Conflict, DaprUnavailable, DaprRefused) as error:
            with best_effort("a start", instance_id):  # if this fails, the reservation expires
                self._reservations.release(reservation, str(error))
            raise
        with best_effort("a start", instance_id):  # if this fails, the next request accepts it
            self._reservations.accept(reservation)
        log.info(
            f"start {instance_id}",
            instance_id=instance_id,
            actor=reservation.actor.name,
            workflow=reservation.workflow,
        )
        return StartResult(instance_id, created)

    def _call(self, reservation: Reservation) -> bool:
        """Start the instance; return False if the engine already has it."""
        workflow, instance_id = reservation.workflow, reservation.instance_id
        try:
            self._gateway.start(
                workflow, instance_id, reservation.payload, reservation.scheduled_for
            )
        except InstanceExists:
            # Started by a program without this ledger, or by a call whose answer was lost.
            instance = self._gateway.state(instance_id)
            if instance is None:
                raise
            _existing(reservation, instance, reservation, accepts_finished=True)
            return False
        return True


def is_same(one: Reservation, other: Reservation) -> bool:
    """Return True if two reservations are for the same start."""
    return (one.workflow, one.payload) == (other.workflow, other.payload)


def is_abandoned(reservation: Reservation, limits: ActionLimits) -> bool:
    """Return True if the reserving process must have died, because its time to start is over."""
    return time.time_ns() - reservation.claim > limits.reservation * 10**9


def _reservation(request: StartRequest, context: ActionContext) -> Reservation:
    payload = json.dumps(request.payload, sort_keys=True)
    return Reservation(
        request.instance_id,
        request.workflow,
        payload,
        context.actor,
        scheduled_for=request.scheduled_for,
    )


def _entry(wanted: Reservation, context: ActionContext) -> AuditEntry:
    """Return the audit entry of a start before it is carried out."""
    return AuditEntry(
        at=datetime.now(UTC),
        actor=context.actor,
        action=START,
        instance_id=wanted.instance_id,
        outcome=Outcome.UNKNOWN,
        message=OUTCOME_NOT_RECORDED,
        reason=context.reason or None,
        bulk_id=context.bulk_id,
    )


def _existing(
    wanted: Reservation, instance: Instance, latest: Reservation | None, *, accepts_finished: bool
) -> StartResult:
    """Return the result for an existing instance if the same start made it.

    Raise `InstanceExists` for any other instance, and for a finished one unless `accepts_finished`.
    """
    if not _is_made_by(instance, wanted, latest):
        raise InstanceExists(wanted.instance_id, f"by another start, which is {instance.status}")
    if instance.status.is_finished and not accepts_finished:
        raise InstanceExists(wanted.instance_id, f"by the same start, which is {instance.status}")
    return StartResult(wanted.instance_id, created=False)


def _is_made_by(instance: Instance, wanted: Reservation, latest: Reservation | None) -> bool:
    """Return True if the wanted start made the instance.

    The engine does not report input and workflow of a pending instance; its reservation has them.
    """
    if instance.input is None and instance.status is Status.PENDING:
        return latest is not None and is_same(latest, wanted)
    return instance.workflow == wanted.workflow and same_json(instance.input, wanted.payload)


def _is_unanswered(latest: Reservation | None, requested_at: datetime) -> bool:
    """Return True if the latest start was not answered when a request arrived.

    Then both requests were sent at the same time, or the second because an answer was lost.
    """
    return latest is not None and (latest.accepted_at is None or latest.accepted_at >= requested_at)
