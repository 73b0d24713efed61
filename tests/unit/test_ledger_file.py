"""What becomes of an open ledger whose file is deleted or replaced, on real SQLite files."""

import fcntl
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, text

from operations.errors import LedgerUnavailable
from operations.ledger import Ledger, open_ledger
from operations.ledger.db.sessions import generation, open_engine, reading, writing
from operations.ledger.db.sqlite_file import LedgerFile
from operations.ledger.schema import HEAD
from tests.unit.conftest import LogLines
from tests.unit.snapshots import at, snapshot

THREADS = 8


@pytest.fixture
def file(ledger_url: str) -> Path:
    """Return the ledger's file."""
    return Path(ledger_url.removeprefix("sqlite:///"))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return the file of another ledger, which has `order_other`, and is closed."""
    file = tmp_path / "other.db"
    with closing(open_ledger(f"sqlite:///{file}")) as ledger:
        record(ledger, "order_other")
    assert [part.name for part in tmp_path.glob("other.db*")] == ["other.db"]
    return file


def record(ledger: Ledger, *ids: str) -> None:
    """Write instances."""
    ledger.runs.ingest([snapshot(instance_id=each) for each in ids])


def has(ledger: Ledger, instance_id: str) -> bool:
    """Whether a ledger has an instance."""
    return ledger.runs.latest(instance_id) is not None


def delete_all(file: Path) -> None:
    """Delete the file, its log and its index."""
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink(missing_ok=True)


def move_away(file: Path) -> None:
    """Rename the folder."""
    file.parent.rename(file.parent.with_name("away"))


def delete_folder(file: Path) -> None:
    """Delete the folder."""
    shutil.rmtree(file.parent)


LOSSES: list[Callable[[Path], None]] = [Path.unlink, delete_all, delete_folder, move_away]


def assert_sound(file: Path, *, rows: int) -> None:
    """Prove that a file is whole, has one schema, and that many instances."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(HEAD,)]
        assert connection.execute("SELECT count(*) FROM pulse").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM instances").fetchall() == [(rows,)]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_ledger_that_is_lost_is_made_anew(
    ledger: Ledger, file: Path, lose: Callable[[Path], None]
) -> None:
    """Whatever of it was deleted, the next call finds an empty one, and others find the same."""
    record(ledger, *(f"order_{number}" for number in range(30)))
    lose(file)
    assert not has(ledger, "order_1")
    record(ledger, "order_new")
    assert_sound(file, rows=1)


@pytest.mark.parametrize("lose", LOSSES)
def test_a_write_is_the_first_to_find_a_lost_ledger(
    ledger: Ledger, file: Path, lose: Callable[[Path], None]
) -> None:
    """It needs no read before it."""
    lose(file)
    record(ledger, "order_new")
    assert_sound(file, rows=1)


@pytest.mark.parametrize("keeps_log", [True, False])
def test_a_replaced_ledger_is_read(
    ledger: Ledger, file: Path, other: Path, *, keeps_log: bool
) -> None:
    """The other's rows are read, also if the log of the first is left beside it."""
    record(ledger, *(f"order_{number}" for number in range(30)))
    if not keeps_log:
        delete_all(file)
    other.replace(file)
    assert has(ledger, "order_other")
    assert not has(ledger, "order_1")
    record(ledger, "order_new")
    assert_sound(file, rows=2)


def test_what_was_committed_anew_outlives_the_connections_to_the_old(
    ledger: Ledger, ledger_url: str, file: Path, other: Path
) -> None:
    """A process that still has the last file open does not take the new one's log with it."""
    record(ledger, "order_A")
    with closing(open_ledger(ledger_url)) as late:
        other.replace(file)
        record(ledger, "order_new")
        assert has(late, "order_new")
        late.close()
        record(ledger, "order_newer")
        assert has(late, "order_newer")
    assert_sound(file, rows=3)


def test_a_first_ledger_in_its_place_is_brought_up_to_date(
    ledger: Ledger, file: Path, tmp_path: Path
) -> None:
    """A file without a schema gets one."""
    (tmp_path / "empty.db").touch()
    (tmp_path / "empty.db").replace(file)
    record(ledger, "order_new")
    assert_sound(file, rows=1)


def test_what_is_no_ledger_in_its_place_is_told_until_it_is_gone(
    ledger: Ledger, file: Path
) -> None:
    """It is left alone."""
    delete_all(file)
    file.write_text("This is a letter, and no database. " * 100)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="file is not a database"):
            ledger.heartbeat()
    assert file.read_text().startswith("This is a letter")
    file.unlink()
    assert ledger.heartbeat().revision == 0


