"""When an instance began and ended, and what the engine's own histories say."""

import random
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from operations.history import HistoryEvent
from operations.timeline import (
    Ending,
    Span,
    SpanKind,
    Timeline,
    Waiting,
    timeline_of,
)
from tests.unit.events import (
    at,
    child,
    completed,
    ended,
    event,
    only,
    raised,
    read,
    scheduled,
    started,
    suspended,
    terminated,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded


def test_an_instance_ends_when_its_execution_completes() -> None:
    """An instance ended when its execution completed."""
    assert read(ended(5)).ended_at == at(5)
    assert read().ended_at is None


@pytest.mark.parametrize("end", [ended(5), terminated(5)])
@pytest.mark.parametrize(
    "begin", [scheduled(1, 1), timer(1, 1, 9), wait(1, 1), child(1, 1, "c"), suspended(1)]
)
def test_whatever_is_open_is_cut_off(begin: HistoryEvent, end: HistoryEvent) -> None:
    """Nothing outlives its instance."""
    span = only(read(begin, end))
    assert (span.ended_at, span.ending) == (at(5), Ending.CUT_OFF)


def test_what_had_ended_stays_as_it_was() -> None:
    """The end of the instance changes no other end."""
    assert only(read(scheduled(1, 1), completed(1, 2), ended(5))).ending is Ending.COMPLETED


def test_terminated_and_then_completed() -> None:
    """Termination cuts off; the instance has ended with its completion."""
    timeline = read(scheduled(1, 1), terminated(5), ended(6))
    assert (only(timeline).ended_at, timeline.ended_at) == (at(5), at(6))


def test_an_answer_after_the_end_is_too_late() -> None:
    """What was cut off stays cut off."""
    assert only(read(scheduled(1, 1), ended(5), completed(1, 6))).ending is Ending.CUT_OFF


def test_what_begins_after_the_end_is_cut_off() -> None:
    """Nothing is open in an instance that has ended."""
    span = only(read(ended(5), scheduled(1, 6)))
    assert (span.ended_at, span.ending) == (at(6), Ending.CUT_OFF)


def test_the_future_is_ignored() -> None:
    """Events of a kind that is not known say nothing."""
    assert read(event("entityUnlocked", 1, 1), event("executionStalled", 2)) == read()


def test_an_empty_history() -> None:
    """An instance without a history has not begun."""
    assert timeline_of([]) == Timeline(waiting=Waiting("start"), awaited=frozenset({"start"}))


def test_started_at_is_that_of_the_start() -> None:
    """The start counts, though a later event stands before it."""
    assert timeline_of([turn(2), started(1)]).started_at == at(1)


def test_it_begins_with_its_first_turn() -> None:
    """A generation that is not the first had that before its start: it is another's."""
    assert timeline_of([turn(2), started(1), turn(3)]).first_turn_at == at(2)
    assert timeline_of([turn(1), started(1)]).first_turn_at == at(1)
    assert timeline_of([turn(0.5), started(1), turn(3)]).first_turn_at is None
    assert timeline_of([started(1)]).first_turn_at is None


def test_a_rerun_begins_on_its_own_clock() -> None:
    """What it copied was another's."""
    timeline = timeline_of(recorded("rerun"))
    assert timeline.first_turn_at
    assert timeline.started_at
    assert (
        timeline.started_at <= timeline.first_turn_at < timeline.started_at + timedelta(seconds=1)
    )


def test_without_a_start_the_first_event_counts() -> None:
    """A history that lacks its start begins with what it has."""
    assert timeline_of([turn(2), scheduled(1, 3)]).started_at == at(2)


def test_the_start_says_who() -> None:
    """The start names the execution and the parent."""
    timeline = timeline_of([turn(0), started(0, execution_id="e", instance_id="parent")])
    assert (timeline.execution_id, timeline.parent_id) == ("e", "parent")


def test_no_span_ends_before_it_starts() -> None:
    """A clock that stepped back makes a span of no length."""
    assert only(read(scheduled(1, 5), completed(1, 4))).ended_at == at(5)


def test_nothing_starts_before_the_instance() -> None:
    """A clock that stepped back moves nothing before the start."""
    assert only(timeline_of([started(3), scheduled(1, 2)])).scheduled_at == at(3)


def test_an_instance_does_not_end_before_it_starts() -> None:
    """A clock that stepped back makes an instance of no length."""
    assert timeline_of([started(3), ended(2)]).ended_at == at(3)


def test_spans_stand_in_the_order_of_their_starts() -> None:
    """What began at once stands by event id."""
    timeline = read(scheduled(3, 2), scheduled(2, 1), scheduled(1, 2))
    assert [span.event_id for span in timeline.spans] == [2, 1, 3]


def test_a_scheduled_start_counts_from_its_first_turn() -> None:
    """The time until a start is due is none of the instance's."""
    assert timeline_of([turn(60), started(0, fire_at=at(59))]).started_at == at(60)


def test_a_scheduled_start_that_is_not_due() -> None:
    """What has not begun has no start, and waits for it."""
    timeline = timeline_of([started(0, fire_at=at(59))])
    assert (timeline.started_at, timeline.waiting) == (None, Waiting("start", at(59)))


def test_a_start_scheduled_for_the_past_begins_at_once() -> None:
    """A start that was due when it was asked for is no scheduled one."""
    assert timeline_of([started(5, fire_at=at(1)), turn(6)]).started_at == at(5)


def test_turns_are_counted() -> None:
    """What the workflow began in one go has the same turn."""
    timeline = read(scheduled(1, 1), timer(2, 1, 9), turn(2), scheduled(3, 2))
    assert [span.turn for span in timeline.spans] == [1, 1, 2]


SPANS: dict[str, list[tuple[SpanKind, str, Ending]]] = {
    "child": [(SpanKind.CHILD, "parallel", Ending.COMPLETED)],
    "child_failed": [(SpanKind.CHILD, "failing", Ending.FAILED)],
    "event_raised": [
        (SpanKind.WAIT, "approval", Ending.COMPLETED),
        (SpanKind.TIMER, "timer", Ending.CUT_OFF),
    ],
    "event_timed_out_at_most": [(SpanKind.WAIT, "approval", Ending.TIMED_OUT)],
    "failed": [(SpanKind.ACTIVITY, "fail", Ending.FAILED)],
    "resumed": [
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
        (SpanKind.SUSPENSION, "suspended", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "work", Ending.COMPLETED),
    ],
    "retried": [
        (SpanKind.ACTIVITY, "flaky", Ending.FAILED),
        (SpanKind.BACKOFF, "flaky", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "flaky", Ending.FAILED),
        (SpanKind.BACKOFF, "flaky", Ending.COMPLETED),
        (SpanKind.ACTIVITY, "flaky", Ending.COMPLETED),
    ],
    "terminated": [
        (SpanKind.ACTIVITY, "work", Ending.CUT_OFF),
        (SpanKind.ACTIVITY, "work", Ending.CUT_OFF),
    ],
    "timer": [(SpanKind.TIMER, "timer", Ending.COMPLETED)],
    "unregistered": [],
}


@pytest.mark.parametrize(("name", "spans"), SPANS.items(), ids=SPANS)
def test_the_spans_of_a_recorded_history(
    name: str, spans: list[tuple[SpanKind, str, Ending]]
) -> None:
    """What the engine wrote is read as what happened."""
    found = timeline_of(recorded(name)).spans
    assert [(span.kind, span.name, span.ending) for span in found] == spans


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("child_running", "child parallel"),
        ("pending", "start"),
        ("retrying", "retry of flaky"),
        ("running", "work ×2"),  # noqa: RUF001
        ("suspended", "suspended"),
        ("suspended_while_waiting", "suspended"),
        ("timer_open", "timer"),
        ("waiting", "event approval"),
        ("waiting_at_most", "event approval"),
        ("waiting_until", "event approval"),
    ],
)
def test_what_a_recorded_instance_is_at(name: str, what: str) -> None:
    """What the engine had under way is what the instance is at."""
    waiting = timeline_of(recorded(name)).waiting
    assert waiting
    assert waiting.what == what


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_attempts_do_not_overlap(name: str) -> None:
    """On one machine's clock, what shares a lane follows one another."""
    lanes: dict[int, list[Span]] = {}
    for span in timeline_of(recorded(name)).spans:
        lanes.setdefault(span.lane, []).append(span)
    for spans in lanes.values():
        assert all(
            before.ended_at and before.ended_at <= after.scheduled_at
            for before, after in pairwise(spans)
        )


