"""Reruns: what would come of one, and one that is made once, however often it is asked for."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from operations.actions.holding import Holding
from operations.actions.noting import Noting
from operations.actions.requests import Request
from operations.actions.spite import in_spite_of_the_ledger
from operations.actions.starting import is_abandoned, is_same
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
from operations.records import AuditEntry, Outcome, Snapshot
from operations.snapshots import read_snapshot
from operations.timeline.rerun_plan import RerunPlan, plan_of

Choice = Callable[[Snapshot], tuple[int, str]]
"""What says from which event a source is run again, and as which id; may raise `NotRerunnable`."""

_LONGEST_ID = 64
_MARK = 8  # hexadecimal digits that tell the reruns of one instance apart


@dataclass(frozen=True)
class Reran:
    """The outcome of a rerun: `created` is False when the same rerun had been made already."""

    source_id: str
    instance_id: str
    created: bool
    plan: RerunPlan


class Rerunning:
    """Runs instances again: `Actions.rerun` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def source(self, source_id: str) -> Snapshot:
        """Return an instance that can be run again, with its history."""
        source = read_snapshot(self._gateway, source_id)
        if source is None:
            if self._ledger.runs.latest(source_id):
                raise NotRerunnable(source_id, "the engine has it no more")
            raise UnknownInstance(source_id)
        if Action.RERUN not in allowed_actions(source.instance.status):
            raise ActionNotAllowed(Action.RERUN, source_id, source.instance.status)
        if parent_id := source.timeline.parent_id:
            raise NotRerunnable(source_id, f"it is a child of {parent_id!r}: rerun that")
        return source

    def rerun(
        self, source_id: str, event_id: int, new_id: str, payload: str | None, request: Request
    ) -> Reran:
        """Claim the new id, make the rerun, and note it for both instances."""
        if not is_startable_id(new_id):
            raise InvalidInput("new_instance_id", new_id, INSTANCE_ID)
        return self.rerun_from(source_id, lambda _: (event_id, new_id), payload, request)

    def rerun_from(
        self, source_id: str, choose: Choice, payload: str | None, request: Request
    ) -> Reran:
        """Do the same with the event, and the new id, that come of the source."""
        with (
            self._noting.attempt(request, Action.RERUN, source_id) as attempt,
            self._holding.alone_on(source_id, Action.RERUN),
        ):
            attempt.before = self._status_before(source_id)
            self._noting.ensure_same_run(source_id, request)
            source = self.source(source_id)
            event_id, new_id = choose(source)
            plan = planned(source, event_id, payload)
            attempt.detail = f"from event {event_id}, as {new_id!r}"

            def make() -> None:
                self._noting.begin(attempt)
                self._gateway.rerun(source_id, event_id, new_id, payload)

            created = self._make(_start(source, event_id, new_id, payload, request), make)
            outcome = Outcome.DONE if created else Outcome.UNCHANGED
            self._noting.note(attempt.entry(outcome, attempt.before), attempt.key)
            if created:
                self._note_of_new(attempt.entry(outcome), new_id, event_id)
            return Reran(source_id, new_id, created, plan)

    def _status_before(self, source_id: str) -> Status:
        if instance := self._gateway.state(source_id):
            return instance.status
        if summary := self._ledger.runs.latest(source_id):
            return summary.status
        raise UnknownInstance(source_id)

    def _make(self, wanted: Reservation, make: Callable[[], None]) -> bool:
        """Make the rerun unless it is there already; return whether it was made now."""
        # In this order: a start that comes between the two reads makes the claim fail below.
        latest = self._ledger.reservations.latest(wanted.instance_id)
        if self._gateway.state(wanted.instance_id):
            self._take_for_own(wanted, latest)
            return False
        if latest and not (latest.is_accepted or is_abandoned(latest)):
            raise _under_way(wanted, latest)
        claimed = self._ledger.reservations.claim(wanted, latest)
        if claimed is None:
            raise InstanceExists(wanted.instance_id, "by another start, which is under way")
        self._make_claimed(claimed, make)
        return True

    def _take_for_own(self, wanted: Reservation, latest: Reservation | None) -> None:
        """Take what has the new id for this rerun, whose answer was lost, or refuse it."""
        if latest is None or not is_same(latest, wanted):
            raise InstanceExists(wanted.instance_id, "by another instance")
        if not latest.is_accepted:
            self._ledger.reservations.accept(latest)

    def _make_claimed(self, start: Reservation, make: Callable[[], None]) -> None:
        try:
            make()
        except (Conflict, DaprUnavailable, DaprRefused, UnknownInstance):
            with in_spite_of_the_ledger("a rerun", start.instance_id):
                self._ledger.reservations.release(start)  # or the claim lapses by itself
            raise
        except OutcomeUnknown as error:
            if not self._is_there(start.instance_id):
                call = f"rerun as {start.instance_id!r}"
                raise OutcomeUnknown(call, error.reason, _ASK_AGAIN) from error
        with in_spite_of_the_ledger("a rerun", start.instance_id):
            self._ledger.reservations.accept(start)

    def _is_there(self, instance_id: str) -> bool:
        """Whether the engine is known to have the instance."""
        try:
            return self._gateway.state(instance_id) is not None
        except (DaprUnavailable, DaprRefused):
            return False

    def _note_of_new(self, entry: AuditEntry, new_id: str, event_id: int) -> None:
        """Note for the new instance how it came about."""
        told, after = f"from event {event_id} of {entry.instance_id!r}", self._status_of(new_id)
        own = replace(entry, instance_id=new_id, before=None, after=after, message=told)
        self._noting.note(own)

    def _status_of(self, instance_id: str) -> Status | None:
        try:
            instance = self._gateway.state(instance_id)
        except (DaprUnavailable, DaprRefused):  # it was made all the same
            return None
        return instance.status if instance else None


