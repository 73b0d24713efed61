"""One instance with all there is to know about it, wherever it is known from."""

from dataclasses import dataclass

from operations.errors import EngineUnavailable, UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Failure, Instance
from operations.records import Deed, Details, Entry, Outcome, Sighting
from operations.sighting import sight
from operations.timeline import Timeline, timeline_of

DEEDS = 100  # that are shown of an instance


@dataclass(frozen=True)
class View:
    """An instance: its entry, payloads as JSON text, timeline and history.

    `history` is None where the engine cannot be read and the ledger has no archive yet; the
    timeline then holds the activities alone. `deeds` are the operators' actions, the last one
    first; the start, if it was made from here, is one of them.
    """

    entry: Entry
    input: str | None
    output: str | None
    custom_status: str | None
    failure: Failure | None
    timeline: Timeline
    history: tuple[HistoryEvent, ...] | None
    deeds: tuple[Deed, ...]


def view(gateway: Gateway, ledger: Ledger, instance_id: str, *, engine_away: bool) -> View:
    """Return the latest life of an instance: from the engine until it is archived, then the ledger.

    Raises `UnknownInstance` if neither has it, `LedgerUnavailable`, and `EngineUnavailable` and
    `EngineRefused`; `engine_away` says not to ask the engine.
    """
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
    instance: Instance = sighting.instance
    return View(
        entry=entry,
        input=instance.input,
        output=instance.output,
        custom_status=instance.custom_status,
        failure=instance.failure,
        timeline=sighting.timeline,
        history=sighting.history,
        deeds=_deeds(ledger, entry.instance_id),
    )


def _details(ledger: Ledger, entry: Entry) -> Details:
    return ledger.instances.details(entry.key) or Details(None, None, None, None, None)


def _from_ledger(ledger: Ledger, entry: Entry, details: Details) -> View:
    return View(
        entry=entry,
        input=details.input,
        output=details.output,
        custom_status=details.custom_status,
        failure=details.failure,
        timeline=_timeline(ledger, entry, details),
        history=details.history,
        deeds=_deeds(ledger, entry.instance_id),
    )


def _timeline(ledger: Ledger, entry: Entry, details: Details) -> Timeline:
    if details.history is not None:
        return timeline_of(details.history)
    return Timeline(
        started_at=entry.started_at,
        ended_at=entry.ended_at,
        spans=ledger.instances.attempts(entry.key),
    )


def _deeds(ledger: Ledger, instance_id: str) -> tuple[Deed, ...]:
    deeds = ledger.journal.of(instance_id, DEEDS)
    start = ledger.starts.latest(instance_id)
    if start is None or start.accepted_at is None:
        return deeds
    started = Deed(start.accepted_at, start.actor, "start", instance_id, Outcome.DONE)
    return tuple(sorted((*deeds, started), key=lambda deed: deed.at, reverse=True))
