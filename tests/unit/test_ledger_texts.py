"""Texts that a database cannot hold as they are, and those that are longer than usual."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from operations.ledger import Ledger, Start
from operations.model import Actor, Failure
from operations.records import Deed, Filter, Outcome
from tests.unit.sightings import activity, at, done, entry, sighting

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
def test_any_text_comes_back(ledger: Ledger, odd: str) -> None:
    """Nothing is lost of what is no JSON, whichever column it is in."""
    failure = Failure(odd, f"it is {odd}", f"here: {odd}")
    told: dict[str, Any] = {"input": odd, "output": odd, "custom_status": odd, "failure": failure}
    ledger.instances.record([done(workflow=odd, parent_id=odd, **told)])
    found = entry(ledger)
    assert (found.workflow, found.parent_id, found.failure_type) == (odd, odd, odd)
    details = ledger.instances.details(found.key)
    assert details
    assert (details.input, details.output, details.custom_status) == (odd, odd, odd)
    assert details.failure == failure


@pytest.mark.parametrize("odd", ODD)
def test_any_id_is_found(ledger: Ledger, odd: str) -> None:
    """By itself, and by a part of it; no other is."""
    ledger.instances.record([sighting(instance_id=f"a{odd}b"), sighting(instance_id="ab")])
    assert entry(ledger, f"a{odd}b").instance_id == f"a{odd}b"
    assert ledger.instances.latest(odd) is None
    page = ledger.instances.page(Filter(text=f"{odd}b"), limit=9)
    assert [each.instance_id for each in page.entries] == [f"a{odd}b"]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_text_that_is_seen_again_is_no_news(ledger: Ledger, odd: str) -> None:
    """What is read is compared with what was sent, not with how it is written."""
    failed = activity(1, 1, 2, name=odd, failure=Failure(odd, odd))
    seen = sighting(spans=(failed,), input=odd, workflow=odd)
    ledger.instances.record([seen])
    ledger.instances.record([replace(seen, seen_at=at(5))])
    assert ledger.pulse().revision == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(some.text(some.characters(exclude_categories=())))
def test_whatever_text_comes_back(ledger: Ledger, text: str) -> None:
    """Of all characters that there are."""
    ledger.instances.record([sighting(instance_id="order_any", custom_status=text)])
    details = ledger.instances.details(entry(ledger, "order_any").key)
    assert details
    assert details.custom_status == text


def test_a_long_text_is_kept_whole_where_it_names_something(ledger: Ledger) -> None:
    """Two ids with the same beginning are two."""
    ids = [f"{LONG}{number}" for number in range(2)]
    ledger.instances.record(
        [sighting(instance_id=each, parent_id=LONG, rerun_of=LONG, execution=LONG) for each in ids]
    )
    ledger.instances.record([done(instance_id=ids[0], execution=LONG)])
    for each in ids:
        found = entry(ledger, each)
        assert (found.instance_id, found.execution_id) == (each, LONG)
        assert (found.parent_id, found.rerun_of) == (LONG, LONG)
    ledger.instances.mark_purged(dict.fromkeys(ids, at(99)))
    assert ledger.holds.take(ids[0])


def test_a_long_text_is_kept_whole_where_it_tells_who_did_what(ledger: Ledger) -> None:
    """No part of an operator's name, of an action or of its reason is cut."""
    actor = Actor(LONG, LONG)
    deed = Deed(at(1), actor, LONG, LONG, Outcome.REFUSED, message=LONG)
    ledger.journal.note(deed)
    assert ledger.journal.of(LONG, 1) == (deed,)
    start = ledger.starts.claim(Start(LONG, LONG, LONG, actor), None)
    assert start
    assert ledger.starts.latest(LONG) == start


def test_a_long_text_is_cut_where_a_list_shows_it(ledger: Ledger) -> None:
    """Of names and of an error's message a list needs no more than the beginning."""
    failure = Failure(LONG, LONG)
    failed = activity(1, 1, 2, name=LONG, failure=failure)
    ledger.instances.record([done(workflow=LONG, failure=failure, spans=(failed,))])
    found = entry(ledger)
    assert (found.workflow, found.failure_type) == (LONG[:255], LONG[:255])
    assert found.failure_message == LONG[:500]
    assert ledger.instances.attempts(found.key)[0].name == LONG[:255]
    details = ledger.instances.details(found.key)
    assert details
    assert details.failure == failure
