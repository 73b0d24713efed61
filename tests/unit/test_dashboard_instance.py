"""The page of one instance, in sessions without a browser."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard import services
from dashboard.durations import milliseconds
from operations.actions import ActionContext, StartRequest
from operations.errors import DaprRefused, DaprUnavailable
from operations.gateway.history_events import to_history_event
from operations.gateway.stubs import pb
from operations.model import LOCAL_USER, Failure, Service, Status
from operations.records import Outage
from tests.unit.fakes import instance
from tests.unit.histories import RECORDED, recorded, recorded_state
from tests.unit.pages import INSTANCE, Desk, has_widget, run, send, texts, trigger, widget
from tests.unit.protobuf import message
from tests.unit.snapshots import activity, at, snapshot, summary

BUTTONS = ("pause", "resume", "terminate")
OFFERED = {
    Status.PENDING: ["terminate"],
    Status.RUNNING: ["pause", "terminate"],
    Status.SUSPENDED: ["resume", "terminate"],
}
UNAVAILABLE = DaprUnavailable("nothing answers")


def button(app: AppTest, name: str) -> Button:
    """Return a button."""
    return next(each for each in app.button if str(each.key).startswith(f"do-{name}-"))


def offered_actions(app: AppTest) -> list[str]:
    """Return the buttons that can be pressed."""
    return [name for name in BUTTONS if not button(app, name).disabled]


def press(app: AppTest, name: str) -> AppTest:
    """Press a button."""
    button(app, name).click()
    return send(app)


def table(app: AppTest, column: str) -> Any:
    """Return the table that has a column."""
    return next(each for each in app.dataframe if column in each.value.columns)


def choose(app: AppTest, row: int) -> AppTest:
    """Choose a row of the history."""
    told = json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}})
    return send(app, WidgetState(id=table(app, "event").proto.id, string_value=told))


def log_of(desk: Desk, name: str) -> AppTest:
    """Open the page of an instance that was recorded."""
    return desk.open(INSTANCE, id=desk.has_recorded(name))


@pytest.mark.parametrize("name", RECORDED)
def test_every_real_instance_is_shown(desk: Desk, name: str) -> None:
    """Whatever the engine says of one, the page has its head, its history and its payloads."""
    app = log_of(desk, name)
    assert not app.exception
    assert widget(app, "header")["id"] == recorded_state(name).instance_id
    assert widget(app, "header")["status"] == recorded_state(name).status
    assert len(table(app, "event").value) == len(recorded(name))
    assert [each.label for each in app.tabs] == ["History", "Input and output", "Audit log"]


def test_the_gantt_is_given_to_its_part(desk: Desk) -> None:
    """With the figure, where its script is, and what it shows in words."""
    told = widget(log_of(desk, "retried"), "gantt")
    latest = desk.ledger.runs.latest("retried")
    assert latest
    assert told["id"] == latest.run_id  # another run has a zoom of its own
    assert told["plotly"] == "flowdeck/plotly.min.js"
    assert told["figure"]["end"] > told["figure"]["start"]
    assert told["alt"] == f"Gantt of retried: {len(told['figure']['names'])} rows"


def test_a_gantt_of_what_runs_has_no_end(desk: Desk) -> None:
    """The part lets its open bars grow."""
    figure = widget(log_of(desk, "running"), "gantt")["figure"]
    assert figure["end"] is None
    assert any(trace["meta"]["open"] for trace in figure["traces"])


def test_an_instance_that_has_not_begun_has_no_gantt(desk: Desk) -> None:
    """The page says that its bars will come."""
    app = log_of(desk, "pending")
    assert not has_widget(app, "gantt")
    assert "No activity yet: bars grow here." in texts(app.caption)


def test_payloads_are_shown(desk: Desk) -> None:
    """Input and output stand beside each other, as JSON."""
    desk.gateway.put(instance("order_A", Status.RUNNING, '{"items": ["<b>"]}'))
    app = desk.open(INSTANCE, id="order_A")
    assert json.loads(app.code[0].value) == {"items": ["<b>"]}
    assert "None." in texts(app.caption)


def test_a_failure_is_shown(desk: Desk) -> None:
    """Why an instance failed stands above its bars."""
    app = log_of(desk, "failed")
    reason = recorded_state("failed").failure
    assert reason
    assert texts(app.error).startswith(f"**{reason.error_type}**  \n{reason.message}")


def test_a_custom_status_is_shown(desk: Desk) -> None:
    """It is part of the head."""
    assert widget(log_of(desk, "suspended"), "header")["custom"] == "two at once"


def test_the_events_payload_is_shown_once_it_is_chosen(desk: Desk) -> None:
    """An event's payload is shown whole below the table."""
    app = log_of(desk, "completed")
    chosen = next(n for n, e in enumerate(recorded("completed")) if e.kind == "taskCompleted")
    before = len(app.code)
    choose(app, chosen)
    assert not app.exception
    assert f"**{recorded('completed')[chosen].kind}**" in [each.value for each in app.markdown]
    assert len(app.code) > before


