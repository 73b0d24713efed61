"""No list takes the whole of a table: whatever is asked for together, and in each order."""

import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import text

from operations.ledger import Ledger, open_ledger
from operations.ledger.db.sessions import writing
from operations.model import Status
from operations.records import Filter, Sort
from tests.postgres.ledgers import Ledgers
from tests.postgres.server import Server
from tests.unit.crowds import MANY, crowd
from tests.unit.plans import asked, plan
from tests.unit.snapshots import at

DATABASES = ("sqlite", "postgresql")
KNOWLEDGE = ("nothing", "all")
"""What the database knows of its tables: an ANALYZE tells it."""
FEW = 100  # lives that are sorted: more have failed, fewer are of one parent
TOGETHER = 2  # conditions, and one more with a time range, which made databases choose wrongly
PARTS: list[dict[str, Any]] = [
    {"statuses": frozenset({Status.FAILED})},
    {"statuses": frozenset({Status.FAILED, Status.COMPLETED})},
    {"workflows": frozenset({"audit"})},
    {"since": at(10)},
    {"until": at(MANY - 10)},
    {"text": "nobody"},
    {"anywhere": "nobody"},
    {"custom_status": "confirmed"},
    {"failure_type": "ValueError"},
    {"waits_for": "approval"},
    {"parent_id": "parent"},
    {"rerun_of": "source"},
]
WHOLE = re.compile(r"Seq Scan|^SCAN (instances|details|waits)(?! USING)")
INDEX = re.compile(
    r"(?:using|USING(?: COVERING)? INDEX|Bitmap Index Scan on) "
    r"(?:instances_(?!pkey)|(?=waits_))(\w+)"
)
FEW_HAVE = {"newest_of_rerun_of", "newest_of_parent_id"}
SORTED = re.compile(r"Sort Key: (?!(?:anon_\d+|\"ANY_subquery\")\.key$)|TEMP B-TREE FOR ORDER")
"""Not the keys of a page, which PostgreSQL puts in order before it looks for each."""


def filters() -> list[Filter]:
    """Return all filters of so many conditions at most."""
    few = (parts for number in range(TOGETHER + 1) for parts in combinations(PARTS, number))
    more = (parts for parts in combinations(PARTS, TOGETHER + 1) if {"since": at(10)} in parts)
    mixed = (*few, *more)
    told = ({name: of for part in parts for name, of in part.items()} for parts in mixed)
    return list(dict.fromkeys(Filter(**each) for each in told))


@pytest.fixture(scope="module", params=DATABASES)
def bare(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Server,
    ledgers: Ledgers,
) -> Iterator[Ledger]:
    """Return a ledger of very many lives, of which its database knows nothing."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('walks')}/ledger.db"
        with closing(open_ledger(url)) as ledger:
            crowd(ledger)
            yield ledger
        return
    url = postgres.new(ledgers.template)
    with closing(open_ledger(url)) as ledger:
        for table in ("instances", "details"):
            _run(ledger, f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        crowd(ledger)
        yield ledger
    postgres.drop(url)


@pytest.fixture(scope="module", params=KNOWLEDGE)
def crowded(request: pytest.FixtureRequest, bare: Ledger) -> Ledger:
    """Return it as it is, then with what an ANALYZE tells."""
    if request.param == "all":
        _run(bare, "ANALYZE")
    return bare


def _run(ledger: Ledger, command: str) -> None:
    with writing(ledger._engine) as connection:
        connection.execute(text(command))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one request take one step, and sort a few."""
    monkeypatch.setattr("operations.ledger.search.sweeping.PATIENCE", 0)
    monkeypatch.setattr("operations.ledger.search.probes.FEW", FEW)


def leads(wanted: Filter, sort: Sort | None) -> set[str]:
    """Return the indexes that may lead to what is wanted; no sort stands for the counts."""
    few = [name for name in ("rerun_of", "parent_id") if getattr(wanted, name)]
    many = [name for name in ("waits_for", "failure_type") if getattr(wanted, name)]
    if sort in {Sort.ENDED, Sort.LONGEST}:  # whether they are few is looked up in their own index
        return set(map(index_of, [*few[:1], *many])) | (set() if few else {sort})
    if facets := [*few, *many, *(["custom_status"] if wanted.custom_status else [])]:
        return {index_of(facets[0])}
    if wanted.workflows:
        return {"newest_of_workflow"}
    if sort is None:
        return {"newest", "newest_of_status"}
    return {"newest_of_status"} if wanted.statuses else {"newest"}


def index_of(facet: str) -> str:
    """Return the index for lists of what has something in common."""
    return "waits_newest" if facet == "waits_for" else f"newest_of_{facet}"


def ask(ledger: Ledger, wanted: Filter, sort: Sort | None) -> None:
    """Ask for the counts, or for the first page, the one after it, and the first again."""
    if sort is None:
        ledger.runs.counts(wanted)
        return
    page = ledger.runs.page
    first = page(wanted, limit=1, sort=sort)
    if first.older:
        second = page(wanted, limit=1, sort=sort, cursor=first.older)
        page(wanted, limit=1, sort=sort, cursor=second.newer)


@pytest.mark.parametrize("sort", [*Sort, None], ids=lambda each: each or "counts")
def test_an_index_leads_to_all_that_is_read(crowded: Ledger, sort: Sort | None) -> None:
    """Whatever the database knows; only of what a few lives have anything is sorted."""
    seen = set()
    for wanted in filters():
        expected = leads(wanted, sort) | by_the_way(crowded, wanted)
        for query in asked(crowded, partial(ask, wanted=wanted, sort=sort)):
            statement = (query[0], frozenset(expected))
            if statement in seen:
                continue
            seen.add(statement)
            steps = plan(crowded, query, as_question=True)
            used = {found[1] for step in steps for found in INDEX.finditer(step)}
            is_sorted = any(SORTED.search(step) for step in steps)
            told = f"{wanted}, {query}: {steps}"
            assert not any(WHOLE.search(step) for step in steps), told
            assert used, told
            assert used <= expected, told
            assert not is_sorted or is_of_few(used, sort), told
    assert len(seen) > 20  # statements, or there was nothing to look at


def test_the_statuses_that_there_are_are_found_by_their_index(crowded: Ledger) -> None:
    """Each by one look, also the one that most lives have."""
    (query,) = asked(crowded, lambda ledger: ledger.runs.counts(Filter()), begins="WITH")
    steps = plan(crowded, query, as_question=True)
    assert not any(WHOLE.search(step) for step in steps), steps
    assert {found[1] for step in steps for found in INDEX.finditer(step)} == {"newest_of_status"}
    counts = crowded.runs.counts(Filter())
    there = {status for status, count in counts.items() if count.number}
    assert there == {Status.COMPLETED, Status.FAILED, Status.RUNNING}


def by_the_way(ledger: Ledger, wanted: Filter) -> set[str]:
    """Return what also may lead: PostgreSQL may know that most have a wanted status or name."""
    if ledger._engine.dialect.name == "sqlite":
        return set()
    is_of_most = Status.COMPLETED in wanted.statuses and not wanted.workflows
    return {*(["newest"] if is_of_most else []), *(["waits_pkey"] if wanted.waits_for else [])}


def is_of_few(used: set[str], sort: Sort | None) -> bool:
    """Whether only of what a few lives have something was read, in an order of ends."""
    return sort in {Sort.ENDED, Sort.LONGEST} and used - {"waits_pkey"} <= FEW_HAVE
