"""The instance page, in sessions without a browser."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard import services
from dashboard.details.history_rows import PER_PAGE
from dashboard.listing.table_data import address
from dashboard.times import milliseconds
from operations.actions import ActionContext, StartRequest
from operations.errors import DaprRefused, DaprUnavailable, HistoryLost
from operations.gateway.history_events import to_history_event
from operations.gateway.stubs import pb
from operations.history import HistoryEvent
from operations.model import LOCAL_USER, Failure, Service, Status
from operations.recorder_report import Outage
from operations.snapshots import snapshot_of_lost
from tests.unit.events import (
    TOO_LARGE,
    child,
    completed,
    event,
    failed,
    raised,
    scheduled,
    stalled,
    started,
    turn,
    wait,
)
from tests.unit.fakes import instance
from tests.unit.histories import RECORDED, recorded, recorded_state
from tests.unit.pages import (
    INSTANCE,
    Desk,
    follow,
    has_widget,
    run,
    send,
    texts,
    trigger,
    until_warned,
    widget,
)
from tests.unit.protobuf import message
from tests.unit.snapshots import activity, at, details_of, snapshot

BUTTONS = ("pause", "resume", "terminate")
OFFERED = {
    Status.PENDING: ["terminate"],
    Status.RUNNING: ["pause", "terminate"],
    Status.SUSPENDED: ["resume", "terminate"],
}
UNAVAILABLE = DaprUnavailable("nothing answers")
NO_NUMBERS = ("-1", "²", "x", "", "9" * 40)


def button(app: AppTest, name: str) -> Button:
    """Return the button of an action."""
    return next(each for each in app.button if str(each.key).startswith(f"do-{name}-"))


def enabled_actions(app: AppTest) -> list[str]:
    """Return the actions whose buttons are enabled."""
    shown = {name: button(app, name) for name in BUTTONS if has_button(app, name)}
    return [name for name, each in shown.items() if not each.disabled]


def has_button(app: AppTest, name: str) -> bool:
    """Return whether the page shows the button of an action."""
    return any(str(each.key).startswith(f"do-{name}-") for each in app.button)


def links(app: AppTest) -> list[str]:
    """Return the actions that the page links to."""
    protos = [each.proto for each in app.get("page_link")]
    return [each.query_string for each in protos if "action=" in each.query_string]


def press(app: AppTest, name: str) -> AppTest:
    """Click the button of an action."""
    button(app, name).click()
    return send(app)


def table(app: AppTest, column: str) -> Any:
    """Return the table that has a column."""
    return next(each for each in app.dataframe if column in each.value.columns)


def select_row(app: AppTest, row: int) -> AppTest:
    """Select a row of the history."""
    value = json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}})
    return send(app, WidgetState(id=table(app, "event").proto.id, string_value=value))


def open_recorded(desk: Desk, name: str) -> AppTest:
    """Open the page of a recorded instance."""
    return desk.open(INSTANCE, id=desk.add_recorded(name))


def shown_events(name: str) -> int:
    """Return the number of events of a recorded instance without the engine events."""
    return sum(each.kind != "workflowStarted" for each in recorded(name))


@pytest.mark.parametrize("name", RECORDED)
def test_each_recorded_instance_is_shown(desk: Desk, name: str) -> None:
    """The page has the header, the history and the payloads of every recorded instance."""
    app = open_recorded(desk, name)
    assert not app.exception
    assert widget(app, "header")["id"] == recorded_state(name).instance_id
    assert widget(app, "header")["status"] == recorded_state(name).status
    assert len(table(app, "event").value) == shown_events(name)
    assert [each.label for each in app.tabs] == ["History", "Audit log"]


def test_the_gantt_widget_gets_its_data(desk: Desk) -> None:
    """The figure, the address of the script, and an alternative text."""
    data = widget(open_recorded(desk, "retried"), "gantt")
    assert data["id"] == "retried-None"  # each run has its own zoom; the first run has none before
    assert data["plotly"] == "flowdeck/plotly.min.js"
    assert data["figure"]["end"] > data["figure"]["start"]
    assert data["alt"] == "Gantt of retried: 1 rows"
    assert [row["name"] for row in data["figure"]["rows"]] == ["retrying", "flaky"]


def test_the_gantt_of_a_running_instance_has_no_end(desk: Desk) -> None:
    """The widget lets its open bars grow."""
    figure = widget(open_recorded(desk, "running"), "gantt")["figure"]
    assert figure["end"] is None
    assert any(trace["meta"]["open"] for trace in figure["traces"])


def test_a_baseline_is_of_twenty_other_runs(desk: Desk) -> None:
    """A run is not compared with itself, nor with a handful of others."""

    def record(*ids: str) -> None:
        fields: dict[str, Any] = {"spans": (activity(1, 0, 2),)}
        desk.ledger.runs.ingest(
            [snapshot(Status.COMPLETED, instance_id=each, **fields) for each in ids]
        )

    def legend() -> list[str]:
        desk.write_heartbeat()
        chart = widget(desk.open(INSTANCE, id="order_0"), "gantt")
        return [label for label, *_ in chart["figure"]["legend"]]

    record(*(f"order_{number}" for number in range(20)))
    desk.ledger.runs.mark_purged({"order_0": at(9)})  # so that only the ledger is asked
    assert "p50 to p95 of other runs" not in legend()
    record("order_20")
    assert "p50 to p95 of other runs" in legend()


def names(app: AppTest) -> list[str]:
    """Return the names of the rows below that of the whole run."""
    return [row["name"] for row in widget(app, "gantt")["figure"]["rows"]][1:]


def open_large(desk: Desk) -> AppTest:
    """Open the page of an instance whose last of 120 activities failed."""
    calls = [scheduled(number, 1, f"ship_{number}") for number in range(120)]
    answers = [completed(number, 2) for number in range(119)]
    desk.gateway.put(instance("large", Status.RUNNING))
    desk.gateway.events["large"] = (turn(0), started(0), *calls, *answers, failed(119, 2))
    return desk.open(INSTANCE, id="large")


def test_a_large_gantt_is_drawn_in_sections(desk: Desk) -> None:
    """The first rows, with the outcomes of all rows and of the folded ones."""
    app = open_large(desk)
    assert not app.exception
    assert names(app) == [f"ship_{n}" for n in range(50)]
    assert widget(app, "gantt")["alt"] == "Gantt of large: rows 1 to 50 of 120"
    sections = widget(app, "sections")
    assert (sections["first"], sections["size"], sections["matching"]) == (0, 50, 120)
    assert sections["counts"] == [["failed", 1], ["completed", 119]]
    assert sections["folded"] == [["failed", 1], ["completed", 69]]


def test_another_section_can_be_chosen(desk: Desk) -> None:
    """The next rows, or the failed ones alone; each section has its own zoom."""
    app = open_large(desk)
    first = widget(app, "gantt")["id"]
    trigger(app, "sections", "choose", {"outcome": None, "first": 50})
    assert names(app)[0] == "ship_50"
    assert widget(app, "gantt")["id"] != first
    trigger(app, "sections", "choose", {"outcome": "failed", "first": 0})
    assert names(app) == ["ship_119"]
    assert widget(app, "sections")["outcome"] == "failed"
    run(app)  # as an update of the page does
    assert names(app) == ["ship_119"]


def test_the_history_of_an_instance_that_has_not_changed_is_read_once(desk: Desk) -> None:
    """Other instances change all the time; a long history must not be read for each change."""
    app = open_large(desk)
    assert desk.gateway.calls["history"] == 1
    desk.add("order_B")  # increments the revision
    run(app)
    assert desk.gateway.calls["history"] == 1
    desk.gateway.set_status("large", Status.SUSPENDED)
    desk.add("order_C")
    run(app)
    assert desk.gateway.calls["history"] == 2
    assert widget(app, "header")["status"] == "SUSPENDED"


def test_a_small_gantt_offers_no_sections(desk: Desk) -> None:
    """All its rows are drawn."""
    assert not has_widget(open_recorded(desk, "retried"), "sections")


def test_an_instance_that_has_not_started_has_no_gantt(desk: Desk) -> None:
    """A caption says so."""
    app = open_recorded(desk, "pending")
    assert not has_widget(app, "gantt")
    assert "No activity yet." in texts(app.caption)


def test_payloads_are_shown(desk: Desk) -> None:
    """Input and output are shown side by side, as JSON, outside the tabs."""
    desk.gateway.put(instance("order_A", Status.RUNNING, '{"items": ["<b>"]}'))
    app = desk.open(INSTANCE, id="order_A")
    assert json.loads(app.code[0].value) == {"items": ["<b>"]}
    assert "None." in texts(app.caption)
    assert not [each for tab in app.tabs for each in tab.code]


def test_a_long_payload_is_in_a_low_box_until_someone_asks(desk: Desk) -> None:
    """A short one has no switch."""
    desk.gateway.put(instance("order_A", Status.RUNNING, json.dumps(["x"] * 50)))
    app = desk.open(INSTANCE, id="order_A")
    assert [each.label for each in app.toggle if "whole" in each.label] == ["Show the whole input"]
    assert len(json.loads(app.code[0].value)) == 50


def test_a_run_without_payloads_shows_neither(desk: Desk) -> None:
    """Two empty boxes would only take space."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    shown = texts(desk.open(INSTANCE, id="order_A").markdown)
    assert "Input" not in shown
    assert "Output" not in shown


