"""The generations of a workflow that continues as new."""

import pytest

from operations.ledger import GenerationLimits, Ledger, LedgerLimits
from operations.model import Status
from operations.records import EarlierGenerations, Generation, Period, Snapshot
from operations.timeline import Ending, Span
from tests.unit.plans import plans
from tests.unit.snapshots import activity, at, done, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

HOUR = Period(at(0), at(3600))


def generation(number: int, *spans: Span, after: float = 1) -> Snapshot:
    """Return a snapshot of a generation, read so many seconds after its start.

    Each generation starts ten seconds after the one before.
    """
    start = number * 10
    return snapshot(execution=f"e{number}", created=start, read=start + after, spans=spans)


def with_attempts(number: int, attempts: int = 1) -> Snapshot:
    """Return a snapshot of a generation with attempts that took a second each."""
    start = number * 10
    spans = (activity(n, start + n / 100, start + n / 100 + 1) for n in range(attempts))
    return generation(number, *spans, after=5)


def earlier(ledger: Ledger) -> EarlierGenerations:
    """Return the earlier generations of the order."""
    return ledger.runs.earlier_generations(summary(ledger).run_id)


def test_attempts_of_earlier_generations_are_kept(ledger: Ledger) -> None:
    """The engine has forgotten them."""
    ledger.runs.ingest([with_attempts(1, 2), with_attempts(2), with_attempts(3)])
    run_id = summary(ledger).run_id
    assert summary(ledger).generation == 3
    assert earlier(ledger) == EarlierGenerations(
        2, 3, (Generation(2, 1, at(20)), Generation(1, 2, at(10)))
    )
    first = ledger.runs.attempts(run_id, 1)
    assert [(span.event_id, span.scheduled_at, span.ended_at) for span in first] == [
        (0, at(10), at(11)),
        (1, at(10.01), at(11.01)),
    ]
    assert [span.scheduled_at for span in ledger.runs.attempts(run_id, 2)] == [at(20)]
    assert ledger.runs.attempts(run_id) == ledger.runs.attempts(run_id, 3)


def test_a_run_that_never_continued_has_no_earlier_generations(ledger: Ledger) -> None:
    """It has one generation from its first snapshot to its end."""
    ledger.runs.ingest(
        [pending(read=-1), with_attempts(1), done(execution="e1", created=10, read=19)]
    )
    assert summary(ledger).generation == 1
    assert earlier(ledger) == EarlierGenerations()


def test_generations_without_an_attempt_are_not_listed(ledger: Ledger) -> None:
    """They count in the number of the generation."""
    ledger.runs.ingest([with_attempts(1), generation(2), generation(3)])
    assert summary(ledger).generation == 3
    assert earlier(ledger) == EarlierGenerations(1, 1, (Generation(1, 1, at(10)),))
    assert ledger.runs.attempts(summary(ledger).run_id) == ()


def test_the_end_of_an_open_attempt_of_an_earlier_generation_is_unknown(ledger: Ledger) -> None:
    """It ended before the next generation started; how it ended is unknown."""
    ledger.runs.ingest([generation(1, activity(1, 10)), generation(2, activity(1, 20))])
    run_id = summary(ledger).run_id
    (before,) = ledger.runs.attempts(run_id, 1)
    assert (before.ending, before.ended_at) == (Ending.END_UNKNOWN, at(20))
    (now,) = ledger.runs.attempts(run_id)
    assert (now.ending, now.ended_at) == (Ending.OPEN, None)


def test_a_later_snapshot_of_a_generation_changes_no_other(ledger: Ledger) -> None:
    """The attempts of both generations have the same event ids."""
    ledger.runs.ingest([with_attempts(1), generation(2, activity(0, 20)), with_attempts(2)])
    run_id = summary(ledger).run_id
    assert [span.ended_at for span in ledger.runs.attempts(run_id, 1)] == [at(11)]
    assert [span.ended_at for span in ledger.runs.attempts(run_id, 2)] == [at(21)]


def test_the_same_snapshots_again_change_nothing(ledger: Ledger) -> None:
    """A generation is counted once, however often it is read."""
    snapshots = [
        with_attempts(1),
        generation(2, activity(1, 20)),
        generation(2, activity(1, 20), after=2),
    ]
    ledger.runs.ingest(snapshots)
    revision = ledger.heartbeat().revision
    ledger.runs.ingest(snapshots)
    assert (summary(ledger).generation, ledger.heartbeat().revision) == (2, revision)
    assert earlier(ledger).attempts == 1


def test_statistics_count_attempts_of_all_generations(ledger: Ledger) -> None:
    """Those whose end was read count with their durations, the others as `other`."""
    ledger.runs.ingest([with_attempts(1, 2), generation(2, activity(1, 20)), with_attempts(3)])
    (charges,) = ledger.statistics.activities(HOUR).of
    assert (charges.completed, charges.other) == (3, 1)
    assert charges.duration
    assert charges.duration.count == 3
    assert charges.duration.longest == pytest.approx(1, rel=0.02)


def test_an_activity_whose_attempts_all_have_an_unknown_end_has_no_failures(ledger: Ledger) -> None:
    """It has no durations either."""
    ledger.runs.ingest([generation(1, activity(1, 10)), generation(2)])
    (charges,) = ledger.statistics.activities(HOUR).of
    assert (charges.completed, charges.other, charges.duration) == (0, 1, None)
    assert charges.failure_share is None


@pytest.mark.keeps_roll_ups_of_deleted_rows
@pytest.mark.parametrize("ledger_limits", [LedgerLimits(generations=GenerationLimits(attempts=5))])
def test_the_oldest_generations_of_too_many_attempts_are_deleted(ledger: Ledger) -> None:
    """Whole generations, of that run alone, as soon as the next generation starts."""
    ledger.runs.ingest([with_attempts(1, 2), with_attempts(2, 2), with_attempts(3, 2)])
    assert (earlier(ledger).generations, earlier(ledger).attempts) == (2, 4)
    ledger.runs.ingest([with_attempts(4, 7)])
    assert [each.number for each in earlier(ledger).newest] == [3, 2]
    other = snapshot(
        Status.RUNNING, instance_id="other", execution="o1", spans=(activity(1, 0, 1),)
    )
    ledger.runs.ingest([other, with_attempts(5, 2)])
    assert earlier(ledger) == EarlierGenerations()  # generation 4 alone was too large
    assert len(ledger.runs.attempts(summary(ledger).run_id)) == 2
    assert len(ledger.runs.attempts(summary(ledger, "other").run_id)) == 1


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(generations=GenerationLimits(listed=2))])
def test_only_the_newest_of_many_generations_are_listed(ledger: Ledger) -> None:
    """All are counted."""
    ledger.runs.ingest([with_attempts(number) for number in range(1, 6)])
    found = earlier(ledger)
    assert (found.generations, found.attempts) == (4, 4)
    assert [each.number for each in found.newest] == [4, 3]


@pytest.mark.sqlite_alone
def test_no_query_scans_all_attempts(ledger: Ledger) -> None:
    """Reads and writes find attempts by `run_id`."""
    ledger.runs.ingest([with_attempts(1), with_attempts(2)])
    run_id = summary(ledger).run_id

    def ask(of: Ledger) -> None:
        of.runs.ingest([with_attempts(3), with_attempts(4, 3)])
        of.runs.attempts(run_id)
        of.runs.attempts(run_id, 2)
        of.runs.earlier_generations(run_id)

    steps = plans(ledger, ask, "attempts")
    found = [step for step in steps if " attempts" in step]
    assert len(found) >= 6
    assert all(step.startswith("SEARCH attempts") for step in found), steps
