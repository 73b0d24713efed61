"""Previews of bulk jobs: an engine in memory, and a ledger in a real database."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from operations.actions import PurgeOptions, RerunFrom
from operations.actions.bulk import BulkLimits, BulkTask, Selection
from operations.bulk_job import JobStatus, StopRule
from operations.errors import HistoryLost, InvalidInput, QueryTimeout, UnknownBulkJob
from operations.ledger import Ledger
from operations.model import Action, Failure, Status
from operations.records import Filter, Page
from operations.snapshots import snapshot_of_lost
from operations.timeline import Ending
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
from tests.unit.events import failed, scheduled, stalled
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, put
from tests.unit.snapshots import activity, snapshot, summary

pytestmark = pytest.mark.both_databases


def test_a_preview_changes_nothing(setup: BulkSetup) -> None:
    """The preview has the eligible instances with their runs."""
    setup.add("order_A", "order_B")
    setup.gateway.calls.clear()
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    runs = {(each.instance_id, each.run_id, each.status) for each in preview.eligible}
    assert runs == {
        (name, summary(setup.ledger, name).run_id, Status.RUNNING)
        for name in ("order_A", "order_B")
    }
    assert (preview.total, preview.skipped, preview.is_capped) == (2, (), False)
    assert preview.message == "2 of 2 instances are eligible to terminate."
    assert not setup.gateway.calls


def test_a_preview_groups_skipped_instances_by_reason(setup: BulkSetup) -> None:
    """The most frequent reason comes first; each reason lists some ids."""
    setup.add("order_A")
    setup.add(*(f"done_{number}" for number in range(7)), status=Status.COMPLETED)
    setup.add("gone_A", "gone_B", status=Status.COMPLETED)
    setup.ledger.runs.mark_purged(
        dict.fromkeys(["gone_A", "gone_B"], datetime.max.replace(tzinfo=UTC))
    )
    setup.add("order_Z", status=Status.TERMINATED)
    preview = setup.jobs.preview(TERMINATE, Filter())
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    assert [(each.reason, each.count) for each in preview.skipped] == [
        ("it is COMPLETED", 7),
        ("the engine no longer has it", 2),
        ("it is TERMINATED already", 1),
    ]
    assert len(preview.skipped[0].ids) == 5
    assert preview.total == 11


def test_an_id_that_is_given_twice_counts_once(setup: BulkSetup) -> None:
    """An id that the ledger does not have is skipped."""
    setup.add("order_A")
    preview = setup.jobs.preview(TERMINATE, ["order_A", "order_A", "order_Z"])
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    (unknown,) = preview.skipped
    assert (unknown.reason, unknown.ids) == ("the ledger has no such instance", ("order_Z",))


def test_a_rerun_skips_children(setup: BulkSetup) -> None:
    """Dapr refuses to rerun a child."""
    setup.add("order_A1", status=Status.FAILED, parent="order_A")
    (child,) = setup.jobs.preview(BulkTask(Action.RERUN), FAILED).skipped
    assert child.reason == "it is a child: only its parent can be run again"


def test_a_stalled_instance_is_skipped_with_the_reason(setup: BulkSetup) -> None:
    """The preview names the engine's reason and the remedy."""
    put(setup.gateway, status=Status.STALLED, events=(stalled(5),))
    setup.record("order_A")
    (skipped,) = setup.jobs.preview(TERMINATE, ["order_A"]).skipped
    assert skipped.reason == (
        "it is STALLED (PAYLOAD_SIZE_EXCEEDED: increase daprd's --max-body-size): only a forced "
        "purge is possible; once the cause is removed, the engine continues the instance by itself"
    )


@pytest.mark.parametrize("force", [False, True])
def test_an_instance_whose_history_is_lost_is_skipped(setup: BulkSetup, *, force: bool) -> None:
    """The engine refuses even a forced purge."""
    setup.add("order_A")
    run = setup.ledger.runs.latest("order_A")
    assert run
    error = HistoryLost("order_A", "The history key 'history-000000' is missing")
    setup.ledger.runs.ingest([snapshot_of_lost(run, error, datetime.now(UTC))])
    task = replace(PURGE, options=PurgeOptions(force=force))
    (skipped,) = setup.jobs.preview(task, ["order_A"]).skipped
    assert skipped.reason == "the engine refuses every action (HISTORY_LOST)"


def test_a_forced_purge_skips_no_status(setup: BulkSetup) -> None:
    """Unfinished instances are eligible."""
    setup.add("order_A")
    setup.add("order_B", status=Status.STALLED)
    forced = replace(PURGE, options=PurgeOptions(force=True))
    assert len(setup.jobs.preview(forced, Filter()).eligible) == 2
    assert not setup.jobs.preview(PURGE, Filter()).eligible


