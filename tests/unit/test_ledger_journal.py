"""What operators did, as the ledger keeps it."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Action, Actor, Status
from operations.records import ALL_TIME, Deed, Outcome, Period
from tests.unit.sightings import ID, at

pytestmark = pytest.mark.both_databases

DEED = Deed(
    at=at(1),
    actor=Actor("ann", "operator"),
    action=Action.PAUSE,
    instance_id=ID,
    outcome=Outcome.DONE,
    before=Status.RUNNING,
    after=Status.SUSPENDED,
)


@pytest.mark.parametrize(
    "deed",
    [
        DEED,
        replace(DEED, action="start", before=None, after=None),
        replace(DEED, why="to make room", bulk="b1"),
        replace(DEED, outcome=Outcome.REFUSED, after=None, message="Cannot pause it. " * 50),
    ],
)
def test_a_deed_is_read_as_it_was_noted(ledger: Ledger, deed: Deed) -> None:
    """Who did what to which instance, and what came of it."""
    ledger.journal.note(deed)
    assert ledger.journal.of(ID, 10) == (deed,)


def test_the_newest_deeds_come_first(ledger: Ledger) -> None:
    """No more are read than are asked for."""
    deeds = [replace(DEED, at=at(second)) for second in (1, 3, 2, 3)]
    deeds[3] = replace(deeds[3], action=Action.RESUME)
    for deed in deeds:
        ledger.journal.note(deed)
    assert ledger.journal.of(ID, 3) == (deeds[3], deeds[1], deeds[2])


def test_deeds_are_an_instance_s_own(ledger: Ledger) -> None:
    """What was done to another instance is not among them."""
    ledger.journal.note(DEED)
    assert ledger.journal.of("order_B", 10) == ()


def test_deeds_are_of_a_period(ledger: Ledger) -> None:
    """Its first moment is of it, its last one is of the next; the limit counts within it."""
    deeds = [replace(DEED, at=at(second)) for second in (0.999999, 1, 2, 2.999999, 3)]
    for deed in deeds:
        ledger.journal.note(deed)
    assert ledger.journal.of(ID, 10, Period(at(1), at(3))) == (deeds[3], deeds[2], deeds[1])
    assert ledger.journal.of(ID, 2, Period(at(1), at(3))) == (deeds[3], deeds[2])
    assert len(ledger.journal.of(ID, 10, ALL_TIME)) == 5


def test_a_deed_is_news(ledger: Ledger) -> None:
    """Each is a revision of its own."""
    ledger.journal.note(DEED)
    ledger.journal.note(DEED)
    assert ledger.pulse().revision == 2


def test_the_deeds_of_a_bulk_are_found_by_its_name(ledger: Ledger) -> None:
    """In the order in which they were done, whatever they were done to."""
    of_bulk = [replace(DEED, instance_id=name, bulk="b1") for name in ("order_B", "order_A")]
    for deed in (DEED, *of_bulk, replace(DEED, bulk="b2")):
        ledger.journal.note(deed)
    assert ledger.journal.of_bulk("b1") == tuple(of_bulk)


def test_what_was_begun_is_ended_in_its_row(ledger: Ledger) -> None:
    """Until then it is of unknown outcome, and afterwards it is told once; others may come too."""
    begun = replace(DEED, outcome=Outcome.UNKNOWN, after=None, message="begun")
    key = ledger.journal.begin(begun)
    assert ledger.journal.of(ID, 10) == (begun,)
    other = replace(DEED, instance_id="order_B")
    ledger.journal.end(key, DEED, other)
    assert ledger.journal.of(ID, 10) == (DEED,)
    assert ledger.journal.of("order_B", 10) == (other,)
    assert ledger.pulse().revision == 2


def test_what_was_begun_in_another_ledger_is_added(ledger: Ledger) -> None:
    """A file may be replaced meanwhile: the row of that number is not this deed's."""
    ledger.journal.note(replace(DEED, instance_id="order_B"))
    ledger.journal.end(1, DEED)
    assert ledger.journal.of(ID, 10) == (DEED,)
    assert len(ledger.journal.of("order_B", 10)) == 1
