"""Writing snapshots into the ledger, and the runs that result."""

from dataclasses import replace

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger, Reservation
from operations.model import LOCAL_USER, Failure, Status
from operations.recorder_report import Heartbeat
from operations.records import Filter, Snapshot
from operations.timeline import Ending, Span, SpanKind, Waiting
from tests.unit.histories import RECORDED, recorded, recorded_state
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

START = Reservation(ID, "order_workflow", "{}", LOCAL_USER, scheduled_for=at(60))
FAILURE = Failure("ValueError", "m" * 600, "a stack")


def started(ledger: Ledger, start: Reservation = START) -> Reservation:
    """Reserve and accept a start; return the reservation as it is read."""
    claimed = ledger.reservations.claim(start, ledger.reservations.latest(start.instance_id))
    assert claimed
    ledger.reservations.accept(claimed)
    found = ledger.reservations.latest(start.instance_id)
    assert found
    return found


def test_a_snapshot_is_read_as_it_was_written(ledger: Ledger) -> None:
    """A summary has the values of the instance and of its timeline."""
    waiting = Waiting("approval", at(100))
    ledger.runs.ingest(
        [snapshot(parent_id="order_parent", waiting=waiting, scheduled_for=at(0.5), read=3)]
    )
    found = summary(ledger)
    assert (found.instance_id, found.execution_id, found.workflow) == (ID, "e1", "order_workflow")
    assert (found.status, found.parent_id, found.rerun_of) == (Status.RUNNING, "order_parent", None)
    assert (found.created_at, found.started_at, found.ended_at) == (at(0), at(0), None)
    assert (found.last_updated_at, found.scheduled_for) == (at(3), at(0.5))
    assert (found.waits_for, found.waits_until) == ("approval", at(100))
    assert (found.purged_at, found.revision) == (None, 1)


STORY = (
    pending(read=1),
    snapshot(read=2),
    state_only(Status.SUSPENDED, read=3),
    snapshot(read=2.5),  # stale
    snapshot(execution="e2", created=0, read=4),  # the next generation
    done(execution="e2", read=9),
    snapshot(execution="e2", read=8),  # stale
    pending(read=20),
    done(execution="e0", created=-9, read=-1),  # an earlier run
    snapshot(execution="e3", created=30, read=31),
)


def test_a_merged_snapshot_is_the_run_that_ingest_writes(ledger: Ledger) -> None:
    """`merged` itself writes nothing."""
    started(ledger)
    for read in STORY:
        revision = ledger.heartbeat().revision
        merged = ledger.runs.merged(read)
        assert ledger.heartbeat().revision == revision
        ledger.runs.ingest([read])
        found = summary(ledger)
        assert replace(merged, run_id=found.run_id, revision=found.revision) == found
        assert merged.run_id in {0, found.run_id}


def test_all_snapshots_are_written_in_one_transaction(ledger: Ledger) -> None:
    """Any number of snapshots gets one revision."""
    ledger.runs.ingest([snapshot(instance_id=f"order_{number}") for number in range(1200)])
    assert ledger.heartbeat() == Heartbeat(1)
    assert {summary(ledger, f"order_{number}").revision for number in (0, 600, 1199)} == {1}


def test_nothing_to_write_is_no_change(ledger: Ledger) -> None:
    """An empty batch leaves the revision."""
    ledger.runs.ingest([])
    assert ledger.heartbeat().revision == 0


@pytest.mark.parametrize("read", [snapshot(spans=(activity(1, 0),)), done(), pending()])
def test_the_same_snapshot_twice_changes_nothing(ledger: Ledger, read: Snapshot) -> None:
    """A process that was killed after a write may write again."""
    ledger.runs.ingest([read])
    before = summary(ledger)
    ledger.runs.ingest([read])
    assert summary(ledger) == before
    assert ledger.heartbeat().revision == 1


def test_a_later_snapshot_of_the_same_is_no_change(ledger: Ledger) -> None:
    """The revision stays, so no list is read again."""
    first = snapshot(read=1)
    ledger.runs.ingest([first])
    ledger.runs.ingest([replace(first, read_at=at(2))])
    assert ledger.heartbeat().revision == 1


