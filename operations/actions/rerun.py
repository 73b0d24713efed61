"""Reruns finished instances: plans a rerun, and makes it once for repeated requests."""

import json
import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from operations.actions.context import ActionContext, ActionLimits
from operations.actions.payload_limit import check_input
from operations.actions.recording import CurrentAction, Recording, best_effort
from operations.actions.same_start import is_abandoned, is_same
from operations.errors import (
    ActionNotAllowed,
    Conflict,
    DaprRefused,
    DaprUnavailable,
    InstanceExists,
    InvalidInput,
    NotRerunnable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger, Reservation
from operations.model import INSTANCE_ID, Action, Status, allowed_actions, is_startable_id
from operations.records import Outcome, Snapshot
from operations.snapshots import read_snapshot
from operations.timeline.rerun_plan import RerunPlan, failed_call, first_call, plan_of

_MAX_ID_LENGTH = 64
_SUFFIX_DIGITS = 8
_REMEDY = "The same request again, with this id for the new instance, is safe."


class RerunFrom(StrEnum):
    """The call from which a rerun starts if the request names no event."""

    FIRST = "first"
    FAILED = "failed"


_CALLS = {
    RerunFrom.FIRST: (first_call, "it has no activity, timer or child"),
    RerunFrom.FAILED: (failed_call, "its history has no failed call"),
}


@dataclass(frozen=True)
class RerunRequest:
    """The instance to rerun, the event from which the rerun starts, and the id of the new instance.

    `start` is the id of an event in the history, or a call. `payload` is JSON text that replaces
    the input of that event (the activity's or the child's, not the workflow's); None keeps it. If
    `new_id` is None, the new instance gets a random id; in a bulk job it gets the same id for each
    rerun of the same run from the same event.
    """

    source_id: str
    start: int | RerunFrom
    new_id: str | None = None
    payload: str | None = None


@dataclass(frozen=True)
class RerunResult:
    """The result of a rerun; `created` is False if the same rerun had been made before."""

    source_id: str
    instance_id: str
    created: bool
    plan: RerunPlan


class Reruns:
    """Reruns instances; see `Actions.rerun` for the effects and errors."""

    def __init__(
        self, gateway: Gateway, ledger: Ledger, recording: Recording, limits: ActionLimits
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._recording = recording
        self._limits = limits

    def plan(self, request: RerunRequest) -> RerunPlan:
        """Return the effects of a rerun without making it."""
        return _plan(self._source(request.source_id), request)

    def rerun(self, request: RerunRequest, context: ActionContext) -> RerunResult:
        """Reserve the new id, make the rerun, and record it for both instances."""
        if request.new_id is not None and not is_startable_id(request.new_id):
            raise InvalidInput("new_instance_id", request.new_id, INSTANCE_ID)
        source_id = request.source_id
        with self._recording.action(Action.RERUN, source_id, context, needs_ledger=True) as current:
            current.before = self._status_of_source(source_id)
            self._recording.ensure_same_run(source_id, context)
            source = self._source(source_id)
            plan = _plan(source, request)
            check_input(self._gateway, source.history or (), plan.event, request.payload)
            event_id = plan.event.event_id
            new_id = request.new_id or _new_id(source_id, event_id, context)
            current.detail = f"from event {event_id}, as {new_id!r}"
            wanted = _reservation(source, event_id, new_id, request.payload, context)
            created = self._make_once(wanted, event_id, request.payload, current)
            self._record(current, new_id, event_id, created=created)
            return RerunResult(source_id, new_id, created, plan)

    def _source(self, source_id: str) -> Snapshot:
        """Return an instance that can be rerun, with its history."""
        source = read_snapshot(self._gateway, source_id)
        if source is None:
            if self._ledger.runs.latest(source_id):
                raise NotRerunnable(source_id, "the engine no longer has it")
            raise UnknownInstance(source_id)
        if Action.RERUN not in allowed_actions(source.instance.status):
            raise ActionNotAllowed(Action.RERUN, source_id, source.instance.status)
        if parent_id := source.timeline.parent_id:
            raise NotRerunnable(source_id, f"it is a child of {parent_id!r}: rerun that")
        return source

    def _status_of_source(self, source_id: str) -> Status:
        source = self._gateway.state(source_id) or self._ledger.runs.latest(source_id)
        if source is None:
            raise UnknownInstance(source_id)
        return source.status

    def _make_once(
        self, wanted: Reservation, event_id: int, payload: str | None, current: CurrentAction
    ) -> bool:
        """Make the rerun unless it has been made; return True if it was made now."""
        # In this order: a start between the two reads makes the claim below fail.
        latest = self._ledger.reservations.latest(wanted.instance_id)
        if self._gateway.state(wanted.instance_id):
            self._adopt(wanted, latest)
            return False
        if latest and not (latest.is_accepted or is_abandoned(latest, self._limits)):
            if is_same(latest, wanted):
                raise OutcomeUnknown("rerun", "the same rerun is in progress")
            raise _taken_by_start(wanted)
        claimed = self._ledger.reservations.claim(wanted, latest)
        if claimed is None:
            raise _taken_by_start(wanted)
        self._recording.write_ahead(current)
        self._call(claimed, current.instance_id, event_id, payload)
        return True

    def _adopt(self, wanted: Reservation, latest: Reservation | None) -> None:
        """Accept the instance if the same rerun made it, for example when its answer was lost.

        Raise `InstanceExists` for any other instance.
        """
        if latest is None or not is_same(latest, wanted):
            raise InstanceExists(wanted.instance_id, "by another instance")
        if not latest.is_accepted:
            self._ledger.reservations.accept(latest)

    def _call(
        self, reservation: Reservation, source_id: str, event_id: int, payload: str | None
    ) -> None:
        new_id = reservation.instance_id
        try:
            self._gateway.rerun(source_id, event_id, new_id, payload)
        except (Conflict, DaprUnavailable, DaprRefused, UnknownInstance) as error:
            with best_effort("a rerun", new_id):  # if this fails, the reservation expires
                self._ledger.reservations.release(reservation, str(error))
            raise
        except OutcomeUnknown as error:
            if self._status_of_new(new_id) is None:
                raise OutcomeUnknown(f"rerun as {new_id!r}", error.reason, _REMEDY) from error
        with best_effort("a rerun", new_id):
            self._ledger.reservations.accept(reservation)

    def _record(self, current: CurrentAction, new_id: str, event_id: int, *, created: bool) -> None:
        """Record the rerun for the source and, if it was made now, for the new instance."""
        source_id, context = current.instance_id, current.context
        entry = current.entry(Outcome.DONE if created else Outcome.UNCHANGED, current.before)
        others = []
        if created:
            made = CurrentAction(Action.RERUN, new_id, context, current.lease, needs_ledger=True)
            message = f"from event {event_id} of {source_id!r}"
            others.append(made.entry(Outcome.DONE, self._status_of_new(new_id), message))
        self._recording.add_entries(current, entry, *others)
        for each in (entry, *others):
            self._recording.record_instance(each.instance_id)

    def _status_of_new(self, new_id: str) -> Status | None:
        """Return the status of the new instance, None if the engine does not return it."""
        try:
            instance = self._gateway.state(new_id)
        except (DaprUnavailable, DaprRefused):
            return None
        return instance.status if instance else None


def _plan(source: Snapshot, request: RerunRequest) -> RerunPlan:
    """Return the plan of a rerun; raise `NotRerunnable`."""
    event_id = _event_id(source, request.start)
    plan = plan_of(source.history or (), event_id)
    if plan is None:
        reason = f"event {event_id} is not an activity, a timer or a child"
        raise NotRerunnable(request.source_id, reason)
    if request.payload is not None and not plan.takes_input:
        reason = f"event {event_id} is a timer, which takes no input"
        raise NotRerunnable(request.source_id, reason)
    return plan


def _event_id(source: Snapshot, start: int | RerunFrom) -> int:
    if not isinstance(start, RerunFrom):
        return start
    find, reason = _CALLS[start]
    call = find(source.history or ())
    if call is None:
        raise NotRerunnable(source.instance.instance_id, reason)
    return call.event_id


def suggested_id(source_id: str) -> str:
    """Return a random id of at most 64 characters for a rerun of an instance."""
    return _id_with(source_id, secrets.token_hex(_SUFFIX_DIGITS // 2))


def _new_id(source_id: str, event_id: int, context: ActionContext) -> str:
    """Return an id of at most 64 characters for a new instance; see `RerunRequest`."""
    if context.bulk_id is None:
        return suggested_id(source_id)
    identity = f"{source_id} {context.run_id} {event_id}"
    return _id_with(source_id, sha256(identity.encode()).hexdigest()[:_SUFFIX_DIGITS])


def _id_with(source_id: str, suffix: str) -> str:
    end = f"-rerun-{suffix}"
    base = source_id if is_startable_id(source_id) else "instance"
    return base[: _MAX_ID_LENGTH - len(end)] + end


def _reservation(
    source: Snapshot, event_id: int, new_id: str, payload: str | None, context: ActionContext
) -> Reservation:
    """Return the reservation of a rerun; it is equal for the same run, event and input."""
    identity = {
        "rerun_of": source.instance.instance_id,
        "execution": source.timeline.execution_id,
        "event": event_id,
        "input": payload,
    }
    text = json.dumps(identity, sort_keys=True)
    return Reservation(new_id, source.instance.workflow, text, context.actor)


def _taken_by_start(wanted: Reservation) -> InstanceExists:
    return InstanceExists(wanted.instance_id, "by another start, which is in progress")