def test_an_event_of_a_kind_that_nobody_knows_is_told_by_its_fields(desk: Desk) -> None:
    """In the table by its first one, and once it is chosen whole, and as it came."""
    later = to_history_event(
        pb.HistoryEvent.FromString(b"\x08\x07" + message(99, message(1, b"news")))
    )
    desk.has_recorded("waiting")
    desk.gateway.events["waiting"] = (*recorded("waiting"), later)
    app = desk.open(INSTANCE, id="waiting")
    assert list(table(app, "event").value["event"])[-1] == "unknown kind (field 99)"
    choose(app, len(recorded("waiting")))
    assert not app.exception
    assert [each.value for each in app.code][:2] == ['99 {\n  1: "news"\n}', later.raw]


def test_a_chosen_event_that_is_there_no_more_is_none(desk: Desk) -> None:
    """A workflow that continues as new begins its history anew, under the viewer's eyes."""
    app = log_of(desk, "waiting")
    last = len(recorded("waiting")) - 1
    desk.gateway.events["waiting"] = recorded("waiting")[:1]
    desk.has("order_B")  # so that something has changed
    choose(app, last)
    assert not app.exception
    assert len(table(app, "event").value) == 1


@pytest.mark.parametrize("status", list(Status))
def test_the_buttons_are_those_that_the_status_allows(desk: Desk, status: Status) -> None:
    """All three are there; what the status forbids cannot be pressed."""
    desk.has("order_A", status=status)
    assert offered_actions(desk.open(INSTANCE, id="order_A")) == OFFERED.get(status, [])


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("pause", Status.RUNNING, Status.SUSPENDED, "order_A is paused."),
        ("resume", Status.SUSPENDED, Status.RUNNING, "order_A goes on."),
        ("terminate", Status.RUNNING, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.SUSPENDED, Status.TERMINATED, "order_A is terminated."),
        ("terminate", Status.PENDING, Status.TERMINATED, "order_A is terminated."),
    ],
)
def test_a_button_acts(desk: Desk, name: str, before: Status, after: Status, words: str) -> None:
    """The engine, the head, the buttons and the message say what was done."""
    desk.has("order_A", status=before)
    app = press(desk.open(INSTANCE, id="order_A"), name)
    assert not app.exception
    assert desk.gateway.instances["order_A"].status is after
    assert widget(app, "header")["status"] == after
    assert offered_actions(app) == OFFERED.get(after, [])
    assert texts(app.toast) == words