def test_the_recorded_rerun() -> None:
    """A rerun takes what its last activity takes: the others were copied."""
    rerun, source = (timeline_of(recorded(name)) for name in ("rerun", "rerun_source"))
    assert [span.copied for span in rerun.spans] == [True, True, False]
    assert rerun.started_at
    assert rerun.ended_at
    assert source.ended_at
    assert source.ended_at < rerun.started_at
    assert rerun.ended_at - rerun.started_at < timedelta(seconds=1)


def test_a_recorded_start_of_later() -> None:
    """The three seconds until the start was due are none of the instance's."""
    timeline = timeline_of(recorded("started_later"))
    assert timeline.started_at
    assert timeline.ended_at
    assert timeline.ended_at - timeline.started_at < timedelta(seconds=1)


def test_a_long_history_is_read_at_once() -> None:
    """20,000 events take well under a second, even if all are open at once."""
    half = 10_000
    begun = [scheduled(number, 1, f"ship_{number}", call=f"c{number}") for number in range(half)]
    answers = [completed(number, 2) for number in range(half)]
    random.Random(1).shuffle(answers)  # noqa: S311 - the same order in every run
    before = time.process_time()
    read(*begun, *answers)
    read(*begun)
    read(*(wait(number, 1) for number in range(half)), *(raised("approval", 2) for _ in answers))
    assert time.process_time() - before < 2
