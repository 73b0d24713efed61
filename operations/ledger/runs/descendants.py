"""What stands below instances, and what failed in them, many at a time."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, bindparam, case, func, select, true

from operations.ledger.db.batches import in_portions
from operations.ledger.db.sessions import asking
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import Ending

_FINISHED = [status.value for status in Status if status.is_finished]
_COLUMNS = runs.c
_PARENT_APP_ID = func.coalesce(_COLUMNS.parent_app_id, _COLUMNS.app_id)
_THERE = (_COLUMNS.is_latest.is_(true()), _COLUMNS.purged_at.is_(None))
_FAILED = select(attempts.c.run_id).where(
    attempts.c.run_id.in_(bindparam("run_ids", expanding=True)),
    attempts.c.ending == Ending.FAILED.value,
)
_PARENTS_OF_FAILED = select(_COLUMNS.parent_id).where(
    bindparam("app_id") == _PARENT_APP_ID,
    _COLUMNS.parent_id.in_(bindparam("ids", expanding=True)),
    _COLUMNS.status.in_([Status.FAILED.value, Status.TERMINATED.value, Status.UNKNOWN.value]),
)


@dataclass(frozen=True)
class Below:
    """How many descendants of an instance the engine still has, and how many have not ended."""

    number: int = 0
    unfinished: int = 0


class Descendants:
    """What is asked of many at once; it raises `LedgerUnavailable` and `QueryTimeout`."""

    def __init__(self, engine: Engine, app_id: Callable[[], str], seconds: float) -> None:
        self._engine = engine
        self._app_id = app_id
        self._seconds = seconds

    def below(self, ids: Collection[str]) -> Mapping[str, Below]:
        """Return what is below those ids that have anything below them."""
        found: dict[str, Below] = {}
        app_id = self._app_id()
        with asking(self._engine, self._seconds) as connection:
            for portion in in_portions(ids):
                wanted = {"app_id": app_id, "ids": portion}
                for root, number, unfinished in connection.execute(_BELOW, wanted):
                    found[root] = Below(number, unfinished)
        return found

    def with_failures(self, runs: Collection[RunSummary]) -> frozenset[int]:
        """Return the keys of those lives in which a step failed: an attempt, or a child."""
        found: set[int] = set()
        app_id = self._app_id()
        with asking(self._engine, self._seconds) as connection:
            for portion in in_portions(runs):
                run_ids, ids = (
                    [each.run_id for each in portion],
                    [each.instance_id for each in portion],
                )
                found.update(connection.execute(_FAILED, {"run_ids": run_ids}).scalars())
                wanted = {"app_id": app_id, "ids": ids}
                parents = set(connection.execute(_PARENTS_OF_FAILED, wanted).scalars())
                found.update(each.run_id for each in portion if each.instance_id in parents)
        return frozenset(found)


def _below() -> Select[Any]:
    """Make the query of all that is below some ids; each descendant counts once for a root."""
    columns = (_COLUMNS.app_id, _COLUMNS.instance_id, _COLUMNS.status)
    children = (
        _COLUMNS.parent_id.in_(bindparam("ids", expanding=True)),
        bindparam("app_id") == _PARENT_APP_ID,
    )
    first = select(_COLUMNS.parent_id.label("root"), *columns).where(*children, *_THERE)
    found = first.cte("below", recursive=True)
    is_child = (
        _COLUMNS.parent_id == found.c.instance_id,
        found.c.app_id == _PARENT_APP_ID,
    )
    onward = select(found.c.root, *columns).where(*is_child, *_THERE)
    every = found.union(onward)
    unfinished = case((every.c.status.in_(_FINISHED), 0), else_=1)
    query = select(every.c.root, func.count(), func.sum(unfinished))
    return query.group_by(every.c.root)


_BELOW = _below()  # made once: to make a statement takes longer than to execute it
