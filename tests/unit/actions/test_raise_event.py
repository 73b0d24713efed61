"""External events: an engine in memory, and a ledger in a real database."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from operations.actions import ActionContext, Actions
from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InvalidInput,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import HistorySize
from operations.ledger import Ledger
from operations.model import Status
from operations.records import OUTCOME_NOT_RECORDED, Outcome
from tests.unit.actions.conftest import BY_ANN
from tests.unit.events import raised
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, ledger_away, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

TAKES = (Status.RUNNING, Status.SUSPENDED)
PAYLOADS = [None, "null", "0", "false", '""', "{}", '"yes"']


@pytest.fixture(autouse=True)
def running_instance(gateway: FakeGateway) -> None:
    """Add a running instance to the engine."""
    put(gateway, status=Status.RUNNING)


@pytest.mark.parametrize("status", TAKES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_event_arrives_as_it_was_sent(
    actions: Actions, gateway: FakeGateway, status: Status, payload: str | None
) -> None:
    """Any payload arrives, even while the instance is suspended."""
    gateway.set_status("order_A", status)
    acted = actions.raise_event("order_A", "approval", payload, BY_ANN)
    assert gateway.raised == [("order_A", "approval", payload)]
    assert (acted.before.status, acted.after.status) == (status, status)


@pytest.mark.parametrize("status", [status for status in Status if status not in TAKES])
def test_an_event_to_an_instance_that_does_not_run_is_refused(
    limited: Callable[..., Actions], gateway: FakeGateway, status: Status
) -> None:
    """A pending instance would start at once; a finished one would ignore the event."""
    put(gateway, status=status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot raise 'order_A': it is {status}"):
        limited(settle=0).raise_event("order_A", "approval", None, BY_ANN)
    assert not gateway.calls["raise"]


def test_a_repeated_event_is_another_event(actions: Actions, gateway: FakeGateway) -> None:
    """A workflow may wait for the same event twice."""
    for _ in range(2):
        actions.raise_event("order_A", "approval", "1", BY_ANN)
    assert len(gateway.raised) == 2


def test_an_event_to_a_missing_instance_is_refused(actions: Actions) -> None:
    """An unknown id is refused."""
    with pytest.raises(UnknownInstance):
        actions.raise_event("order_Z", "approval", None, BY_ANN)


def test_an_event_to_an_instance_that_finishes_before_it_is_refused(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The engine confirms the call, but the history does not have the event."""
    gateway.during["raise"] = lambda: gateway.set_status("order_A", Status.COMPLETED)
    with pytest.raises(ActionNotAllowed, match="it is COMPLETED"):
        actions.raise_event("order_A", "approval", None, BY_ANN)


