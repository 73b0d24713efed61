"""Reads and writes the runs of instances."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, bindparam, false, select, true

from operations.ledger.db.connections import reading
from operations.ledger.ledger_limits import GenerationLimits
from operations.ledger.runs.attempts import read_attempts
from operations.ledger.runs.details import read_archived, read_details, read_payloads
from operations.ledger.runs.generations import read_earlier_generations
from operations.ledger.runs.ingest import ingest, keep_histories, mark_purged, read_merged
from operations.ledger.runs.late_start_times import add_start_times
from operations.ledger.runs.remote_children import read_remote_child
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
    RemoteChild,
    RunDetails,
    RunSummary,
    Snapshot,
)
from operations.timeline import Span, StartTime

_COLUMNS = runs.c
_NEWEST = (_COLUMNS.created_at.desc(), _COLUMNS.run_id.desc())
_IN_DAPR = _COLUMNS.purged_at.is_(None)
_SUMMARIES = select(*SUMMARY_COLUMNS).order_by(*_NEWEST)
_UNFINISHED = _SUMMARIES.where(
    _COLUMNS.app_id == bindparam("app_id"),
    _COLUMNS.is_archived.is_(false()),
    _IN_DAPR,
    _COLUMNS.revision > bindparam("since"),
)
_RUN_IDS = range(1, 2**63)  # a database refuses larger numbers as values of its column


class Runs:
    """Reads and writes runs; every method raises `LedgerUnavailable`."""

    def __init__(self, engine: Engine, app_id: Callable[[], str], limits: GenerationLimits) -> None:
        self._engine = engine
        self._app_id = app_id
        self._limits = limits

    def ingest(self, snapshots: Sequence[Snapshot]) -> set[str]:
        """Write snapshots, all or none; return the ids whose snapshot was stale.

        Writing a snapshot again changes nothing. A value that a snapshot does not have stays as it
        is in the ledger. A new run of an id supersedes the run before: that one is marked as
        purged, and its status becomes UNKNOWN if its end was not read. A stale snapshot is not
        written; its id is returned unless the ledger already has the whole run.
        """
        return ingest(self._engine, snapshots, self._limits.attempts)

    def merged(self, snapshot: Snapshot) -> RunSummary:
        """Return the latest run of the snapshot's id as `ingest` would write it; writes nothing.

        The `run_id` and the `revision` of a run that the ledger does not have yet are 0.
        """
        with reading(self._engine) as connection:
            return read_merged(connection, snapshot)

    def keep_histories(self, snapshots: Sequence[Snapshot]) -> None:
        """Write the histories of unfinished runs whose end will not be read.

        Histories that are archived already stay as they are.
        """
        keep_histories(self._engine, self._app_id(), snapshots)

    def archived(self, ids: Collection[str]) -> dict[str, Status]:
        """Return, by id, the status of the latest runs whose history is in the ledger.

        Purged runs are left out.
        """
        app_id = self._app_id()
        with reading(self._engine) as connection:
            return read_archived(connection, app_id, ids)

    def mark_purged(self, purged_at: Mapping[str, datetime]) -> None:
        """Mark the latest runs of ids as purged, except those that were read after that time.

        The status of a run whose end was not read becomes UNKNOWN.
        """
        mark_purged(self._engine, self._app_id(), purged_at)

    def add_start_times(self, start_times: Collection[StartTime]) -> None:
        """Write start times into attempts that have ended, of all runs of their instance ids.

        A start time that fits no attempt, or that is known already, changes nothing.
        """
        if start_times:
            add_start_times(self._engine, self._app_id(), start_times)

    def latest(self, instance_id: str) -> RunSummary | None:
        """Return the latest run of an id, None for an id without a run."""
        found = self._summaries(
            _COLUMNS.app_id == self._app_id(),
            _COLUMNS.instance_id == instance_id,
            _COLUMNS.is_latest.is_(true()),
        )
        return found[0] if found else None

    def remote_child(self, instance_id: str) -> RemoteChild | None:
        """Return the child with this id that a run has in another application, None if none has."""
        app_id = self._app_id()
        with reading(self._engine) as connection:
            return read_remote_child(connection, app_id, instance_id)

    def latest_by_id(self, ids: Iterable[str]) -> dict[str, RunSummary]:
        """Return the latest run of each id that has one."""
        app_id = self._app_id()
        with reading(self._engine) as connection:
            found = latest_runs(connection, app_id, ids)
            return {run.summary.instance_id: run.summary for run in found}

    def get(self, run_id: int) -> RunSummary | None:
        """Return the run with this `run_id`, None if there is none."""
        found = self._summaries(_COLUMNS.run_id == run_id) if run_id in _RUN_IDS else ()
        return found[0] if found else None

    def adjacent_runs(self, run: RunSummary) -> tuple[RunSummary | None, RunSummary | None]:
        """Return the runs of the same id right before and right after a run, None at the ends."""
        with reading(self._engine) as connection:
            return read_adjacent_runs(connection, run)

    def details(self, run_id: int) -> RunDetails | None:
        """Return the details of a run, None if there is no such run."""
        with reading(self._engine) as connection:
            return read_details(connection, run_id)

    def payloads(self, run_ids: Sequence[int]) -> dict[int, RunDetails]:
        """Return the details of runs by `run_id`; `history` is None, for it is not read."""
        with reading(self._engine) as connection:
            return read_payloads(connection, run_ids)

    def attempts(self, run_id: int, generation: int | None = None) -> tuple[Span, ...]:
        """Return the activity attempts of a run in the order in which they were scheduled.

        The spans have no payloads. If the workflow continues as new, the result has the attempts of
        one generation; the default is the last one that was read.
        """
        with reading(self._engine) as connection:
            return read_attempts(connection, run_id, generation)

    def earlier_generations(self, run_id: int) -> EarlierGenerations:
        """Return the earlier generations of a run that the ledger has.

        `GenerationLimits` says how many these are.
        """
        with reading(self._engine) as connection:
            return read_earlier_generations(connection, run_id, self._limits.listed)

    def unfinished(self, since: int = -1) -> tuple[RunSummary, ...]:
        """Return the runs that the recorder follows: not archived yet, and not purged.

        They include finished runs whose history is not archived yet. Only runs that were written
        after the revision `since` are returned.
        """
        return self._read(_UNFINISHED, app_id=self._app_id(), since=since)

    def finished(self) -> dict[str, datetime | None]:
        """Return the ids of the archived runs that the engine still has.

        The value of each id is the engine's `last_updated_at`: when the run ended.
        """
        columns = (_COLUMNS.instance_id, _COLUMNS.last_updated_at)
        is_of_app = _COLUMNS.app_id == self._app_id()
        query = select(*columns).where(is_of_app, _COLUMNS.is_archived.is_(true()), _IN_DAPR)
        with reading(self._engine) as connection:
            return {row.instance_id: row.last_updated_at for row in connection.execute(query)}

    def _summaries(self, *conditions: ColumnElement[bool]) -> tuple[RunSummary, ...]:
        return self._read(_SUMMARIES.where(*conditions))

    def _read(self, query: Select[Any], **values: object) -> tuple[RunSummary, ...]:
        with reading(self._engine) as connection:
            return tuple(map(summary_in, connection.execute(query, values).mappings()))
