"""The filters, the order and the folded children of the list, in sessions without a browser."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.listing.filter_parameters import MORE_FILTERS
from operations.model import Failure, Status
from operations.records import Sort
from tests.unit.pages import Desk, follow, has_widget, ids, run, send, texts, trigger, widget
from tests.unit.snapshots import done, snapshot


def open_panel(app: AppTest) -> AppTest:
    """Open the panel of filters."""
    app.session_state["filters"] = True
    return run(app)


def press(app: AppTest, key: str) -> AppTest:
    """Press a button."""
    app.button(key=key).click()
    return send(app)


def unfold(app: AppTest, *runs: Any) -> AppTest:
    """Click the arrows of rows, as the browser does."""
    shown = widget(app, "table")["list"]
    return trigger(app, "table", "unfold", {"list": shown, "runs": list(runs)})


def add_family(desk: Desk, children: int = 2) -> int:
    """Record a parent with children, and a run without any; return the parent's `run_id`."""
    desk.add("parent")
    desk.add("alone", status=Status.FAILED)
    desk.ledger.runs.ingest(
        [
            snapshot(Status.FAILED, instance_id=f"child-{n}", parent_id="parent", created=n)
            for n in range(children)
        ]
    )
    parent = desk.ledger.runs.latest("parent")
    assert parent
    return parent.run_id


def test_the_panel_writes_the_filters_into_the_address(desk: Desk) -> None:
    """All at once, when it is applied; it then closes."""
    desk.ledger.runs.ingest([done(instance_id="slow", read=90), done(instance_id="quick", read=2)])
    app = open_panel(desk.open(status="completed"))
    assert app.multiselect(key="filter-workflow").options == ["order_workflow"]
    app.multiselect(key="filter-workflow").set_value(["order_workflow"])
    app.text_input(key="filter-min_duration").set_value("1m")
    app.datetime_input(key="filter-since").set_value(datetime(2026, 1, 11, 12, 30))  # noqa: DTZ001 - local
    press(app, "apply-filters")
    assert not app.exception
    assert app.query_params == {
        "status": "completed",
        "workflow": "order_workflow",
        "since": "2026-01-11T11:30:00Z",
        "min_duration": "1m",
    }
    assert ids(app) == ["slow"]
    assert not app.multiselect
    assert not run(app).exception


def test_the_panel_shows_the_filters_of_the_address(desk: Desk) -> None:
    """What is not changed stays as it is, also a time with seconds."""
    query = {
        "since": "2026-01-11T12:00:30Z",
        "last": "90m",
        "text": "lamp",
        "failure_group": "0" * 16,
        "attention": "stuck",
        "max_duration": "2h",
        "workflow": "typed",
        "children": "1",
    }
    app = open_panel(desk.open(**query))
    assert not app.exception
    assert all(f"filter-{name}" in app.session_state for name in MORE_FILTERS)
    assert app.selectbox(key="filter-last").value == "90m"
    assert app.datetime_input(key="filter-since").value == datetime(2026, 1, 11, 13, 0)  # noqa: DTZ001
    press(app, "apply-filters")
    assert app.query_params == query


def test_the_panel_names_a_wrong_value(desk: Desk) -> None:
    """It stays open, and the list does not change."""
    desk.add("order_A")
    app = open_panel(desk.open())
    app.text_input(key="filter-max_duration").set_value("long")
    press(app, "apply-filters")
    assert texts(app.error).startswith("long: expected a duration")
    assert app.text_input(key="filter-max_duration").value == "long"
    assert app.query_params == {}
    assert ids(app) == ["order_A"]


def test_all_filters_are_removed_at_once(desk: Desk) -> None:
    """Statuses, the search field and the order stay: the panel does not have them."""
    app = open_panel(desk.open(status="failed", last="1h", text="lamp", sort="oldest"))
    press(app, "remove-filters")
    assert app.query_params == {"status": "failed", "sort": "oldest"}


def test_the_panel_needs_no_ledger(desk: Desk) -> None:
    """A name can still be typed."""
    with desk.ledger_away():
        app = open_panel(desk.open())
        assert not app.exception
        assert app.multiselect(key="filter-workflow").options == []


def test_a_filter_is_removed_by_its_button(desk: Desk) -> None:
    """The others stay."""
    desk.add("order_A")
    app = desk.open(text="nothing", min_duration="1h")
    labels = [each.label.replace("\\", "").replace("\u2060", "") for each in app.button]
    assert labels == ["Text: nothing", "Took at least: 1h"]
    press(app, "remove-min_duration")
    assert app.query_params == {"text": "nothing"}
    assert ids(press(app, "remove-text")) == ["order_A"]


def test_children_are_folded_under_their_parent(desk: Desk) -> None:
    """The counts are those of the list."""
    parent = add_family(desk)
    app = desk.open()
    assert sorted(ids(app)) == ["alone", "parent"]
    folds = {each["id"]: each["fold"] for each in widget(app, "table")["rows"]}
    assert folds == {"parent": "folded", "alone": None}
    assert widget(app, "chips")["all"] == "2"
    unfold(app, parent)
    rows = widget(app, "table")["rows"]
    start = ids(app).index("parent")
    assert ids(app)[start : start + 3] == ["parent", "child-0", "child-1"]
    assert (rows[start]["fold"], rows[start]["all"]) == ("unfolded", "all 2 children")
    assert rows[start + 1]["isChild"]
    assert sorted(ids(unfold(app))) == ["alone", "parent"]