def test_a_button_that_comes_too_late_tells_so(desk: Desk) -> None:
    """An instance that has ended meanwhile stays as it is, and the page shows how it is."""
    desk.has("order_A")
    app = desk.open(INSTANCE, id="order_A")
    desk.gateway.turn("order_A", Status.FAILED)
    press(app, "pause")
    assert texts(app.toast) == "Cannot pause 'order_A': it is FAILED."
    assert desk.gateway.instances["order_A"].status is Status.FAILED
    assert not desk.gateway.calls["pause"]
    assert widget(app, "header")["status"] == "FAILED"
    assert offered_actions(app) == []


def test_a_button_that_cannot_be_pressed_does_nothing(desk: Desk) -> None:
    """Not even if a browser says that it was pressed."""
    desk.has("order_A", status=Status.COMPLETED)
    app = desk.open(INSTANCE, id="order_A")
    send(app, WidgetState(id=button(app, "terminate").id, trigger_value=True))
    assert not desk.gateway.calls["terminate"]
    assert not desk.ledger.audit_log.of("order_A", 1)


def test_two_operators_who_act_are_both_told(desk: Desk) -> None:
    """Both pressed pause; one paused it, and the other is told that it is so already."""
    desk.has("order_A")
    one, other = desk.open(INSTANCE, id="order_A"), desk.open(INSTANCE, id="order_A")
    assert texts(press(one, "pause").toast) == "order_A is paused."
    assert texts(press(other, "pause").toast) == "order_A is paused already."
    assert desk.gateway.calls["pause"] == 1


def test_deeds_are_shown(desk: Desk) -> None:
    """Who did what is there as soon as it is done, newest first."""
    desk.has("order_A")
    app = press(press(desk.open(INSTANCE, id="order_A"), "pause"), "terminate")
    audit_entries = table(app, "who").value
    assert list(audit_entries["action"]) == ["terminate", "pause"]
    assert list(audit_entries["who"]) == ["local", "local"]
    assert list(audit_entries["before"]) == ["SUSPENDED", "RUNNING"]
    assert list(audit_entries["after"]) == ["TERMINATED", "SUSPENDED"]
    assert str(audit_entries["time"].dtype).endswith("UTC]")


def test_a_refused_deed_is_shown_with_its_reason(desk: Desk) -> None:
    """What did not work is part of the story."""
    desk.has("order_A")
    app = desk.open(INSTANCE, id="order_A")
    desk.gateway.turn("order_A", Status.FAILED)
    audit_entries = table(press(app, "pause"), "who").value
    assert list(audit_entries["outcome"]) == ["refused"]
    assert list(audit_entries["message"]) == ["Cannot pause 'order_A': it is FAILED."]


def test_a_deed_is_shown_with_the_operators_reason(desk: Desk) -> None:
    """Whoever acts may say why."""
    desk.has("order_A")
    context = ActionContext(LOCAL_USER, "the card was stolen")
    services.services().actions.pause("order_A", context)
    assert list(table(desk.open(INSTANCE, id="order_A"), "who").value["reason"]) == [
        "the card was stolen"
    ]


def test_no_deeds_are_told(desk: Desk) -> None:
    """An instance that nobody touched has an empty story, not an empty table."""
    desk.has("order_A")
    app = desk.open(INSTANCE, id="order_A")
    assert "No operator has acted on this instance." in texts(app.caption)


def test_a_start_from_here_is_a_deed(desk: Desk) -> None:
    """Who started an instance is known, if it was started from here."""
    actions = services.services().actions
    request = StartRequest("order_workflow", "order_A", {"order_id": "A"})
    actions.start(request, ActionContext(services.viewer()))
    app = desk.open(INSTANCE, id="order_A")
    assert list(table(app, "who").value["action"]) == ["start"]


def test_an_unknown_id_is_told(desk: Desk) -> None:
    """Neither the engine nor the ledger has it."""
    app = desk.open(INSTANCE, id="order_Z")
    assert not app.exception
    assert texts(app.info) == "No instance has the id 'order_Z'."
    assert not app.button


