"""Matches a snapshot to a run of its instance id.

Dapr gives each run an execution id. A workflow that continues as new gets another execution id in
each generation, but stays the same run. A rerun has the execution id of its source. The first row
that is true of a snapshot decides:

| The snapshot                                                        | belongs to              |
|---------------------------------------------------------------------|-------------------------|
| has the execution id of a known run, and is not a rerun that was    | that run                |
| created after the end of that run                                   |                         |
| has an id without a known run                                       | the next run            |
| is older than the latest run's last snapshot, and is not the end of | an earlier run if it is |
| a latest run whose execution id is unknown                          | final, else it is stale |
| is pending: the engine reports only the id and the status           | the latest run if that  |
|                                                                     | is pending, else next   |
| has another workflow or another parent than the latest run          | the next run            |
| was created after the end of the latest run                         | the next run            |
| has another execution id than the latest run, or was created after  | the latest run if it    |
| the last known time of that run                                     | can be a generation of  |
|                                                                     | it, else the next run   |
| anything else                                                       | the latest run          |

`may_continue` decides from the history whether a snapshot can be a later generation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operations.ledger.tables import MAX_NAME_LENGTH
from operations.records import RunSummary, Snapshot


@dataclass(frozen=True)
class Run:
    """A run in the ledger.

    `read_at` is when the last written snapshot was read. `is_archived` is True once the whole
    history is in the ledger; until then the run is followed.
    """

    summary: RunSummary
    read_at: datetime
    is_archived: bool = False

    @property
    def is_over(self) -> bool:
        """True if the run has ended, or the engine no longer has it."""
        return self.summary.status.is_finished or self.summary.purged_at is not None


class Unmatched(Enum):
    """The kinds of snapshots that belong to no known run."""

    NEXT = "the next run of the id"
    EARLIER = "an unknown run that was created before the latest one"
    STALE = "older than the latest run's last snapshot"


def match_run(known: Sequence[Run], snapshot: Snapshot) -> Run | Unmatched:
    """Return the run that a snapshot belongs to.

    `known` are the latest run of the id, and all its runs with the snapshot's execution id.
    """
    same = [run for run in known if _is_same_execution(run, snapshot)]
    if same:
        return max(same, key=lambda run: run.summary.run_id)
    latest = latest_of(known)
    if latest is None:
        return Unmatched.NEXT
    if snapshot.read_at < latest.read_at and not _is_late_end(latest, snapshot):
        return Unmatched.EARLIER if _is_earlier(latest.summary, snapshot) else Unmatched.STALE
    return latest if _is_same_run(latest, snapshot) else Unmatched.NEXT


def latest_of(known: Iterable[Run]) -> Run | None:
    """Return the latest run of an id, None if the ledger has none."""
    return next((run for run in known if run.summary.is_latest), None)


def _is_same_run(latest: Run, snapshot: Snapshot) -> bool:
    """True if a newer snapshot, whose execution id does not match, belongs to the latest run."""
    created, execution_id = created_at(snapshot), latest.summary.execution_id
    if created is None:  # pending; a run with an execution id is never pending again
        return not latest.is_over and execution_id is None
    if _is_other_workflow(latest.summary, snapshot):
        return False
    is_possible = not latest.is_over or created <= _last_known_time(latest.summary)
    if execution_id is not None and snapshot.timeline.execution_id is not None:
        return is_possible and may_continue(snapshot)
    if created <= _last_known_time(latest.summary) or _has_no_state(latest.summary):
        return is_possible
    return is_possible and may_continue(snapshot)


def _is_other_workflow(summary: RunSummary, snapshot: Snapshot) -> bool:
    """True if a snapshot has another workflow, or another parent, than a run.

    A workflow that continues as new keeps both.
    """
    workflow, execution_id = snapshot.instance.workflow[:MAX_NAME_LENGTH], summary.execution_id
    is_named = workflow and summary.workflow and not _has_no_state(summary)
    if is_named and workflow != summary.workflow:
        return True
    are_parents_known = execution_id is not None and snapshot.timeline.execution_id is not None
    return are_parents_known and snapshot.timeline.parent_id != summary.parent_id


def is_stale(run: Run, snapshot: Snapshot) -> bool:
    """True if a snapshot of a run says less than the ledger has.

    An end that the ledger lacks is never stale, nor is the history that belongs to it.
    """
    known = run.summary.status.is_finished + run.is_archived
    read = snapshot.instance.status.is_finished + snapshot.is_final
    if read != known and snapshot.timeline.execution_id is not None:
        return read < known
    return read < known or snapshot.read_at < run.read_at


def created_at(snapshot: Snapshot) -> datetime | None:
    """Return when an instance was created, aware UTC; None while it is pending.

    For a rerun the engine reports when its source was created, so its start is returned instead.
    """
    timeline = snapshot.timeline
    return (timeline.rerun_of and timeline.started_at) or snapshot.instance.created_at


def may_continue(snapshot: Snapshot) -> bool:
    """True if the execution may be a later generation of a workflow that continued as new.

    In a later generation Dapr writes the first turn before the start. In the first generation the
    caller makes the start, and the turn comes after it. Without a history the answer is True.
    """
    turn = _time_of_first("workflowStarted", snapshot)
    start = _time_of_first("executionStarted", snapshot)
    return turn is None or start is None or turn <= start


def _is_same_execution(run: Run, snapshot: Snapshot) -> bool:
    timeline, created = snapshot.timeline, created_at(snapshot)
    if timeline.execution_id is None or timeline.execution_id != run.summary.execution_id:
        return False
    # A rerun has the execution id of its source. Once it is purged, the same source can be rerun
    # under the same id.
    may_be_another = run.is_over and timeline.rerun_of is not None
    return not (may_be_another and created and created > _last_known_time(run.summary))


def _time_of_first(kind: str, snapshot: Snapshot) -> datetime | None:
    history = snapshot.history or ()
    return next((event.timestamp for event in history if event.kind == kind), None)


def _has_no_state(summary: RunSummary) -> bool:
    """True if the engine has reported nothing of the run but that it is pending."""
    return summary.last_updated_at is None


def _last_known_time(summary: RunSummary) -> datetime:
    """Return the latest time, on the engine's clock, that is known of a run."""
    return max(filter(None, (summary.ended_at, summary.last_updated_at, summary.created_at)))


def _is_late_end(latest: Run, snapshot: Snapshot) -> bool:
    """True if a snapshot is the end of the latest run, whose execution id was never read."""
    return (
        latest.summary.execution_id is None
        and not latest.is_archived
        and snapshot.is_final
        and snapshot.instance.created_at == latest.summary.created_at
    )


def _is_earlier(latest: RunSummary, snapshot: Snapshot) -> bool:
    """True if a snapshot is a whole run that was created before the latest one."""
    created = snapshot.instance.created_at
    is_whole = snapshot.is_final and snapshot.timeline.execution_id is not None
    return is_whole and created is not None and created < latest.created_at
