"""Reads what the overview shows, and makes the data of its widget."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from dashboard.listing.table_data import list_address
from dashboard.live.banner import outage_title
from dashboard.overview.attention_texts import ATTENTION_TEXTS
from dashboard.times import milliseconds
from operations.ledger import Ledger
from operations.ledger.search.attention import UNFINISHED, AttentionCount, UnfinishedRuns
from operations.ledger.statistics.buckets import Bucket
from operations.ledger.statistics.results import (
    DurationDistribution,
    FailureGroup,
    Outcomes,
    PeriodStatistics,
    SeriesBucket,
)
from operations.recorder_report import Outage
from operations.records import Attention, Period, Sort

FAILURES, WAITING = "failures", "waiting"  # the paths of pages
RECENT = timedelta(hours=24)  # whose failure groups need a person
MAX_GROUPS = 5  # that the overview names
_NOT_STARTED = {"status": "pending", "children": "1"}  # runs that may have no workflow yet


class PeriodLength(StrEnum):
    """The period of the figures, which ends now."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """The length of the period."""
        lengths = {
            PeriodLength.HOUR: timedelta(hours=1),
            PeriodLength.DAY: RECENT,
            PeriodLength.WEEK: timedelta(days=7),
        }
        return lengths[self]

    @property
    def in_address(self) -> str:
        """The length as a value of the list's filters."""
        return {PeriodLength.HOUR: "1h", PeriodLength.DAY: "1d", PeriodLength.WEEK: "7d"}[self]

    @property
    def bucket(self) -> Bucket:
        """The unit of its figures: 168 hours would take 15 times as long to read as 7 days."""
        units = {
            PeriodLength.HOUR: Bucket.MINUTE,
            PeriodLength.DAY: Bucket.HOUR,
            PeriodLength.WEEK: Bucket.DAY,
        }
        return units[self]

    def ending_at(self, now: datetime) -> Period:
        """Return the period that ends now."""
        return Period(now - self.length, now)


@dataclass(frozen=True)
class Overview:
    """What the overview shows, except outages."""

    groups: tuple[FailureGroup, ...]
    attention: tuple[AttentionCount, ...]
    unfinished: tuple[UnfinishedRuns, ...]
    workflows: PeriodStatistics[Outcomes]
    series: PeriodStatistics[SeriesBucket]


def read_overview(ledger: Ledger, length: PeriodLength) -> Overview:
    """Read the overview; raise `LedgerUnavailable` and `QueryTimeout`."""
    now = datetime.now(UTC)
    within, statistics = length.ending_at(now), ledger.statistics
    return Overview(
        groups=statistics.failures(Period(now - RECENT, now)),
        attention=ledger.search.attention(),
        unfinished=ledger.search.unfinished(),
        workflows=statistics.workflows(within),
        series=statistics.series(within, length.bucket),
    )


def overview_data(
    overview: Overview, outages: Sequence[Outage], length: PeriodLength, now: datetime
) -> dict[str, Any]:
    """Return the data of the widget."""
    return {
        "now": milliseconds(now),
        "attention": [
            *map(_outage, outages),
            *_groups(overview.groups, now),
            *map(_attention, overview.attention),
        ],
        "figures": list(_figures(overview.series)),
        "start": milliseconds(overview.series.within.since),
        "bucket": length.bucket.seconds * 1000,
        "workflows": list(_workflows(overview)),
        "period": f"last {length}",
    }


def _entry(  # noqa: PLR0913 - the fields of an entry
    kind: str,
    title: str,
    *,
    since: datetime,
    detail: str = "",
    count: int | None = None,
    href: str | None = None,
    is_new: bool = False,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": title,
        "detail": detail,
        "count": count,
        "since": milliseconds(since),
        "href": href,
        "isNew": is_new,
    }


def _outage(outage: Outage) -> dict[str, Any]:
    title, consequence = outage_title(outage)
    return _entry("outage", title, detail=consequence, since=outage.since)


