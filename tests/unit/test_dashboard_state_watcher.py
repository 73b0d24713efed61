"""What all viewers see, read once for all of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from threading import Barrier, Event, Thread, current_thread
from traceback import extract_tb

import pytest

from dashboard.live.query_cache import MAX_BYTES, MIN_BYTES
from dashboard.live.state_watcher import HEARTBEAT_TIMEOUT, MAX_AGE, StateWatcher
from dashboard.live.system_state import SystemState
from operations.errors import (
    DaprUnavailable,
    FlowdeckError,
    LedgerUnavailable,
    UnknownInstance,
)
from operations.model import Problem, Service
from operations.outages import GRACE
from operations.records import Heartbeat, Outage, RecorderMetrics
from tests.unit.snapshots import NOON

GONE = LedgerUnavailable("unable to open database file")
NO_SIDECAR = Problem(Service.SIDECAR, "nothing answers")
WORKER = Outage(Service.WORKER, NOON, "none")
MEASURES = RecorderMetrics(lag_p50=0.2, lag_p95=0.4, traces=True)
SECONDS = 10  # for which a test waits for another thread


@dataclass
class World:
    """A clock that stands still, and what there is to look at."""

    seconds: float = 0
    heartbeat: Heartbeat | LedgerUnavailable = field(default_factory=lambda: Heartbeat(1, NOON))
    problems: tuple[Problem, ...] = ()
    looks: int = 0
    asked_engine: int = 0
    during: Callable[[], object] = lambda: None
    in_engine: Callable[[], object] = lambda: None
    watcher: StateWatcher = field(init=False)

    def begin(self) -> None:
        """Begin to watch."""
        self.watcher = StateWatcher(self._read_heartbeat, self._health)

    def monotonic(self) -> float:
        """Return the time, as a clock that nobody sets."""
        return 1000 + self.seconds

    def now(self, zone: tzinfo) -> datetime:
        """Return the time."""
        return (NOON + timedelta(seconds=self.seconds)).astimezone(zone)

    def later(self, seconds: float) -> SystemState:
        """Return the look after so many seconds more."""
        self.seconds += seconds
        return self.watcher.state()

    def write_heartbeat(self, revision: int = 1, *outages: Outage) -> None:
        """Have the recorder live at this moment."""
        self.heartbeat = Heartbeat(revision, NOON + timedelta(seconds=self.seconds), outages)

    def new_revision(self) -> None:
        """Have something changed in the ledger."""
        assert isinstance(self.heartbeat, Heartbeat)
        self.heartbeat = replace(self.heartbeat, revision=self.heartbeat.revision + 1)
        self.watcher.refresh()

    def _read_heartbeat(self) -> Heartbeat:
        self.looks += 1
        self.during()
        if isinstance(self.heartbeat, LedgerUnavailable):
            raise self.heartbeat
        return self.heartbeat

    def _health(self) -> tuple[Problem, ...]:
        self.asked_engine += 1
        self.in_engine()
        return self.problems


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world in which everything is well."""
    world = World()
    monkeypatch.setattr("dashboard.live.state_watcher.time", world)
    monkeypatch.setattr("dashboard.live.state_watcher.datetime", world)
    world.begin()
    return world


def test_measures_are_seen_and_are_nothing_new(world: World) -> None:
    """They change with every beat: no page is drawn again for them."""
    assert isinstance(world.heartbeat, Heartbeat)
    before = world.later(0)
    world.heartbeat = replace(world.heartbeat, metrics=MEASURES)
    after = world.later(MAX_AGE)
    assert (before.metrics, after.metrics) == (None, MEASURES)
    assert before.version == after.version


def test_a_recorder_that_is_away_measures_nothing(world: World) -> None:
    """What it measured last is not so any more."""
    assert isinstance(world.heartbeat, Heartbeat)
    world.heartbeat = replace(world.heartbeat, metrics=MEASURES)
    assert world.later(HEARTBEAT_TIMEOUT.total_seconds()).metrics is None


