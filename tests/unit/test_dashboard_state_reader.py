"""The state and the query results that all viewers share."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from threading import Barrier, Event, Thread, current_thread
from traceback import extract_tb

import pytest

from dashboard.live.query_cache import MAX_BYTES, MIN_BYTES
from dashboard.live.state_reader import HEARTBEAT_TIMEOUT, MAX_AGE, StateReader
from dashboard.live.system_state import SystemState
from operations.errors import (
    DaprUnavailable,
    FlowdeckError,
    LedgerUnavailable,
    UnknownInstance,
)
from operations.health.outages import GRACE
from operations.model import Problem, Service
from operations.recorder_report import Heartbeat, Outage, RecorderMetrics
from tests.unit.snapshots import NOON

GONE = LedgerUnavailable("unable to open database file")
NO_SIDECAR = Problem(Service.SIDECAR, "nothing answers")
WORKER = Outage(Service.WORKER, NOON, "none")
METRICS = RecorderMetrics(lag_p50=0.2, lag_p95=0.4, traces=True)
SECONDS = 10  # for which a test waits for another thread


@dataclass
class ReaderSetup:
    """A clock that the tests set, and the heartbeat and the problems that the reader reads."""

    seconds: float = 0
    heartbeat: Heartbeat | LedgerUnavailable = field(default_factory=lambda: Heartbeat(1, NOON))
    problems: tuple[Problem, ...] = ()
    reads: int = 0
    health_reads: int = 0
    during_read: Callable[[], object] = lambda: None
    during_health_read: Callable[[], object] = lambda: None
    reader: StateReader = field(init=False)

    def start(self) -> None:
        """Create the reader."""
        self.reader = StateReader(self._read_heartbeat, self._health)

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        return 1000 + self.seconds

    def now(self, zone: tzinfo) -> datetime:
        """Return the time in a zone."""
        return (NOON + timedelta(seconds=self.seconds)).astimezone(zone)

    def later(self, seconds: float) -> SystemState:
        """Return the state after more seconds."""
        self.seconds += seconds
        return self.reader.state()

    def write_heartbeat(self, revision: int = 1, *outages: Outage) -> None:
        """Write a heartbeat at the current time."""
        self.heartbeat = Heartbeat(revision, NOON + timedelta(seconds=self.seconds), outages)

    def new_revision(self) -> None:
        """Increment the revision of the ledger."""
        assert isinstance(self.heartbeat, Heartbeat)
        self.heartbeat = replace(self.heartbeat, revision=self.heartbeat.revision + 1)
        self.reader.refresh()

    def _read_heartbeat(self) -> Heartbeat:
        self.reads += 1
        self.during_read()
        if isinstance(self.heartbeat, LedgerUnavailable):
            raise self.heartbeat
        return self.heartbeat

    def _health(self) -> tuple[Problem, ...]:
        self.health_reads += 1
        self.during_health_read()
        return self.problems


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> ReaderSetup:
    """Return a reader of a system without outages."""
    setup = ReaderSetup()
    monkeypatch.setattr("dashboard.live.state_reader.time", setup)
    monkeypatch.setattr("dashboard.live.state_reader.datetime", setup)
    setup.start()
    return setup


def test_metrics_do_not_change_the_version(setup: ReaderSetup) -> None:
    """They change with every heartbeat; no page is rerun for them."""
    assert isinstance(setup.heartbeat, Heartbeat)
    before = setup.later(0)
    setup.heartbeat = replace(setup.heartbeat, metrics=METRICS)
    after = setup.later(MAX_AGE)
    assert (before.metrics, after.metrics) == (None, METRICS)
    assert before.version == after.version


def test_a_recorder_that_is_away_has_no_metrics(setup: ReaderSetup) -> None:
    """Its last metrics are out of date."""
    assert isinstance(setup.heartbeat, Heartbeat)
    setup.heartbeat = replace(setup.heartbeat, metrics=METRICS)
    assert setup.later(HEARTBEAT_TIMEOUT.total_seconds()).metrics is None


class Query:
    """A query that returns its number of calls, or raises the error that is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: FlowdeckError | None = None

    def __call__(self) -> int:
        """Return the number of calls."""
        self.calls += 1
        if self.error:
            raise self.error
        return self.calls