@pytest.mark.parametrize(
    "odd", ["<script>alert(1)</script>", ":red[x]", "a||b", "x" * 5000, "é 😀", "%00", "'\"\\"]
)
def test_an_odd_id_that_is_unknown_is_told_as_it_is(desk: Desk, odd: str) -> None:
    """Whatever stands in the address is letters."""
    app = desk.open(INSTANCE, id=odd)
    assert not app.exception
    told = app.info[0].value
    assert ":red[" not in told
    assert "<" not in told.replace(r"\<", "")


@pytest.mark.parametrize("query", [{}, {"id": ""}])
def test_without_an_id_the_list_is_offered(desk: Desk, query: dict[str, str]) -> None:
    """The page by itself shows nothing, and leads on."""
    app = desk.open(INSTANCE, **query)
    assert not app.exception
    assert texts(app.info) == "Choose an instance from the list."
    assert len(app.get("page_link")) == 1


def test_of_several_ids_one_is_shown(desk: Desk) -> None:
    """An address with two is no error."""
    desk.has("order_A", "order_B")
    app = desk.open(INSTANCE, id=["order_A", "order_B"])
    assert widget(app, "header")["id"] == "order_B"


def test_an_instance_that_the_ledger_does_not_know_is_found(desk: Desk) -> None:
    """Its page is there before the recorder has come to it, and tells the ledger of it."""
    desk.gateway.put(instance("order_A", Status.RUNNING))
    app = desk.open(INSTANCE, id="order_A")
    assert widget(app, "header")["status"] == "RUNNING"
    assert summary(desk.ledger).status is Status.RUNNING


def test_an_instance_that_the_engine_has_no_more_is_shown(desk: Desk) -> None:
    """The ledger keeps what was purged, which nothing can be done to."""
    found = desk.has_recorded("completed")
    del desk.gateway.instances[found]
    desk.ledger.runs.mark_purged({found: datetime.now(UTC)})
    app = desk.open(INSTANCE, id=found)
    assert widget(app, "header")["purged"] is not None
    assert widget(app, "gantt")["figure"]["names"]
    assert len(table(app, "event").value) == len(recorded("completed"))
    assert offered_actions(app) == []


def test_an_ended_instance_is_shown_without_the_engine(desk: Desk) -> None:
    """All there is to know is in the ledger."""
    found = desk.has_recorded("completed")
    desk.gateway.errors["state"] = [UNAVAILABLE]
    app = desk.open(INSTANCE, id=found)
    assert len(table(app, "event").value) == len(recorded("completed"))
    assert not desk.gateway.calls["history"]


def test_a_running_instance_is_shown_while_the_sidecar_is_away(desk: Desk) -> None:
    """What the ledger knows, the banner, and buttons that rest; nobody asks the engine."""
    found = desk.has_recorded("running")
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(INSTANCE, id=found)
    assert not app.exception
    assert "The Dapr sidecar is away" in texts(app.warning)
    assert widget(app, "header")["status"] == "RUNNING"
    assert widget(app, "gantt")["figure"]["names"]
    assert "The history cannot be read now; it is shown again when the engine is back." in texts(
        app.caption
    )
    assert offered_actions(app) == []
    assert not desk.gateway.calls["state"]


def test_a_page_is_whole_again_when_the_sidecar_is_back(desk: Desk) -> None:
    """Though nothing has changed in the ledger meanwhile."""
    found = desk.has_recorded("running")
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(INSTANCE, id=found)
    desk.write_heartbeat()
    run(app)
    assert len(table(app, "event").value) == len(recorded("running"))
    assert offered_actions(app) == OFFERED[Status.RUNNING]


def test_buttons_rest_without_a_worker(desk: Desk) -> None:
    """They say why; what is shown is shown."""
    desk.has("order_A")
    desk.write_heartbeat(Outage(Service.WORKER, at(0), "none"))
    app = desk.open(INSTANCE, id="order_A")
    assert offered_actions(app) == []
    assert button(app, "pause").help.startswith("No worker is connected")
    assert not button(app, "resume").help
    assert "No worker is connected" in texts(app.warning)


def test_an_unknown_instance_while_the_engine_cannot_be_read_is_not_denied(desk: Desk) -> None:
    """Nobody is told that there is none, where nobody knows."""
    desk.gateway.errors["state"] = [UNAVAILABLE]
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    told = "The instance cannot be shown now. The Dapr engine cannot be reached: nothing answers."
    assert texts(app.info) == told


def test_an_engine_that_refuses_is_told(desk: Desk) -> None:
    """In its own words, which are no markup."""
    desk.gateway.errors["state"] = [DaprRefused("no <b>")]
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert texts(app.info) == "The instance cannot be shown now. no <b>"
    assert r"\<b\>" in app.info[0].value


def test_the_page_outlives_the_ledger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown stays, and the banner says what is away."""
    monkeypatch.setattr("operations.outages.GRACE", at(0) - at(0))
    desk.has("order_A")
    app = desk.open(INSTANCE, id="order_A")
    with desk.ledger_away():
        run(app)
        assert not app.exception
        assert "The ledger cannot be read" in texts(app.warning)
        assert widget(app, "header")["status"] == "RUNNING"


def test_a_page_without_a_ledger_from_the_start_says_so(desk: Desk) -> None:
    """No instance is denied."""
    desk.has("order_A")
    with desk.ledger_away():
        app = desk.open(INSTANCE, id="order_A")
        assert not app.exception
        assert texts(app.info).startswith(
            "The instance cannot be shown now. The ledger cannot be reached"
        )


def test_a_page_is_new_without_the_recorder(desk: Desk) -> None:
    """Who loads it sees the instance as it is now, though no list is told of the change."""
    desk.has("order_A")
    desk.silence()
    app = desk.open(INSTANCE, id="order_A")
    assert "The recorder is away" in texts(app.warning)
    desk.gateway.turn("order_A", Status.COMPLETED)
    assert widget(run(app), "header")["status"] == "COMPLETED"


def test_all_viewers_share_what_is_read(desk: Desk) -> None:
    """The second viewer of an instance costs the engine nothing."""
    desk.has("order_A")
    run(desk.open(INSTANCE, id="order_A"))
    before = desk.gateway.calls.total()
    desk.open(INSTANCE, id="order_A")
    assert desk.gateway.calls.total() == before


def test_another_instance_is_opened_in_place(desk: Desk) -> None:
    """A link in the head leads to the parent's page."""
    child = snapshot(instance_id="order_B", execution="e2", parent_id="order_A")
    desk.has("order_A")
    desk.gateway.put(child.instance)
    desk.ledger.runs.ingest([child])
    app = desk.open(INSTANCE, id="order_B")
    trigger(app, "header", "open", {"id": "order_A", "run_id": None})
    assert not app.exception
    assert app.query_params == {"id": "order_A"}
    assert widget(app, "header")["id"] == "order_A"


def test_a_button_acts_on_the_instance_that_is_shown(desk: Desk) -> None:
    """After going to another instance its buttons are its own."""
    desk.has("order_A", "order_B")
    app = desk.open(INSTANCE, id="order_B")
    app.query_params["id"] = "order_A"
    press(run(app), "terminate")
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED
    assert desk.gateway.instances["order_B"].status is Status.RUNNING


def test_a_late_click_acts_on_nothing_else(desk: Desk) -> None:
    """A button that was pressed while another instance took the page's place is not that one's."""
    desk.has("order_A", "order_B")
    app = desk.open(INSTANCE, id="order_A")
    pressed = WidgetState(id=button(app, "terminate").id, trigger_value=True)
    app.query_params["id"] = "order_B"
    send(run(app), pressed)
    assert desk.gateway.instances["order_B"].status is Status.RUNNING


