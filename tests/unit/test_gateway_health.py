"""What the gateway reports about the engine's health."""

import os
from contextlib import closing

import grpc
import pytest
from dapr.proto.runtime.v1 import metadata_pb2

from operations.gateway import DaprGateway
from operations.model import Problem, Service
from system.attach.probe import SidecarReport, ask_sidecar, wait_for_sidecar
from system.preconditions import CannotStart
from tests.unit.sidecar import Sidecar


def metadata(*, placement: bool, ready: bool) -> metadata_pb2.GetMetadataResponse:
    """Return a sidecar's metadata."""
    return metadata_pb2.GetMetadataResponse(
        runtime_version="1.18.2",
        actor_runtime=metadata_pb2.ActorRuntime(
            placement="placement: connected" if placement else "placement: disconnected",
            host_ready=ready,
        ),
    )


NO_ERROR = None
NO_SCHEDULER = (grpc.StatusCode.INTERNAL, "error reading from server: EOF")
FORBIDDEN = (grpc.StatusCode.PERMISSION_DENIED, "the API is not allowed")
NOT_REACHED = "the sidecar has no connection to the scheduler (error reading from server: EOF)"
NO_PLACEMENT = "the sidecar has no connection to the placement service"
HEALTH = [
    ((True, True, NO_ERROR), ()),
    ((True, True, NO_SCHEDULER), (NOT_REACHED,)),
    ((True, True, FORBIDDEN), ()),
    ((False, True, NO_ERROR), (NO_PLACEMENT,)),
    ((False, False, NO_ERROR), (NO_PLACEMENT,)),
    ((True, False, NO_ERROR), ("the sidecar is not ready to run workflows",)),
    (
        (False, False, NO_SCHEDULER),
        (NO_PLACEMENT, NOT_REACHED),
    ),
]


@pytest.mark.parametrize(("services", "problems"), HEALTH)
def test_health_has_the_problems(
    sidecar: Sidecar,
    dapr: DaprGateway,
    services: tuple[bool, bool, tuple[grpc.StatusCode, str] | None],
    problems: tuple[str, ...],
) -> None:
    """Each problem has one reason; a healthy engine has no problem."""
    placement, ready, scheduler = services
    sidecar.answers["GetMetadata"] = metadata(placement=placement, ready=ready)
    sidecar.failures["ListJobsAlpha1"] = [scheduler] if scheduler else []
    health = dapr.health()
    assert health.version == "1.18.2"
    assert tuple(problem.reason for problem in health.problems) == problems


@pytest.mark.parametrize(
    "failure",
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, ""),
        (grpc.StatusCode.INTERNAL, "failed to list jobs: code = DeadlineExceeded desc = context"),
    ],
    ids=["our deadline", "the sidecar's deadline"],
)
def test_health_has_a_scheduler_that_hangs(
    sidecar: Sidecar, dapr: DaprGateway, failure: tuple[grpc.StatusCode, str]
) -> None:
    """Only a call that needs the scheduler shows it; the sidecar's metadata does not."""
    sidecar.answers["GetMetadata"] = metadata(placement=True, ready=True)
    sidecar.failures["ListJobsAlpha1"] = [failure]
    (problem,) = dapr.health().problems
    assert problem == Problem(Service.SCHEDULER, "the scheduler does not answer the sidecar")


def test_health_has_the_number_of_workers(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """0 is a number too."""
    answer = metadata(placement=True, ready=True)
    for workers in (2, 0):
        answer.workflows.CopyFrom(metadata_pb2.MetadataWorkflows(connected_workers=workers))
        sidecar.answers["GetMetadata"] = answer
        assert dapr.health().workers == workers


def test_a_sidecar_that_waits_for_its_application_lacks_only_the_worker(
    sidecar: Sidecar, dapr: DaprGateway
) -> None:
    """It connects to the placement service when the application listens at its port."""
    answer = metadata_pb2.GetMetadataResponse(runtime_version="1.18.2")
    answer.workflows.CopyFrom(metadata_pb2.MetadataWorkflows(connected_workers=0))
    sidecar.answers["GetMetadata"] = answer
    health = dapr.health()
    assert (health.problems, health.workers) == ((), 0)


def test_the_number_of_workers_may_be_unknown(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """An unknown number is None, not 0."""
    sidecar.answers["GetMetadata"] = metadata(placement=True, ready=True)
    assert dapr.health().workers is None


def test_a_companion_reports_neither_workers_nor_the_scheduler(sidecar: Sidecar) -> None:
    """It has none of its own; its placement service counts."""
    answer = metadata(placement=False, ready=True)
    answer.workflows.CopyFrom(metadata_pb2.MetadataWorkflows(connected_workers=0))
    sidecar.answers["GetMetadata"] = answer
    sidecar.failures["ListJobsAlpha1"] = [(grpc.StatusCode.INTERNAL, "clients are disabled")]
    with closing(DaprGateway(sidecar.endpoint, is_companion=True)) as companion:
        health = companion.health()
    assert health.workers is None
    assert [problem.reason for problem in health.problems] == [NO_PLACEMENT]


def test_the_gateways_command_prints_what_the_sidecar_reports(sidecar: Sidecar) -> None:
    """`python -m operations.gateway` prints JSON; with `--wait` it waits for a sidecar."""
    answer = metadata(placement=True, ready=True)
    answer.id = "shop"
    sidecar.answers["GetMetadata"] = answer
    sidecar.failures["GetMetadata"] = 2 * [(grpc.StatusCode.UNAVAILABLE, "starting")]
    environment = {**os.environ, "DAPR_GRPC_ENDPOINT": sidecar.endpoint}
    assert ask_sidecar(environment) == "The Dapr engine cannot be reached: starting."
    found = wait_for_sidecar(environment, lambda: False)
    assert found == SidecarReport("shop", "1.18.2", None, ())


def test_nobody_waits_for_a_sidecar_when_the_system_ends() -> None:
    """The process that asks is ended."""
    environment = {**os.environ, "DAPR_GRPC_ENDPOINT": "127.0.0.1:1"}
    assert wait_for_sidecar(environment, lambda: True) is None


def test_the_gateways_command_refuses_an_invalid_address() -> None:
    """The message names the option of `attach`."""
    with pytest.raises(CannotStart, match=r"SIDECAR: found .a:1\?tls=yes., expected host:port"):
        ask_sidecar({**os.environ, "DAPR_GRPC_ENDPOINT": "a:1?tls=yes"})


def test_the_application_is_asked_again_on_request(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """Another sidecar may listen at the same address by now; a check of the health notices it."""
    assert dapr.app_id() == "orders"
    sidecar.answers["GetMetadata"] = metadata_pb2.GetMetadataResponse(id="other")
    assert (dapr.app_id(), sidecar.calls["GetMetadata"]) == ("orders", 1)
    assert (dapr.app_id(fresh=True), dapr.app_id()) == ("other", "other")
    sidecar.answers["GetMetadata"] = metadata_pb2.GetMetadataResponse(id="third")
    dapr.health()
    assert dapr.app_id() == "third"
