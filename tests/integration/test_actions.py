"""Purges, reruns, external events and bulk jobs on the real engine."""

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from api.services import Services
from operations.actions import (
    ActionContext,
    ActionLimits,
    Actions,
    PurgeOptions,
    RerunRequest,
)
from operations.actions.bulk import BulkJobs, BulkTask
from operations.bulk_job import BulkJob, JobStatus
from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    InstanceExists,
    InvalidInput,
    NotFinished,
    NotRerunnable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import DaprGateway
from operations.history_source import Source, read_history
from operations.model import LOCAL_USER, Action, Status
from operations.records import Filter, Outcome
from operations.settings import body_size
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.integration.stack import unique
from tests.waiting import eventually
from worker.app import create_order_app
from worker.runtime import RuntimeState

LATER = timedelta(hours=1)
FORCE = PurgeOptions(force=True)
JSON = {"content-type": "application/json"}
NUMBERS = '{"n":3544790567247868102,"d":0.23456789012345678901,"e":1e400,"k":1,"k":2}'
OPERATOR = ActionContext(LOCAL_USER)


@pytest.fixture
def actions(rich: Rich) -> Actions:
    """Return the actions on the rich application."""
    return Actions(rich.gateway, rich.ledger)


@pytest.fixture
def client(rich: Rich) -> Iterator[TestClient]:
    """Return a client of a REST API on the rich application."""
    services = Services(rich.gateway, lambda: rich.ledger)
    app = create_order_app(
        services, lambda: RuntimeState.RUNNING, start=lambda: None, stop=lambda: None
    )
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def finished(rich: Rich, workflow: str, payload: str = "null") -> str:
    """Start an instance, wait for its end, and return its id."""
    instance_id = rich.start(workflow, payload)
    rich.ended(instance_id)
    return instance_id


def children(rich: Rich, instance_id: str) -> list[str]:
    """Return the ids of an instance's children."""
    events = rich.gateway.history(instance_id)
    return [e.instance_id or "" for e in events if e.kind == "childWorkflowInstanceCreated"]


def test_a_purged_instance_is_archived_and_readable(rich: Rich, actions: Actions) -> None:
    """The ledger keeps the row, the payloads and the whole history."""
    instance_id = finished(rich, "parallel", "0.1")
    before = read_history(rich.gateway, lambda: rich.ledger, instance_id)
    assert before.source is Source.DAPR
    assert actions.purge(instance_id, ActionContext(LOCAL_USER, "a test")).changed
    assert rich.gateway.state(instance_id) is None
    after = read_history(rich.gateway, lambda: rich.ledger, instance_id)
    assert (after.source, after.events) == (Source.ARCHIVE, before.events)
    summary = rich.ledger.runs.latest(instance_id)
    assert summary
    assert summary.status is Status.COMPLETED
    assert summary.purged_at
    assert not actions.purge(instance_id, OPERATOR).changed


def test_children_are_archived_and_purged_with_their_parent(rich: Rich, actions: Actions) -> None:
    """The engine has none of them any more, and all histories are readable."""
    parent = finished(rich, "parent", "0")
    (child,) = children(rich, parent)
    assert set(actions.purge(parent, OPERATOR).ids) == {parent, child}
    for instance_id in (parent, child):
        assert rich.gateway.state(instance_id) is None
        assert read_history(rich.gateway, lambda: rich.ledger, instance_id).source is Source.ARCHIVE


@pytest.mark.slow
def test_many_descendants_are_purged_by_the_same_request_again(
    rich: Rich, actions: Actions
) -> None:
    """A purge that is cut in the middle reports, marks and audits what it deleted."""
    parent = rich.start("with_children", "200")
    eventually(
        lambda: _status(rich, parent) is Status.COMPLETED, 60, "parent and children have ended"
    )
    ids = {parent, *children(rich, parent)}
    limits = ActionLimits(purge=0.3, min_purge_call=0.3, max_purge_call=0.3)
    with pytest.raises(OutcomeUnknown, match="of 201 are purged"):
        Actions(rich.gateway, rich.ledger, limits).purge(parent, OPERATOR)
    purged = {each for each in ids if rich.gateway.state(each) is None}
    assert parent not in purged
    assert 0 < len(purged) < 200
    for each in purged:
        assert rich.ledger.audit_log.of(each, 1)[0].message == f"with {parent!r}"

    def is_purged() -> bool:
        with suppress(OutcomeUnknown):
            actions.purge(parent, OPERATOR)
        return rich.gateway.state(parent) is None

    eventually(is_purged, 60, "parent and children are purged")
    latest = rich.ledger.runs.latest_by_id(ids)
    assert all(latest[each].purged_at for each in ids)
    assert all(rich.ledger.audit_log.of(each, 9) for each in ids)


