"""The context of an action (its actor and reason), and the limits of actions."""

from dataclasses import dataclass

from operations.errors import InvalidInput
from operations.ledger.leases import LEASE_SECONDS
from operations.model import Actor

MAX_REASON_LENGTH = 500  # characters
MAX_EVENT_NAME_LENGTH = 200  # characters


@dataclass(frozen=True)
class ActionContext:
    """The actor who requests an action, and the reason.

    `bulk_id` is the id of the bulk job that the action belongs to. `run_id` restricts the action to
    one run of the instance id; None acts on the latest run. Raise `InvalidInput` for a reason that
    the audit log cannot store.
    """

    actor: Actor
    reason: str = ""
    bulk_id: str | None = None
    run_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.reason) > MAX_REASON_LENGTH or not _is_storable(self.reason):
            expected = f"a text of up to {MAX_REASON_LENGTH} characters, without NUL"
            raise InvalidInput("reason", self.reason, expected)


@dataclass(frozen=True)
class ActionLimits:
    """How many seconds actions wait, how many starts run at once, and how large a purge may be.

    An operator must get an answer within 5 seconds; a bulk job waits longer for each instance.
    """

    poll_interval: float = 0.05
    settle: float = 0.5  # until the engine shows what it has confirmed
    lease_wait: float = 1.0  # for another action on the same instance
    lease: float = LEASE_SECONDS
    start: float = 4.5  # for a turn, the engine, and another request with the same start
    start_call: float = 3.5  # for the engine, from the reservation on
    start_min_call: float = 1.0  # left at least for the call after the last turn
    start_margin: float = 0.5  # until the engine has ended a call whose caller is gone
    starts_at_once: int = 8
    max_starts: int = 100  # in progress or waiting; half of the API's threads
    reservation: float = LEASE_SECONDS  # after which an unaccepted reservation is abandoned
    purge: float = 3.5  # for the engine, for all calls of one purge
    bulk_purge: float = 60.0
    min_purge_call: float = 1.0
    max_purge_call: float = 4.0  # less than a lease
    max_descendants: int = 1000


def check_name(field: str, name: str, max_length: int) -> None:
    """Raise `InvalidInput` if a name is empty, too long, or not storable."""
    if not 1 <= len(name) <= max_length or not _is_storable(name):
        expected = f"a text of 1 to {max_length} characters, without NUL"
        raise InvalidInput(field, name, expected)


def _is_storable(text: str) -> bool:
    """Return True if all databases and gRPC accept the text: no NUL and no surrogate."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
