"""The workflow runtime: takes work from the sidecar, whenever the sidecar is there."""

import logging
import threading
from enum import StrEnum

import grpc
import structlog
from dapr.conf.helpers import GrpcEndpoint
from dapr.ext.workflow import WorkflowRuntime
from dapr.ext.workflow.logger import LoggerOptions

from worker.activities import OrderActivities
from worker.workflow import order_workflow

log = structlog.get_logger(__name__)


class RuntimeState(StrEnum):
    """Whether the worker can be given work."""

    STARTING = "starting"
    RUNNING = "running"
    DISCONNECTED = "disconnected"
    STOPPED = "stopped"


class OrderRuntime:
    """Hosts the order workflow in a thread of its own, so that HTTP is served meanwhile."""

    def __init__(self, endpoint: str, activities: OrderActivities) -> None:
        self._endpoint = GrpcEndpoint(endpoint)
        self._runtime = WorkflowRuntime(
            host=self._endpoint.hostname,
            port=self._endpoint.port + ("?tls=true" if self._endpoint.tls else ""),
            # Its lines go to the root logger, as ours do.
            logger_options=LoggerOptions(log_handler=logging.NullHandler()),
        )
        log.info("🔧 Registering workflows and activities...")
        self._runtime.register_workflow(order_workflow)
        for activity in (
            activities.process_order,
            activities.check_inventory,
            activities.send_confirmation,
        ):
            self._runtime.register_activity(activity)
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runtime", daemon=True)

    @property
    def state(self) -> RuntimeState:
        """What the runtime does at this moment."""
        if self._stopping.is_set():
            return RuntimeState.STOPPED
        if not self._started.is_set():
            return RuntimeState.STARTING
        return RuntimeState.RUNNING if self._is_connected() else RuntimeState.DISCONNECTED

    def start(self) -> None:
        """Begin to look for the sidecar, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop taking work; what is under way is left to the engine, which hands it out again."""
        self._stopping.set()
        self._runtime.shutdown()  # type: ignore[no-untyped-call]
        self._thread.join(timeout=1)

    def _is_connected(self) -> bool:
        return bool(self._runtime.wait_for_worker_ready(timeout=0.1))

    def _run(self) -> None:
        log.info("🚀 Starting Dapr Workflow Runtime...")
        if not self._wait_for_sidecar():
            return
        try:
            self._runtime.start()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if self._stopping.is_set():
                return
            # The sidecar went away again at once; the SDK goes on looking for it by itself.
            log.warning("The workflow runtime is not connected yet", reason=str(error))
        else:
            log.info("✅ Workflow Runtime started successfully")
        self._started.set()

    def _wait_for_sidecar(self) -> bool:
        """Wait until the sidecar accepts connections: the SDK's own back-off grows to 16 s."""
        options = [("grpc.max_reconnect_backoff_ms", 500), ("grpc.min_reconnect_backoff_ms", 200)]
        address = self._endpoint.endpoint
        with (
            grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)
            if self._endpoint.tls
            else grpc.insecure_channel(address, options)
        ) as channel:
            ready = grpc.channel_ready_future(channel)
            while not self._stopping.is_set():
                try:
                    ready.result(timeout=0.5)
                except grpc.FutureTimeoutError:
                    continue
                return True
        return False
