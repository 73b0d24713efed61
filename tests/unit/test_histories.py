"""Histories, wherever they are."""

import pytest

from operations.actions import ActionContext, Actions
from operations.errors import DaprUnavailable, UnknownInstance
from operations.history_source import Source, read_history
from operations.ledger import Ledger
from operations.model import Status
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, put


def test_the_engine_s_history_is_told_while_it_has_one(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """Of one that runs, and of one that has ended."""
    for status in (Status.RUNNING, Status.COMPLETED):
        put(gateway, status=status)
        told = read_history(gateway, lambda: ledger, "order_A")
        assert (told.source, told.events) == (Source.ENGINE, gateway.events["order_A"])


def test_an_archived_history_is_told_once_it_is_purged(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """It is the same."""
    put(gateway)
    before = read_history(gateway, lambda: ledger, "order_A").events
    Actions(gateway, ledger).purge("order_A", ActionContext(ANN))
    told = read_history(gateway, lambda: ledger, "order_A")
    assert (told.source, told.events) == (Source.ARCHIVE, before)


def test_an_archived_history_is_told_during_an_outage(gateway: FakeGateway, ledger: Ledger) -> None:
    """One that is not archived is not there now."""
    put(gateway)
    gateway.errors["history"] = [DaprUnavailable("no sidecar")]
    with pytest.raises(DaprUnavailable):
        read_history(gateway, lambda: ledger, "order_A")
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    gateway.errors["history"] = [DaprUnavailable("no sidecar")]
    assert read_history(gateway, lambda: ledger, "order_A").source is Source.ARCHIVE


def test_an_id_that_nobody_knows_has_no_history(gateway: FakeGateway, ledger: Ledger) -> None:
    """Nor has one that was gone before it could be archived."""
    with pytest.raises(UnknownInstance):
        read_history(gateway, lambda: ledger, "order_A")
    put(gateway, status=Status.RUNNING)
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    gateway.instances.clear()
    with pytest.raises(UnknownInstance):
        read_history(gateway, lambda: ledger, "order_A")
