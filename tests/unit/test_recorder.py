"""What the recorder makes of an engine, turn by turn, in a real ledger."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError, LedgerUnavailable
from operations.history import HistoryEvent
from operations.ledger import Ledger, Reservation, open_ledger
from operations.model import Service, Status
from operations.recorder.readers import Clock
from operations.recorder.recorder import Application, Recorder
from operations.records import Outage
from operations.snapshots import read_snapshot
from operations.timeline import Timeline
from tests.unit.conftest import LogLines
from tests.unit.engine import ends, moves, put_running, vanishes
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER, Turning
from tests.unit.runs import ANN
from tests.unit.snapshots import APP, ID, at, done, pending, runs_of, snapshot, statuses, summary

pytestmark = pytest.mark.both_databases


def gone(times: int) -> list[FlowdeckError]:
    """Return what so many calls raise while the engine is away."""
    return [DaprUnavailable("no sidecar accepts the connection") for _ in range(times)]


def refused(times: int) -> list[FlowdeckError]:
    """Return what so many calls raise that the engine refuses."""
    return [DaprRefused("The Dapr engine refused: UNKNOWN: it is broken.") for _ in range(times)]


AHEAD = timedelta(seconds=1.5)  # of another process's clock
MANY = 500  # instances: more than are asked for at once


Anew = Callable[..., Turning]


@pytest.fixture
def anew(gateway: FakeGateway, ledger: Ledger) -> Iterator[Anew]:
    """Return what makes a recorder that knows nothing but the ledger, with other limits."""
    made: list[Recorder] = []

    def make(**limits: Any) -> Turning:
        made.append(Recorder(Application(gateway, replace(EAGER, **limits)), ledger))
        return Turning(gateway, ledger, made[-1])

    yield make
    for recorder in made:
        recorder.close()


@pytest.fixture
def turning(anew: Anew) -> Turning:
    """Return a recorder on an empty ledger."""
    return anew()


def archived(ledger: Ledger, instance_id: str = ID) -> bool:
    """Whether the latest life is there with its history."""
    found = ledger.runs.latest(instance_id)
    details = ledger.runs.details(found.run_id) if found else None
    return bool(details and details.history)


def use_again(gateway: FakeGateway, ledger: Ledger) -> None:
    """Purge the instance and start another with its id, as our own actions do."""
    put_running(gateway, life="e2", since=60)
    ledger.runs.mark_purged({ID: datetime.now(UTC)})
    ledger.runs.ingest([pending(read_at=datetime.now(UTC))])


def reserve(ledger: Ledger, instance_id: str = ID) -> None:
    """Reserve an id, as an action does before it starts an instance."""
    wanted = Reservation(instance_id, "order_workflow", "{}", ANN)
    assert ledger.reservations.claim(wanted, ledger.reservations.latest(instance_id))


def test_a_listed_instance_is_followed_to_its_end(gateway: FakeGateway, turning: Turning) -> None:
    """What anybody started is found, and archived with its output and history."""
    put_running(gateway)
    turning.sees(Status.RUNNING)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    details = turning.ledger.runs.details(summary(turning.ledger).run_id)
    assert details
    assert (details.output, details.history) == ('"done"', gateway.events[ID])


def test_what_is_gone_was_gone_when_it_was_asked_for(
    gateway: FakeGateway, turning: Turning
) -> None:
    """What somebody else has seen of its id meanwhile is there: that look says nothing of it."""
    put_running(gateway)
    turning.sees(Status.RUNNING)

    def another_sees_it() -> None:
        turning.ledger.runs.ingest([snapshot(read_at=datetime.now(UTC))])

    gateway.during["state"] = another_sees_it
    vanishes(gateway)
    turning.turns(1)
    turning.lists()
    assert statuses(turning.ledger) == [Status.RUNNING]
    assert summary(turning.ledger).purged_at is None


def test_a_finished_instance_is_read_once(gateway: FakeGateway, turning: Turning) -> None:
    """However often it is listed, its history is not asked for again."""
    put_running(gateway)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    reads = gateway.calls["state"], gateway.calls["history"]
    turning.lists()
    assert (gateway.calls["state"], gateway.calls["history"]) == reads == (1, 1)


def test_the_history_of_what_stays_as_it_is_is_not_read_again(
    gateway: FakeGateway, turning: Turning
) -> None:
    """While nothing happens to an instance, only its state is read, and nothing is news."""
    put_running(gateway)
    turning.turns(5)
    assert gateway.calls["history"] == 1
    assert turning.ledger.heartbeat().revision == 1


def test_a_reserved_id_is_followed(gateway: FakeGateway, turning: Turning) -> None:
    """Though the engine cannot list its instances."""
    turning.recorder.turn()
    gateway.errors["ids"] = refused(1000)
    put_running(gateway)
    reserve(turning.ledger)
    turning.sees(Status.RUNNING)


def test_a_reserved_id_is_looked_for_until_the_engine_has_it(
    gateway: FakeGateway, turning: Turning
) -> None:
    """The reservation is written before the call."""
    turning.recorder.turn()
    gateway.errors["ids"] = refused(1000)
    reserve(turning.ledger)
    turning.turns(2)
    assert turning.ledger.runs.latest(ID) is None
    put_running(gateway)
    turning.sees(Status.RUNNING)


def test_a_reserved_id_that_never_comes_is_not_looked_for_for_ever(
    gateway: FakeGateway, anew: Anew
) -> None:
    """The start may have been refused."""
    turning = anew(reserved=0)
    turning.recorder.turn()
    reserve(turning.ledger)
    turning.turns(1)
    turning.lists()
    assert gateway.calls["state"] == 1
    assert len(turning.recorder._schedule) == 0


def test_a_reserved_id_that_was_used_before_is_followed_again(
    gateway: FakeGateway, turning: Turning
) -> None:
    """Until then the engine has the finished run, which costs one read of a state each time."""
    put_running(gateway)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    histories = gateway.calls["history"]
    reserve(turning.ledger)
    turning.turns(2)
    assert gateway.calls["history"] == histories
    put_running(gateway, life="e2", since=60)
    turning.sees(Status.RUNNING)


def test_any_number_of_starts_by_other_processes_is_followed(
    gateway: FakeGateway, turning: Turning
) -> None:
    """Thousands that were recorded between two turns are all followed."""
    turning.recorder.turn()
    gateway.errors["ids"] = refused(1000)
    ids = [f"order_{number}" for number in range(2500)]
    for instance_id in ids:
        put_running(gateway, instance_id)
    turning.ledger.runs.ingest([pending(instance_id=each, seen=0) for each in ids])
    counted = turning.ledger.runs.unfinished
    turning.until(lambda: gateway.calls["history"] >= len(ids), "all are read")
    turning.until(lambda: all(each.status is Status.RUNNING for each in counted()), "all run")


def test_what_another_process_saw_otherwise_is_read_at_once(
    gateway: FakeGateway, anew: Anew
) -> None:
    """An instance that is read once a minute is read now when an operator acted on it."""
    turning = anew(quiet=60)
    put_running(gateway)
    moves(gateway, status=Status.SUSPENDED)
    turning.sees(Status.SUSPENDED)
    moves(gateway)
    seen = read_snapshot(gateway, ID)
    assert seen
    turning.ledger.runs.ingest([seen])
    ends(gateway)
    turning.sees(Status.COMPLETED)


def test_an_instance_that_is_gone_was_purged(gateway: FakeGateway, turning: Turning) -> None:
    """One that the engine has no more, before its end was seen, is marked as purged.

    Its history is kept as far as it was read.
    """
    put_running(gateway)
    turning.sees(Status.RUNNING)
    history = gateway.events[ID]
    vanishes(gateway)
    turning.sees(Status.UNKNOWN)
    life = summary(turning.ledger)
    assert life.purged_at
    details = turning.ledger.runs.details(life.run_id)
    assert details
    assert details.history == history


def test_a_finished_instance_that_is_no_more_listed_was_purged(
    gateway: FakeGateway, turning: Turning
) -> None:
    """What the engine's retention took away keeps its end, and is marked as purged."""
    put_running(gateway)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    vanishes(gateway)
    turning.until(lambda: summary(turning.ledger).purged_at, "it is purged")
    assert statuses(turning.ledger) == [Status.COMPLETED]


