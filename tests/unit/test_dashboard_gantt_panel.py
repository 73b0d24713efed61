"""The selected bar of a Gantt chart, unfolded children, and the rerun from a bar."""

from itertools import product
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.attempt.rerun_form import MAX_NAMES, step_names
from dashboard.gantt.selection import FROM_HISTORY
from operations.errors import DaprUnavailable
from operations.ledger import LedgerLimits, SearchLimits, StatisticsLimits
from operations.model import Service, Status
from operations.recorder_report import Outage
from tests.unit.events import completed, ended, failed, scheduled, started, timer, turn, wait
from tests.unit.fakes import instance
from tests.unit.pages import INSTANCE, Desk, has_widget, run, send, texts, trigger, widget
from tests.unit.snapshots import activity, at, snapshot

INPUT = '{"amount": 1.10}'


def open_order(desk: Desk, status: Status = Status.COMPLETED, **query: str) -> AppTest:
    """Open the page of an order: two activities, of which the second one failed at first."""
    desk.gateway.put(instance("order_A", status, INPUT))
    end = [ended(9)] if status.is_finished else []
    desk.gateway.events["order_A"] = (
        turn(0),
        started(0),
        scheduled(1, 1, "charge", call="c", payload=INPUT),
        turn(2),
        completed(1, 2, '"charged"'),
        scheduled(2, 2, "ship", call="s", payload='"fast"'),
        turn(4),
        failed(2, 4),
        scheduled(3, 4, "ship", call="s", payload='"fast"'),
        completed(3, 8, '"shipped"'),
        *end,
    )
    return desk.open(INSTANCE, id="order_A", **query)


def select(app: AppTest, key: str) -> AppTest:
    """Click on the bar with this key."""
    return trigger(app, "gantt", "act", {"action": f"select:{key}"})


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    next(each for each in app.button if each.label == label).click()
    return run(app)


def labels(app: AppTest) -> list[str]:
    """Return the labels of the enabled buttons."""
    return [each.label for each in app.button if not each.disabled]


def names(app: AppTest) -> list[str]:
    """Return the names of the rows."""
    return [row["name"] for row in widget(app, "gantt")["figure"]["rows"]]


def test_a_click_on_a_bar_shows_the_attempt(desk: Desk) -> None:
    """Its payloads, error, times and events, as long as it is selected."""
    app = open_order(desk)
    assert "Close" not in labels(app)
    select(app, "2")
    assert not app.exception
    assert "**ship**" in texts(app.markdown)
    assert "failed · attempt 1 of 2 · execution time 2.00 s with queue" in texts(app.markdown)
    assert "The card was refused." in texts(app.error)
    assert '"fast"' in [each.value for each in app.code]
    assert "taskScheduled #2" in texts(app.caption)
    assert "taskFailed" in texts(app.caption)
    assert widget(app, "gantt")["selected"] == "select:2"
    run(app)  # as a live update does
    assert "**ship**" in texts(app.markdown)
    trigger(app, "gantt", "act", {"action": "select:"})
    assert "**ship**" not in texts(app.markdown)


def test_the_selection_is_in_the_address(desk: Desk) -> None:
    """It can be shared, and the panel has a button that closes it."""
    app = open_order(desk, span="3")
    assert "attempt 2 of 2" in texts(app.markdown)
    select(app, "1")
    assert app.query_params == {"id": "order_A", "span": "1"}
    press(app, "Close")
    assert app.query_params == {"id": "order_A"}
    assert "Close" not in labels(app)


@pytest.mark.parametrize("key", ["77", "1.2", "x", "s5", "." * 50])
def test_an_unknown_bar_is_reported(desk: Desk, key: str) -> None:
    """The address may be of another run."""
    app = open_order(desk, span=key)
    assert not app.exception
    assert "This run has no such bar." in texts(app.markdown)


def test_an_event_of_the_history_selects_its_bar(desk: Desk) -> None:
    """Also if its row is in another section."""
    calls = [scheduled(number, 1, f"ship_{number}") for number in range(120)]
    desk.gateway.put(instance("large", Status.RUNNING))
    desk.gateway.events["large"] = (turn(0), started(0), *calls)
    app = desk.open(INSTANCE, id="large")
    assert "ship_70" not in names(app)
    app.session_state[FROM_HISTORY] = 70
    run(app)
    assert "ship_70" in names(app)
    assert "**ship_70**" in texts(app.markdown)
    assert app.query_params == {"id": "large", "span": "70"}


