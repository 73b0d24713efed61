"""One instance with all there is to know about it, wherever it is known from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from operations.errors import DaprUnavailable, UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Action, Failure
from operations.records import (
    ALL_TIME,
    OUTCOME_NOT_RECORDED,
    AuditEntry,
    EarlierGenerations,
    Outcome,
    Period,
    RunDetails,
    RunSummary,
    Snapshot,
)
from operations.snapshots import read_snapshot
from operations.timeline import Timeline, timeline_of, with_start_times

DEEDS = 100  # that are shown of an instance
_START = "start"


@dataclass(frozen=True)
class View:
    """A life of an instance id: its entry, payloads as JSON text, timeline and history.

    `history` is None where the engine cannot be read and the ledger has no archive yet; the
    timeline then holds the activities alone. `deeds` are the operators' actions on this life, the
    last one first; the start, if it was made from here, is one of them. `earlier` and `later` are
    the keys of the id's lives right before and right after this one. The timeline and the history
    are those of the last generation of a workflow that continues as new; `kept` are the others.
    """

    summary: RunSummary
    input: str | None
    output: str | None
    custom_status: str | None
    failure: Failure | None
    timeline: Timeline
    history: tuple[HistoryEvent, ...] | None
    audit_entries: tuple[AuditEntry, ...]
    earlier: int | None
    later: int | None
    kept: EarlierGenerations


def view(
    gateway: Gateway,
    ledger: Ledger,
    instance_id: str,
    *,
    dapr_unavailable: bool,
    run_id: int | None = None,
) -> View:
    """Return the life of an instance id that has this key; without a key, the latest.

    The latest comes from the engine until it is archived, then from the ledger, as all others do.
    Raises `UnknownInstance` if neither has it, `LedgerUnavailable`, and `DaprUnavailable` and
    `DaprRefused`; `dapr_unavailable` says not to ask the engine.
    """
    if run_id is None:
        return _latest(gateway, ledger, instance_id, dapr_unavailable=dapr_unavailable)
    summary = ledger.runs.get(run_id)
    if summary is None or summary.instance_id != instance_id:
        raise UnknownInstance(instance_id, run_id)
    if not summary.is_latest:
        return _from_ledger(ledger, summary, _details(ledger, summary))
    latest = _latest(gateway, ledger, instance_id, dapr_unavailable=dapr_unavailable)
    if latest.summary.run_id == run_id:
        return latest
    return view(
        gateway, ledger, instance_id, dapr_unavailable=dapr_unavailable, run_id=run_id
    )  # it is over now


def _latest(gateway: Gateway, ledger: Ledger, instance_id: str, *, dapr_unavailable: bool) -> View:
    summary = ledger.runs.latest(instance_id)
    if dapr_unavailable and summary is None:
        raise DaprUnavailable("it is away")
    if summary and (dapr_unavailable or summary.purged_at or summary.status.is_finished):
        details = _details(ledger, summary)
        if dapr_unavailable or summary.purged_at or details.history is not None:
            return _from_ledger(ledger, summary, details)
    snapshot = read_snapshot(gateway, instance_id)
    if snapshot is None:
        if summary is None:
            raise UnknownInstance(instance_id)
        return _from_ledger(ledger, summary, _details(ledger, summary))
    ledger.runs.ingest([snapshot])  # also finds what the recorder has not come to yet
    noted = ledger.runs.latest(instance_id)
    if noted is None:
        raise UnknownInstance(instance_id)
    return _from_engine(ledger, noted, snapshot)


def _from_engine(ledger: Ledger, summary: RunSummary, snapshot: Snapshot) -> View:
    seen = snapshot.instance
    details = RunDetails(
        seen.input, seen.output, seen.custom_status, seen.failure, snapshot.history
    )
    return _view(ledger, summary, details, snapshot.timeline)


def _from_ledger(ledger: Ledger, summary: RunSummary, details: RunDetails) -> View:
    return _view(ledger, summary, details, _timeline(ledger, summary, details))


def _view(ledger: Ledger, summary: RunSummary, details: RunDetails, timeline: Timeline) -> View:
    earlier, later = ledger.runs.adjacent_runs(summary)
    attempts = ledger.runs.attempts(summary.run_id)
    return View(
        summary=summary,
        input=details.input,
        output=details.output,
        custom_status=details.custom_status,
        failure=details.failure,
        timeline=replace(timeline, spans=with_start_times(timeline.spans, attempts)),
        history=details.history,
        audit_entries=_deeds(ledger, summary, _period(summary, earlier, later)),
        earlier=earlier.run_id if earlier else None,
        later=later.run_id if later else None,
        kept=ledger.runs.earlier_generations(summary.run_id)
        if summary.generation > 1
        else EarlierGenerations(),
    )


def _details(ledger: Ledger, summary: RunSummary) -> RunDetails:
    return ledger.runs.details(summary.run_id) or RunDetails(None, None, None, None, None)


def _timeline(ledger: Ledger, summary: RunSummary, details: RunDetails) -> Timeline:
    if details.history is not None:
        return timeline_of(details.history)
    return Timeline(
        started_at=summary.started_at,
        ended_at=summary.ended_at,
        spans=ledger.runs.attempts(summary.run_id),
    )


def _period(summary: RunSummary, earlier: RunSummary | None, later: RunSummary | None) -> Period:
    """Return when what was done to the id was done to this life.

    What was done before the first life was known is of none other than that.
    """
    return Period(
        since=summary.created_at if earlier else ALL_TIME.since,
        until=later.created_at if later else ALL_TIME.until,
    )


def _deeds(ledger: Ledger, summary: RunSummary, within: Period) -> tuple[AuditEntry, ...]:
    audit_entries = ledger.audit_log.of(summary.instance_id, DEEDS, within)
    if any(each.action == _START or _is_own_rerun(each) for each in audit_entries):
        return audit_entries
    return tuple(
        sorted((*audit_entries, *_started(ledger, summary, within)), key=_at, reverse=True)
    )


def _started(ledger: Ledger, summary: RunSummary, within: Period) -> Iterator[AuditEntry]:
    """Yield the start of a life, if it was made from here."""
    # A start is claimed before its life begins, and accepted when the engine has begun it.
    start = ledger.reservations.accepted(summary.instance_id, within)
    if start and start.accepted_at:
        yield AuditEntry(start.accepted_at, start.actor, _START, summary.instance_id, Outcome.DONE)
    elif summary.is_latest:
        claim = ledger.reservations.latest(summary.instance_id)
        if claim and not claim.is_accepted and summary.workflow in ("", claim.workflow):
            at, unknown = claim.reserved_at, Outcome.UNKNOWN
            yield AuditEntry(
                at, claim.actor, _START, summary.instance_id, unknown, message=OUTCOME_NOT_RECORDED
            )


def _at(entry: AuditEntry) -> datetime:
    return entry.at


def _is_own_rerun(entry: AuditEntry) -> bool:
    """Whether it is the rerun that made the instance, and not one of the instance."""
    is_done = (
        entry.outcome is Outcome.DONE
    )  # one of it that was refused may not have read it either
    return is_done and entry.action == Action.RERUN and entry.before is None
