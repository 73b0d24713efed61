"""Calls of the ledger's methods, for tests of what they do while its database is away."""

from collections.abc import Callable

from operations.audit_filter import AuditFilter
from operations.ledger import Ledger, Reservation
from operations.ledger.leases import Lease
from operations.model import Actor
from operations.records import ALL_TIME, AuditEntry, Filter, Outcome
from operations.timeline import StartTime
from tests.unit.pages import summary as run_summary
from tests.unit.snapshots import APP, at, snapshot

Call = Callable[[Ledger], object]

ANN = Actor("ann", "operator")
RESERVATION = Reservation("order_A", "order_workflow", '{"n": 1}', ANN)
ENTRY = AuditEntry(at(1), ANN, "start", "order_A", Outcome.DONE)
LEASE = Lease(APP, "order_A", 1)

READS: list[Call] = [
    lambda ledger: ledger.ping(),
    lambda ledger: ledger.heartbeat(),
    lambda ledger: ledger.reservations.latest("order_A"),
    lambda ledger: ledger.reservations.ids_since(0),
    lambda ledger: ledger.search.page(Filter(), limit=1),
    lambda ledger: ledger.search.counts(Filter()),
    lambda ledger: list(ledger.search.every(Filter(), size=1)),
    lambda ledger: ledger.runs.merged(snapshot()),
    lambda ledger: ledger.runs.archived(["order_A"]),
    lambda ledger: ledger.runs.latest("order_A"),
    lambda ledger: ledger.runs.latest_by_id(["order_A"]),
    lambda ledger: ledger.runs.get(1),
    lambda ledger: ledger.runs.adjacent_runs(run_summary()),
    lambda ledger: ledger.runs.details(1),
    lambda ledger: ledger.runs.payloads([1]),
    lambda ledger: ledger.search.workflow_names(),
    lambda ledger: ledger.runs.attempts(1),
    lambda ledger: ledger.runs.earlier_generations(1),
    lambda ledger: ledger.runs.unfinished(),
    lambda ledger: ledger.runs.finished(),
    # It writes only if there is such an attempt.
    lambda ledger: ledger.runs.add_start_times([StartTime("order_A", 1, at(1), at(2))]),
    lambda ledger: ledger.descendants.counts(["order_A"]),
    lambda ledger: ledger.descendants.with_failures([run_summary()]),
    lambda ledger: ledger.descendants.with_reruns(["order_A"]),
    lambda ledger: ledger.statistics.baselines("order_workflow", ["process_order"]),
    lambda ledger: ledger.statistics.workflows(ALL_TIME),
    lambda ledger: ledger.statistics.activities(ALL_TIME),
    lambda ledger: ledger.statistics.failures(ALL_TIME),
    lambda ledger: ledger.statistics.failure_samples([], ALL_TIME),
    lambda ledger: ledger.audit_log.of("order_A", 1),
    lambda ledger: ledger.audit_log.of_bulk("1"),
    lambda ledger: ledger.audit_search.page(AuditFilter(), limit=1),
    lambda ledger: list(ledger.audit_search.every(AuditFilter(), size=1)),
]
WRITES: list[Call] = [
    lambda ledger: ledger.write_heartbeat(at(1), ()),
    lambda ledger: ledger.reservations.claim(RESERVATION, None),
    lambda ledger: ledger.reservations.accept(RESERVATION),
    lambda ledger: ledger.reservations.release(RESERVATION, "refused"),
    lambda ledger: ledger.runs.ingest([snapshot()]),
    lambda ledger: ledger.runs.keep_histories([snapshot()]),
    lambda ledger: ledger.runs.mark_purged({"order_A": at(1)}),
    lambda ledger: ledger.audit_log.add(ENTRY),
    lambda ledger: ledger.audit_log.write_ahead(ENTRY),
    lambda ledger: ledger.audit_log.complete(1, ENTRY),
]
"""The calls that write rows with a revision, and the heartbeat."""
LEASE_WRITES: list[Call] = [
    lambda ledger: ledger.leases.acquire("order_A"),
    lambda ledger: ledger.leases.renew(LEASE),
    lambda ledger: ledger.leases.release(LEASE),
]
CALLS = [*READS, *WRITES, *LEASE_WRITES]
