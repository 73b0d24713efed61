"""Compares a start with the reservation and the instance that its id has already."""

import time
from datetime import datetime

from operations.actions.context import ActionLimits
from operations.errors import InstanceExists
from operations.json_texts import same_json
from operations.ledger import Reservation
from operations.model import Instance, Status


def is_same(one: Reservation, other: Reservation) -> bool:
    """Return True if two reservations are for the same start."""
    return (one.workflow, one.payload) == (other.workflow, other.payload)


def is_abandoned(reservation: Reservation, limits: ActionLimits) -> bool:
    """Return True if the reserving process must have died, because its time to start is over."""
    return age_of(reservation) > limits.reservation


def may_act(reservation: Reservation, limits: ActionLimits) -> bool:
    """Return True if the call of a reserved start may still create the instance.

    See `Starts` for a sidecar that was frozen.
    """
    return age_of(reservation) < limits.start_call + limits.start_margin


def age_of(reservation: Reservation) -> float:
    """Return the seconds since the reservation."""
    return (time.time_ns() - reservation.claim) / 10**9


def check_existing(
    wanted: Reservation, instance: Instance, latest: Reservation | None, *, accepts_finished: bool
) -> None:
    """Raise `InstanceExists` unless the same start made an existing instance.

    A finished instance is refused unless `accepts_finished`.
    """
    if not _is_made_by(instance, wanted, latest):
        raise InstanceExists(wanted.instance_id, f"by another start, which is {instance.status}")
    if instance.status.is_finished and not accepts_finished:
        raise InstanceExists(wanted.instance_id, f"by the same start, which is {instance.status}")


def _is_made_by(instance: Instance, wanted: Reservation, latest: Reservation | None) -> bool:
    """Return True if the wanted start made the instance.

    The engine does not report input and workflow of a pending instance; its reservation has them.
    """
    if instance.input is None and instance.status is Status.PENDING:
        return latest is not None and is_same(latest, wanted)
    return instance.workflow == wanted.workflow and same_json(instance.input, wanted.payload)


def is_unanswered(latest: Reservation | None, requested_at: datetime) -> bool:
    """Return True if the latest start was not answered when a request arrived.

    Then both requests were sent at the same time, or the second because an answer was lost.
    """
    return latest is not None and (latest.accepted_at is None or latest.accepted_at >= requested_at)