def test_a_failure_is_shown(desk: Desk) -> None:
    """Above the Gantt chart: the step, its attempts and its own error."""
    app = open_recorded(desk, "failed")
    (failure,) = [each.failure for each in recorded("failed") if each.kind == "taskFailed"]
    assert failure
    shown = f"**fail failed: {failure.error_type}**  \n{failure.message}"
    assert texts(app.error).startswith(shown)


def test_a_failure_counts_the_attempts() -> None:
    """Of the step that failed."""
    failure, step = Failure("CardError", "No card"), activity(7, 1)
    app = AppTest.from_string(SHOW_FAILURE)
    app.session_state["failure"] = Failure("E", "x: No card")
    app.session_state["step"] = replace(step, failure=failure, attempt_number=4, attempt_count=4)
    app.run()
    assert texts(app.error) == "**charge failed 4 of 4 attempts: CardError**  \nNo card"


SHOW_FAILURE = """
import streamlit as st
from dashboard.details.payloads import show_failure
show_failure(st.session_state["failure"], "key", None, st.session_state["step"])
"""


def test_a_custom_status_is_shown(desk: Desk) -> None:
    """The header has it."""
    assert widget(open_recorded(desk, "suspended"), "header")["custom"] == "two at once"


def test_the_payload_of_the_selected_event_is_shown(desk: Desk) -> None:
    """Below the table, without a limit."""
    app = open_recorded(desk, "completed")
    selected = list(table(app, "event").value["event"]).index("taskCompleted")
    payload = next(e.payload for e in recorded("completed") if e.kind == "taskCompleted")
    assert payload
    select_row(app, selected)
    assert not app.exception
    assert "**taskCompleted**" in [each.value for each in app.markdown]
    assert json.loads(payload) in [json.loads(each.value) for each in (*app.json, *app.code)]


