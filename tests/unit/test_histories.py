"""Histories of instances, read from the engine or from the archive."""

import pytest

from operations.actions import ActionContext, Actions
from operations.errors import DaprUnavailable, HistoryLost, UnknownInstance
from operations.history_source import Source, read_history
from operations.ledger import Ledger
from operations.model import Status
from operations.snapshots import read_snapshot
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN, put


def test_the_history_comes_from_the_engine_while_it_has_one(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """For a running instance and for a finished one."""
    for status in (Status.RUNNING, Status.COMPLETED):
        put(gateway, status=status)
        found = read_history(gateway, lambda: ledger, "order_A")
        assert (found.source, found.events) == (Source.DAPR, gateway.events["order_A"])


def test_the_history_comes_from_the_archive_after_a_purge(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The archived history is the same."""
    put(gateway)
    before = read_history(gateway, lambda: ledger, "order_A").events
    Actions(gateway, ledger).purge("order_A", ActionContext(ANN))
    found = read_history(gateway, lambda: ledger, "order_A")
    assert (found.source, found.events) == (Source.ARCHIVE, before)


def test_the_history_comes_from_the_archive_during_an_outage(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """A history that is not archived raises the engine's error."""
    put(gateway)
    gateway.errors["history"] = [DaprUnavailable("no sidecar")]
    with pytest.raises(DaprUnavailable):
        read_history(gateway, lambda: ledger, "order_A")
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    gateway.errors["history"] = [DaprUnavailable("no sidecar")]
    assert read_history(gateway, lambda: ledger, "order_A").source is Source.ARCHIVE


def test_the_history_comes_from_the_archive_if_the_engine_has_lost_it(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """A history that is not archived raises the engine's error."""
    put(gateway)
    found = read_snapshot(gateway, "order_A")
    assert found
    gateway.lost.add("order_A")
    with pytest.raises(HistoryLost):
        read_history(gateway, lambda: ledger, "order_A")
    ledger.runs.ingest([found])
    assert read_history(gateway, lambda: ledger, "order_A").source is Source.ARCHIVE


def test_an_unknown_id_has_no_history(gateway: FakeGateway, ledger: Ledger) -> None:
    """An instance that was purged before it was archived has none either."""
    with pytest.raises(UnknownInstance):
        read_history(gateway, lambda: ledger, "order_A")
    put(gateway, status=Status.RUNNING)
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    gateway.instances.clear()
    with pytest.raises(UnknownInstance):
        read_history(gateway, lambda: ledger, "order_A")
