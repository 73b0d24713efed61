"""The form of a new order, in sessions without a browser."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.orders.batch import AT_ONCE
from dashboard.times import milliseconds
from operations.errors import DaprUnavailable, LedgerUnavailable, OutcomeUnknown
from operations.model import Service, Status
from operations.recorder_report import Outage
from tests.unit.fakes import instance
from tests.unit.pages import (
    LIST,
    ORDER,
    Desk,
    follow,
    has_widget,
    ids,
    run,
    send,
    state,
    texts,
    trigger,
    triggered,
    widget,
)
from tests.unit.snapshots import at

AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ID = "1 to 58 letters, digits, _ or -, beginning with a letter or a digit"
ITEM = "a text of 1 to 200 characters, not only blanks and without control characters"
UNAVAILABLE = DaprUnavailable("nothing answers")
SUBMISSIONS: Iterator[int] = count()


def form(app: AppTest) -> dict[str, Any]:
    """Return what the form shows."""
    return widget(app, "order_form")


def suggested(app: AppTest) -> str:
    """Return the id that the form suggests."""
    return str(form(app)["suggested"])


def typed(app: AppTest, **changes: object) -> dict[str, object]:
    """Return the message of a browser that submits the form with these changes."""
    values = {"order_id": suggested(app), **form(app)["first"], "start": {}, **changes}
    return {
        "submission": f"click-{next(SUBMISSIONS)}",
        "is_new_id": values["order_id"] == suggested(app),
        **values,
    }


def submit(app: AppTest, **changes: object) -> AppTest:
    """Submit the form with these changes."""
    return trigger(app, "order_form", "submit", typed(app, **changes))


def outcome(app: AppTest) -> dict[str, Any]:
    """Return what the form shows of the last submission."""
    return dict(form(app)["outcome"] or {})


def mistakes(app: AppTest) -> dict[str, str]:
    """Return the mistakes that the form shows, by field."""
    return {field: each["text"] for field, each in outcome(app)["mistakes"].items()}


def submit_and_follow(app: AppTest, **changes: object) -> AppTest:
    """Submit the form, and open the page that the browser opens then."""
    return follow(submit(app, **changes), outcome(app)["href"])


def payload(desk: Desk, instance_id: str) -> dict[str, Any]:
    """Return the input of an instance."""
    value: dict[str, Any] = json.loads(desk.gateway.instances[instance_id].input or "null")
    return value


def only_id(desk: Desk) -> str:
    """Return the id of the only instance."""
    assert len(desk.gateway.instances) == 1
    return next(iter(desk.gateway.instances))


def test_the_form_suggests_an_order(desk: Desk) -> None:
    """It is valid as it is."""
    app = desk.open(ORDER)
    assert not app.exception
    assert suggested(app).startswith("ORDER-")
    assert form(app)["first"] == {"amount": "99.99", "count": "1", "items": ["laptop", "mouse"]}
    assert form(app)["zone"] == "Europe/Berlin"
    submit(app)
    assert payload(desk, only_id(desk))["items"] == ["laptop", "mouse"]


def test_each_session_suggests_an_id_of_its_own(desk: Desk) -> None:
    """Two operators who submit at once submit two orders."""
    assert suggested(desk.open(ORDER)) != suggested(desk.open(ORDER))


def test_the_suggestion_stays_while_the_form_is_filled_in(desk: Desk) -> None:
    """A rerun does not change it."""
    app = desk.open(ORDER)
    before = suggested(app)
    assert suggested(run(app)) == before


def test_an_order_is_started_once_with_the_typed_values(desk: Desk) -> None:
    """The input of the workflow is the order; its amount is a number."""
    app = submit(desk.open(ORDER), order_id=" A1 ", amount=" 12.5 ")
    assert not app.exception
    assert desk.gateway.calls["start"] == 1
    assert desk.gateway.instances["order_A1"].workflow == "order_workflow"
    assert payload(desk, "order_A1") == {
        "order_id": "A1",
        "amount": 12.5,
        "items": ["laptop", "mouse"],
    }


def test_a_submitted_order_is_shown(desk: Desk) -> None:
    """The browser opens its page, which shows a message."""
    app = submit(desk.open(ORDER), order_id="A1")
    assert outcome(app)["href"] == "instance?id=order_A1"
    assert not app.toast
    follow(app, outcome(app)["href"])
    assert widget(app, "header")["id"] == "order_A1"
    assert texts(app.toast) == "order_A1 submitted."


def test_the_ledger_has_the_operator_of_a_start(desk: Desk) -> None:
    """The reservation of the id has the actor."""
    submit(desk.open(ORDER), order_id="A1")
    start = desk.ledger.reservations.latest("order_A1")
    assert start
    assert (start.actor.name, start.is_accepted) == ("local", True)


def test_items_are_sent_as_they_are_listed(desk: Desk) -> None:
    """In their order, including duplicates."""
    submit(desk.open(ORDER), items=["phone", "cable", "phone"])
    assert payload(desk, only_id(desk))["items"] == ["phone", "cable", "phone"]


@pytest.mark.parametrize(
    "item", ["<script>alert(1)</script>", ":red[x] $y$", "ä 😀 ' \"", "x" * 200, "a,b;c", "&amp;"]
)
def test_an_unusual_item_is_unchanged(desk: Desk, item: str) -> None:
    """In the input of the workflow, and on the page of the instance."""
    app = submit_and_follow(desk.open(ORDER), items=[item, "mouse"])
    assert not app.exception
    assert payload(desk, only_id(desk))["items"] == [item, "mouse"]
    assert json.loads(app.code[0].value)["items"] == [item, "mouse"]


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"amount": "0"}, "amount", f"Found '0', expected {AMOUNT}."),
        ({"amount": "1e3"}, "amount", f"Found '1e3', expected {AMOUNT}. Write it with the digits"),
        (
            {"amount": "1,000.50"},
            "amount",
            f"Found '1,000.50', expected {AMOUNT}. Write it without",
        ),
        ({"order_id": "a b"}, "order_id", f"Found 'a b', expected {ID}."),
        ({"count": "101"}, "count", "Found '101', expected a whole number from 1 to 100."),
        ({"items": ["a", "  "]}, "items", f"Item 2: found '  ', expected {ITEM}."),
        ({"start": {"text": "2026-03-29T02:30"}}, "start", "Found '2026-03-29 02:30', expected a"),
        ({"start": {"text": "9999-12-31T23:59"}}, "start", "Found '9999-12-31 23:59', expected a"),
        ({"start": {"is_incomplete": True}}, "start", "Found an incomplete time, expected a day"),
        ({"start": {"text": "soon"}}, "start", "Found 'soon', expected a day and a time"),
    ],
)
def test_a_mistake_is_shown_at_its_field_and_starts_nothing(
    desk: Desk, changes: dict[str, object], field: str, text: str
) -> None:
    """With the typed text, in the words of the contract; the browser keeps the typed values."""
    app = submit(desk.open(ORDER), **changes)
    assert not app.exception
    assert list(mistakes(app)) == [field]
    assert mistakes(app)[field].startswith(text)
    assert outcome(app)["href"] is None
    assert not desk.gateway.calls


def test_a_corrected_form_can_be_submitted(desk: Desk) -> None:
    """The mistake disappears."""
    app = submit(desk.open(ORDER), order_id="A1", amount="0")
    submit(app, order_id="A1", amount="1")
    assert not mistakes(app)
    assert payload(desk, "order_A1")["amount"] == 1


def test_a_start_in_the_past_is_refused(desk: Desk) -> None:
    """The order is not started now instead."""
    app = submit(desk.open(ORDER), start={"text": "2020-01-01T12:00"})
    assert "which is in the past" in mistakes(app)["start"]
    assert not desk.gateway.calls


def test_a_start_in_the_future_is_in_the_zone_of_the_viewer(desk: Desk) -> None:
    """The form describes it in UTC before it is submitted."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    noon = midnight + timedelta(days=2, hours=12)
    app = desk.open(ORDER)
    app.context = {"timezone": "Asia/Kolkata"}
    typed_start = {"text": f"{noon + timedelta(hours=5, minutes=30):%Y-%m-%dT%H:%M}"}
    send(app, state(app, "order_form", {"start": typed_start}))
    assert form(app)["start"] == {
        **typed_start,
        "note": f"{noon:%Y-%m-%d %H:%M} UTC",
        "mistake": "",
    }
    submit_and_follow(app, order_id="A1", start=typed_start)
    assert desk.gateway.scheduled["order_A1"] == noon
    assert widget(app, "header")["scheduled"] == milliseconds(noon)


