"""Starts: an engine in memory, and a ledger in a real database."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, get_ident
from typing import Any

import pytest

from operations.actions import ActionContext, Actions, StartRequest, StartResult
from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    InstanceExists,
    InvalidInput,
    LedgerUnavailable,
    OutcomeUnknown,
    TooManyStarts,
)
from operations.ledger import Ledger, Reservation, Reservations, open_ledger
from operations.ledger.db.connections import open_engine
from operations.model import Status
from operations.records import OUTCOME_NOT_RECORDED, Outcome
from tests.unit.actions.conftest import BY_ANN
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway, instance
from tests.unit.runs import ANN, at_call, ledger_away
from tests.unit.snapshots import APP
from tests.waiting import eventually

pytestmark = pytest.mark.both_databases

ORDER: dict[str, object] = {"order_id": "A", "amount": 99.99, "items": ["laptop"]}
OTHER = {**ORDER, "amount": 1}
WANTED = Reservation("order_A", "order_workflow", json.dumps(ORDER, sort_keys=True), ANN)
UNAVAILABLE = DaprUnavailable("no sidecar")
LOST = OutcomeUnknown("start", "no answer in time")


def start(
    actions: Actions, payload: dict[str, object] = ORDER, *, is_new_id: bool = False
) -> StartResult:
    """Start the order."""
    request = StartRequest("order_workflow", "order_A", payload, is_new_id=is_new_id)
    return actions.start(request, BY_ANN)


def latest(ledger: Ledger) -> Reservation:
    """Return the order's latest reservation."""
    reservation = ledger.reservations.latest("order_A")
    assert reservation
    return reservation


