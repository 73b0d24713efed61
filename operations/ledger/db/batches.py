"""Splits long lists of values into batches that one query can take."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

BATCH_SIZE = 500  # SQLite and PostgreSQL limit the values of a query to some 10,000s

_Value = TypeVar("_Value")


def in_batches(values: Iterable[_Value], size: int = BATCH_SIZE) -> Iterator[list[_Value]]:
    """Yield the values in lists of at most `size`, by default 500."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