def test_an_event_of_an_unknown_kind_is_shown_by_its_fields(desk: Desk) -> None:
    """The table has its first field; once selected, all fields and the raw event are shown."""
    later = to_history_event(
        pb.HistoryEvent.FromString(b"\x08\x07" + message(99, message(1, b"text")))
    )
    desk.add_recorded("waiting")
    desk.gateway.events["waiting"] = (*recorded("waiting"), later)
    app = desk.open(INSTANCE, id="waiting")
    select_row(app, list(table(app, "event").value["event"]).index("unknown kind (field 99)"))
    assert not app.exception
    assert [each.value for each in app.code][-2:] == ['99 {\n  1: "text"\n}', later.raw]


def test_a_selected_event_that_no_longer_exists_is_ignored(desk: Desk) -> None:
    """Continue-as-new restarts the history while the page is open."""
    app = open_recorded(desk, "waiting")
    last = len(table(app, "event").value) - 1
    desk.gateway.events["waiting"] = recorded("waiting")[:2]
    desk.gateway.put(replace(recorded_state("waiting"), last_updated_at=at(99)))
    desk.add("order_B")  # increments the revision
    select_row(app, last)
    assert not app.exception
    assert list(table(app, "event").value["event"]) == ["executionStarted"]


def child_event(app_id: str | None) -> HistoryEvent:
    """Return the creation of a child, in this or in another application."""
    return event(
        "childWorkflowInstanceCreated", 1, 1, name="pay", instance_id="pay-7", app_id=app_id
    )


def select_child(desk: Desk, app_id: str | None) -> AppTest:
    """Open an instance with a child, and select the event that created the child."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    desk.gateway.events["order_A"] = (turn(0), started(0), child_event(app_id))
    return select_row(desk.open(INSTANCE, id="order_A"), 1)


def test_the_event_of_a_child_has_a_link_to_the_child(desk: Desk) -> None:
    """To its own page, below the table and at its bar."""
    app = select_child(desk, None)
    assert not app.exception
    links = [each.proto for each in app.get("page_link") if "pay" in each.proto.label]
    assert {each.query_string for each in links} == {"id=pay-7"}


def test_the_event_of_a_child_in_another_application_names_it(desk: Desk) -> None:
    """No page of this Flowdeck shows that child, so there is no link."""
    app = select_child(desk, "billing")
    assert not app.exception
    assert "The child pay-7 is an instance of the application billing." in texts(app.markdown)
    assert not [each for each in app.get("page_link") if "pay" in each.proto.label]


def test_the_page_of_a_child_in_another_application_says_where_it_is(desk: Desk) -> None:
    """Only its parent is known here."""
    select_child(desk, "billing")
    desk.record()
    app = desk.open(INSTANCE, id="pay-7")
    assert not app.exception
    assert texts(app.info) == (
        "The instance 'pay-7' belongs to the application 'billing': it is a child of 'order_A'. "
        "Open it in the Flowdeck of that application."
    )


def test_the_header_has_the_version_and_the_patches(desk: Desk) -> None:
    """As the turns of the workflow report them."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    first = event("workflowStarted", 0, version="version_two", patches=("my-patch", "other"))
    desk.gateway.events["order_A"] = (first, started(0))
    header = widget(desk.open(INSTANCE, id="order_A"), "header")
    assert (header["version"], header["patches"]) == ("version_two", "my-patch, other")


