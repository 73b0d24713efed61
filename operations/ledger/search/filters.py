"""Compiles a `Filter` into SQL: conditions on `runs`, and selects of the runs that it matches."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, or_, select

from operations.ledger.micros import micros_of
from operations.ledger.runs.waits import stored_name
from operations.ledger.search.attention import needs_attention
from operations.ledger.search.text_index import is_indexed, matches
from operations.ledger.tables import MAX_NAME_LENGTH, run_texts, runs, waits
from operations.model import Status
from operations.records import Filter
from operations.time_texts import later_of

_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = runs.c
_LAST = "\U0010ffff"  # the last character: no id has a later one
_EQUAL: dict[str, Column[Any]] = {
    name: _COLUMNS[name]
    for name in ("custom_status", "error_type", "failure_group", "parent_id", "rerun_of")
}

Columns = Collection[ColumnElement[Any]]


@dataclass(frozen=True)
class Matches:
    """The runs that a filter matches, on a database with this dialect."""

    wanted: Filter
    dialect: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_by_text(self) -> bool:
        """True if the text index finds the runs."""
        return is_indexed(self.wanted.id_part) or is_indexed(self.wanted.text)

    @property
    def has_text(self) -> bool:
        """True if the filter has a text or a part of an id.

        One of fewer than 3 characters matches the start of ids alone.
        """
        return bool(self.wanted.id_part or self.wanted.text)

    @property
    def statuses(self) -> list[Status]:
        """The wanted statuses, or all of them."""
        return sorted(self.wanted.statuses) or list(Status)

    def of_status(self, status: Status, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return the select of the runs with one status.

        The indexes of lists are (columns of equality, status, sort key). So an index sorts the runs
        of one status, but not the runs of several.
        """
        # Few runs wait, so a list of them starts from `waits`, which repeats the status.
        column = waits.c.status if self.wanted.waits_for else _COLUMNS.status
        query = self._select(columns).where(column == status.value)
        if self.wanted.attention:
            query = query.where(needs_attention(self.wanted.attention, status))
        return query

    def by_text(self, *columns: ColumnElement[Any], any_status: bool = False) -> Select[Any]:
        """Return the select of the runs that a text, or a prefix of the id, matches."""
        query = self._select(columns)
        if self.wanted.attention:
            query = query.where(needs_attention(self.wanted.attention))
        if self.is_by_text:
            query = query.join(run_texts, run_texts.c.run_id == _COLUMNS.run_id)
            query = query.where(matches(self.wanted, self.dialect))
        if self.wanted.statuses and not any_status:
            query = query.where(_COLUMNS.status.in_([each.value for each in self.statuses]))
        return query

    def _select(self, columns: Columns) -> Select[Any]:
        """Return the select with all conditions except the statuses and the indexed texts."""
        query = select(*columns).where(*self._conditions())
        if not self.wanted.waits_for:
            return query
        query = query.join(waits, waits.c.run_id == _COLUMNS.run_id)
        return query.where(waits.c.name == stored_name(self.wanted.waits_for))

    @property
    def _prefixes(self) -> list[str]:
        texts = (self.wanted.id_part, self.wanted.text)
        return [each for each in texts if each and not is_indexed(each)]

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions on columns of `runs`, except the statuses."""
        wanted = self.wanted
        for name, column in _EQUAL.items():
            if value := getattr(wanted, name):
                yield column == value[:MAX_NAME_LENGTH]
        if wanted.workflows:
            yield _COLUMNS.workflow.in_(sorted(each[:MAX_NAME_LENGTH] for each in wanted.workflows))
        if wanted.since:
            yield _COLUMNS.created_at >= wanted.since
        if wanted.until:
            yield _COLUMNS.created_at < wanted.until
        if wanted.last is not None:
            yield _COLUMNS.created_at >= self.now - wanted.last
        yield from self._conditions_on_end()
        if wanted.top_level:
            # The same words as `IS_TOP_LEVEL`, the condition of the indexes of such lists.
            yield or_(_COLUMNS.parent_id.is_(None), _COLUMNS.parent_app_id.is_not(None))
        for prefix in self._prefixes:
            column = _COLUMNS.instance_id
            yield and_(column >= prefix, column < prefix + _LAST)

    def _conditions_on_end(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions on end and duration, which are -1 while they are unknown."""
        wanted = self.wanted
        ended, duration = _COLUMNS.ended_micros, _COLUMNS.duration_micros
        moving = None if wanted.ended_last is None else self.now - wanted.ended_last
        if since := later_of(wanted.ended_since, moving):
            yield ended >= max(0, micros_of(since))
        if wanted.ended_until:
            yield and_(ended >= 0, ended < micros_of(wanted.ended_until))
        if wanted.min_duration is not None or wanted.max_duration is not None:
            yield duration >= max(0, (wanted.min_duration or timedelta()) // _MICROSECOND)
        if wanted.max_duration is not None:
            yield duration <= wanted.max_duration // _MICROSECOND
