"""The list page, in sessions without a browser."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.listing import recorder_status
from dashboard.live.banner import why_no_actions
from dashboard.live.fragment_reruns import FRAGMENT_KEY
from operations.errors import DaprUnavailable
from operations.ledger import SearchLimits
from operations.model import LOCAL_USER, Action, DaprHealth, Problem, Service, Status
from operations.recorder_report import Outage, RecorderMetrics
from tests.unit.pages import (
    INSTANCE,
    LIST,
    ORDER,
    Desk,
    follow,
    has_widget,
    ids,
    run,
    send,
    texts,
    trigger,
    until_warned,
    widget,
)
from tests.unit.snapshots import APP, at, statuses

MANY = [f"order_{number:02}" for number in range(120)]
TITLES = {
    Service.SIDECAR: "Dapr sidecar unavailable since",
    Service.PLACEMENT: "Dapr placement service unavailable since",
    Service.SCHEDULER: "Dapr scheduler unavailable since",
    Service.WORKER: "No worker connected since",
}


def click(app: AppTest, action: str, instance_id: str, number: int = 1) -> AppTest:
    """Click a button of a row."""
    return clicks(app, (action, instance_id, number))


def clicks(app: AppTest, *tuples: tuple[str, str, int]) -> AppTest:
    """Send several clicks as one message, as after a busy page."""
    sent = [{"action": action, "id": name, "click": number} for action, name, number in tuples]
    return trigger(app, "table", "act", {"clicks": sent})


def press(app: AppTest, status: str | None) -> AppTest:
    """Click a status of the filter; None is "All"."""
    return trigger(app, "chips", "toggle", {"status": status})


def type_in(app: AppTest, text: str) -> AppTest:
    """Type into the search field; the browser also writes it into the address."""
    app.text_input(key="q").set_value(text)
    app.query_params["q"] = text
    return run(app)


def turn_page(app: AppTest, label: str) -> AppTest:
    """Click a button of the pager."""
    next(each for each in app.button if each.label == label).click()
    return send(app)


def counts(app: AppTest) -> dict[str, str]:
    """Return the counts of the status filter that are not 0."""
    return {status: count for status, count in widget(app, "chips")["counts"] if count != "0"}


def messages(app: AppTest) -> str:
    """Return the texts of the toasts."""
    return texts(app.toast)


def failures(app: AppTest) -> str:
    """Return the texts of the failed actions."""
    return texts(app.markdown)


def test_an_empty_list_points_to_the_form(desk: Desk) -> None:
    """A text says how to submit the first order."""
    app = desk.open()
    assert not app.exception
    assert ids(app) == []
    assert widget(app, "table")["empty"][0] == "No instances yet"


@pytest.mark.parametrize("backlog", [None, 1])
def test_a_ledger_that_is_being_filled_is_not_empty(desk: Desk, backlog: int | None) -> None:
    """While there is a backlog, an empty list says that it is being filled."""
    desk.ledger.write_heartbeat(datetime.now(UTC), (), backlog)
    app = desk.open(q="order")
    assert widget(app, "table")["empty"][0] == "The ledger is being filled"


@pytest.mark.parametrize("service", [Service.SIDECAR, Service.LISTING])
def test_without_the_engine_the_ledger_is_not_being_filled(desk: Desk, service: Service) -> None:
    """Nothing will appear in a moment; the banner says why."""
    desk.ledger.write_heartbeat(
        datetime.now(UTC), (Outage(service, datetime.now(UTC), "broken"),), None
    )
    app = desk.open()
    assert widget(app, "table")["empty"][0] == "No instances are known yet"


def test_the_backlog_is_shown(desk: Desk) -> None:
    """Above the runs that are already there, until the recorder has caught up."""
    desk.add("order_A")
    desk.ledger.write_heartbeat(datetime.now(UTC), (), backlog=12345)
    app = desk.open()
    assert ids(app) == ["order_A"]
    assert "Runs left to read: 12,345." in texts(app.caption)
    desk.write_heartbeat()
    assert "left to read" not in texts(run(app).caption)


def recorder_labels(app: AppTest) -> list[str]:
    """Return the label of the button with the recorder's metrics, if there is one."""
    blocks = [each.proto.popover for each in app.get("popover")]
    return [each.label for each in blocks if each.help == "Metrics of the recorder"]


