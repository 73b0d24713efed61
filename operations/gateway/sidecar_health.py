"""Derives the engine's problems from a sidecar's answers."""

import grpc
from dapr.proto.runtime.v1.metadata_pb2 import GetMetadataResponse

from operations.gateway.grpc_errors import describe, to_flowdeck_error
from operations.model import Problem, Service

_NOT_PERMITTED = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
"""Codes of a sidecar whose configuration disables the call."""


def placement_problems(metadata: GetMetadataResponse) -> tuple[Problem, ...]:
    """Return the problems with the placement service and with the readiness of the sidecar.

    A sidecar that still waits for its application connects to placement afterwards: the missing
    worker is the only problem.
    """
    if not metadata.actor_runtime.placement and connected_workers(metadata) == 0:
        return ()
    if metadata.actor_runtime.placement != "placement: connected":
        return _of(Service.PLACEMENT, "the sidecar has no connection to the placement service")
    if not metadata.actor_runtime.host_ready:
        return _of(Service.SIDECAR, "the sidecar is not ready to run workflows")
    return ()


def scheduler_problems(error: grpc.RpcError) -> tuple[Problem, ...]:
    """Return the problems of the scheduler, given the error of a call that lists its jobs.

    Raise `DaprUnavailable` if the sidecar itself cannot be reached.
    """
    if error.code() in _NOT_PERMITTED:
        return ()
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        raise to_flowdeck_error(error) from error
    reason, is_late = describe(error), error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    if is_late or "DeadlineExceeded" in reason:  # our deadline, or the sidecar's own
        return _of(Service.SCHEDULER, "the scheduler does not answer the sidecar")
    return _of(Service.SCHEDULER, f"the sidecar has no connection to the scheduler ({reason})")


def connected_workers(metadata: GetMetadataResponse) -> int | None:
    """Return how many workers are connected to the sidecar, None if it does not report them."""
    return metadata.workflows.connected_workers if metadata.HasField("workflows") else None


def _of(service: Service, reason: str) -> tuple[Problem, ...]:
    return (Problem(service, reason),)
