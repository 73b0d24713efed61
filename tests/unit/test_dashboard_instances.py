"""The page of all instances, in sessions without a browser."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.listing import recorder_status
from dashboard.live.banner import why_no_actions
from dashboard.live.sessions import FRAGMENT_KEY
from operations.errors import DaprUnavailable
from operations.ledger import SearchLimits
from operations.model import Action, DaprHealth, Problem, Service, Status
from operations.records import Outage, RecorderMetrics
from tests.unit.pages import LIST, ORDER, Desk, has_widget, ids, run, send, texts, trigger, widget
from tests.unit.snapshots import at, statuses

MANY = [f"order_{number:02}" for number in range(120)]
PLACES = {
    Service.SIDECAR: "The Dapr sidecar is away since",
    Service.PLACEMENT: "Dapr's placement service is away since",
    Service.SCHEDULER: "Dapr's scheduler is away since",
    Service.WORKER: "No worker is connected since",
}


def click(app: AppTest, action: str, instance_id: str, number: int = 1) -> AppTest:
    """Click a button of a row."""
    return clicks(app, (action, instance_id, number))


def clicks(app: AppTest, *made: tuple[str, str, int]) -> AppTest:
    """Send clicks that were made while the page was busy, as one message."""
    sent = [{"action": action, "id": name, "click": number} for action, name, number in made]
    return trigger(app, "table", "act", {"clicks": sent})


def press(app: AppTest, status: str | None) -> AppTest:
    """Press a status above the table."""
    return trigger(app, "chips", "toggle", {"status": status})


def type_in(app: AppTest, text: str) -> AppTest:
    """Type into the search, which the browser writes into the address, too."""
    app.text_input(key="q").set_value(text)
    app.query_params["q"] = text
    return run(app)


def turn(app: AppTest, label: str) -> AppTest:
    """Turn to the page beside this one."""
    next(each for each in app.button if each.label == label).click()
    return send(app)


def counts(app: AppTest) -> dict[str, str]:
    """Return how many instances each status is said to have, where there are any."""
    return {status: count for status, count in widget(app, "chips")["counts"] if count != "0"}


def messages(app: AppTest) -> str:
    """Return what the operator is told of what was done."""
    return texts(app.toast)


def test_an_empty_ledger_leads_to_the_first_order(desk: Desk) -> None:
    """Who sees nothing is told what to do."""
    app = desk.open()
    assert not app.exception
    assert ids(app) == []
    assert widget(app, "table")["empty"][0] == "No instances yet"


@pytest.mark.parametrize("backlog", [None, 1])
def test_a_ledger_that_is_being_filled_is_not_empty(desk: Desk, backlog: int | None) -> None:
    """What the engine has and the ledger lacks is on its way."""
    desk.ledger.write_heartbeat(datetime.now(UTC), (), backlog)
    app = desk.open(q="order")
    assert widget(app, "table")["empty"][0] == "The ledger is being filled"


@pytest.mark.parametrize("part_away", [Service.SIDECAR, Service.LISTING])
def test_a_ledger_that_cannot_be_filled_is_not_being_filled(desk: Desk, part_away: Service) -> None:
    """Nothing will be there in a moment: the banner says what has to be done."""
    desk.ledger.write_heartbeat(
        datetime.now(UTC), (Outage(part_away, datetime.now(UTC), "broken"),), None
    )
    app = desk.open()
    assert widget(app, "table")["empty"][0] == "Nothing is here yet"


def test_how_much_is_still_to_be_read_is_told(desk: Desk) -> None:
    """Above what is there already, until all is."""
    desk.add("order_A")
    desk.ledger.write_heartbeat(datetime.now(UTC), (), backlog=12345)
    app = desk.open()
    assert ids(app) == ["order_A"]
    assert "12,345 instances are still to be read" in texts(app.caption)
    desk.write_heartbeat()
    assert "still to be read" not in texts(run(app).caption)


def test_what_the_recorder_measured_is_there_to_be_looked_up(desk: Desk) -> None:
    """Beside the mark that the page is live; before anything was measured there is nothing."""
    assert "Recorder" not in texts(desk.open().caption)
    metrics = RecorderMetrics(0.2, 0.41, states=2, lists=1, hints=3.5, dropped=1200, traces=True)
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, metrics)
    told = texts(desk.open().caption)
    assert "Recorder: 200 ms behind in the middle, 95 % within 410 ms" in told
    assert "3.0 reads a second: 2.0 states, 0.0 histories, 1.0 lists." in told
    assert "Traces arrive, with 3.5 hints a second; 1,200 were dropped." in told


@pytest.mark.parametrize(
    ("backlog", "metrics", "words"),
    [
        (None, RecorderMetrics(0.2, 0.4), "how much the engine has is not known yet."),
        (1, RecorderMetrics(0.2, 0.4), "catching up, 1 instance is still to be read."),
        (
            12345,
            RecorderMetrics(states=100),
            "catching up, 12,345 instances are still to be read, about 2 min 3 s more.",
        ),
        (0, RecorderMetrics(), "it has read everything, and nothing has happened for a minute."),
        (0, RecorderMetrics(0.2, 0.4), "200 ms behind in the middle, 95 % within 400 ms"),
    ],
)
def test_what_the_recorder_does_is_told_apart(
    backlog: int | None, metrics: RecorderMetrics, words: str
) -> None:
    """It does not know yet, catches up, has nothing to do, or is behind by a measured time."""
    said = recorder_status.describe(metrics, backlog)[0]
    assert said.startswith(f"Recorder: {words}")


def test_that_no_traces_arrive_is_told_with_what_is_missing_then(desk: Desk) -> None:
    """Not before they do."""
    desk.ledger.write_heartbeat(datetime.now(UTC), (), 0, RecorderMetrics())
    told = texts(desk.open().caption)
    assert "No traces arrive: queue and run are not told apart." in told


def test_a_list_that_the_engine_refuses_is_told_with_its_remedy(desk: Desk) -> None:
    """It does not heal by itself."""
    remedy = "Terminate that instance and purge it."
    desk.write_heartbeat(Outage(Service.LISTING, datetime.now(UTC), remedy))
    told = texts(desk.open().warning)
    assert "Dapr cannot list its instances since" in told
    assert "Terminate that instance and purge it" in told
    assert "heals by itself" not in told


def test_nothing_that_matches_is_told_apart(desk: Desk) -> None:
    """A filter that leaves nothing is not an empty system."""
    desk.add("order_A")
    app = desk.open(q="nonsense")
    assert ids(app) == []
    assert widget(app, "table")["empty"][0] == "Nothing matches"


def test_the_newest_fifty_are_shown(desk: Desk) -> None:
    """The list is read page by page, newest first."""
    desk.add(*MANY)
    app = desk.open()
    assert ids(app) == MANY[:-51:-1]
    assert texts(app.caption) == "1–50 of 120"  # noqa: RUF001 - from one to another


def test_each_page_tells_its_place(desk: Desk) -> None:
    """From which entry to which, of how many."""
    desk.add(*MANY)
    app = turn(desk.open(), "Older →")
    assert texts(app.caption) == "51–100 of 120"  # noqa: RUF001 - from one to another
    assert texts(turn(app, "Older →").caption) == "101–120 of 120"  # noqa: RUF001 - likewise


def test_what_is_counted_no_further_is_told_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a plus: beyond it nobody counts the entries before a page either."""
    limits = SearchLimits(seconds=60, count=60)
    monkeypatch.setattr(services.services().ledger.search, "_limits", limits)
    desk.add(*MANY)
    desk.add("failed", status=Status.FAILED)
    app = desk.open()
    assert counts(app) == {"RUNNING": "60+", "FAILED": "1"}
    assert widget(app, "chips")["all"] == "61+"
    assert texts(app.caption) == "1–50 of 61+"  # noqa: RUF001 - from one to another
    assert texts(turn(turn(app, "Older →"), "Older →").caption) == "21 of 61+"


