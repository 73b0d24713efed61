"""The ledger: the SQL database of runs, reservations, audit log, leases and heartbeat."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from sqlalchemy import Engine, text

from operations.errors import DaprRefused, DaprUnavailable, LedgerReplaced
from operations.ledger.audit_log import AuditLog
from operations.ledger.audit_search import AuditSearch
from operations.ledger.bulk_jobs import BulkJobStore
from operations.ledger.damage import Damage
from operations.ledger.db.connections import check_writable, open_engine, writing
from operations.ledger.heartbeat import read_heartbeat, write_heartbeat
from operations.ledger.leases import Leases
from operations.ledger.ledger_limits import (
    GenerationLimits,
    LedgerLimits,
    SearchLimits,
    StatisticsLimits,
)
from operations.ledger.reservations import Reservation, Reservations
from operations.ledger.runs.descendants import Descendants
from operations.ledger.runs.runs import Runs
from operations.ledger.schema import upgrade
from operations.ledger.search.search import Search
from operations.ledger.statistics.statistics import Statistics
from operations.ledger.tables import attempts, runs, waits
from operations.recorder_report import Heartbeat, Outage, RecorderMetrics

__all__ = [
    "AuditLog",
    "GenerationLimits",
    "Leases",
    "Ledger",
    "LedgerLimits",
    "Reservation",
    "Reservations",
    "Runs",
    "Search",
    "SearchLimits",
    "Statistics",
    "StatisticsLimits",
    "open_ledger",
]

DEFAULT_LIMITS = LedgerLimits()
_NO_APPLICATION = ""  # of the leases of jobs, so that no instance has such a lease
_ASK_AGAIN_AFTER = 5.0  # seconds: a sidecar that hangs answers each call late


def _no_sidecar() -> str:
    raise DaprUnavailable("no sidecar has reported its application yet")


class Ledger:
    """The ledger's database; every method raises `LedgerUnavailable` if it cannot be reached.

    `LedgerReplaced`, a subclass of that error, means that the ledger must be opened anew: the
    SQLite file was deleted or replaced, or PostgreSQL has lost the tables (every call detects
    these), or PostgreSQL was restored (`heartbeat` detects this).

    An instance id may exist in several applications. Methods that read or write by instance id
    (those of `reservations`, `audit_log`, `leases`, `descendants`, and `runs.latest` and the like)
    apply to one application: `app_id()`. Methods that take a `run_id`, lists, searches and
    statistics cover all applications. `runs.ingest` writes each snapshot into its own application.
    `for_app` binds the same database to another application.

    Methods that write raise `LedgerRefused` for a value that the database cannot hold.
    """

    def __init__(
        self,
        engine: Engine,
        ask_app_id: Callable[[], str] = _no_sidecar,
        limits: LedgerLimits = DEFAULT_LIMITS,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._ask_app_id = ask_app_id
        self._last_app: tuple[str, float] = ("", 0.0)  # of a heartbeat; until when it is used
        self._comparing = Lock()
        self._last: tuple[str, int] | None = None  # the ledger's id and revision
        self.reservations = Reservations(engine, self.app_id)
        self.runs = Runs(engine, self.app_id, limits.generations)
        self.audit_log = AuditLog(engine, self.app_id)
        self.audit_search = AuditSearch(engine, limits.search)
        self.bulk_jobs = BulkJobStore(engine, self.app_id)
        self.descendants = Descendants(engine, self.app_id, limits.search.seconds)
        self.damage = Damage(engine)
        self.leases = Leases(engine, self.app_id)
        self.job_leases = Leases(engine, lambda: _NO_APPLICATION)
        self.search = Search(engine, limits.search)
        self.statistics = Statistics(engine, limits.statistics)

    def app_id(self) -> str:
        """Return the application that this ledger is bound to: `ask_app_id` returns it.

        While that fails, it is the application of the recorder's last heartbeat, so that pages show
        the past. The sidecar may then turn out to be of another application, so `ask_app_id` is
        called again every 5 seconds. Raises `DaprUnavailable` or `DaprRefused` while neither is
        known, and `LedgerUnavailable`.
        """
        last, until = self._last_app
        if time.monotonic() < until:
            return last
        try:
            return self._ask_app_id()
        except (DaprUnavailable, DaprRefused):
            known = self.heartbeat().app_id
            if known is None:
                raise
            self._last_app = known, time.monotonic() + _ASK_AGAIN_AFTER
            return known

    def for_app(self, app_id: str) -> "Ledger":
        """Return a ledger on the same database that is bound to an application."""
        return Ledger(self._engine, lambda: app_id, self._limits)

    def ping(self) -> None:
        """Read rows of the tables that lists and pages need."""
        self.damage.check()

    def check_writable(self) -> None:
        """Check that a write can begin; raise `LedgerUnavailable` with the reason."""
        check_writable(self._engine)

    def heartbeat(self) -> Heartbeat:
        """Return the ledger's revision, the recorder's last heartbeat, and damaged ledgers.

        Raises `LedgerReplaced` if the ledger's id is another one, or if its revision went back.
        """
        with self._comparing:
            ledger_id, heartbeat = read_heartbeat(self._engine)
            last_id, last_revision = self._last or (ledger_id, 0)
            if ledger_id != last_id or heartbeat.revision < last_revision:
                raise LedgerReplaced(f"revision {heartbeat.revision} after {last_revision}")
            self._last = ledger_id, heartbeat.revision
        return replace(heartbeat, damaged=self.damage.unacknowledged())

    def write_heartbeat(
        self,
        at: datetime,
        outages: Sequence[Outage],
        backlog: int | None = 0,
        metrics: RecorderMetrics | None = None,
    ) -> None:
        """Write the recorder's heartbeat; the revision does not change.

        `backlog` is the number of runs that the recorder has yet to read, None if it is unknown.
        """
        try:
            app_id = self.app_id()
        except (DaprUnavailable, DaprRefused):
            app_id = None
        heartbeat = Heartbeat(0, at, tuple(outages), backlog, metrics, app_id)
        write_heartbeat(self._engine, heartbeat)

    def analyze(self) -> None:
        """Refresh the statistics by which SQLite chooses its indexes.

        They are estimated from 1,000 rows of each index, which takes some milliseconds. On
        PostgreSQL autovacuum does this.
        """
        if self._engine.dialect.name == "sqlite":
            with writing(self._engine) as connection:
                connection.execute(text("PRAGMA analysis_limit = 1000"))
                for table in (runs, waits, attempts):
                    connection.execute(text(f"ANALYZE {table.name}"))

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()


def open_ledger(
    url: str,
    ask_app_id: Callable[[], str] = _no_sidecar,
    limits: LedgerLimits = DEFAULT_LIMITS,
) -> Ledger:
    """Open the ledger at a SQLAlchemy URL; create the SQLite file and missing tables.

    `ask_app_id` returns the application of this process's sidecar (`Gateway.app_id`).
    Raises `InvalidInput` for the URL, `LedgerUnavailable`, and `SchemaMismatch` for the tables of
    another version.
    """
    engine = open_engine(url)
    try:
        upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine, ask_app_id, limits)
