"""Where the view of a run comes from: the engine, the ledger, or both."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from operations.errors import DaprUnavailable, HistoryLost, UnknownInstance
from operations.history import HistoryEvent
from operations.ledger import Ledger, Reservation
from operations.model import LOCAL_USER, Actor, Failure, Status
from operations.records import (
    OUTCOME_NOT_RECORDED,
    START,
    AuditEntry,
    Outcome,
    RunSummary,
)
from operations.run_view import View, view
from operations.snapshots import read_snapshot, snapshot_of_lost
from operations.timeline import Ending, StartTime
from tests.unit.engine import finish_instance, put_running, remove_instance, update_instance
from tests.unit.fakes import FakeGateway
from tests.unit.histories import recorded, recorded_state
from tests.unit.snapshots import (
    APP,
    ID,
    NOON,
    activity,
    at,
    pending,
    recorded_snapshot,
    runs_of,
    snapshot,
    state_only,
    summary,
)

pytestmark = pytest.mark.both_databases

ANN, BOB = Actor("Ann", "operator"), Actor("Bob", "admin")


def shown(gateway: FakeGateway, ledger: Ledger, *, dapr_unavailable: bool = False) -> View:
    """Return the view of the order's latest run."""
    return view(gateway, ledger, ID, dapr_unavailable=dapr_unavailable)


def record(gateway: FakeGateway, ledger: Ledger, instance_id: str = ID) -> None:
    """Record an instance as the engine has it."""
    snapshot = read_snapshot(gateway, instance_id)
    assert snapshot
    ledger.runs.ingest([snapshot])


def test_an_unfinished_run_is_read_from_the_engine(gateway: FakeGateway, ledger: Ledger) -> None:
    """The view is as fresh as the engine, even if the ledger's row is old."""
    put_running(gateway)
    record(gateway, ledger)
    update_instance(gateway, status=Status.SUSPENDED)
    found = shown(gateway, ledger)
    assert (found.summary.status, found.details.input) == (Status.SUSPENDED, "{}")
    assert found.details.history == gateway.events[ID]
    assert found.timeline.started_at == at(0)


