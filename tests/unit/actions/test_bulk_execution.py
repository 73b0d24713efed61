"""Executions of bulk jobs: an engine in memory, and a ledger in a real database."""

from collections import Counter
from threading import Barrier, Lock

import pytest

from operations.actions import RerunFrom
from operations.actions.bulk import BulkLimits, BulkTask
from operations.actions.bulk.execution import BulkExecution, RateLimit
from operations.bulk_job import BulkTarget, ItemResult
from operations.errors import (
    ActionInProgress,
    DaprRefused,
    DaprUnavailable,
    InvalidInput,
    LedgerUnavailable,
    OutcomeUnknown,
)
from operations.ledger import Ledger
from operations.model import Action, Status
from operations.records import Filter, Outcome
from tests.unit.actions.conftest import (
    FAILED,
    FAST,
    PURGE,
    RAISE,
    RUNNING,
    TERMINATE,
    BulkSetup,
    names,
)
from tests.unit.events import failed, scheduled
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, at_call, ledger_away, put
from tests.unit.snapshots import summary

pytestmark = pytest.mark.both_databases


def counts(execution: BulkExecution) -> tuple[int, int, int, int, int]:
    """Return how many instances are done, unchanged, refused, unknown and left at the end."""
    left = execution.wait(30).left
    found = Counter(each.outcome for each in execution.results())
    return (
        found[Outcome.DONE],
        found[Outcome.UNCHANGED],
        found[Outcome.REFUSED],
        found[Outcome.UNKNOWN],
        left,
    )


@pytest.mark.parametrize(
    ("task", "before", "method"),
    [
        (BulkTask(Action.PAUSE), Status.RUNNING, "pause"),
        (BulkTask(Action.RESUME), Status.SUSPENDED, "resume"),
        (TERMINATE, Status.RUNNING, "terminate"),
        (PURGE, Status.COMPLETED, "purge"),
        (BulkTask(Action.RERUN), Status.FAILED, "rerun"),
        (RAISE, Status.RUNNING, "raise"),
    ],
)
def test_a_bulk_job_acts_on_each_instance(
    setup: BulkSetup, task: BulkTask, before: Status, method: str
) -> None:
    """Each action acts once on each instance of a filter, and the audit log has the job's id."""
    setup.add(*names(20), status=before)
    preview = setup.jobs.preview(task, Filter(statuses=frozenset({before})))
    execution = setup.start(preview, ANN, "all of them", rate=FAST)
    assert counts(execution) == (20, 0, 0, 0, 0)
    assert setup.gateway.calls[method] == 20
    entries = [
        entry
        for entry in setup.ledger.audit_log.of_bulk(preview.bulk_id)
        if entry.instance_id in names(20)
    ]
    assert sorted(entry.instance_id for entry in entries) == sorted(names(20))
    assert {(d.action, d.outcome, d.reason, d.actor) for d in entries} == {
        (task.action, Outcome.DONE, "all of them", ANN)
    }
    assert {each.outcome for each in execution.results()} == {Outcome.DONE}


def test_an_event_is_raised_with_its_payload(setup: BulkSetup) -> None:
    """The payload may be falsy."""
    setup.add("order_A")
    setup.execute(RAISE, RUNNING)
    assert setup.gateway.raised == [("order_A", "approval", "0")]


