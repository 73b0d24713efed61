"""The form of a new order, in sessions without a browser."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.times import milliseconds
from operations.errors import DaprUnavailable, LedgerUnavailable, OutcomeUnknown
from operations.model import Service, Status
from operations.records import Outage
from tests.unit.fakes import instance
from tests.unit.pages import LIST, ORDER, Desk, has_widget, ids, run, send, state, texts, widget
from tests.unit.snapshots import at

AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ID = "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"
ITEM = "a text of 1 to 200 characters, none of them a control character"
UNAVAILABLE = DaprUnavailable("nothing answers")


def field(app: AppTest, name: str) -> Any:
    """Return a field of the form."""
    fields = [*app.text_input, *app.number_input]
    return next(each for each in fields if each.key == name)


def fill(app: AppTest, **typed: object) -> AppTest:
    """Type into fields of the form."""
    for name, value in typed.items():
        field(app, name).set_value(str(value) if name == "amount" else value)
    return app


def items(app: AppTest, *wanted: str) -> WidgetState:
    """Return the state of the list of items, as the browser sends it after an edit."""
    return state(app, "items", {"texts": wanted})


def start(app: AppTest, at: object, *, is_part: bool = False) -> WidgetState:
    """Return the state of the time to start, as the browser sends it after an edit."""
    return state(app, "start", {"start": {"at": at, "isIncomplete": is_part}})


def submit(app: AppTest, *states: WidgetState) -> AppTest:
    """Submit the form."""
    app.button[0].click()
    return send(app, *states)


def submitted_states(app: AppTest) -> WidgetStates:
    """Return the states that a browser sends when the form is submitted."""
    app.button[0].click()
    states: WidgetStates = app._tree.get_widget_states()
    return states


def send_again(app: AppTest, states: WidgetStates) -> AppTest:
    """Send the same states to the page of the form once more."""
    app.switch_page(ORDER)
    services.state_reader().refresh()
    return app._run(states)


def payload(desk: Desk, instance_id: str) -> dict[str, Any]:
    """Return the input of an instance."""
    value: dict[str, Any] = json.loads(desk.gateway.instances[instance_id].input or "null")
    return value


def only_id(desk: Desk) -> str:
    """Return the id of the only instance."""
    assert len(desk.gateway.instances) == 1
    return next(iter(desk.gateway.instances))


def suggested(app: AppTest) -> str:
    """Return the id that the form suggests."""
    return str(field(app, "order_id").proto.default)


def test_the_form_suggests_an_order(desk: Desk) -> None:
    """It is valid as it is."""
    app = desk.open(ORDER)
    assert not app.exception
    assert suggested(app).startswith("ORDER-")
    assert field(app, "amount").value == "99.99"
    assert widget(app, "items") == {"first": ["laptop", "mouse"]}
    assert has_widget(app, "start")


def test_each_session_suggests_an_id_of_its_own(desk: Desk) -> None:
    """Two operators who submit at once submit two orders."""
    assert suggested(desk.open(ORDER)) != suggested(desk.open(ORDER))


def test_the_suggestion_stays_while_the_form_is_filled_in(desk: Desk) -> None:
    """A rerun does not change it."""
    app = desk.open(ORDER)
    assert suggested(run(app)) == suggested(app)


def test_an_order_is_started_once_with_the_typed_values(desk: Desk) -> None:
    """The input of the workflow is the order; its amount is a number."""
    app = submit(fill(desk.open(ORDER), order_id="A1", amount=12.5))
    assert not app.exception
    assert desk.gateway.calls["start"] == 1
    assert desk.gateway.instances["order_A1"].workflow == "order_workflow"
    assert payload(desk, "order_A1") == {
        "order_id": "A1",
        "amount": 12.5,
        "items": ["laptop", "mouse"],
    }


def test_a_submitted_order_is_shown(desk: Desk) -> None:
    """The dashboard switches to its page and shows a message."""
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    assert app.query_params == {"id": "order_A1"}
    assert widget(app, "header")["id"] == "order_A1"
    assert texts(app.toast) == "order_A1 submitted."


def test_the_ledger_has_the_operator_of_a_start(desk: Desk) -> None:
    """The reservation of the id has the actor."""
    submit(fill(desk.open(ORDER), order_id="A1"))
    start = desk.ledger.reservations.latest("order_A1")
    assert start
    assert (start.actor.name, start.is_accepted) == ("local", True)


def test_items_are_sent_as_they_are_listed(desk: Desk) -> None:
    """In their order, including duplicates."""
    app = desk.open(ORDER)
    submit(app, items(app, "phone", "cable", "phone"))
    assert payload(desk, only_id(desk))["items"] == ["phone", "cable", "phone"]


def test_unedited_items_are_the_suggested_ones(desk: Desk) -> None:
    """The form submits what it shows."""
    submit(desk.open(ORDER))
    assert payload(desk, only_id(desk))["items"] == ["laptop", "mouse"]


@pytest.mark.parametrize(
    "item", ["<script>alert(1)</script>", ":red[x] $y$", "ä 😀 ' \"", "x" * 200, "a,b;c", "&amp;"]
)
def test_an_unusual_item_is_unchanged(desk: Desk, item: str) -> None:
    """In the input of the workflow, and on the page of the instance."""
    app = desk.open(ORDER)
    submit(app, items(app, item, "mouse"))
    assert not app.exception
    assert payload(desk, only_id(desk))["items"] == [item, "mouse"]
    assert json.loads(app.code[0].value)["items"] == [item, "mouse"]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ({"amount": 0.0}, f"Found 0.0, expected {AMOUNT}."),
        ({"amount": -5.0}, f"Found -5.0, expected {AMOUNT}."),
        ({"amount": 1.005}, f"Found 1.005, expected {AMOUNT}."),
        ({"amount": 1e300}, f"Found 1e+300, expected {AMOUNT}."),
        ({"order_id": ""}, f"Found '', expected {ID}."),
        ({"order_id": "a b"}, f"Found 'a b', expected {ID}."),
        ({"order_id": "<b>"}, f"Found '<b>', expected {ID}."),
        ({"order_id": "x" * 59}, f"Found '{'x' * 59}', expected {ID}."),
    ],
)
def test_a_mistake_is_shown_and_starts_nothing(
    desk: Desk, typed: dict[str, object], text: str
) -> None:
    """In the words of the contract; the typed values stay."""
    app = submit(fill(desk.open(ORDER), **typed))
    assert not app.exception
    assert texts(app.error) == text
    assert not desk.gateway.calls
    for name, value in typed.items():
        assert field(app, name).value == (str(value) if name == "amount" else value)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ((), "Found 0 items, expected a list of 1 to 500 items."),
        (("mouse", ""), f"Item 2: found '', expected {ITEM}."),
        (("x" * 201, "mouse"), f"Item 1: found '{'x' * 79}, expected {ITEM}."),
        (("a\x07b", "mouse"), f"Item 1: found 'ax07b', expected {ITEM}."),
        (("mouse", "mouse", "a\nb"), f"Item 3: found 'anb', expected {ITEM}."),
    ],
)
def test_a_mistake_in_the_items_is_shown(desk: Desk, wanted: tuple[str, ...], text: str) -> None:
    """No items, an empty item, one that is too long, or one with a control character."""
    app = desk.open(ORDER)
    submit(app, items(app, *wanted))
    assert not app.exception
    assert texts(app.error) == text
    assert not desk.gateway.calls


def test_a_mistake_is_shown_at_its_field(desk: Desk) -> None:
    """Below the field, in the same column."""
    app = submit(fill(desk.open(ORDER), order_id="a b", amount=0.0))
    shown = [each.type for each in app.columns[0].children.values()]
    assert shown[:4] == ["text_input", "error", "text_input", "error"]
    assert texts(app.error[:1]).startswith("Found 'a b'")


def test_a_corrected_form_can_be_submitted(desk: Desk) -> None:
    """The mistake disappears."""
    app = submit(fill(desk.open(ORDER), order_id="A1", amount=0.0))
    submit(fill(app, amount=1.0))
    assert texts(app.error) == ""
    assert payload(desk, "order_A1")["amount"] == 1


def test_a_start_in_the_past_is_refused(desk: Desk) -> None:
    """The order is not started now instead."""
    app = desk.open(ORDER)
    submit(app, start(app, milliseconds(datetime.now(UTC) - timedelta(days=1))))
    assert texts(app.error) == "Found a time in the past, expected a later time or an empty field."
    assert not desk.gateway.calls


def test_a_start_in_the_future_is_the_time_that_the_browser_sends(desk: Desk) -> None:
    """The browser converts the typed time from its own time zone."""
    noon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    app = fill(desk.open(ORDER), order_id="A1")
    submit(app, start(app, milliseconds(noon)))
    assert not app.exception
    assert desk.gateway.scheduled["order_A1"] == noon
    assert widget(app, "header")["scheduled"] == milliseconds(noon)


@pytest.mark.parametrize("at", [None, 1e300, "soon", [], float("inf")])
def test_an_invalid_start_is_refused(desk: Desk, at: object) -> None:
    """An incomplete time does not start the order now."""
    app = desk.open(ORDER)
    submit(app, start(app, at, is_part=at is None))
    assert not app.exception
    assert "expected" in texts(app.error)
    assert not desk.gateway.calls


def test_a_form_that_is_submitted_three_times_is_one_order(desk: Desk) -> None:
    """A triple click sends the same states three times; each leads to the same page."""
    app = desk.open(ORDER)
    states = submitted_states(app)
    for _ in range(3):
        send_again(app, states)
        assert not app.exception
        assert list(app.query_params) == ["id"]
    assert desk.gateway.calls["start"] == 1
    assert len(desk.gateway.instances) == 1


def test_a_form_whose_rerun_was_interrupted_is_one_order(desk: Desk) -> None:
    """A second click that interrupts the first one after its start does not start another order."""
    app = desk.open(ORDER)
    states, generated = submitted_states(app), list(app.session_state["suggested"])
    send_again(app, states)
    desk.gateway.set_status(only_id(desk), Status.COMPLETED)
    app.session_state["suggested"] = generated  # as if the first rerun had been interrupted
    send_again(app, states)
    assert not app.exception
    assert not app.error
    assert desk.gateway.calls["start"] == 1
    assert app.query_params == {"id": f"order_{generated[0]}"}


def test_the_next_order_has_another_id(desk: Desk) -> None:
    """After a submission the form has its default values send_again."""
    app = desk.open(ORDER)
    first = suggested(app)
    submit(fill(app, amount=5.0))
    run(app.switch_page(ORDER))
    assert suggested(app) != first
    assert field(app, "amount").value == "99.99"
    submit(app)
    assert desk.gateway.calls["start"] == 2


def test_a_used_id_is_refused(desk: Desk) -> None:
    """The other order is unchanged, and the form keeps the typed values."""
    desk.gateway.put(instance("order_A1", Status.RUNNING, "{}"))
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    text = "The id 'order_A1' is taken by another start, which is RUNNING. Choose another id."
    assert texts(app.error) == text
    assert field(app, "order_id").value == "A1"
    assert desk.gateway.instances["order_A1"].input == "{}"
    assert not desk.gateway.calls["start"]


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("state", UNAVAILABLE),
        ("start", UNAVAILABLE),
        ("start", OutcomeUnknown("start", "no answer in time")),
    ],
)
def test_an_outage_is_shown_and_the_form_keeps_its_values(
    desk: Desk, method: str, error: DaprUnavailable | OutcomeUnknown
) -> None:
    """Nothing is started; another click is enough once the engine is back."""
    desk.gateway.errors[method] = [error]
    app = desk.open(ORDER)
    wanted = items(app, "phone", "cable")
    submit(fill(app, order_id="A1", amount=7.5), wanted)
    assert not app.exception
    assert texts(app.error) == str(error)
    assert (field(app, "order_id").value, field(app, "amount").value) == ("A1", "7.5")
    assert "order_A1" not in desk.gateway.instances


def test_a_second_click_after_an_outage_starts_the_order(desk: Desk) -> None:
    """With the edited items."""
    desk.gateway.errors["start"] = [UNAVAILABLE]
    app = desk.open(ORDER)
    wanted = items(app, "phone", "cable")
    submit(fill(app, order_id="A1"), wanted)
    submit(app, wanted)
    assert payload(desk, "order_A1")["items"] == ["phone", "cable"]
    assert desk.gateway.calls["start"] == 2


def test_a_second_click_after_a_lost_answer_starts_nothing(desk: Desk) -> None:
    """The first start was carried out, and the second one finds its instance."""
    desk.gateway.late_errors["start"] = [OutcomeUnknown("start", "no answer in time")]
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    assert "is unknown" in texts(app.error)
    submit(app)
    assert not app.error
    assert desk.gateway.calls["start"] == 1


def test_without_a_ledger_nothing_is_started(desk: Desk) -> None:
    """An id cannot be reserved without a ledger; the form shows the error."""
    app = fill(desk.open(ORDER), order_id="A1")
    with desk.ledger_away():
        submit(app)
        assert not app.exception
        assert texts(app.error).startswith("The ledger was deleted or replaced")
    assert not desk.gateway.calls["start"]
    assert field(app, "order_id").value == "A1"


def test_a_ledger_error_during_a_start_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page of the form."""

    def gone(*_: object) -> None:
        raise LedgerUnavailable("disk full")

    app = fill(desk.open(ORDER), order_id="A1")
    monkeypatch.setattr(services.services().ledger.reservations, "claim", gone)
    submit(app)
    assert texts(app.error) == "The ledger cannot be reached: disk full."