def test_a_question_that_is_too_wide_is_told_with_its_remedy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is there, and the rest of the page as it was."""
    desk.add("order_A")
    limits = SearchLimits(seconds=1e-6)
    monkeypatch.setattr(services.services().ledger.search, "_limits", limits)
    monkeypatch.setattr("operations.ledger.db.sessions._STEPS", 1)
    app = desk.open()
    assert "Narrow it" in texts(app.warning)
    assert not app.exception


def test_a_list_of_one_page_has_no_pager(desk: Desk) -> None:
    """There is nowhere to turn to."""
    desk.add(*MANY[:50])
    app = desk.open()
    assert len(ids(app)) == 50
    assert not app.button


def test_pages_turn_to_the_end_and_back(desk: Desk) -> None:
    """Each instance stands on one page, and the way back is the way there."""
    desk.add(*MANY)
    app = desk.open()
    seen = [ids(app), ids(turn(app, "Older →")), ids(turn(app, "Older →"))]
    assert [each for page in seen for each in page] == MANY[::-1]
    assert [button.disabled for button in app.button] == [False, True]
    for page in (seen[1], seen[0]):
        assert ids(turn(app, "← Newer")) == page
    assert "at" not in app.query_params


def test_a_page_has_its_address(desk: Desk) -> None:
    """Whoever is sent the address sees the same page."""
    desk.add(*MANY)
    app = turn(desk.open(), "Older →")
    assert ids(desk.open(at=app.query_params["at"])) == ids(app)


@pytest.mark.parametrize("cursor", ["nonsense", "", "é", "b" * 23, "o", "%00"])
def test_an_address_of_no_page_leads_to_the_newest(desk: Desk, cursor: str) -> None:
    """A broken address shows the list, and is mended."""
    desk.add(*MANY)
    app = desk.open(at=cursor)
    assert not app.exception
    assert ids(app) == MANY[:-51:-1]
    assert "at" not in app.query_params


def test_statuses_are_filtered_by_the_address(desk: Desk) -> None:
    """The counts are those of all."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    desk.add("order_C", status=Status.COMPLETED)
    app = desk.open(status=["failed", "completed"])
    assert sorted(ids(app)) == ["order_B", "order_C"]
    assert widget(app, "chips")["selected"] == ["COMPLETED", "FAILED"]
    assert counts(app) == {"RUNNING": "1", "FAILED": "1", "COMPLETED": "1"}


