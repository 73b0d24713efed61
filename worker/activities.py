"""The activities of the order workflow: idempotent, and async so that many wait at once."""

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
    """A failure that the fault rate asked for."""


class OrderActivities:
    """The three activities. Each only computes from its input, so it may run twice."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings

    async def process_order(self, context: WorkflowActivityContext, order: Order) -> ProcessResult:
        """Work out what the order costs."""
        _tell(context, "[Activity 1 - PARALLEL] Processing order", order.model_dump())
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
        """Find that every item is available."""
        _tell(context, "[Activity 2 - PARALLEL] Checking inventory for order", order.model_dump())
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
        """Write the customer's confirmation."""
        _tell(
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
        """Take as long as the settings say, and fail as often."""
        await asyncio.sleep(seconds)
        if random.random() < self._settings.fault_rate:
            raise InjectedFault(f"Injected: FLOWDECK_FAULT_RATE is {self._settings.fault_rate}.")


def _tell(context: WorkflowActivityContext, sentence: str, payload: object) -> None:
    shown = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
    details = {"payload": payload} if shown else {}
    log.info(sentence, instance_id=context.workflow_id, **details)


def _now() -> float:
    return round(time.time(), 3)
