"""Where what a page shows of an instance comes from."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from operations.errors import DaprUnavailable, UnknownInstance
from operations.history import HistoryEvent
from operations.ledger import Ledger, Reservation
from operations.model import LOCAL_USER, Actor, Failure, Status
from operations.records import OUTCOME_NOT_RECORDED, AuditEntry, Outcome, RunSummary, StartTime
from operations.run_view import View, view
from operations.snapshots import read_snapshot
from operations.timeline import Ending
from tests.unit.engine import ends, moves, put_running, vanishes
from tests.unit.fakes import FakeGateway
from tests.unit.histories import recorded, recorded_state
from tests.unit.snapshots import (
    APP,
    ID,
    activity,
    at,
    glance,
    of_record,
    pending,
    runs_of,
    snapshot,
    summary,
)

pytestmark = pytest.mark.both_databases

ANN, BOB = Actor("Ann", "operator"), Actor("Bob", "admin")


def shown(gateway: FakeGateway, ledger: Ledger, *, dapr_unavailable: bool = False) -> View:
    """Return the view of the order."""
    return view(gateway, ledger, ID, dapr_unavailable=dapr_unavailable)


def recorder_sees(gateway: FakeGateway, ledger: Ledger) -> None:
    """Have the ledger know what the engine has."""
    seen = read_snapshot(gateway, ID)
    assert seen
    ledger.runs.ingest([seen])


def test_what_lives_is_read_from_the_engine(gateway: FakeGateway, ledger: Ledger) -> None:
    """A page is as fresh as the engine, whatever the ledger says."""
    put_running(gateway)
    recorder_sees(gateway, ledger)
    moves(gateway, status=Status.SUSPENDED)
    found = shown(gateway, ledger)
    assert (found.summary.status, found.input) == (Status.SUSPENDED, "{}")
    assert found.history == gateway.events[ID]
    assert found.timeline.started_at == at(0)


def test_what_the_ledger_has_not_yet_is_shown_and_noted(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """A page of an instance that was just started does not wait for the recorder."""
    put_running(gateway)
    assert shown(gateway, ledger).summary.status is Status.RUNNING
    assert ledger.runs.latest(ID)


def test_what_is_archived_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """The engine is not asked: nothing changes any more."""
    put_running(gateway)
    ends(gateway)
    recorder_sees(gateway, ledger)
    gateway.calls.clear()
    found = shown(gateway, ledger)
    assert not gateway.calls
    assert (found.summary.status, found.output) == (Status.COMPLETED, '"done"')
    assert found.history == gateway.events[ID]
    assert found.timeline.ended_at


def test_an_end_whose_history_is_not_archived_yet_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Right after its end, too, a page shows all there is."""
    put_running(gateway)
    ends(gateway)
    ledger.runs.ingest([glance(Status.COMPLETED, seen=2)])
    assert shown(gateway, ledger).history == gateway.events[ID]


def test_what_was_purged_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """History survives a purge."""
    put_running(gateway)
    ends(gateway)
    recorder_sees(gateway, ledger)
    events = gateway.events[ID]
    vanishes(gateway)
    ledger.runs.mark_purged({ID: datetime.now(UTC)})
    assert shown(gateway, ledger).history == events