def test_a_parent_in_another_application_is_no_link(desk: Desk) -> None:
    """The header says where it lives."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    parent = started(0, instance_id="up", parent_app_id="billing")
    desk.gateway.events["order_A"] = (turn(0), parent)
    header = widget(desk.open(INSTANCE, id="order_A"), "header")
    assert header["parent"] == {"id": "up", "app": "billing", "href": None}


def test_engine_events_can_be_shown(desk: Desk) -> None:
    """They are hidden until a viewer asks for them."""
    app = open_recorded(desk, "waiting")
    next(each for each in app.toggle if each.label == "Engine events").set_value(True)
    run(app)
    events = list(table(app, "event").value["event"])
    assert events == ["executionStarted", "workflowStarted", "timerCreated"]


def test_a_long_history_is_shown_by_pages(desk: Desk) -> None:
    """A browser gets the events of one page."""
    app = open_large(desk)
    first = table(app, "event").value
    assert len(first) == PER_PAGE
    pages = app.get("pagination")[0].proto
    assert pages.num_pages == 2
    send(app, WidgetState(id=pages.id, int_value=2))
    assert len(table(app, "event").value) == 241 - PER_PAGE


def test_the_history_can_be_searched(desk: Desk) -> None:
    """The table has the events with the text, and a caption their number."""
    app = open_large(desk)
    search = next(each for each in app.text_input if each.label == "Search the history")
    search.set_value("SHIP_119")
    run(app)
    assert list(table(app, "event").value["event"]) == ["taskScheduled", "taskFailed"]
    assert "2 found" in texts(app.caption)


def test_the_history_can_be_grouped_by_step(desk: Desk) -> None:
    """A selected step shows all its events."""
    app = open_recorded(desk, "retried")
    app.segmented_control[0].set_value("Steps")
    run(app)
    steps = table(app, "step").value
    row = list(steps["attempts"]).index("3")
    assert steps["outcome"][row] == "completed"
    value = json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}})
    send(app, WidgetState(id=table(app, "step").proto.id, string_value=value))
    assert not app.exception
    shown = [each.value for each in app.markdown]
    assert shown.count("**taskScheduled**") == 3
    assert shown.count("**taskFailed**") == 2


def test_a_selected_event_selects_its_bar(desk: Desk) -> None:
    """An answer selects the bar of its call."""
    app = open_recorded(desk, "completed")
    answer = next(each for each in recorded("completed") if each.kind == "taskCompleted")
    select_row(app, list(table(app, "event").value["event"]).index("taskCompleted"))
    assert widget(app, "gantt")["selected"] == f"select:{answer.answers}"


def test_a_failure_leads_to_its_bar(desk: Desk) -> None:
    """By a button below its words."""
    app = open_recorded(desk, "failed")
    step = next(each for each in recorded("failed") if each.kind == "taskFailed")
    next(each for each in app.button if each.label == "Show fail in the chart").click()
    assert widget(send(app), "gantt")["selected"] == f"select:{step.answers}"


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.STALLED])
def test_the_status_decides_which_buttons_are_enabled(desk: Desk, status: Status) -> None:
    """All three are shown; the buttons of other actions are disabled, and say why."""
    desk.add("order_A", status=status)
    app = desk.open(INSTANCE, id="order_A")
    assert enabled_actions(app) == OFFERED.get(status, [])
    assert has_button(app, "pause") != status.is_finished
    if not status.is_finished and "resume" not in OFFERED.get(status, []):
        assert button(app, "resume").help == f"The status of the instance is {status.lower()}."


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (Status.RUNNING, ["raise"]),
        (Status.SUSPENDED, ["raise"]),
        (Status.PENDING, []),
        (Status.COMPLETED, ["rerun", "purge"]),
        (Status.FAILED, ["rerun", "purge"]),
    ],
)
def test_more_actions_lead_to_their_preview(desk: Desk, status: Status, actions: list[str]) -> None:
    """A finished instance has nothing else."""
    desk.add("order_A", status=status)
    app = desk.open(INSTANCE, id="order_A")
    assert links(app) == [f"action={action}&instance=order_A" for action in actions]


def test_terminate_stands_apart(desk: Desk) -> None:
    """Behind a space, and with less weight than the other buttons."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A")
    assert len(app.get("space")) == 1
    assert [button(app, name).proto.type for name in BUTTONS] == [
        "secondary",
        "secondary",
        "tertiary",
    ]


def test_a_run_can_be_started_again(desk: Desk) -> None:
    """The link has the id; an earlier run has none, because the page would show the latest one."""
    earlier, _ = desk.add_two_runs()

    def queries(**more: str) -> list[str]:
        app = desk.open(INSTANCE, id="order_A", **more)
        return [each.proto.query_string for each in app.get("page_link")]

    assert "like=order_A" in queries()
    assert queries(run_id=str(earlier)) == []


