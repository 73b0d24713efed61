"""What was done is written down, with what it led to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from operations.actions.requests import Request
from operations.actions.spite import in_spite_of_the_ledger
from operations.errors import (
    DaprRefused,
    FlowdeckError,
    LedgerUnavailable,
    OutcomeUnknown,
    RunReplaced,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance, Status
from operations.records import OUTCOME_NOT_RECORDED, AuditEntry, Outcome, RunSummary, Snapshot
from operations.snapshots import read_snapshot, read_snapshot_or_state, read_state

log = structlog.get_logger(__name__)


@dataclass
class Attempt:
    """What is tried, and by whom.

    `before` is how the instance was, once that has been read; `detail` is what else there is to say
    of it; `key` is the journal's for what is begun.
    """

    request: Request
    action: Action
    instance_id: str
    before: Status | None = None
    detail: str | None = None
    key: int | None = None

    def entry(
        self, outcome: Outcome, after: Status | None = None, message: str | None = None
    ) -> AuditEntry:
        """Return it as a deed, with what came of it; its message is the detail, if no other."""
        return AuditEntry(
            at=datetime.now(UTC),
            actor=self.request.actor,
            action=self.action,
            instance_id=self.instance_id,
            outcome=outcome,
            before=self.before,
            after=after,
            message=message or self.detail,
            reason=self.request.reason or None,
            bulk=self.request.bulk,
        )


class Noting:
    """Writes deeds into the journal and the log, and what was acted on, as it is now."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger

    @contextmanager
    def attempt(self, request: Request, action: Action, instance_id: str) -> Iterator[Attempt]:
        """Note what is tried if it fails, with why; its success is for the doer to note.

        Nothing is noted of an instance that nobody knows, nor in a ledger that was not there.
        """
        attempt = Attempt(request, action, instance_id)
        try:
            yield attempt
        except FlowdeckError as error:
            is_open = isinstance(error, OutcomeUnknown)
            outcome = Outcome.UNKNOWN if is_open else Outcome.REFUSED
            entry = attempt.entry(outcome, message=str(error))
            if attempt.key is None and isinstance(error, LedgerUnavailable):
                _log(entry)
            elif attempt.before or not isinstance(error, UnknownInstance):
                self.note(entry, attempt.key)
            raise

    def begin(self, attempt: Attempt) -> None:
        """Note, right before it is done, what is tried: the process may die before it is noted."""
        if attempt.key is not None:
            return
        told = (
            f"{attempt.detail}: {OUTCOME_NOT_RECORDED}" if attempt.detail else OUTCOME_NOT_RECORDED
        )
        attempt.key = self._ledger.audit_log.begin(attempt.entry(Outcome.UNKNOWN, message=told))

    def begin_in_spite(self, attempt: Attempt) -> None:
        """Do the same, but go on without the ledger."""
        with in_spite_of_the_ledger("an action", attempt.instance_id):
            self.begin(attempt)

    def note(self, entry: AuditEntry, key: int | None = None) -> None:
        """Write down what was done and what it led to, so that no list says otherwise."""
        self.note_all([entry], key)
        if entry.outcome is not Outcome.REFUSED:
            with in_spite_of_the_ledger("an action", entry.instance_id):
                if seen := self._sighting(entry.instance_id):
                    self._ledger.runs.ingest([seen])

    def note_all(self, audit_entries: Sequence[AuditEntry], key: int | None = None) -> None:
        """Write down what was done, all together; the first may have a key, as what was begun."""
        now = datetime.now(UTC)
        told = [replace(entry, at=now) for entry in audit_entries]
        for entry in told:
            _log(entry)
        with in_spite_of_the_ledger("an action", told[0].instance_id):
            if key is None:
                self._ledger.audit_log.note(*told)
            else:
                self._ledger.audit_log.end(key, *told)

    def ensure_same_run(self, instance_id: str, request: Request) -> None:
        """Raise `RunReplaced` unless the id's present life is the one that is meant.

        To tell that, the engine and the ledger must be there.
        """
        if request.run_id is None:
            return
        if seen := self._sight_to_tell(instance_id):
            self._ledger.runs.ingest([seen])
        latest = self._ledger.runs.latest(instance_id)
        if latest is None or latest.run_id != request.run_id:
            raise RunReplaced(instance_id)

    def _sight_to_tell(self, instance_id: str) -> Snapshot | None:
        """Read what tells the life; one whose history cannot be sent must be as old as is known."""
        try:
            return read_snapshot(self._gateway, instance_id)
        except DaprRefused:
            seen = read_state(self._gateway, instance_id)
            latest = self._ledger.runs.latest(instance_id)
            if seen and not (latest and _was_there(latest, seen.instance)):
                raise
            return seen

    def _sighting(self, instance_id: str) -> Snapshot | None:
        with suppress(FlowdeckError):  # or the recorder will see it
            return read_snapshot_or_state(self._gateway, instance_id)
        return None


def _was_there(known: RunSummary, instance: Instance) -> bool:
    """Whether an instance was created when a life was last heard of, both on the engine's clock."""
    heard = max(filter(None, (known.created_at, known.last_updated_at, known.ended_at)))
    return instance.created_at is not None and instance.created_at <= heard


def _log(entry: AuditEntry) -> None:
    log.info(
        f"{entry.action} {entry.instance_id}",
        instance_id=entry.instance_id,
        actor=entry.actor.name,
        before=entry.before or "unknown",
        after=entry.after or "unknown",
        outcome=entry.outcome,
    )