def test_a_fan_out_is_opened_and_left(desk: Desk) -> None:
    """Its calls are rows in sections; the way back shows all steps."""
    calls = [scheduled(number, 1) for number in range(60)]
    answers = [completed(number, 2) for number in range(60)]
    desk.gateway.put(instance("wide", Status.RUNNING))
    events = (turn(0), started(0), *calls, turn(2), *answers, scheduled(99, 3, "ship"))
    desk.gateway.events["wide"] = events
    app = desk.open(INSTANCE, id="wide")
    assert names(app) == ["order_workflow", "charge × 60", "ship"]  # noqa: RUF001
    trigger(app, "gantt", "act", {"action": "open:0"})
    assert names(app) == ["order_workflow", *["charge"] * 50]
    assert widget(app, "sections")["opened"] == "charge: 60 calls"
    trigger(app, "sections", "choose", {"outcome": None, "first": 0, "fanOut": None})
    assert names(app) == ["order_workflow", "charge × 60", "ship"]  # noqa: RUF001


def test_the_bars_can_be_shown_as_a_table(desk: Desk) -> None:
    """Its rows select bars too."""
    app = open_order(desk)
    assert not has_widget(app, "bars_table")
    app.toggle(key="gantt-as-table").set_value(True)
    run(app)
    rows = widget(app, "bars_table")["rows"]
    assert [(row["name"], row.get("attempt"), row["status"]) for row in rows] == [
        ("order_workflow", None, "run completed"),
        ("charge", "", "completed"),
        ("ship", "1 of 2", "failed"),
        ("ship", "2 of 2", "completed"),
    ]
    trigger(app, "bars_table", "act", {"action": rows[1]["action"]})
    assert "**charge**" in texts(app.markdown)
    assert widget(app, "bars_table")["selected"] == "select:1"


def open_parent(desk: Desk, **query: str) -> AppTest:
    """Open the page of a parent whose child has ended."""
    desk.add_recorded("child_instance")
    return desk.open(INSTANCE, id=desk.add_recorded("child"), **query)


def test_a_child_is_unfolded_in_place(desk: Desk) -> None:
    """It stays unfolded over live updates; its spans can be selected."""
    app = open_parent(desk)
    assert names(app) == ["parent", "parallel"]
    trigger(app, "gantt", "unfold", {"key": "1", "isUnfolded": True})
    assert names(app) == ["parent", "parallel", "work", "work", "work"]
    run(app)
    assert len(names(app)) == 5
    select(app, "1.3")
    assert "work in the child child:0001" in texts(app.markdown)
    assert "A child cannot run again by itself: rerun its parent child." in texts(app.caption)
    trigger(app, "gantt", "unfold", {"key": "1", "isUnfolded": False})
    assert names(app) == ["parent", "parallel"]


@pytest.mark.parametrize(
    "ledger_limits", [LedgerLimits(SearchLimits(60), StatisticsLimits(60, fewest_runs=2))]
)
def test_a_run_its_child_and_the_steps_of_the_child_are_compared(desk: Desk) -> None:
    """Each with other runs of its own workflow, behind its bar; the run also in the header."""
    for workflow, seconds in product(("parent", "parallel"), (100, 200)):
        other = snapshot(
            Status.COMPLETED,
            instance_id=f"{workflow}-{seconds}",
            workflow=workflow,
            started_at=at(0),
            ended_at=at(seconds),
            spans=(activity(1, 0, seconds, name="work"),),
        )
        desk.ledger.runs.ingest([other])
    app = open_parent(desk)
    trigger(app, "gantt", "unfold", {"key": "1", "isUnfolded": True})
    baselines = widget(app, "gantt")["figure"]["baselines"]
    assert [(each["row"], each["p50"]) for each in baselines] == [
        (0, 150_000),
        (1, 100_000),  # the child itself is a run of its workflow
        *((row, 150_000) for row in (2, 3, 4)),
    ]
    words = "faster than 100 % of 2 other runs (p50 2 min 30 s, p95 3 min 15 s)"
    assert widget(app, "header")["comparison"] == words
    assert words in texts(select(app, "run").markdown)


def test_a_shared_address_unfolds_the_child(desk: Desk) -> None:
    """Around the selected span."""
    app = open_parent(desk, span="1.3")
    assert names(app) == ["parent", "parallel", "work", "work", "work"]
    assert "work in the child child:0001" in texts(app.markdown)


def test_a_child_that_is_gone_says_so(desk: Desk) -> None:
    """Below its row."""
    app = desk.open(INSTANCE, id=desk.add_recorded("child"))
    trigger(app, "gantt", "unfold", {"key": "1", "isUnfolded": True})
    assert "No instance has the id 'child:0001'" in names(app)[-1]


def open_form(desk: Desk, key: str = "3") -> AppTest:
    """Open the form of a rerun from a bar of a completed order."""
    return press(select(open_order(desk), key), "Rerun from here…")


def field(app: AppTest, kind: str, label: str) -> Any:
    """Return the field with this label."""
    return next(each for each in getattr(app, kind) if each.label.startswith(label))


