"""Trace spans of the real engine: the start of each attempt, and the recorder without traces."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from operations.model import Service, Status
from operations.recorder.limits import RecorderLimits
from operations.recorder_report import Heartbeat
from operations.records import RunSummary
from operations.timeline import Span
from system.dapr.settings import PROJECT
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.integration.stack import unique
from tests.ports import first_port
from tests.unit.zipkin import attempt_span, body
from tests.waiting import eventually

AT_ONCE = 4  # activities that this engine runs at a time; the others wait in its queue
KINDS = [
    (("parallel", "0.2"), 3),
    (("fan_out", '{"activities": 40, "seconds": 0.05}'), 40),
    (("retrying", '{"failures": 2}'), 3),
    (("retrying", '{"failures": 9}'), 4),
    (("failing", '"no paper"'), 1),
    (("continuing", "1"), 1),
]
"""Workflow and input, and the number of attempts in the ledger."""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run the rich application on an engine that runs few activities at a time."""
    folder = Path(tmp_path_factory.mktemp("traces"))
    resources = folder / "components"
    shutil.copytree(PROJECT / "components", resources)
    configuration = resources / "dapr-config.yaml"
    limit = f"  workflow:\n    maxConcurrentActivityInvocations: {AT_ONCE}\n"
    configuration.write_text(configuration.read_text().replace("  workflow:\n", limit))
    with Rich(folder, first_port(29320), FLOWDECK_RESOURCES=str(resources)) as rich:
        # daprd drops undelivered trace spans, such as those from before the recorder's start.
        eventually(lambda: is_traced(rich.ledger.heartbeat()), 30, "traces arrive")
        yield rich


def recorded(rich: Rich, instance_id: str) -> RunSummary:
    """Wait until an instance has ended and is recorded, and return its run.

    Some tests start another recorder, which takes seconds on a busy machine.
    """
    return rich.recorded(instance_id, rich.ended(instance_id).status, 20)


def attempts(rich: Rich, instance_id: str) -> tuple[Span, ...]:
    """Wait until all attempts of a finished instance have `started_at`, and return the attempts."""
    summary = recorded(rich, instance_id)

    def complete() -> tuple[Span, ...] | None:
        found = rich.ledger.runs.attempts(summary.run_id)
        return found if found and all(span.started_at for span in found) else None

    return eventually(complete, 10, "all attempts have started_at")


@pytest.mark.parametrize(("kind", "number"), KINDS)
def test_each_attempt_started_between_its_scheduling_and_its_end(
    rich: Rich, kind: tuple[str, str], number: int
) -> None:
    """Each retry has its own start; a workflow that continues as new has its last generation."""
    found = attempts(rich, rich.start(*kind))
    assert len(found) == number
    for span in found:
        assert span.started_at
        assert span.ended_at
        assert span.scheduled_at <= span.started_at <= span.ended_at
    assert len({span.started_at for span in found}) == number


def test_queue_time_is_separate_from_execution_time(rich: Rich) -> None:
    """All attempts are scheduled at once, but no more than `AT_ONCE` run at the same time."""
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


def test_an_attempt_starts_after_the_previous_one_failed(rich: Rich) -> None:
    """The start times of retries are in the order of the history."""
    found = attempts(rich, rich.start("retrying", '{"failures": 3, "seconds": 0.05}'))
    for before, after in pairwise(found):
        assert before.ended_at
        assert after.started_at
        assert before.ended_at <= after.started_at


def test_a_forged_span_needs_the_end_of_its_attempt(rich: Rich) -> None:
    """The recorder receives both spans; the history contradicts the end of the first one."""
    instance_id = rich.start("parallel", "0.1")
    first, second, last = attempts(rich, instance_id)
    assert first.ended_at
    assert second.ended_at
    an_hour_later = first.ended_at + timedelta(hours=1)
    forged = [
        attempt_span(first.event_id, first.ended_at, an_hour_later, instance_id),
        attempt_span(second.event_id, second.ended_at, second.ended_at, instance_id),
    ]
    address = f"http://127.0.0.1:{rich.trace_port}/api/v2/spans"
    headers = {"content-type": "application/json"}
    assert httpx.post(address, content=body(*forged), headers=headers).status_code == 202

    def start_times() -> list[datetime | None]:
        return [span.started_at for span in attempts(rich, instance_id)]

    believed = [first.started_at, second.ended_at, last.started_at]
    eventually(lambda: start_times() == believed, 10, "the second one is believed")


