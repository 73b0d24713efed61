"""The objects that the dashboard's process builds once."""

import pytest

from dashboard import services
from operations.errors import LedgerReplaced
from tests.unit.pages import Desk


def test_a_replaced_ledger_ends_the_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor starts another process, which has no state of the old ledger."""
    ended: list[bool] = []
    monkeypatch.setattr(services, "_end_process", lambda: ended.append(True))
    desk.open()

    def replaced() -> None:
        raise LedgerReplaced("another file")

    monkeypatch.setattr(services.services().ledger, "heartbeat", replaced)
    services.state_watcher().refresh()
    services.state_watcher().state()
    assert ended == [True]