def test_an_id_that_is_used_again_after_a_purge_is_followed_again(
    gateway: FakeGateway, turning: Turning
) -> None:
    """By our own actions: the ledger holds the new life before any list could tell."""
    put_running(gateway)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    use_again(gateway, turning.ledger)
    turning.sees(Status.RUNNING)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    assert statuses(turning.ledger) == [Status.COMPLETED] * 2
    assert [each.execution_id for each in runs_of(turning.ledger)] == ["e2", "e1"]


@pytest.mark.parametrize("is_new", [False, True])
def test_an_id_that_is_used_again_without_a_purge_is_followed_again(
    gateway: FakeGateway,
    anew: Anew,
    is_new: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """By anybody: the engine erases the run before, and tells nobody; nor need a trace come."""
    rechecks = {"recheck_round": 0, "rechecks": 1000}
    put_running(gateway)
    ends(gateway)
    turning = anew(**rechecks)
    turning.sees(Status.COMPLETED)
    put_running(gateway, life="e2", since=60)
    turning = anew(**rechecks) if is_new else turning
    turning.sees(Status.RUNNING)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    assert [each.execution_id for each in runs_of(turning.ledger)] == ["e2", "e1"]
    histories = gateway.calls["history"]
    turning.turns(10)
    assert gateway.calls["history"] == histories


def test_an_id_that_is_used_again_while_its_end_is_read_is_followed_again(
    gateway: FakeGateway, turning: Turning
) -> None:
    """The end of the life before, which arrives late, is not taken for that of the new one."""
    put_running(gateway)
    turning.sees(Status.RUNNING)
    ends(gateway)
    read, reading, let_go = gateway.history, threading.Event(), threading.Event()

    def history(instance_id: str) -> Any:
        found = read(instance_id)
        reading.set()
        let_go.wait(5)
        return found

    gateway.history = history  # type: ignore[method-assign]
    turning.until(reading.is_set, "its end is being read")
    use_again(gateway, turning.ledger)
    turning.recorder.turn()
    let_go.set()
    turning.until(lambda: len(runs_of(turning.ledger)) == 2, "both lives are there")
    turning.sees(Status.RUNNING)


def test_a_recorder_takes_up_where_the_last_one_stopped(gateway: FakeGateway, anew: Anew) -> None:
    """Killed and started again: unfinished ones are followed on, finished ones not read again."""
    put_running(gateway, "order_1")
    ends(gateway, "order_1")
    put_running(gateway, "order_2")
    first = anew()
    first.sees(Status.COMPLETED, "order_1")
    first.sees(Status.RUNNING, "order_2")
    ends(gateway, "order_2")
    histories = gateway.calls["history"]
    anew().sees(Status.COMPLETED, "order_2")
    assert gateway.calls["history"] == histories + 1
    assert len(runs_of(first.ledger, "order_1")) == 1


def test_a_kill_between_reading_and_writing_loses_nothing(
    gateway: FakeGateway, anew: Anew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read and not written is read again by the next recorder."""
    put_running(gateway)
    ends(gateway)
    first = anew()
    with monkeypatch.context() as killed:
        killed.setattr(first.ledger.runs, "ingest", _unavailable)
        with pytest.raises(LedgerUnavailable):
            first.turns()
    second = anew()
    second.sees(Status.COMPLETED)
    assert archived(second.ledger)


def test_a_finished_life_without_a_history_is_read(gateway: FakeGateway, anew: Anew) -> None:
    """What an action wrote down of an end is completed by the recorder."""
    put_running(gateway)
    ends(gateway)
    turning = anew()
    turning.ledger.runs.ingest([replace(done(), history=None)])
    turning.until(lambda: archived(turning.ledger), "the history")
    assert len(runs_of(turning.ledger)) == 1


def test_an_end_is_followed_until_its_history_is_there(
    gateway: FakeGateway, turning: Turning
) -> None:
    """An instance is done with when it is archived, not before."""
    put_running(gateway)
    ends(gateway)
    events = gateway.events.pop(ID)
    turning.sees(Status.COMPLETED)
    turning.turns(10)
    assert not archived(turning.ledger)
    gateway.events[ID] = events
    turning.until(lambda: archived(turning.ledger), "the history")


def test_an_instance_that_cannot_be_read_stops_no_other(
    gateway: FakeGateway, turning: Turning
) -> None:
    """A broken history is left aside; what the state tells is known all the same."""
    for name in ("order_1", "order_2"):
        put_running(gateway, name)
        ends(gateway, name)
    read = gateway.history

    def history(instance_id: str) -> Any:
        if instance_id == "order_1":
            raise refused(1)[0]
        return read(instance_id)

    gateway.history = history  # type: ignore[method-assign]
    turning.sees(Status.COMPLETED, "order_2")
    turning.sees(Status.COMPLETED, "order_1")
    assert not archived(turning.ledger, "order_1")
    gateway.history = read  # type: ignore[method-assign]
    turning.until(lambda: archived(turning.ledger, "order_1"), "the history is had in the end")


def test_an_instance_whose_timeline_cannot_be_made_stops_no_other(
    gateway: FakeGateway, turning: Turning
) -> None:
    """Whatever a history does to the code that reads it."""
    put_running(gateway, "order_1")
    gateway.events["order_1"] = (None,)  # type: ignore[assignment]
    put_running(gateway, "order_2")
    turning.sees(Status.RUNNING, "order_1")
    turning.sees(Status.RUNNING, "order_2")


def test_an_instance_that_the_ledger_cannot_hold_stops_no_other(
    gateway: FakeGateway, turning: Turning
) -> None:
    """The others of its batch are written one by one."""
    for name in ("order_1", "order_2", "order_3"):
        put_running(gateway, name)
    gateway.put(replace(gateway.instances["order_2"], input=7))  # type: ignore[arg-type]
    turning.sees(Status.RUNNING, "order_1")
    turning.sees(Status.RUNNING, "order_3")
    assert statuses(turning.ledger, "order_2") == []


def test_a_trouble_is_logged_once(
    gateway: FakeGateway, turning: Turning, log_lines: LogLines
) -> None:
    """An instance that cannot be read is one line, however often it is tried."""
    log_lines.configure("info")
    put_running(gateway)
    gateway.errors["history"] = refused(5)
    turning.until(lambda: gateway.calls["history"] > 5, "it is read in the end")
    lines = [line for line in log_lines.events() if line["level"] == "warning"]
    assert [line["event"] for line in lines] == [f"cannot read {ID}"]
    assert "it is broken" in lines[0]["exception"]


def test_one_that_is_slow_to_read_keeps_no_other_waiting(
    gateway: FakeGateway, turning: Turning
) -> None:
    """A history that takes long is waited for beside the rest."""
    put_running(gateway, "order_slow")
    let_go = threading.Event()
    read = gateway.history

    def history(instance_id: str) -> Any:
        if instance_id == "order_slow":
            let_go.wait(5)
        return read(instance_id)

    gateway.history = history  # type: ignore[method-assign]
    turning.recorder.turn()
    put_running(gateway, "order_2")
    ends(gateway, "order_2")
    turning.sees(Status.COMPLETED, "order_2")
    assert statuses(turning.ledger, "order_slow") == []
    let_go.set()
    turning.sees(Status.RUNNING, "order_slow")


def test_a_broken_list_blinds_nobody(
    gateway: FakeGateway, turning: Turning, log_lines: LogLines
) -> None:
    """While one id breaks the list, what is known is followed; that is said once."""
    log_lines.configure("info")
    put_running(gateway)
    turning.sees(Status.RUNNING)
    gateway.errors["ids"] = refused(6)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    turning.until(lambda: not gateway.errors["ids"], "the list is asked for")
    put_running(gateway, "order_2")
    turning.sees(Status.RUNNING, "order_2")
    told = [line["event"] for line in log_lines.events() if "list" in line["event"]]
    assert told == [
        "the engine cannot list its instances",
        "the engine lists its instances again",
    ]


def test_while_the_engine_is_away_that_is_what_the_ledger_says(
    gateway: FakeGateway, anew: Anew, log_lines: LogLines
) -> None:
    """The outage is in the heartbeat with its start, in the log once, and gone when it is over."""
    log_lines.configure("info")
    turning = anew(outage_grace=0)
    put_running(gateway)
    turning.sees(Status.RUNNING)
    gateway.errors = {call: gone(20) for call in ("health", "state", "ids")}
    turning.until(lambda: turning.ledger.heartbeat().outages, "the outage")
    (outage,) = turning.ledger.heartbeat().outages
    assert (outage.service, outage.reason) == (Service.SIDECAR, str(gone(1)[0]))
    while gateway.errors["health"]:
        turning.recorder.turn()
        assert turning.ledger.heartbeat().outages in ((outage,), ())
    assert statuses(turning.ledger) == [Status.RUNNING]
    ends(gateway)
    gateway.errors = {}
    turning.sees(Status.COMPLETED)
    assert turning.ledger.heartbeat().outages == ()
    told = [line["event"] for line in log_lines.events() if "sidecar" in line["event"]]
    assert told == ["sidecar is away", "sidecar is back"]


def test_an_outage_that_outlives_a_recorder_keeps_its_beginning(
    gateway: FakeGateway, ledger: Ledger, anew: Anew
) -> None:
    """The next recorder says from its first turn on what the last one said."""
    known = Outage(Service.SIDECAR, at(0), str(gone(1)[0]))
    ledger.write_heartbeat(at(5), [known])
    gateway.errors = {call: gone(20) for call in ("health", "state", "ids")}
    recorder = anew().recorder
    for _ in range(3):
        recorder.turn()
        assert ledger.heartbeat().outages == (known,)


def test_an_outage_keeps_its_beginning_when_the_ledger_is_another(
    gateway: FakeGateway, ledger: Ledger, other_url: str
) -> None:
    """A new ledger tells of no outage: what this process knows is not forgotten for that."""
    gateway.errors = {call: gone(20) for call in ("health", "state", "ids")}
    application = Application(gateway, replace(EAGER, outage_grace=0))
    with closing(open_ledger(other_url).for_app(APP)) as other:
        for each in (ledger, other):
            with closing(Recorder(application, each)) as recorder:
                recorder.turn()
        assert other.heartbeat().outages == ledger.heartbeat().outages != ()


def test_reads_in_vain_are_given_up(gateway: FakeGateway, turning: Turning) -> None:
    """Hundreds of instances are not each tried on an engine that does not answer."""
    for number in range(300):
        put_running(gateway, f"order_{number}")
    read, tried = gateway.state, []

    def state(instance_id: str) -> Any:
        tried.append(instance_id)
        threading.Event().wait(0.05)
        raise gone(1)[0]

    gateway.state = state  # type: ignore[method-assign]
    turning.recorder.turn()
    gateway.errors["health"] = gone(1000)
    for _ in range(9):
        turning.recorder.turn()
    assert 0 < len(tried) < 100
    gateway.errors.clear()
    gateway.state = read  # type: ignore[method-assign]
    turning.until(lambda: len(turning.ledger.runs.unfinished()) == 300, "all are read")


def test_a_clock_that_is_set_back_stops_nothing(gateway: FakeGateway, ledger: Ledger) -> None:
    """What happens after it is in the ledger at once."""
    application, times = Application(gateway, EAGER), [datetime.now(UTC)]
    application.clock = Clock(lambda: times[-1])
    with closing(Recorder(application, ledger)) as recorder:
        turning = Turning(gateway, ledger, recorder)
        put_running(gateway)
        turning.sees(Status.RUNNING)
        times.append(datetime(2020, 1, 1, tzinfo=UTC))
        moves(gateway, status=Status.SUSPENDED)
        turning.sees(Status.SUSPENDED)
        vanishes(gateway)
        turning.sees(Status.UNKNOWN)


def test_a_clock_that_is_set_forward_is_followed() -> None:
    """Other processes write with it, too."""
    times = [datetime.now(UTC)]
    clock = Clock(lambda: times[-1])
    times.append(datetime(2126, 1, 1, tzinfo=UTC))
    assert clock.now() == times[-1]


def test_old_news_of_another_process_do_not_stay(gateway: FakeGateway, turning: Turning) -> None:
    """What it read before, and wrote after the recorder had read the same, is put right."""
    put_running(gateway)
    turning.sees(Status.RUNNING)
    old = read_snapshot(gateway, ID)
    assert old
    moves(gateway, status=Status.SUSPENDED)
    turning.sees(Status.SUSPENDED)
    turning.ledger.runs.ingest([replace(old, read_at=datetime.now(UTC))])
    assert statuses(turning.ledger) == [Status.RUNNING]
    turning.sees(Status.SUSPENDED)


def test_news_that_the_ledger_did_not_take_are_written_again(
    gateway: FakeGateway, turning: Turning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nothing that looks older than what it has: the next read looks newer."""
    put_running(gateway)
    turning.sees(Status.RUNNING)
    moves(gateway, status=Status.SUSPENDED)
    record = turning.ledger.runs.ingest

    def take_nothing(_: object) -> set[str]:
        monkeypatch.setattr(turning.ledger.runs, "ingest", record)
        return {ID}

    monkeypatch.setattr(turning.ledger.runs, "ingest", take_nothing)
    turning.sees(Status.SUSPENDED)


def test_what_another_process_saw_whose_clock_is_ahead_does_not_stay(
    gateway: FakeGateway, turning: Turning
) -> None:
    """However often the recorder reads the news before its own clock comes to that time."""
    put_running(gateway)
    turning.sees(Status.RUNNING)
    old = read_snapshot(gateway, ID)
    assert old
    turning.ledger.runs.ingest([replace(old, read_at=datetime.now(UTC) + AHEAD)])
    moves(gateway, status=Status.SUSPENDED)
    turning.turns(5)
    turning.sees(Status.SUSPENDED)


def test_an_end_that_looks_old_is_written_in_the_end(
    gateway: FakeGateway, turning: Turning
) -> None:
    """It is not over before the ledger has its history."""
    put_running(gateway)
    old = read_snapshot(gateway, ID)
    assert old
    unknown = replace(old, timeline=Timeline(), history=None, read_at=datetime.now(UTC) + AHEAD)
    turning.ledger.runs.ingest([unknown])
    gateway.events[ID] = (HistoryEvent(-1, at(0), "executionStarted"),)
    ends(gateway)
    turning.turns(5)
    turning.until(lambda: archived(turning.ledger), "its history")


def test_what_ended_long_ago_and_is_looked_at_again_was_not_late(
    gateway: FakeGateway, turning: Turning
) -> None:
    """A trace may tell of an activity that began after its instance was terminated."""
    turning.ledger.write_heartbeat(at(0), ())
    put_running(gateway)
    ends(gateway)
    turning.sees(Status.COMPLETED)
    meter = turning.recorder._meter
    meter._lags.clear()
    turning.recorder._schedule.wake(ID, 0)
    turning.turns(1)
    assert not meter._lags


def test_a_ledger_that_went_back_is_not_taken_for_the_same(
    gateway: FakeGateway, turning: Turning, other_url: str
) -> None:
    """One that was restored is another: the recorder says so, to be begun anew."""
    put_running(gateway)
    turning.turns()
    other = open_ledger(other_url).for_app(APP)
    turning.recorder._ledger = other
    with pytest.raises(LedgerUnavailable, match="replaced by an older one"):
        turning.recorder.turn()
    other.close()


def test_a_page_of_the_list_is_never_of_size_0(gateway: FakeGateway, turning: Turning) -> None:
    """Dapr panics."""
    sizes = []
    listed = gateway.ids

    def ids(page_size: int = 1000, token: str = "") -> Any:
        sizes.append(page_size)
        return listed(page_size, token)

    gateway.ids = ids  # type: ignore[method-assign]
    put_running(gateway)
    turning.sees(Status.RUNNING)
    assert min(sizes) > 0


def test_each_turn_gives_a_sign_of_life(turning: Turning) -> None:
    """Also where there is nothing to do."""
    turning.recorder.turn()
    write_heartbeat = turning.ledger.heartbeat().heartbeat_at
    assert write_heartbeat
    turning.until(
        lambda: turning.ledger.heartbeat().heartbeat_at != write_heartbeat, "another beat"
    )


def test_how_far_it_is_behind_is_told_until_it_has_caught_up(
    gateway: FakeGateway, turning: Turning
) -> None:
    """First what was listed and not read, then nothing; what comes from then on is news."""
    assert turning.ledger.heartbeat().backlog is None
    for number in range(MANY):
        put_running(gateway, f"order_{number}")
    told: list[int] = []

    def caught_up() -> bool:
        backlog = turning.ledger.heartbeat().backlog
        assert backlog is not None
        told.append(backlog)
        return backlog == 0

    turning.until(caught_up, "nothing is left to read")
    assert told == sorted(told, reverse=True)
    assert MANY > told[0] > 0
    put_running(gateway)
    turning.sees(Status.RUNNING)
    assert turning.ledger.heartbeat().backlog == 0


def test_what_cannot_be_read_is_not_waited_for(gateway: FakeGateway, turning: Turning) -> None:
    """It has caught up as far as it can."""
    gateway.errors["state"] = refused(1000)
    turning.ledger.runs.ingest([pending()])
    turning.until(lambda: turning.ledger.heartbeat().backlog == 0, "it has caught up")


def test_how_far_it_is_behind_is_not_known_without_a_list(
    gateway: FakeGateway, turning: Turning, log_lines: LogLines
) -> None:
    """What there is by then is caught up with as soon as there is a list."""
    log_lines.configure("info")
    gateway.errors["ids"] = refused(9)
    for number in range(MANY):
        put_running(gateway, f"order_{number}")
    while gateway.errors["ids"]:
        turning.recorder.turn()
        assert turning.ledger.heartbeat().backlog is None
    assert "caught up" not in "".join(line["event"] for line in log_lines.events())
    turning.until(lambda: turning.ledger.heartbeat().backlog, "it catches up")
    turning.until(lambda: turning.ledger.heartbeat().backlog == 0, "it has caught up")
    metrics = turning.ledger.heartbeat().metrics
    assert metrics
    assert metrics.lag_p95 is None


def test_what_happened_while_no_recorder_was_there_came_late(
    gateway: FakeGateway, turning: Turning
) -> None:
    """From the last beat of the one before on: that is how long it could not be read."""
    now = (datetime.now(UTC) - at(0)).total_seconds()
    turning.ledger.write_heartbeat(at(now - 1000), ())
    put_running(gateway, "order_old", since=now - 2000)
    put_running(gateway, since=now - 500)

    def lag() -> float | None:
        metrics = turning.ledger.heartbeat().metrics
        return metrics.lag_p95 if metrics else None

    turning.until(lambda: len(turning.ledger.runs.unfinished()) == 2, "both are there")
    turning.until(lag, "a lag")
    assert lag() == pytest.approx(500, abs=60)


def _unavailable(_: object) -> None:
    raise LedgerUnavailable("database is locked")
