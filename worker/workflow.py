"""The order workflow. Deterministic, for it is replayed: no clock, randomness, environment, I/O."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import structlog
from dapr.ext.workflow import DaprWorkflowContext, RetryPolicy, when_all

from worker.orders import Order, order_output

log = structlog.get_logger(__name__)

# A constant and no setting: a replay must find the timers that the first run made.
RETRIES = RetryPolicy(
    first_retry_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    max_retry_interval=timedelta(seconds=10),
    max_number_of_attempts=4,
)


def order_workflow(
    context: DaprWorkflowContext, order: Order
) -> Generator[Any, Any, dict[str, Any]]:
    """Process the order and check the inventory at once, then confirm."""
    say = _Log(context)
    say.line(f"🚀 Starting workflow for order: {order.order_id}")
    context.set_custom_status("processing the order and checking the inventory")
    say.line("⚡ Launching parallel activities...")
    process, inventory = yield when_all(
        [
            context.call_activity("process_order", input=order, retry_policy=RETRIES),
            context.call_activity("check_inventory", input=order, retry_policy=RETRIES),
        ]
    )
    say.line("✅ Parallel activities completed")
    say.payload("   - Process result", process)
    say.payload("   - Inventory result", inventory)
    context.set_custom_status("sending the confirmation")
    say.line("📧 Running sequential confirmation activity...")
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
    say.line(f"✅ Workflow completed for order: {order.order_id}")
    return order_output(order, process, inventory, confirmation)


class _Log:
    """Writes a line once: not again while the workflow is replayed."""

    def __init__(self, context: DaprWorkflowContext) -> None:
        self._context = context
        self._log = log.bind(instance_id=context.instance_id)

    def line(self, sentence: str) -> None:
        if not self._context.is_replaying:
            self._log.info(sentence)

    def payload(self, sentence: str, payload: object) -> None:
        if not self._context.is_replaying:
            self._log.debug(sentence, payload=payload)
