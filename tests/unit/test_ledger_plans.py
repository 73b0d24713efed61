"""How PostgreSQL finds what a ledger of many instances is asked."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from operations.ledger import Ledger, open_ledger
from operations.ledger.db.sessions import writing
from operations.model import Status
from operations.records import Filter
from tests.postgres.ledgers import Ledgers
from tests.postgres.server import Server
from tests.unit.plans import plans
from tests.unit.snapshots import ID, at, done, snapshot, summary

CROWD = """
    INSERT INTO instances (instance_id, execution_id, workflow, status, created_at, read_at,
        revision, is_latest, is_archived, purged_at)
    SELECT 'crowd_' || n, 'e' || n, 'order_workflow',
        CASE WHEN n % 100 = 0 THEN 'RUNNING' WHEN n % 10 = 1 THEN 'FAILED' ELSE 'COMPLETED' END,
        now() - n * interval '1 second', now(), n, n % 20 > 0, n % 100 > 0,
        CASE WHEN n % 3 = 1 THEN now() END
    FROM generate_series(1, 20000) n
"""


@pytest.fixture(scope="module")
def crowded(postgres: Server, ledgers: Ledgers) -> Iterator[Ledger]:
    """Return a ledger of 20,000 instances, and of two lives of `order_A`."""
    url = postgres.new(ledgers.template)
    with closing(open_ledger(url)) as ledger:
        ledger.runs.ingest([done(seen=9), snapshot(execution="e2", created=20, seen=21)])
        for command in (CROWD, "ANALYZE"):
            with writing(ledger._engine) as connection:
                connection.execute(text(command))
        yield ledger
    postgres.drop(url)


def there_and_back(wanted: Filter) -> Callable[[Ledger], object]:
    """Return what asks for the newest page, the one after it, and the newest again."""

    def ask(ledger: Ledger) -> None:
        newest = ledger.runs.page(wanted, limit=10)
        older = ledger.runs.page(wanted, limit=10, cursor=newest.older, placed=True)
        ledger.runs.page(wanted, limit=10, cursor=older.newer, placed=True)

    return ask


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda ledger: ledger.runs.unfinished(20_000), "followed"),
        (lambda ledger: ledger.runs.latest(ID), "(latest_of_id|execution)"),
        (lambda ledger: ledger.runs.adjacent_runs(summary(ledger)), "latest_of_id"),
        (lambda ledger: ledger.runs.ingest([done(execution="e9")]), "execution"),
        (lambda ledger: ledger.runs.mark_purged({ID: at(1)}), "(latest_of_id|execution)"),
    ],
)
def test_an_answer_is_found_by_an_index(
    crowded: Ledger, ask: Callable[[Ledger], object], index: str
) -> None:
    """No question takes all of the table."""
    steps = plans(crowded, ask)
    assert any(re.search(rf"(using|on) instances_{index}\b", step) for step in steps), steps
    assert not any("Seq Scan" in step for step in steps), steps


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(), "newest"),
        (Filter(text="crowd"), "newest"),
        (Filter(frozenset({Status.FAILED})), "newest_of_status"),
        (Filter(frozenset({Status.FAILED, Status.RUNNING})), "newest_of_status"),
    ],
)
def test_a_page_is_found_by_an_index(crowded: Ledger, wanted: Filter, index: str) -> None:
    """No page needs the others to be read, or anything to be sorted."""
    steps = plans(crowded, there_and_back(wanted))
    scans = [step for step in steps if "Scan" in step]
    assert len(scans) >= 3
    assert all(f"using instances_{index} on" in step for step in scans), steps
    assert not any("Sort" in step for step in steps)