@pytest.mark.parametrize("status", ["nonsense", "", "<b>", "RUNNING;--"])
def test_a_status_that_is_none_filters_nothing(desk: Desk, status: str) -> None:
    """A broken address shows all there is."""
    desk.add("order_A")
    app = desk.open(status=status)
    assert not app.exception
    assert ids(app) == ["order_A"]
    assert widget(app, "chips")["selected"] == []


def test_a_broken_status_beside_a_good_one_is_left_out(desk: Desk) -> None:
    """The good one counts, however it is written."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    assert ids(desk.open(status=["FaiLed", "nonsense"])) == ["order_B"]


def test_ids_are_searched_by_the_address(desk: Desk) -> None:
    """A part of the id is enough, in any case; what stands around it counts not."""
    desk.add("order_A", "order_B")
    app = desk.open(q=" DER_a ")
    assert ids(app) == ["order_A"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "%' OR 1=1 --", "😀", "x" * 100_000])
def test_a_search_is_for_letters(desk: Desk, text: str) -> None:
    """No letter stands for another, and none is SQL."""
    desk.add("orderA")
    app = desk.open(q=text)
    assert not app.exception
    assert ids(app) == []


def test_what_is_typed_is_searched(desk: Desk) -> None:
    """The address tells it, too."""
    desk.add("order_A", "order_B")
    app = type_in(desk.open(), "order_B")
    assert ids(app) == ["order_B"]
    assert app.text_input(key="q").value == "order_B"


def test_a_search_begins_on_the_first_page(desk: Desk) -> None:
    """Where one was in the longer list counts no more."""
    desk.add(*MANY)
    app = turn(desk.open(), "Older →")
    type_in(app, "order_1")
    assert "at" not in app.query_params
    assert ids(app)[0] == "order_119"


def test_a_status_is_pressed_and_released(desk: Desk) -> None:
    """The address holds what is pressed."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    app = press(desk.open(), "FAILED")
    assert ids(app) == ["order_B"]
    assert app.query_params["status"] == "failed"
    assert sorted(ids(press(app, "RUNNING"))) == ["order_A", "order_B"]
    assert ids(press(app, "FAILED")) == ["order_A"]
    assert "status" not in press(app, None).query_params


