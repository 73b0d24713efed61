"""The job that rolls up the statistics."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from operations.errors import LedgerUnavailable
from operations.jobs import roll_ups
from operations.jobs.roll_ups import RollUps
from operations.ledger import Ledger
from operations.ledger.db.connections import reading
from operations.ledger.statistics.buckets import HOUR, MINUTE, read_rolled_up
from operations.model import Status
from operations.records import ALL_TIME
from tests.unit.snapshots import NOON, snapshot
from tests.waiting import eventually

AGO = 3 * HOUR  # seconds since the only run


@pytest.fixture
def job(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[RollUps]:
    """Return the job, which looks for work every 50 milliseconds, with a run of 3 hours ago."""
    monkeypatch.setattr(roll_ups, "PAUSES", dict.fromkeys(roll_ups.PAUSES, 0.05))
    created = (datetime.now(UTC) - NOON).total_seconds() - AGO
    ledger.runs.ingest([snapshot(Status.COMPLETED, created=created, read=created + 5)])
    with closing(RollUps(ledger)) as job:
        yield job


def is_rolled_up(ledger: Ledger) -> bool:
    """Return whether two hours of minutes, and all hours since the run, are rolled up."""
    with reading(ledger._engine) as connection:
        minutes, hours = (read_rolled_up(connection, size, ALL_TIME) for size in (MINUTE, HOUR))
    return len(minutes) >= 2 * HOUR / MINUTE and len(hours) >= AGO / HOUR


def test_the_job_rolls_up_what_is_due(ledger: Ledger, job: RollUps) -> None:
    """In the background, until it is closed."""
    eventually(lambda: is_rolled_up(ledger), 30, "everything is rolled up")
    job.close()
    (workflow,) = ledger.statistics.workflows(ALL_TIME).of
    assert (workflow.started, workflow.count) == (1, 1)


def test_the_job_goes_on_after_an_outage(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """It tries again in the next round."""
    original, failures = ledger.statistics.roll_up, [LedgerUnavailable("disk full")] * 3

    def fail(size: int, now: datetime, most: int) -> range:
        if failures:
            raise failures.pop()
        return original(size, now, most)

    monkeypatch.setattr(ledger.statistics, "roll_up", fail)
    request.getfixturevalue("job")
    eventually(lambda: is_rolled_up(ledger), 30, "everything is rolled up")
    assert not failures
