"""The children of runs in other applications."""

import pytest

from operations.ledger import Ledger
from operations.records import RemoteChild, Snapshot
from operations.timeline import Span, SpanKind
from tests.unit.snapshots import at, snapshot

pytestmark = pytest.mark.both_databases


def parent(*children: tuple[str, str | None], instance_id: str = "up", read: float = 1) -> Snapshot:
    """Return a snapshot of a run with children, each an id and its application."""
    spans = tuple(
        Span(SpanKind.CHILD, "pay", n, n, at(0), instance_id=child, app_id=app)
        for n, (child, app) in enumerate(children)
    )
    return snapshot(instance_id=instance_id, read=read, spans=spans)


def test_a_child_in_another_application_is_found(ledger: Ledger) -> None:
    """With its application and its parent; a child of the same application is none."""
    ledger.runs.ingest([parent(("there", "billing"), ("here", None))])
    assert ledger.runs.remote_child("there") == RemoteChild("there", "billing", "up")
    assert ledger.runs.remote_child("here") is None
    assert ledger.for_app("other").runs.remote_child("there") is None


def test_a_child_is_written_once(ledger: Ledger) -> None:
    """Whoever reads its parent again, and whoever else names it."""
    ledger.runs.ingest([parent(("a", "billing"))])
    ledger.runs.ingest([parent(("a", "billing"), ("b", "billing"), ("b", "billing"), read=2)])
    ledger.runs.ingest([parent(("b", "shipping"), instance_id="other")])
    assert ledger.runs.remote_child("b") == RemoteChild("b", "billing", "up")


def test_a_child_with_an_impossible_id_is_left_out(ledger: Ledger) -> None:
    """The parent is written."""
    ledger.runs.ingest([parent(("x" * 300, "billing"), ("y", "billing"))])
    assert ledger.runs.remote_child("y")
    assert ledger.runs.latest("up")
