"""What a sidecar's answers say of its health, in sentences for an operator."""

import grpc
from dapr.proto.runtime.v1.metadata_pb2 import GetMetadataResponse

from operations.gateway.grpc_errors import translated, words
from operations.model import Problem, Service

_NOT_TOLD = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
"""The sidecar's owner lets nobody ask."""


def placement_problems(metadata: GetMetadataResponse) -> tuple[Problem, ...]:
    """Return what is wrong with the part that places workflows."""
    if metadata.actor_runtime.placement != "placement: connected":
        return _of(Service.PLACEMENT, "the sidecar has no connection to the placement service")
    if not metadata.actor_runtime.host_ready:
        return _of(Service.SIDECAR, "the sidecar is not ready to run workflows")
    return ()


def scheduler_problems(error: grpc.RpcError) -> tuple[Problem, ...]:
    """Return what an error says that came instead of the scheduler's jobs.

    Raises `DaprUnavailable` when it is the sidecar itself that is gone.
    """
    if error.code() in _NOT_TOLD:
        return ()
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        raise translated(error) from error
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return _of(Service.SCHEDULER, "the scheduler does not answer the sidecar")
    return _of(
        Service.SCHEDULER, f"the sidecar has no connection to the scheduler ({words(error)})"
    )


def connected_workers(metadata: GetMetadataResponse) -> int | None:
    """Return how many workers take work from the sidecar, or None if it does not tell."""
    return metadata.workflows.connected_workers if metadata.HasField("workflows") else None


def _of(service: Service, reason: str) -> tuple[Problem, ...]:
    return (Problem(service, reason),)
