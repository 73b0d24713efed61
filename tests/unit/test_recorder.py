"""What the recorder writes into a real ledger, cycle by cycle, for an engine in memory."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError, LedgerUnavailable
from operations.history import HistoryEvent
from operations.ledger import Ledger, Reservation, open_ledger
from operations.ledger.db.connections import reading
from operations.model import Service, Status
from operations.recorder.readers import Clock
from operations.recorder.recorder import FollowedApplication, Recorder
from operations.recorder_report import Outage
from operations.snapshots import read_snapshot
from operations.timeline import Timeline
from tests.unit.conftest import LogLines
from tests.unit.engine import finish_instance, put_running, remove_instance, update_instance
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER, RecorderSetup
from tests.unit.runs import ANN
from tests.unit.snapshots import (
    APP,
    ID,
    at,
    details_of,
    done,
    pending,
    runs_of,
    snapshot,
    statuses,
    summary,
)
from tests.unit.test_repetition import put_repeating

pytestmark = pytest.mark.both_databases


def outage_errors(times: int) -> list[FlowdeckError]:
    """Return the errors of `times` calls while the engine is away."""
    return [DaprUnavailable("no sidecar accepts the connection") for _ in range(times)]


def refusals(times: int) -> list[FlowdeckError]:
    """Return the errors of `times` calls that the engine refuses."""
    return [DaprRefused("The Dapr engine refused: UNKNOWN: it is broken.") for _ in range(times)]


AHEAD = timedelta(seconds=1.5)  # by which another process's clock is ahead
MANY = 500  # instances: more than are read at once


MakeSetup = Callable[..., RecorderSetup]


@pytest.fixture
def make_setup(gateway: FakeGateway, ledger: Ledger) -> Iterator[MakeSetup]:
    """Return a function that creates a recorder with other limits; it knows only the ledger."""
    recorders: list[Recorder] = []

    def make(**limits: Any) -> RecorderSetup:
        recorders.append(Recorder(FollowedApplication(gateway, replace(EAGER, **limits)), ledger))
        return RecorderSetup(gateway, ledger, recorders[-1])

    yield make
    for recorder in recorders:
        recorder.close()


@pytest.fixture
def setup(make_setup: MakeSetup) -> RecorderSetup:
    """Return a recorder on an empty ledger."""
    return make_setup()


def archived(ledger: Ledger, instance_id: str = ID) -> bool:
    """Return True if the ledger has the history of the latest run."""
    run = ledger.runs.latest(instance_id)
    details = ledger.runs.details(run.run_id) if run else None
    return bool(details and details.history)


def use_again(gateway: FakeGateway, ledger: Ledger) -> None:
    """Purge the instance and start another with its id, as the actions do."""
    put_running(gateway, execution="e2", since=60)
    ledger.runs.mark_purged({ID: datetime.now(UTC)})
    reserve(ledger)
    ledger.runs.ingest([pending(read_at=datetime.now(UTC))])


def reserve(ledger: Ledger, instance_id: str = ID) -> None:
    """Reserve an id, as an action does before it starts an instance."""
    wanted = Reservation(instance_id, "order_workflow", "{}", ANN)
    assert ledger.reservations.claim(wanted, ledger.reservations.latest(instance_id))


def test_a_listed_instance_is_followed_to_its_end(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The recorder finds it in the list, and archives it with its output and history."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    details = details_of(setup.ledger, summary(setup.ledger))
    assert (details.output, details.history) == ('"done"', gateway.events[ID])


def test_a_later_snapshot_of_another_process_outweighs_an_absence(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A process recorded the instance after this read, so the read does not mark it as purged."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)

    def record_elsewhere() -> None:
        setup.ledger.runs.ingest([snapshot(read_at=datetime.now(UTC))])

    gateway.during["state"] = record_elsewhere
    remove_instance(gateway)
    setup.until_reads(1)
    setup.until_lists()
    assert statuses(setup.ledger) == [Status.RUNNING]
    assert summary(setup.ledger).purged_at is None


def test_a_finished_instance_is_read_once(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """Its history is not read again, although the engine lists it again."""
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    reads = gateway.calls["state"], gateway.calls["history"]
    setup.until_lists()
    assert (gateway.calls["state"], gateway.calls["history"]) == reads == (1, 1)


def test_the_history_of_an_unchanged_instance_is_not_read_again(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Only its state is read again, and nothing is written."""
    put_running(gateway)
    setup.until_reads(5)
    assert gateway.calls["history"] == 1
    assert setup.ledger.heartbeat().revision == 1


