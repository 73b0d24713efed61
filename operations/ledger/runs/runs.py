"""The instances, life by life."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, bindparam, false, select, true

from operations.ledger.db.sessions import reading
from operations.ledger.runs.attempts import read_attempts
from operations.ledger.runs.details import read_archived, read_details
from operations.ledger.runs.generations import read_kept
from operations.ledger.runs.ingest import ingest, keep_histories, mark_purged
from operations.ledger.runs.late_start_times import add_start_times
from operations.ledger.runs.rows import (
    SUMMARY_COLUMNS,
    latest_runs,
    read_adjacent_runs,
    summary_in,
)
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import (
    EarlierGenerations,
    RunDetails,
    RunSummary,
    Snapshot,
    StartTime,
)
from operations.timeline import Span

_COLUMNS = runs.c
_NEWEST = (_COLUMNS.created_at.desc(), _COLUMNS.run_id.desc())
_IN_ENGINE = _COLUMNS.purged_at.is_(None)
_ENTRIES = select(*SUMMARY_COLUMNS).order_by(*_NEWEST)
_UNFINISHED = _ENTRIES.where(
    _COLUMNS.app_id == bindparam("app_id"),
    _COLUMNS.is_archived.is_(false()),
    _IN_ENGINE,
    _COLUMNS.revision > bindparam("since"),
)
_KEYS = range(1, 2**63)  # any other number is none that a database could be asked for


class Runs:
    """The instances; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def ingest(self, snapshots: Sequence[Snapshot]) -> set[str]:
        """Write what was seen, all or nothing; to write it again, or older news, changes nothing.

        A life is an id with an execution id. What is known of one is not lost by what was not seen
        of it. A new life of an id ends the one before: it is marked as purged, and its status is
        UNKNOWN if its end was not seen. Returns the ids of those snapshots of which nothing was
        written, for newer news is there, but not yet all of that life.
        """
        return ingest(self._engine, snapshots)

    def keep_histories(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep the histories as far as they go, for instances that are not to come to their end.

        What the ledger has archived already stays as it is.
        """
        keep_histories(self._engine, self._app_id(), snapshots)

    def archived(self, ids: Collection[str]) -> dict[str, Status]:
        """Return the status of those ids whose latest life is kept here with its history."""
        app_id = self._app_id()
        with reading(self._engine) as connection:
            return read_archived(connection, app_id, ids)

    def mark_purged(self, gone_at: Mapping[str, datetime]) -> None:
        """Note at which time the engine had no more of an id, unless it was seen after that.

        The status of a life whose end was not seen becomes UNKNOWN.
        """
        mark_purged(self._engine, self._app_id(), gone_at)

    def add_start_times(self, begins: Collection[StartTime]) -> None:
        """Note when attempts began that are known to have ended, whichever life they are of.

        What fits no attempt, or tells nothing new, changes nothing.
        """
        if begins:
            add_start_times(self._engine, self._app_id(), begins)

    def latest(self, instance_id: str) -> RunSummary | None:
        """Return the latest life of an id, None for an id that was never seen."""
        found = self._entries(
            _COLUMNS.app_id == self._app_id(),
            _COLUMNS.instance_id == instance_id,
            _COLUMNS.is_latest.is_(true()),
        )
        return found[0] if found else None

    def latest_by_id(self, ids: Iterable[str]) -> dict[str, RunSummary]:
        """Return the latest life of each id that was ever seen."""
        app_id = self._app_id()
        with reading(self._engine) as connection:
            found = latest_runs(connection, app_id, ids)
            return {run.summary.instance_id: run.summary for run in found}

    def get(self, run_id: int) -> RunSummary | None:
        """Return the life with this key, None if there is none."""
        found = self._entries(_COLUMNS.run_id == run_id) if run_id in _KEYS else ()
        return found[0] if found else None

    def adjacent_runs(self, run: RunSummary) -> tuple[RunSummary | None, RunSummary | None]:
        """Return the lives of the same id right before and right after one, None at the ends."""
        with reading(self._engine) as connection:
            return read_adjacent_runs(connection, run)

    def details(self, run_id: int) -> RunDetails | None:
        """Return the rest of a life, None if there is no such life."""
        with reading(self._engine) as connection:
            return read_details(connection, run_id)

    def attempts(self, run_id: int, generation: int | None = None) -> tuple[Span, ...]:
        """Return the activity attempts of a life in the order in which they began.

        They are without their payloads; of a workflow that continues as new they are those of one
        generation: of the last that was seen, unless another is asked for.
        """
        with reading(self._engine) as connection:
            return read_attempts(connection, run_id, generation)

    def earlier_generations(self, run_id: int) -> EarlierGenerations:
        """Return what is kept of the earlier generations of a life.

        Those are the newest that have 10,000 attempts at most together.
        """
        with reading(self._engine) as connection:
            return read_kept(connection, run_id)

    def unfinished(self, since: int = -1) -> tuple[RunSummary, ...]:
        """Return the lives that the engine has and that are to be followed.

        Those are also the finished ones of which no history has been recorded yet. `since` is a
        revision: then only those of which something was written after it.
        """
        return self._read(_UNFINISHED, app_id=self._app_id(), since=since)

    def finished(self) -> dict[str, datetime | None]:
        """Return the ids whose latest life the engine has, and is finished and wholly recorded.

        With each comes when it ended, as the engine says (`last_updated_at`).
        """
        columns = (_COLUMNS.instance_id, _COLUMNS.last_updated_at)
        is_of_app = _COLUMNS.app_id == self._app_id()
        query = select(*columns).where(is_of_app, _COLUMNS.is_archived.is_(true()), _IN_ENGINE)
        with reading(self._engine) as connection:
            return {row.instance_id: row.last_updated_at for row in connection.execute(query)}

    def _entries(self, *conditions: ColumnElement[bool]) -> tuple[RunSummary, ...]:
        return self._read(_ENTRIES.where(*conditions))

    def _read(self, query: Select[Any], **values: object) -> tuple[RunSummary, ...]:
        with reading(self._engine) as connection:
            return tuple(map(summary_in, connection.execute(query, values).mappings()))