FORGED: tuple[object, ...] = ("x", None, {}, {"order_id": "A1"}, {"submission": 1}, [1])


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_message_starts_nothing(desk: Desk, forged: object) -> None:
    """The page stays as it is."""
    app = trigger(desk.open(ORDER), "order_form", "submit", forged)
    send(app, state(app, "order_form", {"start": forged}))
    assert not app.exception
    assert not outcome(app)
    assert not desk.gateway.calls


def test_a_form_that_is_submitted_three_times_is_one_order(desk: Desk) -> None:
    """A triple click sends the same values three times; each leads to the same page."""
    app = desk.open(ORDER)
    message = typed(app)
    for _ in range(3):
        trigger(app, "order_form", "submit", message)
        assert not app.exception
        assert outcome(app)["href"] == f"instance?id=order_{message['order_id']}"
    assert desk.gateway.calls["start"] == 1
    assert len(desk.gateway.instances) == 1
    follow(app, outcome(app)["href"])
    assert texts(app.toast) == f"{only_id(desk)} submitted."


def test_a_submission_that_arrives_again_is_not_started_again(desk: Desk) -> None:
    """The form shows its outcome, and a failed start is not repeated."""
    app = desk.open(ORDER)
    desk.gateway.errors["start"] = [UNAVAILABLE]
    message = typed(app)
    trigger(app, "order_form", "submit", message)
    failed = outcome(app)
    trigger(app, "order_form", "submit", message)
    assert outcome(app) == failed
    assert failed["error"]
    assert not desk.gateway.instances


