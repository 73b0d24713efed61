"""What the ledger answers of many instances, worked out again from the engine's own words."""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from operations.ledger.statistics.results import DurationDistribution
from operations.model import Status
from operations.records import Filter, Sort
from tests.integration.crowd import Crowd, PeriodStatistics, gather
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT


@pytest.fixture(scope="module")
def crowd(rich: Rich) -> Crowd:
    """Return instances of all kinds."""
    return gather(rich)


def spread(seconds: Iterable[float]) -> DurationDistribution | None:
    """Return how durations are spread, each percentile by what it means."""
    of = sorted(seconds)
    if not of:
        return None

    def at(share: float) -> float:
        return next(each for each in of if sum(other <= each for other in of) >= share * len(of))

    return DurationDistribution(len(of), at(0.5), at(0.95), at(0.99), of[-1])


def same(found: DurationDistribution | None, expected: DurationDistribution | None) -> bool:
    """Whether two are the same, to a microsecond."""
    return (found and pytest.approx(vars(found), abs=1e-6)) == (expected and vars(expected))


def test_workflows_did_as_their_histories_tell(rich: Rich, crowd: Crowd) -> None:
    """Counts, failures and percentiles, of each workflow and no other."""
    found = {each.workflow: each for each in rich.ledger.statistics.workflows(crowd.within).of}
    names = {each.state.workflow for each in crowd.ended}
    assert found.keys() == names
    for name in names:
        of = [each for each in crowd.ended if each.state.workflow == name]
        failures = sum(each.state.status is Status.FAILED for each in of)
        assert (found[name].count, found[name].failures) == (len(of), failures)
        assert found[name].failure_share == failures / len(of)
        assert same(found[name].took, spread(each.took for each in of)), name


def test_activities_did_as_their_events_tell(rich: Rich, crowd: Crowd) -> None:
    """Each attempt counts, with the time from its schedule to its answer."""
    found = {each.activity: each for each in rich.ledger.statistics.activities(crowd.within).of}
    attempts = [each for told in crowd.ended for each in told.attempts()]
    assert found.keys() == {scheduled.name for scheduled, _ in attempts}
    for name, statistics in found.items():
        of = [pair for pair in attempts if pair[0].name == name]
        failures = sum(answer.kind == "taskFailed" for _, answer in of)
        assert (statistics.count, statistics.failures) == (len(of), failures)
        took = ((end.timestamp - start.timestamp).total_seconds() for start, end in of)
        assert same(statistics.took, spread(took)), name
    assert {"work", "flaky", "fail"} == found.keys()


def test_each_minute_has_what_ended_in_it(rich: Rich, crowd: Crowd) -> None:
    """And as many have begun as there are."""
    minutes = rich.ledger.statistics.throughput(crowd.within)
    assert sum(each.started for each in minutes) == len(crowd.ended)
    for status, name in ((Status.COMPLETED, "completed"), (Status.FAILED, "failed")):
        ends = Counter(
            each.first("executionCompleted").timestamp.replace(second=0, microsecond=0)
            for each in crowd.ended
            if each.state.status is status
        )
        assert {m.at: getattr(m, name) for m in minutes if getattr(m, name)} == ends


def test_failures_are_grouped_by_what_the_engine_says_of_them(rich: Rich, crowd: Crowd) -> None:
    """Of attempts and of workflows, by name and type, with numbers and ids left out."""
    groups = rich.ledger.statistics.failures(crowd.within).of
    found = Counter[tuple[str | None, bool, str]]()
    for group in groups:
        found[group.name, group.is_activity, group.error_type] += group.count
    expected = Counter(
        (scheduled.name, True, answer.failure.error_type)
        for each in crowd.ended
        for scheduled, answer in each.attempts()
        if answer.failure
    )
    expected.update(
        (each.state.workflow, False, each.state.failure.error_type)
        for each in crowd.ended
        if each.state.failure
    )
    assert found == expected
    of_fail = {group.message: group.count for group in groups if group.name == "fail"}
    assert of_fail == {"no paper": 2, "no ink …": 1}
    assert {group.count for group in groups if group.name == "flaky"} == {2 + 4}


def is_of(*workflows: str) -> Callable[[PeriodStatistics], bool]:
    """Return what is true of the open instances of some workflows."""
    return lambda each: each.state.workflow in workflows and each.state.status is Status.RUNNING


