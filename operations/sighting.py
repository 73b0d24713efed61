"""Reads an instance from the engine: its state, its history, and what they say together."""

from datetime import UTC, datetime

from operations.errors import UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.records import Sighting
from operations.timeline import timeline_of


def sight(gateway: Gateway, instance_id: str, last: Sighting | None = None) -> Sighting | None:
    """Return the instance as the engine has it now, or None if it has none with this id.

    `last` itself is returned if nothing has changed since. Raises `EngineUnavailable` and
    `EngineRefused`.
    """
    seen_at = datetime.now(UTC)
    instance = gateway.state(instance_id)
    if instance is None:
        return None
    if last and last.instance == instance:
        return last
    history = _history(gateway, instance_id)
    timeline = timeline_of(history)
    if timeline.ended_at and not instance.status.is_finished:  # it ended between the two reads
        instance = gateway.state(instance_id) or instance
    return Sighting(instance, timeline, seen_at, history, _scheduled_for(history))


def _history(gateway: Gateway, instance_id: str) -> tuple[HistoryEvent, ...]:
    try:
        return tuple(gateway.history(instance_id))
    except UnknownInstance:  # it has not begun
        return ()


def _scheduled_for(history: tuple[HistoryEvent, ...]) -> datetime | None:
    starts = (event.fire_at for event in history if event.kind == "executionStarted")
    return next(starts, None)
