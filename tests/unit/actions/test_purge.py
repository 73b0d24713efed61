"""Purges: an engine in memory, and a ledger in a real file."""

import time

import pytest

from operations.actions import Actions, How
from operations.actions.requests import LONGEST
from operations.errors import (
    ActionInProgress,
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    InvalidInput,
    LedgerUnavailable,
    NotArchived,
    NotFinished,
    OutcomeUnknown,
    TooManyDescendants,
    UnknownInstance,
)
from operations.history_source import Source, read_history
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Outcome
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, lost, put, put_family
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

FORCE = How(force=True)
FINISHED = [status for status in Status if status.is_finished]
LOST = OutcomeUnknown("purge", "no answer in time")


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an empty engine and an empty ledger."""
    return Actions(gateway, ledger)


@pytest.mark.parametrize("status", FINISHED)
def test_a_purge_works(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The engine has it no more, and the ledger keeps how it ended."""
    put(gateway, status=status)
    purged = actions.purge("order_A", ANN)
    assert (purged.before, purged.changed, purged.ids) == (status, True, ("order_A",))
    assert not gateway.instances
    assert not gateway.forced
    assert summary(ledger).status is status
    assert summary(ledger).purged_at


def test_the_history_outlives_the_purge(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is read from the archive, every event of it."""
    put(gateway)
    history = gateway.events["order_A"]
    actions.purge("order_A", ANN)
    told = read_history(gateway, ledger, "order_A")
    assert (told.source, told.events) == (Source.ARCHIVE, history)


def test_the_engine_forgets_after_the_ledger_has_it(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Archive first."""
    put(gateway)
    found: list[object] = []
    gateway.during["purge"] = lambda: found.append(ledger.runs.archived(["order_A"]))
    actions.purge("order_A", ANN)
    assert found == [{"order_A": Status.COMPLETED}]


@pytest.mark.parametrize("status", [s for s in Status if not s.is_finished])
def test_what_has_not_ended_is_not_purged(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The engine is not even asked, and the attempt is noted."""
    put(gateway, status=status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot purge 'order_A': it is {status}"):
        actions.purge("order_A", ANN, "to make room")
    assert not gateway.calls["purge"]
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.reason) == (Outcome.REFUSED, "to make room")


def test_a_repeated_purge_changes_nothing(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """What the engine has forgotten stays as the ledger has it."""
    put(gateway)
    actions.purge("order_A", ANN)
    before = summary(ledger)
    assert not actions.purge("order_A", ANN).changed
    assert summary(ledger) == before
    assert gateway.calls["purge"] == 1


def test_what_was_purged_elsewhere_is_found_gone(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The ledger learns of it by the attempt."""
    put(gateway)
    seen = read_snapshot(gateway, "order_A")
    assert seen
    ledger.runs.ingest([seen])
    gateway.instances.clear()
    assert not actions.purge("order_A", ANN).changed
    assert summary(ledger).purged_at


def test_a_missing_instance_is_not_purged(actions: Actions, gateway: FakeGateway) -> None:
    """An id that nobody knows is told as such, by force too."""
    for how in (None, FORCE):
        with pytest.raises(UnknownInstance):
            actions.purge("order_A", ANN, how=how)
    assert not gateway.calls["purge"]


@pytest.mark.parametrize("part", ["holds.take", "instances.record", "instances.archived"])
def test_without_the_ledger_nothing_is_purged(
    actions: Actions,
    gateway: FakeGateway,
    ledger: Ledger,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be archived stays in the engine, whatever part of the ledger is away."""
    put(gateway)
    noun, method = part.split(".")
    monkeypatch.setattr(getattr(ledger, noun), method, lost)
    with pytest.raises(LedgerUnavailable):
        actions.purge("order_A", ANN)
    assert not gateway.calls["purge"]


def test_what_the_ledger_does_not_hold_whole_is_not_purged(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The engine sends no history of an instance that has ended: there is nothing to keep."""
    put(gateway)
    gateway.events["order_A"] = ()
    with pytest.raises(NotArchived):
        actions.purge("order_A", ANN)
    assert not gateway.calls["purge"]


def test_a_purge_that_the_ledger_cannot_note_is_done(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive was there when the engine forgot; the recorder marks the rest."""
    put(gateway)
    for name, part in (("mark_purged", ledger.runs), ("note", ledger.audit_log)):
        monkeypatch.setattr(part, name, lost)
    assert actions.purge("order_A", ANN).changed


def test_a_purge_whose_answer_was_lost_is_looked_after(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine has it no more, so that it was done."""
    put(gateway)
    gateway.lost["purge"] = [LOST]
    assert actions.purge("order_A", ANN).changed
    assert summary(ledger).purged_at


def test_a_purge_that_does_not_come_through_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """While no worker is there the engine does not answer, and may do it later."""
    put(gateway)
    gateway.errors["purge"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        actions.purge("order_A", ANN)
    assert summary(ledger).purged_at is None
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_a_purge_after_which_the_engine_is_gone_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It was asked for, and nobody can see what came of it."""
    put(gateway)

    def goes() -> None:
        gateway.errors["state"] = [DaprUnavailable("no sidecar accepts the connection")]

    gateway.during["purge"] = goes
    with pytest.raises(OutcomeUnknown, match="no sidecar"):
        actions.purge("order_A", ANN)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_a_purge_whose_effect_the_engine_will_not_tell_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is not told as refused: the instance may be gone, and here it is."""
    put(gateway)
    refused = DaprRefused("inbox key missing")
    gateway.during["purge"] = lambda: gateway.errors.update(state=[refused])
    with pytest.raises(OutcomeUnknown):
        actions.purge("order_A", ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is Outcome.UNKNOWN


def cut(gateway: FakeGateway) -> None:
    """Have the engine forget one descendant, then stop, whenever it is asked for a purge."""

    def forget_one() -> None:
        name = next(each for each in ("order_A2", "order_A1", "") if each in gateway.instances)
        del gateway.instances[name]
        raise LOST

    gateway.during["purge"] = forget_one


def test_of_a_family_what_has_gone_is_marked_and_noted(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Dapr stops in the middle when nobody waits any more; the same request goes on."""
    put_family(gateway)
    cut(gateway)
    with pytest.MonkeyPatch.context() as hurried:
        hurried.setattr("operations.actions.purging.ANSWERED", 0)
        with pytest.raises(OutcomeUnknown, match=r"1 of 3 are gone.*goes on with the rest"):
            actions.purge("order_A", ANN)
    assert summary(ledger, "order_A2").purged_at
    assert not summary(ledger, "order_A1").purged_at
    (gone,) = ledger.audit_log.of("order_A2", 10)
    assert (gone.outcome, gone.message) == (Outcome.DONE, "with 'order_A'")
    assert ledger.audit_log.of("order_A", 10)[0].outcome is Outcome.UNKNOWN
    gateway.during.clear()
    assert set(actions.purge("order_A", ANN).ids) == {"order_A", "order_A1"}


def test_a_purge_asks_again_while_it_gets_further(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as there is time; no call waits for longer than the instance is held."""
    monkeypatch.setattr("operations.actions.purging.ANSWERED", 60)
    put_family(gateway)
    cut(gateway)

    def end() -> None:
        if len(gateway.instances) == 1:
            gateway.during.clear()

    gateway.during["state"] = end
    assert len(actions.purge("order_A", ANN).ids) == 3
    assert gateway.calls["purge"] == 3
    assert all(patience and patience <= 4 for patience in gateway.patience)
    for each in ("order_A", "order_A1", "order_A2"):
        assert len(ledger.audit_log.of(each, 9)) == 1


def test_what_was_terminated_for_its_purge_is_not_told_as_refused(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It has ended, whatever fails after that."""
    put(gateway, status=Status.PENDING)
    gone = DaprUnavailable("no sidecar")
    gateway.during["terminate"] = lambda: gateway.errors.update(state=[gone])
    with pytest.raises(OutcomeUnknown, match="it was terminated for it"):
        actions.purge("order_A", ANN, how=FORCE)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.UNKNOWN, Status.PENDING)


def test_what_is_still_there_was_not_purged(actions: Actions, gateway: FakeGateway) -> None:
    """An engine that says it did and did not is not believed."""
    put(gateway)
    there = gateway.instances["order_A"]
    gateway.during["state"] = lambda: gateway.put(there)
    with pytest.raises(OutcomeUnknown, match="still shows COMPLETED"):
        actions.purge("order_A", ANN)


def test_who_is_slower_finds_it_purged(actions: Actions, gateway: FakeGateway) -> None:
    """Somebody else's purge at the same moment is as good."""
    put(gateway)
    gateway.during["purge"] = gateway.instances.clear
    assert actions.purge("order_A", ANN).changed


def test_what_the_engine_says_is_not_there_but_shows_was_not_purged(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is marked as purged that can still be read."""
    put(gateway)
    gateway.errors["purge"] = [UnknownInstance("order_A")]
    with pytest.raises(OutcomeUnknown, match="still shows COMPLETED"):
        actions.purge("order_A", ANN)
    assert summary(ledger).purged_at is None


def test_descendants_go_with_it_and_are_archived_first(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Each is kept, marked and noted, with whom it went."""
    put_family(gateway)
    assert set(actions.purge("order_A", ANN).ids) == {"order_A", "order_A1", "order_A2"}
    assert not gateway.instances
    for instance_id in ("order_A1", "order_A2"):
        assert read_history(gateway, ledger, instance_id).source is Source.ARCHIVE
        assert summary(ledger, instance_id).purged_at
        assert ledger.audit_log.of(instance_id, 1)[0].message == "with 'order_A'"


def test_a_descendant_that_has_not_ended_stops_the_purge(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Dapr would purge some of them, and then stop."""
    put_family(gateway, Status.RUNNING)
    with pytest.raises(NotFinished, match="its descendant 'order_A2' has not ended"):
        actions.purge("order_A", ANN)
    assert len(gateway.instances) == 3


def test_descendants_may_stay(actions: Actions, gateway: FakeGateway) -> None:
    """Who wants it purges the one alone."""
    put_family(gateway, Status.RUNNING)
    assert actions.purge("order_A", ANN, how=How(recursive=False)).ids == ("order_A",)
    assert set(gateway.instances) == {"order_A1", "order_A2"}


def test_finished_descendants_may_stay_by_force_too(actions: Actions, gateway: FakeGateway) -> None:
    """Force is not needed, so that the one alone goes, and the others are not told to have gone."""
    put_family(gateway)
    how = How(force=True, recursive=False)
    assert actions.purge("order_A", ANN, how=how).ids == ("order_A",)
    assert set(gateway.instances) == {"order_A1", "order_A2"}


def test_too_many_descendants_are_told(
    actions: Actions, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One purge has a bound."""
    monkeypatch.setattr("operations.actions.families.MOST", 1)
    put_family(gateway)
    with pytest.raises(TooManyDescendants, match=r"they are more than 1\. Purge some of them"):
        actions.purge("order_A", ANN)
    assert not gateway.calls["purge"]
    monkeypatch.setattr("operations.actions.families.MOST", 2)
    assert len(actions.purge("order_A", ANN).ids) == 3


def test_a_purge_that_takes_long_is_held_on(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else acts on the instance while its descendants are read."""
    put_family(gateway)
    monkeypatch.setattr("operations.actions.holding.LASTS", 0.2)
    monkeypatch.setattr("operations.ledger.leases.LASTS", 0.2)
    others: list[object] = []

    def is_slow() -> None:
        time.sleep(0.12)
        others.append(ledger.leases.take("order_A"))

    gateway.during["history"] = is_slow
    actions.purge("order_A", ANN)
    assert others
    assert not any(others)
    assert ledger.leases.take("order_A")


def test_a_purge_that_was_overtaken_is_not_made(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another may have begun to act on what was thought to be left behind."""
    put_family(gateway)
    monkeypatch.setattr("operations.actions.holding.LASTS", 0)
    monkeypatch.setattr(ledger.leases, "renew", lambda _: None)
    with pytest.raises(ActionInProgress):
        actions.purge("order_A", ANN)
    assert not gateway.calls["purge"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUSPENDED, Status.STALLED])
def test_by_force_an_unfinished_one_is_archived_as_far_as_it_is(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """How it ended is unknown, for it did not; what it was is in the journal."""
    put(gateway, status=status)
    history = gateway.events["order_A"]
    assert actions.purge("order_A", ANN, how=FORCE).before is status
    assert gateway.forced
    assert summary(ledger).status is Status.UNKNOWN
    assert summary(ledger).purged_at
    assert read_history(gateway, ledger, "order_A").events == history
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.before, entry.message) == (status, "by force")


def test_by_force_a_pending_one_is_terminated_first(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Dapr's forced purge does not find what has no history yet."""
    put(gateway, status=Status.PENDING)
    history = gateway.events["order_A"]
    gateway.during["terminate"] = lambda: gateway.events.update(order_A=history)
    assert actions.purge("order_A", ANN, how=FORCE).changed
    assert gateway.calls["terminate"] == 1
    assert not gateway.forced
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.before, entry.message) == (Status.PENDING, "by force")


def test_force_is_used_only_where_it_is_needed(actions: Actions, gateway: FakeGateway) -> None:
    """What has ended is purged as usual, whatever was asked for."""
    put(gateway)
    actions.purge("order_A", ANN, how=FORCE)
    assert not gateway.forced


def test_by_force_a_family_goes_as_it_is(actions: Actions, gateway: FakeGateway) -> None:
    """A descendant that has not ended does not stop it."""
    put_family(gateway, Status.RUNNING)
    assert len(actions.purge("order_A", ANN, how=FORCE).ids) == 3
    assert not gateway.instances


def test_by_force_goes_also_what_the_engine_cannot_send(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A history beyond the sidecar's limit is lost; the rest is kept."""
    put(gateway, status=Status.STALLED)
    gateway.errors["history"] = [DaprRefused("too large")]
    assert actions.purge("order_A", ANN, how=FORCE).changed
    assert read_history(gateway, ledger, "order_A").events == ()


def test_a_forced_purge_that_fails_leaves_it_followed(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """What was kept of its history by then is no archive of its end."""
    put(gateway, status=Status.RUNNING)
    gateway.errors["purge"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        actions.purge("order_A", ANN, how=FORCE)
    assert [each.instance_id for each in ledger.runs.unfinished()] == ["order_A"]


def test_a_purge_is_noted_with_who_and_why(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The journal has both."""
    put(gateway)
    actions.purge("order_A", ANN, "to make room")
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason, entry.outcome) == (
        ANN,
        "purge",
        "to make room",
        Outcome.DONE,
    )
    assert (entry.before, entry.after, entry.bulk) == (Status.COMPLETED, None, None)


@pytest.mark.parametrize("reason", ["x" * (LONGEST + 1), "a\0b", "\ud800"])
def test_a_reason_that_cannot_be_kept_is_refused(
    actions: Actions, gateway: FakeGateway, reason: str
) -> None:
    """Nothing is done for it."""
    put(gateway)
    with pytest.raises(InvalidInput, match="why: found"):
        actions.purge("order_A", ANN, reason)
    assert not gateway.calls


def test_a_purge_does_not_wait_for_ever_for_another_action(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody else acts on it, nothing is done."""
    monkeypatch.setattr("operations.actions.holding.PATIENCE", 0.1)
    put(gateway)
    assert ledger.leases.take("order_A")
    with pytest.raises(ActionInProgress):
        actions.purge("order_A", ANN)
    assert not gateway.calls["purge"]


def test_an_engine_that_is_gone_is_told(actions: Actions, gateway: FakeGateway) -> None:
    """An outage stays an outage."""
    gateway.errors["state"] = [DaprUnavailable("no sidecar")]
    with pytest.raises(DaprUnavailable):
        actions.purge("order_A", ANN)
