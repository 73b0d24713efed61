"""Runs of all kinds, and what the engine says of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.history import HistoryEvent
from operations.model import Instance, Status
from operations.records import Filter, Period
from tests.integration.rich import Rich
from tests.waiting import eventually

ENDING = [
    *[("parallel", seconds) for seconds in ("0.1", "0.2", "0.3", "0.4", "0.5")],
    ("retrying", '{"failures": 2}'),
    ("retrying", '{"failures": 9}'),
    ("failing", '"no paper"'),
    ("failing", '"no ink 7"'),
    ("sleeping", "0.2"),
    ("waiting_at_most", "0.2"),
    ("parent", "0.1"),
    ("parent_of_failing", '"no paper"'),
    ("no_such_workflow", "{}"),
]
OPEN = [
    ("waiting", "null"),
    ("waiting_until", "3600"),
    ("waiting_for_any", '["cancel", "Approval"]'),
    ("waiting_for_any", '["cancel", "parcel"]'),
    ("sleeping", "3600"),
    ("parallel", "600"),
    ("parent", "600"),
]
ANSWERS = {"taskCompleted", "taskFailed"}


@dataclass(frozen=True)
class PeriodStatistics:
    """What the engine says of an instance."""

    state: Instance
    history: tuple[HistoryEvent, ...]

    def first(self, kind: str) -> HistoryEvent:
        """Return its first event of a kind."""
        return next(event for event in self.history if event.kind == kind)

    @property
    def took(self) -> float:
        """How many seconds it took."""
        end, start = self.first("executionCompleted"), self.first("executionStarted")
        return (end.timestamp - start.timestamp).total_seconds()

    def attempts(self) -> Iterable[tuple[HistoryEvent, HistoryEvent]]:
        """Return what was scheduled with what answered it."""
        scheduled = {e.event_id: e for e in self.history if e.kind == "taskScheduled"}
        for event in self.history:
            if event.kind in ANSWERS and event.answers is not None:
                yield scheduled[event.answers], event


@dataclass(frozen=True)
class Crowd:
    """All that the engine has: what had ended within a period, what is open, and a rerun."""

    within: Period
    ended: tuple[PeriodStatistics, ...]
    open: tuple[PeriodStatistics, ...]
    rerun: PeriodStatistics

    @property
    def all(self) -> tuple[PeriodStatistics, ...]:
        """All of them."""
        return (*self.ended, *self.open, self.rerun)


def told(rich: Rich, instance_id: str) -> PeriodStatistics:
    """Return what the engine says, once the ledger says the same of its status."""
    state = rich.gateway.state(instance_id)
    assert state
    rich.recorded(instance_id, state.status)
    return PeriodStatistics(state, rich.gateway.history(instance_id))


def all_ids(rich: Rich) -> set[str]:
    """Return the ids that the engine lists, which are less than a page."""
    return set(rich.gateway.ids().ids)


def gather(rich: Rich) -> Crowd:
    """Start instances of all kinds, and wait until the ledger knows of them."""
    since = datetime.now(UTC) - timedelta(seconds=1)
    for instance_id in [rich.start(*each) for each in ENDING]:
        rich.ended(instance_id)
    ids = all_ids(rich)  # with the children
    assert len(ids) == len(ENDING) + 2
    ended = tuple(told(rich, each) for each in sorted(ids))
    until = datetime.now(UTC)
    source = next(each for each in ended if each.state.workflow == "parallel")
    rerun_id = rich.rerun(source.state.instance_id, source.first("taskScheduled").event_id)
    rich.ended(rerun_id)
    for each in OPEN:
        rich.start(*each)
    wanted = len(ids) + 1 + len(OPEN) + 1  # with the rerun, and a child
    eventually(lambda: len(all_ids(rich)) == wanted, 10, "all are there")
    eventually(lambda: len(open_in(rich)) == len(OPEN) + 1, 15, "all wait")
    return Crowd(
        Period(since, until),
        ended,
        tuple(told(rich, each) for each in sorted(open_in(rich))),
        told(rich, rerun_id),
    )


def open_in(rich: Rich) -> set[str]:
    """Return the ids of what the ledger says that it waits for something."""
    runs = rich.ledger.search.page(Filter(frozenset({Status.RUNNING})), limit=99).runs
    return {summary.instance_id for summary in runs if summary.waits_for}