def test_a_question_before_terminate(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting switches it on; it needs a reason, which the audit log keeps."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add("order_A")
    app = press(desk.open(INSTANCE, id="order_A"), "terminate")
    assert not desk.gateway.calls["terminate"]
    click(app, "terminate-confirmed")
    assert "Give a reason." in texts(app.error)
    assert not desk.gateway.calls["terminate"]
    app.text_input(key="terminate-reason").set_value("the card was stolen")
    click(app, "terminate-confirmed")
    assert not app.exception
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED
    (entry,) = desk.ledger.audit_log.of("order_A", 9)
    assert entry.reason == "the card was stolen"
    assert texts(app.toast) == "order_A is terminated."
    assert not [each for each in app.button if each.key == "terminate-confirmed"]


def test_the_question_before_terminate_can_be_cancelled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing happens, and the question does not come back."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add("order_A")
    app = press(desk.open(INSTANCE, id="order_A"), "terminate")
    click(app, "terminate-cancelled")
    run(app)
    assert not [each for each in app.button if str(each.key).startswith("terminate-")]
    assert not desk.ledger.audit_log.of("order_A", 1)


def click(app: AppTest, key: str) -> AppTest:
    """Click a button of the question."""
    app.button(key=key).click()
    return send(app)


def test_the_header_links_to_children_and_reruns(desk: Desk) -> None:
    """A single child has its own page; several are a list, and so are reruns."""
    desk.add("order_A", status=Status.COMPLETED)
    rerun = snapshot(instance_id="order_B", execution="e2", rerun_of="order_A")
    desk.ledger.runs.ingest([rerun])
    desk.gateway.events["order_A"] = (turn(0), started(0), child(1, 1, "pay-1"))
    header = widget(desk.open(INSTANCE, id="order_A"), "header")
    assert header["children"] == {
        "count": 1,
        "href": "instance?id=pay-1",
        "only": "pay-1",
        "remote": 0,
    }
    assert header["reruns"] == {"count": "1", "href": "instances?rerun_of=order_A"}
    assert header["link"] == "instance?id=order_A"
    desk.add("order_C")
    desk.gateway.events["order_C"] = (
        *(turn(0), started(0), child(1, 1, "pay-2"), child(2, 1, "pay-3")),
        event("childWorkflowInstanceCreated", 1, 3, name="x", instance_id="y", app_id="billing"),
    )
    header = widget(desk.open(INSTANCE, id="order_C"), "header")
    assert header["children"] == {
        "count": 2,
        "href": "instances?parent=order_C",
        "only": None,
        "remote": 1,
    }
    assert header["reruns"] is None


def test_the_header_links_to_logs_and_traces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the patterns of the settings; the trace is that of the start, if Dapr sampled it."""
    monkeypatch.setenv("FLOWDECK_LOG_LINK", "https://logs.example/?q={instance_id}")
    monkeypatch.setenv("FLOWDECK_TRACE_LINK", "https://traces.example/{trace_id}")
    desk.add("order_A", "order_B")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    desk.gateway.events["order_A"] = (turn(0), started(0, trace_id=trace))
    assert widget(desk.open(INSTANCE, id="order_A"), "header")["elsewhere"] == [
        ["Logs", "https://logs.example/?q=order_A"],
        ["Trace", f"https://traces.example/{trace}"],
    ]
    assert widget(desk.open(INSTANCE, id="order_B"), "header")["elsewhere"] == [
        ["Logs", "https://logs.example/?q=order_B"]
    ]


def test_the_event_that_a_run_waits_for_is_raised_from_its_page(desk: Desk) -> None:
    """One click leads to the payload; an event that has come has no link."""
    desk.add("order_A")
    waits = (turn(0), started(0), wait(1, 1))
    desk.gateway.events["order_A"] = waits
    app = desk.open(INSTANCE, id="order_A")
    raising = "action=raise&instance=order_A&event=approval"
    assert raising in links(app)
    desk.gateway.events["order_A"] = (*waits, turn(2), raised("approval", 2))
    desk.gateway.put(replace(desk.gateway.instances["order_A"], last_updated_at=at(99)))
    desk.add("order_B")  # increments the revision
    run(app)
    assert raising not in links(app)


def test_an_event_that_nothing_consumed_is_named(desk: Desk) -> None:
    """With its payload; a doubtful one, after which the workflow has gone on, is not a warning."""
    desk.add("order_A")
    events = (turn(0), started(0), wait(1, 1), turn(2), raised("aproval", 2, '{"yes": true}'))
    desk.gateway.events["order_A"] = events
    app = desk.open(INSTANCE, id="order_A")
    warning = texts(app.warning)
    assert warning.startswith("Event 'aproval' was raised at 2026-11-23 19:00:02")
    assert 'with {"yes": true} and has not been consumed.' in warning
    desk.gateway.events["order_A"] = (*events, turn(3), raised("approval", 3))
    desk.gateway.put(replace(desk.gateway.instances["order_A"], last_updated_at=at(99)))
    desk.add("order_B")  # increments the revision
    run(app)
    assert not app.warning
    assert "No wait in the history took it" in texts(app.caption)


def test_an_instance_whose_history_is_lost_says_why(desk: Desk) -> None:
    """A panel has cause and remedy, no button is enabled, and the history of before is shown."""
    desk.add("order_A", status=Status.RUNNING)
    run = desk.ledger.runs.latest("order_A")
    assert run
    desk.gateway.lost.add("order_A")
    error = HistoryLost("order_A", "The history key 'history-000000' is missing")
    desk.ledger.runs.ingest([snapshot_of_lost(run, error, datetime.now(UTC))])
    app = desk.open(INSTANCE, id="order_A")
    assert "Delete its rows in the state store" in app.error[0].value
    assert widget(app, "header")["status"] == "UNKNOWN"
    assert enabled_actions(app) == []


def open_stalled(desk: Desk) -> AppTest:
    """Open the page of an instance that stalled while an activity ran."""
    desk.add("order_A", status=Status.STALLED)
    desk.gateway.events["order_A"] = (started(0), scheduled(1, 1), stalled(5))
    return desk.open(INSTANCE, id="order_A")


def test_a_stalled_instance_says_why(desk: Desk) -> None:
    """The header alone has the engine's reason and remedy, and no bar is open."""
    app = open_stalled(desk)
    reason = f"{TOO_LARGE.error_type}: {TOO_LARGE.message}"
    assert widget(app, "header")["stalled"] == reason
    assert widget(app, "header")["waits"] is None
    assert not app.error
    figure = widget(app, "gantt")["figure"]
    assert figure["end"] == milliseconds(stalled(5).timestamp)
    assert {trace["meta"]["open"] for trace in figure["traces"]} == {False}


def test_a_stalled_instance_is_purged_by_force_after_a_question(desk: Desk) -> None:
    """No other button is shown; the ledger keeps history and reason."""
    app = open_stalled(desk)
    assert {each.label for each in app.button}.isdisjoint({"Pause", "Resume", "Terminate"})
    next(each for each in app.button if each.label == "Archive and purge").click()
    send(app)
    assert texts(app.toast) == "order_A is archived and purged."
    assert desk.gateway.forced == 1
    assert "order_A" not in desk.gateway.instances
    run_of = desk.ledger.runs.latest("order_A")
    assert run_of
    assert run_of.error_type == TOO_LARGE.error_type
    details = details_of(desk.ledger, run_of)
    assert details.failure == TOO_LARGE
    assert [each.kind for each in details.history or ()][-1] == "executionStalled"
    assert "The engine no longer has this instance." in texts(app.caption)


def test_a_failed_purge_is_not_retried_without_a_question(desk: Desk) -> None:
    """Its failure stays on the page."""
    app = open_stalled(desk)
    desk.gateway.errors["purge"] = [DaprRefused("broken")]
    next(each for each in app.button if each.label == "Archive and purge").click()
    send(app)
    assert any("broken" in each.value for each in app.markdown)
    labels = {each.label for each in app.button}
    assert "Dismiss" in labels
    assert "Retry" not in labels


@pytest.mark.parametrize(
    ("name", "before", "after", "text"),
    [
        ("pause", Status.RUNNING, Status.SUSPENDED, "order_A is paused."),
        ("resume", Status.SUSPENDED, Status.RUNNING, "order_A is resumed."),
        ("terminate", Status.RUNNING, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.SUSPENDED, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.PENDING, Status.TERMINATED, "order_A is terminated."),
    ],
)
def test_a_button_acts(desk: Desk, name: str, before: Status, after: Status, text: str) -> None:
    """The engine, the header, the buttons and the message show the new status."""
    desk.add("order_A", status=before)
    app = press(desk.open(INSTANCE, id="order_A"), name)
    assert not app.exception
    assert desk.gateway.instances["order_A"].status is after
    assert widget(app, "header")["status"] == after
    assert enabled_actions(app) == OFFERED.get(after, [])
    assert texts(app.toast) == text


def test_a_click_after_the_end_is_refused(desk: Desk) -> None:
    """The finished instance does not change, and the page shows its status."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A")
    desk.gateway.set_status("order_A", Status.FAILED)
    press(app, "pause")
    assert "Cannot pause 'order_A': it is FAILED." in texts(app.markdown)
    assert desk.gateway.instances["order_A"].status is Status.FAILED
    assert not desk.gateway.calls["pause"]
    assert widget(app, "header")["status"] == "FAILED"
    assert enabled_actions(app) == []


def test_a_disabled_button_does_nothing(desk: Desk) -> None:
    """Even if a browser sends its click."""
    desk.add("order_A", status=Status.UNKNOWN)
    app = desk.open(INSTANCE, id="order_A")
    send(app, WidgetState(id=button(app, "terminate").id, trigger_value=True))
    assert not desk.gateway.calls["terminate"]
    assert not desk.ledger.audit_log.of("order_A", 1)


def test_two_operators_who_pause_both_get_a_message(desk: Desk) -> None:
    """One pauses the instance; the other reads that it is already paused."""
    desk.add("order_A")
    one, other = desk.open(INSTANCE, id="order_A"), desk.open(INSTANCE, id="order_A")
    assert texts(press(one, "pause").toast) == "order_A is paused."
    assert texts(press(other, "pause").toast) == "order_A is already paused."
    assert desk.gateway.calls["pause"] == 1


def audit_rows(app: AppTest) -> list[dict[str, Any]]:
    """Return the rows of the audit log."""
    found: list[dict[str, Any]] = widget(app, "audit_log")["rows"]
    return found


def test_actions_are_in_the_audit_log(desk: Desk) -> None:
    """At once, newest first."""
    desk.add("order_A")
    app = press(press(desk.open(INSTANCE, id="order_A"), "pause"), "terminate")
    assert [(each["action"], each["who"]) for each in audit_rows(app)] == [
        ("terminate", "local"),
        ("pause", "local"),
    ]
    assert [(each["before"], each["after"]) for each in audit_rows(app)] == [
        ("SUSPENDED", "TERMINATED"),
        ("RUNNING", "SUSPENDED"),
    ]
    assert not widget(app, "audit_log")["withInstance"]


def test_a_refused_action_is_in_the_audit_log(desk: Desk) -> None:
    """With the reason of the refusal."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A")
    desk.gateway.set_status("order_A", Status.FAILED)
    (row,) = audit_rows(press(app, "pause"))
    assert row["outcome"] == "refused"
    assert row["message"] == "Cannot pause 'order_A': it is FAILED."


