"""A recorder whose turns a test makes, on an engine in memory and a real ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from operations.ledger import Ledger
from operations.model import Status
from operations.recorder.limits import Limits
from operations.recorder.recorder import Recorder
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID, statuses
from tests.waiting import eventually

EAGER = Limits(
    brisk=0,
    traced=0,
    quiet=0,
    retry=0,
    rechecks=0,
    traced_rechecks=0,
    list_every=0,
    list_share=0,
    heartbeat_every=0,
    health_every=0,
)
"""Limits that delay nothing; what has finished is not read again."""


@dataclass
class Turning:
    """A recorder, its turns, and what its ledger holds."""

    gateway: FakeGateway
    ledger: Ledger
    recorder: Recorder

    def until(self, look: Callable[[], Any], what: str) -> None:
        """Have turns until something is so."""
        eventually(lambda: self.recorder.turn() or look(), 30, what)  # type: ignore[func-returns-value]

    def turns(self, reads: int = 3) -> None:
        """Have turns until each of some further reads of a state had its effect."""
        wanted = self.gateway.calls["state"] + reads
        self.until(lambda: self.gateway.calls["state"] >= wanted, f"{reads} reads")

    def lists(self, count: int = 3) -> None:
        """Have turns until some further lists were made."""
        wanted = self.gateway.calls["ids"] + count
        self.until(lambda: self.gateway.calls["ids"] > wanted, f"{count} lists")

    def sees(self, status: Status, instance_id: str = ID) -> None:
        """Have turns until the ledger has a status."""
        self.until(lambda: statuses(self.ledger, instance_id)[:1] == [status], f"{status}")
