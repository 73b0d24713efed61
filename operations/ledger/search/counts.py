"""How many lives there are, counted no further than anybody reads."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from sqlalchemy import Connection, literal_column

from operations.ledger.search.filters import Walks
from operations.ledger.search.probes import Probes
from operations.ledger.search.sort_keys import Order, Place
from operations.ledger.search.sweeping import Step, Sweep, cut_short
from operations.ledger.search.together import count_together
from operations.model import Status
from operations.records import Count, Filter, Sort

CAP = 10_000  # of each status

_Of = TypeVar("_Of")


def read_counts(connection: Connection, wanted: Filter) -> dict[Status, Count]:
    """Count the entries of each status, whatever statuses are wanted.

    Where conditions reach no further than some lives, all statuses are counted as far as that.
    """
    order, probes = Order(Sort.NEWEST), Probes(connection)
    lead = Walks(wanted, order, (), probes)
    each = {
        status: Walks(wanted, order, [status], probes) if status in probes.statuses else None
        for status in Status
    }
    return _count(connection, lead, each, None)


def count(connection: Connection, walks: Walks, beyond: Place) -> Count:
    """Count what comes after a place."""
    return _count(connection, walks, {"all": walks}, beyond)["all"]


def _count(
    connection: Connection,
    lead: Walks,
    each: Mapping[_Of, Walks | None],
    beyond: Place | None,
) -> dict[_Of, Count]:
    """Count what each of some walks has, step by step of those that lead; None has nothing."""
    numbers = dict.fromkeys(each, 0)
    sweep = Sweep(connection, lead, beyond)
    with cut_short(sweep):
        for step in sweep.steps():
            counted = {of: walks for of, walks in each.items() if walks and numbers[of] <= CAP}
            for of, number in _numbers(connection, step, counted):
                numbers[of] += number
    return {
        of: Count(min(number, CAP), is_capped=number > CAP or not sweep.is_done)
        for of, number in numbers.items()
    }


def _numbers(
    connection: Connection, step: Step, each: Mapping[_Of, Walks]
) -> Iterator[tuple[_Of, int]]:
    """Count a step's lives on each walk, no further than to what is more than the cap."""
    queries = [
        (of, query.limit(CAP + 1))
        for of, walks in each.items()
        for query in step.queries(walks, literal_column("1"))
    ]
    found = count_together(connection, [query for _, query in queries])
    return zip((of for of, _ in queries), found, strict=True)
