"""Matching of snapshots to the runs of an instance id."""

from dataclasses import replace
from typing import Any

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter, Snapshot
from tests.unit.histories import RECORDED
from tests.unit.snapshots import (
    ID,
    activity,
    at,
    details_of,
    done,
    pending,
    recorded_snapshot,
    runs_of,
    snapshot,
    state_only,
    statuses,
    summary,
)

pytestmark = pytest.mark.both_databases

COMPLETED, PENDING, RUNNING = Status.COMPLETED, Status.PENDING, Status.RUNNING
TERMINATED, UNKNOWN = Status.TERMINATED, Status.UNKNOWN
WORKFLOW = "order_workflow"
SECOND = snapshot(execution="e2", created=20, read=21)


@pytest.mark.parametrize(
    "second",
    [
        SECOND,
        done(execution="e2", created=20, read=29),
        pending(read=21),
        state_only(RUNNING, created=20, read=21),
    ],
)
def test_an_id_used_again_has_another_run(ledger: Ledger, second: Snapshot) -> None:
    """An instance that was created after the end of a run is the next run; both stay."""
    ledger.runs.ingest([done(read=9)])
    ledger.runs.ingest([second])
    assert statuses(ledger) == [second.instance.status, COMPLETED]


def test_a_superseded_run_is_purged(ledger: Ledger) -> None:
    """Dapr erases an instance when its id is started again."""
    ledger.runs.ingest([done(read=9), SECOND])
    first = runs_of(ledger)[1]
    assert (first.status, first.purged_at) == (COMPLETED, at(21))
    assert summary(ledger).purged_at is None


def test_both_runs_keep_their_details(ledger: Ledger) -> None:
    """Payloads, histories and attempts belong to a run, not to an id."""
    first = done(read=9, spans=(activity(1, 0, 9),))
    second = replace(SECOND, instance=replace(SECOND.instance, output='"second"'))
    ledger.runs.ingest([first, second])
    latest, before = runs_of(ledger)
    details = details_of(ledger, before)
    assert (details.output, details.history) == ('"done"', first.history)
    assert len(ledger.runs.attempts(before.run_id)) == 1
    assert ledger.runs.attempts(latest.run_id) == ()


def test_a_superseded_run_without_an_end_is_unknown(ledger: Ledger) -> None:
    """Its end was never read."""
    ledger.runs.ingest([snapshot(read=1), pending(read=21), pending(read=31)])
    assert statuses(ledger) == [PENDING, UNKNOWN]
    assert [each.run_id for each in ledger.runs.unfinished()] == [summary(ledger).run_id]


def test_an_end_that_is_written_late_is_written_to_its_run(ledger: Ledger) -> None:
    """Also if the id has another run by then."""
    ledger.runs.ingest([snapshot(read=1), pending(read=21), pending(read=31), done(read=9)])
    assert statuses(ledger) == [PENDING, COMPLETED]
    assert runs_of(ledger)[1].purged_at == at(21)


def test_a_whole_run_that_is_written_late_is_added(ledger: Ledger) -> None:
    """A run that ended before the latest one, and is written after it, is not lost."""
    ledger.runs.ingest([SECOND, done(read=9)])
    assert statuses(ledger) == [RUNNING, COMPLETED]
    assert summary(ledger).execution_id == "e2"
    assert runs_of(ledger)[1].purged_at == at(9)
    ledger.runs.ingest([SECOND, done(read=9)])
    assert len(runs_of(ledger)) == 2


def test_an_unfinished_run_that_is_written_late_is_stale(ledger: Ledger) -> None:
    """An unknown run from before the latest one cannot be followed any more."""
    ledger.runs.ingest([SECOND, snapshot(read=9)])
    assert [run.execution_id for run in runs_of(ledger)] == ["e2"]


def test_a_pending_run_becomes_the_running_one(ledger: Ledger) -> None:
    """A pending instance has no execution id yet."""
    ledger.runs.ingest([pending(read=1), snapshot(read=2)])
    assert statuses(ledger) == [RUNNING]
    assert summary(ledger).execution_id == "e1"


def test_snapshots_with_and_without_a_history_are_of_one_run(ledger: Ledger) -> None:
    """The snapshot without a history has no execution id."""
    ledger.runs.ingest([state_only(RUNNING, read=1), snapshot(read=2)])
    assert statuses(ledger) == [RUNNING]


