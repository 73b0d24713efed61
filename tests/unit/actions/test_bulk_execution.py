"""Bulk actions: an engine in memory, and a ledger in a real file."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock

import pytest
from operations.actions.choosing import CAP, NAMED, Selection
from operations.actions.runs import AT_ONCE, Pace

from operations.actions import Actions, How
from operations.actions.bulk import Bulk, Preview, Progress, Run, Step, Task
from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    InvalidInput,
    LedgerUnavailable,
    OutcomeUnknown,
    QueryTimeout,
)
from operations.ledger import Ledger
from operations.model import Action, Status
from operations.records import Filter, Outcome, Page
from operations.snapshots import read_snapshot
from tests.unit.events import failed, scheduled
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, after, lost, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases

FAST = 1000.0
RUNNING = Filter(statuses=frozenset({Status.RUNNING}))
FAILED = Filter(statuses=frozenset({Status.FAILED}))
TERMINATE, PURGE = Task(Action.TERMINATE), Task(Action.PURGE)
RAISE = Task(Action.RAISE, event="approval", payload="0")


class World:
    """An engine, a ledger that knows what it has, and bulks on both."""

    def __init__(self, gateway: FakeGateway, ledger: Ledger) -> None:
        self.gateway = gateway
        self.ledger = ledger
        self.bulk = Bulk(Actions(gateway, ledger), ledger)

    def has(self, *ids: str, status: Status = Status.RUNNING, parent: str | None = None) -> None:
        """Have instances, which the recorder has seen."""
        for instance_id in ids:
            put(self.gateway, instance_id, status, parent=parent)
            self.record(instance_id)

    def record(self, instance_id: str) -> None:
        """Have the recorder see an instance."""
        seen = read_snapshot(self.gateway, instance_id)
        assert seen
        self.ledger.runs.ingest([seen])

    def lives_again(self, instance_id: str) -> None:
        """Have another instance with the id, which somebody has started an hour later."""
        hour = timedelta(hours=1)
        turn, start, *steps = self.gateway.events[instance_id]
        start = replace(start, execution_id="another", timestamp=start.timestamp + hour)
        turn = replace(turn, timestamp=turn.timestamp + hour)
        self.gateway.events[instance_id] = (turn, start, *steps)
        there = self.gateway.instances[instance_id]
        began = start.timestamp
        self.gateway.put(replace(there, created_at=began, last_updated_at=began))

    def cancel_amid(self, preview: Preview) -> Progress:
        """Run a bulk that is cancelled while its fifth item is under way."""
        runs: list[Run] = []

        def cancel() -> None:
            runs[0].cancel()

        self.gateway.during[preview.task.action] = after(5, cancel)
        runs.append(self.bulk.run(preview, ANN, rate=50))
        return runs[0].wait(30)

    def begin(self, task: Task, selection: Selection) -> Run:
        """Begin a bulk as fast as it goes."""
        return self.bulk.run(self.bulk.preview(task, selection), ANN, rate=FAST)

    def run(self, task: Task, selection: Selection) -> tuple[Run, Progress]:
        """Run a bulk to its end."""
        run = self.begin(task, selection)
        progress = run.wait(30)
        assert progress.is_over
        return run, progress


@pytest.fixture
def world(gateway: FakeGateway, ledger: Ledger) -> World:
    """Return an empty world."""
    return World(gateway, ledger)


def names(count: int) -> list[str]:
    """Return so many ids."""
    return [f"order_{number}" for number in range(count)]


def counts(progress: Progress) -> tuple[int, int, int, int, int]:
    """Return how many are done, unchanged, refused, unknown and left."""
    return (
        progress.done,
        progress.unchanged,
        progress.refused,
        progress.unknown,
        progress.left,
    )


def test_a_preview_does_nothing(world: World) -> None:
    """It tells who is eligible, with the life that is meant."""
    world.has("order_A", "order_B")
    world.gateway.calls.clear()
    preview = world.bulk.preview(TERMINATE, RUNNING)
    runs = {(each.instance_id, each.run_id, each.status) for each in preview.eligible}
    assert runs == {
        (name, summary(world.ledger, name).run_id, Status.RUNNING)
        for name in ("order_A", "order_B")
    }
    assert (preview.total, preview.ineligible, preview.is_capped) == (2, (), False)
    assert preview.message == "2 of 2 instances can be asked to terminate."
    assert not world.gateway.calls


def test_a_preview_says_who_is_not_eligible_and_why(world: World) -> None:
    """By reason, the most frequent first, with some of the ids."""
    world.has("order_A")
    world.has(*(f"done_{number}" for number in range(NAMED + 2)), status=Status.COMPLETED)
    world.has("gone_A", "gone_B", status=Status.COMPLETED)
    world.ledger.runs.mark_purged(
        dict.fromkeys(["gone_A", "gone_B"], datetime.max.replace(tzinfo=UTC))
    )
    world.has("order_Z", status=Status.TERMINATED)
    preview = world.bulk.preview(TERMINATE, Filter())
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    assert [(each.reason, each.count) for each in preview.ineligible] == [
        ("it is COMPLETED", NAMED + 2),
        ("the engine has it no more", 2),
        ("it is TERMINATED already", 1),
    ]
    assert len(preview.ineligible[0].ids) == NAMED
    assert preview.total == NAMED + 6


def test_a_list_of_ids_is_taken_once_each(world: World) -> None:
    """What the ledger does not know is not eligible."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, ["order_A", "order_A", "order_Z"])
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    (unknown,) = preview.ineligible
    assert (unknown.reason, unknown.ids) == ("the ledger knows no such instance", ("order_Z",))


