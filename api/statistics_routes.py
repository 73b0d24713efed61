"""The endpoints of the overview, waiting runs, statistics and failure groups; none needs Dapr."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.dependencies import CurrentActor, ServicesDependency
from api.openapi import COMMON_ERRORS, NO_GROUP, TOO_WIDE
from api.routing import AsciiResponse, StrictRoute
from api.schemas.statistics import (
    FailuresResponse,
    KnownBody,
    KnownResponse,
    OverviewResponse,
    PeriodQuery,
    SeriesQuery,
    SeriesResponse,
    StatisticsResponse,
    failures_body,
    overview_body,
    series_body,
    statistics_body,
)
from api.schemas.waiting import WaitingQuery, WaitingResponse, waiting_body

router = APIRouter(tags=["statistics"], route_class=StrictRoute, responses=COMMON_ERRORS | TOO_WIDE)


GroupId = Annotated[
    str,
    Path(
        description="The id of a failure group.",
        examples=["0f3c9d2e51ab7788"],
    ),
]


@router.get(
    "/overview",
    summary="Get what needs a person, and the unfinished runs",
    response_model=OverviewResponse,
)
def overview(services: ServicesDependency) -> AsciiResponse:
    """Count the runs that need a person by reason, and the unfinished runs by workflow."""
    search = services.ledger.search
    return AsciiResponse(overview_body(search.attention(), search.unfinished()))


@router.get(
    "/waiting", summary="List what running workflows wait for", response_model=WaitingResponse
)
def waiting(query: Annotated[WaitingQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """Return the runs that have waited longest for something of one kind."""
    search = services.ledger.search
    found = search.waiting(query.kind.span_kind, limit=query.limit)
    return AsciiResponse(waiting_body(search.waiting_counts(), found))


@router.get(
    "/statistics",
    summary="Get the statistics of workflows and activities",
    response_model=StatisticsResponse,
)
def statistics(
    query: Annotated[PeriodQuery, Query()], services: ServicesDependency
) -> AsciiResponse:
    """Return how runs and attempts ended in a period, and how long they took."""
    within, read = query.period, services.ledger.statistics
    return AsciiResponse(statistics_body(read.workflows(within), read.activities(within)))


@router.get(
    "/statistics/series",
    summary="Get the statistics of each minute, hour or day",
    response_model=SeriesResponse,
)
def series(query: Annotated[SeriesQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """Return each bucket of a period, also buckets without runs."""
    found = services.ledger.statistics.series(query.period, query.bucket)
    return AsciiResponse(series_body(found))


@router.get("/failures", summary="Get failure groups", response_model=FailuresResponse)
def failures(query: Annotated[PeriodQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """Return the 200 groups with the most failed runs in a period, each with its newest run."""
    within, statistics = query.period, services.ledger.statistics
    groups = statistics.failures(within)
    samples = statistics.failure_samples(groups, within)
    return AsciiResponse(failures_body(within, groups, samples))


@router.post(
    "/failures/{group_id}/known", summary="Mark a failure group as known", responses=NO_GROUP
)
def mark_known(
    group_id: GroupId, body: KnownBody, services: ServicesDependency, actor: CurrentActor
) -> KnownResponse:
    """Mark the group as known, with a note, or remove the mark: the overview omits known groups."""
    statistics = services.ledger.statistics
    if body.known:
        statistics.mark_known(group_id, actor, body.note)
    else:
        statistics.unmark_known(group_id, actor)
    return KnownResponse(group=group_id, known=body.known)