def test_a_later_run_of_an_id_is_refused(setup: BulkSetup) -> None:
    """The preview had the earlier run."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    setup.start_again("order_A")
    execution = setup.start(preview, ANN)
    assert counts(execution) == (0, 0, 1, 0, 0)
    assert "by now" in str(execution.results()[0].message)
    assert not setup.gateway.calls["terminate"]


def test_changes_since_the_preview_are_in_the_results(setup: BulkSetup) -> None:
    """An instance that already has the status is unchanged; a finished or purged one is refused."""
    setup.add("done", "ended", "purged", "order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    setup.gateway.set_status("done", Status.TERMINATED)
    setup.gateway.set_status("ended", Status.COMPLETED)
    del setup.gateway.instances["purged"]
    execution = setup.start(preview, ANN)
    assert counts(execution) == (1, 1, 2, 0, 0)
    messages = {each.instance_id: each.message for each in execution.results()}
    assert messages["ended"] == "Cannot terminate 'ended': it is COMPLETED."
    assert messages["purged"] == "No instance has the id 'purged'."


def test_an_instance_with_an_unknown_outcome_is_left(setup: BulkSetup) -> None:
    """The action can be repeated; an event cannot."""
    setup.add("order_A")
    for method in ("terminate", "raise"):
        setup.gateway.errors[method] = [OutcomeUnknown(method, "no answer in time")]
    assert counts(setup.execute(TERMINATE, RUNNING)) == (0, 0, 0, 0, 1)
    assert counts(setup.execute(RAISE, RUNNING)) == (0, 0, 0, 1, 0)


def test_an_instance_with_another_action_in_progress_is_left(setup: BulkSetup) -> None:
    """It may be an action of this job that a killed process has not ended."""
    setup.add("order_A")
    setup.gateway.errors["state"] = [ActionInProgress(Action.PAUSE, "order_A")]
    execution = setup.execute(TERMINATE, RUNNING)
    assert counts(execution) == (0, 0, 0, 0, 1)
    assert "in progress" in str(execution.progress().outage)
    assert [each.outcome for each in execution.postponed()] == [Outcome.REFUSED]


def test_no_action_starts_without_the_right_to_act(setup: BulkSetup) -> None:
    """A process that was frozen may have lost the lease of the job."""
    setup.add(*names(9))
    job = setup.jobs.submit(setup.jobs.preview(RAISE, RUNNING), ANN)
    assert counts(setup.jobs.execute(job, lambda: False)) == (0, 0, 0, 0, 9)
    assert not setup.gateway.raised


def test_a_bulk_job_does_nothing_that_it_cannot_record(
    setup: BulkSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is not in the audit log would be raised again."""
    setup.add("order_A")
    job = setup.jobs.submit(setup.jobs.preview(RAISE, RUNNING), ANN)
    monkeypatch.setattr(setup.ledger.audit_log, "write_ahead", ledger_away)
    assert counts(setup.jobs.execute(job)) == (0, 0, 0, 0, 1)
    assert not setup.gateway.raised


def test_the_same_submission_returns_the_job(setup: BulkSetup) -> None:
    """Also once no instance is eligible any more; another selection is refused."""
    setup.add(*names(2))
    first = setup.jobs.submit(setup.jobs.preview(TERMINATE, RUNNING, "friday"), ANN)
    setup.jobs.execute(first).wait(30)
    again = setup.jobs.preview(TERMINATE, RUNNING, "friday")
    assert not again.eligible
    assert setup.jobs.submit(again, ANN).bulk_id == "friday"
    with pytest.raises(InvalidInput, match="bulk_id: found 'friday'"):
        setup.jobs.submit(setup.jobs.preview(TERMINATE, names(2), "friday"), ANN)


