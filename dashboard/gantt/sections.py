"""Sections of a timeline: the rows that are drawn at once, and what the other rows contain.

Plotly measures the text of every row: 400 rows take half a minute, and 2,000 freeze the tab.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from operations.timeline import SUSPENSIONS, Ending, Span, SpanKind

MAX_ROWS = 50  # in a section, beside the row of suspensions
MAX_SPANS = 100  # the most spans of one row that are drawn, the latest ones

Row = Sequence[Span]
"""The spans of one lane, by `scheduled_at`."""


class RowOutcome(StrEnum):
    """How the last span of a row ended, in the order in which an operator looks for it."""

    FAILED = "failed"
    TIMED_OUT = "timed out"
    RUNNING = "running"
    WAITING = "waiting"
    CUT_OFF = "cut off"
    COMPLETED = "completed"


_OUTCOMES = {
    Ending.COMPLETED: RowOutcome.COMPLETED,
    Ending.FAILED: RowOutcome.FAILED,
    Ending.TIMED_OUT: RowOutcome.TIMED_OUT,
    Ending.CUT_OFF: RowOutcome.CUT_OFF,
    Ending.END_UNKNOWN: RowOutcome.CUT_OFF,
}
_RUNNING = frozenset({SpanKind.ACTIVITY, SpanKind.CHILD})


@dataclass(frozen=True)
class Choice:
    """What a viewer chose: the rows with one outcome, or all; and the index of the first row."""

    outcome: RowOutcome | None = None
    first: int = 0


@dataclass(frozen=True)
class Section:
    """The rows that are drawn at once, in the order of their starts.

    `choice` is what is shown, which may differ from what was chosen: rows change their outcome.
    `matching` is the number of rows that the choice has, `counts` the number of all rows by
    outcome, `folded` the number of rows that are not drawn. Suspensions do not count: each section
    has their row.
    """

    rows: tuple[Row, ...]
    suspensions: Row = ()
    choice: Choice = field(default_factory=Choice)
    matching: int = 0
    counts: Mapping[RowOutcome, int] = field(default_factory=dict)
    folded: Mapping[RowOutcome, int] = field(default_factory=dict)

    @property
    def drawn(self) -> tuple[Row, ...]:
        """The rows from top to bottom; the row of suspensions is the last one."""
        return (*self.rows, self.suspensions) if self.suspensions else self.rows

    @property
    def is_folded(self) -> bool:
        """True if rows are not drawn."""
        return bool(self.folded)

    @property
    def started_at(self) -> datetime | None:
        """When its first row started, None if that is the start of the whole timeline."""
        is_first = self.choice == Choice() or not self.rows
        return None if is_first else self.rows[0][0].scheduled_at

    @property
    def ended_at(self) -> datetime | None:
        """When the last of its rows ended, None while one is open."""
        ends = [row[-1].ended_at for row in self.rows]
        known = [end for end in ends if end]
        return max(known) if known and len(known) == len(ends) else None


def section_of(spans: Iterable[Span], choice: Choice | None = None) -> Section:
    """Return the chosen section of these spans, which are ordered by `scheduled_at`."""
    rows, suspensions = _rows(spans)
    by_outcome = [(outcome_of(row), row) for row in rows]
    counts = Counter(outcome for outcome, _ in by_outcome)
    wanted = choice.outcome if choice and choice.outcome in counts else None
    matching = [row for outcome, row in by_outcome if wanted in {None, outcome}]
    first = _first(choice.first if choice else 0, len(matching))
    drawn = matching[first : first + MAX_ROWS]
    return Section(
        rows=tuple(drawn),
        suspensions=suspensions,
        choice=Choice(wanted, first),
        matching=len(matching),
        counts=_ordered(counts),
        folded=_ordered(counts - Counter(map(outcome_of, drawn))),
    )


def outcome_of(row: Row) -> RowOutcome:
    """Return the outcome of a row; a call that is retried waits between its attempts."""
    last = row[-1]
    if last.ending is Ending.OPEN:
        return RowOutcome.RUNNING if last.kind in _RUNNING else RowOutcome.WAITING
    return _OUTCOMES[last.ending]


def _rows(spans: Iterable[Span]) -> tuple[list[Row], list[Span]]:
    """Return the rows in the order of their starts, and the suspensions."""
    lanes: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        lanes[span.lane].append(span)
    suspensions = lanes.pop(SUSPENSIONS, [])
    return list(lanes.values()), suspensions


def _first(wanted: int, matching: int) -> int:
    """Return the index of the first row of the section that has the wanted row, or of the last."""
    last = max(0, matching - 1)
    return min(max(0, wanted), last) // MAX_ROWS * MAX_ROWS


def _ordered(counts: Mapping[RowOutcome, int]) -> dict[RowOutcome, int]:
    return {outcome: counts[outcome] for outcome in RowOutcome if counts.get(outcome)}
