"""The objects that the dashboard's process builds once."""

import pytest
from sqlalchemy import text

from dashboard import services
from dashboard.__main__ import main
from operations.errors import EXIT_DO_NOT_RESTART, LedgerReplaced
from operations.ledger.db.connections import writing
from tests.unit.pages import Desk


def test_a_replaced_ledger_ends_the_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor starts another process, which has no state of the old ledger."""
    ended: list[bool] = []
    monkeypatch.setattr(services, "_end_process", lambda: ended.append(True))
    desk.open()

    def replaced() -> None:
        raise LedgerReplaced("another file")

    monkeypatch.setattr(services.services().ledger, "heartbeat", replaced)
    services.state_reader().refresh()
    services.state_reader().state()
    assert ended == [True]


def test_the_process_refuses_a_ledger_of_another_version(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to do, and a restart cannot help."""
    with writing(desk.ledger._engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == EXIT_DO_NOT_RESTART
    assert "Move the ledger aside" in capsys.readouterr().err


def test_the_process_refuses_a_bad_setting(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the setting, what was found, and what was expected."""
    del desk
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", "mysql://db/ledger")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == EXIT_DO_NOT_RESTART
    assert "FLOWDECK_LEDGER_URL: found 'mysql://db/ledger'" in capsys.readouterr().err
