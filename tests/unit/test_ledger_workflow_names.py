"""The names of workflows."""

import pytest

from operations.ledger import Ledger
from operations.ledger.search import workflow_names
from tests.unit.snapshots import pending, snapshot

pytestmark = pytest.mark.both_databases


def add(ledger: Ledger, *workflows: str) -> None:
    """Record a run of each workflow."""
    ledger.runs.ingest(
        [
            snapshot(instance_id=f"i{number}", execution=f"e{number}", workflow=name)
            for number, name in enumerate(workflows)
        ]
    )


def test_each_name_is_listed_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order; a run that has no name yet is left out."""
    assert ledger.search.workflow_names() == ()
    add(ledger, "b", "a", "b", "import pages: ü", "a")
    ledger.runs.ingest([pending(instance_id="later")])
    assert ledger.search.workflow_names() == ("a", "b", "import pages: ü")
    monkeypatch.setattr(workflow_names, "MAX_NAMES", 2)
    assert ledger.search.workflow_names() == ("a", "b")