def test_a_running_instance_is_purged_only_by_force(rich: Rich, actions: Actions) -> None:
    """Its history so far is archived, and its status becomes UNKNOWN."""
    instance_id = rich.start("waiting")
    with pytest.raises(ActionNotAllowed, match="it is RUNNING"):
        actions.purge(instance_id, OPERATOR)
    with pytest.raises(NotFinished):
        rich.gateway.purge(instance_id)
    assert actions.purge(instance_id, OPERATOR, FORCE).before is Status.RUNNING
    assert rich.gateway.state(instance_id) is None
    kinds = [e.kind for e in read_history(rich.gateway, lambda: rich.ledger, instance_id).events]
    assert "executionStarted" in kinds
    rich.recorded(instance_id, Status.UNKNOWN)


def test_a_pending_instance_is_purged_by_force(rich: Rich, actions: Actions) -> None:
    """It never starts."""
    instance_id = rich.start("waiting", scheduled_for=datetime.now(UTC) + LATER)
    assert actions.purge(instance_id, OPERATOR, FORCE).changed
    assert rich.gateway.state(instance_id) is None


def test_a_stalled_instance_is_purged_by_force(
    rich: Rich, actions: Actions, client: TestClient
) -> None:
    """Its history is larger than what the sidecar sends to a worker; it refuses other actions."""
    instance_id = rich.start("waiting", json.dumps("x" * 2_000_000))
    for _ in range(2):
        rich.gateway.raise_event(instance_id, "other", json.dumps("y" * 1_500_000))
    eventually(lambda: _status(rich, instance_id) is Status.STALLED, 20, "it is stalled")
    failure = client.get(f"/workflow/status/{instance_id}").json()["failure"]
    assert failure["error_type"] == "PAYLOAD_SIZE_EXCEEDED"
    assert "increase daprd --max-body-size" in failure["message"]
    run = rich.recorded(instance_id, Status.STALLED)
    assert (run.error_type, run.error_message) == (failure["error_type"], failure["message"])
    assert run.waits_for is None
    with pytest.raises(DaprRefused, match="stalled"):
        rich.gateway.raise_event(instance_id, EVENT, "1")
    with pytest.raises(ActionNotAllowed, match="it is STALLED"):
        actions.purge(instance_id, OPERATOR)
    assert actions.purge(instance_id, OPERATOR, FORCE).before is Status.STALLED
    assert _status(rich, instance_id) is None
    kinds = [e.kind for e in read_history(rich.gateway, lambda: rich.ledger, instance_id).events]
    assert "executionStalled" in kinds


def test_an_event_that_would_stall_its_instance_is_refused(rich: Rich) -> None:
    """The events before it and a small one after it arrive, and the instance goes on."""
    instance_id = rich.start("waiting")
    with closing(DaprGateway(rich.endpoint, max_body_size=body_size("4Mi"))) as gateway:
        actions = Actions(gateway, rich.ledger)
        actions.pause(instance_id, OPERATOR)
        for _ in range(3):
            actions.raise_event(instance_id, "other", json.dumps("x" * 1_000_000), OPERATOR)
        with pytest.raises(InvalidInput, match="FLOWDECK_DAPR_MAX_BODY_SIZE"):
            actions.raise_event(instance_id, "other", json.dumps("x" * 1_000_000), OPERATOR)
        actions.raise_event(instance_id, EVENT, "1", OPERATOR)
        eventually(
            lambda: gateway.history_size(instance_id).raised_events == 4, 20, "all have arrived"
        )
        actions.resume(instance_id, OPERATOR)
    assert rich.ended(instance_id).output == "1"


