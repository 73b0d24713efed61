"""The demo's workflows, and the rerun of a whole failure group, on the real engine."""

import json

import pytest

from operations.actions import ActionContext, Actions, RerunFrom, StartRequest
from operations.actions.bulk import BulkJobs, BulkTask
from operations.bulk_job import BulkJob, JobStatus, StopRule
from operations.failure_groups import FailedKind
from operations.ledger.statistics.results import FailureGroup
from operations.model import LOCAL_USER, Action, Status
from operations.records import ALL_TIME, Filter
from tests.integration.rich import Rich
from tests.waiting import eventually
from worker.demo.activities import BROKEN_CARRIER, BROKEN_PAGE, CLOSED_MAILBOX, DECLINED_CARD
from worker.demo.mix import Mix, Wanted
from worker.demo.workflows import APPROVAL

MIX = Mix(3)
OPERATOR = ActionContext(LOCAL_USER)
MANY = 8  # runs of a group
BY_FAILED_STEP = BulkTask(Action.RERUN, start=RerunFrom.FAILED)


@pytest.fixture
def actions(rich: Rich) -> Actions:
    """Return the actions on the application."""
    return Actions(rich.gateway, rich.ledger)


def start(actions: Actions, wanted: Wanted) -> str:
    """Start an instance as the demo does, and return its id."""
    request = StartRequest(wanted.workflow, wanted.instance_id, wanted.payload)
    assert actions.start(request, OPERATOR).created
    return wanted.instance_id


@pytest.mark.parametrize(
    "wanted",
    [MIX.shipment("Nordpost"), MIX.invoice(), MIX.catalogue()],
    ids=lambda wanted: str(wanted.workflow),
)
def test_a_workflow_completes(rich: Rich, actions: Actions, wanted: Wanted) -> None:
    """Its output is a JSON object."""
    ended = rich.ended(start(actions, wanted))
    assert ended.status is Status.COMPLETED, ended.failure
    assert json.loads(ended.output or "")


def test_a_refund_waits_for_a_person(rich: Rich, actions: Actions) -> None:
    """The payload of the page of waiting runs approves it."""
    refund = start(actions, MIX.refund())
    eventually(lambda: is_waiting(rich, refund), 10, "it waits for the event")
    actions.raise_event(refund, APPROVAL, '{"approved": true, "comment": "fine"}', OPERATOR)
    ended = rich.ended(refund)
    assert ended.status is Status.COMPLETED
    assert json.loads(ended.output or "") > 0


def is_waiting(rich: Rich, instance_id: str) -> bool:
    """Return True if an instance waits for the approval."""
    found = rich.ledger.runs.latest(instance_id)
    return found is not None and "approval" in (found.waits_for or "")


def test_failures_are_groups(rich: Rich, actions: Actions) -> None:
    """Of different steps; a parent fails because of its child."""
    wanted = [
        MIX.shipment(BROKEN_CARRIER),
        MIX.invoice(card=DECLINED_CARD),
        MIX.invoice(domain=CLOSED_MAILBOX),
        MIX.catalogue(BROKEN_PAGE),
    ]
    for each in wanted:
        start(actions, each)
    for each in wanted:
        rich.recorded(each.instance_id, Status.FAILED, 30)
    found = {(each.key.kind, each.key.name) for each in groups(rich)}
    assert found >= {
        (FailedKind.ACTIVITY, "book_carrier"),
        (FailedKind.ACTIVITY, "charge_card"),
        (FailedKind.ACTIVITY, "send_invoice"),
        (FailedKind.ACTIVITY, "read_page"),
        (FailedKind.CHILD, "import_page"),
    }


def groups(rich: Rich) -> tuple[FailureGroup, ...]:
    """Return all failure groups."""
    return rich.ledger.statistics.failures(ALL_TIME)


def test_a_rerun_of_a_group_stops_by_itself(rich: Rich, actions: Actions) -> None:
    """Its cause is still there; when it is removed, another job continues with the rest."""
    failing = [rich.start("failing", '"the shelf is empty"') for _ in range(MANY)]
    for each in failing:
        rich.recorded(each, Status.FAILED)
    (group,) = (each for each in groups(rich) if "shelf" in each.key.fingerprint)
    jobs = BulkJobs(actions, rich.ledger)
    preview = jobs.preview(BY_FAILED_STEP, Filter(failure_group=group.group_id))
    assert len(preview.eligible) == MANY
    job = jobs.submit(preview, LOCAL_USER, rate=1, stop_rule=StopRule(2, 4))
    stopped = ended(rich, job)
    assert stopped.status is JobStatus.STOPPED
    assert "of the last" in (stopped.stopped_because or "")
    assert stopped.left >= 1
    rest = {each.instance_id for each in jobs.rest_of(job.bulk_id)}
    assert len(rest) == stopped.left
    again = jobs.preview(BY_FAILED_STEP, Filter(failure_group=group.group_id))
    assert rest <= {each.instance_id for each in again.eligible}
    (skipped,) = again.skipped
    assert (skipped.reason, skipped.count) == ("it has been rerun already", MANY - stopped.left)


def ended(rich: Rich, job: BulkJob) -> BulkJob:
    """Wait until a job is over, and return it."""

    def found() -> BulkJob | None:
        current = rich.ledger.bulk_jobs.get(job.bulk_id)
        return current if current and current.status.is_over else None

    return eventually(found, 30, "the job is over")