_ASK_AGAIN = "The same request again, with this id for the new instance, is safe."


def planned(source: Snapshot, event_id: int, payload: str | None = None) -> RerunPlan:
    """Return what comes of a rerun of a source; raises `NotRerunnable`."""
    instance_id = source.instance.instance_id
    plan = plan_of(source.history or (), event_id)
    if plan is None:
        raise NotRerunnable(instance_id, f"event {event_id} is no activity, timer or child of it")
    if payload is not None and not plan.takes_input:
        raise NotRerunnable(instance_id, f"event {event_id} is a timer, which takes no input")
    return plan


def made_up_id(source_id: str) -> str:
    """Return an id for a rerun that nobody has."""
    return _id_of(source_id, secrets.token_hex(_MARK // 2))


def settled_id(source_id: str, run_id: int, event_id: int) -> str:
    """Return an id for a rerun that is always the same for a life of the source and an event."""
    return _id_of(
        source_id, sha256(f"{source_id} {run_id} {event_id}".encode()).hexdigest()[:_MARK]
    )


def _id_of(source_id: str, mark: str) -> str:
    end = f"-rerun-{mark}"
    return f"{source_id if is_startable_id(source_id) else 'an'}"[: _LONGEST_ID - len(end)] + end


def _start(
    source: Snapshot, event_id: int, new_id: str, payload: str | None, request: Request
) -> Reservation:
    """Return the claim of a rerun; two are the same if they repeat the same from the same event."""
    told = {
        "rerun_of": source.instance.instance_id,
        "execution": source.timeline.execution_id,
        "event": event_id,
        "input": payload,
    }
    workflow = source.instance.workflow
    return Reservation(new_id, workflow, json.dumps(told, sort_keys=True), request.actor)


def _under_way(wanted: Reservation, latest: Reservation) -> Conflict | OutcomeUnknown:
    if is_same(latest, wanted):
        return OutcomeUnknown("rerun", "a rerun of it is under way")
    return InstanceExists(wanted.instance_id, "by another start, which is under way")
