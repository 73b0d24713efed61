"""The page of failure groups."""

import pytest
from streamlit.testing.v1 import AppTest

from operations.model import Failure
from operations.timeline import Ending
from tests.unit.pages import FAILURES, OVERVIEW, Desk, follow, ids, texts, trigger, widget
from tests.unit.snapshots import activity, snapshot
from tests.unit.test_dashboard_overview import fails


def mark(app: AppTest, group: object, note: object) -> AppTest:
    """Press the button that marks a group."""
    return trigger(app, "failures", "mark", {"group": group, "note": note})


def test_a_group_has_its_figures_and_leads_to_its_runs(desk: Desk, now: float) -> None:
    """A group that is first seen in the last 24 hours is new."""
    fails(desk, "a", now - 100, "No card 1")
    fails(desk, "b", now - 50, "No card 2")
    desk.add("order_A")
    app = desk.open(FAILURES)
    (group,) = widget(app, "failures")["groups"]
    assert (group["step"], group["errorType"], group["message"]) == ("charge", "E", "No card …")
    assert (group["runs"], group["attempts"], group["isNew"]) == (2, 2, True)
    assert (group["workflows"], group["known"]) == (["order_workflow"], None)
    assert sum(group["trend"]) == 2
    assert sorted(ids(follow(app, group["href"]))) == ["a", "b"]


def test_a_known_group_leaves_the_overview(desk: Desk, now: float) -> None:
    """Its page shows who knows it and the note, until it is not known any more."""
    fails(desk, "a", now - 100, "No card")
    fails(desk, "b", now - 50, "No stock")
    app = desk.open(FAILURES)
    known = widget(app, "failures")["groups"][0]
    mark(app, known["id"], "INC-1")
    first, last = widget(app, "failures")["groups"]
    assert (first["known"], last["id"]) == (None, known["id"])
    assert (last["known"]["by"], last["known"]["note"]) == ("local", "INC-1")
    (entry,) = widget(desk.open(OVERVIEW), "overview")["attention"]
    assert entry["detail"] == first["message"]
    mark(app, known["id"], None)
    assert all(each["known"] is None for each in widget(app, "failures")["groups"])


def test_attempts_whose_retry_succeeded_are_a_group(desk: Desk, now: float) -> None:
    """No run failed, so it has no link and does not need a person."""
    failure = Failure("E", "No card")
    attempt = activity(1, now - 100, now - 95, ending=Ending.FAILED, failure=failure, lane=1)
    spans = (attempt, activity(2, now - 90, now - 80, lane=1))
    desk.ledger.runs.ingest([snapshot(instance_id="r", execution="r", read=now, spans=spans)])
    (group,) = widget(desk.open(FAILURES), "failures")["groups"]
    assert (group["runs"], group["attempts"], group["href"]) == (0, 1, None)
    assert widget(desk.open(OVERVIEW), "overview")["attention"] == []


@pytest.mark.parametrize(
    ("group", "note"), [("x", "note"), ("", None), (None, ["x"]), ({}, "\0"), ("**x**", None)]
)
def test_a_forged_click_is_refused(desk: Desk, now: float, group: object, note: object) -> None:
    """The message names what was sent; nothing changes."""
    fails(desk, "a", now - 100, "No card")
    app = mark(desk.open(FAILURES), group, note)
    assert not app.exception
    assert "No failure group has the id" in texts(app.toast)
    assert "**" not in app.toast[0].value
    assert widget(app, "failures")["groups"][0]["known"] is None


def test_nothing_has_failed(desk: Desk) -> None:
    """The widget says so."""
    shown = widget(desk.open(FAILURES, period="week"), "failures")
    assert (shown["groups"], shown["period"]) == ([], "last week")


def test_the_failures_without_a_ledger(desk: Desk) -> None:
    """The page says why it is empty."""
    with desk.ledger_away():
        assert "appear as soon as the ledger can be read" in texts(desk.open(FAILURES).info)