def test_what_vanished_and_is_not_marked_yet_is_read_from_the_ledger(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The recorder will come to it."""
    put_running(gateway)
    recorder_sees(gateway, ledger)
    vanishes(gateway)
    found = shown(gateway, ledger)
    assert (found.summary.status, found.history) == (Status.RUNNING, None)


def test_while_the_engine_is_away_the_ledger_is_shown(gateway: FakeGateway, ledger: Ledger) -> None:
    """The timeline then holds the activities that were recorded."""
    ledger.runs.ingest([of_record("retrying")])
    instance_id = recorded_state("retrying").instance_id
    found = view(gateway, ledger, instance_id, dapr_unavailable=True)
    assert not gateway.calls
    assert found.history is None
    assert found.timeline.started_at == found.summary.started_at
    assert {span.ending for span in found.timeline.spans} == {Ending.FAILED}


def test_nobody_knows_an_unknown_id(gateway: FakeGateway, ledger: Ledger) -> None:
    """Neither the engine nor the ledger; the ledger alone cannot tell."""
    with pytest.raises(UnknownInstance):
        shown(gateway, ledger, dapr_unavailable=False)
    with pytest.raises(DaprUnavailable):
        shown(gateway, ledger, dapr_unavailable=True)


def test_an_engine_that_is_away_unexpectedly_is_told(gateway: FakeGateway, ledger: Ledger) -> None:
    """An outage is never shown as something else."""
    put_running(gateway)
    gateway.errors["state"] = [DaprUnavailable("no sidecar accepts the connection")]
    with pytest.raises(DaprUnavailable):
        shown(gateway, ledger)


def test_a_failure_is_shown_in_full(gateway: FakeGateway, ledger: Ledger) -> None:
    """From the engine as from the ledger."""
    failure = Failure("ValueError", "m" * 600, "a stack")
    ledger.runs.ingest([snapshot(Status.FAILED, failure=failure)])
    assert shown(gateway, ledger, dapr_unavailable=True).failure == failure


def test_what_operators_did_is_shown_with_the_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """The last deed first; whoever began a start and died is told, too."""
    put_running(gateway)
    assert shown(gateway, ledger).audit_entries == ()
    claimed = ledger.reservations.claim(Reservation(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    (begun,) = shown(gateway, ledger).audit_entries
    assert (begun.action, begun.actor, begun.outcome) == ("start", ANN, Outcome.UNKNOWN)
    assert (begun.at, begun.message) == (claimed.reserved_at, OUTCOME_NOT_RECORDED)
    ledger.reservations.accept(claimed)
    entry = AuditEntry(
        datetime(2126, 1, 1, tzinfo=UTC), LOCAL_USER, "pause", ID, Outcome.DONE, app_id=APP
    )
    ledger.audit_log.add(entry)
    last, first = shown(gateway, ledger).audit_entries
    assert last == entry
    assert (first.action, first.actor, first.outcome) == ("start", ANN, Outcome.DONE)


def test_a_rerun_is_told_once(gateway: FakeGateway, ledger: Ledger) -> None:
    """It is how the instance began: there was no other start. One of itself says nothing of it."""
    put_running(gateway)
    claimed = ledger.reservations.claim(Reservation(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    ledger.reservations.accept(claimed)
    later = datetime(2126, 1, 1, tzinfo=UTC)
    of_it = AuditEntry(later, ANN, "rerun", ID, Outcome.DONE, before=Status.COMPLETED, app_id=APP)
    ledger.audit_log.add(of_it)
    assert [entry.action for entry in shown(gateway, ledger).audit_entries] == ["rerun", "start"]
    own = replace(of_it, before=None, message="from event 2 of 'order_0'")
    ledger.audit_log.add(own)
    assert shown(gateway, ledger).audit_entries == (own, of_it)


def test_a_rerun_that_was_refused_hides_no_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """Though it came before anybody had read how the instance was."""
    put_running(gateway)
    claimed = ledger.reservations.claim(Reservation(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    ledger.reservations.accept(claimed)
    later = datetime(2126, 1, 1, tzinfo=UTC)
    ledger.audit_log.add(AuditEntry(later, ANN, "rerun", ID, Outcome.REFUSED))
    assert [entry.action for entry in shown(gateway, ledger).audit_entries] == ["rerun", "start"]


def test_the_archive_gives_the_same_timeline_as_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is lost on the way."""
    state = recorded_state("retried")
    gateway.put(state)
    gateway.events[state.instance_id] = recorded("retried")
    live = view(gateway, ledger, state.instance_id, dapr_unavailable=False)
    kept = view(gateway, ledger, state.instance_id, dapr_unavailable=True)
    assert live == kept


def three_lives(gateway: FakeGateway, ledger: Ledger) -> tuple[RunSummary, RunSummary, RunSummary]:
    """Have two lives that are over and one that runs, of which the engine has the last."""
    for number in (0, 1):
        since = 100 * number
        put_running(gateway, execution=f"e{number}", since=since)
        ends(gateway)
        gateway.put(replace(gateway.instances[ID], input=str(number), output=f'"{number}"'))
        seen = read_snapshot(gateway, ID, now=partial(at, since + 50))
        assert seen
        ledger.runs.ingest([seen])
        vanishes(gateway)
    put_running(gateway, execution="e2", since=200)
    recorder_sees(gateway, ledger)
    last, middle, first = runs_of(ledger)
    return first, middle, last


def of_life(gateway: FakeGateway, ledger: Ledger, run: int | None, *, away: bool = False) -> View:
    """Return the view of one life of the order."""
    return view(gateway, ledger, ID, dapr_unavailable=away, run_id=run)


def did(ledger: Ledger, *moments: datetime) -> None:
    """Note an action of an operator on the order at each of these moments."""
    for moment in moments:
        ledger.audit_log.add(AuditEntry(moment, LOCAL_USER, "pause", ID, Outcome.DONE))


def times(found: View) -> list[datetime]:
    """Return when something was done, the first first."""
    return [entry.at for entry in reversed(found.audit_entries)]


def test_an_earlier_life_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """Its payloads and its history are its own; the engine, which has none of it, is not asked."""
    first, middle, _ = three_lives(gateway, ledger)
    gateway.calls.clear()
    for number, run in enumerate((first, middle)):
        found = of_life(gateway, ledger, run.run_id)
        assert found.summary == run
        assert (found.input, found.output) == (str(number), f'"{number}"')
        assert found.history
        assert found.history[1].execution_id == f"e{number}"
        assert found.timeline.started_at == run.started_at
    assert not gateway.calls


def test_an_earlier_life_whose_end_nobody_saw_has_its_activities(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """They are all that was recorded of it."""
    spans = (activity(1, 0, 1),)
    ledger.runs.ingest([snapshot(spans=spans), pending(seen=21)])
    found = of_life(gateway, ledger, runs_of(ledger)[1].run_id)
    assert (found.summary.status, found.history) == (Status.UNKNOWN, None)
    assert [span.event_id for span in found.timeline.spans] == [1]


def test_an_earlier_life_is_shown_while_the_engine_is_away(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It needs none."""
    first, *_ = three_lives(gateway, ledger)
    found = of_life(gateway, ledger, first.run_id, away=True)
    assert found == of_life(gateway, ledger, first.run_id)
    assert found.history


def test_a_life_leads_to_those_beside_it(gateway: FakeGateway, ledger: Ledger) -> None:
    """The first has none before it, the last none after it."""
    first, middle, last = three_lives(gateway, ledger)
    beside = {
        run.run_id: (found.earlier, found.later)
        for run in (first, middle, last)
        for found in [of_life(gateway, ledger, run.run_id)]
    }
    assert beside == {
        first.run_id: (None, middle.run_id),
        middle.run_id: (first.run_id, last.run_id),
        last.run_id: (middle.run_id, None),
    }


def test_an_only_life_has_none_beside_it(gateway: FakeGateway, ledger: Ledger) -> None:
    """Lives of other ids are not beside it."""
    put_running(gateway)
    ledger.runs.ingest([snapshot(instance_id="order_B"), snapshot(instance_id="order_C")])
    found = shown(gateway, ledger)
    assert (found.earlier, found.later) == (None, None)


def test_the_latest_life_by_its_key_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is the same as without a key."""
    *_, last = three_lives(gateway, ledger)
    moves(gateway, status=Status.SUSPENDED)
    found = of_life(gateway, ledger, last.run_id)
    assert (found.summary.run_id, found.summary.status) == (last.run_id, Status.SUSPENDED)
    assert found == of_life(gateway, ledger, None)


def test_a_life_that_turns_out_to_be_over_is_shown_all_the_same(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Whoever asks for a life gets that one, though the engine has the next by now."""
    *_, last = three_lives(gateway, ledger)
    vanishes(gateway)
    put_running(gateway, execution="e3", since=300)
    found = of_life(gateway, ledger, last.run_id)
    assert (found.summary.run_id, found.summary.is_latest) == (last.run_id, False)
    assert found.later == summary(ledger).run_id


def test_a_life_that_an_id_never_had_is_unknown(gateway: FakeGateway, ledger: Ledger) -> None:
    """Another id's life is not shown under this one, and the message names the life."""
    three_lives(gateway, ledger)
    ledger.runs.ingest([snapshot(instance_id="order_B")])
    other = summary(ledger, "order_B").run_id
    for run in (other, 0, -1, other + 1, 10**30):
        for away in (False, True):
            with pytest.raises(
                UnknownInstance, match=rf"^The instance 'order_A' has no run {run}\.$"
            ):
                of_life(gateway, ledger, run, away=away)


def test_deeds_are_of_their_own_life(gateway: FakeGateway, ledger: Ledger) -> None:
    """A life has what was done from its beginning until the next life's, to the microsecond."""
    keys = [run.run_id for run in three_lives(gateway, ledger)]
    told = [
        (at(0), at(50), at(99.999999)),
        (at(100), at(199.999999)),
        (at(200), at(5000)),
    ]
    for moments in told:
        did(ledger, *moments)
    assert [tuple(times(of_life(gateway, ledger, key))) for key in keys] == told


def test_begins_are_shown_beside_what_the_engine_tells(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine's history knows of none: the ledger does, while the instance lives and later."""
    put_running(gateway)
    gateway.events[ID] = (
        *gateway.events[ID],
        HistoryEvent(1, at(1), "taskScheduled", name="charge"),
        HistoryEvent(-1, at(4), "taskCompleted", answers=1),
    )
    recorder_sees(gateway, ledger)
    ledger.runs.add_start_times([StartTime(ID, 1, at(2))])
    assert [span.started_at for span in shown(gateway, ledger).timeline.spans] == [at(2)]
    ends(gateway)
    recorder_sees(gateway, ledger)
    for dapr_unavailable in (False, True):
        found = shown(gateway, ledger, dapr_unavailable=dapr_unavailable)
        assert found.history == gateway.events[ID]
        assert [span.started_at for span in found.timeline.spans] == [at(2)]


def test_what_was_done_before_the_first_life_is_shown_with_it(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """No deed is lost, though the engine's clock be ahead of its operator's."""
    first, middle, _ = three_lives(gateway, ledger)
    did(ledger, at(-60))
    assert times(of_life(gateway, ledger, first.run_id)) == [at(-60)]
    assert times(of_life(gateway, ledger, middle.run_id)) == []


def test_each_life_has_its_own_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """A start is claimed while the life before is the latest; it is of the one that it began."""
    for actor in (ANN, BOB):
        wanted = Reservation(ID, "order_workflow", "{}", actor)
        claimed = ledger.reservations.claim(wanted, ledger.reservations.latest(ID))
        assert claimed
        ledger.reservations.accept(claimed)
        ledger.runs.ingest([pending(read_at=claimed.reserved_at)])
        ledger.runs.mark_purged({ID: datetime.now(UTC)})
    put_running(gateway, since=10**9)
    recorder_sees(gateway, ledger)
    elsewhere, second, first = runs_of(ledger)
    began = {
        run.run_id: [(entry.action, entry.actor, entry.at) for entry in found.audit_entries]
        for run in (first, second, elsewhere)
        for found in [of_life(gateway, ledger, run.run_id)]
    }
    assert began == {
        first.run_id: [("start", ANN, first.created_at)],
        second.run_id: [("start", BOB, second.created_at)],
        elsewhere.run_id: [],
    }
