"""Which rows of a large Gantt chart are drawn, and what the folded ones contain."""

from typing import Any

import pytest

from dashboard.gantt.sections import (
    MAX_ROWS,
    MIN_FAN_OUT,
    Choice,
    FanOut,
    RowOutcome,
    Section,
    calls_of,
    choice_with,
    section_of,
)
from operations.timeline import SUSPENSIONS, Ending, Span, SpanKind
from tests.unit.events import at

FAILED, RUNNING, COMPLETED = RowOutcome.FAILED, RowOutcome.RUNNING, RowOutcome.COMPLETED


def span(lane: int, ending: Ending = Ending.COMPLETED, **fields: Any) -> Span:
    """Return a span in a lane, which starts as many seconds after the start as its lane says."""
    end = None if ending is Ending.OPEN else at(lane + 1)
    kind = fields.pop("kind", SpanKind.ACTIVITY)
    return Span(kind, "charge", lane, lane, at(lane), end, ending, **fields)


def lanes(section: Section) -> list[int]:
    """Return the lanes of the rows that are drawn."""
    return [calls_of(entry)[0][0].lane for entry in section.drawn]


def spans(failed: int = 120, running: int = 130) -> list[Span]:
    """Return 140 spans; one of them failed, and one is open."""
    endings = {failed: Ending.FAILED, running: Ending.OPEN}
    return [span(lane, endings.get(lane, Ending.COMPLETED)) for lane in range(140)]


def test_a_small_chart_is_not_folded() -> None:
    """All its rows are drawn, and nothing can be chosen."""
    section = section_of([span(lane) for lane in range(MAX_ROWS)])
    assert lanes(section) == list(range(MAX_ROWS))
    assert not section.has_choices


def test_the_first_rows_are_drawn() -> None:
    """The counts are of all rows, the folded ones of every row that is not drawn."""
    section = section_of(spans())
    assert lanes(section) == list(range(MAX_ROWS))
    assert section.counts == {FAILED: 1, RUNNING: 1, COMPLETED: 138}
    assert section.folded == {FAILED: 1, RUNNING: 1, COMPLETED: 138 - MAX_ROWS}
    assert list(section.counts) == [FAILED, RUNNING, COMPLETED]  # what matters comes first


def test_another_section_is_drawn() -> None:
    """A row in its middle selects it; beyond the end, the last section is drawn."""
    assert lanes(section_of(spans(), Choice(first=70))) == list(range(50, 100))
    last = section_of(spans(), Choice(first=10_000))
    assert lanes(last) == list(range(100, 140))
    assert (last.choice.first, last.folded) == (100, {COMPLETED: 100})


def test_the_failed_rows_alone_are_drawn() -> None:
    """One choice shows them, wherever they are."""
    section = section_of(spans(), Choice(FAILED))
    assert (lanes(section), section.matching) == ([120], 1)
    assert section.folded == {RUNNING: 1, COMPLETED: 138}


def test_an_outcome_that_no_row_has_any_more_shows_all() -> None:
    """The last running row has ended while it was shown alone."""
    section = section_of(spans(running=-1), Choice(RUNNING))
    assert (section.choice, section.matching) == (Choice(), 140)


OUTCOMES = {
    "a retried call that completed": ([Ending.FAILED, Ending.COMPLETED], "activity", "completed"),
    "a call that failed at last": ([Ending.FAILED, Ending.FAILED], "activity", "failed"),
    "an open call": ([Ending.OPEN], "activity", "running"),
    "an open child": ([Ending.OPEN], "child", "running"),
    "a back-off": ([Ending.FAILED, Ending.OPEN], "backoff", "waiting"),
    "an open wait": ([Ending.OPEN], "wait", "waiting"),
    "an open timer": ([Ending.OPEN], "timer", "waiting"),
    "a wait that timed out": ([Ending.TIMED_OUT], "wait", "timed out"),
    "a call that the end cut off": ([Ending.CUT_OFF], "activity", "cut off"),
    "a call whose end is unknown": ([Ending.END_UNKNOWN], "activity", "cut off"),
}


