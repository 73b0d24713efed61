"""Start, pause, resume and terminate: an engine in memory, and a ledger in a real file."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from operations.actions import Acted, Actions, Started
from operations.errors import (
    ActionInProgress,
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InstanceExists,
    InvalidInput,
    LedgerUnavailable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.ledger import Ledger, Reservation, Reservations, open_ledger
from operations.ledger.db.sessions import open_engine
from operations.model import STATUS_ACTIONS, Action, Actor, Status
from operations.records import OUTCOME_NOT_RECORDED, Outcome
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway, instance
from tests.unit.snapshots import APP
from tests.waiting import eventually

pytestmark = pytest.mark.both_databases

ANN = Actor("ann", "operator")
ORDER = {"order_id": "A", "amount": 99.99, "items": ["laptop"]}
OTHER = {**ORDER, "amount": 1}
WANTED = Reservation("order_A", "order_workflow", json.dumps(ORDER, sort_keys=True), ANN)
UNAVAILABLE = DaprUnavailable("no sidecar")
LOST = OutcomeUnknown("start", "no answer in time")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for others no longer than a moment."""
    monkeypatch.setattr("operations.actions.starting.PATIENCE", 0.1)


def start(
    actions: Actions, payload: dict[str, object] = ORDER, *, finished_counts: bool = False
) -> Started:
    """Start the order."""
    return actions.start("order_workflow", "order_A", payload, ANN, finished_counts=finished_counts)


def latest(ledger: Ledger) -> Reservation:
    """Return the order's latest life in the ledger."""
    found = ledger.reservations.latest("order_A")
    assert found
    return found


def test_a_new_start_reaches_the_engine_and_the_ledger(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A start is carried out once, with its payload, and noted with who asked for it."""
    assert start(actions) == Started("order_A", created=True)
    assert json.loads(gateway.instances["order_A"].input or "") == ORDER
    assert latest(ledger).is_accepted
    assert latest(ledger).actor == ANN


def test_the_same_start_while_it_runs_returns_the_running_one(
    actions: Actions, gateway: FakeGateway
) -> None:
    """A repeated start is no second start."""
    start(actions)
    assert start(actions) == Started("order_A", created=False)
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUSPENDED, Status.STALLED])
def test_the_same_start_finds_an_unfinished_one(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """Whatever an unfinished instance does, the same start finds it."""
    start(actions)
    gateway.turn("order_A", status)
    assert not start(actions).created


def test_a_pending_instance_is_known_by_the_ledger(actions: Actions, gateway: FakeGateway) -> None:
    """Dapr tells neither workflow nor input while an instance is pending: the ledger does."""
    start(actions)
    gateway.put(replace(instance("order_A", Status.PENDING), workflow=""))
    assert not start(actions).created
    with pytest.raises(InstanceExists, match="by another start, which is PENDING"):
        start(actions, OTHER)


def test_a_pending_instance_of_somebody_else_is_left_alone(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Without a word of it in the ledger, a pending instance is another order's."""
    gateway.put(replace(instance("order_A", Status.PENDING), workflow=""))
    with pytest.raises(InstanceExists):
        start(actions)
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.TERMINATED])
def test_the_same_start_of_a_finished_one_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """A finished instance is not erased by the same start, and the answer tells its status."""
    start(actions)
    gateway.turn("order_A", status)
    there = gateway.instances["order_A"]
    with pytest.raises(InstanceExists, match=f"by the same start, which is {status}"):
        start(actions)
    assert gateway.instances["order_A"] is there
    assert gateway.calls["start"] == 1


def test_a_finished_one_counts_for_an_id_of_the_callers_own(
    actions: Actions, gateway: FakeGateway
) -> None:
    """With `finished_counts` the same start succeeds in any status."""
    start(actions)
    gateway.turn("order_A", Status.COMPLETED)
    assert not start(actions, finished_counts=True).created
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
@pytest.mark.parametrize("finished_counts", [False, True])
def test_another_order_with_the_id_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status, *, finished_counts: bool
) -> None:
    """Another body is never the same start, and what is there is untouched."""
    start(actions)
    gateway.turn("order_A", status)
    there = gateway.instances["order_A"]
    with pytest.raises(InstanceExists, match=f"by another start, which is {status}"):
        start(actions, OTHER, finished_counts=finished_counts)
    assert gateway.instances["order_A"] is there


