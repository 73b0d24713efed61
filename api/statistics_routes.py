"""The endpoints of statistics and failure groups; they read the ledger alone."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import ServicesDependency
from api.openapi import COMMON_ERRORS, TOO_WIDE
from api.routing import AsciiResponse, StrictRoute
from api.schemas.statistics import (
    FailuresResponse,
    PeriodQuery,
    SeriesQuery,
    SeriesResponse,
    StatisticsResponse,
    failures_body,
    series_body,
    statistics_body,
)

router = APIRouter(tags=["statistics"], route_class=StrictRoute, responses=COMMON_ERRORS | TOO_WIDE)


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
    summary="Get the statistics of each minute or hour",
    response_model=SeriesResponse,
)
def series(query: Annotated[SeriesQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """Return each step of a period, also those without runs."""
    found = services.ledger.statistics.series(query.period, query.step.seconds)
    return AsciiResponse(series_body(found))


@router.get("/failures", summary="Get failure groups", response_model=FailuresResponse)
def failures(query: Annotated[PeriodQuery, Query()], services: ServicesDependency) -> AsciiResponse:
    """Return the 200 groups with the most failed runs in a period."""
    within = query.period
    return AsciiResponse(failures_body(within, services.ledger.statistics.failures(within)))
