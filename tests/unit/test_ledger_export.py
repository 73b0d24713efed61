"""Exports of runs and of the audit log."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from operations.audit_filter import AuditFilter
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.export.export import Export, ExportFormat, export_audit_log, export_runs
from operations.export.run_rows import run_object
from operations.ledger import Ledger, LedgerLimits, SearchLimits
from operations.model import Failure, Status
from operations.records import Filter
from operations.timeline import Ending
from tests.unit.calls import ENTRY
from tests.unit.queries import listed, random_filters, random_runs
from tests.unit.runs import ledger_away
from tests.unit.snapshots import activity, at, pending, snapshot

pytestmark = pytest.mark.both_databases

ALL = Filter()
FEW = LedgerLimits(SearchLimits(seconds=60, text_matches=3, export_seconds=60))


def text(export: Export) -> str:
    """Return the whole file."""
    return b"".join(export.chunks).decode()


def objects(export: Export) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON Lines."""
    return [json.loads(line) for line in text(export).splitlines()]


def records(export: Export) -> list[dict[str, str]]:
    """Return the records of a CSV file by the names of the columns."""
    return list(csv.DictReader(io.StringIO(text(export), newline=""), strict=True))


def exported(ledger: Ledger, wanted: Filter) -> list[str]:
    """Return the ids of exported runs."""
    found = objects(export_runs(ledger, wanted, ExportFormat.JSON_LINES))
    return [str(each["instance_id"]) for each in found]


def test_an_export_has_the_runs_of_the_list(ledger: Ledger) -> None:
    """Under each filter, in the same order."""
    ledger.runs.ingest(random_runs(60))
    for wanted in (ALL, *random_filters(10)):
        assert exported(ledger, wanted) == [run.instance_id for run in listed(ledger, wanted)]


def test_an_object_is_that_of_the_list(ledger: Ledger) -> None:
    """Nothing is added or left out."""
    ledger.runs.ingest(random_runs(20))
    found = objects(export_runs(ledger, ALL, ExportFormat.JSON_LINES))
    assert found == [json.loads(json.dumps(run_object(run))) for run in listed(ledger, ALL)]


@pytest.mark.parametrize("ledger_limits", [FEW])
@pytest.mark.parametrize("wanted", [Filter(text="lamp"), Filter(id_part="i_"), Filter(id_part="i")])
def test_a_text_exports_all_matches(ledger: Ledger, wanted: Filter) -> None:
    """The limits of lists do not apply, also if the text is too short for the index."""
    runs = [
        snapshot(instance_id=f"i_{number}", created=number, input='"lamp"', execution=f"e{number}")
        for number in range(9)
    ]
    ledger.runs.ingest([*runs, snapshot(instance_id="other", created=99)])
    assert exported(ledger, wanted) == [f"i_{number}" for number in range(9)][::-1]


def test_pages_are_read_one_by_one(ledger: Ledger) -> None:
    """A run that is created meanwhile is missing, and none comes twice."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(10)])
    pages = ledger.search.every(ALL, size=3)
    found = list(next(pages))
    ledger.runs.ingest([snapshot(instance_id="new", created=99)])
    found += [run for page in pages for run in page]
    assert [run.instance_id for run in found] == [f"i{n}" for n in range(9, -1, -1)]


def test_a_run_that_moves_comes_once(ledger: Ledger) -> None:
    """The engine reports an earlier time of creation than that of the first read."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(4)])
    ledger.runs.ingest([pending(instance_id="moves", read=50)])
    pages = ledger.search.every(ALL, size=2)
    found = list(next(pages))
    assert found[0].instance_id == "moves"
    ledger.runs.ingest([snapshot(instance_id="moves", created=0.5, read=51)])
    found += [run for page in pages for run in page]
    assert sorted(run.instance_id for run in found) == ["i0", "i1", "i2", "i3", "moves"]


def test_a_row_of_csv(ledger: Ledger) -> None:
    """Times are ISO 8601 in UTC, the duration is in seconds, unknown values are empty."""
    failure = Failure("CardError", '=HYPERLINK("x")')
    step = activity(1, 0, 2, ending=Ending.FAILED, failure=failure)
    whole = Failure("TaskFailedError", 'Activity task #1 failed: =HYPERLINK("x")')
    ledger.runs.ingest(
        [
            snapshot(
                Status.FAILED,
                read=3.25,
                custom_status='"-1+1"',
                failure=whole,
                spans=(step,),
                input='{"a": "b"}',
            ),
            snapshot(instance_id="runs", created=9, execution="e2"),
        ]
    )
    runs, failed = records(export_runs(ledger, ALL, ExportFormat.CSV))
    assert (runs["duration_seconds"], runs["ended_at"], runs["is_latest"]) == ("", "", "true")
    assert (failed["created_at"], failed["ended_at"]) == (
        "2026-01-11T12:00:00Z",
        "2026-01-11T12:00:03.250000Z",
    )
    assert (failed["duration_seconds"], failed["custom_status"]) == ("3.25", "'-1+1")
    assert (failed["failed_step"], failed["error_type"]) == ("charge", "CardError")
    assert failed["error_message"] == '\'=HYPERLINK("x")'
    assert "input" not in failed


