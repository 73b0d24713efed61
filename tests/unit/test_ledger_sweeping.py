"""Searches that look only so far at once, and questions that take too long."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from operations.errors import QueryTimeout
from operations.ledger import Ledger
from operations.ledger.search import sweeping as module
from operations.model import Status
from operations.records import ALL_TIME, Filter, Horizon, Page, Period, Snapshot, Sort
from operations.timeline import Timeline
from tests.unit.snapshots import activity, at, done, snapshot

pytestmark = pytest.mark.both_databases

MANY = 60
RARE = Filter(anywhere="needle")
"""What every tenth has in its output."""


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Return a ledger with lives of which a few are wanted."""
    ledger.runs.ingest([run(number) for number in range(MANY)])
    return ledger


def run(number: int) -> Snapshot:
    """Return a life that was created so many seconds after noon, and took as many more."""
    output = '"a needle"' if number % 10 == 0 else '"hay"'
    return done(
        instance_id=f"order_{number:02}",
        execution=f"e{number}",
        created=number,
        seen=100 + 2 * number,
        output=output,
    )


def pages(ledger: Ledger, sort: Sort, limit: int = 2) -> Iterator[Page]:
    """Return all pages of the search, the first one first."""
    page = ledger.runs.page(RARE, limit=limit, sort=sort)
    yield page
    while page.older:
        page = ledger.runs.page(RARE, limit=limit, sort=sort, cursor=page.older)
        yield page


def ids(found: Iterator[Page]) -> list[str]:
    """Return the ids on pages."""
    return [summary.instance_id for page in found for summary in page.runs]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("first", [1, 7, 1000])
def test_nothing_is_skipped_and_nothing_comes_twice(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, sort: Sort, first: int
) -> None:
    """However small the steps are, and though each request has time for one alone."""
    wanted = [f"order_{number:02}" for number in range(0, MANY, 10)]
    expected = wanted if sort is Sort.OLDEST else wanted[::-1]
    monkeypatch.setattr(module, "FIRST", first)
    assert ids(pages(filled, sort)) == expected
    monkeypatch.setattr(module, "PATIENCE", 0)
    assert ids(pages(filled, sort)) == expected


@pytest.mark.parametrize("sort", [Sort.ENDED, Sort.LONGEST])
@pytest.mark.parametrize("number", [20, 2])
def test_many_of_a_kind_are_met_on_the_way(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, sort: Sort, number: int
) -> None:
    """Only a few are sorted; which of both it is, the list is the same."""
    monkeypatch.setattr("operations.ledger.search.probes.FEW", number)
    monkeypatch.setattr(module, "FIRST", 7)
    monkeypatch.setattr(module, "PATIENCE", 0)
    children = [replace(run(each), timeline=_below(run(each))) for each in range(5, 15)]
    filled.runs.ingest(children)
    wanted, found = Filter(parent_id="order_P"), list[str]()
    page = filled.runs.page(wanted, limit=3, sort=sort)
    found.extend(each.instance_id for each in page.runs)
    assert (page.horizon is None) is (number == 20)
    while page.older:
        page = filled.runs.page(wanted, limit=3, sort=sort, cursor=page.older)
        found.extend(each.instance_id for each in page.runs)
    assert found == [f"order_{each:02}" for each in range(14, 4, -1)]


def _below(seen: Snapshot) -> Timeline:
    return replace(seen.timeline, parent_id="order_P")