def test_outages_are_shown_above_the_form(desk: Desk) -> None:
    """The form is still shown."""
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(ORDER)
    assert "Dapr sidecar unavailable" in texts(app.warning)
    assert app.button[0].label == "Submit order"


def test_a_batch_of_five_is_five_orders(desk: Desk) -> None:
    """With numbered ids and otherwise the same payload."""
    app = submit(fill(desk.open(ORDER), order_id="B", count=5))
    assert not app.exception
    assert sorted(desk.gateway.instances) == [f"order_B-{n}" for n in range(1, 6)]
    assert {payload(desk, each)["order_id"] for each in desk.gateway.instances} == {
        f"B-{n}" for n in range(1, 6)
    }
    assert desk.gateway.calls["start"] == 5


def test_a_batch_is_shown_in_the_list(desk: Desk) -> None:
    """The list is filtered for the batch, and shows its orders once the recorder has read them."""
    desk.add("order_A")
    app = submit(fill(desk.open(ORDER), order_id="B", count=5))
    assert app.query_params == {"q": "order_B-"}
    assert texts(app.toast) == "5 orders submitted."
    desk.record()
    assert sorted(ids(desk.open(q="order_B-"))) == [f"order_B-{n}" for n in range(1, 6)]


def test_a_batch_that_is_submitted_three_times_is_one_batch(desk: Desk) -> None:
    """Like a single order."""
    app = fill(desk.open(ORDER), order_id="B", count=3)
    states = submitted_states(app)
    for _ in range(3):
        send_again(app, states)
    assert desk.gateway.calls["start"] == 3


