"""Long lists of values, in portions that a query can hold."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

PORTION = 500  # values: SQLite and PostgreSQL take no more than some ten thousands

_Value = TypeVar("_Value")


def in_portions(values: Iterable[_Value], size: int = PORTION) -> Iterator[list[_Value]]:
    """Return values in portions."""
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion
