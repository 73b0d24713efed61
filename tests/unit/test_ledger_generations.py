"""What the ledger keeps of a workflow that continues as new."""

import pytest

from operations.ledger import Ledger
from operations.ledger.runs import generations
from operations.model import Status
from operations.records import EarlierGenerations, Generation, Period, Snapshot
from operations.timeline import Ending, Span
from tests.unit.plans import plans
from tests.unit.snapshots import activity, at, done, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

HOUR = Period(at(0), at(3600))


def seen(number: int, *spans: Span, moment: float = 1) -> Snapshot:
    """Return what was seen of a generation, which began ten seconds after the one before."""
    begin = number * 10
    return snapshot(execution=f"e{number}", created=begin, seen=begin + moment, spans=spans)


def worked(number: int, attempts: int = 1) -> Snapshot:
    """Return a generation in which so many attempts ended after a second each."""
    begin = number * 10
    spans = (activity(n, begin + n / 100, begin + n / 100 + 1) for n in range(attempts))
    return seen(number, *spans, moment=5)


def kept(ledger: Ledger) -> EarlierGenerations:
    """Return what is kept of the order's earlier generations."""
    return ledger.runs.earlier_generations(summary(ledger).run_id)


def test_attempts_of_earlier_generations_are_kept(ledger: Ledger) -> None:
    """As they were seen, though the engine has forgotten them."""
    ledger.runs.ingest([worked(1, 2), worked(2), worked(3)])
    key = summary(ledger).run_id
    assert summary(ledger).generation == 3
    assert kept(ledger) == EarlierGenerations(
        2, 3, (Generation(2, 1, at(20)), Generation(1, 2, at(10)))
    )
    first = ledger.runs.attempts(key, 1)
    assert [(span.event_id, span.scheduled_at, span.ended_at) for span in first] == [
        (0, at(10), at(11)),
        (1, at(10.01), at(11.01)),
    ]
    assert [span.scheduled_at for span in ledger.runs.attempts(key, 2)] == [at(20)]
    assert ledger.runs.attempts(key) == ledger.runs.attempts(key, 3)


def test_one_that_never_continued_keeps_nothing(ledger: Ledger) -> None:
    """Its attempts are those of its only generation, from the first look to its end."""
    ledger.runs.ingest([pending(seen=-1), worked(1), done(execution="e1", created=10, seen=19)])
    assert summary(ledger).generation == 1
    assert kept(ledger) == EarlierGenerations()


def test_generations_without_an_attempt_leave_nothing(ledger: Ledger) -> None:
    """They are counted all the same; the last has none either."""
    ledger.runs.ingest([worked(1), seen(2), seen(3)])
    assert summary(ledger).generation == 3
    assert kept(ledger) == EarlierGenerations(1, 1, (Generation(1, 1, at(10)),))
    assert ledger.runs.attempts(summary(ledger).run_id) == ()


def test_an_end_that_nobody_saw_is_none_that_was_seen(ledger: Ledger) -> None:
    """It came before the next generation began, and how is not known."""
    ledger.runs.ingest([seen(1, activity(1, 10)), seen(2, activity(1, 20))])
    key = summary(ledger).run_id
    (before,) = ledger.runs.attempts(key, 1)
    assert (before.ending, before.ended_at) == (Ending.UNSEEN, at(20))
    (now,) = ledger.runs.attempts(key)
    assert (now.ending, now.ended_at) == (Ending.OPEN, None)


def test_a_later_look_at_a_generation_leaves_the_others_alone(ledger: Ledger) -> None:
    """Its attempts end; those of the one before have the same numbers."""
    ledger.runs.ingest([worked(1), seen(2, activity(0, 20)), worked(2)])
    key = summary(ledger).run_id
    assert [span.ended_at for span in ledger.runs.attempts(key, 1)] == [at(11)]
    assert [span.ended_at for span in ledger.runs.attempts(key, 2)] == [at(21)]


def test_the_same_again_changes_nothing(ledger: Ledger) -> None:
    """A generation is counted once, however often it is seen."""
    snapshots = [worked(1), seen(2, activity(1, 20)), seen(2, activity(1, 20), moment=2)]
    ledger.runs.ingest(snapshots)
    revision = ledger.heartbeat().revision
    ledger.runs.ingest(snapshots)
    assert (summary(ledger).generation, ledger.heartbeat().revision) == (2, revision)
    assert kept(ledger).attempts == 1


def test_statistics_count_attempts_of_all_generations(ledger: Ledger) -> None:
    """Those whose end was seen with their durations; of the others it is said how many."""
    ledger.runs.ingest([worked(1, 2), seen(2, activity(1, 20)), worked(3)])
    (charges,) = ledger.statistics.activities(HOUR).of
    assert (charges.count, charges.unseen) == (3, 1)
    assert charges.took
    assert (charges.took.count, charges.took.longest) == (3, 1.0)


def test_an_activity_whose_ends_nobody_saw_has_no_failures(ledger: Ledger) -> None:
    """It is told of, without durations."""
    ledger.runs.ingest([seen(1, activity(1, 10)), seen(2)])
    (charges,) = ledger.statistics.activities(HOUR).of
    assert (charges.count, charges.unseen, charges.took) == (0, 1, None)
    assert charges.failure_share == 0


def test_of_too_many_attempts_the_oldest_generations_go(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole ones, of that life alone, as soon as the next begins."""
    monkeypatch.setattr(generations, "MOST", 5)
    ledger.runs.ingest([worked(1, 2), worked(2, 2), worked(3, 2)])
    assert (kept(ledger).generations, kept(ledger).attempts) == (2, 4)
    ledger.runs.ingest([worked(4, 7)])
    assert [each.number for each in kept(ledger).newest] == [3, 2]
    other = snapshot(
        Status.RUNNING, instance_id="other", execution="o1", spans=(activity(1, 0, 1),)
    )
    ledger.runs.ingest([other, worked(5, 2)])
    assert kept(ledger) == EarlierGenerations()  # the one before was too large by itself
    assert len(ledger.runs.attempts(summary(ledger).run_id)) == 2
    assert len(ledger.runs.attempts(summary(ledger, "other").run_id)) == 1


def test_of_many_generations_the_newest_are_named(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are counted."""
    monkeypatch.setattr(generations, "NAMED", 2)
    ledger.runs.ingest([worked(number) for number in range(1, 6)])
    found = kept(ledger)
    assert (found.generations, found.attempts) == (4, 4)
    assert [each.number for each in found.newest] == [4, 3]


@pytest.mark.sqlite_alone
def test_no_generation_takes_a_look_at_all_attempts(ledger: Ledger) -> None:
    """What is written, and what is read, is found by the key of its life."""
    ledger.runs.ingest([worked(1), worked(2)])
    key = summary(ledger).run_id

    def ask(of: Ledger) -> None:
        of.runs.ingest([worked(3), worked(4, 3)])
        of.runs.attempts(key)
        of.runs.attempts(key, 2)
        of.runs.earlier_generations(key)

    steps = plans(ledger, ask, "attempts")
    found = [step for step in steps if " attempts" in step]
    assert len(found) >= 6
    assert all(step.startswith("SEARCH attempts") for step in found), steps
