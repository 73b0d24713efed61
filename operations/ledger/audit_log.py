"""What operators did, and what they have begun to do."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, insert, select, update

from operations.ledger.actor_columns import actor_in, row_of
from operations.ledger.db.sessions import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.tables import audit_log
from operations.model import Status
from operations.records import ALL_TIME, AuditEntry, Outcome, Period


class AuditLog:
    """The deeds; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def note(self, *audit_entries: AuditEntry) -> None:
        """Add deeds, all or none."""
        audit_entries = self._with_app_id(*audit_entries)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            _add(connection, revision, audit_entries)
            set_revision(connection, revision)

    def begin(self, entry: AuditEntry) -> int:
        """Add a deed that is about to be done, and return the key by which `end` finds it."""
        (entry,) = self._with_app_id(entry)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            added = connection.execute(insert(audit_log).values(_row(entry, revision)))
            set_revision(connection, revision)
            return int(added.inserted_primary_key[0])  # type: ignore[index]

    def end(self, key: int, entry: AuditEntry, *others: AuditEntry) -> None:
        """Write what came of a deed that was begun, and add others, all or none."""
        entry, *rest = self._with_app_id(entry, *others)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            begun = update(audit_log).where(*_is_begun(key, entry)).values(_row(entry, revision))
            is_here = connection.execute(begun).rowcount  # or this ledger has replaced another
            _add(connection, revision, rest if is_here else (entry, *rest))
            set_revision(connection, revision)

    def of(self, instance_id: str, limit: int, within: Period = ALL_TIME) -> tuple[AuditEntry, ...]:
        """Return what was done to an instance id in a period, newest first."""
        columns = audit_log.c
        query = (
            select(audit_log)
            .where(columns.app_id == self._app_id(), columns.instance_id == instance_id)
            .where(columns.at >= within.since, columns.at < within.until)
            .order_by(columns.at.desc(), columns.key.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(_deed(row) for row in connection.execute(query).mappings())

    def of_bulk(self, bulk: str) -> tuple[AuditEntry, ...]:
        """Return what was done as a part of a bulk, in its order."""
        query = select(audit_log).where(audit_log.c.bulk == bulk).order_by(audit_log.c.key)
        with reading(self._engine) as connection:
            return tuple(_deed(row) for row in connection.execute(query).mappings())

    def _with_app_id(self, *entries: AuditEntry) -> tuple[AuditEntry, ...]:
        app_id = self._app_id()
        return tuple(replace(entry, app_id=app_id) for entry in entries)


def _add(connection: Connection, revision: int, audit_entries: Sequence[AuditEntry]) -> None:
    if audit_entries:
        connection.execute(insert(audit_log), [_row(entry, revision) for entry in audit_entries])


def _row(entry: AuditEntry, revision: int) -> dict[str, Any]:
    return {**row_of(entry), "revision": revision}


def _is_begun(key: int, entry: AuditEntry) -> tuple[ColumnElement[bool], ...]:
    columns = audit_log.c
    return (
        columns.key == key,
        columns.app_id == entry.app_id,
        columns.instance_id == entry.instance_id,
        columns.action == entry.action,
        columns.outcome == Outcome.UNKNOWN.value,
    )


def _deed(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        at=row["at"],
        actor=actor_in(row),
        action=row["action"],
        app_id=row["app_id"],
        instance_id=row["instance_id"],
        outcome=Outcome(row["outcome"]),
        before=_status(row["before"]),
        after=_status(row["after"]),
        message=row["message"],
        reason=row["reason"],
        bulk=row["bulk"],
    )


def _status(text: str | None) -> Status | None:
    return Status(text) if text else None
