"""Pages with nothing to show, with a query that takes too long, and with an unknown parameter."""

import pytest

from operations.errors import QueryTimeout
from operations.ledger.search.search import Search
from operations.ledger.statistics.statistics import Statistics
from tests.unit.pages import BULK, FAILURES, OVERVIEW, WAITING, Desk, texts, widget


@pytest.mark.parametrize("kind", ["event", "timer", "child", "retry", "activity"])
def test_nothing_waits(desk: Desk, kind: str) -> None:
    """The page has no rows and all counts are zero."""
    app = desk.open(WAITING, kind=kind)
    assert widget(app, "waiting")["rows"] == []
    assert "Events 0 · Retries 0 · Timers 0 · Children 0 · Activities 0" in texts(app.caption)
    assert not [*app.exception, *app.warning, *app.info]


@pytest.mark.parametrize(
    ("page", "of", "name"),
    [
        (OVERVIEW, Search, "attention"),
        (WAITING, Search, "waiting_counts"),
        (WAITING, Search, "waiting"),
        (FAILURES, Statistics, "failures"),
        (FAILURES, Statistics, "failure_samples"),
        (BULK, Search, "page"),
    ],
)
def test_a_query_that_takes_too_long_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, page: str, of: type, name: str
) -> None:
    """The page says so, and has no other error."""
    desk.add("order_A")

    def fail(*_: object, **__: object) -> None:
        raise QueryTimeout

    monkeypatch.setattr(of, name, fail)
    query = {"action": "pause", "status": "running"} if page == BULK else {}
    app = desk.open(page, **query)
    assert str(QueryTimeout()) in texts(app.warning)
    assert not app.exception


@pytest.mark.parametrize(
    ("page", "known"), [(OVERVIEW, "period"), (FAILURES, "period"), (WAITING, "kind")]
)
def test_an_unknown_parameter_is_named(desk: Desk, page: str, known: str) -> None:
    """With those that the page knows; the button removes it."""
    app = desk.open(page, nonsense="x")
    assert f"Ignored in the address: 'nonsense' (expected {known})" in texts(app.markdown)
    app.button(key="remove-ignored").click().run()
    assert "Ignored" not in texts(app.markdown)