@pytest.fixture
def query() -> Query:
    """Return a query that succeeds."""
    return Query()


@dataclass
class Hanging:
    """A call that blocks until the test sets `end`."""

    started: Event = field(default_factory=Event)
    end: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)

    def __call__(self) -> str:
        """Return after `end` is set."""
        self.threads.append(current_thread())
        self.started.set()
        assert self.end.wait(SECONDS)
        return "result"


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """Return a call that blocks, and release it after the test."""
    hanging = Hanging()
    yield hanging
    hanging.end.set()
    for thread in hanging.threads:
        thread.join(SECONDS)


class SlowQuery:
    """A query that takes 0.1 seconds, in which no second call should arrive."""

    def __init__(self) -> None:
        self.calls = 0
        self._second = Event()

    def __call__(self) -> int:
        """Return the number of calls."""
        self.calls += 1
        if self.calls > 1:
            self._second.set()
        self._second.wait(0.1)
        return self.calls


def services_away(state: SystemState) -> list[Service]:
    """Return the services that are away."""
    return [outage.service for outage in state.outages]


def test_one_read_serves_all_viewers(setup: ReaderSetup) -> None:
    """Within `MAX_AGE` seconds the ledger is read once."""
    for _ in range(50):
        setup.reader.state()
    setup.later(MAX_AGE - 0.01)
    assert setup.reads == 1


def test_a_state_expires(setup: ReaderSetup) -> None:
    """After `MAX_AGE` seconds the ledger is read again."""
    setup.reader.state()
    setup.later(MAX_AGE)
    assert setup.reads == 2


def test_a_refresh_reads_the_state_again(setup: ReaderSetup) -> None:
    """An action of this process is visible at once."""
    setup.reader.state()
    setup.reader.refresh()
    setup.reader.state()
    assert setup.reads == 2


def test_a_refresh_during_a_read_is_not_lost(setup: ReaderSetup) -> None:
    """The read may have missed the action, so the next call reads again."""
    reading, done = Event(), Event()

    def wait() -> None:
        reading.set()
        assert done.wait(SECONDS)

    setup.during_read = wait
    first = Thread(target=setup.reader.state)
    first.start()
    assert reading.wait(SECONDS)
    refreshing = Thread(target=setup.reader.refresh)
    refreshing.start()
    done.set()
    first.join(SECONDS)
    refreshing.join(SECONDS)
    setup.reader.state()
    assert setup.reads == 2


def test_concurrent_callers_share_one_read(setup: ReaderSetup) -> None:
    """Threads that call during a read wait for its state."""
    at_once, setup.during_read = Barrier(16), SlowQuery()

    def read(_: int) -> SystemState:
        at_once.wait(SECONDS)
        return setup.reader.state()

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(read, range(16)))) == 1
    assert setup.reads == 1


def test_concurrent_queries_share_one_result(setup: ReaderSetup) -> None:
    """One of them reads it for all."""
    at_once, query = Barrier(16), SlowQuery()

    def ask(_: int) -> int:
        at_once.wait(SECONDS)
        return setup.reader.query("list", query)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [1] * 16
    assert query.calls == 1


def test_a_slow_query_does_not_block_others(setup: ReaderSetup, query: Query) -> None:
    """A query with another key returns in the meantime."""
    started, done = Event(), Event()

    def slow() -> str:
        started.set()
        assert done.wait(SECONDS)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(setup.reader.query, "slow", slow)
        assert started.wait(SECONDS)
        assert pool.submit(setup.reader.query, "list", query).result(SECONDS) == 1
        done.set()
        assert first.result(SECONDS) == "slow"


def test_a_result_is_cached_until_the_revision_changes(setup: ReaderSetup, query: Query) -> None:
    """Time alone does not expire it."""
    setup.reader.query("list", query)
    setup.later(1)
    assert setup.reader.query("list", query) == 1
    setup.new_revision()
    assert setup.reader.query("list", query) == 2


