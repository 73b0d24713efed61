"""The form of a new order, in sessions without a browser."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.durations import milliseconds
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
    """Return what the browser says of the list of items once something was typed there."""
    return state(app, "items", {"texts": wanted})


def start(app: AppTest, at: object, *, is_part: bool = False) -> WidgetState:
    """Return what the browser says of the time to start once something was typed there."""
    return state(app, "start", {"moment": {"at": at, "isPart": is_part}})


def submit(app: AppTest, *states: WidgetState) -> AppTest:
    """Submit the form."""
    app.button[0].click()
    return send(app, *states)


def as_sent(app: AppTest) -> WidgetStates:
    """Return what a browser sends when the form is submitted."""
    app.button[0].click()
    states: WidgetStates = app._tree.get_widget_states()
    return states


def again(app: AppTest, states: WidgetStates) -> AppTest:
    """Have the form's page told the same once more."""
    app.switch_page(ORDER)
    services.state_watcher().refresh()
    return app._run(states)


def payload(desk: Desk, instance_id: str) -> dict[str, Any]:
    """Return what an instance was started with."""
    told: dict[str, Any] = json.loads(desk.gateway.instances[instance_id].input or "null")
    return told


def only(desk: Desk) -> str:
    """Return the id of the one instance that there is."""
    assert len(desk.gateway.instances) == 1
    return next(iter(desk.gateway.instances))


def suggested(app: AppTest) -> str:
    """Return the id that the form suggests."""
    return str(field(app, "order_id").proto.default)


def test_the_form_suggests_an_order(desk: Desk) -> None:
    """It could be submitted as it is."""
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
    """A rerun takes away nothing."""
    app = desk.open(ORDER)
    assert suggested(run(app)) == suggested(app)


def test_an_order_is_started_once_with_what_was_typed(desk: Desk) -> None:
    """The workflow's input is the order, its amount a number."""
    app = submit(fill(desk.open(ORDER), order_id="A1", amount=12.5))
    assert not app.exception
    assert desk.gateway.calls["start"] == 1
    assert desk.gateway.instances["order_A1"].workflow == "order_workflow"
    assert payload(desk, "order_A1") == {
        "order_id": "A1",
        "amount": 12.5,
        "items": ["laptop", "mouse"],
    }


def test_an_order_that_was_started_is_shown(desk: Desk) -> None:
    """The operator is led to its page, and told."""
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    assert app.query_params == {"id": "order_A1"}
    assert widget(app, "header")["id"] == "order_A1"
    assert texts(app.toast) == "order_A1 submitted."


def test_an_order_that_was_started_is_known_by_its_operator(desk: Desk) -> None:
    """The ledger knows who started it."""
    submit(fill(desk.open(ORDER), order_id="A1"))
    start = desk.ledger.reservations.latest("order_A1")
    assert start
    assert (start.actor.name, start.is_accepted) == ("local", True)


def test_items_are_sent_as_they_are_listed(desk: Desk) -> None:
    """In their order, the same one twice too."""
    app = desk.open(ORDER)
    submit(app, items(app, "phone", "cable", "phone"))
    assert payload(desk, only(desk))["items"] == ["phone", "cable", "phone"]


def test_items_that_nobody_touched_are_the_suggested_ones(desk: Desk) -> None:
    """What stands there is what is ordered."""
    submit(desk.open(ORDER))
    assert payload(desk, only(desk))["items"] == ["laptop", "mouse"]


@pytest.mark.parametrize(
    "item", ["<script>alert(1)</script>", ":red[x] $y$", "ä 😀 ' \"", "x" * 200, "a,b;c", "&amp;"]
)
def test_an_odd_item_goes_through_unchanged(desk: Desk, item: str) -> None:
    """Whatever can be ordered is ordered as it was typed, and shown as it is."""
    app = desk.open(ORDER)
    submit(app, items(app, item, "mouse"))
    assert not app.exception
    assert payload(desk, only(desk))["items"] == [item, "mouse"]
    assert json.loads(app.code[0].value)["items"] == [item, "mouse"]


@pytest.mark.parametrize(
    ("typed", "words"),
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
def test_a_mistake_is_told_and_starts_nothing(
    desk: Desk, typed: dict[str, object], words: str
) -> None:
    """In the words of the order's contract; what was typed is still there."""
    app = submit(fill(desk.open(ORDER), **typed))
    assert not app.exception
    assert texts(app.error) == words
    assert not desk.gateway.calls
    for name, value in typed.items():
        assert field(app, name).value == (str(value) if name == "amount" else value)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ((), "Found 0 items, expected a list of 1 to 500 items."),
        (("mouse", ""), f"Item 2: found '', expected {ITEM}."),
        (("x" * 201, "mouse"), f"Item 1: found '{'x' * 79}, expected {ITEM}."),
        (("a\x07b", "mouse"), f"Item 1: found 'ax07b', expected {ITEM}."),
        (("mouse", "mouse", "a\nb"), f"Item 3: found 'anb', expected {ITEM}."),
    ],
)
def test_a_mistake_in_the_items_is_told(desk: Desk, wanted: tuple[str, ...], words: str) -> None:
    """No items, an empty one, one that is too long, or with a control character."""
    app = desk.open(ORDER)
    submit(app, items(app, *wanted))
    assert not app.exception
    assert texts(app.error) == words
    assert not desk.gateway.calls


