"""The endpoints of an operator: histories, purges, reruns, external events."""

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from operations.actions import (
    ActionContext,
    Actions,
    PurgeOptions,
    RerunFrom,
    RerunRequest,
)
from operations.gateway import Gateway
from operations.history_source import read_history
from operations.ledger import Ledger
from worker.bodies import AsciiResponse
from worker.demands import PlanQuestion, PurgeDemand, RaiseDemand, RerunDemand
from worker.histories import HistoryAnswer, PlanAnswer, history_answer, plan_answer
from worker.openapi import FOR_AN_ID, errors, links_to
from worker.outcomes import (
    PurgedAnswer,
    RaisedAnswer,
    RerunAnswer,
    purged_answer,
    raised_answer,
    rerun_answer,
)
from worker.paths import API_USER, InstanceId, possible
from worker.questions import NOTHING_ASKED, once

_NOTHING_MORE = PurgeDemand()
_READ_ERRORS = errors(404, 413, 422, 500, 502, 503)
_ERRORS = errors(404, 409, 413, 422, 500, 502, 503)


def add_operations(api: FastAPI, actions: Actions, gateway: Gateway, ledger: Ledger) -> None:
    """Add the endpoints to the application."""
    _add_history(api, gateway, ledger)
    _add_purge(api, actions)
    _add_reruns(api, actions)
    _add_raise(api, actions)


def _add_history(api: FastAPI, gateway: Gateway, ledger: Ledger) -> None:
    @api.get(
        "/workflow/history/{instance_id:path}",
        summary="Get the whole history of a workflow",
        operation_id="history",
        tags=["workflow"],
        response_model=HistoryAnswer,
        responses=_READ_ERRORS,
        dependencies=[NOTHING_ASKED],
    )
    def history(instance_id: InstanceId) -> JSONResponse:
        """Tell every event, from the engine, or from the archive once it has been purged."""
        return AsciiResponse(history_answer(read_history(gateway, ledger, possible(instance_id))))


def _add_purge(api: FastAPI, actions: Actions) -> None:
    @api.post(
        "/workflow/purge/{instance_id:path}",
        summary="Archive a workflow and purge it",
        operation_id="purge",
        tags=["workflow"],
        responses=_ERRORS | links_to(*FOR_AN_ID),
        dependencies=[NOTHING_ASKED],
    )
    def purge(instance_id: InstanceId, demand: PurgeDemand = _NOTHING_MORE) -> PurgedAnswer:
        """Archive it and its descendants first; by force, purge also what has not ended."""
        context = ActionContext(API_USER, demand.reason)
        options = PurgeOptions(force=demand.force, recursive=demand.recursive)
        return purged_answer(actions.purge(possible(instance_id), context, options))


def _add_reruns(api: FastAPI, actions: Actions) -> None:
    @api.get(
        "/workflow/rerun-plan/{instance_id:path}",
        summary="Tell what a rerun would keep and run again",
        operation_id="rerun_plan",
        tags=["workflow"],
        response_model=PlanAnswer,
        responses=_ERRORS,
        dependencies=[once(PlanQuestion)],
    )
    def rerun_plan(
        instance_id: InstanceId, question: Annotated[PlanQuestion, Query()]
    ) -> JSONResponse:
        """Plan it from one event on, or from the first; nothing is done."""
        start = RerunFrom.FIRST if question.event_id is None else question.event_id
        plan = actions.rerun_plan(RerunRequest(possible(instance_id), start))
        return AsciiResponse(plan_answer(instance_id, plan))

    @api.post(
        "/workflow/rerun/{instance_id:path}",
        summary="Run a finished workflow again from an event on",
        operation_id="rerun",
        tags=["workflow"],
        responses=_ERRORS | links_to(*FOR_AN_ID),
        dependencies=[NOTHING_ASKED],
    )
    def rerun(instance_id: InstanceId, demand: RerunDemand) -> RerunAnswer:
        """Run it as another instance; `input` takes the place of the event's, even if null."""
        reran = actions.rerun(
            RerunRequest(
                possible(instance_id),
                demand.event_id,
                demand.new_instance_id,
                demand.text_of("input"),
            ),
            ActionContext(API_USER, demand.reason),
        )
        return rerun_answer(reran)


def _add_raise(api: FastAPI, actions: Actions) -> None:
    @api.post(
        "/workflow/raise/{instance_id:path}",
        summary="Raise an external event to a workflow",
        operation_id="raise",
        tags=["workflow"],
        responses=_ERRORS | links_to(*FOR_AN_ID),
        dependencies=[NOTHING_ASKED],
    )
    def raise_event(instance_id: InstanceId, demand: RaiseDemand) -> RaisedAnswer:
        """Raise it with its payload, be it 0, false, "" or null; a second one is another."""
        event, payload = demand.event, demand.text_of("payload")
        acted = actions.raise_event(
            possible(instance_id), event, payload, ActionContext(API_USER, demand.reason)
        )
        return raised_answer(acted, event)
