"""Texts that a database cannot store as they are, and very long texts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from operations.ledger import Ledger, Reservation
from operations.model import Actor, Failure
from operations.records import AuditEntry, Filter, Outcome
from tests.unit.snapshots import APP, activity, at, details_of, done, snapshot, summary

pytestmark = pytest.mark.both_databases

ODD = [
    "\0",
    "a\0b",
    "\ud800",
    "\U0001f600\udfff",
    "\u241b",
    "\u241b\u241b0000",
    "\u241b0000",
    "\0\0",
]
LONG = "x" * 1000


@pytest.mark.parametrize("odd", ODD)
def test_any_text_is_read_as_it_was_written(ledger: Ledger, odd: str) -> None:
    """In every column, also if it is no JSON."""
    failure = Failure(odd, f"it is {odd}", f"here: {odd}")
    values: dict[str, Any] = {"input": odd, "output": odd, "custom_status": odd, "failure": failure}
    ledger.runs.ingest([done(workflow=odd, parent_id=odd, **values)])
    found = summary(ledger)
    assert (found.workflow, found.parent_id, found.error_type) == (odd, odd, odd)
    details = details_of(ledger, found)
    assert (details.input, details.output, details.custom_status) == (odd, odd, odd)
    assert details.failure == failure


@pytest.mark.parametrize("odd", ODD)
def test_any_id_is_found(ledger: Ledger, odd: str) -> None:
    """By the whole id, and by a substring; no other id is found."""
    ledger.runs.ingest([snapshot(instance_id=f"a{odd}b"), snapshot(instance_id="ab")])
    assert summary(ledger, f"a{odd}b").instance_id == f"a{odd}b"
    assert ledger.runs.latest(odd) is None
    page = ledger.search.page(Filter(id_part=f"a{odd}b"), limit=9)
    assert [each.instance_id for each in page.runs] == [f"a{odd}b"]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_text_that_is_written_again_changes_nothing(ledger: Ledger, odd: str) -> None:
    """Texts are compared unescaped."""
    failed = activity(1, 1, 2, name=odd, failure=Failure(odd, odd))
    first = snapshot(spans=(failed,), input=odd, workflow=odd)
    ledger.runs.ingest([first])
    ledger.runs.ingest([replace(first, read_at=at(5))])
    assert ledger.heartbeat().revision == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(some.text(some.characters(exclude_categories=())))
def test_any_unicode_text_is_read_as_it_was_written(ledger: Ledger, text: str) -> None:
    """Including surrogates and control characters."""
    ledger.runs.ingest([snapshot(instance_id="order_any", custom_status=text)])
    details = details_of(ledger, summary(ledger, "order_any"))
    assert details.custom_status == text


def test_a_long_id_is_not_cut(ledger: Ledger) -> None:
    """Two ids with the same start are different."""
    ids = [f"{LONG}{number}" for number in range(2)]
    ledger.runs.ingest(
        [snapshot(instance_id=each, parent_id=LONG, rerun_of=LONG, execution=LONG) for each in ids]
    )
    ledger.runs.ingest([done(instance_id=ids[0], execution=LONG)])
    for each in ids:
        found = summary(ledger, each)
        assert (found.instance_id, found.execution_id) == (each, LONG)
        assert (found.parent_id, found.rerun_of) == (LONG, LONG)
    ledger.runs.mark_purged(dict.fromkeys(ids, at(99)))
    assert ledger.leases.acquire(ids[0])


def test_a_long_text_in_the_audit_log_is_not_cut(ledger: Ledger) -> None:
    """Nor in reservations."""
    actor = Actor(LONG, LONG)
    entry = AuditEntry(at(1), actor, LONG, LONG, Outcome.REFUSED, message=LONG, app_id=APP)
    ledger.audit_log.add(entry)
    assert ledger.audit_log.of(LONG, 1) == (entry,)
    start = ledger.reservations.claim(Reservation(LONG, LONG, LONG, actor), None)
    assert start
    assert ledger.reservations.latest(LONG) == start


def test_a_long_text_is_cut_in_lists(ledger: Ledger) -> None:
    """Lists have the start of names and of error messages."""
    failure = Failure(LONG, LONG)
    failed = activity(1, 1, 2, name=LONG, failure=failure)
    ledger.runs.ingest([done(workflow=LONG, failure=failure, spans=(failed,))])
    found = summary(ledger)
    assert (found.workflow, found.error_type) == (LONG[:255], LONG[:255])
    assert found.error_message == LONG[:500]
    assert ledger.runs.attempts(found.run_id)[0].name == LONG[:255]
    details = details_of(ledger, found)
    assert details.failure == failure
