"""Connections to the ledger's database, on real SQLite files."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from operations.errors import InvalidInput, LedgerUnavailable
from operations.ledger import Ledger, open_ledger
from operations.ledger.db.connections import open_engine, reading, writing
from operations.ledger.db.engines import BUSY_TIMEOUT
from tests.unit.calls import LEASE_WRITES, RESERVATION, WRITES
from tests.unit.snapshots import at, snapshot


def test_sqlite_waits_for_writers_and_uses_wal(ledger: Ledger, ledger_url: str) -> None:
    """Each connection has a write-ahead log and waits five seconds for another writer."""
    del ledger
    engine = open_engine(ledger_url)
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == BUSY_TIMEOUT == 5000
    engine.dispose()


def test_a_reader_is_not_blocked_by_a_writer(ledger: Ledger, ledger_url: str) -> None:
    """While a transaction that has written is open, others read the rows from before it."""
    start = ledger.reservations.claim(RESERVATION, None)
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM reservations"))
        assert ledger.reservations.latest("order_A") == start
    assert ledger.reservations.latest("order_A") is None
    engine.dispose()


def test_a_folder_that_cannot_be_created_is_an_unavailable_ledger(tmp_path: Path) -> None:
    """The error of the operating system becomes a `LedgerUnavailable`."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match=r"file"):
        open_ledger(f"sqlite:///{tmp_path}/file/ledger.db")


def test_a_folder_that_takes_no_file_is_an_unavailable_ledger() -> None:
    """A folder in which even root cannot create a file."""
    with pytest.raises(LedgerUnavailable, match=r"No such file .*/proc/ledger\.db"):
        open_ledger("sqlite:////proc/ledger.db")


def test_a_file_that_is_no_database_is_an_unavailable_ledger(tmp_path: Path) -> None:
    """Any other file is not changed."""
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
def test_an_invalid_url_is_refused_without_its_password(url: str) -> None:
    """The message says what is expected, and hides the password."""
    with pytest.raises(InvalidInput, match=r"FLOWDECK_LEDGER_URL: found '.*db.*', exp") as error:
        open_ledger(url)
    assert "secret" not in str(error.value)


def test_a_value_that_is_no_url_is_refused() -> None:
    """The message has the name of the setting."""
    with pytest.raises(InvalidInput, match=r"FLOWDECK_LEDGER_URL: found 'ledger\.db'"):
        open_ledger("ledger.db")


def test_a_ping_fails_without_a_database(ledger: Ledger, ledger_url: str) -> None:
    """It passes first, and fails once the file is something else."""
    ledger.ping()
    ledger.close()
    Path(ledger_url.removeprefix("sqlite:///")).write_text("no database " * 100)
    with pytest.raises(LedgerUnavailable):
        ledger.ping()


@pytest.mark.parametrize("method", [*WRITES, *LEASE_WRITES])
def test_a_ledger_that_another_process_locks_is_unavailable(
    ledger: Ledger, ledger_url: str, method: Callable[[Ledger], object]
) -> None:
    """A writer waits for another one, but not for ever; readers do not wait at all."""

    def hurry(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    ledger.close()
    event.listen(ledger._engine, "connect", hurry)
    with writing(open_engine(ledger_url)):
        with pytest.raises(LedgerUnavailable, match="locked"):
            method(ledger)
        assert ledger.heartbeat().revision == 0


def test_a_full_disk_is_an_unavailable_ledger(ledger: Ledger) -> None:
    """A write that does not fit writes nothing, and older rows stay readable."""

    def fill(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the current size

    ledger.runs.ingest([snapshot()])
    ledger.close()
    event.listen(ledger._engine, "connect", fill)
    big = snapshot(instance_id="order_B", input="x" * 10**6)
    with pytest.raises(LedgerUnavailable, match="database or disk is full"):
        ledger.runs.ingest([big])
    assert ledger.heartbeat().revision == 1
    assert ledger.runs.latest("order_B") is None
    assert ledger.runs.latest("order_A")


def test_a_read_only_ledger_is_unavailable_to_writers(ledger: Ledger) -> None:
    """SQLite's error becomes a `LedgerUnavailable`."""

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    ledger.close()
    event.listen(ledger._engine, "connect", forbid)
    with pytest.raises(LedgerUnavailable, match="readonly"):
        ledger.write_heartbeat(at(1), ())
