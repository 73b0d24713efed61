"""A ledger whose PostgreSQL stops, starts again, or has lost its tables."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import event, select, text

from operations.errors import LedgerRefused, LedgerReplaced, LedgerUnavailable
from operations.ledger import Ledger, open_ledger, schema
from operations.ledger.db.connections import reading, writing
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Filter
from tests.postgres.server import Server, name_in
from tests.unit.calls import CALLS, ENTRY, RESERVATION, WRITES
from tests.unit.snapshots import APP, at, done, snapshot, summary

ANEW = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
LONG = "".join(chr(0x100 + number * 7919 % 0x4000) for number in range(3000))  # hard to compress


@pytest.fixture
def database() -> str:
    """Return the database of these tests: PostgreSQL."""
    return "postgresql"


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """Return a server that tests may stop, if they start it again."""
    with Server() as server:
        yield server


@pytest.fixture
def url(mortal: Server) -> Iterator[str]:
    """Return the URL of a new database on the server `mortal`."""
    url = mortal.new()
    yield url
    mortal.drop(url)


@pytest.fixture
def on_server(url: str) -> Iterator[Ledger]:
    """Return a ledger in that database with the run of `order_A`."""
    with closing(open_ledger(url).for_app(APP)) as ledger:
        ledger.runs.ingest([snapshot()])
        yield ledger


def forget_details(ledger: Ledger, meanwhile: Callable[[], object]) -> None:
    """Delete all details and attempts, and call `meanwhile` within the transaction."""
    with writing(ledger._engine) as connection:
        connection.execute(text("SELECT * FROM heartbeat FOR UPDATE"))
        connection.execute(text("DELETE FROM run_details"))
        meanwhile()
        connection.execute(text("DELETE FROM attempts"))


def set_for_new(ledger: Ledger, **settings: str) -> None:
    """Set PostgreSQL parameters for connections that a ledger opens from now on."""
    ledger.close()
    sets = [f"SELECT set_config('{name}', '{value}', false)" for name, value in settings.items()]

    @event.listens_for(ledger._engine, "connect")
    def configure(connection: psycopg.Connection, _: object) -> None:
        connection.autocommit = True
        for each in sets:
            connection.execute(each)
        connection.autocommit = False


def test_a_ledger_whose_server_is_stopped_is_unavailable(mortal: Server, on_server: Ledger) -> None:
    """Every call raises `LedgerUnavailable` with the reason."""
    on_server.heartbeat()
    mortal.stop()
    try:
        for call in CALLS:
            with pytest.raises(LedgerUnavailable, match="Connection refused"):
                call(on_server)
    finally:
        mortal.start()


def test_a_server_that_is_stopped_and_started_is_used_at_the_next_call(
    mortal: Server, on_server: Ledger
) -> None:
    """While it is stopped, every call raises `LedgerUnavailable`."""
    mortal.stop()
    try:
        for _ in range(2):
            with pytest.raises(LedgerUnavailable):
                on_server.heartbeat()
            with pytest.raises(LedgerUnavailable):
                on_server.runs.ingest([done()])
    finally:
        mortal.start()
    on_server.runs.ingest([done()])
    assert summary(on_server).status is Status.COMPLETED


def test_a_restarted_server_is_used_by_a_write_at_once(mortal: Server, on_server: Ledger) -> None:
    """No read is needed before it, and no thread gets a connection from before the restart."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: on_server.heartbeat(), range(50)))
        mortal.stop()
        mortal.start()
        leases = pool.map(lambda number: on_server.leases.acquire(f"order_{number}"), range(8))
        assert all(leases)


def test_a_ledger_on_a_stopped_server_is_not_opened(mortal: Server, url: str) -> None:
    """The reason is one line."""
    mortal.stop()
    try:
        with pytest.raises(LedgerUnavailable, match=r"^[^\n]*Connection refused[^\n]*$"):
            open_ledger(url)
    finally:
        mortal.start()


@pytest.mark.parametrize("database", ["nowhere", "postgres?user=nobody"])
def test_a_database_that_is_not_there_is_unavailable(mortal: Server, database: str) -> None:
    """The message is the server's."""
    with pytest.raises(LedgerUnavailable, match=r"(nowhere|nobody)\" does not exist"):
        open_ledger(mortal.url(database))


def test_connections_that_are_ended_are_replaced(mortal: Server, on_server: Ledger) -> None:
    """Each connection is checked at its next use."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: on_server.heartbeat(), range(50)))
    mortal.run(END_ALL)
    on_server.runs.ingest([done()])
    assert on_server.heartbeat().revision == 2


def test_a_connection_that_is_ended_in_a_transaction_is_an_outage(
    mortal: Server, on_server: Ledger
) -> None:
    """The transaction is rolled back."""
    with pytest.raises(LedgerUnavailable, match="terminating connection"):
        forget_details(on_server, lambda: mortal.run(END_ALL))
    assert on_server.runs.details(summary(on_server).run_id)


def test_a_statement_that_takes_too_long_is_ended(on_server: Ledger) -> None:
    """The server's `statement_timeout` ends it."""
    set_for_new(on_server, statement_timeout="50ms")
    with (
        pytest.raises(LedgerUnavailable, match="statement timeout"),
        reading(on_server._engine) as connection,
    ):
        connection.execute(text("SELECT pg_sleep(60)"))


