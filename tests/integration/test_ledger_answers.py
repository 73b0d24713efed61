"""Queries on the ledger, compared with results computed from the engine's histories."""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from operations.ledger.statistics.results import DurationDistribution
from operations.model import Status
from operations.records import Filter, Sort
from tests.integration.crowd import Crowd, DaprInstance, gather
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT


@pytest.fixture(scope="module")
def crowd(rich: Rich) -> Crowd:
    """Return instances of all kinds."""
    return gather(rich)


def distribution(seconds: Iterable[float]) -> DurationDistribution | None:
    """Return the distribution of durations; each percentile is computed by its definition."""
    durations = sorted(seconds)
    if not durations:
        return None

    def at(share: float) -> float:
        count = share * len(durations)
        return next(d for d in durations if sum(other <= d for other in durations) >= count)

    return DurationDistribution(len(durations), at(0.5), at(0.95), at(0.99), durations[-1])


def same(found: DurationDistribution | None, expected: DurationDistribution | None) -> bool:
    """Return whether two distributions are the same, to a microsecond."""
    return (found and pytest.approx(vars(found), abs=1e-6)) == (expected and vars(expected))


def test_workflow_statistics_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Each workflow has its count, its failures and its percentiles."""
    found = {each.workflow: each for each in rich.ledger.statistics.workflows(crowd.period).of}
    names = {each.state.workflow for each in crowd.ended}
    assert found.keys() == names
    for name in names:
        of = [each for each in crowd.ended if each.state.workflow == name]
        failures = sum(each.state.status is Status.FAILED for each in of)
        assert (found[name].count, found[name].failures) == (len(of), failures)
        assert found[name].failure_share == failures / len(of)
        assert same(found[name].duration, distribution(each.duration for each in of)), name


def test_activity_statistics_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Each attempt counts, with the time from its scheduling to its end."""
    found = {each.activity: each for each in rich.ledger.statistics.activities(crowd.period).of}
    attempts = [each for instance in crowd.ended for each in instance.attempts()]
    assert found.keys() == {scheduled.name for scheduled, _ in attempts}
    for name, statistics in found.items():
        of = [pair for pair in attempts if pair[0].name == name]
        failures = sum(answer.kind == "taskFailed" for _, answer in of)
        assert (statistics.count, statistics.failures) == (len(of), failures)
        durations = ((end.timestamp - start.timestamp).total_seconds() for start, end in of)
        assert same(statistics.duration, distribution(durations)), name
    assert {"work", "flaky", "fail"} == found.keys()


def test_each_minute_has_the_runs_that_ended_in_it(rich: Rich, crowd: Crowd) -> None:
    """All minutes together have as many created runs as there are."""
    minutes = rich.ledger.statistics.throughput(crowd.period)
    assert sum(each.created for each in minutes) == len(crowd.ended)
    for status, name in ((Status.COMPLETED, "completed"), (Status.FAILED, "failed")):
        ends = Counter(
            each.first("executionCompleted").timestamp.replace(second=0, microsecond=0)
            for each in crowd.ended
            if each.state.status is status
        )
        assert {m.at: getattr(m, name) for m in minutes if getattr(m, name)} == ends