def test_a_snapshot_older_than_the_last_one_is_stale(ledger: Ledger) -> None:
    """Also if the last snapshot changed nothing."""
    first = snapshot(read=1)
    ledger.runs.ingest([first])
    ledger.runs.ingest([replace(first, read_at=at(3))])
    other = snapshot(instance_id="order_B")
    assert ledger.runs.ingest([snapshot(Status.SUSPENDED, read=2), other]) == {ID}
    assert statuses(ledger) == [Status.RUNNING]


def test_an_end_that_is_archived_is_not_reported_as_stale(ledger: Ledger) -> None:
    """The ledger already has everything that the snapshot has."""
    ledger.runs.ingest([done(read=9)])
    assert not ledger.runs.ingest([done(read=8)])
    assert ledger.runs.ingest([snapshot(read=8)]) == {ID}


def test_a_snapshot_from_before_the_latest_run_is_stale(ledger: Ledger) -> None:
    """It belongs to no known run, and adds none."""
    ledger.runs.ingest([snapshot(read=5, created=4, execution="e2")])
    assert ledger.runs.ingest([snapshot(read=2, created=1)]) == {ID}
    assert len(runs_of(ledger)) == 1


def test_a_later_snapshot_is_written(ledger: Ledger) -> None:
    """The run gets the new status, and the revision of the change."""
    assert not ledger.runs.ingest([snapshot(read=1)])
    assert not ledger.runs.ingest([snapshot(Status.SUSPENDED, read=2)])
    assert (summary(ledger).status, summary(ledger).revision) == (Status.SUSPENDED, 2)


def test_two_snapshots_of_one_instance_in_a_batch_are_written_in_order(ledger: Ledger) -> None:
    """The later one wins."""
    ledger.runs.ingest([snapshot(read=1), done(read=2)])
    assert statuses(ledger) == [Status.COMPLETED]


def test_an_end_is_never_stale(ledger: Ledger) -> None:
    """An end that was read before the last written snapshot is written after it."""
    ledger.runs.ingest([snapshot(read=10), done(read=9)])
    assert statuses(ledger) == [Status.COMPLETED]
    assert ledger.runs.unfinished() == ()


def test_a_finished_run_does_not_run_again(ledger: Ledger) -> None:
    """A later snapshot of the same execution does not change its end."""
    ledger.runs.ingest([done(read=9)])
    ledger.runs.ingest([snapshot(read=10)])
    assert statuses(ledger) == [Status.COMPLETED]


def test_an_update_loses_nothing(ledger: Ledger) -> None:
    """A value that a snapshot does not have stays as it was."""
    full = snapshot(read=1, input="1", output="2", custom_status="3", failure=FAILURE)
    ledger.runs.ingest([replace(full, scheduled_for=at(0.5))])
    before = summary(ledger)
    ledger.runs.ingest([snapshot(read=1, workflow="", last_updated_at=None)])
    assert summary(ledger) == before
    details = details_of(ledger, before)
    assert (details.input, details.output, details.custom_status) == ("1", "2", "3")
    assert details.failure == FAILURE


def test_a_changed_payload_is_written(ledger: Ledger) -> None:
    """A change that no list shows changes the run's revision too."""
    ledger.runs.ingest([snapshot(read=1, custom_status='"one"')])
    ledger.runs.ingest([snapshot(read=1, custom_status='"two"')])
    details = details_of(ledger, summary(ledger))
    assert details.custom_status == '"two"'
    assert (summary(ledger).revision, ledger.heartbeat().revision) == (2, 2)


def test_a_failure_is_cut_in_lists_alone(ledger: Ledger) -> None:
    """A list has 500 characters of a message, the details have all of it."""
    ledger.runs.ingest([snapshot(Status.FAILED, failure=FAILURE)])
    found = summary(ledger)
    assert (found.error_type, found.error_message) == ("ValueError", "m" * 500)
    details = details_of(ledger, found)
    assert details.failure == FAILURE


def test_what_an_instance_waits_for_is_cut(ledger: Ledger) -> None:
    """A list has 255 characters of it."""
    ledger.runs.ingest([snapshot(waiting=Waiting("w" * 300))])
    assert summary(ledger).waits_for == "w" * 255


def test_what_an_instance_waits_for_is_cleared(ledger: Ledger) -> None:
    """By a history without a wait, and by the end of the instance."""
    for number, after in enumerate((snapshot(read=2), state_only(Status.TERMINATED, read=2))):
        instance = replace(after.instance, instance_id=f"order_{number}")
        before = snapshot(instance_id=instance.instance_id, waiting=Waiting("approval", at(9)))
        ledger.runs.ingest([before, replace(after, instance=instance)])
        found = summary(ledger, instance.instance_id)
        assert (found.waits_for, found.waits_until) == (None, None)