@pytest.mark.parametrize("call", WRITES)
def test_a_writer_waits_for_another_writer_but_not_for_ever(
    url: str, on_server: Ledger, call: Callable[[Ledger], object]
) -> None:
    """Reads do not wait at all."""
    set_for_new(on_server, statement_timeout="50ms")
    with closing(open_ledger(url).for_app(APP)) as other, writing(other._engine) as connection:
        connection.execute(text("SELECT * FROM heartbeat FOR UPDATE"))
        with pytest.raises(LedgerUnavailable, match="statement timeout"):
            call(on_server)
        assert on_server.heartbeat().revision == 1


def test_a_process_that_is_frozen_in_a_transaction_loses_it(url: str, on_server: Ledger) -> None:
    """Its locks are released, so others can write."""
    set_for_new(on_server, idle_in_transaction_session_timeout="50ms")
    with (
        closing(open_ledger(url).for_app(APP)) as other,
        pytest.raises(LedgerUnavailable, match="idle-in-transaction timeout"),
    ):
        forget_details(on_server, lambda: other.runs.ingest([done()]))
    assert on_server.heartbeat().revision == 2
    assert on_server.runs.details(summary(on_server).run_id)


@pytest.mark.parametrize("loss", [ANEW, "UPDATE heartbeat SET ledger_id = 'another'"])
def test_lost_tables_and_another_ledger_are_noticed(
    mortal: Server, on_server: Ledger, url: str, loss: str
) -> None:
    """A database that is dropped and created again has no tables; a restored one has another id."""
    on_server.heartbeat()
    mortal.run(loss, name_in(url))
    with pytest.raises(LedgerReplaced):
        on_server.heartbeat()


def test_a_restored_dump_is_noticed(mortal: Server, on_server: Ledger, url: str) -> None:
    """Its revision is older than the last one that was read."""
    on_server.runs.ingest([done()])
    on_server.heartbeat()
    mortal.run("UPDATE heartbeat SET revision = 1", name_in(url))
    with pytest.raises(LedgerReplaced, match="revision 1 after 2"):
        on_server.heartbeat()


def test_a_migration_by_another_process_is_waited_for_but_not_for_ever(
    on_server: Ledger, url: str
) -> None:
    """Then `LedgerUnavailable` is raised."""
    set_for_new(on_server, statement_timeout="50ms")
    with writing(on_server._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v0'"))
    with writing(on_server._engine) as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({schema._LOCK})"))
        with pytest.raises(LedgerUnavailable, match="statement timeout"):
            open_ledger(url)


def test_a_database_in_another_encoding_is_refused(mortal: Server) -> None:
    """It could not store every character."""
    like = "template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
    with pytest.raises(LedgerUnavailable, match="LATIN1, it must be UTF8"):
        open_ledger(mortal.new(like))


def test_a_value_that_the_database_cannot_store_is_no_outage(ledger: Ledger) -> None:
    """An id that is too long for an index is refused, and nothing of its batch is written."""
    with pytest.raises(LedgerRefused, match="index row"):
        ledger.runs.ingest([snapshot(), snapshot(instance_id=LONG)])
    with pytest.raises(LedgerRefused, match="out of range"):
        ledger.write_heartbeat(at(1), (), 2**40)
    assert ledger.heartbeat().revision == 0
    assert ledger.runs.latest("order_A") is None


def test_texts_are_compared_and_sorted_byte_by_byte(ledger: Ledger) -> None:
    """Whatever the collation of the database is."""
    ids = ["Z", "_", "a", "A", "a_b", "ab", "\u00e9", "z"]
    ledger.runs.ingest([snapshot(instance_id=each) for each in ids])
    with reading(ledger._engine) as connection:
        plain = connection.execute(text("SELECT 'a' < 'Z'")).scalar()
        query = select(runs.c.instance_id).order_by(runs.c.instance_id)
        found = list(connection.execute(query).scalars())
    assert plain
    assert found == sorted(ids)


def test_a_read_uses_one_snapshot(ledger: Ledger, ledger_url: str) -> None:
    """Rows that others write meanwhile are not visible; the read itself cannot write."""
    query = text("SELECT count(*) FROM runs")
    with (
        closing(open_ledger(ledger_url).for_app(APP)) as other,
        reading(ledger._engine) as connection,
    ):
        assert connection.execute(query).scalar() == 0
        other.runs.ingest([snapshot()])
        assert connection.execute(query).scalar() == 0
    with (
        pytest.raises(LedgerUnavailable, match="read-only transaction"),
        reading(ledger._engine) as connection,
    ):
        connection.execute(text("DELETE FROM reservations"))


def test_concurrent_writers_of_every_kind_do_not_deadlock(ledger: Ledger, ledger_url: str) -> None:
    """They write the same few instances in different orders."""
    names = [f"order_{number}" for number in range(4)]

    def write(number: int) -> None:
        of, name = (ledger, other)[number % 2], names[number % 4]
        snapshots = [snapshot(instance_id=each, read=number) for each in names]
        of.runs.ingest(snapshots if number % 3 else snapshots[::-1])
        of.runs.mark_purged(dict.fromkeys(names if number % 5 else names[::-1], at(number)))
        of.audit_log.add(ENTRY)
        of.write_heartbeat(at(number), ())
        latest = of.reservations.latest(name)
        if claimed := of.reservations.claim(RESERVATION, latest):
            of.reservations.accept(claimed)
        if lease := of.leases.acquire(name):
            of.leases.release(lease)

    with closing(open_ledger(ledger_url).for_app(APP)) as other, ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert ledger.search.page(Filter(), limit=99).runs
    assert len(ledger.audit_log.of("order_A", 99)) == 64
