"""Purges instances: archives them in the ledger first, then the engine deletes them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from operations.actions.context import ActionContext, ActionLimits
from operations.actions.recording import CurrentAction, Recording, best_effort
from operations.actions.subtree import PurgeOptions, Subtree, Subtrees, ids_of
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


@dataclass(frozen=True)
class PurgeResult:
    """The instance's status before a purge, and the ids of the deleted instances."""

    instance_id: str
    before: Status
    ids: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the purge deleted the instance: False if the engine no longer had it."""
        return bool(self.ids)


class Purges:
    """Purges instances; see `Actions.purge` for the effects and errors."""

    def __init__(
        self, gateway: Gateway, ledger: Ledger, recording: Recording, limits: ActionLimits
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._recording = recording
        self._limits = limits
        self._subtrees = Subtrees(gateway, limits)

    def purge(self, instance_id: str, context: ActionContext, options: PurgeOptions) -> PurgeResult:
        """Archive and purge an instance; the ledger is needed."""
        limits = self._limits
        deadline = time.monotonic() + (limits.bulk_purge if context.bulk_id else limits.purge)
        with self._recording.action(
            Action.PURGE, instance_id, context, needs_ledger=True
        ) as current:
            before = self._gateway.state(instance_id)
            if before is None:
                return self._already_purged(current)
            current.before = before.status
            self._recording.ensure_same_run(instance_id, context)
            with self._terminated_if_pending(current, options):
                subtree = self._archived(current, options)
            current.detail = None if before.status.is_finished else "by force"
            self._recording.write_ahead(current)
            self._purge(subtree, options, current, deadline)
            self._mark_purged(subtree.snapshots)
            entry = current.entry(Outcome.DONE)
            self._recording.add_entries(
                current, entry, *_entries_of_descendants(entry, subtree.descendants)
            )
            return PurgeResult(instance_id, before.status, subtree.ids)

    @contextmanager
    def _terminated_if_pending(
        self, current: CurrentAction, options: PurgeOptions
    ) -> Iterator[None]:
        """Terminate a pending instance, because the engine's forced purge does not find it."""
        if not (options.force and current.before is Status.PENDING):
            yield
            return
        self._recording.write_ahead(current)
        self._gateway.terminate(current.instance_id)
        try:
            yield
        except FlowdeckError as error:
            reason = f"it was terminated for the purge, and then: {str(error).rstrip('.')}"
            raise OutcomeUnknown("purge", reason) from error

    def _archived(self, current: CurrentAction, options: PurgeOptions) -> Subtree:
        """Write the instances that will be purged to the ledger, and return them."""
        subtree = self._to_purge(current, options)
        lease = current.lease
        lease.renew_if_due()
        self._ledger.runs.ingest(subtree.snapshots)
        if options.force:
            lease.renew_if_due()
            self._ledger.runs.keep_histories(subtree.snapshots)
        archived = self._ledger.runs.archived(subtree.ids)
        for each in subtree.snapshots:
            each_id = each.instance.instance_id
            is_archived = archived.get(each_id) is each.instance.status
            # An earlier purge whose answer came too late may still be deleting descendants.
            if not is_archived and self._gateway.state(each_id) is not None:
                raise NotArchived(each_id)
        lease.renew_if_due()
        return subtree

    def _to_purge(self, current: CurrentAction, options: PurgeOptions) -> Subtree:
        """Read the instances to purge, and check that their statuses allow it."""
        instance_id, forced = current.instance_id, options.force
        root = self._subtrees.read_root(instance_id, allow_missing_history=forced)
        status = root.instance.status
        if Action.PURGE not in allowed_actions(status, forced=forced):
            raise ActionNotAllowed(Action.PURGE, instance_id, status)
        if not (options.recursive or forced):
            return Subtree(root)
        subtree = self._subtrees.read(root, current.lease)
        if not forced:
            subtree.ensure_descendants_finished()
        elif not options.recursive and subtree.is_finished:
            return Subtree(root)  # not forced, because force always purges the descendants too
        return subtree

    def _purge(
        self, subtree: Subtree, options: PurgeOptions, current: CurrentAction, deadline: float
    ) -> None:
        """Purge a subtree in the engine; repeat the call while each one purges more descendants.

        Record the purged descendants if a call fails.
        """
        purged: tuple[Snapshot, ...] = ()
        try:
            while unknown := self._subtrees.purge(subtree, options, current.lease, deadline):
                before, purged = len(purged), self._subtrees.purged_descendants(subtree)
                is_late = time.monotonic() > deadline - self._limits.min_purge_call
                if len(purged) == before or is_late:
                    raise _with_count(unknown, len(purged), len(subtree.snapshots))
        except FlowdeckError:
            self._record_purged(purged or self._subtrees.purged_descendants(subtree), current)
            raise

    def _record_purged(self, purged: tuple[Snapshot, ...], current: CurrentAction) -> None:
        if purged:
            self._mark_purged(purged)
            entries = _entries_of_descendants(current.entry(Outcome.DONE), purged)
            self._recording.add_entries(current, *entries)

    def _mark_purged(self, snapshots: tuple[Snapshot, ...]) -> None:
        with best_effort("a purge", snapshots[0].instance.instance_id):
            self._ledger.runs.mark_purged(dict.fromkeys(ids_of(snapshots), datetime.now(UTC)))

    def _already_purged(self, current: CurrentAction) -> PurgeResult:
        instance_id = current.instance_id
        run = self._ledger.runs.latest(instance_id)
        if run is None:
            raise UnknownInstance(instance_id)
        if current.context.run_id not in (None, run.run_id):
            raise RunReplaced(instance_id)
        if run.purged_at is None and self._gateway.app_id(fresh=True) == run.app_id:
            self._ledger.runs.mark_purged({instance_id: datetime.now(UTC)})
        current.before = run.status
        self._recording.complete(current, Outcome.UNCHANGED)
        return PurgeResult(instance_id, run.status)


def _entries_of_descendants(entry: AuditEntry, descendants: Sequence[Snapshot]) -> list[AuditEntry]:
    """Return the audit entries of descendants that were purged with the instance of an entry."""
    instances = (each.instance for each in descendants)
    message = f"with {entry.instance_id!r}"
    return [
        replace(entry, instance_id=each.instance_id, before=each.status, message=message)
        for each in instances
    ]


def _with_count(unknown: OutcomeUnknown, purged: int, total: int) -> OutcomeUnknown:
    if not purged:
        return unknown
    reason = f"{unknown.reason}, and {purged:,} of {total:,} are purged"
    return OutcomeUnknown("purge", reason, "The same request again continues with the rest.")
