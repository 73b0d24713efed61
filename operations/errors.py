"""Everything that can go wrong below a page or an endpoint.

    FlowdeckError
    ├── InvalidInput          a value that cannot be accepted: which, what was found, what expected
    ├── UnknownInstance       no instance has this id, or the one that has it no such life
    ├── Conflict
    │   ├── InstanceExists    the id is taken by another start, or by one that has ended
    │   ├── ActionInProgress    another action on the instance has not come to its end yet
    │   ├── ActionNotAllowed  the instance's status does not allow the action
    │   ├── NotFinished       the instance, or one below it, has not ended: no purge but by force
    │   ├── TooManyDescendants  there are more below the instance than one purge takes along
    │   ├── NotArchived       the ledger does not hold the whole of it, so that it is not purged
    │   ├── NotRerunnable     the instance cannot be run again, or not from that event
    │   └── RunReplaced       the id has another life by now than the one that was chosen
    ├── Unavailable           something is not there now; the same request later may succeed
    │   ├── DaprUnavailable the sidecar, or what it needs, cannot be reached; nothing was done
    │   ├── OutcomeUnknown    nobody knows yet whether it was done; mostly, asking again is safe
    │   └── LedgerUnavailable the ledger's database cannot be reached
    │       ├── LedgerReplaced  another database has taken its place: open it anew
    │       └── SchemaMismatch  another version of Flowdeck created its tables
    ├── QueryTimeout       the ledger would have to look at too much: narrow the question
    ├── DaprRefused         the engine answered with an error that has no name here
    └── LedgerRefused         the ledger's database cannot hold a value; nothing was written

Foreign errors are translated once, where they arrive: gRPC's in `gateway`, SQLAlchemy's in
`database`.
"""

from operations.model import Action, Status

EXIT_DO_NOT_RESTART = 78
"""The exit code of a process that a restart cannot help (EX_CONFIG in sysexits.h).

The supervisor does not start such a process again. The process says why in its last lines.
"""


class FlowdeckError(Exception):
    """The root of the tree; its message is written for the person who asked."""


class InvalidInput(FlowdeckError):
    """A value that cannot be accepted."""

    def __init__(self, field: str, found: object, expected: str) -> None:
        super().__init__(f"{field}: found {found!r}, expected {expected}.")
        self.field, self.found, self.expected = field, found, expected


class UnknownInstance(FlowdeckError):
    """No instance has this id; or its id has no such life, if one is named by its key."""

    def __init__(self, instance_id: str, run_id: int | None = None) -> None:
        if run_id is None:
            super().__init__(f"No instance has the id {instance_id!r}.")
        else:
            super().__init__(f"The instance {instance_id!r} has no run {run_id}.")


class Conflict(FlowdeckError):
    """The request contradicts what is there; what is there stays as it is."""


class InstanceExists(Conflict):
    """The id is taken."""

    def __init__(self, instance_id: str, reason: str) -> None:
        super().__init__(f"The id {instance_id!r} is taken {reason}. Choose another id.")


class ActionInProgress(Conflict):
    """Another action on the instance has not come to its end yet; nothing was done."""

    def __init__(self, action: Action, instance_id: str) -> None:
        super().__init__(
            f"Cannot {action} {instance_id!r} now: another action on it is under way. Try again."
        )


class ActionNotAllowed(Conflict):
    """The instance's status does not allow the action."""

    def __init__(self, action: Action, instance_id: str, status: Status) -> None:
        super().__init__(f"Cannot {action} {instance_id!r}: it is {status}.")


class NotFinished(Conflict):
    """The instance, or one below it, has not ended, so that it is purged only by force."""

    def __init__(self, instance_id: str, child: str | None = None) -> None:
        below = f"its descendant {child!r} has" if child else "it, or one below it, has"
        super().__init__(
            f"Cannot purge {instance_id!r}: {below} not ended. Terminate first, or force the purge."
        )


class TooManyDescendants(Conflict):
    """There are more below an instance than one purge takes along; nothing was done."""

    def __init__(self, instance_id: str, most: int) -> None:
        super().__init__(
            f"Cannot purge {instance_id!r} with its descendants: they are more than {most:,}. "
            "Purge some of them first, or it without them and without force."
        )


class NotArchived(Conflict):
    """The ledger does not hold the whole of an instance yet, so that it is not purged."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f"Cannot purge {instance_id!r} now: its history could not be archived. Try again."
        )


class NotRerunnable(Conflict):
    """The instance cannot be run again, or not from that event."""

    def __init__(self, instance_id: str, reason: str) -> None:
        super().__init__(f"Cannot rerun {instance_id!r}: {reason}.")


class RunReplaced(Conflict):
    """The id has another life by now than the one that was chosen; nothing was done."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"The id {instance_id!r} has another life by now; nothing was done to it.")


class Unavailable(FlowdeckError):
    """Something is not there now."""


class DaprUnavailable(Unavailable):
    """The engine cannot be reached; nothing was done."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The Dapr engine cannot be reached: {reason}.")


ASK_AGAIN = "The same request again is safe."


class OutcomeUnknown(Unavailable):
    """Nobody knows yet whether it was done; the message says what to do, mostly to ask again."""

    def __init__(self, call: str, reason: str, remedy: str = ASK_AGAIN) -> None:
        super().__init__(f"Whether the {call} was carried out is unknown ({reason}). {remedy}")
        self.reason = reason


class LedgerUnavailable(Unavailable):
    """The ledger's database cannot be reached."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ledger cannot be reached: {reason}.")


class LedgerReplaced(LedgerUnavailable):
    """The ledger was deleted, or another one took its place, while it was open.

    The ledger that is there now must be opened anew, and what was remembered of the old one is
    void: recorder and dashboard end, and the supervisor starts them again.
    """

    def __init__(self, what: str) -> None:
        FlowdeckError.__init__(self, f"The ledger was deleted or replaced while in use ({what}).")


class SchemaMismatch(LedgerUnavailable):
    """The ledger's tables are not those of this version of Flowdeck; nothing was changed."""

    def __init__(self, ledger: str, found: str, expected: str) -> None:
        FlowdeckError.__init__(
            self,
            f"The ledger {ledger} has {found}, but this version of Flowdeck needs the schema "
            f"{expected!r}. Move the ledger aside, and a new one is created; or run the version of "
            "Flowdeck that created it.",
        )


class QueryTimeout(FlowdeckError):
    """The ledger is there, but would have to look at more than it has time for."""

    def __init__(self) -> None:
        super().__init__(
            "This question is too wide: the ledger cannot answer it in time. "
            "Narrow it: by a shorter period, a status or a workflow."
        )


class DaprRefused(FlowdeckError):
    """The engine answered with an error that has no name here."""


class LedgerRefused(FlowdeckError):
    """The ledger's database is there, but cannot hold a value; nothing was written."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ledger cannot hold this: {reason}.")