def test_payloads_pass_through_unchanged(rich: Rich, client: TestClient) -> None:
    """In events, in inputs of reruns and in histories, through REST and the real engine."""
    instance_id = rich.start("waiting", NUMBERS)
    body = f'{{"event": "{EVENT}", "payload": {NUMBERS}}}'
    assert client.post(f"/workflow/raise/{instance_id}", content=body, headers=JSON).is_success
    rich.ended(instance_id)
    state = rich.gateway.state(instance_id)
    assert state
    assert state.input == NUMBERS
    assert client.get(f"/workflow/history/{instance_id}").text.count(f'"payload":{NUMBERS}') == 2
    source = finished(rich, "failing", '"x"')
    (event_id,) = [e.event_id for e in rich.gateway.history(source) if e.kind == "taskScheduled"]
    new_id = unique("numbers")
    body = f'{{"event_id": {event_id}, "new_instance_id": "{new_id}", "input": {NUMBERS}}}'
    assert client.post(f"/workflow/rerun/{source}", content=body, headers=JSON).is_success
    rich.ended(new_id)
    assert f'"payload":{NUMBERS}' in client.get(f"/workflow/history/{new_id}").text


def test_a_loud_failure_is_cut_unless_the_request_asks(rich: Rich, client: TestClient) -> None:
    """The cut answer has the whole length; the whole answer has every character."""
    instance_id = finished(rich, "failing", json.dumps("é" * 200_000))
    cut = client.get(f"/workflow/status/{instance_id}")
    assert len(cut.content) < 100_000
    failure = client.get(f"/workflow/status/{instance_id}?full=true").json()["failure"]
    assert "é" * 200_000 in failure["message"]
    assert cut.json()["failure"]["cut"]["message"] == len(failure["message"])
    events = client.get(f"/workflow/history/{instance_id}").json()["events"]
    lengths = [len(each["failure"]["message"]) for each in events if "failure" in each]
    assert lengths == [4000, 4000]


def _status(rich: Rich, instance_id: str) -> Status | None:
    state = rich.gateway.state(instance_id)
    return state.status if state else None


def test_a_forced_purge_of_nothing_leaves_the_engine_alive(rich: Rich) -> None:
    """Without the gateway's check of the id, this call crashes the sidecar."""
    for recursive in (True, False):
        with pytest.raises(UnknownInstance):
            rich.gateway.purge(unique("nobody"), recursive=recursive, force=True)
    assert rich.gateway.health().workers == 1


def test_a_rerun_in_the_middle_with_another_input(rich: Rich, actions: Actions) -> None:
    """A rerun keeps earlier results and repeats the parallel call; the ledger knows its source."""
    source = finished(rich, "parallel", "0.05")
    first, second, last = (
        e.event_id for e in rich.gateway.history(source) if e.kind == "taskScheduled"
    )
    plan = actions.rerun_plan(RerunRequest(source, second))
    assert [e.event_id for e in plan.again] == [first, second]
    assert [e.event_id for e in plan.later] == [last]
    request = RerunRequest(source, second, payload="0.2")
    reran = actions.rerun(request, ActionContext(LOCAL_USER, "try 0.2"))
    ended = rich.ended(reran.instance_id)
    assert (ended.input, ended.output) == ("0.05", "[0.05, 0.2, 0.05]")
    summary = rich.recorded(reran.instance_id, Status.COMPLETED)
    assert summary.rerun_of == source
    (entry,) = rich.ledger.audit_log.of(reran.instance_id, 10)
    assert (entry.action, entry.reason) == ("rerun", "try 0.2")
    again = actions.rerun(replace(request, new_id=reran.instance_id), OPERATOR)
    assert not again.created


def test_a_rerun_never_takes_another_s_id(rich: Rich, actions: Actions) -> None:
    """Neither a running nor a finished instance is erased, by the engine or by us."""
    source, other = finished(rich, "parallel", "0"), finished(rich, "parallel", "0")
    running = rich.start("waiting")
    for taken in (other, running):
        with pytest.raises(InstanceExists, match=taken):
            actions.rerun(RerunRequest(source, 1, new_id=taken), OPERATOR)
        with pytest.raises(InstanceExists, match=taken):
            rich.gateway.rerun(source, 1, taken)
    rich.gateway.terminate(running)


def test_the_engine_refuses_what_the_plan_refuses(rich: Rich, actions: Actions) -> None:
    """The gateway raises the same error as the plan."""
    asleep, parent = finished(rich, "sleeping", "0.05"), finished(rich, "parent", "0")
    (child,) = children(rich, parent)
    running = rich.start("waiting")
    for source, event_id, payload in (
        (asleep, 99, None),
        (asleep, 2, None),
        (asleep, 1, "1"),
        (child, 1, None),
    ):
        with pytest.raises(NotRerunnable):
            rich.gateway.rerun(source, event_id, unique("rerun"), payload)
        with pytest.raises(NotRerunnable):
            actions.rerun(RerunRequest(source, event_id, payload=payload), OPERATOR)
    with pytest.raises(NotRerunnable, match="it has not ended"):
        rich.gateway.rerun(running, 1, unique("rerun"))
    with pytest.raises(UnknownInstance):
        rich.gateway.rerun(unique("nobody"), 1, unique("rerun"))
    rich.gateway.terminate(running)