def test_an_instance_that_the_ledger_does_not_know_is_shown(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The page of a new instance does not wait for the recorder, and does not write either."""
    put_running(gateway)
    found = shown(gateway, ledger)
    assert (found.summary.status, found.summary.run_id) == (Status.RUNNING, 0)
    assert (found.earlier, found.later) == (None, None)
    assert ledger.runs.latest(ID) is None
    assert ledger.heartbeat().revision == 0


def test_an_archived_run_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """The engine is not called, because the run no longer changes."""
    put_running(gateway)
    finish_instance(gateway)
    record(gateway, ledger)
    gateway.calls.clear()
    found = shown(gateway, ledger)
    assert not gateway.calls
    assert (found.summary.status, found.details.output) == (Status.COMPLETED, '"done"')
    assert found.details.history == gateway.events[ID]
    assert found.timeline.ended_at


def test_an_end_whose_history_is_not_archived_yet_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The view is complete right after the end."""
    put_running(gateway)
    finish_instance(gateway)
    ledger.runs.ingest([state_only(Status.COMPLETED, read=2)])
    assert shown(gateway, ledger).details.history == gateway.events[ID]


def test_a_purged_run_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """The ledger keeps the history."""
    put_running(gateway)
    finish_instance(gateway)
    record(gateway, ledger)
    events = gateway.events[ID]
    remove_instance(gateway)
    ledger.runs.mark_purged({ID: datetime.now(UTC)})
    assert shown(gateway, ledger).details.history == events


def test_the_timeline_of_a_run_that_was_purged_before_its_end_ends_at_the_purge(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Its open spans are cut off there, with and without an archived history."""
    running = recorded_snapshot("running")
    instance_id = running.instance.instance_id
    ledger.runs.ingest([running])
    purged_at = datetime.now(UTC)
    ledger.runs.mark_purged({instance_id: purged_at})
    for _ in range(2):
        timeline = view(gateway, ledger, instance_id, dapr_unavailable=False).timeline
        assert timeline.ended_at == purged_at
        assert {each.ending for each in timeline.spans} == {Ending.CUT_OFF}
        assert {each.ended_at for each in timeline.spans} == {purged_at}
        assert timeline.waiting is None
        ledger.runs.keep_histories([running])


def test_a_run_whose_history_is_lost_is_shown_as_it_was_read_last(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Cause and remedy are its failure, and no bar grows; before that, the read is refused."""
    running = recorded_snapshot("running")
    instance_id = running.instance.instance_id
    gateway.put(running.instance)
    gateway.lost.add(instance_id)
    ledger.runs.ingest([running])
    ledger.runs.keep_histories([running])
    with pytest.raises(HistoryLost) as refused:
        view(gateway, ledger, instance_id, dapr_unavailable=False)
    run = summary(ledger, instance_id)
    lost = snapshot_of_lost(run, refused.value, running.read_at + timedelta(seconds=6))
    ledger.runs.ingest([lost])
    found = view(gateway, ledger, instance_id, dapr_unavailable=False)
    assert found.details.failure == lost.instance.failure
    assert found.details.history == running.history
    assert found.timeline.spans
    assert {each.ending for each in found.timeline.spans} == {Ending.CUT_OFF}
    assert {each.ended_at for each in found.timeline.spans} == {run.last_updated_at}


def test_a_purged_run_that_is_not_marked_yet_is_read_from_the_ledger(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The recorder will mark it as purged."""
    put_running(gateway)
    record(gateway, ledger)
    remove_instance(gateway)
    found = shown(gateway, ledger)
    assert (found.summary.status, found.details.history) == (Status.RUNNING, None)


def test_while_the_engine_is_away_the_ledger_is_shown(gateway: FakeGateway, ledger: Ledger) -> None:
    """The timeline has the activities that were recorded."""
    ledger.runs.ingest([recorded_snapshot("retrying")])
    instance_id = recorded_state("retrying").instance_id
    found = view(gateway, ledger, instance_id, dapr_unavailable=True)
    assert not gateway.calls
    assert found.details.history is None
    assert found.timeline.started_at == found.summary.started_at
    assert {span.ending for span in found.timeline.spans} == {Ending.FAILED}


def test_an_unknown_id_is_refused(gateway: FakeGateway, ledger: Ledger) -> None:
    """While the engine is away, an id that the ledger lacks may still exist."""
    with pytest.raises(UnknownInstance):
        shown(gateway, ledger, dapr_unavailable=False)
    with pytest.raises(DaprUnavailable):
        shown(gateway, ledger, dapr_unavailable=True)


def test_an_unexpected_outage_is_raised(gateway: FakeGateway, ledger: Ledger) -> None:
    """An outage is not shown as something else."""
    put_running(gateway)
    gateway.errors["state"] = [DaprUnavailable("no sidecar accepts the connection")]
    with pytest.raises(DaprUnavailable):
        shown(gateway, ledger)


def test_a_failure_is_shown_completely(gateway: FakeGateway, ledger: Ledger) -> None:
    """The ledger has all of the failure."""
    failure = Failure("ValueError", "m" * 600, "a stack")
    ledger.runs.ingest([snapshot(Status.FAILED, failure=failure)])
    assert shown(gateway, ledger, dapr_unavailable=True).details.failure == failure


def claim(ledger: Ledger, actor: Actor) -> Reservation:
    """Reserve the id for a start, with its audit entry, as the actions do."""
    wanted = Reservation(ID, "order_workflow", "{}", actor)
    entry = AuditEntry(NOON, actor, START, ID, Outcome.UNKNOWN, message=OUTCOME_NOT_RECORDED)
    claimed = ledger.reservations.claim(wanted, ledger.reservations.latest(ID), entry)
    assert claimed
    return claimed


def test_the_actions_are_shown_with_the_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """The last action comes first; a start without a recorded outcome is shown too."""
    put_running(gateway)
    assert shown(gateway, ledger).audit_entries == ()
    claimed = claim(ledger, ANN)
    (start,) = shown(gateway, ledger).audit_entries
    assert (start.action, start.actor, start.outcome) == ("start", ANN, Outcome.UNKNOWN)
    assert (start.at, start.message) == (claimed.reserved_at, OUTCOME_NOT_RECORDED)
    ledger.reservations.accept(claimed)
    entry = AuditEntry(
        datetime(2126, 1, 1, tzinfo=UTC), LOCAL_USER, "pause", ID, Outcome.DONE, app_id=APP
    )
    ledger.audit_log.add(entry)
    last, first = shown(gateway, ledger).audit_entries
    assert last == entry
    assert (first.action, first.actor, first.outcome) == ("start", ANN, Outcome.DONE)


def test_the_archive_gives_the_same_timeline_as_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The archive has the whole history."""
    state = recorded_state("retried")
    gateway.put(state)
    gateway.events[state.instance_id] = recorded("retried")
    from_dapr = view(gateway, ledger, state.instance_id, dapr_unavailable=False)
    record(gateway, ledger, state.instance_id)
    from_archive = view(gateway, ledger, state.instance_id, dapr_unavailable=True)
    assert replace(from_dapr, summary=from_archive.summary) == from_archive


def three_runs(gateway: FakeGateway, ledger: Ledger) -> tuple[RunSummary, RunSummary, RunSummary]:
    """Record two finished runs and a running one; the engine has the last."""
    for number in (0, 1):
        since = 100 * number
        put_running(gateway, execution=f"e{number}", since=since)
        finish_instance(gateway)
        gateway.put(replace(gateway.instances[ID], input=str(number), output=f'"{number}"'))
        final = read_snapshot(gateway, ID, now=partial(at, since + 50))
        assert final
        ledger.runs.ingest([final])
        remove_instance(gateway)
    put_running(gateway, execution="e2", since=200)
    record(gateway, ledger)
    last, middle, first = runs_of(ledger)
    return first, middle, last


def view_of_run(
    gateway: FakeGateway, ledger: Ledger, run: int | None, *, away: bool = False
) -> View:
    """Return the view of one run of the order."""
    return view(gateway, ledger, ID, dapr_unavailable=away, run_id=run)


def act(ledger: Ledger, *moments: datetime) -> None:
    """Add an audit entry of the order at each of these times."""
    for moment in moments:
        ledger.audit_log.add(AuditEntry(moment, LOCAL_USER, "pause", ID, Outcome.DONE))


def times(found: View) -> list[datetime]:
    """Return the times of the audit entries, the oldest first."""
    return [entry.at for entry in reversed(found.audit_entries)]


def test_an_earlier_run_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """It has its own payloads and history; the engine, which no longer has it, is not called."""
    first, middle, _ = three_runs(gateway, ledger)
    gateway.calls.clear()
    for number, run in enumerate((first, middle)):
        found = view_of_run(gateway, ledger, run.run_id)
        assert found.summary == run
        assert (found.details.input, found.details.output) == (str(number), f'"{number}"')
        assert found.details.history
        assert found.details.history[1].execution_id == f"e{number}"
        assert found.timeline.started_at == run.started_at
    assert not gateway.calls


def test_an_earlier_run_without_an_end_has_its_activities(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Only its activities were recorded."""
    spans = (activity(1, 0, 1),)
    ledger.runs.ingest([snapshot(spans=spans), pending(read=21), pending(read=31)])
    found = view_of_run(gateway, ledger, runs_of(ledger)[1].run_id)
    assert (found.summary.status, found.details.history) == (Status.UNKNOWN, None)
    assert [span.event_id for span in found.timeline.spans] == [1]


def test_an_earlier_run_is_shown_while_the_engine_is_away(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine is not needed."""
    first, *_ = three_runs(gateway, ledger)
    found = view_of_run(gateway, ledger, first.run_id, away=True)
    assert found == view_of_run(gateway, ledger, first.run_id)
    assert found.details.history


def test_a_run_has_the_keys_of_the_adjacent_runs(gateway: FakeGateway, ledger: Ledger) -> None:
    """The first run has no earlier one, and the last has no later one."""
    first, middle, last = three_runs(gateway, ledger)
    adjacent = {
        run.run_id: (found.earlier, found.later)
        for run in (first, middle, last)
        for found in [view_of_run(gateway, ledger, run.run_id)]
    }
    assert adjacent == {
        first.run_id: (None, middle.run_id),
        middle.run_id: (first.run_id, last.run_id),
        last.run_id: (middle.run_id, None),
    }


def test_an_only_run_has_no_adjacent_runs(gateway: FakeGateway, ledger: Ledger) -> None:
    """Runs of other ids do not count."""
    put_running(gateway)
    ledger.runs.ingest([snapshot(instance_id="order_B"), snapshot(instance_id="order_C")])
    found = shown(gateway, ledger)
    assert (found.earlier, found.later) == (None, None)


def test_the_latest_run_by_its_key_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The view is the same as without a key."""
    *_, last = three_runs(gateway, ledger)
    update_instance(gateway, status=Status.SUSPENDED)
    found = view_of_run(gateway, ledger, last.run_id)
    assert (found.summary.run_id, found.summary.status) == (last.run_id, Status.SUSPENDED)
    assert found == view_of_run(gateway, ledger, None)


def test_a_run_that_was_replaced_meanwhile_is_shown(gateway: FakeGateway, ledger: Ledger) -> None:
    """The view has the requested run, although the engine has a later one."""
    *_, last = three_runs(gateway, ledger)
    remove_instance(gateway)
    put_running(gateway, execution="e3", since=300)
    found = view_of_run(gateway, ledger, last.run_id)
    assert (found.summary.run_id, found.summary.is_latest) == (last.run_id, False)
    assert found.later == summary(ledger).run_id


def test_a_run_of_another_id_is_unknown(gateway: FakeGateway, ledger: Ledger) -> None:
    """The message has the id and the run."""
    three_runs(gateway, ledger)
    ledger.runs.ingest([snapshot(instance_id="order_B")])
    other = summary(ledger, "order_B").run_id
    for run in (other, 0, -1, other + 1, 10**30):
        for away in (False, True):
            with pytest.raises(
                UnknownInstance, match=rf"^The instance 'order_A' has no run {run}\.$"
            ):
                view_of_run(gateway, ledger, run, away=away)


def test_audit_entries_belong_to_one_run(gateway: FakeGateway, ledger: Ledger) -> None:
    """A run has the entries from its start until the start of the next run, to the microsecond."""
    keys = [run.run_id for run in three_runs(gateway, ledger)]
    expected = [
        (at(0), at(50), at(99.999999)),
        (at(100), at(199.999999)),
        (at(200), at(5000)),
    ]
    for moments in expected:
        act(ledger, *moments)
    assert [tuple(times(view_of_run(gateway, ledger, key))) for key in keys] == expected


def test_start_times_are_added_to_the_engine_s_history(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The ledger has them before and after the end of the run; the engine has none."""
    put_running(gateway)
    gateway.events[ID] = (
        *gateway.events[ID],
        HistoryEvent(1, at(1), "taskScheduled", name="charge"),
        HistoryEvent(-1, at(4), "taskCompleted", answers=1),
    )
    record(gateway, ledger)
    ledger.runs.add_start_times([StartTime(ID, 1, at(2), at(4))])
    assert [span.started_at for span in shown(gateway, ledger).timeline.spans] == [at(2)]
    finish_instance(gateway)
    record(gateway, ledger)
    for dapr_unavailable in (False, True):
        found = shown(gateway, ledger, dapr_unavailable=dapr_unavailable)
        assert found.details.history == gateway.events[ID]
        assert [span.started_at for span in found.timeline.spans] == [at(2)]


def test_an_action_before_the_first_run_is_shown_with_it(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine's clock may be ahead of the operator's."""
    first, middle, _ = three_runs(gateway, ledger)
    act(ledger, at(-60))
    assert times(view_of_run(gateway, ledger, first.run_id)) == [at(-60)]
    assert times(view_of_run(gateway, ledger, middle.run_id)) == []


def test_each_run_has_its_own_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """A start is claimed while the previous run is the latest; it belongs to the new run."""
    for actor in (ANN, BOB):
        claimed = claim(ledger, actor)
        ledger.reservations.accept(claimed)
        ledger.runs.ingest([pending(read_at=claimed.reserved_at)])
        ledger.runs.mark_purged({ID: datetime.now(UTC)})
    put_running(gateway, since=10**9)
    record(gateway, ledger)
    elsewhere, second, first = runs_of(ledger)
    starts = {
        run.run_id: [(entry.action, entry.actor, entry.at) for entry in found.audit_entries]
        for run in (first, second, elsewhere)
        for found in [view_of_run(gateway, ledger, run.run_id)]
    }
    assert starts == {
        first.run_id: [("start", ANN, first.created_at)],
        second.run_id: [("start", BOB, second.created_at)],
        elsewhere.run_id: [],
    }


def test_a_start_with_an_unknown_outcome_belongs_to_the_next_run(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It was reserved before its run was created."""
    ledger.runs.ingest([pending(read_at=at(0))])
    ledger.runs.mark_purged({ID: at(1)})
    claim(ledger, BOB)
    put_running(gateway, since=10**9)
    record(gateway, ledger)
    second, first = runs_of(ledger)
    assert view_of_run(gateway, ledger, first.run_id).audit_entries == ()
    (start,) = view_of_run(gateway, ledger, second.run_id).audit_entries
    assert (start.actor, start.outcome) == (BOB, Outcome.UNKNOWN)