def test_the_audit_log_has_the_operators_reason(desk: Desk) -> None:
    """The reason is optional."""
    desk.add("order_A")
    context = ActionContext(LOCAL_USER, "the card was stolen")
    services.services().actions.pause("order_A", context)
    (row,) = audit_rows(desk.open(INSTANCE, id="order_A"))
    assert row["reason"] == "the card was stolen"


def test_an_empty_audit_log_is_a_sentence(desk: Desk) -> None:
    """It replaces the table."""
    desk.add("order_A")
    data = widget(desk.open(INSTANCE, id="order_A"), "audit_log")
    assert data["rows"] == []
    assert data["empty"][1] == "No operator has acted on this instance."


def test_a_start_is_in_the_audit_log(desk: Desk) -> None:
    """If Flowdeck started the instance."""
    actions = services.services().actions
    request = StartRequest("order_workflow", "order_A", {"order_id": "A"})
    actions.start(request, ActionContext(services.viewer()))
    (row,) = audit_rows(desk.open(INSTANCE, id="order_A"))
    assert row["action"] == "start"


def test_an_unknown_id_is_reported(desk: Desk) -> None:
    """If neither the engine nor the ledger has it."""
    app = desk.open(INSTANCE, id="order_Z")
    assert not app.exception
    assert texts(app.info) == "No instance has the id 'order_Z'."
    assert not app.button


@pytest.mark.parametrize(
    "odd", ["<script>alert(1)</script>", ":red[x]", "a||b", "x" * 5000, "é 😀", "%00", "'\"\\"]
)
def test_an_unusual_unknown_id_is_reported_unchanged(desk: Desk, odd: str) -> None:
    """An id in the address is shown as text, never as markup."""
    app = desk.open(INSTANCE, id=odd)
    assert not app.exception
    text = app.info[0].value
    assert ":red[" not in text
    assert "<" not in text.replace(r"\<", "")


@pytest.mark.parametrize("query", [{}, {"id": ""}])
def test_without_an_id_the_page_links_to_the_list(desk: Desk, query: dict[str, str]) -> None:
    """The page has nothing else to show."""
    app = desk.open(INSTANCE, **query)
    assert not app.exception
    assert texts(app.info) == "Choose an instance from the list."
    assert len(app.get("page_link")) == 1


