"""Where what a page shows of an instance comes from."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from operations.errors import EngineUnavailable, UnknownInstance
from operations.history import HistoryEvent
from operations.ledger import Ledger, Start
from operations.model import LOCAL_USER, Actor, Failure, Status
from operations.records import BEGUN, Begin, Deed, Entry, Outcome
from operations.sighting import sight
from operations.timeline import Ending
from operations.views import View, view
from tests.unit.engine import ends, moves, runs, vanishes
from tests.unit.fakes import FakeGateway
from tests.unit.histories import recorded, recorded_state
from tests.unit.sightings import (
    ID,
    activity,
    at,
    entry,
    glance,
    lives,
    of_record,
    pending,
    sighting,
)

pytestmark = pytest.mark.both_databases

ANN, BOB = Actor("Ann", "operator"), Actor("Bob", "admin")


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
    ledger.instances.mark_purged({ID: datetime.now(UTC)})
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
    """The last deed first; whoever began a start and died is told, too."""
    runs(gateway)
    assert shown(gateway, ledger).deeds == ()
    claimed = ledger.starts.claim(Start(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    (begun,) = shown(gateway, ledger).deeds
    assert (begun.action, begun.actor, begun.outcome) == ("start", ANN, Outcome.UNKNOWN)
    assert (begun.at, begun.message) == (claimed.claimed_at, BEGUN)
    ledger.starts.accept(claimed)
    deed = Deed(datetime(2126, 1, 1, tzinfo=UTC), LOCAL_USER, "pause", ID, Outcome.DONE)
    ledger.journal.note(deed)
    last, first = shown(gateway, ledger).deeds
    assert last == deed
    assert (first.action, first.actor, first.outcome) == ("start", ANN, Outcome.DONE)


def test_a_rerun_is_told_once(gateway: FakeGateway, ledger: Ledger) -> None:
    """It is how the instance began: there was no other start. One of itself says nothing of it."""
    runs(gateway)
    claimed = ledger.starts.claim(Start(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    ledger.starts.accept(claimed)
    later = datetime(2126, 1, 1, tzinfo=UTC)
    of_it = Deed(later, ANN, "rerun", ID, Outcome.DONE, before=Status.COMPLETED)
    ledger.journal.note(of_it)
    assert [deed.action for deed in shown(gateway, ledger).deeds] == ["rerun", "start"]
    own = replace(of_it, before=None, message="from event 2 of 'order_0'")
    ledger.journal.note(own)
    assert shown(gateway, ledger).deeds == (own, of_it)


def test_a_rerun_that_was_refused_hides_no_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """Though it came before anybody had read how the instance was."""
    runs(gateway)
    claimed = ledger.starts.claim(Start(ID, "order_workflow", "{}", ANN), None)
    assert claimed
    ledger.starts.accept(claimed)
    later = datetime(2126, 1, 1, tzinfo=UTC)
    ledger.journal.note(Deed(later, ANN, "rerun", ID, Outcome.REFUSED))
    assert [deed.action for deed in shown(gateway, ledger).deeds] == ["rerun", "start"]


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


def three_lives(gateway: FakeGateway, ledger: Ledger) -> tuple[Entry, Entry, Entry]:
    """Have two lives that are over and one that runs, of which the engine has the last."""
    for number in (0, 1):
        since = 100 * number
        runs(gateway, life=f"e{number}", since=since)
        ends(gateway)
        gateway.put(replace(gateway.instances[ID], input=str(number), output=f'"{number}"'))
        seen = sight(gateway, ID, now=partial(at, since + 50))
        assert seen
        ledger.instances.record([seen])
        vanishes(gateway)
    runs(gateway, life="e2", since=200)
    recorder_sees(gateway, ledger)
    last, middle, first = lives(ledger)
    return first, middle, last


def of_life(gateway: FakeGateway, ledger: Ledger, life: int | None, *, away: bool = False) -> View:
    """Return the view of one life of the order."""
    return view(gateway, ledger, ID, engine_away=away, life=life)


def did(ledger: Ledger, *moments: datetime) -> None:
    """Note an action of an operator on the order at each of these moments."""
    for moment in moments:
        ledger.journal.note(Deed(moment, LOCAL_USER, "pause", ID, Outcome.DONE))


def times(found: View) -> list[datetime]:
    """Return when something was done, the first first."""
    return [deed.at for deed in reversed(found.deeds)]


def test_an_earlier_life_is_read_from_the_ledger(gateway: FakeGateway, ledger: Ledger) -> None:
    """Its payloads and its history are its own; the engine, which has none of it, is not asked."""
    first, middle, _ = three_lives(gateway, ledger)
    gateway.calls.clear()
    for number, life in enumerate((first, middle)):
        found = of_life(gateway, ledger, life.key)
        assert found.entry == life
        assert (found.input, found.output) == (str(number), f'"{number}"')
        assert found.history
        assert found.history[1].execution_id == f"e{number}"
        assert found.timeline.started_at == life.started_at
    assert not gateway.calls


def test_an_earlier_life_whose_end_nobody_saw_has_its_activities(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """They are all that was recorded of it."""
    spans = (activity(1, 0, 1),)
    ledger.instances.record([sighting(spans=spans), pending(seen=21)])
    found = of_life(gateway, ledger, lives(ledger)[1].key)
    assert (found.entry.status, found.history) == (Status.UNKNOWN, None)
    assert [span.event_id for span in found.timeline.spans] == [1]


def test_an_earlier_life_is_shown_while_the_engine_is_away(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It needs none."""
    first, *_ = three_lives(gateway, ledger)
    found = of_life(gateway, ledger, first.key, away=True)
    assert found == of_life(gateway, ledger, first.key)
    assert found.history