def test_a_child_is_not_eligible_for_a_rerun(world: World) -> None:
    """Dapr refuses it, so that the preview says so."""
    world.has("order_A1", status=Status.FAILED, parent="order_A")
    (child,) = world.bulk.preview(Task(Action.RERUN), FAILED).ineligible
    assert child.reason == "it is a child: only its parent can be run again"


def test_by_force_everything_is_eligible_for_a_purge(world: World) -> None:
    """Whatever its status is."""
    world.has("order_A")
    world.has("order_B", status=Status.STALLED)
    forced = replace(PURGE, how=How(force=True))
    assert len(world.bulk.preview(forced, Filter()).eligible) == 2
    assert not world.bulk.preview(PURGE, Filter()).eligible


def test_a_preview_of_purges_tells_who_goes_along(world: World) -> None:
    """All that is below, however deep; and nobody goes while one below has not ended."""
    world.has("order_A", "order_B", status=Status.COMPLETED)
    world.has("order_A1", status=Status.COMPLETED, parent="order_A")
    world.has("order_A2", status=Status.COMPLETED, parent="order_A1")
    world.has("order_B1", parent="order_B")
    preview = world.bulk.preview(PURGE, ["order_A", "order_B"])
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    assert preview.descendants == 2
    assert preview.message.endswith("Up to 2 descendants go along.")
    assert [each.reason for each in preview.ineligible] == ["a descendant of it has not ended"]
    forced = replace(PURGE, how=How(force=True))
    assert world.bulk.preview(forced, ["order_A", "order_B"]).descendants == 3


def test_what_has_no_failed_step_is_not_eligible_for_a_rerun_from_it(world: World) -> None:
    """It is said beforehand; a step is an attempt, or a child."""
    world.has("order_A", "order_B", status=Status.COMPLETED)
    steps = (scheduled(1, 1, "charge"), failed(1, 2))
    world.has("order_B1", status=Status.FAILED, parent="order_B")
    put(world.gateway, "order_D", Status.FAILED, steps)
    world.record("order_D")
    chosen = ["order_A", "order_B", "order_D"]
    preview = world.bulk.preview(Task(Action.RERUN, step=Step.FAILED), chosen)
    assert [each.instance_id for each in preview.eligible] == ["order_B", "order_D"]
    assert [each.reason for each in preview.ineligible] == ["its history has no failed step"]


def test_an_earlier_life_is_not_eligible(world: World) -> None:
    """An action on its id would be one on the latest."""
    world.has("order_A")
    world.lives_again("order_A")
    world.record("order_A")
    preview = world.bulk.preview(TERMINATE, Filter())
    assert [each.run_id for each in preview.eligible] == [summary(world.ledger).run_id]
    (earlier,) = preview.ineligible
    assert earlier.reason == "it is an earlier life of its id"


