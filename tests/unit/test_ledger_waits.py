"""Finding runs by the names of what they wait for."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from operations.ledger import Ledger
from operations.ledger.db.connections import reading
from operations.ledger.tables import waits
from operations.model import Status
from operations.records import Count, Filter, Snapshot, Sort
from operations.timeline import timeline_of
from tests.unit import events
from tests.unit.plans import plans
from tests.unit.queries import ids, listed
from tests.unit.snapshots import ID, at, done, snapshot, state_only

pytestmark = pytest.mark.both_databases


def waiting(*names: str, **more: Any) -> Snapshot:
    """Return a snapshot of an instance that waits for things with these names."""
    return snapshot(awaited=frozenset(names), **more)


def found(ledger: Ledger, name: str, **more: Any) -> list[str]:
    """Return the ids that wait for a name; check that all orders and the counts agree."""
    wanted = Filter(waits_for=name, **more)
    lists = [sorted(each.instance_id for each in listed(ledger, wanted, sort)) for sort in Sort]
    assert all(each == lists[0] for each in lists)
    number = sum(count.number for count in ledger.search.counts(wanted).values())
    assert more or number == len(lists[0])
    return lists[0]


def number_of_waits(ledger: Ledger) -> int:
    """Return the number of rows in `waits`."""
    with reading(ledger._engine) as connection:
        return len(connection.execute(select(waits)).all())


@pytest.mark.parametrize("name", ["approval", "cancel", "charge", "pay", "APPROVAL"])
def test_a_run_is_found_by_everything_that_it_waits_for(ledger: Ledger, name: str) -> None:
    """Its history has two events, an activity with a retry, and a child."""
    history = [
        events.turn(0),
        events.wait(1, 1, "Approval"),
        events.wait(2, 1, "cancel"),
        *(events.scheduled(3, 1, call="c"), events.failed(3, 2), events.scheduled(4, 3, call="c")),
        events.child(5, 3, "child_1"),
    ]
    started = replace(events.turn(0), kind="executionStarted", execution_id="e1")
    timeline = timeline_of([started, *history])
    ledger.runs.ingest([replace(snapshot(), timeline=timeline), waiting("x", instance_id="o")])
    assert found(ledger, name) == [ID]
    assert found(ledger, "event approval") == []


def test_a_wait_is_combined_with_other_conditions(ledger: Ledger) -> None:
    """All conditions must match."""
    some = [
        waiting("approval", instance_id="a", created=1, parent_id="up"),
        waiting("approval", "cancel", instance_id="b", created=2, workflow="audit"),
        waiting("cancel", instance_id="c", created=3, parent_id="up"),
    ]
    ledger.runs.ingest(some)
    assert found(ledger, "approval", parent_id="up") == ["a"]
    assert found(ledger, "approval", workflows=frozenset({"audit"})) == ["b"]
    assert found(ledger, "approval", since=at(2)) == ["b"]
    assert found(ledger, "approval", id_part="a") == ["a"]
    assert found(ledger, "approval", statuses=frozenset({Status.FAILED})) == []
    assert ids(ledger.search.page(Filter(waits_for="cancel"), limit=9)) == ["c", "b"]


def test_many_waiting_runs_are_found_in_every_order(ledger: Ledger) -> None:
    """Each run once."""
    ledger.runs.ingest([waiting("go", instance_id=f"i{n}", created=n) for n in range(9)])
    assert found(ledger, "go") == [f"i{n}" for n in range(9)]


def test_a_run_is_not_found_by_what_it_waited_for_before(ledger: Ledger) -> None:
    """Only by its current waits, and by none once it has ended."""
    ledger.runs.ingest([waiting("approval", "cancel")])
    ledger.runs.ingest([waiting("cancel", "charge", read=2)])
    assert [found(ledger, each) for each in ("approval", "cancel", "charge")] == [[], [ID], [ID]]
    ledger.runs.ingest([done(read=3)])
    assert number_of_waits(ledger) == 0


def test_another_wait_is_a_change_though_lists_show_the_same_text(ledger: Ledger) -> None:
    """The revision grows, because a filtered list changes."""
    ledger.runs.ingest([waiting("a", "b", "c")])
    before = ledger.heartbeat().revision
    ledger.runs.ingest([waiting("a", "b", "c")])
    assert ledger.heartbeat().revision == before
    ledger.runs.ingest([waiting("a", "b", "d")])
    assert ledger.heartbeat().revision > before


def test_a_snapshot_without_a_history_changes_the_status_alone(ledger: Ledger) -> None:
    """A paused run is still found by what it waits for."""
    ledger.runs.ingest([waiting("approval")])
    ledger.runs.ingest([state_only(Status.SUSPENDED, read=2)])
    counts = ledger.search.counts(Filter(waits_for="approval"))
    assert (counts[Status.SUSPENDED], counts[Status.RUNNING]) == (Count(1), Count(0))
    assert found(ledger, "approval", statuses=frozenset({Status.SUSPENDED})) == [ID]


def test_purged_runs_wait_for_nothing(ledger: Ledger) -> None:
    """Nor do superseded runs of an id that was used again."""
    ledger.runs.ingest([waiting("approval"), waiting("approval", instance_id="b")])
    ledger.runs.mark_purged({ID: at(5)})
    ledger.runs.ingest(
        [waiting("other", instance_id="b", execution="e2", created=20, read=21, history=NEXT)]
    )
    assert (found(ledger, "approval"), found(ledger, "other"), number_of_waits(ledger)) == (
        [],
        ["b"],
        1,
    )
    ledger.runs.ingest([waiting("approval", read=6)])
    assert found(ledger, "approval") == [ID]  # it was read after the purge


NEXT = done(execution="e2", created=20).history


def test_a_long_name_is_cut(ledger: Ledger) -> None:
    """In the table and in the filter alike."""
    ledger.runs.ingest([waiting("w" * 300)])
    assert found(ledger, "W" * 299) == [ID]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("sort", Sort)
def test_a_list_of_waiting_runs_starts_from_their_waits(ledger: Ledger, sort: Sort) -> None:
    """Otherwise SQLite reads all runs in their order to find the few that wait."""
    wanted = Filter(waits_for="approval")
    steps = plans(ledger, lambda ledger: ledger.search.page(wanted, limit=2, sort=sort))
    found = [step for step in steps if " waits " in step]
    assert len(found) == len(Status)
    assert all("waits_of_name (name=? AND status=?)" in step for step in found)
