"""Which life of an instance id a snapshot is of.

Dapr gives each life an execution id. A workflow that continues as new gets another one in each
generation, and its life goes on. A rerun has that of its source. What decides is the first that is
true of a snapshot, held against the lives that are known of its id:

| What is seen                                                       | Whose it is              |
|--------------------------------------------------------------------|--------------------------|
| has the execution id of a life, and is no rerun that began after   | that life's              |
| the end of that life                                               |                          |
| nothing is known of the id                                         | the next one's           |
| was seen before the latest life was last seen, and is not the end  | an earlier one's if it is|
| of what had shown but that it is there                             | a whole life, else stale |
| is pending: the engine tells nothing of it                         | the latest's if that is  |
|                                                                    | pending too, else next   |
| is of another workflow, or has another parent, than the latest     | the next one's           |
| was created after the latest life was over                         | the next one's           |
| has another execution than the latest, or was created after that   | the latest's if it may be|
| was last heard of: its history tells whether it continued as new   | a generation, else next  |
| anything else                                                      | the latest's             |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operations.ledger.tables import NAME
from operations.records import RunSummary, Snapshot


@dataclass(frozen=True)
class Run:
    """A life as the ledger holds it: what lists show, and what is needed to keep it true.

    `read_at` is when the engine showed what was written last. `is_archived` says whether its
    history has been kept: before that the ledger is not done with it.
    """

    summary: RunSummary
    read_at: datetime
    is_archived: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.summary.status.is_finished or self.summary.purged_at is not None


class Unknown(Enum):
    """What a snapshot is that is of no known life."""

    NEXT = "the id's next life"
    EARLIER = "a life that ended before the latest began"
    STALE = "old news"


def place(known: Sequence[Run], snapshot: Snapshot) -> Run | Unknown:
    """Return the life that a snapshot is of, given the id's latest and those of its execution."""
    same = [run for run in known if _is_same_execution(run, snapshot)]
    if same:
        return max(same, key=lambda run: run.summary.run_id)
    latest = next((run for run in known if run.summary.is_latest), None)
    if latest is None:
        return Unknown.NEXT
    if snapshot.read_at < latest.read_at and not _is_late_end(latest, snapshot):
        return Unknown.EARLIER if _is_earlier(latest.summary, snapshot) else Unknown.STALE
    return latest if is_same_run(latest, snapshot) else Unknown.NEXT


def is_same_run(latest: Run, snapshot: Snapshot) -> bool:
    """Whether a later snapshot, not known to be of the same execution, is still of this life."""
    created, known = created_at(snapshot), latest.summary.execution_id
    if created is None:  # it is pending, which one that has an execution never is again
        return not latest.is_over and known is None
    if _is_of_another(latest.summary, snapshot):
        return False
    goes_on = not latest.is_over or created <= _last_heard(latest.summary)
    if known is not None and snapshot.timeline.execution_id is not None:
        return goes_on and _may_continue(snapshot)
    if created <= _last_heard(latest.summary) or _is_untold(latest.summary):
        return goes_on
    return goes_on and _may_continue(snapshot)


def _is_of_another(summary: RunSummary, snapshot: Snapshot) -> bool:
    """Whether the engine tells another workflow, or another parent, than it told of a life.

    A workflow that continues as new keeps both.
    """
    workflow, known = snapshot.instance.workflow[:NAME], summary.execution_id
    if workflow and summary.workflow and workflow != summary.workflow and not _is_untold(summary):
        return True
    both_told = known is not None and snapshot.timeline.execution_id is not None
    return both_told and snapshot.timeline.parent_id != summary.parent_id


def is_old_news(run: Run, snapshot: Snapshot) -> bool:
    """Whether a snapshot of a life tells less of it than is known.

    An end is news however late it comes, and so is the history that belongs to it.
    """
    known = run.summary.status.is_finished + run.is_archived
    told = snapshot.instance.status.is_finished + is_final(snapshot)
    if told != known and snapshot.timeline.execution_id is not None:
        return told < known
    return told < known or snapshot.read_at < run.read_at


def is_final(snapshot: Snapshot) -> bool:
    """Whether a snapshot brings all that there will ever be to know."""
    return snapshot.instance.status.is_finished and bool(snapshot.history)


def created_at(snapshot: Snapshot) -> datetime | None:
    """Return when an instance was created; of a rerun the engine says when its source was."""
    timeline = snapshot.timeline
    return (timeline.rerun_of and timeline.started_at) or snapshot.instance.created_at


def _is_same_execution(run: Run, snapshot: Snapshot) -> bool:
    timeline, created = snapshot.timeline, created_at(snapshot)
    if timeline.execution_id is None or timeline.execution_id != run.summary.execution_id:
        return False
    # The same source may be run again under the same id, once that has been purged.
    may_be_another = run.is_over and timeline.rerun_of is not None
    return not (may_be_another and created and created > _last_heard(run.summary))


def _may_continue(snapshot: Snapshot) -> bool:
    """Whether the execution may be a later generation of one that continued as new.

    Of such a one, Dapr makes the first turn before the start; of any other, it is the caller who
    makes the start, and the turn comes after it. Without a history it may.
    """
    turn = _time_of_first("workflowStarted", snapshot)
    start = _time_of_first("executionStarted", snapshot)
    return turn is None or start is None or turn <= start


def _time_of_first(kind: str, snapshot: Snapshot) -> datetime | None:
    history = snapshot.history or ()
    return next((event.timestamp for event in history if event.kind == kind), None)


def _is_untold(summary: RunSummary) -> bool:
    """Whether the engine has not said anything of a life but that there is one."""
    return summary.last_updated_at is None


def _last_heard(summary: RunSummary) -> datetime:
    """Return the latest moment, on the engine's clock, that is known of a life."""
    return max(filter(None, (summary.ended_at, summary.last_updated_at, summary.created_at)))


def _is_late_end(latest: Run, snapshot: Snapshot) -> bool:
    """Whether the whole of a life comes after a look at it that told neither execution nor end."""
    return (
        latest.summary.execution_id is None
        and not latest.is_archived
        and is_final(snapshot)
        and snapshot.instance.created_at == latest.summary.created_at
    )


def _is_earlier(latest: RunSummary, snapshot: Snapshot) -> bool:
    created = snapshot.instance.created_at
    told_all = is_final(snapshot) and snapshot.timeline.execution_id is not None
    return told_all and created is not None and created < latest.created_at