def test_an_end_without_a_history_is_followed_until_the_history_is_read(ledger: Ledger) -> None:
    """An instance that an operator terminated is read once more for its archive."""
    ledger.runs.ingest([state_only(TERMINATED, read=5)])
    assert [each.status for each in ledger.runs.unfinished()] == [TERMINATED]
    assert not ledger.runs.finished()
    ledger.runs.ingest([replace(done(read=6), read_at=at(4))])
    assert statuses(ledger) == [COMPLETED]
    assert ledger.runs.unfinished() == ()
    assert ledger.runs.finished().keys() == {ID}


@pytest.mark.parametrize("late", [state_only(RUNNING, read=10), state_only(COMPLETED, read=10)])
def test_a_late_snapshot_without_a_history_adds_no_run(ledger: Ledger, late: Snapshot) -> None:
    """An instance that was created before the end of the run is that run."""
    ledger.runs.ingest([done(read=9), late])
    assert statuses(ledger) == [COMPLETED]


def test_a_late_end_without_a_history_does_not_end_the_next_run(ledger: Ledger) -> None:
    """It is the end of the run before."""
    ledger.runs.ingest([done(read=9), SECOND, state_only(TERMINATED, read=20.5)])
    assert statuses(ledger) == [RUNNING, COMPLETED]


def test_a_workflow_that_continues_as_new_stays_one_run(ledger: Ledger) -> None:
    """Each generation has its own execution id and start; the run keeps its first start."""
    ledger.runs.ingest([snapshot(read=1), snapshot(execution="e2", created=5, read=6)])
    assert statuses(ledger) == [RUNNING]
    found = summary(ledger)
    assert (found.execution_id, found.created_at, found.started_at) == ("e2", at(0), at(0))


def test_an_earlier_generation_is_stale(ledger: Ledger) -> None:
    """A snapshot of an earlier generation that is written late changes nothing."""
    late = snapshot(execution="e1", read=1)
    first = snapshot(execution="e0", read=0.5)
    ledger.runs.ingest([first, snapshot(execution="e2", created=5, read=6), late])
    assert [run.execution_id for run in runs_of(ledger)] == ["e2"]


def test_a_new_generation_has_attempts_of_its_own(ledger: Ledger) -> None:
    """Event ids are the same in each generation, so attempts are stored by generation."""
    first = snapshot(read=1, spans=(activity(1, 0, 1), activity(2, 1)))
    second = snapshot(execution="e2", created=5, read=6, spans=(activity(1, 5),))
    ledger.runs.ingest([first, second])
    assert [span.scheduled_at for span in ledger.runs.attempts(summary(ledger).run_id)] == [at(5)]
    assert summary(ledger).generation == 2


def test_the_end_of_the_last_generation_ends_the_run(ledger: Ledger) -> None:
    """A recorded history of a last generation is merged into the run."""
    last = recorded_snapshot("continued", read=10**8)
    instance = replace(last.instance, instance_id=ID)
    first = snapshot(read=1, workflow=instance.workflow)
    ledger.runs.ingest([first, replace(last, instance=instance)])
    assert statuses(ledger) == [COMPLETED]


@pytest.mark.parametrize(
    "other",
    [
        {"workflow": "audit_workflow"},
        {"workflow": "audit_workflow", "execution": None},
        {"parent_id": "order_B"},
    ],
)
def test_a_later_generation_has_the_same_workflow_and_parent(
    ledger: Ledger, other: dict[str, Any]
) -> None:
    """Another workflow that used the id in between, and continued as new, is the next run."""
    ledger.runs.ingest([snapshot(read=1, spans=(activity(1, 0),))])
    continued = (
        HistoryEvent(-1, at(20), "workflowStarted"),
        HistoryEvent(-1, at(20.1), "executionStarted", execution_id="e2"),
    )
    values = {"execution": "e2", "created": 20.1, "read": 21, "history": continued, **other}
    ledger.runs.ingest([snapshot(**values)])
    latest, before = runs_of(ledger)
    assert (before.workflow, before.status, before.generation) == ("order_workflow", UNKNOWN, 1)
    assert (latest.workflow, latest.created_at) == (other.get("workflow", WORKFLOW), at(20.1))
    assert (latest.generation, ledger.runs.attempts(latest.run_id)) == (1, ())