def test_a_mistake_stands_at_its_field(desk: Desk) -> None:
    """Each in the column of the form, below the field that it is about."""
    app = submit(fill(desk.open(ORDER), order_id="a b", amount=0.0))
    shown = [each.type for each in app.columns[0].children.values()]
    assert shown[:4] == ["text_input", "error", "text_input", "error"]
    assert texts(app.error[:1]).startswith("Found 'a b'")


def test_a_mistake_that_is_mended_is_gone(desk: Desk) -> None:
    """The same form is submitted again."""
    app = submit(fill(desk.open(ORDER), order_id="A1", amount=0.0))
    submit(fill(app, amount=1.0))
    assert texts(app.error) == ""
    assert payload(desk, "order_A1")["amount"] == 1


def test_a_start_in_the_past_is_refused(desk: Desk) -> None:
    """Nothing is started now that was wanted yesterday."""
    app = desk.open(ORDER)
    submit(app, start(app, milliseconds(datetime.now(UTC) - timedelta(days=1))))
    assert texts(app.error) == "Found a time that has passed, expected one to come, or none."
    assert not desk.gateway.calls


def test_a_start_in_the_future_is_the_moment_that_the_browser_tells(desk: Desk) -> None:
    """It has worked out what was typed in its own time zone."""
    noon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    app = fill(desk.open(ORDER), order_id="A1")
    submit(app, start(app, milliseconds(noon)))
    assert not app.exception
    assert desk.gateway.scheduled["order_A1"] == noon
    assert widget(app, "header")["scheduled"] == milliseconds(noon)


@pytest.mark.parametrize("at", [None, 1e300, "soon", [], float("inf")])
def test_a_start_that_is_no_moment_is_refused(desk: Desk, at: object) -> None:
    """Nothing is started now because the time was typed in half."""
    app = desk.open(ORDER)
    submit(app, start(app, at, is_part=at is None))
    assert not app.exception
    assert "expected" in texts(app.error)
    assert not desk.gateway.calls


def test_a_form_that_is_submitted_three_times_is_one_order(desk: Desk) -> None:
    """A triple click sends the same thrice; the echoes lead to the same page."""
    app = desk.open(ORDER)
    states = as_sent(app)
    for _ in range(3):
        again(app, states)
        assert not app.exception
        assert list(app.query_params) == ["id"]
    assert desk.gateway.calls["start"] == 1
    assert len(desk.gateway.instances) == 1


def test_a_form_whose_run_was_broken_off_is_one_order(desk: Desk) -> None:
    """A click that ends the run of the one before, after its start, is the same start."""
    app = desk.open(ORDER)
    states, made_up = as_sent(app), list(app.session_state["suggested"])
    again(app, states)
    desk.gateway.turn(only(desk), Status.COMPLETED)
    app.session_state["suggested"] = made_up  # as if that run had not come to its end
    again(app, states)
    assert not app.exception
    assert not app.error
    assert desk.gateway.calls["start"] == 1
    assert app.query_params == {"id": f"order_{made_up[0]}"}


def test_the_next_order_is_another_one(desk: Desk) -> None:
    """After one was submitted the form is empty again, with another id."""
    app = desk.open(ORDER)
    first = suggested(app)
    submit(fill(app, amount=5.0))
    run(app.switch_page(ORDER))
    assert suggested(app) != first
    assert field(app, "amount").value == "99.99"
    submit(app)
    assert desk.gateway.calls["start"] == 2


def test_an_id_that_is_taken_is_told(desk: Desk) -> None:
    """Another order has it, which stays as it is; the form keeps what was typed."""
    desk.gateway.put(instance("order_A1", Status.RUNNING, "{}"))
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    told = "The id 'order_A1' is taken by another start, which is RUNNING. Choose another id."
    assert texts(app.error) == told
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
def test_an_engine_that_is_away_is_told_and_the_form_keeps_what_was_typed(
    desk: Desk, method: str, error: DaprUnavailable | OutcomeUnknown
) -> None:
    """Nothing was started; one more click is enough once it is back."""
    desk.gateway.errors[method] = [error]
    app = desk.open(ORDER)
    wanted = items(app, "phone", "cable")
    submit(fill(app, order_id="A1", amount=7.5), wanted)
    assert not app.exception
    assert texts(app.error) == str(error)
    assert (field(app, "order_id").value, field(app, "amount").value) == ("A1", "7.5")
    assert "order_A1" not in desk.gateway.instances