def test_of_several_ids_one_is_shown(desk: Desk) -> None:
    """An address with two ids is no error."""
    desk.add("order_A", "order_B")
    app = desk.open(INSTANCE, id=["order_A", "order_B"])
    assert widget(app, "header")["id"] == "order_B"


def test_an_instance_that_the_ledger_does_not_know_is_found(desk: Desk) -> None:
    """Its page is shown before the recorder has read it, and writes nothing."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    app = desk.open(INSTANCE, id="order_A")
    assert widget(app, "header")["status"] == "RUNNING"
    assert desk.ledger.runs.latest("order_A") is None


def test_a_purged_instance_is_shown(desk: Desk) -> None:
    """The ledger keeps a purged instance; no action is possible on it."""
    found = desk.add_recorded("completed")
    del desk.gateway.instances[found]
    desk.ledger.runs.mark_purged({found: datetime.now(UTC)})
    app = desk.open(INSTANCE, id=found)
    assert widget(app, "header")["purged"] is not None
    assert names(app)
    assert len(table(app, "event").value) == shown_events("completed")
    assert enabled_actions(app) == []


def test_a_finished_instance_is_shown_without_the_engine(desk: Desk) -> None:
    """The ledger has everything that the page shows."""
    found = desk.add_recorded("completed")
    desk.gateway.errors["state"] = [UNAVAILABLE]
    app = desk.open(INSTANCE, id=found)
    assert len(table(app, "event").value) == shown_events("completed")
    assert not desk.gateway.calls["history"]


def test_a_running_instance_is_shown_while_the_sidecar_is_away(desk: Desk) -> None:
    """The page has the ledger's data, a banner and disabled buttons, and reads no engine."""
    found = desk.add_recorded("running")
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(INSTANCE, id=found)
    assert not app.exception
    assert "Dapr sidecar unavailable" in texts(app.warning)
    assert widget(app, "header")["status"] == "RUNNING"
    assert names(app)
    assert "The history cannot be read now." in texts(app.caption)
    assert enabled_actions(app) == []
    assert not desk.gateway.calls["state"]


def test_a_page_is_complete_again_when_the_sidecar_is_back(desk: Desk) -> None:
    """Even if the ledger has not changed in the meantime."""
    found = desk.add_recorded("running")
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(INSTANCE, id=found)
    desk.write_heartbeat()
    run(app)
    assert len(table(app, "event").value) == shown_events("running")
    assert enabled_actions(app) == OFFERED[Status.RUNNING]


def test_buttons_are_disabled_without_a_worker(desk: Desk) -> None:
    """Their tooltips say why; the data is still shown."""
    desk.add("order_A")
    desk.write_heartbeat(Outage(Service.WORKER, at(0), "none"))
    app = desk.open(INSTANCE, id="order_A")
    assert enabled_actions(app) == []
    assert button(app, "pause").help.startswith("No worker connected")
    assert button(app, "resume").help == "The status of the instance is running."
    assert "No worker connected" in texts(app.warning)


def test_an_unread_engine_does_not_mean_an_unknown_instance(desk: Desk) -> None:
    """The page says that the instance cannot be shown, not that it does not exist."""
    desk.gateway.errors["state"] = [UNAVAILABLE]
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    text = "The instance cannot be shown now. The Dapr engine cannot be reached: nothing answers."
    assert texts(app.info) == text


def test_a_refusal_of_the_engine_is_shown(desk: Desk) -> None:
    """In the words of the engine, without markup."""
    desk.gateway.errors["state"] = [DaprRefused("no <b>")]
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert texts(app.info) == "The instance cannot be shown now. no <b>"
    assert r"\<b\>" in app.info[0].value


