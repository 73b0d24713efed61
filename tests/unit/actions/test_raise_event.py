"""External events: an engine in memory, and a ledger in a real file."""

from dataclasses import replace

import pytest

from operations.actions import Actions
from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InvalidInput,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.ledger import Ledger
from operations.model import Status
from operations.records import OUTCOME_NOT_RECORDED, Outcome
from tests.unit.events import raised
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, lost, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

TAKES = (Status.RUNNING, Status.SUSPENDED)
PAYLOADS = [None, "null", "0", "false", '""', "{}", '"yes"']


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an engine with one instance that runs, and an empty ledger."""
    put(gateway, status=Status.RUNNING)
    return Actions(gateway, ledger)


@pytest.mark.parametrize("status", TAKES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_event_arrives_as_it_was_sent(
    actions: Actions, gateway: FakeGateway, status: Status, payload: str | None
) -> None:
    """Whatever its payload, and also while the instance is suspended."""
    gateway.turn("order_A", status)
    acted = actions.raise_event("order_A", "approval", payload, ANN)
    assert gateway.raised == [("order_A", "approval", payload)]
    assert (acted.before.status, acted.after.status) == (status, status)


@pytest.mark.parametrize("status", [status for status in Status if status not in TAKES])
def test_an_event_to_what_does_not_run_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is pending would begin at once; one that has finished would take no notice."""
    monkeypatch.setattr("operations.actions.reads.SETTLING", 0.1)
    gateway.turn("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"Cannot raise 'order_A': it is {status}"):
        actions.raise_event("order_A", "approval", None, ANN)
    assert not gateway.calls["raise"]


def test_a_repeated_event_is_another(actions: Actions, gateway: FakeGateway) -> None:
    """A workflow may wait for the same event twice."""
    for _ in range(2):
        actions.raise_event("order_A", "approval", "1", ANN)
    assert len(gateway.raised) == 2


def test_an_event_to_a_missing_instance_is_refused(actions: Actions) -> None:
    """An id that nobody knows is told as such."""
    with pytest.raises(UnknownInstance):
        actions.raise_event("order_Z", "approval", None, ANN)


def test_an_event_to_what_ends_meanwhile_is_refused(actions: Actions, gateway: FakeGateway) -> None:
    """The engine keeps silent, but the history does not have it."""
    gateway.during["raise"] = lambda: gateway.turn("order_A", Status.COMPLETED)
    with pytest.raises(ActionNotAllowed, match="it is COMPLETED"):
        actions.raise_event("order_A", "approval", None, ANN)


def test_an_event_by_which_it_ends_has_come(actions: Actions, gateway: FakeGateway) -> None:
    """The history has it, whatever the case of its name."""

    def end() -> None:
        gateway.turn("order_A", Status.COMPLETED)
        gateway.events["order_A"] = (raised("APPROVAL", 3),)

    gateway.during["raise"] = end
    acted = actions.raise_event("order_A", "approval", None, ANN)
    assert acted.after.status is Status.COMPLETED


def test_an_earlier_event_of_that_name_is_not_this_one(
    actions: Actions, gateway: FakeGateway
) -> None:
    """It was in the history before."""
    last = gateway.instances["order_A"].last_updated_at
    assert last

    def end() -> None:
        gateway.turn("order_A", Status.COMPLETED)
        gateway.events["order_A"] = (replace(raised("approval", 3), timestamp=last),)

    gateway.during["raise"] = end
    with pytest.raises(ActionNotAllowed, match="it is COMPLETED"):
        actions.raise_event("order_A", "approval", None, ANN)


def test_an_event_whose_answer_was_lost_is_not_to_be_repeated_blindly(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """It would come twice, and the words say so."""
    gateway.lost["raise"] = [OutcomeUnknown("raise", "no answer in time")]
    with pytest.raises(OutcomeUnknown, match=r"no answer in time.*Look at its history before"):
        actions.raise_event("order_A", "approval", None, ANN)
    assert ledger.audit_log.of("order_A", 1)[0].outcome is Outcome.UNKNOWN


def test_an_event_whose_effect_cannot_be_read_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The instance may have ended before it came."""
    gone = DaprUnavailable("no sidecar")
    gateway.during["raise"] = lambda: gateway.errors.update(state=[gone])
    with pytest.raises(OutcomeUnknown, match="Look at its history"):
        actions.raise_event("order_A", "approval", None, ANN)


@pytest.mark.parametrize("error", [DaprRefused("too large"), UnknownInstance("order_A")])
def test_whatever_fails_after_an_event_was_taken_leaves_it_unknown(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """It came, and is not told as refused."""
    gateway.during["raise"] = lambda: gateway.errors.update(state=[error])
    with pytest.raises(OutcomeUnknown, match="Look at its history"):
        actions.raise_event("order_A", "approval", None, ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert entry.outcome is Outcome.UNKNOWN


def test_an_event_is_noted_before_it_is_raised(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The journal names it, should the process die."""
    told: list[str | None] = []
    gateway.during["raise"] = lambda: told.extend(
        entry.message for entry in ledger.audit_log.of("order_A", 10)
    )
    assert actions.raise_event("order_A", "approval", None, ANN).changed
    assert told == [f"the event 'approval': {OUTCOME_NOT_RECORDED}"]
    assert len(ledger.audit_log.of("order_A", 10)) == 1


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "\ud800"])
def test_a_name_that_is_none_is_refused(actions: Actions, gateway: FakeGateway, name: str) -> None:
    """The engine would take an event without a name, and nothing could wait for it."""
    with pytest.raises(InvalidInput, match="event: found"):
        actions.raise_event("order_A", name, None, ANN)
    assert not gateway.calls


def test_an_event_is_noted(actions: Actions, ledger: Ledger) -> None:
    """Who raised which event, and why; its payload is in the history."""
    actions.raise_event("order_A", "approval", "1", ANN, "the boss said so")
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.outcome) == (ANN, "raise", Outcome.DONE)
    assert (entry.message, entry.reason) == ("the event 'approval'", "the boss said so")
    assert summary(ledger).status is Status.RUNNING


def test_without_the_ledger_one_can_still_raise(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for a person goes on, though nobody can note it."""
    monkeypatch.setattr(ledger.leases, "take", lost)
    monkeypatch.setattr(ledger.audit_log, "note", lost)
    actions.raise_event("order_A", "approval", None, ANN)
    assert gateway.raised
