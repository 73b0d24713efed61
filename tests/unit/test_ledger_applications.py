"""One ledger with the instances of several applications, in which the same ids exist."""

from contextlib import closing
from dataclasses import replace

import pytest

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError
from operations.ledger import Ledger, open_ledger
from operations.ledger.runs.descendants import DescendantCounts
from operations.model import Status
from operations.records import Filter
from tests.unit.calls import ENTRY, RESERVATION
from tests.unit.snapshots import ID, at, done, snapshot

pytestmark = pytest.mark.both_databases


@pytest.fixture
def one(ledger: Ledger) -> Ledger:
    """Return the ledger, bound to an application."""
    return ledger.for_app("one")


@pytest.fixture
def other(ledger: Ledger) -> Ledger:
    """Return the ledger, bound to another application."""
    return ledger.for_app("other")


def test_an_id_has_a_run_in_each_application(one: Ledger, other: Ledger) -> None:
    """Each application finds its own; the list shows both."""
    one.runs.ingest([snapshot(app_id="one"), done(app_id="other")])
    runs = [each.runs.latest(ID) for each in (one, other)]
    assert [run and (run.app_id, run.status) for run in runs] == [
        ("one", Status.RUNNING),
        ("other", Status.COMPLETED),
    ]
    assert [run.app_id for run in one.runs.unfinished()] == ["one"]
    assert one.runs.finished() == {}
    assert other.runs.finished().keys() == {ID}
    assert other.runs.archived([ID]) == {ID: Status.COMPLETED}
    assert len(one.search.page(Filter(), limit=9).runs) == 2


def test_a_purge_marks_the_run_of_its_application(one: Ledger, other: Ledger) -> None:
    """The run with the same id in the other application stays as it is."""
    one.runs.ingest([snapshot(app_id="one"), snapshot(app_id="other")])
    one.runs.mark_purged({ID: at(60)})
    runs = [each.runs.latest(ID) for each in (one, other)]
    assert [run and run.purged_at for run in runs] == [at(60), None]


def test_each_application_reserves_its_ids(one: Ledger, other: Ledger) -> None:
    """Neither blocks the other, and neither follows the other's reservations."""
    assert one.reservations.claim(RESERVATION, None)
    assert other.reservations.latest(ID) is None
    assert other.reservations.ids_since(0) == ()
    assert other.reservations.claim(replace(RESERVATION, payload="2"), None)
    latest = one.reservations.latest(ID)
    assert latest
    assert latest.payload == RESERVATION.payload


def test_each_application_leases_its_instances(one: Ledger, other: Ledger) -> None:
    """A lease in one application does not block an action in another."""
    lease = one.leases.acquire(ID)
    assert lease
    assert one.leases.acquire(ID) is None
    assert other.leases.acquire(ID)
    one.leases.release(lease)
    assert one.leases.acquire(ID)
    assert other.leases.acquire(ID) is None


def test_each_application_has_its_audit_entries(one: Ledger, other: Ledger) -> None:
    """An entry without an application belongs to the ledger's."""
    one.audit_log.add(ENTRY)
    assert [entry.app_id for entry in one.audit_log.of(ID, 9)] == ["one"]
    assert other.audit_log.of(ID, 9) == ()


def test_a_child_may_be_in_another_application_than_its_parent(one: Ledger, other: Ledger) -> None:
    """It is a descendant of that parent alone, not of an instance with the same id."""
    child = snapshot(app_id="other", instance_id="child", parent_id=ID, parent_app_id="one")
    one.runs.ingest([snapshot(app_id="one"), snapshot(app_id="other"), child])
    assert one.descendants.counts([ID]) == {ID: DescendantCounts(1, 1)}
    assert other.descendants.counts([ID]) == {}


@pytest.mark.parametrize("error", [DaprUnavailable("nothing answers"), DaprRefused("not allowed")])
def test_without_a_sidecar_the_application_is_that_of_the_last_heartbeat(
    one: Ledger, ledger_url: str, error: FlowdeckError
) -> None:
    """So pages show the past while the sidecar is away, or does not name its application."""

    def ask() -> str:
        raise error

    with closing(open_ledger(ledger_url, ask)) as ledger:
        with pytest.raises(type(error)):
            ledger.app_id()
        one.write_heartbeat(at(1), ())
        assert ledger.app_id() == "one"
