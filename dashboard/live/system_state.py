"""The state of the system at one moment, the same for all viewers."""

from dataclasses import dataclass

from operations.model import Service
from operations.recorder_report import DamagedLedger, Outage, RecorderMetrics


@dataclass(frozen=True)
class SystemState:
    """The ledger's revision, the outages, what the recorder reports, and damaged ledgers.

    `backlog` is the number of instances that the recorder has yet to read; None if unknown.
    `metrics` change with every heartbeat, so `version` ignores them.
    """

    revision: int
    outages: tuple[Outage, ...] = ()
    backlog: int | None = None
    metrics: RecorderMetrics | None = None
    damaged: tuple[DamagedLedger, ...] = ()
    app_id: str | None = None
    """The application that the recorder follows; None before its first heartbeat."""
    is_followed: bool = True
    """False while the ledger can be read, but the recorder writes no heartbeat."""

    @property
    def version(self) -> str:
        """A text that changes when pages have something new to show."""
        away = ",".join(f"{outage.service}@{outage.since:%H%M%S}" for outage in self.outages)
        return f"{self.revision}:{away}:{self.backlog}:{len(self.damaged)}"

    def is_away(self, *services: Service) -> bool:
        """Return True if one of the services has an outage."""
        return any(outage.service in services for outage in self.outages)
