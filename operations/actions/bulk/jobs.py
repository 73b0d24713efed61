"""Bulk jobs: preview the effects, then store the job; the recorder's process carries it out.

The audit log records each instance. A job whose process died can be continued: it skips the
instances that are done. If the outcome of raising an event is unknown, the instance is skipped
too, because the event could be raised twice.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import TypeAdapter

from operations.actions.actions import Actions
from operations.actions.bulk.execution import BulkExecution
from operations.actions.bulk.preview import (
    BulkLimits,
    BulkPreview,
    BulkTask,
    RestOfList,
    Selection,
    make_preview,
)
from operations.actions.context import ActionContext
from operations.actions.raise_event import check_event
from operations.actions.rerun import RerunRequest
from operations.bulk_job import BulkJob, BulkTarget, ItemResult, StopRule
from operations.errors import InvalidInput, UnknownBulkJob
from operations.ledger import Ledger
from operations.model import Action, Actor
from operations.records import Filter, Outcome

DEFAULT_RATE = 50.0  # instances a second
MIN_RATE = 1 / 60
MAX_RATE = 1000.0
MAX_STOP_OF = 1000  # the most reruns that a `StopRule` counts
_USUAL_STOP_OF = 10
_MAX_SELECTION = 1000  # characters of a selection that a job stores; of a longer one its hash
_DONE = (Outcome.DONE, Outcome.UNCHANGED)
_BULK_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class _Stored:
    """What a stored job does, and the selection that it was made from."""

    task: BulkTask
    selection: str


_STORED = TypeAdapter(_Stored)


class BulkJobs:
    """Acts on many instances: first `preview`, then `submit`; `execute` carries a job out."""

    def __init__(self, actions: Actions, ledger: Ledger, limits: BulkLimits | None = None) -> None:
        self._actions = actions
        self._ledger = ledger
        self._limits = limits or BulkLimits()

    def preview(
        self, task: BulkTask, selection: Selection, bulk_id: str | None = None
    ) -> BulkPreview:
        """Return the eligible instances, and why the others are skipped.

        `bulk_id` is the id that the job will have, by default a random one. Raise
        `LedgerUnavailable`, and `InvalidInput` for an invalid `bulk_id` or event name.
        """
        if bulk_id is not None and not _BULK_ID.fullmatch(bulk_id):
            raise InvalidInput("bulk_id", bulk_id, "1 to 64 letters, digits, '_', '.' or '-'")
        if task.action is Action.RAISE:
            check_event(task.event)
        return make_preview(self._ledger, self._limits, task, selection, bulk_id)

    def rest_of(self, bulk_id: str) -> tuple[BulkTarget, ...]:
        """Return the instances on which a job that is over has not acted.

        Raise `UnknownBulkJob`, `LedgerUnavailable`, and `InvalidInput` while the job is not over.
        """
        job = self._ledger.bulk_jobs.get(bulk_id)
        if job is None:
            raise UnknownBulkJob(bulk_id)
        if not job.status.is_over:
            raise InvalidInput("rest_of", bulk_id, f"a job that is over; this one is {job.status}")
        return self._ledger.bulk_jobs.pending(bulk_id)

    def submit(
        self,
        preview: BulkPreview,
        actor: Actor,
        reason: str = "",
        *,
        rate: float = DEFAULT_RATE,
        stop_rule: StopRule | None = None,
    ) -> BulkJob:
        """Store a job that acts on the eligible instances, at most `rate` a second.

        A job of reruns stops by its `stop_rule`. If a job already has the preview's id, return it
        unchanged. Raise `LedgerUnavailable`, and `InvalidInput`, also if that job has another task
        or selection.
        """
        stored = _Stored(preview.task, _selection_text(preview.selection))
        task = _STORED.dump_json(stored).decode()
        if known := self._known_job(preview.bulk_id, task):
            return known
        if not MIN_RATE <= rate <= MAX_RATE:
            expected = f"{MIN_RATE:.3g} to {MAX_RATE:g} instances a second"
            raise InvalidInput("rate", rate, expected)
        _check_stop_rule(stop_rule, preview.task.action)
        if not preview.eligible:
            raise InvalidInput("instances", 0, "at least one eligible instance")
        job = BulkJob(
            bulk_id=preview.bulk_id,
            action=preview.task.action,
            task=task,
            actor=actor,
            reason=ActionContext(actor, reason).reason,  # refuses an invalid reason
            rate=rate,
            created_at=datetime.now(UTC),
            total=len(preview.eligible),
            stop_rule=stop_rule,
        )
        is_added = self._ledger.bulk_jobs.add(job, preview.eligible)
        return job if is_added else self._known_job(preview.bulk_id, task) or job

    def _known_job(self, bulk_id: str, task: str) -> BulkJob | None:
        """Return the job with this id, None without one; raise `InvalidInput` for another task."""
        known = self._ledger.bulk_jobs.get(bulk_id)
        if known and (known.task, known.app_id) != (task, self._ledger.app_id()):
            raise InvalidInput("bulk_id", bulk_id, "an id that no other bulk job has")
        return known

    def execute(self, job: BulkJob, may_act: Callable[[], bool] = lambda: True) -> BulkExecution:
        """Start to act on the instances of a job that have no outcome yet, while `may_act()`.

        Refuse an instance whose id has another run by now, or whose status no longer allows the
        action. Raise `LedgerUnavailable`.
        """
        task = _STORED.validate_json(job.task).task

        def act(target: BulkTarget) -> ItemResult:
            context = ActionContext(job.actor, job.reason, job.bulk_id, target.run_id)
            return self._act(task, target.instance_id, context)

        targets = self._ledger.bulk_jobs.pending(job.bulk_id)
        return BulkExecution(
            act,
            targets,
            self.known_results(job),
            job.rate,
            self._limits,
            is_repeatable=job.action is not Action.RAISE,
            may_act=may_act,
        )

    def _act(self, task: BulkTask, instance_id: str, context: ActionContext) -> ItemResult:
        new_id = None
        if task.action is Action.RERUN:
            rerun = self._actions.rerun(RerunRequest(instance_id, task.start), context)
            changed, new_id = rerun.created, rerun.instance_id
        elif task.action is Action.PURGE:
            changed = self._actions.purge(instance_id, context, task.options).changed
        elif task.action is Action.RAISE:
            raised = self._actions.raise_event(instance_id, task.event, task.payload, context)
            changed = raised.changed
        else:
            changed = self._actions.change_status(task.action, instance_id, context).changed
        outcome = Outcome.DONE if changed else Outcome.UNCHANGED
        return ItemResult(instance_id, outcome, new_id=new_id)

    def known_results(self, job: BulkJob) -> dict[str, ItemResult]:
        """Return the results that the audit log has of a killed execution, by instance id.

        A rerun is repeated instead, which only returns the id of the new instance.
        """
        known = dict[str, ItemResult]()
        if job.action is Action.RERUN:
            return known
        for entry in self._ledger.audit_log.of_bulk(job.bulk_id):
            if entry.action != job.action:  # someone has cancelled the job
                continue
            if entry.outcome in _DONE:
                known[entry.instance_id] = ItemResult(entry.instance_id, entry.outcome)
            elif entry.outcome is Outcome.UNKNOWN and job.action is Action.RAISE:
                result = ItemResult(entry.instance_id, entry.outcome, entry.message)
                known[entry.instance_id] = result
        return known


def default_stop_rule(number: int) -> StopRule:
    """Return the default rule for this many reruns: half of the last ten have failed again."""
    of = min(_USUAL_STOP_OF, max(1, number))
    return StopRule(failed=(of + 1) // 2, of=of)


def _check_stop_rule(rule: StopRule | None, action: Action) -> None:
    """Raise `InvalidInput` for a rule of another action than rerun, and for impossible figures."""
    if rule is None:
        return
    if action is not Action.RERUN:
        raise InvalidInput("stop_when", action.value, "the action rerun: no other can fail again")
    if not 1 <= rule.failed <= rule.of <= MAX_STOP_OF:
        found = f"{rule.failed} of {rule.of}"
        expected = f"1 to {MAX_STOP_OF:,} reruns, and at most as many failures"
        raise InvalidInput("stop_when", found, expected)


def _selection_text(selection: Selection) -> str:
    """Return a text that is equal for equal selections in every process, or its hash if long."""
    text = _whole_selection(selection)
    return text if len(text) <= _MAX_SELECTION else sha256(text.encode()).hexdigest()


def _whole_selection(selection: Selection) -> str:
    wanted = selection.wanted if isinstance(selection, RestOfList) else selection
    if not isinstance(wanted, Filter):
        return json.dumps(list(wanted))
    values = {
        name: sorted(value) if isinstance(value, frozenset) else str(value)
        for name, value in vars(wanted).items()
    }
    cursor = selection.cursor if isinstance(selection, RestOfList) else None
    return json.dumps({**values, "cursor": cursor}, sort_keys=True)