def test_a_search_says_how_far_it_looked(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it stopped before the end of the list; a page that is full needs no such words."""
    monkeypatch.setattr(module, "FIRST", 15)
    monkeypatch.setattr(module, "PATIENCE", 0)
    page = filled.runs.page(RARE, limit=5)
    assert [each.instance_id for each in page.runs] == ["order_50"]
    assert page.horizon == Horizon(at=at(45))
    assert page.older
    longest = filled.runs.page(RARE, limit=5, sort=Sort.LONGEST)
    assert longest.horizon == Horizon(took=100 + 45)
    monkeypatch.setattr(module, "FIRST", 25)
    assert filled.runs.page(RARE, limit=1).horizon is None
    monkeypatch.setattr(module, "PATIENCE", 60)
    assert filled.runs.page(RARE, limit=9).horizon is None


def test_a_count_that_looked_only_so_far_is_one_of_at_least_so_many(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All statuses are counted as far."""
    assert str(filled.runs.counts(RARE)[Status.COMPLETED]) == "6"
    monkeypatch.setattr(module, "FIRST", 15)
    monkeypatch.setattr(module, "PATIENCE", 0)
    assert str(filled.runs.counts(RARE)[Status.COMPLETED]) == "1+"
    assert str(filled.runs.counts(RARE)[Status.FAILED]) == "0+"


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: ledger.runs.page(RARE, limit=9),
        lambda ledger: ledger.runs.counts(RARE),
        lambda ledger: ledger.statistics.workflows(ALL_TIME),
        lambda ledger: ledger.statistics.activities(ALL_TIME),
        lambda ledger: ledger.statistics.failures(ALL_TIME),
    ],
)
def test_a_question_that_has_no_time_is_too_wide(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    """It is refused with its remedy: the ledger is there. The next one is answered."""
    with monkeypatch.context() as hurried:
        hurried.setattr("operations.ledger.db.sessions.QUESTION", 1e-6)
        hurried.setattr("operations.ledger.statistics.statistics.SECONDS", 1e-6)
        hurried.setattr("operations.ledger.db.sessions._STEPS", 1)
        with pytest.raises(QueryTimeout, match="Narrow it"):
            ask(filled)
    assert ask(filled)


def test_a_search_that_is_cut_in_a_later_step_tells_what_it_found(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it looked at is not lost: the next request goes on from there."""
    monkeypatch.setattr(module, "FIRST", 15)
    asked = count()
    end = module.Sweep._end

    def cut(sweep: module.Sweep, size: int) -> Any:
        if next(asked):
            sweep._connection.execute(text(_endless(sweep)))
        return end(sweep, size)

    monkeypatch.setattr("operations.ledger.db.sessions.QUESTION", 1.0)
    with monkeypatch.context() as slow:
        slow.setattr(module.Sweep, "_end", cut)
        page = filled.runs.page(RARE, limit=5)
    assert [each.instance_id for each in page.runs] == ["order_50"]
    assert page.horizon == Horizon(at=at(45))
    assert page.older
    rest = filled.runs.page(RARE, limit=9, cursor=page.older)
    assert [each.instance_id for each in rest.runs] == [
        f"order_{number}" for number in ("40", "30", "20", "10", "00")
    ]


def test_a_search_whose_time_is_up_between_two_statements_tells_what_it_found(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does whose statement was ended."""
    monkeypatch.setattr(module, "FIRST", 15)
    monkeypatch.setattr("operations.ledger.db.sessions._STEPS", 1)
    monkeypatch.setattr("operations.ledger.db.sessions.QUESTION", 1.0)
    asked, end = count(), module.Sweep._end

    def pause(sweep: module.Sweep, size: int) -> Any:
        if next(asked):
            time.sleep(1.1)
        return end(sweep, size)

    monkeypatch.setattr(module.Sweep, "_end", pause)
    page = filled.runs.page(RARE, limit=5)
    assert [each.instance_id for each in page.runs] == ["order_50"]
    assert page.horizon == Horizon(at=at(45))


def test_a_page_is_there_though_nobody_had_the_time_to_count_what_is_before_it(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it does not tell its place."""
    first = filled.runs.page(Filter(), limit=5)

    def too_late(*_: object) -> None:
        raise QueryTimeout

    monkeypatch.setattr("operations.ledger.search.pages.count", too_late)
    page = filled.runs.page(Filter(), limit=5, cursor=first.older, placed=True)
    assert (len(page.runs), page.before) == (5, None)


@pytest.mark.parametrize("ask", ["workflows", "activities"])
def test_statistics_are_of_as_much_as_there_is_time_for(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """The latest ends; the answer says since when."""
    spans = tuple(activity(number, 0, number) for number in range(1, 20))
    filled.runs.ingest([snapshot(instance_id="order_A", seen=3600, spans=spans)])
    monkeypatch.setattr("operations.ledger.statistics.latest_rows.PATIENCE", 0)
    monkeypatch.setattr("operations.ledger.statistics.latest_rows._AT_ONCE", 4)
    within = Period(at(0), at(9000))
    told = getattr(filled.statistics, ask)(within)
    assert sum(each.count for each in told.of) == 3
    assert told.within.since > within.since


def _endless(sweep: module.Sweep) -> str:
    if sweep._connection.dialect.name == "postgresql":
        return "SELECT pg_sleep(60)"
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
