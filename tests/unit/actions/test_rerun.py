"""Reruns: an engine in memory, and a ledger in a real database."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from operations.actions import (
    ActionContext,
    Actions,
    RerunFrom,
    RerunRequest,
    RerunResult,
    StartRequest,
)
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
from tests.unit.actions.conftest import BY_ANN
from tests.unit.events import completed, ended, scheduled, started
from tests.unit.fakes import FakeGateway, instance
from tests.unit.runs import ANN, ledger_away, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

LOST = OutcomeUnknown("rerun", "no answer in time")


@pytest.fixture(autouse=True)
def finished_instance(gateway: FakeGateway) -> None:
    """Add a finished instance to the engine."""
    put(gateway)


def rerun(
    actions: Actions,
    start: int | RerunFrom = 2,
    new_id: str | None = "order_B",
    *,
    source_id: str = "order_A",
    payload: str | None = None,
) -> RerunResult:
    """Run the order again from its second call."""
    request = RerunRequest(source_id, start, new_id, payload)
    return actions.rerun(request, ActionContext(ANN, "once more"))


@pytest.mark.parametrize("status", [status for status in Status if status.is_finished])
def test_a_rerun_works(actions: Actions, gateway: FakeGateway, status: Status) -> None:
    """Another instance runs from that event, and the source is unchanged."""
    gateway.set_status("order_A", status)
    reran = rerun(actions)
    assert (reran.source_id, reran.instance_id, reran.created) == ("order_A", "order_B", True)
    assert reran.plan.event.name == "charge"
    assert gateway.instances["order_B"].status is Status.RUNNING
    assert gateway.instances["order_A"].status is status


def test_the_ledger_records_the_source_of_a_rerun(actions: Actions, ledger: Ledger) -> None:
    """The run of the new instance has the id of its source."""
    rerun(actions)
    assert summary(ledger, "order_B").rerun_of == "order_A"


@pytest.mark.parametrize(
    ("payload", "sent"), [(None, "5"), ("null", "null"), ("0", "0"), ('""', '""'), ("{}", "{}")]
)
def test_the_input_of_the_event_can_be_replaced(
    actions: Actions, gateway: FakeGateway, payload: str | None, sent: str
) -> None:
    """None keeps the input, and null is an input."""
    rerun(actions, payload=payload)
    assert gateway.events["order_B"][-1].payload == sent


def test_a_rerun_is_in_the_audit_log_of_both_instances(actions: Actions, ledger: Ledger) -> None:
    """Both audit entries have the actor and the reason."""
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
def test_a_refused_rerun_of_an_unfinished_instance_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The entry has the actor, the reason, and the reason of the refusal."""
    gateway.set_status("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"it is {status}") as refused:
        rerun(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason) == (ANN, "rerun", "once more")
    assert (entry.outcome, entry.before) == (Outcome.REFUSED, status)
    assert entry.message == str(refused.value)
    assert not gateway.calls["rerun"]


def test_a_refused_rerun_of_a_purged_instance_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the last status that the ledger knows."""
    rerun(actions)
    del gateway.instances["order_A"]
    with pytest.raises(NotRerunnable, match="the engine no longer has it"):
        rerun(actions, new_id="order_C")
    entry, _ = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.REFUSED, Status.COMPLETED)


def test_a_new_instance_without_an_id_gets_one(actions: Actions, gateway: FakeGateway) -> None:
    """The id contains the id of the source, and each rerun gets another id."""
    one, other = rerun(actions, new_id=None), rerun(actions, new_id=None)
    assert one.instance_id.startswith("order_A-rerun-")
    assert is_startable_id(one.instance_id)
    assert {one.instance_id, other.instance_id} < set(gateway.instances)


@pytest.mark.parametrize("source", ["x" * 64, "x" * 300, "a b||c"])
def test_a_generated_id_is_safe(actions: Actions, gateway: FakeGateway, source: str) -> None:
    """The id of the source may be unsafe or too long."""
    put(gateway, source)
    assert is_startable_id(rerun(actions, new_id=None, source_id=source).instance_id)


def test_the_same_rerun_again_changes_nothing(actions: Actions, gateway: FakeGateway) -> None:
    """The second request finds the instance of the first."""
    rerun(actions)
    assert not rerun(actions).created
    assert gateway.calls["rerun"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_new_id_that_is_taken_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """The existing instance stays unchanged, even if another rerun made it."""
    gateway.put(instance("order_B", status))
    with pytest.raises(InstanceExists, match="The id 'order_B' is taken by another instance"):
        rerun(actions)
    rerun(actions, new_id="order_C")
    with pytest.raises(InstanceExists):
        rerun(actions, start=1, new_id="order_C")
    assert gateway.calls["rerun"] == 1


def test_a_new_id_that_a_start_has_reserved_is_refused(
    actions: Actions, limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """The order that is being started keeps its id."""
    gateway.errors["start"] = [OutcomeUnknown("start", "no answer in time")]
    with pytest.raises(OutcomeUnknown):
        limited(poll_interval=100).start(StartRequest("order_workflow", "order_B", {}), BY_ANN)
    with pytest.raises(InstanceExists, match="by another start, which is in progress"):
        rerun(actions)
    assert not gateway.calls["rerun"]


def test_a_new_id_whose_instance_was_purged_is_free(actions: Actions, gateway: FakeGateway) -> None:
    """The same rerun can be made again."""
    rerun(actions)
    del gateway.instances["order_B"]
    assert rerun(actions).created


@pytest.mark.parametrize("new_id", ["a||b", "a/b", "", "x" * 65])
def test_an_unsafe_id_reaches_nothing(actions: Actions, gateway: FakeGateway, new_id: str) -> None:
    """Dapr would accept it, and break."""
    with pytest.raises(InvalidInput, match="new_instance_id: found"):
        rerun(actions, new_id=new_id)
    assert not gateway.calls


@pytest.mark.parametrize("status", [status for status in Status if not status.is_finished])
def test_an_unfinished_instance_is_not_rerun(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """Its status does not allow a rerun."""
    gateway.set_status("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot rerun 'order_A': it is {status}"):
        rerun(actions)
    assert not gateway.calls["rerun"]


@pytest.mark.parametrize("event_id", [-1, 0, 7, 99])
def test_an_event_that_schedules_nothing_is_refused(
    actions: Actions, gateway: FakeGateway, event_id: int
) -> None:
    """The message names the event."""
    with pytest.raises(
        NotRerunnable, match=f"event {event_id} is not an activity, a timer or a child"
    ):
        rerun(actions, event_id)
    assert not gateway.calls["rerun"]


def test_a_timer_takes_no_input(actions: Actions) -> None:
    """A rerun from a timer works without an input."""
    with pytest.raises(NotRerunnable, match="event 3 is a timer, which takes no input"):
        rerun(actions, 3, payload="1")
    assert rerun(actions, 3).created


def test_a_child_is_not_rerun(actions: Actions, gateway: FakeGateway) -> None:
    """The message names the parent."""
    put(gateway, "order_A1", parent="order_A")
    with pytest.raises(NotRerunnable, match="it is a child of 'order_A': rerun that"):
        rerun(actions, source_id="order_A1")


def test_a_missing_source_is_refused(actions: Actions) -> None:
    """An unknown id is refused."""
    with pytest.raises(UnknownInstance):
        rerun(actions, source_id="order_Z")


def test_a_purged_source_is_refused(actions: Actions) -> None:
    """The ledger has the run, but only the engine could run it again."""
    actions.purge("order_A", BY_ANN)
    with pytest.raises(NotRerunnable, match="the engine no longer has it"):
        rerun(actions)


def test_a_rerun_whose_answer_was_lost_is_verified(actions: Actions, gateway: FakeGateway) -> None:
    """The engine has the new instance, so the rerun was made."""
    gateway.late_errors["rerun"] = [LOST]
    assert rerun(actions).created


def test_a_rerun_without_an_answer_may_be_repeated(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The message has the new id; the same rerun again waits for the first."""
    gateway.errors["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown, match=r"rerun as 'order_B' .* with this id"):
        rerun(actions)
    with pytest.raises(OutcomeUnknown, match="the same rerun is in progress"):
        rerun(actions)
    put(gateway, "order_B", Status.RUNNING)
    assert not rerun(actions).created
    latest = ledger.reservations.latest("order_B")
    assert latest
    assert latest.is_accepted


@pytest.mark.parametrize("error", [DaprUnavailable("no sidecar"), DaprRefused("inbox")])
def test_a_rerun_after_which_the_engine_is_away_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """The rerun may have been made; the same request again finds it."""
    gateway.during["rerun"] = lambda: gateway.errors.update(state=[error])
    gateway.late_errors["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="with this id"):
        rerun(actions)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN
    assert not rerun(actions).created


def test_a_reservation_whose_rerun_never_arrived_expires(
    actions: Actions, limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """After that the id is free again."""
    gateway.errors["rerun"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        rerun(actions)
    assert rerun(limited(reservation=0)).created


@pytest.mark.parametrize(
    "error", [DaprUnavailable("no sidecar"), NotRerunnable("order_A", "no"), LOST]
)
def test_a_failed_rerun_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: Exception
) -> None:
    """The source has one audit entry, and only an unknown outcome keeps the id reserved."""
    gateway.errors["rerun"] = [error]  # type: ignore[list-item]
    with pytest.raises(type(error)):
        rerun(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is (Outcome.UNKNOWN if error is LOST else Outcome.REFUSED)
    assert (ledger.reservations.latest("order_B") is None) is (error is not LOST)


def test_without_the_ledger_nothing_is_rerun(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the ledger knows whether the new id is free."""
    monkeypatch.setattr(ledger.reservations, "latest", ledger_away)
    with pytest.raises(LedgerUnavailable):
        rerun(actions)
    assert not gateway.calls["rerun"]


def test_the_same_rerun_twice_at_once_is_made_once(actions: Actions, gateway: FakeGateway) -> None:
    """The second request waits for the first, and finds its instance."""
    with ThreadPoolExecutor(1) as pool:
        seconds: list[Future[RerunResult]] = []

        def rerun_second() -> None:
            gateway.during.clear()
            seconds.append(pool.submit(rerun, actions))

        gateway.during["rerun"] = rerun_second
        assert rerun(actions).created
        assert not seconds[0].result(timeout=5).created
    assert gateway.calls["rerun"] == 1


def test_a_plan_changes_nothing(actions: Actions, gateway: FakeGateway) -> None:
    """The plan has the calls that keep their results and the calls that are made again."""
    plan = actions.rerun_plan(RerunRequest("order_A", 2))
    assert [each.name for each in plan.kept] == ["reserve"]
    assert [each.name for each in plan.again] == ["charge"]
    assert not gateway.calls["rerun"]


def test_a_plan_from_the_first_call_keeps_nothing(actions: Actions) -> None:
    """All calls are made again."""
    plan = actions.rerun_plan(RerunRequest("order_A", RerunFrom.FIRST))
    assert (plan.event.name, plan.kept) == ("reserve", ())


def test_an_instance_without_a_call_has_no_plan(actions: Actions, gateway: FakeGateway) -> None:
    """An unknown workflow fails before its first call."""
    put(gateway, "order_B", Status.FAILED, events=())
    with pytest.raises(NotRerunnable, match="it has no activity, timer or child"):
        actions.rerun_plan(RerunRequest("order_B", RerunFrom.FIRST))


def test_an_input_that_would_stall_the_new_instance_is_refused(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Only the events before the chosen one count, because the new instance has no others."""
    gateway.max_body_size = 1_000_000
    large = completed(1, 2, '"' + "x" * 600_000 + '"')
    gateway.events["order_A"] = (started(0), scheduled(1, 1), large, scheduled(2, 3), ended(9))
    with pytest.raises(InvalidInput, match=r"^input: .*FLOWDECK_DAPR_MAX_BODY_SIZE"):
        rerun(actions, 2, payload='"' + "y" * 400_000 + '"')
    assert "order_B" not in gateway.instances
    rerun(actions, 2, payload='"small"')
    rerun(actions, 1, "order_C", payload='"' + "y" * 400_000 + '"')
    assert gateway.calls["rerun"] == 2