def test_a_selection_beyond_the_cap_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at no more, and tells how to go on."""
    monkeypatch.setattr("operations.actions.choosing.CAP", 3)
    monkeypatch.setattr("operations.actions.choosing._PER_PAGE", 2)
    world.has(*names(5))
    preview = world.bulk.preview(TERMINATE, RUNNING)
    assert (preview.total, preview.is_capped) == (3, True)
    assert preview.message.endswith("ask for a preview of that.")
    assert preview.rest
    assert world.bulk.preview(TERMINATE, preview.rest).total == 2
    assert not world.bulk.preview(TERMINATE, names(3)).is_capped
    of_ids = world.bulk.preview(TERMINATE, names(5))
    assert of_ids.rest == ("order_3", "order_4")
    assert CAP == 10_000


@pytest.mark.parametrize("slow", ["PATIENCE", "CAP"])
def test_the_rest_of_a_selection_is_another_preview_s(
    world: World, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """It gets further although what was looked at stays chosen, as by events; none comes twice."""
    monkeypatch.setattr("operations.actions.choosing._PER_PAGE", 2)
    monkeypatch.setattr(f"operations.actions.choosing.{slow}", 2 if slow == "CAP" else -1)
    world.has(*names(5))
    selection: Selection | None = RUNNING
    while selection is not None:
        preview = world.bulk.preview(RAISE, selection)
        world.bulk.run(preview, ANN, rate=FAST).wait(30)
        selection = preview.rest
    assert sorted(name for name, *_ in world.gateway.raised) == names(5)


def test_what_was_found_is_kept_when_the_ledger_takes_too_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages before are not thrown away; where there are none, it is told."""
    monkeypatch.setattr("operations.actions.choosing._PER_PAGE", 2)
    world.has(*names(5))
    page = world.ledger.search.page

    def first_alone(wanted: Filter, *, limit: int, cursor: str | None = None) -> Page:
        if cursor:
            raise QueryTimeout
        return page(wanted, limit=limit)

    monkeypatch.setattr(world.ledger.search, "page", first_alone)
    preview = world.bulk.preview(TERMINATE, RUNNING)
    assert (preview.total, preview.is_capped) == (2, True)
    assert preview.rest
    with pytest.raises(QueryTimeout):
        world.bulk.preview(TERMINATE, preview.rest)


@pytest.mark.parametrize(
    ("task", "before", "method"),
    [
        (Task(Action.PAUSE), Status.RUNNING, "pause"),
        (Task(Action.RESUME), Status.SUSPENDED, "resume"),
        (TERMINATE, Status.RUNNING, "terminate"),
        (PURGE, Status.COMPLETED, "purge"),
        (Task(Action.RERUN), Status.FAILED, "rerun"),
        (RAISE, Status.RUNNING, "raise"),
    ],
)
def test_a_bulk_does_it_to_each(world: World, task: Task, before: Status, method: str) -> None:
    """Every action, over a filter, each item once and noted as a part of the bulk."""
    world.has(*names(20), status=before)
    preview = world.bulk.preview(task, Filter(statuses=frozenset({before})))
    run = world.bulk.run(preview, ANN, "all of them", rate=FAST)
    assert counts(run.wait(30)) == (20, 0, 0, 0, 0)
    assert world.gateway.calls[method] == 20
    audit_entries = [
        entry
        for entry in world.ledger.audit_log.of_bulk(preview.bulk)
        if entry.instance_id in names(20)
    ]
    assert sorted(entry.instance_id for entry in audit_entries) == sorted(names(20))
    assert {(d.action, d.outcome, d.reason, d.actor) for d in audit_entries} == {
        (task.action, Outcome.DONE, "all of them", ANN)
    }
    assert {each.outcome for each in run.results()} == {Outcome.DONE}


def test_an_event_is_raised_with_its_payload(world: World) -> None:
    """Falsy as it is."""
    world.has("order_A")
    world.run(RAISE, RUNNING)
    assert world.gateway.raised == [("order_A", "approval", "0")]


