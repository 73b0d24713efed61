"""Which life of an instance id a snapshot is of."""

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
    done,
    glance,
    of_record,
    pending,
    runs_of,
    snapshot,
    statuses,
    summary,
)

pytestmark = pytest.mark.both_databases

COMPLETED, PENDING, RUNNING = Status.COMPLETED, Status.PENDING, Status.RUNNING
TERMINATED, UNKNOWN = Status.TERMINATED, Status.UNKNOWN
WORKFLOW = "order_workflow"
SECOND = snapshot(execution="e2", created=20, seen=21)


@pytest.mark.parametrize(
    "second",
    [
        SECOND,
        done(execution="e2", created=20, seen=29),
        pending(seen=21),
        glance(RUNNING, created=20, seen=21),
    ],
)
def test_an_id_used_again_has_another_life(ledger: Ledger, second: Snapshot) -> None:
    """Whatever is created after a life has ended is the next one, and both are kept."""
    ledger.runs.ingest([done(seen=9)])
    ledger.runs.ingest([second])
    assert statuses(ledger) == [second.instance.status, COMPLETED]


def test_a_life_that_another_follows_is_gone(ledger: Ledger) -> None:
    """Dapr erases an instance when its id is started again: nothing of it is there to purge."""
    ledger.runs.ingest([done(seen=9), SECOND])
    first = runs_of(ledger)[1]
    assert (first.status, first.purged_at) == (COMPLETED, at(21))
    assert summary(ledger).purged_at is None


def test_both_lives_keep_what_was_theirs(ledger: Ledger) -> None:
    """Payloads, histories and attempts are of a life, not of an id."""
    first = done(seen=9, spans=(activity(1, 0, 9),))
    second = replace(SECOND, instance=replace(SECOND.instance, output='"second"'))
    ledger.runs.ingest([first, second])
    latest, before = runs_of(ledger)
    details = ledger.runs.details(before.run_id)
    assert details
    assert (details.output, details.history) == ('"done"', first.history)
    assert len(ledger.runs.attempts(before.run_id)) == 1
    assert ledger.runs.attempts(latest.run_id) == ()


def test_a_life_whose_end_nobody_saw_is_unknown(ledger: Ledger) -> None:
    """A life that another follows has ended, but not in a way that could be told."""
    ledger.runs.ingest([snapshot(seen=1), pending(seen=21)])
    assert statuses(ledger) == [PENDING, UNKNOWN]
    assert [each.run_id for each in ledger.runs.unfinished()] == [summary(ledger).run_id]


def test_an_end_that_is_told_later_is_kept_with_its_life(ledger: Ledger) -> None:
    """The end of an execution that another followed meanwhile is still its end."""
    ledger.runs.ingest([snapshot(seen=1), pending(seen=21), done(seen=9)])
    assert statuses(ledger) == [PENDING, COMPLETED]
    assert runs_of(ledger)[1].purged_at == at(21)


def test_a_whole_life_that_is_told_later_is_added(ledger: Ledger) -> None:
    """A life that began and ended before the latest, and is written after it, is not lost."""
    ledger.runs.ingest([SECOND, done(seen=9)])
    assert statuses(ledger) == [RUNNING, COMPLETED]
    assert summary(ledger).execution_id == "e2"
    assert runs_of(ledger)[1].purged_at == at(9)
    ledger.runs.ingest([SECOND, done(seen=9)])
    assert len(runs_of(ledger)) == 2


def test_a_part_of_a_life_that_is_gone_is_no_news(ledger: Ledger) -> None:
    """What ran before the latest life, and nobody knew of, cannot be followed any more."""
    ledger.runs.ingest([SECOND, snapshot(seen=9)])
    assert [run.execution_id for run in runs_of(ledger)] == ["e2"]


def test_a_pending_life_becomes_the_one_that_runs(ledger: Ledger) -> None:
    """A pending instance has no execution id as yet."""
    ledger.runs.ingest([pending(seen=1), snapshot(seen=2)])
    assert statuses(ledger) == [RUNNING]
    assert summary(ledger).execution_id == "e1"


def test_an_instance_seen_at_a_glance_is_the_one_that_is_read_later(ledger: Ledger) -> None:
    """A snapshot without the history is of the life whose history comes after it."""
    ledger.runs.ingest([glance(RUNNING, seen=1), snapshot(seen=2)])
    assert statuses(ledger) == [RUNNING]


