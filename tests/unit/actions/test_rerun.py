"""Reruns: an engine in memory, and a ledger in a real file."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from operations.actions import Actions, Reran
from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InstanceExists,
    InvalidInput,
    LedgerUnavailable,
    NotRerunnable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.ledger import Ledger
from operations.model import Status, is_startable_id
from operations.records import Outcome
from tests.unit.fakes import FakeGateway, instance
from tests.unit.runs import ANN, lost, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

LOST = OutcomeUnknown("rerun", "no answer in time")


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an engine with one finished instance, and an empty ledger."""
    put(gateway)
    return Actions(gateway, ledger)


def rerun(actions: Actions, event_id: int = 2, new_id: str | None = "order_B") -> Reran:
    """Run the order again from its second step."""
    return actions.rerun("order_A", event_id, ANN, "once more", new_id=new_id)


@pytest.mark.parametrize("status", [status for status in Status if status.is_finished])
def test_a_rerun_works(actions: Actions, gateway: FakeGateway, status: Status) -> None:
    """Another instance runs, from that event on, and the source is as it was."""
    gateway.turn("order_A", status)
    reran = rerun(actions)
    assert (reran.source_id, reran.instance_id, reran.created) == ("order_A", "order_B", True)
    assert reran.plan.event.name == "charge"
    assert gateway.instances["order_B"].status is Status.RUNNING
    assert gateway.instances["order_A"].status is status


def test_the_ledger_knows_of_which_instance_it_is_a_rerun(actions: Actions, ledger: Ledger) -> None:
    """A list shows it at once."""
    rerun(actions)
    assert summary(ledger, "order_B").rerun_of == "order_A"


@pytest.mark.parametrize(
    ("payload", "sent"), [(None, "5"), ("null", "null"), ("0", "0"), ('""', '""'), ("{}", "{}")]
)
def test_the_input_of_the_event_may_be_another(
    actions: Actions, gateway: FakeGateway, payload: str | None, sent: str
) -> None:
    """None keeps what it was, and null is an input."""
    actions.rerun("order_A", 2, ANN, new_id="order_B", payload=payload)
    assert gateway.events["order_B"][-1].payload == sent


def test_a_rerun_is_noted_for_both(actions: Actions, ledger: Ledger) -> None:
    """Who looks at either finds who wanted it, and why."""
    rerun(actions)
    (source,) = ledger.audit_log.of("order_A", 10)
    (new,) = ledger.audit_log.of("order_B", 10)
    assert source.message == "from event 2, as 'order_B'"
    assert new.message == "from event 2 of 'order_A'"
    for entry in (source, new):
        assert (entry.actor, entry.action, entry.reason) == (ANN, "rerun", "once more")
        assert entry.outcome is Outcome.DONE
    assert (source.before, source.after) == (Status.COMPLETED, Status.COMPLETED)
    assert (new.before, new.after) == (None, Status.RUNNING)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUSPENDED, Status.PENDING])
