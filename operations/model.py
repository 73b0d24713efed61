"""What an operator sees: instances, their status, and which actions a status allows."""

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The status of an instance, as Dapr reports it."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"
    CANCELED = "CANCELED"
    CONTINUED_AS_NEW = "CONTINUED_AS_NEW"
    STALLED = "STALLED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_finished(self) -> bool:
        """Whether the instance has ended and will not change again by itself."""
        return self in _FINISHED


_FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED, Status.CANCELED})


class Action(StrEnum):
    """What an operator can ask of one instance."""

    PAUSE = "pause"
    RESUME = "resume"
    TERMINATE = "terminate"
    PURGE = "purge"
    RERUN = "rerun"
    RAISE = "raise"

    @property
    def goal(self) -> Status:
        """The status that the action brings about; only those of `STATUS_ACTIONS` have one."""
        return _GOALS[self]


_GOALS = {
    Action.PAUSE: Status.SUSPENDED,
    Action.RESUME: Status.RUNNING,
    Action.TERMINATE: Status.TERMINATED,
}
STATUS_ACTIONS = (Action.PAUSE, Action.RESUME, Action.TERMINATE)
"""The actions that bring about a status, in the order in which they are offered."""

_OVER = frozenset({Action.PURGE, Action.RERUN})
# A stalled instance refuses every action, so it is not in this table. One that is pending, which is
# to start later, would begin at once if it were paused or resumed, or an event were raised to it.
_ALLOWED = {
    Status.PENDING: frozenset({Action.TERMINATE}),
    Status.RUNNING: frozenset({Action.PAUSE, Action.TERMINATE, Action.RAISE}),
    Status.SUSPENDED: frozenset({Action.RESUME, Action.TERMINATE, Action.RAISE}),
    **dict.fromkeys(_FINISHED, _OVER),
}


def allowed_actions(status: Status, *, forced: bool = False) -> frozenset[Action]:
    """Return the actions that an instance of this status can be asked for.

    A purge that is `forced` is allowed in every status.
    """
    allowed = _ALLOWED.get(status, frozenset())
    return allowed | {Action.PURGE} if forced else allowed


@dataclass(frozen=True)
class Failure:
    """Why an instance or an attempt failed."""

    error_type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True)
class Instance:
    """One workflow instance at the moment it was read.

    Times are aware UTC; `created_at` is None while a start in the future is pending. Payloads are
    the JSON text that Dapr holds, or None where there is none.
    """

    instance_id: str
    workflow: str
    status: Status
    created_at: datetime | None
    last_updated_at: datetime | None
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Actor:
    """Who asks for an action."""

    name: str
    role: str


LOCAL_USER = Actor(name="local", role="operator")


class Service(StrEnum):
    """A part of the system that may be away."""

    SIDECAR = "sidecar"
    PLACEMENT = "placement"
    SCHEDULER = "scheduler"
    WORKER = "worker"
    RECORDER = "recorder"
    LEDGER = "ledger"
    LISTING = "listing"
    """The engine's list of its instances, which one id can break."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a part of the system, in a sentence for an operator."""

    service: Service
    reason: str


@dataclass(frozen=True)
class DaprHealth:
    """What the sidecar says of itself; `problems` is empty when everything is there.

    `workers` is how many take work from it, None if it does not tell.
    """

    version: str
    problems: tuple[Problem, ...]
    workers: int | None = None


def parse_payload(payload: str | None) -> object:
    """Return a payload as JSON values; one that is not JSON stays the text it is."""
    if payload is None:
        return None
    try:
        return json.loads(payload, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return payload


def _finite(number: str) -> float:
    """Return a number that JSON can carry: neither NaN, which Python writes, nor an infinity."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


INSTANCE_ID = "1 to 64 letters, digits, _ or -, beginning with a letter or a digit"
_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_startable_id(instance_id: str) -> bool:
    """Whether an instance may be started with this id.

    Dapr checks none: one with `||` breaks its listing, others never complete (ENGINE.md).
    """
    return _INSTANCE_ID.fullmatch(instance_id) is not None


MAX_ID_LENGTH = 255  # characters of an id that are followed and kept


def is_possible_id(instance_id: str) -> bool:
    """Whether an engine may have an instance with this id: other applications choose their own."""
    return 0 < len(instance_id) <= MAX_ID_LENGTH and instance_id.isprintable()
