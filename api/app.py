"""Creates the FastAPI application from its services."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from api import (
    action_routes,
    application_routes,
    bulk_routes,
    export_routes,
    read_routes,
    start_routes,
    statistics_routes,
)
from api.application_routes import ApplicationState
from api.errors import add_error_handlers
from api.middleware import BodyLimit
from api.openapi import REFUSALS
from api.services import Services
from operations.web.access import AccessRules
from operations.web.guard import Guard, Policies

VERSION = "0.1.0"
THREADS = 200  # concurrent calls: a hung engine blocks each of them for seconds
PROBES = frozenset({"/livez"})
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_POLICIES = Policies(by_path=dict.fromkeys(("/docs", "/redoc"), _DOCS_POLICY))


@dataclass(frozen=True)
class Application:
    """The application that serves the API.

    `workflow` is the name of the workflow that `routers` start, None if they start none: the API
    itself starts any workflow by its name.
    `runtime_state` returns the state of the workflow runtime, "running" if it can take work.
    `start` is called before the first request, `stop` after the last.
    """

    title: str
    description: str
    workflow: str | None
    routers: tuple[APIRouter, ...]
    runtime_state: Callable[[], str]
    start: Callable[[], None]
    stop: Callable[[], None]


def create_app(
    services: Services, application: Application, access: AccessRules | None = None
) -> FastAPI:
    """Return the FastAPI application, with the routers of the API and of `application`.

    `access` says which hosts and origins requests may name, by default only this machine's.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        application.start()
        yield
        application.stop()

    app = FastAPIOffline(
        title=application.title,
        version=VERSION,
        description=application.description,
        lifespan=lifespan,
        responses=REFUSALS,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # else a start without an id is redirected to one with an empty id
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},
    )
    app.state.services = services
    app.state.application = ApplicationState(application.workflow, application.runtime_state)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, access or AccessRules(), _POLICIES, PROBES)
    add_error_handlers(app)
    for router in (
        application_routes.router,
        *application.routers,
        start_routes.router,
        read_routes.router,
        export_routes.router,
        statistics_routes.router,
        action_routes.router,
        bulk_routes.router,
    ):
        app.include_router(router)
    return app
