"""Everything that a ledger can be asked, to ask it while its database is away."""

from collections.abc import Callable

from operations.ledger import Ledger, Reservation
from operations.model import Actor
from operations.records import ALL_TIME, AuditEntry, Filter, Outcome
from tests.unit.pages import summary as list_entry
from tests.unit.snapshots import at, snapshot

ANN = Actor("ann", "operator")
WANTED = Reservation("order_A", "order_workflow", '{"n": 1}', ANN)
DEED = AuditEntry(at(1), ANN, "start", "order_A", Outcome.DONE)

CALLS: list[Callable[[Ledger], object]] = [
    lambda ledger: ledger.heartbeat(),
    lambda ledger: ledger.write_heartbeat(at(1), ()),
    lambda ledger: ledger.reservations.latest("order_A"),
    lambda ledger: ledger.reservations.claim(WANTED, None),
    lambda ledger: ledger.runs.ingest([snapshot()]),
    lambda ledger: ledger.runs.mark_purged({"order_A": at(1)}),
    lambda ledger: ledger.search.page(Filter(), limit=1),
    lambda ledger: ledger.search.counts(Filter()),
    lambda ledger: ledger.runs.latest("order_A"),
    lambda ledger: ledger.runs.get(1),
    lambda ledger: ledger.runs.details(1),
    lambda ledger: ledger.runs.attempts(1),
    lambda ledger: ledger.runs.unfinished(),
    lambda ledger: ledger.runs.finished(),
    lambda ledger: ledger.statistics.baselines("order_workflow", ["process_order"]),
    lambda ledger: ledger.audit_log.add(DEED),
    lambda ledger: ledger.audit_log.of("order_A", 1),
    lambda ledger: ledger.runs.adjacent_runs(list_entry()),
    lambda ledger: ledger.reservations.accepted("order_A", ALL_TIME),
    lambda ledger: ledger.leases.acquire("order_A"),
    lambda ledger: ledger.ping(),
]
WRITES = [CALLS[number] for number in (1, 3, 4, 5, 15)]
