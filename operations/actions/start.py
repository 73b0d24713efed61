"""Starts instances: once, even if several processes request the same start repeatedly."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from operations.actions.context import ActionContext, ActionLimits, check_name
from operations.actions.payload_limit import check_start_input
from operations.actions.recording import best_effort
from operations.actions.same_start import (
    age_of,
    check_existing,
    is_abandoned,
    is_same,
    is_unanswered,
    may_act,
)
from operations.actions.start_queue import StartQueue
from operations.errors import (
    Conflict,
    DaprRefused,
    DaprUnavailable,
    InstanceExists,
    InvalidInput,
    OutcomeUnknown,
    TooManyStarts,
)
from operations.gateway import Gateway
from operations.json_texts import is_python_json
from operations.ledger import Ledger, Reservation
from operations.model import INSTANCE_ID, MAX_ID_LENGTH, Instance, is_startable_id
from operations.records import OUTCOME_NOT_RECORDED, START, AuditEntry, Outcome

MAX_START_DELAY = timedelta(days=366)
"""A start that is scheduled for later is a mistake, such as the year 9999."""

log = structlog.get_logger(__name__)

IN_MEMORY = "by an instance that daprd keeps in memory until it restarts, as after a forced purge"
"""Why the engine refuses an id although it reports no instance with this id."""
_SHOWN = 200  # characters of an input that is not JSON
_LONGEST_PAUSE = 0.4  # seconds between two reads of a start that another request makes


@dataclass(frozen=True)
class StartRequest:
    """The instance to start, by the name of its workflow.

    `payload` is the input: an object, or the JSON text of any value, which stays as it is written.

    `scheduled_for` is an aware time at most 366 days ahead, None for now; requests that differ only
    in it are the same start. Raise `InvalidInput` for a later time.

    `is_new_id` says that the caller created the id for this one start: then a finished instance of
    the same start is its result.
    """

    workflow: str
    instance_id: str
    payload: Mapping[str, object] | str
    scheduled_for: datetime | None = None
    is_new_id: bool = False

    def __post_init__(self) -> None:
        if self.scheduled_for and self.scheduled_for > datetime.now(UTC) + MAX_START_DELAY:
            expected = f"a time within {MAX_START_DELAY.days} days"
            raise InvalidInput("scheduled_for", self.scheduled_for.isoformat(), expected)


@dataclass(frozen=True)
class StartResult:
    """The result of a start; `created` is False if the same start had been made before."""

    instance_id: str
    created: bool


@dataclass
class _OpenStart:
    """A start that a request is waiting for.

    `deadline` is by the monotonic clock. `claimed` is the last reservation of this request.
    `unknown` is the error for the caller if nothing more becomes known; it is None until the start
    may have been carried out, by this request or by another one.
    """

    wanted: Reservation
    entry: AuditEntry
    is_new_id: bool
    requested_at: datetime
    deadline: float
    claimed: Reservation | None = None
    unknown: OutcomeUnknown | None = None


class Starts:
    """Starts instances; see `Actions.start` for the effects and errors.

    Dapr erases a finished instance when its id is started again, so a start that may have been
    carried out is repeated only when the first call can no longer act, and the engine still has no
    instance. Dapr 1.18 carries out a start under the context of the caller's call (the lock, the
    reminder and the state of the instance), and the context ends with the deadline or with the
    connection. A frozen sidecar notices neither. When it runs again, it continues the calls that it
    accepted before. A sidecar that answers a read is running: `start_margin` seconds after that
    answer, each such call has ended or has created its instance. So `_is_free` waits after the read
    of its caller, and reads again.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger, limits: ActionLimits) -> None:
        self._gateway = gateway
        self._reservations = ledger.reservations
        self._limits = limits
        self._queue = StartQueue(limits)

    def start(self, request: StartRequest, context: ActionContext) -> StartResult:
        """Reserve the id, start the instance, and record the outcome."""
        wanted = _reservation(request, context)
        _check(wanted, self._gateway.max_body_size)
        deadline = time.monotonic() + self._limits.start
        start = _OpenStart(
            wanted, _entry(wanted, context), request.is_new_id, datetime.now(UTC), deadline
        )
        try:
            with self._queue.admission(request.instance_id):
                return self._until_started(start)
        except (DaprUnavailable, TooManyStarts) as error:
            if start.unknown:  # these errors say that nothing was done
                raise start.unknown from error
            raise

    def _until_started(self, start: _OpenStart) -> StartResult:
        last_turn = start.deadline - self._limits.start_min_call
        while True:
            with self._queue.turn(start.wanted.instance_id, last_turn):
                result = self._try(start)
            if result := result or self._wait(start, last_turn):
                return result

    def _try(self, start: _OpenStart) -> StartResult | None:
        """Start the instance; return None if the same start may have been carried out."""
        wanted = start.wanted
        # In this order: a start between the two reads makes the claim below fail.
        latest = self._reservations.latest(wanted.instance_id)
        if instance := self._gateway.state(wanted.instance_id):
            return self._found(start, instance)
        if latest is None or latest.is_accepted or self._is_free(latest, wanted):
            start.claimed = self._reservations.claim(wanted, latest, start.entry)
            if start.claimed:
                return self._start_claimed(start, start.claimed)
        start.unknown = start.unknown or OutcomeUnknown("start", "the same start is in progress")
        return None

    def _is_free(self, latest: Reservation, wanted: Reservation) -> bool:
        """Return True if an unaccepted reservation can no longer lead to an instance.

        The caller has just read that the engine has no instance. Raise `InstanceExists` if another
        start may be in progress.
        """
        if not is_same(latest, wanted):
            if not is_abandoned(latest, self._limits):
                raise InstanceExists(wanted.instance_id, "by another start, which is in progress")
        elif may_act(latest, self._limits):
            return False
        time.sleep(self._limits.start_margin)
        return self._gateway.state(wanted.instance_id) is None

    def _wait(self, start: _OpenStart, last_turn: float) -> StartResult | None:
        """Wait for a start that may have been carried out.

        Return its result, or None when the start may be tried again. Raise `OutcomeUnknown` at the
        deadline.
        """
        instance_id, pause = start.wanted.instance_id, self._limits.poll_interval
        while time.monotonic() + pause < start.deadline:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            latest = self._reservations.latest(instance_id)
            try:
                if instance := self._gateway.state(instance_id):
                    return self._found(start, instance)
            except DaprUnavailable:
                continue
            is_over = (
                latest is None
                or latest.is_accepted
                or not is_same(latest, start.wanted)
                or not may_act(latest, self._limits)
            )
            if is_over and time.monotonic() < last_turn:
                return None
        raise start.unknown or OutcomeUnknown("start", "no answer in time")

    def _found(self, start: _OpenStart, instance: Instance) -> StartResult:
        """Return the result if the same start made the instance, and accept its reservation.

        Raise `InstanceExists` for any other instance.
        """
        wanted, claimed = start.wanted, start.claimed
        latest = self._reservations.latest(wanted.instance_id)
        accepts_finished = start.is_new_id or is_unanswered(latest, start.requested_at)
        check_existing(wanted, instance, latest, accepts_finished=accepts_finished)
        if latest and not latest.is_accepted and is_same(latest, wanted):
            self._reservations.accept(latest)
        is_ours = claimed is not None and latest is not None and claimed.claim == latest.claim
        return StartResult(wanted.instance_id, created=is_ours)

    def _start_claimed(self, start: _OpenStart, reservation: Reservation) -> StartResult | None:
        """Start the instance of a reservation; return None if its answer was lost."""
        instance_id = reservation.instance_id
        try:
            created = self._call(reservation, start.deadline)
        except OutcomeUnknown as error:
            start.unknown = error
            return None
        except (Conflict, DaprUnavailable, DaprRefused, TooManyStarts) as error:
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

    def _call(self, reservation: Reservation, deadline: float) -> bool:
        """Start the instance; return False if the engine already has it.

        The call ends `start_call` after the reservation, however long the ledger took.
        """
        workflow, instance_id = reservation.workflow, reservation.instance_id
        time_left = min(self._limits.start_call - age_of(reservation), deadline - time.monotonic())
        if time_left <= 0:
            raise TooManyStarts(instance_id)
        try:
            self._gateway.start(
                workflow, instance_id, reservation.payload, reservation.scheduled_for, time_left
            )
        except InstanceExists as error:
            # Started by a program without this ledger, or by a call whose answer was lost.
            instance = self._gateway.state(instance_id)
            if instance is None:
                raise InstanceExists(instance_id, IN_MEMORY) from error
            check_existing(reservation, instance, reservation, accepts_finished=True)
            return False
        return True


def check_workflow(name: str) -> None:
    """Raise `InvalidInput` for a text that cannot name a workflow."""
    check_name("workflow", name, MAX_ID_LENGTH)
    if not name.isprintable():
        raise InvalidInput("workflow", name, "a name without control characters")


def _check(wanted: Reservation, max_body_size: int | None) -> None:
    """Raise `InvalidInput` for values that the engine, or a worker, cannot accept."""
    if not is_startable_id(wanted.instance_id):
        raise InvalidInput("instance_id", wanted.instance_id, INSTANCE_ID)
    check_workflow(wanted.workflow)
    check_start_input(wanted.payload, max_body_size)
    if not is_python_json(wanted.payload):
        raise InvalidInput("input", wanted.payload[:_SHOWN], "JSON")


def _reservation(request: StartRequest, context: ActionContext) -> Reservation:
    payload = request.payload
    if not isinstance(payload, str):
        payload = json.dumps(payload, sort_keys=True)
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
