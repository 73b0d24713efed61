"""A ledger whose PostgreSQL stops, starts again, or has lost its tables."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import event, select, text

from operations.errors import LedgerRefused, LedgerReplaced, LedgerUnavailable
from operations.ledger import Ledger, open_ledger, schema
from operations.ledger.db.sessions import reading, writing
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Filter
from tests.postgres.server import Server, name_in
from tests.unit.calls import CALLS, DEED, WANTED, WRITES
from tests.unit.snapshots import APP, at, done, snapshot, summary

ANEW = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
LONG = "".join(chr(0x100 + number * 7919 % 0x4000) for number in range(3000))  # hard to compress


@pytest.fixture
def database() -> str:
    """Have the ledger on PostgreSQL."""
    return "postgresql"


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """Return a server that tests may stop, if they start it again."""
    with Server() as server:
        yield server


@pytest.fixture
def url(mortal: Server) -> Iterator[str]:
    """Return the URL of a new database of that server."""
    url = mortal.new()
    yield url
    mortal.drop(url)


@pytest.fixture
def held(url: str) -> Iterator[Ledger]:
    """Return a ledger in it, which has `order_A`."""
    with closing(open_ledger(url).for_app(APP)) as ledger:
        ledger.runs.ingest([snapshot()])
        yield ledger


def forget_details(ledger: Ledger, meanwhile: Callable[[], object]) -> None:
    """Delete all details, if nothing that happens meanwhile prevents it."""
    with writing(ledger._engine) as connection:
        connection.execute(text("SELECT * FROM heartbeat FOR UPDATE"))
        connection.execute(text("DELETE FROM run_details"))
        meanwhile()
        connection.execute(text("DELETE FROM attempts"))


def set_for_new(ledger: Ledger, **settings: str) -> None:
    """Set parameters of PostgreSQL for the connections that a ledger opens from now on."""
    ledger.close()
    sets = [f"SELECT set_config('{name}', '{value}', false)" for name, value in settings.items()]

    @event.listens_for(ledger._engine, "connect")
    def configure(connection: psycopg.Connection, _: object) -> None:
        connection.autocommit = True
        for each in sets:
            connection.execute(each)
        connection.autocommit = False


def test_a_ledger_whose_server_is_gone_is_unavailable(mortal: Server, held: Ledger) -> None:
    """Whatever is asked where nobody listens, the answer is why the ledger is out of reach."""
    held.heartbeat()
    mortal.stop()
    try:
        for call in CALLS:
            with pytest.raises(LedgerUnavailable, match="Connection refused"):
                call(held)
    finally:
        mortal.start()


def test_a_server_that_is_stopped_and_started_is_used_at_the_next_call(
    mortal: Server, held: Ledger
) -> None:
    """Meanwhile every call says that it is away."""
    mortal.stop()
    try:
        for _ in range(2):
            with pytest.raises(LedgerUnavailable):
                held.heartbeat()
            with pytest.raises(LedgerUnavailable):
                held.runs.ingest([done()])
    finally:
        mortal.start()
    held.runs.ingest([done()])
    assert summary(held).status is Status.COMPLETED


def test_a_restarted_server_is_used_by_a_write_at_once(mortal: Server, held: Ledger) -> None:
    """It needs no read before it, and no thread of many meets a connection of before."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: held.heartbeat(), range(50)))
        mortal.stop()
        mortal.start()
        list(pool.map(lambda number: held.leases.acquire(f"order_{number}"), range(8)))


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
    """The server's own words name it."""
    with pytest.raises(LedgerUnavailable, match=r"(nowhere|nobody)\" does not exist"):
        open_ledger(mortal.url(database))


