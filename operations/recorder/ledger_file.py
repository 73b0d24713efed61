"""The ledger's file, which may be deleted or replaced while it is open."""

from pathlib import Path

_SQLITE = "sqlite:///"


class LedgerFile:
    """Remembers which file stood at the path of a ledger's URL.

    SQLite goes on with the file that it opened, though nobody finds that one any more.
    """

    def __init__(self, url: str) -> None:
        self._path = Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
        self._file = self._found()

    @property
    def is_another(self) -> bool:
        """Whether there is another file now, or none. A ledger that is no file stays itself."""
        return self._found() != self._file

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found else None
