"""The order workflow, executed step by step as the runtime executes it."""

import ast
import inspect
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from dapr.ext.workflow import TaskFailedError, when_all, when_any

from operations.gateway.stubs import pb
from tests.unit.conftest import LogLines
from worker import workflow
from worker.orders import Order
from worker.workflow import RETRIES, order_workflow

ORDER = Order(order_id="ORDER001", amount=99.99, items=["laptop", "mouse"])
PROCESSED = {"order_id": "ORDER001", "status": "processed", "total": 109.989, "processed_at": 1.0}
CHECKED = {"order_id": "ORDER001", "inventory_status": "available", "items_count": 2}
CONFIRMED = {"confirmation_sent": True, "order_id": "ORDER001"}


@dataclass
class FakeWorkflowContext:
    """Collects the calls of a workflow to the runtime."""

    is_replaying: bool = False
    instance_id: str = "order_ORDER001"
    calls: list[tuple[str, Any, Any]] = field(default_factory=list)
    tasks: list[object] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def call_activity(
        self,
        activity: str,
        *,
        input: Any = None,  # noqa: A002 - the SDK's name
        retry_policy: Any = None,
    ) -> object:
        """Schedule an activity; the test sends its result."""
        self.calls.append((activity, input, retry_policy))
        self.tasks.append(when_any([]))
        return self.tasks[-1]

    def set_custom_status(self, status: str) -> None:
        """Collect a custom status."""
        self.statuses.append(status)


def start(context: FakeWorkflowContext) -> Generator[Any, Any, dict[str, Any]]:
    """Return the generator of the workflow, before its first step."""
    return order_workflow(cast("Any", context), ORDER)


def run(context: FakeWorkflowContext) -> dict[str, Any]:
    """Run the workflow with the results of the constants, and return its output."""
    steps = start(context)
    next(steps)
    steps.send([PROCESSED, CHECKED])
    with pytest.raises(StopIteration) as stop:
        steps.send(CONFIRMED)
    output: dict[str, Any] = stop.value.value
    return output


def test_two_activities_are_scheduled_at_once() -> None:
    """The workflow waits for both of them together."""
    context = FakeWorkflowContext()
    task = next(start(context))
    assert [(name, input_) for name, input_, _ in context.calls] == [
        ("process_order", ORDER),
        ("check_inventory", ORDER),
    ]
    assert isinstance(task, type(when_all([])))
    assert task.get_tasks() == context.tasks


def test_the_confirmation_comes_after_both() -> None:
    """The confirmation is scheduled alone; its input has both results."""
    context = FakeWorkflowContext()
    steps = start(context)
    next(steps)
    assert steps.send([PROCESSED, CHECKED]) is context.tasks[2]
    name, input_, _ = context.calls[2]
    assert name == "send_confirmation"
    assert input_ == {
        "order_id": "ORDER001",
        "process_result": PROCESSED,
        "inventory_result": CHECKED,
    }


def test_the_output_is_the_specifications() -> None:
    """The output has the three results and a summary."""
    assert run(FakeWorkflowContext()) == {
        "workflow_status": "completed",
        "order_id": "ORDER001",
        "process_result": PROCESSED,
        "inventory_result": CHECKED,
        "confirmation": CONFIRMED,
        "execution_summary": {
            "parallel_activities": ["process_order", "check_inventory"],
            "sequential_activities": ["send_confirmation"],
            "total_activities": 3,
        },
    }


def test_every_activity_has_a_limited_number_of_attempts() -> None:
    """A failing activity has four attempts."""
    context = FakeWorkflowContext()
    run(context)
    assert [policy for _, _, policy in context.calls] == [RETRIES] * 3
    assert RETRIES.max_number_of_attempts == 4


def test_the_custom_status_is_the_stage() -> None:
    """An operator reads the stage of the order in the custom status."""
    context = FakeWorkflowContext()
    run(context)
    assert context.statuses == [
        "processing the order and checking the inventory",
        "sending the confirmation",
        "confirmed",
    ]


def test_the_specifications_lines_are_logged_in_order(log_lines: LogLines) -> None:
    """Each line has the instance id."""
    log_lines.configure("info")
    run(FakeWorkflowContext())
    events = log_lines.events()
    assert [event["event"] for event in events] == [
        "🚀 Starting workflow for order: ORDER001",
        "⚡ Launching parallel activities...",
        "✅ Parallel activities completed",
        "📧 Running sequential confirmation activity...",
        "✅ Workflow completed for order: ORDER001",
    ]
    assert {event["instance_id"] for event in events} == {"order_ORDER001"}


def test_a_failed_order_logs_why(log_lines: LogLines) -> None:
    """The last line of an order names it and the failure, which the workflow raises again."""
    log_lines.configure("info")
    steps = start(FakeWorkflowContext())
    next(steps)
    details = pb.TaskFailureDetails(errorType="OutOfStock", errorMessage="no laptop left")
    with pytest.raises(TaskFailedError):
        steps.throw(TaskFailedError("check_inventory failed: no laptop left", details))
    last = log_lines.events()[-1]
    assert last["event"] == "❌ Workflow failed for order: ORDER001"
    assert (last["level"], last["error"]) == ("error", "check_inventory failed: no laptop left")


def test_results_are_logged_only_at_debug(log_lines: LogLines) -> None:
    """The results of the activities are logged only at level debug."""
    log_lines.configure("debug")
    run(FakeWorkflowContext())
    results = [event for event in log_lines.events() if "payload" in event]
    assert [(event["event"], event["level"]) for event in results] == [
        ("   - Process result", "debug"),
        ("   - Inventory result", "debug"),
    ]


def test_a_replay_logs_nothing(log_lines: LogLines) -> None:
    """Lines are logged only in the first execution."""
    log_lines.configure("debug")
    run(FakeWorkflowContext(is_replaying=True))
    assert log_lines.text() == ""


def test_a_replay_makes_the_same_calls() -> None:
    """A replay schedules the same activities and sets the same custom statuses."""
    first, replay = FakeWorkflowContext(), FakeWorkflowContext(is_replaying=True)
    assert run(first) == run(replay)
    assert (first.calls, first.statuses) == (replay.calls, replay.statuses)


def test_the_module_imports_nothing_nondeterministic() -> None:
    """None of the imports gives a clock, randomness, the environment or I/O."""
    tree = ast.parse(inspect.getsource(workflow))
    imported = {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {
        "collections.abc.Generator",
        "datetime.timedelta",
        "typing.Any",
        "structlog",
        "dapr.ext.workflow.DaprWorkflowContext",
        "dapr.ext.workflow.RetryPolicy",
        "dapr.ext.workflow.TaskFailedError",
        "dapr.ext.workflow.when_all",
        "worker.orders.Order",
        "worker.orders.order_output",
    }


def test_the_module_uses_no_nondeterministic_builtin() -> None:
    """It opens, reads, prints and imports nothing while it runs."""
    tree = ast.parse(inspect.getsource(workflow))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    forbidden = {"open", "input", "print", "eval", "exec", "__import__", "id", "hash", "globals"}
    assert not names & forbidden
    assert not attributes & {"now", "utcnow", "today", "time", "random", "environ", "getenv"}
