"""What becomes of an open ledger whose PostgreSQL goes, comes back, or holds another database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest
from sqlalchemy import select, text

from operations.errors import LedgerRefused, LedgerUnavailable
from operations.ledger import Ledger, open_ledger, schema
from operations.ledger.db import postgresql_server
from operations.ledger.db.sessions import generation, open_engine, reading, writing
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Filter
from tests.postgres.server import Server, name_in
from tests.unit.calls import CALLS, DEED, WANTED, WRITES
from tests.unit.conftest import LogLines
from tests.unit.snapshots import at, done, snapshot, summary
from tests.waiting import eventually

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
    with closing(open_ledger(url)) as ledger:
        ledger.runs.ingest([snapshot()])
        yield ledger


def forget_details(ledger: Ledger, meanwhile: Callable[[], object]) -> None:
    """Delete all details, if nothing that happens meanwhile prevents it."""
    with writing(ledger._engine) as connection:
        connection.execute(text("SELECT * FROM pulse FOR UPDATE"))
        connection.execute(text("DELETE FROM details"))
        meanwhile()
        connection.execute(text("DELETE FROM attempts"))


def have(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Have a ledger's connections of from now on be configured like this."""
    for name, value in settings.items():
        monkeypatch.setitem(postgresql_server._SETTINGS, name, value)
    ledger.close()


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


def test_a_restarted_server_may_hold_an_earlier_ledger(mortal: Server, held: Ledger) -> None:
    """So that whoever remembers what it held is told to forget it."""
    before = held.generation()
    mortal.stop()
    mortal.start()
    assert held.generation() == held.heartbeat().generation == before + 1
    assert held.generation() == before + 1


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


def test_a_server_that_stands_still_is_not_waited_for(mortal: Server, held: Ledger) -> None:
    """Neither a connection that it has nor a new one hangs, and afterwards both work."""
    held.heartbeat()
    with mortal.frozen():
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                held.heartbeat()
    eventually(lambda: answers(held), 5, "it answers")
    held.runs.ingest([done()])


def answers(ledger: Ledger) -> bool:
    """Whether a ledger can be read."""
    with suppress(LedgerUnavailable):
        ledger.ping()
        return True
    return False


def test_a_server_that_falls_silent_in_a_statement_is_given_up(
    mortal: Server, held: Ledger
) -> None:
    """The transaction is lost, as the server will find."""
    with (
        ExitStack() as afterwards,
        pytest.raises(LedgerUnavailable, match="did not answer within 4 s"),
    ):
        forget_details(held, lambda: afterwards.enter_context(mortal.frozen()))
    assert held.runs.details(summary(held).run_id)


