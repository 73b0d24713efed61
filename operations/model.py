"""Instances, their statuses, and the actions that a status allows."""

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The status of an instance as Dapr reports it; UNKNOWN if Flowdeck cannot know it.

    That is a run that was purged before its end was read, a run whose history Dapr has lost, or a
    status of a later Dapr.
    """

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
        """Whether the instance has ended, so that it no longer changes by itself."""
        return self in _FINISHED


_FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED, Status.CANCELED})


class Action(StrEnum):
    """An action of an operator on one instance."""

    PAUSE = "pause"
    RESUME = "resume"
    TERMINATE = "terminate"
    PURGE = "purge"
    RERUN = "rerun"
    RAISE = "raise"

    @property
    def goal(self) -> Status:
        """The status that the action leads to; defined for `STATUS_ACTIONS` only."""
        return _GOALS[self]


_GOALS = {
    Action.PAUSE: Status.SUSPENDED,
    Action.RESUME: Status.RUNNING,
    Action.TERMINATE: Status.TERMINATED,
}
STATUS_ACTIONS = (Action.PAUSE, Action.RESUME, Action.TERMINATE)
"""The actions that lead to a status, in the order of their buttons."""

_AFTER_END = frozenset({Action.PURGE, Action.RERUN})
# A stalled instance refuses every action, so it is not in this table. A pending instance is
# scheduled for later: a pause, a resume or a raised event would start it at once.
_ALLOWED = {
    Status.PENDING: frozenset({Action.TERMINATE}),
    Status.RUNNING: frozenset({Action.PAUSE, Action.TERMINATE, Action.RAISE}),
    Status.SUSPENDED: frozenset({Action.RESUME, Action.TERMINATE, Action.RAISE}),
    **dict.fromkeys(_FINISHED, _AFTER_END),
}


def allowed_actions(status: Status, *, forced: bool = False) -> frozenset[Action]:
    """Return the actions that a status allows; a `forced` purge is allowed in every status."""
    allowed = _ALLOWED.get(status, frozenset())
    return allowed | {Action.PURGE} if forced else allowed


HISTORY_LOST = "HISTORY_LOST"
"""The error type of a run that the engine cannot read any more: see `HistoryLost`."""


@dataclass(frozen=True)
class Failure:
    """Why an instance or an attempt failed."""

    error_type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True)
class Instance:
    """The state of a workflow instance when it was read.

    Times are aware UTC; `created_at` is None while the instance is scheduled for later. Payloads
    are JSON text as Dapr stores it, None if there is none.
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
    """The person or program that performs an action."""

    name: str
    role: str


LOCAL_USER = Actor(name="local", role="operator")


class Service(StrEnum):
    """A service whose outage an operator sees."""

    SIDECAR = "sidecar"
    PLACEMENT = "placement"
    SCHEDULER = "scheduler"
    WORKER = "worker"
    RECORDER = "recorder"
    LEDGER = "ledger"
    STATE_STORE = "state store"
    """The file in which the daprd of `make run` keeps its instances."""
    LISTING = "listing"
    """The engine's list of instance ids; a single bad id can break it."""


@dataclass(frozen=True)
class Problem:
    """A service that does not work, and the reason in words for an operator."""

    service: Service
    reason: str


@dataclass(frozen=True)
class DaprHealth:
    """What the sidecar reports; `problems` is empty if everything works.

    `workers` is the number of connected workers, None if the sidecar does not say.
    """

    version: str
    problems: tuple[Problem, ...]
    workers: int | None = None


def parse_payload(payload: str | None) -> object:
    """Return a payload as JSON values; a text that is not JSON is returned unchanged."""
    if payload is None:
        return None
    try:
        return json.loads(payload, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return payload


def _finite(number: str) -> float:
    """Return the number; raise `ValueError` for NaN and infinities, which JSON does not have."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


INSTANCE_ID = "1 to 64 letters, digits, _ or -, beginning with a letter or a digit"
_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_startable_id(instance_id: str) -> bool:
    """Return True if an instance may be started with this id.

    Dapr does not check ids: an id with `||` breaks the list of instances, and an instance whose id
    contains `::` never ends.
    """
    return _INSTANCE_ID.fullmatch(instance_id) is not None


MAX_ID_LENGTH = 255  # characters; longer ids are not recorded


def is_possible_id(instance_id: str) -> bool:
    """Return True if an engine may have an instance with this id; other programs choose any id."""
    return 0 < len(instance_id) <= MAX_ID_LENGTH and instance_id.isprintable()