def test_payloads_are_exported_on_demand(ledger: Ledger) -> None:
    """With the failure of the workflow itself; a payload that is no JSON is a text."""
    failure = Failure("ValueError", "No", "stack")
    ledger.runs.ingest(
        [
            snapshot(Status.FAILED, input='{"n":\n1e400}', output="=1", failure=failure),
            *(snapshot(instance_id=f"i{n}", created=-n, execution=f"e{n}") for n in range(1, 50)),
        ]
    )
    found = export_runs(ledger, ALL, ExportFormat.JSON_LINES, payloads=True)
    first, *rest = text(found).splitlines()
    assert '"input":{"n": 1e400},"output":"=1"' in first
    assert json.loads(first)["workflow_failure"] == vars(failure)
    assert len(rest) == 49
    assert json.loads(rest[-1]) | {"input": None, "output": None} == json.loads(rest[-1])
    row, *_ = records(export_runs(ledger, ALL, ExportFormat.CSV, payloads=True))
    assert (row["input"], row["output"]) == ('{"n":\n1e400}', "'=1")


@pytest.mark.parametrize(("form", "lines"), [(ExportFormat.CSV, 1), (ExportFormat.JSON_LINES, 0)])
def test_an_empty_export(ledger: Ledger, form: ExportFormat, lines: int) -> None:
    """CSV has its header line."""
    for export in (
        export_runs(ledger, ALL, form),
        export_audit_log(ledger, AuditFilter(), form),
    ):
        assert len(text(export).splitlines()) == lines


def test_the_name_has_the_date(ledger: Ledger) -> None:
    """So that exports of several days stand beside each other."""
    found = export_runs(ledger, ALL, ExportFormat.CSV)
    assert re.fullmatch(r"flowdeck-runs-\d{4}-\d\d-\d\d\.csv", found.name)
    log = export_audit_log(ledger, AuditFilter(), ExportFormat.JSON_LINES)
    assert re.fullmatch(r"flowdeck-audit-\d{4}-\d\d-\d\d\.jsonl", log.name)


def test_an_export_of_the_audit_log(ledger: Ledger) -> None:
    """It has the entries that the filter matches, the newest first."""
    first = replace(ENTRY, action="pause", before=Status.RUNNING, after=Status.SUSPENDED)
    second = replace(ENTRY, at=at(2), action="resume", reason="=1", bulk_id="b1")
    ledger.audit_log.add(ENTRY, first, second)
    rows = records(export_audit_log(ledger, AuditFilter(), ExportFormat.CSV))
    assert [row["action"] for row in rows] == ["resume", "pause", "start"]
    assert rows[1] == {
        "at": "2026-01-11T12:00:01Z",
        "actor": "ann",
        "role": "operator",
        "action": "pause",
        "app_id": "orders",
        "instance_id": "order_A",
        "before": "RUNNING",
        "after": "SUSPENDED",
        "outcome": "done",
        "reason": "",
        "message": "",
        "bulk_id": "",
    }
    wanted = AuditFilter(actions=frozenset({"resume"}))
    (found,) = objects(export_audit_log(ledger, wanted, ExportFormat.JSON_LINES))
    assert (found["reason"], found["bulk_id"], found["after"]) == ("=1", "b1", None)


@pytest.mark.parametrize("form", ExportFormat)
def test_an_outage_before_the_first_byte_is_raised_at_once(
    ledger: Ledger, form: ExportFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a client would get an empty file."""
    monkeypatch.setattr(ledger.search, "every", lambda *_, **__: _fail_after())
    monkeypatch.setattr(ledger.audit_search, "every", lambda *_, **__: _fail_after())
    for payloads in (False, True):
        with pytest.raises(LedgerUnavailable):
            export_runs(ledger, ALL, form, payloads=payloads)
    with pytest.raises(LedgerUnavailable):
        export_audit_log(ledger, AuditFilter(), form)


def _fail_after() -> Iterator[Any]:
    ledger_away()
    yield ()


@pytest.mark.parametrize(
    "ledger_limits", [LedgerLimits(SearchLimits(seconds=60, export_seconds=0))]
)
def test_an_export_has_a_time_limit_of_its_own(ledger: Ledger) -> None:
    """For each page."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}") for n in range(1000)])
    assert ledger.search.page(ALL, limit=1).runs
    with pytest.raises(QueryTimeout):
        export_runs(ledger, ALL, ExportFormat.CSV)