def test_recorder_metrics_are_shown(desk: Desk) -> None:
    """Beside the indicator of live updates, as soon as there are metrics."""
    assert not recorder_labels(desk.open())
    metrics = RecorderMetrics(0.2, 0.41, states=2, lists=1, hints=3.5, dropped=1200, traces=True)
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, metrics)
    app = desk.open()
    assert recorder_labels(app) == ["Up to date, lag 0.4 s"]
    text = texts(app.caption)
    assert "From an event to its row, in the last minute: p50 200 ms, p95 410 ms." in text
    assert "3.0 reads per second: 2.0 states, 0.0 histories, 1.0 lists." in text
    assert "Traces arrive: 3.5 hints per second, 1,200 dropped." in text


@pytest.mark.parametrize(
    ("backlog", "metrics", "text"),
    [
        (None, RecorderMetrics(0.2, 0.4), "The backlog is not known yet"),
        (1, RecorderMetrics(0.2, 0.4), "Catching up, 1 run left to read"),
        (
            12345,
            RecorderMetrics(states=100),
            "Catching up, 12,345 runs left to read, about 2 min 3 s more",
        ),
        (0, RecorderMetrics(), "Up to date, no events in the last minute"),
        (0, RecorderMetrics(0.02, 0.04), "Up to date, lag 0.0 s"),
    ],
)
def test_the_recorder_has_a_backlog_or_a_lag(
    backlog: int | None, metrics: RecorderMetrics, text: str
) -> None:
    """An unknown backlog, a backlog, no events, or a measured lag."""
    assert recorder_status.in_one_line(metrics, backlog) == text


def test_missing_traces_are_reported(desk: Desk) -> None:
    """With their consequence."""
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, RecorderMetrics())
    text = texts(desk.open().caption)
    assert "No traces arrive: queue time and execution time cannot be separated." in text


def test_a_failing_list_of_the_engine_is_shown_with_its_remedy(desk: Desk) -> None:
    """Recovery is not automatic."""
    remedy = "Terminate that instance and purge it."
    desk.write_heartbeat(Outage(Service.LISTING, datetime.now(UTC), remedy))
    text = texts(desk.open().warning)
    assert "Dapr's list of instances unavailable since" in text
    assert "Terminate that instance and purge it" in text
    assert "Recovery is automatic" not in text


def test_no_match_differs_from_no_instances(desk: Desk) -> None:
    """An empty result of a filter says so."""
    desk.add("order_A")
    app = desk.open(q="nonsense")
    assert ids(app) == []
    assert widget(app, "table")["empty"][0] == "Nothing matches"


def test_a_search_that_is_too_short_says_so(desk: Desk) -> None:
    """Two characters are the start of an id, not a part of one."""
    desk.add("order_A")
    app = desk.open(q="_A")
    assert ids(app) == []
    assert widget(app, "table")["empty"][1].startswith("Fewer than three characters")
    assert ids(desk.open(q="or")) == ["order_A"]


def test_the_newest_fifty_are_shown(desk: Desk) -> None:
    """The list has pages of 50 runs, newest first."""
    desk.add(*MANY)
    app = desk.open()
    assert ids(app) == MANY[:-51:-1]
    assert texts(app.caption) == "1–50 of 120"  # noqa: RUF001 - from one to another


def test_each_page_shows_its_position(desk: Desk) -> None:
    """The positions of its first and last run, and the total."""
    desk.add(*MANY)
    app = turn_page(desk.open(), "Older →")
    assert texts(app.caption) == "51–100 of 120"  # noqa: RUF001 - from one to another
    assert texts(turn_page(app, "Older →").caption) == "101–120 of 120"  # noqa: RUF001 - likewise


