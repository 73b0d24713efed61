"""Everything that a ledger can be asked, to ask it while its database is away."""

from collections.abc import Callable

from operations.ledger import Ledger, Start
from operations.model import Actor
from operations.records import ALL_TIME, Deed, Filter, Outcome
from tests.unit.pages import entry as list_entry
from tests.unit.sightings import at, sighting

ANN = Actor("ann", "operator")
WANTED = Start("order_A", "order_workflow", '{"n": 1}', ANN)
DEED = Deed(at(1), ANN, "start", "order_A", Outcome.DONE)

CALLS: list[Callable[[Ledger], object]] = [
    lambda ledger: ledger.pulse(),
    lambda ledger: ledger.beat(at(1), ()),
    lambda ledger: ledger.starts.latest("order_A"),
    lambda ledger: ledger.starts.claim(WANTED, None),
    lambda ledger: ledger.instances.record([sighting()]),
    lambda ledger: ledger.instances.mark_purged({"order_A": at(1)}),
    lambda ledger: ledger.instances.page(Filter(), limit=1),
    lambda ledger: ledger.instances.counts(Filter()),
    lambda ledger: ledger.instances.latest("order_A"),
    lambda ledger: ledger.instances.life(1),
    lambda ledger: ledger.instances.details(1),
    lambda ledger: ledger.instances.attempts(1),
    lambda ledger: ledger.instances.unfinished(),
    lambda ledger: ledger.instances.finished(),
    lambda ledger: ledger.instances.usual("order_workflow", ["process_order"]),
    lambda ledger: ledger.journal.note(DEED),
    lambda ledger: ledger.journal.of("order_A", 1),
    lambda ledger: ledger.instances.neighbours(list_entry()),
    lambda ledger: ledger.starts.accepted("order_A", ALL_TIME),
    lambda ledger: ledger.holds.take("order_A"),
    lambda ledger: ledger.generation(),
]
WRITES = [CALLS[number] for number in (1, 3, 4, 5, 15)]
