"""Pause, resume and terminate: an engine in memory, and a ledger in a real database."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from operations.actions import ActionContext, ActionResult, Actions
from operations.errors import (
    ActionInProgress,
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.ledger import Ledger
from operations.model import STATUS_ACTIONS, Action, Status
from operations.records import OUTCOME_NOT_RECORDED, Outcome
from tests.unit.actions.conftest import BY_ANN
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway, instance
from tests.unit.runs import ANN, ledger_away

pytestmark = pytest.mark.both_databases

UNAVAILABLE = DaprUnavailable("no sidecar")

CHANGES = [
    (Action.PAUSE, Status.RUNNING, Status.SUSPENDED),
    (Action.RESUME, Status.SUSPENDED, Status.RUNNING),
    (Action.TERMINATE, Status.PENDING, Status.TERMINATED),
    (Action.TERMINATE, Status.RUNNING, Status.TERMINATED),
    (Action.TERMINATE, Status.SUSPENDED, Status.TERMINATED),
]
ONE_OF_EACH = [CHANGES[0], CHANGES[2], CHANGES[4]]


@pytest.mark.parametrize(("action", "before", "after"), CHANGES)
def test_an_action_works(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, after: Status
) -> None:
    """An allowed action changes the status, and returns both statuses."""
    gateway.put(instance("order_A", before))
    acted = actions.change_status(action, "order_A", BY_ANN)
    assert (acted.before.status, acted.after.status, acted.changed) == (before, after, True)
    assert gateway.instances["order_A"].status is after


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_a_repeated_action_changes_nothing(
    actions: Actions, gateway: FakeGateway, action: Action
) -> None:
    """If the instance already has the status, the engine is not called."""
    gateway.put(instance("order_A", action.goal))
    acted = actions.change_status(action, "order_A", BY_ANN)
    assert not acted.changed
    assert acted.after.status is action.goal
    assert not gateway.calls[action]


FORBIDDEN = {
    Action.PAUSE: set(Status) - {Status.PENDING, Status.RUNNING, Status.SUSPENDED},
    Action.RESUME: set(Status) - {Status.SUSPENDED, Status.RUNNING},
    Action.TERMINATE: set(Status)
    - {Status.PENDING, Status.RUNNING, Status.SUSPENDED, Status.TERMINATED},
}


@pytest.mark.parametrize(
    ("action", "status"),
    [(action, status) for action in STATUS_ACTIONS for status in sorted(FORBIDDEN[action])],
)
def test_a_forbidden_action_is_refused(
    actions: Actions, gateway: FakeGateway, action: Action, status: Status
) -> None:
    """An action that the status does not allow never reaches the engine."""
    gateway.put(instance("order_A", status))
    with pytest.raises(ActionNotAllowed, match=f"Cannot {action} 'order_A': it is {status}"):
        actions.change_status(action, "order_A", BY_ANN)
    assert not gateway.calls[action]


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_an_action_on_a_missing_instance_is_refused(actions: Actions, action: Action) -> None:
    """An unknown id is refused."""
    with pytest.raises(UnknownInstance, match="No instance has the id 'order_A'"):
        actions.change_status(action, "order_A", BY_ANN)


@pytest.mark.parametrize(("action", "before", "_after"), ONE_OF_EACH)
def test_an_action_on_an_instance_that_is_purged_meanwhile_is_refused(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, _after: Status
) -> None:
    """An instance that is purged before the call is unknown."""
    gateway.put(instance("order_A", before))
    gateway.during[action] = gateway.instances.clear
    with pytest.raises(UnknownInstance):
        actions.change_status(action, "order_A", BY_ANN)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
@pytest.mark.parametrize("action", [Action.PAUSE, Action.TERMINATE])
def test_an_action_on_an_instance_that_ends_meanwhile_is_refused(
    actions: Actions, gateway: FakeGateway, action: Action, status: Status
) -> None:
    """The engine confirms the call, but the status shows that it had no effect."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during[action] = lambda: gateway.set_status("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"it is {status}"):
        actions.change_status(action, "order_A", BY_ANN)