def test_the_page_stays_while_the_ledger_is_away(desk: Desk) -> None:
    """It keeps its data, and a banner names the ledger."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A")
    with desk.ledger_away():
        until_warned(app, "Ledger unavailable")
        assert not app.exception
        assert widget(app, "header")["status"] == "RUNNING"


def test_a_page_without_a_ledger_from_the_start_says_so(desk: Desk) -> None:
    """It does not say that the instance does not exist."""
    desk.add("order_A")
    with desk.ledger_away():
        app = desk.open(INSTANCE, id="order_A")
        assert not app.exception
        assert texts(app.info).startswith(
            "The instance cannot be shown now. The ledger cannot be reached"
        )


def test_a_page_is_current_without_the_recorder(desk: Desk) -> None:
    """A page that is loaded shows the current instance, although the revision has not changed."""
    desk.add("order_A")
    desk.expire_heartbeat()
    app = desk.open(INSTANCE, id="order_A")
    assert "Recorder unavailable" in texts(app.warning)
    desk.gateway.set_status("order_A", Status.COMPLETED)
    assert widget(run(app), "header")["status"] == "COMPLETED"


def test_all_viewers_share_results(desk: Desk) -> None:
    """The second viewer of an instance causes no call to the engine."""
    desk.add("order_A")
    run(desk.open(INSTANCE, id="order_A"))
    before = desk.gateway.calls.total()
    desk.open(INSTANCE, id="order_A")
    assert desk.gateway.calls.total() == before


def test_another_instance_is_opened_in_place(desk: Desk) -> None:
    """A link in the header opens the page of the parent."""
    child = snapshot(instance_id="order_B", execution="e2", parent_id="order_A")
    desk.add("order_A")
    desk.gateway.put(child.instance)
    desk.ledger.runs.ingest([child])
    app = desk.open(INSTANCE, id="order_B")
    follow(app, widget(app, "header")["parent"]["href"])
    assert not app.exception
    assert app.query_params == {"id": "order_A"}
    assert widget(app, "header")["id"] == "order_A"


def test_a_button_acts_on_the_instance_that_is_shown(desk: Desk) -> None:
    """After a switch to another instance the buttons act on that one."""
    desk.add("order_A", "order_B")
    app = desk.open(INSTANCE, id="order_B")
    app.query_params["id"] = "order_A"
    press(run(app), "terminate")
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED
    assert desk.gateway.instances["order_B"].status is Status.RUNNING


def test_a_late_click_does_not_act_on_another_instance(desk: Desk) -> None:
    """A click that arrives after a switch to another instance is ignored."""
    desk.add("order_A", "order_B")
    app = desk.open(INSTANCE, id="order_A")
    pressed = WidgetState(id=button(app, "terminate").id, trigger_value=True)
    app.query_params["id"] = "order_B"
    send(run(app), pressed)
    assert desk.gateway.instances["order_B"].status is Status.RUNNING


def test_a_failure_is_shown_as_text(desk: Desk) -> None:
    """Markup in a failure is escaped."""
    failure = Failure("<b>", ":red[x] [a](b)", "<script>")
    failed = snapshot(Status.FAILED, failure=failure, read=2)
    desk.gateway.put(failed.instance)
    desk.ledger.runs.ingest([failed])
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert texts(app.error) == "**<b>**  \n:red[x] [a](b)"
    assert ":red[" not in app.error[0].value


def test_an_earlier_run_has_its_own_page(desk: Desk) -> None:
    """It has no enabled button, because an action would act on the latest run."""
    first, second = desk.add_two_runs()
    app = desk.open(INSTANCE, id="order_A", run_id=str(first))
    assert not app.exception
    header = widget(app, "header")
    assert (header["status"], header["isEarlier"]) == ("COMPLETED", True)
    assert (header["earlier"], header["later"]) == (None, address("order_A", second))
    assert all(button.disabled for button in app.button)


def test_the_runs_of_an_id_link_to_each_other(desk: Desk) -> None:
    """From the latest run to the earlier one, and back."""
    first, second = desk.add_two_runs()
    app = desk.open(INSTANCE, id="order_A")
    assert widget(app, "header")["status"] == "RUNNING"
    follow(app, widget(app, "header")["earlier"])
    assert app.query_params == {"id": "order_A", "run_id": str(first)}
    assert widget(app, "header")["status"] == "COMPLETED"
    follow(app, widget(app, "header")["later"])
    assert app.query_params == {"id": "order_A", "run_id": str(second)}
    assert widget(app, "header")["status"] == "RUNNING"


def test_earlier_generations_can_be_selected(desk: Desk) -> None:
    """The chart shows the latest generation; another chart shows the selected one."""
    for number in (0, 10, 20):
        spans = (activity(1, number, number + 0.5),)
        read = snapshot(execution=f"e{number}", created=number, read=number + 1, spans=spans)
        desk.ledger.runs.ingest([read])
    desk.gateway.put(instance("order_A", Status.RUNNING, "{}"))
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert (
        "This is generation 3 of the generations that the recorder has read. "
        "Kept from earlier generations: 2 attempts in 2 generations." in texts(app.caption)
    )
    (select,) = app.selectbox
    assert select.options == [
        "Generation 2, 2026-01-11 13:00:10: 1 attempt",
        "Generation 1, 2026-01-11 13:00:00: 1 attempt",
    ]
    assert len(gantts(app)) == 0
    select.select_index(1)
    run(app)
    (chart,) = gantts(app)
    assert chart["id"] == "order_A-None-1"
    assert (chart["figure"]["start"], chart["figure"]["end"]) == (ms(0), ms(0.5))


def test_earlier_generations_without_attempts_are_named(desk: Desk) -> None:
    """Nothing can be selected."""
    for number in (0, 10):
        read = snapshot(execution=f"e{number}", created=number, read=number + 1)
        desk.ledger.runs.ingest([read])
    desk.gateway.put(instance("order_A", Status.RUNNING, "{}"))
    app = desk.open(INSTANCE, id="order_A")
    assert "No attempts of earlier generations are kept." in texts(app.caption)
    assert not app.selectbox


def gantts(app: AppTest) -> list[dict[str, Any]]:
    """Return the data of all Gantt charts of the page."""
    widgets = app.get("bidi_component")
    return [json.loads(e.proto.json) for e in widgets if e.proto.component_name == "flowdeck_gantt"]


def ms(seconds: float) -> int:
    """Return a time, in seconds after noon, as milliseconds since 1970."""
    return milliseconds(at(seconds))


def test_without_continue_as_new_no_generation_is_shown(desk: Desk) -> None:
    """There is nothing to select."""
    app = open_recorded(desk, "completed")
    assert not app.selectbox
    assert "generation" not in texts(app.caption)


@pytest.mark.parametrize(
    ("run_id", "message"),
    [
        ("0", "has no run 0"),
        ("77", "has no run 77"),
        *((text, f"The run_id {text!r} in the address is not a number") for text in NO_NUMBERS),
    ],
)
def test_an_unknown_run_is_reported(desk: Desk, run_id: str, message: str) -> None:
    """The message names a `run_id` in the address that the instance does not have."""
    desk.add_two_runs()
    app = desk.open(INSTANCE, id="order_A", run_id=run_id)
    assert not app.exception
    assert message in texts(app.info)
