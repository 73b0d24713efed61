"""Exports all runs that a filter matches, or all entries of the audit log, as a file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain

from operations.audit_filter import AuditFilter
from operations.export.audit_rows import COLUMNS as AUDIT_COLUMNS
from operations.export.audit_rows import audit_cells, audit_object
from operations.export.csv_lines import csv_lines
from operations.export.json_lines import json_line
from operations.export.run_rows import (
    COLUMNS,
    PAYLOAD_COLUMNS,
    own_failure,
    run_cells,
    run_object,
    run_payloads,
)
from operations.ledger import Ledger
from operations.ledger.db.batches import in_batches
from operations.records import AuditEntry, Filter, RunSummary

RUNS_AT_ONCE = 500  # runs or entries in memory
PAYLOADS_AT_ONCE = 20  # runs whose payloads are in memory: each may have some MiB


class ExportFormat(StrEnum):
    """The format of an exported file; both are UTF-8."""

    CSV = "csv"
    """One line for the names of the columns, and one for each record."""
    JSON_LINES = "jsonl"
    """One object for each record, as the REST API lists it."""


_MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.JSON_LINES: "application/jsonl",
}


@dataclass(frozen=True)
class Export:
    """A file that is generated while `chunks` is iterated.

    The iteration raises `LedgerUnavailable` or `QueryTimeout` if the ledger fails: the file is then
    incomplete.
    """

    name: str
    media_type: str
    chunks: Iterator[bytes]


def export_runs(
    ledger: Ledger, wanted: Filter, form: ExportFormat, *, payloads: bool = False
) -> Export:
    """Return all runs that a filter matches, the newest first, as a file.

    The ledger is read in pages, each in a transaction of its own, while the file is read: no
    transaction stays open, and no more than one page is in memory. So the file does not show one
    moment. A run that is created, or whose time of creation becomes known, during the export may
    be missing. No run appears twice.

    With `payloads` each run has its input and its output; an object also has the failure of the
    workflow itself, with its stack trace. Raises `LedgerUnavailable` and `QueryTimeout` before the
    file starts.
    """
    parts = _with_payloads(ledger, wanted, form) if payloads else _summaries(ledger, wanted, form)
    header = (*COLUMNS, *PAYLOAD_COLUMNS) if payloads else COLUMNS
    return _export("runs", form, header, parts)


def export_audit_log(ledger: Ledger, wanted: AuditFilter, form: ExportFormat) -> Export:
    """Return all entries of the audit log that a filter matches, the newest first, as a file.

    It is read in pages as in `export_runs`. An entry that is added or completed during the export
    may be missing; none appears twice. Raises `LedgerUnavailable` and `QueryTimeout`.
    """
    pages = ledger.audit_search.every(wanted, size=RUNS_AT_ONCE)
    write: Callable[[Sequence[AuditEntry]], str] = (
        (lambda entries: csv_lines(map(audit_cells, entries)))
        if form is ExportFormat.CSV
        else (lambda entries: "".join(json_line(audit_object(each), {}) for each in entries))
    )
    return _export("audit", form, AUDIT_COLUMNS, map(write, pages))


def _summaries(ledger: Ledger, wanted: Filter, form: ExportFormat) -> Iterator[str]:
    for page in ledger.search.every(wanted, size=RUNS_AT_ONCE):
        if form is ExportFormat.CSV:
            yield csv_lines(run_cells(each, {}) for each in page)
        else:
            yield "".join(json_line(run_object(each), {}) for each in page)


def _with_payloads(ledger: Ledger, wanted: Filter, form: ExportFormat) -> Iterator[str]:
    for page in ledger.search.every(wanted, size=RUNS_AT_ONCE):
        for runs in in_batches(page, PAYLOADS_AT_ONCE):
            yield _lines_with_payloads(ledger, runs, form)


def _lines_with_payloads(ledger: Ledger, runs: Sequence[RunSummary], form: ExportFormat) -> str:
    details = ledger.runs.payloads([each.run_id for each in runs])
    found = [(each, details.get(each.run_id)) for each in runs]
    if form is ExportFormat.CSV:
        return csv_lines(run_cells(each, run_payloads(of)) for each, of in found)
    return "".join(
        json_line(run_object(each) | own_failure(of), run_payloads(of)) for each, of in found
    )


def _export(
    subject: str, form: ExportFormat, header: Sequence[str], parts: Iterator[str]
) -> Export:
    """Return an export whose first part was read: errors until then are raised here."""
    first = next(parts, "")
    if form is ExportFormat.CSV:
        first = csv_lines([header]) + first
    name = f"flowdeck-{subject}-{datetime.now(UTC):%Y-%m-%d}.{form}"
    chunks = (part.encode() for part in chain([first], parts) if part)
    return Export(name, _MEDIA_TYPES[form], chunks)