def test_a_capped_count_has_a_plus(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page beyond the cap shows only the number of its runs."""
    limits = SearchLimits(seconds=60, count=60)
    monkeypatch.setattr(services.services().ledger.search, "_limits", limits)
    desk.add(*MANY)
    desk.add("failed", status=Status.FAILED)
    app = desk.open()
    assert counts(app) == {"RUNNING": "60+", "FAILED": "1"}
    assert widget(app, "chips")["all"] == "61+"
    assert texts(app.caption) == "1–50 of 61+"  # noqa: RUF001 - from one to another
    assert texts(turn_page(turn_page(app, "Older →"), "Older →").caption) == "21 of 61+"


def test_a_query_timeout_is_shown_with_its_remedy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the page is unchanged."""
    desk.add(*(f"order_{number}" for number in range(1000)))  # a query of few rows is never cut
    limits = SearchLimits(seconds=0)
    monkeypatch.setattr(services.services().ledger.search, "_limits", limits)
    app = desk.open()
    assert "Narrow it" in texts(app.warning)
    assert not app.exception


def test_a_list_of_one_page_has_no_pager(desk: Desk) -> None:
    """There is no other page."""
    desk.add(*MANY[:50])
    app = desk.open()
    assert len(ids(app)) == 50
    assert not app.button


def test_pages_turn_to_the_end_and_back(desk: Desk) -> None:
    """Each run is on exactly one page, in both directions."""
    desk.add(*MANY)
    app = desk.open()
    pages = [ids(app), ids(turn_page(app, "Older →")), ids(turn_page(app, "Older →"))]
    assert [each for page in pages for each in page] == MANY[::-1]
    assert [button.disabled for button in app.button] == [False, True] * 2
    for page in (pages[1], pages[0]):
        assert ids(turn_page(app, "← Newer")) == page
    assert "at" not in app.query_params


def test_a_page_has_an_address(desk: Desk) -> None:
    """Another session with the address shows the same page."""
    desk.add(*MANY)
    app = turn_page(desk.open(), "Older →")
    assert ids(desk.open(at=app.query_params["at"])) == ids(app)


@pytest.mark.parametrize("cursor", ["nonsense", "", "é", "b" * 23, "o", "%00"])
def test_an_invalid_cursor_shows_the_newest_page(desk: Desk, cursor: str) -> None:
    """With its buttons."""
    desk.add(*MANY)
    app = desk.open(at=cursor)
    assert not app.exception
    assert ids(app) == MANY[:-51:-1]
    assert ids(turn_page(app, "Older →")) == MANY[-51:-101:-1]
    assert not app.warning


def test_statuses_are_filtered_by_the_address(desk: Desk) -> None:
    """The counts ignore the status filter."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    desk.add("order_C", status=Status.COMPLETED)
    app = desk.open(status=["failed", "completed"])
    assert sorted(ids(app)) == ["order_B", "order_C"]
    assert widget(app, "chips")["selected"] == ["COMPLETED", "FAILED"]
    assert counts(app) == {"RUNNING": "1", "FAILED": "1", "COMPLETED": "1"}


@pytest.mark.parametrize("status", ["nonsense", "", "<b>", "RUNNING;--"])
def test_an_unknown_status_filters_nothing(desk: Desk, status: str) -> None:
    """An address with one shows all runs."""
    desk.add("order_A")
    app = desk.open(status=status)
    assert not app.exception
    assert ids(app) == ["order_A"]
    assert widget(app, "chips")["selected"] == []


def test_an_unknown_status_beside_a_known_one_is_ignored(desk: Desk) -> None:
    """The case of a status does not matter."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    assert ids(desk.open(status=["FaiLed", "nonsense"])) == ["order_B"]


def test_ids_are_searched_by_the_address(desk: Desk) -> None:
    """A part of the id is enough, in any case; blanks around it are ignored."""
    desk.add("order_A", "order_B")
    app = desk.open(q=" DER_a ")
    assert ids(app) == ["order_A"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "%' OR 1=1 --", "😀", "x" * 100_000])
def test_a_search_has_no_wildcards(desk: Desk, text: str) -> None:
    """Every character stands for itself, and none is SQL."""
    desk.add("orderA")
    app = desk.open(q=text)
    assert not app.exception
    assert ids(app) == []


def test_the_search_field_searches(desk: Desk) -> None:
    """It keeps its text."""
    desk.add("order_A", "order_B")
    app = type_in(desk.open(), "order_B")
    assert ids(app) == ["order_B"]
    assert app.text_input(key="q").value == "order_B"


def test_a_search_starts_on_the_newest_page(desk: Desk) -> None:
    """The cursor of the longer list is removed."""
    desk.add(*MANY)
    app = turn_page(desk.open(), "Older →")
    type_in(app, "order_1")
    assert "at" not in app.query_params
    assert ids(app)[0] == "order_119"


