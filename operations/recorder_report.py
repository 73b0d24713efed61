"""What the recorder reports of itself and of the system, with each heartbeat."""

import shlex
from dataclasses import dataclass, field
from datetime import datetime

from operations.model import Service


@dataclass(frozen=True)
class DamagedLedger:
    """A damaged ledger that the recorder has moved aside: its new path, and when (aware UTC)."""

    path: str
    moved_at: datetime

    @property
    def recovery_command(self) -> str:
        """The shell command that copies the rows that are still readable into a new database.

        `.recover` reads more than `.dump`, but the `sqlite3` of Debian 12 cannot do it.
        """
        source, copy = shlex.quote(self.path), shlex.quote(f"{self.path}.recovered")
        return f"sqlite3 {source} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 {copy}"


ACKNOWLEDGE_DAMAGE = "acknowledge damage"
"""The action of an audit entry for a damaged ledger, whose file name it has as `instance_id`."""


@dataclass(frozen=True)
class Outage:
    """A service that is away, since when (aware UTC), and why."""

    service: Service
    since: datetime
    reason: str


@dataclass(frozen=True)
class RecorderMetrics:
    """The recorder's lag and load, as it measures them.

    `lag_p50` and `lag_p95` are the seconds from an event to its row in the ledger, over the last
    minute, None if there was no event. `states`, `histories` and `lists` are reads of the engine a
    second, `hints` the hints that arrived a second. `dropped` counts the hints that were dropped
    since the recorder started. `traces` is True if trace spans arrive. `workers` is the number of
    workers that are connected to the sidecar, None if it is unknown.
    """

    lag_p50: float | None = None
    lag_p95: float | None = None
    states: float = 0.0
    histories: float = 0.0
    lists: float = 0.0
    hints: float = 0.0
    dropped: int = 0
    traces: bool = False
    workers: int | None = None


@dataclass(frozen=True)
class Heartbeat:
    """The ledger's revision, which grows with every change, and the recorder's last heartbeat.

    `heartbeat_at` (aware UTC) is None before the recorder's first heartbeat; `outages` are the
    outages at that time. `backlog` is the number of runs that the recorder has yet to read since it
    started: None while it is unknown, 0 once it has caught up. `metrics` is None until the recorder
    has measured itself.
    """

    revision: int
    heartbeat_at: datetime | None = None
    outages: tuple[Outage, ...] = field(default=())
    backlog: int | None = None
    metrics: RecorderMetrics | None = None
    app_id: str | None = None
    """The application that the recorder follows; None before its first heartbeat."""
    damaged: tuple[DamagedLedger, ...] = ()
    """The damaged ledgers beside this one that nobody has acknowledged."""
