"""What a filter comes to in SQL: walks along an index, each in the list's own order.

A database that chooses among several indexes needs statistics, and with none, or with old ones,
takes one that leads through the whole table. So the choice is made here: the condition that leads
is put as it is, the others so that no index serves them, and they are put to what is met on the
way. What a request looks at has a bound, whatever it finds: see `sweeping`.

Payloads are searched where they are, the newest lives first. 100,000 orders take a quarter of a
second (SQLite); an index of trigrams took 46 µs and 900 bytes more for each life that is written,
has a form of its own in each database, and needs an extension in PostgreSQL.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, exists, or_, select

from operations.ledger.runs.waits import kept_name
from operations.ledger.search.probes import Probes
from operations.ledger.search.sort_keys import Order, Place, micros_of, unindexed
from operations.ledger.tables import NAME, details, runs, waits
from operations.model import Status
from operations.records import Filter

PAYLOADS = 50_000  # lives whose payloads one request looks through
ROWS = 200_000  # lives to which one request puts conditions that no index serves

Conditions = list[ColumnElement[bool]]
_COLUMNS = runs.c
_SEARCHED = [
    details.c[name]
    for name in ("input", "output", "custom_status", "failure_type", "failure_message")
]
_WAITS = "waits_for"
_RARE = {
    "rerun_of": _COLUMNS.rerun_of,
    "parent_id": _COLUMNS.parent_id,
    _WAITS: waits.c.name,
    "failure_type": _COLUMNS.failure_type,
}
_FACETS: dict[str, Column[Any]] = {**_RARE, "custom_status": _COLUMNS.custom_status}
"""What a life may be of, the fewest first."""


class Walks:
    """The ways to what a filter lets through, in an order; each by itself is in that order.

    `statuses` are those that are looked for; none stands for all. A walk's query has three parts:
    its head, which makes an index hold it in order; the bounds of a step, which are places on that
    index (`within`); and the rest, which is hidden from all indexes. The newest that failed or were
    terminated, are of the workflow `ship`, have the failure type `Lost`, and were created since
    noon, are two walks, whose rows are then merged:

        SELECT … FROM instances WHERE failure_type = 'Lost' AND status = 'FAILED'
            AND (created_at, key) > ('… 12:00', 0) AND coalesce(workflow, workflow) IN ('ship')
            ORDER BY created_at DESC, key DESC LIMIT 51
        SELECT … the same with status = 'TERMINATED'

    The failure type leads, as the first of `_FACETS` that is asked for; without any, the workflow
    would. What is waited for is in a table of its own, with the columns of such an index: if it
    leads, head and bounds are of that.

    In an order of ends no index holds what a life may be of: then that leads only if it is that of
    a few, which can be sorted. `order` is the one to read them in, which then hides the index that
    would lead past those few. If nothing leads, there is one walk along the order's own index, and
    all of the filter is the rest.
    """

    def __init__(
        self,
        wanted: Filter,
        order: Order,
        statuses: Sequence[Status],
        probes: Probes,
    ) -> None:
        self._wanted, self.order, self._probes = wanted, order, probes
        named = (name for name in self._leaders if getattr(wanted, name))
        self._lead = next((name for name in named if self._leads(name)), None)
        if self._lead and not order.is_of_creation:
            self.order = replace(order, is_sorted=True)
        elif self._lead == _WAITS:
            self.order = replace(order, is_of_waits=True)
        self.heads = list(self._heads(statuses))
        self.rest = [*self._hidden(statuses), *_texts(wanted)]

    @property
    def reach(self) -> int | None:
        """How many lives a request may look at, None if each is one that is wanted."""
        if self._wanted.anywhere:
            return PAYLOADS
        return ROWS if self.rest else None

    def within(self, beyond: Place | None, end: Place | None = None) -> Conditions:
        """Return the conditions that all that comes after a place fulfils, and no more.

        If it is to go no further than a life that comes after it, that alone bounds it: a third
        bound would mislead SQLite.
        """
        begin = self.order.last(beyond, self._begin)
        begins = [self.order.beyond(begin)] if begin else []
        if end:
            return [*begins, self.order.until(end)]
        return [*begins, *([self.order.reverse.beyond(self._end)] if self._end else [])]

    @property
    def _leaders(self) -> Sequence[str]:
        return list(_FACETS if self.order.is_of_creation else _RARE)

    def _heads(self, statuses: Sequence[Status]) -> Iterator[Conditions]:
        """Return, for each walk, what makes an index hold it in order."""
        firsts = list(self._firsts())
        if not self.order.is_of_creation:  # what is met on the way is read from the index, too
            yield from firsts or [[]]
            return
        if firsts and not statuses:
            statuses = self._probes.statuses or tuple(Status)
        column = waits.c.status if self.order.is_of_waits else _COLUMNS.status
        of_status = [[column == status.value] for status in statuses] or [[]]
        for first in firsts or [[]]:
            yield from ([*first, *each] for each in of_status)

    def _firsts(self) -> Iterator[Conditions]:
        if self._lead:
            yield [self._is_of(self._lead)]
        elif self.order.is_of_creation:
            yield from ([_COLUMNS.workflow == _kept(each)] for each in self._wanted.workflows)

    def _leads(self, name: str) -> bool:
        return self.order.is_of_creation or self._probes.are_few(self._is_of(name))

    def _is_of(self, name: str) -> ColumnElement[bool]:
        if name == _WAITS:
            return and_(
                waits.c.run_id == _COLUMNS.run_id, waits.c.name == kept_name(self._wanted.waits_for)
            )
        return _FACETS[name] == _kept(getattr(self._wanted, name))

    def _hidden(self, statuses: Sequence[Status]) -> Iterator[ColumnElement[bool]]:
        wanted, of_creation = self._wanted, self.order.is_of_creation
        for name, column in _FACETS.items():
            if name not in {self._lead, _WAITS} and (value := getattr(wanted, name)):
                yield unindexed(column) == _kept(value)
        if wanted.waits_for and self._lead != _WAITS:
            waiting = select(waits.c.name).where(self._is_of(_WAITS)).correlate(runs)
            yield waiting.scalar_subquery().is_not(None)
        if wanted.workflows and (self._lead or not of_creation):
            yield unindexed(_COLUMNS.workflow).in_([_kept(each) for each in wanted.workflows])
        if statuses and not of_creation:
            yield unindexed(_COLUMNS.status).in_([each.value for each in statuses])
        if wanted.since and not of_creation:
            yield unindexed(_COLUMNS.created_at) >= wanted.since
        if wanted.until and not of_creation:
            yield unindexed(_COLUMNS.created_at) < wanted.until

    @property
    def _begin(self) -> Place | None:
        return self._since if self.order.ascends else self._until

    @property
    def _end(self) -> Place | None:
        return self._until if self.order.ascends else self._since

    @property
    def _since(self) -> Place | None:
        """Return the place beyond which, in ascending order, there is what was created since."""
        since = self._wanted.since if self.order.is_of_creation else None
        return Place(micros_of(since), 0) if since else None  # keys begin with 1

    @property
    def _until(self) -> Place | None:
        until = self._wanted.until if self.order.is_of_creation else None
        return Place(micros_of(until), 0) if until else None


def _texts(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.text:
        yield _has(_COLUMNS.instance_id, wanted.text)
    if wanted.anywhere:
        written = _written(wanted.anywhere)
        told = [_has(column, text) for column in _SEARCHED for text in written]
        yield or_(
            _has(_COLUMNS.instance_id, wanted.anywhere),
            exists().where(details.c.run_id == _COLUMNS.run_id, or_(*told)),
        )


def _has(column: Column[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)


def _written(text: str) -> list[str]:
    """Return a text as it may stand in JSON."""
    forms = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    return list(dict.fromkeys(forms))


def _kept(text: str) -> str:
    """Return a text as it stands in a column."""
    return text[:NAME]
