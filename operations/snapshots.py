"""Reads an instance from the engine: its state, its history, and what they say together."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from operations.errors import DaprRefused, UnknownInstance
from operations.history import HistoryEvent
from operations.model import Instance
from operations.records import Snapshot
from operations.timeline import Timeline, timeline_of

READS = 3  # until state and history, which are read one after the other, tell the same


class Readable(Protocol):
    """What instances are read from: the gateway, or what stands before it."""

    def app_id(self) -> str:
        """Return the application that the instances belong to."""

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, None if there is none with this id."""

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the instance's events; `UnknownInstance` if there is none."""


def _now() -> datetime:
    return datetime.now(UTC)


def read_snapshot(
    gateway: Readable,
    instance_id: str,
    last: Snapshot | None = None,
    now: Callable[[], datetime] = _now,
) -> Snapshot | None:
    """Return the instance as the engine has it now, or None if it has none with this id.

    If nothing has changed since `last`, that is returned with its new time, and the history is not
    read. Raises `DaprUnavailable` and `DaprRefused`.
    """
    seen: Snapshot | None = None
    for _ in range(READS):
        at = now()
        instance = gateway.state(instance_id)
        if instance is None:  # purged; if that was between two reads, its end is known all the same
            return seen if seen and seen.instance.status.is_finished else None
        if last and last.instance == instance and not instance.status.is_finished:
            return replace(last, read_at=at)
        seen = _with_history(gateway, instance, at)
        if instance.status.is_finished is bool(seen.timeline.ended_at):
            break
    return seen


def read_state(
    gateway: Readable, instance_id: str, now: Callable[[], datetime] = _now
) -> Snapshot | None:
    """Return the instance without what its history tells, for one that cannot be read wholly.

    Raises `DaprUnavailable` and `DaprRefused`.
    """
    at = now()
    instance = gateway.state(instance_id)
    return Snapshot(gateway.app_id(), instance, Timeline(), at) if instance else None


def read_snapshot_or_state(gateway: Readable, instance_id: str) -> Snapshot | None:
    """Return the instance, without a history if the engine cannot send that."""
    try:
        return read_snapshot(gateway, instance_id)
    except DaprRefused:
        return read_state(gateway, instance_id)


def _with_history(gateway: Readable, instance: Instance, at: datetime) -> Snapshot:
    history = _history(gateway, instance.instance_id)
    timeline, due = timeline_of(history), _scheduled_for(history)
    return Snapshot(gateway.app_id(), instance, timeline, at, history, due)


def _history(gateway: Readable, instance_id: str) -> tuple[HistoryEvent, ...]:
    try:
        return tuple(gateway.history(instance_id))
    except UnknownInstance:  # it has not begun, or was purged
        return ()


def _scheduled_for(history: tuple[HistoryEvent, ...]) -> datetime | None:
    starts = (event.fire_at for event in history if event.kind == "executionStarted")
    return next(starts, None)