def test_a_preview_of_purges_counts_descendants(setup: BulkSetup) -> None:
    """All descendants count; an instance with an unfinished descendant is skipped."""
    setup.add("order_A", "order_B", status=Status.COMPLETED)
    setup.add("order_A1", status=Status.COMPLETED, parent="order_A")
    setup.add("order_A2", status=Status.COMPLETED, parent="order_A1")
    setup.add("order_B1", parent="order_B")
    preview = setup.jobs.preview(PURGE, ["order_A", "order_B"])
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    assert preview.descendants == 2
    assert preview.message.endswith("Up to 2 descendants are purged with them.")
    assert [each.reason for each in preview.skipped] == ["a descendant of it has not finished"]
    forced = replace(PURGE, options=PurgeOptions(force=True))
    assert setup.jobs.preview(forced, ["order_A", "order_B"]).descendants == 3


def test_a_preview_of_terminate_counts_unfinished_descendants(setup: BulkSetup) -> None:
    """The engine terminates them too; a running child does not make its parent ineligible."""
    setup.add("order_A", "order_B", status=Status.RUNNING)
    setup.add("child_1", parent="order_A", status=Status.RUNNING)
    setup.add("child_2", parent="order_A", status=Status.COMPLETED)
    preview = setup.jobs.preview(BulkTask(Action.TERMINATE), ["order_A", "order_B"])
    assert (len(preview.eligible), preview.descendants) == (2, 1)
    assert preview.message.endswith("Up to 1 unfinished descendants are terminated with them.")


def test_a_rerun_from_the_failed_call_skips_instances_without_one(setup: BulkSetup) -> None:
    """The call is of an activity or a child."""
    setup.add("order_A", "order_B", status=Status.COMPLETED)
    events = (scheduled(1, 1, "charge"), failed(1, 2))
    setup.add("order_B1", status=Status.FAILED, parent="order_B")
    put(setup.gateway, "order_D", Status.FAILED, events)
    setup.record("order_D")
    chosen = ["order_A", "order_B", "order_D"]
    preview = setup.jobs.preview(BulkTask(Action.RERUN, start=RerunFrom.FAILED), chosen)
    assert [each.instance_id for each in preview.eligible] == ["order_B", "order_D"]
    assert [each.reason for each in preview.skipped] == ["its history has no failed call"]


def test_an_earlier_run_is_skipped(setup: BulkSetup) -> None:
    """An action on the id would act on the latest run."""
    setup.add("order_A")
    setup.start_again("order_A")
    setup.record("order_A")
    preview = setup.jobs.preview(TERMINATE, Filter())
    assert [each.run_id for each in preview.eligible] == [summary(setup.ledger).run_id]
    (earlier,) = preview.skipped
    assert earlier.reason == "it is an earlier run of its id"


def test_a_preview_of_a_large_selection_is_capped(gateway: FakeGateway, ledger: Ledger) -> None:
    """It returns the rest of the selection for another preview."""
    setup = BulkSetup(gateway, ledger, instances=3, page_size=2)
    setup.add(*names(5))
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    assert (preview.total, preview.is_capped) == (3, True)
    assert preview.message.endswith("More instances match: this job takes only these.")
    assert preview.rest
    assert setup.jobs.preview(TERMINATE, preview.rest).total == 2
    assert not setup.jobs.preview(TERMINATE, names(3)).is_capped
    of_ids = setup.jobs.preview(TERMINATE, names(5))
    assert of_ids.rest == ("order_3", "order_4")
    assert BulkLimits().instances == 10_000


@pytest.mark.parametrize("limits", [{"preview_seconds": -1}, {"instances": 2}])
def test_previews_of_the_rest_reach_each_instance_once(
    gateway: FakeGateway, ledger: Ledger, limits: dict[str, Any]
) -> None:
    """The instances may stay in the selection, for example after an event."""
    setup = BulkSetup(gateway, ledger, page_size=2, **limits)
    setup.add(*names(5))
    selection: Selection | None = RUNNING
    while selection is not None:
        preview = setup.jobs.preview(RAISE, selection)
        setup.start(preview, ANN, rate=FAST).wait(30)
        selection = preview.rest
    assert sorted(name for name, *_ in setup.gateway.raised) == names(5)


