"""The page of runs that wait."""

from typing import Any

import pytest

from operations.ledger.search.waiting import WaitingRun
from operations.model import Status
from operations.timeline import SpanKind, Waiting, event_key
from tests.unit.pages import WAITING, Desk, follow, summary, texts, widget
from tests.unit.snapshots import at, snapshot


def waits(desk: Desk, name: str, what: str, kind: SpanKind, since: float, *names: str) -> None:
    """Record a running instance that waits."""
    waiting = Waiting(what, None if kind is SpanKind.WAIT else at(99), kind, at(since))
    awaited = frozenset(map(event_key, names))
    desk.ledger.runs.ingest(
        [snapshot(instance_id=name, execution=name, waiting=waiting, awaited=awaited)]
    )


def rows(desk: Desk, **query: str) -> list[dict[str, Any]]:
    """Return the rows of the page."""
    found: list[dict[str, Any]] = widget(desk.open(WAITING, **query), "waiting")["rows"]
    return found


def test_the_longest_wait_comes_first(desk: Desk) -> None:
    """Events by default, with the event that can be raised."""
    waits(desk, "new", "event Approval", SpanKind.WAIT, 50, "Approval")
    waits(desk, "old", "event yes, event no", SpanKind.WAIT, 10, "yes", "no")
    waits(desk, "timer", "cooling", SpanKind.TIMER, 5, "cooling")
    desk.ledger.runs.ingest([snapshot(Status.SUSPENDED, instance_id="paused", execution="p")])
    found = rows(desk)
    assert [(each["id"], each["event"]) for each in found] == [("old", None), ("new", "Approval")]
    assert (found[1]["since"], found[1]["until"]) == (at(50).timestamp() * 1000, None)
    app = desk.open(WAITING)
    assert "Events 2 · Retries 0 · Timers 1 · Children 0 · Activities 0" in texts(app.caption)


def test_the_kind_is_in_the_address(desk: Desk) -> None:
    """An unknown one shows events."""
    waits(desk, "timer", "cooling", SpanKind.TIMER, 5, "cooling")
    (row,) = rows(desk, kind="timer")
    assert (row["id"], row["until"]) == ("timer", at(99).timestamp() * 1000)
    assert rows(desk, kind="nonsense") == []


def test_a_run_of_another_application_has_no_link(desk: Desk) -> None:
    """Its id may have another run here, to which the event would be raised."""
    desk.add("shared")
    waits(desk, "here", "event yes", SpanKind.WAIT, 9, "yes")
    waiting = Waiting("event yes", None, SpanKind.WAIT, at(5))
    elsewhere = snapshot(app_id="billing", instance_id="shared", execution="x", waiting=waiting)
    desk.ledger.runs.ingest([elsewhere])
    found = rows(desk)
    assert [(each["id"], each["href"], each["app"], each["canBeRaised"]) for each in found] == [
        ("shared", None, "billing", False),
        ("here", "instance?id=here", None, True),
    ]


def test_a_raise_asks_for_the_payload(desk: Desk) -> None:
    """On the page of bulk jobs, with the event filled in."""
    desk.add("order_A")
    app = follow(desk.open(WAITING), "bulk?action=raise&instance=order_A&event=approval")
    assert texts(app.header) == "Raise an event to order_A"
    assert app.text_input(key="bulk-event").value == "approval"


@pytest.mark.parametrize(
    ("words", "names", "event"),
    [
        ("event approval", ("approval",), "approval"),
        ("event Approval", ("approval",), "Approval"),
        ("event a and b", ("a", "b"), None),
        ("event a and b", ("a and b",), "a and b"),
        ("event yes, event no", ("no", "yes"), None),
        ("child pay", ("pay",), None),
        (None, (), None),
    ],
)
def test_the_event_of_a_wait(words: str | None, names: tuple[str, ...], event: str | None) -> None:
    """Only if it is clear which one the run waits for."""
    assert WaitingRun(summary(waits_for=words), names).event == event


def test_the_page_without_a_ledger(desk: Desk) -> None:
    """It says why it is empty."""
    with desk.ledger_away():
        assert "appear as soon as the ledger can be read" in texts(desk.open(WAITING).info)