def says(each: PeriodStatistics, text: str) -> bool:
    """Whether an instance's input or output has a text."""
    return text in (each.state.input or "") + (each.state.output or "")


def has_source(each: PeriodStatistics) -> bool:
    """Whether an instance is a rerun."""
    return each.state.instance_id.startswith("rerun")


ASKED: dict[str, tuple[Filter, Callable[[PeriodStatistics], bool]]] = {
    "an event, alone or with another": (
        Filter(waits_for=EVENT),
        lambda each: (
            is_of("waiting", "waiting_until")(each)
            or (is_of("waiting_for_any")(each) and says(each, "Approval"))
        ),
    ),
    "an event, in capitals": (Filter(waits_for="CANCEL"), is_of("waiting_for_any")),
    "the second of two events": (
        Filter(waits_for="parcel"),
        lambda each: is_of("waiting_for_any")(each) and says(each, "parcel"),
    ),
    "an activity": (Filter(waits_for="work"), is_of("parallel")),
    "a child": (Filter(waits_for="parallel"), is_of("parent")),
    "a timer": (Filter(waits_for="timer"), is_of("sleeping")),
    "no sentence": (Filter(waits_for=f"event {EVENT}"), lambda _: False),
    "a custom status": (
        Filter(custom_status="two at once"),
        lambda each: each.state.custom_status == "two at once",
    ),
    "another custom status": (
        Filter(custom_status="one after"),
        lambda each: each.state.custom_status == "one after",
    ),
    "a text in an input": (Filter(anywhere="parcel"), lambda each: says(each, "parcel")),
    "a text in an output": (
        Filter(anywhere="timed out"),
        lambda each: "timed out" in (each.state.output or ""),
    ),
    "a workflow and a status": (
        Filter(frozenset({Status.FAILED}), workflows=frozenset({"failing", "retrying"})),
        lambda each: (
            each.state.workflow in {"failing", "retrying"} and each.state.status is Status.FAILED
        ),
    ),
    "a part of the id": (Filter(text="rerun"), has_source),
}


def failure_type(each: PeriodStatistics) -> str | None:
    """Return the type of an instance's failure."""
    return each.state.failure.error_type if each.state.failure else None


def assert_found(rich: Rich, wanted: Filter, expected: set[str]) -> None:
    """Have each list, in whichever order, and the counts tell the same."""
    for sort in Sort:
        page = rich.ledger.search.page(wanted, limit=99, sort=sort)
        assert {summary.instance_id for summary in page.runs} == expected
    counts = rich.ledger.search.counts(wanted).values()
    if not wanted.statuses:  # they are those of each status, whichever are wanted
        assert sum(count.number for count in counts) == len(expected)


@pytest.mark.parametrize(("wanted", "is_wanted"), ASKED.values(), ids=ASKED)
def test_a_filter_finds_what_the_engine_says_is_so(
    rich: Rich, crowd: Crowd, wanted: Filter, is_wanted: Callable[[PeriodStatistics], bool]
) -> None:
    """All of it, and no more."""
    expected = {each.state.instance_id for each in crowd.all if is_wanted(each)}
    assert_found(rich, wanted, expected)
    assert expected or "event " in wanted.waits_for


def test_kin_are_found_by_the_ids_that_the_engine_gives(rich: Rich, crowd: Crowd) -> None:
    """The children of a parent, each failure's type, and the reruns of a source."""
    for each in crowd.all:
        children = {e.instance_id for e in each.history if e.kind == CHILD and e.instance_id}
        assert_found(rich, Filter(parent_id=each.state.instance_id), children)
    for name in {failure_type(each) for each in crowd.ended} - {None}:
        of = {each.state.instance_id for each in crowd.all if failure_type(each) == name}
        assert_found(rich, Filter(failure_type=name or ""), of)
    source = next(each for each in crowd.ended if each.state.workflow == "parallel")
    rerun_id = crowd.rerun.state.instance_id
    assert_found(rich, Filter(rerun_of=source.state.instance_id), {rerun_id})
    assert_found(rich, Filter(since=crowd.within.until), set_of(crowd.open) | {rerun_id})
    assert_found(rich, Filter(until=crowd.within.until), set_of(crowd.ended))


def set_of(some: Iterable[PeriodStatistics]) -> set[str]:
    """Return the ids of instances."""
    return {each.state.instance_id for each in some}


CHILD = "childWorkflowInstanceCreated"