def test_a_snapshot_without_a_history_does_not_end_a_wait(ledger: Ledger) -> None:
    """It does not say what the instance waits for."""
    ledger.runs.ingest([snapshot(waiting=Waiting("approval"))])
    ledger.runs.ingest([state_only(Status.SUSPENDED, read=2)])
    assert (summary(ledger).status, summary(ledger).waits_for) == (Status.SUSPENDED, "approval")


def test_the_end_brings_times_and_the_history(ledger: Ledger) -> None:
    """A finished instance is archived with its status."""
    ledger.runs.ingest([snapshot(read=1)])
    last = done(read=9)
    ledger.runs.ingest([last])
    found = summary(ledger)
    assert (found.started_at, found.ended_at, found.created_at) == (at(0), at(9), at(0))
    details = details_of(ledger, found)
    assert (details.output, details.history) == ('"done"', last.history)


def test_a_history_is_archived_once(ledger: Ledger) -> None:
    """The archived history stays, whatever is read later."""
    last = done(read=9)
    ledger.runs.ingest([last, replace(last, read_at=at(10), history=())])
    details = details_of(ledger, summary(ledger))
    assert details.history == last.history


def test_an_end_without_events_is_read_again(ledger: Ledger) -> None:
    """The history was purged before it could be read."""
    ledger.runs.ingest([done(read=9, history=())])
    assert [each.status for each in ledger.runs.unfinished()] == [Status.COMPLETED]


def test_a_running_instance_has_no_history(ledger: Ledger) -> None:
    """The history of an unfinished instance is not written by `ingest`."""
    ledger.runs.ingest([snapshot(history=recorded("running"))])
    details = details_of(ledger, summary(ledger))
    assert details.history is None


def test_an_unknown_run_has_no_details(ledger: Ledger) -> None:
    """The result for an unknown `run_id` or instance id is None or empty."""
    assert ledger.runs.details(7) is None
    assert ledger.runs.latest("order_B") is None
    assert ledger.runs.attempts(7) == ()


def test_a_pending_instance_is_known_from_its_start(ledger: Ledger) -> None:
    """Dapr reports neither workflow nor times of a pending instance; its reservation does."""
    start = started(ledger)
    ledger.runs.ingest([pending()])
    found = summary(ledger)
    assert (found.workflow, found.scheduled_for) == ("order_workflow", at(60))
    assert (found.created_at, found.status) == (start.accepted_at, Status.PENDING)


def test_a_pending_instance_without_a_reservation_is_as_old_as_its_snapshot(
    ledger: Ledger,
) -> None:
    """Without any other time, the time of its first snapshot counts."""
    ledger.runs.ingest([pending(read=3), pending(read=4)])
    assert (summary(ledger).created_at, summary(ledger).workflow) == (at(3), "")


def first_turn(
    *, created: float, turn: float, execution: str = "e1", instance_id: str = ID
) -> Snapshot:
    """Return a snapshot with the first events of a history, in which a turn has started."""
    history = (
        HistoryEvent(-1, at(turn), "workflowStarted"),
        HistoryEvent(-1, at(created), "executionStarted", execution_id=execution),
    )
    return snapshot(
        read=30, created=created, execution=execution, history=history, instance_id=instance_id
    )


@pytest.mark.parametrize("created", [1, 4])
@pytest.mark.parametrize("is_reserved", [True, False])
def test_a_run_that_was_first_read_pending_gets_the_time_of_the_engine(
    ledger: Ledger, created: float, *, is_reserved: bool
) -> None:
    """It is sorted and filtered by that time, also if the clock of the engine differs."""
    if is_reserved:
        started(ledger)
    ledger.runs.ingest([snapshot(instance_id="other", execution="o", created=3.5)])
    ledger.runs.ingest([pending(read=3)])
    run_id = summary(ledger).run_id
    ledger.runs.ingest([first_turn(created=created, turn=created + 0.1)])
    found = summary(ledger)
    assert (found.run_id, found.created_at, found.started_at) == (run_id, at(created), at(created))
    within = Filter(since=at(created), until=at(created + 0.1))
    assert ledger.search.page(within, limit=9).runs == (found,)
    newest_first = [ID, "other"] if created > 3.5 else ["other", ID]
    assert [run.instance_id for run in ledger.search.page(Filter(), limit=9).runs] == newest_first