def test_a_failure_is_no_markup(desk: Desk) -> None:
    """What an application raised is shown as it is."""
    failure = Failure("<b>", ":red[x] [a](b)", "<script>")
    seen = snapshot(Status.FAILED, failure=failure, seen=2)
    desk.gateway.put(seen.instance)
    desk.ledger.runs.ingest([seen])
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert texts(app.error) == "**<b>**  \n:red[x] [a](b)"
    assert ":red[" not in app.error[0].value


def test_an_earlier_life_has_its_own_page(desk: Desk) -> None:
    """It is shown as it ended, and offers nothing: an action would be on the latest run."""
    first, second = desk.has_two_runs()
    app = desk.open(INSTANCE, id="order_A", run_id=str(first))
    assert not app.exception
    head = widget(app, "header")
    assert (head["status"], head["isEarlier"]) == ("COMPLETED", True)
    assert (head["earlier"], head["later"]) == (None, second)
    assert all(button.disabled for button in app.button)


def test_the_lives_of_an_id_lead_to_one_another(desk: Desk) -> None:
    """From the latest to the one before, and back."""
    first, second = desk.has_two_runs()
    app = desk.open(INSTANCE, id="order_A")
    assert widget(app, "header")["status"] == "RUNNING"
    trigger(app, "header", "open", {"id": "order_A", "run_id": first})
    assert app.query_params == {"id": "order_A", "run_id": str(first)}
    assert widget(app, "header")["status"] == "COMPLETED"
    trigger(app, "header", "open", {"id": "order_A", "run_id": second})
    assert widget(app, "header")["status"] == "RUNNING"
    trigger(app, "header", "open", {"id": "order_A", "run_id": None})
    assert app.query_params == {"id": "order_A"}


def test_earlier_generations_are_told_and_can_be_looked_at(desk: Desk) -> None:
    """The bars are those of the last one; below stands what is kept of the others."""
    for number in (0, 10, 20):
        spans = (activity(1, number, number + 0.5),)
        seen = snapshot(execution=f"e{number}", created=number, seen=number + 1, spans=spans)
        desk.ledger.runs.ingest([seen])
    desk.gateway.put(instance("order_A", Status.RUNNING, "{}"))
    app = desk.open(INSTANCE, id="order_A")
    assert not app.exception
    assert (
        "this is generation 3 of those that were seen. "
        "Of the earlier ones 2 attempts in 2 generations are kept." in texts(app.caption)
    )
    (choice,) = app.selectbox
    assert choice.options == [
        "Generation 2, 11 Jan 13:00:10: 1 attempt",
        "Generation 1, 11 Jan 13:00:00: 1 attempt",
    ]
    assert len(gantts(app)) == 0
    choice.select_index(1)
    run(app)
    (drawn,) = gantts(app)
    latest = desk.ledger.runs.latest("order_A")
    assert latest
    assert drawn["id"] == f"{latest.run_id}-1"
    assert (drawn["figure"]["start"], drawn["figure"]["end"]) == (ms(0), ms(0.5))


def gantts(app: AppTest) -> list[dict[str, Any]]:
    """Return the data of all Gantts of the page."""
    parts = app.get("bidi_component")
    return [json.loads(e.proto.json) for e in parts if e.proto.component_name == "flowdeck_gantt"]


def ms(seconds: float) -> int:
    """Return so many seconds after noon in milliseconds since 1970."""
    return milliseconds(at(seconds))


def test_one_that_never_continued_as_new_tells_of_no_generation(desk: Desk) -> None:
    """There is nothing to choose."""
    app = log_of(desk, "completed")
    assert not app.selectbox
    assert "generation" not in texts(app.caption)


@pytest.mark.parametrize("run_id", ["0", "-1", "²", "x", "", "9" * 40, "77"])
def test_a_life_that_is_not_there_is_told(desk: Desk, run_id: str) -> None:
    """No address breaks the page."""
    desk.has_two_runs()
    app = desk.open(INSTANCE, id="order_A", run_id=run_id)
    assert not app.exception
    assert "has no run" in texts(app.info)