def test_a_suggested_id_is_submitted_once_although_its_order_has_ended(desk: Desk) -> None:
    """The answer was lost, and the browser sends the draft again; or another tab has sent it."""
    app = desk.open(ORDER)
    message = typed(app)
    trigger(app, "order_form", "submit", message)
    desk.gateway.set_status(only_id(desk), Status.COMPLETED)
    other = trigger(desk.open(ORDER), "order_form", "submit", message)
    assert outcome(other)["href"] == outcome(app)["href"]
    assert desk.gateway.calls["start"] == 1
    follow(other, outcome(other)["href"])
    assert texts(other.toast) == f"{only_id(desk)} was already submitted."


def test_the_next_order_has_another_id(desk: Desk) -> None:
    """The outcome of the first one tells the browser to forget its draft."""
    app = desk.open(ORDER)
    first, message = suggested(app), typed(app)
    trigger(app, "order_form", "submit", message)
    run(app.switch_page(LIST))
    run(app.switch_page(ORDER))
    assert suggested(app) != first
    assert outcome(app)["submission"] == message["submission"]
    submit(app)
    assert desk.gateway.calls["start"] == 2


def test_a_used_id_is_refused(desk: Desk) -> None:
    """The other order is unchanged, and the id stays suggested."""
    desk.gateway.put(instance("order_A1", Status.RUNNING, "{}"))
    app = desk.open(ORDER)
    before = suggested(app)
    submit(app, order_id="A1")
    text = "The id 'order_A1' is taken by another start, which is RUNNING. Choose another id."
    assert outcome(app)["error"] == f"Not submitted: order_A1. {text}"
    assert suggested(app) == before
    assert desk.gateway.instances["order_A1"].input == "{}"
    assert not desk.gateway.calls["start"]


@pytest.mark.parametrize("method", ["state", "start"])
def test_an_outage_is_shown(desk: Desk, method: str) -> None:
    """With the instance and what is known."""
    desk.gateway.errors[method] = [UNAVAILABLE]
    app = submit(desk.open(ORDER), order_id="A1", amount="7.5")
    assert not app.exception
    assert outcome(app)["error"] == f"Not submitted: order_A1. {UNAVAILABLE}"
    assert "order_A1" not in desk.gateway.instances


