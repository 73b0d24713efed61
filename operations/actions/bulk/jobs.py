"""Bulk jobs: preview the effects, then start the job.

The audit log records each instance. If a job was interrupted, even by the death of its process,
starting the job again completes it, because the job skips instances that are done. External events
are the exception, because an instance does not show which events it received: only a job with the
same id, which the caller chose, skips instances that received the event or whose outcome is
unknown.
"""

from operations.actions.actions import Actions
from operations.actions.bulk.execution import BulkExecution, ItemResult
from operations.actions.bulk.preview import (
    BulkLimits,
    BulkPreview,
    BulkTarget,
    BulkTask,
    Selection,
    make_preview,
)
from operations.actions.context import ActionContext, check_name
from operations.actions.raise_event import check_event
from operations.actions.rerun import RerunRequest
from operations.errors import InvalidInput
from operations.ledger import Ledger
from operations.model import Action, Actor
from operations.records import Outcome

DEFAULT_RATE = 50.0  # instances a second
MIN_RATE = 0.01
MAX_RATE = 1000.0
MAX_BULK_ID_LENGTH = 64  # characters
_DONE = (Outcome.DONE, Outcome.UNCHANGED)


class BulkJobs:
    """Acts on many instances: first `preview`, then `start`."""

    def __init__(self, actions: Actions, ledger: Ledger, limits: BulkLimits | None = None) -> None:
        self._actions = actions
        self._ledger = ledger
        self._limits = limits or BulkLimits()

    def preview(
        self, task: BulkTask, selection: Selection, bulk_id: str | None = None
    ) -> BulkPreview:
        """Return the eligible instances, and why the others are skipped.

        The same `bulk_id` continues the same job, in any process: the job skips the instances that
        it has processed. The default is a random id. Raise `LedgerUnavailable`, and `InvalidInput`
        for an invalid `bulk_id` or event name.
        """
        if bulk_id is not None:
            check_name("bulk_id", bulk_id, MAX_BULK_ID_LENGTH)
        if task.action is Action.RAISE:
            check_event(task.event)
        return make_preview(self._ledger, self._limits, task, selection, bulk_id)

    def start(
        self, preview: BulkPreview, actor: Actor, reason: str = "", *, rate: float = DEFAULT_RATE
    ) -> BulkExecution:
        """Start to act on the eligible instances, at most `rate` a second.

        Refuse an instance whose id has another run by then, or whose status no longer allows the
        action. Skip the instances that a job with this id has processed. Raise `InvalidInput` and
        `LedgerUnavailable`.
        """
        if not MIN_RATE <= rate <= MAX_RATE:
            expected = f"a number from {MIN_RATE} to {MAX_RATE:g}, a second"
            raise InvalidInput("rate", rate, expected)
        ActionContext(actor, reason)  # refuses an invalid reason before the job starts

        def act(target: BulkTarget) -> ItemResult:
            context = ActionContext(actor, reason, preview.bulk_id, target.run_id)
            return self._act(preview.task, target.instance_id, context)

        return BulkExecution(act, preview.eligible, self._known(preview), rate, self._limits)

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

    def _known(self, preview: BulkPreview) -> dict[str, ItemResult]:
        """Return the results, by id, of the instances that this job skips."""
        action, known = preview.task.action, dict[str, ItemResult]()
        for entry in self._ledger.audit_log.of_bulk(preview.bulk_id):
            if entry.action != action:
                expected = f"the id of a job that does {action}, not {entry.action}"
                raise InvalidInput("bulk_id", preview.bulk_id, expected)
            if entry.outcome in _DONE:
                result = ItemResult(entry.instance_id, Outcome.UNCHANGED)
                known[entry.instance_id] = result
            elif entry.outcome is Outcome.UNKNOWN and action is Action.RAISE:
                result = ItemResult(entry.instance_id, entry.outcome, entry.message)
                known[entry.instance_id] = result
        return known