def test_an_end_at_a_glance_is_followed_until_its_history_is_there(ledger: Ledger) -> None:
    """An instance that an operator ended is read once more, for its archive."""
    ledger.runs.ingest([glance(TERMINATED, seen=5)])
    assert [each.status for each in ledger.runs.unfinished()] == [TERMINATED]
    assert not ledger.runs.finished()
    ledger.runs.ingest([replace(done(seen=6), read_at=at(4))])
    assert statuses(ledger) == [COMPLETED]
    assert ledger.runs.unfinished() == ()
    assert ledger.runs.finished().keys() == {ID}


@pytest.mark.parametrize("late", [glance(RUNNING, seen=10), glance(COMPLETED, seen=10)])
def test_a_glance_at_a_finished_life_opens_none(ledger: Ledger, late: Snapshot) -> None:
    """What was created before a life ended is that life."""
    ledger.runs.ingest([done(seen=9), late])
    assert statuses(ledger) == [COMPLETED]


def test_an_older_glance_does_not_end_the_next_life(ledger: Ledger) -> None:
    """The end of a life, seen at a glance and written late, is not that of the next."""
    ledger.runs.ingest([done(seen=9), SECOND, glance(TERMINATED, seen=20.5)])
    assert statuses(ledger) == [RUNNING, COMPLETED]


def test_a_workflow_that_continues_as_new_stays_one_life(ledger: Ledger) -> None:
    """Each generation has an execution id of its own, and began later; the life did not."""
    ledger.runs.ingest([snapshot(seen=1), snapshot(execution="e2", created=5, seen=6)])
    assert statuses(ledger) == [RUNNING]
    found = summary(ledger)
    assert (found.execution_id, found.created_at, found.started_at) == ("e2", at(0), at(0))


def test_the_generation_before_is_no_news(ledger: Ledger) -> None:
    """A snapshot of an earlier generation that is written late changes nothing."""
    late = snapshot(execution="e1", seen=1)
    first = snapshot(execution="e0", seen=0.5)
    ledger.runs.ingest([first, snapshot(execution="e2", created=5, seen=6), late])
    assert [run.execution_id for run in runs_of(ledger)] == ["e2"]


def test_a_new_generation_has_attempts_of_its_own(ledger: Ledger) -> None:
    """Its events are counted from the beginning again, so that two generations cannot be one."""
    first = snapshot(seen=1, spans=(activity(1, 0, 1), activity(2, 1)))
    second = snapshot(execution="e2", created=5, seen=6, spans=(activity(1, 5),))
    ledger.runs.ingest([first, second])
    assert [span.scheduled_at for span in ledger.runs.attempts(summary(ledger).run_id)] == [at(5)]
    assert summary(ledger).generation == 2


def test_a_last_generation_ends_the_life(ledger: Ledger) -> None:
    """The engine's own history of a last generation is that of the life that runs."""
    last = of_record("continued", seen=10**8)
    instance = replace(last.instance, instance_id=ID)
    first = snapshot(seen=1, workflow=instance.workflow)
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
def test_what_has_continued_is_the_same_workflow_of_the_same_parent(
    ledger: Ledger, other: dict[str, Any]
) -> None:
    """An id that was used again by another while nobody looked, which has continued since."""
    ledger.runs.ingest([snapshot(seen=1, spans=(activity(1, 0),))])
    continued = (
        HistoryEvent(-1, at(20), "workflowStarted"),
        HistoryEvent(-1, at(20.1), "executionStarted", execution_id="e2"),
    )
    told = {"execution": "e2", "created": 20.1, "seen": 21, "history": continued, **other}
    ledger.runs.ingest([snapshot(**told)])
    latest, before = runs_of(ledger)
    assert (before.workflow, before.status, before.generation) == ("order_workflow", UNKNOWN, 1)
    assert (latest.workflow, latest.created_at) == (other.get("workflow", WORKFLOW), at(20.1))
    assert (latest.generation, ledger.runs.attempts(latest.run_id)) == (1, ())


def test_what_the_engine_runs_is_what_was_pending_whatever_was_asked_for(ledger: Ledger) -> None:
    """A start tells of a workflow, but the engine has not said anything yet."""
    ledger.runs.ingest([pending(workflow="asked_for"), snapshot(seen=2)])
    assert [run.workflow for run in runs_of(ledger)] == [WORKFLOW]


