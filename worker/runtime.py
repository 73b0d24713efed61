"""The workflow runtime, which takes work from the sidecar."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import grpc
import structlog
from dapr.conf import settings as sdk
from dapr.conf.helpers import GrpcEndpoint
from dapr.ext.workflow import WorkflowRuntime
from dapr.ext.workflow.logger import LoggerOptions

from operations.gateway import open_channel
from worker.activities import OrderActivities
from worker.sdk_correction import correct_sdk
from worker.workflow import order_workflow

log = structlog.get_logger(__name__)

SHUTDOWN_TIMEOUT = 4.0  # seconds to wait for the SDK to shut down
CHECK_INTERVAL = 5.0  # seconds between two checks of the SDK's loop


class RuntimeState(StrEnum):
    """Whether the runtime can take work."""

    STARTING = "starting"
    RUNNING = "running"
    DISCONNECTED = "disconnected"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Hosted:
    """Workflows and activities that a runtime hosts beside the order workflow."""

    workflows: tuple[Callable[..., Any], ...] = ()
    activities: tuple[Callable[..., Any], ...] = ()


NOTHING_ELSE = Hosted()


def loop_is_alive() -> bool:
    """Return whether the SDK's loop, which takes work from the sidecar, runs in this process."""
    return any(thread.name == "WorkerRunLoop" for thread in threading.enumerate())


class OrderRuntime:
    """Hosts the order workflow, and `others`, in a thread of its own, beside the HTTP server.

    If the runtime fails, it ends the process, and the supervisor starts the process again.
    """

    def __init__(
        self,
        endpoint: str,
        activities: OrderActivities,
        others: Hosted = NOTHING_ELSE,
        *,
        api_token: str | None = None,
    ) -> None:
        correct_sdk()
        self._endpoint = endpoint
        address = GrpcEndpoint(endpoint)
        if api_token:  # the SDK reads the environment only, but the token may come from `.env`
            sdk.DAPR_API_TOKEN = api_token  # type: ignore[attr-defined]
        self._runtime = WorkflowRuntime(
            host=address.hostname,
            port=address.port + ("?tls=true" if address.tls else ""),
            # The SDK's log records go to the root logger, as ours do.
            logger_options=LoggerOptions(log_handler=logging.NullHandler()),
        )
        # The SDK warns at each check of a disconnected runtime; `/health` reports that already.
        logging.getLogger("WorkflowRuntime").addFilter(
            lambda record: "readiness check" not in record.getMessage()
        )
        log.info("🔧 Registering workflows and activities...")
        for workflow in (order_workflow, *others.workflows):
            self._runtime.register_workflow(workflow)
        orders: tuple[Callable[..., Any], ...] = (
            activities.process_order,
            activities.check_inventory,
            activities.send_confirmation,
        )
        for activity in (*orders, *others.activities):
            self._runtime.register_activity(activity)
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runtime", daemon=True)

    @property
    def state(self) -> RuntimeState:
        """The current state of the runtime."""
        if self._stopping.is_set():
            return RuntimeState.STOPPED
        if not self._started.is_set():
            return RuntimeState.STARTING
        return RuntimeState.RUNNING if self._is_connected() else RuntimeState.DISCONNECTED

    def start(self) -> None:
        """Start the thread that connects to the sidecar; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop taking work; the engine hands unfinished work out again."""
        self._stopping.set()
        # The SDK waits up to 30 s for a hung sidecar.
        ending = threading.Thread(target=self._runtime.shutdown, name="shutdown", daemon=True)
        ending.start()
        ending.join(timeout=SHUTDOWN_TIMEOUT)

    def _is_connected(self) -> bool:
        return bool(self._runtime.wait_for_worker_ready(timeout=0.1))

    def _run(self) -> None:
        log.info("🚀 Starting Dapr Workflow Runtime...")
        if not self._wait_for_sidecar():
            return
        try:
            self._runtime.start()  # type: ignore[no-untyped-call]
            log.info("✅ Workflow Runtime started successfully")
            self._started.set()
            self._watch()
        except Exception:
            if not self._stopping.is_set():
                log.exception("The workflow runtime failed; this process ends")
                os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self) -> None:
        """Raise `RuntimeError` when the SDK's loop has ended; only a running loop reconnects."""
        while not self._stopping.wait(CHECK_INTERVAL):
            if not loop_is_alive():
                raise RuntimeError("the loop that takes work from the sidecar has ended")

    def _wait_for_sidecar(self) -> bool:
        """Return True once the sidecar accepts connections, False if the runtime is stopped.

        The SDK's own back-off would grow to 16 s.
        """
        with open_channel(self._endpoint) as channel:
            ready = grpc.channel_ready_future(channel)
            while not self._stopping.is_set():
                try:
                    ready.result(timeout=0.5)
                except grpc.FutureTimeoutError:
                    continue
                return True
        return False
