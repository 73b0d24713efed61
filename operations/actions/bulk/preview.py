"""Previews bulk jobs: which instances are eligible, and why the others are skipped."""

import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from operations.actions.rerun import RerunFrom
from operations.actions.subtree import PurgeOptions
from operations.bulk_job import BulkTarget
from operations.errors import ONLY_FORCED_PURGE, QueryTimeout
from operations.ledger import Ledger
from operations.ledger.runs.descendants import DescendantCounts
from operations.model import STATUS_ACTIONS, Action, Status, allowed_actions
from operations.records import Filter, RunSummary

_STALLS = {"PAYLOAD_SIZE_EXCEEDED": "PAYLOAD_SIZE_EXCEEDED: increase daprd's --max-body-size"}
"""The engine's reasons of a stall with their remedies; its own messages name different sizes."""


@dataclass(frozen=True)
class BulkLimits:
    """How much a bulk job reads and does."""

    instances: int = 10_000  # in one preview
    page_size: int = 500
    preview_seconds: float = 5.0  # after which a preview reads no further page
    named: int = 5  # ids that are listed for each reason to skip instances
    concurrency: int = 8
    failures_in_a_row: int = 24  # because of an outage, after which the execution stops


@dataclass(frozen=True)
class RestOfList:
    """The runs that a list shows after a cursor."""

    wanted: Filter
    cursor: str


Selection = Filter | RestOfList | Sequence[str]
"""The runs that a filter selects, the rest of such a list, or the latest runs of some ids."""


@dataclass(frozen=True)
class BulkTask:
    """The action of a bulk job on each instance.

    `options` are for purges, `start` is for reruns; `event` and `payload` (JSON text or None) are
    for external events.
    """

    action: Action
    options: PurgeOptions = field(default_factory=PurgeOptions)
    start: RerunFrom = RerunFrom.FIRST
    event: str = ""
    payload: str | None = None


@dataclass(frozen=True)
class SkippedInstances:
    """How many instances are skipped for one reason, and the first of their ids."""

    reason: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class BulkPreview:
    """The effects of a bulk job; `bulk_id` identifies the job in the audit log.

    `rest` is the part of the selection that the preview did not read, for another preview; None if
    it read everything. `descendants` is the most further instances that a purge deletes, or that
    a terminate ends.
    """

    bulk_id: str
    task: BulkTask
    eligible: tuple[BulkTarget, ...]
    skipped: tuple[SkippedInstances, ...]
    rest: Selection | None = None
    descendants: int = 0
    selection: Selection = ()

    @property
    def is_capped(self) -> bool:
        """Whether the selection may contain more instances than the preview read."""
        return self.rest is not None

    @property
    def total(self) -> int:
        """The number of instances that the preview read."""
        return len(self.eligible) + sum(each.count for each in self.skipped)

    @property
    def also_affected(self) -> str:
        """How many more instances the job affects, as a sentence; empty if none."""
        if not self.descendants:
            return ""
        if self.task.action is Action.TERMINATE:
            return f"Up to {self.descendants:,} unfinished descendants are terminated with them."
        return f"Up to {self.descendants:,} descendants are purged with them."

    @property
    def message(self) -> str:
        """The effects of the job in words for an operator."""
        action = f"{self.task.action} {self.task.event!r}" if self.task.event else self.task.action
        message = f"{len(self.eligible):,} of {self.total:,} instances are eligible to {action}."
        if self.also_affected:
            message += f" {self.also_affected}"
        if self.is_capped:
            message += " More instances match: this job takes only these."
        return message


@dataclass(frozen=True)
class _Lookup:
    """Facts that summaries lack: descendants, which runs have a failed call, and their reruns."""

    task: BulkTask
    app_id: str
    descendants: Mapping[str, DescendantCounts] = field(default_factory=dict)
    with_failures: frozenset[int] | None = None
    with_reruns: frozenset[str] = frozenset()

    def reason_to_skip(self, run: RunSummary | None) -> str | None:
        """Return why the job skips an instance, None if it is eligible."""
        if run is None:
            return "the ledger has no such instance"
        if run.app_id != self.app_id:
            return f"it belongs to the application {run.app_id}"
        return _reason_to_skip(self.task, run) or self._reason_by_lookup(run)

    def _reason_by_lookup(self, run: RunSummary) -> str | None:
        if self.with_failures is not None and run.run_id not in self.with_failures:
            return "its history has no failed call"
        if run.instance_id in self.with_reruns:
            return "it has been rerun already"
        is_purge = self.task.action is Action.PURGE
        if is_purge and self._counts(run).unfinished and not self.task.options.force:
            return "a descendant of it has not finished"
        return None

    def also_affected(self, run: RunSummary) -> int:
        """Return how many descendants of a run the action affects too."""
        counts = self._counts(run)
        return counts.unfinished if self.task.action is Action.TERMINATE else counts.number

    def _counts(self, run: RunSummary) -> DescendantCounts:
        return self.descendants.get(run.instance_id, DescendantCounts())


