"""Which life of an instance id a sighting is of.

Dapr gives each life an execution id. A workflow that continues as new gets another one in each
generation, and its life goes on. A rerun has that of its source. What decides is the first that is
true of a sighting, held against the lives that are known of its id:

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
from operations.records import Entry, Sighting


@dataclass(frozen=True)
class Life:
    """A life as the ledger holds it: what lists show, and what is needed to keep it true.

    `seen_at` is when the engine showed what was written last. `is_archived` says whether its
    history has been kept: before that the ledger is not done with it.
    """

    entry: Entry
    seen_at: datetime
    is_archived: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.entry.status.is_finished or self.entry.purged_at is not None


class Unknown(Enum):
    """What a sighting is that is of no known life."""

    NEXT = "the id's next life"
    EARLIER = "a life that ended before the latest began"
    STALE = "old news"


def place(known: Sequence[Life], sighting: Sighting) -> Life | Unknown:
    """Return the life that a sighting is of, given the id's latest and those of its execution."""
    same = [life for life in known if _is_same_execution(life, sighting)]
    if same:
        return max(same, key=lambda life: life.entry.key)
    latest = next((life for life in known if life.entry.is_latest), None)
    if latest is None:
        return Unknown.NEXT
    if sighting.seen_at < latest.seen_at and not _is_late_end(latest, sighting):
        return Unknown.EARLIER if _is_earlier(latest.entry, sighting) else Unknown.STALE
    return latest if is_same_life(latest, sighting) else Unknown.NEXT


def is_same_life(latest: Life, sighting: Sighting) -> bool:
    """Whether a later sighting, not known to be of the same execution, is still of this life."""
    created, known = created_at(sighting), latest.entry.execution_id
    if created is None:  # it is pending, which one that has an execution never is again
        return not latest.is_over and known is None
    if _is_of_another(latest.entry, sighting):
        return False
    goes_on = not latest.is_over or created <= _last_heard(latest.entry)
    if known is not None and sighting.timeline.execution_id is not None:
        return goes_on and _may_continue(sighting)
    if created <= _last_heard(latest.entry) or _is_untold(latest.entry):
        return goes_on
    return goes_on and _may_continue(sighting)


def _is_of_another(entry: Entry, sighting: Sighting) -> bool:
    """Whether the engine tells another workflow, or another parent, than it told of a life.

    A workflow that continues as new keeps both.
    """
    workflow, known = sighting.instance.workflow[:NAME], entry.execution_id
    if workflow and entry.workflow and workflow != entry.workflow and not _is_untold(entry):
        return True
    both_told = known is not None and sighting.timeline.execution_id is not None
    return both_told and sighting.timeline.parent_id != entry.parent_id


def is_old_news(life: Life, sighting: Sighting) -> bool:
    """Whether a sighting of a life tells less of it than is known.

    An end is news however late it comes, and so is the history that belongs to it.
    """
    known = life.entry.status.is_finished + life.is_archived
    told = sighting.instance.status.is_finished + is_final(sighting)
    if told != known and sighting.timeline.execution_id is not None:
        return told < known
    return told < known or sighting.seen_at < life.seen_at


def is_final(sighting: Sighting) -> bool:
    """Whether a sighting brings all that there will ever be to know."""
    return sighting.instance.status.is_finished and bool(sighting.history)


def created_at(sighting: Sighting) -> datetime | None:
    """Return when an instance was created; of a rerun the engine says when its source was."""
    timeline = sighting.timeline
    return (timeline.rerun_of and timeline.started_at) or sighting.instance.created_at


def _is_same_execution(life: Life, sighting: Sighting) -> bool:
    timeline, created = sighting.timeline, created_at(sighting)
    if timeline.execution_id is None or timeline.execution_id != life.entry.execution_id:
        return False
    # The same source may be run again under the same id, once that has been purged.
    may_be_another = life.is_over and timeline.rerun_of is not None
    return not (may_be_another and created and created > _last_heard(life.entry))


def _may_continue(sighting: Sighting) -> bool:
    """Whether the execution may be a later generation of one that continued as new.

    Of such a one, Dapr makes the first turn before the start; of any other, it is the caller who
    makes the start, and the turn comes after it. Without a history it may.
    """
    turn = _time_of_first("workflowStarted", sighting)
    start = _time_of_first("executionStarted", sighting)
    return turn is None or start is None or turn <= start


def _time_of_first(kind: str, sighting: Sighting) -> datetime | None:
    history = sighting.history or ()
    return next((event.timestamp for event in history if event.kind == kind), None)


def _is_untold(entry: Entry) -> bool:
    """Whether the engine has not said anything of a life but that there is one."""
    return entry.last_updated_at is None


def _last_heard(entry: Entry) -> datetime:
    """Return the latest moment, on the engine's clock, that is known of a life."""
    return max(filter(None, (entry.ended_at, entry.last_updated_at, entry.created_at)))


def _is_late_end(latest: Life, sighting: Sighting) -> bool:
    """Whether the whole of a life comes after a look at it that told neither execution nor end."""
    return (
        latest.entry.execution_id is None
        and not latest.is_archived
        and is_final(sighting)
        and sighting.instance.created_at == latest.entry.created_at
    )


def _is_earlier(latest: Entry, sighting: Sighting) -> bool:
    created = sighting.instance.created_at
    told_all = is_final(sighting) and sighting.timeline.execution_id is not None
    return told_all and created is not None and created < latest.created_at