def test_a_start_is_no_generation(ledger: Ledger) -> None:
    """An instance that a caller started is not what one that runs has continued as."""
    ledger.runs.ingest([snapshot(seen=1), done(execution="e2", created=20, seen=29)])
    assert statuses(ledger) == [COMPLETED, UNKNOWN]


def test_the_engine_s_own_lives_of_an_id_are_two(ledger: Ledger) -> None:
    """Two lives of an id that were recorded are two."""
    ledger.runs.ingest([of_record("completed_reused_1"), of_record("completed_reused_2")])
    assert statuses(ledger, "completed-reused") == [COMPLETED, COMPLETED]


def test_a_rerun_is_another_instance_though_its_execution_is_the_same(ledger: Ledger) -> None:
    """Dapr copies the source's execution id."""
    ledger.runs.ingest([of_record("rerun_source"), of_record("rerun")])
    source, rerun = summary(ledger, "rerun-source"), summary(ledger, "rerun")
    assert source.execution_id == rerun.execution_id
    assert (rerun.rerun_of, source.rerun_of) == ("rerun-source", None)
    assert rerun.created_at > source.created_at


def test_the_same_source_run_again_under_the_same_id_is_another_life(ledger: Ledger) -> None:
    """Two reruns have one execution id, but the second began after the first had ended."""
    first = done(seen=9, rerun_of="order_B", started_at=at(5))
    ledger.runs.ingest([first])
    ledger.runs.mark_purged({ID: at(10)})
    second = snapshot(seen=21, rerun_of="order_B", started_at=at(20))
    ledger.runs.ingest([second, second])
    assert statuses(ledger) == [RUNNING, COMPLETED]


