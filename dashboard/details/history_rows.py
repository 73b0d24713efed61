"""Which events the history shows, in which order, and which a search finds. Pure functions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from operations.history import HistoryEvent

PER_PAGE = 200  # events; the browser gets the events of one page only
_TURN = "workflowStarted"
_INTERNAL = frozenset({_TURN, "workflowCompleted"})
"""Events that Dapr writes for each turn; they say nothing about what the workflow does."""

_Row = TypeVar("_Row")


class Same(Generic[_Row]):
    """Rows as the key of a cache, compared by identity, because hashing a history is slow."""

    def __init__(self, value: Sequence[_Row]) -> None:
        self.value = value

    def __hash__(self) -> int:
        """Return the hash of the identity."""
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        """Return True for the same object."""
        return isinstance(other, Same) and other.value is self.value


@lru_cache(maxsize=2)  # each keeps a whole history
def found_rows(
    history: Same[HistoryEvent], text: str, *, all_kinds: bool
) -> tuple[HistoryEvent, ...]:
    """Return the rows of a history that contain a text; the last results are kept."""
    rows = rows_of(history.value, all_kinds=all_kinds)
    if not text:
        return rows
    names, wanted = names_of(history.value), needles(text)
    return tuple(event for event in rows if contains(event, names, wanted))


def rows_of(history: Iterable[HistoryEvent], *, all_kinds: bool) -> tuple[HistoryEvent, ...]:
    """Return the events by turn, and in the order of their times within a turn.

    Dapr writes the start of a turn before the events that caused the turn. Without `all_kinds`
    the events are left out that only the engine needs.
    """
    ordered = [event for turn in _turns(history) for event in _by_time(turn)]
    return tuple(event for event in ordered if all_kinds or event.kind not in _INTERNAL)


def names_of(history: Iterable[HistoryEvent]) -> dict[int, str]:
    """Return the names of calls by event id: an answer has no name of its own."""
    return {event.event_id: event.name for event in history if event.name}


def name_of(event: HistoryEvent, names: Mapping[int, str]) -> str:
    """Return the name of an event, or of the call that it answers; empty without a name."""
    if event.name or event.answers is None:
        return event.name or ""
    return names.get(event.answers, "")


def needles(text: str) -> tuple[str, ...]:
    """Return the forms in which a text may stand in an event: as it is, and as JSON escapes it."""
    return tuple({text.casefold(), json.dumps(text)[1:-1].casefold()})


def contains(event: HistoryEvent, names: Mapping[int, str], wanted: Sequence[str]) -> bool:
    """Return True if the kind, the name, the payload or the failure has one of these texts."""
    failure = event.failure
    texts = (
        event.kind,
        name_of(event, names),
        event.instance_id,
        event.payload,
        *((failure.error_type, failure.message) if failure else ()),
    )
    folded = [text.casefold() for text in texts if text]
    return any(each in text for text in folded for each in wanted)


def page_count(rows: Sequence[object]) -> int:
    """Return the number of pages, at least 1."""
    return max(1, -(-len(rows) // PER_PAGE))


def page_of(rows: Sequence[_Row], number: int) -> Sequence[_Row]:
    """Return the rows of a page; the first page has the number 1."""
    return rows[(number - 1) * PER_PAGE : number * PER_PAGE]


def _turns(history: Iterable[HistoryEvent]) -> list[list[HistoryEvent]]:
    turns: list[list[HistoryEvent]] = [[]]
    for event in history:
        if event.kind == _TURN:
            turns.append([])
        turns[-1].append(event)
    return turns


def _by_time(turn: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    return sorted(turn, key=lambda event: event.timestamp)
