"""Failed actions stay on the pages of a session until they are dismissed or succeed."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.action_results import act
from dashboard.failed_actions import MAX_SHOWN, session_failures
from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError, OutcomeUnknown
from operations.model import Action, Status
from tests.unit.pages import (
    INSTANCE,
    ORDER,
    WAITING,
    Desk,
    has_widget,
    run,
    send,
    texts,
    trigger,
    widget,
)

AWAY = DaprUnavailable("nothing answers")


def click(app: AppTest, action: str, *ids: str) -> AppTest:
    """Click the same button of several rows."""
    sent = [{"action": action, "id": each, "click": n} for n, each in enumerate(ids, 1)]
    return trigger(app, "table", "act", {"clicks": sent})


def failures(app: AppTest) -> list[str]:
    """Return the texts of the failed actions, as a person reads them."""
    return [text for text in texts(app.markdown).split("\n") if ":material/error:" in text]


def press(app: AppTest, label: str) -> AppTest:
    """Press the first button with a label."""
    next(each for each in app.button if each.label == label).click()
    return send(app)


def labels(app: AppTest) -> list[str]:
    """Return the labels of the buttons of failed actions."""
    return [each.label for each in app.button if each.label.startswith(("Retry", "Dismiss"))]


def fail(desk: Desk, error: FlowdeckError = AWAY) -> AppTest:
    """Open the list, and click a button while the engine answers with an error."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.errors["state"] = [error]
    return click(app, "pause", "order_A")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AWAY, "not carried out"),
        (OutcomeUnknown("pause", "no answer in time"), "outcome unknown"),
        (DaprRefused("The engine says no."), "refused"),
    ],
)
def test_a_failure_names_action_instance_and_what_is_known(
    desk: Desk, error: FlowdeckError, outcome: str
) -> None:
    """With the reason; a toast draws attention to it."""
    app = fail(desk, error)
    (text,) = failures(app)
    assert f"**Pause order_A: {outcome}**" in text
    assert text.endswith(str(error))
    assert labels(app) == ["Retry", "Dismiss"]
    assert texts(app.toast) == f"Pause order_A: {outcome}"
    assert not run(app).toast


def test_a_failure_stays_on_all_pages(desk: Desk) -> None:
    """Until it is dismissed."""
    app = fail(desk)
    assert len(failures(run(app))) == 1
    app.query_params = {"id": "order_A"}
    assert len(failures(run(app.switch_page(INSTANCE)))) == 1
    app.query_params = {}
    assert len(failures(run(app.switch_page(ORDER)))) == 1
    press(app, "Dismiss")
    assert not failures(app)
    assert not desk.gateway.calls["pause"]