def test_a_statement_that_takes_too_long_is_ended(
    held: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server itself."""
    have(held, monkeypatch, statement_timeout="50ms")
    with (
        pytest.raises(LedgerUnavailable, match="statement timeout"),
        reading(held._engine) as connection,
    ):
        connection.execute(text("SELECT pg_sleep(60)"))


@pytest.mark.parametrize("call", [call for call in WRITES if call is not CALLS[3]])
def test_a_writer_waits_for_another_but_not_for_ever(
    url: str, held: Ledger, call: Callable[[Ledger], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not wait at all, and neither does a claim."""
    have(held, monkeypatch, statement_timeout="50ms")
    with closing(open_ledger(url)) as other, writing(other._engine) as connection:
        connection.execute(text("SELECT * FROM pulse FOR UPDATE"))
        with pytest.raises(LedgerUnavailable, match="statement timeout"):
            call(held)
        assert held.heartbeat().revision == 1
        assert held.reservations.claim(WANTED, None)


def test_a_process_that_stands_still_in_a_transaction_loses_it(
    url: str, held: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others can write all the same."""
    have(held, monkeypatch, idle_in_transaction_session_timeout="50ms")
    with (
        closing(open_ledger(url)) as other,
        pytest.raises(LedgerUnavailable, match="idle-in-transaction timeout"),
    ):
        forget_details(held, lambda: other.runs.ingest([done()]))
    assert held.heartbeat().revision == 2
    assert held.runs.details(summary(held).run_id)


def test_a_dropped_database_that_is_made_anew_gets_a_schema(
    mortal: Server, held: Ledger, url: str, log_lines: LogLines
) -> None:
    """The next call finds an empty ledger, others find the same, and one line tells of it."""
    log_lines.configure("info")
    with closing(open_ledger(url)) as other:
        mortal.drop(url)
        with pytest.raises(LedgerUnavailable, match="does not exist"):
            held.heartbeat()
        mortal.run(f"CREATE DATABASE {name_in(url)}")
        held.runs.ingest([snapshot(instance_id="order_new")])
        for ledger in (held, other):
            assert ledger.runs.latest("order_A") is None
            assert summary(ledger, "order_new").revision == 1
            assert ledger.heartbeat().generation == 1
    told = ["the ledger's server was restarted, or its database replaced"] * 2
    assert [line["event"] for line in log_lines.events()] == told


def test_a_database_that_another_takes_the_place_of_is_noticed(
    mortal: Server, held: Ledger, url: str
) -> None:
    """Its rows are read, not those that were there before."""
    twin = mortal.new()
    with closing(open_ledger(twin)) as ledger:
        ledger.runs.ingest([snapshot(instance_id="order_other")])
    mortal.drop(url)
    mortal.run(f"ALTER DATABASE {name_in(twin)} RENAME TO {name_in(url)}")
    assert held.heartbeat().generation == 1
    assert held.runs.latest("order_A") is None
    assert summary(held, "order_other")


def test_tables_that_are_dropped_under_open_connections_are_made_anew(
    mortal: Server, held: Ledger, url: str
) -> None:
    """No connection ends for that."""
    mortal.run(ANEW, name_in(url))
    held.runs.ingest([snapshot(instance_id="order_new")])
    assert held.runs.latest("order_A") is None
    assert (held.generation(), held.heartbeat().revision) == (1, 1)


def test_tables_that_are_replaced_under_open_connections_are_noticed(
    mortal: Server, held: Ledger, url: str
) -> None:
    """Also if they look the same: a dump that is restored in their place has the same rows."""
    mortal.run("CREATE TABLE saved AS SELECT * FROM pulse; DROP TABLE pulse", name_in(url))
    with pytest.raises(LedgerUnavailable, match='"pulse" does not exist'):
        held.heartbeat()
    mortal.run("ALTER TABLE saved RENAME TO pulse", name_in(url))
    before = held.generation()
    mortal.run("CREATE TABLE saved AS SELECT * FROM pulse; DROP TABLE pulse", name_in(url))
    mortal.run("ALTER TABLE saved RENAME TO pulse", name_in(url))
    assert held.generation() == before + 1
    assert summary(held)


def test_tables_that_are_emptied_and_filled_are_noticed(
    mortal: Server, held: Ledger, url: str
) -> None:
    """As restored data are."""
    mortal.run("TRUNCATE pulse", name_in(url))
    with pytest.raises(LedgerUnavailable, match="No row was found"):
        held.heartbeat()
    mortal.run("INSERT INTO pulse (key, revision, outages) VALUES (1, 9, '[]')", name_in(url))
    assert held.heartbeat().revision == 9
    assert held.generation() == 1


def test_threads_find_the_same_new_database(mortal: Server, held: Ledger, url: str) -> None:
    """One of them makes the schema, whoever comes meanwhile waits for it."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: held.heartbeat(), range(50)))
        mortal.run(ANEW, name_in(url))
        names = [f"order_{number}" for number in range(40)]
        list(pool.map(lambda name: held.runs.ingest([snapshot(instance_id=name)]), names))
    assert (held.generation(), held.heartbeat().revision) == (1, 40)


def test_a_schema_that_another_changes_is_waited_for_but_not_for_ever(
    held: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is an absence."""
    have(held, monkeypatch, statement_timeout="50ms")
    with writing(held._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
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
    query = text("SELECT count(*) FROM instances")
    with closing(open_ledger(ledger_url)) as other, reading(ledger._engine) as connection:
        assert connection.execute(query).scalar() == 0
        other.runs.ingest([snapshot()])
        assert connection.execute(query).scalar() == 0
    with (
        pytest.raises(LedgerUnavailable, match="read-only transaction"),
        reading(ledger._engine) as connection,
    ):
        connection.execute(text("DELETE FROM starts"))


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

    with closing(open_ledger(ledger_url)) as other, ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert ledger.search.page(Filter(), limit=99).runs
    assert len(ledger.audit_log.of("order_A", 99)) == 64


def test_a_database_is_prepared_once(url: str) -> None:
    """As long as it stays the same."""
    prepared: list[object] = []
    engine = open_engine(url, prepared.append)
    for _ in range(5):
        with reading(engine):
            assert generation(engine) == 0
    assert len(prepared) == 1
    engine.dispose()


def test_a_database_that_cannot_be_prepared_is_tried_again(
    mortal: Server, held: Ledger, url: str
) -> None:
    """What is wrong with it is told until it is put right."""
    with writing(held._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("TRUNCATE pulse"))
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="newer Flowdeck"):
            held.ping()
    mortal.run(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'", name_in(url))  # noqa: S608
    held.ping()
    assert held.generation() == 1
