"""An application in Go: ledger, API and Gantt chart show the payloads of its SDK."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.services import Services
from dashboard.gantt.figure import Gantt, gantt
from dashboard.gantt.sections import section_of
from dashboard.times import milliseconds
from operations.history import HistoryEvent
from operations.model import Status, parse_payload
from operations.records import RunSummary
from operations.timeline import timeline_of
from tests.integration.goapp import EVENT, GENERATIONS, NOT_JSON, build
from tests.integration.rich import Rich
from tests.integration.truth import one, true_run
from tests.ports import first_port
from tests.postgres.server import Server
from tests.unit.snapshots import details_of
from tests.waiting import eventually
from worker.app import create_order_app
from worker.runtime import RuntimeState

pytestmark = pytest.mark.slow  # builds the application, and starts PostgreSQL

KINDS = [
    (("retrying", "null"), Status.COMPLETED, 3),
    (("parent", ""), Status.COMPLETED, 0),
    (("sleeping", NOT_JSON), Status.COMPLETED, 0),
    (("waiting_at_most", "300"), Status.COMPLETED, 0),
    (("plain_text", NOT_JSON), Status.COMPLETED, 2),
    (("failing", '{"a": 1, "a": NaN}'), Status.FAILED, 1),
    (("panicking", "[1,"), Status.FAILED, 2),
    (("child", "no number"), Status.FAILED, 0),
    (("no_such_workflow", NOT_JSON), Status.FAILED, 0),
]
"""Workflow and input, the final status, and the number of attempts."""

ANSWERS = {
    "taskCompleted": "taskScheduled",
    "taskFailed": "taskScheduled",
    "timerFired": "timerCreated",
    "childWorkflowInstanceCompleted": "childWorkflowInstanceCreated",
    "childWorkflowInstanceFailed": "childWorkflowInstanceCreated",
}


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run the application in Go, with a ledger on PostgreSQL, which rejects some characters."""
    program = build(tmp_path_factory.mktemp("program"))
    folder = tmp_path_factory.mktemp("go")
    with Server() as server, Rich(folder, first_port(29340), server.new(), (program,)) as rich:
        yield rich


@pytest.fixture(scope="module")
def started(go: Rich) -> dict[tuple[str, str], str]:
    """Start an instance of each kind, and return its id by workflow and input."""
    return {kind: go.start(*kind) for kind, *_ in KINDS}


@pytest.fixture
def api(go: Rich) -> TestClient:
    """Return a client of the REST API with this engine and this ledger."""

    def nothing() -> None:
        pass

    services = Services(go.gateway, lambda: go.ledger)
    app = create_order_app(services, lambda: RuntimeState.RUNNING, start=nothing, stop=nothing)
    return TestClient(app, "http://localhost")


def run_of(go: Rich, instance_id: str) -> tuple[RunSummary, tuple[HistoryEvent, ...]]:
    """Return the run and the history of an instance that has ended; the run matches the engine."""
    return true_run(go, instance_id), go.gateway.history(instance_id)


def chart_of(history: tuple[HistoryEvent, ...], summary: RunSummary) -> Gantt:
    """Return the Gantt chart of a run that has started."""
    timeline = timeline_of(history)
    assert summary.started_at
    return gantt(section_of(timeline.spans), summary.started_at, timeline.ended_at, {})


@pytest.mark.parametrize(("kind", "status", "attempts"), KINDS)
def test_the_ledger_matches_the_engine(
    go: Rich,
    started: dict[tuple[str, str], str],
    kind: tuple[str, str],
    status: Status,
    attempts: int,
) -> None:
    """Status, times, payloads, failure, history and attempts match; the input is unchanged."""
    summary, _ = run_of(go, started[kind])
    assert summary.status is status
    assert len(go.ledger.runs.attempts(summary.run_id)) == attempts
    details = details_of(go.ledger, summary)
    assert details.input == kind[1]


