"""A stored bulk job: one action on many instances, with a result for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from operations.model import Action, Actor, Status
from operations.records import Outcome

CANCEL_JOB = "cancel bulk job"
"""The action of an audit entry for a job that someone has cancelled; its `bulk_id` is the job's."""


class JobStatus(StrEnum):
    """The status of a bulk job."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    """Someone has cancelled it; actions in progress run to their end."""
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """It has stopped by itself, by its `StopRule`."""
    DONE = "done"

    @property
    def is_over(self) -> bool:
        """True if no action of the job follows."""
        return self in {JobStatus.CANCELLED, JobStatus.STOPPED, JobStatus.DONE}


@dataclass(frozen=True)
class StopRule:
    """When a job of reruns stops by itself: `failed` of the last `of` reruns have failed again.

    Only reruns that completed or failed after the job was created count. A job also stops if so
    many reruns have failed before `of` of them have ended.
    """

    failed: int
    of: int

    def is_reached(self, newest_first: Sequence[Status]) -> bool:
        """Return True if the statuses of the reruns that ended, the newest first, stop the job."""
        return self._failed(newest_first) >= self.failed

    def reason(self, newest_first: Sequence[Status]) -> str:
        """Return in words how many of the last reruns have failed."""
        failed, ended = self._failed(newest_first), len(newest_first[: self.of])
        return f"{failed} of the last {ended} reruns that ended have failed again."

    def _failed(self, newest_first: Sequence[Status]) -> int:
        return sum(each is Status.FAILED for each in newest_first[: self.of])

    def __str__(self) -> str:
        return f"{self.failed} of the last {self.of} reruns have failed again"


@dataclass(frozen=True)
class BulkTarget:
    """An eligible instance: the run of the id and its status when the preview was made."""

    instance_id: str
    run_id: int
    status: Status


@dataclass(frozen=True)
class ItemResult:
    """The outcome for one instance; `message` is the reason if it is refused or unknown.

    `new_id` is the id of the instance that a rerun created.
    """

    instance_id: str
    outcome: Outcome
    message: str | None = None
    new_id: str | None = None


@dataclass(frozen=True)
class BulkItem:
    """An instance of a bulk job; `result` is None until the action on it has an outcome."""

    position: int
    target: BulkTarget
    result: ItemResult | None


@dataclass(frozen=True)
class BulkJob:
    """A bulk job and its progress; times are aware UTC.

    `task` is the action with its options as JSON, `rate` the most instances a second. `counts` has
    the number of instances by outcome. `waits_for` says which outage the job waits for, None if it
    makes progress. `stop_rule` says when the job stops by itself, None if it does not, and
    `stopped_because` why it has stopped.
    """

    bulk_id: str
    action: Action
    task: str
    actor: Actor
    reason: str
    rate: float
    created_at: datetime
    total: int
    status: JobStatus = JobStatus.RUNNING
    ended_at: datetime | None = None
    waits_for: str | None = None
    app_id: str | None = None
    stop_rule: StopRule | None = None
    stopped_because: str | None = None
    counts: dict[Outcome, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """The number of instances without an outcome."""
        return self.total - sum(self.counts.values())
