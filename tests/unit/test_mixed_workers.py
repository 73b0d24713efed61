"""The explanation of a failure that a mix of workers on one sidecar causes."""

from datetime import UTC, datetime

import pytest

from operations.errors import DaprUnavailable
from operations.health.outages import DaprMonitor
from operations.mixed_workers import explain
from operations.model import DaprHealth, Failure, Status
from operations.recorder.notices import Notices
from operations.recorder.traces.hints import HintQueue
from operations.recorder_report import RecorderMetrics
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway
from tests.unit.pages import INSTANCE, Desk, texts
from tests.unit.snapshots import snapshot

WORKFLOW = Failure("OrchestratorNotRegisteredError", "A 'pay' orchestrator was not registered.")
ACTIVITY = Failure(
    "TaskFailedError",
    "pay-1: Activity task #1 failed: Activity function named 'charge' was not registered!",
)
OTHER = Failure("ValueError", "no paper")


@pytest.mark.parametrize("failure", [WORKFLOW, ACTIVITY])
def test_an_unregistered_workflow_or_activity_is_explained(failure: Failure) -> None:
    """With fewer than two workers now, another one may have been connected then."""
    explained = explain(failure, 2)
    assert explained
    assert explained.startswith("2 workers are connected to this sidecar")
    for workers in (0, 1, None):
        cause = explain(failure, workers)
        assert cause
        assert "does not know this workflow or activity. Either this program does not" in cause


def test_another_failure_is_not_explained() -> None:
    """However many workers are connected."""
    assert explain(OTHER, 3) is None
    assert explain(None, 3) is None


@pytest.fixture
def notices(gateway: FakeGateway) -> Notices:
    """Return the notices of an application with two workers."""
    gateway.dapr_health = DaprHealth("1.18.2", (), workers=2)
    health = DaprMonitor(gateway, every=0)
    health.check()
    return Notices(health, HintQueue(), untraced_after=0)


def test_the_log_explains_it_once(notices: Notices, log_lines: LogLines) -> None:
    """The next failures need no further lines."""
    log_lines.configure("info")
    for instance_id in ("other", "pay-1", "pay-2"):
        failure = OTHER if instance_id == "other" else WORKFLOW
        failed = snapshot(Status.FAILED, instance_id=instance_id, failure=failure)
        notices.check_workers([failed])
    (line,) = log_lines.events()
    assert line["event"].startswith("pay-1 failed: 2 workers are connected")


def test_a_worker_that_has_just_connected_counts(
    notices: Notices, gateway: FakeGateway, log_lines: LogLines
) -> None:
    """Instances fail before the recorder has asked for the number of workers again."""
    log_lines.configure("info")
    gateway.dapr_health = DaprHealth("1.18.2", (), workers=1)
    notices._health.check()
    notices.check_workers([snapshot(Status.FAILED, failure=WORKFLOW)])
    assert log_lines.events() == []
    gateway.dapr_health = DaprHealth("1.18.2", (), workers=2)
    notices._health.check()
    notices.check_workers([])
    assert len(log_lines.events()) == 1


def test_the_log_says_once_whether_trace_spans_arrive(
    notices: Notices, log_lines: LogLines
) -> None:
    """None arrives at first, then one does."""
    log_lines.configure("info")
    notices.check_traces()
    notices.check_traces()
    notices._queue.offer([])
    notices.check_traces()
    notices.check_traces()
    events = [line["event"] for line in log_lines.events()]
    assert len(events) == 2
    assert events[0].startswith("no trace spans arrive")
    assert events[1] == "trace spans arrive"


def test_an_unreachable_sidecar_is_not_said_to_be_untraced(
    notices: Notices, gateway: FakeGateway, log_lines: LogLines
) -> None:
    """It cannot send any."""
    log_lines.configure("info")
    gateway.errors["health"] = [DaprUnavailable("it is gone")]
    notices._health.check()
    log_lines.events()
    notices.check_traces()
    assert not [line for line in log_lines.events() if "trace" in line["event"]]


def test_the_page_explains_it(desk: Desk) -> None:
    """Below the failure, from the number of workers in the recorder's heartbeat."""
    desk.ledger.runs.ingest([snapshot(Status.FAILED, failure=WORKFLOW, instance_id="pay-1")])
    metrics = RecorderMetrics(workers=2)
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, metrics)
    assert "2 workers are connected" in texts(desk.open(INSTANCE, id="pay-1").warning)
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, RecorderMetrics(workers=1))
    assert "another version was connected" in texts(desk.open(INSTANCE, id="pay-1").warning)
