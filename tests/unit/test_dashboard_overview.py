"""The overview: what needs a person, figures, and one row per workflow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.model import Failure, Service, Status
from operations.recorder_report import Outage
from operations.timeline import Ending, SpanKind, Waiting
from tests.unit.pages import OVERVIEW, Desk, follow, ids, run, texts, until_warned, widget
from tests.unit.snapshots import NOON, activity, at, snapshot


def fails(desk: Desk, name: str, when: float, message: str) -> None:
    """Record a run that failed so many seconds after noon."""
    attempt = activity(1, when - 2, when - 1, ending=Ending.FAILED, failure=Failure("E", message))
    failure = Failure("TaskFailedError", f"{name}: Activity task #1 failed: {message}")
    values: dict[str, Any] = {"execution": name, "created": when - 3, "read": when}
    desk.ledger.runs.ingest(
        [snapshot(Status.FAILED, instance_id=name, failure=failure, spans=(attempt,), **values)]
    )


def entries(desk: Desk) -> list[dict[str, Any]]:
    """Return what needs a person."""
    found: list[dict[str, Any]] = widget(desk.open(OVERVIEW), "overview")["attention"]
    return found


def test_the_overview_is_the_first_page(desk: Desk) -> None:
    """An empty ledger needs nobody."""
    app = desk.open(OVERVIEW)
    shown = widget(app, "overview")
    assert (shown["attention"], shown["workflows"]) == ([], [])
    assert [each["value"] for each in shown["figures"]] == [0, 0, None, None]
    assert texts(app.header) == "Overview"


def test_what_needs_a_person_comes_in_order(desk: Desk, now: float) -> None:
    """Services that are away, failure groups with new ones first, then runs."""
    fails(desk, "old", now - 2 * 86_400, "often")
    fails(desk, "again", now - 100, "often")
    fails(desk, "fresh", now - 200, "first time")
    waiting = Waiting("event approval", None, SpanKind.WAIT, at(now - 50))
    desk.ledger.runs.ingest([snapshot(instance_id="w", execution="w", waiting=waiting)])
    desk.write_heartbeat(Outage(Service.WORKER, datetime.now(UTC) - timedelta(minutes=3), "gone"))
    found = entries(desk)
    assert [(each["kind"], each["count"], each["isNew"]) for each in found] == [
        ("outage", None, False),
        ("group", 1, True),
        ("group", 1, False),
        ("event", 1, False),
    ]
    assert [each["title"] for each in found[:2]] == ["No worker connected", "charge failed: E"]
    assert (found[1]["detail"], found[2]["detail"]) == ("first time", "often")


def test_an_entry_leads_to_its_runs(desk: Desk, now: float) -> None:
    """The list says by what it is filtered, and shows all runs again at a click."""
    desk.add("order_A")
    fails(desk, "failed", now - 100, "No card")
    waiting = Waiting("event approval", None, SpanKind.WAIT, at(now - 50))
    desk.ledger.runs.ingest([snapshot(instance_id="w", execution="w", waiting=waiting)])
    late = Waiting("cooling", at(now - 90), SpanKind.TIMER, at(now - 500))
    desk.ledger.runs.ingest([snapshot(instance_id="late", execution="l", waiting=late)])
    group, overdue, event = entries(desk)
    for entry, expected, *words in (
        (group, "failed", "Failure group: charge: E: No card", "Ended: last day"),
        (overdue, "late", "Overdue: a timer, a time-out, a retry or a start is late"),
    ):
        app = follow(desk.open(OVERVIEW), entry["href"])
        assert ids(app) == [expected]
        for each in words:
            buttons = [each for each in app.button if each.help == "Remove this filter"]
            assert buttons[0].label.replace("\u2060", "").replace("\\", "") == each
            buttons[0].click()
            run(app)
        assert len(ids(app)) == 4
        assert app.query_params == {}
    waits = widget(follow(desk.open(OVERVIEW), event["href"]), "waiting")
    assert [each["id"] for each in waits["rows"]] == ["w"]


def test_many_groups_are_left_to_their_page(desk: Desk, now: float) -> None:
    """The overview names five."""
    words = ("one", "two", "three", "four", "five", "six", "seven")
    for number, word in enumerate(words):
        fails(desk, f"i{number}", now - 100 - number, f"{word} is gone")
    found = entries(desk)
    assert len(found) == 6
    assert (found[-1]["title"], found[-1]["href"]) == ("2 more failure groups", "failures")


def test_a_workflow_has_a_row(desk: Desk, now: float) -> None:
    """With the outcomes of the period, and what is unfinished now."""
    fails(desk, "failed", now - 100, "No card")
    values: dict[str, Any] = {"created": now - 90, "read": now - 80}
    for number in range(3):
        name = f"done{number}"
        done = snapshot(Status.COMPLETED, instance_id=name, execution=name, **values)
        desk.ledger.runs.ingest([done])
    desk.ledger.runs.ingest([snapshot(instance_id="r", execution="r", workflow="slow", created=0)])
    app = desk.open(OVERVIEW)
    orders, slow = widget(app, "overview")["workflows"]
    assert (orders["created"], orders["failed"], orders["failureShare"]) == (4, 1, 0.25)
    assert orders["p50"] == pytest.approx(10, rel=0.02)
    assert (orders["unfinished"], orders["oldest"]) == (0, None)
    assert (slow["name"], slow["unfinished"], slow["failureShare"], slow["p50"]) == (
        "slow",
        1,
        None,
        None,
    )
    assert slow["oldest"] == NOON.timestamp() * 1000
    for href in (slow["unfinishedHref"], slow["oldestHref"]):
        assert ids(follow(app, href)) == ["r"]


def test_the_longest_running_instance_comes_first(desk: Desk) -> None:
    """Its age is a link to the unfinished runs of the workflow in this order."""
    desk.add("old", "new")
    app = desk.open(OVERVIEW)
    (row,) = widget(app, "overview")["workflows"]
    assert ids(follow(app, row["oldestHref"])) == ["old", "new"]


def test_a_workflow_without_a_name_leads_to_the_pending_runs(desk: Desk) -> None:
    """Its counts are no links: no filter selects its runs only."""
    desk.ledger.runs.ingest(
        [
            snapshot(Status.PENDING, instance_id="p", execution="p", workflow=""),
            snapshot(instance_id="r", execution="r"),
        ]
    )
    app = desk.open(OVERVIEW)
    row, _ = widget(app, "overview")["workflows"]
    assert (row["unfinished"], row["unfinishedHref"], row["oldestHref"]) == (1, None, None)
    assert ids(follow(app, row["href"])) == ["p"]


@pytest.mark.parametrize(("period", "numbers"), [("hour", {60, 61}), ("week", {8})])
def test_the_period_is_in_the_address(desk: Desk, period: str, numbers: set[int]) -> None:
    """The sparklines have a value for each minute or hour."""
    shown = widget(desk.open(OVERVIEW, period=period), "overview")
    assert shown["period"] == f"last {period}"
    assert {len(each["values"]) for each in shown["figures"]} <= numbers


def test_the_overview_without_a_ledger(desk: Desk) -> None:
    """It says why it is empty, and comes back."""
    with desk.ledger_away():
        app = desk.open(OVERVIEW)
        assert "appears as soon as the ledger can be read" in texts(app.info)
        until_warned(app, "Ledger unavailable")
    assert widget(run(app), "overview")["workflows"] == []
