"""What the recorder makes of hints, in a real ledger."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from operations.errors import DaprRefused
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Status
from operations.recorder.discovery import FinishedRuns
from operations.recorder.limits import Limits
from operations.recorder.recorder import Application, Recorder
from operations.recorder.schedule import Schedule
from operations.recorder.traces.hints import HintHandler, HintQueue
from operations.recorder.traces.spans import Hint, hints_in
from operations.snapshots import read_snapshot
from tests.unit.engine import ends, moves, put_running
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER
from tests.unit.snapshots import ID, at, statuses, summary
from tests.unit.zipkin import begun, body, over, ran, started
from tests.waiting import eventually

REFUSAL = "Dapr cannot list its instances while one has the id 'a||b'"


@pytest.fixture
def application(gateway: FakeGateway) -> Application:
    """Return an application whose runs are read only for a reason, and which is always listed."""
    limits = replace(EAGER, brisk=1000, traced=1000, quiet=1000, outage_grace=0)
    return Application(gateway, limits)


@pytest.fixture
def hints(application: Application) -> HintQueue:
    """Return the queue between endpoint and recorder."""
    return application.queue


@pytest.fixture
def recorder(application: Application, ledger: Ledger) -> Iterator[Recorder]:
    """Return a recorder of it."""
    with closing(Recorder(application, ledger)) as recorder:
        yield recorder


@pytest.fixture
def blind(gateway: FakeGateway) -> None:
    """Have a list that is refused again and again."""
    gateway.errors["ids"] = [DaprRefused(REFUSAL)] * 1000


Until = Callable[[Callable[[], object], str], None]


@pytest.fixture
def until(recorder: Recorder) -> Until:
    """Return what has the recorder make turns until something is so."""

    def until(look: Callable[[], object], what: str) -> None:
        eventually(lambda: recorder.turn() or look(), 30, what)  # type: ignore[func-returns-value]

    return until


def charged(gateway: FakeGateway, begin: float, end: float) -> None:
    """Have an activity that was scheduled by event 1, and has ended."""
    gateway.events[ID] = (
        *gateway.events[ID],
        HistoryEvent(1, at(begin), "taskScheduled", name="charge"),
        HistoryEvent(-1, at(end), "taskCompleted", answers=1),
    )
    moves(gateway)


def post(hints: HintQueue, *spans: object) -> None:
    """Have spans arrive."""
    hints.offer(hints_in(body(*spans)))


def begins(ledger: Ledger, generation: int | None = None) -> list[object]:
    """Return when the order's attempts began, those of its last generation or of another."""
    return [span.started_at for span in ledger.runs.attempts(summary(ledger).run_id, generation)]


