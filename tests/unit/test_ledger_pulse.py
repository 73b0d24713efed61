"""The ledger's revision, and the recorder's sign of life."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from operations.ledger import Ledger, open_ledger
from operations.model import Part
from operations.records import Outage, Pulse
from tests.unit.sightings import at, done, sighting

pytestmark = pytest.mark.both_databases

OUTAGES = (
    Outage(Part.SIDECAR, at(1), "No sidecar at 127.0.0.1:28007."),
    Outage(Part.WORKER, at(2), "„weg“"),
)


def test_a_new_ledger_has_no_beat(ledger: Ledger) -> None:
    """Before the recorder's first sign of life there is none."""
    assert ledger.pulse() == Pulse(revision=0, beat_at=None, outages=())


def test_a_beat_is_read_as_it_was_written(ledger: Ledger) -> None:
    """The recorder's last sign of life holds what it saw."""
    ledger.beat(at(3), OUTAGES, behind=7)
    assert ledger.pulse() == Pulse(0, at(3), OUTAGES, behind=7)
    ledger.beat(at(4), (), behind=None)
    assert ledger.pulse() == Pulse(0, at(4), (), behind=None)


def test_a_beat_is_no_news(ledger: Ledger) -> None:
    """It leaves the revision, and a revision leaves it."""
    ledger.instances.record([sighting()])
    ledger.beat(at(3), OUTAGES)
    ledger.instances.record([done()])
    assert ledger.pulse() == Pulse(2, at(3), OUTAGES, behind=0)


def test_every_change_has_a_revision_of_its_own(ledger: Ledger, ledger_url: str) -> None:
    """Of many writers at once, with engines of their own, each takes the next revision."""
    with closing(open_ledger(ledger_url)) as other, ThreadPoolExecutor(8) as pool:

        def write(number: int) -> None:
            name = f"order_{number}"
            (ledger, other)[number % 2].instances.record([sighting(instance_id=name)])

        list(pool.map(write, range(60)))
    newest = [ledger.instances.latest(f"order_{number}") for number in range(60)]
    assert sorted(each.revision for each in newest if each) == list(range(1, 61))
    assert ledger.pulse().revision == 60
