"""SQLite files that are damaged: how processes report one, and how the recorder moves it aside.

A process whose query finds damage creates an empty file beside the ledger: `ledger.db.suspect`.
Only the recorder acts on it. It checks the whole file in a connection of its own, because its
queries may not touch the damaged pages. If SQLite confirms the damage, the recorder renames the
file to `ledger.db.damaged-<UTC time>`, together with `-wal` and `-shm`. The file is kept: it may be
the only archive of purged runs. Before that SQLite may have restored the file from its log.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path

from operations.recorder_report import DamagedLedger

WAL, SHM = "-wal", "-shm"
_TIME = "%Y%m%dT%H%M%SZ"
_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY = 0xFF  # the part of SQLite's extended error codes that names the kind
_MAGIC, _HEADER_SIZE = b"SQLite format 3\0", 100
_LOOKS, _LOOK_AGAIN = 5, 0.05  # seconds
_descriptors: dict[tuple[int, int], int] = {}  # by device and inode
_opening = threading.Lock()


def code_of(error: BaseException) -> int | None:
    """Return SQLite's primary error code, None if the error is not SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & _PRIMARY


def is_damage(error: BaseException) -> bool:
    """Return True if SQLite reports a file as corrupt, or as not a database."""
    return code_of(error) in _CODES


def report_damage(file: Path) -> None:
    """Ask the recorder to check a file."""
    with suppress(OSError):
        _suspicion(file).touch()


def is_suspected(file: Path) -> bool:
    """Return True if a process has reported a file, and the recorder has not settled it yet."""
    return _suspicion(file).exists()


def dismiss(file: Path) -> None:
    """Delete the report of a file."""
    _suspicion(file).unlink(missing_ok=True)


def visible_damage(file: Path) -> str | None:
    """Return how a file was overwritten or cut, None if it was not.

    SQLite itself would not notice it while the pages that it reads are in its log.
    """
    header, _ = _header_and_size(file)
    if not header:
        return None
    if not header.startswith(_MAGIC):
        return "it was overwritten"
    for _ in range(_LOOKS):
        if not _is_short(file):
            return None
        time.sleep(_LOOK_AGAIN)
    return "its end is missing"


def _is_short(file: Path) -> bool:
    """True if a file has fewer pages than its header says, as it also does during a checkpoint."""
    header, size = _header_and_size(file)
    page_size, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
    return size < pages * (page_size if page_size > 1 else 65536)


def _header_and_size(file: Path) -> tuple[bytes, int]:
    """Return the header and the size of a file; its descriptor stays open until the process ends.

    When a process closes any descriptor of a file, POSIX drops all its locks on the file, also
    those of SQLite. The next process that closes its last connection would then delete the log,
    although this process uses it: the file would be damaged.
    """
    found = file.stat()
    with _opening:
        descriptor = _descriptors.get((found.st_dev, found.st_ino))
        if descriptor is None:
            descriptor = os.open(file, os.O_RDONLY)
            found = os.fstat(descriptor)
            _descriptors[found.st_dev, found.st_ino] = descriptor
    return os.pread(descriptor, _HEADER_SIZE, 0), os.fstat(descriptor).st_size


def find_damage(file: Path, patience: float) -> str | None:
    """Return what SQLite finds wrong in a whole file, None if nothing.

    Raises `sqlite3.Error` if the file cannot be checked, for example because it stays locked for
    `patience` seconds.
    """
    url = f"{file.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(url, timeout=patience, uri=True, isolation_level=None)
    with closing(connection):
        try:
            return _integrity(connection)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return str(error)
            raise


def _integrity(connection: sqlite3.Connection) -> str | None:
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        return str(found)
    # SQLite before 3.44 does not check FTS5 indexes with the rest.
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run_texts'").fetchone():
        connection.execute("INSERT INTO run_texts (run_texts) VALUES ('integrity-check')")
    return None


def move_aside(file: Path, at: datetime) -> Path:
    """Rename a file and its log, and return the new path; the next process creates a new ledger.

    The file itself comes last. If the process is killed before that, the next call uses the same
    name, so that file and log stay together.
    """
    source = file.resolve()
    with locked(source.parent):
        kept = _unfinished(source) or _free_name(source, at)
        for suffix in (WAL, SHM, ""):
            if not Path(f"{kept}{suffix}").exists():
                with suppress(FileNotFoundError):
                    Path(f"{source}{suffix}").rename(f"{kept}{suffix}")
    dismiss(file)
    return kept


def kept_files(file: Path) -> tuple[DamagedLedger, ...]:
    """Return the damaged files beside a ledger, the oldest first."""
    source = file.resolve()
    prefix = f"{source.name}.damaged-"
    found = []
    for each in sorted(source.parent.glob(f"{escape(prefix)}*Z")):
        with suppress(ValueError):
            at = datetime.strptime(each.name.removeprefix(prefix), _TIME).replace(tzinfo=UTC)
            found.append(DamagedLedger(str(each), at))
    return tuple(found)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder, so that only one process and thread creates or renames a file in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _suspicion(file: Path) -> Path:
    return Path(f"{file.resolve()}.suspect")


def _unfinished(source: Path) -> Path | None:
    """Return the name of an interrupted move: the log has it, the file does not."""
    for suffix in (WAL, SHM):
        for log_file in source.parent.glob(f"{escape(source.name)}.damaged-*Z{suffix}"):
            kept = Path(str(log_file).removesuffix(suffix))
            if not kept.exists():
                return kept
    return None


def _free_name(source: Path, at: datetime) -> Path:
    kept = Path(f"{source}.damaged-{at.astimezone(UTC):{_TIME}}")
    return _free_name(source, at + timedelta(seconds=1)) if kept.exists() else kept