def test_an_unknown_outcome_is_not_called_a_refusal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that the same request again is safe."""
    error = OutcomeUnknown("start", "no answer in time")

    def lost(*_: object) -> None:
        raise error

    app = desk.open(ORDER)
    monkeypatch.setattr(services.services().actions, "start", lost)
    submit(app, order_id="A1")
    assert outcome(app)["error"] == f"Not known to be submitted: order_A1. {error}"


def test_a_second_click_after_an_outage_starts_the_order(desk: Desk) -> None:
    """With the same values."""
    desk.gateway.errors["start"] = [UNAVAILABLE]
    app = submit(desk.open(ORDER), order_id="A1", amount="7.5")
    submit(app, order_id="A1", amount="7.5")
    assert payload(desk, "order_A1")["amount"] == 7.5
    assert desk.gateway.calls["start"] == 2


def test_a_click_on_the_form_that_the_next_page_receives_starts_nothing(desk: Desk) -> None:
    """The last click of three arrives after the browser has left the form."""
    app = desk.open(ORDER)
    again = triggered(app, "order_form", "submit", typed(app, order_id="A1"))
    app = submit_and_follow(app, order_id="A1")
    app = send(run(app), again)
    assert not app.exception
    assert widget(app, "header")["id"] == "order_A1"
    assert desk.gateway.calls["start"] == 1


def test_a_start_whose_answer_was_lost_is_found(desk: Desk) -> None:
    """It was carried out; a second click starts nothing."""
    desk.gateway.late_errors["start"] = [OutcomeUnknown("start", "no answer in time")]
    app = submit(desk.open(ORDER), order_id="A1")
    assert outcome(app)["href"]
    submit(app, order_id="A1")
    assert outcome(app)["href"]
    assert desk.gateway.calls["start"] == 1


def test_without_a_ledger_nothing_is_started(desk: Desk) -> None:
    """An id cannot be reserved without a ledger; the form shows the error."""
    app = desk.open(ORDER)
    with desk.ledger_away():
        submit(app, order_id="A1")
        assert not app.exception
        assert "The ledger was deleted or replaced" in outcome(app)["error"]
    assert not desk.gateway.calls["start"]


def test_a_ledger_error_during_a_start_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page of the form."""

    def gone(*_: object) -> None:
        raise LedgerUnavailable("disk full")

    app = desk.open(ORDER)
    monkeypatch.setattr(services.services().ledger.reservations, "claim", gone)
    submit(app, order_id="A1")
    assert outcome(app)["error"].endswith("The ledger cannot be reached: disk full.")


def test_outages_are_shown_above_the_form(desk: Desk) -> None:
    """The form is still shown."""
    desk.write_heartbeat(Outage(Service.SIDECAR, at(0), "gone"))
    app = desk.open(ORDER)
    assert "Dapr sidecar unavailable" in texts(app.warning)
    assert has_widget(app, "order_form")


def test_a_batch_of_five_is_five_orders(desk: Desk) -> None:
    """With numbered ids and otherwise the same payload."""
    app = submit(desk.open(ORDER), order_id="B", count="5")
    assert not app.exception
    assert sorted(desk.gateway.instances) == [f"order_B-{n}" for n in range(1, 6)]
    assert {payload(desk, each)["order_id"] for each in desk.gateway.instances} == {
        f"B-{n}" for n in range(1, 6)
    }
    assert desk.gateway.calls["start"] == 5


def test_a_batch_is_shown_in_the_list(desk: Desk) -> None:
    """The list is filtered for the batch, and shows its orders once the recorder has read them."""
    desk.add("order_A")
    app = submit_and_follow(desk.open(ORDER), order_id="B", count="5")
    assert app.query_params == {"q": "order_B-"}
    assert texts(app.toast) == "5 orders submitted."
    desk.record()
    assert sorted(ids(desk.open(q="order_B-"))) == [f"order_B-{n}" for n in range(1, 6)]


def test_a_batch_that_is_submitted_three_times_is_one_batch(desk: Desk) -> None:
    """Like a single order."""
    app = desk.open(ORDER)
    message = typed(app, order_id="B", count="3")
    for _ in range(3):
        trigger(app, "order_form", "submit", message)
    assert desk.gateway.calls["start"] == 3


def test_a_batch_that_another_tab_has_submitted_is_opened(desk: Desk) -> None:
    """The message does not say that this submission started it."""
    submit(desk.open(ORDER), order_id="B", count="3")
    app = submit_and_follow(desk.open(ORDER), order_id="B", count="3")
    assert texts(app.toast) == "3 orders were already submitted."
    assert desk.gateway.calls["start"] == 3


