"""The page that starts any workflow, in sessions without a browser."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.start.typed_start import excerpt, input_mistake, suggested_id
from operations.errors import DaprUnavailable, OutcomeUnknown
from operations.model import INSTANCE_ID, Status, is_startable_id
from tests.unit.pages import START, Desk, run, texts, widget
from tests.unit.snapshots import snapshot, summary

INPUT = '{"file": "a.csv", "price": 1.10}'
UNKNOWN = "Flowdeck knows no run of this workflow"


def add(
    desk: Desk, instance_id: str, workflow: str = "import", payload: str = INPUT, when: float = 0
) -> int:
    """Record a run of a workflow that was created so many seconds after noon."""
    values: dict[str, Any] = {"execution": instance_id, "created": when, "read": when + 1}
    run_of = snapshot(instance_id=instance_id, workflow=workflow, input=payload, **values)
    desk.ledger.runs.ingest([run_of])
    return summary(desk.ledger, instance_id).run_id


def fill(app: AppTest, **fields: str) -> AppTest:
    """Type into fields."""
    for key, value in fields.items():
        field = app.text_area if key == "text" else app.text_input
        field(key=f"start-{key}").set_value(value)
    return app


def start(app: AppTest, **fields: str) -> AppTest:
    """Type into fields, and press the button."""
    fill(app, **fields).button(key="start-submit").click()
    return run(app)


def shown(app: AppTest) -> tuple[str | None, str, str]:
    """Return the values of the fields: workflow, input, id."""
    return (
        app.selectbox(key="start-name").value,
        app.text_area(key="start-text").value or "",
        app.text_input(key="start-id").value or "",
    )


def test_an_empty_ledger_offers_no_names(desk: Desk) -> None:
    """The name must be typed; until then nothing starts."""
    app = desk.open(START)
    assert not app.exception
    assert shown(app)[:2] == (None, "")
    assert app.selectbox(key="start-name").options == []
    assert "Choose a workflow, or type its name" in texts(start(app).error)
    assert not desk.gateway.instances


def test_a_workflow_is_started_with_its_last_input(desk: Desk) -> None:
    """The page of the new instance opens, with a message; the input stays as it was written."""
    add(desk, "i1", "export", "1")
    add(desk, "i2", "import", '{"old": true}')
    add(desk, "i3", when=5)
    app = desk.open(START)
    assert app.selectbox(key="start-name").options == ["export", "import"]
    app.selectbox(key="start-name").select("import")
    name, text, new_id = shown(run(app))
    assert (name, json.loads(text)) == ("import", {"file": "a.csv", "price": 1.1})
    assert '"price": 1.10' in text
    assert new_id.startswith("import-")
    assert "The input of i3" in texts(app.caption)
    start(app, reason="a test")
    started = desk.gateway.instances[new_id]
    assert (started.workflow, started.input) == ("import", text)
    assert app.query_params == {"id": new_id}
    assert widget(app, "header")["id"] == new_id
    assert f"{new_id} was started." in texts(app.toast)
    (entry,) = desk.ledger.audit_log.of(new_id, 9)
    assert (entry.actor.name, entry.reason) == ("local", "a test")


def test_runs_of_another_application_do_not_hide_the_last_input(desk: Desk) -> None:
    """They may have the same workflow."""
    add(desk, "i1")
    values: dict[str, Any] = {"app_id": "others", "workflow": "import", "input": "0", "read": 99}
    for number in range(45):
        other = snapshot(instance_id=f"o{number}", execution=f"o{number}", created=9, **values)
        desk.ledger.runs.ingest([other])
    assert json.loads(shown(desk.open(START, workflow="import"))[1]) == json.loads(INPUT)


def test_another_visit_suggests_another_id(desk: Desk) -> None:
    """And shows no text of the last one."""
    add(desk, "i1")
    app = desk.open(START, workflow="import")
    first = shown(app)[2]
    start(app)
    app.query_params = {}
    run(app.switch_page(START))
    assert shown(app)[:2] == (None, "")
    app.query_params = {"workflow": ["import"]}
    assert shown(run(app))[2] not in {"", first}


def test_a_click_that_the_next_page_receives_starts_nothing(desk: Desk) -> None:
    """The last click of three arrives after the browser has left the page."""
    add(desk, "i1")
    app = desk.open(START, workflow="import")
    app.button(key="start-submit").click()
    clicked = app._tree.get_widget_states()
    run(app)
    app._run(clicked)
    assert not app.exception
    assert desk.gateway.calls["start"] == 1
    assert not app.toast


def test_a_start_whose_answer_was_lost_is_found(desk: Desk) -> None:
    """It was carried out, and its page opens."""
    desk.gateway.late_errors["start"] = [OutcomeUnknown("start", "no answer in time")]
    app = start(desk.open(START, workflow="import"), id="t1")
    assert app.query_params == {"id": "t1"}
    assert desk.gateway.calls["start"] == 1


@pytest.mark.parametrize("by", ["like", "run_id"])
def test_the_input_of_a_chosen_run(desk: Desk, by: str) -> None:
    """The address names the run."""
    first = add(desk, "i1", "export", '{"n": 1}')
    add(desk, "i2", "export", '{"n": 2}', when=5)
    app = desk.open(START, **{by: "i1" if by == "like" else str(first)})
    name, text, new_id = shown(app)
    assert (name, json.loads(text)) == ("export", {"n": 1})
    assert new_id.startswith("export-")
    assert "The input of i1" in texts(app.caption)
    app.button(key="start-use-last").click()
    assert json.loads(shown(run(app))[1]) == {"n": 2}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"like": "gone"}, "The ledger has no gone."),
        ({"run_id": "999"}, "The ledger has no run 999."),
        ({"run_id": "x"}, "The ledger has no run x."),
    ],
)
def test_a_run_that_does_not_exist(desk: Desk, query: dict[str, str], words: str) -> None:
    """The page names it, and offers the fields."""
    app = desk.open(START, **query)
    assert words in texts(app.warning)
    assert shown(app)[0] is None


def test_an_unknown_workflow_is_a_warning(desk: Desk) -> None:
    """The engine takes it all the same; an empty input is null."""
    add(desk, "i1")
    app = desk.open(START, workflow="typo")
    assert UNKNOWN in texts(app.warning)
    assert UNKNOWN not in texts(desk.open(START, workflow="import").warning)
    start(app, id="t1")
    started = desk.gateway.instances["t1"]
    assert (started.workflow, started.input) == ("typo", "null")


def test_what_was_typed_is_not_replaced(desk: Desk) -> None:
    """A change of the workflow fills only what nobody has typed."""
    add(desk, "i1")
    add(desk, "i2", "export", '"e"')
    app = run(fill(desk.open(START, workflow="import"), text="[1]", id="mine"))
    app.selectbox(key="start-name").select("export")
    assert shown(run(app)) == ("export", "[1]", "mine")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": '{"a": 1,\n "b": x}'}, "Line 2, column 7: expected a value."),
        ({"text": '{"a": NaN}'}, "Line 1, column 7: found NaN"),
        ({"id": "a||b"}, f"Found 'a||b', expected {INSTANCE_ID}."),
        ({"id": ""}, "Found nothing, expected"),
    ],
)
def test_a_mistake_is_named_and_nothing_starts(
    desk: Desk, fields: dict[str, str], words: str
) -> None:
    """What was typed stays."""
    app = start(desk.open(START, workflow="import"), **fields)
    assert words in texts(app.error)
    assert not desk.gateway.instances
    for key, value in fields.items():
        field = app.text_area if key == "text" else app.text_input
        assert field(key=f"start-{key}").value == value
    assert not app.exception


def test_a_start_at_a_time(desk: Desk) -> None:
    """It is in the viewer's zone; a time in the past is a mistake."""
    app = desk.open(START, workflow="import")
    app.datetime_input(key="start-at").set_value(datetime(2020, 1, 1, 12, 0))  # noqa: DTZ001 - local
    start(app, id="t1")
    assert "which is in the past" in texts(app.error)
    assert not desk.gateway.instances
    due = datetime.now(UTC).replace(microsecond=0, second=0, tzinfo=None) + timedelta(days=2)
    app.datetime_input(key="start-at").set_value(due)
    assert "UTC" in texts(run(app).caption)
    start(app)
    ahead = due.replace(tzinfo=UTC) - desk.gateway.scheduled["t1"]
    assert timedelta(hours=1) <= ahead <= timedelta(hours=2)