def test_a_rerun_shows_what_is_kept_and_what_runs_again(desk: Desk) -> None:
    """Before anything happens."""
    app = open_form(desk)
    shown = texts(app.markdown)
    assert "Kept, with the results" in shown
    assert "- charge\n- ship" in shown
    assert "Runs again at once" in shown
    assert not desk.gateway.calls["rerun"]


def test_a_rerun_from_a_bar(desk: Desk) -> None:
    """With another input, id and reason; the result links to the new instance."""
    app = open_form(desk, "1")
    area = field(app, "text_area", "Input of charge")
    assert area.value == '{\n  "amount": 1.10\n}'
    area.input('{"amount": 2}')
    field(app, "text_input", "Id").input("again")
    field(app, "text_input", "Reason").input("wrong amount")
    press(app, "Rerun")
    assert not app.exception
    assert "Runs again as **again**" in texts(app.markdown)
    assert desk.gateway.events["again"][-1].payload == '{"amount": 2}'
    (entry,) = desk.ledger.audit_log.of("again", 5)
    assert entry.reason == "wrong amount"
    assert widget(app, "page_link")["href"] == "instance?id=again"
    press(app, "Done")
    assert "Runs again as" not in texts(app.markdown)


def test_an_unchanged_input_is_kept_as_it_was(desk: Desk) -> None:
    """The engine gets no input, so that it uses the recorded one; the new id is a suggestion."""
    app = open_form(desk)
    suggested = field(app, "text_input", "Id").value
    assert suggested.startswith("order_A-rerun-")
    press(app, "Rerun")
    assert desk.gateway.events[suggested][-1].payload == '"fast"'


def test_an_input_that_is_not_json_is_refused(desk: Desk) -> None:
    """The message names the line."""
    app = open_form(desk, "1")
    field(app, "text_area", "Input of charge").input('{\n  "amount": \n}')
    run(app)
    assert "Line 3, column 1: expected a value." in texts(app.error)
    assert "Rerun" not in labels(app)


def test_an_id_that_cannot_be_started_is_refused(desk: Desk) -> None:
    """Dapr checks no id."""
    app = open_form(desk)
    field(app, "text_input", "Id").input("a||b")
    run(app)
    assert "The id must be 1 to 64 letters" in texts(app.error)
    assert "Rerun" not in labels(app)


def test_a_rerun_that_fails_is_reported(desk: Desk) -> None:
    """As other failed actions are; the form stays open."""
    app = open_form(desk)
    desk.gateway.errors["rerun"] = [DaprUnavailable("nothing answers")]
    press(app, "Rerun")
    assert "Rerun order_A: not carried out" in texts(app.markdown)
    assert "Retry" not in labels(app)  # the form is the way to try again
    assert "Rerun" in labels(app)


def test_the_whole_run_runs_again_from_its_first_call(desk: Desk) -> None:
    """From the bar of the run."""
    app = press(select(open_order(desk), "run"), "Rerun from the start…")
    assert "Nothing: everything runs again." in texts(app.caption)
    suggested = field(app, "text_input", "Id").value
    press(app, "Rerun")
    assert desk.gateway.events[suggested][-1].event_id == 1


def test_a_running_instance_cannot_run_again(desk: Desk) -> None:
    """The panel says why."""
    app = select(open_order(desk, Status.RUNNING), "1")
    assert "Only a finished run can run again; this one is running." in texts(app.caption)
    assert "Rerun from here…" not in labels(app)


def test_nothing_runs_again_without_a_worker(desk: Desk) -> None:
    """The panel says why."""
    desk.write_heartbeat(Outage(Service.WORKER, at(0), "none"))
    app = select(open_order(desk), "1")
    assert "No worker connected" in texts(app.caption)


def test_an_earlier_run_cannot_run_again(desk: Desk) -> None:
    """The engine has only the latest run of an id."""
    first, _ = desk.add_two_runs()
    app = desk.open(INSTANCE, id="order_A", run_id=str(first))
    assert not app.exception
    assert "Rerun from here…" not in labels(app)


def test_two_clicks_make_one_rerun(desk: Desk) -> None:
    """Three quick clicks run the callback several times."""
    app = open_form(desk)
    button = next(each for each in app.button if each.label == "Rerun")
    suggested = field(app, "text_input", "Id").value
    button.click()
    send(app)
    assert desk.gateway.calls["rerun"] == 1
    assert suggested in desk.gateway.instances


def test_steps_are_counted() -> None:
    """A fan-out is one line, a timer says what it is for, and a long list is cut."""
    events = [scheduled(n, 1) for n in range(3)] + [wait(4, 1), timer(5, 1, 9)]
    assert step_names(events) == ["charge × 3", "wait for the event approval", "timer"]  # noqa: RUF001
    many = [scheduled(n, 1, f"step_{n}") for n in range(MAX_NAMES + 5)]
    assert step_names(many)[-1] == "5 more"
