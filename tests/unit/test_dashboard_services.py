"""The objects that the dashboard's process builds once."""

import os
import signal

import pytest

from dashboard import services
from operations.errors import LedgerReplaced
from tests.unit.pages import Desk


def test_a_replaced_ledger_ends_the_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor starts another process, which remembers nothing of the old ledger."""
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    desk.open()

    def replaced() -> None:
        raise LedgerReplaced("another file")

    monkeypatch.setattr(services.services().ledger, "heartbeat", replaced)
    services.state_watcher().refresh()
    services.state_watcher().state()
    assert signals == [(os.getpid(), signal.SIGTERM)]