def test_a_batch_with_one_failed_start_says_so(desk: Desk) -> None:
    """A second click starts only the missing order."""
    desk.gateway.put(instance("order_B-2", Status.RUNNING, "{}"))
    app = submit(fill(desk.open(ORDER), order_id="B", count=3))
    text = "2 of 3 submitted. Not submitted: order_B-2. The id 'order_B-2' is taken"
    assert texts(app.error).startswith(text)
    link = app.get("page_link")[0].proto
    assert (link.label, link.query_string) == ("Show the submitted orders", "q=order_B-")
    del desk.gateway.instances["order_B-2"]
    submit(app)
    assert not app.error
    assert desk.gateway.calls["start"] == 3


def test_a_batch_with_many_failed_starts_names_five(desk: Desk) -> None:
    """And the number of the others; without a submitted order there is no link."""
    desk.gateway.errors["state"] = [UNAVAILABLE] * 7
    app = submit(fill(desk.open(ORDER), order_id="B", count=7))
    named = ", ".join(f"order_B-{n}" for n in range(1, 6))
    assert texts(app.error) == f"0 of 7 submitted. Not submitted: {named} and 2 more. {UNAVAILABLE}"
    assert not app.get("page_link")


def test_the_form_is_shown_again_after_a_submission(desk: Desk) -> None:
    """Only a submission switches to the page of an instance."""
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    run(app.switch_page(ORDER))
    assert app.button[0].label == "Submit order"
    assert suggested(app).startswith("ORDER-")


def test_leaving_the_form_starts_nothing(desk: Desk) -> None:
    """Typed values are no order until they are submitted."""
    app = fill(desk.open(ORDER), order_id="A1")
    app.switch_page(LIST)
    run(app)
    assert has_widget(app, "table")
    assert not desk.gateway.calls["start"]