class Answer:
    """Answers, or fails with what is set; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: FlowdeckError | None = None

    def __call__(self) -> int:
        """Return how often it was asked."""
        self.asked += 1
        if self.error:
            raise self.error
        return self.asked


@pytest.fixture
def answer() -> Answer:
    """Return an answer that can be had."""
    return Answer()


@dataclass
class Hanging:
    """Takes as long as the test wants."""

    begun: Event = field(default_factory=Event)
    end: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)

    def __call__(self) -> str:
        """Return when it may."""
        self.threads.append(current_thread())
        self.begun.set()
        assert self.end.wait(SECONDS)
        return "at last"


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """Return what hangs until the test has ended, at most."""
    hanging = Hanging()
    yield hanging
    hanging.end.set()
    for thread in hanging.threads:
        thread.join(SECONDS)


class Alone:
    """Takes its time, in which nobody else should come."""

    def __init__(self) -> None:
        self.came = 0
        self._second = Event()

    def __call__(self) -> int:
        """Return how many came, after another one has, or would have."""
        self.came += 1
        if self.came > 1:
            self._second.set()
        self._second.wait(0.1)
        return self.came


def services_away(state: SystemState) -> list[Service]:
    """Return what is away."""
    return [outage.service for outage in state.outages]


def test_one_read_serves_everybody_for_a_moment(world: World) -> None:
    """Within `MAX_AGE` seconds the ledger is read once, however many look."""
    for _ in range(50):
        world.watcher.state()
    world.later(MAX_AGE - 0.01)
    assert world.looks == 1


def test_a_state_grows_old(world: World) -> None:
    """After `MAX_AGE` seconds the next one is new."""
    world.watcher.state()
    world.later(MAX_AGE)
    assert world.looks == 2


def test_what_was_done_here_is_seen_at_once(world: World) -> None:
    """After a refresh the next look is a new one."""
    world.watcher.state()
    world.watcher.refresh()
    world.watcher.state()
    assert world.looks == 2


def test_a_refresh_during_a_look_is_not_lost(world: World) -> None:
    """A look that was under way may have missed what was done: it serves nobody after it."""
    looking, done = Event(), Event()

    def wait() -> None:
        looking.set()
        assert done.wait(SECONDS)

    world.during = wait
    first = Thread(target=world.watcher.state)
    first.start()
    assert looking.wait(SECONDS)
    refreshing = Thread(target=world.watcher.refresh)
    refreshing.start()
    done.set()
    first.join(SECONDS)
    refreshing.join(SECONDS)
    world.watcher.state()
    assert world.looks == 2


def test_many_who_look_at_once_share_one_read(world: World) -> None:
    """Threads that come while somebody looks wait for that look."""
    at_once, world.during = Barrier(16), Alone()

    def look(_: int) -> SystemState:
        at_once.wait(SECONDS)
        return world.watcher.state()

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(look, range(16)))) == 1
    assert world.looks == 1


def test_many_who_ask_at_once_share_one_answer(world: World) -> None:
    """One of them asks for all."""
    at_once, answer = Barrier(16), Alone()

    def ask(_: int) -> int:
        at_once.wait(SECONDS)
        return world.watcher.query("list", answer)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [1] * 16
    assert answer.came == 1


def test_a_slow_answer_keeps_no_other_waiting(world: World, answer: Answer) -> None:
    """Who asks another question gets its answer meanwhile."""
    asked, done = Event(), Event()

    def slow() -> str:
        asked.set()
        assert done.wait(SECONDS)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.watcher.query, "slow", slow)
        assert asked.wait(SECONDS)
        assert pool.submit(world.watcher.query, "list", answer).result(SECONDS) == 1
        done.set()
        assert first.result(SECONDS) == "slow"


def test_an_answer_holds_until_the_revision_changes(world: World, answer: Answer) -> None:
    """Time alone makes no answer old."""
    world.watcher.query("list", answer)
    world.later(1)
    assert world.watcher.query("list", answer) == 1
    world.new_revision()
    assert world.watcher.query("list", answer) == 2


def test_each_question_has_its_own_answer(world: World, answer: Answer) -> None:
    """No viewer is given what another one asked for."""
    assert world.watcher.query(("instance", "a"), answer) == 1
    assert world.watcher.query(("instance", "b"), answer) == 2
    assert world.watcher.query(("instance", "a"), answer) == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_the_last_answer_is_given_while_there_is_no_new_one(
    world: World, answer: Answer, error: FlowdeckError
) -> None:
    """What was known is shown, and each look tries again."""
    world.watcher.query("list", answer)
    world.new_revision()
    answer.error = error
    assert world.watcher.query("list", answer) == 1
    answer.error = None
    world.later(MAX_AGE)
    assert world.watcher.query("list", answer) == 3


def test_the_last_answer_is_given_while_the_ledger_is_away(world: World, answer: Answer) -> None:
    """A ledger that cannot be looked at empties no list."""
    world.watcher.query("list", answer)
    world.heartbeat = GONE
    world.later(1)
    answer.error = GONE
    assert world.watcher.query("list", answer) == 1


def test_without_any_answer_the_error_is_told(world: World, answer: Answer) -> None:
    """Nothing is made up for who asks first, and the answer is there once it can be had."""
    answer.error = GONE
    with pytest.raises(LedgerUnavailable):
        world.watcher.query("list", answer)
    answer.error = None
    world.later(MAX_AGE)
    assert world.watcher.query("list", answer) == 2


def test_an_error_that_is_an_answer_is_told(world: World, answer: Answer) -> None:
    """An instance that is gone is not shown as it was."""
    world.watcher.query("one", answer)
    world.new_revision()
    answer.error = UnknownInstance("one")
    with pytest.raises(UnknownInstance):
        world.watcher.query("one", answer)


def test_an_answer_of_none_is_an_answer(world: World) -> None:
    """It is asked for once, too."""
    asked: list[None] = []
    for _ in range(2):
        world.watcher.query("none", lambda: asked.append(None))
    assert len(asked) == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_many_who_wait_for_an_answer_share_its_error(world: World, error: FlowdeckError) -> None:
    """What takes seconds to fail takes them once, not once a viewer."""
    at_once, alone = Barrier(16), Alone()

    def fail() -> None:
        alone()
        raise error

    def ask(_: int) -> None:
        at_once.wait(SECONDS)
        with pytest.raises(type(error)):
            world.watcher.query("list", fail)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert alone.came == 1


@pytest.mark.parametrize("error", [GONE, DaprUnavailable("no sidecar")])
def test_an_error_that_is_shared_keeps_nobodys_frames(
    world: World, answer: Answer, error: FlowdeckError
) -> None:
    """However many share it, it leads back through the frames of the last alone."""
    answer.error = error
    lengths = set()
    for _ in range(5):
        with pytest.raises(type(error)) as raised:
            world.watcher.query("list", answer)
        lengths.add(len(extract_tb(raised.value.__traceback__)))
    assert answer.asked == 1
    assert len(lengths) == 1


def test_answers_are_not_kept_without_end(world: World, answer: Answer) -> None:
    """So many are kept that were asked for last, also of those that could not be had."""
    number = MAX_BYTES // MIN_BYTES
    world.watcher.query("first", answer)
    world.watcher.query("second", answer)
    answer.error = UnknownInstance("one")
    for each in range(number - 2):
        with pytest.raises(UnknownInstance):
            world.watcher.query(each, answer)
    answer.error = None
    assert world.watcher.query("first", answer) == 1
    assert world.watcher.query("one more", answer) == number + 1
    assert len(world.watcher._cache._slots) == number
    assert world.watcher.query("first", answer) == 1
    assert world.watcher.query("second", answer) == number + 2


def test_large_answers_are_kept_as_far_as_they_fit(world: World, answer: Answer) -> None:
    """What was asked for least recently goes first, and no more than has to."""

    def ask(question: str) -> int:
        return world.watcher.query(question, answer, size=lambda _: MAX_BYTES // 3 - MIN_BYTES)

    assert [ask(each) for each in "abc"] == [1, 2, 3]
    assert ask("a") == 1
    assert ask("d") == 4
    assert [ask(each) for each in "acd"] == [1, 3, 4]
    assert ask("b") == 5


def test_an_answer_counts_as_large_as_it_is_now(world: World, answer: Answer) -> None:
    """One that grows takes the room of others, and leaves it when it shrinks."""
    world.watcher.query("small", answer)
    world.watcher.query("growing", answer, size=lambda _: MAX_BYTES - 2 * MIN_BYTES)
    assert world.watcher.query("small", answer) == 1
    world.new_revision()
    world.watcher.query("small", answer)
    world.watcher.query("growing", answer, size=lambda _: MAX_BYTES - MIN_BYTES)
    assert set(world.watcher._cache._slots) == {"growing"}
    world.new_revision()
    world.watcher.query("growing", answer)
    world.watcher.query("small", answer)
    assert set(world.watcher._cache._slots) == {"growing", "small"}


def test_the_last_answer_is_kept_however_large(world: World, answer: Answer) -> None:
    """Its viewers share it until another question is asked."""
    world.watcher.query("other", answer)
    for _ in range(2):
        assert world.watcher.query("large", answer, size=lambda _: MAX_BYTES + 1) == 2
    assert set(world.watcher._cache._slots) == {"large"}
    world.watcher.query("other", answer)
    assert set(world.watcher._cache._slots) == {"other"}


def test_what_somebody_waits_for_is_asked_once(world: World, hanging: Hanging) -> None:
    """A question stays while its answer is under way, whatever else needs the room."""
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.watcher.query, "slow", hanging)
        assert hanging.begun.wait(SECONDS)
        world.watcher.query("large", lambda: None, size=lambda _: MAX_BYTES)
        assert "slow" in world.watcher._cache._slots
        second = pool.submit(world.watcher.query, "slow", hanging)
        hanging.end.set()
        assert first.result(SECONDS) == second.result(SECONDS) == "at last"
    assert len(hanging.threads) == 1
    assert set(world.watcher._cache._slots) == {"slow"}


def test_a_question_that_failed_makes_room(world: World, answer: Answer) -> None:
    """Nobody waits for it any more."""
    with pytest.raises(ZeroDivisionError):
        world.watcher.query("failing", lambda: 1 // 0)
    world.watcher.query("large", answer, size=lambda _: MAX_BYTES)
    assert set(world.watcher._cache._slots) == {"large"}


def test_a_recorder_that_lives_is_believed(world: World) -> None:
    """What it saw is away, and the engine is not asked by anybody else."""
    world.write_heartbeat(1, WORKER)
    assert world.watcher.state().outages == (WORKER,)
    assert world.asked_engine == 0


def test_a_silent_recorder_is_away_since_its_last_beat(world: World) -> None:
    """After some seconds without a beat it is named."""
    world.write_heartbeat()
    assert services_away(world.later(HEARTBEAT_TIMEOUT.total_seconds() - 0.5)) == []
    state = world.later(0.5)
    assert services_away(state) == [Service.RECORDER]
    assert state.outages[0].since == NOON
    assert state.is_away(Service.RECORDER)


def test_without_the_recorder_the_engine_is_asked_directly(world: World) -> None:
    """What is wrong with it is known all the same, once it has lasted."""
    world.problems = (NO_SIDECAR,)
    world.later(60)
    assert services_away(world.later(GRACE.total_seconds())) == [Service.RECORDER, Service.SIDECAR]
    assert world.asked_engine == 2


def test_what_a_silent_recorder_saw_counts_no_more(world: World) -> None:
    """An outage that it told of may be over: the engine knows."""
    world.write_heartbeat(1, WORKER)
    assert services_away(world.later(60)) == [Service.RECORDER]


def test_an_outage_goes_on_when_the_recorder_falls_silent(world: World) -> None:
    """It keeps its beginning, and is away at every moment."""
    world.problems = (NO_SIDECAR,)
    since = NOON - timedelta(minutes=7)
    world.write_heartbeat(1, Outage(Service.SIDECAR, since, "as the recorder saw it"))
    seen = [world.later(1).outages for _ in range(10)]
    assert [outages[-1].since for outages in seen] == [since] * 10
    assert [outage.reason for outage in seen[-1]] == ["it gives no sign of life", "nothing answers"]


def test_what_a_recorder_told_before_anybody_looked_keeps_its_beginning(world: World) -> None:
    """A dashboard that starts after the recorder has died knows what it knew."""
    world.problems = (NO_SIDECAR,)
    world.write_heartbeat(1, Outage(Service.SIDECAR, NOON, "gone"))
    assert [outage.since for outage in world.later(60).outages] == [NOON, NOON]


def test_an_outage_keeps_its_beginning_while_the_ledger_is_away(world: World) -> None:
    """That the ledger went and came back says nothing of the sidecar."""
    world.problems = (NO_SIDECAR,)
    world.write_heartbeat(1, Outage(Service.SIDECAR, NOON, "gone"))
    world.later(60)
    known, world.heartbeat = world.heartbeat, GONE
    world.later(60)
    world.heartbeat = known
    assert [outage.since for outage in world.later(60).outages] == [NOON, NOON]


def test_a_ledger_that_goes_again_has_a_new_outage(world: World) -> None:
    """It was back in between."""
    known, world.heartbeat = world.heartbeat, GONE
    world.later(1)
    world.heartbeat = known
    world.later(1)
    world.heartbeat = GONE
    world.later(1)
    assert world.later(1).outages[0].since == NOON + timedelta(seconds=3)


def test_a_state_does_not_wait_for_an_engine_that_hangs(world: World, hanging: Hanging) -> None:
    """Before it has ever answered, nothing is known of it; it is asked once at a time."""
    world.in_engine = hanging
    for _ in range(3):
        assert services_away(world.later(60)) == [Service.RECORDER]
    assert hanging.begun.wait(SECONDS)
    assert world.asked_engine == 1


def test_the_engine_is_asked_in_a_thread_that_keeps_no_process(
    world: World, hanging: Hanging
) -> None:
    """Who stops the dashboard does not wait for a sidecar that hangs."""
    world.in_engine = hanging
    world.later(60)
    assert hanging.begun.wait(SECONDS)
    assert [thread.daemon for thread in hanging.threads] == [True]


def test_an_answer_that_comes_late_is_seen_later(world: World, hanging: Hanging) -> None:
    """It is the last one that is known, although the engine hangs again."""
    world.problems, world.in_engine = (NO_SIDECAR,), hanging
    world.later(60)
    hanging.end.set()
    hanging.threads[0].join(SECONDS)
    hanging.end.clear()
    world.later(1)
    assert services_away(world.later(GRACE.total_seconds())) == [Service.RECORDER, Service.SIDECAR]
    assert world.asked_engine == 2


def test_what_was_known_goes_on_while_the_engine_hangs(world: World, hanging: Hanging) -> None:
    """An outage that the recorder saw is no less one because nobody answers."""
    world.write_heartbeat(1, WORKER)
    world.later(1)
    world.in_engine = hanging
    assert world.later(60).outages[1:] == (WORKER,)


def test_what_is_known_is_forgotten_when_the_recorder_is_back(
    world: World, hanging: Hanging
) -> None:
    """An engine that hangs in the next silence is not what it was in the one before."""
    world.problems = (NO_SIDECAR,)
    world.later(60)
    assert services_away(world.later(1)) == [Service.RECORDER, Service.SIDECAR]
    world.write_heartbeat()
    world.later(1)
    world.in_engine = hanging
    world.later(60)
    assert services_away(world.later(60)) == [Service.RECORDER]


def test_a_recorder_that_has_never_lived_gets_time_to_begin(world: World) -> None:
    """When everything starts, the pages may be there before it."""
    world.heartbeat = Heartbeat(0)
    assert services_away(world.later(HEARTBEAT_TIMEOUT.total_seconds() - 0.5)) == []
    assert services_away(world.later(0.5)) == [Service.RECORDER]


def test_a_recorder_that_has_never_lived_is_away_since_one_time(world: World) -> None:
    """The same outage stays the same: it is no news every second."""
    world.heartbeat = Heartbeat(0)
    first = world.later(60)
    assert world.later(60).version == first.version
    assert first.outages[0].since == NOON


def test_a_recorder_that_is_back_is_believed_again(world: World) -> None:
    """Nothing is left of what was known without it."""
    world.problems = (NO_SIDECAR,)
    world.later(60)
    world.later(1)
    world.write_heartbeat()
    assert services_away(world.later(1)) == []


def test_without_the_recorder_an_answer_holds_for_one_state(world: World, answer: Answer) -> None:
    """Nobody tells the ledger what changes, so that its revision says nothing."""
    world.later(60)
    world.watcher.query("one", answer)
    assert world.watcher.query("one", answer) == 1
    world.later(MAX_AGE)
    assert world.watcher.query("one", answer) == 2


def test_a_ledger_that_is_gone_for_a_moment_is_not_away(world: World) -> None:
    """It has the grace that every part has."""
    world.heartbeat = GONE
    assert services_away(world.later(1)) == []
    assert services_away(world.later(GRACE.total_seconds())) == [Service.LEDGER]


def test_the_time_of_an_outage_is_kept(world: World) -> None:
    """A ledger is away since it was first missed, however long that lasts."""
    world.heartbeat = GONE
    world.later(1)
    world.later(60)
    assert world.later(60).outages[0].since == NOON + timedelta(seconds=1)


def test_the_revision_is_kept_while_the_ledger_is_away(world: World) -> None:
    """It is no news that nothing new can be read."""
    world.write_heartbeat(5)
    world.later(1)
    world.heartbeat = GONE
    assert world.later(1).revision == 5


@pytest.fixture
def versions(world: World) -> Callable[[float], str]:
    """Return what tells the version after some more seconds."""
    return lambda seconds: world.later(seconds).version


def test_a_version_stays_while_there_is_nothing_new(
    world: World, versions: Callable[[float], str]
) -> None:
    """A beat is no news."""
    first = versions(1)
    world.write_heartbeat()
    assert versions(1) == first


def test_a_version_changes_with_the_revision(
    world: World, versions: Callable[[float], str]
) -> None:
    """What is written is news."""
    first = versions(1)
    world.new_revision()
    assert versions(1) != first


def test_a_version_changes_when_an_outage_comes_and_when_it_goes(
    world: World, versions: Callable[[float], str]
) -> None:
    """Pages are told of both, and are what they were before."""
    first = versions(1)
    world.write_heartbeat(1, WORKER)
    during = versions(1)
    world.write_heartbeat()
    assert during != first
    assert versions(1) == first


def test_a_version_tells_one_outage_from_the_next(
    world: World, versions: Callable[[float], str]
) -> None:
    """A part that went again has a new time in the banner."""
    world.write_heartbeat(1, WORKER)
    first = versions(1)
    world.write_heartbeat(1, replace(WORKER, since=NOON + timedelta(seconds=1)))
    assert versions(1) != first
