"""Refuses events and inputs that are too large: they would stall an instance."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from operations.errors import InvalidInput, UnknownInstance
from operations.gateway import Gateway, HistorySize
from operations.history import HistoryEvent

STALL_PERCENT = 95  # of daprd's `--max-body-size`: Dapr stalls an instance with a larger history
OVERHEAD = 512  # bytes of an event, and of the turn that it starts, beside payload and name
EVENT_SIZE = 150  # bytes of an event beside its texts, about
MAX_START_INPUT = 2**20  # bytes of the input of a new instance
IN_TRANSIT = 10.0  # seconds within which an event appears in the history
KNOWN_PERCENT = 50  # of the limit: a history that is known to be smaller is not read at each event


@dataclass(frozen=True)
class _SentEvent:
    instance_id: str
    number: int  # in its history, counting external events from 0
    size: int
    at: float


@dataclass(frozen=True)
class _KnownSize:
    history: HistorySize
    at: float


class PayloadLimit:
    """Compares the history of an instance with the engine's limit; safe to share between threads.

    Events that this process sent and that are not in the history yet count too. A large history
    takes time to read: it is read once in `IN_TRANSIT` seconds, and for each event only if it may
    have reached half of the limit. In between only results of activities could fill the other half.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = threading.Lock()
        self._sent: deque[_SentEvent] = deque()
        self._known: dict[str, _KnownSize] = {}  # the oldest first

    def check_event(self, instance_id: str, name: str, payload: str | None) -> None:
        """Raise `InvalidInput` for an event that would stall the instance; remember the others."""
        limit = self._gateway.max_body_size
        if limit is None:
            return
        size = len((payload or "").encode()) + len(name.encode())
        with self._lock:
            history = self._known_size(instance_id)
            if history and self._used(instance_id, history) + size <= limit * KNOWN_PERCENT // 100:
                self._remember(instance_id, history, size)
                return
        history = self._read_size(instance_id)
        with self._lock:
            self._known.pop(instance_id, None)
            self._known[instance_id] = _KnownSize(history, time.monotonic())
            _check("payload", size, self._used(instance_id, history), limit)
            self._remember(instance_id, history, size)

    def _known_size(self, instance_id: str) -> HistorySize | None:
        """Return the size that was read in the last `IN_TRANSIT` seconds; forget older ones."""
        oldest = time.monotonic() - IN_TRANSIT
        while self._known and next(iter(self._known.values())).at < oldest:
            del self._known[next(iter(self._known))]
        known = self._known.get(instance_id)
        return known.history if known else None

    def _read_size(self, instance_id: str) -> HistorySize:
        try:
            return self._gateway.history_size(instance_id)
        except UnknownInstance:  # purged meanwhile: the call that follows says so
            return HistorySize()

    def _remember(self, instance_id: str, history: HistorySize, size: int) -> None:
        pending = self._pending(instance_id, history)
        number = max([history.raised_events, *(event.number + 1 for event in pending)])
        self._sent.append(_SentEvent(instance_id, number, size + OVERHEAD, time.monotonic()))

    def _used(self, instance_id: str, history: HistorySize) -> int:
        return history.size + sum(event.size for event in self._pending(instance_id, history))

    def _pending(self, instance_id: str, history: HistorySize) -> list[_SentEvent]:
        """Return the events of this process that the history does not have yet."""
        while self._sent and self._sent[0].at < time.monotonic() - IN_TRANSIT:
            self._sent.popleft()
        return [
            event
            for event in self._sent
            if event.instance_id == instance_id and event.number >= history.raised_events
        ]


def check_input(
    gateway: Gateway, history: Sequence[HistoryEvent], event: HistoryEvent, payload: str | None
) -> None:
    """Raise `InvalidInput` for a new input that would stall a rerun from an event.

    The new instance has the events of the history before that event; their size is estimated.
    """
    if gateway.max_body_size is not None and payload is not None:
        before = takewhile(lambda each: each is not event, history)
        used = sum(map(_estimated_size, before))
        _check("input", len(payload.encode()), used, gateway.max_body_size)


def check_start_input(payload: str, max_body_size: int | None) -> None:
    """Raise `InvalidInput` for the input of a new instance, JSON text, that is too large.

    `max_body_size` is the engine's limit in bytes, None if it is not known.
    """
    size = len(payload.encode(errors="surrogatepass"))
    if size > MAX_START_INPUT:
        raise InvalidInput("input", f"{size:,} bytes", f"at most {MAX_START_INPUT:,} bytes")
    if max_body_size is not None:
        _check("input", size, 0, max_body_size)


def _estimated_size(event: HistoryEvent) -> int:
    failure = event.failure
    texts = (event.payload, failure and failure.message, failure and failure.stack_trace)
    return EVENT_SIZE + sum(len(text.encode()) for text in texts if text)


def _check(field: str, size: int, used: int, limit: int) -> None:
    """Raise `InvalidInput` if a value of this size does not fit into the history."""
    room = max(limit * STALL_PERCENT // 100 - used - OVERHEAD, 0)
    if size > room:
        before = f"the history before it has {used:,} bytes, and " if used else ""
        expected = (
            f"at most {room:,} bytes: {before}Dapr stalls an "
            f"instance whose history exceeds {STALL_PERCENT}% of {limit:,} bytes "
            "(daprd's --max-body-size, FLOWDECK_DAPR_MAX_BODY_SIZE)"
        )
        raise InvalidInput(field, f"{size:,} bytes", expected)
