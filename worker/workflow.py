"""The order workflow; deterministic because it is replayed: no clock, randomness or I/O."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import structlog
from dapr.ext.workflow import DaprWorkflowContext, RetryPolicy, TaskFailedError, when_all

from worker.orders import Order, order_output

log = structlog.get_logger(__name__)

# A constant, not a setting: a replay must find the timers that the first execution created.
RETRIES = RetryPolicy(
    first_retry_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    max_retry_interval=timedelta(seconds=10),
    max_number_of_attempts=4,
)


def order_workflow(
    context: DaprWorkflowContext, order: Order
) -> Generator[Any, Any, dict[str, Any]]:
    """Process the order and check the inventory in parallel, then send the confirmation."""
    workflow_log = _Log(context)
    workflow_log.line(f"🚀 Starting workflow for order: {order.order_id}")
    try:
        output = yield from _run_activities(context, order, workflow_log)
    except TaskFailedError as error:
        workflow_log.failure(f"❌ Workflow failed for order: {order.order_id}", error)
        raise
    workflow_log.line(f"✅ Workflow completed for order: {order.order_id}")
    return output


def _run_activities(
    context: DaprWorkflowContext, order: Order, workflow_log: "_Log"
) -> Generator[Any, Any, dict[str, Any]]:
    context.set_custom_status("processing the order and checking the inventory")
    workflow_log.line("⚡ Launching parallel activities...")
    process, inventory = yield when_all(
        [
            context.call_activity("process_order", input=order, retry_policy=RETRIES),
            context.call_activity("check_inventory", input=order, retry_policy=RETRIES),
        ]
    )
    workflow_log.line("✅ Parallel activities completed")
    workflow_log.payload("   - Process result", process)
    workflow_log.payload("   - Inventory result", inventory)
    context.set_custom_status("sending the confirmation")
    workflow_log.line("📧 Running sequential confirmation activity...")
    confirmation = yield context.call_activity(
        "send_confirmation",
        input={
            "order_id": order.order_id,
            "process_result": process,
            "inventory_result": inventory,
        },
        retry_policy=RETRIES,
    )
    context.set_custom_status("confirmed")
    return order_output(order, process, inventory, confirmation)


class _Log:
    """Logs each message once, not again during a replay."""

    def __init__(self, context: DaprWorkflowContext) -> None:
        self._context = context
        self._log = log.bind(instance_id=context.instance_id)

    def line(self, message: str) -> None:
        if not self._context.is_replaying:
            self._log.info(message)

    def failure(self, message: str, error: Exception) -> None:
        if not self._context.is_replaying:
            self._log.error(message, error=str(error))

    def payload(self, message: str, payload: object) -> None:
        if not self._context.is_replaying:
            self._log.debug(message, payload=payload)