def test_a_rerun_of_what_has_not_ended_is_refused_and_noted(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """Who looks at it finds who wanted it, and why it was not made."""
    gateway.turn("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"it is {status}") as refused:
        rerun(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason) == (ANN, "rerun", "once more")
    assert (entry.outcome, entry.before) == (Outcome.REFUSED, status)
    assert entry.message == str(refused.value)
    assert not gateway.calls["rerun"]


def test_a_rerun_of_what_the_engine_has_no_more_is_refused_and_noted(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The ledger knows how it was."""
    rerun(actions)
    del gateway.instances["order_A"]
    with pytest.raises(NotRerunnable, match="the engine has it no more"):
        rerun(actions, new_id="order_C")
    entry, _ = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.REFUSED, Status.COMPLETED)


def test_an_id_is_made_up_if_none_is_given(actions: Actions, gateway: FakeGateway) -> None:
    """It tells whose rerun it is, and each is another."""
    one, other = rerun(actions, new_id=None), rerun(actions, new_id=None)
    assert one.instance_id.startswith("order_A-rerun-")
    assert is_startable_id(one.instance_id)
    assert {one.instance_id, other.instance_id} < set(gateway.instances)


@pytest.mark.parametrize("source", ["x" * 64, "x" * 300, "a b||c"])
def test_an_id_that_is_made_up_is_safe(actions: Actions, gateway: FakeGateway, source: str) -> None:
    """Whatever the source's is."""
    put(gateway, source)
    assert is_startable_id(actions.rerun(source, 2, ANN).instance_id)


def test_the_same_rerun_again_changes_nothing(actions: Actions, gateway: FakeGateway) -> None:
    """It finds what it had made."""
    rerun(actions)
    assert not rerun(actions).created
    assert gateway.calls["rerun"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_new_id_that_is_taken_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """What has it stays untouched, finished or not, also if it is another rerun."""
    gateway.put(instance("order_B", status))
    with pytest.raises(InstanceExists, match="The id 'order_B' is taken by another instance"):
        rerun(actions)
    rerun(actions, new_id="order_C")
    with pytest.raises(InstanceExists):
        rerun(actions, event_id=1, new_id="order_C")
    assert gateway.calls["rerun"] == 1


def test_a_new_id_that_a_start_has_claimed_is_refused(
    actions: Actions, gateway: FakeGateway
) -> None:
    """An order that is being started keeps its id."""
    gateway.errors["start"] = [OutcomeUnknown("start", "no answer in time")]
    with pytest.raises(OutcomeUnknown):
        actions.start("order_workflow", "order_B", {}, ANN)
    with pytest.raises(InstanceExists, match="by another start, which is under way"):
        rerun(actions)
    assert not gateway.calls["rerun"]


def test_a_new_id_whose_instance_was_purged_is_free(actions: Actions, gateway: FakeGateway) -> None:
    """The same rerun may be made anew."""
    rerun(actions)
    del gateway.instances["order_B"]
    assert rerun(actions).created


@pytest.mark.parametrize("new_id", ["a||b", "a/b", "", "x" * 65])
def test_an_unsafe_id_reaches_nothing(actions: Actions, gateway: FakeGateway, new_id: str) -> None:
    """Dapr would take it, and break."""
    with pytest.raises(InvalidInput, match="new_instance_id: found"):
        rerun(actions, new_id=new_id)
    assert not gateway.calls


@pytest.mark.parametrize("status", [status for status in Status if not status.is_finished])
def test_what_has_not_ended_is_not_rerun(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """The status says so."""
    gateway.turn("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot rerun 'order_A': it is {status}"):
        rerun(actions)
    assert not gateway.calls["rerun"]


@pytest.mark.parametrize("event_id", [-1, 0, 7, 99])
def test_an_event_that_schedules_nothing_is_refused(
    actions: Actions, gateway: FakeGateway, event_id: int
) -> None:
    """It is told which one, and noted."""
    with pytest.raises(NotRerunnable, match=f"event {event_id} is no activity, timer or child"):
        rerun(actions, event_id)
    assert not gateway.calls["rerun"]


def test_a_timer_takes_no_input(actions: Actions) -> None:
    """One can rerun from it, but not change it."""
    with pytest.raises(NotRerunnable, match="event 3 is a timer, which takes no input"):
        actions.rerun("order_A", 3, ANN, new_id="order_B", payload="1")
    assert rerun(actions, 3).created


def test_a_child_is_not_rerun(actions: Actions, gateway: FakeGateway) -> None:
    """It is told whose child it is."""
    put(gateway, "order_A1", parent="order_A")
    with pytest.raises(NotRerunnable, match="it is a child of 'order_A': rerun that"):
        actions.rerun("order_A1", 2, ANN)


def test_a_missing_source_is_refused(actions: Actions) -> None:
    """An id that nobody knows is told as such."""
    with pytest.raises(UnknownInstance):
        actions.rerun("order_Z", 1, ANN)


def test_a_purged_source_is_refused(actions: Actions) -> None:
    """The ledger remembers it, but only the engine could run it again."""
    actions.purge("order_A", ANN)
    with pytest.raises(NotRerunnable, match="the engine has it no more"):
        rerun(actions)


def test_a_rerun_whose_answer_was_lost_is_looked_after(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The new instance is there, so that it was made."""
    gateway.lost["rerun"] = [LOST]
    assert rerun(actions).created


def test_a_rerun_that_does_not_come_through_may_be_repeated(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Its id is told, for one that was made up, and the same again waits for the first."""
    gateway.errors["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown, match=r"rerun as 'order_B' .* with this id"):
        rerun(actions)
    with pytest.raises(OutcomeUnknown, match="a rerun of it is under way"):
        rerun(actions)
    put(gateway, "order_B", Status.RUNNING)
    assert not rerun(actions).created
    latest = ledger.reservations.latest("order_B")
    assert latest
    assert latest.is_accepted


@pytest.mark.parametrize("error", [DaprUnavailable("no sidecar"), DaprRefused("inbox")])
def test_a_rerun_after_which_the_engine_is_gone_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """It may have been made: the same again finds it."""
    gateway.during["rerun"] = lambda: gateway.errors.update(state=[error])
    gateway.lost["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="with this id"):
        rerun(actions)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN
    assert not rerun(actions).created


def test_a_claim_whose_rerun_never_came_lapses(
    actions: Actions, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shuts nobody out for long."""
    gateway.errors["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        rerun(actions)
    monkeypatch.setattr("operations.actions.starting.CLAIM_LASTS", 0)
    assert rerun(actions).created


@pytest.mark.parametrize(
    "error", [DaprUnavailable("no sidecar"), NotRerunnable("order_A", "no"), LOST]
)
def test_a_refused_rerun_is_noted(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: Exception
) -> None:
    """Once, for the source, and only what is open keeps the id."""
    gateway.errors["rerun"] = [error]  # type: ignore[list-item]
    with pytest.raises(type(error)):
        rerun(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is (Outcome.UNKNOWN if error is LOST else Outcome.REFUSED)
    assert (ledger.reservations.latest("order_B") is None) is (error is not LOST)


def test_without_the_ledger_nothing_is_rerun(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could tell whether the new id is free."""
    monkeypatch.setattr(ledger.reservations, "latest", lost)
    with pytest.raises(LedgerUnavailable):
        rerun(actions)
    assert not gateway.calls["rerun"]


def test_the_same_rerun_twice_at_once_is_one(actions: Actions, gateway: FakeGateway) -> None:
    """The second waits for the first, and finds it made."""
    with ThreadPoolExecutor(1) as pool:
        seconds: list[Future[Reran]] = []

        def come_second() -> None:
            gateway.during.clear()
            seconds.append(pool.submit(rerun, actions))

        gateway.during["rerun"] = come_second
        assert rerun(actions).created
        assert not seconds[0].result(timeout=5).created
    assert gateway.calls["rerun"] == 1


def test_the_plan_is_told_beforehand(actions: Actions, gateway: FakeGateway) -> None:
    """What is kept and what runs again, and nothing is done."""
    plan = actions.rerun_plan("order_A", 2)
    assert [each.name for each in plan.kept] == ["reserve"]
    assert [each.name for each in plan.again] == ["charge"]
    assert not gateway.calls["rerun"]


def test_without_an_event_the_plan_is_of_the_first(actions: Actions) -> None:
    """Everything runs again."""
    plan = actions.rerun_plan("order_A")
    assert (plan.event.name, plan.kept) == ("reserve", ())


def test_what_did_nothing_has_no_plan(actions: Actions, gateway: FakeGateway) -> None:
    """A workflow that nobody knows fails before its first step."""
    put(gateway, "order_B", Status.FAILED, steps=())
    with pytest.raises(NotRerunnable, match="it has no activity, timer or child"):
        actions.rerun_plan("order_B")
