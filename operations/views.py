"""One instance with all there is to know about it, wherever it is known from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from operations.errors import EngineUnavailable, UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Action, Failure
from operations.records import (
    ALL_TIME,
    BEGUN,
    Deed,
    Details,
    Entry,
    Kept,
    Outcome,
    Period,
    Sighting,
)
from operations.sighting import sight
from operations.timeline import Timeline, timeline_of, with_begins

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

    entry: Entry
    input: str | None
    output: str | None
    custom_status: str | None
    failure: Failure | None
    timeline: Timeline
    history: tuple[HistoryEvent, ...] | None
    deeds: tuple[Deed, ...]
    earlier: int | None
    later: int | None
    kept: Kept


def view(
    gateway: Gateway,
    ledger: Ledger,
    instance_id: str,
    *,
    engine_away: bool,
    life: int | None = None,
) -> View:
    """Return the life of an instance id that has this key; without a key, the latest.

    The latest comes from the engine until it is archived, then from the ledger, as all others do.
    Raises `UnknownInstance` if neither has it, `LedgerUnavailable`, and `EngineUnavailable` and
    `EngineRefused`; `engine_away` says not to ask the engine.
    """
    if life is None:
        return _latest(gateway, ledger, instance_id, engine_away=engine_away)
    entry = ledger.instances.life(life)
    if entry is None or entry.instance_id != instance_id:
        raise UnknownInstance(instance_id, life)
    if not entry.is_latest:
        return _from_ledger(ledger, entry, _details(ledger, entry))
    latest = _latest(gateway, ledger, instance_id, engine_away=engine_away)
    if latest.entry.key == life:
        return latest
    return view(gateway, ledger, instance_id, engine_away=engine_away, life=life)  # it is over now


def _latest(gateway: Gateway, ledger: Ledger, instance_id: str, *, engine_away: bool) -> View:
    entry = ledger.instances.latest(instance_id)
    if engine_away and entry is None:
        raise EngineUnavailable("it is away")
    if entry and (engine_away or entry.purged_at or entry.status.is_finished):
        details = _details(ledger, entry)
        if engine_away or entry.purged_at or details.history is not None:
            return _from_ledger(ledger, entry, details)
    sighting = sight(gateway, instance_id)
    if sighting is None:
        if entry is None:
            raise UnknownInstance(instance_id)
        return _from_ledger(ledger, entry, _details(ledger, entry))
    ledger.instances.record([sighting])  # also finds what the recorder has not come to yet
    noted = ledger.instances.latest(instance_id)
    if noted is None:
        raise UnknownInstance(instance_id)
    return _from_engine(ledger, noted, sighting)


def _from_engine(ledger: Ledger, entry: Entry, sighting: Sighting) -> View:
    seen = sighting.instance
    details = Details(seen.input, seen.output, seen.custom_status, seen.failure, sighting.history)
    return _view(ledger, entry, details, sighting.timeline)


def _from_ledger(ledger: Ledger, entry: Entry, details: Details) -> View:
    return _view(ledger, entry, details, _timeline(ledger, entry, details))


def _view(ledger: Ledger, entry: Entry, details: Details, timeline: Timeline) -> View:
    earlier, later = ledger.instances.neighbours(entry)
    attempts = ledger.instances.attempts(entry.key)
    return View(
        entry=entry,
        input=details.input,
        output=details.output,
        custom_status=details.custom_status,
        failure=details.failure,
        timeline=replace(timeline, spans=with_begins(timeline.spans, attempts)),
        history=details.history,
        deeds=_deeds(ledger, entry, _period(entry, earlier, later)),
        earlier=earlier.key if earlier else None,
        later=later.key if later else None,
        kept=ledger.instances.kept(entry.key) if entry.generation > 1 else Kept(),
    )


def _details(ledger: Ledger, entry: Entry) -> Details:
    return ledger.instances.details(entry.key) or Details(None, None, None, None, None)


def _timeline(ledger: Ledger, entry: Entry, details: Details) -> Timeline:
    if details.history is not None:
        return timeline_of(details.history)
    return Timeline(
        started_at=entry.started_at,
        ended_at=entry.ended_at,
        spans=ledger.instances.attempts(entry.key),
    )


def _period(entry: Entry, earlier: Entry | None, later: Entry | None) -> Period:
    """Return when what was done to the id was done to this life.

    What was done before the first life was known is of none other than that.
    """
    return Period(
        since=entry.created_at if earlier else ALL_TIME.since,
        until=later.created_at if later else ALL_TIME.until,
    )


def _deeds(ledger: Ledger, entry: Entry, within: Period) -> tuple[Deed, ...]:
    deeds = ledger.journal.of(entry.instance_id, DEEDS, within)
    if any(map(_is_own_rerun, deeds)):
        return deeds
    return tuple(sorted((*deeds, *_started(ledger, entry, within)), key=_at, reverse=True))


def _started(ledger: Ledger, entry: Entry, within: Period) -> Iterator[Deed]:
    """Yield the start of a life, if it was made from here."""
    # A start is claimed before its life begins, and accepted when the engine has begun it.
    start = ledger.starts.accepted(entry.instance_id, within)
    if start and start.accepted_at:
        yield Deed(start.accepted_at, start.actor, _START, entry.instance_id, Outcome.DONE)
    elif entry.is_latest:
        claim = ledger.starts.latest(entry.instance_id)
        if claim and not claim.is_accepted and entry.workflow in ("", claim.workflow):
            at, unknown = claim.claimed_at, Outcome.UNKNOWN
            yield Deed(at, claim.actor, _START, entry.instance_id, unknown, message=BEGUN)


def _at(deed: Deed) -> datetime:
    return deed.at


def _is_own_rerun(deed: Deed) -> bool:
    """Whether it is the rerun that made the instance, and not one of the instance."""
    is_done = deed.outcome is Outcome.DONE  # one of it that was refused may not have read it either
    return is_done and deed.action == Action.RERUN and deed.before is None