def test_statuses_are_added_and_removed(desk: Desk) -> None:
    """The address has the selected statuses."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    app = press(desk.open(), "FAILED")
    assert ids(app) == ["order_B"]
    assert app.query_params["status"] == "failed"
    assert sorted(ids(press(app, "RUNNING"))) == ["order_A", "order_B"]
    assert ids(press(app, "FAILED")) == ["order_A"]
    assert "status" not in press(app, None).query_params


def test_a_selected_status_starts_on_the_newest_page(desk: Desk) -> None:
    """The cursor of the longer list is removed."""
    desk.add(*MANY)
    app = press(turn_page(desk.open(), "Older →"), "RUNNING")
    assert ids(app)[0] == MANY[-1]


def test_the_main_statuses_are_always_in_the_filter(desk: Desk) -> None:
    """In a fixed order; any other status follows if a run has it."""
    expected = ["RUNNING", "SUSPENDED", "PENDING", "FAILED", "COMPLETED", "TERMINATED"]
    app = desk.open()
    assert [status for status, _ in widget(app, "chips")["counts"]] == expected
    desk.add("order_A", status=Status.STALLED)
    assert [status for status, _ in widget(run(app), "chips")["counts"]] == [*expected, "STALLED"]


@pytest.mark.parametrize(
    ("action", "before", "after", "text"),
    [
        ("pause", Status.RUNNING, Status.SUSPENDED, "order_A is paused."),
        ("resume", Status.SUSPENDED, Status.RUNNING, "order_A is resumed."),
        ("terminate", Status.RUNNING, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.SUSPENDED, Status.TERMINATED, "order_A is terminated."),
    ],
)
def test_a_click_in_a_row_acts(
    desk: Desk, action: str, before: Status, after: Status, text: str
) -> None:
    """The engine, the row and the message show the new status."""
    desk.add("order_A", status=before)
    app = click(desk.open(), action, "order_A")
    assert desk.gateway.instances["order_A"].status is after
    assert widget(app, "table")["rows"][0]["status"] == after
    assert messages(app) == text


def test_a_click_on_terminate_may_ask_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a setting wants it: one question for all clicks; other actions need none."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add("order_A", "order_B", "order_C")
    app = desk.open()
    clicks(app, ("terminate", "order_A", 1), ("pause", "order_B", 2), ("terminate", "order_C", 3))
    assert not desk.gateway.calls["terminate"]
    assert desk.gateway.instances["order_B"].status is Status.SUSPENDED
    assert "order_A, order_C" in texts(app.markdown)
    assert widget(app, "table")["handled"] == [1, 2, 3]
    app.text_input(key="terminate-reason").set_value("no stock")
    app.button(key="terminate-confirmed").click()
    send(app)
    ended = {n for n, each in desk.gateway.instances.items() if each.status is Status.TERMINATED}
    assert ended == {"order_A", "order_C"}
    assert desk.ledger.audit_log.of("order_C", 1)[0].reason == "no stock"
    assert not [each for each in app.button if each.key == "terminate-confirmed"]


def test_the_question_before_terminate_is_about_a_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run that takes the id while the question is open goes on."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add("order_A")
    app = click(desk.open(), "terminate", "order_A")
    desk.add_two_runs("order_A")
    app.text_input(key="terminate-reason").set_value("no stock")
    app.button(key="terminate-confirmed").click()
    send(app)
    assert not desk.gateway.calls["terminate"]
    assert "Terminate order_A: refused" in texts(app.markdown)


def test_a_click_acts_on_the_id_that_it_carries(desk: Desk) -> None:
    """Even if new rows have moved the row."""
    desk.add("order_A", "order_B")
    app = desk.open()
    assert ids(app) == ["order_B", "order_A"]
    desk.add(*MANY)
    click(app, "pause", "order_A")
    paused = {
        each.instance_id
        for each in desk.gateway.instances.values()
        if each.status is Status.SUSPENDED
    }
    assert paused == {"order_A"}


def test_a_click_on_an_instance_that_is_not_shown_acts_on_it(desk: Desk) -> None:
    """Its row may have left the page after the click."""
    desk.add("order_A", *MANY)
    app = desk.open()
    assert "order_A" not in ids(app)
    click(app, "pause", "order_A")
    assert desk.gateway.instances["order_A"].status is Status.SUSPENDED


def test_a_click_after_the_end_is_refused(desk: Desk) -> None:
    """The finished instance does not change, and the message says why."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.set_status("order_A", Status.COMPLETED)
    click(app, "pause", "order_A")
    assert failures(app).endswith("Cannot pause 'order_A': it is COMPLETED.")
    assert desk.gateway.instances["order_A"].status is Status.COMPLETED
    assert not desk.gateway.calls["pause"]