def test_the_workflow_of_a_pending_run_may_change(ledger: Ledger) -> None:
    """It comes from the start alone; the engine has not reported any yet."""
    ledger.runs.ingest([pending(workflow="asked_for"), snapshot(read=2)])
    assert [run.workflow for run in runs_of(ledger)] == [WORKFLOW]


def test_a_new_start_is_no_later_generation(ledger: Ledger) -> None:
    """The first turn of an instance that a caller started comes after its start."""
    ledger.runs.ingest([snapshot(read=1), done(execution="e2", created=20, read=29)])
    assert statuses(ledger) == [COMPLETED, UNKNOWN]


def test_two_recorded_runs_of_an_id_are_two(ledger: Ledger) -> None:
    """The real engine's snapshots of an id that was used again are two runs."""
    ledger.runs.ingest(
        [recorded_snapshot("completed_reused_1"), recorded_snapshot("completed_reused_2")]
    )
    assert statuses(ledger, "completed-reused") == [COMPLETED, COMPLETED]


def test_a_rerun_is_another_instance_though_its_execution_is_the_same(ledger: Ledger) -> None:
    """Dapr copies the source's execution id."""
    ledger.runs.ingest([recorded_snapshot("rerun_source"), recorded_snapshot("rerun")])
    source, rerun = summary(ledger, "rerun-source"), summary(ledger, "rerun")
    assert source.execution_id == rerun.execution_id
    assert (rerun.rerun_of, source.rerun_of) == ("rerun-source", None)
    assert rerun.created_at > source.created_at


def test_a_second_rerun_of_a_source_under_the_same_id_is_another_run(ledger: Ledger) -> None:
    """Both have the same execution id, but the second started after the end of the first."""
    first = done(read=9, rerun_of="order_B", started_at=at(5))
    ledger.runs.ingest([first])
    ledger.runs.mark_purged({ID: at(10)})
    second = snapshot(read=21, rerun_of="order_B", started_at=at(20))
    ledger.runs.ingest([second, second])
    assert statuses(ledger) == [RUNNING, COMPLETED]


