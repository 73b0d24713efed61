"""Reads a page of the list, and makes the data of its widgets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.listing.address_filter import query_text
from dashboard.listing.filter_parameters import PAGE, SORT, Query
from dashboard.listing.table_data import list_address, row
from operations.failure_groups import GroupKey
from operations.ledger import Ledger
from operations.ledger.search.attention import UNFINISHED
from operations.model import Status
from operations.records import Count, Filter, Page, RunSummary, Sort

PER_PAGE = 50
MAX_CHILDREN = 50  # of a run, that are shown under it
CLOCK_DIFFERENCE = timedelta(seconds=5)  # between the sidecars that created a run and its child
STATUSES = (
    Status.RUNNING,
    Status.SUSPENDED,
    Status.PENDING,
    Status.FAILED,
    Status.COMPLETED,
    Status.TERMINATED,
)  # any other status is shown only if a run has it
VIEWS: tuple[tuple[str, Query], ...] = (
    ("Failed today", {"status": ["failed"], "ended_last": ["today"], SORT: ["ended"]}),
    ("Waiting", {"attention": ["event"]}),
    ("Longest running", {"status": [each.lower() for each in UNFINISHED], SORT: ["oldest"]}),
)
"""Built-in views: a name, and the parameters of the list."""

Counts = dict[Status, Count]
NONE = Count(0)


@dataclass(frozen=True)
class Listed:
    """A page of runs, the number of runs of each status, and who suspended runs, by `run_id`.

    `group` is the failure group of the filter, None without one. `parents` has the `run_id`s of
    the runs whose children are folded under them.
    """

    page: Page
    counts: Counts
    paused_by: dict[int, str]
    group: GroupKey | None
    parents: frozenset[int]


@dataclass(frozen=True)
class Children:
    """The first children of a run by their creation, who suspended them, and their number."""

    runs: tuple[RunSummary, ...]
    paused_by: dict[int, str]
    total: Count


def read_list(ledger: Ledger, wanted: Filter, sort: Sort, cursor: str | None) -> Listed:
    """Read a page of the list; raise `LedgerUnavailable` and `QueryTimeout`."""
    page = ledger.search.page(wanted, limit=PER_PAGE, cursor=cursor, sort=sort, with_position=True)
    group = ledger.statistics.failure_group(wanted.failure_group) if wanted.failure_group else None
    run_ids = [each.run_id for each in page.runs]
    parents = ledger.search.parents(run_ids) if wanted.top_level else frozenset[int]()
    paused_by = _paused_by(ledger, page.runs)
    return Listed(page, ledger.search.counts(wanted), paused_by, group, parents)


def read_children(ledger: Ledger, parent: RunSummary) -> Children:
    """Read the children of a run; raise `LedgerUnavailable` and `QueryTimeout`.

    A child names only the id of its parent: those of the id's other runs were created at other
    times.
    """
    wanted = Filter(
        parent_id=parent.instance_id,
        since=parent.created_at - CLOCK_DIFFERENCE,
        until=None if parent.is_latest else _after(parent.over_at),
    )
    page = ledger.search.page(wanted, limit=MAX_CHILDREN, sort=Sort.OLDEST)
    runs = tuple(each for each in page.runs if _is_child(each, parent))
    is_whole = len(page.runs) < MAX_CHILDREN
    total = Count(len(runs)) if is_whole else ledger.search.count(wanted)
    return Children(runs, _paused_by(ledger, runs), total)


def _after(over_at: datetime | None) -> datetime | None:
    return over_at and over_at + CLOCK_DIFFERENCE


def _is_child(run: RunSummary, parent: RunSummary) -> bool:
    """Return False if the parent of a run is an instance of another application."""
    return (run.parent_app_id or run.app_id) == parent.app_id


def _paused_by(ledger: Ledger, runs: Sequence[RunSummary]) -> dict[int, str]:
    pauses = ledger.audit_log.pauses_of(runs)
    return {run_id: pause.actor.name for run_id, pause in pauses.items()}


def rows(listed: Listed, unfolded: dict[int, Children]) -> list[dict[str, Any]]:
    """Return the rows of the table; the children in `unfolded` follow their parent."""
    return list(_rows(listed, unfolded))


def _rows(listed: Listed, unfolded: dict[int, Children]) -> Iterator[dict[str, Any]]:
    shown_children: set[int] = set()  # a child is under one run of its parent's id
    for run in listed.page.runs:
        shown = row(run, listed.paused_by.get(run.run_id))
        children = unfolded.get(run.run_id)
        if children is None:
            yield shown | {"fold": "folded" if run.run_id in listed.parents else None}
            continue
        total = children.total
        yield shown | {
            "fold": "unfolded",
            "all": f"all {total} children" if total.number > 1 else "1 child",
            "allHref": list_address({"parent": run.instance_id}),
        }
        for child in children.runs:
            if child.run_id in shown_children:
                continue
            shown_children.add(child.run_id)
            yield row(child, children.paused_by.get(child.run_id)) | {"isChild": True}


def statuses(counts: Counts, wanted: Filter) -> list[Status]:
    """Return the statuses of the filter: `STATUSES`, then others that a run has or that are set."""
    others = (status for status in Status if status not in STATUSES)
    existing = {status for status, count in counts.items() if count.number}
    return [*STATUSES, *(each for each in others if each in existing | wanted.statuses)]


def views(query: Query) -> list[tuple[str, str, bool]]:
    """Return the built-in views: the name, the address, and whether the list shows it."""
    shown = _as_sets(query)
    return [(name, list_address(view), _as_sets(view) == shown) for name, view in VIEWS]


def _as_sets(query: Query) -> dict[str, set[str]]:
    return {name: set(values) for name, values in query.items() if name != PAGE}


def view_text(query: Query) -> str:
    """Return a text that identifies a list, whichever of its pages is shown."""
    return query_text(dict(sorted(query.items())), PAGE)


def position(page: Page) -> str:
    """Return the positions of a page's runs in the list; only their number if it is unknown."""
    if page.before is None or page.before.is_capped or not page.runs:
        return f"{len(page.runs):,}"
    before = page.before.number
    return f"{before + 1:,}–{before + len(page.runs):,}"  # noqa: RUF001 - from one to another


def total(wanted: Filter, counts: Counts) -> Count:
    """Return how many runs the whole list has."""
    included: Iterable[Status] = wanted.statuses or counts.keys()
    return sum((count for status, count in counts.items() if status in included), NONE)