def make_preview(
    ledger: Ledger, limits: BulkLimits, task: BulkTask, selection: Selection, bulk_id: str | None
) -> BulkPreview:
    """Return the preview of a job, given the runs in the ledger; raise `LedgerUnavailable`."""
    selected, rest = _selected(ledger, limits, selection)
    lookup = _lookup(ledger, task, [run for _, run in selected if run])
    if task.action is Action.RERUN and _is_failure_group(selection):
        lookup = replace(lookup, with_reruns=_with_reruns(ledger, selected))
    eligible: list[BulkTarget] = []
    reasons, descendants = defaultdict[str, list[str]](list), 0
    for instance_id, run in selected:
        reason = lookup.reason_to_skip(run)
        if run and reason is None:
            descendants += lookup.also_affected(run)
            eligible.append(BulkTarget(instance_id, run.run_id, run.status))
        else:
            reasons[reason or ""].append(instance_id)
    skipped = _grouped(reasons, limits.named)
    job = bulk_id or secrets.token_hex(8)
    return BulkPreview(job, task, tuple(eligible), skipped, rest, descendants, selection)


def _lookup(ledger: Ledger, task: BulkTask, runs: Sequence[RunSummary]) -> _Lookup:
    """Look up the facts that summaries lack; a lookup that takes too long skips no instance."""
    app_id = ledger.app_id()
    with suppress(QueryTimeout):
        is_recursive_purge = task.action is Action.PURGE and task.options.recursive
        if is_recursive_purge or task.action is Action.TERMINATE:
            counts = ledger.descendants.counts([each.instance_id for each in runs])
            return _Lookup(task, app_id, descendants=counts)
        if task.action is Action.RERUN and task.start is RerunFrom.FAILED:
            return _Lookup(task, app_id, with_failures=ledger.descendants.with_failures(runs))
    return _Lookup(task, app_id)


def _is_failure_group(selection: Selection) -> bool:
    wanted = selection.wanted if isinstance(selection, RestOfList) else selection
    return isinstance(wanted, Filter) and bool(wanted.failure_group)


def _with_reruns(ledger: Ledger, selected: "_Selected") -> frozenset[str]:
    """Return the ids of the instances that have been rerun.

    A rerun that fails again is in the group itself: its source must not run a third time.
    """
    with suppress(QueryTimeout):
        return ledger.descendants.with_reruns([each for each, _ in selected])
    return frozenset()


def _reason_to_skip(task: BulkTask, run: RunSummary) -> str | None:
    """Return why a run is skipped because of its summary, None if it is not."""
    if reason := _reason_against_all(run):
        return reason
    if task.action is Action.RERUN and run.parent_id:
        return "it is a child: only its parent can be run again"
    if task.action in STATUS_ACTIONS and run.status is task.action.goal:
        return f"it is {run.status} already"
    if task.action in allowed_actions(run.status, forced=task.options.force):
        return None
    if run.status is Status.STALLED:
        cause = f" ({_STALLS.get(run.error_type, run.error_type)})" if run.error_type else ""
        return f"it is {run.status}{cause}: {ONLY_FORCED_PURGE}"
    return f"it is {run.status}"


def _reason_against_all(run: RunSummary) -> str | None:
    """Return why no action on a run is possible, None if one may be."""
    if not run.is_latest:
        return "it is an earlier run of its id"
    if run.purged_at:
        return "the engine no longer has it"
    if run.has_lost_history:
        return f"the engine refuses every action ({run.error_type})"
    return None


_Selected = list[tuple[str, RunSummary | None]]


def _selected(
    ledger: Ledger, limits: BulkLimits, selection: Selection
) -> tuple[_Selected, Selection | None]:
    """Return the ids of a preview with their latest runs, and the rest of the selection."""
    if isinstance(selection, Filter):
        return _listed(ledger, limits, selection, None)
    if isinstance(selection, RestOfList):
        return _listed(ledger, limits, selection.wanted, selection.cursor)
    ids = list(dict.fromkeys(selection))
    first, rest = ids[: limits.instances], ids[limits.instances :]
    runs = ledger.runs.latest_by_id(first)
    return [(each, runs.get(each)) for each in first], tuple(rest) or None


def _listed(
    ledger: Ledger, limits: BulkLimits, wanted: Filter, cursor: str | None
) -> tuple[_Selected, Selection | None]:
    deadline, selected = time.monotonic() + limits.preview_seconds, _Selected()
    while True:
        try:
            size = min(limits.page_size, limits.instances - len(selected))
            page = ledger.search.page(wanted, limit=size, cursor=cursor)
        except QueryTimeout:
            if cursor is None or not selected:
                raise
            return selected, RestOfList(wanted, cursor)
        selected.extend((run.instance_id, run) for run in page.runs)
        cursor = page.older
        if cursor is None:
            return selected, None
        if len(selected) >= limits.instances or time.monotonic() > deadline:
            return selected, RestOfList(wanted, cursor)


def _grouped(reasons: Mapping[str, list[str]], named: int) -> tuple[SkippedInstances, ...]:
    groups: Iterable[SkippedInstances] = (
        SkippedInstances(reason, len(ids), tuple(ids[:named])) for reason, ids in reasons.items()
    )
    return tuple(sorted(groups, key=lambda each: -each.count))
