"""Makes the data of the widget that lists bulk jobs, and describes a job. Pure functions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from dashboard.bulk.bulk_address import ACTION, JOB, REST
from dashboard.listing.table_data import link
from dashboard.times import milliseconds
from operations.bulk_job import BulkItem, BulkJob, JobStatus, StopRule
from operations.model import Action, Status
from operations.records import Outcome

BULK = "bulk"  # the path of the page


def title(action: Action, of: int | str) -> str:
    """Return what a job does, such as "Pause 12 instances"; `of` is a number or other words."""
    verb = "Raise an event to" if action is Action.RAISE else action.capitalize()
    return f"{verb} {of:,} instance{'s' * (of != 1)}" if isinstance(of, int) else f"{verb} {of}"


def progress_words(job: BulkJob) -> str:
    """Return how many instances are processed, by their outcomes."""
    numbers = [(job.counts.get(outcome, 0), outcome.value) for outcome in Outcome]
    parts = [f"{number:,} {word}" for number, word in numbers if number]
    if job.left:
        parts.append(f"{job.left:,} left")
    return ", ".join(parts)


def status_word(job: BulkJob) -> str:
    """Return the status of a job, or that it waits for the end of an outage."""
    is_waiting = job.waits_for and job.status is JobStatus.RUNNING
    return "waiting" if is_waiting else job.status.value


def rate_words(job: BulkJob, now: datetime) -> str:
    """Return the average rate of a job since its creation, waits included, and its limit."""
    processed = job.total - job.left
    seconds = ((job.ended_at or now) - job.created_at).total_seconds()
    unit, factor = ("second", 1) if job.rate >= 1 else ("minute", 60)
    limit = round(job.rate * factor, 2)
    if not processed or seconds <= 0:
        return f"at most {limit:g} a {unit}"
    return f"{processed / seconds * factor:.1f} a {unit} (at most {limit:g})"


def rest_address(job: BulkJob) -> dict[str, str]:
    """Return the parameters of the page that previews the same action on the rest of a job."""
    return {ACTION: job.action.value, REST: job.bulk_id}


def stop_words(rule: StopRule, newest_first: Sequence[Status]) -> str:
    """Return when a job stops by itself, and how its last reruns ended."""
    so_far = rule.reason(newest_first) if newest_first else "None has ended yet."
    return f"The job stops by itself when {rule}. {so_far}"


def jobs_data(jobs: Iterable[BulkJob], now: datetime) -> dict[str, Any]:
    """Return the data of the widget."""
    return {"now": milliseconds(now), "jobs": [_job(each) for each in jobs]}


def _job(job: BulkJob) -> dict[str, Any]:
    return {
        "id": job.bulk_id,
        "href": f"{BULK}?{urlencode({JOB: job.bulk_id}, quote_via=quote)}",
        "title": title(job.action, job.total),
        "status": status_word(job),
        "progress": progress_words(job),
        "share": (job.total - job.left) / job.total if job.total else 1,
        "by": job.actor.name,
        "reason": job.reason,
        "created": milliseconds(job.created_at),
    }


def item_rows(
    items: Sequence[BulkItem], job_app_id: str | None = None, app_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the instances of a job as rows of the widget.

    `job_app_id` is the application of the job, `app_id` that of these pages.
    """
    return [_item(each, job_app_id, app_id) for each in items]


def _item(item: BulkItem, job_app_id: str | None, app_id: str | None) -> dict[str, Any]:
    result, target = item.result, item.target
    return {
        "key": item.position,
        **link(target.instance_id, job_app_id, app_id),
        "outcome": result.outcome.value if result else "left",
        "message": result and result.message,
        "rerun": link(result.new_id, job_app_id, app_id) if result and result.new_id else None,
    }


def can_be_cancelled(job: BulkJob) -> bool:
    """Return True if a cancel has an effect."""
    return job.status is JobStatus.RUNNING
