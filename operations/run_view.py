"""Everything that the page of an instance shows, from the engine and from the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import chain
from sys import getsizeof

from operations.errors import DaprUnavailable, HistoryLost, UnknownInstance
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Status
from operations.records import (
    ALL_TIME,
    AuditEntry,
    EarlierGenerations,
    Period,
    RunDetails,
    RunSummary,
    Snapshot,
)
from operations.snapshots import LastSnapshots
from operations.timeline import Timeline, cut_off, timeline_of, with_start_times
from operations.timeline.unconsumed import UnconsumedEvent, unconsumed_events

AUDIT_ENTRIES = 100  # that are shown of one run
RECORD_BYTES = 512  # size of an event or a span without its payloads


@dataclass(frozen=True)
class View:
    """A run of an instance id: its summary, details and timeline.

    `details.history` is None if the engine cannot be read and the ledger has no archive yet; the
    timeline then has the activities alone. `audit_entries` are the operators' actions on this run,
    the last one first; they include the start if Flowdeck made it. `earlier` and `later` are the
    `run_id`s of the id's runs right before and right after this one. If the workflow continues as
    new, timeline and history show its last generation, and `earlier_generations` describes the
    earlier ones. The timeline of a run that was purged before its end was read ends at the purge;
    if the engine has lost the history, it ends with the last change that was read.
    """

    summary: RunSummary
    details: RunDetails
    timeline: Timeline
    audit_entries: tuple[AuditEntry, ...]
    earlier: int | None
    later: int | None
    earlier_generations: EarlierGenerations
    paused_by: str | None = None
    """Who suspended the run, if Flowdeck did it and the run is still suspended."""
    unconsumed: tuple[UnconsumedEvent, ...] = ()
    """The external events that no wait took; none if the history is not known."""

    @property
    def trace_id(self) -> str | None:
        """The id of the trace that the run belongs to, None if it is not known."""
        history = self.details.history or ()
        return next((each.trace_id for each in history if each.kind == "executionStarted"), None)

    @property
    def key(self) -> str:
        """A text that identifies the run, also before the ledger has given it a `run_id`.

        It names the run of the id before this one, which does not change.
        """
        return f"{self.summary.instance_id}-{self.earlier}"

    @property
    def size(self) -> int:
        """The approximate size in bytes; a text in several places counts once."""
        texts = {id(text): text for text in self._texts() if text}
        records = len(self.details.history or ()) + len(self.timeline.spans)
        return RECORD_BYTES * records + sum(map(getsizeof, texts.values()))

    def _texts(self) -> Iterator[str | None]:
        details, history, spans = self.details, self.details.history or (), self.timeline.spans
        yield from (details.input, details.output, details.custom_status)
        for event in history:
            yield from (event.payload, event.raw)
        for span in spans:
            yield from (span.input, span.output)
        failures = (event.failure for event in history), (span.failure for span in spans)
        for failure in (details.failure, *chain(*failures)):
            if failure:
                yield from (failure.message, failure.stack_trace)


def view(  # noqa: PLR0913 - three are optional and named
    gateway: Gateway,
    ledger: Ledger,
    instance_id: str,
    *,
    dapr_unavailable: bool,
    run_id: int | None = None,
    snapshots: LastSnapshots | None = None,
) -> View:
    """Return the view of the run `run_id`, or of the latest run of the instance id.

    The latest run is read from the engine until its history is archived. All other runs are read
    from the ledger, and so is a run that repeats an action while it is suspended. With
    `dapr_unavailable` the engine is not read at all. `snapshots` has what earlier views read.
    Raises `UnknownInstance` if neither has the run, `LedgerUnavailable`, `DaprUnavailable` and
    `DaprRefused`.
    """
    snapshots = snapshots or LastSnapshots()
    if run_id is None:
        return _latest(
            gateway, ledger, instance_id, dapr_unavailable=dapr_unavailable, snapshots=snapshots
        )
    summary = ledger.runs.get(run_id)
    if summary is None or summary.instance_id != instance_id:
        raise UnknownInstance(instance_id, run_id)
    if not summary.is_latest:
        return _from_ledger(ledger, summary, _details(ledger, summary))
    latest = _latest(
        gateway, ledger, instance_id, dapr_unavailable=dapr_unavailable, snapshots=snapshots
    )
    if latest.summary.run_id == run_id:
        return latest
    # The engine has another run of the id, which the recorder has not read yet.
    summary = replace(summary, is_latest=False)
    return _from_ledger(ledger, summary, _details(ledger, summary))


def _latest(
    gateway: Gateway,
    ledger: Ledger,
    instance_id: str,
    *,
    dapr_unavailable: bool,
    snapshots: LastSnapshots,
) -> View:
    summary = ledger.runs.latest(instance_id)
    if dapr_unavailable and summary is None:
        raise DaprUnavailable("it is away")
    if summary and (dapr_unavailable or summary.purged_at or summary.status.is_finished):
        details = _details(ledger, summary)
        if dapr_unavailable or summary.purged_at or details.history is not None:
            return _from_ledger(ledger, summary, details)
    try:
        snapshot = snapshots.read(gateway, instance_id, repeats=_repeats(summary))
    except HistoryLost:
        if summary is None or not summary.has_lost_history:
            raise
        snapshot = None
    if summary and (snapshot is None or snapshot.history is None):
        return _from_ledger(ledger, summary, _details(ledger, summary))
    if snapshot is None:
        raise UnknownInstance(instance_id)
    return _from_dapr(ledger, ledger.runs.merged(snapshot), snapshot)


def _repeats(summary: RunSummary | None) -> bool:
    """Return whether the history of a run grew while it was suspended, by the ledger."""
    if summary is None or summary.status is not Status.SUSPENDED:
        return False
    return summary.repeats is not None


def _from_dapr(ledger: Ledger, summary: RunSummary, snapshot: Snapshot) -> View:
    instance = snapshot.instance
    details = RunDetails(
        instance.input,
        instance.output,
        instance.custom_status,
        snapshot.failure,
        snapshot.history,
    )
    return _view(ledger, summary, details, snapshot.timeline)


def _from_ledger(ledger: Ledger, summary: RunSummary, details: RunDetails) -> View:
    return _view(ledger, summary, details, _timeline(ledger, summary, details))


def _view(ledger: Ledger, summary: RunSummary, details: RunDetails, timeline: Timeline) -> View:
    if summary.run_id:
        earlier, later = ledger.runs.adjacent_runs(summary)
    else:
        earlier, later = ledger.runs.latest(summary.instance_id), None
    attempts, pause = ledger.runs.attempts(summary.run_id), ledger.audit_log.pauses_of([summary])
    if timeline.ended_at is None and (known_until := _known_until(summary)):
        timeline = cut_off(timeline, known_until)
    return View(
        summary=summary,
        details=details,
        timeline=replace(timeline, spans=with_start_times(timeline.spans, attempts)),
        audit_entries=ledger.audit_log.of(
            summary.instance_id, AUDIT_ENTRIES, _period(ledger, summary, earlier, later)
        ),
        earlier=earlier.run_id if earlier else None,
        later=later.run_id if later else None,
        earlier_generations=ledger.runs.earlier_generations(summary.run_id)
        if summary.generation > 1
        else EarlierGenerations(),
        paused_by=pause[summary.run_id].actor.name if pause else None,
        unconsumed=unconsumed_events(details.history or (), timeline.spans),
    )


def _known_until(summary: RunSummary) -> datetime | None:
    """Return when the engine lost an unfinished run or its history, None if it has both."""
    if summary.has_lost_history:
        return summary.last_updated_at or summary.created_at
    return summary.purged_at


def _details(ledger: Ledger, summary: RunSummary) -> RunDetails:
    return ledger.runs.details(summary.run_id) or RunDetails(None, None, None, None, None)


def _timeline(ledger: Ledger, summary: RunSummary, details: RunDetails) -> Timeline:
    if details.history is not None:
        return _timeline_of(details.history)
    return Timeline(
        started_at=summary.started_at,
        ended_at=summary.ended_at,
        spans=ledger.runs.attempts(summary.run_id),
    )


_timeline_of = lru_cache(maxsize=2)(timeline_of)
"""Like `decode` of the ledger's histories, it keeps its last results."""


def _period(
    ledger: Ledger, summary: RunSummary, earlier: RunSummary | None, later: RunSummary | None
) -> Period:
    """Return the period in which actions on the id were actions on this run.

    Actions from before the first known run belong to the first run.
    """
    return Period(
        since=_first_action_at(ledger, summary, earlier) if earlier else ALL_TIME.since,
        until=_first_action_at(ledger, later, summary) if later else ALL_TIME.until,
    )


def _first_action_at(ledger: Ledger, run: RunSummary, previous: RunSummary) -> datetime:
    """Return when the run was created, or when its start was reserved if its outcome is unknown."""
    start = ledger.reservations.latest(run.instance_id) if run.is_latest else None
    if start and not start.is_accepted and start.reserved_at > previous.created_at:
        return min(start.reserved_at, run.created_at)
    return run.created_at