def test_another_life_of_an_id_is_left_alone(world: World) -> None:
    """Whoever chose the one that ran does not mean the one that has its id by now."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    world.lives_again("order_A")
    run = world.bulk.run(preview, ANN)
    assert counts(run.wait(30)) == (0, 0, 1, 0, 0)
    assert "has another life by now" in str(run.results()[0].message)
    assert not world.gateway.calls["terminate"]


def test_what_changed_since_the_preview_is_told(world: World) -> None:
    """Done meanwhile is unchanged; what does not allow it any more is refused; gone is refused."""
    world.has("done", "ended", "gone", "order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    world.gateway.turn("done", Status.TERMINATED)
    world.gateway.turn("ended", Status.COMPLETED)
    del world.gateway.instances["gone"]
    run = world.bulk.run(preview, ANN)
    assert counts(run.wait(30)) == (1, 1, 2, 0, 0)
    messages = {each.instance_id: each.message for each in run.results()}
    assert messages["ended"] == "Cannot terminate 'ended': it is COMPLETED."
    assert messages["gone"] == "No instance has the id 'gone'."


def test_an_item_of_unknown_outcome_is_counted_as_such(world: World) -> None:
    """It is neither done nor refused."""
    world.has("order_A")
    world.gateway.errors["terminate"] = [OutcomeUnknown("terminate", "no answer in time")]
    assert counts(world.run(TERMINATE, RUNNING)[1]) == (0, 0, 0, 1, 0)


def test_an_item_that_goes_wrong_unforeseen_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of unknown outcome, and every item is counted."""
    world.has("order_A", "order_B")
    terminate = world.gateway.terminate

    def odd(instance_id: str) -> None:
        if instance_id == "order_A":
            raise ValueError("nobody thought of this")
        terminate(instance_id)

    monkeypatch.setattr(world.gateway, "terminate", odd)
    assert sum(counts(world.run(TERMINATE, RUNNING)[1])) == 2


def test_a_bulk_that_is_cancelled_begins_with_nothing_more(world: World) -> None:
    """What is under way comes to its end, and the rest is left as it was."""
    world.has(*names(50))
    preview = world.bulk.preview(TERMINATE, RUNNING)
    progress = world.cancel_amid(preview)
    assert progress.is_over
    assert 5 <= progress.done <= 5 + 8
    assert progress.done + progress.left == 50
    running = [i for i in world.gateway.instances.values() if i.status is Status.RUNNING]
    assert len(running) == progress.left


def test_the_same_bulk_again_makes_it_whole(world: World) -> None:
    """A process that dies in the middle leaves in the journal what it did."""
    world.has(*names(20))
    preview = world.bulk.preview(RAISE, RUNNING)
    done = world.cancel_amid(preview).done
    assert done < 20
    reborn = World(world.gateway, world.ledger)
    progress = reborn.bulk.run(preview, ANN, rate=FAST).wait(30)
    assert counts(progress) == (20 - done, done, 0, 0, 0)
    assert len({name for name, *_ in world.gateway.raised}) == len(world.gateway.raised) == 20


@pytest.mark.parametrize(
    ("task", "status", "selection"),
    [
        (Task(Action.PAUSE), Status.RUNNING, names(3)),
        (TERMINATE, Status.RUNNING, names(3)),
        (PURGE, Status.COMPLETED, names(3)),
    ],
)
def test_another_bulk_finds_what_is_done(
    world: World, task: Task, status: Status, selection: list[str]
) -> None:
    """A later preview does not even count it among the eligible."""
    world.has(*selection, status=status)
    world.run(task, selection)
    assert not world.bulk.preview(task, selection).eligible


def test_a_failed_life_is_rerun_once_by_however_many_bulks(world: World) -> None:
    """The rerun's id comes of the life and the event, so that it is found."""
    world.has(*names(3), status=Status.FAILED)
    run, _ = world.run(Task(Action.RERUN), FAILED)
    again, progress = world.run(Task(Action.RERUN), FAILED)
    assert counts(progress) == (0, 3, 0, 0, 0)
    assert {each.new_id for each in run.results()} == {each.new_id for each in again.results()}
    assert world.gateway.calls["rerun"] == 3


