"""Reads snapshots of instances from the engine: state, history and timeline."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from operations.errors import DaprRefused, HistoryLost, UnknownInstance
from operations.history import HistoryEvent
from operations.model import HISTORY_LOST, Failure, Instance, Status
from operations.records import RunSummary, Snapshot
from operations.timeline import Timeline, timeline_of, without_repetitions

READS = 3  # of state and history at most, until the two agree: they are two calls


class Readable(Protocol):
    """The source of snapshots: the gateway, or a wrapper around it."""

    def app_id(self) -> str:
        """Return the application of the instances."""

    def state(self, instance_id: str) -> Instance | None:
        """Return the state of an instance, None if the engine has none with this id."""

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the history of an instance; raise `UnknownInstance` if there is none."""


def _now() -> datetime:
    return datetime.now(UTC)


def read_snapshot(
    gateway: Readable,
    instance_id: str,
    last: Snapshot | None = None,
    now: Callable[[], datetime] = _now,
    *,
    repeats: bool = False,
) -> Snapshot | None:
    """Return a snapshot of an instance, or None if the engine has no instance with this id.

    If the state is the same as in `last` and is not final, the history is not read: the result is
    `last` with a new `read_at`. While a suspended instance repeats an action, its history grows
    with each turn, may have any length, and says nothing new. It is not read if `last` has the
    repetition; the result has no history if the caller says that the instance `repeats`.
    Raises `DaprUnavailable` and `DaprRefused`.
    """
    snapshot: Snapshot | None = None
    for _ in range(READS):
        at = now()
        instance = gateway.state(instance_id)
        if instance is None:  # purged, maybe between two of these reads
            return snapshot if snapshot and snapshot.instance.status.is_finished else None
        if last and _is_same(last, instance):
            return replace(last, read_at=at)
        if repeats and instance.status is Status.SUSPENDED:
            return Snapshot(gateway.app_id(), instance, Timeline(), at)
        snapshot = _with_history(gateway, instance, at)
        if instance.status.is_finished is bool(snapshot.timeline.ended_at):
            break
    return snapshot


class LastSnapshots:
    """Reads snapshots, and keeps the last one of the few instances that were read last.

    The history of an instance is read again only if its state has changed: a history of 5,000
    activities takes half a second. Safe to share between threads.
    """

    def __init__(self, kept: int = 8) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()

    def read(
        self, gateway: Readable, instance_id: str, *, repeats: bool = False
    ) -> Snapshot | None:
        """Return a snapshot of an instance; returns and raises the same as `read_snapshot`."""
        with self._lock:
            last = self._snapshots.pop(instance_id, None)
        snapshot = read_snapshot(gateway, instance_id, last, repeats=repeats)
        if snapshot and snapshot.history is not None:
            with self._lock:
                self._snapshots[instance_id] = snapshot
                while len(self._snapshots) > self._kept:
                    self._snapshots.popitem(last=False)
        return snapshot


def read_state(
    gateway: Readable, instance_id: str, now: Callable[[], datetime] = _now
) -> Snapshot | None:
    """Return a snapshot without a history, for an instance whose history cannot be read.

    Returns None if the engine has no instance with this id. Raises `DaprUnavailable` and
    `DaprRefused`.
    """
    at = now()
    instance = gateway.state(instance_id)
    return Snapshot(gateway.app_id(), instance, Timeline(), at) if instance else None


def snapshot_of_lost(run: RunSummary, error: HistoryLost, at: datetime) -> Snapshot:
    """Return the snapshot of a run that the engine cannot read any more, with cause and remedy."""
    instance = Instance(
        run.instance_id,
        run.workflow,
        Status.UNKNOWN,
        run.created_at,
        run.last_updated_at,
        failure=Failure(HISTORY_LOST, error.reason),
    )
    return Snapshot(run.app_id, instance, Timeline(execution_id=run.execution_id), at)


def read_snapshot_or_state(gateway: Readable, instance_id: str) -> Snapshot | None:
    """Return a snapshot, without a history if the engine refuses to send the history."""
    try:
        return read_snapshot(gateway, instance_id)
    except DaprRefused:
        return read_state(gateway, instance_id)


def read_instance(gateway: Readable, instance_id: str) -> Instance | None:
    """Return an instance, None if the engine has none with this id.

    The failure of a stalled instance is the reason of the stall, which only the history has.
    Raises `DaprUnavailable` and `DaprRefused`.
    """
    instance = gateway.state(instance_id)
    if instance is None or instance.status is not Status.STALLED:
        return instance
    snapshot = _with_history(gateway, instance, _now())
    return replace(instance, failure=snapshot.failure)


def _is_same(last: Snapshot, instance: Instance) -> bool:
    """Return True if the history says no more than in the last snapshot."""
    if last.timeline.repeats and instance.status is Status.SUSPENDED:
        instance = replace(instance, last_updated_at=last.instance.last_updated_at)
    return last.instance == instance and not instance.status.is_finished


def _with_history(gateway: Readable, instance: Instance, at: datetime) -> Snapshot:
    history = _history(gateway, instance.instance_id)
    timeline, due = timeline_of(history), _scheduled_for(history)
    if timeline.repeats:
        history = without_repetitions(history)
    return Snapshot(gateway.app_id(), instance, timeline, at, history, due)


def _history(gateway: Readable, instance_id: str) -> tuple[HistoryEvent, ...]:
    try:
        return tuple(gateway.history(instance_id))
    except UnknownInstance:  # it has not started yet, or was purged
        return ()


def _scheduled_for(history: tuple[HistoryEvent, ...]) -> datetime | None:
    starts = (event.fire_at for event in history if event.kind == "executionStarted")
    return next(starts, None)
