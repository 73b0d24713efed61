"""Creating, migrating and refusing the schema of a ledger."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from operations.errors import SchemaMismatch
from operations.ledger import Ledger, open_ledger
from operations.ledger.db.connections import open_engine, reading, writing
from operations.ledger.migrations import known_versions
from operations.ledger.schema import HEAD
from operations.ledger.tables import metadata
from system.dapr.settings import PROJECT
from tests.unit.conftest import LogLines
from tests.unit.snapshots import APP, at


def differences(ledger: Ledger) -> list[object]:
    """Return the differences between the schema of a ledger and the tables of the code."""
    with reading(ledger._engine) as connection:
        opts = {"include_object": _is_compared} if connection.dialect.name == "sqlite" else {}
        return list(compare_metadata(MigrationContext.configure(connection, opts=opts), metadata))


def _is_compared(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """False for FTS5's tables: SQLite reports no column types of a virtual table."""
    return kind != "table" or not str(name).startswith("run_texts")


def opened(url: str) -> int:
    """Open a ledger, write into it, and return its revision."""
    with closing(open_ledger(url).for_app(APP)) as ledger:
        ledger.write_heartbeat(at(1), ())
        return ledger.heartbeat().revision


@pytest.mark.both_databases
def test_the_migrations_create_the_tables_of_the_code(ledger: Ledger) -> None:
    """Alembic finds no difference."""
    assert differences(ledger) == []


@pytest.mark.both_databases
def test_head_is_the_newest_version(ledger: Ledger) -> None:
    """A new migration must set `HEAD`."""
    assert max(known_versions()) == HEAD
    with reading(ledger._engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [
            (HEAD,)
        ]


@pytest.mark.both_databases
@pytest.mark.parametrize("version", ["0010", "v9999"])
def test_a_ledger_of_another_version_is_refused(
    ledger: Ledger, ledger_url: str, version: str
) -> None:
    """The tables of an older or a newer Flowdeck stay as they are; the message says what to do."""
    with writing(ledger._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    with pytest.raises(SchemaMismatch, match=f"{version}.*'{HEAD}'. Move the ledger aside"):
        open_ledger(ledger_url)


@pytest.mark.both_databases
def test_tables_without_a_version_are_refused(ledger: Ledger, ledger_url: str) -> None:
    """Tables with the same names that no migration created belong to another program."""
    with writing(ledger._engine) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(SchemaMismatch, match="tables without a schema version"):
        open_ledger(ledger_url)
    with writing(ledger._engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version AS SELECT 'v1' AS version_num"))


def test_the_message_names_the_file(ledger: Ledger, ledger_url: str) -> None:
    """So an operator knows which file to move aside."""
    with writing(ledger._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    with pytest.raises(SchemaMismatch, match=r"data/ledger\.db"):
        open_ledger(ledger_url)


@pytest.mark.both_databases
def test_a_schema_is_created_in_one_transaction(new_url: str) -> None:
    """A process that dies while it creates the schema leaves no tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alembic.operations.Operations.execute", _die)
        with pytest.raises(KeyboardInterrupt):
            open_ledger(new_url)
    engine = open_engine(new_url)
    with reading(engine) as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    assert opened(new_url) == 0


def _die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.both_databases
def test_threads_open_a_new_ledger_at_once(new_url: str) -> None:
    """One of them creates the schema, and all find it."""
    barrier = Barrier(8)

    def open_with_others(_: int) -> int:
        barrier.wait()
        return opened(new_url)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(open_with_others, range(8))) == [0] * 8


def test_threads_open_different_new_ledgers_at_once(tmp_path: Path) -> None:
    """Alembic's globals are not shared between threads."""
    with ThreadPoolExecutor(8) as pool:
        urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(8)]
        assert list(pool.map(opened, urls)) == [0] * 8


def test_processes_open_a_new_ledger_at_once(new_url: str) -> None:
    """The same holds for processes; for PostgreSQL, they are the same as engines."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        assert list(pool.map(opened, [new_url] * 2)) == [0] * 2


@pytest.mark.both_databases
def test_a_ledger_that_is_up_to_date_opens_without_alembic(ledger: Ledger, ledger_url: str) -> None:
    """Its import would slow down every start."""
    del ledger
    script = (
        "import sys; from operations.ledger import open_ledger; "
        f"open_ledger({ledger_url!r}); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True)


@pytest.mark.both_databases
def test_creating_the_schema_logs_nothing(log_lines: LogLines, new_url: str) -> None:
    """Alembic's log is for developers of migrations."""
    log_lines.configure("info")
    opened(new_url)
    assert log_lines.text() == ""
