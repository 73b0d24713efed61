"""Finding PostgreSQL's programs for the tests."""

from pathlib import Path

import pytest

from tests.postgres import programs


def programs_of(version: str, folder: Path) -> Path:
    """Create a version as Debian does, and return the folder of its programs."""
    found = folder / version / "bin"
    found.mkdir(parents=True)
    (found / "initdb").touch(mode=0o755)
    return found


def test_the_newest_of_debians_versions_is_used(tmp_path: Path) -> None:
    """Versions are compared as numbers: 17 is newer than 9."""
    programs_of("9", tmp_path)
    newest = programs_of("17", tmp_path)
    programs_of("15", tmp_path)
    assert programs.find(tmp_path) == newest


def test_a_postgresql_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Debian's PostgreSQL, the programs on the PATH are used."""
    found = programs_of("17", tmp_path)
    monkeypatch.setenv("PATH", str(found))
    assert programs.find(tmp_path / "none") == found


def test_without_postgresql_the_error_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the command that installs it; no test is skipped without a database."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="type: apt-get install postgresql"):
        programs.find(tmp_path)