@pytest.mark.parametrize(("step", "name"), [(Step.FIRST, "reserve"), (Step.FAILED, "charge")])
def test_a_rerun_begins_with_the_first_step_or_the_failed_one(
    world: World, step: Step, name: str
) -> None:
    """Of a step that was tried several times, with its first attempt."""
    steps = (
        scheduled(1, 1, "reserve"),
        scheduled(2, 2, "charge", call="c"),
        failed(2, 3),
        scheduled(3, 4, "charge", call="c"),
        failed(3, 5),
    )
    put(world.gateway, "order_A", Status.FAILED, steps)
    world.record("order_A")
    run, _ = world.run(Task(Action.RERUN, step=step), FAILED)
    (result,) = run.results()
    rerun = world.gateway.events[result.new_id or ""][-1]
    assert (rerun.name, rerun.event_id) == (name, 1 if step is Step.FIRST else 2)


def test_what_has_no_step_to_begin_with_is_refused(world: World) -> None:
    """A workflow that nobody knows failed before its first."""
    world.has("order_A", status=Status.FAILED)
    world.gateway.events["order_A"] = world.gateway.events["order_A"][:2]
    run, progress = world.run(Task(Action.RERUN), FAILED)
    assert progress.refused == 1
    assert run.results()[0].message == "Cannot rerun 'order_A': its history has no first step."
    (entry,) = world.ledger.audit_log.of("order_A", 9)
    assert (entry.action, entry.outcome, entry.message) == (
        Action.RERUN,
        Outcome.REFUSED,
        run.results()[0].message,
    )


def test_an_engine_that_is_gone_stops_the_bulk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some items that fail for it in a row, and it says why."""
    monkeypatch.setattr("operations.actions.runs.OUTAGES", 10)
    world.has(*names(100))
    preview = world.bulk.preview(TERMINATE, RUNNING)
    world.gateway.errors["state"] = [DaprUnavailable("no sidecar")] * 1000
    progress = world.bulk.run(preview, ANN, rate=1000).wait(30)
    assert progress.is_over
    assert progress.stopped == "The Dapr engine cannot be reached: no sidecar."
    assert 10 <= progress.refused <= 10 + 8
    assert progress.left == 100 - progress.refused


def test_a_worker_that_is_away_stops_the_bulk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody knows of one item after the other is an outage as well."""
    monkeypatch.setattr("operations.actions.runs.OUTAGES", 10)
    world.has(*names(100))
    world.gateway.errors["terminate"] = [OutcomeUnknown("terminate", "no answer in time")] * 1000
    _, progress = world.run(TERMINATE, RUNNING)
    assert "no answer in time" in str(progress.stopped)
    assert 10 <= progress.unknown <= 10 + 8
    assert progress.left == 100 - progress.unknown


def test_an_event_that_may_have_come_is_not_raised_again(world: World) -> None:
    """Not by the same bulk: it would come twice. It stays unknown."""
    world.has("order_A", "order_B")
    world.gateway.lost["raise"] = [OutcomeUnknown("raise", "no answer in time")]
    preview = world.bulk.preview(RAISE, RUNNING)
    assert counts(world.bulk.run(preview, ANN).wait(30)) == (1, 0, 0, 1, 0)
    assert counts(world.bulk.run(preview, ANN).wait(30)) == (0, 1, 0, 1, 0)
    assert len(world.gateway.raised) == 2


def test_an_event_is_not_raised_again_by_who_died_amid(world: World) -> None:
    """It was noted before it was raised, so that another process knows by the bulk's name."""
    world.has("order_A", "order_B")
    world.gateway.during["raise"] = after(1, _die)
    first = world.bulk.preview(RAISE, RUNNING, "friday")
    world.bulk.run(first, ANN).wait(30)
    reborn = World(world.gateway, world.ledger)
    again = reborn.bulk.preview(RAISE, RUNNING, "friday")
    progress = reborn.bulk.run(again, ANN).wait(30)
    assert counts(progress) == (0, 1, 0, 1, 0)
    assert world.gateway.calls["raise"] == 2


