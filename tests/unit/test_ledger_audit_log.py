"""The audit log."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Action, Actor, Status
from operations.records import ALL_TIME, AuditEntry, Outcome, Period
from tests.unit.snapshots import APP, ID, at, snapshot

pytestmark = pytest.mark.both_databases

ENTRY = AuditEntry(
    at=at(1),
    actor=Actor("ann", "operator"),
    action=Action.PAUSE,
    instance_id=ID,
    outcome=Outcome.DONE,
    before=Status.RUNNING,
    after=Status.SUSPENDED,
    app_id=APP,
)


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        replace(ENTRY, action="start", before=None, after=None),
        replace(ENTRY, reason="to make room", bulk_id="b1"),
        replace(ENTRY, outcome=Outcome.REFUSED, after=None, message="Cannot pause it. " * 50),
    ],
)
def test_an_entry_is_read_as_it_was_written(ledger: Ledger, entry: AuditEntry) -> None:
    """Who did what to which instance, and with which outcome."""
    ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 10) == (entry,)


def test_the_newest_entries_come_first(ledger: Ledger) -> None:
    """At most `limit` entries are returned."""
    entries = [replace(ENTRY, at=at(second)) for second in (1, 3, 2, 3)]
    entries[3] = replace(entries[3], action=Action.RESUME)
    for entry in entries:
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 3) == (entries[3], entries[1], entries[2])


def test_entries_are_of_one_instance(ledger: Ledger) -> None:
    """Entries of other instances are not returned."""
    ledger.audit_log.add(ENTRY)
    assert ledger.audit_log.of("order_B", 10) == ()


def test_entries_are_of_a_period(ledger: Ledger) -> None:
    """The period includes its start and excludes its end; the limit counts within it."""
    entries = [replace(ENTRY, at=at(second)) for second in (0.999999, 1, 2, 2.999999, 3)]
    for entry in entries:
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 10, Period(at(1), at(3))) == (
        entries[3],
        entries[2],
        entries[1],
    )
    assert ledger.audit_log.of(ID, 2, Period(at(1), at(3))) == (entries[3], entries[2])
    assert len(ledger.audit_log.of(ID, 10, ALL_TIME)) == 5


def test_each_entry_has_a_revision(ledger: Ledger) -> None:
    """The ledger's revision grows with each."""
    ledger.audit_log.add(ENTRY)
    ledger.audit_log.add(ENTRY)
    assert ledger.heartbeat().revision == 2


def test_the_entries_of_a_bulk_job_are_found_by_its_id(ledger: Ledger) -> None:
    """For all instances, in the order of writing."""
    of_bulk = [replace(ENTRY, instance_id=name, bulk_id="b1") for name in ("order_B", "order_A")]
    for entry in (ENTRY, *of_bulk, replace(ENTRY, bulk_id="b2")):
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of_bulk("b1") == tuple(of_bulk)


def test_an_outcome_is_written_into_the_entry_that_was_written_ahead(ledger: Ledger) -> None:
    """Until then the outcome is unknown. Other entries may be added with it."""
    started = replace(ENTRY, outcome=Outcome.UNKNOWN, after=None, message="started")
    key = ledger.audit_log.write_ahead(started)
    assert ledger.audit_log.of(ID, 10) == (started,)
    other = replace(ENTRY, instance_id="order_B")
    ledger.audit_log.complete(key, ENTRY, other)
    assert ledger.audit_log.of(ID, 10) == (ENTRY,)
    assert ledger.audit_log.of("order_B", 10) == (other,)
    assert ledger.heartbeat().revision == 2


def test_the_outcome_of_an_entry_in_another_ledger_is_added(ledger: Ledger) -> None:
    """The file was replaced in between: the row with this key is another entry."""
    ledger.audit_log.add(replace(ENTRY, instance_id="order_B"))
    ledger.audit_log.complete(1, ENTRY)
    assert ledger.audit_log.of(ID, 10) == (ENTRY,)
    assert len(ledger.audit_log.of("order_B", 10)) == 1


def test_the_pause_of_a_suspended_run(ledger: Ledger) -> None:
    """Only the last pause of the run counts."""
    names = {"ours": 100, "another program's": 200, "running": None}
    for name, since in names.items():
        status = Status.SUSPENDED if since else Status.RUNNING
        paused_at = at(since) if since else None
        ledger.runs.ingest([snapshot(status, instance_id=name, suspended_at=paused_at)])
    by = [("bob", "ours", 1), ("ann", "ours", 100.2), ("bob", "another program's", 90)]
    entries = [(*each, Outcome.DONE) for each in by]
    for name, instance_id, second, outcome in (*entries, ("eve", "ours", 101, Outcome.REFUSED)):
        actor = Actor(name, "operator")
        entry = replace(ENTRY, actor=actor, instance_id=instance_id, at=at(second), outcome=outcome)
        ledger.audit_log.add(entry)
    runs = ledger.runs.latest_by_id(names)
    pauses = ledger.audit_log.pauses_of(runs.values())
    assert {run_id: each.actor.name for run_id, each in pauses.items()} == {
        runs["ours"].run_id: "ann"
    }
    assert ledger.audit_log.pauses_of([runs["running"]]) == {}