def test_a_second_click_after_an_outage_starts_what_was_typed(desk: Desk) -> None:
    """The items, too, which no field of the browser holds."""
    desk.gateway.errors["start"] = [UNAVAILABLE]
    app = desk.open(ORDER)
    wanted = items(app, "phone", "cable")
    submit(fill(app, order_id="A1"), wanted)
    submit(app, wanted)
    assert payload(desk, "order_A1")["items"] == ["phone", "cable"]
    assert desk.gateway.calls["start"] == 2


def test_an_answer_that_was_lost_is_found_by_a_second_click(desk: Desk) -> None:
    """The start was carried out: the second one finds it."""
    desk.gateway.lost["start"] = [OutcomeUnknown("start", "no answer in time")]
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    assert "is unknown" in texts(app.error)
    submit(app)
    assert not app.error
    assert desk.gateway.calls["start"] == 1


def test_without_a_ledger_nothing_is_started(desk: Desk) -> None:
    """Who could not be remembered is not started, and the form says so."""
    app = fill(desk.open(ORDER), order_id="A1")
    with desk.ledger_away():
        submit(app)
        assert not app.exception
        assert texts(app.error).startswith("The ledger cannot be reached")
    assert not desk.gateway.calls["start"]
    assert field(app, "order_id").value == "A1"


def test_a_ledger_that_goes_away_during_a_start_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the ledger raises is told on the page."""

    def gone(*_: object) -> None:
        raise LedgerUnavailable("disk full")

    app = fill(desk.open(ORDER), order_id="A1")
    monkeypatch.setattr(services.services().ledger.reservations, "claim", gone)
    submit(app)
    assert texts(app.error) == "The ledger cannot be reached: disk full."


def test_outages_are_told_above_the_form(desk: Desk) -> None:
    """The form is there all the same."""
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(ORDER)
    assert "The Dapr sidecar is away" in texts(app.warning)
    assert app.button[0].label == "Submit order"


def test_a_batch_of_five_is_five_orders(desk: Desk) -> None:
    """Numbered, with the same payload but for their ids."""
    app = submit(fill(desk.open(ORDER), order_id="B", count=5))
    assert not app.exception
    assert sorted(desk.gateway.instances) == [f"order_B-{n}" for n in range(1, 6)]
    assert {payload(desk, each)["order_id"] for each in desk.gateway.instances} == {
        f"B-{n}" for n in range(1, 6)
    }
    assert desk.gateway.calls["start"] == 5


def test_a_batch_is_shown_in_the_list(desk: Desk) -> None:
    """The operator is led to its orders alone, and told how many there are."""
    desk.add("order_A")
    app = submit(fill(desk.open(ORDER), order_id="B", count=5))
    assert app.query_params == {"q": "order_B-"}
    assert sorted(ids(app)) == [f"order_B-{n}" for n in range(1, 6)]
    assert texts(app.toast) == "5 submitted."


def test_a_batch_that_is_submitted_three_times_is_one_batch(desk: Desk) -> None:
    """As a single order is."""
    app = fill(desk.open(ORDER), order_id="B", count=3)
    states = as_sent(app)
    for _ in range(3):
        again(app, states)
    assert desk.gateway.calls["start"] == 3


def test_a_batch_of_which_one_fails_says_how_many_did_not(desk: Desk) -> None:
    """A second click starts the rest, and none twice."""
    desk.gateway.put(instance("order_B-2", Status.RUNNING, "{}"))
    app = submit(fill(desk.open(ORDER), order_id="B", count=3))
    told = "2 of 3 were submitted; not order_B-2. The id 'order_B-2' is taken"
    assert texts(app.error).startswith(told)
    link = app.get("page_link")[0].proto
    assert (link.label, link.query_string) == ("See those that were submitted", "q=order_B-")
    del desk.gateway.instances["order_B-2"]
    submit(app)
    assert not app.error
    assert desk.gateway.calls["start"] == 3


def test_a_batch_of_which_many_fail_names_some(desk: Desk) -> None:
    """And says how many more; where none was submitted there is nothing to be led to."""
    desk.gateway.errors["state"] = [UNAVAILABLE] * 7
    app = submit(fill(desk.open(ORDER), order_id="B", count=7))
    named = ", ".join(f"order_B-{n}" for n in range(1, 6))
    assert texts(app.error) == f"0 of 7 were submitted; not {named} and 2 more. {UNAVAILABLE}"
    assert not app.get("page_link")


def test_who_comes_back_soon_after_an_order_finds_the_form(desk: Desk) -> None:
    """Only a submission leads to an instance: the form is there again, empty."""
    app = submit(fill(desk.open(ORDER), order_id="A1"))
    run(app.switch_page(ORDER))
    assert app.button[0].label == "Submit order"
    assert suggested(app).startswith("ORDER-")


def test_who_leaves_without_submitting_has_started_nothing(desk: Desk) -> None:
    """What was typed is no order until it is submitted."""
    app = fill(desk.open(ORDER), order_id="A1")
    app.switch_page(LIST)
    run(app)
    assert has_widget(app, "table")
    assert not desk.gateway.calls["start"]
