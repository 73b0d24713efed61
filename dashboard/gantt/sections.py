"""Sections of a timeline: the rows that are drawn at once, and what the other rows contain.

Many calls of one activity that one turn made are one row, until a viewer opens it. A chart with
too many rows is drawn in sections: its bars alone would make the page slow.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from operations.timeline import CALLS, SUSPENSIONS, Ending, Span

MAX_ROWS = 50  # in a section, beside the row of suspensions
MAX_SPANS = 100  # the most spans of one row that are drawn, the latest ones
MIN_FAN_OUT = 11  # calls of one name in one turn that are one row

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


@dataclass(frozen=True)
class FanOut:
    """Many calls of one activity or child that one turn made, in the order of their starts."""

    rows: tuple[Row, ...]

    @property
    def first(self) -> Span:
        """The first attempt of the first call."""
        return self.rows[0][0]

    @property
    def by_outcome(self) -> dict[RowOutcome, list[Row]]:
        """The calls by outcome, in the order of `RowOutcome`."""
        found: dict[RowOutcome, list[Row]] = {}
        for row in self.rows:
            found.setdefault(outcome_of(row), []).append(row)
        return {outcome: found[outcome] for outcome in RowOutcome if outcome in found}


Entry = Row | FanOut
"""What a chart draws as one row."""


@dataclass(frozen=True)
class Choice:
    """What a viewer chose: the calls with one outcome, or all; and the index of the first row.

    `fan_out` is the lane of the first call of a fan-out whose calls are shown alone.
    """

    outcome: RowOutcome | None = None
    first: int = 0
    fan_out: int | None = None


@dataclass(frozen=True)
class Section:
    """The rows that are drawn at once, in the order of their starts.

    `choice` is what is shown, which may differ from what was chosen: calls change their outcome.
    `matching` is the number of rows that the choice has, `counts` the number of all calls by
    outcome, `folded` the number of calls that are not drawn. Suspensions do not count: each section
    has their row. `opened` is the fan-out whose calls are shown.
    """

    rows: tuple[Entry, ...]
    suspensions: Row = ()
    choice: Choice = field(default_factory=Choice)
    matching: int = 0
    counts: Mapping[RowOutcome, int] = field(default_factory=dict)
    folded: Mapping[RowOutcome, int] = field(default_factory=dict)
    opened: FanOut | None = None

    @property
    def drawn(self) -> tuple[Entry, ...]:
        """The rows from top to bottom; the row of suspensions is the last one."""
        return (*self.rows, self.suspensions) if self.suspensions else self.rows

    @property
    def single_calls(self) -> list[Span]:
        """The first attempts of the calls that have a row of their own."""
        calls = [calls_of(each) for each in self.rows]
        return [rows[0][0] for rows in calls if len(rows) == 1]

    @property
    def is_part(self) -> bool:
        """True if calls are not drawn."""
        return bool(self.folded) or self.choice != Choice()

    @property
    def has_choices(self) -> bool:
        """True if a viewer can choose other rows than these."""
        return self.is_part or any(isinstance(each, FanOut) for each in self.rows)

    @property
    def started_at(self) -> datetime | None:
        """When its first row started, None if that is the start of the whole timeline."""
        is_first = self.choice == Choice() or not self.rows
        return None if is_first else calls_of(self.rows[0])[0][0].scheduled_at

    @property
    def ended_at(self) -> datetime | None:
        """When the last of its calls ended, None while one is open."""
        ends = [call[-1].ended_at for entry in self.rows for call in calls_of(entry)]
        known = [end for end in ends if end]
        return max(known) if known and len(known) == len(ends) else None


def section_of(spans: Iterable[Span], choice: Choice | None = None) -> Section:
    """Return the chosen section of these spans, which are ordered by `scheduled_at`."""
    calls, suspensions = _rows(spans)
    entries = _entries(calls)
    choice = choice or Choice()
    opened = _fan_out(entries, choice.fan_out)
    calls = list(opened.rows) if opened else calls
    counts = Counter(map(outcome_of, calls))
    outcome = choice.outcome if choice.outcome in counts else None
    if outcome:
        matching: list[Entry] = [call for call in calls if outcome_of(call) is outcome]
    else:
        matching = [*opened.rows] if opened else entries
    first = _first(choice.first, len(matching))
    drawn = matching[first : first + MAX_ROWS]
    shown = Counter(outcome_of(call) for entry in drawn for call in calls_of(entry))
    return Section(
        rows=tuple(drawn),
        suspensions=suspensions,
        choice=Choice(outcome, first, choice.fan_out if opened else None),
        matching=len(matching),
        counts=_ordered(counts),
        folded=_ordered(counts - shown),
        opened=opened,
    )


def choice_with(spans: Iterable[Span], lane: int) -> Choice:
    """Return the choice of the section that draws the row of this lane."""
    calls, _ = _rows(spans)
    for number, entry in enumerate(_entries(calls)):
        for index, call in enumerate(calls_of(entry)):
            if call[0].lane == lane:
                is_alone = not isinstance(entry, FanOut)
                return Choice(first=number) if is_alone else Choice(None, index, _lane(entry))
    return Choice()


def outcome_of(row: Row) -> RowOutcome:
    """Return the outcome of a row; a call that is retried waits between its attempts."""
    last = row[-1]
    if last.ending is Ending.OPEN:
        return RowOutcome.RUNNING if last.kind in CALLS else RowOutcome.WAITING
    return _OUTCOMES[last.ending]


def calls_of(entry: Entry) -> Sequence[Row]:
    """Return the calls that a row draws."""
    return entry.rows if isinstance(entry, FanOut) else (entry,)


def _rows(spans: Iterable[Span]) -> tuple[list[Row], list[Span]]:
    """Return the rows in the order of their starts, and the suspensions."""
    lanes: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        lanes[span.lane].append(span)
    suspensions = lanes.pop(SUSPENSIONS, [])
    return list(lanes.values()), suspensions


def _entries(calls: Iterable[Row]) -> list[Entry]:
    """Return the calls, with a fan-out in the place of its first call."""
    alike: dict[tuple[object, ...], list[Row]] = {}
    for call in calls:
        first = call[0]
        is_known = first.kind in CALLS and first.turn > 0  # the ledger alone has no turns
        key = (first.kind, first.name, first.turn) if is_known else (first.lane,)
        alike.setdefault(key, []).append(call)
    wide = {key: FanOut(tuple(each)) for key, each in alike.items() if len(each) >= MIN_FAN_OUT}
    single = (call for key, each in alike.items() if key not in wide for call in each)
    return sorted([*wide.values(), *single], key=_start)


def _start(entry: Entry) -> tuple[datetime, int]:
    first = calls_of(entry)[0][0]
    return first.scheduled_at, first.event_id


def _lane(entry: Entry) -> int:
    return calls_of(entry)[0][0].lane


def _fan_out(entries: Iterable[Entry], lane: int | None) -> FanOut | None:
    """Return the fan-out whose first call has this lane."""
    wide = (each for each in entries if isinstance(each, FanOut))
    return next((each for each in wide if each.first.lane == lane), None)


def _first(wanted: int, matching: int) -> int:
    """Return the index of the first row of the section that has the wanted row, or of the last."""
    last = max(0, matching - 1)
    return min(max(0, wanted), last) // MAX_ROWS * MAX_ROWS


def _ordered(counts: Mapping[RowOutcome, int]) -> dict[RowOutcome, int]:
    return {outcome: counts[outcome] for outcome in RowOutcome if counts.get(outcome)}
