"""A gRPC server in place of the sidecar, and the calls of a gateway."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
from dapr.proto.runtime.v1 import dapr_pb2_grpc, jobs_pb2, metadata_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from operations.gateway import DaprGateway
from operations.gateway.stubs import pb, service

NOON = datetime(2026, 1, 11, 12, 0, 0, 123000, tzinfo=UTC)
EMPTY: dict[str, Callable[[], Any]] = {
    "StartInstance": pb.CreateInstanceResponse,
    "GetInstance": pb.GetInstanceResponse,
    "ListInstanceIDs": pb.ListInstanceIDsResponse,
    "GetInstanceHistory": pb.GetInstanceHistoryResponse,
    "SuspendInstance": pb.SuspendResponse,
    "ResumeInstance": pb.ResumeResponse,
    "TerminateInstance": pb.TerminateResponse,
    "PurgeInstances": pb.PurgeInstancesResponse,
    "RerunWorkflowFromEvent": pb.RerunWorkflowFromEventResponse,
    "RaiseEvent": pb.RaiseEventResponse,
    "GetMetadata": lambda: metadata_pb2.GetMetadataResponse(id="orders"),
    "ListJobsAlpha1": jobs_pb2.ListJobsResponseAlpha1,
}
PUBLIC = {"GetMetadata", "ListJobsAlpha1"}


class Sidecar:
    """Answers the calls of a gateway: with the next of the `failures`, or else with `answers`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, list[tuple[grpc.StatusCode, str]]] = {}
        self.calls: Counter[str] = Counter()
        self.request: Any = None
        self.metadata: dict[str, str | bytes] = {}
        self.time_remaining: float | None = None
        self.is_silent = False
        self.done = threading.Event()
        self.port = 0
        self._server: grpc.Server | None = None

    @property
    def endpoint(self) -> str:
        """The address, as host:port."""
        return f"{self._host}:{self.port}"

    def listen(self) -> None:
        """Listen on the port of the previous call, or on a free port at the first call."""
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(8), options=options)
        workflows, sidecar = service.TaskHubSidecarServiceServicer(), dapr_pb2_grpc.DaprServicer()
        for method in EMPTY:
            setattr(sidecar if method in PUBLIC else workflows, method, self._answer(method))
        service.add_TaskHubSidecarServiceServicer_to_server(workflows, self._server)  # type: ignore[no-untyped-call]
        dapr_pb2_grpc.add_DaprServicer_to_server(sidecar, self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port(self.endpoint)
        self._server.start()

    def stop(self) -> None:
        """Stop listening, and close every connection."""
        if self._server:
            self._server.stop(None).wait()

    def _answer(self, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls[method] += 1
            self.request = request
            self.metadata = {item[0]: item[1] for item in context.invocation_metadata()}
            self.time_remaining = context.time_remaining()
            if self.is_silent:
                self.done.wait(30)
            if self.failures.get(method):
                context.abort(*self.failures[method].pop(0))
            return self.answers.get(method) or EMPTY[method]()

        return answer


READS: dict[str, tuple[str, Callable[[DaprGateway], object]]] = {
    "state": ("GetInstance", lambda dapr: dapr.state("order_A")),
    "history": ("GetInstanceHistory", lambda dapr: dapr.history("order_A")),
    "ids": ("ListInstanceIDs", lambda dapr: dapr.ids()),
    "health": ("GetMetadata", lambda dapr: dapr.health()),
}
WRITES: dict[str, tuple[str, Callable[[DaprGateway], object]]] = {
    "start": ("StartInstance", lambda dapr: dapr.start("order_workflow", "order_A", "{}")),
    "pause": ("SuspendInstance", lambda dapr: dapr.pause("order_A")),
    "resume": ("ResumeInstance", lambda dapr: dapr.resume("order_A")),
    "terminate": ("TerminateInstance", lambda dapr: dapr.terminate("order_A")),
    "purge": ("PurgeInstances", lambda dapr: dapr.purge("order_A")),
    "rerun": ("RerunWorkflowFromEvent", lambda dapr: dapr.rerun("order_A", 3, "order_B")),
    "raise": ("RaiseEvent", lambda dapr: dapr.raise_event("order_A", "approval")),
}
CALLS = READS | WRITES


def timestamp_of(time: datetime) -> Timestamp:
    """Return a time as a protobuf message."""
    sent = Timestamp()
    sent.FromDatetime(time)
    return sent
