"""Many queries in one statement, and what a question changes of a server's planner."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from operations.ledger import Ledger
from operations.ledger.db.sessions import asking, reading
from operations.model import Status
from operations.records import Count, Filter
from tests.unit.questions import WORKFLOWS, listed, mixed
from tests.unit.snapshots import done

LIVES = mixed(60)
MANY = Filter(workflows=frozenset({*WORKFLOWS, *(f"workflow_{n}" for n in range(8))}))
"""What takes more walks than a statement may have."""


@pytest.mark.both_databases
@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_portions_leave_nothing_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """However many walks are in one, a list and its counts are what they are."""
    monkeypatch.setattr("operations.ledger.search.together.AT_ONCE", at_once)
    ledger.runs.ingest(LIVES)
    found = [each.instance_id for each in listed(ledger, MANY)]
    assert sorted(found) == sorted(run.instance.instance_id for run in LIVES)
    counts = ledger.runs.counts(MANY)
    told = [run.instance.status for run in LIVES]
    assert counts == {status: Count(told.count(status)) for status in Status}


@pytest.mark.both_databases
def test_a_status_that_appears_is_looked_for(ledger: Ledger) -> None:
    """Only those that there are lead a walk, each time anew."""
    orders = Filter(workflows=frozenset({"order_workflow"}))
    assert listed(ledger, orders) == []
    ledger.runs.ingest([done()])
    assert [each.status for each in listed(ledger, orders)] == [Status.COMPLETED]
    other = done(instance_id="order_B", execution="e2")
    stalled = replace(other.instance, status=Status.STALLED)
    ledger.runs.ingest([replace(other, instance=stalled, history=None)])
    assert {each.status for each in listed(ledger, orders)} == {Status.COMPLETED, Status.STALLED}
    assert ledger.runs.counts(orders)[Status.STALLED] == Count(1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_only_a_question_ties_the_planner_down(ledger: Ledger) -> None:
    """What else is read on the same connection afterwards, the server is free to plan."""
    show = text("SHOW enable_seqscan")
    with asking(ledger._engine) as connection:
        assert connection.execute(show).scalar() == "off"
    with reading(ledger._engine) as connection:
        assert connection.execute(show).scalar() == "on"
