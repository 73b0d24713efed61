"""`python -m api` serves the REST API of an application whose worker runs elsewhere."""

from contextlib import suppress

from fastapi import FastAPI

from api.app import Application, create_app
from api.application_routes import RUNNING
from api.services import Services
from api.settings import ApiSettings
from operations.errors import DaprRefused, DaprUnavailable, InvalidInput, stay_stopped
from operations.gateway import Gateway, open_gateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.private_files import keep_private
from operations.settings import OperationsSettings
from operations.web.access import AccessRules
from operations.web.server import create_server


def create_attached_app(services: Services, access: AccessRules | None = None) -> FastAPI:
    """Return the FastAPI application without an endpoint for orders."""
    return create_app(
        services,
        Application(
            title="Flowdeck",
            description="Starts, watches, pauses, resumes, terminates, purges and reruns the "
            "workflows of a Dapr application, and raises events to them.",
            workflow=None,
            routers=(),
            runtime_state=lambda: runtime_state(services.gateway),
            start=services.start_opening,
            stop=services.discard_ledger,
        ),
        access,
    )


def runtime_state(gateway: Gateway) -> str:
    """Return "running" unless the sidecar says that no worker is connected to it."""
    try:
        workers = gateway.health().workers
    except (DaprUnavailable, DaprRefused):
        return "unknown"
    return "disconnected" if workers == 0 else RUNNING


def main() -> None:
    """Serve the API until SIGINT or SIGTERM."""
    try:
        operations, settings = OperationsSettings.load(), ApiSettings.load()
        configure_logs(operations)
        keep_private(operations.data)
        gateway = open_gateway(operations)
    except InvalidInput as error:
        stay_stopped(error)
    services = Services(gateway, lambda: open_ledger(operations.ledger, gateway.app_id))
    app = create_attached_app(services, AccessRules.of(settings, settings.api_host))
    server = create_server(app, settings.api_host, settings.api_port)
    with suppress(KeyboardInterrupt):
        server.run()
    gateway.close()


if __name__ == "__main__":
    main()