def test_a_batch_with_one_failed_start_says_so(desk: Desk) -> None:
    """A second click starts only the missing order; a refused one is not offered again."""
    desk.gateway.put(instance("order_B-2", Status.RUNNING, "{}"))
    app = submit(desk.open(ORDER), order_id="B", count="3")
    submitted, refused = outcome(app)["error"].split("\n")
    assert submitted == "Submitted (2 of 3): order_B-1, order_B-3."
    assert refused.startswith("Not submitted (1 of 3): order_B-2. The id 'order_B-2' is taken")
    assert outcome(app)["link"] == "instances?q=order_B-"
    assert outcome(app)["retry"] == []
    del desk.gateway.instances["order_B-2"]
    submit(app, order_id="B", count="3")
    assert not outcome(app)["error"]
    assert desk.gateway.calls["start"] == 3


def test_the_orders_of_a_batch_are_named_as_ranges(desk: Desk) -> None:
    """At most five; without a submitted order there is no link."""
    for number in range(1, 14, 2):
        desk.gateway.put(instance(f"order_B-{number}", Status.RUNNING, "{}"))
    app = submit(desk.open(ORDER), order_id="B", count="14")
    named = ", ".join(f"order_B-{n}" for n in range(2, 11, 2))
    assert f"Submitted (7 of 14): {named} and 2 more.\n" in f"{outcome(app)['error']}\n"
    submit(app, order_id="C", count="1")
    for each in ("order_D-1", "order_D-2"):
        desk.gateway.put(instance(each, Status.RUNNING, "{}"))
    submit(app, order_id="D", count="2")
    assert outcome(app)["error"].startswith("Not submitted (2 of 2): order_D-1 … order_D-2. ")
    assert outcome(app)["link"] is None


def test_an_outage_ends_a_batch(desk: Desk) -> None:
    """The other orders are not tried; a retry is offered for all that were not started."""
    app = desk.open(ORDER)
    desk.gateway.errors["state"] = [UNAVAILABLE] * 100
    submit(app, order_id="B", count="100")
    tried = desk.gateway.calls["state"]
    assert tried <= AT_ONCE
    refused, rest = outcome(app)["error"].split("\n")
    assert refused.startswith(f"Not submitted ({tried} of 100): ")
    assert refused.endswith(str(UNAVAILABLE))
    assert rest.startswith(f"Not tried ({100 - tried} of 100): ")
    assert rest.endswith(" … order_B-100.")
    assert outcome(app)["retry"] == [f"order_B-{n}" for n in range(1, 101)]


def test_a_retry_of_a_batch_starts_only_the_named_orders(desk: Desk) -> None:
    """With the texts of the failed submission."""
    app = desk.open(ORDER)
    trigger(app, "order_form", "submit", typed(app, order_id="B", count="2"))
    desk.gateway.errors["state"] = [UNAVAILABLE]
    message = typed(app, order_id="B", count="3", amount="7")
    trigger(app, "order_form", "submit", {**message, "only": ["order_B-3"]})
    assert outcome(app)["retry"] == ["order_B-3"]
    sent = {**outcome(app)["typed"], "submission": "again", "only": outcome(app)["retry"]}
    trigger(app, "order_form", "submit", sent)
    assert outcome(app)["href"] == "instance?id=order_B-3"
    assert desk.gateway.calls["start"] == 3
    assert payload(desk, "order_B-3")["amount"] == 7


def test_the_form_has_no_query(desk: Desk) -> None:
    """A quick second click opens it with the query of the page that the first one has opened."""
    app = desk.open(ORDER, id="order_A", q="order_B-", amount="7")
    assert app.query_params == {"amount": "7"}
    assert "Ignored in the address: 'amount' (expected no parameter)" in texts(app.markdown)


def test_leaving_the_form_starts_nothing(desk: Desk) -> None:
    """Typed values are no order until they are submitted."""
    app = desk.open(ORDER)
    send(app, state(app, "order_form", {"start": {"text": "2999-01-01T00:00"}}))
    run(app.switch_page(LIST))
    assert has_widget(app, "table")
    assert not desk.gateway.calls["start"]