def test_a_pressed_status_begins_on_the_first_page(desk: Desk) -> None:
    """Where one was in the longer list counts no more."""
    desk.add(*MANY)
    app = press(turn(desk.open(), "Older →"), "RUNNING")
    assert ids(app)[0] == MANY[-1]


def test_the_usual_statuses_are_always_there(desk: Desk) -> None:
    """They stand in one order; the others come after them, where there are any."""
    baseline = ["RUNNING", "SUSPENDED", "PENDING", "FAILED", "COMPLETED", "TERMINATED"]
    app = desk.open()
    assert [status for status, _ in widget(app, "chips")["counts"]] == baseline
    desk.add("order_A", status=Status.STALLED)
    assert [status for status, _ in widget(run(app), "chips")["counts"]] == [*baseline, "STALLED"]


@pytest.mark.parametrize(
    ("action", "before", "after", "words"),
    [
        ("pause", Status.RUNNING, Status.SUSPENDED, "order_A is paused."),
        ("resume", Status.SUSPENDED, Status.RUNNING, "order_A goes on."),
        ("terminate", Status.RUNNING, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.SUSPENDED, Status.TERMINATED, "order_A is terminated."),
    ],
)
def test_a_click_in_a_row_acts(
    desk: Desk, action: str, before: Status, after: Status, words: str
) -> None:
    """The instance, the row and the message say what was done."""
    desk.add("order_A", status=before)
    app = click(desk.open(), action, "order_A")
    assert desk.gateway.instances["order_A"].status is after
    assert widget(app, "table")["rows"][0]["status"] == after
    assert messages(app) == words


def test_a_click_acts_on_the_id_that_it_carries(desk: Desk) -> None:
    """Not on the place: what has come above it meanwhile is left alone."""
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
    """One that has left the page meanwhile is still the one that was clicked."""
    desk.add("order_A", *MANY)
    app = desk.open()
    assert "order_A" not in ids(app)
    click(app, "pause", "order_A")
    assert desk.gateway.instances["order_A"].status is Status.SUSPENDED


def test_a_click_that_comes_too_late_tells_so(desk: Desk) -> None:
    """An instance that has ended meanwhile stays as it is, and the message tells why."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.turn("order_A", Status.COMPLETED)
    click(app, "pause", "order_A")
    assert messages(app) == "Cannot pause 'order_A': it is COMPLETED."
    assert desk.gateway.instances["order_A"].status is Status.COMPLETED
    assert not desk.gateway.calls["pause"]


def test_a_click_on_what_is_so_already_tells_so(desk: Desk) -> None:
    """Another operator was faster."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.turn("order_A", Status.SUSPENDED)
    assert messages(click(app, "pause", "order_A")) == "order_A is paused already."


def test_a_click_on_an_unknown_instance_tells_so(desk: Desk) -> None:
    """One that was purged meanwhile is gone."""
    desk.add("order_A")
    app = desk.open()
    del desk.gateway.instances["order_A"]
    assert messages(click(app, "pause", "order_A")) == "No instance has the id 'order_A'."


def test_a_click_while_the_engine_is_away_tells_so(desk: Desk) -> None:
    """Nothing was done, and the page stands."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.errors["state"] = [DaprUnavailable("nothing answers")]
    click(app, "pause", "order_A")
    assert messages(app) == "The Dapr engine cannot be reached: nothing answers."
    assert ids(app) == ["order_A"]


def test_a_click_without_a_ledger_acts_all_the_same(desk: Desk) -> None:
    """It must be possible to stop what runs wild."""
    desk.add("order_A")
    app = desk.open()
    with desk.ledger_away():
        click(app, "terminate", "order_A")
        assert messages(app) == "order_A is terminated."
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED


def test_a_click_is_acknowledged(desk: Desk) -> None:
    """The row's buttons wait until the page has dealt with their click, whatever came of it."""
    desk.add("order_A")
    app = desk.open()
    assert widget(app, "table")["handled"] == []
    assert widget(click(app, "resume", "order_A", 17), "table")["handled"] == [17]