@pytest.mark.parametrize("payload", ["0", "false", '""', "{}", "null", '"yes"', None])
def test_an_event_arrives_in_the_workflow_as_sent(
    rich: Rich, actions: Actions, payload: str | None
) -> None:
    """The workflow returns its event, also one that Python takes for false."""
    instance_id = rich.start("waiting")
    actions.raise_event(instance_id, EVENT, payload, OPERATOR)
    ended = rich.ended(instance_id)
    assert ended.status is Status.COMPLETED
    assert json.loads(ended.output or "null") == json.loads(payload or "null")
    (raised,) = (e for e in rich.gateway.history(instance_id) if e.kind == "eventRaised")
    assert (raised.name, raised.payload) == (EVENT, payload)


def test_an_event_to_a_suspended_instance_waits(rich: Rich, actions: Actions) -> None:
    """It is in the history at once, and the workflow takes it after the resume."""
    instance_id = rich.start("waiting")
    actions.pause(instance_id, OPERATOR)
    result = actions.raise_event(instance_id, EVENT.upper(), "1", OPERATOR)
    assert result.after.status is Status.SUSPENDED
    actions.resume(instance_id, OPERATOR)
    assert rich.ended(instance_id).output == "1"


def test_an_event_to_an_instance_that_does_not_run_is_refused(rich: Rich, actions: Actions) -> None:
    """It does not start a pending instance either."""
    pending = rich.start("waiting", scheduled_for=datetime.now(UTC) + LATER)
    ended = finished(rich, "parallel", "0")
    for instance_id in (pending, ended):
        with pytest.raises(ActionNotAllowed):
            actions.raise_event(instance_id, EVENT, "1", OPERATOR)
    with pytest.raises(UnknownInstance):
        rich.gateway.raise_event(unique("nobody"), EVENT)
    state = rich.gateway.state(pending)
    assert state
    assert state.status is Status.PENDING
    rich.gateway.terminate(pending)


def over(rich: Rich, job: BulkJob) -> BulkJob:
    """Wait until the recorder's process has carried out a bulk job, and return it."""

    def found() -> BulkJob | None:
        current = rich.ledger.bulk_jobs.get(job.bulk_id)
        return current if current and current.status.is_over else None

    return eventually(found, 60, f"the bulk job {job.bulk_id} is over")


def done(rich: Rich, job: BulkJob) -> int:
    """Return on how many instances a bulk job has acted."""
    current = rich.ledger.bulk_jobs.get(job.bulk_id)
    assert current
    return current.counts.get(Outcome.DONE, 0)


def start_many(rich: Rich, jobs: BulkJobs, number: int) -> tuple[list[str], Filter]:
    """Start instances that wait, and return their ids and the filter that selects them."""
    mark = unique("bulk")
    ids = [f"{mark}-{number}" for number in range(number)]
    for instance_id in ids:
        rich.gateway.start("waiting", instance_id, "null")
    shown = Filter(statuses=frozenset({Status.RUNNING}), id_part=mark)
    task = BulkTask(Action.TERMINATE)
    eventually(lambda: jobs.preview(task, shown).total == number, 20, "the ledger has them")
    return ids, shown


def test_a_cancelled_bulk_job_leaves_the_rest_alone(rich: Rich, actions: Actions) -> None:
    """Another job completes it."""
    jobs, task = BulkJobs(actions, rich.ledger), BulkTask(Action.TERMINATE)
    ids, shown = start_many(rich, jobs, 50)
    job = jobs.submit(jobs.preview(task, shown), LOCAL_USER, "a test", rate=10)
    eventually(lambda: done(rich, job) >= 5, 20, "some are done")
    assert rich.ledger.bulk_jobs.cancel(job.bulk_id, LOCAL_USER)
    cut = over(rich, job)
    assert (cut.status, cut.counts[Outcome.DONE] + cut.left) == (JobStatus.CANCELLED, 50)
    assert cut.left > 0
    rest = over(rich, jobs.submit(jobs.preview(task, ids), LOCAL_USER, "a test"))
    assert (rest.status, rest.counts) == (JobStatus.DONE, {Outcome.DONE: cut.left})
    for instance_id in ids:
        rich.recorded(instance_id, Status.TERMINATED)