def test_a_life_leads_to_those_beside_it(gateway: FakeGateway, ledger: Ledger) -> None:
    """The first has none before it, the last none after it."""
    first, middle, last = three_lives(gateway, ledger)
    beside = {
        life.key: (found.earlier, found.later)
        for life in (first, middle, last)
        for found in [of_life(gateway, ledger, life.key)]
    }
    assert beside == {
        first.key: (None, middle.key),
        middle.key: (first.key, last.key),
        last.key: (middle.key, None),
    }


def test_an_only_life_has_none_beside_it(gateway: FakeGateway, ledger: Ledger) -> None:
    """Lives of other ids are not beside it."""
    runs(gateway)
    ledger.instances.record([sighting(instance_id="order_B"), sighting(instance_id="order_C")])
    found = shown(gateway, ledger)
    assert (found.earlier, found.later) == (None, None)


def test_the_latest_life_by_its_key_is_read_from_the_engine(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is the same as without a key."""
    *_, last = three_lives(gateway, ledger)
    moves(gateway, status=Status.SUSPENDED)
    found = of_life(gateway, ledger, last.key)
    assert (found.entry.key, found.entry.status) == (last.key, Status.SUSPENDED)
    assert found == of_life(gateway, ledger, None)


def test_a_life_that_turns_out_to_be_over_is_shown_all_the_same(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Whoever asks for a life gets that one, though the engine has the next by now."""
    *_, last = three_lives(gateway, ledger)
    vanishes(gateway)
    runs(gateway, life="e3", since=300)
    found = of_life(gateway, ledger, last.key)
    assert (found.entry.key, found.entry.is_latest) == (last.key, False)
    assert found.later == entry(ledger).key


def test_a_life_that_an_id_never_had_is_unknown(gateway: FakeGateway, ledger: Ledger) -> None:
    """Another id's life is not shown under this one, and the message names the life."""
    three_lives(gateway, ledger)
    ledger.instances.record([sighting(instance_id="order_B")])
    other = entry(ledger, "order_B").key
    for life in (other, 0, -1, other + 1, 10**30):
        for away in (False, True):
            with pytest.raises(
                UnknownInstance, match=rf"^The instance 'order_A' has no life {life}\.$"
            ):
                of_life(gateway, ledger, life, away=away)


def test_deeds_are_of_their_own_life(gateway: FakeGateway, ledger: Ledger) -> None:
    """A life has what was done from its beginning until the next life's, to the microsecond."""
    keys = [life.key for life in three_lives(gateway, ledger)]
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
    runs(gateway)
    gateway.events[ID] = (
        *gateway.events[ID],
        HistoryEvent(1, at(1), "taskScheduled", name="charge"),
        HistoryEvent(-1, at(4), "taskCompleted", answers=1),
    )
    recorder_sees(gateway, ledger)
    ledger.instances.lend([Begin(ID, 1, at(2))])
    assert [span.began for span in shown(gateway, ledger).timeline.spans] == [at(2)]
    ends(gateway)
    recorder_sees(gateway, ledger)
    for engine_away in (False, True):
        found = shown(gateway, ledger, engine_away=engine_away)
        assert found.history == gateway.events[ID]
        assert [span.began for span in found.timeline.spans] == [at(2)]


def test_what_was_done_before_the_first_life_is_shown_with_it(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """No deed is lost, though the engine's clock be ahead of its operator's."""
    first, middle, _ = three_lives(gateway, ledger)
    did(ledger, at(-60))
    assert times(of_life(gateway, ledger, first.key)) == [at(-60)]
    assert times(of_life(gateway, ledger, middle.key)) == []


def test_each_life_has_its_own_start(gateway: FakeGateway, ledger: Ledger) -> None:
    """A start is claimed while the life before is the latest; it is of the one that it began."""
    for actor in (ANN, BOB):
        wanted = Start(ID, "order_workflow", "{}", actor)
        claimed = ledger.starts.claim(wanted, ledger.starts.latest(ID))
        assert claimed
        ledger.starts.accept(claimed)
        ledger.instances.record([pending(seen_at=claimed.claimed_at)])
        ledger.instances.mark_purged({ID: datetime.now(UTC)})
    runs(gateway, since=10**9)
    recorder_sees(gateway, ledger)
    elsewhere, second, first = lives(ledger)
    began = {
        life.key: [(deed.action, deed.actor, deed.at) for deed in found.deeds]
        for life in (first, second, elsewhere)
        for found in [of_life(gateway, ledger, life.key)]
    }
    assert began == {
        first.key: [("start", ANN, first.created_at)],
        second.key: [("start", BOB, second.created_at)],
        elsewhere.key: [],
    }
