"""Trace spans of the real engine: when each attempt began, and what happens without them."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from operations.model import Service, Status
from operations.recorder.limits import Limits
from operations.records import Heartbeat, RunSummary
from operations.timeline import Span
from system.dapr.settings import PROJECT
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.integration.stack import unique
from tests.waiting import eventually

AT_ONCE = 4  # activities that this engine hands out at a time; the others wait for their turn
KINDS = [
    (("parallel", "0.2"), 3),
    (("fan_out", '{"activities": 40, "seconds": 0.05}'), 40),
    (("retrying", '{"failures": 2}'), 3),
    (("retrying", '{"failures": 9}'), 4),
    (("failing", '"no paper"'), 1),
    (("continuing", "1"), 1),
]
"""Workflows, their input, and how many attempts they leave."""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run the rich application on an engine that hands out a few activities at a time."""
    folder = Path(tmp_path_factory.mktemp("traces"))
    resources = folder / "components"
    shutil.copytree(PROJECT / "components", resources)
    configuration = resources / "dapr-config.yaml"
    limit = f"  workflow:\n    maxConcurrentActivityInvocations: {AT_ONCE}\n"
    configuration.write_text(configuration.read_text().replace("  workflow:\n", limit))
    with Rich(folder, 29320, FLOWDECK_RESOURCES=str(resources)) as rich:
        # What daprd cannot deliver it drops: what it told before the recorder was there is lost.
        eventually(lambda: is_traced(rich.ledger.heartbeat()), 30, "traces arrive")
        yield rich


def recorded(rich: Rich, instance_id: str) -> RunSummary:
    """Return the entry of an instance that has ended."""
    return rich.recorded(instance_id, rich.ended(instance_id).status)


def attempts(rich: Rich, instance_id: str) -> tuple[Span, ...]:
    """Return the attempts of an instance that has ended, as soon as all begins are known."""
    summary = recorded(rich, instance_id)

    def told() -> tuple[Span, ...] | None:
        found = rich.ledger.runs.attempts(summary.run_id)
        return found if found and all(span.started_at for span in found) else None

    return eventually(told, 10, "all begins are known")


@pytest.mark.parametrize(("kind", "number"), KINDS)
def test_each_attempt_began_between_its_scheduling_and_its_end(
    rich: Rich, kind: tuple[str, str], number: int
) -> None:
    """Retries each at a time of their own, and one that continues as new in its last generation."""
    found = attempts(rich, rich.start(*kind))
    assert len(found) == number
    for span in found:
        assert span.started_at
        assert span.ended_at
        assert span.scheduled_at <= span.started_at <= span.ended_at
    assert len({span.started_at for span in found}) == number


def test_what_waits_for_its_turn_is_told_from_what_runs(rich: Rich) -> None:
    """All are scheduled at once; of their runs there are never more at a time than may be."""
    found = attempts(rich, rich.start("fan_out", '{"activities": 12, "seconds": 0.3}'))
    assert max(span.scheduled_at for span in found) <= min(
        span.ended_at for span in found if span.ended_at
    )
    for span in found:
        running = [
            s
            for s in found
            if s.started_at and s.ended_at and span.started_at and s.started_at <= span.started_at
        ]
        assert (
            sum(
                1
                for s in running
                if s.ended_at and span.started_at and s.ended_at > span.started_at
            )
            <= AT_ONCE
        )


def test_an_attempt_begins_after_the_one_before_it_failed(rich: Rich) -> None:
    """What a history says of the order of retries, traces say too."""
    found = attempts(rich, rich.start("retrying", '{"failures": 3, "seconds": 0.05}'))
    for before, after in pairwise(found):
        assert before.ended_at
        assert after.started_at
        assert before.ended_at <= after.started_at


def test_what_the_recorder_measures_is_in_its_pulse(rich: Rich) -> None:
    """Its lag, its reads, and that traces arrive."""
    recorded(rich, rich.start("parallel", "0.1"))

    def measured() -> bool:
        metrics = rich.ledger.heartbeat().metrics
        return bool(metrics and metrics.lag_p95 and metrics.states and metrics.traces)

    eventually(measured, 10, "it has measured itself")


