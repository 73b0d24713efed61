"""Random runs, random filters, and the pages of a list."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from operations.ledger import Ledger
from operations.model import Failure, Instance, Status
from operations.records import Filter, Page, RunSummary, Snapshot, Sort
from operations.timeline import Waiting, event_key
from tests.unit.snapshots import at, snapshot

WORKFLOWS = ("order_workflow", "refund_workflow", "audit")
STAGES = ("confirmed", "waiting for money", "")
WAITS = (("Approval",), ("payment",), ("Approval", "cancel"), ("payment", "parcel", "Approval"))
STATUSES = (Status.RUNNING, Status.SUSPENDED, Status.COMPLETED, Status.FAILED)


def ids(page: Page) -> list[str]:
    """Return the instance ids of a page."""
    return [each.instance_id for each in page.runs]


def pages(ledger: Ledger, wanted: Filter, limit: int, sort: Sort = Sort.NEWEST) -> Iterator[Page]:
    """Yield all pages of a list, from the first to the last."""
    page = ledger.search.page(wanted, limit=limit, sort=sort, with_position=True)
    yield page
    while page.older:
        page = ledger.search.page(
            wanted, limit=limit, cursor=page.older, sort=sort, with_position=True
        )
        yield page


def listed(
    ledger: Ledger, wanted: Filter, sort: Sort = Sort.NEWEST, limit: int = 7
) -> list[RunSummary]:
    """Return the runs of all pages of a list."""
    return [summary for page in pages(ledger, wanted, limit, sort) for summary in page.runs]


def random_runs(count: int, seed: int = 1) -> list[Snapshot]:
    """Return the snapshots of random runs; many have the same creation time."""
    rng = random.Random(seed)  # noqa: S311 - the same runs for every call
    return [_random_run(rng, number) for number in range(count)]


def _random_run(rng: random.Random, number: int) -> Snapshot:
    status, created = rng.choice(STATUSES), rng.randrange(50)
    failure = Failure(rng.choice(("ValueError", "Timeout")), f"No {number}")
    waits = () if status.is_finished else rng.choice(WAITS)
    values: dict[str, Any] = {
        "instance_id": f"id_{number:03}",
        "workflow": rng.choice(WORKFLOWS),
        "created": created,
        "read": created + rng.randrange(5),
        "execution": f"e{number}",
        "custom_status": rng.choice(STAGES) or None,
        "parent_id": rng.choice((None, None, "id_000", "id_001")),
        "parent_app_id": rng.choice((None, None, "other")),
        "rerun_of": rng.choice((None, None, "id_002")),
        "input": f'{{"number": {number}}}',
        "output": '{"colour": "gr\\u00fcn"}' if status is Status.COMPLETED else None,
        "failure": failure if status is Status.FAILED else None,
        "waiting": Waiting(f"event {waits[0]} and others") if waits else None,
        "awaited": frozenset(map(event_key, waits)),
    }
    return snapshot(status, **values)


def is_wanted(wanted: Filter, run: Snapshot) -> bool:
    """True if a run passes a filter that has no text search; the same rules as the SQL."""
    instance, timeline = run.instance, run.timeline
    created = timeline.started_at if timeline.rerun_of else instance.created_at
    assert created
    return (
        (not wanted.statuses or instance.status in wanted.statuses)
        and (not wanted.workflows or instance.workflow in wanted.workflows)
        and (wanted.since is None or created >= wanted.since)
        and (wanted.until is None or created < wanted.until)
        and wanted.custom_status in ("", instance.custom_status)
        and wanted.parent_id in ("", timeline.parent_id)
        and wanted.rerun_of in ("", timeline.rerun_of)
        and wanted.error_type in ("", _error_type(instance))
        and (not wanted.waits_for or event_key(wanted.waits_for) in timeline.awaited)
        and (not wanted.top_level or timeline.parent_id is None or bool(timeline.parent_app_id))
        and _ended_as_wanted(wanted, run)
    )


def _ended_as_wanted(wanted: Filter, run: Snapshot) -> bool:
    started, ended = run.timeline.started_at, run.timeline.ended_at
    limits = (wanted.ended_since, wanted.ended_until, wanted.min_duration, wanted.max_duration)
    if started is None or ended is None:
        return limits == (None, None, None, None)
    return (
        (wanted.ended_since is None or ended >= wanted.ended_since)
        and (wanted.ended_until is None or ended < wanted.ended_until)
        and (wanted.min_duration is None or ended - started >= wanted.min_duration)
        and (wanted.max_duration is None or ended - started <= wanted.max_duration)
    )


def _error_type(instance: Instance) -> str | None:
    return instance.failure.error_type if instance.failure else None


def random_filters(count: int, seed: int = 2) -> Sequence[Filter]:
    """Return random filters that have no text search."""
    rng = random.Random(seed)  # noqa: S311 - the same filters for every call
    return [
        Filter(
            statuses=frozenset(rng.sample(STATUSES, rng.choice((0, 0, 1, 2)))),
            workflows=frozenset(rng.sample(WORKFLOWS, rng.choice((0, 0, 1, 2)))),
            since=rng.choice((None, None, at(rng.randrange(30)))),
            until=rng.choice((None, None, at(30 + rng.randrange(20)))),
            custom_status=rng.choice(("", "", *STAGES)),
            waits_for=rng.choice(("", "", "", "approval", "PAYMENT")),
            parent_id=rng.choice(("", "", "", "id_001")),
            rerun_of=rng.choice(("", "", "", "id_002")),
            error_type=rng.choice(("", "", "", "ValueError")),
            ended_since=rng.choice((None, None, None, at(20))),
            ended_until=rng.choice((None, None, None, at(40))),
            min_duration=rng.choice((None, None, None, timedelta(seconds=1))),
            max_duration=rng.choice((None, None, None, timedelta(seconds=2))),
            top_level=rng.choice((False, True)),
        )
        for _ in range(count)
    ]