def test_another_workflow_with_the_id_is_refused(actions: Actions, gateway: FakeGateway) -> None:
    """The same body for another workflow is another start."""
    start(actions)
    gateway.put(replace(gateway.instances["order_A"], workflow="refund_workflow"))
    with pytest.raises(InstanceExists):
        start(actions)


def test_an_unsafe_id_reaches_nothing(actions: Actions, gateway: FakeGateway) -> None:
    """An id that would break Dapr is refused before Dapr is asked anything."""
    with pytest.raises(InvalidInput, match=r"instance_id: found 'a\|\|b', expected 1 to 64"):
        actions.start("order_workflow", "a||b", ORDER, ANN)
    assert not gateway.calls


def test_a_start_is_made_however_long_it_took_to_read(
    actions: Actions, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one that has waited for another's makes none of its own after a while."""
    monkeypatch.setattr("operations.actions.starting.CLAIM_BY", 0)
    assert start(actions).created
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("error", [UNAVAILABLE, DaprRefused("no")])
def test_a_start_that_did_not_happen_is_forgotten(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: DaprUnavailable | DaprRefused
) -> None:
    """The claim is released, and a start thereafter works: with another body, too."""
    gateway.errors["start"] = [error]
    with pytest.raises(type(error)):
        start(actions)
    assert ledger.reservations.latest("order_A") is None
    assert start(actions, OTHER).created


def test_an_engine_that_cannot_be_read_is_not_written(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Without knowing what is there, nothing is claimed and nothing started."""
    gateway.errors["state"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable):
        start(actions)
    assert ledger.reservations.latest("order_A") is None
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_start_whose_answer_was_lost_succeeds_when_repeated(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The claim is kept; the same start finds the instance, be it finished, and accepts it."""
    gateway.lost["start"], gateway.first_status = [LOST], status
    with pytest.raises(OutcomeUnknown):
        start(actions)
    assert not latest(ledger).is_accepted
    assert not start(actions).created
    assert latest(ledger).is_accepted
    assert gateway.calls["start"] == 1


def test_a_start_that_was_lost_on_its_way_is_not_made_twice_at_once(
    actions: Actions, gateway: FakeGateway, impatient: None
) -> None:
    """While the first may still arrive, the same start waits, and says that it is not known."""
    del impatient
    gateway.errors["start"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        start(actions)
    with pytest.raises(OutcomeUnknown, match="a start of it is under way"):
        start(actions)
    assert gateway.calls["start"] == 1


class Forgetful(Reservations):
    """Reservations that can be claimed, and then the ledger is not there."""

    def accept(self, start: Reservation) -> None:
        """Fail."""
        del start
        raise LedgerUnavailable("disk full")

    def release(self, start: Reservation) -> None:
        """Fail."""
        del start
        raise LedgerUnavailable("disk full")


def forgetful(url: str) -> Ledger:
    """Open such a ledger."""
    ledger = Ledger(engine := open_engine(url), lambda: APP)
    ledger.reservations = Forgetful(engine, ledger.app_id)
    return ledger


def test_a_start_that_cannot_be_noted_is_made_all_the_same(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    """What the engine did is the answer; the next request makes up for what the ledger missed."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = open_ledger(url, gateway.app_id)
    assert start(Actions(gateway, forgetful(url))).created
    assert not latest(ledger).is_accepted
    assert not start(Actions(gateway, ledger)).created
    assert latest(ledger).is_accepted
    ledger.close()


def test_a_claim_that_cannot_be_released_hides_no_error(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    """Who asked is told of the engine, whose error it is."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_ledger(url).close()
    gateway.errors["start"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable, match="no sidecar"):
        start(Actions(gateway, forgetful(url)))


def test_an_abandoned_claim_is_taken_over(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim whose owner died is no obstacle for ever, not even to another order."""
    ledger.reservations.claim(WANTED, None)
    monkeypatch.setattr("operations.actions.starting.CLAIM_LASTS", 0)
    assert start(actions, OTHER).created
    assert gateway.calls["start"] == 1
    assert (latest(ledger).sequence, latest(ledger).is_accepted) == (1, True)


def test_a_purged_id_starts_a_second_life(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Once Dapr has forgotten an instance its id is free, and the ledger keeps both lives."""
    start(actions)
    del gateway.instances["order_A"]
    assert start(actions, OTHER).created
    assert latest(ledger).sequence == 2


def test_an_instance_that_the_ledger_does_not_know_is_found(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """What somebody started without the ledger counts as any other."""
    gateway.put(instance("order_A", Status.RUNNING, WANTED.payload))
    assert not start(actions).created
    assert ledger.reservations.latest("order_A") is None


def test_an_instance_that_appears_between_read_and_start_is_found(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The same order, started meanwhile without the ledger, is this start's own."""
    gateway.during["start"] = lambda: gateway.put(
        instance("order_A", Status.RUNNING, WANTED.payload)
    )
    assert not start(actions).created
    assert latest(ledger).is_accepted


def test_another_order_that_appears_between_read_and_start_is_left(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Another order, started meanwhile without the ledger, keeps the id."""
    gateway.during["start"] = lambda: gateway.put(instance("order_A", Status.RUNNING, "{}"))
    with pytest.raises(InstanceExists, match="by another start"):
        start(actions)
    assert gateway.instances["order_A"].input == "{}"
    assert ledger.reservations.latest("order_A") is None


def test_an_instance_that_is_there_and_gone_is_a_conflict(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine's word that the id is taken stands, and the claim is released."""
    gateway.errors["start"] = [InstanceExists("order_A", "an instance with it is running")]
    with pytest.raises(InstanceExists):
        start(actions)
    assert ledger.reservations.latest("order_A") is None


def test_another_order_is_refused_while_a_start_is_under_way(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A claim holds the id for its own body."""
    ledger.reservations.claim(WANTED, None)
    with pytest.raises(InstanceExists, match="by another start, which is under way"):
        start(actions, OTHER)
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_the_same_start_waits_for_the_one_under_way(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """Who comes while it is being started gets the instance, even if it has ended by then."""
    gateway.first_status = status
    with ThreadPoolExecutor(1) as pool:

        def come_second() -> None:
            gateway.during.clear()
            reads = gateway.calls["state"]
            seconds.append(pool.submit(start, actions))
            eventually(lambda: gateway.calls["state"] > reads, 5, "the second start reads")

        seconds: list[Future[Started]] = []
        gateway.during["start"] = come_second
        assert start(actions).created
        assert not seconds[0].result(timeout=5).created
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_the_same_start_from_many_at_once_is_one(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """Of the same starts at the same moment one reaches the engine, and all succeed."""
    gateway.first_status = status
    gateway.during["start"] = lambda: eventually(
        lambda: gateway.calls["state"] >= 8, 5, "every start is under way"
    )
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: start(actions), range(8)))
    assert sorted(each.created for each in started) == [False] * 7 + [True]
    assert gateway.calls["start"] == 1


def test_different_orders_at_once_leave_one(actions: Actions, gateway: FakeGateway) -> None:
    """Of different orders with one id at the same moment one starts, and the others are refused."""
    barrier = Barrier(8)

    def start_another(number: int) -> bool:
        barrier.wait()
        try:
            return start(actions, {**ORDER, "amount": number}).created
        except InstanceExists:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(start_another, range(8))) == 1
    assert gateway.calls["start"] == 1


def test_a_ledger_that_is_gone_stops_a_start(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the ledger nothing is started, for nobody could tell whether the id is free."""
    monkeypatch.setattr(ledger.reservations, "latest", _unavailable)
    with pytest.raises(LedgerUnavailable):
        start(actions)
    assert not gateway.calls


def _unavailable(_: str) -> None:
    raise LedgerUnavailable("gone")


GOES = [
    (Action.PAUSE, Status.RUNNING, Status.SUSPENDED),
    (Action.RESUME, Status.SUSPENDED, Status.RUNNING),
    (Action.TERMINATE, Status.PENDING, Status.TERMINATED),
    (Action.TERMINATE, Status.RUNNING, Status.TERMINATED),
    (Action.TERMINATE, Status.SUSPENDED, Status.TERMINATED),
]
ONE_OF_EACH = [GOES[0], GOES[2], GOES[4]]


@pytest.mark.parametrize(("action", "before", "after"), GOES)
def test_an_action_works(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, after: Status
) -> None:
    """An allowed action changes the status, and tells both."""
    gateway.put(instance("order_A", before))
    acted = actions.act(action, "order_A", ANN)
    assert (acted.before.status, acted.after.status, acted.changed) == (before, after, True)
    assert gateway.instances["order_A"].status is after


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_a_repeated_action_changes_nothing(
    actions: Actions, gateway: FakeGateway, action: Action
) -> None:
    """Where the goal is reached the engine is not called, and the answer says so."""
    gateway.put(instance("order_A", action.goal))
    acted = actions.act(action, "order_A", ANN)
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
    """What the status does not allow never reaches the engine."""
    gateway.put(instance("order_A", status))
    with pytest.raises(ActionNotAllowed, match=f"Cannot {action} 'order_A': it is {status}"):
        actions.act(action, "order_A", ANN)
    assert not gateway.calls[action]


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_an_action_on_a_missing_instance_is_refused(actions: Actions, action: Action) -> None:
    """An unknown id is told as such."""
    with pytest.raises(UnknownInstance, match="No instance has the id 'order_A'"):
        actions.act(action, "order_A", ANN)


@pytest.mark.parametrize(("action", "before", "_after"), ONE_OF_EACH)
def test_an_action_on_an_instance_that_is_purged_meanwhile_is_refused(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, _after: Status
) -> None:
    """What is gone when the engine is called is unknown."""
    gateway.put(instance("order_A", before))
    gateway.during[action] = gateway.instances.clear
    with pytest.raises(UnknownInstance):
        actions.act(action, "order_A", ANN)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
@pytest.mark.parametrize("action", [Action.PAUSE, Action.TERMINATE])
def test_an_action_on_an_instance_that_ends_meanwhile_is_refused(
    actions: Actions, gateway: FakeGateway, action: Action, status: Status
) -> None:
    """The engine keeps silent about it, so the status tells that nothing was done."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during[action] = lambda: gateway.turn("order_A", status)
    with pytest.raises(ActionNotAllowed, match=f"it is {status}"):
        actions.act(action, "order_A", ANN)


def after_resuming(gateway: FakeGateway, status: Status) -> Callable[[], None]:
    """Return what gives a resumed instance a status before it is read again."""

    def turn() -> None:
        if gateway.calls["resume"]:
            gateway.turn("order_A", status)

    return turn


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_a_resumed_instance_may_end_at_once(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """An instance that ran to its end before it could be read was resumed all the same."""
    gateway.put(instance("order_A", Status.SUSPENDED))
    gateway.during["state"] = after_resuming(gateway, status)
    acted = actions.act(Action.RESUME, "order_A", ANN)
    assert acted.changed
    assert acted.after.status is status


def test_an_instance_that_is_terminated_meanwhile_was_not_resumed(
    actions: Actions, gateway: FakeGateway
) -> None:
    """A suspended instance that somebody terminates cannot go on."""
    gateway.put(instance("order_A", Status.SUSPENDED))
    gateway.during["resume"] = lambda: gateway.turn("order_A", Status.TERMINATED)
    with pytest.raises(ActionNotAllowed, match="it is TERMINATED"):
        actions.act(Action.RESUME, "order_A", ANN)


@pytest.mark.parametrize(("action", "before", "after"), ONE_OF_EACH)
def test_an_action_whose_answer_was_lost_may_be_repeated(
    actions: Actions, gateway: FakeGateway, action: Action, before: Status, after: Status
) -> None:
    """The outcome is said to be unknown, and the same action again finds the goal reached."""
    gateway.put(instance("order_A", before))
    gateway.lost[action] = [OutcomeUnknown(action, "no answer in time")]
    with pytest.raises(OutcomeUnknown, match="The same request again is safe"):
        actions.act(action, "order_A", ANN)
    acted = actions.act(action, "order_A", ANN)
    assert (acted.changed, acted.after.status) == (False, after)
    assert gateway.calls[action] == 1


def test_an_action_waits_until_its_effect_shows(actions: Actions, gateway: FakeGateway) -> None:
    """An instance that is read too early is read again."""
    gateway.put(instance("order_A", Status.RUNNING))

    def show_late() -> None:
        if gateway.calls["pause"]:
            late = gateway.calls["state"] > 4
            gateway.turn("order_A", Status.SUSPENDED if late else Status.RUNNING)

    gateway.during["state"] = show_late
    assert actions.act(Action.PAUSE, "order_A", ANN).after.status is Status.SUSPENDED


def test_an_action_whose_effect_does_not_show_is_no_success(
    actions: Actions, gateway: FakeGateway, impatient: None
) -> None:
    """After a bounded wait the answer is that the outcome is unknown."""
    del impatient
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["state"] = lambda: gateway.turn("order_A", Status.RUNNING)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="still shows RUNNING"):
        actions.act(Action.PAUSE, "order_A", ANN)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("action", STATUS_ACTIONS)
def test_an_engine_that_is_gone_is_told(
    actions: Actions, gateway: FakeGateway, action: Action
) -> None:
    """An outage stays an outage."""
    gateway.errors["state"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable):
        actions.act(action, "order_A", ANN)


def test_reading_an_unknown_instance_is_refused(actions: Actions) -> None:
    """A read of nothing is no empty answer."""
    with pytest.raises(UnknownInstance):
        actions.read("order_A")


def test_the_log_says_who_did_what(
    gateway: FakeGateway, ledger: Ledger, log_lines: LogLines
) -> None:
    """One line for a start and one for an action, each with the instance and the actor."""
    log_lines.configure("info")
    actions = Actions(gateway, ledger)
    start(actions)
    actions.act(Action.PAUSE, "order_A", ANN)
    started, paused = log_lines.events()
    assert (started["event"], started["actor"]) == ("start order_A", "ann")
    assert (paused["event"], paused["before"], paused["after"]) == (
        "pause order_A",
        "RUNNING",
        "SUSPENDED",
    )
    assert started["instance_id"] == paused["instance_id"] == "order_A"


def test_an_action_whose_effect_cannot_be_read_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Who asked must not be told that nothing was done when the engine has confirmed it."""
    start(actions)
    gateway.during["pause"] = lambda: gateway.errors.update(state=[UNAVAILABLE])
    with pytest.raises(OutcomeUnknown, match="no sidecar"):
        actions.act(Action.PAUSE, "order_A", ANN)
    assert gateway.instances["order_A"].status is Status.SUSPENDED


@pytest.mark.parametrize("error", [DaprRefused("inbox key missing"), UNAVAILABLE])
def test_what_fails_after_a_call_leaves_its_outcome_unknown(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: FlowdeckError
) -> None:
    """However it fails: the engine has confirmed it. The journal says so once."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["terminate"] = lambda: gateway.errors.update(state=[error])
    with pytest.raises(OutcomeUnknown):
        actions.act(Action.TERMINATE, "order_A", ANN)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.before) == (Outcome.UNKNOWN, Status.RUNNING)


def test_what_is_purged_while_it_is_acted_on_is_of_unknown_outcome(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nobody can see any more whether it was terminated."""
    gateway.put(instance("order_A", Status.RUNNING))
    gateway.during["terminate"] = lambda: gateway.during.update(state=gateway.instances.clear)
    with pytest.raises(OutcomeUnknown):
        actions.act(Action.TERMINATE, "order_A", ANN)
    assert ledger.audit_log.of("order_A", 10)[0].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("action", [Action.PAUSE, Action.TERMINATE])
def test_who_dies_amid_an_action_has_noted_it(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, action: Action
) -> None:
    """Before the engine is called the journal has who does what, and that nobody knows more."""
    gateway.put(instance("order_A", Status.RUNNING))

    def die() -> None:
        raise KeyboardInterrupt

    gateway.during[action] = die
    with pytest.raises(KeyboardInterrupt):
        actions.act(action, "order_A", ANN, "it runs wild")
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor, entry.action, entry.reason) == (ANN, action, "it runs wild")
    assert (entry.outcome, entry.message) == (Outcome.UNKNOWN, OUTCOME_NOT_RECORDED)


def test_of_two_pauses_at_once_one_reaches_the_engine(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The second waits for the first, and finds its goal reached: two would wreck an instance."""
    gateway.put(instance("order_A", Status.RUNNING))
    with ThreadPoolExecutor(1) as pool:
        seconds: list[Future[Acted]] = []

        def come_second() -> None:
            gateway.during.clear()
            seconds.append(pool.submit(actions.act, Action.PAUSE, "order_A", ANN))

        gateway.during["pause"] = come_second
        assert actions.act(Action.PAUSE, "order_A", ANN).changed
        assert not seconds[0].result(timeout=5).changed
    assert gateway.calls["pause"] == 1


def test_an_action_does_not_wait_for_ever_for_another(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another holds the instance for long, nothing is done, and that is told."""
    monkeypatch.setattr("operations.actions.holding.PATIENCE", 0.1)
    gateway.put(instance("order_A", Status.RUNNING))
    assert ledger.leases.take("order_A")
    with pytest.raises(ActionInProgress, match="another action on it is under way"):
        actions.act(Action.PAUSE, "order_A", ANN)
    assert not gateway.calls["pause"]


def test_without_the_ledger_one_can_still_act(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs wild can be stopped, though nobody can note it."""
    monkeypatch.setattr(ledger.leases, "take", _unavailable)
    monkeypatch.setattr(ledger.audit_log, "note", _unavailable)
    gateway.put(instance("order_A", Status.RUNNING))
    assert actions.act(Action.TERMINATE, "order_A", ANN).changed


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME])
def test_what_has_not_begun_can_only_be_terminated(
    actions: Actions, gateway: FakeGateway, action: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dapr would begin it at once, however far its time is."""
    monkeypatch.setattr("operations.actions.reads.SETTLING", 0.1)
    gateway.put(instance("order_A", Status.PENDING))
    with pytest.raises(ActionNotAllowed, match="it is PENDING"):
        actions.act(action, "order_A", ANN)
    assert not gateway.calls[action]


def test_a_pause_right_after_a_start_waits_until_it_has_begun(
    actions: Actions, gateway: FakeGateway
) -> None:
    """For a moment every start looks like one in the future."""
    gateway.put(instance("order_A", Status.PENDING))

    def begin() -> None:
        if gateway.calls["state"] > 1:
            gateway.during.clear()
            gateway.turn("order_A", Status.RUNNING)

    gateway.during["state"] = begin
    assert actions.act(Action.PAUSE, "order_A", ANN).before.status is Status.RUNNING


def test_an_action_is_noted_with_who_did_it(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The journal has the doer, what it was before and after, and the list shows it at once."""
    gateway.put(instance("order_A", Status.RUNNING))
    actions.act(Action.PAUSE, "order_A", ANN)
    (entry,) = ledger.audit_log.of("order_A", limit=10)
    assert (entry.actor, entry.action, entry.outcome) == (ANN, "pause", Outcome.DONE)
    assert (entry.before, entry.after) == (Status.RUNNING, Status.SUSPENDED)
    summary = ledger.runs.latest("order_A")
    assert summary
    assert summary.status is Status.SUSPENDED


def test_a_refused_action_is_noted_too(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Who tried what, and why not."""
    gateway.put(instance("order_A", Status.COMPLETED))
    with pytest.raises(ActionNotAllowed):
        actions.act(Action.PAUSE, "order_A", ANN)
    (entry,) = ledger.audit_log.of("order_A", limit=10)
    assert (entry.outcome, entry.after) == (Outcome.REFUSED, None)
    assert entry.message == "Cannot pause 'order_A': it is COMPLETED."


def test_a_start_is_in_the_list_at_once(actions: Actions, ledger: Ledger) -> None:
    """Before anybody has read the instance it is there, pending, with its workflow."""
    start(actions)
    summary = ledger.runs.latest("order_A")
    assert summary
    assert (summary.status, summary.workflow) == (Status.PENDING, "order_workflow")


def test_a_start_in_the_future_keeps_its_time(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine is told when, and the list can say until when it waits."""
    later = datetime(2126, 1, 1, tzinfo=UTC)
    actions.start("order_workflow", "order_A", ORDER, ANN, scheduled_for=later)
    assert gateway.scheduled == {"order_A": later}
    summary = ledger.runs.latest("order_A")
    assert summary
    assert summary.scheduled_for == later