def test_without_traces_all_is_recorded_but_the_begins(rich: Rich) -> None:
    """Who holds the port, and never answers, holds up neither engine nor recorder."""
    with untraced_recorder(rich):
        instance_id = rich.start("parallel", "0.1")
        summary = recorded(rich, instance_id)
        assert summary.status is Status.COMPLETED
        found = rich.ledger.runs.attempts(summary.run_id)
        assert [span.started_at for span in found] == [None] * 3
    eventually(lambda: is_traced(rich.ledger.heartbeat()), 30, "traces arrive again")
    assert len(attempts(rich, rich.start("parallel", "0.1"))) == 3


@contextmanager
def untraced_recorder(rich: Rich) -> Iterator[None]:
    """Have a recorder that no trace reaches for a while."""
    with rich.without_recorder():
        holder = socket.create_server(("127.0.0.1", rich.spans_port))
    with holder:
        yield


@pytest.fixture
def untraced(rich: Rich) -> Iterator[None]:
    """Have a recorder that no trace reaches during a test, and traces again after it."""
    with untraced_recorder(rich):
        yield
    eventually(lambda: is_traced(rich.ledger.heartbeat()), 60, "traces arrive again")


@pytest.mark.usefixtures("untraced")
def test_without_traces_an_id_that_is_used_again_is_found(rich: Rich) -> None:
    """By the next round over what has finished: the engine erases the first life, and lists on."""
    instance_id = rich.start("parallel", "0.1")
    recorded(rich, instance_id)
    rich.gateway.start("parallel", instance_id, "0.1")
    assert_used_again(rich, instance_id)


@pytest.mark.usefixtures("untraced")
def test_without_traces_a_child_that_is_used_again_is_found(rich: Rich) -> None:
    """A parent that gives its children ids of its own making may give one twice."""
    child_id = unique("child")
    parent_id = rich.start("repeating", f'"{child_id}"')
    rich.recorded(child_id, Status.COMPLETED, 20)
    rich.raise_event(parent_id, EVENT, "null")
    assert_used_again(rich, child_id)


def assert_used_again(rich: Rich, instance_id: str) -> None:
    """Wait until both lives of an id are there, each with its end and its attempts."""

    def before() -> RunSummary | None:
        latest = rich.ledger.runs.latest(instance_id)
        assert latest
        return rich.ledger.runs.adjacent_runs(latest)[0]

    earlier = eventually(before, 3 * Limits().recheck_round, "its next life is there")
    later = rich.recorded(instance_id, Status.COMPLETED)
    assert earlier.status is Status.COMPLETED
    assert earlier.execution_id != later.execution_id
    for life in (earlier, later):
        assert len(rich.ledger.runs.attempts(life.run_id)) == 3


def is_traced(heartbeat: Heartbeat) -> bool:
    """Whether traces arrive."""
    return bool(heartbeat.metrics and heartbeat.metrics.traces)


def test_an_id_that_breaks_the_list_is_told_with_its_remedy_and_blinds_nobody(rich: Rich) -> None:
    """It is found by its trace, as is what is started meanwhile; once it is purged all is well."""
    broken = f"{rich.start('waiting')}||broken"
    rich.gateway.start("no_such_workflow", broken, "{}")
    try:
        eventually(lambda: listing_trouble(rich), 15, "the trouble is told")
        assert broken in listing_trouble(rich)
        assert "purge it" in listing_trouble(rich)
        assert recorded(rich, broken).status is Status.FAILED
        assert recorded(rich, rich.start("parallel", "0.1")).status is Status.COMPLETED
    finally:
        rich.purge(broken)
    eventually(lambda: not listing_trouble(rich), 15, "the trouble is over")


def listing_trouble(rich: Rich) -> str:
    """Return why the engine cannot list its instances, nothing if it can."""
    outages = rich.ledger.heartbeat().outages
    return next((each.reason for each in outages if each.service is Service.LISTING), "")
