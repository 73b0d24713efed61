"""Measures how quickly the overview is read, by the number of finished runs, on SQLite."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

from bench.ledger import fill, measure_query
from bench.queries import Query
from bench.synthetic_runs import APP, END
from dashboard.overview.overview_data import PeriodLength, read_overview
from operations.ledger import Ledger, open_ledger
from operations.records import Period

COUNTS = (100_000, 1_000_000)


def measure() -> None:
    """Print the times of the overview, and of its parts, for each size of the ledger."""
    for count in COUNTS:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(open_ledger(f"sqlite:///{folder}/ledger.db").for_app(APP)) as ledger,
        ):
            fill(ledger, "SQLite", count, datetime.now(UTC) - END)
            print("milliseconds: p50, p95")
            for query in _queries(ledger):
                measure_query(query)


def _queries(ledger: Ledger) -> Iterator[Query]:
    now = datetime.now(UTC)
    day = Period(now - timedelta(days=1), now)
    yield Query("failure groups of a day", partial(ledger.statistics.failures, day))
    groups = ledger.statistics.failures(day)
    yield Query("their samples", partial(ledger.statistics.failure_samples, groups, day))
    yield Query("what needs a person", ledger.search.attention)
    yield Query("unfinished runs", ledger.search.unfinished)
    for length in PeriodLength:
        yield Query(f"the overview of a {length}", partial(read_overview, ledger, length))