def test_a_new_start_reaches_the_engine_and_the_ledger(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """A start is carried out once, with its payload, and recorded with its actor."""
    assert start(actions) == StartResult("order_A", created=True)
    assert json.loads(gateway.instances["order_A"].input or "") == ORDER
    assert latest(ledger).is_accepted
    assert latest(ledger).actor == ANN


def test_a_repeated_start_returns_the_running_instance(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The engine gets one start."""
    start(actions)
    assert start(actions) == StartResult("order_A", created=False)
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUSPENDED, Status.STALLED])
def test_a_repeated_start_finds_an_unfinished_instance(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """The instance may have any unfinished status."""
    start(actions)
    gateway.set_status("order_A", status)
    assert not start(actions).created


def test_a_pending_instance_is_known_by_the_ledger(actions: Actions, gateway: FakeGateway) -> None:
    """Dapr returns neither workflow nor input of a pending instance; the reservation has them."""
    start(actions)
    gateway.put(replace(instance("order_A", Status.PENDING), workflow=""))
    assert not start(actions).created
    with pytest.raises(InstanceExists, match="by another start, which is PENDING"):
        start(actions, OTHER)


def test_a_pending_instance_of_another_start_is_unchanged(
    actions: Actions, gateway: FakeGateway
) -> None:
    """Without a reservation in the ledger, a pending instance belongs to another start."""
    gateway.put(replace(instance("order_A", Status.PENDING), workflow=""))
    with pytest.raises(InstanceExists):
        start(actions)
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.TERMINATED])
def test_a_repeated_start_of_a_finished_instance_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """The finished instance is not erased; the error has its status."""
    start(actions)
    gateway.set_status("order_A", status)
    existing = gateway.instances["order_A"]
    with pytest.raises(InstanceExists, match=f"by the same start, which is {status}"):
        start(actions)
    assert gateway.instances["order_A"] is existing
    assert gateway.calls["start"] == 1


def test_a_repeated_start_with_a_new_id_accepts_a_finished_instance(
    actions: Actions, gateway: FakeGateway
) -> None:
    """If the caller created the id, the same start succeeds in any status."""
    start(actions)
    gateway.set_status("order_A", Status.COMPLETED)
    assert not start(actions, is_new_id=True).created
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
@pytest.mark.parametrize("is_new_id", [False, True])
def test_another_order_with_the_id_is_refused(
    actions: Actions, gateway: FakeGateway, status: Status, *, is_new_id: bool
) -> None:
    """Another payload makes another start, and the existing instance is unchanged."""
    start(actions)
    gateway.set_status("order_A", status)
    existing = gateway.instances["order_A"]
    with pytest.raises(InstanceExists, match=f"by another start, which is {status}"):
        start(actions, OTHER, is_new_id=is_new_id)
    assert gateway.instances["order_A"] is existing


def test_another_workflow_with_the_id_is_refused(actions: Actions, gateway: FakeGateway) -> None:
    """The same payload for another workflow is another start."""
    start(actions)
    gateway.put(replace(gateway.instances["order_A"], workflow="refund_workflow"))
    with pytest.raises(InstanceExists):
        start(actions)


def test_an_unsafe_id_reaches_nothing(actions: Actions, gateway: FakeGateway) -> None:
    """An id that would break Dapr is refused without a call to Dapr."""
    with pytest.raises(InvalidInput, match=r"instance_id: found 'a\|\|b', expected 1 to 64"):
        actions.start(StartRequest("order_workflow", "a||b", ORDER), BY_ANN)
    assert not gateway.calls


@pytest.mark.parametrize("error", [UNAVAILABLE, DaprRefused("no")])
def test_a_start_that_failed_releases_its_id(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, error: DaprUnavailable | DaprRefused
) -> None:
    """Another start of the id works at once, even with another payload."""
    gateway.errors["start"] = [error]
    with pytest.raises(type(error)):
        start(actions)
    assert ledger.reservations.latest("order_A") is None
    assert start(actions, OTHER).created


def test_an_engine_that_cannot_be_read_is_not_written(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is reserved and nothing started."""
    gateway.errors["state"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable):
        start(actions)
    assert ledger.reservations.latest("order_A") is None
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_start_whose_answer_was_lost_finds_its_instance(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The same request finds the instance, even a finished one, and accepts its reservation."""
    gateway.late_errors["start"], gateway.first_status = [LOST], status
    assert start(actions).created
    assert latest(ledger).is_accepted
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_start_whose_outcome_was_unknown_succeeds_when_repeated(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """The same start finds the instance, even a finished one, and accepts its reservation."""
    gateway.late_errors["start"], gateway.first_status = [LOST], status
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        start(limited(poll_interval=100))
    assert not latest(ledger).is_accepted
    assert not start(limited()).created
    assert latest(ledger).is_accepted
    assert gateway.calls["start"] == 1


def test_a_lost_start_is_not_repeated_while_it_may_arrive(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """The same start waits until its deadline, and its outcome is unknown."""
    actions = limited(poll_interval=100)
    gateway.errors["start"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        start(actions)
    with pytest.raises(OutcomeUnknown, match="the same start is in progress"):
        start(actions)
    assert gateway.calls["start"] == 1


@pytest.fixture
def old_reservation(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Reservation:
    """Return the reservation of a start whose call can no longer act."""
    hour_ago = time.time_ns() - 3600 * 10**9
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: hour_ago)
        claimed = ledger.reservations.claim(WANTED, None)
    assert claimed
    return claimed


@pytest.mark.usefixtures("old_reservation")
@pytest.mark.parametrize("payload", [ORDER, OTHER])
def test_an_abandoned_reservation_is_taken_over_after_two_reads(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, payload: dict[str, Any]
) -> None:
    """The engine has answered twice that it has no instance."""
    reads: list[int] = []
    gateway.during["start"] = lambda: reads.append(gateway.calls["state"])
    assert start(actions, payload).created
    assert reads == [2]
    assert (latest(ledger).sequence, latest(ledger).is_accepted) == (1, True)


@pytest.mark.usefixtures("old_reservation")
@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_lost_start_that_arrives_late_is_not_repeated(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, status: Status
) -> None:
    """A frozen sidecar carries it out after the first read; only the second read finds it."""
    arrived = instance("order_A", status, WANTED.payload)
    gateway.during["state"] = at_call(2, lambda: gateway.put(arrived))
    assert not start(actions).created
    assert not gateway.calls["start"]
    assert latest(ledger).is_accepted


def test_a_wait_for_a_lost_start_survives_an_outage(actions: Actions, gateway: FakeGateway) -> None:
    """The engine is away for one read, and then has the instance."""
    gateway.errors["start"] = [LOST]

    def read() -> None:
        if gateway.calls["state"] == 2:
            raise UNAVAILABLE
        if gateway.calls["state"] == 3:
            gateway.put(instance("order_A", Status.COMPLETED, WANTED.payload))

    gateway.during["state"] = read
    assert start(actions).created
    assert gateway.calls["start"] == 1


def test_no_error_says_that_nothing_was_done_after_a_lost_start(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """If the engine is away when the start is to be repeated, the outcome stays unknown."""
    gateway.errors["start"] = [LOST]

    def read() -> None:
        if gateway.calls["state"] == 2:
            ledger.reservations.release(latest(ledger), "by a test")
        if gateway.calls["state"] == 4:
            raise UNAVAILABLE

    gateway.during["state"] = read
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        start(actions)
    assert gateway.calls["state"] == 4


def test_a_call_ends_soon_after_its_reservation(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """So others know when the call can no longer act."""
    start(limited(start_call=30))
    (timeout,) = gateway.start_timeouts
    assert timeout
    assert timeout < 30


def test_a_reservation_that_took_too_long_is_not_used(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is sent, and the reservation is released."""
    with pytest.raises(TooManyStarts, match="'order_A' was not started: too many other starts"):
        start(limited(start_call=0))
    assert not gateway.calls["start"]
    assert ledger.reservations.latest("order_A") is None


class FailingReservations(Reservations):
    """Reservations that can be claimed, but neither accepted nor released."""

    def accept(self, reservation: Reservation) -> None:
        """Raise `LedgerUnavailable`."""
        del reservation
        raise LedgerUnavailable("disk full")

    def release(self, reservation: Reservation, reason: str) -> None:
        """Raise `LedgerUnavailable`."""
        del reservation, reason
        raise LedgerUnavailable("disk full")


def failing_ledger(url: str) -> Ledger:
    """Open a ledger with `FailingReservations`."""
    ledger = Ledger(engine := open_engine(url), lambda: APP)
    ledger.reservations = FailingReservations(engine, lambda: APP)
    return ledger


def test_a_start_whose_outcome_cannot_be_recorded_succeeds(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    """The next request for the same start accepts the reservation."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = open_ledger(url).for_app(APP)
    assert start(Actions(gateway, failing_ledger(url))).created
    assert not latest(ledger).is_accepted
    assert not start(Actions(gateway, ledger)).created
    assert latest(ledger).is_accepted
    ledger.close()


def test_a_reservation_that_cannot_be_released_hides_no_error(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    """The error of the engine is raised."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_ledger(url).for_app(APP).close()
    gateway.errors["start"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable, match="no sidecar"):
        start(Actions(gateway, failing_ledger(url)))


def test_a_purged_id_can_be_started_again(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """After a purge the id is free, and the ledger keeps both reservations."""
    start(actions)
    del gateway.instances["order_A"]
    assert start(actions, OTHER).created
    assert latest(ledger).sequence == 2


def test_an_instance_that_the_ledger_does_not_know_is_found(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """An instance that was started without the ledger counts."""
    gateway.put(instance("order_A", Status.RUNNING, WANTED.payload))
    assert not start(actions).created
    assert ledger.reservations.latest("order_A") is None


def test_an_instance_that_appears_between_read_and_start_is_found(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The same order, started meanwhile without the ledger, counts as the result of this start."""
    gateway.during["start"] = lambda: gateway.put(
        instance("order_A", Status.RUNNING, WANTED.payload)
    )
    assert not start(actions).created
    assert latest(ledger).is_accepted


def test_another_order_that_appears_between_read_and_start_keeps_the_id(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Another order, started meanwhile without the ledger, keeps the id."""
    gateway.during["start"] = lambda: gateway.put(instance("order_A", Status.RUNNING, "{}"))
    with pytest.raises(InstanceExists, match="by another start"):
        start(actions)
    assert gateway.instances["order_A"].input == "{}"
    assert ledger.reservations.latest("order_A") is None


def test_an_instance_that_exists_only_during_the_call_is_a_conflict(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine's answer that the id is taken stands, and the reservation is released."""
    gateway.errors["start"] = [InstanceExists("order_A", "an instance with it is running")]
    with pytest.raises(InstanceExists, match="until it restarts, as after a forced purge"):
        start(actions)
    assert ledger.reservations.latest("order_A") is None


def test_another_order_is_refused_while_a_start_is_in_progress(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The reservation is for its own payload only."""
    ledger.reservations.claim(WANTED, None)
    with pytest.raises(InstanceExists, match="by another start, which is in progress"):
        start(actions, OTHER)
    assert not gateway.calls["start"]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_the_same_start_waits_for_a_start_in_progress(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """A request during the start gets the instance, even if the instance has finished by then."""
    gateway.first_status = status
    with ThreadPoolExecutor(1) as pool:

        def start_second() -> None:
            gateway.during.clear()
            reads = gateway.calls["state"]
            seconds.append(pool.submit(start, actions))
            eventually(lambda: gateway.calls["state"] > reads, 5, "the second start reads")

        seconds: list[Future[StartResult]] = []
        gateway.during["start"] = start_second
        assert start(actions).created
        assert not seconds[0].result(timeout=5).created
    assert gateway.calls["start"] == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_many_equal_starts_at_once_start_one_instance(
    actions: Actions, gateway: FakeGateway, status: Status
) -> None:
    """One request reaches the engine, and all requests succeed."""
    gateway.first_status = status
    readers: set[int] = set()
    gateway.during["state"] = lambda: readers.add(get_ident())
    gateway.during["start"] = lambda: eventually(
        lambda: len(readers) == 8, 30, "every start is in progress"
    )
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: start(actions), range(8)))
    assert sorted(each.created for each in started) == [False] * 7 + [True]
    assert gateway.calls["start"] == 1


def test_different_orders_at_once_start_one_instance(
    actions: Actions, gateway: FakeGateway
) -> None:
    """One of the orders with the same id starts, and the others are refused."""
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


def test_without_the_ledger_nothing_is_started(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the ledger knows whether the id is free."""
    monkeypatch.setattr(ledger.reservations, "latest", ledger_away)
    with pytest.raises(LedgerUnavailable):
        start(actions)
    assert not gateway.calls


@pytest.mark.parametrize("later", [timedelta(days=366, minutes=1), timedelta(days=366 * 7900)])
def test_a_start_after_the_limit_is_refused(later: timedelta) -> None:
    """A time such as the year 9999 is a mistake."""
    with pytest.raises(InvalidInput, match=r"scheduled_for: found .* a time within 366 days"):
        StartRequest("order_workflow", "order_A", ORDER, scheduled_for=datetime.now(UTC) + later)


def test_a_start_in_the_future_keeps_its_time(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The engine and the reservation have the time at which the instance is due."""
    later = datetime.now(UTC) + timedelta(days=1)
    request = StartRequest("order_workflow", "order_A", ORDER, scheduled_for=later)
    actions.start(request, BY_ANN)
    assert gateway.scheduled == {"order_A": later}
    assert latest(ledger).scheduled_for == later


def test_the_recorder_can_follow_a_start(actions: Actions, ledger: Ledger) -> None:
    """The ledger returns the ids that were reserved since a revision; the start adds no run."""
    before = ledger.heartbeat().revision
    start(actions)
    assert ledger.reservations.ids_since(before) == ("order_A",)
    assert ledger.reservations.ids_since(ledger.heartbeat().revision) == ()
    assert ledger.runs.latest("order_A") is None


def test_a_start_is_in_the_audit_log(actions: Actions, ledger: Ledger) -> None:
    """The entry has the actor, the reason and the bulk job, and the time of the engine's answer."""
    context = ActionContext(ANN, "a new order", bulk_id="friday")
    actions.start(StartRequest("order_workflow", "order_A", ORDER), context)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.action, entry.actor, entry.outcome) == ("start", ANN, Outcome.DONE)
    assert (entry.reason, entry.bulk_id, entry.message) == ("a new order", "friday", None)
    assert entry.at == latest(ledger).accepted_at


def test_a_start_is_in_the_audit_log_before_it_is_carried_out(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """If the process dies during the call, the entry says that the outcome is not recorded."""
    gateway.during["start"] = _die
    with pytest.raises(KeyboardInterrupt):
        start(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.message) == (Outcome.UNKNOWN, OUTCOME_NOT_RECORDED)
    assert entry.at == latest(ledger).reserved_at


def _die() -> None:
    raise KeyboardInterrupt


def test_a_start_whose_answer_was_lost_is_completed_in_the_audit_log(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """The same start again writes the outcome into the audit entry of the first."""
    gateway.late_errors["start"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        start(limited(poll_interval=100))
    start(limited())
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.message) == (Outcome.DONE, None)


def test_a_start_that_failed_is_refused_in_the_audit_log(
    actions: Actions, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The entry has the reason."""
    gateway.errors["start"] = [UNAVAILABLE]
    with pytest.raises(DaprUnavailable):
        start(actions)
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.outcome, entry.message) == (Outcome.REFUSED, str(UNAVAILABLE))


def test_a_start_writes_twice(actions: Actions, ledger: Ledger) -> None:
    """One transaction is before the call, and one is after it."""
    before = ledger.heartbeat().revision
    start(actions)
    assert ledger.heartbeat().revision == before + 2


def test_the_log_has_a_line_for_a_start(actions: Actions, log_lines: LogLines) -> None:
    """The line has the instance and the actor."""
    log_lines.configure("info")
    start(actions)
    (line,) = log_lines.events()
    assert (line["event"], line["actor"]) == ("start order_A", "ann")
    assert line["instance_id"] == "order_A"


def test_an_input_that_is_json_text_stays_as_it_is(actions: Actions, gateway: FakeGateway) -> None:
    """No number is rounded, and no key moves."""
    text = '{"b": 1.10, "a": [3544790567247868102]}'
    request = StartRequest("import", "i1", text)
    assert actions.start(request, BY_ANN).created
    assert gateway.instances["i1"].input == text
    assert not actions.start(request, BY_ANN).created


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (StartRequest("", "i1", "1"), "workflow: found ''"),
        (StartRequest("a\nb", "i1", "1"), "without control characters"),
        (StartRequest("x" * 256, "i1", "1"), "workflow: found"),
        (StartRequest("import", "i1", "{a: 1}"), "input: found '{a: 1}', expected JSON"),
        (StartRequest("import", "i1", "1" * 5000), "expected JSON"),
        (StartRequest("import", "i1", f'"{"x" * 2**20}"'), "'1,048,578 bytes', expected at most 1"),
    ],
)
def test_a_start_that_no_worker_can_take_is_refused(
    actions: Actions, gateway: FakeGateway, ledger: Ledger, refused: StartRequest, message: str
) -> None:
    """Nothing is reserved."""
    with pytest.raises(InvalidInput, match=message):
        actions.start(refused, BY_ANN)
    assert not gateway.calls["start"]
    assert ledger.reservations.latest("i1") is None


def test_an_input_that_would_stall_the_instance_is_refused(
    actions: Actions, gateway: FakeGateway
) -> None:
    """The message names the engine's limit."""
    gateway.max_body_size = 100_000
    with pytest.raises(InvalidInput, match="at most 94,488 bytes: Dapr stalls an instance whose"):
        actions.start(StartRequest("import", "i1", f'"{"x" * 95_000}"'), BY_ANN)
    assert actions.start(StartRequest("import", "i1", f'"{"x" * 94_000}"'), BY_ANN).created
