"""Instances that the engine cannot read any more, because their history is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from operations.errors import DaprRefused
from operations.ledger import Ledger
from operations.model import HISTORY_LOST, Status
from operations.recorder.recorder import FollowedApplication, Recorder
from tests.unit.conftest import LogLines
from tests.unit.engine import finish_instance, put_running, remove_instance, update_instance
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER, RecorderSetup
from tests.unit.snapshots import ID, details_of, runs_of, statuses, summary

pytestmark = pytest.mark.both_databases


@pytest.fixture
def setup(gateway: FakeGateway, ledger: Ledger) -> Iterator[RecorderSetup]:
    """Return a recorder on an empty ledger."""
    limits = replace(EAGER, rechecks=1000, recheck_round=0)
    recorder = Recorder(FollowedApplication(gateway, limits), ledger)
    yield RecorderSetup(gateway, ledger, recorder)
    recorder.close()


def test_a_run_whose_history_is_lost_says_so(
    gateway: FakeGateway, setup: RecorderSetup, log_lines: LogLines
) -> None:
    """It has cause and remedy, keeps the last history, and is one line of the log."""
    log_lines.configure("info")
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.lost.add(ID)
    setup.until_status(Status.UNKNOWN)
    setup.until_reads(9)
    run = summary(setup.ledger)
    assert run.error_type == HISTORY_LOST
    assert "Delete its rows in the state store" in (run.error_message or "")
    details = details_of(setup.ledger, run)
    assert details.history == gateway.events[ID]
    lines = [line["event"] for line in log_lines.events() if line["level"] == "warning"]
    assert len(lines) == 1
    assert lines[0].startswith(f"Dapr cannot read '{ID}'")


def test_a_run_that_cannot_be_read_for_a_moment_stays_as_it_is(
    gateway: FakeGateway, setup: RecorderSetup, log_lines: LogLines
) -> None:
    """Dapr fails a read while it writes the instance."""
    log_lines.configure("info")
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.lost.add(ID)
    readable_from = gateway.calls["state"] + 3

    def become_readable() -> None:
        if gateway.calls["state"] >= readable_from:
            gateway.lost.clear()

    gateway.during["state"] = become_readable
    setup.until_reads(5)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    assert not [line for line in log_lines.events() if line["level"] == "warning"]


def test_failed_reads_of_another_kind_do_not_count(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """A run is marked as lost after any number of them."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.errors["state"] = [DaprRefused("The Dapr engine refused: it is broken.")] * 10
    setup.until(lambda: not gateway.errors["state"], "the reads have failed")
    assert statuses(setup.ledger) == [Status.RUNNING]
    gateway.lost.add(ID)
    setup.until_status(Status.UNKNOWN)


def test_a_run_that_can_be_read_again_goes_on(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """The rows of the state store were restored."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    gateway.lost.add(ID)
    setup.until_status(Status.UNKNOWN)
    gateway.lost.clear()
    update_instance(gateway)
    setup.until_status(Status.RUNNING)
    assert (summary(setup.ledger).error_type, len(runs_of(setup.ledger))) == (None, 1)


def test_a_run_whose_rows_are_deleted_is_purged(gateway: FakeGateway, setup: RecorderSetup) -> None:
    """The failure stays, with the history that was read."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    history = gateway.events[ID]
    gateway.lost.add(ID)
    setup.until_status(Status.UNKNOWN)
    remove_instance(gateway)
    setup.until(lambda: summary(setup.ledger).purged_at, "it is marked as purged")
    run = summary(setup.ledger)
    assert (run.status, run.error_type) == (Status.UNKNOWN, HISTORY_LOST)
    details = details_of(setup.ledger, run)
    assert details.history == history


def test_a_finished_run_whose_history_is_lost_keeps_its_end(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """The ledger has all of it; a finished run is read again at times."""
    put_running(gateway)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    gateway.lost.add(ID)
    setup.until_reads(9)
    assert statuses(setup.ledger) == [Status.COMPLETED]
    assert summary(setup.ledger).error_type is None


def test_a_purged_run_is_not_hidden_by_a_remainder_that_cannot_be_read(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Dapr may write a purged instance back without its first events."""
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    setup.ledger.runs.mark_purged({ID: datetime.now(UTC)})
    purged = summary(setup.ledger)
    gateway.lost.add(ID)
    setup.until_reads(9)
    assert runs_of(setup.ledger) == (purged,)


def test_instances_whose_history_is_lost_hold_nothing_up(
    gateway: FakeGateway, setup: RecorderSetup
) -> None:
    """Others are recorded, and backlog and lag do not grow."""
    names = [f"lost_{number}" for number in range(20)]
    for name in names:
        put_running(gateway, name)
    setup.until_status(Status.RUNNING, names[-1])
    gateway.lost.update(names)
    for name in names:
        setup.until_status(Status.UNKNOWN, name)
    put_running(gateway)
    setup.until_status(Status.RUNNING)
    finish_instance(gateway)
    setup.until_status(Status.COMPLETED)
    assert setup.ledger.heartbeat().backlog == 0
