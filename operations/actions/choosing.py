"""What a bulk would act on: who is eligible, who is not, and why. Nothing is done here."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from operations.actions.forgetting import How
from operations.ledger import Ledger
from operations.model import STEERING, Action, Status, allowed_actions
from operations.records import Entry, Filter

CAP = 10_000  # instances that one bulk looks at
NAMED = 5  # ids that are given for each reason
_PER_PAGE = 500

Selection = Filter | Sequence[str]
"""The lives that a list shows, or the latest lives of some ids."""


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
    life: int
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

    `is_capped` says that the selection holds more than the `CAP` instances that were looked at.
    """

    bulk: str
    task: Task
    eligible: tuple[Target, ...]
    ineligible: tuple[Ineligible, ...]
    is_capped: bool = False

    @property
    def total(self) -> int:
        """How many instances were looked at."""
        return len(self.eligible) + sum(each.count for each in self.ineligible)

    @property
    def message(self) -> str:
        """What is going to be done, in one sentence."""
        told = f"{len(self.eligible):,} of {self.total:,} instances can be asked to {_words(self)}."
        if not self.is_capped:
            return told
        return f"{told} There are more: one bulk looks at {CAP:,}. Do it again for the rest."


def preview_of(
    ledger: Ledger, task: Task, selection: Selection, name: str | None = None
) -> Preview:
    """Return what a bulk would act on, as the ledger has it; raises `LedgerUnavailable`."""
    entries = _entries(ledger, selection)
    chosen = tuple(islice(entries, CAP))
    is_capped = next(entries, None) is not None
    eligible, reasons = [], defaultdict(list)
    for instance_id, entry in chosen:
        reason = why_not(task, entry)
        if entry and reason is None:
            eligible.append(Target(instance_id, entry.key, entry.status))
        else:
            reasons[reason or ""].append(instance_id)
    bulk = secrets.token_hex(8) if name is None else name
    return Preview(bulk, task, tuple(eligible), _grouped(reasons), is_capped)


def why_not(task: Task, entry: Entry | None) -> str | None:
    """Return why an instance is not eligible, None if it is."""
    if entry is None:
        return "the ledger knows no such instance"
    if not entry.is_latest:
        return "it is an earlier life of its id"
    if entry.purged_at:
        return "the engine has it no more"
    if task.action is Action.RERUN and entry.parent_id:
        return "it is a child: only its parent can be run again"
    return _why_not(task, entry.status)


def _why_not(task: Task, status: Status) -> str | None:
    if task.action in STEERING and status is task.action.goal:
        return f"it is {status} already"
    if task.action in allowed_actions(status, forced=task.how.force):
        return None
    return f"it is {status}"


def _entries(ledger: Ledger, selection: Selection) -> Iterator[tuple[str, Entry | None]]:
    if isinstance(selection, Filter):
        yield from ((entry.instance_id, entry) for entry in _listed(ledger, selection))
    else:
        ids = list(dict.fromkeys(selection))
        found = ledger.instances.latest_of(ids[: CAP + 1])
        yield from ((instance_id, found.get(instance_id)) for instance_id in ids)


def _listed(ledger: Ledger, shown: Filter) -> Iterator[Entry]:
    page = ledger.instances.page(shown, limit=_PER_PAGE)
    yield from page.entries
    while page.older:
        page = ledger.instances.page(shown, limit=_PER_PAGE, cursor=page.older)
        yield from page.entries


def _grouped(reasons: dict[str, list[str]]) -> tuple[Ineligible, ...]:
    groups: Iterable[Ineligible] = (
        Ineligible(reason, len(ids), tuple(ids[:NAMED])) for reason, ids in reasons.items()
    )
    return tuple(sorted(groups, key=lambda each: -each.count))


def _words(preview: Preview) -> str:
    task = preview.task
    return f"{task.action} {task.event!r}" if task.action is Action.RAISE else task.action.value
