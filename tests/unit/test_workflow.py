"""The order workflow, driven step by step as the runtime drives it."""

import ast
import inspect
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from dapr.ext.workflow import when_all, when_any

from tests.unit.conftest import LogLines
from worker import workflow
from worker.orders import Order
from worker.workflow import RETRIES, order_workflow

ORDER = Order(order_id="ORDER001", amount=99.99, items=["laptop", "mouse"])
PROCESSED = {"order_id": "ORDER001", "status": "processed", "total": 109.989, "processed_at": 1.0}
CHECKED = {"order_id": "ORDER001", "inventory_status": "available", "items_count": 2}
CONFIRMED = {"confirmation_sent": True, "order_id": "ORDER001"}


@dataclass
class FakeContext:
    """Notes what a workflow asks of the runtime."""

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
        """Schedule an activity; the test says what becomes of it."""
        self.calls.append((activity, input, retry_policy))
        self.tasks.append(when_any([]))
        return self.tasks[-1]

    def set_custom_status(self, status: str) -> None:
        """Show how far it is."""
        self.statuses.append(status)


def begin(context: FakeContext) -> Generator[Any, Any, dict[str, Any]]:
    """Return the workflow, not yet begun."""
    return order_workflow(cast("Any", context), ORDER)


def run(context: FakeContext) -> dict[str, Any]:
    """Run the workflow with the results above, and return its output."""
    steps = begin(context)
    next(steps)
    steps.send([PROCESSED, CHECKED])
    with pytest.raises(StopIteration) as stop:
        steps.send(CONFIRMED)
    output: dict[str, Any] = stop.value.value
    return output


def test_two_activities_are_scheduled_before_it_waits_for_both() -> None:
    """The order is processed and the inventory checked at the same time."""
    context = FakeContext()
    waits_for = next(begin(context))
    assert [(name, given) for name, given, _ in context.calls] == [
        ("process_order", ORDER),
        ("check_inventory", ORDER),
    ]
    assert isinstance(waits_for, type(when_all([])))
    assert waits_for.get_tasks() == context.tasks


def test_the_confirmation_comes_after_both() -> None:
    """The confirmation is scheduled alone, with both results."""
    context = FakeContext()
    steps = begin(context)
    next(steps)
    assert steps.send([PROCESSED, CHECKED]) is context.tasks[2]
    name, given, _ = context.calls[2]
    assert name == "send_confirmation"
    assert given == {
        "order_id": "ORDER001",
        "process_result": PROCESSED,
        "inventory_result": CHECKED,
    }


def test_the_output_is_the_specifications() -> None:
    """The output holds the three results and a summary, and nothing else."""
    assert run(FakeContext()) == {
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


def test_every_activity_is_retried_with_a_bound() -> None:
    """A failing activity is tried four times, not for ever."""
    context = FakeContext()
    run(context)
    assert [policy for _, _, policy in context.calls] == [RETRIES] * 3
    assert RETRIES.max_number_of_attempts == 4


def test_the_custom_status_tells_the_stage() -> None:
    """An operator sees what the order is doing."""
    context = FakeContext()
    run(context)
    assert context.statuses == [
        "processing the order and checking the inventory",
        "sending the confirmation",
        "confirmed",
    ]


def test_the_specifications_lines_are_logged_in_order(log_lines: LogLines) -> None:
    """The log tells the story of the order, each line with its instance."""
    log_lines.configure("info")
    run(FakeContext())
    events = log_lines.events()
    assert [event["event"] for event in events] == [
        "🚀 Starting workflow for order: ORDER001",
        "⚡ Launching parallel activities...",
        "✅ Parallel activities completed",
        "📧 Running sequential confirmation activity...",
        "✅ Workflow completed for order: ORDER001",
    ]
    assert {event["instance_id"] for event in events} == {"order_ORDER001"}


def test_results_are_logged_only_at_debug(log_lines: LogLines) -> None:
    """What activities returned is told to those who ask for it."""
    log_lines.configure("debug")
    run(FakeContext())
    results = [event for event in log_lines.events() if "payload" in event]
    assert [(event["event"], event["level"]) for event in results] == [
        ("   - Process result", "debug"),
        ("   - Inventory result", "debug"),
    ]


def test_a_replay_logs_nothing(log_lines: LogLines) -> None:
    """What was logged once is not logged again."""
    log_lines.configure("debug")
    run(FakeContext(is_replaying=True))
    assert log_lines.text() == ""


def test_a_replay_asks_for_the_same() -> None:
    """A replay schedules what the first run scheduled, and shows the same stages."""
    first, replay = FakeContext(), FakeContext(is_replaying=True)
    assert run(first) == run(replay)
    assert (first.calls, first.statuses) == (replay.calls, replay.statuses)


def test_the_workflow_can_reach_nothing_that_changes() -> None:
    """No clock, randomness, environment or I/O can be had from what the module imports."""
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
        "dapr.ext.workflow.when_all",
        "worker.orders.Order",
        "worker.orders.order_output",
    }


def test_the_workflow_uses_no_builtin_that_reaches_out() -> None:
    """Nothing is opened, read, printed, or imported on the way."""
    tree = ast.parse(inspect.getsource(workflow))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    reaching = {"open", "input", "print", "eval", "exec", "__import__", "id", "hash", "globals"}
    assert not names & reaching
    assert not attributes & {"now", "utcnow", "today", "time", "random", "environ", "getenv"}