def after_resuming(gateway: FakeGateway, status: Status) -> Callable[[], None]:
    """Return a function that gives a resumed instance a status before it is read again."""

    def turn() -> None:
        if gateway.calls["resume"]:
            gateway.set_status("order_A", status)

    return turn


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_a_resumed_instance_may_end_at_once(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """An instance that finished before it could be read was resumed."""
    gateway.put(instance("order_A", Status.SUSPENDED))
    gateway.during["state"] = after_resuming(gateway, status)
    acted = actions.resume("order_A", BY_ANN)
    assert acted.changed
    assert acted.after.status is status


def test_an_instance_that_is_terminated_meanwhile_was_not_resumed(
    actions: Actions, gateway: FakeGateway
) -> None:
    """A terminated instance cannot be resumed."""
    gateway.put(instance("order_A", Status.SUSPENDED))
    gateway.during["resume"] = lambda: gateway.set_status("order_A", Status.TERMINATED)
    with pytest.raises(ActionNotAllowed, match="it is TERMINATED"):
        actions.resume("order_A", BY_ANN)


@pytest.mark.parametrize(("action", "before", "after"), ONE_OF_EACH)
def test_an_action_whose_answer_was_lost_may_be_repeated(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, after: Status
) -> None:
    """The outcome is unknown, and the same action again changes nothing."""
    gateway.put(instance("order_A", before))
    gateway.late_errors[action] = [OutcomeUnknown(action, "no answer in time")]
    with pytest.raises(OutcomeUnknown, match="The same request again is safe"):
        actions.change_status(action, "order_A", BY_ANN)
    acted = actions.change_status(action, "order_A", BY_ANN)
    assert (acted.changed, acted.after.status) == (False, after)
    assert gateway.calls[action] == 1


def test_an_action_waits_until_its_effect_shows(actions: Actions, gateway: FakeGateway) -> None:
    """An instance that is read too early is read again."""
    gateway.put(instance("order_A", Status.RUNNING))

    def show_late() -> None:
        if gateway.calls["pause"]:
            late = gateway.calls["state"] > 4
            gateway.set_status("order_A", Status.SUSPENDED if late else Status.RUNNING)

    gateway.during["state"] = show_late
    assert actions.pause("order_A", BY_ANN).after.status is Status.SUSPENDED


def test_an_action_whose_effect_does_not_show_is_no_success(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """After a bounded wait the outcome is unknown."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["state"] = lambda: gateway.set_status("order_A", Status.RUNNING)
    with pytest.raises(OutcomeUnknown, match="still shows RUNNING"):
        limited(settle=0.02).pause("order_A", BY_ANN)
    assert gateway.calls["state"] > 2


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_an_unreachable_engine_is_an_outage(
    actions: Actions, gateway: FakeGateway, action: Action
) -> None:
    """The error is raised as it is."""
    gateway.errors["state"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable):
        actions.change_status(action, "order_A", BY_ANN)


def test_reading_an_unknown_instance_is_refused(actions: Actions) -> None:
    """An unknown id is refused."""
    with pytest.raises(UnknownInstance):
        actions.read("order_A")


def test_the_log_has_a_line_for_an_action(
    actions: Actions, gateway: FakeGateway, log_lines: LogLines
) -> None:
    """The line has the instance, the actor and both statuses."""
    log_lines.configure("info")
    gateway.put(instance("order_A", Status.RUNNING))
    actions.pause("order_A", BY_ANN)
    (line,) = log_lines.events()
    assert (line["event"], line["actor"]) == ("pause order_A", "ann")
    assert (line["before"], line["after"]) == ("RUNNING", "SUSPENDED")


def test_an_action_whose_effect_cannot_be_read_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The engine has confirmed the action, so the outcome is not a refusal."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["pause"] = lambda: gateway.errors.update(state=[UNAVAILABLE])
    with pytest.raises(OutcomeUnknown, match="no sidecar"):
        actions.pause("order_A", BY_ANN)
    assert gateway.instances["order_A"].status is Status.SUSPENDED


@pytest.mark.parametrize("error", [DaprRefused("inbox key missing"), UNAVAILABLE])
def test_an_error_after_the_call_leaves_the_outcome_unknown(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """The engine has confirmed the action. The audit log has one entry."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["terminate"] = lambda: gateway.errors.update(state=[error])
    with pytest.raises(OutcomeUnknown):
        actions.terminate("order_A", BY_ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.UNKNOWN, Status.RUNNING)


def test_an_action_on_an_instance_that_is_purged_after_the_call_has_an_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The instance is purged, so nothing shows whether it was terminated."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["terminate"] = lambda: gateway.during.update(state=gateway.instances.clear)
    with pytest.raises(OutcomeUnknown):
        actions.terminate("order_A", BY_ANN)
    assert ledger.audit_log.of("order_A", 10)[0].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("action", [Action.PAUSE, Action.TERMINATE])
def test_an_action_is_in_the_audit_log_before_it_is_carried_out(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, action: Action
) -> None:
    """If the process dies during the call, the entry says that the outcome is not recorded."""
    gateway.put(instance("order_A", Status.RUNNING))

    def die() -> None:
        raise KeyboardInterrupt

    gateway.during[action] = die
    with pytest.raises(KeyboardInterrupt):
        actions.change_status(action, "order_A", ActionContext(ANN, "it never ends"))
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason) == (ANN, action, "it never ends")
    assert (entry.outcome, entry.message) == (Outcome.UNKNOWN, OUTCOME_NOT_RECORDED)


def test_of_two_pauses_at_once_one_reaches_the_engine(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The second pause waits for the first, and finds the instance suspended."""
    gateway.put(instance("order_A", Status.RUNNING))
    with ThreadPoolExecutor(1) as pool:
        seconds: list[Future[ActionResult]] = []

        def pause_second() -> None:
            gateway.during.clear()
            seconds.append(pool.submit(actions.pause, "order_A", BY_ANN))

        gateway.during["pause"] = pause_second
        assert actions.pause("order_A", BY_ANN).changed
        assert not seconds[0].result(timeout=5).changed
    assert gateway.calls["pause"] == 1


def test_an_action_does_not_wait_for_ever_for_another(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is done while another action has the lease."""
    gateway.put(instance("order_A", Status.RUNNING))
    assert ledger.leases.acquire("order_A")
    with pytest.raises(ActionInProgress):
        limited(lease_wait=0).pause("order_A", BY_ANN)
    assert not gateway.calls["pause"]


def test_an_action_works_without_the_ledger(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator can stop an instance although nothing can be recorded."""
    monkeypatch.setattr(ledger.leases, "acquire", ledger_away)
    monkeypatch.setattr(ledger.audit_log, "add", ledger_away)
    gateway.put(instance("order_A", Status.RUNNING))
    assert actions.terminate("order_A", BY_ANN).changed


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME])
def test_a_scheduled_instance_can_only_be_terminated(
    limited: Callable[..., Actions], gateway: FakeGateway, action: Action
) -> None:
    """Dapr would start the instance at once, before it is due."""
    gateway.put(instance("order_A", Status.PENDING))
    with pytest.raises(ActionNotAllowed, match="it is PENDING"):
        limited(settle=0).change_status(action, "order_A", BY_ANN)
    assert not gateway.calls[action]


def test_a_pause_right_after_a_start_waits_for_the_start(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Each new instance is PENDING for a moment, like a scheduled one."""
    gateway.put(instance("order_A", Status.PENDING))

    def start() -> None:
        if gateway.calls["state"] > 1:
            gateway.during.clear()
            gateway.set_status("order_A", Status.RUNNING)

    gateway.during["state"] = start
    assert actions.pause("order_A", BY_ANN).before.status is Status.RUNNING


def test_an_action_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the actor and both statuses, and the run has the new status."""
    gateway.put(instance("order_A", Status.RUNNING))
    actions.pause("order_A", BY_ANN)
    (entry,) = ledger.audit_log.of("order_A", limit=10)
    assert (entry.actor, entry.action, entry.outcome) == (ANN, "pause", Outcome.DONE)
    assert (entry.before, entry.after) == (Status.RUNNING, Status.SUSPENDED)
    summary = ledger.runs.latest("order_A")
    assert summary
    assert summary.status is Status.SUSPENDED


def test_a_refused_action_is_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the reason of the refusal."""
    gateway.put(instance("order_A", Status.COMPLETED))
    with pytest.raises(ActionNotAllowed):
        actions.pause("order_A", BY_ANN)
    (entry,) = ledger.audit_log.of("order_A", limit=10)
    assert (entry.outcome, entry.after) == (Outcome.REFUSED, None)
    assert entry.message == "Cannot pause 'order_A': it is COMPLETED."