def test_a_failed_start_keeps_what_was_typed(desk: Desk) -> None:
    """The same click again starts it once."""
    add(desk, "i1")
    app = desk.open(START, workflow="import")
    before = shown(app)
    desk.gateway.errors["start"] = [DaprUnavailable("nothing answers")]
    start(app)
    assert "nothing answers" in texts(app.error)
    assert shown(app) == before
    start(app)
    assert list(desk.gateway.instances) == [before[2]]


def test_an_id_that_is_taken(desk: Desk) -> None:
    """The message names it, and the instance that has it stays as it is."""
    desk.add("order_A")
    app = start(desk.open(START, workflow="import"), id="order_A", text="1")
    assert "The id 'order_A' is taken" in texts(app.error)
    assert desk.gateway.instances["order_A"].status is Status.RUNNING
    assert not desk.gateway.calls["start"]


def test_an_input_that_is_too_large(desk: Desk) -> None:
    """The message names both sizes."""
    app = start(desk.open(START, workflow="import"), text=f'"{"x" * 2**20}"')
    assert "input: found '1,048,578 bytes', expected at most 1,048,576 bytes" in texts(app.error)


def test_the_page_without_a_ledger(desk: Desk) -> None:
    """It offers the names once the ledger is back."""
    add(desk, "i1")
    with desk.ledger_away():
        app = desk.open(START)
        assert "appear once the ledger can be read" in texts(app.info)
        assert not app.exception
    assert run(app).selectbox(key="start-name").options == ["import"]


def test_data_of_other_applications_is_no_markup(desk: Desk) -> None:
    """Names and payloads have any shape."""
    add(desk, "a[b](http://c)", "**x** <b>", "not JSON")
    app = desk.open(START, like="a[b](http://c)")
    assert shown(app)[:2] == ("**x** <b>", "not JSON")
    assert "Line 1, column 1" in texts(app.error)
    assert is_startable_id(shown(app)[2])
    missing = desk.open(START, like="[b](http://c)")
    assert "](" not in missing.warning[0].value


@pytest.mark.parametrize("name", ["", "import", "名前", "-- a.b/c --", "x" * 300, "_a"])
def test_a_suggested_id_can_start(name: str) -> None:
    """Whatever the name of the workflow is."""
    assert is_startable_id(suggested_id(name))
    assert suggested_id(name) != suggested_id(name)


def test_the_excerpt_points_at_the_mistake() -> None:
    """A long line is cut around it."""
    text = '{"a": 1,\n\t"b": x}'
    mistake = input_mistake(text)
    assert mistake
    assert excerpt(text, mistake) == ' "b": x}\n      ^'
    long = f'["{"y" * 500}" x]'
    mistake = input_mistake(long)
    assert mistake
    line, caret = excerpt(long, mistake).split("\n")
    assert len(line) <= 120
    assert line[len(caret) - 1] == "x"