def test_a_run_is_as_old_as_its_first_generation(ledger: Ledger) -> None:
    """If only a later generation was read, the time of the first read is nearer to the truth."""
    ledger.runs.ingest([pending(read=3), first_turn(created=20.1, turn=20, execution="e2")])
    assert (summary(ledger).created_at, summary(ledger).execution_id) == (at(3), "e2")
    ledger.runs.ingest([first_turn(created=1, turn=1.1, instance_id="other")])
    ledger.runs.ingest([first_turn(created=20.1, turn=20, execution="e2", instance_id="other")])
    found = summary(ledger, "other")
    assert (found.created_at, found.generation) == (at(1), 2)


def test_the_state_alone_brings_the_time_of_creation(ledger: Ledger) -> None:
    """The history may be read later, or never; then the time stays."""
    ledger.runs.ingest([pending(read=3), state_only(Status.RUNNING, read=4, created=1)])
    assert summary(ledger).created_at == at(1)
    ledger.runs.ingest([snapshot(read=5, created=1), state_only(Status.SUSPENDED, read=6)])
    assert summary(ledger).created_at == at(1)


def test_a_rerun_that_was_first_read_pending_is_created_when_it_starts(ledger: Ledger) -> None:
    """The state alone has the creation of its source; the history corrects it, and that stays."""
    rerun = snapshot(read=9, created=0, rerun_of="order_B", started_at=at(6))
    ledger.runs.ingest([pending(read=7), state_only(Status.RUNNING, read=8, created=0), rerun])
    assert summary(ledger).created_at == at(6)
    ledger.runs.ingest([state_only(Status.SUSPENDED, read=10, created=0)])
    assert (summary(ledger).created_at, summary(ledger).started_at) == (at(6), at(6))


def test_a_rerun_is_as_old_as_its_own_clock(ledger: Ledger) -> None:
    """The engine reports the creation of its source; lists show the start of the rerun."""
    ledger.runs.ingest([snapshot(read=9, created=0, rerun_of="order_B", started_at=at(8))])
    assert (summary(ledger).created_at, summary(ledger).rerun_of) == (at(8), "order_B")


def test_attempts_are_activities(ledger: Ledger) -> None:
    """Of all spans only the activities are written, without payloads, in their order."""
    failed = activity(1, 0, 1, failure=FAILURE, ending=Ending.FAILED, attempt_count=2, input="1")
    again = activity(3, 2, lane=1, attempt_number=2, attempt_count=2)
    wait = Span(SpanKind.WAIT, "approval", lane=9, event_id=2, scheduled_at=at(1))
    other = activity(4, 1, 3, output="2")
    ledger.runs.ingest([snapshot(spans=(again, wait, failed, other))])
    found = ledger.runs.attempts(summary(ledger).run_id)
    cut = Failure("ValueError", "m" * 500)
    assert found == (
        replace(failed, input=None, failure=cut),
        replace(other, output=None),
        again,
    )


def test_an_attempt_that_ends_is_a_change(ledger: Ledger) -> None:
    """A change of an attempt changes the run's revision."""
    ledger.runs.ingest([snapshot(read=1, spans=(activity(1, 0),))])
    ledger.runs.ingest([snapshot(read=1, spans=(activity(1, 0, 2), activity(2, 2)))])
    assert [span.ended_at for span in ledger.runs.attempts(summary(ledger).run_id)] == [at(2), None]
    assert summary(ledger).revision == 2


def test_an_attempt_is_not_lost(ledger: Ledger) -> None:
    """A snapshot without a history has no attempts, and removes none."""
    ledger.runs.ingest([snapshot(read=1, spans=(activity(1, 0),))])
    ledger.runs.ingest([state_only(Status.SUSPENDED, read=2)])
    assert len(ledger.runs.attempts(summary(ledger).run_id)) == 1


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_instance_is_read_as_it_was_written(ledger: Ledger, name: str) -> None:
    """Snapshots of the real engine come back; a finished one with its history."""
    ledger.runs.ingest([recorded_snapshot(name)])
    instance = recorded_state(name)
    found = summary(ledger, instance.instance_id)
    assert (found.status, found.workflow) == (instance.status, instance.workflow)
    details = details_of(ledger, found)
    assert details.history == (recorded(name) if instance.status.is_finished else None)
    assert (details.input, details.failure) == (instance.input, instance.failure)
