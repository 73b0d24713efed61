"""The damage of a ledger's SQLite file: its check, its repair, and who has acknowledged it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, make_url, select, text

from operations.errors import LedgerDamaged
from operations.ledger.audit_log import NO_APP, add_entries
from operations.ledger.db import damaged_files
from operations.ledger.db.connections import reading, sqlite_file, translating, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.tables import attempts, audit_log, details, heartbeat, runs
from operations.model import Actor
from operations.recorder_report import ACKNOWLEDGE_DAMAGE, DamagedLedger
from operations.records import AuditEntry, Outcome

_ACKNOWLEDGED = select(audit_log.c.instance_id).where(
    audit_log.c.app_id == NO_APP, audit_log.c.action == ACKNOWLEDGE_DAMAGE
)
_LARGE = (details, attempts, audit_log)  # only their keys are read
_NEWEST = tuple(
    select(*(table.primary_key.columns if table in _LARGE else table.c))
    .order_by(*(key.desc() for key in table.primary_key.columns))
    .limit(1)
    for table in (heartbeat, runs, *_LARGE)
)


class Damage:
    """The damaged files that were moved aside from a ledger; PostgreSQL has none.

    Every method raises `LedgerUnavailable`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = sqlite_file(engine.url)

    def check(self) -> None:
        """Read rows, in SQLite from the file and not from a cache; raise `LedgerDamaged`."""
        with reading(self._engine) as connection:
            if self._file:
                connection.execute(text("PRAGMA shrink_memory"))
            for query in _NEWEST:
                connection.execute(query).first()
        self.check_file()
        if self._file and damaged_files.is_suspected(self._file):
            raise LedgerDamaged(str(self._file), "a query found damage")

    def check_file(self) -> None:
        """Raise `LedgerDamaged` if the file was overwritten or cut; queries may still succeed."""
        if self._file is None:
            return
        with translating(self._engine.url):
            visible = damaged_files.visible_damage(self._file)
        if visible:
            damaged_files.report_damage(self._file)
            raise LedgerDamaged(str(self._file), visible)

    def unacknowledged(self) -> tuple[DamagedLedger, ...]:
        """Return the damaged files beside the ledger that nobody has acknowledged."""
        kept = damaged_files.kept_files(self._file) if self._file else ()
        if not kept:
            return ()
        with reading(self._engine) as connection:
            known = set(connection.execute(_ACKNOWLEDGED).scalars())
        return tuple(each for each in kept if Path(each.path).name not in known)

    def acknowledge(self, actor: Actor) -> None:
        """Write an audit entry for each damaged file that nobody has acknowledged."""
        entry = AuditEntry(
            datetime.now(UTC), actor, ACKNOWLEDGE_DAMAGE, "", Outcome.DONE, app_id=NO_APP
        )
        entries = [
            replace(entry, instance_id=Path(each.path).name, message=f"It is kept as {each.path}.")
            for each in self.unacknowledged()
        ]
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            add_entries(connection, revision, entries)
            set_revision(connection, revision)


def is_suspected(url: str) -> bool:
    """Return True if a process has reported that the file of a ledger is damaged."""
    file = sqlite_file(make_url(url))
    return file is not None and damaged_files.is_suspected(file)


def settle_suspicion(url: str, patience: float = 5.0) -> tuple[Path, str] | None:
    """Check a file that was reported, and move it aside if SQLite confirms that it is damaged.

    Only the recorder calls this. Returns the new path and what SQLite found, None if it found
    nothing. Raises `LedgerUnavailable` if the file cannot be checked or moved. A file stays where
    it is if it is unreadable, is on a full disk, or stays locked for `patience` seconds.
    """
    parsed = make_url(url)
    file = sqlite_file(parsed)
    if file is None:
        return None
    with translating(parsed):
        found = damaged_files.find_damage(file, patience)
        if found:
            return damaged_files.move_aside(file, datetime.now(UTC)), found
        damaged_files.dismiss(file)
        return None
