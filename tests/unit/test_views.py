"""Where what a page shows of an instance comes from."""

from datetime import UTC, datetime

import pytest

from operations.errors import EngineUnavailable, UnknownInstance
from operations.ledger import Ledger, Start
from operations.model import LOCAL_USER, Actor, Failure, Status
from operations.records import Deed, Outcome
from operations.sighting import sight
from operations.timeline import Ending
from operations.views import View, view
from tests.unit.engine import ends, moves, runs, vanishes
from tests.unit.fakes import FakeGateway
from tests.unit.histories import recorded, recorded_state
from tests.unit.sightings import ID, at, glance, of_record, sighting

ANN = Actor("Ann", "operator")


def shown(gateway: FakeGateway, ledger: Ledger, *, engine_away: bool = False) -> View:
    """Return the view of the order."""
    return view(gateway, ledger, ID, engine_away=engine_away)


def recorder_sees(gateway: FakeGateway, ledger: Ledger) -> None:
    """Have the ledger know what the engine has."""
    seen = sight(gateway, ID)
    assert seen
    ledger.instances.record([seen])


def test_what_lives_is_read_from_the_engine(gateway: FakeGateway, ledger: Ledger) -> None:
    """A page is as fresh as the engine, whatever the ledger says."""
    runs(gateway)
    recorder_sees(gateway, ledger)
    moves(gateway, status=Status.SUSPENDED)
    found = shown(gateway, ledger)
    assert (found.entry.status, found.input) == (Status.SUSPENDED, "{}")
    assert found.history == gateway.events[ID]
    assert found.timeline.started_at == at(0)


def test_what_the_ledger_has_not_yet_is_shown_and_noted(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """A page of an instance that was just started does not wait for the recorder."""
    runs(gateway)
    assert shown(gateway, ledger).entry.status is Status.RUNNING
    assert ledger.instances.latest(ID)


def test_what_is_archived_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """The engine is not asked: nothing changes any more."""
    runs(gateway)
    ends(gateway)
    recorder_sees(gateway, ledger)
    gateway.calls.clear()
    found = shown(gateway, ledger)
    assert not gateway.calls
    assert (found.entry.status, found.output) == (Status.COMPLETED, '"done"')
    assert found.history == gateway.events[ID]
    assert found.timeline.ended_at


def test_an_end_whose_history_is_not_archived_yet_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Right after its end, too, a page shows all there is."""
    runs(gateway)
    ends(gateway)
    ledger.instances.record([glance(Status.COMPLETED, seen=2)])
    assert shown(gateway, ledger).history == gateway.events[ID]


def test_what_was_purged_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """History survives a purge."""
    runs(gateway)
    ends(gateway)
    recorder_sees(gateway, ledger)
    events = gateway.events[ID]
    vanishes(gateway)
    ledger.instances.mark_purged([ID], datetime.now(UTC))
    assert shown(gateway, ledger).history == events


def test_what_vanished_and_is_not_marked_yet_is_read_from_the_ledger(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The recorder will come to it."""
    runs(gateway)
    recorder_sees(gateway, ledger)
    vanishes(gateway)
    found = shown(gateway, ledger)
    assert (found.entry.status, found.history) == (Status.RUNNING, None)


def test_while_the_engine_is_away_the_ledger_is_shown(gateway: FakeGateway, ledger: Ledger) -> None:
    """The timeline then holds the activities that were recorded."""
    ledger.instances.record([of_record("retrying")])
    instance_id = recorded_state("retrying").instance_id
    found = view(gateway, ledger, instance_id, engine_away=True)
    assert not gateway.calls
    assert found.history is None
    assert found.timeline.started_at == found.entry.started_at
    assert {span.ending for span in found.timeline.spans} == {Ending.FAILED}


def test_nobody_knows_an_unknown_id(gateway: FakeGateway, ledger: Ledger) -> None:
    """Neither the engine nor the ledger; the ledger alone cannot tell."""
    with pytest.raises(UnknownInstance):
        shown(gateway, ledger, engine_away=False)
    with pytest.raises(EngineUnavailable):
        shown(gateway, ledger, engine_away=True)


def test_an_engine_that_is_away_unexpectedly_is_told(gateway: FakeGateway, ledger: Ledger) -> None:
    """An outage is never shown as something else."""
    runs(gateway)
    gateway.errors["state"] = [EngineUnavailable("no sidecar accepts the connection")]
    with pytest.raises(EngineUnavailable):
        shown(gateway, ledger)


def test_a_failure_is_shown_in_full(gateway: FakeGateway, ledger: Ledger) -> None:
    """From the engine as from the ledger."""
    failure = Failure("ValueError", "m" * 600, "a stack")
    ledger.instances.record([sighting(Status.FAILED, failure=failure)])
    assert shown(gateway, ledger, engine_away=True).failure == failure


def test_what_operators_did_is_shown_with_the_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """The last deed first; a start that the engine never took is none."""
    runs(gateway)
    claimed = ledger.starts.claim(Start(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    assert shown(gateway, ledger).deeds == ()
    ledger.starts.accept(claimed)
    deed = Deed(datetime(2126, 1, 1, tzinfo=UTC), LOCAL_USER, "pause", ID, Outcome.DONE)
    ledger.journal.note(deed)
    last, first = shown(gateway, ledger).deeds
    assert last == deed
    assert (first.action, first.actor, first.outcome) == ("start", ANN, Outcome.DONE)


def test_the_archive_gives_the_same_timeline_as_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is lost on the way."""
    state = recorded_state("retried")
    gateway.put(state)
    gateway.events[state.instance_id] = recorded("retried")
    live = view(gateway, ledger, state.instance_id, engine_away=False)
    kept = view(gateway, ledger, state.instance_id, engine_away=True)
    assert live == kept
