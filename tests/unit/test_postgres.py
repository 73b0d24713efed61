"""How the tests find a PostgreSQL."""

from pathlib import Path

import pytest

from tests.postgres import programs


def programs_of(version: str, folder: Path) -> Path:
    """Have a version where Debian would have it, and return the folder of its programs."""
    found = folder / version / "bin"
    found.mkdir(parents=True)
    (found / "initdb").touch(mode=0o755)
    return found


def test_the_newest_of_debians_versions_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its number, not by its letters."""
    monkeypatch.setattr(programs, "DEBIANS", tmp_path)
    programs_of("9", tmp_path)
    newest = programs_of("17", tmp_path)
    programs_of("15", tmp_path)
    assert programs.find() == newest


def test_one_in_the_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none of Debian's."""
    monkeypatch.setattr(programs, "DEBIANS", tmp_path / "none")
    found = programs_of("17", tmp_path)
    monkeypatch.setenv("PATH", str(found))
    assert programs.find() == found


def test_where_there_is_none_it_is_said_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test is skipped for want of a database."""
    monkeypatch.setattr(programs, "DEBIANS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="type: apt-get install postgresql"):
        programs.find()
