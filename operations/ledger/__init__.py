"""What SQL remembers of the instances: who started them, what became of them, who acted on them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, text

from operations.database import open_engine, reading
from operations.errors import LedgerUnavailable
from operations.ledger.holds import Holds
from operations.ledger.instances import Instances
from operations.ledger.journal import Journal
from operations.ledger.pulse import beat, read_pulse
from operations.ledger.schema import upgrade
from operations.ledger.starts import Start, Starts
from operations.records import Outage, Pulse

__all__ = ["Holds", "Instances", "Journal", "Ledger", "Start", "Starts", "open_ledger"]


class Ledger:
    """The ledger's database; every method raises `LedgerUnavailable` if it cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.starts = Starts(engine)
        self.instances = Instances(engine)
        self.journal = Journal(engine)
        self.holds = Holds(engine)

    def ping(self) -> None:
        """Ask the database for nothing."""
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))

    def pulse(self) -> Pulse:
        """Return the ledger's revision, and the recorder's last sign of life."""
        return read_pulse(self._engine)

    def beat(self, at: datetime, outages: Sequence[Outage]) -> None:
        """Write the recorder's sign of life, which leaves the revision as it is."""
        beat(self._engine, at, outages)

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL; its file and its schema are made, or brought up to date.

    Raises `LedgerUnavailable`.
    """
    engine = open_engine(url)
    try:
        upgrade(engine)
    except LedgerUnavailable:
        engine.dispose()
        raise
    return Ledger(engine)
