"""The same done to many instances: bounded, at a rate, with progress, and cancellable.

What was done is in the journal, item by item. So a bulk that was cut short, even by the death of
its process, is made whole by doing the same again: it leaves alone what it finds done. Events are
the exception, for an instance does not show that it has had one: only a bulk of the same name,
which its caller gave it, leaves alone those that had theirs, and those of which nobody knows
whether they had, for it would come twice.
"""

from dataclasses import dataclass

from operations.actions import Actions
from operations.actions.choosing import Preview, Selection, Step, Target, Task, preview_of
from operations.actions.raising import check_event
from operations.actions.requests import Request, check_name
from operations.actions.rerunning import settled_id
from operations.actions.runs import Progress, Result, Run
from operations.errors import InvalidInput, NotRerunnable
from operations.ledger import Ledger
from operations.model import Action, Actor
from operations.records import Outcome, Snapshot
from operations.timeline.rerun_plan import failed_step, first_step

__all__ = ["Bulk", "Preview", "Progress", "Result", "Run", "Selection", "Step", "Target", "Task"]

RATE = 50.0  # items a second
SLOWEST = 0.01
FASTEST = 1000.0
LONGEST_NAME = 64  # characters
_DONE = (Outcome.DONE, Outcome.UNCHANGED)


class Bulk:
    """Acts on many instances: first `preview`, then `run`."""

    def __init__(self, actions: Actions, ledger: Ledger) -> None:
        self._actions = actions
        self._ledger = ledger

    def preview(self, task: Task, selection: Selection, name: str | None = None) -> Preview:
        """Return who is eligible, and who is not and why; raises `LedgerUnavailable`.

        The `name` stands for one task, and the same one again for going on with it, from whichever
        process; what it was done to, by its id, is then left alone. Without one it is made up.
        Raises `InvalidInput` for a name, or an event, that is none.
        """
        if name is not None:
            check_name("name", name, LONGEST_NAME)
        if task.action is Action.RAISE:
            check_event(task.event)
        return preview_of(self._ledger, task, selection, name)

    def run(self, preview: Preview, actor: Actor, reason: str = "", *, rate: float = RATE) -> Run:
        """Begin to act on what is eligible, at `rate` items a second at most.

        An item is left alone if its id has another life by then or its status forbids it, and if
        a bulk of this name has been carried out on it before, by whichever process. A rerun's id
        comes of the instance's, so that a later bulk finds it as well; an event alone is raised
        again by a bulk of another name. One of which nobody knows whether it came is not raised
        again, and stays unknown. Raises `InvalidInput`, and `LedgerUnavailable`.
        """
        if not SLOWEST <= rate <= FASTEST:
            raise InvalidInput("rate", rate, f"a number from {SLOWEST} to {FASTEST:g}, a second")
        Request(actor, reason)  # a reason that is too long is told now, not with each item
        known = self._known(preview)
        do = _Doing(self._actions, preview, actor, reason).do
        return Run(do, preview.eligible, known, rate)

    def _known(self, preview: Preview) -> dict[str, Result]:
        """Return what there is to say of the items that are to be left alone."""
        action, known = preview.task.action, dict[str, Result]()
        for entry in self._ledger.audit_log.of_bulk(preview.bulk):
            if entry.action != action:
                expected = f"one by which only {action} is done, not {entry.action}"
                raise InvalidInput("name", preview.bulk, expected)
            if entry.outcome in _DONE:
                known[entry.instance_id] = Result(entry.instance_id, Outcome.UNCHANGED)
            elif entry.outcome is Outcome.UNKNOWN and action is Action.RAISE:
                known[entry.instance_id] = Result(entry.instance_id, entry.outcome, entry.message)
        return known


@dataclass(frozen=True)
class _Doing:
    """Does what a preview tells to one of its items."""

    actions: Actions
    preview: Preview
    actor: Actor
    reason: str

    def do(self, target: Target) -> Result:
        """Do it to the life that was chosen, and return what came of it."""
        task, instance_id = self.preview.task, target.instance_id
        request = Request(self.actor, self.reason, self.preview.bulk, target.run_id)
        if task.action is Action.RERUN:
            return self._rerun(task, target, request)
        if task.action is Action.PURGE:
            changed = self.actions.purging.purge(instance_id, request, task.how).changed
        elif task.action is Action.RAISE:
            self.actions.raising.raise_event(instance_id, task.event, task.payload, request)
            changed = True
        else:
            changed = self.actions.acting.act(task.action, instance_id, request).changed
        return Result(instance_id, Outcome.DONE if changed else Outcome.UNCHANGED)

    def _rerun(self, task: Task, target: Target, request: Request) -> Result:
        def choose(source: Snapshot) -> tuple[int, str]:
            find = failed_step if task.step is Step.FAILED else first_step
            step = find(source.history or ())
            if step is None:
                raise NotRerunnable(target.instance_id, f"its history has no {task.step} step")
            return step.event_id, settled_id(target.instance_id, target.run_id, step.event_id)

        reran = self.actions.rerunning.rerun_from(target.instance_id, choose, None, request)
        outcome = Outcome.DONE if reran.created else Outcome.UNCHANGED
        return Result(target.instance_id, outcome, new_id=reran.instance_id)
