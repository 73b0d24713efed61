"""The page of the audit log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from operations.errors import QueryTimeout
from operations.model import Action, Actor, Status
from operations.recorder_report import ACKNOWLEDGE_DAMAGE
from operations.records import AuditEntry, Outcome
from tests.unit.pages import AUDIT, Desk, follow, run, texts, widget
from tests.unit.snapshots import APP, at

PAUSE = AuditEntry(
    at=at(1),
    actor=Actor("ann", "operator"),
    action=Action.PAUSE,
    instance_id="order_A",
    outcome=Outcome.DONE,
    before=Status.RUNNING,
    after=Status.SUSPENDED,
    app_id=APP,
)


def rows(app: AppTest) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    found: list[dict[str, Any]] = widget(app, "audit_log")["rows"]
    return found


def ids(app: AppTest) -> list[str]:
    """Return the instance ids of the rows."""
    return [each["id"] for each in rows(app)]


def press(app: AppTest, key: str) -> AppTest:
    """Click a button."""
    app.button(key=key).click()
    return run(app)


def exported(app: AppTest) -> dict[str, list[tuple[str, str]]]:
    """Return the parameters of the links to exports by their labels."""
    links = {each.proto.label: each.proto.url for each in app.get("link_button")}
    return {label: parse_qsl(urlsplit(url).query) for label, url in links.items()}


def test_a_row_has_who_did_what_and_why(desk: Desk) -> None:
    """The newest comes first; ids lead to the instance, a bulk job has a link."""
    desk.add("order_A")
    refused = replace(
        PAUSE,
        at=at(2),
        outcome=Outcome.REFUSED,
        after=None,
        message="Cannot pause it. " * 100,
        reason="to make room",
        bulk_id="b 1",
    )
    desk.ledger.audit_log.add(PAUSE, refused)
    app = desk.open(AUDIT)
    newest, oldest = rows(app)
    assert oldest == {
        "at": at(1).timestamp() * 1000,
        "who": "ann",
        "action": "pause",
        "id": "order_A",
        "href": "instance?id=order_A",
        "app": None,
        "before": "RUNNING",
        "after": "SUSPENDED",
        "outcome": "done",
        "reason": None,
        "message": None,
        "job": None,
    }
    assert (newest["outcome"], newest["reason"]) == ("refused", "to make room")
    assert (newest["job"], len(newest["message"])) == ("bulk?id=b%201", 1000)
    assert texts(app.header) == "Audit log"
    assert "2 entries" in texts(app.caption)
    instance = follow(app, oldest["href"])
    assert widget(instance, "header")["id"] == "order_A"


def test_an_acknowledged_damage_has_no_instance(desk: Desk) -> None:
    """The file stands in its place, without a link."""
    entry = replace(PAUSE, action=ACKNOWLEDGE_DAMAGE, instance_id="ledger.db.damaged-1")
    desk.ledger.for_app("").audit_log.add(entry)
    (row,) = rows(desk.open(AUDIT))
    assert (row["id"], row["href"]) == ("ledger.db.damaged-1", None)


def test_an_entry_of_another_application_has_no_link(desk: Desk) -> None:
    """Its id may have another run here."""
    desk.add("order_A")
    desk.ledger.for_app("billing").audit_log.add(PAUSE)
    (row,) = rows(desk.open(AUDIT))
    assert (row["id"], row["href"], row["app"]) == ("order_A", None, "billing")


def test_the_page_of_an_empty_log(desk: Desk) -> None:
    """It says what will be there; a filter without a match says something else."""
    assert widget(desk.open(AUDIT), "audit_log")["empty"][0] == "No operator has acted yet"
    app = desk.open(AUDIT, who="nobody")
    assert widget(app, "audit_log")["empty"][0] == "Nothing matches"


FILTERS: list[dict[str, str | list[str]]] = [
    {"who": "bob"},
    {"who": " bob "},
    {"what": "purge"},
    {"what": ["purge", "resume"]},
    {"which": "order_B"},
    {"outcome": "refused"},
    {"why": "old"},
    {"when": "last 7 days"},
    {"when": "between", "from": "2026-02-01T00:00"},
]


@pytest.mark.parametrize("query", FILTERS, ids=range(len(FILTERS)))
def test_the_address_has_the_filter(desk: Desk, query: dict[str, str | list[str]]) -> None:
    """A link opens the same page; the exports have the same filter."""
    other = replace(
        PAUSE,
        at=datetime.now(UTC) - timedelta(days=2),
        actor=Actor("bob", "operator"),
        action="purge",
        instance_id="order_B",
        outcome=Outcome.REFUSED,
        reason="Old data",
    )
    desk.ledger.audit_log.add(PAUSE, other)
    app = desk.open(AUDIT, **query)
    assert ids(app) == ["order_B"]
    links = exported(app)
    assert links["CSV"][0] == ("format", "csv")
    assert links["JSON Lines"][0] == ("format", "jsonl")
    assert len(links["CSV"]) > 1


def test_a_range_is_in_the_zone_of_the_viewer(desk: Desk) -> None:
    """Noon in UTC is one o'clock in Berlin; the end is excluded."""
    desk.ledger.audit_log.add(*(replace(PAUSE, at=at(60 * n), instance_id=f"i{n}") for n in (0, 1)))
    query = {"when": "between", "from": "2026-01-11T13:00", "to": "2026-01-11T13:01"}
    app = desk.open(AUDIT, **query)
    assert ids(app) == ["i0"]
    assert exported(app)["CSV"][1:] == [
        ("since", "2026-01-11T12:00:00Z"),
        ("until", "2026-01-11T12:01:00Z"),
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"what": "delete"},
        {"outcome": "good"},
        {"when": "tomorrow"},
        {"when": "between", "from": "soon"},
        {"before": "nonsense"},
        {"other": "x"},
    ],
)
def test_a_wrong_address_shows_the_log(desk: Desk, query: dict[str, str]) -> None:
    """A value that selects nothing is ignored."""
    desk.ledger.audit_log.add(PAUSE)
    app = desk.open(AUDIT, **query)
    assert not app.exception
    assert ids(app) == ["order_A"]
    ignored = texts([*app.caption, *app.markdown])
    assert ("Ignored in the address" in ignored) is bool({"before", "other"} & query.keys())


