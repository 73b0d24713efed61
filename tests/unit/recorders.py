"""A recorder that a test runs cycle by cycle, on an engine in memory and a real ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from operations.ledger import Ledger
from operations.model import Status
from operations.recorder.limits import RecorderLimits
from operations.recorder.recorder import Recorder
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID, statuses
from tests.waiting import eventually

EAGER = RecorderLimits(
    active_interval=0,
    traced_interval=0,
    quiet_interval=0,
    retry=0,
    rechecks=0,
    traced_rechecks=0,
    list_every=0,
    list_pause_factor=0,
    heartbeat_every=0,
    health_every=0,
)
"""RecorderLimits that delay nothing; finished runs are not read again."""


@dataclass
class RecorderSetup:
    """A recorder, its engine and its ledger; the methods run cycles of the recorder."""

    gateway: FakeGateway
    ledger: Ledger
    recorder: Recorder

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Run cycles until a condition is true."""

        def check_after_cycle() -> Any:
            self.recorder.cycle()
            return condition()

        eventually(check_after_cycle, 30, what)

    def until_reads(self, count: int = 3) -> None:
        """Run cycles until the recorder has read the states of `count` further instances."""
        wanted = self.gateway.calls["state"] + count
        self.until(lambda: self.gateway.calls["state"] >= wanted, f"{count} reads")

    def until_lists(self, count: int = 3) -> None:
        """Run cycles until the recorder has read more than `count` further pages of the list."""
        wanted = self.gateway.calls["ids"] + count
        self.until(lambda: self.gateway.calls["ids"] > wanted, f"{count} lists")

    def until_status(self, status: Status, instance_id: str = ID) -> None:
        """Run cycles until the latest run of an id has a status in the ledger."""
        self.until(lambda: statuses(self.ledger, instance_id)[:1] == [status], f"{status}")