def _groups(groups: Iterable[FailureGroup], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the groups not marked as known, new ones first, then one entry for the rest."""
    not_known = [each for each in groups if each.runs and each.known is None]
    not_known.sort(key=lambda each: not is_new(each, now))
    for group in not_known[:MAX_GROUPS]:
        yield _entry(
            "group",
            f"{group.key.name} failed: {group.key.error_type}",
            detail=group.key.fingerprint,
            count=group.runs,
            since=group.last_at,
            href=list_address(runs_of(group, PeriodLength.DAY)),
            is_new=is_new(group, now),
        )
    if rest := not_known[MAX_GROUPS:]:
        last = max(each.last_at for each in rest)
        title = f"{len(rest)} more failure groups" if len(rest) > 1 else "1 more failure group"
        runs = sum(each.runs for each in rest)
        yield _entry("group", title, count=runs, since=last, href=FAILURES)


def runs_of(group: FailureGroup, length: PeriodLength) -> dict[str, str]:
    """Return the filter of the list for the runs that a group counts in a period."""
    return {"failure_group": group.group_id, "ended_last": length.in_address}


def is_new(group: FailureGroup, now: datetime) -> bool:
    """Return True if the first failure of a group was within the last 24 hours."""
    return group.first_at >= now - RECENT


def _attention(found: AttentionCount) -> dict[str, Any]:
    title, detail = ATTENTION_TEXTS[found.attention]
    is_event = found.attention is Attention.EVENT
    return _entry(
        found.attention.value,
        title,
        detail=detail,
        count=found.count,
        since=found.since,
        href=WAITING if is_event else list_address({"attention": found.attention.value}),
    )


def _figures(series: PeriodStatistics[SeriesBucket]) -> Iterator[dict[str, Any]]:
    """Yield the sparklines: a name, a total or the highest value, the unit, and all values."""
    ended = [each.completed + each.failed + each.other for each in series.of]
    failed = [each.failed for each in series.of]
    yield {"name": "Runs ended", "value": sum(ended), "unit": "runs", "values": ended}
    yield {"name": "Runs failed", "value": sum(failed), "unit": "runs", "values": failed}
    times = {
        "Queue time of activities, highest p95": [each.queue_p95 for each in series.of],
        "Execution time of activities, highest p95": [each.execution_p95 for each in series.of],
    }
    for name, values in times.items():
        worst = max((each for each in values if each is not None), default=None)
        yield {"name": name, "value": worst, "unit": "seconds", "values": values}


def _workflows(overview: Overview) -> Iterator[dict[str, Any]]:
    """Yield a row for each workflow that had a run in the period or has an unfinished one."""
    outcomes = {each.name: each for each in overview.workflows.of}
    unfinished = {each.workflow: each for each in overview.unfinished}
    for name in sorted(outcomes.keys() | unfinished.keys()):
        found, current = outcomes.get(name), unfinished.get(name)
        duration = found.duration if found else None
        yield {
            "name": name,
            "href": list_address({"workflow": name} if name else _NOT_STARTED),
            "created": found.created if found else 0,
            "unfinished": current.count if current else 0,
            **_unfinished_addresses(name),
            "failed": found.failed if found else 0,
            "failureShare": found.failure_share if found else None,
            "p50": _seconds(duration, "p50"),
            "p95": _seconds(duration, "p95"),
            "oldest": milliseconds(current.oldest) if current else None,
        }


def _seconds(duration: DurationDistribution | None, name: str) -> float | None:
    return getattr(duration, name) if duration else None


def _unfinished_addresses(workflow: str) -> dict[str, str | None]:
    """Return the addresses of the unfinished runs; none without a name, which is no filter."""
    if not workflow:
        return {"unfinishedHref": None, "oldestHref": None}
    wanted = {"workflow": workflow, "status": [each.lower() for each in UNFINISHED]}
    oldest = wanted | {"sort": Sort.OLDEST}
    return {"unfinishedHref": list_address(wanted), "oldestHref": list_address(oldest)}
