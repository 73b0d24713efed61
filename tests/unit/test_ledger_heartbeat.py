"""The ledger's revision, and the recorder's heartbeat."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from operations.ledger import Ledger, open_ledger
from operations.ledger.heartbeat import _metrics
from operations.model import Service
from operations.recorder_report import Heartbeat, Outage, RecorderMetrics
from tests.unit.snapshots import APP, at, done, snapshot

pytestmark = pytest.mark.both_databases

OUTAGES = (
    Outage(Service.SIDECAR, at(1), "No sidecar at 127.0.0.1:28007."),
    Outage(Service.WORKER, at(2), "„weg“"),
)


def test_a_new_ledger_has_no_heartbeat(ledger: Ledger) -> None:
    """The recorder has not written any yet."""
    assert ledger.heartbeat() == Heartbeat(revision=0, heartbeat_at=None, outages=())


def test_a_heartbeat_is_read_as_it_was_written(ledger: Ledger) -> None:
    """The last heartbeat replaces earlier ones."""
    ledger.write_heartbeat(at(3), OUTAGES, backlog=7)
    assert ledger.heartbeat() == Heartbeat(0, at(3), OUTAGES, backlog=7, app_id=APP)
    ledger.write_heartbeat(at(4), (), backlog=None)
    assert ledger.heartbeat() == Heartbeat(0, at(4), (), backlog=None, app_id=APP)


def test_metrics_are_read_as_they_were_written(ledger: Ledger) -> None:
    """A heartbeat without metrics removes the metrics of the previous heartbeat."""
    metrics = RecorderMetrics(lag_p50=0.2, lag_p95=None, states=1.5, dropped=3, traces=True)
    ledger.write_heartbeat(at(3), (), 0, metrics)
    assert ledger.heartbeat() == Heartbeat(0, at(3), (), backlog=0, metrics=metrics, app_id=APP)
    ledger.write_heartbeat(at(4), ())
    assert ledger.heartbeat().metrics is None


def test_metrics_of_another_version_are_ignored() -> None:
    """A dashboard may be older or newer than the recorder."""
    assert _metrics({"lag_p95": 0.5, "of_the_future": 1}) == RecorderMetrics(lag_p95=0.5)


def test_a_heartbeat_does_not_change_the_revision(ledger: Ledger) -> None:
    """Nor do other writes change the heartbeat."""
    ledger.runs.ingest([snapshot()])
    ledger.write_heartbeat(at(3), OUTAGES)
    ledger.runs.ingest([done()])
    assert ledger.heartbeat() == Heartbeat(2, at(3), OUTAGES, backlog=0, app_id=APP)


def test_every_change_has_a_revision_of_its_own(ledger: Ledger, ledger_url: str) -> None:
    """Each of many concurrent writers, with two engines, gets the next revision."""
    with closing(open_ledger(ledger_url)) as other, ThreadPoolExecutor(8) as pool:

        def write(number: int) -> None:
            name = f"order_{number}"
            (ledger, other)[number % 2].runs.ingest([snapshot(instance_id=name)])

        list(pool.map(write, range(60)))
    newest = [ledger.runs.latest(f"order_{number}") for number in range(60)]
    assert sorted(each.revision for each in newest if each) == list(range(1, 61))
    assert ledger.heartbeat().revision == 60