def test_the_growing_history_of_a_suspended_instance_is_read_once(
    gateway: FakeGateway, ledger: Ledger, setup: RecorderSetup
) -> None:
    """Its application repeats an action; only the state is read again, and nothing is written."""
    put_repeating(gateway)
    setup.until_status(Status.SUSPENDED)
    revision = ledger.heartbeat().revision
    gateway.during["state"] = lambda: update_instance(gateway, status=Status.SUSPENDED)
    setup.until_reads(5)
    assert gateway.calls["history"] == 1
    assert ledger.heartbeat().revision == revision
    assert summary(ledger).repeats == "timer"


def test_a_reserved_id_is_followed(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """The engine need not list it."""
    setup.recorder.cycle()
    gateway.errors["ids"] = refusals(1000)
    put_running(gateway)
    reserve(setup.ledger)
    setup.until_status(Status.RUNNING)


def test_a_reserved_id_is_read_until_the_engine_has_it(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The reservation is written before the call."""
    setup.recorder.cycle()
    gateway.errors["ids"] = refusals(1000)
    reserve(setup.ledger)
    setup.until_reads(2)
    assert setup.ledger.runs.latest(ID) is None
    put_running(gateway)
    setup.until_status(Status.RUNNING)


def test_a_reserved_id_that_never_starts_is_not_followed_for_ever(
    gateway: FakeGateway, make_setup: MakeSetup
) -> None:
    """The start may have been refused."""
    setup = make_setup(reserved=0)
    setup.recorder.cycle()
    reserve(setup.ledger)
    setup.until_reads(1)
    setup.until_lists()
    assert gateway.calls["state"] == 1
    assert len(setup.recorder._schedule) == 0


def test_a_reserved_id_that_was_used_before_is_followed_again(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Until the start the engine has the finished run, and each read costs only a state."""
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    histories = gateway.calls["history"]
    reserve(setup.ledger)
    setup.until_reads(2)
    assert gateway.calls["history"] == histories
    put_running(gateway, execution="e2", since=60)
    setup.until_status(Status.RUNNING)


def test_any_number_of_starts_by_other_processes_is_followed(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Thousands of runs that were recorded between two cycles are all followed."""
    setup.recorder.cycle()
    gateway.errors["ids"] = refusals(1000)
    ids = [f"order_{number}" for number in range(2500)]
    for instance_id in ids:
        put_running(gateway, instance_id)
    setup.ledger.runs.ingest([pending(instance_id=each, read=0) for each in ids])
    unfinished = setup.ledger.runs.unfinished
    setup.until(lambda: gateway.calls["history"] >= len(ids), "all are read")
    setup.until(lambda: all(each.status is Status.RUNNING for each in unfinished()), "all run")


def test_a_run_that_another_process_changed_is_read_at_once(
    gateway: FakeGateway, make_setup: MakeSetup
) -> None:
    """A run that is read once a minute is read right after an operator's action."""
    setup = make_setup(quiet_interval=60)
    put_running(gateway)
    update_instance(gateway, status=Status.SUSPENDED)
    setup.until_status(Status.SUSPENDED)
    update_instance(gateway)
    changed = read_snapshot(gateway, ID)
    assert changed
    setup.ledger.runs.ingest([changed])
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)


def test_an_instance_that_disappears_is_marked_as_purged(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """If its end was not read, the ledger keeps the history so far."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    history = gateway.events[ID]
    remove_instance(gateway)
    setup.until_status(Status.UNKNOWN)
    run = summary(setup.ledger)
    assert run.purged_at
    details = details_of(setup.ledger, run)
    assert details.history == history


def test_a_finished_instance_that_is_not_listed_is_marked_as_purged(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The ledger keeps its end, for example after the engine's retention deleted it."""
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    remove_instance(gateway)
    setup.until(lambda: summary(setup.ledger).purged_at, "it is marked as purged")
    assert statuses(setup.ledger) == [Status.COMPLETED]


def test_an_id_that_is_used_again_after_a_purge_is_followed_again(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The ledger has the new run of an action before the engine lists it."""
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    use_again(gateway, setup.ledger)
    setup.until_status(Status.RUNNING)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    assert statuses(setup.ledger) == [Status.COMPLETED] * 2
    assert [each.execution_id for each in runs_of(setup.ledger)] == ["e2", "e1"]


@pytest.mark.parametrize("is_new", [False, True])
def test_an_id_that_is_used_again_without_a_purge_is_followed_again(
    gateway: FakeGateway,
    make_setup: MakeSetup,
    is_new: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The engine erases the earlier run without notice, and no trace may arrive."""
    rechecks = {"recheck_round": 0, "rechecks": 1000}
    put_running(gateway)
    finish_instance(gateway)
    setup = make_setup(**rechecks)
    setup.until_status(Status.COMPLETED)
    put_running(gateway, execution="e2", since=60)
    setup = make_setup(**rechecks) if is_new else setup
    setup.until_status(Status.RUNNING)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    assert [each.execution_id for each in runs_of(setup.ledger)] == ["e2", "e1"]
    histories = gateway.calls["history"]
    setup.until_reads(10)
    assert gateway.calls["history"] == histories


def test_an_id_that_is_used_again_while_its_end_is_read_is_followed_again(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A late end of the earlier run is not taken for the end of the new run."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    finish_instance(gateway)
    read, reading, may_end = gateway.history, threading.Event(), threading.Event()

    def history(instance_id: str) -> Any:
        events = read(instance_id)
        reading.set()
        may_end.wait(5)
        return events

    gateway.history = history  # type: ignore[method-assign]
    setup.until(reading.is_set, "its end is being read")
    use_again(gateway, setup.ledger)
    setup.recorder.cycle()
    may_end.set()
    setup.until(lambda: len(runs_of(setup.ledger)) == 2, "both runs are recorded")
    setup.until_status(Status.RUNNING)


def test_a_recorder_continues_where_the_previous_one_stopped(
    gateway: FakeGateway, make_setup: MakeSetup
) -> None:
    """It follows unfinished runs, and does not read finished ones again."""
    put_running(gateway, "order_1")
    finish_instance(gateway, "order_1")
    put_running(gateway, "order_2")
    first = make_setup()
    first.until_status(Status.COMPLETED, "order_1")
    first.until_status(Status.RUNNING, "order_2")
    finish_instance(gateway, "order_2")
    histories = gateway.calls["history"]
    make_setup().until_status(Status.COMPLETED, "order_2")
    assert gateway.calls["history"] == histories + 1
    assert len(runs_of(first.ledger, "order_1")) == 1


def test_a_kill_between_reading_and_writing_loses_nothing(
    gateway: FakeGateway, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next recorder reads again what was not written."""
    put_running(gateway)
    finish_instance(gateway)
    first = make_setup()
    with monkeypatch.context() as killed:
        killed.setattr(first.ledger.runs, "ingest", _unavailable)
        with pytest.raises(LedgerUnavailable):
            first.until_reads()
    second = make_setup()
    second.until_status(Status.COMPLETED)
    assert archived(second.ledger)


def test_a_finished_run_without_a_history_is_read(
    gateway: FakeGateway, make_setup: MakeSetup
) -> None:
    """The recorder adds the history to an end that an action recorded."""
    put_running(gateway)
    finish_instance(gateway)
    setup = make_setup()
    setup.ledger.runs.ingest([replace(done(), history=None)])
    setup.until(lambda: archived(setup.ledger), "the history")
    assert len(runs_of(setup.ledger)) == 1


def test_a_finished_run_is_followed_until_its_history_is_archived(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The engine may return the end before the history."""
    put_running(gateway)
    finish_instance(gateway)
    events = gateway.events.pop(ID)
    setup.until_status(Status.COMPLETED)
    setup.until_reads(10)
    assert not archived(setup.ledger)
    gateway.events[ID] = events
    setup.until(lambda: archived(setup.ledger), "the history")


def test_an_unreadable_history_does_not_block_other_instances(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The state of the instance is recorded without its history."""
    for name in ("order_1", "order_2"):
        put_running(gateway, name)
        finish_instance(gateway, name)
    read = gateway.history

    def history(instance_id: str) -> Any:
        if instance_id == "order_1":
            raise refusals(1)[0]
        return read(instance_id)

    gateway.history = history  # type: ignore[method-assign]
    setup.until_status(Status.COMPLETED, "order_2")
    setup.until_status(Status.COMPLETED, "order_1")
    assert not archived(setup.ledger, "order_1")
    gateway.history = read  # type: ignore[method-assign]
    setup.until(lambda: archived(setup.ledger, "order_1"), "the history is archived")


def test_an_unexpected_error_does_not_block_other_instances(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A history may break the code that reads it."""
    put_running(gateway, "order_1")
    gateway.events["order_1"] = (None,)  # type: ignore[assignment]
    put_running(gateway, "order_2")
    setup.until_status(Status.RUNNING, "order_1")
    setup.until_status(Status.RUNNING, "order_2")


def test_an_instance_that_the_ledger_refuses_does_not_block_others(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The other snapshots of its batch are written one by one."""
    for name in ("order_1", "order_2", "order_3"):
        put_running(gateway, name)
    gateway.put(replace(gateway.instances["order_2"], input=7))  # type: ignore[arg-type]
    setup.until_status(Status.RUNNING, "order_1")
    setup.until_status(Status.RUNNING, "order_3")
    assert statuses(setup.ledger, "order_2") == []


def test_a_failure_is_logged_once(
    gateway: FakeGateway, setup: RecorderSetup, log_lines: LogLines
) -> None:
    """An instance that cannot be read is one line, even after several reads."""
    log_lines.configure("info")
    put_running(gateway)
    gateway.errors["history"] = refusals(5)
    setup.until(lambda: gateway.calls["history"] > 5, "the history is read")
    lines = [line for line in log_lines.events() if line["level"] == "warning"]
    assert [line["event"] for line in lines] == [f"cannot read {ID}"]
    assert "it is broken" in lines[0]["reason"]
    assert "exception" not in lines[0]


def test_a_slow_read_does_not_delay_the_others(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """Other instances are recorded while one history is being read."""
    put_running(gateway, "order_slow")
    may_end = threading.Event()
    read = gateway.history

    def history(instance_id: str) -> Any:
        if instance_id == "order_slow":
            may_end.wait(5)
        return read(instance_id)

    gateway.history = history  # type: ignore[method-assign]
    setup.recorder.cycle()
    put_running(gateway, "order_2")
    finish_instance(gateway, "order_2")
    setup.until_status(Status.COMPLETED, "order_2")
    assert statuses(setup.ledger, "order_slow") == []
    may_end.set()
    setup.until_status(Status.RUNNING, "order_slow")


def test_known_runs_are_followed_while_the_list_is_refused(
    gateway: FakeGateway, setup: RecorderSetup, log_lines: LogLines
) -> None:
    """The refusal is logged once."""
    log_lines.configure("info")
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.errors["ids"] = refusals(6)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    setup.until(lambda: not gateway.errors["ids"], "the list is read")
    put_running(gateway, "order_2")
    setup.until_status(Status.RUNNING, "order_2")
    events = [line["event"] for line in log_lines.events() if "list" in line["event"]]
    assert events == [
        "the engine cannot list its instances",
        "the engine lists its instances again",
    ]


def test_the_ledger_has_an_outage_while_the_engine_is_away(
    gateway: FakeGateway, make_setup: MakeSetup, log_lines: LogLines
) -> None:
    """The heartbeat has the outage with its start until the engine is back; the log has it once."""
    log_lines.configure("info")
    setup = make_setup(outage_grace=0)
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.errors = {call: outage_errors(20) for call in ("health", "state", "ids")}
    setup.until(lambda: setup.ledger.heartbeat().outages, "the outage")
    (outage,) = setup.ledger.heartbeat().outages
    assert (outage.service, outage.reason) == (Service.SIDECAR, str(outage_errors(1)[0]))
    while gateway.errors["health"]:
        setup.recorder.cycle()
        assert setup.ledger.heartbeat().outages in ((outage,), ())
    assert statuses(setup.ledger) == [Status.RUNNING]
    finish_instance(gateway)
    gateway.errors = {}
    setup.until_status(Status.COMPLETED)
    assert setup.ledger.heartbeat().outages == ()
    events = [line["event"] for line in log_lines.events() if "sidecar" in line["event"]]
    assert events == ["sidecar is away", "sidecar is back"]


@pytest.mark.parametrize("errors", [outage_errors(1), refusals(1)])
def test_an_answer_of_an_unknown_application_is_read_again(
    gateway: FakeGateway, make_setup: MakeSetup, errors: list[FlowdeckError]
) -> None:
    """If the sidecar does not name its application then, the answer is not recorded."""
    setup = make_setup()
    put_running(gateway)
    gateway.errors["app_id"] = errors
    setup.until_reads()
    assert statuses(setup.ledger) == []
    gateway.errors = {}
    setup.until_status(Status.RUNNING)


def test_an_outage_keeps_its_start_after_a_restart(
    gateway: FakeGateway, ledger: Ledger, make_setup: MakeSetup
) -> None:
    """The next recorder reports the outage of the previous one from its first cycle."""
    known = Outage(Service.SIDECAR, at(0), str(outage_errors(1)[0]))
    ledger.write_heartbeat(at(5), [known])
    gateway.errors = {call: outage_errors(20) for call in ("health", "state", "ids")}
    recorder = make_setup().recorder
    for _ in range(3):
        recorder.cycle()
        assert ledger.heartbeat().outages == (known,)


def test_an_outage_keeps_its_start_in_another_ledger(
    gateway: FakeGateway, ledger: Ledger, other_url: str
) -> None:
    """A new ledger has no outage, but the process remembers it."""
    gateway.errors = {call: outage_errors(20) for call in ("health", "state", "ids")}
    application = FollowedApplication(gateway, replace(EAGER, outage_grace=0))
    with closing(open_ledger(other_url).for_app(APP)) as other:
        for each in (ledger, other):
            with closing(Recorder(application, each)) as recorder:
                recorder.cycle()
        assert other.heartbeat().outages == ledger.heartbeat().outages != ()


def test_queued_reads_are_cancelled_in_an_outage(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Hundreds of instances are not all read from an engine that does not answer."""
    for number in range(300):
        put_running(gateway, f"order_{number}")
    read, attempted = gateway.state, []

    def state(instance_id: str) -> Any:
        attempted.append(instance_id)
        threading.Event().wait(0.05)
        raise outage_errors(1)[0]

    gateway.state = state  # type: ignore[method-assign]
    setup.recorder.cycle()
    gateway.errors["health"] = outage_errors(1000)
    for _ in range(9):
        setup.recorder.cycle()
    assert 0 < len(attempted) < 100
    gateway.errors.clear()
    gateway.state = read  # type: ignore[method-assign]
    setup.until(lambda: len(setup.ledger.runs.unfinished()) == 300, "all are read")


def test_a_clock_that_is_set_back_does_not_stop_the_recorder(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Later changes are in the ledger at once."""
    application, times = FollowedApplication(gateway, EAGER), [datetime.now(UTC)]
    application.clock = Clock(lambda: times[-1])
    with closing(Recorder(application, ledger)) as recorder:
        setup = RecorderSetup(gateway, ledger, recorder)
        put_running(gateway)
        setup.until_status(Status.RUNNING)
        times.append(datetime(2020, 1, 1, tzinfo=UTC))
        update_instance(gateway, status=Status.SUSPENDED)
        setup.until_status(Status.SUSPENDED)
        remove_instance(gateway)
        setup.until_status(Status.UNKNOWN)


def test_a_clock_that_is_set_forward_is_followed() -> None:
    """Other processes write with the same clock."""
    times = [datetime.now(UTC)]
    clock = Clock(lambda: times[-1])
    times.append(datetime(2126, 1, 1, tzinfo=UTC))
    assert clock.now() == times[-1]


def test_a_pause_while_the_clock_is_read_counts_once() -> None:
    """Otherwise the recorder's clock would run ahead, and its reads outweigh later ones."""
    pauses = [0, 0.05, 0]

    def system() -> datetime:
        time.sleep(pauses.pop(0))
        return datetime.now(UTC)

    clock = Clock(system)
    clock.now()
    assert clock.now() < datetime.now(UTC) + timedelta(milliseconds=10)


def test_an_old_snapshot_of_another_process_is_corrected(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The process read it before the recorder did, and wrote it afterwards."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    old = read_snapshot(gateway, ID)
    assert old
    update_instance(gateway, status=Status.SUSPENDED)
    setup.until_status(Status.SUSPENDED)
    setup.ledger.runs.ingest([replace(old, read_at=datetime.now(UTC))])
    assert statuses(setup.ledger) == [Status.RUNNING]
    setup.until_status(Status.SUSPENDED)


def test_a_stale_snapshot_is_read_and_written_again(
    gateway: FakeGateway, setup: RecorderSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger refuses a snapshot that is older than its row; the next read has a later time."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    update_instance(gateway, status=Status.SUSPENDED)
    ingest = setup.ledger.runs.ingest

    def refuse_once(_: object) -> set[str]:
        monkeypatch.setattr(setup.ledger.runs, "ingest", ingest)
        return {ID}

    monkeypatch.setattr(setup.ledger.runs, "ingest", refuse_once)
    setup.until_status(Status.SUSPENDED)


def test_a_snapshot_of_a_clock_that_is_ahead_is_corrected(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The recorder repeats its reads until its own clock has reached that time."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    old = read_snapshot(gateway, ID)
    assert old
    setup.ledger.runs.ingest([replace(old, read_at=datetime.now(UTC) + AHEAD)])
    update_instance(gateway, status=Status.SUSPENDED)
    setup.until_reads(5)
    setup.until_status(Status.SUSPENDED)


def test_a_stale_end_is_written_later(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """The run is followed until the ledger has its history."""
    put_running(gateway)
    old = read_snapshot(gateway, ID)
    assert old
    unknown = replace(old, timeline=Timeline(), history=None, read_at=datetime.now(UTC) + AHEAD)
    setup.ledger.runs.ingest([unknown])
    gateway.events[ID] = (HistoryEvent(-1, at(0), "executionStarted"),)
    finish_instance(gateway)
    setup.until_reads(5)
    setup.until(lambda: archived(setup.ledger), "its history")


def test_another_read_of_a_finished_run_adds_no_lag(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A trace may report an attempt that started after its instance was terminated."""
    setup.ledger.write_heartbeat(at(0), ())
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    meter = setup.recorder._meter
    meter._lags.clear()
    setup.recorder._schedule.wake(ID, 0)
    setup.until_reads(1)
    assert not meter._lags


@pytest.mark.sqlite_alone
def test_the_statistics_of_sqlite_are_refreshed(
    gateway: FakeGateway, ledger: Ledger, make_setup: MakeSetup
) -> None:
    """They become current while the recorder runs, not only when it starts."""
    setup = make_setup(analyze_every=0)
    setup.recorder.cycle()
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    with reading(ledger._engine) as connection:
        tables = connection.execute(text("SELECT DISTINCT tbl FROM sqlite_stat1")).scalars()
        assert "runs" in tables


def test_a_page_of_the_list_never_has_size_0(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """Dapr would panic."""
    sizes = []
    listed = gateway.ids

    def ids(page_size: int = 1000, token: str = "") -> Any:
        sizes.append(page_size)
        return listed(page_size, token)

    gateway.ids = ids  # type: ignore[method-assign]
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    assert min(sizes) > 0


def test_each_turn_writes_a_heartbeat(setup: RecorderSetup) -> None:
    """An idle recorder writes heartbeats too."""
    setup.recorder.cycle()
    first = setup.ledger.heartbeat().heartbeat_at
    assert first
    setup.until(lambda: setup.ledger.heartbeat().heartbeat_at != first, "another heartbeat")


def test_the_backlog_is_reported_until_it_is_zero(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The backlog is what was listed and not read; later instances do not count."""
    assert setup.ledger.heartbeat().backlog is None
    for number in range(MANY):
        put_running(gateway, f"order_{number}")
    backlogs: list[int] = []

    def is_caught_up() -> bool:
        backlog = setup.ledger.heartbeat().backlog
        assert backlog is not None
        backlogs.append(backlog)
        return backlog == 0

    setup.until(is_caught_up, "nothing is left to read")
    assert backlogs == sorted(backlogs, reverse=True)
    assert MANY > backlogs[0] > 0
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    assert setup.ledger.heartbeat().backlog == 0


def test_an_unreadable_instance_does_not_stay_in_the_backlog(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A failed read counts as a read."""
    gateway.errors["state"] = refusals(1000)
    setup.ledger.runs.ingest([pending()])
    setup.until(lambda: setup.ledger.heartbeat().backlog == 0, "it has caught up")


def test_the_backlog_is_unknown_before_a_whole_list(
    gateway: FakeGateway, setup: RecorderSetup, log_lines: LogLines
) -> None:
    """The backlog of the first whole list is counted, and adds no lag."""
    log_lines.configure("info")
    gateway.errors["ids"] = refusals(9)
    for number in range(MANY):
        put_running(gateway, f"order_{number}")
    while gateway.errors["ids"]:
        setup.recorder.cycle()
        assert setup.ledger.heartbeat().backlog is None
    assert "caught up" not in "".join(line["event"] for line in log_lines.events())
    setup.until(lambda: setup.ledger.heartbeat().backlog, "there is a backlog")
    setup.until(lambda: setup.ledger.heartbeat().backlog == 0, "it has caught up")
    metrics = setup.ledger.heartbeat().metrics
    assert metrics
    assert metrics.lag_p95 is None


def test_events_while_no_recorder_ran_have_a_lag(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Their lag is counted from the last heartbeat of the previous recorder."""
    now = (datetime.now(UTC) - at(0)).total_seconds()
    setup.ledger.write_heartbeat(at(now - 1000), ())
    put_running(gateway, "order_old", since=now - 2000)
    put_running(gateway, since=now - 500)

    def lag() -> float | None:
        metrics = setup.ledger.heartbeat().metrics
        return metrics.lag_p95 if metrics else None

    setup.until(lambda: len(setup.ledger.runs.unfinished()) == 2, "both are recorded")
    setup.until(lag, "a lag")
    assert lag() == pytest.approx(500, abs=60)


def _unavailable(_: object) -> None:
    raise LedgerUnavailable("database is locked")