def test_a_later_click_does_not_lose_a_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit may end the rerun of an action at each access to the session state."""
    kept: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", kept)
    desk.gateway.errors["state"] = [AWAY]
    desk.gateway.during["state"] = lambda: monkeypatch.setattr(st, "session_state", None)
    act(Action.PAUSE, "order_A")
    monkeypatch.setattr(st, "session_state", kept)
    assert [each.instance_id for each in session_failures().values()] == ["order_A"]


def test_another_session_does_not_see_a_failure(desk: Desk) -> None:
    """It belongs to the operator who acted."""
    other = desk.open()
    fail(desk)
    assert not failures(run(other))


def test_a_reload_keeps_a_failure(desk: Desk) -> None:
    """The browser gives the new session what it has kept; nothing is retried by itself."""
    first = fail(desk)
    kept = widget(first, "failed_actions")["failures"]
    app = desk.open(INSTANCE, id="order_A")
    assert widget(app, "failed_actions")["isNew"]
    assert not failures(app)
    trigger(app, "failed_actions", "restore", kept)
    assert failures(app) == failures(first)
    assert not widget(app, "failed_actions")["isNew"]
    assert not desk.gateway.calls["pause"]
    press(app, "Retry")
    assert desk.gateway.instances["order_A"].status is Status.SUSPENDED
    assert widget(app, "failed_actions")["failures"] == []


def test_a_failure_of_the_new_session_is_not_replaced(desk: Desk) -> None:
    """It is newer than what the browser has kept; what is not a failure is ignored."""
    app = fail(desk)
    kept = widget(app, "failed_actions")["failures"]
    trigger(app, "failed_actions", "restore", [{**kept[0], "text": "older"}])
    assert texts(app.markdown).count("nothing answers") == 1
    other = trigger(desk.open(), "failed_actions", "restore", [{"action": "explode"}])
    assert not failures(other)


def test_a_retry_performs_the_action_again(desk: Desk) -> None:
    """After its success the failure is gone, and a toast says so."""
    app = press(fail(desk), "Retry")
    assert not failures(app)
    assert texts(app.toast) == "order_A is paused."
    assert desk.gateway.instances["order_A"].status is Status.SUSPENDED


def test_a_retry_that_fails_stays_once(desk: Desk) -> None:
    """With the new reason."""
    app = fail(desk)
    desk.gateway.errors["state"] = [DaprUnavailable("still nothing")]
    (text,) = failures(press(app, "Retry"))
    assert text.endswith("still nothing.")


def test_a_later_success_of_the_same_action_removes_the_failure(desk: Desk) -> None:
    """A success of another action does not."""
    app = fail(desk)
    trigger(app, "table", "act", {"clicks": [{"action": "terminate", "id": "order_A", "click": 7}]})
    assert len(failures(app)) == 1
    desk.gateway.set_status("order_A", Status.RUNNING)
    trigger(app, "table", "act", {"clicks": [{"action": "pause", "id": "order_A", "click": 8}]})
    assert not failures(app)


def test_an_action_that_the_status_does_not_allow_is_not_retried(desk: Desk) -> None:
    """The same action would be refused again."""
    desk.add("order_A")
    app = desk.open()
    desk.gateway.set_status("order_A", Status.COMPLETED)
    click(app, "pause", "order_A")
    assert "Pause order_A: refused" in failures(app)[0]
    assert labels(app) == ["Dismiss"]


def test_many_failures_show_the_newest(desk: Desk) -> None:
    """One button dismisses all of them, and one toast counts them."""
    names = [f"order_{number}" for number in range(MAX_SHOWN + 2)]
    desk.add(*names)
    app = desk.open()
    desk.gateway.errors["state"] = [AWAY] * len(names)
    click(app, "terminate", *names)
    assert len(failures(app)) == MAX_SHOWN
    assert "order_6" in failures(app)[0]
    assert texts(app.toast) == f"{len(names)} actions failed."
    assert not failures(press(app, "Dismiss all, with 2 older"))


def test_a_click_without_a_ledger_from_the_start_is_a_failure(desk: Desk) -> None:
    """The dashboard was restarted while the ledger is away; the page raises no exception."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A")
    services.services().ledger.close()
    services._services.cache_clear()  # as in a new process
    with desk.ledger_away():
        press(app, "Pause")
        assert not app.exception
        (text,) = failures(app)
        assert "Pause order_A: not carried out" in text
        assert "ledger" in text
        assert "Retry" in labels(app)
    press(app, "Retry")
    assert desk.gateway.calls["pause"] == 1


def test_a_failure_is_shown_as_text(desk: Desk) -> None:
    """Markup in an id is escaped."""
    desk.add(":red[x]<b>")
    app = desk.open()
    desk.gateway.errors["state"] = [AWAY]
    click(app, Action.PAUSE, ":red[x]<b>")
    (shown,) = [each.value for each in app.markdown if ":material/error:" in each.value]
    assert ":red[x]" not in shown
    assert "<" not in shown.replace(r"\<", "")
    assert has_widget(app, "table")


def test_a_retry_of_terminate_asks_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting that lets Terminate ask, on each page; other actions are retried at once."""
    monkeypatch.setenv("FLOWDECK_CONFIRM_TERMINATE", "true")
    desk.add("order_A")
    app = desk.open(WAITING)
    failure = {"action": "terminate", "instance_id": "order_A", "outcome": "refused"}
    kept = [failure | {"text": "The engine says no.", "may_succeed": True}]
    trigger(app, "failed_actions", "restore", kept)
    press(app, "Retry")
    assert not desk.gateway.calls["terminate"]
    app.text_input(key="terminate-reason").set_value("no stock")
    app.button(key="terminate-confirmed").click()
    send(app)
    assert desk.gateway.instances["order_A"].status is Status.TERMINATED
    assert desk.ledger.audit_log.of("order_A", 1)[0].reason == "no stock"
    assert not failures(app)
