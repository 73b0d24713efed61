"""Queries about many instances at once: their descendants, their failed calls, their reruns."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, bindparam, case, func, select, true

from operations.ledger.db.batches import in_batches
from operations.ledger.db.connections import reading_within
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import Ending

_FINISHED = [status.value for status in Status if status.is_finished]
_COLUMNS = runs.c
_PARENT_APP_ID = func.coalesce(_COLUMNS.parent_app_id, _COLUMNS.app_id)
_IN_DAPR = (_COLUMNS.is_latest.is_(true()), _COLUMNS.purged_at.is_(None))
_FAILED = select(attempts.c.run_id).where(
    attempts.c.run_id.in_(bindparam("run_ids", expanding=True)),
    attempts.c.ending == Ending.FAILED.value,
)
_RERUN = select(_COLUMNS.rerun_of).where(
    _COLUMNS.app_id == bindparam("app_id"),
    _COLUMNS.rerun_of.in_(bindparam("ids", expanding=True)),
)
_PARENTS_OF_FAILED = select(_COLUMNS.parent_id).where(
    bindparam("app_id") == _PARENT_APP_ID,
    _COLUMNS.parent_id.in_(bindparam("ids", expanding=True)),
    _COLUMNS.status.in_([Status.FAILED.value, Status.TERMINATED.value, Status.UNKNOWN.value]),
)


@dataclass(frozen=True)
class DescendantCounts:
    """The number of descendants that an instance has in the engine, and of unfinished ones."""

    number: int = 0
    unfinished: int = 0


class Descendants:
    """Queries about many instances at once.

    Every method raises `LedgerUnavailable` and `QueryTimeout`.
    """

    def __init__(self, engine: Engine, app_id: Callable[[], str], seconds: float) -> None:
        self._engine = engine
        self._app_id = app_id
        self._seconds = seconds

    def counts(self, ids: Collection[str]) -> Mapping[str, DescendantCounts]:
        """Return the counts by id; ids without descendants are left out."""
        found: dict[str, DescendantCounts] = {}
        app_id = self._app_id()
        with reading_within(self._engine, self._seconds) as connection:
            for batch in in_batches(ids):
                wanted = {"app_id": app_id, "ids": batch}
                for root, number, unfinished in connection.execute(_COUNTS, wanted):
                    found[root] = DescendantCounts(number, unfinished)
        return found

    def with_failures(self, runs: Collection[RunSummary]) -> frozenset[int]:
        """Return the `run_id`s of the runs with a failed call of an activity or a child."""
        found: set[int] = set()
        app_id = self._app_id()
        with reading_within(self._engine, self._seconds) as connection:
            for batch in in_batches(runs):
                run_ids, ids = (
                    [each.run_id for each in batch],
                    [each.instance_id for each in batch],
                )
                found.update(connection.execute(_FAILED, {"run_ids": run_ids}).scalars())
                wanted = {"app_id": app_id, "ids": ids}
                parents = set(connection.execute(_PARENTS_OF_FAILED, wanted).scalars())
                found.update(each.run_id for each in batch if each.instance_id in parents)
        return frozenset(found)

    def with_reruns(self, ids: Collection[str]) -> frozenset[str]:
        """Return the ids of the instances that have been rerun."""
        found: set[str] = set()
        app_id = self._app_id()
        with reading_within(self._engine, self._seconds) as connection:
            for batch in in_batches(ids):
                wanted = {"app_id": app_id, "ids": batch}
                found.update(connection.execute(_RERUN, wanted).scalars())
        return frozenset(found)


def _counts_query() -> Select[Any]:
    """Return the query for the descendants of ids; a descendant counts once for each root."""
    columns = (_COLUMNS.app_id, _COLUMNS.instance_id, _COLUMNS.status)
    children = (
        _COLUMNS.parent_id.in_(bindparam("ids", expanding=True)),
        bindparam("app_id") == _PARENT_APP_ID,
    )
    first = select(_COLUMNS.parent_id.label("root"), *columns).where(*children, *_IN_DAPR)
    found = first.cte("descendants", recursive=True)
    is_child = (
        _COLUMNS.parent_id == found.c.instance_id,
        found.c.app_id == _PARENT_APP_ID,
    )
    next_level = select(found.c.root, *columns).where(*is_child, *_IN_DAPR)
    every = found.union(next_level)
    unfinished = case((every.c.status.in_(_FINISHED), 0), else_=1)
    query = select(every.c.root, func.count(), func.sum(unfinished))
    return query.group_by(every.c.root)


_COUNTS = _counts_query()  # built once: building a statement takes longer than executing it