def test_an_event_that_finishes_the_instance_has_arrived(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The history has the event; the case of its name does not matter."""

    def end() -> None:
        gateway.set_status("order_A", Status.COMPLETED)
        gateway.events["order_A"] = (raised("APPROVAL", 3),)

    gateway.during["raise"] = end
    acted = actions.raise_event("order_A", "approval", None, BY_ANN)
    assert acted.after.status is Status.COMPLETED


def test_an_earlier_event_of_the_same_name_does_not_count(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The history had that event before the call."""
    last = gateway.instances["order_A"].last_updated_at
    assert last

    def end() -> None:
        gateway.set_status("order_A", Status.COMPLETED)
        gateway.events["order_A"] = (replace(raised("approval", 3), timestamp=last),)

    gateway.during["raise"] = end
    with pytest.raises(ActionNotAllowed, match="it is COMPLETED"):
        actions.raise_event("order_A", "approval", None, BY_ANN)


def test_an_event_whose_answer_was_lost_must_not_be_repeated_blindly(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The event could arrive twice, and the message says how to check."""
    gateway.late_errors["raise"] = [OutcomeUnknown("raise", "no answer in time")]
    with pytest.raises(OutcomeUnknown, match=r"no answer in time.*Check its history before"):
        actions.raise_event("order_A", "approval", None, BY_ANN)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_an_event_whose_effect_cannot_be_read_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The instance may have finished before the event."""
    gone = DaprUnavailable("no sidecar")
    gateway.during["raise"] = lambda: gateway.errors.update(state=[gone])
    with pytest.raises(OutcomeUnknown, match="Check its history"):
        actions.raise_event("order_A", "approval", None, BY_ANN)


@pytest.mark.parametrize("error", [DaprRefused("too large"), UnknownInstance("order_A")])
def test_an_error_after_the_call_leaves_the_outcome_unknown(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """The engine has the event, so the outcome is not a refusal."""
    gateway.during["raise"] = lambda: gateway.errors.update(state=[error])
    with pytest.raises(OutcomeUnknown, match="Check its history"):
        actions.raise_event("order_A", "approval", None, BY_ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is Outcome.UNKNOWN


def test_an_event_is_in_the_audit_log_before_it_is_raised(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the name of the event, in case the process dies."""
    messages: list[str | None] = []
    gateway.during["raise"] = lambda: messages.extend(
        entry.message for entry in ledger.audit_log.of("order_A", 10)
    )
    assert actions.raise_event("order_A", "approval", None, BY_ANN).changed
    assert messages == [f"the event 'approval': {OUTCOME_NOT_RECORDED}"]
    assert len(ledger.audit_log.of("order_A", 10)) == 1


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "\ud800"])
def test_an_unusable_event_name_is_refused(
    actions: Actions, gateway: FakeGateway, name: str
) -> None:
    """The engine would accept an event without a name, which nothing can wait for."""
    with pytest.raises(InvalidInput, match="event: found"):
        actions.raise_event("order_A", name, None, BY_ANN)
    assert not gateway.calls


def test_an_event_is_in_the_audit_log(actions: Actions, ledger: Ledger) -> None:
    """The entry has the actor, the event and the reason; the payload is in the history."""
    actions.raise_event("order_A", "approval", "1", ActionContext(ANN, "the boss said so"))
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.outcome) == (ANN, "raise", Outcome.DONE)
    assert (entry.message, entry.reason) == ("the event 'approval'", "the boss said so")
    assert summary(ledger).status is Status.RUNNING


def test_an_event_can_be_raised_without_the_ledger(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that waits for a person continues although nothing can be recorded."""
    monkeypatch.setattr(ledger.leases, "acquire", ledger_away)
    monkeypatch.setattr(ledger.audit_log, "add", ledger_away)
    actions.raise_event("order_A", "approval", None, BY_ANN)
    assert gateway.raised


LIMIT = 1_000_000
BIG = '"' + "x" * 400_000 + '"'


def test_an_event_that_would_stall_its_instance_is_refused(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The error has the sizes and the setting; the audit log has the error."""
    gateway.max_body_size = LIMIT
    gateway.history_sizes["order_A"] = HistorySize(600_000)
    with pytest.raises(InvalidInput) as refused:
        actions.raise_event("order_A", "approval", BIG, BY_ANN)
    message = str(refused.value)
    for part in ("payload", "400,010 bytes", "349,488", "600,000", "95%", "1,000,000"):
        assert part in message
    assert "FLOWDECK_DAPR_MAX_BODY_SIZE" in message
    assert not gateway.raised
    (entry,) = ledger.audit_log.of("order_A", 9)
    assert entry.outcome is Outcome.REFUSED
    actions.raise_event("order_A", "approval", '"small"', BY_ANN)


def test_events_that_the_history_does_not_have_yet_count(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The engine confirms an event before the history has it."""
    gateway.max_body_size = LIMIT
    for _ in range(2):
        actions.raise_event("order_A", "approval", BIG, BY_ANN)
    with pytest.raises(InvalidInput):
        actions.raise_event("order_A", "approval", BIG, BY_ANN)
    actions.raise_event("order_A", "approval", '"small"', BY_ANN)
    put(gateway, "order_B", status=Status.RUNNING)
    actions.raise_event("order_B", "approval", BIG, BY_ANN)


def test_an_event_that_the_history_has_counts_once(actions: Actions, gateway: FakeGateway) -> None:
    """Its size is a part of the history's size."""
    gateway.max_body_size = LIMIT
    actions.raise_event("order_A", "approval", BIG, BY_ANN)
    gateway.history_sizes["order_A"] = HistorySize(400_100, raised_events=1)
    actions.raise_event("order_A", "approval", BIG, BY_ANN)
    assert len(gateway.raised) == 2


def test_the_history_is_read_once_for_many_small_events(
    actions: Actions, gateway: FakeGateway
) -> None:
    """A large history takes time to read; events are counted until they could reach the limit."""
    gateway.max_body_size = LIMIT
    for _ in range(5):
        actions.raise_event("order_A", "approval", '"small"', BY_ANN)
    assert gateway.calls["history_size"] == 1
    actions.raise_event("order_A", "approval", BIG, BY_ANN)
    assert gateway.calls["history_size"] == 1
    actions.raise_event("order_A", "approval", BIG, BY_ANN)
    assert gateway.calls["history_size"] == 2
    with pytest.raises(InvalidInput):
        actions.raise_event("order_A", "approval", BIG, BY_ANN)


def test_each_event_to_a_history_over_half_of_the_limit_reads_it(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Then the results of activities may fill the rest in a moment."""
    gateway.max_body_size = LIMIT
    gateway.history_sizes["order_A"] = HistorySize(LIMIT // 2)
    for _ in range(3):
        actions.raise_event("order_A", "approval", '"small"', BY_ANN)
    assert gateway.calls["history_size"] == 3


def test_an_engine_whose_limit_is_unknown_gets_every_event(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Its history is not read."""
    gateway.history_sizes["order_A"] = HistorySize(10 * LIMIT)
    actions.raise_event("order_A", "approval", BIG, BY_ANN)
    assert not gateway.calls["history_size"]
