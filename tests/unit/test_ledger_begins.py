"""Begins in the ledger: lent to the attempt that they are of, and never lost again."""

from dataclasses import replace
from datetime import datetime

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Snapshot, StartTime
from operations.timeline import Span
from tests.unit.snapshots import ID, activity, at, done, runs_of, snapshot, summary

pytestmark = pytest.mark.both_databases


def began(ledger: Ledger, key: int | None = None) -> list[datetime | None]:
    """Return when each attempt of a life began, by default of the latest."""
    return [span.started_at for span in ledger.runs.attempts(key or summary(ledger).run_id)]


def seen(*spans: Span, second: float = 5, execution: str = "e1") -> Snapshot:
    """Return a snapshot with attempts, made so many seconds after noon."""
    return snapshot(seen=second, spans=spans, execution=execution)


def lend(ledger: Ledger, *times: tuple[int, float], instance_id: str = ID) -> None:
    """Tell of attempts, by the event's id, when they began."""
    ledger.runs.add_start_times(
        [StartTime(instance_id, event, at(second)) for event, second in times]
    )


def test_a_begin_comes_with_a_sighting(ledger: Ledger) -> None:
    """It is read as it was written."""
    ledger.runs.ingest([seen(activity(1, 0, 3, started_at=at(2)), activity(2, 0, 3))])
    assert began(ledger) == [at(2), None]


def test_a_later_sighting_without_it_does_not_erase_a_begin(ledger: Ledger) -> None:
    """Whoever saw the instance may not have heard of it; nothing else is new."""
    ledger.runs.ingest([seen(activity(1, 0, 3, started_at=at(2)))])
    revision = ledger.heartbeat().revision
    ledger.runs.ingest([replace(seen(activity(1, 0, 3)), read_at=at(6))])
    assert (began(ledger), ledger.heartbeat().revision) == ([at(2)], revision)


def test_what_else_is_new_is_written_beside_a_begin(ledger: Ledger) -> None:
    """The begin stays, the other attempt comes."""
    ledger.runs.ingest([seen(activity(1, 0, 3, started_at=at(2)))])
    ledger.runs.ingest([seen(activity(1, 0, 3), activity(2, 4), second=6)])
    assert began(ledger) == [at(2), None]


def test_a_begin_may_come_after_its_attempt(ledger: Ledger) -> None:
    """Also when the instance has been archived; pages hear of it."""
    ledger.runs.ingest([done(spans=(activity(1, 0, 3),))])
    revision = ledger.heartbeat().revision
    lend(ledger, (1, 2))
    assert began(ledger) == [at(2)]
    assert ledger.heartbeat().revision == summary(ledger).revision == revision + 1


def test_each_retry_has_a_begin_of_its_own(ledger: Ledger) -> None:
    """For each is scheduled by an event of its own."""
    ledger.runs.ingest([seen(activity(1, 0, 2), activity(3, 3, 5))])
    lend(ledger, (3, 4), (1, 1))
    assert began(ledger) == [at(1), at(4)]


@pytest.mark.parametrize(
    ("event_id", "second"), [(1, -1), (1, 9), (2, 3.5), (7, 2)], ids=["early", "late", "open", "no"]
)
def test_a_begin_that_the_history_does_not_confirm_is_not_lent(
    ledger: Ledger, event_id: int, second: float
) -> None:
    """Too early, too late, of an attempt that has not ended, or of none: nothing is written."""
    ledger.runs.ingest([seen(activity(1, 0, 3), activity(2, 3))])
    revision = ledger.heartbeat().revision
    lend(ledger, (event_id, second))
    assert (began(ledger), ledger.heartbeat().revision) == ([None, None], revision)


def test_a_begin_makes_no_row(ledger: Ledger) -> None:
    """Whatever id it is of."""
    lend(ledger, (1, 2), instance_id="nobody")
    assert (ledger.runs.latest("nobody"), ledger.heartbeat().revision) == (None, 0)


def test_a_begin_that_is_told_twice_is_no_news(ledger: Ledger) -> None:
    """Nor is an earlier one; a later one is: the attempt was handed out again."""
    ledger.runs.ingest([seen(activity(1, 0, 5))])
    for second, known in ((2, 2), (2, 2), (1, 2), (4, 4)):
        lend(ledger, (1, second))
        assert began(ledger) == [at(known)]
    assert ledger.heartbeat().revision == 3


def test_begins_of_two_lives_are_told_apart_by_their_time(ledger: Ledger) -> None:
    """The same id and the same event, once more."""
    ledger.runs.ingest([done(spans=(activity(1, 0, 3),))])
    later = snapshot(execution="e2", created=60, seen=70, spans=(activity(1, 61, 65),))
    ledger.runs.ingest([later])
    lend(ledger, (1, 62), (1, 2))
    second, first = runs_of(ledger)
    assert (began(ledger, first.run_id), began(ledger, second.run_id)) == ([at(2)], [at(62)])


def test_a_new_generation_has_begins_of_its_own(ledger: Ledger) -> None:
    """Events are counted anew: a begin is lent to the one that it is of, by its time."""
    ledger.runs.ingest([seen(activity(1, 0, 3, started_at=at(2)), execution="g1")])
    ledger.runs.ingest([seen(activity(1, 4, 8), second=9, execution="g2")])
    lend(ledger, (1, 2))
    assert began(ledger) == [None]
    lend(ledger, (1, 5))
    assert began(ledger) == [at(5)]
    (before,) = ledger.runs.attempts(summary(ledger).run_id, 1)
    assert before.started_at == at(2)


def test_an_earlier_generation_is_lent_its_begin_late(ledger: Ledger) -> None:
    """The trace may come after the next generation was seen."""
    ledger.runs.ingest([seen(activity(1, 0), execution="g1")])
    later = snapshot(seen=9, created=4, execution="g2", spans=(activity(1, 4, 8),))
    ledger.runs.ingest([later])
    lend(ledger, (1, 2))
    assert began(ledger) == [None]
    (before,) = ledger.runs.attempts(summary(ledger).run_id, 1)
    assert before.started_at == at(2)


def test_any_number_of_begins_is_lent(ledger: Ledger) -> None:
    """More than a query can hold, in one revision."""
    spans = tuple(activity(number, 0, 3) for number in range(1, 1202))
    ledger.runs.ingest([seen(*spans)])
    lend(ledger, *((number, 1) for number in range(1, 1202)))
    assert set(began(ledger)) == {at(1)}
    assert ledger.heartbeat().revision == 2


def test_an_instance_of_another_id_gets_nothing(ledger: Ledger) -> None:
    """Though its attempt has the same event and the same time."""
    ledger.runs.ingest([seen(activity(1, 0, 3))])
    other = snapshot(Status.RUNNING, instance_id="other", spans=(activity(2, 0, 3),))
    ledger.runs.ingest([other])
    lend(ledger, (1, 1), instance_id="other")
    lend(ledger, (2, 1))
    assert (began(ledger), began(ledger, summary(ledger, "other").run_id)) == ([None], [None])