def test_a_life_seen_again_is_not_purged(ledger: Ledger) -> None:
    """What the engine shows is there, whatever was thought."""
    ledger.runs.ingest([snapshot(seen=1)])
    ledger.runs.mark_purged({ID: at(2)})
    ledger.runs.ingest([snapshot(seen=3)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([RUNNING], None)


def test_what_was_seen_before_a_purge_does_not_undo_it(ledger: Ledger) -> None:
    """A snapshot from before the purge tells what was purged then."""
    ledger.runs.ingest([snapshot(seen=1)])
    ledger.runs.mark_purged({ID: at(5)})
    ledger.runs.ingest([snapshot(Status.SUSPENDED, seen=3)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([UNKNOWN], at(5))
    ledger.runs.ingest([done(seen=4)])
    assert (statuses(ledger), summary(ledger).purged_at) == ([COMPLETED], at(5))


def test_a_purged_id_used_again_has_another_life(ledger: Ledger) -> None:
    """The life that was purged does not become the one that runs."""
    ledger.runs.ingest([snapshot(seen=1)])
    ledger.runs.mark_purged({ID: at(5)})
    ledger.runs.ingest([SECOND])
    assert statuses(ledger) == [RUNNING, UNKNOWN]
    assert runs_of(ledger)[1].purged_at == at(5)


def test_each_life_has_those_beside_it(ledger: Ledger) -> None:
    """The first has none before it, the last none after it; other ids' lives are not among them."""
    first, second = done(seen=9), done(execution="e2", created=20, seen=29)
    others = [
        done(instance_id="order_B", created=created, seen=created + 9) for created in (5, 15, 25)
    ]
    third = snapshot(execution="e3", created=30, seen=31)
    ledger.runs.ingest([first, *others, second, third])
    latest, middle, oldest = runs_of(ledger)
    assert ledger.runs.adjacent_runs(latest) == (middle, None)
    assert ledger.runs.adjacent_runs(middle) == (oldest, latest)
    assert ledger.runs.adjacent_runs(oldest) == (None, middle)
    assert [run.execution_id for run in (latest, middle, oldest)] == ["e3", "e2", "e1"]


def test_lives_that_are_told_later_have_their_place_among_the_others(ledger: Ledger) -> None:
    """Lives follow each other as they began, whatever their keys are."""
    ledger.runs.ingest([snapshot(execution="e4", created=60, seen=61)])
    for number in (3, 2, 1):
        told = done(execution=f"e{number}", created=10 * number, seen=10 * number + 9)
        ledger.runs.ingest([told])
    found = runs_of(ledger)
    assert [run.execution_id for run in found] == ["e4", "e3", "e2", "e1"]
    assert [run.run_id for run in found] == sorted(run.run_id for run in found)


def test_lives_that_began_at_the_same_moment_follow_each_other(ledger: Ledger) -> None:
    """What was written first is the earlier one."""
    reruns = [
        done(execution=name, seen=9, started_at=at(5), rerun_of="order_B") for name in ("e1", "e2")
    ]
    ledger.runs.ingest([snapshot(execution="e3", created=20, seen=21)])
    for rerun in reruns:
        ledger.runs.ingest([rerun])
    found = runs_of(ledger)
    assert [run.execution_id for run in found] == ["e3", "e2", "e1"]
    assert found[1].created_at == found[2].created_at


def test_the_latest_life_is_the_last_though_its_clock_was_behind(ledger: Ledger) -> None:
    """One that is pending is dated by when it was seen, the one before it by the engine."""
    ledger.runs.ingest([done(created=20, seen=29, read_at=at(9)), pending(seen=15)])
    latest, before = runs_of(ledger)
    assert (latest.status, before.status) == (PENDING, COMPLETED)
    assert latest.created_at < before.created_at


def test_a_life_says_whether_it_is_the_latest(ledger: Ledger) -> None:
    """In lists as by itself, and one that another follows is not the latest any more."""
    ledger.runs.ingest([done(seen=9)])
    assert summary(ledger).is_latest
    ledger.runs.ingest([SECOND])
    assert [run.is_latest for run in runs_of(ledger)] == [True, False]
    page = ledger.search.page(Filter(), limit=10)
    assert [run.is_latest for run in page.runs] == [True, False]


def test_a_life_is_found_by_its_key(ledger: Ledger) -> None:
    """A number that is no key, however large, finds none."""
    ledger.runs.ingest([done(seen=9), SECOND])
    for run in runs_of(ledger):
        assert ledger.runs.get(run.run_id) == run
    for key in (0, -1, 3, 2**63, -(2**64)):
        assert ledger.runs.get(key) is None


def test_many_lives_are_told_apart(ledger: Ledger) -> None:
    """However often an id is used, each execution finds its own life, in any order."""
    ids = [
        done(execution=f"e{number}", created=10 * number, seen=10 * number + 9)
        for number in range(50)
    ]
    for each in ids:
        ledger.runs.ingest([each])
    ledger.runs.ingest(list(reversed(ids)))
    assert ledger.heartbeat().revision == 50
    assert [run.execution_id for run in runs_of(ledger)] == [
        f"e{number}" for number in reversed(range(50))
    ]


def test_a_generation_that_was_ended_is_of_the_life_that_ended(ledger: Ledger) -> None:
    """The history of a later generation than was known belongs to the end that was seen."""
    ledger.runs.ingest([snapshot(seen=1), glance(TERMINATED, seen=7)])
    continued = (
        HistoryEvent(-1, at(5), "workflowStarted"),
        HistoryEvent(-1, at(5.1), "executionStarted", execution_id="e2"),
    )
    last = snapshot(TERMINATED, execution="e2", created=5.1, seen=8, history=continued)
    ledger.runs.ingest([last])
    assert statuses(ledger) == [TERMINATED]
    assert ledger.runs.finished().keys() == {ID}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_instance_is_a_later_generation_if_it_continued(
    ledger: Ledger, name: str
) -> None:
    """The engine's own histories tell a start from what has continued as new."""
    recorded = of_record(name, seen=10**8)
    if recorded.timeline.execution_id is None:
        return
    instance = replace(recorded.instance, instance_id=ID)
    parent_id = recorded.timeline.parent_id
    told: dict[str, Any] = {"workflow": instance.workflow, "parent_id": parent_id}
    long_ago = snapshot(created=-(10**8), seen=-(10**8) + 1, **told)
    ledger.runs.ingest([long_ago, replace(recorded, instance=instance)])
    assert len(runs_of(ledger)) == (1 if name == "continued" else 2)


def test_a_history_without_its_first_events_may_continue(ledger: Ledger) -> None:
    """Where a history does not tell, a life that runs is taken to go on."""
    history = (HistoryEvent(1, at(20), "executionCompleted"),)
    last = replace(done(execution="e2", created=20, seen=29), history=history)
    ledger.runs.ingest([snapshot(seen=1), last])
    assert statuses(ledger) == [COMPLETED]
