"""Stores bulk jobs and the result for each of their instances."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    bindparam,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from operations.bulk_job import (
    CANCEL_JOB,
    BulkItem,
    BulkJob,
    BulkTarget,
    ItemResult,
    JobStatus,
    StopRule,
)
from operations.ledger.actor_columns import actor_in, row_of
from operations.ledger.audit_log import NO_APP, add_entries
from operations.ledger.db.batches import in_batches
from operations.ledger.db.connections import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.micros import micros_of
from operations.ledger.tables import bulk_items, bulk_jobs, runs
from operations.model import Action, Actor, Status
from operations.records import AuditEntry, Outcome

_ITEMS, _JOBS = bulk_items.c, bulk_jobs.c
_OPEN = (JobStatus.RUNNING, JobStatus.CANCELLING)
_KEPT = 1000  # jobs that are over, whose counts a process keeps
_Counts = dict[Outcome, int]
_WRITE_RESULT = (
    update(bulk_items)
    .where(_ITEMS.bulk_id == bindparam("of_job"), _ITEMS.instance_id == bindparam("of_instance"))
    .values(
        outcome=bindparam("new_outcome"),
        message=bindparam("new_message"),
        new_id=bindparam("created"),
    )
)

_GO_ON = (
    update(bulk_jobs)
    .where(_JOBS.bulk_id == bindparam("of_job"), _JOBS.waits_for.is_not(None))
    .values(waits_for=None)
)


class BulkJobStore:
    """Reads and writes bulk jobs; every method raises `LedgerUnavailable`.

    `add` and `unfinished` apply to one application, the others to all.
    """

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id
        self._final = dict[tuple[str, datetime], _Counts]()  # by the id and the end of a job

    def add(self, job: BulkJob, targets: Sequence[BulkTarget]) -> bool:
        """Store a job with its instances; return False if a job already has this id."""
        row = row_of(job) | {"app_id": self._app_id()}
        del row["counts"], row["stop_rule"]
        if rule := job.stop_rule:
            row |= {"stop_failed": rule.failed, "stop_of": rule.of}
        items = (
            {
                "bulk_id": job.bulk_id,
                "position": position,
                "instance_id": target.instance_id,
                "run_id": target.run_id,
                "status": target.status.value,
            }
            for position, target in enumerate(targets)
        )
        try:
            with writing(self._engine) as connection:
                revision = next_revision(connection)
                connection.execute(insert(bulk_jobs).values(row))
                for batch in in_batches(items):
                    connection.execute(insert(bulk_items), batch)
                set_revision(connection, revision)
        except IntegrityError:
            return False
        return True

    def get(self, bulk_id: str) -> BulkJob | None:
        """Return a job, None if there is none with this id."""
        with reading(self._engine) as connection:
            return next(iter(self._read(connection, _JOBS.bulk_id == bulk_id, limit=1)), None)

    def status(self, bulk_id: str) -> JobStatus | None:
        """Return the status of a job, None if there is none with this id."""
        query = select(_JOBS.status).where(_JOBS.bulk_id == bulk_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
        return JobStatus(found) if found else None

    def latest(self, limit: int) -> tuple[BulkJob, ...]:
        """Return the newest jobs."""
        with reading(self._engine) as connection:
            return self._read(connection, true(), limit=limit)

    def unfinished(self) -> tuple[BulkJob, ...]:
        """Return the application's jobs that are not over, the oldest first."""
        is_open = _JOBS.status.in_([each.value for each in _OPEN])
        with reading(self._engine) as connection:
            found = self._read(connection, (_JOBS.app_id == self._app_id()) & is_open, limit=1000)
        return found[::-1]

    def items(
        self, bulk_id: str, *, after: int = -1, limit: int = 200, outcome: Outcome | None = None
    ) -> tuple[BulkItem, ...]:
        """Return the instances of a job in their order, from a position on.

        `after` is the position of the instance before the first one, -1 for the first page.
        """
        query = select(bulk_items).where(_ITEMS.bulk_id == bulk_id, _ITEMS.position > after)
        if outcome:
            query = query.where(_ITEMS.outcome == outcome.value)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_ITEMS.position).limit(limit)).mappings()
            return tuple(_item(row) for row in rows)

    def pending(self, bulk_id: str) -> tuple[BulkTarget, ...]:
        """Return the instances of a job that have no outcome yet."""
        query = select(bulk_items).where(_ITEMS.bulk_id == bulk_id, _ITEMS.outcome.is_(None))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_ITEMS.position)).mappings()
            return tuple(_item(row).target for row in rows)

    def write_results(self, bulk_id: str, results: Iterable[ItemResult]) -> None:
        """Write the outcomes of instances; the job then no longer waits for an outage."""
        rows = [
            {
                "of_job": bulk_id,
                "of_instance": each.instance_id,
                "new_outcome": each.outcome.value,
                "new_message": each.message,
                "created": each.new_id,
            }
            for each in results
        ]
        if rows:
            with writing(self._engine) as connection:
                revision = next_revision(connection)
                connection.execute(_WRITE_RESULT, rows)
                connection.execute(_GO_ON, {"of_job": bulk_id})
                set_revision(connection, revision)

    def cancel(self, bulk_id: str, actor: Actor) -> bool:
        """Ask for the end of a job, and write who did; return False if it does not run."""
        cancelled = AuditEntry(
            datetime.now(UTC), actor, CANCEL_JOB, "", Outcome.DONE, bulk_id=bulk_id, app_id=NO_APP
        )
        status = JobStatus.CANCELLING.value
        return self._change(bulk_id, [JobStatus.RUNNING], cancelled, status=status)

    def finish(
        self, bulk_id: str, status: JobStatus, at: datetime, *, because: str | None = None
    ) -> bool:
        """Write the end of a job, and why it stopped; return False if it is over already."""
        end = {"status": status.value, "ended_at": at, "stopped_because": because}
        return self._change(bulk_id, _OPEN, **end, waits_for=None)

    def ended_reruns(self, job: BulkJob, limit: int) -> tuple[Status, ...]:
        """Return the statuses of the job's reruns that completed or failed, the newest end first.

        Reruns that had ended before the job was created are left out: an earlier job made them.
        """
        # An index of these columns would read all runs of the ledger; that of ids reads the job's.
        status, ended = func.coalesce(runs.c.status, ""), func.coalesce(runs.c.ended_micros, 0)
        query = (
            select(runs.c.status)
            .join_from(bulk_items, runs, _ITEMS.new_id == runs.c.instance_id)
            .where(
                _ITEMS.bulk_id == job.bulk_id,
                runs.c.app_id == (job.app_id or self._app_id()),
                runs.c.is_latest.is_(true()),
                status.in_([Status.COMPLETED.value, Status.FAILED.value]),
                ended >= micros_of(job.created_at),
            )
            .order_by(ended.desc(), runs.c.run_id.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(map(Status, connection.execute(query).scalars()))

    def set_outage(self, bulk_id: str, reason: str) -> bool:
        """Write which outage a job waits for; return False if it is over."""
        return self._change(bulk_id, _OPEN, waits_for=reason)

    def _change(
        self, bulk_id: str, before: Sequence[JobStatus], *entries: AuditEntry, **values: object
    ) -> bool:
        """Change a job that has one of the statuses; return False if it has another one.

        The entries are added to the audit log if the job is changed.
        """
        query = update(bulk_jobs).where(
            _JOBS.bulk_id == bulk_id, _JOBS.status.in_([each.value for each in before])
        )
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            is_changed = bool(connection.execute(query.values(**values)).rowcount)
            if is_changed:
                add_entries(connection, revision, entries)
                set_revision(connection, revision)
        return is_changed

    def _read(
        self, connection: Connection, wanted: ColumnElement[bool], *, limit: int
    ) -> tuple[BulkJob, ...]:
        """Return the newest jobs that match a condition; items of ended jobs are counted once."""
        query = select(bulk_jobs).where(wanted)
        query = query.order_by(_JOBS.created_at.desc(), _JOBS.bulk_id.desc()).limit(limit)
        rows = connection.execute(query).mappings().all()
        known = {row["bulk_id"]: kept for row in rows if (kept := self._final.get(_key(row)))}
        others = [row["bulk_id"] for row in rows if row["bulk_id"] not in known]
        counts = known | _counted(connection, others)
        if len(self._final) > _KEPT:
            self._final.clear()
        self._final |= {_key(row): counts[row["bulk_id"]] for row in rows if row["ended_at"]}
        return tuple(_job(row, counts[row["bulk_id"]]) for row in rows)


def _key(row: RowMapping) -> tuple[str, datetime]:
    return row["bulk_id"], row["ended_at"]


def _counted(connection: Connection, ids: Sequence[str]) -> dict[str, _Counts]:
    """Return how many instances of each job have which outcome."""
    counts: dict[str, _Counts] = {each: {} for each in ids}
    for batch in in_batches(ids):
        query = (
            select(_ITEMS.bulk_id, _ITEMS.outcome, func.count())
            .where(_ITEMS.bulk_id.in_(batch), _ITEMS.outcome.is_not(None))
            .group_by(_ITEMS.bulk_id, _ITEMS.outcome)
        )
        for bulk_id, outcome, number in connection.execute(query):
            counts[bulk_id][Outcome(outcome)] = number
    return counts


def _job(row: RowMapping, counts: _Counts) -> BulkJob:
    return BulkJob(
        bulk_id=row["bulk_id"],
        action=Action(row["action"]),
        task=row["task"],
        actor=actor_in(row),
        reason=row["reason"],
        rate=row["rate"],
        created_at=row["created_at"],
        total=row["total"],
        status=JobStatus(row["status"]),
        ended_at=row["ended_at"],
        waits_for=row["waits_for"],
        app_id=row["app_id"],
        stop_rule=None if row["stop_of"] is None else StopRule(row["stop_failed"], row["stop_of"]),
        stopped_because=row["stopped_because"],
        counts=counts,
    )


def _item(row: RowMapping) -> BulkItem:
    target = BulkTarget(row["instance_id"], row["run_id"], Status(row["status"]))
    result = None
    if row["outcome"] is not None:
        outcome = Outcome(row["outcome"])
        result = ItemResult(row["instance_id"], outcome, row["message"], row["new_id"])
    return BulkItem(row["position"], target, result)