@pytest.mark.parametrize("kind", [kind for kind, *_ in KINDS])
def test_the_api_matches_the_engine(
    go: Rich, started: dict[tuple[str, str], str], api: TestClient, kind: tuple[str, str]
) -> None:
    """A payload that is JSON is returned as JSON, any other payload as text."""
    summary, history = run_of(go, started[kind])
    state = go.ended(summary.instance_id)
    answer = api.get(f"/workflow/status/{summary.instance_id}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["output"]) == (state.status, parse_payload(state.output))
    events = api.get(f"/workflow/history/{summary.instance_id}").json()["events"]
    shown = [(each["event_id"], each["kind"], each.get("payload")) for each in events]
    assert shown == [(each.event_id, each.kind, parse_payload(each.payload)) for each in history]


@pytest.mark.parametrize("kind", [kind for kind, *_ in KINDS])
def test_each_bar_has_the_times_of_the_engine(
    go: Rich, started: dict[tuple[str, str], str], kind: tuple[str, str]
) -> None:
    """Each scheduled step has one bar, from its scheduling to its end, in milliseconds."""
    summary, history = run_of(go, started[kind])
    figure = chart_of(history, summary)
    bars = [bar for trace in figure.traces for bar in zip(trace["base"], trace["x"], strict=True)]
    assert sorted(bars) == sorted(expected_bars(history))


def expected_bars(history: tuple[HistoryEvent, ...]) -> Iterator[tuple[int, int]]:
    """Yield the start and the length in milliseconds of each step that has ended."""
    answers = {(ANSWERS[e.kind], e.answers): e.timestamp for e in history if e.kind in ANSWERS}
    for event in history:
        if event.kind in ANSWERS.values():
            end = answers[event.kind, event.event_id]
            yield milliseconds(event.timestamp), _between(event.timestamp, end)


def _between(start: datetime, end: datetime) -> int:
    return milliseconds(end) - milliseconds(start)


def test_retries_are_attempts_of_one_call(go: Rich, started: dict[tuple[str, str], str]) -> None:
    """The attempts of a call are numbered, and share one lane of the chart."""
    summary, history = run_of(go, started["retrying", "null"])
    attempts = go.ledger.runs.attempts(summary.run_id)
    assert [(each.attempt_number, each.attempt_count) for each in attempts] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert [each.failure.message if each.failure else None for each in attempts] == [
        "failure 1 of 2",
        "failure 2 of 2",
        None,
    ]
    figure = chart_of(history, summary)
    assert figure.names == ["flaky"]


def test_children_are_linked_to_their_parent(go: Rich, started: dict[tuple[str, str], str]) -> None:
    """Both children have the id of their parent."""
    summary, history = run_of(go, started["parent", ""])
    children = [e.instance_id for e in history if e.kind == "childWorkflowInstanceCreated"]
    assert len(children) == 2
    for child in children:
        assert child
        assert true_run(go, child).parent_id == summary.instance_id
    assert summary.custom_status == "two children"


def test_a_timer_has_its_name(go: Rich, started: dict[tuple[str, str], str]) -> None:
    """The lane of a timer has the name that the workflow gave the timer."""
    summary, history = run_of(go, started["sleeping", NOT_JSON])
    assert chart_of(history, summary).names == ["a nap"]


def test_an_event_that_came_in_time(go: Rich) -> None:
    """The run has the deadline of the wait; the event ends the wait before its timer."""
    instance_id = go.start("waiting_at_most", "60000")
    summary = eventually(lambda: _waits(go, instance_id), 10, "the run waits")
    assert summary.waits_until
    go.raise_event(instance_id, EVENT, NOT_JSON)
    summary, history = run_of(go, instance_id)
    assert one(history, "eventRaised").payload == NOT_JSON
    figure = chart_of(history, summary)
    assert [label for label, *_ in figure.legend] == ["event received"]


def test_each_generation_keeps_the_attempts_that_the_engine_had(go: Rich) -> None:
    """The engine deletes them when the workflow continues as new; the ledger keeps them."""
    instance_id = go.start("continuing", "1")
    expected_attempts = {}
    for number in range(1, GENERATIONS + 1):
        eventually(lambda n=number: _waits_in(go, instance_id, n), 10, "the run waits")  # type: ignore[misc]
        expected_attempts[number] = _activities(go.gateway.history(instance_id))
        go.raise_event(instance_id, EVENT, "null")
    summary, _ = run_of(go, instance_id)
    assert summary.generation == GENERATIONS
    for number, expected in expected_attempts.items():
        spans = go.ledger.runs.attempts(summary.run_id, number)
        assert [
            (span.event_id, span.name, span.scheduled_at, span.ended_at) for span in spans
        ] == expected
    kept = go.ledger.runs.earlier_generations(summary.run_id)
    assert (kept.generations, kept.attempts) == (GENERATIONS - 1, GENERATIONS - 1)


def _waits_in(go: Rich, instance_id: str, generation: int) -> bool:
    summary = _waits(go, instance_id)
    return bool(summary and summary.generation == generation)


def _activities(
    history: tuple[HistoryEvent, ...],
) -> list[tuple[int, str | None, datetime, datetime]]:
    ends = {event.answers: event.timestamp for event in history if event.kind == "taskCompleted"}
    return [
        (event.event_id, event.name, event.timestamp, ends[event.event_id])
        for event in history
        if event.kind == "taskScheduled"
    ]


def test_texts_that_are_not_json_can_be_searched_and_read(go: Rich, api: TestClient) -> None:
    """Payloads and custom statuses of any text are in the ledger, the list and the search."""
    instance_id = go.start("waiting", NOT_JSON)
    summary = eventually(lambda: _waits(go, instance_id), 10, "the run waits")
    assert (summary.waits_for, summary.waits_until) == (f"event {EVENT}", None)
    go.raise_event(instance_id, EVENT, NOT_JSON)
    assert run_of(go, instance_id)[0].custom_status == f"waits: {NOT_JSON}"
    for params in (
        {"custom_status": f"waits: {NOT_JSON}"},
        {"text": NOT_JSON, "workflow": "waiting"},
    ):
        listed: dict[str, Any] = api.get("/workflows", params=params).json()
        (found,) = listed["workflows"]
        assert (found["instance_id"], found["custom_status"]) == (instance_id, f"waits: {NOT_JSON}")


def _waits(go: Rich, instance_id: str) -> RunSummary | None:
    summary = go.ledger.runs.latest(instance_id)
    return summary if summary and summary.waits_for == f"event {EVENT}" else None