def test_failure_groups_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Failures of attempts and of workflows are grouped by name, type and fingerprint."""
    groups = rich.ledger.statistics.failures(crowd.period).of
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
    of_fail = {group.fingerprint: group.count for group in groups if group.name == "fail"}
    assert of_fail == {"no paper": 2, "no ink …": 1}
    assert {group.count for group in groups if group.name == "flaky"} == {2 + 4}


def is_of(*workflows: str) -> Callable[[DaprInstance], bool]:
    """Return a predicate that is true for the running instances of some workflows."""
    return lambda each: each.state.workflow in workflows and each.state.status is Status.RUNNING


def has_text(each: DaprInstance, text: str) -> bool:
    """Return whether the input or the output of an instance has a text."""
    return text in (each.state.input or "") + (each.state.output or "")


def is_rerun(each: DaprInstance) -> bool:
    """Return whether an instance is a rerun."""
    return each.state.instance_id.startswith("rerun")


FILTERS: dict[str, tuple[Filter, Callable[[DaprInstance], bool]]] = {
    "an event, alone or with another": (
        Filter(waits_for=EVENT),
        lambda each: (
            is_of("waiting", "waiting_until")(each)
            or (is_of("waiting_for_any")(each) and has_text(each, "Approval"))
        ),
    ),
    "an event, in capitals": (Filter(waits_for="CANCEL"), is_of("waiting_for_any")),
    "the second of two events": (
        Filter(waits_for="parcel"),
        lambda each: is_of("waiting_for_any")(each) and has_text(each, "parcel"),
    ),
    "an activity": (Filter(waits_for="work"), is_of("parallel")),
    "a child": (Filter(waits_for="parallel"), is_of("parent")),
    "a timer": (Filter(waits_for="timer"), is_of("sleeping")),
    "the sentence of the list": (Filter(waits_for=f"event {EVENT}"), lambda _: False),
    "a custom status": (
        Filter(custom_status="two at once"),
        lambda each: each.state.custom_status == "two at once",
    ),
    "another custom status": (
        Filter(custom_status="one after"),
        lambda each: each.state.custom_status == "one after",
    ),
    "a text in an input": (Filter(text="parcel"), lambda each: has_text(each, "parcel")),
    "a text in an output": (
        Filter(text="timed out"),
        lambda each: "timed out" in (each.state.output or ""),
    ),
    "a workflow and a status": (
        Filter(frozenset({Status.FAILED}), workflows=frozenset({"failing", "retrying"})),
        lambda each: (
            each.state.workflow in {"failing", "retrying"} and each.state.status is Status.FAILED
        ),
    ),
    "a part of the id": (Filter(id_part="rerun"), is_rerun),
}


def error_type(each: DaprInstance) -> str | None:
    """Return the type of the failure of an instance, None without a failure."""
    return each.state.failure.error_type if each.state.failure else None


def assert_found(rich: Rich, wanted: Filter, expected: set[str]) -> None:
    """Assert that the list with each sort order, and the counts, have the expected instances."""
    for sort in Sort:
        page = rich.ledger.search.page(wanted, limit=99, sort=sort)
        assert {summary.instance_id for summary in page.runs} == expected
    counts = rich.ledger.search.counts(wanted).values()
    if not wanted.statuses:  # counts ignore the filter by status
        assert sum(count.number for count in counts) == len(expected)


@pytest.mark.parametrize(("wanted", "is_wanted"), FILTERS.values(), ids=FILTERS)
def test_a_filter_finds_the_matching_instances(
    rich: Rich, crowd: Crowd, wanted: Filter, is_wanted: Callable[[DaprInstance], bool]
) -> None:
    """A filter finds exactly the instances that match in the engine."""
    expected = {each.state.instance_id for each in crowd.all if is_wanted(each)}
    assert_found(rich, wanted, expected)
    assert expected or "event " in wanted.waits_for


def test_filters_by_parent_failure_source_and_time(rich: Rich, crowd: Crowd) -> None:
    """Filters find the children of a parent, a failure type, the reruns of a source, a period."""
    for each in crowd.all:
        children = {e.instance_id for e in each.history if e.kind == CHILD and e.instance_id}
        assert_found(rich, Filter(parent_id=each.state.instance_id), children)
    for name in {error_type(each) for each in crowd.ended} - {None}:
        failed = {each.state.instance_id for each in crowd.all if error_type(each) == name}
        assert_found(rich, Filter(error_type=name or ""), failed)
    source = next(each for each in crowd.ended if each.state.workflow == "parallel")
    rerun_id = crowd.rerun.state.instance_id
    assert_found(rich, Filter(rerun_of=source.state.instance_id), {rerun_id})
    assert_found(rich, Filter(since=crowd.period.until), ids_of(crowd.open) | {rerun_id})
    assert_found(rich, Filter(until=crowd.period.until), ids_of(crowd.ended))


def ids_of(instances: Iterable[DaprInstance]) -> set[str]:
    """Return the ids of instances."""
    return {each.state.instance_id for each in instances}


CHILD = "childWorkflowInstanceCreated"