def test_a_click_without_effect_says_already(desk: Desk) -> None:
    """Another operator was faster."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.set_status("order_A", Status.SUSPENDED)
    assert messages(click(app, "pause", "order_A")) == "order_A is already paused."


def test_a_click_on_an_unknown_instance_is_refused(desk: Desk) -> None:
    """The instance was purged in the meantime."""
    desk.add("order_A")
    app = desk.open()
    del desk.gateway.instances["order_A"]
    assert failures(click(app, "pause", "order_A")).endswith("No instance has the id 'order_A'.")


def test_a_click_while_the_engine_is_away_is_refused(desk: Desk) -> None:
    """The page stays as it is."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.errors["state"] = [DaprUnavailable("nothing answers")]
    click(app, "pause", "order_A")
    assert failures(app).endswith("The Dapr engine cannot be reached: nothing answers.")
    assert ids(app) == ["order_A"]


def test_a_click_without_a_ledger_acts(desk: Desk) -> None:
    """An operator can terminate an instance during an outage of the ledger."""
    desk.add("order_A")
    app = desk.open()
    with desk.ledger_away():
        click(app, "terminate", "order_A")
        assert messages(app) == "order_A is terminated."
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED


def test_a_click_is_acknowledged(desk: Desk) -> None:
    """The buttons of the row are disabled until then, whatever the outcome."""
    desk.add("order_A")
    app = desk.open()
    assert widget(app, "table")["handled"] == []
    assert widget(click(app, "resume", "order_A", 17), "table")["handled"] == [17]


def test_quick_clicks_are_all_carried_out_once(desk: Desk) -> None:
    """The last message carries the earlier clicks; handled clicks are not repeated."""
    desk.add("order_A", "order_B", "order_C")
    app = clicks(desk.open(), ("terminate", "order_A", 1))
    tuples = [("terminate", "order_A", 1), ("terminate", "order_B", 2), ("pause", "order_C", 3)]
    clicks(app, *tuples)
    states = [desk.gateway.instances[f"order_{name}"].status for name in "ABC"]
    assert states == [Status.TERMINATED, Status.TERMINATED, Status.SUSPENDED]
    assert desk.gateway.calls["terminate"] == 2
    assert widget(app, "table")["handled"] == [1, 2, 3]


def test_a_message_is_shown_once(desk: Desk) -> None:
    """The next rerun does not show it."""
    desk.add("order_A")
    app = click(desk.open(), "pause", "order_A")
    assert messages(app)
    assert not messages(run(app))


def test_a_message_is_shown_to_the_operator_who_acted(desk: Desk) -> None:
    """Another viewer sees only the new status."""
    desk.add("order_A")
    one, other = desk.open(), desk.open()
    click(one, "pause", "order_A")
    run(other)
    assert widget(other, "table")["rows"][0]["status"] == "SUSPENDED"
    assert not messages(other)
    assert widget(other, "table")["handled"] == []


def test_a_message_is_shown_as_text(desk: Desk) -> None:
    """Markup in an id is escaped."""
    name = ":red[x]<b>"
    desk.add(name)
    text = click(desk.open(), "pause", name).toast[0].value
    assert ":red" not in text
    assert "<" not in text.replace(r"\<", "")


def test_a_click_is_in_the_audit_log(desk: Desk) -> None:
    """With its actor."""
    desk.add("order_A")
    click(desk.open(), "pause", "order_A")
    entry = desk.ledger.audit_log.of("order_A", 1)[0]
    assert (entry.actor.name, entry.action, entry.after) == (
        "local",
        Action.PAUSE,
        Status.SUSPENDED,
    )


def test_a_row_opens_its_instance(desk: Desk) -> None:
    """By its link."""
    desk.add("order_A")
    app = desk.open()
    follow(app, widget(app, "table")["rows"][0]["href"])
    assert not app.exception
    assert app.query_params == {"id": "order_A"}
    assert widget(app, "header")["id"] == "order_A"


