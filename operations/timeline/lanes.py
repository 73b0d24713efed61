"""Assigns spans to lanes (rows of the chart) and counts the attempts in each lane."""

from collections import Counter, defaultdict, deque
from itertools import count

from operations.history import HistoryEvent
from operations.timeline.spans import SUSPENSIONS, SpanKind

Call = tuple[SpanKind, str]
"""Identifies one call of an activity or child; all its attempts share it."""

_ABOVE_EVENT_IDS = 2**31  # event ids are 32-bit integers


class Lanes:
    """Assigns a lane to each call: the event id of its first attempt, unless that id is taken."""

    def __init__(self) -> None:
        self.attempts: Counter[int] = Counter()
        """The number of attempts in each lane."""
        self._taken = {SUSPENSIONS}
        self._unused = count(_ABOVE_EVENT_IDS)
        self._calls: dict[Call, int] = {}
        self._children: set[int] = set()
        self._failed: set[int] = set()
        self._due: defaultdict[str, deque[tuple[int, int]]] = defaultdict(deque)

    def new(self, event_id: int) -> int:
        """Return an unused lane: `event_id`, or another number if that is taken."""
        lane = event_id
        if lane < 0 or lane in self._taken:
            lane = next(self._unused)
        self._taken.add(lane)
        return lane

    def known(self, call: Call | None) -> int | None:
        """Return the lane of a call, None if it has none yet."""
        return self._calls.get(call) if call else None

    def for_activity(self, call: Call | None, event_id: int) -> int:
        """Return the lane of an attempt of an activity: the lane of its call."""
        lane = self.known(call)
        return self._attempt(self.new(event_id) if lane is None else lane, call)

    def for_child(self, call: Call | None, name: str, event_id: int) -> int:
        """Return the lane of an attempt of a child: its call's lane, if the last attempt failed.

        Some SDKs give every attempt another instance id. Then the attempt is a retry of the child
        of that name whose back-off ended first.
        """
        lane = self.known(call)
        if lane is None or lane not in self._failed:
            lane = self._retried(name)
        if lane is None:
            lane = self.new(event_id)
        self._children.add(lane)
        return self._attempt(lane, call)

    def failed(self, lane: int) -> None:
        """Mark the last attempt in a lane as failed."""
        self._failed.add(lane)

    def retry(self, lane: int, name: str) -> None:
        """Mark the next attempt in a lane as due, if the lane belongs to a child."""
        if lane in self._children:
            self._due[name].append((lane, self.attempts[lane]))

    def _attempt(self, lane: int, call: Call | None) -> int:
        self.attempts[lane] += 1
        self._failed.discard(lane)
        if call:
            self._calls[call] = lane
        return lane

    def _retried(self, name: str) -> int | None:
        """Return the lane of the oldest due retry of this name that has not been made."""
        due = self._due[name]
        while due:
            lane, attempts = due.popleft()
            if attempts == self.attempts[lane]:
                return lane
        return None


def call_of(event: HistoryEvent, kind: SpanKind) -> Call | None:
    """Return the call of an attempt or a back-off, None if the event does not name it."""
    key = event.task_execution_id or event.instance_id
    return (kind, key) if key else None
