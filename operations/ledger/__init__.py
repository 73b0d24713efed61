"""What SQL remembers of the instances: who started them, what became of them, who acted on them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, text

from operations.database import generation, open_engine, reading
from operations.ledger.holds import Holds
from operations.ledger.instances import Instances
from operations.ledger.journal import Journal
from operations.ledger.kin import Kin
from operations.ledger.pulse import beat, read_pulse
from operations.ledger.schema import upgrade
from operations.ledger.starts import Start, Starts
from operations.ledger.statistics import Statistics
from operations.records import Measures, Outage, Pulse

__all__ = [
    "Holds",
    "Instances",
    "Journal",
    "Ledger",
    "Start",
    "Starts",
    "Statistics",
    "open_ledger",
]


class Ledger:
    """The ledger's database; every method raises `LedgerUnavailable` if it cannot be reached.

    Those that write raise `LedgerRefused` for what it cannot hold.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.starts = Starts(engine)
        self.instances = Instances(engine)
        self.journal = Journal(engine)
        self.kin = Kin(engine)
        self.holds = Holds(engine)
        self.statistics = Statistics(engine)

    def ping(self) -> None:
        """Ask the database for nothing."""
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))

    def generation(self) -> int:
        """Return how often the database at the URL was found to be another since it was opened.

        Whoever remembers what the ledger holds must forget it when this changes.
        """
        return generation(self._engine)

    def pulse(self) -> Pulse:
        """Return the ledger's revision, and the recorder's last sign of life."""
        return replace(read_pulse(self._engine), generation=self.generation())

    def beat(
        self,
        at: datetime,
        outages: Sequence[Outage],
        behind: int | None = 0,
        measures: Measures | None = None,
    ) -> None:
        """Write the recorder's sign of life, which leaves the revision as it is.

        `behind` is how many instances are known of, but not read yet; None if that is not known.
        """
        beat(self._engine, at, outages, behind, measures)

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL; its file and its schema are made, or brought up to date.

    The same is done anew whenever the file or the database is found deleted or replaced; a database
    of PostgreSQL itself must be there. Raises `InvalidInput` and `LedgerUnavailable`.
    """
    return Ledger(open_engine(url, upgrade))