def test_quick_clicks_are_all_carried_out_once(desk: Desk) -> None:
    """The message of the last carries the earlier ones; what was dealt with is not done again."""
    desk.add("order_A", "order_B", "order_C")
    app = clicks(desk.open(), ("terminate", "order_A", 1))
    made = [("terminate", "order_A", 1), ("terminate", "order_B", 2), ("pause", "order_C", 3)]
    clicks(app, *made)
    states = [desk.gateway.instances[f"order_{name}"].status for name in "ABC"]
    assert states == [Status.TERMINATED, Status.TERMINATED, Status.SUSPENDED]
    assert desk.gateway.calls["terminate"] == 2
    assert widget(app, "table")["handled"] == [1, 2, 3]


def test_a_message_is_told_once(desk: Desk) -> None:
    """The next run has nothing to tell."""
    desk.add("order_A")
    app = click(desk.open(), "pause", "order_A")
    assert messages(app)
    assert not messages(run(app))


def test_a_message_is_told_to_who_acted(desk: Desk) -> None:
    """Another viewer sees the new status, and no word of it."""
    desk.add("order_A")
    one, other = desk.open(), desk.open()
    click(one, "pause", "order_A")
    run(other)
    assert widget(other, "table")["rows"][0]["status"] == "SUSPENDED"
    assert not messages(other)
    assert widget(other, "table")["handled"] == []


def test_a_message_is_no_markup(desk: Desk) -> None:
    """An id that somebody else made up is told as it is."""
    name = ":red[x]<b>"
    desk.add(name)
    told = click(desk.open(), "pause", name).toast[0].value
    assert ":red" not in told
    assert "<" not in told.replace(r"\<", "")


def test_a_deed_is_noted_with_its_actor(desk: Desk) -> None:
    """What the page does is in the journal."""
    desk.add("order_A")
    click(desk.open(), "pause", "order_A")
    entry = desk.ledger.audit_log.of("order_A", 1)[0]
    assert (entry.actor.name, entry.action, entry.after) == (
        "local",
        Action.PAUSE,
        Status.SUSPENDED,
    )


def test_a_row_leads_to_its_instance(desk: Desk) -> None:
    """A plain click opens the page without loading it anew."""
    desk.add("order_A")
    app = trigger(desk.open(), "table", "open", {"id": "order_A", "run_id": None})
    assert not app.exception
    assert app.query_params == {"id": "order_A"}
    assert widget(app, "header")["id"] == "order_A"


def test_all_viewers_share_what_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one asks the ledger nothing that the first one asked."""
    desk.add("order_A")
    desk.open()
    instances = services.services().ledger.search
    monkeypatch.setattr(instances, "page", lambda *_, **__: pytest.fail("asked again"))
    assert ids(desk.open()) == ["order_A"]


def test_the_page_registers_the_version_that_it_shows(desk: Desk) -> None:
    """Live updates rerun the page as soon as the system has another version."""
    desk.add("order_A")
    app = desk.open()
    assert app.session_state[FRAGMENT_KEY].version == services.state_watcher().state().version
    before = app.session_state[FRAGMENT_KEY]
    desk.add("order_B")
    after = run(app).session_state[FRAGMENT_KEY]
    assert after.version != before.version
    assert after.fragment_id == before.fragment_id != ""
    assert widget(app, "live_updates")["path"] == "flowdeck/live"


@pytest.mark.parametrize(("away", "words"), PLACES.items())
def test_an_outage_is_told_and_the_list_stays(desk: Desk, away: Service, words: str) -> None:
    """The banner names what is away, since when, and why; the list is what was known."""
    desk.add("order_A")
    desk.write_heartbeat(
        Outage(away, datetime(2026, 1, 11, 12, 0, tzinfo=UTC), "<b>it</b> is :red[gone]")
    )
    app = desk.open()
    assert texts(app.warning).startswith(f"**{words} 11 Jan 13:00:00.**")
    assert texts(app.warning).endswith("It heals by itself. (<b>it</b> is :red[gone])")
    assert r"\<b\>" in app.warning[0].value
    assert ids(app) == ["order_A"]


def test_an_outage_of_today_is_told_by_the_clock(desk: Desk) -> None:
    """In the viewer's zone, without the date."""
    since = datetime.now(UTC)
    desk.write_heartbeat(Outage(Service.WORKER, since, "none"))
    app = desk.open()
    app.context = {"timezone": "UTC"}
    assert f"since {since:%H:%M:%S}." in texts(run(app).warning)


