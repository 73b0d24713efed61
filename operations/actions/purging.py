"""Purges: archive first, then have the engine forget, and note who wanted it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from operations.actions.families import ensure_finished, family_of, read_root
from operations.actions.forgetting import ANSWERED, BULK, Forgetting, How, have_finished, ids_of
from operations.actions.holding import Held, Holding
from operations.actions.noting import Attempt, Noting
from operations.actions.requests import Request
from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    ActionNotAllowed,
    FlowdeckError,
    NotArchived,
    OutcomeUnknown,
    RunReplaced,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Status, allowed_actions
from operations.records import AuditEntry, Outcome, Snapshot
from operations.snapshots import read_snapshot


@dataclass(frozen=True)
class Purged:
    """The outcome of a purge: `ids` are those that the engine has forgotten by it."""

    instance_id: str
    before: Status
    ids: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the purge did anything: False when the engine had forgotten it already."""
        return bool(self.ids)


class Purging:
    """Purges instances: `Actions.purge` says what it does, and what it raises."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._holding = Holding(ledger)
        self._noting = Noting(gateway, ledger)

    def purge(self, instance_id: str, request: Request, how: How) -> Purged:
        """Purge alone; without the ledger nothing is purged, for nothing could be archived."""
        until = time.monotonic() + (ANSWERED if request.bulk is None else BULK)
        with (
            self._noting.attempt(request, Action.PURGE, instance_id) as attempt,
            self._holding.alone_on(instance_id, Action.PURGE) as held,
        ):
            before = self._gateway.state(instance_id)
            if before is None:
                return self._gone_already(attempt)
            attempt.before = before.status
            self._noting.ensure_same_run(instance_id, request)
            with self._ended_if_pending(attempt, how):
                family = self._archived(instance_id, how, held)
            attempt.detail = None if before.status.is_finished else "by force"
            self._noting.begin(attempt)
            self._forget(Forgetting(self._gateway, family, how, held, until), attempt)
            self._mark(family)
            root = attempt.entry(Outcome.DONE)
            self._noting.note_all([root, *_of_descendants(root, family)], attempt.key)
            return Purged(instance_id, before.status, ids_of(family))

    @contextmanager
    def _ended_if_pending(self, attempt: Attempt, how: How) -> Iterator[None]:
        """End what is pending, for force alone does not find it; what fails then was begun."""
        if not (how.force and attempt.before is Status.PENDING):
            yield
            return
        self._noting.begin(attempt)
        self._gateway.terminate(attempt.instance_id)
        try:
            yield
        except FlowdeckError as error:
            reason = f"it was terminated for it, and then: {str(error).rstrip('.')}"
            raise OutcomeUnknown("purge", reason) from error

    def _archived(self, instance_id: str, how: How, held: Held) -> tuple[Snapshot, ...]:
        """Return what is going to be purged, once the ledger holds all of it."""
        root = (read_root if how.force else read_snapshot)(self._gateway, instance_id)
        if root is None:
            raise UnknownInstance(instance_id)
        status = root.instance.status
        if Action.PURGE not in allowed_actions(status, forced=how.force):
            raise ActionNotAllowed(Action.PURGE, instance_id, status)
        family: tuple[Snapshot, ...] = (root,)
        if how.recursive or how.force:
            family = family_of(self._gateway, root, held.hold_on)
        if not how.force:
            ensure_finished(family)
        elif not how.recursive and have_finished(family):
            family = (root,)  # force, which takes all along, is not needed
        held.hold_on()
        self._ledger.runs.ingest(family)
        if how.force:
            held.hold_on()
            self._ledger.runs.keep_histories(family)
        kept = self._ledger.runs.archived(ids_of(family))
        for each in family:
            if kept.get(each.instance.instance_id) is not each.instance.status:
                raise NotArchived(each.instance.instance_id)
        held.hold_on()
        return family

    def _forget(self, forgetting: Forgetting, attempt: Attempt) -> None:
        """Have the engine forget all; what of it has gone is marked and noted, if not all has."""
        try:
            forgetting.forget()
        except FlowdeckError:
            if descendants := forgetting.descendants_gone():
                self._mark(descendants)
                self._noting.note_all(_of_descendants(attempt.entry(Outcome.DONE), descendants))
            raise

    def _mark(self, gone: tuple[Snapshot, ...]) -> None:
        with in_spite_of_the_ledger("a purge", gone[0].instance.instance_id):
            self._ledger.runs.mark_purged(dict.fromkeys(ids_of(gone), datetime.now(UTC)))

    def _gone_already(self, attempt: Attempt) -> Purged:
        instance_id = attempt.instance_id
        summary = self._ledger.runs.latest(instance_id)
        if summary is None:
            raise UnknownInstance(instance_id)
        if attempt.request.run_id not in (None, summary.run_id):
            raise RunReplaced(instance_id)
        if summary.purged_at is None:
            self._ledger.runs.mark_purged({instance_id: datetime.now(UTC)})
        attempt.before = summary.status
        self._noting.note(attempt.entry(Outcome.UNCHANGED))
        return Purged(instance_id, summary.status)


def _of_descendants(root: AuditEntry, family: Sequence[Snapshot]) -> list[AuditEntry]:
    """Return the deeds by which others than the root went with it."""
    others = (each.instance for each in family if each.instance.instance_id != root.instance_id)
    told = f"with {root.instance_id!r}"
    return [
        replace(root, instance_id=each.instance_id, before=each.status, message=told)
        for each in others
    ]
