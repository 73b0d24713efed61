"""The correction of the SDK: orders are paused at every moment of their execution.

The SDK's own executor processes the events; the class `Engine` writes the history as Dapr does.
"""

import hashlib
import inspect
from datetime import UTC, datetime, timedelta
from itertools import count
from logging import getLogger
from typing import Any

import pytest
from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask import worker as sdk
from dapr.ext.workflow._durabletask.internal import helpers, timer
from hypothesis import given
from hypothesis import strategies as st

from operations.gateway.stubs import pb
from worker.activities import OrderActivities
from worker.orders import WORKFLOW, Order
from worker.runtime import OrderRuntime
from worker.sdk_correction import ORIGINALS, correct_sdk
from worker.settings import WorkerSettings
from worker.workflow import order_workflow

ORDER = Order(order_id="ORDER001", amount=99.99, items=["laptop"])
ACTIVITIES = ["process_order", "check_inventory", "send_confirmation"]
PAUSE, RESUME = helpers.new_suspend_event, helpers.new_resume_event
CORRECTED = "b5571ed3d49a6a02a4c23353bb76410348fdae39c37e2ad6cc5c88afad83328f"
"""The SHA-256 of the source of the two functions that the correction replaces."""


@pytest.fixture
def uncorrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the SDK its own functions back for the test, which may correct them."""
    is_suspendable, process_event = ORIGINALS
    monkeypatch.setattr(sdk, "_is_suspendable", is_suspendable)
    monkeypatch.setattr(sdk._OrchestrationExecutor, "process_event", process_event)


@pytest.fixture
def corrected(uncorrected: None) -> None:  # noqa: ARG001 - restores the functions
    """Correct the SDK for the test."""
    correct_sdk()


class Engine:
    """Executes one order turn by turn; the activities in `failing` fail at their first attempt."""

    def __init__(self, *failing: str) -> None:
        self.history: list[Any] = []
        self.inbox: list[Any] = [started()]
        self.emitted: list[tuple[int, str]] = []
        self.output: Any = None
        self._failing = list(failing)
        self._clock = count()
        self._registry = sdk._Registry()  # type: ignore[no-untyped-call]
        self._registry.add_named_orchestrator(WORKFLOW, _workflow)

    def turn(self, *first: Any, size: int = 1) -> None:
        """Execute a turn with these events, and with events of the inbox up to a number."""
        now = datetime(2026, 11, 30, tzinfo=UTC) + timedelta(seconds=next(self._clock))
        new = [helpers.new_workflow_started_event(now), *first, *self.inbox[:size]]
        self.inbox = self.inbox[size:]
        executor = sdk._OrchestrationExecutor(self._registry, getLogger(__name__))
        actions = executor.execute("order_ORDER001", self.history, new).actions
        self.history += new
        for action in actions:
            self._apply(action)

    def run(self) -> None:
        """Execute turns until the order has ended."""
        while self.output is None:
            assert self.inbox, "the order waits for ever"
            self.turn()

    def _apply(self, action: Any) -> None:
        kind = action.WhichOneof("workflowActionType")
        if kind == "completeWorkflow":
            self.output = action.completeWorkflow
            return
        self.emitted.append((action.id, kind))
        if kind == "createTimer":
            due = action.createTimer.fireAt.ToDatetime()
            self.history.append(timer.new_timer_created_event(action.id, due))
            self.inbox.append(timer.new_timer_fired_event(action.id, due))
            return
        name = action.scheduleTask.name
        self.history.append(helpers.new_task_scheduled_event(action.id, name))
        if name in self._failing:
            self._failing.remove(name)
            self.inbox.append(helpers.new_task_failed_event(action.id, RuntimeError("a fault")))
        else:
            self.inbox.append(helpers.new_task_completed_event(action.id, '{"done": true}'))

    @property
    def is_completed(self) -> bool:
        """Whether the order has ended as it should."""
        return bool(self.output.workflowStatus == pb.ORCHESTRATION_STATUS_COMPLETED)


def _workflow(context: Any, _: object) -> Any:
    return order_workflow(DaprWorkflowContext(context), ORDER)


def started() -> Any:
    """Return the start of the order."""
    return helpers.new_execution_started_event(WORKFLOW, "order_ORDER001")


def harmed() -> Engine:
    """Return an order that was paused in the turn of a failure, and two turns later."""
    engine = Engine("process_order")
    engine.turn()
    engine.turn(engine.inbox.pop(0), PAUSE(), size=0)
    engine.turn()
    engine.turn()
    return engine


@pytest.mark.usefixtures("uncorrected")
def test_the_fault_without_the_correction() -> None:
    """The paused order creates its timer again in each turn, and fails after the resume."""
    engine = harmed()
    timers = [action for action in engine.emitted if action[1] == "createTimer"]
    assert timers == [(3, "createTimer")] * 3
    engine.turn(RESUME())
    assert engine.output.failureDetails.errorType == "NonDeterminismError"


@pytest.mark.usefixtures("corrected")
def test_the_correction_in_the_same_case() -> None:
    """The paused order creates its timer once, and completes after the resume."""
    engine = harmed()
    assert engine.emitted[2:] == [(3, "createTimer")]
    engine.turn(RESUME())
    engine.run()
    assert engine.is_completed


@pytest.mark.usefixtures("corrected")
@pytest.mark.parametrize("turns", range(1, 10))
@pytest.mark.parametrize("suspended_turns", range(4))
@pytest.mark.parametrize("is_after_result", [False, True])
def test_a_pause_at_any_moment(turns: int, suspended_turns: int, *, is_after_result: bool) -> None:
    """The order completes, and each action is emitted once, whenever it is paused and resumed."""
    engine = Engine(*ACTIVITIES)
    for _ in range(turns):
        engine.turn()
    batch = [engine.inbox.pop(0)]
    batch.insert(is_after_result, PAUSE())
    engine.turn(*batch, size=0)
    for _ in range(suspended_turns):
        engine.turn()
    if engine.output is None:
        engine.turn(RESUME())
        engine.run()
    assert engine.is_completed
    assert len(engine.emitted) == len(set(engine.emitted)) == 3 * len(ACTIVITIES)


@pytest.mark.usefixtures("corrected")
@given(st.lists(st.tuples(st.sampled_from(["", "p", "pr", "r", "rp", "pp"]), st.integers(0, 3))))
def test_any_number_of_pauses_and_resumes(turns: list[tuple[str, int]]) -> None:
    """They arrive before, between and after the results of a turn, also twice or in vain."""
    engine = Engine(*ACTIVITIES)
    for changes, position in turns:
        if engine.output is None:
            batch, engine.inbox = engine.inbox[:2], engine.inbox[2:]
            batch[position:position] = [PAUSE() if each == "p" else RESUME() for each in changes]
            engine.turn(*batch, size=0)
    if engine.output is None:
        engine.turn(RESUME())
        engine.run()
    assert engine.is_completed
    assert len(engine.emitted) == len(set(engine.emitted)) == 3 * len(ACTIVITIES)


@pytest.mark.usefixtures("uncorrected")
def test_an_order_that_the_fault_has_harmed_recovers() -> None:
    """A corrected worker ignores the confirmations that were repeated before it started."""
    engine = harmed()
    correct_sdk()
    engine.turn()
    assert engine.emitted.count((3, "createTimer")) == 3
    engine.turn(RESUME())
    engine.run()
    assert engine.is_completed


@pytest.mark.usefixtures("corrected")
def test_an_order_that_is_paused_before_its_start_begins_after_the_resume() -> None:
    """Nothing is scheduled while the order is suspended."""
    engine = Engine()
    engine.turn(PAUSE())
    assert engine.emitted == []
    engine.turn(RESUME())
    engine.run()
    assert engine.is_completed


@pytest.mark.usefixtures("corrected")
def test_a_confirmation_does_not_overtake_its_cause() -> None:
    """A confirmation is kept back with the event that leads to the action."""
    engine = Engine()
    engine.turn()
    results, engine.inbox = engine.inbox, []
    confirmation = helpers.new_task_scheduled_event(3, "send_confirmation")
    engine.turn(PAUSE(), *results, confirmation)
    assert engine.output is None
    engine.turn(RESUME(), helpers.new_task_completed_event(3, "{}"))
    assert engine.is_completed


@pytest.mark.usefixtures("corrected")
def test_a_second_pause_and_a_second_resume_change_nothing() -> None:
    """Two programs pause and resume the order at the same time; it completes."""
    engine = Engine()
    engine.turn()
    engine.turn(PAUSE(), PAUSE())
    engine.turn(RESUME(), RESUME())
    engine.run()
    assert engine.is_completed


@pytest.mark.usefixtures("corrected")
def test_a_suspended_order_can_be_terminated() -> None:
    """The termination is not kept back."""
    engine = Engine()
    engine.turn()
    engine.turn(PAUSE(), helpers.new_terminated_event())
    assert engine.output.workflowStatus == pb.ORCHESTRATION_STATUS_TERMINATED


@pytest.mark.usefixtures("uncorrected")
def test_the_worker_corrects_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime that executes orders uses the corrected functions."""
    for name in ("_dapr_alternate_name", "_workflow_registered"):
        monkeypatch.delattr(order_workflow, name, raising=False)
    OrderRuntime("127.0.0.1:1", OrderActivities(WorkerSettings()))
    corrected = sdk._is_suspendable, sdk._OrchestrationExecutor.process_event
    assert set(corrected).isdisjoint(ORIGINALS)


def test_the_sdk_has_the_functions_that_are_corrected() -> None:
    """An update of the SDK that changes them needs a look at the correction."""
    source = "".join(inspect.getsource(each) for each in ORIGINALS)
    assert hashlib.sha256(source.encode()).hexdigest() == CORRECTED, (
        "The SDK has changed the functions that worker/sdk_correction.py replaces. Read them: if a "
        "suspended workflow is passed the confirmations of its own actions, and a second resume "
        "changes nothing, remove the correction. Otherwise check that the correction fits, and "
        "write the new hash here."
    )
