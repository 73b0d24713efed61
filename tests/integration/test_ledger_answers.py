"""Queries on the ledger, compared with results computed from the engine's histories."""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from operations.ledger.statistics.buckets import Bucket
from operations.ledger.statistics.results import DurationDistribution
from operations.model import Status
from operations.records import Filter, Period, Sort
from tests.integration.crowd import Crowd, DaprInstance, gather
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.integration.truth import cause


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
    """Return whether two distributions are the same, to 2 %."""
    return (found and pytest.approx(vars(found), rel=0.02)) == (expected and vars(expected))


def test_workflow_statistics_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Each workflow has its counts and its percentiles."""
    found = rich.ledger.statistics.workflows(crowd.period)
    created = Counter(
        each.state.workflow for each in crowd.all if is_in(found.within, each, "executionStarted")
    )
    ended = [
        each
        for each in (*crowd.ended, crowd.rerun)
        if is_in(found.within, each, "executionCompleted")
    ]
    assert len(ended) >= len(crowd.ended)
    assert {each.name: each.created for each in found.of} == created
    for workflow in found.of:
        of = [each for each in ended if each.state.workflow == workflow.name]
        failures = sum(each.state.status is Status.FAILED for each in of)
        assert (workflow.ended, workflow.failed) == (len(of), failures)
        durations = [duration(rich, each) for each in of]
        assert same(workflow.duration, distribution(durations)), workflow


def duration(rich: Rich, each: DaprInstance) -> float:
    """Return the seconds that an instance took; only the ledger knows the start of a rerun."""
    run = rich.ledger.runs.latest(each.state.instance_id)
    assert run
    if run.rerun_of is None:
        return each.duration
    assert run.started_at
    return (each.first("executionCompleted").timestamp - run.started_at).total_seconds()


def test_activity_statistics_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Each attempt counts, with the time from its scheduling to its end."""
    found = rich.ledger.statistics.activities(crowd.period)
    attempts = [
        (scheduled, end)
        for instance in crowd.all
        for scheduled, end in instance.attempts()
        if found.within.since <= end.timestamp < found.within.until
        if end.timestamp > scheduled.timestamp  # the rerun's own
    ]
    assert [each.name for each in found.of] == ["fail", "flaky", "work"]
    for activity in found.of:
        of = [pair for pair in attempts if pair[0].name == activity.name]
        failures = sum(end.kind == "taskFailed" for _, end in of)
        assert (activity.ended, activity.failed) == (len(of), failures)
        durations = ((end.timestamp - start.timestamp).total_seconds() for start, end in of)
        assert same(activity.duration, distribution(durations)), activity


def test_each_minute_has_the_runs_that_ended_in_it(rich: Rich, crowd: Crowd) -> None:
    """All minutes together have as many created runs as there are."""
    found = rich.ledger.statistics.series(crowd.period, Bucket.MINUTE)
    created = sum(is_in(found.within, each, "executionStarted") for each in crowd.all)
    assert sum(each.created for each in found.of) == created >= len(crowd.ended)
    for status, name in ((Status.COMPLETED, "completed"), (Status.FAILED, "failed")):
        ends = Counter(
            each.first("executionCompleted").timestamp.replace(second=0, microsecond=0)
            for each in (*crowd.ended, crowd.rerun)
            if each.state.status is status and is_in(found.within, each, "executionCompleted")
        )
        assert {m.at: getattr(m, name) for m in found.of if getattr(m, name)} == ends


def is_in(within: Period, each: DaprInstance, kind: str) -> bool:
    """Return whether an event of an instance was in a period."""
    return within.since <= each.first(kind).timestamp < within.until


def test_failure_groups_match_the_histories(rich: Rich, crowd: Crowd) -> None:
    """Each failed run belongs to the group of the step that failed; each failed attempt counts."""
    groups = rich.ledger.statistics.failures(crowd.period)
    found = {(group.key.name, group.key.fingerprint): group.runs for group in groups if group.runs}
    assert found == {
        ("fail", "no paper"): 2,  # of the workflow, and of the child
        ("fail", "no ink …"): 1,
        ("flaky", "Failure … of …."): 1,
        ("failing", "no paper"): 1,  # the child of the parent
        ("no_such_workflow", "A … orchestrator was not registered."): 1,
    }
    assert sum(found.values()) == sum(each.state.status is Status.FAILED for each in crowd.ended)
    attempts = Counter[tuple[str, str]]()
    for group in groups:
        attempts[group.key.name, group.key.error_type] += group.attempts
    expected = Counter(
        (str(scheduled.name), answer.failure.error_type)
        for each in crowd.ended
        for scheduled, answer in each.attempts()
        if answer.failure
    )
    assert +attempts == expected


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
    """Return the error type of the step that failed an instance, None without a failure."""
    failure = cause(each.state, each.history)
    return failure.error_type if failure else None


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