def test_a_folder_in_the_way_is_told_until_it_is_gone(ledger: Ledger, file: Path) -> None:
    """Then the ledger is made."""
    shutil.rmtree(file.parent)
    file.parent.touch()
    with pytest.raises(LedgerUnavailable, match=f"File exists: '{file.parent}'"):
        ledger.heartbeat()
    file.parent.unlink()
    record(ledger, "order_new")
    assert_sound(file, rows=1)


def test_a_file_under_the_number_of_the_last_is_prepared_all_the_same(
    ledger: Ledger, file: Path
) -> None:
    """File systems give a number again: the last file is kept open until the next one is there."""
    for _ in range(5):
        before = file.stat().st_ino
        delete_all(file)
        file.touch()
        assert file.stat().st_ino != before
        assert ledger.heartbeat().revision == 0


def test_a_closed_ledger_that_is_used_again_is_prepared(ledger: Ledger, file: Path) -> None:
    """It knows nothing any more of the file that it had."""
    ledger.close()
    delete_all(file)
    file.touch()
    record(ledger, "order_new")
    assert_sound(file, rows=1)
    assert ledger.generation() == 0


@pytest.mark.parametrize("lose", LOSSES[:3])
def test_threads_find_a_lost_ledger_at_once(
    ledger: Ledger, file: Path, lose: Callable[[Path], None], log_lines: LogLines
) -> None:
    """All succeed, on one file with one schema, and one line tells of it."""
    log_lines.configure("info")
    barrier = Barrier(THREADS, action=lambda: lose(file))
    with ThreadPoolExecutor(THREADS) as pool:
        assert not any(pool.map(lambda each: has(ledger, f"{each}"), range(100)))  # it has many

        def use(thread: int) -> bool:
            barrier.wait()
            for number in range(5):
                record(ledger, f"order_{thread}_{number}")
                assert ledger.heartbeat().revision
            return all(has(ledger, f"order_{thread}_{number}") for number in range(5))

        assert all(pool.map(use, range(THREADS)))
    assert_sound(file, rows=THREADS * 5)
    assert [line["event"] for line in log_lines.events()] == ["the ledger was deleted or replaced"]


def test_a_ledger_is_lost_under_threads_at_work(ledger: Ledger, file: Path) -> None:
    """Whatever they were at, none of them fails, and the file that stands at the end is whole."""

    def use(thread: int) -> None:
        for number in range(40):
            record(ledger, f"order_{thread}_{number}")
            assert not has(ledger, "order_other")
            if thread == 0 and number % 10 == 5:
                delete_all(file)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(use, range(THREADS)))
    rows = len(ledger.runs.unfinished())
    assert rows
    assert_sound(file, rows=rows)


def write(url: str, name: str) -> None:
    """Write as a process of its own, which has the ledger open while another deletes it."""
    file = Path(url.removeprefix("sqlite:///"))
    with closing(open_ledger(url)) as ledger:
        for number in range(30):
            record(ledger, f"order_{name}_{number}")
            if number == 10:
                file.unlink(missing_ok=True)
        record(ledger, f"order_{name}_last")