def test_a_preview_keeps_its_pages_if_the_ledger_takes_too_long(
    gateway: FakeGateway, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview without a page raises the timeout."""
    setup = BulkSetup(gateway, ledger, page_size=2)
    setup.add(*names(5))
    page = setup.ledger.search.page

    def only_first(shown: Filter, *, limit: int, cursor: str | None = None) -> Page:
        if cursor:
            raise QueryTimeout
        return page(shown, limit=limit)

    monkeypatch.setattr(setup.ledger.search, "page", only_first)
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    assert (preview.total, preview.is_capped) == (2, True)
    assert preview.rest
    with pytest.raises(QueryTimeout):
        setup.jobs.preview(TERMINATE, preview.rest)


def test_a_preview_refuses_an_event_without_a_name(setup: BulkSetup) -> None:
    """The preview is refused, not each action of the job."""
    with pytest.raises(InvalidInput, match="event: found"):
        setup.jobs.preview(replace(RAISE, event=""), RUNNING)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\0b", "a/b", "ä"])
def test_an_unusable_job_id_is_refused(setup: BulkSetup, name: str) -> None:
    """The audit log could not store it."""
    with pytest.raises(InvalidInput, match="bulk_id: found"):
        setup.jobs.preview(TERMINATE, RUNNING, name)


def test_a_run_of_another_application_is_skipped(setup: BulkSetup) -> None:
    """The ledger may have several applications; the sidecar belongs to one of them."""
    setup.add("order_A")
    setup.ledger.runs.ingest([snapshot(instance_id="theirs", app_id="other")])
    preview = setup.jobs.preview(TERMINATE, RUNNING)
    assert [each.instance_id for each in preview.eligible] == ["order_A"]
    (skipped,) = preview.skipped
    assert (skipped.reason, skipped.ids) == ("it belongs to the application other", ("theirs",))


def add_failed(setup: BulkSetup, instance_id: str, rerun_of: str | None = None) -> str:
    """Add a run that failed at the same step as the others; return its failure group."""
    failure = Failure("E", "No card")
    attempt = activity(1, 1, 2, ending=Ending.FAILED, failure=failure)
    values: dict[str, Any] = {"execution": instance_id, "rerun_of": rerun_of, "read": 3}
    failed_run = snapshot(
        Status.FAILED,
        instance_id=instance_id,
        failure=Failure("TaskFailedError", "Activity task #1 failed: No card"),
        spans=(attempt,),
        **values,
    )
    setup.ledger.runs.ingest([failed_run])
    return summary(setup.ledger, instance_id).failure_group or ""


def test_a_group_is_rerun_once(setup: BulkSetup) -> None:
    """A rerun that failed is in the group itself, so its source is skipped."""
    group = add_failed(setup, "order_A")
    add_failed(setup, "order_B")
    assert add_failed(setup, "order_A-again", rerun_of="order_A") == group
    task = BulkTask(Action.RERUN, start=RerunFrom.FAILED)
    preview = setup.jobs.preview(task, Filter(failure_group=group))
    assert {each.instance_id for each in preview.eligible} == {"order_B", "order_A-again"}
    assert [(each.reason, each.ids) for each in preview.skipped] == [
        ("it has been rerun already", ("order_A",))
    ]
    chosen = setup.jobs.preview(task, ["order_A"])  # by its id it may run once more
    assert len(chosen.eligible) == 1


@pytest.mark.parametrize(
    ("action", "rule"),
    [
        (Action.PURGE, StopRule(1, 2)),
        (Action.RERUN, StopRule(3, 2)),
        (Action.RERUN, StopRule(0, 2)),
        (Action.RERUN, StopRule(1, 1001)),
    ],
)
def test_an_impossible_rule_is_refused(setup: BulkSetup, action: Action, rule: StopRule) -> None:
    """Nothing is stored."""
    add_failed(setup, "order_A")
    preview = setup.jobs.preview(BulkTask(action), ["order_A"])
    with pytest.raises(InvalidInput, match="stop_when: found"):
        setup.jobs.submit(preview, ANN, stop_rule=rule)
    assert not setup.ledger.bulk_jobs.latest(1)


def test_only_a_job_that_is_over_has_a_rest(setup: BulkSetup) -> None:
    """A running job still acts on its instances."""
    setup.add(*names(3))
    with pytest.raises(UnknownBulkJob):
        setup.jobs.rest_of("x")
    job = setup.jobs.submit(setup.jobs.preview(TERMINATE, names(3)), ANN)
    with pytest.raises(InvalidInput, match="a job that is over; this one is running"):
        setup.jobs.rest_of(job.bulk_id)
    setup.ledger.bulk_jobs.finish(job.bulk_id, JobStatus.CANCELLED, datetime.now(UTC))
    assert [each.instance_id for each in setup.jobs.rest_of(job.bulk_id)] == names(3)


def test_a_long_selection_is_not_stored(setup: BulkSetup) -> None:
    """Its hash tells whether a second request is for the same job."""
    setup.add(*names(2))
    many = [*names(2), *(f"gone_{number}" for number in range(500))]
    job = setup.jobs.submit(setup.jobs.preview(TERMINATE, many, "j"), ANN)
    assert len(job.task) < 500
    again = setup.jobs.submit(setup.jobs.preview(TERMINATE, many, "j"), ANN)
    assert again.created_at == job.created_at
    with pytest.raises(InvalidInput, match="an id that no other bulk job has"):
        setup.jobs.submit(setup.jobs.preview(TERMINATE, many[:-1], "j"), ANN)
