"""What the recorder and the viewers ask of the ledger: what is to be followed, what is new."""

import re
from collections.abc import Callable

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter
from tests.unit.plans import plans
from tests.unit.snapshots import ID, at, done, snapshot, statuses, summary

pytestmark = pytest.mark.both_databases

MANY = [f"order_{number}" for number in range(1200)]


def unfinished(ledger: Ledger) -> set[str]:
    """Return the ids that are to be followed."""
    return {each.instance_id for each in ledger.runs.unfinished()}


def test_what_runs_is_to_be_followed(ledger: Ledger) -> None:
    """A life is unfinished until its end is recorded."""
    ledger.runs.ingest([snapshot(instance_id="order_1"), done(instance_id="order_2")])
    assert unfinished(ledger) == {"order_1"}
    assert ledger.runs.finished().keys() == {"order_2"}


def test_an_id_whose_latest_life_runs_is_not_finished(ledger: Ledger) -> None:
    """Of an id used twice the latest life counts."""
    ledger.runs.ingest([done(seen=9), snapshot(execution="e2", created=20, seen=21)])
    assert not ledger.runs.finished()
    assert unfinished(ledger) == {ID}


def test_what_was_purged_is_neither_followed_nor_finished(ledger: Ledger) -> None:
    """What the engine has no more is none of the recorder's business."""
    ledger.runs.ingest([snapshot(instance_id="order_1"), done(instance_id="order_2")])
    ledger.runs.mark_purged(dict.fromkeys(["order_1", "order_2", "order_3"], at(30)))
    assert not unfinished(ledger)
    assert not ledger.runs.finished()
    assert summary(ledger, "order_2").purged_at == at(30)
    assert statuses(ledger, "order_2") == [Status.COMPLETED]


def test_a_purged_life_whose_end_nobody_saw_is_unknown(ledger: Ledger) -> None:
    """An instance that is gone does not run."""
    ledger.runs.ingest([snapshot()])
    ledger.runs.mark_purged({ID: at(30)})
    assert statuses(ledger) == [Status.UNKNOWN]


def test_a_purge_is_noted_once(ledger: Ledger) -> None:
    """To note it again changes neither the time nor the revision."""
    ledger.runs.ingest([done(seen=9)])
    ledger.runs.mark_purged({ID: at(30)})
    ledger.runs.mark_purged({ID: at(40)})
    assert summary(ledger).purged_at == at(30)
    assert (summary(ledger).revision, ledger.heartbeat().revision) == (2, 2)


def test_what_was_seen_later_was_not_purged(ledger: Ledger) -> None:
    """The purge was of a life before, or was none."""
    ledger.runs.ingest([done(seen=9)])
    ledger.runs.mark_purged({ID: at(8)})
    assert summary(ledger).purged_at is None
    assert ledger.heartbeat().revision == 1


def test_many_are_purged_at_once(ledger: Ledger) -> None:
    """Any number of ids is one transaction, and one revision."""
    ledger.runs.ingest([done(instance_id=name) for name in MANY])
    ledger.runs.mark_purged(dict.fromkeys(MANY, at(30)))
    assert not ledger.runs.finished()
    assert ledger.heartbeat().revision == 2


def test_nothing_purged_is_no_change(ledger: Ledger) -> None:
    """Without an id there is nothing to write."""
    ledger.runs.mark_purged({})
    assert ledger.heartbeat().revision == 0


def test_what_is_to_be_followed_since_a_revision_is_told(ledger: Ledger) -> None:
    """The recorder heeds what others wrote after it looked, without all that waits."""
    ledger.runs.ingest([snapshot(instance_id=name) for name in ("a", "b")])
    ledger.runs.ingest([done(instance_id="a", seen=9), snapshot(instance_id="c")])
    assert {each.instance_id for each in ledger.runs.unfinished(1)} == {"c"}
    assert ledger.runs.unfinished(2) == ()


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda ledger: ledger.runs.unfinished(), "followed"),
        (lambda ledger: ledger.runs.unfinished(5), "followed"),
        (lambda ledger: ledger.runs.finished(), "followed"),
        (lambda ledger: ledger.runs.latest(ID), "of_id"),
        (lambda ledger: ledger.runs.adjacent_runs(summary(ledger)), "of_id"),
        (lambda ledger: ledger.runs.ingest([done(execution="e9")]), "of_id"),
        (lambda ledger: ledger.runs.ingest([done(execution="e9")]), r"of_id .*execution_id"),
        (lambda ledger: ledger.runs.mark_purged({ID: at(1)}), "of_id"),
        (lambda ledger: ledger.search.counts(Filter()), "newest"),
    ],
)
def test_an_answer_is_found_by_an_index(
    ledger: Ledger, ask: Callable[[Ledger], object], index: str
) -> None:
    """No question takes all of the table."""
    ledger.runs.ingest([snapshot()])
    steps = plans(ledger, ask)
    assert any(re.search(rf"USING (COVERING )?INDEX runs_{index}\b", each) for each in steps)
    assert "SCAN runs" not in steps