def test_an_unexpected_error_stops_no_other_action(
    setup: BulkSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is unknown, and every instance is counted."""
    setup.add("order_A", "order_B")
    terminate = setup.gateway.terminate

    def odd(instance_id: str) -> None:
        if instance_id == "order_A":
            raise ValueError("an unexpected error")
        terminate(instance_id)

    monkeypatch.setattr(setup.gateway, "terminate", odd)
    assert sum(counts(setup.execute(TERMINATE, RUNNING))) == 2


def test_a_cancelled_job_starts_no_further_action(setup: BulkSetup) -> None:
    """Actions in progress run to their end, and the other instances are unchanged."""
    setup.add(*names(50))
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    done, *others, left = counts(setup.cancel_at_fifth(preview))
    assert 5 <= done <= 5 + 8
    assert (done + left, others) == (50, [0, 0, 0])
    running = [i for i in setup.gateway.instances.values() if i.status is Status.RUNNING]
    assert len(running) == left


def test_the_same_job_again_completes_it(setup: BulkSetup) -> None:
    """The audit log has the actions of a process that died."""
    setup.add(*names(20))
    preview = setup.jobs.preview(RAISE, RUNNING)
    assert counts(setup.cancel_at_fifth(preview))[0] < 20
    other = BulkSetup(setup.gateway, setup.ledger)
    assert counts(other.start(preview, ANN, rate=FAST)) == (20, 0, 0, 0, 0)
    assert len({name for name, *_ in setup.gateway.raised}) == len(setup.gateway.raised) == 20


@pytest.mark.parametrize(
    ("task", "status", "selection"),
    [
        (BulkTask(Action.PAUSE), Status.RUNNING, names(3)),
        (TERMINATE, Status.RUNNING, names(3)),
        (PURGE, Status.COMPLETED, names(3)),
    ],
)
def test_another_job_skips_what_is_done(
    setup: BulkSetup, task: BulkTask, status: Status, selection: list[str]
) -> None:
    """The preview of a later job has no eligible instance."""
    setup.add(*selection, status=status)
    setup.execute(task, selection)
    assert not setup.jobs.preview(task, selection).eligible


def test_several_jobs_rerun_a_failed_run_once(setup: BulkSetup) -> None:
    """The id of the new instance depends only on the run and the event."""
    setup.add(*names(3), status=Status.FAILED)
    first = setup.execute(BulkTask(Action.RERUN), FAILED)
    again = setup.execute(BulkTask(Action.RERUN), FAILED)
    assert counts(again) == (0, 3, 0, 0, 0)
    assert {each.new_id for each in first.results()} == {each.new_id for each in again.results()}
    assert setup.gateway.calls["rerun"] == 3


@pytest.mark.parametrize(
    ("start", "name"), [(RerunFrom.FIRST, "reserve"), (RerunFrom.FAILED, "charge")]
)
def test_a_rerun_starts_from_the_first_call_or_the_failed_one(
    setup: BulkSetup, start: RerunFrom, name: str
) -> None:
    """A rerun of a call with several attempts starts from the first attempt."""
    events = (
        scheduled(1, 1, "reserve"),
        scheduled(2, 2, "charge", call="c"),
        failed(2, 3),
        scheduled(3, 4, "charge", call="c"),
        failed(3, 5),
    )
    put(setup.gateway, "order_A", Status.FAILED, events)
    setup.record("order_A")
    execution = setup.execute(BulkTask(Action.RERUN, start=start), FAILED)
    (result,) = execution.results()
    rerun = setup.gateway.events[result.new_id or ""][-1]
    assert (rerun.name, rerun.event_id) == (name, 1 if start is RerunFrom.FIRST else 2)


def test_a_rerun_without_a_call_is_refused(setup: BulkSetup) -> None:
    """An unknown workflow fails before its first call."""
    setup.add("order_A", status=Status.FAILED)
    setup.gateway.events["order_A"] = setup.gateway.events["order_A"][:2]
    (result,) = setup.execute(BulkTask(Action.RERUN), FAILED).results()
    assert result.message == "Cannot rerun 'order_A': it has no activity, timer or child."
    (entry,) = setup.ledger.audit_log.of("order_A", 9)
    assert (entry.action, entry.outcome, entry.message) == (
        Action.RERUN,
        Outcome.REFUSED,
        result.message,
    )


def test_an_unreachable_engine_stops_the_job(gateway: FakeGateway, ledger: Ledger) -> None:
    """After some failures in a row the job stops with the reason."""
    setup = BulkSetup(gateway, ledger, failures_in_a_row=10)
    setup.add(*names(100))
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    setup.gateway.errors["state"] = [DaprUnavailable("no sidecar")] * 1000
    execution = setup.start(preview, ANN, rate=1000)
    assert counts(execution) == (0, 0, 0, 0, 100)
    progress = execution.progress()
    assert progress.is_over
    assert progress.outage == "The Dapr engine cannot be reached: no sidecar."


def test_unknown_outcomes_in_a_row_stop_the_job(gateway: FakeGateway, ledger: Ledger) -> None:
    """Without a worker every outcome is unknown."""
    setup = BulkSetup(gateway, ledger, failures_in_a_row=10)
    setup.add(*names(100))
    setup.gateway.errors["terminate"] = [OutcomeUnknown("terminate", "no answer in time")] * 1000
    execution = setup.execute(TERMINATE, RUNNING)
    assert "no answer in time" in str(execution.progress().outage)
    assert counts(execution) == (0, 0, 0, 0, 100)


def test_known_results_between_failures_do_not_keep_a_job_going() -> None:
    """The results of an earlier execution say nothing about the engine now."""
    targets = [BulkTarget(name, 1, Status.RUNNING) for name in names(40)]
    known = {each.instance_id: ItemResult(each.instance_id, Outcome.DONE) for each in targets[1::2]}

    def act(_: BulkTarget) -> ItemResult:
        raise DaprUnavailable("no sidecar")

    limits = BulkLimits(concurrency=1, failures_in_a_row=5)
    execution = BulkExecution(act, targets, known, FAST, limits)
    assert counts(execution) == (4, 0, 0, 0, 36)


def test_an_event_with_an_unknown_outcome_is_not_raised_again(setup: BulkSetup) -> None:
    """The same job could raise it twice, so its outcome stays unknown."""
    setup.add("order_A", "order_B")
    setup.gateway.late_errors["raise"] = [OutcomeUnknown("raise", "no answer in time")]
    preview = setup.jobs.preview(RAISE, RUNNING)
    assert counts(setup.start(preview, ANN)) == (1, 0, 0, 1, 0)
    assert counts(setup.start(preview, ANN)) == (1, 0, 0, 1, 0)
    assert len(setup.gateway.raised) == 2


def test_an_event_is_not_raised_again_after_the_process_died(setup: BulkSetup) -> None:
    """The entry was written ahead, so another process finds it by the id of the job."""
    setup.add("order_A", "order_B")
    setup.gateway.during["raise"] = at_call(1, _die)
    first = setup.jobs.preview(RAISE, RUNNING, "friday")
    setup.start(first, ANN).wait(30)
    other = BulkSetup(setup.gateway, setup.ledger)
    again = other.jobs.preview(RAISE, RUNNING, "friday")
    assert counts(other.start(again, ANN)) == (1, 0, 0, 1, 0)
    assert setup.gateway.calls["raise"] == 2


def _die() -> None:
    raise RuntimeError("the process ends here")


def test_a_job_id_is_for_one_task(setup: BulkSetup) -> None:
    """The same submission again returns the job that is stored."""
    setup.add("order_A")
    setup.start(setup.jobs.preview(RAISE, RUNNING, "friday"), ANN).wait(30)
    other = setup.jobs.preview(TERMINATE, RUNNING, "friday")
    with pytest.raises(InvalidInput, match="bulk_id: found 'friday'"):
        setup.start(other, ANN)


def test_an_instance_whose_history_cannot_be_read_is_acted_on(setup: BulkSetup) -> None:
    """Its creation time shows that it is the same run."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    setup.gateway.errors["history"] = [DaprRefused("too large")] * 9
    assert counts(setup.start(preview, ANN)) == (1, 0, 0, 0, 0)
    assert summary(setup.ledger).status is Status.TERMINATED
    assert summary(setup.ledger).run_id == preview.eligible[0].run_id


def test_a_younger_instance_whose_history_cannot_be_read_is_refused(setup: BulkSetup) -> None:
    """It may be another run."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    setup.start_again("order_A")
    setup.gateway.errors["history"] = [DaprRefused("too large")] * 9
    assert counts(setup.start(preview, ANN)) == (0, 0, 1, 0, 0)
    assert not setup.gateway.calls["terminate"]


@pytest.mark.parametrize("rate", [0, -1, 1e-12, 1e9, float("nan"), float("inf")])
def test_an_unusable_rate_is_refused(setup: BulkSetup, rate: float) -> None:
    """The job would never end, or never start."""
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    with pytest.raises(InvalidInput, match="rate: found"):
        setup.start(preview, ANN, rate=rate)


def test_a_reason_that_is_too_long_stops_the_job_at_once(setup: BulkSetup) -> None:
    """The job is refused, not each of its actions."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    with pytest.raises(InvalidInput, match="reason: found"):
        setup.start(preview, ANN, "x" * 501)


def test_a_bulk_job_needs_the_ledger(setup: BulkSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the ledger knows the selected instances, and the results of an earlier job."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    monkeypatch.setattr(setup.ledger.audit_log, "of_bulk", ledger_away)
    monkeypatch.setattr(setup.ledger.search, "page", ledger_away)
    with pytest.raises(LedgerUnavailable):
        setup.jobs.preview(TERMINATE, RUNNING)
    with pytest.raises(LedgerUnavailable):
        setup.start(preview, ANN)
    assert not setup.gateway.calls["terminate"]


def test_a_job_without_targets_is_refused(setup: BulkSetup) -> None:
    """Nothing is stored."""
    with pytest.raises(InvalidInput, match="at least one eligible instance"):
        setup.execute(TERMINATE, [])
    assert setup.ledger.bulk_jobs.latest(1) == ()


def test_at_most_eight_actions_are_in_progress(setup: BulkSetup) -> None:
    """The limit applies at any rate."""
    setup.add(*names(40))
    barrier, lock = Barrier(BulkLimits().concurrency), Lock()
    in_progress = Counter[str]()

    def meet() -> None:
        with lock:
            in_progress["now"] += 1
            in_progress["max"] = max(in_progress["max"], in_progress["now"])
        barrier.wait(10)
        with lock:
            in_progress["now"] -= 1

    setup.gateway.during["terminate"] = meet
    assert counts(setup.execute(TERMINATE, RUNNING))[0] == 40
    assert in_progress["max"] == BulkLimits().concurrency


def test_a_rate_limit_spreads_the_starts() -> None:
    """Each caller gets another start; starts that were not used are lost."""
    limit = RateLimit(rate=4)
    assert [limit.until_next(100.0) for _ in range(3)] == [0.0, 0.25, 0.5]
    assert [limit.until_next(200.0) for _ in range(2)] == [0.0, 0.25]
