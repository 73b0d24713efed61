"""The job of the recorder's process that carries out bulk jobs."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from operations.actions import Actions, RerunFrom
from operations.actions.bulk import BulkJobs, BulkTask
from operations.bulk_job import BulkJob, ItemResult, JobStatus, StopRule
from operations.errors import DaprUnavailable, OutcomeUnknown
from operations.history import HistoryEvent
from operations.jobs import bulk as module
from operations.jobs.bulk import BulkRunner
from operations.ledger import Ledger
from operations.model import Action, Service, Status
from operations.recorder_report import Outage
from operations.records import Outcome
from operations.snapshots import read_snapshot
from tests.unit.events import failed, scheduled
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, ledger_away, put
from tests.waiting import eventually

TERMINATE, RERUN = BulkTask(Action.TERMINATE), BulkTask(Action.RERUN, start=RerunFrom.FAILED)
Start = Callable[[], BulkRunner]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses."""
    for name, seconds in (("POLL", 0.02), ("WRITE", 0.02), ("RETRY", 0.05), ("JUDGE", 0.02)):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def jobs(gateway: FakeGateway, ledger: Ledger) -> BulkJobs:
    """Return bulk jobs on an engine and a ledger with twenty running instances."""
    for number in range(20):
        instance_id = f"order_{number}"
        put(gateway, instance_id, Status.RUNNING)
        snapshot = read_snapshot(gateway, instance_id)
        assert snapshot
        ledger.runs.ingest([snapshot])
    ledger.write_heartbeat(datetime.now(UTC), ())
    return BulkJobs(Actions(gateway, ledger), ledger)


@pytest.fixture
def start(gateway: FakeGateway, ledger: Ledger) -> Iterator[Start]:
    """Return a function that starts a runner; it is closed at the end."""
    runners: list[BulkRunner] = []

    def run() -> BulkRunner:
        runners.append(BulkRunner(Actions(gateway, ledger), ledger))
        return runners[-1]

    yield run
    for runner in runners:
        runner.close()


def submit(jobs: BulkJobs, **more: Any) -> BulkJob:
    """Submit a job that terminates all instances."""
    ids = [f"order_{number}" for number in range(20)]
    return jobs.submit(jobs.preview(TERMINATE, ids), ANN, **{"rate": 1000, **more})


def until(ledger: Ledger, job: BulkJob, is_wanted: Callable[[BulkJob], object]) -> BulkJob:
    """Wait until a job satisfies a condition, and return it."""

    def found() -> BulkJob | None:
        current = ledger.bulk_jobs.get(job.bulk_id)
        return current if current and is_wanted(current) else None

    return eventually(found, 20, "the job is as wanted")


def is_over(job: BulkJob) -> bool:
    """Return whether a job is over."""
    return job.status.is_over


def test_a_job_is_carried_out(jobs: BulkJobs, ledger: Ledger, start: Start) -> None:
    """Each instance gets a result, and the job an end."""
    start()
    job = until(ledger, submit(jobs), is_over)
    assert (job.status, job.counts) == (JobStatus.DONE, {Outcome.DONE: 20})
    assert job.ended_at is not None


