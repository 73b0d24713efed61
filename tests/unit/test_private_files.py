"""The data of Flowdeck is for its user alone."""

import os
from pathlib import Path

import pytest

from operations.private_files import keep_private
from system.dapr.api_token import FILE_NAME, write_token


def mode(path: Path) -> int:
    """Return the permissions of a file or a folder."""
    return path.stat().st_mode & 0o777


def test_existing_data_become_private(tmp_path: Path) -> None:
    """Group and others lose every permission, also if an earlier version made the files."""
    file, script = (tmp_path / "data" / "logs" / name for name in ("worker.log", "own.sh"))
    file.parent.mkdir(parents=True)
    for path, permissions in ((file, 0o644), (script, 0o755)):
        path.touch()
        path.chmod(permissions)
    for path in (file.parent, tmp_path / "data"):
        path.chmod(0o755)
    keep_private(tmp_path / "data")
    assert (mode(file), mode(script)) == (0o600, 0o700)
    assert mode(file.parent) == mode(tmp_path / "data") == 0o700


def test_new_data_are_private(tmp_path: Path) -> None:
    """The folder need not exist yet; processes that this one starts do the same."""
    keep_private(tmp_path / "data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.db").touch()
    assert mode(tmp_path / "data") == 0o700
    assert mode(tmp_path / "data" / "ledger.db") == 0o600


def test_a_file_elsewhere_keeps_its_mode(tmp_path: Path) -> None:
    """A symbolic link in the folder may lead to a file of another program."""
    other = tmp_path / "other"
    other.touch(0o644)
    other.chmod(0o644)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(other)
    (tmp_path / "data" / "broken").symlink_to(tmp_path / "nothing")
    keep_private(tmp_path / "data")
    assert mode(other) == 0o644


def test_each_start_has_a_random_token(tmp_path: Path) -> None:
    """Only the user can read it."""
    os.umask(0)
    first, second = (write_token(tmp_path, None) for _ in range(2))
    assert first != second
    assert min(len(first), len(second)) >= 32
    assert (tmp_path / FILE_NAME).read_text() == f"{second}\n"
    assert mode(tmp_path / FILE_NAME) == 0o600


@pytest.mark.parametrize("before", ["", "old\n"])
def test_the_user_s_own_token_wins(tmp_path: Path, before: str) -> None:
    """It is in the same file, where tools look for it."""
    (tmp_path / FILE_NAME).write_text(before)
    assert write_token(tmp_path, "own") == "own"
    assert (tmp_path / FILE_NAME).read_text() == "own\n"
