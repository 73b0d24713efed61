"""What operators did, as the ledger keeps it."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Action, Actor, Status
from operations.records import ALL_TIME, AuditEntry, Outcome, Period
from tests.unit.snapshots import APP, ID, at

pytestmark = pytest.mark.both_databases

DEED = AuditEntry(
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
        DEED,
        replace(DEED, action="start", before=None, after=None),
        replace(DEED, reason="to make room", bulk="b1"),
        replace(DEED, outcome=Outcome.REFUSED, after=None, message="Cannot pause it. " * 50),
    ],
)
def test_a_deed_is_read_as_it_was_noted(ledger: Ledger, entry: AuditEntry) -> None:
    """Who did what to which instance, and what came of it."""
    ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 10) == (entry,)


def test_the_newest_deeds_come_first(ledger: Ledger) -> None:
    """No more are read than are asked for."""
    audit_entries = [replace(DEED, at=at(second)) for second in (1, 3, 2, 3)]
    audit_entries[3] = replace(audit_entries[3], action=Action.RESUME)
    for entry in audit_entries:
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 3) == (audit_entries[3], audit_entries[1], audit_entries[2])


def test_deeds_are_an_instance_s_own(ledger: Ledger) -> None:
    """What was done to another instance is not among them."""
    ledger.audit_log.add(DEED)
    assert ledger.audit_log.of("order_B", 10) == ()


def test_deeds_are_of_a_period(ledger: Ledger) -> None:
    """Its first moment is of it, its last one is of the next; the limit counts within it."""
    audit_entries = [replace(DEED, at=at(second)) for second in (0.999999, 1, 2, 2.999999, 3)]
    for entry in audit_entries:
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of(ID, 10, Period(at(1), at(3))) == (
        audit_entries[3],
        audit_entries[2],
        audit_entries[1],
    )
    assert ledger.audit_log.of(ID, 2, Period(at(1), at(3))) == (audit_entries[3], audit_entries[2])
    assert len(ledger.audit_log.of(ID, 10, ALL_TIME)) == 5


def test_a_deed_is_news(ledger: Ledger) -> None:
    """Each is a revision of its own."""
    ledger.audit_log.add(DEED)
    ledger.audit_log.add(DEED)
    assert ledger.heartbeat().revision == 2


def test_the_deeds_of_a_bulk_are_found_by_its_name(ledger: Ledger) -> None:
    """In the order in which they were done, whatever they were done to."""
    of_bulk = [replace(DEED, instance_id=name, bulk="b1") for name in ("order_B", "order_A")]
    for entry in (DEED, *of_bulk, replace(DEED, bulk="b2")):
        ledger.audit_log.add(entry)
    assert ledger.audit_log.of_bulk("b1") == tuple(of_bulk)


def test_what_was_begun_is_ended_in_its_row(ledger: Ledger) -> None:
    """Until then it is of unknown outcome, and afterwards it is told once; others may come too."""
    begun = replace(DEED, outcome=Outcome.UNKNOWN, after=None, message="begun")
    key = ledger.audit_log.begin(begun)
    assert ledger.audit_log.of(ID, 10) == (begun,)
    other = replace(DEED, instance_id="order_B")
    ledger.audit_log.complete(key, DEED, other)
    assert ledger.audit_log.of(ID, 10) == (DEED,)
    assert ledger.audit_log.of("order_B", 10) == (other,)
    assert ledger.heartbeat().revision == 2


def test_what_was_begun_in_another_ledger_is_added(ledger: Ledger) -> None:
    """A file may be replaced meanwhile: the row of that number is not this deed's."""
    ledger.audit_log.add(replace(DEED, instance_id="order_B"))
    ledger.audit_log.complete(1, DEED)
    assert ledger.audit_log.of(ID, 10) == (DEED,)
    assert len(ledger.audit_log.of("order_B", 10)) == 1
