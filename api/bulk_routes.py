"""The endpoints of bulk jobs: preview, submit, follow and cancel."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.dependencies import CurrentActor, ServicesDependency
from api.openapi import COMMON_ERRORS, NO_BULK_JOB, TOO_WIDE
from api.routing import AsciiResponse, StrictRoute
from api.schemas.bulk import (
    BulkBody,
    ItemsQuery,
    ItemsResponse,
    JobSchema,
    JobsResponse,
    PreviewResponse,
    TaskBody,
    items_body,
    job_body,
    preview_body,
)
from api.schemas.list_query import FilterQuery
from api.services import Services
from operations.actions.bulk import BulkJobs
from operations.bulk_job import BulkJob
from operations.errors import UnknownBulkJob

NEWEST = 100  # jobs in a response

router = APIRouter(tags=["bulk"], route_class=StrictRoute, responses=COMMON_ERRORS | TOO_WIDE)

BulkId = Annotated[
    str,
    Path(
        description="The id of a bulk job.",
        examples=["0f3c9d2e51ab7788"],
    ),
]


def _jobs(services: Services) -> BulkJobs:
    return BulkJobs(services.actions, services.ledger)


def _found(services: Services, bulk_id: str) -> BulkJob:
    job = services.ledger.bulk_jobs.get(bulk_id)
    if job is None:
        raise UnknownBulkJob(bulk_id)
    return job


@router.post(
    "/bulk/preview",
    summary="Preview a bulk job",
    response_model=PreviewResponse,
    responses=NO_BULK_JOB,
    name="preview",
)
def preview(
    query: Annotated[FilterQuery, Query()], body: TaskBody, services: ServicesDependency
) -> AsciiResponse:
    """Say how many instances are eligible, and why the others are skipped; change nothing."""
    jobs = _jobs(services)
    return AsciiResponse(preview_body(jobs.preview(body.task, body.selection(query, jobs))))


@router.post(
    "/bulk/start", summary="Start a bulk job", response_model=JobSchema, responses=NO_BULK_JOB
)
def submit(
    query: Annotated[FilterQuery, Query()],
    body: BulkBody,
    services: ServicesDependency,
    actor: CurrentActor,
) -> AsciiResponse:
    """Store a job on the eligible instances; the recorder's process carries it out."""
    jobs = _jobs(services)
    found = jobs.preview(body.task, body.selection(query, jobs), body.bulk_id)
    job = jobs.submit(found, actor, body.reason, rate=body.rate, stop_rule=body.stop_rule)
    return AsciiResponse(job_body(job) | {"capped": found.is_capped})


@router.get("/bulk", summary="List the newest bulk jobs", response_model=JobsResponse)
def bulk_jobs(services: ServicesDependency) -> AsciiResponse:
    """Return the 100 newest jobs."""
    return AsciiResponse(
        {"jobs": [job_body(each) for each in services.ledger.bulk_jobs.latest(NEWEST)]}
    )


@router.get(
    "/bulk/{bulk_id}", summary="Get a bulk job", response_model=JobSchema, responses=NO_BULK_JOB
)
def bulk_job(bulk_id: BulkId, services: ServicesDependency) -> AsciiResponse:
    """Return the job and its progress."""
    return AsciiResponse(job_body(_found(services, bulk_id)))


@router.get(
    "/bulk/{bulk_id}/instances",
    summary="List the instances of a bulk job with their results",
    response_model=ItemsResponse,
    responses=NO_BULK_JOB,
)
def bulk_instances(
    bulk_id: BulkId, query: Annotated[ItemsQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Return a page of the instances, in the order in which they were selected."""
    _found(services, bulk_id)
    items = services.ledger.bulk_jobs.items(
        bulk_id, after=query.after, limit=query.limit, outcome=query.outcome
    )
    return AsciiResponse(items_body(items, query.limit))


@router.post(
    "/bulk/{bulk_id}/cancel",
    summary="Cancel a bulk job",
    response_model=JobSchema,
    responses=NO_BULK_JOB,
)
def cancel(bulk_id: BulkId, services: ServicesDependency, actor: CurrentActor) -> AsciiResponse:
    """Start no further action of the job; a job that is over stays as it is."""
    _found(services, bulk_id)
    services.ledger.bulk_jobs.cancel(bulk_id, actor)
    return AsciiResponse(job_body(_found(services, bulk_id)))
