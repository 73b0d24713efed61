"""Actions on an engine in memory and a real ledger, with limits that a test can choose."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from operations.actions import ActionContext, ActionLimits, Actions
from operations.actions.bulk import (
    BulkExecution,
    BulkJobs,
    BulkLimits,
    BulkPreview,
    BulkTask,
    Selection,
)
from operations.ledger import Ledger
from operations.model import Action, Actor, Status
from operations.records import Filter
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, at_call, put

BY_ANN = ActionContext(ANN)
LIMITS = ActionLimits(poll_interval=0.001, start=60, start_call=30, start_margin=0)
FAST = 1000.0  # actions a second
RUNNING = Filter(statuses=frozenset({Status.RUNNING}))
FAILED = Filter(statuses=frozenset({Status.FAILED}))
TERMINATE, PURGE = BulkTask(Action.TERMINATE), BulkTask(Action.PURGE)
RAISE = BulkTask(Action.RAISE, event="approval", payload="0")


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an engine without instances and an empty ledger."""
    return Actions(gateway, ledger, LIMITS)


@pytest.fixture
def limited(gateway: FakeGateway, ledger: Ledger) -> Callable[..., Actions]:
    """Return a function that creates actions with other limits."""

    def make(**limits: Any) -> Actions:
        return Actions(gateway, ledger, replace(LIMITS, **limits))

    return make


class BulkSetup:
    """An engine, a ledger that has recorded its instances, and bulk jobs on both."""

    def __init__(self, gateway: FakeGateway, ledger: Ledger, **limits: Any) -> None:
        self.gateway = gateway
        self.ledger = ledger
        self.jobs = BulkJobs(Actions(gateway, ledger, LIMITS), ledger, BulkLimits(**limits))

    def add(self, *ids: str, status: Status = Status.RUNNING, parent: str | None = None) -> None:
        """Add instances, and record them."""
        for instance_id in ids:
            put(self.gateway, instance_id, status, parent=parent)
            self.record(instance_id)

    def record(self, instance_id: str) -> None:
        """Record the current state of an instance."""
        snapshot = read_snapshot(self.gateway, instance_id)
        assert snapshot
        self.ledger.runs.ingest([snapshot])

    def start_again(self, instance_id: str) -> None:
        """Replace an instance by one with the same id that was started an hour later."""
        hour = timedelta(hours=1)
        turn, start, *events = self.gateway.events[instance_id]
        start = replace(start, execution_id="another", timestamp=start.timestamp + hour)
        turn = replace(turn, timestamp=turn.timestamp + hour)
        self.gateway.events[instance_id] = (turn, start, *events)
        earlier = self.gateway.instances[instance_id]
        started_at = start.timestamp
        self.gateway.put(replace(earlier, created_at=started_at, last_updated_at=started_at))

    def cancel_at_fifth(self, preview: BulkPreview) -> BulkExecution:
        """Start a bulk job, and cancel it during its fifth action."""
        started: Future[BulkExecution] = Future()

        def cancel() -> None:  # on a busy machine it may come before the job is returned below
            started.result(30).cancel()

        self.gateway.during[preview.task.action] = at_call(5, cancel)
        started.set_result(self.start(preview, rate=50))
        return started.result()

    def start(
        self, preview: BulkPreview, actor: Actor = ANN, reason: str = "", *, rate: float = FAST
    ) -> BulkExecution:
        """Submit a job, and start to carry it out."""
        return self.jobs.execute(self.jobs.submit(preview, actor, reason, rate=rate))

    def execute(self, task: BulkTask, selection: Selection) -> BulkExecution:
        """Execute a bulk job to its end."""
        execution = self.start(self.jobs.preview(task, selection))
        assert execution.wait(30).is_over
        return execution


@pytest.fixture
def setup(gateway: FakeGateway, ledger: Ledger) -> BulkSetup:
    """Return bulk jobs on an engine without instances and an empty ledger."""
    return BulkSetup(gateway, ledger)


def names(count: int) -> list[str]:
    """Return `count` ids."""
    return [f"order_{number}" for number in range(count)]
