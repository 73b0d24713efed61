"""The errors that pages and endpoints catch.

    FlowdeckError
    ├── InvalidInput            a value was refused; names the field, the value, the expectation
    ├── UnknownInstance         no instance has this id, or the id has no such run
    ├── Conflict                the request contradicts the state of the instance
    │   ├── InstanceExists      another start, or a finished instance, has the id
    │   ├── ActionInProgress    another action on the instance has not ended
    │   ├── ActionNotAllowed    the status of the instance does not allow the action
    │   ├── NotFinished         a purge without force: the instance or a descendant has not ended
    │   ├── TooManyDescendants  the instance has more descendants than one purge takes
    │   ├── NotArchived         the ledger could not archive the instance, so it was not purged
    │   ├── NotRerunnable       the instance cannot be rerun, or not from that event
    │   └── RunReplaced         the id has a later run than the one that was chosen
    ├── Unavailable             a service is away; the same request may succeed later
    │   ├── DaprUnavailable     the sidecar, or a service it needs, cannot be reached
    │   ├── TooManyStarts       a start waited too long behind others; nothing was sent
    │   ├── OutcomeUnknown      the call may have been carried out; repeating it is mostly safe
    │   └── LedgerUnavailable   the ledger's database cannot be reached
    │       ├── LedgerReplaced  another database took the place of the ledger: open it again
    │       └── SchemaMismatch  another version of Flowdeck created the tables
    ├── QueryTimeout            the query reads too many rows: narrow it
    ├── DaprRefused             the engine answered with an error that has no class here
    │   └── HistoryLost         the engine cannot read an instance: a part is missing or damaged
    └── LedgerRefused           the ledger's database cannot store a value; nothing was written

Errors of other libraries are translated once, where they arrive: errors of gRPC in `gateway`,
errors of SQLAlchemy in `ledger.db`.
"""

import sys
from typing import NoReturn

from operations.model import Action, Status

EXIT_DO_NOT_RESTART = 78
"""The exit code of a process that a restart cannot help (EX_CONFIG in sysexits.h).

The supervisor does not start such a process again.
"""


class FlowdeckError(Exception):
    """The root of the tree; the message is written for the user."""


class InvalidInput(FlowdeckError):
    """A value that cannot be accepted."""

    def __init__(self, field: str, found: object, expected: str) -> None:
        super().__init__(f"{field}: found {found!r}, expected {expected}.")
        self.field, self.found, self.expected = field, found, expected


class UnknownInstance(FlowdeckError):
    """No instance has this id; with a `run_id`, the id has no such run."""

    def __init__(self, instance_id: str, run_id: int | None = None) -> None:
        self.instance_id = instance_id
        if run_id is None:
            super().__init__(f"No instance has the id {instance_id!r}.")
        else:
            super().__init__(f"The instance {instance_id!r} has no run {run_id}.")


class UnknownFailureGroup(FlowdeckError):
    """No failure group has this id."""

    def __init__(self, group_id: str) -> None:
        super().__init__(f"No failure group has the id {group_id!r}.")


class UnknownBulkJob(FlowdeckError):
    """No bulk job has this id."""

    def __init__(self, bulk_id: str) -> None:
        super().__init__(f"No bulk job has the id {bulk_id!r}.")


class Conflict(FlowdeckError):
    """The request contradicts the state of the instance; nothing was changed."""


class InstanceExists(Conflict):
    """The id is taken."""

    def __init__(self, instance_id: str, reason: str) -> None:
        super().__init__(f"The id {instance_id!r} is taken {reason}. Choose another id.")


class ActionInProgress(Conflict):
    """Another action on the instance has not ended; nothing was done."""

    def __init__(self, action: Action, instance_id: str) -> None:
        super().__init__(
            f"Cannot {action} {instance_id!r} now: another action on it is in progress. Try again."
        )


ONLY_FORCED_PURGE = (
    "only a forced purge is possible; once the cause is removed, the engine continues the instance "
    "by itself"
)


class ActionNotAllowed(Conflict):
    """The instance's status does not allow the action."""

    def __init__(self, action: Action, instance_id: str, status: Status) -> None:
        more = f"; {ONLY_FORCED_PURGE}" if status is Status.STALLED else ""
        super().__init__(f"Cannot {action} {instance_id!r}: it is {status}{more}.")


class NotFinished(Conflict):
    """The instance or a descendant has not ended, so only a forced purge is possible."""

    def __init__(self, instance_id: str, descendant: str | None = None) -> None:
        subject = f"its descendant {descendant!r}" if descendant else "it or a descendant"
        super().__init__(
            f"Cannot purge {instance_id!r}: {subject} has not ended. "
            "Terminate it first, or force the purge."
        )


