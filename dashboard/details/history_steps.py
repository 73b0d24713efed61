"""The events of a history by the step that they belong to. Pure functions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from dashboard.details.history_rows import Same, contains, names_of, needles, rows_of
from operations.history import HistoryEvent
from operations.timeline import Ending, Span, SpanKind, event_key

WORKFLOW = "workflow"
"""The kind of the step that has the events of the workflow itself, such as its start."""
_CALLS = frozenset({"taskScheduled", "timerCreated", "childWorkflowInstanceCreated"})


@dataclass(frozen=True)
class Step:
    """The events of one call with all its attempts, of one wait or timer, or of the workflow."""

    name: str
    kind: str
    events: tuple[HistoryEvent, ...]
    spans: tuple[Span, ...] = ()

    @property
    def started_at(self) -> datetime:
        """When its first event was written."""
        return self.spans[0].scheduled_at if self.spans else self.events[0].timestamp

    @property
    def ended_at(self) -> datetime | None:
        """When its last span ended, None while the span is open."""
        return self.spans[-1].ended_at if self.spans else None

    @property
    def outcome(self) -> str:
        """How its last span ended, such as "failed"; empty for the workflow."""
        return self.spans[-1].ending.value if self.spans else ""

    @property
    def attempts(self) -> int:
        """The number of attempts, 0 for the workflow."""
        return self.spans[-1].attempt_count if self.spans else 0

    @property
    def bar(self) -> int | None:
        """The id of the event that created its first span, None without a span."""
        return self.spans[0].event_id if self.spans else None


@lru_cache(maxsize=2)  # each keeps a whole history
def found_steps(history: Same[HistoryEvent], spans: Same[Span], text: str) -> tuple[Step, ...]:
    """Return the steps that have an event with a text; the last results are kept."""
    steps = steps_of(rows_of(history.value, all_kinds=False), spans.value)
    if not text:
        return steps
    names, wanted = names_of(history.value), needles(text)
    return tuple(
        step for step in steps if any(contains(event, names, wanted) for event in step.events)
    )


def steps_of(rows: Iterable[HistoryEvent], spans: Sequence[Span]) -> tuple[Step, ...]:
    """Return the steps in the order of their first events.

    `rows` are the events in the order of the table, `spans` the spans of their timeline.
    """
    lanes = _Lanes(spans)
    events: dict[int | None, list[HistoryEvent]] = {}
    for event in rows:
        events.setdefault(lanes.of(event), []).append(event)
    return tuple(_step(each, lanes.spans.get(lane, [])) for lane, each in events.items())


class _Lanes:
    """The spans of each lane, and the lane of each event."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans: defaultdict[int | None, list[Span]] = defaultdict(list)
        self._by_event: dict[int, int] = {}
        self._waits: dict[tuple[str, datetime | None], int] = {}
        for span in spans:
            self.spans[span.lane].append(span)
            self._by_event[span.event_id] = span.lane
            if span.kind is SpanKind.WAIT and span.ending is Ending.COMPLETED:
                self._waits[event_key(span.name), span.ended_at] = span.lane

    def of(self, event: HistoryEvent) -> int | None:
        """Return the lane of an event, None for an event of the workflow itself."""
        if event.answers is not None:
            return self._by_event.get(event.answers)
        if event.kind == "eventRaised":
            return self._waits.get((event_key(event.name), event.timestamp))
        return self._by_event.get(event.event_id) if event.kind in _CALLS else None


def _step(events: Sequence[HistoryEvent], spans: Sequence[Span]) -> Step:
    if not spans:
        return Step(WORKFLOW, WORKFLOW, tuple(events))
    return Step(spans[0].name, spans[0].kind.value, tuple(events), tuple(spans))
