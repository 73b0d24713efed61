"""A damaged SQLite file: only the recorder moves it aside, and only if SQLite confirms it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from operations.errors import LedgerDamaged, LedgerReplaced, LedgerUnavailable, SchemaMismatch
from operations.ledger import Ledger, open_ledger
from operations.ledger.damage import is_suspected, settle_suspicion
from operations.ledger.db import damaged_files
from operations.ledger.db.connections import open_engine, writing
from operations.model import LOCAL_USER
from operations.recorder_report import ACKNOWLEDGE_DAMAGE
from operations.records import Filter
from tests.unit.snapshots import done

GARBAGE = b"no database " * 1000
READ_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM runs").fetchall()
connection.close()
"""


@pytest.fixture
def file(ledger: Ledger, ledger_url: str) -> Path:
    """Return the file of a ledger with some runs, whose log was written into the file."""
    ledger.runs.ingest([done(instance_id=f"order_{each}", output="x" * 999) for each in range(99)])
    ledger.close()
    return Path(ledger_url.removeprefix("sqlite:///"))


def overwrite(file: Path) -> None:
    """Overwrite the whole file."""
    file.write_bytes(GARBAGE)


def overwrite_the_middle(file: Path) -> None:
    """Overwrite everything behind the first pages."""
    with file.open("r+b") as opened:
        opened.seek(5 * 4096)
        opened.write(GARBAGE * 99)


