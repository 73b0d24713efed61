"""How the ledger's database is opened and spoken to, on real SQLite files."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from operations.errors import InvalidInput, LedgerUnavailable
from operations.ledger import Ledger, open_ledger
from operations.ledger.db.engines import BUSY_TIMEOUT
from operations.ledger.db.sessions import open_engine, reading, writing
from tests.unit.calls import WANTED, WRITES
from tests.unit.snapshots import at, snapshot


def test_sqlite_waits_for_writers_and_logs_ahead(ledger: Ledger, ledger_url: str) -> None:
    """Each connection has a write-ahead log and waits five seconds for another writer."""
    del ledger
    engine = open_engine(ledger_url)
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == BUSY_TIMEOUT == 5000
    engine.dispose()


def test_a_reader_is_not_blocked_by_a_writer(ledger: Ledger, ledger_url: str) -> None:
    """While a transaction that has written is open, others read what was there before it."""
    start = ledger.reservations.claim(WANTED, None)
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM reservations"))
        began = time.monotonic()
        assert ledger.reservations.latest("order_A") == start
        assert time.monotonic() - began < 1
    assert ledger.reservations.latest("order_A") is None
    engine.dispose()


def test_a_folder_that_cannot_be_made_is_an_unavailable_ledger(tmp_path: Path) -> None:
    """Where no folder can be, the ledger says so as the house does."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match=r"file"):
        open_ledger(f"sqlite:///{tmp_path}/file/ledger.db")


def test_a_folder_that_takes_no_file_is_an_unavailable_ledger() -> None:
    """Where no file can be made, even by root, the ledger says so."""
    with pytest.raises(LedgerUnavailable, match=r"No such file .*/proc/ledger\.db"):
        open_ledger("sqlite:////proc/ledger.db")


def test_a_file_that_is_no_database_is_an_unavailable_ledger(tmp_path: Path) -> None:
    """A file of something else is left alone."""
    file = tmp_path / "ledger.db"
    file.write_text("This is a letter, and no database. " * 100)
    with pytest.raises(LedgerUnavailable, match="file is not a database"):
        open_ledger(f"sqlite:///{file}")
    assert file.read_text().startswith("This is a letter")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:secret@db/ledger",
        "postgresql://ann:secret@db",
        "postgresql://ann:secret@db:many/ledger",
        "postgresql://ann:a/secret@db/ledger",
        "postgresql://ann:a@secret@db/ledger",
        "postgresql://ann:a#secret@db/ledger",
        "postgresql+psycopg2://ann:secret@db/ledger",
        "postgresql://db/ledger?password=secret&colour=red",
    ],
)
def test_a_url_that_cannot_be_is_refused_without_its_password(url: str) -> None:
    """What it must be is said, its secret kept."""
    with pytest.raises(InvalidInput, match=r"FLOWDECK_LEDGER_URL: found '.*db.*', exp") as error:
        open_ledger(url)
    assert "secret" not in str(error.value)


def test_a_url_that_is_none_is_named() -> None:
    """A URL that SQLAlchemy cannot read is told with its setting."""
    with pytest.raises(InvalidInput, match=r"FLOWDECK_LEDGER_URL: found 'ledger\.db'"):
        open_ledger("ledger.db")


def test_a_ping_tells_whether_the_database_is_there(ledger: Ledger, ledger_url: str) -> None:
    """A ping passes, and fails once the file is something else."""
    ledger.ping()
    ledger.close()
    Path(ledger_url.removeprefix("sqlite:///")).write_text("no database " * 100)
    with pytest.raises(LedgerUnavailable):
        ledger.ping()


@pytest.mark.parametrize("method", WRITES)
def test_a_ledger_that_another_keeps_locked_is_unavailable(
    ledger: Ledger, ledger_url: str, method: Callable[[Ledger], object]
) -> None:
    """A writer waits for another, but not for ever; readers do not wait at all."""

    def hurry(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    ledger.close()
    event.listen(ledger._engine, "connect", hurry)
    with writing(open_engine(ledger_url)):
        with pytest.raises(LedgerUnavailable, match="locked"):
            method(ledger)
        assert ledger.heartbeat().revision == 0


def test_a_full_disk_is_an_unavailable_ledger(ledger: Ledger) -> None:
    """What does not fit is not written at all, and what was there stays readable."""

    def fill(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # as many as there are, that is

    ledger.runs.ingest([snapshot()])
    ledger.close()
    event.listen(ledger._engine, "connect", fill)
    big = snapshot(instance_id="order_B", input="x" * 10**6)
    with pytest.raises(LedgerUnavailable, match="database or disk is full"):
        ledger.runs.ingest([big])
    assert ledger.heartbeat().revision == 1
    assert ledger.runs.latest("order_B") is None
    assert ledger.runs.latest("order_A")


def test_a_ledger_that_may_only_be_read_is_unavailable_to_writers(ledger: Ledger) -> None:
    """So is one whose file refuses the write."""

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    ledger.close()
    event.listen(ledger._engine, "connect", forbid)
    with pytest.raises(LedgerUnavailable, match="readonly"):
        ledger.write_heartbeat(at(1), ())