def test_a_hint_has_an_instance_read_at_once(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """It need not wait for its pace."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    ends(gateway)
    post(hints, over())
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")


def handler(queue: HintQueue, **limits: float) -> tuple[HintHandler, Schedule]:
    """Return what handles hints, and the schedule in which it wakes runs."""
    kept = Limits(**limits)  # type: ignore[arg-type]
    schedule = Schedule(kept)
    return HintHandler(queue, schedule, FinishedRuns(kept), kept), schedule


def test_hints_are_gathered_while_they_would_keep_readers_busy(hints: HintQueue) -> None:
    """Few hints, or quick reads, lead to a read at once; an end is read sooner than all else."""
    handled, schedule = handler(hints)
    handled.measure(100, handled._rated_at + 1)
    now = time.monotonic()
    handled.handle(0.001)
    assert handled.by(now) == now
    handled.handle(1)
    assert handled.by(now) == now + Limits().gathered
    assert handled.by(now, is_end=True) == now + Limits().ending
    handled.measure(0, handled._rated_at + 9)
    handled.handle(1)
    assert schedule.delay == 0


@pytest.mark.usefixtures("blind")
def test_a_start_is_found_by_its_hint_though_no_list_can_be_had(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """Nobody is blind to what is traced."""
    put_running(gateway)
    post(hints, started())
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")


@pytest.mark.usefixtures("blind")
def test_a_hint_of_nobody_makes_no_row_and_is_not_followed(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """It costs one read."""
    post(hints, started("forged"), ran(1, at(1), "forged"), over("forged"))
    until(lambda: gateway.calls["state"] and gateway.calls["ids"] > 5, "it was read")
    assert gateway.calls["state"] == 1
    assert ledger.runs.latest("forged") is None
    assert ledger.heartbeat().revision == 0


def test_reads_of_unfollowed_ids_are_limited(hints: HintQueue) -> None:
    """Any number of forged ids costs no more reads; a moment later there is room again."""
    handled, schedule = handler(hints)
    now = handled._credited_at
    assert sum(handled.admits_unfollowed(now) for _ in range(5000)) == 100
    assert sum(handled.admits_unfollowed(now + 0.5) for _ in range(5000)) == 50
    assert sum(handled.admits_unfollowed(now + 9) for _ in range(5000)) == 100
    assert len(schedule) == 0


def test_forged_ids_beyond_that_are_not_followed(hints: HintQueue) -> None:
    """Nor remembered."""
    handled, schedule = handler(hints, unfollowed_reads=3)
    hints.offer([Hint(f"forged_{number}") for number in range(500)])
    handled.handle(0)
    assert len(schedule) == 3


@pytest.mark.parametrize(
    "told", [begun(started(), at(60)), begun(over(), at(60)), ran(1, at(60.5))]
)
def test_what_has_finished_is_read_again_only_for_what_came_later(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until, told: dict[str, Any]
) -> None:
    """What comes late of a life is no news; anything that began after its end is of another."""
    put_running(gateway)
    ends(gateway)
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    reads, listed = gateway.calls["state"], gateway.calls["ids"]
    post(hints, begun(started(), at(0)), begun(over(), at(0)), ran(1, at(0.5)))
    until(lambda: gateway.calls["ids"] > listed + 3, "turns")
    assert gateway.calls["state"] == reads
    put_running(gateway, life="e2", since=60)
    post(hints, told)
    until(lambda: statuses(ledger) == [Status.RUNNING, Status.COMPLETED], "its next life")


def test_a_begin_that_comes_with_the_end_is_written_with_it(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The usual case: one change of the ledger."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    charged(gateway, 1, 4)
    revision = ledger.heartbeat().revision
    post(hints, ran(1, at(2)))
    until(lambda: begins(ledger) == [at(2)], "the begin")
    assert ledger.heartbeat().revision == revision + 1


def test_a_begin_that_comes_after_its_attempt_is_lent_to_it(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """Also when the instance is archived and no more read; doubled, it is no news."""
    put_running(gateway)
    charged(gateway, 1, 4)
    ends(gateway)
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    assert begins(ledger) == [None]
    reads = gateway.calls["state"]
    post(hints, ran(1, at(2)))
    until(lambda: begins(ledger) == [at(2)], "the begin")
    revision, listed = ledger.heartbeat().revision, gateway.calls["ids"]
    post(hints, ran(1, at(2)), ran(1, at(0.5)))
    until(lambda: gateway.calls["ids"] > listed + 3, "turns")
    assert (begins(ledger), ledger.heartbeat().revision) == ([at(2)], revision)
    assert gateway.calls["state"] == reads


def test_a_begin_that_comes_before_its_attempt_is_known_waits_for_it(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """As that of a paused instance, which takes its results later; what is forged never counts."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    post(hints, ran(1, at(2)), ran(1, at(50)), ran(7, at(2)))
    listed = gateway.calls["ids"]
    until(lambda: gateway.calls["ids"] > listed + 3, "turns")
    assert begins(ledger) == []
    charged(gateway, 1, 4)
    ends(gateway)
    post(hints, over())
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    assert begins(ledger) == [at(2)]


def test_a_begin_that_comes_after_its_generation_is_lent_to_it(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """While the instance lives on: its history tells of the last generation alone."""
    put_running(gateway)
    charged(gateway, 1, 4)
    until(lambda: begins(ledger) == [None], "an attempt")
    gateway.events[ID] = (
        HistoryEvent(-1, at(5), "workflowStarted"),
        HistoryEvent(-1, at(5.1), "executionStarted", execution_id="e2"),
    )
    charged(gateway, 6, 7)
    post(hints, started())
    until(lambda: summary(ledger).generation == 2, "it continues as new")
    post(hints, ran(1, at(2)))
    until(lambda: begins(ledger, generation=1) == [at(2)], "the begin")
    assert begins(ledger) == [None]
    post(hints, ran(1, at(6.5)))
    until(lambda: begins(ledger) == [at(6.5)], "the next one's")


def test_a_begin_outlives_the_sighting_of_another_process(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """A page that writes the end first, newer than the recorder's look, knows of no begin."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    charged(gateway, 1, 4)
    ends(gateway)

    def page_sees() -> None:
        gateway.during.clear()
        seen = read_snapshot(gateway, ID)
        assert seen
        ledger.runs.ingest([replace(seen, read_at=seen.read_at + timedelta(minutes=1))])

    gateway.during["history"] = page_sees
    post(hints, ran(1, at(2)))
    until(
        lambda: statuses(ledger) == [Status.COMPLETED] and begins(ledger) == [at(2)], "it is lent"
    )


def test_a_list_that_is_refused_is_an_outage_with_its_remedy(
    gateway: FakeGateway, ledger: Ledger, until: Until
) -> None:
    """In the heartbeat while it lasts, and no longer."""
    gateway.errors["ids"] = [DaprRefused(REFUSAL)] * 20
    until(lambda: ledger.heartbeat().outages, "an outage")
    (outage,) = ledger.heartbeat().outages
    assert (outage.service, outage.reason) == ("listing", REFUSAL)
    until(lambda: not ledger.heartbeat().outages, "it is over")
