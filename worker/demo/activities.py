"""The activities of the demo; what fails depends on the input, so that failures are alike."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from dapr.ext.workflow import WorkflowActivityContext

BROKEN_CARRIER, SHAKY_CARRIER = "DPX", "Globex"
DECLINED_CARD, CLOSED_MAILBOX = "0002", "old.example"
BROKEN_PAGE = 3
_RERUN = "-rerun-"  # in the id of an instance that was run again

Data = dict[str, Any]


class CarrierUnavailable(Exception):
    """The service of a carrier does not answer."""


class CardDeclined(Exception):
    """The bank refuses a payment."""


class MailboxClosed(Exception):
    """A customer has no mailbox any more."""


class DemoActivities:
    """The activities; each takes some seconds, times `pace`."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """All activities."""
        return (
            self.pick_items,
            self.book_carrier,
            self.print_label,
            self.compute_tax,
            self.charge_card,
            self.send_invoice,
            self.pay_back,
            self.read_page,
            self.aggregate_sales,
        )

    async def pick_items(self, _: WorkflowActivityContext, shipment: Data) -> int:
        """Return how many items were picked."""
        await self._work(0.4, 1.2)
        return len(shipment["items"])

    async def book_carrier(self, _: WorkflowActivityContext, shipment: Data) -> str:
        """Return the number of a parcel; one carrier never answers, another does not always."""
        await self._work(0.3, 0.8)
        carrier = shipment["carrier"]
        is_shaky = carrier == SHAKY_CARRIER and random.random() < 0.4  # noqa: PLR2004
        if carrier == BROKEN_CARRIER or is_shaky:
            number = random.randrange(10**6)
            raise CarrierUnavailable(f"{carrier} is not available: cannot book parcel {number}.")
        return f"{carrier}-{random.randrange(10**9)}"

    async def print_label(self, _: WorkflowActivityContext, parcel: str) -> str:
        """Return the name of the file with the label."""
        await self._work(0.2, 0.5)
        return f"{parcel}.pdf"

    async def compute_tax(self, _: WorkflowActivityContext, invoice: Data) -> float:
        """Return the tax of an amount."""
        await self._work(0.1, 0.3)
        return round(float(invoice["amount"]) * 0.19, 2)

    async def charge_card(self, context: WorkflowActivityContext, invoice: Data) -> str:
        """Return the bank's receipt; the bank refuses one card until the invoice is run again."""
        await self._work(0.5, 1.5)
        card = invoice["card"]
        if card == DECLINED_CARD and _RERUN not in context.workflow_id:
            raise CardDeclined(f"The card ending in {card} was declined: insufficient funds.")
        return f"receipt-{random.randrange(10**9)}"

    async def send_invoice(self, _: WorkflowActivityContext, invoice: Data) -> str:
        """Return the address to which the invoice was sent."""
        await self._work(0.2, 0.6)
        address = str(invoice["email"])
        if address.endswith(CLOSED_MAILBOX):
            raise MailboxClosed(f"The mailbox '{address}' does not exist.")
        return address

    async def pay_back(self, _: WorkflowActivityContext, request: Data) -> float:
        """Return the amount that was paid back."""
        await self._work(0.5, 1.0)
        return float(request["amount"])

    async def read_page(self, _: WorkflowActivityContext, page: Data) -> int:
        """Return how many products a page of a catalogue has; one page is broken."""
        await self._work(0.5, 2.5)
        if page["number"] == page.get("broken"):
            raise ValueError(f"Row 17 of page {page['number']}: the price '12,5O' is no number.")
        return random.randrange(20, 60)

    async def aggregate_sales(self, _: WorkflowActivityContext, minutes: float) -> int:
        """Return the number of sales, after this many minutes."""
        await self._work(60 * minutes, 60 * minutes)
        return 8812

    async def _work(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(random.uniform(shortest, longest) * self._pace)
