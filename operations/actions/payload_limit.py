"""Refuses external events that would stall their instance, if the engine's limit is known."""

import threading
import time
from collections import deque
from dataclasses import dataclass

from operations.errors import InvalidInput, UnknownInstance
from operations.gateway import Gateway, HistorySize

STALL_PERCENT = 95  # of daprd's `--max-body-size`: Dapr stalls an instance with a larger history
OVERHEAD = 512  # bytes of an event, and of the turn that it starts, beside payload and name
IN_TRANSIT = 10.0  # seconds within which an event appears in the history


@dataclass(frozen=True)
class _SentEvent:
    instance_id: str
    number: int  # in its history, counting external events from 0
    size: int
    at: float


class PayloadLimit:
    """Compares the history of an instance with the engine's limit; safe to share between threads.

    Events that this process sent and that are not in the history yet count too.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = threading.Lock()
        self._sent: deque[_SentEvent] = deque()

    def check_event(self, instance_id: str, name: str, payload: str | None) -> None:
        """Raise `InvalidInput` for an event that would stall the instance; remember the others."""
        limit = self._gateway.max_body_size
        if limit is None:
            return
        history = self._history_size(instance_id)
        size = len((payload or "").encode()) + len(name.encode())
        with self._lock:
            pending = self._pending(instance_id, history)
            used = history.size + sum(event.size for event in pending)
            room = limit * STALL_PERCENT // 100 - used - OVERHEAD
            if size > room:
                raise _too_large(instance_id, size, used, limit, room)
            number = max([history.raised_events, *(event.number + 1 for event in pending)])
            now = time.monotonic()
            self._sent.append(_SentEvent(instance_id, number, size + OVERHEAD, now))

    def _history_size(self, instance_id: str) -> HistorySize:
        try:
            return self._gateway.history_size(instance_id)
        except UnknownInstance:  # purged meanwhile: the call that follows says so
            return HistorySize()

    def _pending(self, instance_id: str, history: HistorySize) -> list[_SentEvent]:
        """Return the events of this process that the history does not have yet."""
        while self._sent and self._sent[0].at < time.monotonic() - IN_TRANSIT:
            self._sent.popleft()
        return [
            event
            for event in self._sent
            if event.instance_id == instance_id and event.number >= history.raised_events
        ]


def _too_large(instance_id: str, size: int, used: int, limit: int, room: int) -> InvalidInput:
    expected = (
        f"at most {max(room, 0):,} bytes with the event's name: the history of {instance_id!r} has "
        f"{used:,} bytes, and Dapr stalls an instance whose history exceeds {STALL_PERCENT}% of "
        f"{limit:,} bytes (daprd's --max-body-size, FLOWDECK_DAPR_MAX_BODY_SIZE)"
    )
    return InvalidInput("payload", f"{size:,} bytes", expected)