def truncate(file: Path) -> None:
    """Cut the file in the middle."""
    os.truncate(file, file.stat().st_size // 2)


def damage_the_index(file: Path) -> None:
    """Damage the index of texts, which SQLite 3.40 does not check with the rest."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM run_texts_data WHERE id > 10")


DAMAGES = [overwrite, overwrite_the_middle, truncate, damage_the_index]


def list_and_search(url: str) -> None:
    """Open a ledger, and read lists as pages do."""
    with closing(open_ledger(url)) as ledger:
        for wanted in (Filter(), Filter(text="xxx"), Filter(id_part="order_98")):
            page = ledger.search.page(wanted, limit=99)
            assert all(ledger.runs.details(run.run_id) for run in page.runs)


@pytest.mark.parametrize("make", DAMAGES)
def test_a_damaged_file_is_reported_and_moved_aside(
    ledger_url: str, file: Path, make: Callable[[Path], None]
) -> None:
    """The query that finds it names the file; the file is kept as it is, and a new one is empty."""
    make(file)
    content = file.read_bytes()
    with pytest.raises(LedgerDamaged, match=f"{file} is damaged"):
        list_and_search(ledger_url)
    assert is_suspected(ledger_url)
    moved = settle_suspicion(ledger_url)
    assert moved
    assert moved[0].name.startswith("ledger.db.damaged-")
    assert moved[0].read_bytes() == content
    assert not is_suspected(ledger_url)
    assert not file.exists()
    with closing(open_ledger(ledger_url)) as ledger:
        assert ledger.search.page(Filter(), limit=9).runs == ()


def test_the_log_is_kept_with_its_file(ledger_url: str, file: Path) -> None:
    """It may have the newest runs; a recovery needs both."""
    with closing(open_ledger(ledger_url).for_app("orders")) as ledger:
        ledger.runs.ingest([done(instance_id="order_new")])
        log = Path(f"{file}-wal").read_bytes()
        overwrite_the_middle(file)
        kept = damaged_files.move_aside(file, datetime.now(UTC))
        assert Path(f"{kept}-wal").read_bytes() == log
        with pytest.raises(LedgerReplaced):
            ledger.heartbeat()


def test_a_move_that_was_interrupted_is_completed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the log was moved, the next recorder gives the file the same name."""
    Path(f"{file}-wal").write_bytes(b"log")
    rename, now = Path.rename, datetime.now(UTC)

    def die(source: Path, target: str) -> Path:
        if source == file:
            raise KeyboardInterrupt
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", die)
    with pytest.raises(KeyboardInterrupt):
        damaged_files.move_aside(file, datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.undo()
    kept = damaged_files.move_aside(file, now)
    assert kept.name == "ledger.db.damaged-20260101T000000Z"
    assert Path(f"{kept}-wal").read_bytes() == b"log"
    assert kept.exists()
    assert not file.exists()


def test_two_damaged_files_of_one_second_are_both_kept(file: Path) -> None:
    """No file is overwritten."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    names = []
    for content in ("one", "two"):
        file.write_text(content)
        names.append(damaged_files.move_aside(file, now))
    assert [each.read_text() for each in names] == ["one", "two"]


def test_a_sound_file_that_is_reported_stays(ledger_url: str, file: Path) -> None:
    """The report is deleted."""
    damaged_files.report_damage(file)
    assert settle_suspicion(ledger_url) is None
    assert not is_suspected(ledger_url)
    list_and_search(ledger_url)


def test_a_locked_file_stays(ledger_url: str, file: Path) -> None:
    """It cannot be checked; the message says what to do."""
    damaged_files.report_damage(file)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerUnavailable, match=f"{file}: database is locked; another program"):
            settle_suspicion(ledger_url, patience=0)
        assert file.exists()
    assert is_suspected(ledger_url)


CODES = {
    "SQLITE_FULL": "free space on its disk",
    "SQLITE_READONLY": "allow this user to read and to write",
    "SQLITE_CANTOPEN": "allow this user to read and to write",
    "SQLITE_IOERR_READ": "check its disk",
    "SQLITE_BUSY_SNAPSHOT": "another program holds its lock",
}


@pytest.mark.parametrize("name", CODES)
def test_other_errors_of_sqlite_are_no_damage(
    ledger_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A full disk, a missing permission, a faulty disk: the message says what to do."""

    def fail(*_: object) -> None:
        error = sqlite3.OperationalError("it failed")
        error.sqlite_errorcode = getattr(sqlite3, name)
        raise error

    damaged_files.report_damage(file)
    monkeypatch.setattr(damaged_files, "_integrity", fail)
    with pytest.raises(LedgerUnavailable, match=f"{file}: it failed; {CODES[name]}"):
        settle_suspicion(ledger_url)
    assert file.exists()


def test_a_newer_schema_is_no_damage(ledger_url: str, file: Path) -> None:
    """Neither the file nor its content is changed."""
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaMismatch):
        open_ledger(ledger_url)
    assert not is_suspected(ledger_url)
    damaged_files.report_damage(file)
    assert settle_suspicion(ledger_url) is None
    assert file.exists()


@pytest.mark.parametrize("make", [overwrite, truncate])
def test_a_ping_finds_a_damaged_file_behind_an_open_connection(
    ledger: Ledger, file: Path, make: Callable[[Path], None]
) -> None:
    """The connection has the pages in its cache, and their newest versions are in the log."""
    ledger.runs.ingest([done(instance_id="order_new")])
    ledger.ping()
    make(file)
    with pytest.raises(LedgerDamaged):
        ledger.ping()


def test_a_ping_fails_until_the_recorder_has_settled_a_report(
    ledger: Ledger, ledger_url: str, file: Path
) -> None:
    """Another process found damage that the rows of the ping do not have."""
    damaged_files.report_damage(file)
    with pytest.raises(LedgerDamaged, match="a query found damage"):
        ledger.ping()
    settle_suspicion(ledger_url)
    ledger.ping()


def test_an_emptied_file_is_a_replaced_ledger(ledger: Ledger, ledger_url: str, file: Path) -> None:
    """SQLite takes an empty file for an empty database; it is filled anew."""
    os.truncate(file, 0)
    with pytest.raises(LedgerReplaced, match="no such table"):
        ledger.heartbeat()
    with closing(open_ledger(ledger_url)) as reopened:
        assert reopened.search.page(Filter(), limit=9).runs == ()


def test_damaged_files_are_reported_until_someone_acknowledges_them(
    ledger_url: str, file: Path
) -> None:
    """The files themselves are the report, so that no kill loses it; the audit log says who."""
    damaged_files.report_damage(file)
    overwrite(file)
    settle_suspicion(ledger_url)
    with closing(open_ledger(ledger_url)) as ledger:
        (found,) = ledger.heartbeat().damaged
        ledger.damage.acknowledge(LOCAL_USER)
        assert ledger.heartbeat().damaged == ()
        (entry,) = ledger.for_app("").audit_log.of(Path(found.path).name, 9)
        assert (entry.action, entry.actor) == (ACKNOWLEDGE_DAMAGE, LOCAL_USER)
        assert entry.message == f"It is kept as {found.path}."
        assert ledger.heartbeat().revision == 1
    assert Path(found.path).exists()


def test_a_deleted_damaged_file_is_reported_no_more(ledger: Ledger, file: Path) -> None:
    """Its content was recovered, or is not wanted."""
    kept = Path(f"{file}.damaged-20260101T000000Z")
    kept.touch()
    Path(f"{file}.damaged-notes").touch()
    assert [each.path for each in ledger.heartbeat().damaged] == [str(kept)]
    kept.unlink()
    assert ledger.heartbeat().damaged == ()


def test_a_name_may_have_any_character(tmp_path: Path) -> None:
    """No character of it is a pattern."""
    file = tmp_path / "[1]*?.db"
    file.touch()
    kept = damaged_files.move_aside(file, datetime(2026, 1, 1, tzinfo=UTC))
    assert [each.path for each in damaged_files.kept_files(file)] == [str(kept)]


def test_a_check_keeps_the_locks_of_the_process(ledger: Ledger, ledger_url: str) -> None:
    """Else the next process that closes its last connection deletes the log that is in use."""
    file = Path(ledger_url.removeprefix("sqlite:///"))
    ledger.runs.ingest([done(instance_id="order_A")])
    ledger.damage.check()
    log = Path(f"{file}-wal").stat().st_ino
    subprocess.run([sys.executable, "-c", READ_AND_CLOSE, str(file)], check=True)
    assert Path(f"{file}-wal").stat().st_ino == log
