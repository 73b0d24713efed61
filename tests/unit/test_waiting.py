"""What an instance waits for: as a short text, and as names for the filter."""

import pytest

from operations.history import HistoryEvent
from operations.timeline import SpanKind, Waiting
from tests.unit.events import (
    at,
    back_off,
    child,
    child_failed,
    completed,
    ended,
    failed,
    fired,
    raised,
    resumed,
    scheduled,
    suspended,
    timeline_with,
    timer,
    turn,
    wait,
)

WAITING = {
    "between two turns nothing is open": ([], None),
    "one activity": ([scheduled(1, 1)], Waiting("charge")),
    "two activities": (
        [scheduled(1, 1, "process_order"), scheduled(2, 1, "check_inventory")],
        Waiting("process_order, check_inventory"),
    ),
    "many activities": (
        [scheduled(number, 1, f"ship_{number}") for number in range(1, 6)],
        Waiting("ship_1 and 4 more"),
    ),
    "many of one name": (
        [scheduled(number, 1, "ship") for number in range(1, 21)],
        Waiting("ship ×20"),  # noqa: RUF001
    ),
    "many of one name and an event": (
        [*(scheduled(number, 1, "ship") for number in range(1, 4)), wait(4, 1)],
        Waiting("event approval and ship ×3"),  # noqa: RUF001
    ),
    "a later attempt": (
        [scheduled(1, 1, call="c"), failed(1, 2), scheduled(2, 3, call="c")],
        Waiting("charge (attempt 2)"),
    ),
    "a later attempt comes before a first one": (
        [
            scheduled(1, 1, "check"),
            scheduled(2, 1, call="c"),
            failed(2, 2),
            scheduled(3, 3, call="c"),
        ],
        Waiting("charge (attempt 2), check"),
    ),
    "an event": ([wait(1, 1)], Waiting("event approval")),
    "an event with a time-out": ([wait(1, 1, due=60)], Waiting("event approval", at(60))),
    "two events": (
        [wait(1, 1, "yes", due=60), wait(2, 1, "no", due=50)],
        Waiting("event yes, event no", at(50)),
    ),
    "an event or a timer of the same turn": (
        [wait(1, 1), timer(2, 1, 60)],
        Waiting("event approval", at(60)),
    ),
    "an event, and a timer of an earlier turn": (
        [timer(1, 1, 60), turn(2), wait(2, 2)],
        Waiting("event approval"),
    ),
    "an activity, and the time-out of an event that was raised": (
        [wait(1, 1), timer(2, 1, 60), turn(2), raised("approval", 2), scheduled(3, 2)],
        Waiting("charge"),
    ),
    "an event, then an activity": (
        [wait(1, 1, due=60), scheduled(2, 1)],
        Waiting("event approval and charge", at(60)),
    ),
    "an event, then activities that nothing awaits": (
        [wait(1, 1, due=60), scheduled(2, 1, "slow"), scheduled(3, 1, "slower")],
        Waiting("event approval and 2 more", at(60)),
    ),
    "an activity after the time-out of an event": (
        [wait(1, 1), timer(2, 1, 9), fired(2, 9), turn(9), scheduled(3, 9, "escalate")],
        Waiting("escalate and event approval"),
    ),
    "a child after the time-out of an event": (
        [wait(1, 1), timer(2, 1, 9), fired(2, 9), turn(9), child(3, 9, "c")],
        Waiting("child pay and event approval"),
    ),
    "an activity after one of two events": (
        [
            wait(1, 1, "yes", due=60),
            wait(2, 1, "no", due=60),
            raised("yes", 2),
            turn(2),
            scheduled(3, 2, "ship"),
        ],
        Waiting("ship and event no"),
    ),
    "an activity of a later turn, and an event that may come at any time": (
        [
            wait(1, 1, "cancel", due=60),
            scheduled(2, 1, "a"),
            completed(2, 2),
            turn(2),
            scheduled(3, 2, "b"),
        ],
        Waiting("b and event cancel"),
    ),
    "an event that nothing awaits, then a timer in a later turn": (
        [wait(1, 1), scheduled(2, 1), completed(2, 2), turn(2), timer(3, 2, 60)],
        Waiting("timer and event approval", at(60)),
    ),
    "an activity that nothing awaits, then an event": (
        [scheduled(1, 1, "slow"), wait(2, 1, due=60)],
        Waiting("event approval and slow", at(60)),
    ),
    "an activity that nothing awaits, then an event in a later turn": (
        [scheduled(1, 1, "slow"), turn(2), scheduled(2, 2), completed(2, 3), turn(3), wait(3, 3)],
        Waiting("event approval and slow"),
    ),
    "an activity that nothing awaits, then a timer": (
        [scheduled(1, 1, "slow"), timer(2, 1, 60)],
        Waiting("timer and slow", at(60)),
    ),
    "an activity that nothing awaits, then a child": (
        [scheduled(1, 1, "slow"), child(2, 1, "c")],
        Waiting("child pay and slow"),
    ),
    "activities that nothing awaits, then an event": (
        [scheduled(1, 1, "slow"), scheduled(2, 1, "slower"), wait(3, 1)],
        Waiting("event approval and 2 more"),
    ),
    "a timer, then an activity": ([timer(1, 1, 60), scheduled(2, 1)], Waiting("charge")),
    "a retry of an activity that nothing awaits, and an event before it": (
        [
            scheduled(1, 1, call="c"),
            wait(2, 1),
            failed(1, 2),
            turn(2),
            back_off(3, 2, 9, "c"),
        ],
        Waiting("event approval and retry of charge"),
    ),
    "one of many is retried": (
        [
            *(scheduled(number, 1, "ship", call=f"c{number}") for number in range(1, 4)),
            failed(3, 2),
            turn(2),
            back_off(4, 2, 9, "c3"),
        ],
        Waiting("ship ×2, retry of ship"),  # noqa: RUF001
    ),
    "a child, then an event": (
        [child(1, 1, "c"), wait(2, 1)],
        Waiting("event approval and child pay"),
    ),
    "a child": ([child(1, 1, "c")], Waiting("child pay")),
    "a child's later attempt": (
        [child(1, 1, "c"), child_failed(1, 2), child(2, 3, "c")],
        Waiting("child pay (attempt 2)"),
    ),
    "a child, then a retry": (
        [scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 9, "c"), child(3, 2, "d")],
        Waiting("child pay and retry of charge"),
    ),
    "a retry": (
        [scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 9, "c")],
        Waiting("retry of charge", at(9)),
    ),
    "a second retry": (
        [
            scheduled(1, 1, call="c"),
            failed(1, 2),
            scheduled(2, 3, call="c"),
            failed(2, 4),
            back_off(3, 4, 9, "c"),
        ],
        Waiting("retry of charge", at(9)),
    ),
    "a retry of an unknown call": ([back_off(2, 2, 9, None)], Waiting("retry of a call", at(9))),
    "a timer": ([timer(1, 1, 60)], Waiting("timer", at(60))),
    "a timer with a name": ([timer(1, 1, 60, "cooling")], Waiting("cooling", at(60))),
    "a timer, and a timer of an earlier turn": (
        [timer(1, 1, 60), turn(2), timer(2, 2, 90)],
        Waiting("timer", at(90)),
    ),
    "a suspension does not count": ([scheduled(1, 1), suspended(2)], Waiting("charge")),
    "only a suspension": ([suspended(2)], None),
    "after a suspension": ([scheduled(1, 1), suspended(2), resumed(3)], Waiting("charge")),
    "nothing after the end": ([scheduled(1, 1), ended(3)], None),
}