class TooManyDescendants(Conflict):
    """An instance has more descendants than one purge takes; nothing was done."""

    def __init__(self, instance_id: str, limit: int) -> None:
        super().__init__(
            f"Cannot purge {instance_id!r} with its descendants: it has more than {limit:,}. "
            "Purge some of them first, or purge it without its descendants and without force."
        )


class NotArchived(Conflict):
    """The ledger has not archived an instance completely, so the instance was not purged."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f"Cannot purge {instance_id!r} now: its history could not be archived. Try again."
        )


class NotRerunnable(Conflict):
    """The instance cannot be rerun, or not from that event."""

    def __init__(self, instance_id: str, reason: str) -> None:
        super().__init__(f"Cannot rerun {instance_id!r}: {reason}.")


class RunReplaced(Conflict):
    """The id has a later run than the one that was chosen; nothing was done."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"The id {instance_id!r} has another run by now; nothing was done to it.")


class Unavailable(FlowdeckError):
    """A service is away; the same request may succeed later."""


class DaprUnavailable(Unavailable):
    """The engine cannot be reached; nothing was done."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The Dapr engine cannot be reached: {reason}.")


class TooManyStarts(Unavailable):
    """A start had to wait too long behind other starts; nothing was sent to the engine."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f"{instance_id!r} was not started: too many other starts are in progress. "
            "Nothing was sent to the engine. Try again."
        )


ASK_AGAIN = "The same request again is safe."


class OutcomeUnknown(Unavailable):
    """A call may have been carried out; the message ends with what to do, mostly to repeat it."""

    def __init__(self, call: str, reason: str, remedy: str = ASK_AGAIN) -> None:
        super().__init__(f"Whether the {call} was carried out is unknown ({reason}). {remedy}")
        self.reason = reason


class LedgerUnavailable(Unavailable):
    """The ledger's database cannot be reached; the reason names a SQLite file and the remedy."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ledger cannot be reached: {reason}.")


class LedgerReplaced(LedgerUnavailable):
    """The ledger was deleted or replaced while it was open.

    Everything that was remembered of the old ledger is void, and the new one must be opened:
    recorder and dashboard end, and the supervisor starts them again.
    """

    def __init__(self, detail: str) -> None:
        FlowdeckError.__init__(self, f"The ledger was deleted or replaced while in use ({detail}).")


class LedgerDamaged(LedgerUnavailable):
    """SQLite reports the ledger's file as corrupt, or as not a database.

    The recorder alone acts on it.
    """

    def __init__(self, file: str, reason: str) -> None:
        FlowdeckError.__init__(
            self,
            f"The ledger {file} is damaged: {reason}. The recorder checks the file, keeps it under "
            "another name, and fills a new ledger.",
        )


class SchemaMismatch(LedgerUnavailable):
    """Another version of Flowdeck created the ledger's tables; nothing was changed."""

    def __init__(self, ledger: str, found: str, expected: str) -> None:
        FlowdeckError.__init__(
            self,
            f"The ledger {ledger} has {found}, but this version of Flowdeck needs the schema "
            f"{expected!r}. Move the ledger aside, so that a new one is created, or run the "
            "version of Flowdeck that created it.",
        )


class QueryTimeout(FlowdeckError):
    """The ledger can be reached, but cannot answer the query in time."""

    def __init__(self) -> None:
        super().__init__(
            "The ledger cannot answer this query in time. "
            "Narrow it: choose a shorter period, a status or a workflow."
        )


class DaprRefused(FlowdeckError):
    """The engine answered with an error that has no class here."""


class HistoryLost(DaprRefused):
    """The engine cannot read an instance: its rows in the state store are incomplete or damaged.

    While the engine writes an instance, a row may be missing for a moment. `reason` is the cause
    and the remedy without the id.
    """

    def __init__(self, instance_id: str, cause: str) -> None:
        self.reason = (
            f"{cause} in Dapr's state store. If this lasts, Dapr has lost the history "
            "of this instance, and refuses to read, change or purge it, even by force. Delete its "
            "rows in the state store: docs/operating.md says how."
        )
        super().__init__(f"Dapr cannot read {instance_id!r}: {self.reason}")


class LedgerRefused(FlowdeckError):
    """The ledger's database can be reached, but cannot store a value; nothing was written."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ledger cannot store this: {reason}.")


def stay_stopped(error: FlowdeckError) -> NoReturn:
    """Print an error that a restart cannot cure, and end the process for good."""
    sys.stderr.write(f"{error}\n")
    sys.exit(EXIT_DO_NOT_RESTART)