def test_several_outages_are_told_each(desk: Desk) -> None:
    """One banner names them all."""
    desk.write_heartbeat(
        Outage(Service.SIDECAR, at(0), "gone"), Outage(Service.SCHEDULER, at(1), "gone")
    )
    app = desk.open()
    assert len(app.warning) == 1
    assert "The Dapr sidecar is away" in texts(app.warning)
    assert "Dapr's scheduler is away" in texts(app.warning)


def test_a_silent_recorder_is_told_and_the_list_stays(desk: Desk) -> None:
    """The list stands still; who reads it knows."""
    desk.add("order_A")
    desk.expire_heartbeat()
    app = desk.open()
    assert texts(app.warning).startswith("**The recorder is away since")
    assert ids(app) == ["order_A"]


def test_without_the_recorder_the_engine_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else is away is told all the same."""
    monkeypatch.setattr("operations.outages.GRACE", at(0) - at(0))
    desk.gateway.answer = DaprHealth("1", (Problem(Service.PLACEMENT, "gone"),))
    desk.expire_heartbeat()
    assert "placement service" in texts(desk.open().warning)


def test_the_list_outlives_the_ledger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that goes away takes nothing from the page, which says what is away."""
    monkeypatch.setattr("operations.outages.GRACE", at(0) - at(0))
    desk.add(*MANY)
    app = desk.open()
    with desk.ledger_away():
        run(app)
        assert texts(app.warning).startswith("**The ledger cannot be read since")
        assert ids(app) == MANY[:-51:-1]
        assert ids(desk.open()) == MANY[:-51:-1]
    assert not run(app).warning


def test_a_list_that_was_never_read_is_not_empty(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a ledger from the start nobody is told that there are no instances."""
    monkeypatch.setattr("operations.outages.GRACE", at(0) - at(0))
    desk.add("order_A")
    with desk.ledger_away():
        app = desk.open()
        assert not app.exception
        assert texts(app.warning).startswith("**The ledger cannot be read since")
        assert texts(app.info) == "The list will be here as soon as the ledger can be read."
        assert not has_widget(app, "table")
    assert ids(run(app)) == ["order_A"]


@pytest.mark.parametrize("away", [Service.SIDECAR, Service.WORKER])
def test_nothing_is_offered_that_cannot_be_done(desk: Desk, away: Service) -> None:
    """Without the sidecar or a worker the table's buttons rest, and say why."""
    desk.add("order_A")
    desk.write_heartbeat(Outage(away, at(0), "gone"))
    app = desk.open()
    assert widget(app, "table")["away"] == why_no_actions(services.state_watcher().state())
    assert widget(app, "table")["away"].endswith("nothing can be acted on until it is back.")


def test_actions_are_offered_while_only_the_recorder_is_away(desk: Desk) -> None:
    """It is not needed for them."""
    desk.add("order_A")
    desk.expire_heartbeat()
    assert widget(desk.open(), "table")["away"] is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "America"])
def test_a_zone_that_nobody_knows_is_utc(desk: Desk, zone: str) -> None:
    """What a browser says of itself breaks no page."""
    desk.write_heartbeat(Outage(Service.WORKER, at(0), "none"))
    app = desk.open()
    app.context = {"timezone": zone}
    run(app)
    assert not app.exception
    assert "since 11 Jan 12:00:00" in texts(app.warning)


def test_a_session_keeps_nothing_of_another(desk: Desk) -> None:
    """Filters and pages are each viewer's own."""
    desk.add(*MANY)
    one, other = desk.open(), desk.open()
    turn(press(one, "RUNNING"), "Older →")
    run(other)
    assert other.query_params == {}
    assert ids(other) == MANY[:-51:-1]