def test_each_run_of_an_id_has_its_own_children(desk: Desk) -> None:
    """Not those of the id's other runs, nor of the same id in another application."""
    earlier, latest = desk.add_two_runs("parent")
    children = [("old", 0.5, "orders"), ("new", 60.5, "orders"), ("foreign", 60.5, "billing")]
    desk.ledger.runs.ingest(
        [
            snapshot(instance_id=name, parent_id="parent", created=created, app_id=app_id)
            for name, created, app_id in children
        ]
    )
    app = unfold(desk.open(), earlier, latest)
    assert ids(app) == ["parent", "new", "parent", "old"]
    assert [each["all"] for each in widget(app, "table")["rows"] if "all" in each] == [
        "1 child"
    ] * 2


def test_a_child_is_under_one_run_of_its_parent(desk: Desk) -> None:
    """Also if the runs follow each other too closely to tell whose it is."""
    desk.add("parent", status=Status.COMPLETED)
    desk.ledger.runs.ingest([snapshot(instance_id="parent", execution="e2", created=3, read=4)])
    desk.ledger.runs.ingest([snapshot(instance_id="child", parent_id="parent", created=2)])
    app = desk.open()
    unfold(app, *(each["key"] for each in widget(app, "table")["rows"]))
    assert ids(app) == ["parent", "child", "parent"]


def test_all_children_of_a_parent_are_a_list(desk: Desk) -> None:
    """Only the first fifty are shown under it."""
    parent = add_family(desk, children=60)
    app = unfold(desk.open(), parent)
    assert len(ids(app)) == 52
    row = next(each for each in widget(app, "table")["rows"] if each["id"] == "parent")
    assert row["all"] == "all 60 children"
    follow(app, row["allHref"])
    assert ids(app)[0] == "child-59"
    assert widget(app, "chips")["all"] == "60"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["alone", "parent"]),
        ({"status": "failed"}, ["alone"]),
        ({"children": "1"}, ["alone", "child-0", "child-1", "parent"]),
        ({"q": "child"}, ["child-0", "child-1"]),
        ({"parent": "parent"}, ["child-0", "child-1"]),
    ],
)
def test_children_are_listed_if_wanted(desk: Desk, query: dict[str, Any], found: list[str]) -> None:
    """Or if they may be what the filter looks for; then nothing is folded."""
    add_family(desk)
    app = desk.open(**query)
    assert sorted(ids(app)) == found


def test_another_list_has_nothing_unfolded(desk: Desk) -> None:
    """Forged messages unfold nothing either."""
    parent = add_family(desk)
    app = unfold(desk.open(), parent, "x", 999, None)
    assert len(ids(app)) == 4
    assert sorted(ids(run(app))) == ["alone", "child-0", "child-1", "parent"]
    trigger(app, "chips", "toggle", {"status": "RUNNING"})
    assert ids(app) == ["parent"]
    trigger(app, "table", "unfold", None)
    assert ids(app) == ["parent"]


@pytest.mark.parametrize(("sort", "found"), [("id", ["a", "b"]), ("shortest", ["b", "a"])])
def test_a_click_on_a_head_sorts(desk: Desk, sort: str, found: list[str]) -> None:
    """The order is in the address, except the usual one."""
    desk.ledger.runs.ingest([done(instance_id="a", read=9), done(instance_id="b", read=2)])
    app = trigger(desk.open(), "table", "sort", {"sort": sort})
    assert app.query_params == {"sort": sort}
    assert (ids(app), widget(app, "table")["sort"]) == (found, sort)
    trigger(app, "table", "sort", {"sort": Sort.NEWEST.value})
    assert app.query_params == {}


def test_another_order_starts_on_its_first_page(desk: Desk) -> None:
    """A cursor of another order would be refused."""
    desk.add(*(f"order_{number:02}" for number in range(60)))
    app = desk.open()
    next(each for each in app.button if each.label == "Older →").click()
    send(app)
    assert "at" in app.query_params
    trigger(app, "table", "sort", {"sort": "id"})
    assert app.query_params == {"sort": "id"}
    assert ids(app)[0] == "order_00"
    next(each for each in app.button if each.label == "Older →").click()
    assert ids(send(app)) == [f"order_{number}" for number in range(50, 60)]


def test_a_view_is_an_address(desk: Desk) -> None:
    """It shows what failed today, whenever it was created."""
    now = datetime.now().astimezone()
    failed: dict[str, Any] = {"failure": Failure("ValueError", "No")}
    desk.ledger.runs.ingest(
        [
            snapshot(Status.FAILED, instance_id="today", ended_at=now, **failed),
            snapshot(
                Status.FAILED, instance_id="before", ended_at=now - timedelta(days=2), **failed
            ),
        ]
    )
    app = desk.open()
    name, href, _ = widget(app, "views")["views"][0]
    follow(app, href)
    assert (name, ids(app)) == ("Failed today", ["today"])
    assert widget(app, "views")["views"][0][2]
    for _, href, _ in widget(app, "views")["views"]:
        assert not follow(app, href).exception
        assert has_widget(app, "table")


def test_a_row_has_the_address_of_its_workflow(desk: Desk) -> None:
    """The page of the list and the workflow of the filter are not part of it."""
    desk.add("order_A")
    app = desk.open(status="running", workflow="order_workflow", since="2026-01-11T11:00:00Z")
    assert ids(app) == ["order_A"]
    query = widget(app, "table")["query"]
    assert query == "status=running&since=2026-01-11T11%3A00%3A00Z"
    follow(app, f"instances?{query}&workflow=other")
    assert ids(app) == []