def test_a_purged_run_that_is_read_again_is_not_purged(ledger: Ledger) -> None:
    """A later snapshot proves that the engine has it."""
    ledger.runs.ingest([snapshot(read=1)])
    ledger.runs.mark_purged({ID: at(2)})
    ledger.runs.ingest([snapshot(read=3)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([RUNNING], None)


def test_a_snapshot_from_before_a_purge_does_not_undo_it(ledger: Ledger) -> None:
    """It may still change the status: it is a snapshot of the purged run."""
    ledger.runs.ingest([snapshot(read=1)])
    ledger.runs.mark_purged({ID: at(5)})
    ledger.runs.ingest([snapshot(Status.SUSPENDED, read=3)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([UNKNOWN], at(5))
    ledger.runs.ingest([done(read=4)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([COMPLETED], at(5))


def test_a_purged_id_used_again_has_another_run(ledger: Ledger) -> None:
    """The purged run stays purged."""
    ledger.runs.ingest([snapshot(read=1)])
    ledger.runs.mark_purged({ID: at(5)})
    ledger.runs.ingest([SECOND])
    assert statuses(ledger) == [RUNNING, UNKNOWN]
    assert runs_of(ledger)[1].purged_at == at(5)


def test_adjacent_runs_are_of_the_same_id(ledger: Ledger) -> None:
    """The first run has none before it, the last one none after it."""
    first, second = done(read=9), done(execution="e2", created=20, read=29)
    others = [
        done(instance_id="order_B", created=created, read=created + 9) for created in (5, 15, 25)
    ]
    third = snapshot(execution="e3", created=30, read=31)
    ledger.runs.ingest([first, *others, second, third])
    latest, middle, oldest = runs_of(ledger)
    assert ledger.runs.adjacent_runs(latest) == (middle, None)
    assert ledger.runs.adjacent_runs(middle) == (oldest, latest)
    assert ledger.runs.adjacent_runs(oldest) == (None, middle)
    assert [run.execution_id for run in (latest, middle, oldest)] == ["e3", "e2", "e1"]


def test_runs_that_are_written_late_are_sorted_by_their_creation(ledger: Ledger) -> None:
    """Their `run_id`s have another order."""
    ledger.runs.ingest([snapshot(execution="e4", created=60, read=61)])
    for number in (3, 2, 1):
        run = done(execution=f"e{number}", created=10 * number, read=10 * number + 9)
        ledger.runs.ingest([run])
    found = runs_of(ledger)
    assert [run.execution_id for run in found] == ["e4", "e3", "e2", "e1"]
    assert [run.run_id for run in found] == sorted(run.run_id for run in found)


def test_runs_that_were_created_at_the_same_time_are_sorted_by_run_id(ledger: Ledger) -> None:
    """The one that was written first is the earlier one."""
    reruns = [
        done(execution=name, read=9, started_at=at(5), rerun_of="order_B") for name in ("e1", "e2")
    ]
    ledger.runs.ingest([snapshot(execution="e3", created=20, read=21)])
    for rerun in reruns:
        ledger.runs.ingest([rerun])
    found = runs_of(ledger)
    assert [run.execution_id for run in found] == ["e3", "e2", "e1"]
    assert found[1].created_at == found[2].created_at


def test_the_latest_run_is_the_last_though_its_clock_differs(ledger: Ledger) -> None:
    """A pending run is dated by our clock, the run before it by the engine's clock."""
    ledger.runs.ingest([done(created=20, read=29, read_at=at(9)), pending(read=15)])
    latest, before = runs_of(ledger)
    assert (latest.status, before.status) == (PENDING, COMPLETED)
    assert latest.created_at < before.created_at


def test_only_the_latest_run_of_an_id_is_latest(ledger: Ledger) -> None:
    """In lists too."""
    ledger.runs.ingest([done(read=9)])
    assert summary(ledger).is_latest
    ledger.runs.ingest([SECOND])
    assert [run.is_latest for run in runs_of(ledger)] == [True, False]
    page = ledger.search.page(Filter(), limit=10)
    assert [run.is_latest for run in page.runs] == [True, False]


def test_a_run_is_found_by_its_run_id(ledger: Ledger) -> None:
    """Any other number, however large, finds none."""
    ledger.runs.ingest([done(read=9), SECOND])
    for run in runs_of(ledger):
        assert ledger.runs.get(run.run_id) == run
    for run_id in (0, -1, 3, 2**63, -(2**64)):
        assert ledger.runs.get(run_id) is None


def test_many_runs_of_an_id_are_distinguished(ledger: Ledger) -> None:
    """Each execution id finds its own run, whatever the order of writing."""
    ids = [
        done(execution=f"e{number}", created=10 * number, read=10 * number + 9)
        for number in range(50)
    ]
    for each in ids:
        ledger.runs.ingest([each])
    ledger.runs.ingest(list(reversed(ids)))
    assert ledger.heartbeat().revision == 50
    assert [run.execution_id for run in runs_of(ledger)] == [
        f"e{number}" for number in reversed(range(50))
    ]


def test_the_history_of_a_terminated_generation_is_of_the_terminated_run(ledger: Ledger) -> None:
    """Also if the run was terminated in a generation that the ledger did not know."""
    ledger.runs.ingest([snapshot(read=1), state_only(TERMINATED, read=7)])
    continued = (
        HistoryEvent(-1, at(5), "workflowStarted"),
        HistoryEvent(-1, at(5.1), "executionStarted", execution_id="e2"),
    )
    last = snapshot(TERMINATED, execution="e2", created=5.1, read=8, history=continued)
    ledger.runs.ingest([last])
    assert statuses(ledger) == [TERMINATED]
    assert ledger.runs.finished().keys() == {ID}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_instance_is_a_later_generation_if_it_continued(
    ledger: Ledger, name: str
) -> None:
    """Recorded histories show whether an execution is a start or a later generation."""
    recorded = recorded_snapshot(name, read=10**8)
    if recorded.timeline.execution_id is None:
        return
    instance = replace(recorded.instance, instance_id=ID)
    parent_id = recorded.timeline.parent_id
    values: dict[str, Any] = {"workflow": instance.workflow, "parent_id": parent_id}
    long_ago = snapshot(created=-(10**8), read=-(10**8) + 1, **values)
    ledger.runs.ingest([long_ago, replace(recorded, instance=instance)])
    assert len(runs_of(ledger)) == (1 if name in {"continued", "carried_over"} else 2)


def test_a_history_without_its_first_events_may_continue(ledger: Ledger) -> None:
    """Without them an unfinished run is taken to have continued."""
    history = (HistoryEvent(1, at(20), "executionCompleted"),)
    last = replace(done(execution="e2", created=20, read=29), history=history)
    ledger.runs.ingest([snapshot(read=1), last])
    assert statuses(ledger) == [COMPLETED]
