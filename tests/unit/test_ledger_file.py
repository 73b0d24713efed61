"""A ledger whose SQLite file is deleted or replaced while it is open."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from operations.errors import LedgerReplaced
from operations.ledger import Ledger, open_ledger
from tests.unit.calls import CALLS
from tests.unit.snapshots import APP, done, snapshot


@pytest.fixture
def file(ledger_url: str) -> Path:
    """Return the ledger's file."""
    return Path(ledger_url.removeprefix("sqlite:///"))


def has(ledger: Ledger, instance_id: str) -> bool:
    """True if a ledger has an instance."""
    return ledger.runs.latest(instance_id) is not None


def delete_all(file: Path) -> None:
    """Delete the file, its log and its index."""
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()


@pytest.mark.parametrize("call", CALLS)
def test_every_call_notices_a_deleted_file(
    ledger: Ledger, file: Path, call: Callable[[Ledger], object]
) -> None:
    """On open connections and on new ones; no call creates a file."""
    ledger.heartbeat()
    delete_all(file)
    for _ in range(2):
        with pytest.raises(LedgerReplaced, match=f"deleted or replaced.*{file}"):
            call(ledger)
    assert not file.exists()


def test_a_replaced_file_is_noticed(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    """The rows of the other file are found after it is opened again."""
    other = tmp_path / "other.db"
    with closing(open_ledger(f"sqlite:///{other}").for_app(APP)) as another:
        another.runs.ingest([snapshot(instance_id="order_other")])
    delete_all(file)
    other.rename(file)
    with pytest.raises(LedgerReplaced):
        ledger.heartbeat()
    with closing(open_ledger(f"sqlite:///{file}").for_app(APP)) as reopened:
        assert has(reopened, "order_other")


def test_a_backup_that_is_copied_over_the_file_is_noticed(
    ledger: Ledger, file: Path, tmp_path: Path
) -> None:
    """The file is the same one, but the revision went back."""
    ledger.runs.ingest([snapshot()])
    ledger.heartbeat()
    ledger.close()
    shutil.copy(file, tmp_path / "backup.db")
    ledger.runs.ingest([done()])
    assert ledger.heartbeat().revision == 2
    ledger.close()
    shutil.copyfile(tmp_path / "backup.db", file)
    with pytest.raises(LedgerReplaced, match="revision 1 after 2"):
        ledger.heartbeat()


def test_the_log_of_a_deleted_file_is_not_replayed(ledger: Ledger, file: Path) -> None:
    """A new ledger is empty, also if the log of the old file is still there."""
    ledger.runs.ingest([snapshot()])
    file.unlink()
    assert list(file.parent.glob(f"{file.name}-wal"))
    with closing(open_ledger(f"sqlite:///{file}").for_app(APP)) as reopened:
        assert not has(reopened, "order_A")


def test_a_path_may_have_any_character(tmp_path: Path) -> None:
    """No character of a path has a meaning for SQLite."""
    with closing(open_ledger(f"sqlite:///{tmp_path}/a b/50% #1 é.db").for_app(APP)) as ledger:
        ledger.runs.ingest([snapshot()])
    assert (tmp_path / "a b" / "50% #1 é.db").is_file()