def test_the_next_process_continues(
    jobs: BulkJobs, ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """It does nothing twice."""
    job = submit(jobs, rate=5)
    with closing(start()):
        until(ledger, job, lambda found: found.counts)
    stopped = ledger.bulk_jobs.get(job.bulk_id)
    assert stopped
    assert stopped.status is JobStatus.RUNNING
    assert 0 < stopped.left < 20
    start()
    assert until(ledger, job, is_over).counts == {Outcome.DONE: 20}
    assert gateway.calls["terminate"] == 20


def test_results_that_were_not_written_are_in_the_audit_log(
    jobs: BulkJobs, ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """A kill comes between an action and its result."""
    job = submit(jobs)
    jobs.execute(job).wait(30)
    assert ledger.bulk_jobs.get(job.bulk_id) == replace(job, app_id="orders")
    start()
    assert until(ledger, job, is_over).counts == {Outcome.DONE: 20}
    assert gateway.calls["terminate"] == 20


def test_two_processes_share_no_job(
    jobs: BulkJobs, ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """The lease of the job decides."""
    start()
    start()
    assert until(ledger, submit(jobs), is_over).counts == {Outcome.DONE: 20}
    assert gateway.calls["terminate"] == 20


def test_a_job_is_cancelled(jobs: BulkJobs, ledger: Ledger, start: Start) -> None:
    """The instances that are left stay as they are."""
    start()
    job = submit(jobs, rate=20)
    until(ledger, job, lambda found: found.counts)
    ledger.bulk_jobs.cancel(job.bulk_id, ANN)
    cancelled = until(ledger, job, is_over)
    assert cancelled.status is JobStatus.CANCELLED
    assert 0 < cancelled.left < 20
    running = [
        each
        for each in (ledger.runs.latest(f"order_{number}") for number in range(20))
        if each and each.status is Status.RUNNING
    ]
    assert len(running) == cancelled.left


def test_a_job_waits_during_an_outage(
    jobs: BulkJobs, ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """It asks nothing of the engine meanwhile, and can be cancelled."""
    ledger.write_heartbeat(
        datetime.now(UTC), [Outage(Service.SIDECAR, datetime.now(UTC), "no sidecar")]
    )
    start()
    job, other = submit(jobs), submit(jobs)
    waiting = until(ledger, job, lambda found: found.waits_for)
    assert (waiting.waits_for, waiting.left) == ("no sidecar", 20)
    ledger.bulk_jobs.cancel(other.bulk_id, ANN)
    assert until(ledger, other, is_over).status is JobStatus.CANCELLED
    assert not gateway.calls["terminate"]
    ledger.write_heartbeat(datetime.now(UTC), ())
    done = until(ledger, job, is_over)
    assert (done.counts, done.waits_for) == ({Outcome.DONE: 20}, None)


def test_an_outage_that_nobody_has_reported_yet(
    jobs: BulkJobs, ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """Instances on which nothing was done are tried again."""
    gateway.errors["state"] = [DaprUnavailable("no sidecar")] * 60
    start()
    job = submit(jobs)
    assert until(ledger, job, is_over).counts == {Outcome.DONE: 20}


def test_an_instance_that_cannot_be_acted_on_does_not_keep_a_job_going(
    jobs: BulkJobs,
    ledger: Ledger,
    gateway: FakeGateway,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After some tries its result is written, unless a service is away."""
    monkeypatch.setattr(module, "TRIES", 3)
    lost = ledger.leases.acquire("order_0", 600)  # by a process that hangs
    assert lost
    gateway.errors["terminate"] = [
        OutcomeUnknown("terminate", "no answer in time") for _ in range(19 * 3)
    ]
    start()
    job = until(ledger, submit(jobs), is_over)
    assert (job.status, job.counts) == (JobStatus.DONE, {Outcome.REFUSED: 1, Outcome.UNKNOWN: 19})
    first, second = ledger.bulk_jobs.items(job.bulk_id, limit=2)
    assert first.result
    assert second.result
    assert "in progress" in str(first.result.message)
    assert "no answer in time" in str(second.result.message)


def test_an_instance_is_not_given_up_during_an_outage(
    jobs: BulkJobs,
    ledger: Ledger,
    gateway: FakeGateway,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The outage is reported while the job fails."""
    monkeypatch.setattr(module, "TRIES", 1)

    def report() -> None:
        ledger.write_heartbeat(
            datetime.now(UTC), [Outage(Service.SIDECAR, datetime.now(UTC), "no sidecar")]
        )

    gateway.during["state"] = report
    gateway.errors["terminate"] = [DaprUnavailable("no sidecar")] * 20
    start()
    job = submit(jobs)
    until(ledger, job, lambda found: found.waits_for)
    gateway.during.clear()
    ledger.write_heartbeat(datetime.now(UTC), ())
    assert until(ledger, job, is_over).counts == {Outcome.DONE: 20}


def test_a_lease_is_kept_while_actions_are_in_progress(
    jobs: BulkJobs,
    ledger: Ledger,
    gateway: FakeGateway,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that ends, or has lost the ledger, may still raise an event."""
    monkeypatch.setattr(module, "CLOSE", 0.1)
    acts, may_end = Event(), Event()

    def hang() -> None:
        acts.set()
        may_end.wait(20)

    gateway.during["terminate"] = hang
    runner = start()
    job = submit(jobs)
    assert acts.wait(20)
    monkeypatch.setattr(ledger.bulk_jobs, "write_results", ledger_away)
    monkeypatch.setattr(ledger.bulk_jobs, "status", ledger_away)
    runner.close()
    sleeping = [each for each in runner._threads.values() if each.is_alive()]
    for each in sleeping:
        each.join(0.3)
    assert ledger.job_leases.acquire(job.bulk_id) is None
    may_end.set()
    for each in sleeping:
        each.join(20)
    assert ledger.job_leases.acquire(job.bulk_id)


@pytest.mark.parametrize("due", [0, 10**12])
def test_a_lease_is_renewed_when_it_is_due(
    jobs: BulkJobs, ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch, due: int
) -> None:
    """Not at each write of results."""
    renewed: list[object] = []
    renew = ledger.job_leases.renew

    def count(*arguments: Any) -> Any:
        renewed.append(arguments)
        return renew(*arguments)

    monkeypatch.setattr(ledger.job_leases, "renew", count)
    monkeypatch.setattr(module, "_DUE", due)
    start()
    until(ledger, submit(jobs, rate=40), is_over)
    assert bool(renewed) is bool(due)


def test_an_unexpected_error_does_not_end_the_runner(
    jobs: BulkJobs, ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is carried out later."""
    failures = [ValueError("odd")] * 3
    pending = ledger.bulk_jobs.pending

    def odd(bulk_id: str) -> Any:
        if failures:
            raise failures.pop()
        return pending(bulk_id)

    monkeypatch.setattr(ledger.bulk_jobs, "pending", odd)
    start()
    assert until(ledger, submit(jobs), is_over).status is JobStatus.DONE


def test_a_slow_job_does_not_delay_another(jobs: BulkJobs, ledger: Ledger, start: Start) -> None:
    """Each has a thread of its own."""
    start()
    slow = submit(jobs, rate=0.1)
    until(ledger, slow, lambda found: found.counts)
    quick = until(ledger, submit(jobs), is_over)
    assert quick.status is JobStatus.DONE
    found = ledger.bulk_jobs.get(slow.bulk_id)
    assert found
    assert found.status is JobStatus.RUNNING


def test_a_cancelled_job_needs_no_slot(
    jobs: BulkJobs, ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the outcomes that the audit log has, although other jobs are in progress."""
    monkeypatch.setattr(module, "AT_ONCE", 1)
    slow, job = submit(jobs, rate=0.1), submit(jobs)
    jobs.execute(job).wait(30)  # by a process that was killed before it wrote the results
    ledger.bulk_jobs.cancel(job.bulk_id, ANN)
    start()
    cancelled = until(ledger, job, is_over)
    assert (cancelled.status, cancelled.counts) == (JobStatus.CANCELLED, {Outcome.DONE: 20})
    ledger.bulk_jobs.cancel(slow.bulk_id, ANN)


NAMES = [f"failed_{number}" for number in range(12)]


def end_now(gateway: FakeGateway, instance_id: str, status: Status) -> None:
    """End an instance now."""
    now = datetime.now(UTC)
    end = HistoryEvent(9, now, "executionCompleted", status=status)
    gateway.events[instance_id] = (*gateway.events[instance_id], end)
    found = gateway.instances[instance_id]
    gateway.put(replace(found, status=status, last_updated_at=now))


@pytest.fixture
def reruns(
    jobs: BulkJobs, gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., BulkJob]:
    """Return a function that submits a job on failed instances whose reruns end as it says."""
    calls = scheduled(1, 1, "charge"), failed(1, 2)
    for name in NAMES:
        put(gateway, name, Status.FAILED, calls)
        record(gateway, ledger, name)
    rerun = gateway.rerun

    def submit_reruns(status: Status, **more: Any) -> BulkJob:
        def end(source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
            rerun(source_id, event_id, new_id, payload)
            end_now(gateway, new_id, status)

        monkeypatch.setattr(gateway, "rerun", end)
        return jobs.submit(jobs.preview(RERUN, NAMES), ANN, **more)

    return submit_reruns


def record(gateway: FakeGateway, ledger: Ledger, instance_id: str) -> None:
    """Record an instance."""
    snapshot = read_snapshot(gateway, instance_id)
    assert snapshot
    ledger.runs.ingest([snapshot])


def test_a_job_stops_when_its_reruns_fail_again(
    reruns: Callable[..., BulkJob], ledger: Ledger, start: Start
) -> None:
    """The rest stays as it is; the job says why."""
    start()
    job = reruns(Status.FAILED, rate=10, stop_rule=StopRule(3, 5))
    stopped = until(ledger, job, is_over)
    assert stopped.status is JobStatus.STOPPED
    assert stopped.left >= 1
    assert stopped.stopped_because
    assert stopped.stopped_because.endswith("reruns that ended have failed again.")


def test_a_job_does_not_stop_when_its_reruns_complete(
    reruns: Callable[..., BulkJob], ledger: Ledger, start: Start
) -> None:
    """Nor does one without a rule."""
    start()
    job = reruns(Status.COMPLETED, rate=1000, stop_rule=StopRule(1, 1))
    assert until(ledger, job, is_over).counts == {Outcome.DONE: 12}


def test_a_job_without_a_rule_goes_on(
    reruns: Callable[..., BulkJob], ledger: Ledger, start: Start
) -> None:
    """However many reruns fail again."""
    start()
    job = reruns(Status.FAILED, rate=1000)
    assert until(ledger, job, is_over).status is JobStatus.DONE


def test_a_kill_does_not_make_a_job_forget(
    reruns: Callable[..., BulkJob], ledger: Ledger, gateway: FakeGateway, start: Start
) -> None:
    """The next process reads in the ledger that the reruns of the first have failed."""
    job = reruns(Status.FAILED, rate=1000, stop_rule=StopRule(2, 4))
    for name in NAMES[:3]:  # by a process that was killed
        put(gateway, f"{name}-again", Status.RUNNING)
        end_now(gateway, f"{name}-again", Status.FAILED)
        record(gateway, ledger, f"{name}-again")
        result = ItemResult(name, Outcome.DONE, new_id=f"{name}-again")
        ledger.bulk_jobs.write_results(job.bulk_id, [result])
    start()
    stopped = until(ledger, job, is_over)
    assert (stopped.status, stopped.left) == (JobStatus.STOPPED, 9)
    assert not gateway.calls["rerun"]


def test_another_job_takes_the_rest(
    jobs: BulkJobs, reruns: Callable[..., BulkJob], ledger: Ledger, start: Start
) -> None:
    """Exactly the instances on which the first has not acted."""
    job = reruns(Status.COMPLETED)
    done = [ItemResult(name, Outcome.DONE, new_id=f"{name}-again") for name in NAMES[:4]]
    ledger.bulk_jobs.write_results(job.bulk_id, done)
    ledger.bulk_jobs.finish(job.bulk_id, JobStatus.STOPPED, datetime.now(UTC), because="2 failed")
    rest = [each.instance_id for each in jobs.rest_of(job.bulk_id)]
    assert rest == NAMES[4:]
    start()
    second = jobs.submit(jobs.preview(RERUN, rest), ANN, rate=1000)
    assert until(ledger, second, is_over).counts == {Outcome.DONE: 8}
