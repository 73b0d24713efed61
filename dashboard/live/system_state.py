"""What there is to see at a moment, the same for all viewers."""

from dataclasses import dataclass

from operations.model import Service
from operations.records import Outage, RecorderMetrics


@dataclass(frozen=True)
class Look:
    """The ledger's generation and revision, and what is away, as all viewers see it.

    `behind` is how many instances the recorder has still to read until it has caught up. What it
    measured changes at every look, and is nothing new to see.
    """

    revision: int
    outages: tuple[Outage, ...] = ()
    generation: int = 0
    backlog: int | None = None
    metrics: RecorderMetrics | None = None

    @property
    def version(self) -> str:
        """The same as long as there is nothing new to see."""
        away = ",".join(f"{outage.service}@{outage.since:%H%M%S}" for outage in self.outages)
        return f"{self.generation}.{self.revision}:{away}:{self.backlog}"

    @property
    def moment(self) -> tuple[int, int]:
        """What changes whenever the ledger does."""
        return self.generation, self.revision

    def is_away(self, *services: Service) -> bool:
        """Whether one of the parts is away."""
        return any(outage.service in services for outage in self.outages)
