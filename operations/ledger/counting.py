"""How many lives there are, counted no further than anybody reads."""

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import Connection, func, literal_column, select

from operations.ledger.filtering import Conditions, Walks
from operations.ledger.sorting import Order, Place
from operations.ledger.sweeping import Sweep, cut_short
from operations.model import Status
from operations.records import Count, Filter, Sort

CAP = 10_000  # of each status

_Of = TypeVar("_Of")


def read_counts(connection: Connection, wanted: Filter) -> dict[Status, Count]:
    """Count the entries of each status, whatever statuses are wanted.

    Where conditions reach no further than some lives, all statuses are counted as far as that.
    """
    order = Order(Sort.NEWEST)
    each = {status: Walks(wanted, order, [status]) for status in Status}
    return _count(connection, Walks(wanted, order, ()), each, order, None)


def count(connection: Connection, walks: Walks, order: Order, beyond: Place) -> Count:
    """Count what comes after a place."""
    return _count(connection, walks, {"all": walks}, order, beyond)["all"]


def _count(
    connection: Connection,
    lead: Walks,
    each: Mapping[_Of, Walks],
    order: Order,
    beyond: Place | None,
) -> dict[_Of, Count]:
    """Count what each of some walks has, step by step of those that lead."""
    numbers = dict.fromkeys(each, 0)
    sweep = Sweep(connection, lead, order, beyond)
    with cut_short(sweep):
        for step in sweep.steps():
            found = {
                of: _number(connection, walks, step.within(walks, order))
                for of, walks in each.items()
                if numbers[of] <= CAP
            }
            numbers |= {of: numbers[of] + number for of, number in found.items()}
    return {
        of: Count(min(number, CAP), is_capped=number > CAP or not sweep.is_done)
        for of, number in numbers.items()
    }


def _number(connection: Connection, walks: Walks, within: Conditions) -> int:
    """Count a step's lives, no further than to what is more than the cap."""
    number = 0
    for head in walks.heads:
        conditions = (*head, *within, *walks.rest)
        some = select(literal_column("1")).where(*conditions).limit(CAP + 1).subquery()
        query = select(func.count()).select_from(some)
        number += connection.execute(query).scalar_one()
        if number > CAP:
            break
    return number
