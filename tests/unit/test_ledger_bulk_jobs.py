"""The store of bulk jobs."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from operations.audit_filter import AuditFilter
from operations.bulk_job import (
    CANCEL_JOB,
    BulkItem,
    BulkJob,
    BulkTarget,
    ItemResult,
    JobStatus,
    StopRule,
)
from operations.ledger import Ledger
from operations.model import Action, Status
from operations.records import Outcome
from tests.unit.plans import plans
from tests.unit.runs import ANN
from tests.unit.snapshots import APP, at, snapshot

pytestmark = pytest.mark.both_databases

TARGETS = [BulkTarget(f"i{number}", number, Status.RUNNING) for number in range(3)]


def job(bulk_id: str = "j1", created: float = 0) -> BulkJob:
    """Return a job that has not been stored."""
    return BulkJob(bulk_id, Action.PAUSE, "{}", ANN, "a test", 5.0, at(created), len(TARGETS))


def stored(ledger: Ledger, bulk_id: str = "j1") -> BulkJob:
    """Return a stored job."""
    found = ledger.bulk_jobs.get(bulk_id)
    assert found
    return found


def positions(items: Sequence[BulkItem]) -> list[int]:
    """Return the positions of items."""
    return [each.position for each in items]


def test_a_job_is_read_as_it_was_stored(ledger: Ledger) -> None:
    """With its instances in their order, none of which has a result."""
    assert ledger.bulk_jobs.add(job(), TARGETS)
    found = stored(ledger)
    assert (found.app_id, found.left, found.counts) == (APP, 3, {})
    assert vars(found) == vars(job()) | {"app_id": APP}
    assert ledger.bulk_jobs.pending("j1") == tuple(TARGETS)
    items = ledger.bulk_jobs.items("j1")
    assert [(each.position, each.target, each.result) for each in items] == [
        (position, target, None) for position, target in enumerate(TARGETS)
    ]


def test_an_id_is_stored_once(ledger: Ledger) -> None:
    """The second job changes nothing."""
    assert ledger.bulk_jobs.add(job(), TARGETS)
    revision = ledger.heartbeat().revision
    assert not ledger.bulk_jobs.add(job(created=9), TARGETS[:1])
    assert ledger.heartbeat().revision == revision
    assert (stored(ledger).created_at, stored(ledger).total) == (at(0), 3)


def test_results_are_counted_by_outcome(ledger: Ledger) -> None:
    """An instance with a result is no longer pending."""
    ledger.bulk_jobs.add(job(), TARGETS)
    results = [
        ItemResult("i0", Outcome.DONE, new_id="i0-rerun"),
        ItemResult("i2", Outcome.REFUSED, "it is COMPLETED"),
    ]
    ledger.bulk_jobs.write_results("j1", results)
    found = stored(ledger)
    assert (found.counts, found.left) == ({Outcome.DONE: 1, Outcome.REFUSED: 1}, 1)
    assert ledger.bulk_jobs.pending("j1") == (TARGETS[1],)
    assert [each.result for each in ledger.bulk_jobs.items("j1")] == [results[0], None, results[1]]
    assert positions(ledger.bulk_jobs.items("j1", outcome=Outcome.REFUSED)) == [2]
    assert positions(ledger.bulk_jobs.items("j1", after=0, limit=1)) == [1]


def test_a_job_ends_once(ledger: Ledger) -> None:
    """A job that is over is not cancelled, and keeps its end."""
    ledger.bulk_jobs.add(job(), TARGETS)
    assert ledger.bulk_jobs.cancel("j1", ANN)
    assert not ledger.bulk_jobs.cancel("j1", ANN)
    assert stored(ledger).status is JobStatus.CANCELLING
    assert ledger.bulk_jobs.finish("j1", JobStatus.CANCELLED, at(5))
    assert not ledger.bulk_jobs.finish("j1", JobStatus.DONE, at(6))
    assert not ledger.bulk_jobs.set_outage("j1", "away")
    found = stored(ledger)
    assert (found.status, found.ended_at, found.waits_for) == (JobStatus.CANCELLED, at(5), None)


def test_a_job_waits_until_it_makes_progress(ledger: Ledger) -> None:
    """Or until it ends."""
    ledger.bulk_jobs.add(job(), TARGETS)
    ledger.bulk_jobs.set_outage("j1", "away")
    assert stored(ledger).waits_for == "away"
    ledger.bulk_jobs.write_results("j1", [ItemResult("i0", Outcome.DONE)])
    assert stored(ledger).waits_for is None


def test_jobs_are_listed_by_their_creation(ledger: Ledger) -> None:
    """The newest first; those that are not over the oldest first, of one application."""
    for number, bulk_id in enumerate(("a", "b", "c")):
        ledger.bulk_jobs.add(job(bulk_id, number), TARGETS)
    ledger.for_app("other").bulk_jobs.add(job("d", 9), TARGETS)
    ledger.bulk_jobs.finish("b", JobStatus.DONE, at(5))
    ledger.bulk_jobs.cancel("c", ANN)
    assert [each.bulk_id for each in ledger.bulk_jobs.latest(3)] == ["d", "c", "b"]
    assert [each.bulk_id for each in ledger.bulk_jobs.unfinished()] == ["a", "c"]


def test_an_unknown_job(ledger: Ledger) -> None:
    """It has no instances, and cannot be changed."""
    assert ledger.bulk_jobs.get("x") is None
    assert not ledger.bulk_jobs.items("x")
    assert not ledger.bulk_jobs.pending("x")
    assert not ledger.bulk_jobs.cancel("x", ANN)


def test_a_job_keeps_its_rule_and_why_it_stopped(ledger: Ledger) -> None:
    """Both are read as they were stored."""
    rule = StopRule(5, 10)
    ledger.bulk_jobs.add(replace(job(), stop_rule=rule), TARGETS)
    assert stored(ledger).stop_rule == rule
    assert ledger.bulk_jobs.finish("j1", JobStatus.STOPPED, at(5), because="5 failed")
    found = stored(ledger)
    assert (found.status, found.stopped_because) == (JobStatus.STOPPED, "5 failed")
    assert found.status.is_over
    assert not ledger.bulk_jobs.unfinished()


def test_the_reruns_of_a_job_that_ended(ledger: Ledger) -> None:
    """The newest end comes first; what ended before the job, or was terminated, is left out."""
    ledger.bulk_jobs.add(job(created=100), TARGETS)
    ends = {
        "a": (Status.FAILED, 110),
        "b": (Status.COMPLETED, 130),
        "c": (Status.FAILED, 120),
        "early": (Status.FAILED, 90),
        "ended": (Status.TERMINATED, 140),
        "runs": (Status.RUNNING, 150),
        "other": (Status.FAILED, 160),
    }
    ledger.runs.ingest(
        [
            snapshot(status, instance_id=name, execution=name, created=1, read=end)
            for name, (status, end) in ends.items()
        ]
    )
    of_job = [BulkTarget(f"t-{name}", 1, Status.FAILED) for name in ends if name != "other"]
    ledger.bulk_jobs.add(job("j2", created=100), of_job)
    ledger.bulk_jobs.write_results(
        "j2", [ItemResult(f"t-{name}", Outcome.DONE, new_id=name) for name in ends]
    )
    found = stored(ledger, "j2")
    assert ledger.bulk_jobs.ended_reruns(found, 9) == (
        Status.COMPLETED,
        Status.FAILED,
        Status.FAILED,
    )
    assert ledger.bulk_jobs.ended_reruns(found, 2) == (Status.COMPLETED, Status.FAILED)
    assert ledger.bulk_jobs.ended_reruns(stored(ledger), 9) == ()


@pytest.mark.sqlite_alone
def test_the_reruns_of_a_job_are_found_by_their_ids(ledger: Ledger) -> None:
    """SQLite, which has no statistics, reads the items of the job, not all runs that ended."""
    ledger.bulk_jobs.add(job(), TARGETS)
    steps = plans(
        ledger, lambda each: each.bulk_jobs.ended_reruns(stored(each), 9), "bulk_items JOIN runs"
    )
    assert "SEARCH bulk_items" in steps[0]
    assert "SEARCH runs USING INDEX runs_of_id (app_id=? AND instance_id=?" in steps[1]


def test_the_items_of_a_job_that_is_over_are_counted_once(ledger: Ledger) -> None:
    """Those of the others at each read."""
    ended, runs = job("ended"), job("runs", 1)
    for each in (ended, runs):
        ledger.bulk_jobs.add(each, TARGETS)
        ledger.bulk_jobs.write_results(each.bulk_id, [ItemResult("i0", Outcome.DONE)])
    assert [each.counts for each in ledger.bulk_jobs.latest(2)] == [{Outcome.DONE: 1}] * 2
    ledger.bulk_jobs.write_results("ended", [ItemResult("i1", Outcome.REFUSED)])
    ledger.bulk_jobs.finish("ended", JobStatus.CANCELLED, at(5))
    both = {Outcome.DONE: 1, Outcome.REFUSED: 1}
    assert stored(ledger, "ended").counts == both
    counted = plans(ledger, lambda each: each.bulk_jobs.get("ended"), "bulk_items")
    assert not counted
    assert plans(ledger, lambda each: each.bulk_jobs.get("runs"), "bulk_items")
    assert [each.counts for each in ledger.bulk_jobs.latest(2)] == [{Outcome.DONE: 1}, both]


def test_a_status_is_read_without_counts(ledger: Ledger) -> None:
    """A job in progress asks for it twice a second."""
    ledger.bulk_jobs.add(job(), TARGETS)
    assert ledger.bulk_jobs.status("j1") is JobStatus.RUNNING
    assert ledger.bulk_jobs.status("x") is None
    assert not plans(ledger, lambda each: each.bulk_jobs.status("j1"), "bulk_items")


def test_the_audit_log_has_who_cancelled_a_job(ledger: Ledger) -> None:
    """Once, however often it is cancelled."""
    ledger.bulk_jobs.add(job(), TARGETS)
    for _ in range(2):
        ledger.bulk_jobs.cancel("j1", ANN)
    (entry,) = ledger.audit_log.of_bulk("j1")
    assert (entry.action, entry.actor, entry.instance_id) == (CANCEL_JOB, ANN, "")
    wanted = AuditFilter(actions=frozenset({CANCEL_JOB}))
    assert ledger.audit_search.page(wanted, limit=9).entries == (entry,)