def test_texts_of_any_shape(desk: Desk) -> None:
    """In the address and in the log."""
    odd = "<b>\u202e\0 :red[x]"
    desk.ledger.audit_log.add(replace(PAUSE, reason=odd, actor=Actor(odd, "operator")))
    app = desk.open(AUDIT, why=odd, who=odd)
    assert not app.exception
    assert [each["reason"] for each in rows(app)] == [odd]


def test_pages_lead_to_each_other(desk: Desk) -> None:
    """The newest page follows the log; another filter starts at the newest page."""
    desk.ledger.audit_log.add(*(replace(PAUSE, at=at(n), instance_id=f"i{n}") for n in range(201)))
    app = desk.open(AUDIT)
    assert "The newest 200 entries" in texts(app.caption)
    app = press(app, "Older →-end")
    assert ids(app) == ["i0"]
    assert "1 entry on this page" in texts(app.caption)
    assert "before" in app.query_params
    app = press(app, "← Newer-top")
    assert (len(ids(app)), "before" in app.query_params) == (200, False)
    app = press(app, "Older →-top")
    app.text_input(key="who").set_value("ann")
    app = run(app)
    assert (len(ids(app)), "before" in app.query_params) == (200, False)


def test_the_page_during_an_outage(desk: Desk) -> None:
    """It says why it is empty; afterwards it shows what was known."""
    desk.ledger.audit_log.add(PAUSE)
    with desk.ledger_away():
        assert "appears as soon as the ledger can be read" in texts(desk.open(AUDIT).info)
    app = desk.open(AUDIT)
    with desk.ledger_away():
        assert ids(run(app)) == ["order_A"]


def test_a_query_that_takes_too_long_is_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how to narrow it."""

    def fail(*_: object, **__: object) -> None:
        raise QueryTimeout

    monkeypatch.setattr(services.services().ledger.audit_search, "page", fail)
    assert "Narrow it" in texts(desk.open(AUDIT, why="x").warning)
