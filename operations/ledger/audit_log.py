"""The audit log: which operator did what to which instance, and with which outcome."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    bindparam,
    insert,
    select,
    update,
)

from operations.ledger.actor_columns import actor_in, row_of
from operations.ledger.db.connections import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.tables import audit_log
from operations.model import Action, Status
from operations.records import ALL_TIME, START, AuditEntry, Outcome, Period, RunSummary

NO_APP = ""
"""The `app_id` of an entry that belongs to the whole ledger, not to an instance."""

_MAY_HAVE_PAUSED = (Outcome.DONE.value, Outcome.UNKNOWN.value)
_CLOCK_SKEW = timedelta(seconds=5)  # by which the clocks of Flowdeck and the engine may differ

_FINISH_START = (
    update(audit_log)
    .where(
        audit_log.c.app_id == bindparam("of_app_id"),
        audit_log.c.instance_id == bindparam("of_instance_id"),
        audit_log.c.at == bindparam("of_start"),
        audit_log.c.action == START,
        audit_log.c.outcome == Outcome.UNKNOWN.value,
    )
    .values(
        outcome=bindparam("new_outcome"),
        message=bindparam("new_message"),
        revision=bindparam("new_revision"),
        at=bindparam("new_at"),
    )
)


class AuditLog:
    """Reads and writes audit entries; every method raises `LedgerUnavailable`."""

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def add(self, *entries: AuditEntry) -> None:
        """Add entries, all or none."""
        entries = self._with_app_id(*entries)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            add_entries(connection, revision, entries)
            set_revision(connection, revision)

    def write_ahead(self, entry: AuditEntry) -> int:
        """Add the entry of an action before it is carried out; return its key for `complete`."""
        (entry,) = self._with_app_id(entry)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            added = connection.execute(insert(audit_log).values(_row(entry, revision)))
            set_revision(connection, revision)
            return int(added.inserted_primary_key[0])  # type: ignore[index]

    def complete(self, key: int, entry: AuditEntry, *others: AuditEntry) -> None:
        """Write the outcome of an action into the entry that `write_ahead` added.

        Adds `others` in the same transaction. If the key belongs to another entry, because the
        ledger was replaced in between, `entry` is added as well.
        """
        entry, *rest = self._with_app_id(entry, *others)
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            query = update(audit_log).where(*_is_open(key, entry)).values(_row(entry, revision))
            is_found = connection.execute(query).rowcount
            add_entries(connection, revision, rest if is_found else (entry, *rest))
            set_revision(connection, revision)

    def of(self, instance_id: str, limit: int, within: Period = ALL_TIME) -> tuple[AuditEntry, ...]:
        """Return the entries of an instance id in a period, the newest first."""
        columns = audit_log.c
        query = (
            select(audit_log)
            .where(columns.app_id == self._app_id(), columns.instance_id == instance_id)
            .where(columns.at >= within.since, columns.at < within.until)
            .order_by(columns.at.desc(), columns.key.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(map(entry_in, connection.execute(query).mappings()))

    def pauses_of(self, runs: Iterable[RunSummary]) -> dict[int, AuditEntry]:
        """Return, by `run_id`, the pauses by which Flowdeck suspended the runs that are suspended.

        A run that another program suspended has none.
        """
        suspended = {(run.app_id, run.instance_id): run for run in runs if run.suspended_at}
        if not suspended:
            return {}
        app_ids, instance_ids = (set(each) for each in zip(*suspended, strict=True))
        columns = audit_log.c
        query = (
            select(audit_log)
            .where(columns.app_id.in_(app_ids), columns.instance_id.in_(instance_ids))
            .where(columns.action == Action.PAUSE.value, columns.outcome.in_(_MAY_HAVE_PAUSED))
            .order_by(columns.at, columns.key)
        )
        with reading(self._engine) as connection:
            entries = [entry_in(row) for row in connection.execute(query).mappings()]
        pauses = ((suspended.get((each.app_id or "", each.instance_id)), each) for each in entries)
        return {run.run_id: each for run, each in pauses if run and _is_since(run, each)}

    def of_bulk(self, bulk_id: str) -> tuple[AuditEntry, ...]:
        """Return the entries of a bulk job, the oldest first."""
        query = select(audit_log).where(audit_log.c.bulk_id == bulk_id).order_by(audit_log.c.key)
        with reading(self._engine) as connection:
            return tuple(map(entry_in, connection.execute(query).mappings()))

    def _with_app_id(self, *entries: AuditEntry) -> tuple[AuditEntry, ...]:
        app_id = self._app_id()
        return tuple(replace(entry, app_id=app_id) for entry in entries)


def add_entries(connection: Connection, revision: int, entries: Sequence[AuditEntry]) -> None:
    """Add entries within a transaction."""
    if entries:
        connection.execute(insert(audit_log), [_row(entry, revision) for entry in entries])


def finish_start(  # noqa: PLR0913, PLR0917 - the key of the entry, and its new values
    connection: Connection,
    revision: int,
    app_id: str,
    instance_id: str,
    reserved_at: datetime,
    outcome: Outcome,
    *,
    at: datetime | None = None,
    message: str | None = None,
) -> None:
    """Write the outcome of a start into the audit entry of its reservation, if there is one."""
    values = {
        "of_app_id": app_id,
        "of_instance_id": instance_id,
        "of_start": reserved_at,
        "new_outcome": outcome.value,
        "new_message": message,
        "new_revision": revision,
        "new_at": at or reserved_at,
    }
    connection.execute(_FINISH_START, values)


def _is_since(run: RunSummary, pause: AuditEntry) -> bool:
    """Return True if a run is suspended since this pause, not since a later one.

    The entry is completed after the pause.
    """
    return run.suspended_at is not None and pause.at >= run.suspended_at - _CLOCK_SKEW


def _row(entry: AuditEntry, revision: int) -> dict[str, Any]:
    return {**row_of(entry), "revision": revision}


def _is_open(key: int, entry: AuditEntry) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the entry that `write_ahead` added, while it has no outcome."""
    columns = audit_log.c
    return (
        columns.key == key,
        columns.app_id == entry.app_id,
        columns.instance_id == entry.instance_id,
        columns.action == entry.action,
        columns.outcome == Outcome.UNKNOWN.value,
    )


def entry_in(row: RowMapping) -> AuditEntry:
    """Return the entry of a row."""
    return AuditEntry(
        at=row["at"],
        actor=actor_in(row),
        action=row["action"],
        instance_id=row["instance_id"],
        outcome=Outcome(row["outcome"]),
        before=_status(row["before"]),
        after=_status(row["after"]),
        message=row["message"],
        reason=row["reason"],
        bulk_id=row["bulk_id"],
        app_id=row["app_id"],
    )


def _status(text: str | None) -> Status | None:
    return Status(text) if text else None