def test_the_recorder_s_metrics_are_in_its_heartbeat(rich: Rich) -> None:
    """The metrics have the lag, the reads and the traces."""
    recorded(rich, rich.start("parallel", "0.1"))

    def measured() -> bool:
        metrics = rich.ledger.heartbeat().metrics
        return bool(metrics and metrics.lag_p95 and metrics.states and metrics.traces)

    eventually(measured, 10, "the heartbeat has metrics")


@pytest.mark.slow
def test_without_traces_only_started_at_is_missing(rich: Rich) -> None:
    """A program that takes the port and never answers delays neither engine nor recorder."""
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
    """Run a recorder without traces for a while."""
    with rich.without_recorder():
        other = socket.create_server(("127.0.0.1", rich.trace_port))
    with other:
        yield


@pytest.fixture
def untraced(rich: Rich) -> Iterator[None]:
    """Run a recorder without traces during a test, and wait for traces after it."""
    with untraced_recorder(rich):
        yield
    eventually(lambda: is_traced(rich.ledger.heartbeat()), 60, "traces arrive again")


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow
def test_without_traces_an_id_that_is_used_again_is_found(rich: Rich) -> None:
    """The next recheck of finished runs finds the new run; the engine has erased the first."""
    instance_id = rich.start("parallel", "0.1")
    recorded(rich, instance_id)
    rich.gateway.start("parallel", instance_id, "0.1")
    assert_used_again(rich, instance_id)


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow
def test_without_traces_a_child_that_is_used_again_is_found(rich: Rich) -> None:
    """A parent that chooses the ids of its children may use an id twice."""
    child_id = unique("child")
    parent_id = rich.start("repeating", f'"{child_id}"')
    rich.recorded(child_id, Status.COMPLETED, 20)
    rich.raise_event(parent_id, EVENT, "null")
    assert_used_again(rich, child_id)


def assert_used_again(rich: Rich, instance_id: str) -> None:
    """Wait until both runs of an id are recorded, each with its end and its attempts."""

    def before() -> RunSummary | None:
        latest = rich.ledger.runs.latest(instance_id)
        assert latest
        return rich.ledger.runs.adjacent_runs(latest)[0]

    earlier = eventually(before, 3 * RecorderLimits().recheck_round, "the id has a second run")
    later = rich.recorded(instance_id, Status.COMPLETED)
    assert earlier.status is Status.COMPLETED
    assert earlier.execution_id != later.execution_id
    for run in (earlier, later):
        assert len(rich.ledger.runs.attempts(run.run_id)) == 3


def is_traced(heartbeat: Heartbeat) -> bool:
    """Return whether traces arrive."""
    return bool(heartbeat.metrics and heartbeat.metrics.traces)


def test_an_id_that_breaks_the_list_is_an_outage_with_a_remedy(rich: Rich) -> None:
    """Traces still find new instances; the outage ends once the id is purged."""
    broken = f"{rich.start('waiting')}||broken"
    rich.gateway.start("no_such_workflow", broken, "{}")
    try:
        eventually(lambda: listing_outage(rich), 15, "the heartbeat has the outage")
        assert broken in listing_outage(rich)
        assert "purge it" in listing_outage(rich)
        assert recorded(rich, broken).status is Status.FAILED
        assert recorded(rich, rich.start("parallel", "0.1")).status is Status.COMPLETED
    finally:
        rich.purge(broken)
    eventually(lambda: not listing_outage(rich), 15, "the outage has ended")


def listing_outage(rich: Rich) -> str:
    """Return the reason why the engine cannot list its instances, empty if it can."""
    outages = rich.ledger.heartbeat().outages
    return next((each.reason for each in outages if each.service is Service.LISTING), "")