@pytest.mark.parametrize(("endings", "kind", "outcome"), OUTCOMES.values(), ids=OUTCOMES)
def test_the_last_span_of_a_row_decides_its_outcome(
    endings: list[Ending], kind: str, outcome: str
) -> None:
    """A retry that succeeds is not a failure."""
    row = [span(7, ending, kind=SpanKind(kind)) for ending in endings]
    assert section_of(row).counts == {RowOutcome(outcome): 1}


def test_each_section_has_the_suspensions() -> None:
    """Below its rows; they are no row that is counted."""
    pause = span(SUSPENSIONS, kind=SpanKind.SUSPENSION)
    for choice in (Choice(), Choice(first=100), Choice(FAILED)):
        section = section_of([pause, *spans()], choice)
        assert lanes(section)[-1] == SUSPENSIONS
        assert len(lanes(section)) <= MAX_ROWS + 1
        assert sum(section.counts.values()) == 140


def test_a_section_has_its_own_times() -> None:
    """A later one starts with its first row; one with an open row has no end."""
    first, second = section_of(spans()), section_of(spans(), Choice(first=50))
    assert (first.started_at, first.ended_at) == (None, at(50))
    assert (second.started_at, second.ended_at) == (at(50), at(100))
    assert section_of(spans(), Choice(first=100)).ended_at is None


def wide(count: int, **fields: Any) -> list[Span]:
    """Return calls of one activity that the first turn made; the last one failed."""
    endings = [Ending.COMPLETED] * (count - 1) + [Ending.FAILED]
    return [span(lane, ending, turn=1, **fields) for lane, ending in enumerate(endings)]


def test_few_calls_are_rows_of_their_own() -> None:
    """And so are calls of several turns, and calls whose turn is unknown."""
    for calls in (
        wide(MIN_FAN_OUT - 1),
        [span(lane, turn=lane + 1) for lane in range(40)],
        [span(lane) for lane in range(40)],
        wide(40, kind=SpanKind.TIMER),
    ):
        assert len(section_of(calls).rows) == len(calls)


def test_many_calls_of_one_turn_are_one_row() -> None:
    """Their outcomes can be chosen, although nothing is folded."""
    section = section_of([*wide(480), span(900, turn=2)])
    fan_out, other = section.rows
    assert isinstance(fan_out, FanOut)
    assert len(fan_out.rows) == 480
    assert not isinstance(other, FanOut)
    assert section.counts == {FAILED: 1, COMPLETED: 480}
    assert (section.folded, section.has_choices, section.is_part) == ({}, True, False)


def test_an_opened_fan_out_is_drawn_in_sections() -> None:
    """Its calls alone, with their outcomes."""
    spans = [*wide(480), span(900, turn=2)]
    section = section_of(spans, Choice(first=60, fan_out=0))
    assert lanes(section) == list(range(50, 100))
    assert (section.matching, section.counts) == (480, {FAILED: 1, COMPLETED: 479})
    assert section.opened
    assert lanes(section_of(spans, Choice(FAILED, fan_out=0))) == [479]
    assert section_of(spans, Choice(fan_out=7)).choice == Choice()  # of another run


def test_an_outcome_shows_single_calls() -> None:
    """The failed call of a fan-out is a row."""
    section = section_of([*wide(480), span(900, Ending.FAILED, turn=2)], Choice(FAILED))
    assert lanes(section) == [479, 900]


@pytest.mark.parametrize("lane", [3, 70, 479, 900])
def test_the_section_with_a_row_is_found(lane: int) -> None:
    """Also of a call in a fan-out."""
    spans = [*wide(480), span(900, turn=2)]
    section = section_of(spans, choice_with(spans, lane))
    assert lane in lanes(section)
    assert choice_with(spans, 12345) == Choice()
