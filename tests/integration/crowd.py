"""Instances of all kinds, with the state and the history that the engine has of each."""

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
class DaprInstance:
    """The state and the history of an instance in Dapr."""

    state: Instance
    history: tuple[HistoryEvent, ...]

    def first(self, kind: str) -> HistoryEvent:
        """Return the first event of a kind."""
        return next(event for event in self.history if event.kind == kind)

    @property
    def duration(self) -> float:
        """The seconds from the start to the end; a rerun only has the start of its source."""
        end, start = self.first("executionCompleted"), self.first("executionStarted")
        return (end.timestamp - start.timestamp).total_seconds()

    def attempts(self) -> Iterable[tuple[HistoryEvent, HistoryEvent]]:
        """Yield each scheduled attempt with the event that completed it."""
        scheduled = {e.event_id: e for e in self.history if e.kind == "taskScheduled"}
        for event in self.history:
            if event.kind in ANSWERS and event.answers is not None:
                yield scheduled[event.answers], event


@dataclass(frozen=True)
class Crowd:
    """All instances of the engine: those that ended within a period, the open ones, and a rerun."""

    period: Period
    ended: tuple[DaprInstance, ...]
    open: tuple[DaprInstance, ...]
    rerun: DaprInstance

    @property
    def all(self) -> tuple[DaprInstance, ...]:
        """All instances."""
        return (*self.ended, *self.open, self.rerun)


def read(rich: Rich, instance_id: str) -> DaprInstance:
    """Wait until ledger and engine agree on the status of an instance, and return the instance."""
    state = rich.gateway.state(instance_id)
    assert state
    rich.recorded(instance_id, state.status)
    return DaprInstance(state, rich.gateway.history(instance_id))


def all_ids(rich: Rich) -> set[str]:
    """Return the ids that the engine lists; they fit into one page."""
    return set(rich.gateway.ids().ids)


def gather(rich: Rich) -> Crowd:
    """Start instances of all kinds, and wait until the ledger has them."""
    since = datetime.now(UTC) - timedelta(seconds=1)
    for instance_id in [rich.start(*each) for each in ENDING]:
        rich.ended(instance_id)
    ids = all_ids(rich)  # with the children
    assert len(ids) == len(ENDING) + 2
    ended = tuple(read(rich, each) for each in sorted(ids))
    until = datetime.now(UTC)
    source = next(each for each in ended if each.state.workflow == "parallel")
    rerun_id = rich.rerun(source.state.instance_id, source.first("taskScheduled").event_id)
    rich.ended(rerun_id)
    rerun = read(rich, rerun_id)  # the ledger has its end, so it is not among the open ones below
    for each in OPEN:
        rich.start(*each)
    expected = len(ids) + 1 + len(OPEN) + 1  # with the rerun, and a child
    eventually(lambda: len(all_ids(rich)) == expected, 10, "the engine lists all instances")
    eventually(lambda: len(open_in(rich)) == len(OPEN) + 1, 15, "all open instances wait")
    return Crowd(
        Period(since, until),
        ended,
        tuple(read(rich, each) for each in sorted(open_in(rich))),
        rerun,
    )


def open_in(rich: Rich) -> set[str]:
    """Return the ids of the instances that wait for something, from the ledger."""
    runs = rich.ledger.search.page(Filter(frozenset({Status.RUNNING})), limit=99).runs
    return {summary.instance_id for summary in runs if summary.waits_for}