def test_processes_find_the_same_new_file(ledger_url: str, file: Path) -> None:
    """Each deletes it once while the others write, and leaves the log: it is whole at the end."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        list(pool.map(write, [ledger_url] * 3, "abc"))
    with closing(open_ledger(ledger_url)) as ledger:
        rows = len(ledger.runs.unfinished())
        assert any(has(ledger, f"order_{name}_last") for name in "abc")
    assert_sound(file, rows=rows)


def test_two_ledgers_on_a_lost_file_find_the_same_new_one(ledger_url: str, file: Path) -> None:
    """What one writes the other reads."""
    with ExitStack() as stack:
        one, two = (stack.enter_context(closing(open_ledger(ledger_url))) for _ in range(2))
        record(one, "order_A")
        assert has(two, "order_A")
        file.unlink()
        record(one, "order_one")
        record(two, "order_two")
        assert has(one, "order_two")
        assert has(two, "order_one")
    assert_sound(file, rows=2)


def test_a_write_under_way_does_not_harm_the_next(ledger: Ledger, file: Path, other: Path) -> None:
    """It ends in the file that it began in, which nobody finds any more."""
    with writing(ledger._engine) as connection:
        connection.execute(text("UPDATE pulse SET revision = 7"))
        other.replace(file)
        assert ledger.heartbeat().revision == 1
        record(ledger, "order_new")
    assert ledger.heartbeat().revision == 2
    assert_sound(file, rows=2)


def test_it_is_told_how_often_a_ledger_was_another(ledger: Ledger, file: Path, other: Path) -> None:
    """Who asks for that finds out himself."""
    assert ledger.generation() == 0
    record(ledger, "order_A")
    assert ledger.generation() == 0
    file.unlink()
    assert ledger.generation() == 1
    other.replace(file)
    assert has(ledger, "order_other")
    assert ledger.generation() == 2


def test_a_loss_is_one_line_however_long_it_lasts(
    ledger: Ledger, file: Path, log_lines: LogLines
) -> None:
    """That the ledger cannot be reached is told by those who ask it."""
    log_lines.configure("info")
    shutil.rmtree(file.parent)
    file.parent.touch()
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            ledger.write_heartbeat(at(1), ())
    file.parent.unlink()
    ledger.write_heartbeat(at(1), ())
    (line,) = log_lines.events()
    assert (line["level"], line["file"]) == ("warning", str(file))
    assert line["event"] == "the ledger was deleted or replaced"


def test_a_link_to_a_ledger_that_leads_elsewhere_is_another_ledger(
    ledger_url: str, file: Path, other: Path, tmp_path: Path
) -> None:
    """What counts is the file that is found."""
    file.parent.mkdir()
    file.symlink_to(tmp_path / "first.db")
    with closing(open_ledger(ledger_url)) as ledger:
        record(ledger, "order_A")
        file.unlink()
        file.symlink_to(other)
        assert has(ledger, "order_other")
        file.unlink()
        file.symlink_to(tmp_path / "first.db")
        assert has(ledger, "order_A")
        record(ledger, "order_B")
        other.replace(tmp_path / "first.db")
        assert has(ledger, "order_other")
        assert not has(ledger, "order_B")


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    """None of them means anything to SQLite."""
    with closing(open_ledger(f"sqlite:///{tmp_path}/a b/50% #1 é.db")) as ledger:
        record(ledger, "order_A")
    assert [file.name for file in (tmp_path / "a b").iterdir()] == ["50% #1 é.db"]


def test_a_file_is_prepared_once(ledger_url: str, file: Path) -> None:
    """However many connect to it."""
    prepared: list[Engine] = []
    engine = open_engine(ledger_url, prepared.append)
    for expected in (1, 2):
        with reading(engine), reading(engine):
            assert len(prepared) == expected
        file.unlink()
    assert generation(engine) == 2
    engine.dispose()


def test_a_file_that_is_lost_while_it_is_prepared_is_prepared_anew(
    ledger_url: str, file: Path
) -> None:
    """Nobody connects to the one that was prepared, nor to one that was not."""
    prepared: list[Engine] = []

    def prepare(engine: Engine) -> None:
        prepared.append(engine)
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE prepared (n INTEGER)"))
        if len(prepared) == 1:
            delete_all(file)

    engine = open_engine(ledger_url, prepare)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT * FROM prepared")).all() == []
    assert len(prepared) == 2
    engine.dispose()


def test_a_file_that_is_lost_while_it_is_connected_to_is_left(
    ledger: Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody goes on with what is not at the path any more."""
    connect, connected = LedgerFile.open, list[str]()

    def lose(of: LedgerFile) -> sqlite3.Connection:
        connection = connect(of)
        if not connected:
            delete_all(file)
        connected.append("once")
        return connection

    path = LedgerFile(str(file), ledger.ping)
    path.generation()
    monkeypatch.setattr(LedgerFile, "open", lose)
    connection, identity = path.connect()
    with closing(connection), closing(path):
        assert identity == path.found
        assert path.generation() == 1


def test_a_file_is_made_by_one_process_at_a_time(ledger: Ledger, file: Path) -> None:
    """Else one would tidy away the log that another has just begun."""
    delete_all(file)
    folder = os.open(file.parent, os.O_RDONLY)
    with ThreadPoolExecutor(1) as pool:
        fcntl.flock(folder, fcntl.LOCK_EX)
        heartbeat = pool.submit(ledger.heartbeat)
        with pytest.raises(TimeoutError):
            heartbeat.result(timeout=0.3)
        assert not file.exists()
        os.close(folder)
        assert heartbeat.result(timeout=5).revision == 0


def test_who_deletes_a_ledger_may_finish_it(
    ledger: Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the log that goes last would be the new file's."""
    left: list[str] = []

    def finish(_: float) -> None:
        left.extend(sorted(part.name for part in file.parent.iterdir()))
        delete_folder(file)

    monkeypatch.setattr("time.sleep", finish)
    file.unlink()
    record(ledger, "order_new")
    assert left == ["ledger.db-shm", "ledger.db-wal"]
    assert_sound(file, rows=1)
    assert ledger.generation() == 1


def test_a_connection_makes_no_file(file: Path) -> None:
    """Neither does it where there is none, nor by its log once the file is gone."""
    ledger_file = LedgerFile(str(file), lambda: None)
    with closing(ledger_file.connect()[0]) as connection:
        delete_all(file)
        assert connection.execute("SELECT * FROM sqlite_master").fetchall() == []
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            ledger_file.open()
    assert list(file.parent.iterdir()) == []
    ledger_file.close()