@pytest.mark.parametrize("odd", ["x" * 300, "a b&c=d", "<script>alert(1)</script>", "ä/😀?#"])
def test_an_odd_id_is_a_row_like_any_other(desk: Desk, odd: str) -> None:
    """Whatever somebody else has started is listed, and opens."""
    desk.add(odd[:255])
    app = desk.open()
    assert ids(app) == [odd[:255]]
    assert (
        widget(trigger(app, "table", "open", {"id": odd[:255], "run_id": None}), "header")["id"]
        == odd[:255]
    )


def test_what_the_ledger_says_of_a_life_is_what_the_row_shows(desk: Desk) -> None:
    """A purged life has no buttons, and its status stays."""
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
def test_what_no_page_sends_changes_nothing(desk: Desk, forged: Forged) -> None:
    """A forged message reaches no instance."""
    desk.add("order_A")
    forged(desk.open())
    assert desk.gateway.instances["order_A"].status is Status.RUNNING


@pytest.mark.parametrize("action", [Action.PURGE, Action.RERUN, Action.RAISE])
def test_what_has_no_button_is_done_by_no_click(desk: Desk, action: Action) -> None:
    """A status may allow more than a row offers."""
    desk.add("order_A")
    desk.add("order_B", status=Status.COMPLETED)
    app = desk.open()
    click(app, action, "order_A")
    click(app, action, "order_B")
    calls = desk.gateway.calls
    assert not any(calls[method] for method in ("purge", "rerun", "raise"))


def test_the_way_back_brings_the_filter_again(desk: Desk) -> None:
    """Whoever left the filtered list finds it filtered, whichever way leads back."""
    app = desk.open(LIST, status=["failed", "running"], q="order_")
    run(app.switch_page(ORDER))
    app.query_params = {"id": "order_A"}  # what the browser's own way back makes of the address
    run(app.switch_page(LIST))
    assert app.query_params == {"status": ["failed", "running"], "q": "order_"}


def test_an_address_that_comes_late_takes_no_filter_away(desk: Desk) -> None:
    """A busy browser may say the address of the page that was left once more."""
    app = desk.open(LIST, status=["failed", "running"], q="order_")
    run(app.switch_page(ORDER))
    app.query_params = {"id": "order_A"}
    run(app.switch_page(LIST))
    app.query_params = {"id": "order_A", "q": "order_"}
    run(app)
    assert app.query_params == {"status": ["failed", "running"], "q": "order_"}
    assert widget(app, "chips")["selected"] == ["FAILED", "RUNNING"]


def test_the_link_back_leads_to_the_list_as_it_was_left(desk: Desk) -> None:
    """Its address does so too, for a tab of its own."""
    desk.add("order_A")
    app = desk.open(LIST, status=["failed", "running"], q="order_")
    trigger(app, "table", "open", {"id": "order_A"})
    assert widget(app, "back")["href"] == "./?status=failed&status=running&q=order_"
    trigger(app, "back", "back", 1)
    assert app.query_params == {"status": ["failed", "running"], "q": "order_"}
    assert ids(app) == ["order_A"]


def test_an_address_with_a_filter_is_heeded_on_the_way_back(desk: Desk) -> None:
    """What was shown before gives way to what is asked for."""
    app = desk.open(LIST, status="failed")
    run(app.switch_page(ORDER))
    app.query_params = {"status": "running"}
    run(app.switch_page(LIST))
    assert app.query_params == {"status": "running"}


def test_a_row_of_an_earlier_life_leads_to_that_life(desk: Desk) -> None:
    """Each life of an id is a row, and each row leads to its own page."""
    desk.add_two_runs()
    app = desk.open()
    latest, earlier = widget(app, "table")["rows"]
    assert (latest["run_id"], earlier["run_id"]) == (None, earlier["key"])
    trigger(app, "table", "open", {"id": earlier["id"], "run_id": earlier["run_id"]})
    assert app.query_params == {"id": "order_A", "run_id": str(earlier["key"])}
    assert widget(app, "header")["status"] == "COMPLETED"


def test_a_search_for_what_no_id_has_finds_nothing(desk: Desk) -> None:
    """A NUL would end the pattern on some databases, and be refused on others."""
    desk.add("order_A")
    app = desk.open(q="\0")
    assert not app.exception
    assert ids(app) == []
