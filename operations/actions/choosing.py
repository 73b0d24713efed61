"""What a bulk would act on: who is eligible, who is not, and why. Nothing is done here."""

import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from operations.actions.forgetting import How
from operations.errors import QueryTimeout
from operations.ledger import Ledger
from operations.ledger.runs.descendants import Below
from operations.model import STATUS_ACTIONS, Action, Status, allowed_actions
from operations.records import Filter, RunSummary

CAP = 10_000  # instances that one bulk looks at
NAMED = 5  # ids that are given for each reason
_PER_PAGE = 500

PATIENCE = 5.0  # seconds from which on a preview looks no further


@dataclass(frozen=True)
class Beyond:
    """Those lives that a list shows beyond a cursor."""

    shown: Filter
    cursor: str


Selection = Filter | Beyond | Sequence[str]
"""The lives that a list shows, or a part of it, or the latest lives of some ids."""


class Step(StrEnum):
    """Where the reruns of a bulk begin."""

    FIRST = "first"
    FAILED = "failed"


@dataclass(frozen=True)
class Task:
    """What a bulk does to each instance.

    `how` is for purges, `step` for reruns; `event` and `payload`, JSON text or None, for raises.
    """

    action: Action
    how: How = field(default_factory=How)
    step: Step = Step.FIRST
    event: str = ""
    payload: str | None = None


@dataclass(frozen=True)
class Target:
    """An instance that is eligible: one `life` of its id, by its key, as it was seen."""

    instance_id: str
    run_id: int
    status: Status


@dataclass(frozen=True)
class Ineligible:
    """How many instances are not eligible for one reason, and the first of their ids."""

    reason: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a bulk would do. `bulk` is its name in the journal.

    `rest` is what was not looked at of the selection, None if all was: a preview of it goes on from
    there. One looks at `CAP` instances at most, and not for long. `descendants` is how many go
    along with a purge.
    """

    bulk: str
    task: Task
    eligible: tuple[Target, ...]
    ineligible: tuple[Ineligible, ...]
    rest: Selection | None = None
    descendants: int = 0

    @property
    def is_capped(self) -> bool:
        """Whether the selection holds more, or may, than was looked at."""
        return self.rest is not None

    @property
    def total(self) -> int:
        """How many instances were looked at."""
        return len(self.eligible) + sum(each.count for each in self.ineligible)

    @property
    def message(self) -> str:
        """What is going to be done, in one sentence."""
        told = f"{len(self.eligible):,} of {self.total:,} instances can be asked to {_words(self)}."
        if self.descendants:
            told += f" Up to {self.descendants:,} descendants go along."
        if not self.is_capped:
            return told
        return f"{told} It has not looked at the rest: ask for a preview of that."


def preview_of(
    ledger: Ledger, task: Task, selection: Selection, name: str | None = None
) -> Preview:
    """Return what a bulk would act on, as the ledger has it; raises `LedgerUnavailable`."""
    chosen, rest = _looked_at(ledger, selection)
    eligible, reasons, descendants = [], defaultdict(list), 0
    look = _looked_into(ledger, task, [summary for _, summary in chosen if summary])
    for instance_id, summary in chosen:
        reason = why_not(task, summary) or (summary and look.why_not(summary))
        if summary and reason is None:
            descendants += look.below.get(instance_id, Below()).number
            eligible.append(Target(instance_id, summary.run_id, summary.status))
        else:
            reasons[reason or ""].append(instance_id)
    bulk = secrets.token_hex(8) if name is None else name
    return Preview(bulk, task, tuple(eligible), _grouped(reasons), rest, descendants)


@dataclass(frozen=True)
class _Look:
    """What is not in the entries: what is below them, and which have a step that failed."""

    task: Task
    below: Mapping[str, Below] = field(default_factory=dict)
    with_failures: frozenset[int] | None = None

    def why_not(self, summary: RunSummary) -> str | None:
        """Return why an instance that its entry makes eligible is not."""
        if self.with_failures is not None and summary.run_id not in self.with_failures:
            return "its history has no failed step"
        below = self.below.get(summary.instance_id, Below())
        if below.unfinished and not self.task.how.force:
            return "a descendant of it has not ended"
        return None


def _looked_into(ledger: Ledger, task: Task, runs: Sequence[RunSummary]) -> _Look:
    """Ask what the entries do not tell, a page at a time; what takes too long is left open."""
    with suppress(QueryTimeout):
        if task.action is Action.PURGE and task.how.recursive:
            return _Look(task, below=ledger.descendants.below([each.instance_id for each in runs]))
        if task.action is Action.RERUN and task.step is Step.FAILED:
            return _Look(task, with_failures=ledger.descendants.with_failures(runs))
    return _Look(task)


def why_not(task: Task, summary: RunSummary | None) -> str | None:
    """Return why an instance is not eligible, None if it is."""
    if summary is None:
        return "the ledger knows no such instance"
    if not summary.is_latest:
        return "it is an earlier life of its id"
    if summary.purged_at:
        return "the engine has it no more"
    if task.action is Action.RERUN and summary.parent_id:
        return "it is a child: only its parent can be run again"
    return _why_not(task, summary.status)


def _why_not(task: Task, status: Status) -> str | None:
    if task.action in STATUS_ACTIONS and status is task.action.goal:
        return f"it is {status} already"
    if task.action in allowed_actions(status, forced=task.how.force):
        return None
    return f"it is {status}"


_Chosen = list[tuple[str, RunSummary | None]]


def _looked_at(ledger: Ledger, selection: Selection) -> tuple[_Chosen, Selection | None]:
    """Return the ids that a preview looks at, with their lives, and what it leaves for the next."""
    if isinstance(selection, Filter):
        return _listed(ledger, selection, None)
    if isinstance(selection, Beyond):
        return _listed(ledger, selection.shown, selection.cursor)
    ids = list(dict.fromkeys(selection))
    found = ledger.runs.latest_by_id(ids[:CAP])
    return [(each, found.get(each)) for each in ids[:CAP]], tuple(ids[CAP:]) or None


def _listed(ledger: Ledger, shown: Filter, cursor: str | None) -> tuple[_Chosen, Selection | None]:
    until, chosen = time.monotonic() + PATIENCE, _Chosen()
    while True:
        try:
            limit = min(_PER_PAGE, CAP - len(chosen))
            page = ledger.search.page(shown, limit=limit, cursor=cursor)
        except QueryTimeout:
            if cursor is None or not chosen:
                raise
            return chosen, Beyond(shown, cursor)
        chosen.extend((summary.instance_id, summary) for summary in page.runs)
        cursor = page.older
        if cursor is None:
            return chosen, None
        if len(chosen) >= CAP or time.monotonic() > until:
            return chosen, Beyond(shown, cursor)


def _grouped(reasons: dict[str, list[str]]) -> tuple[Ineligible, ...]:
    groups: Iterable[Ineligible] = (
        Ineligible(reason, len(ids), tuple(ids[:NAMED])) for reason, ids in reasons.items()
    )
    return tuple(sorted(groups, key=lambda each: -each.count))


def _words(preview: Preview) -> str:
    task = preview.task
    return f"{task.action} {task.event!r}" if task.action is Action.RAISE else task.action.value
