"""What SQL remembers of the instances: who started them, what became of them, who acted on them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, text

from operations.ledger.audit_log import AuditLog
from operations.ledger.db.sessions import generation, open_engine, reading
from operations.ledger.heartbeat import read_heartbeat, write_heartbeat
from operations.ledger.leases import Leases
from operations.ledger.limits import SearchLimits, StatisticsLimits
from operations.ledger.reservations import Reservation, Reservations
from operations.ledger.runs.descendants import Descendants
from operations.ledger.runs.runs import Runs
from operations.ledger.schema import upgrade
from operations.ledger.search.search import Search
from operations.ledger.statistics.statistics import Statistics
from operations.records import Heartbeat, Outage, RecorderMetrics

__all__ = [
    "AuditLog",
    "Leases",
    "Ledger",
    "Reservation",
    "Reservations",
    "Runs",
    "Search",
    "SearchLimits",
    "Statistics",
    "StatisticsLimits",
    "open_ledger",
]

DEFAULT_SEARCH, DEFAULT_STATISTICS = SearchLimits(), StatisticsLimits()


class Ledger:
    """The ledger's database; every method raises `LedgerUnavailable` if it cannot be reached.

    Those that write raise `LedgerRefused` for what it cannot hold.
    """

    def __init__(
        self,
        engine: Engine,
        search: SearchLimits = DEFAULT_SEARCH,
        statistics: StatisticsLimits = DEFAULT_STATISTICS,
    ) -> None:
        self._engine = engine
        self.reservations = Reservations(engine)
        self.runs = Runs(engine)
        self.audit_log = AuditLog(engine)
        self.descendants = Descendants(engine, search.seconds)
        self.leases = Leases(engine)
        self.search = Search(engine, search)
        self.statistics = Statistics(engine, statistics)

    def ping(self) -> None:
        """Ask the database for nothing."""
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))

    def generation(self) -> int:
        """Return how often the database at the URL was found to be another since it was opened.

        Whoever remembers what the ledger holds must forget it when this changes.
        """
        return generation(self._engine)

    def heartbeat(self) -> Heartbeat:
        """Return the ledger's revision, and the recorder's last sign of life."""
        return replace(read_heartbeat(self._engine), generation=self.generation())

    def write_heartbeat(
        self,
        at: datetime,
        outages: Sequence[Outage],
        backlog: int | None = 0,
        metrics: RecorderMetrics | None = None,
    ) -> None:
        """Write the recorder's sign of life, which leaves the revision as it is.

        `behind` is how many instances are known of, but not read yet; None if that is not known.
        """
        write_heartbeat(self._engine, at, outages, backlog, metrics)

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()


def open_ledger(
    url: str,
    search: SearchLimits = DEFAULT_SEARCH,
    statistics: StatisticsLimits = DEFAULT_STATISTICS,
) -> Ledger:
    """Open the ledger at a SQLAlchemy URL; its file and its schema are made, or brought up to date.

    The same is done anew whenever the file or the database is found deleted or replaced; a database
    of PostgreSQL itself must be there. Raises `InvalidInput` and `LedgerUnavailable`.
    """
    return Ledger(open_engine(url, upgrade), search, statistics)
