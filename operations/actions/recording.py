"""The steps of every action except a start: lease the instance, write the audit entry, record."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from operations.actions.context import ActionContext, ActionLimits
from operations.actions.leasing import InstanceLease
from operations.errors import (
    ASK_AGAIN,
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    LedgerRefused,
    LedgerUnavailable,
    OutcomeUnknown,
    RunReplaced,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import STATUS_ACTIONS, Action, Instance, Status, allowed_actions
from operations.records import OUTCOME_NOT_RECORDED, AuditEntry, Outcome, RunSummary, Snapshot
from operations.snapshots import read_snapshot, read_snapshot_or_state, read_state

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ActionResult:
    """The instance before and after an action; `changed` is False if the action had no effect."""

    before: Instance
    after: Instance
    changed: bool


@dataclass
class CurrentAction:
    """An action in progress.

    `before` is the status of the instance, None until it was read. `detail` is the message of the
    audit entry if nothing fails. `entry_key` is the key of the audit entry, None until it was
    written ahead. An action that does not need the ledger runs without a lease while the ledger is
    away.
    """

    action: Action
    instance_id: str
    context: ActionContext
    lease: InstanceLease
    needs_ledger: bool
    before: Status | None = None
    detail: str | None = None
    entry_key: int | None = None

    def entry(
        self, outcome: Outcome, after: Status | None = None, message: str | None = None
    ) -> AuditEntry:
        """Return the audit entry for an outcome; the default message is `detail`."""
        return AuditEntry(
            at=datetime.now(UTC),
            actor=self.context.actor,
            action=self.action,
            instance_id=self.instance_id,
            outcome=outcome,
            before=self.before,
            after=after,
            message=message or self.detail,
            reason=self.context.reason or None,
            bulk_id=self.context.bulk_id,
        )


@contextmanager
def best_effort(what: str, instance_id: str) -> Iterator[None]:
    """Continue if the ledger is away or refuses a value, and log what was not recorded."""
    try:
        yield
    except (LedgerUnavailable, LedgerRefused) as error:
        log.warning(f"the ledger missed {what}", instance_id=instance_id, reason=str(error))


@contextmanager
def after_call(call: str, remedy: str = ASK_AGAIN) -> Iterator[None]:
    """Raise `OutcomeUnknown` if the engine cannot be read after a call that changes something."""
    try:
        yield
    except (DaprUnavailable, DaprRefused, UnknownInstance) as error:
        raise OutcomeUnknown(call, str(error).rstrip("."), remedy) from error


class Recording:
    """Runs actions on instances, and writes what they did to the audit log and to the runs."""

    def __init__(self, gateway: Gateway, ledger: Ledger, limits: ActionLimits) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._limits = limits

    def perform(
        self,
        action: Action,
        instance_id: str,
        context: ActionContext,
        call: Callable[[Instance], Instance],
        detail: str | None = None,
    ) -> ActionResult:
        """Perform an action if the instance's status allows it, even while the ledger is away.

        `call` gets the instance before the action, and returns the instance after it.
        """
        needs_ledger = context.bulk_id is not None  # a bulk job must know what it has done
        with self.action(action, instance_id, context, needs_ledger=needs_ledger) as current:
            before = self._read_started(action, instance_id)
            current.before, current.detail = before.status, detail
            self.ensure_same_run(instance_id, context)
            if action in STATUS_ACTIONS and before.status is action.goal:
                self.complete(current, Outcome.UNCHANGED, before.status)
                return ActionResult(before, before, changed=False)
            if action not in allowed_actions(before.status):
                raise ActionNotAllowed(action, instance_id, before.status)
            self.write_ahead(current)
            after = call(before)
            self.complete(current, Outcome.DONE, after.status)
            return ActionResult(before, after, changed=True)

    @contextmanager
    def action(
        self, action: Action, instance_id: str, context: ActionContext, *, needs_ledger: bool
    ) -> Iterator[CurrentAction]:
        """Lease an instance for an action, and record the action if it fails.

        An action that needs the ledger raises `LedgerUnavailable` while the ledger is away. Other
        actions continue, because an operator must be able to stop an instance. Raise
        `ActionInProgress`.
        """
        lease = InstanceLease(self._ledger.leases, self._limits, action, instance_id)
        current = CurrentAction(action, instance_id, context, lease, needs_ledger)
        try:
            with self._best_effort_unless_needed(current):
                lease.acquire()
            try:
                yield current
            finally:
                with best_effort("the end of a lease", instance_id):
                    lease.release()
        except FlowdeckError as error:
            self._record_failure(current, error)
            raise

    def write_ahead(self, current: CurrentAction) -> None:
        """Record an action right before it is carried out, because the process may die after it."""
        if current.entry_key is not None or not current.lease.is_acquired:
            return
        message = ": ".join(filter(None, (current.detail, OUTCOME_NOT_RECORDED)))
        with self._best_effort_unless_needed(current):
            entry = current.entry(Outcome.UNKNOWN, message=message)
            current.entry_key = self._ledger.audit_log.write_ahead(entry)

    def complete(
        self, current: CurrentAction, outcome: Outcome, after: Status | None = None
    ) -> None:
        """Record the outcome of an action, and the current state of the instance."""
        self.add_entries(current, current.entry(outcome, after))
        self.record_instance(current.instance_id)

    def add_entries(self, current: CurrentAction, *entries: AuditEntry) -> None:
        """Write entries, all or none; the first completes the entry that was written ahead."""
        for entry in entries:
            _log(entry)
        with best_effort("an action", current.instance_id):
            if current.entry_key is None or entries[0].instance_id != current.instance_id:
                self._ledger.audit_log.add(*entries)
            else:
                self._ledger.audit_log.complete(current.entry_key, *entries)

    def record_instance(self, instance_id: str) -> None:
        """Read an instance and record it, so that lists agree with the answer."""
        with suppress(DaprUnavailable, DaprRefused), best_effort("an action", instance_id):
            if snapshot := read_snapshot_or_state(self._gateway, instance_id):
                self._ledger.runs.ingest([snapshot])

    def ensure_same_run(self, instance_id: str, context: ActionContext) -> None:
        """Raise `RunReplaced` unless the latest run of the id is the run in the context.

        The engine and the ledger are needed.
        """
        if context.run_id is None:
            return
        if snapshot := self._identifying_snapshot(instance_id):
            self._ledger.runs.ingest([snapshot])
        latest = self._ledger.runs.latest(instance_id)
        if latest is None or latest.run_id != context.run_id:
            raise RunReplaced(instance_id)

    def read_until(self, is_settled: Callable[[Instance], bool], instance_id: str) -> Instance:
        """Read an instance until it is settled, for `ActionLimits.settle` seconds at most.

        Raise `UnknownInstance`.
        """
        deadline = time.monotonic() + self._limits.settle
        while True:
            instance = self._gateway.state(instance_id)
            if instance is None:
                raise UnknownInstance(instance_id)
            if is_settled(instance) or time.monotonic() > deadline:
                return instance
            time.sleep(self._limits.poll_interval)

    def _read_started(self, action: Action, instance_id: str) -> Instance:
        """Read an instance until it is clear whether it is scheduled for later.

        For some milliseconds each new instance is PENDING, like a scheduled one. Only terminate may
        act on a scheduled instance: any other action would start it at once.
        """

        def is_known(instance: Instance) -> bool:
            return action is Action.TERMINATE or instance.status is not Status.PENDING

        return self.read_until(is_known, instance_id)

    def _record_failure(self, current: CurrentAction, error: FlowdeckError) -> None:
        """Record a failed action, unless the instance is unknown or the ledger was away."""
        is_unknown = isinstance(error, OutcomeUnknown)
        outcome = Outcome.UNKNOWN if is_unknown else Outcome.REFUSED
        entry = current.entry(outcome, message=str(error))
        if current.entry_key is None and isinstance(error, LedgerUnavailable):
            _log(entry)
        elif current.before or not isinstance(error, UnknownInstance):
            self.add_entries(current, entry)
            if is_unknown:
                self.record_instance(current.instance_id)

    def _best_effort_unless_needed(self, current: CurrentAction) -> AbstractContextManager[None]:
        if current.needs_ledger:
            return nullcontext()
        return best_effort("an action", current.instance_id)

    def _identifying_snapshot(self, instance_id: str) -> Snapshot | None:
        """Read a snapshot from which the ledger can tell the run.

        If the engine cannot send the history, the instance must be as old as the latest known run.
        """
        try:
            return read_snapshot(self._gateway, instance_id)
        except DaprRefused:
            snapshot = read_state(self._gateway, instance_id)
            latest = self._ledger.runs.latest(instance_id)
            if snapshot and not (latest and _existed(latest, snapshot.instance)):
                raise
            return snapshot


def _existed(run: RunSummary, instance: Instance) -> bool:
    """Return True if an instance was created before a run last changed, by the engine's clock."""
    times = (run.created_at, run.last_updated_at, run.ended_at)
    last_change = max(filter(None, times))
    return instance.created_at is not None and instance.created_at <= last_change


def _log(entry: AuditEntry) -> None:
    log.info(
        f"{entry.action} {entry.instance_id}",
        instance_id=entry.instance_id,
        actor=entry.actor.name,
        before=entry.before or "unknown",
        after=entry.after or "unknown",
        outcome=entry.outcome,
    )