def test_each_key_has_its_own_result(setup: ReaderSetup, query: Query) -> None:
    """No viewer gets the result of another query."""
    assert setup.reader.query(("instance", "a"), query) == 1
    assert setup.reader.query(("instance", "b"), query) == 2
    assert setup.reader.query(("instance", "a"), query) == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_the_last_result_is_returned_while_a_service_is_away(
    setup: ReaderSetup, query: Query, error: FlowdeckError
) -> None:
    """Each new state tries to read again."""
    setup.reader.query("list", query)
    setup.new_revision()
    query.error = error
    assert setup.reader.query("list", query) == 1
    query.error = None
    setup.later(MAX_AGE)
    assert setup.reader.query("list", query) == 3


def test_the_last_result_is_returned_while_the_ledger_is_away(
    setup: ReaderSetup, query: Query
) -> None:
    """Lists do not become empty."""
    setup.reader.query("list", query)
    setup.heartbeat = GONE
    setup.later(1)
    query.error = GONE
    assert setup.reader.query("list", query) == 1


def test_without_a_result_the_error_is_raised(setup: ReaderSetup, query: Query) -> None:
    """Once the service is back, the query returns its result."""
    query.error = GONE
    with pytest.raises(LedgerUnavailable):
        setup.reader.query("list", query)
    query.error = None
    setup.later(MAX_AGE)
    assert setup.reader.query("list", query) == 2


def test_an_error_that_is_no_outage_is_raised(setup: ReaderSetup, query: Query) -> None:
    """A purged instance is not shown with its last result."""
    setup.reader.query("one", query)
    setup.new_revision()
    query.error = UnknownInstance("one")
    with pytest.raises(UnknownInstance):
        setup.reader.query("one", query)


def test_none_is_a_result(setup: ReaderSetup) -> None:
    """It is cached like any other."""
    calls: list[None] = []
    for _ in range(2):
        setup.reader.query("none", lambda: calls.append(None))
    assert len(calls) == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_concurrent_queries_share_one_error(setup: ReaderSetup, error: FlowdeckError) -> None:
    """A read that takes seconds to fail is not repeated for each viewer."""
    at_once, slow = Barrier(16), SlowQuery()

    def fail() -> None:
        slow()
        raise error

    def ask(_: int) -> None:
        at_once.wait(SECONDS)
        with pytest.raises(type(error)):
            setup.reader.query("list", fail)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert slow.calls == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_a_shared_error_does_not_accumulate_frames(
    setup: ReaderSetup, query: Query, error: FlowdeckError
) -> None:
    """Its traceback has only the frames of the last caller."""
    query.error = error
    lengths = set()
    for _ in range(5):
        with pytest.raises(type(error)) as raised:
            setup.reader.query("list", query)
        lengths.add(len(extract_tb(raised.value.__traceback__)))
    assert query.calls == 1
    assert len(lengths) == 1


def test_the_number_of_results_is_limited(setup: ReaderSetup, query: Query) -> None:
    """The least recently used ones are dropped; failed queries count too."""
    number = MAX_BYTES // MIN_BYTES
    setup.reader.query("first", query)
    setup.reader.query("second", query)
    query.error = UnknownInstance("one")
    for each in range(number - 2):
        with pytest.raises(UnknownInstance):
            setup.reader.query(each, query)
    query.error = None
    assert setup.reader.query("first", query) == 1
    assert setup.reader.query("one more", query) == number + 1
    assert len(setup.reader._cache._slots) == number
    assert setup.reader.query("first", query) == 1
    assert setup.reader.query("second", query) == number + 2


