"""The instances that the demo starts: first a mix, then one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from worker.demo.activities import (
    BROKEN_CARRIER,
    BROKEN_PAGE,
    CLOSED_MAILBOX,
    DECLINED_CARD,
    SHAKY_CARRIER,
)
from worker.orders import WORKFLOW, instance_id_of

PRODUCTS = ("laptop", "mouse", "keyboard", "monitor", "desk lamp", "headset", "dock", "webcam")
NAMES = ("ada", "grace", "linus", "barbara", "edsger", "margaret", "donald", "radia")
CARRIERS = ("Nordpost", "Nordpost", "Nordpost", SHAKY_CARRIER)
PAGES = 5
PAUSE = (2.0, 6.0)  # seconds between two starts


@dataclass(frozen=True)
class Wanted:
    """An instance to start; `is_paused` pauses it at once."""

    workflow: str
    instance_id: str
    payload: dict[str, Any]
    start_in: timedelta | None = None
    is_paused: bool = False


class Mix:
    """Makes instances with random inputs and ids; the same seed makes the same ones."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = Random(seed)

    def pause(self) -> float:
        """Return the seconds until the next start after the first mix."""
        return self._random.uniform(*PAUSE)

    def first(self) -> Iterator[Wanted]:
        """Yield the instances of an empty demo: with their children about a hundred runs."""
        rest = [
            *(self.order() for _ in range(36)),
            *(self.shipment() for _ in range(14)),
            *(self.shipment(BROKEN_CARRIER) for _ in range(6)),
            *(self.invoice() for _ in range(8)),
            *(self.invoice(card=DECLINED_CARD) for _ in range(5)),
            *(self.invoice(domain=CLOSED_MAILBOX) for _ in range(3)),
            *(self.refund() for _ in range(4)),
        ]
        self._random.shuffle(rest)
        yield self.report()
        yield from (self.catalogue(), self.catalogue(), self.catalogue(BROKEN_PAGE))
        yield self.order(start_in=timedelta(hours=1))
        yield self.shipment(is_paused=True)
        yield from rest

    def next(self) -> Wanted:
        """Return one more instance, mostly an order."""
        makers = (
            self.order,
            self.shipment,
            self.invoice,
            self.refund,
            lambda: self.shipment(BROKEN_CARRIER),
            lambda: self.invoice(card=DECLINED_CARD),
            self.catalogue,
        )
        (make,) = self._random.choices(makers, weights=(60, 15, 12, 5, 3, 2, 3))
        return make()

    def order(self, start_in: timedelta | None = None) -> Wanted:
        """Return an order."""
        order = {
            "order_id": f"ORDER-{self._number()}",
            "amount": self._amount(),
            "items": self._items(),
        }
        return Wanted(WORKFLOW, instance_id_of(str(order["order_id"])), order, start_in)

    def shipment(self, carrier: str = "", *, is_paused: bool = False) -> Wanted:
        """Return a shipment by a carrier; by default by one that mostly answers."""
        data = {"carrier": carrier or self._random.choice(CARRIERS), "items": self._items()}
        return self._wanted("shipment", data, is_paused=is_paused)

    def invoice(self, card: str = "", domain: str = "mail.example") -> Wanted:
        """Return an invoice that is paid by a card, by default by a good one."""
        data = {
            "amount": self._amount(),
            "card": card or str(self._random.randrange(1000, 9999)),
            "email": f"{self._random.choice(NAMES)}@{domain}",
        }
        return self._wanted("invoice", data)

    def refund(self) -> Wanted:
        """Return a refund, which waits for an approval."""
        data = {"amount": self._amount(), "customer": self._random.choice(NAMES)}
        return self._wanted("refund", data)

    def catalogue(self, broken: int = 0) -> Wanted:
        """Return the import of a catalogue, whose page `broken` cannot be read."""
        return self._wanted("import_catalogue", {"pages": PAGES, "broken": broken})

    def report(self) -> Wanted:
        """Return a report that takes long."""
        return self._wanted("monthly_report", {"month": "2026-10", "minutes": 45})

    def _wanted(self, workflow: str, data: dict[str, Any], *, is_paused: bool = False) -> Wanted:
        instance_id = f"{workflow.replace('_', '-')}-{self._number()}"
        return Wanted(workflow, instance_id, data, is_paused=is_paused)

    def _number(self) -> str:
        return f"{self._random.randrange(16**6):06x}"

    def _amount(self) -> float:
        return self._random.randrange(500, 90_000) / 100

    def _items(self) -> list[str]:
        return self._random.sample(PRODUCTS, self._random.randint(1, 4))
