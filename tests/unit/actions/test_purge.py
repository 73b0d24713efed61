"""Purges: an engine in memory, and a ledger in a real database."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

import pytest

from operations.actions import ActionContext, Actions, PurgeOptions
from operations.actions.context import MAX_REASON_LENGTH
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
from operations.ledger.leases import Lease
from operations.model import Status
from operations.records import Outcome
from operations.snapshots import read_snapshot
from tests.unit.actions.conftest import BY_ANN
from tests.unit.engine import remove_instance
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, ledger_away, put, put_with_descendants
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

FORCE = PurgeOptions(force=True)
FINISHED = [status for status in Status if status.is_finished]
LOST = OutcomeUnknown("purge", "no answer in time")


@pytest.mark.parametrize("status", FINISHED)
def test_a_purge_works(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The engine no longer has the instance, and the ledger keeps its status."""
    put(gateway, status=status)
    purged = actions.purge("order_A", BY_ANN)
    assert (purged.before, purged.changed, purged.ids) == (status, True, ("order_A",))
    assert not gateway.instances
    assert not gateway.forced
    assert summary(ledger).status is status
    assert summary(ledger).purged_at


def test_the_history_is_readable_after_the_purge(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Every event is read from the archive."""
    put(gateway)
    history = gateway.events["order_A"]
    actions.purge("order_A", BY_ANN)
    archived = read_history(gateway, lambda: ledger, "order_A")
    assert (archived.source, archived.events) == (Source.ARCHIVE, history)


def test_the_ledger_archives_before_the_engine_deletes(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The archive is complete when the engine is called."""
    put(gateway)
    found: list[object] = []
    gateway.during["purge"] = lambda: found.append(ledger.runs.archived(["order_A"]))
    actions.purge("order_A", BY_ANN)
    assert found == [{"order_A": Status.COMPLETED}]


@pytest.mark.parametrize("status", [s for s in Status if not s.is_finished])
def test_an_unfinished_instance_is_not_purged(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The engine is not called, and the audit log has the refusal."""
    put(gateway, status=status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot purge 'order_A': it is {status}"):
        actions.purge("order_A", ActionContext(ANN, "to make room"))
    assert not gateway.calls["purge"]
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.reason) == (Outcome.REFUSED, "to make room")


def test_a_repeated_purge_changes_nothing(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The ledger keeps the run as it was."""
    put(gateway)
    actions.purge("order_A", BY_ANN)
    before = summary(ledger)
    assert not actions.purge("order_A", BY_ANN).changed
    assert summary(ledger) == before
    assert gateway.calls["purge"] == 1


def record_and_lose(gateway: FakeGateway, ledger: Ledger) -> None:
    """Record an instance that the engine then no longer has."""
    put(gateway)
    snapshot = read_snapshot(gateway, "order_A")
    assert snapshot
    ledger.runs.ingest([snapshot])
    gateway.instances.clear()


def test_an_instance_that_was_purged_elsewhere_is_marked(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The ledger records that purge."""
    record_and_lose(gateway, ledger)
    assert not actions.purge("order_A", BY_ANN).changed
    assert summary(ledger).purged_at


def test_a_sidecar_of_another_application_marks_nothing(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It does not have the instance, which says nothing about the instance's own engine."""
    record_and_lose(gateway, ledger)
    gateway.app = "other"
    assert not actions.purge("order_A", BY_ANN).changed
    assert summary(ledger).purged_at is None


def test_a_missing_instance_is_not_purged(actions: Actions, gateway: FakeGateway) -> None:
    """An unknown id is refused, by force too."""
    for options in (None, FORCE):
        with pytest.raises(UnknownInstance):
            actions.purge("order_A", BY_ANN, options)
    assert not gateway.calls["purge"]


@pytest.mark.parametrize("call", ["leases.acquire", "runs.ingest", "runs.archived"])
def test_without_the_ledger_nothing_is_purged(
    actions: Actions,
    gateway: FakeGateway,
    ledger: Ledger,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An instance that cannot be archived stays in the engine."""
    put(gateway)
    noun, method = call.split(".")
    monkeypatch.setattr(getattr(ledger, noun), method, ledger_away)
    with pytest.raises(LedgerUnavailable):
        actions.purge("order_A", BY_ANN)
    assert not gateway.calls["purge"]


def test_an_instance_without_a_history_is_not_purged(
    actions: Actions, gateway: FakeGateway
) -> None:
    """There is nothing to archive if the engine sends no history of a finished instance."""
    put(gateway)
    gateway.events["order_A"] = ()
    with pytest.raises(NotArchived):
        actions.purge("order_A", BY_ANN)
    assert not gateway.calls["purge"]


def test_a_descendant_that_is_purged_meanwhile_does_not_stop_the_purge(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier purge, whose answer came too late, is still deleting descendants."""
    put_with_descendants(gateway)
    archived = ledger.runs.archived

    def after_the_earlier_purge(ids: Collection[str]) -> dict[str, Status]:
        remove_instance(gateway, "order_A2")
        ledger.runs.mark_purged({"order_A2": datetime.now(UTC)})
        return archived(ids)

    monkeypatch.setattr(ledger.runs, "archived", after_the_earlier_purge)
    assert actions.purge("order_A", BY_ANN).changed
    assert gateway.state("order_A") is None
    assert read_history(gateway, lambda: ledger, "order_A2").source is Source.ARCHIVE


def test_a_purge_whose_outcome_cannot_be_recorded_succeeds(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive was complete before the call; the recorder marks the run as purged later."""
    put(gateway)
    for name, owner in (("mark_purged", ledger.runs), ("complete", ledger.audit_log)):
        monkeypatch.setattr(owner, name, ledger_away)
    assert actions.purge("order_A", BY_ANN).changed


def test_a_purge_whose_answer_was_lost_is_verified(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine no longer has the instance, so the purge was done."""
    put(gateway)
    gateway.late_errors["purge"] = [LOST]
    assert actions.purge("order_A", BY_ANN).changed
    assert summary(ledger).purged_at


def test_a_purge_without_an_answer_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Without a worker the engine does not answer, and may purge later."""
    put(gateway)
    gateway.errors["purge"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        actions.purge("order_A", BY_ANN)
    assert summary(ledger).purged_at is None
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_a_purge_after_which_the_engine_is_away_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The instance cannot be read, so it may be purged."""
    put(gateway)

    def disconnect() -> None:
        gateway.errors["state"] = [DaprUnavailable("no sidecar accepts the connection")]

    gateway.during["purge"] = disconnect
    with pytest.raises(OutcomeUnknown, match="no sidecar"):
        actions.purge("order_A", BY_ANN)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_a_purge_whose_effect_cannot_be_read_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is not refused, because the instance may be purged."""
    put(gateway)
    refused = DaprRefused("inbox key missing")
    gateway.during["purge"] = lambda: gateway.errors.update(state=[refused])
    with pytest.raises(OutcomeUnknown):
        actions.purge("order_A", BY_ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is Outcome.UNKNOWN


def interrupt_purges(gateway: FakeGateway) -> None:
    """Make the engine stop each purge after it deleted one descendant."""

    def delete_one() -> None:
        name = next(each for each in ("order_A2", "order_A1", "") if each in gateway.instances)
        del gateway.instances[name]
        raise LOST

    gateway.during["purge"] = delete_one


def test_an_interrupted_purge_records_the_descendants_that_are_purged(
    actions: Actions, limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Dapr stops in the middle when the caller no longer waits; the same request continues."""
    put_with_descendants(gateway)
    interrupt_purges(gateway)
    with pytest.raises(OutcomeUnknown, match=r"1 of 3 are purged.*continues with the rest"):
        limited(purge=0).purge("order_A", BY_ANN)
    assert summary(ledger, "order_A2").purged_at
    assert not summary(ledger, "order_A1").purged_at
    (purged,) = ledger.audit_log.of("order_A2", 10)
    assert (purged.outcome, purged.message) == (Outcome.DONE, "with 'order_A'")
    assert ledger.audit_log.of("order_A", 10)[0].outcome is Outcome.UNKNOWN
    gateway.during.clear()
    assert set(actions.purge("order_A", BY_ANN).ids) == {"order_A", "order_A1"}


def test_a_purge_repeats_the_call_while_descendants_are_deleted(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """It stops at its deadline, and no call takes longer than a lease."""
    actions = limited(purge=60)
    put_with_descendants(gateway)
    interrupt_purges(gateway)

    def end() -> None:
        if len(gateway.instances) == 1:
            gateway.during.clear()

    gateway.during["state"] = end
    assert len(actions.purge("order_A", BY_ANN).ids) == 3
    assert gateway.calls["purge"] == 3
    assert all(timeout and timeout <= 4 for timeout in gateway.purge_timeouts)
    for each in ("order_A", "order_A1", "order_A2"):
        assert len(ledger.audit_log.of(each, 9)) == 1


def test_a_failed_purge_that_terminated_the_instance_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The instance was terminated, so the purge is not refused."""
    put(gateway, status=Status.PENDING)
    away = DaprUnavailable("no sidecar")
    gateway.during["terminate"] = lambda: gateway.errors.update(state=[away])
    with pytest.raises(OutcomeUnknown, match="it was terminated for the purge"):
        actions.purge("order_A", BY_ANN, FORCE)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.UNKNOWN, Status.PENDING)


def test_an_instance_that_the_engine_still_has_was_not_purged(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The confirmation of the engine is not enough."""
    put(gateway)
    instance = gateway.instances["order_A"]
    gateway.during["state"] = lambda: gateway.put(instance)
    with pytest.raises(OutcomeUnknown, match="still shows COMPLETED"):
        actions.purge("order_A", BY_ANN)


def test_the_slower_of_two_purges_succeeds(actions: Actions, gateway: FakeGateway) -> None:
    """Another purge at the same time has the same effect."""
    put(gateway)
    gateway.during["purge"] = gateway.instances.clear
    assert actions.purge("order_A", BY_ANN).changed


def test_an_instance_that_the_engine_denies_but_shows_was_not_purged(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A run that can still be read is not marked as purged."""
    put(gateway)
    gateway.errors["purge"] = [UnknownInstance("order_A")]
    with pytest.raises(OutcomeUnknown, match="still shows COMPLETED"):
        actions.purge("order_A", BY_ANN)
    assert summary(ledger).purged_at is None


def test_descendants_are_archived_and_purged_too(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Each is archived, marked as purged, and in the audit log with the id of the instance."""
    put_with_descendants(gateway)
    assert set(actions.purge("order_A", BY_ANN).ids) == {"order_A", "order_A1", "order_A2"}
    assert not gateway.instances
    for instance_id in ("order_A1", "order_A2"):
        assert read_history(gateway, lambda: ledger, instance_id).source is Source.ARCHIVE
        assert summary(ledger, instance_id).purged_at
        assert ledger.audit_log.of(instance_id, 1)[0].message == "with 'order_A'"


def test_an_unfinished_descendant_stops_the_purge(actions: Actions, gateway: FakeGateway) -> None:
    """Dapr would purge some descendants, and then stop."""
    put_with_descendants(gateway, Status.RUNNING)
    with pytest.raises(NotFinished, match="its descendant 'order_A2' has not ended"):
        actions.purge("order_A", BY_ANN)
    assert len(gateway.instances) == 3


def test_a_purge_that_is_not_recursive_keeps_descendants(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The instance alone is purged."""
    put_with_descendants(gateway, Status.RUNNING)
    assert actions.purge("order_A", BY_ANN, PurgeOptions(recursive=False)).ids == ("order_A",)
    assert set(gateway.instances) == {"order_A1", "order_A2"}


def test_a_forced_purge_that_is_not_recursive_keeps_finished_descendants(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The purge is not forced, because force always purges the descendants too."""
    put_with_descendants(gateway)
    options = PurgeOptions(force=True, recursive=False)
    assert actions.purge("order_A", BY_ANN, options).ids == ("order_A",)
    assert set(gateway.instances) == {"order_A1", "order_A2"}


def test_too_many_descendants_are_refused(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """One purge takes a limited number of descendants."""
    put_with_descendants(gateway)
    with pytest.raises(TooManyDescendants, match=r"it has more than 1\. Purge some of them"):
        limited(max_descendants=1).purge("order_A", BY_ANN)
    assert not gateway.calls["purge"]
    assert len(limited(max_descendants=2).purge("order_A", BY_ANN).ids) == 3


def test_a_purge_renews_its_lease_for_each_descendant(
    limited: Callable[..., Actions],
    gateway: FakeGateway,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A purge that takes longer than its lease keeps it, and releases it at the end."""
    put_with_descendants(gateway)
    renewals: list[Lease] = []
    renew = ledger.leases.renew

    def count(lease: Lease, seconds: float) -> Lease | None:
        renewals.append(lease)
        return renew(lease, seconds)

    monkeypatch.setattr(ledger.leases, "renew", count)
    assert limited(lease=0).purge("order_A", BY_ANN).changed
    assert len(renewals) > 2
    assert ledger.leases.acquire("order_A")


def test_a_purge_that_lost_its_lease_is_not_made(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Another action may have started after the lease expired."""
    put_with_descendants(gateway)
    gateway.during["history"] = lambda: ledger.leases.acquire("order_A")
    with pytest.raises(ActionInProgress):
        limited(lease=0).purge("order_A", BY_ANN)
    assert not gateway.calls["purge"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUSPENDED, Status.STALLED])
def test_a_forced_purge_archives_the_history_so_far(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The status of the run becomes UNKNOWN; the audit log has its last status."""
    put(gateway, status=status)
    history = gateway.events["order_A"]
    assert actions.purge("order_A", BY_ANN, FORCE).before is status
    assert gateway.forced
    assert summary(ledger).status is Status.UNKNOWN
    assert summary(ledger).purged_at
    assert read_history(gateway, lambda: ledger, "order_A").events == history
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.before, entry.message) == (status, "by force")


def test_a_forced_purge_terminates_a_pending_instance_first(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Dapr's forced purge does not find an instance without a history."""
    put(gateway, status=Status.PENDING)
    history = gateway.events["order_A"]
    gateway.during["terminate"] = lambda: gateway.events.update(order_A=history)
    assert actions.purge("order_A", BY_ANN, FORCE).changed
    assert gateway.calls["terminate"] == 1
    assert not gateway.forced
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.before, entry.message) == (Status.PENDING, "by force")


def test_force_is_used_only_where_it_is_needed(actions: Actions, gateway: FakeGateway) -> None:
    """A finished instance is purged without force."""
    put(gateway)
    actions.purge("order_A", BY_ANN, FORCE)
    assert not gateway.forced


def test_a_forced_purge_takes_unfinished_descendants(
    actions: Actions, gateway: FakeGateway
) -> None:
    """An unfinished descendant does not stop the purge."""
    put_with_descendants(gateway, Status.RUNNING)
    assert len(actions.purge("order_A", BY_ANN, FORCE).ids) == 3
    assert not gateway.instances


def test_a_forced_purge_works_if_the_engine_cannot_send_the_history(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A history beyond the sidecar's limit is lost; the rest is archived."""
    put(gateway, status=Status.STALLED)
    gateway.errors["history"] = [DaprRefused("too large")]
    assert actions.purge("order_A", BY_ANN, FORCE).changed
    assert read_history(gateway, lambda: ledger, "order_A").events == ()


def test_the_recorder_follows_an_instance_whose_forced_purge_failed(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Its history so far is not a complete archive."""
    put(gateway, status=Status.RUNNING)
    gateway.errors["purge"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        actions.purge("order_A", BY_ANN, FORCE)
    assert [each.instance_id for each in ledger.runs.unfinished()] == ["order_A"]


def test_a_purge_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the actor and the reason."""
    put(gateway)
    actions.purge("order_A", ActionContext(ANN, "to make room"))
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason, entry.outcome) == (
        ANN,
        "purge",
        "to make room",
        Outcome.DONE,
    )
    assert (entry.before, entry.after, entry.bulk_id) == (Status.COMPLETED, None, None)


@pytest.mark.parametrize("reason", ["x" * (MAX_REASON_LENGTH + 1), "a\0b", "\ud800"])
def test_a_reason_that_cannot_be_stored_is_refused(
    actions: Actions, gateway: FakeGateway, reason: str
) -> None:
    """Nothing is done."""
    put(gateway)
    with pytest.raises(InvalidInput, match="reason: found"):
        actions.purge("order_A", ActionContext(ANN, reason))
    assert not gateway.calls


def test_a_purge_does_not_wait_for_ever_for_another_action(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is done while another action has the lease."""
    put(gateway)
    assert ledger.leases.acquire("order_A")
    with pytest.raises(ActionInProgress):
        limited(lease_wait=0).purge("order_A", BY_ANN)
    assert not gateway.calls["purge"]


def test_an_unreachable_engine_is_an_outage(actions: Actions, gateway: FakeGateway) -> None:
    """The error is raised as it is."""
    gateway.errors["state"] = [DaprUnavailable("no sidecar")]
    with pytest.raises(DaprUnavailable):
        actions.purge("order_A", BY_ANN)