def test_connections_that_are_ended_are_replaced(mortal: Server, held: Ledger) -> None:
    """Each of them, at its next use."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: held.heartbeat(), range(50)))
    mortal.run(END_ALL)
    held.runs.ingest([done()])
    assert held.heartbeat().revision == 2


def test_a_connection_that_is_ended_in_a_transaction_is_an_absence(
    mortal: Server, held: Ledger
) -> None:
    """Nothing of it is written; the same again is."""
    with pytest.raises(LedgerUnavailable, match="terminating connection"):
        forget_details(held, lambda: mortal.run(END_ALL))
    assert held.runs.details(summary(held).run_id)


def test_a_statement_that_takes_too_long_is_ended(held: Ledger) -> None:
    """By the server itself."""
    set_for_new(held, statement_timeout="50ms")
    with (
        pytest.raises(LedgerUnavailable, match="statement timeout"),
        reading(held._engine) as connection,
    ):
        connection.execute(text("SELECT pg_sleep(60)"))


@pytest.mark.parametrize("call", [call for call in WRITES if call is not CALLS[3]])
def test_a_writer_waits_for_another_but_not_for_ever(
    url: str, held: Ledger, call: Callable[[Ledger], object]
) -> None:
    """Readers do not wait at all, and neither does a claim."""
    set_for_new(held, statement_timeout="50ms")
    with closing(open_ledger(url).for_app(APP)) as other, writing(other._engine) as connection:
        connection.execute(text("SELECT * FROM heartbeat FOR UPDATE"))
        with pytest.raises(LedgerUnavailable, match="statement timeout"):
            call(held)
        assert held.heartbeat().revision == 1
        assert held.reservations.claim(WANTED, None)


def test_a_process_that_stands_still_in_a_transaction_loses_it(url: str, held: Ledger) -> None:
    """Others can write all the same."""
    set_for_new(held, idle_in_transaction_session_timeout="50ms")
    with (
        closing(open_ledger(url).for_app(APP)) as other,
        pytest.raises(LedgerUnavailable, match="idle-in-transaction timeout"),
    ):
        forget_details(held, lambda: other.runs.ingest([done()]))
    assert held.heartbeat().revision == 2
    assert held.runs.details(summary(held).run_id)


@pytest.mark.parametrize("loss", [ANEW, "UPDATE heartbeat SET ledger_id = 'another'"])
def test_tables_that_are_lost_or_of_another_ledger_are_noticed(
    mortal: Server, held: Ledger, url: str, loss: str
) -> None:
    """A database that is dropped and created anew has no tables; a restored one has another id."""
    held.heartbeat()
    mortal.run(loss, name_in(url))
    with pytest.raises(LedgerReplaced):
        held.heartbeat()


def test_a_restored_dump_is_noticed(mortal: Server, held: Ledger, url: str) -> None:
    """Its revision is older than the last one that was read."""
    held.runs.ingest([done()])
    held.heartbeat()
    mortal.run("UPDATE heartbeat SET revision = 1", name_in(url))
    with pytest.raises(LedgerReplaced, match="revision 1 after 2"):
        held.heartbeat()


def test_a_schema_that_another_changes_is_waited_for_but_not_for_ever(
    held: Ledger, url: str
) -> None:
    """Then it is an absence."""
    set_for_new(held, statement_timeout="50ms")
    with writing(held._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v0'"))
    with writing(held._engine) as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({schema._LOCK})"))
        with pytest.raises(LedgerUnavailable, match="statement timeout"):
            open_ledger(url)


def test_a_database_in_another_encoding_is_refused(mortal: Server) -> None:
    """It could not hold every text."""
    like = "template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
    with pytest.raises(LedgerUnavailable, match="LATIN1, it must be UTF8"):
        open_ledger(mortal.new(like))


def test_what_the_database_cannot_hold_is_no_absence(ledger: Ledger) -> None:
    """An id that is too long for an index is refused, and nothing of its batch is written."""
    with pytest.raises(LedgerRefused, match="index row"):
        ledger.runs.ingest([snapshot(), snapshot(instance_id=LONG)])
    with pytest.raises(LedgerRefused, match="out of range"):
        ledger.write_heartbeat(at(1), (), 2**40)
    assert ledger.heartbeat().revision == 0
    assert ledger.runs.latest("order_A") is None


def test_texts_are_compared_and_sorted_byte_by_byte(ledger: Ledger) -> None:
    """Whatever the language of the database says."""
    ids = ["Z", "_", "a", "A", "a_b", "ab", "\u00e9", "z"]
    ledger.runs.ingest([snapshot(instance_id=each) for each in ids])
    with reading(ledger._engine) as connection:
        plain = connection.execute(text("SELECT 'a' < 'Z'")).scalar()
        query = select(runs.c.instance_id).order_by(runs.c.instance_id)
        found = list(connection.execute(query).scalars())
    assert plain
    assert found == sorted(ids)


def test_a_read_sees_one_moment(ledger: Ledger, ledger_url: str) -> None:
    """What others write while it reads on is for the next one; it may not write itself."""
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


def test_writers_of_every_kind_at_once_do_not_stop_each_other(
    ledger: Ledger, ledger_url: str
) -> None:
    """None waits for one that waits for it, whatever they write of the same few instances."""
    names = [f"order_{number}" for number in range(4)]

    def write(number: int) -> None:
        of, name = (ledger, other)[number % 2], names[number % 4]
        seen = [snapshot(instance_id=each, seen=number) for each in names]
        of.runs.ingest(seen if number % 3 else seen[::-1])
        of.runs.mark_purged(dict.fromkeys(names if number % 5 else names[::-1], at(number)))
        of.audit_log.add(DEED)
        of.write_heartbeat(at(number), ())
        latest = of.reservations.latest(name)
        if claimed := of.reservations.claim(WANTED, latest):
            of.reservations.accept(claimed)
        if hold := of.leases.acquire(name):
            of.leases.release(hold)

    with closing(open_ledger(ledger_url).for_app(APP)) as other, ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert ledger.search.page(Filter(), limit=99).runs
    assert len(ledger.audit_log.of("order_A", 99)) == 64