def test_the_size_of_all_results_is_limited(setup: ReaderSetup, query: Query) -> None:
    """The least recently used ones are dropped, and no more than necessary."""

    def ask(key: str) -> int:
        return setup.reader.query(key, query, size=lambda _: MAX_BYTES // 3 - MIN_BYTES)

    assert [ask(each) for each in "abc"] == [1, 2, 3]
    assert ask("a") == 1
    assert ask("d") == 4
    assert [ask(each) for each in "acd"] == [1, 3, 4]
    assert ask("b") == 5


def test_a_result_counts_with_its_current_size(setup: ReaderSetup, query: Query) -> None:
    """A growing result displaces others, and a shrinking one makes room."""
    setup.reader.query("small", query)
    setup.reader.query("growing", query, size=lambda _: MAX_BYTES - 2 * MIN_BYTES)
    assert setup.reader.query("small", query) == 1
    setup.new_revision()
    setup.reader.query("small", query)
    setup.reader.query("growing", query, size=lambda _: MAX_BYTES - MIN_BYTES)
    assert set(setup.reader._cache._slots) == {"growing"}
    setup.new_revision()
    setup.reader.query("growing", query)
    setup.reader.query("small", query)
    assert set(setup.reader._cache._slots) == {"growing", "small"}


def test_the_last_result_is_kept_whatever_its_size(setup: ReaderSetup, query: Query) -> None:
    """Its viewers share it until another query needs the room."""
    setup.reader.query("other", query)
    for _ in range(2):
        assert setup.reader.query("large", query, size=lambda _: MAX_BYTES + 1) == 2
    assert set(setup.reader._cache._slots) == {"large"}
    setup.reader.query("other", query)
    assert set(setup.reader._cache._slots) == {"other"}


def test_a_running_query_is_not_dropped(setup: ReaderSetup, hanging: Hanging) -> None:
    """Its slot stays, whatever other results need room."""
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(setup.reader.query, "slow", hanging)
        assert hanging.started.wait(SECONDS)
        setup.reader.query("large", lambda: None, size=lambda _: MAX_BYTES)
        assert "slow" in setup.reader._cache._slots
        second = pool.submit(setup.reader.query, "slow", hanging)
        hanging.end.set()
        assert first.result(SECONDS) == second.result(SECONDS) == "result"
    assert len(hanging.threads) == 1
    assert set(setup.reader._cache._slots) == {"slow"}


def test_a_failed_query_makes_room(setup: ReaderSetup, query: Query) -> None:
    """No caller waits for it."""
    with pytest.raises(ZeroDivisionError):
        setup.reader.query("failing", lambda: 1 // 0)
    setup.reader.query("large", query, size=lambda _: MAX_BYTES)
    assert set(setup.reader._cache._slots) == {"large"}


def test_with_a_heartbeat_the_engine_is_not_checked(setup: ReaderSetup) -> None:
    """The outages come from the heartbeat."""
    setup.write_heartbeat(1, WORKER)
    assert setup.reader.state().outages == (WORKER,)
    assert setup.health_reads == 0


def test_a_recorder_is_away_since_its_last_heartbeat(setup: ReaderSetup) -> None:
    """The outage is shown after `HEARTBEAT_TIMEOUT`."""
    setup.write_heartbeat()
    assert services_away(setup.later(HEARTBEAT_TIMEOUT.total_seconds() - 0.5)) == []
    state = setup.later(0.5)
    assert services_away(state) == [Service.RECORDER]
    assert state.outages[0].since == NOON
    assert state.is_away(Service.RECORDER)


def test_without_the_recorder_the_engine_is_checked(setup: ReaderSetup) -> None:
    """Its problems are outages after the grace."""
    setup.problems = (NO_SIDECAR,)
    setup.later(60)
    assert services_away(setup.later(GRACE.total_seconds())) == [Service.RECORDER, Service.SIDECAR]
    assert setup.health_reads == 2


def test_outages_of_an_expired_heartbeat_are_checked(setup: ReaderSetup) -> None:
    """They may be over; the engine says so."""
    setup.write_heartbeat(1, WORKER)
    assert services_away(setup.later(60)) == [Service.RECORDER]


def test_an_outage_continues_when_the_recorder_goes_away(setup: ReaderSetup) -> None:
    """It keeps its start and has no gap."""
    setup.problems = (NO_SIDECAR,)
    since = NOON - timedelta(minutes=7)
    setup.write_heartbeat(1, Outage(Service.SIDECAR, since, "as the recorder found it"))
    read = [setup.later(1).outages for _ in range(10)]
    assert [outages[-1].since for outages in read] == [since] * 10
    assert [outage.reason for outage in read[-1]] == ["no heartbeat", "nothing answers"]


def test_outages_of_an_old_heartbeat_keep_their_start(setup: ReaderSetup) -> None:
    """Also for a dashboard that starts after the recorder has ended."""
    setup.problems = (NO_SIDECAR,)
    setup.write_heartbeat(1, Outage(Service.SIDECAR, NOON, "gone"))
    assert [outage.since for outage in setup.later(60).outages] == [NOON, NOON]


def test_an_outage_keeps_its_start_while_the_ledger_is_away(setup: ReaderSetup) -> None:
    """An outage of the ledger does not change one of the sidecar."""
    setup.problems = (NO_SIDECAR,)
    setup.write_heartbeat(1, Outage(Service.SIDECAR, NOON, "gone"))
    setup.later(60)
    known, setup.heartbeat = setup.heartbeat, GONE
    setup.later(60)
    setup.heartbeat = known
    assert [outage.since for outage in setup.later(60).outages] == [NOON, NOON]


def test_a_ledger_that_was_back_has_a_new_outage(setup: ReaderSetup) -> None:
    """It starts with the second failure."""
    known, setup.heartbeat = setup.heartbeat, GONE
    setup.later(1)
    setup.heartbeat = known
    setup.later(1)
    setup.heartbeat = GONE
    setup.later(1)
    assert setup.later(1).outages[0].since == NOON + timedelta(seconds=3)


def test_a_state_does_not_wait_for_an_engine_that_hangs(
    setup: ReaderSetup, hanging: Hanging
) -> None:
    """Before its first answer the engine has no known problems; one check runs at a time."""
    setup.during_health_read = hanging
    for _ in range(3):
        assert services_away(setup.later(60)) == [Service.RECORDER]
    assert hanging.started.wait(SECONDS)
    assert setup.health_reads == 1


def test_the_engine_is_checked_in_a_daemon_thread(setup: ReaderSetup, hanging: Hanging) -> None:
    """The dashboard can stop while a sidecar hangs."""
    setup.during_health_read = hanging
    setup.later(60)
    assert hanging.started.wait(SECONDS)
    assert [thread.daemon for thread in hanging.threads] == [True]


def test_a_late_check_is_used_later(setup: ReaderSetup, hanging: Hanging) -> None:
    """Its problems stay known while the engine hangs again."""
    setup.problems, setup.during_health_read = (NO_SIDECAR,), hanging
    setup.later(60)
    hanging.end.set()
    hanging.threads[0].join(SECONDS)
    hanging.end.clear()
    setup.later(1)
    assert services_away(setup.later(GRACE.total_seconds())) == [Service.RECORDER, Service.SIDECAR]
    assert setup.health_reads == 2


def test_known_outages_continue_while_the_engine_hangs(
    setup: ReaderSetup, hanging: Hanging
) -> None:
    """Until the engine answers, the outages of the heartbeat stay."""
    setup.write_heartbeat(1, WORKER)
    setup.later(1)
    setup.during_health_read = hanging
    assert setup.later(60).outages[1:] == (WORKER,)


def test_known_problems_are_dropped_when_the_recorder_is_back(
    setup: ReaderSetup, hanging: Hanging
) -> None:
    """They are not used when the recorder goes away again."""
    setup.problems = (NO_SIDECAR,)
    setup.later(60)
    assert services_away(setup.later(1)) == [Service.RECORDER, Service.SIDECAR]
    setup.write_heartbeat()
    setup.later(1)
    setup.during_health_read = hanging
    setup.later(60)
    assert services_away(setup.later(60)) == [Service.RECORDER]


def test_a_recorder_without_a_heartbeat_gets_time_to_start(setup: ReaderSetup) -> None:
    """When the system starts, the dashboard may be ready before the recorder."""
    setup.heartbeat = Heartbeat(0)
    assert services_away(setup.later(HEARTBEAT_TIMEOUT.total_seconds() - 0.5)) == []
    assert services_away(setup.later(0.5)) == [Service.RECORDER]


def test_a_recorder_without_a_heartbeat_has_one_outage(setup: ReaderSetup) -> None:
    """Its start does not change, so pages are not rerun."""
    setup.heartbeat = Heartbeat(0)
    first = setup.later(60)
    assert setup.later(60).version == first.version
    assert first.outages[0].since == NOON


def test_a_new_heartbeat_replaces_the_checks(setup: ReaderSetup) -> None:
    """No outage of the checks is left."""
    setup.problems = (NO_SIDECAR,)
    setup.later(60)
    setup.later(1)
    setup.write_heartbeat()
    assert services_away(setup.later(1)) == []


def test_without_the_recorder_a_result_is_cached_for_one_state(
    setup: ReaderSetup, query: Query
) -> None:
    """Because no revision shows a change."""
    setup.later(60)
    setup.reader.query("one", query)
    assert setup.reader.query("one", query) == 1
    setup.later(MAX_AGE)
    assert setup.reader.query("one", query) == 2


def test_the_ledger_is_not_away_during_the_grace(setup: ReaderSetup) -> None:
    """As any other service."""
    setup.heartbeat = GONE
    assert services_away(setup.later(1)) == []
    assert services_away(setup.later(GRACE.total_seconds())) == [Service.LEDGER]


def test_while_the_ledger_is_away_dapr_is_asked(setup: ReaderSetup) -> None:
    """Without a sidecar no action is offered, whether the ledger is there or not."""
    setup.problems, setup.heartbeat = (NO_SIDECAR,), GONE
    setup.later(1)
    assert services_away(setup.later(GRACE.total_seconds())) == [Service.LEDGER, Service.SIDECAR]


def test_an_outage_keeps_its_start(setup: ReaderSetup) -> None:
    """A ledger is away since its first failure."""
    setup.heartbeat = GONE
    setup.later(1)
    setup.later(60)
    assert setup.later(60).outages[0].since == NOON + timedelta(seconds=1)


def test_the_revision_is_kept_while_the_ledger_is_away(setup: ReaderSetup) -> None:
    """A failed read of the ledger is not a change."""
    setup.write_heartbeat(5)
    setup.later(1)
    setup.heartbeat = GONE
    assert setup.later(1).revision == 5


@pytest.fixture
def versions(setup: ReaderSetup) -> Callable[[float], str]:
    """Return a function that returns the version after more seconds."""
    return lambda seconds: setup.later(seconds).version


def test_a_heartbeat_does_not_change_the_version(
    setup: ReaderSetup, versions: Callable[[float], str]
) -> None:
    """If it has the same revision and outages."""
    first = versions(1)
    setup.write_heartbeat()
    assert versions(1) == first


def test_a_version_changes_with_the_revision(
    setup: ReaderSetup, versions: Callable[[float], str]
) -> None:
    """Pages show what was written to the ledger."""
    first = versions(1)
    setup.new_revision()
    assert versions(1) != first


def test_a_version_changes_when_an_outage_starts_and_ends(
    setup: ReaderSetup, versions: Callable[[float], str]
) -> None:
    """Afterwards it is the same as before."""
    first = versions(1)
    setup.write_heartbeat(1, WORKER)
    during = versions(1)
    setup.write_heartbeat()
    assert during != first
    assert versions(1) == first


def test_a_version_differs_for_each_outage(
    setup: ReaderSetup, versions: Callable[[float], str]
) -> None:
    """The banner shows a new time."""
    setup.write_heartbeat(1, WORKER)
    first = versions(1)
    setup.write_heartbeat(1, replace(WORKER, since=NOON + timedelta(seconds=1)))
    assert versions(1) != first