@pytest.mark.parametrize(("events", "waiting"), WAITING.values(), ids=WAITING)
def test_the_text_names_the_open_spans(events: list[HistoryEvent], waiting: Waiting | None) -> None:
    """The text has the time at which the wait ends, if it is known."""
    found = timeline_with(*events).waiting
    assert (found and Waiting(found.what, found.until)) == waiting


KINDS = {
    "an activity": ([scheduled(1, 3)], SpanKind.ACTIVITY, 3),
    "the first of several": ([scheduled(1, 3), scheduled(2, 4)], SpanKind.ACTIVITY, 3),
    "an event, not the activity before": (
        [scheduled(1, 1), turn(2), wait(2, 2)],
        SpanKind.WAIT,
        2,
    ),
    "a retry": (
        [scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 9, "c")],
        SpanKind.BACKOFF,
        2,
    ),
    "a child": ([child(1, 5, "c")], SpanKind.CHILD, 5),
    "a timer": ([timer(1, 1, 60)], SpanKind.TIMER, 1),
}


@pytest.mark.parametrize(("events", "kind", "since"), KINDS.values(), ids=KINDS)
def test_a_wait_has_a_kind_and_a_start(
    events: list[HistoryEvent], kind: SpanKind, since: float
) -> None:
    """Those of what the text names first."""
    waiting = timeline_with(*events).waiting
    assert waiting
    assert (waiting.kind, waiting.since) == (kind, at(since))


AWAITED = {
    "nothing": ([], set()),
    "an event, in lower case as in the engine": (
        [wait(1, 1, "Approval")],
        {"approval"},
    ),
    "one of two events": ([wait(1, 1, "yes"), wait(2, 1, "no", due=50)], {"yes", "no"}),
    "calls that the text only counts": (
        [*(scheduled(number, 1, f"ship_{number}") for number in (1, 2, 3)), wait(4, 1)],
        {"ship_1", "ship_2", "ship_3", "approval"},
    ),
    "a later attempt": (
        [scheduled(1, 1, call="c"), failed(1, 2), scheduled(2, 3, call="c")],
        {"charge"},
    ),
    "a retry": ([scheduled(1, 1, call="c"), failed(1, 2), back_off(2, 2, 9, "c")], {"charge"}),
    "a child": ([child(1, 1, "c")], {"pay"}),
    "a timer": ([timer(1, 1, 60, "cooling")], {"cooling"}),
    "not the time-out of an event": ([wait(1, 1), timer(2, 1, 60)], {"approval"}),
    "a timer after an activity that nothing awaits": (
        [scheduled(1, 1), timer(2, 1, 60)],
        {"charge", "timer"},
    ),
    "not the time-out of an earlier turn": (
        [timer(1, 1, 60), turn(2), scheduled(2, 2)],
        {"charge"},
    ),
    "not an event that was raised": (
        [wait(1, 1), raised("approval", 2), turn(2), scheduled(2, 2)],
        {"charge"},
    ),
    "an event while suspended": ([wait(1, 1), suspended(2)], {"approval", "suspended"}),
    "a timer while suspended": ([timer(1, 1, 60), suspended(2)], {"timer", "suspended"}),
    "nothing after the end": ([wait(1, 1), ended(3)], set()),
}


@pytest.mark.parametrize(("events", "names"), AWAITED.values(), ids=AWAITED)
def test_the_names_are_of_all_open_spans(events: list[HistoryEvent], names: set[str]) -> None:
    """The filter finds an instance by each name, including names that the text omits."""
    assert timeline_with(*events).awaited == names
