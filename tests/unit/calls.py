"""Calls of the ledger's methods, for tests of what they do while its database is away."""

from collections.abc import Callable

from operations.ledger import Ledger, Reservation
from operations.model import Actor
from operations.records import AuditEntry, Filter, Outcome
from tests.unit.pages import summary as run_summary
from tests.unit.snapshots import at, snapshot

ANN = Actor("ann", "operator")
RESERVATION = Reservation("order_A", "order_workflow", '{"n": 1}', ANN)
ENTRY = AuditEntry(at(1), ANN, "start", "order_A", Outcome.DONE)

CALLS: list[Callable[[Ledger], object]] = [
    lambda ledger: ledger.heartbeat(),
    lambda ledger: ledger.write_heartbeat(at(1), ()),
    lambda ledger: ledger.reservations.latest("order_A"),
    lambda ledger: ledger.reservations.claim(RESERVATION, None),
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
    lambda ledger: ledger.audit_log.add(ENTRY),
    lambda ledger: ledger.audit_log.of("order_A", 1),
    lambda ledger: ledger.runs.adjacent_runs(run_summary()),
    lambda ledger: ledger.reservations.latest("order_A"),
    lambda ledger: ledger.leases.acquire("order_A"),
    lambda ledger: ledger.ping(),
]
"""One call of each method of the ledger."""
WRITES = [CALLS[number] for number in (1, 3, 4, 5, 15)]
"""The calls that write rows, except for leases."""
