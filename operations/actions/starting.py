"""Reservations: once, however often and from wherever the same start is asked for."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    Conflict,
    DaprRefused,
    DaprUnavailable,
    InstanceExists,
    InvalidInput,
    OutcomeUnknown,
)
from operations.gateway import Gateway
from operations.ledger import Ledger, Reservation
from operations.model import INSTANCE_ID, Instance, Status, is_startable_id, parse_payload
from operations.records import Snapshot
from operations.timeline import Timeline

CLAIM_LASTS = 10.0  # seconds after which a start that is under way counts as abandoned
PATIENCE = 2.5  # seconds to wait for a start that another request has under way
CLAIM_BY = 1.0  # seconds after which a request that has waited makes no start of its own any more
BETWEEN_READS = 0.05  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Started:
    """The outcome of a start: `created` is False when the same start had been made already."""

    instance_id: str
    created: bool


class Starting:
    """Reservations instances: `Actions.start` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger

    def start(self, wanted: Reservation, *, finished_counts: bool) -> Started:
        """Claim the id, start the instance, and note that it is there."""
        instance_id = wanted.instance_id
        if not is_startable_id(instance_id):
            raise InvalidInput("instance_id", instance_id, INSTANCE_ID)
        arrived, began, has_waited = datetime.now(UTC), time.monotonic(), False
        while time.monotonic() < began + PATIENCE:
            # In this order: a start that comes between the two reads makes the claim fail below.
            latest = self._ledger.reservations.latest(instance_id)
            instance = self._gateway.state(instance_id)
            if instance:
                return self._found(wanted, instance, arrived, finished_counts=finished_counts)
            if latest is None or latest.is_accepted or is_abandoned(latest):
                in_time = not has_waited or time.monotonic() < began + CLAIM_BY
                claimed = self._ledger.reservations.claim(wanted, latest) if in_time else None
                if claimed:
                    return self._start_claimed(claimed)
            elif not is_same(latest, wanted):
                raise InstanceExists(instance_id, "by another start, which is under way")
            time.sleep(BETWEEN_READS)
            has_waited = True
        raise OutcomeUnknown("start", "a start of it is under way")

    def _found(
        self, wanted: Reservation, instance: Instance, arrived: datetime, *, finished_counts: bool
    ) -> Started:
        latest = self._ledger.reservations.latest(wanted.instance_id)
        counts = finished_counts or _is_untold(latest, arrived)
        started = _already_there(wanted, instance, latest, finished_counts=counts)
        if latest and not latest.is_accepted and is_same(latest, wanted):
            self._ledger.reservations.accept(latest)
        return started

    def _start_claimed(self, start: Reservation) -> Started:
        try:
            created = self._start_in_engine(start)
        except (Conflict, DaprUnavailable, DaprRefused):
            with in_spite_of_the_ledger("a start", start.instance_id):
                self._ledger.reservations.release(start)  # or the claim lapses by itself
            raise
        with in_spite_of_the_ledger("a start", start.instance_id):
            self._ledger.reservations.accept(
                start
            )  # or the next request that finds the instance does
            self._ledger.runs.ingest([_first_sight(start)])
        log.info(
            f"start {start.instance_id}",
            instance_id=start.instance_id,
            actor=start.actor.name,
            workflow=start.workflow,
        )
        return Started(start.instance_id, created)

    def _start_in_engine(self, start: Reservation) -> bool:
        """Start the instance; False if the engine turns out to have it already."""
        try:
            self._gateway.start(
                start.workflow, start.instance_id, start.payload, start.scheduled_for
            )
        except InstanceExists:
            # Started by somebody who does not use this ledger, or by a call that was thought lost.
            instance = self._gateway.state(start.instance_id)
            if instance is None:
                raise
            _already_there(start, instance, start, finished_counts=True)
            return False
        return True


def _first_sight(start: Reservation) -> Snapshot:
    """Return what is known of an instance that has just been started: lists show it at once."""
    pending = Instance(
        start.instance_id, start.workflow, Status.PENDING, None, None, input=start.payload
    )
    return Snapshot(
        pending, Timeline(), read_at=start.reserved_at, scheduled_for=start.scheduled_for
    )


def _already_there(
    wanted: Reservation, instance: Instance, latest: Reservation | None, *, finished_counts: bool
) -> Started:
    """Take an instance that has the id for this start's own, or raise `InstanceExists`."""
    if not _is_of(instance, wanted, latest):
        raise InstanceExists(wanted.instance_id, f"by another start, which is {instance.status}")
    if instance.status.is_finished and not finished_counts:
        raise InstanceExists(wanted.instance_id, f"by the same start, which is {instance.status}")
    return Started(wanted.instance_id, created=False)


def _is_of(instance: Instance, wanted: Reservation, latest: Reservation | None) -> bool:
    """Whether an instance was made by the start that is wanted.

    The engine knows neither input nor workflow of one that is still pending: then the ledger does.
    """
    if instance.input is None and instance.status is Status.PENDING:
        return latest is not None and is_same(latest, wanted)
    same_input = parse_payload(instance.input) == parse_payload(wanted.payload)
    return instance.workflow == wanted.workflow and same_input


def is_same(one: Reservation, other: Reservation) -> bool:
    """Whether two starts ask for the same."""
    return (one.workflow, one.payload) == (other.workflow, other.payload)


def _is_untold(latest: Reservation | None, arrived: datetime) -> bool:
    """Whether the latest start was not known to have worked before a request arrived.

    Then the request is as good as the start: sent at the same moment, or again for want of an
    answer.
    """
    return latest is not None and (latest.accepted_at is None or latest.accepted_at >= arrived)


def is_abandoned(start: Reservation) -> bool:
    """Whether whoever claimed the start has had the time to make it."""
    return time.time_ns() - start.claim > CLAIM_LASTS * 10**9