def test_a_bulk_job_goes_on_after_a_kill_of_the_recorder(rich: Rich, actions: Actions) -> None:
    """Each instance gets the event at most once, and the result of each is known."""
    jobs = BulkJobs(actions, rich.ledger)
    ids, shown = start_many(rich, jobs, 30)
    task = BulkTask(Action.RAISE, event="nobody waits for it", payload="1")
    job = jobs.submit(jobs.preview(task, shown), LOCAL_USER, rate=10)
    eventually(lambda: done(rich, job) >= 5, 20, "some are done")
    with rich.without_recorder():
        assert done(rich, job) < 30
    ended = over(rich, job)
    assert (ended.status, ended.left) == (JobStatus.DONE, 0)
    unknown = ended.counts.get(Outcome.UNKNOWN, 0)
    assert ended.counts[Outcome.DONE] == 30 - unknown
    raised = [
        sum(event.kind == "eventRaised" for event in rich.gateway.history(each)) for each in ids
    ]
    assert set(raised) <= {0, 1}
    assert raised.count(0) <= unknown <= 8  # the actions that were in progress
    for instance_id in ids:
        rich.gateway.terminate(instance_id)


def test_a_bulk_job_waits_for_the_end_of_an_outage(rich: Rich, actions: Actions) -> None:
    """It says for what, and then completes."""
    jobs = BulkJobs(actions, rich.ledger)
    ids, shown = start_many(rich, jobs, 20)
    preview = jobs.preview(BulkTask(Action.TERMINATE), shown)
    with rich.without_sidecar():
        eventually(lambda: rich.ledger.heartbeat().outages, 20, "the recorder reports the outage")
        job = jobs.submit(preview, LOCAL_USER)
        eventually(lambda: waits_for(rich, job), 20, "the job waits")
        assert done(rich, job) == 0
    ended = over(rich, job)
    assert (ended.status, ended.counts, ended.waits_for) == (
        JobStatus.DONE,
        {Outcome.DONE: 20},
        None,
    )
    assert len(rich.ledger.audit_log.of_bulk(job.bulk_id)) == len(ids)


def waits_for(rich: Rich, job: BulkJob) -> str | None:
    """Return the outage that a bulk job waits for."""
    current = rich.ledger.bulk_jobs.get(job.bulk_id)
    assert current
    return current.waits_for


def test_a_bulk_job_reruns_all_that_failed(rich: Rich, actions: Actions) -> None:
    """Another job reruns none twice; a third one purges the sources."""
    failed = sorted({finished(rich, "failing", '"no paper"') for _ in range(5)})
    jobs, rerun, purge = (
        BulkJobs(actions, rich.ledger),
        BulkTask(Action.RERUN),
        BulkTask(Action.PURGE),
    )
    for instance_id in failed:
        rich.recorded(instance_id, Status.FAILED)
    job = over(rich, jobs.submit(jobs.preview(rerun, failed), LOCAL_USER))
    assert job.counts == {Outcome.DONE: 5}
    for item in rich.ledger.bulk_jobs.items(job.bulk_id):
        assert item.result
        assert rich.ended(item.result.new_id or "").status is Status.FAILED
    again = over(rich, jobs.submit(jobs.preview(rerun, failed), LOCAL_USER))
    assert again.counts == {Outcome.UNCHANGED: 5}
    purged = over(rich, jobs.submit(jobs.preview(purge, failed), LOCAL_USER))
    assert purged.counts == {Outcome.DONE: 5}
    assert not jobs.preview(purge, failed).eligible


def test_a_running_instance_is_purged_by_force_without_a_worker(
    rich: Rich, actions: Actions
) -> None:
    """A purge without force needs the worker: its outcome is unknown."""
    ended, running = finished(rich, "parallel", "0"), rich.start("waiting")
    with rich.without_worker():
        with pytest.raises(OutcomeUnknown):
            actions.purge(ended, OPERATOR)
        assert actions.purge(running, OPERATOR, FORCE).changed
        assert rich.gateway.state(running) is None
    eventually(lambda: _purge_works(actions, ended), 30, "the purge works again")


def _purge_works(actions: Actions, instance_id: str) -> bool:
    try:
        actions.purge(instance_id, OPERATOR)
    except OutcomeUnknown:
        return False
    return True
