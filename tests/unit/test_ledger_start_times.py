"""Start times of attempts in the ledger, from traces."""

from dataclasses import replace
from datetime import datetime

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Snapshot
from operations.timeline import Span, StartTime
from tests.unit.snapshots import ID, activity, at, done, runs_of, snapshot, summary

pytestmark = pytest.mark.both_databases


def start_times(ledger: Ledger, run_id: int | None = None) -> list[datetime | None]:
    """Return the start times of a run's attempts, by default of the latest run."""
    return [span.started_at for span in ledger.runs.attempts(run_id or summary(ledger).run_id)]


def with_spans(*spans: Span, second: float = 5, execution: str = "e1") -> Snapshot:
    """Return a snapshot with attempts that was read so many seconds after noon."""
    return snapshot(read=second, spans=spans, execution=execution)


def add(ledger: Ledger, *times: tuple[int, float, float], instance_id: str = ID) -> None:
    """Add start times: event ids, and the seconds after noon of start and end."""
    ledger.runs.add_start_times(
        [StartTime(instance_id, event, at(start), at(end)) for event, start, end in times]
    )


def test_a_start_time_is_written_with_a_snapshot(ledger: Ledger) -> None:
    """It is read as it was written."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3, started_at=at(2)), activity(2, 0, 3))])
    assert start_times(ledger) == [at(2), None]


def test_a_later_snapshot_without_it_does_not_erase_a_start_time(ledger: Ledger) -> None:
    """The process that read the instance may not have the trace."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3, started_at=at(2)))])
    revision = ledger.heartbeat().revision
    ledger.runs.ingest([replace(with_spans(activity(1, 0, 3)), read_at=at(6))])
    assert (start_times(ledger), ledger.heartbeat().revision) == ([at(2)], revision)


def test_other_changes_are_written_beside_a_start_time(ledger: Ledger) -> None:
    """The start time stays, the other attempt is added."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3, started_at=at(2)))])
    ledger.runs.ingest([with_spans(activity(1, 0, 3), activity(2, 4), second=6)])
    assert start_times(ledger) == [at(2), None]


def test_a_start_time_may_come_after_its_attempt(ledger: Ledger) -> None:
    """Also when the run has been archived; it gets a new revision."""
    ledger.runs.ingest([done(spans=(activity(1, 0, 3),))])
    revision = ledger.heartbeat().revision
    add(ledger, (1, 2, 3))
    assert start_times(ledger) == [at(2)]
    assert ledger.heartbeat().revision == summary(ledger).revision == revision + 1


def test_each_retry_has_its_own_start_time(ledger: Ledger) -> None:
    """Each attempt is scheduled by its own event."""
    ledger.runs.ingest([with_spans(activity(1, 0, 2), activity(3, 3, 5))])
    add(ledger, (3, 4, 5), (1, 1, 2))
    assert start_times(ledger) == [at(1), at(4)]


@pytest.mark.parametrize(
    ("event_id", "start", "end"),
    [(1, -1, 3), (1, 9, 10), (1, 2, 9), (2, 3.5, 4), (7, 2, 3)],
    ids=["early", "late", "other end", "open", "no"],
)
def test_a_start_time_that_the_history_does_not_confirm_is_not_written(
    ledger: Ledger, event_id: int, start: float, end: float
) -> None:
    """Too early, too late, with another end, of an attempt that has not ended, or of no attempt."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3), activity(2, 3))])
    revision = ledger.heartbeat().revision
    add(ledger, (event_id, start, end))
    assert (start_times(ledger), ledger.heartbeat().revision) == ([None, None], revision)


def test_a_start_time_adds_no_row(ledger: Ledger) -> None:
    """A start time of an unknown id is ignored."""
    add(ledger, (1, 2, 3), instance_id="unknown")
    assert (ledger.runs.latest("unknown"), ledger.heartbeat().revision) == (None, 0)


def test_a_start_time_that_is_known_changes_nothing(ledger: Ledger) -> None:
    """Nor does an earlier one. A later one does: the attempt was given to another worker."""
    ledger.runs.ingest([with_spans(activity(1, 0, 5))])
    for second, known in ((2, 2), (2, 2), (1, 2), (4, 4)):
        add(ledger, (1, second, 5))
        assert start_times(ledger) == [at(known)]
    assert ledger.heartbeat().revision == 3


def test_start_times_of_two_runs_are_distinguished_by_their_time(ledger: Ledger) -> None:
    """Both runs have the same instance id and the same event id."""
    ledger.runs.ingest([done(spans=(activity(1, 0, 3),))])
    later = snapshot(execution="e2", created=60, read=70, spans=(activity(1, 61, 65),))
    ledger.runs.ingest([later])
    add(ledger, (1, 62, 65), (1, 2, 3))
    second, first = runs_of(ledger)
    assert (start_times(ledger, first.run_id), start_times(ledger, second.run_id)) == (
        [at(2)],
        [at(62)],
    )


def test_a_new_generation_has_its_own_start_times(ledger: Ledger) -> None:
    """Event ids are the same in each generation: the time decides."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3, started_at=at(2)), execution="g1")])
    ledger.runs.ingest([with_spans(activity(1, 4, 8), second=9, execution="g2")])
    add(ledger, (1, 2, 3))
    assert start_times(ledger) == [None]
    add(ledger, (1, 5, 8))
    assert start_times(ledger) == [at(5)]
    (before,) = ledger.runs.attempts(summary(ledger).run_id, 1)
    assert before.started_at == at(2)


def test_a_start_time_of_an_earlier_generation_may_come_late(ledger: Ledger) -> None:
    """The trace may come after the next generation was read."""
    ledger.runs.ingest([with_spans(activity(1, 0), execution="g1")])
    later = snapshot(read=9, created=4, execution="g2", spans=(activity(1, 4, 8),))
    ledger.runs.ingest([later])
    add(ledger, (1, 2, 3))
    assert start_times(ledger) == [None]
    (before,) = ledger.runs.attempts(summary(ledger).run_id, 1)
    assert before.started_at == at(2)


def test_any_number_of_start_times_is_written(ledger: Ledger) -> None:
    """More than one query can take, in one revision."""
    spans = tuple(activity(number, 0, 3) for number in range(1, 1202))
    ledger.runs.ingest([with_spans(*spans)])
    add(ledger, *((number, 1, 3) for number in range(1, 1202)))
    assert set(start_times(ledger)) == {at(1)}
    assert ledger.heartbeat().revision == 2


def test_an_instance_of_another_id_gets_nothing(ledger: Ledger) -> None:
    """The event id and the time alone do not identify an attempt."""
    ledger.runs.ingest([with_spans(activity(1, 0, 3))])
    other = snapshot(Status.RUNNING, instance_id="other", spans=(activity(2, 0, 3),))
    ledger.runs.ingest([other])
    add(ledger, (1, 1, 3), instance_id="other")
    add(ledger, (2, 1, 3))
    assert (start_times(ledger), start_times(ledger, summary(ledger, "other").run_id)) == (
        [None],
        [None],
    )
