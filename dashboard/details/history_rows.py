"""Which events the history table shows, in which order. Pure functions."""

from collections.abc import Iterable, Sequence

from operations.history import HistoryEvent

PER_PAGE = 200  # events; the browser gets the events of one page only
_TURN = "workflowStarted"
_INTERNAL = frozenset({_TURN, "workflowCompleted"})
"""Events that Dapr writes for each turn; they say nothing about what the workflow does."""


def rows_of(history: Iterable[HistoryEvent], *, all_kinds: bool) -> tuple[HistoryEvent, ...]:
    """Return the events by turn, and in the order of their times within a turn.

    Dapr writes the start of a turn before the events that caused the turn. Without `all_kinds`
    the events are left out that only the engine needs.
    """
    ordered = [event for turn in _turns(history) for event in _by_time(turn)]
    return tuple(event for event in ordered if all_kinds or event.kind not in _INTERNAL)


def page_count(events: Sequence[HistoryEvent]) -> int:
    """Return the number of pages, at least 1."""
    return max(1, -(-len(events) // PER_PAGE))


def page_of(events: Sequence[HistoryEvent], number: int) -> Sequence[HistoryEvent]:
    """Return the events of a page; the first page has the number 1."""
    return events[(number - 1) * PER_PAGE : number * PER_PAGE]


def _turns(history: Iterable[HistoryEvent]) -> list[list[HistoryEvent]]:
    turns: list[list[HistoryEvent]] = [[]]
    for event in history:
        if event.kind == _TURN:
            turns.append([])
        turns[-1].append(event)
    return turns


def _by_time(turn: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    return sorted(turn, key=lambda event: event.timestamp)