def test_all_viewers_share_results(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second viewer of the same list causes no query."""
    desk.add("order_A")
    desk.open()
    search = services.services().ledger.search
    monkeypatch.setattr(search, "page", lambda *_, **__: pytest.fail("read again"))
    assert ids(desk.open()) == ["order_A"]


def test_the_page_registers_the_version_that_it_shows(desk: Desk) -> None:
    """Live updates rerun the page as soon as the system has another version."""
    desk.add("order_A")
    app = desk.open()
    assert app.session_state[FRAGMENT_KEY].version == services.state_reader().state().version
    before = app.session_state[FRAGMENT_KEY]
    desk.add("order_B")
    after = run(app).session_state[FRAGMENT_KEY]
    assert after.version != before.version
    assert after.fragment_id == before.fragment_id != ""
    assert widget(app, "live_updates")["path"] == "flowdeck/live"


@pytest.mark.parametrize(("service", "title"), TITLES.items())
def test_an_outage_is_shown_and_the_list_stays(desk: Desk, service: Service, title: str) -> None:
    """The banner names the service, since when it is away, and why."""
    desk.add("order_A")
    desk.write_heartbeat(
        Outage(service, datetime(2026, 1, 11, 12, 0, tzinfo=UTC), "<b>it</b> is :red[gone]")
    )
    app = desk.open()
    assert texts(app.warning).startswith(f"**{title} 2026-01-11 13:00:00.**")
    assert texts(app.warning).endswith("Recovery is automatic. (<b>it</b> is :red[gone])")
    assert r"\<b\>" in app.warning[0].value
    assert ids(app) == ["order_A"]


def test_an_outage_of_today_is_shown_without_the_date(desk: Desk) -> None:
    """The time is in the zone of the viewer."""
    since = datetime.now(UTC)
    desk.write_heartbeat(Outage(Service.WORKER, since, "none"))
    app = desk.open()
    app.context = {"timezone": "UTC"}
    assert f"since {since:%H:%M:%S}." in texts(run(app).warning)


def test_a_locked_ledger_is_reported_as_such(desk: Desk) -> None:
    """The recorder cannot write its heartbeat, but it is not the recorder that is away."""
    desk.expire_heartbeat()
    file = desk.folder / "ledger.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        shown = texts(desk.open().warning)
        assert shown.startswith("**Ledger unavailable since")
        assert "another program holds its lock" in shown
        assert "Recorder unavailable" not in shown
    until_warned(desk.open(), "**Recorder unavailable since")


@pytest.mark.parametrize("page", [LIST, ORDER, INSTANCE])
def test_a_damaged_ledger_is_reported_until_someone_acknowledges_it(desk: Desk, page: str) -> None:
    """Each page names the file and the command that recovers its content."""
    kept = desk.folder / "ledger.db.damaged-20260111T120000Z"
    kept.touch()
    desk.add("order_A")
    app = desk.open(page, **({"id": "order_A"} if page == INSTANCE else {}))
    (shown,) = app.error
    start = "**The ledger was damaged, and was replaced at 2026-01-11 12:00:00"
    assert shown.value.startswith(start)
    command = f"sqlite3 {kept} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 {kept}.recovered"
    assert app.code[0].value == command
    app.button(key="acknowledge-damage").click()
    assert not run(app).error
    (entry,) = desk.ledger.for_app("").audit_log.of(kept.name, 9)
    assert entry.actor == LOCAL_USER


@pytest.mark.parametrize(
    ("away", "problem"),
    [
        ((), None),
        ((Service.WORKER,), "No worker connected"),
        ((Service.WORKER, Service.SIDECAR), "Dapr sidecar unavailable (+1)"),
        ((Service.PLACEMENT, Service.SCHEDULER), "Dapr placement service unavailable (+1)"),
    ],
)
def test_the_indicator_shows_the_worst_state(
    desk: Desk, away: tuple[Service, ...], problem: str | None
) -> None:
    """First the services without which a page shows an old state; "Live" only without an outage."""
    desk.write_heartbeat(*(Outage(service, at(0), "gone") for service in away))
    assert widget(desk.open(), "live_updates")["problem"] == problem


def test_the_indicator_is_not_live_while_the_recorder_is_away_or_catches_up(desk: Desk) -> None:
    """The list may be old."""
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 7)
    app = desk.open()
    assert widget(app, "live_updates")["problem"] == "Catching up"
    desk.expire_heartbeat()
    assert widget(run(app), "live_updates")["problem"] == "Recorder unavailable"


def test_several_outages_share_a_banner(desk: Desk) -> None:
    """It names each of them."""
    desk.write_heartbeat(
        Outage(Service.SIDECAR, at(0), "gone"), Outage(Service.SCHEDULER, at(1), "gone")
    )
    app = desk.open()
    assert len(app.warning) == 1
    assert "Dapr sidecar unavailable" in texts(app.warning)
    assert "Dapr scheduler unavailable" in texts(app.warning)


def test_an_expired_heartbeat_is_shown_and_the_list_stays(desk: Desk) -> None:
    """The list shows the last known runs."""
    desk.add("order_A")
    desk.expire_heartbeat()
    app = desk.open()
    assert texts(app.warning).startswith("**Recorder unavailable since")
    assert ids(app) == ["order_A"]


def test_without_the_recorder_the_engine_is_checked(desk: Desk) -> None:
    """Its outages are shown as well."""
    desk.gateway.dapr_health = DaprHealth("1", (Problem(Service.PLACEMENT, "gone"),))
    desk.expire_heartbeat()
    until_warned(desk.open(), "placement service")


def test_the_list_stays_while_the_ledger_is_away(desk: Desk) -> None:
    """Also for new sessions; the banner names the ledger."""
    desk.add(*MANY)
    app = desk.open()
    with desk.ledger_away():
        until_warned(app, "**Ledger unavailable since")
        assert ids(app) == MANY[:-51:-1]
        assert ids(desk.open()) == MANY[:-51:-1]
    assert not run(app).warning


def test_a_list_that_was_never_read_is_not_empty(desk: Desk) -> None:
    """Without a ledger from the start the page does not say that there are no instances."""
    desk.add("order_A")
    with desk.ledger_away():
        app = desk.open()
        assert not app.exception
        until_warned(app, "**Ledger unavailable since")
        assert texts(app.info) == "The list appears as soon as the ledger can be read."
        assert not has_widget(app, "table")
    assert ids(run(app)) == ["order_A"]


@pytest.mark.parametrize("service", [Service.SIDECAR, Service.WORKER])
def test_buttons_are_disabled_during_an_outage(desk: Desk, service: Service) -> None:
    """Without the sidecar or a worker; a text says why."""
    desk.add("order_A")
    desk.write_heartbeat(Outage(service, at(0), "gone"))
    app = desk.open()
    assert widget(app, "table")["away"] == why_no_actions(services.state_reader().state())
    assert widget(app, "table")["away"].endswith("no action is possible until this ends.")


def test_buttons_are_enabled_while_only_the_recorder_is_away(desk: Desk) -> None:
    """Actions do not need the recorder."""
    desk.add("order_A")
    desk.expire_heartbeat()
    assert widget(desk.open(), "table")["away"] is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "America"])
def test_an_unknown_time_zone_is_utc(desk: Desk, zone: str) -> None:
    """No value that a browser sends breaks the page."""
    desk.write_heartbeat(Outage(Service.WORKER, at(0), "none"))
    app = desk.open()
    app.context = {"timezone": zone}
    run(app)
    assert not app.exception
    assert "since 2026-01-11 12:00:00" in texts(app.warning)


def test_sessions_are_independent(desk: Desk) -> None:
    """Each viewer has its own filter and page."""
    desk.add(*MANY)
    one, other = desk.open(), desk.open()
    turn_page(press(one, "RUNNING"), "Older →")
    run(other)
    assert other.query_params == {}
    assert ids(other) == MANY[:-51:-1]


@pytest.mark.parametrize("unusual", ["x" * 300, "a b&c=d", "<script>alert(1)</script>", "ä/😀?#"])
def test_an_unusual_id_is_listed_and_opened(desk: Desk, unusual: str) -> None:
    """Another client may have started it."""
    desk.add(unusual[:255])
    app = desk.open()
    assert ids(app) == [unusual[:255]]
    follow(app, widget(app, "table")["rows"][0]["href"])
    assert widget(app, "header")["id"] == unusual[:255]


def test_a_purged_run_is_listed(desk: Desk) -> None:
    """It keeps its status and has no buttons."""
    desk.add("order_A", status=Status.COMPLETED)
    desk.ledger.runs.mark_purged({"order_A": datetime.now(UTC)})
    row = widget(desk.open(), "table")["rows"][0]
    assert (row["status"], row["actions"]) == (statuses(desk.ledger)[0], [])


Forged = Callable[[AppTest], AppTest]


@pytest.mark.parametrize(
    "forged",
    [
        lambda app: click(app, "purge", "order_A"),
        lambda app: trigger(app, "table", "act", {}),
        lambda app: trigger(app, "table", "act", None),
        lambda app: press(app, "NONSENSE"),
        lambda app: trigger(app, "chips", "toggle", "x"),
    ],
)
def test_forged_messages_change_nothing(desk: Desk, forged: Forged) -> None:
    """A message that no page sends reaches no instance."""
    desk.add("order_A")
    forged(desk.open())
    assert desk.gateway.instances["order_A"].status is Status.RUNNING


@pytest.mark.parametrize("action", [Action.PURGE, Action.RERUN, Action.RAISE])
def test_an_action_without_a_button_is_not_performed(desk: Desk, action: Action) -> None:
    """A status may allow more actions than a row offers."""
    desk.add("order_A")
    desk.add("order_B", status=Status.COMPLETED)
    app = desk.open()
    click(app, action, "order_A")
    click(app, action, "order_B")
    calls = desk.gateway.calls
    assert not any(calls[method] for method in ("purge", "rerun", "raise"))


def test_the_list_keeps_its_filter(desk: Desk) -> None:
    """The link in the menu restores it, although its address has no filter."""
    app = desk.open(LIST, status=["failed", "running"], q="order_")
    run(app.switch_page(ORDER))
    follow(app, "instances")
    assert app.query_params == {"status": ["failed", "running"], "q": "order_"}


def test_the_link_back_restores_the_filter(desk: Desk) -> None:
    """Its address has the filter too, for another tab."""
    desk.add("order_A")
    app = desk.open(LIST, status=["failed", "running"], q="order_")
    follow(app, widget(app, "table")["rows"][0]["href"])
    assert widget(app, "back")["href"] == "instances?status=failed&status=running&q=order_"
    follow(app, widget(app, "back")["href"])
    assert app.query_params == {"status": ["failed", "running"], "q": "order_"}
    assert ids(app) == ["order_A"]


def test_a_filter_in_the_address_replaces_the_kept_one(desk: Desk) -> None:
    """Also on the way back from another page."""
    app = desk.open(LIST, status="failed")
    run(app.switch_page(ORDER))
    app.query_params = {"status": "running"}
    run(app.switch_page(LIST))
    assert app.query_params == {"status": "running"}


def test_a_row_of_an_earlier_run_opens_that_run(desk: Desk) -> None:
    """Each run of an id is a row with its own page."""
    desk.add_two_runs()
    app = desk.open()
    _, earlier = widget(app, "table")["rows"]
    follow(app, earlier["href"])
    assert app.query_params == {"id": "order_A", "run_id": str(earlier["key"])}
    assert widget(app, "header")["status"] == "COMPLETED"


def test_a_search_for_nul_finds_nothing(desk: Desk) -> None:
    """Some databases end a pattern at NUL, and others refuse it."""
    desk.add("order_A")
    app = desk.open(q="\0")
    assert not app.exception
    assert ids(app) == []


def test_an_attached_dashboard_names_the_application_and_offers_no_orders(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as a page nor as a text; the form's address says why."""
    assert "New order" in widget(desk.open(), "table")["empty"][1]
    assert widget(desk.open(), "live_updates")["application"] is None
    assert not has_widget(desk.open(ORDER), "table")
    monkeypatch.setenv("FLOWDECK_ORDERS", "false")
    services.offers_orders.cache_clear()
    app = desk.open()
    assert "order" not in " ".join(widget(app, "table")["empty"])
    assert widget(app, "live_updates")["application"] == APP
    instead = desk.open(ORDER)
    assert not instead.exception
    assert "this Flowdeck is attached" in texts(instead.info)
    assert not instead.button
