"""The activities of the order workflow; idempotent, and async so that many run at once."""

import asyncio
import logging
import random
import time

import structlog
from dapr.ext.workflow import WorkflowActivityContext

from worker.orders import (
    Confirmation,
    ConfirmationRequest,
    InventoryResult,
    Order,
    ProcessResult,
    dollars,
    total_of,
)
from worker.settings import WorkerSettings

log = structlog.get_logger(__name__)


class InjectedFault(RuntimeError):
    """A failure caused by `FLOWDECK_FAULT_RATE`."""


class OrderActivities:
    """The three activities; each depends only on its input, so it may run twice."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings

    async def process_order(self, context: WorkflowActivityContext, order: Order) -> ProcessResult:
        """Compute the total of the order."""
        _log(context, "[Activity 1 - PARALLEL] Processing order", order.model_dump())
        await self._work(self._settings.process_seconds)
        return ProcessResult(
            order_id=order.order_id,
            status="processed",
            total=float(total_of(order.amount)),
            processed_at=_now(),
        )

    async def check_inventory(
        self, context: WorkflowActivityContext, order: Order
    ) -> InventoryResult:
        """Check that every item is available."""
        _log(context, "[Activity 2 - PARALLEL] Checking inventory for order", order.model_dump())
        await self._work(self._settings.check_seconds)
        return InventoryResult(
            order_id=order.order_id,
            inventory_status="available",
            items_count=len(order.items),
            checked_at=_now(),
        )

    async def send_confirmation(
        self, context: WorkflowActivityContext, request: ConfirmationRequest
    ) -> Confirmation:
        """Write the confirmation for the customer."""
        _log(
            context,
            "[Activity 3 - SEQUENTIAL] Sending confirmation with data",
            request.model_dump(),
        )
        await self._work(self._settings.confirm_seconds)
        count, total = request.inventory_result.items_count, request.process_result.total
        return Confirmation(
            confirmation_sent=True,
            order_id=request.order_id,
            message=f"Order confirmed with {count} items. Total: ${dollars(total)}",
            confirmed_at=_now(),
        )

    async def _work(self, seconds: float) -> None:
        """Sleep for `seconds`, then fail with the probability of the fault rate."""
        await asyncio.sleep(seconds)
        if random.random() < self._settings.fault_rate:
            raise InjectedFault(f"Injected: FLOWDECK_FAULT_RATE is {self._settings.fault_rate}.")


def _log(context: WorkflowActivityContext, message: str, payload: object) -> None:
    is_debug = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
    details = {"payload": payload} if is_debug else {}
    log.info(message, instance_id=context.workflow_id, **details)


def _now() -> float:
    return round(time.time(), 3)
