"""The same done to many instances: bounded, at a rate, with progress, and cancellable.

What was done is in the journal, item by item. So a bulk that was cut short, even by the death of
its process, is made whole by doing the same again: it leaves alone what it finds done.
"""

from dataclasses import dataclass

from operations.actions import Actions
from operations.actions.choosing import Preview, Selection, Step, Target, Task, preview_of
from operations.actions.requests import Request
from operations.actions.rerunning import settled_id
from operations.actions.runs import Progress, Result, Run
from operations.errors import InvalidInput, NotRerunnable
from operations.ledger import Ledger
from operations.model import Action, Actor
from operations.records import Outcome, Sighting
from operations.timeline.planning import failed_step, first_step

__all__ = ["Bulk", "Preview", "Progress", "Result", "Run", "Selection", "Step", "Target", "Task"]

RATE = 50.0  # items a second
_DONE = (Outcome.DONE, Outcome.UNCHANGED)


class Bulk:
    """Acts on many instances: first `preview`, then `run`."""

    def __init__(self, actions: Actions, ledger: Ledger) -> None:
        self._actions = actions
        self._ledger = ledger

    def preview(self, task: Task, selection: Selection) -> Preview:
        """Return who is eligible, and who is not and why; raises `LedgerUnavailable`."""
        return preview_of(self._ledger, task, selection)

    def run(self, preview: Preview, actor: Actor, why: str = "", *, rate: float = RATE) -> Run:
        """Begin to act on what is eligible, at `rate` items a second at most.

        An item is left alone if its id has another life by then or its status forbids it, and if
        this very preview has been carried out on it before, by whichever process. A rerun's id
        comes of the instance's, so that a later bulk finds it as well; an event alone is raised
        again by another preview. Raises `InvalidInput`, and `LedgerUnavailable`.
        """
        if rate <= 0:
            raise InvalidInput("rate", rate, "a number above 0")
        Request(actor, why)  # a reason that is too long is told now, not with each item
        deeds = self._ledger.journal.of_bulk(preview.bulk)
        done = frozenset(deed.instance_id for deed in deeds if deed.outcome in _DONE)
        do = _Doing(self._actions, preview, actor, why).do
        return Run(do, preview.eligible, done, rate)


@dataclass(frozen=True)
class _Doing:
    """Does what a preview tells to one of its items."""

    actions: Actions
    preview: Preview
    actor: Actor
    why: str

    def do(self, target: Target) -> Result:
        """Do it to the life that was chosen, and return what came of it."""
        task, instance_id = self.preview.task, target.instance_id
        request = Request(self.actor, self.why, self.preview.bulk, target.life)
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
        def choose(source: Sighting) -> tuple[int, str]:
            find = failed_step if task.step is Step.FAILED else first_step
            step = find(source.history or ())
            if step is None:
                raise NotRerunnable(target.instance_id, f"its history has no {task.step} step")
            return step.event_id, settled_id(target.instance_id, target.life, step.event_id)

        reran = self.actions.rerunning.rerun_from(target.instance_id, choose, None, request)
        outcome = Outcome.DONE if reran.created else Outcome.UNCHANGED
        return Result(target.instance_id, outcome, new_id=reran.instance_id)