def _die() -> None:
    raise RuntimeError("the process ends here")


def test_a_name_is_for_one_task(world: World) -> None:
    """Else what was done of one would be left out of the other."""
    world.has("order_A")
    world.bulk.run(world.bulk.preview(RAISE, RUNNING, "friday"), ANN).wait(30)
    other = world.bulk.preview(TERMINATE, RUNNING, "friday")
    with pytest.raises(InvalidInput, match="name: found 'friday'"):
        world.bulk.run(other, ANN)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\0b"])
def test_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    """The journal could not keep it."""
    with pytest.raises(InvalidInput, match="name: found"):
        world.bulk.preview(TERMINATE, RUNNING, name)


def test_an_event_without_a_name_is_told_by_the_preview(world: World) -> None:
    """And not item by item."""
    with pytest.raises(InvalidInput, match="event: found"):
        world.bulk.preview(replace(RAISE, event=""), RUNNING)


def test_what_cannot_be_sent_is_acted_on_too(world: World) -> None:
    """A history beyond the sidecar's limit is not needed to tell that it is the same life."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    world.gateway.errors["history"] = [DaprRefused("too large")] * 9
    assert counts(world.bulk.run(preview, ANN).wait(30)) == (1, 0, 0, 0, 0)
    assert summary(world.ledger).status is Status.TERMINATED
    assert summary(world.ledger).run_id == preview.eligible[0].run_id


def test_what_cannot_be_sent_and_is_younger_is_left_alone(world: World) -> None:
    """It may be another life, and nobody can tell."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    world.lives_again("order_A")
    world.gateway.errors["history"] = [DaprRefused("too large")] * 9
    assert counts(world.bulk.run(preview, ANN).wait(30)) == (0, 0, 1, 0, 0)
    assert not world.gateway.calls["terminate"]


@pytest.mark.parametrize("rate", [0, -1, 1e-12, 1e9, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(world: World, rate: float) -> None:
    """It would never end, or never begin."""
    preview = world.bulk.preview(TERMINATE, RUNNING)
    with pytest.raises(InvalidInput, match="rate: found"):
        world.bulk.run(preview, ANN, rate=rate)


def test_a_reason_that_is_too_long_is_told_before_anything_is_done(world: World) -> None:
    """And not item by item."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    with pytest.raises(InvalidInput, match="why: found"):
        world.bulk.run(preview, ANN, "x" * 501)


def test_without_the_ledger_there_is_no_bulk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could tell what is chosen, or what was done already."""
    world.has("order_A")
    preview = world.bulk.preview(TERMINATE, RUNNING)
    monkeypatch.setattr(world.ledger.audit_log, "of_bulk", lost)
    monkeypatch.setattr(world.ledger.search, "page", lost)
    with pytest.raises(LedgerUnavailable):
        world.bulk.preview(TERMINATE, RUNNING)
    with pytest.raises(LedgerUnavailable):
        world.bulk.run(preview, ANN)
    assert not world.gateway.calls["terminate"]


def test_nothing_chosen_is_nothing_done(world: World) -> None:
    """An empty bulk is over at once."""
    assert counts(world.run(TERMINATE, [])[1]) == (0, 0, 0, 0, 0)


def test_eight_are_under_way_and_no_more(world: World) -> None:
    """However many there are, and however fast they may begin."""
    world.has(*names(40))
    meeting, lock = Barrier(AT_ONCE), Lock()
    under_way = Counter[str]()

    def meet() -> None:
        with lock:
            under_way["now"] += 1
            under_way["most"] = max(under_way["most"], under_way["now"])
        meeting.wait(10)
        with lock:
            under_way["now"] -= 1

    world.gateway.during["terminate"] = meet
    assert world.run(TERMINATE, RUNNING)[1].done == 40
    assert under_way["most"] == AT_ONCE


def test_the_pace_is_kept() -> None:
    """Whoever asks gets a moment of their own, and what was not used in time is lost."""
    pace = Pace(rate=4)
    assert [pace.until_next(100.0) for _ in range(3)] == [0.0, 0.25, 0.5]
    assert [pace.until_next(200.0) for _ in range(2)] == [0.0, 0.25]
