"""What daprd, the span endpoint and the data folder allow to others."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import grpc
import httpx
import pytest
from dapr.proto.runtime.v1 import dapr_pb2
from google.protobuf import message_factory

from operations.errors import FlowdeckError
from operations.gateway import DaprGateway, open_channel
from tests.http_client import http_client
from tests.integration.stack import Stack

FOREIGN = {"origin": "https://other.example"}
SERVED = {
    "GetMetadata",
    "SetMetadata",
    "ListJobsAlpha1",  # by which `/health` checks the scheduler; Dapr knows it with the four others
    "ScheduleJobAlpha1",
    "GetJobAlpha1",
    "DeleteJobAlpha1",
    "DeleteJobsByPrefixAlpha1",
}
"""The methods of the runtime's gRPC API that are not denied, without the workflow methods."""
DENIED_PATHS = [
    ("POST", "v1.0/invoke/workflow-app/method/start"),
    ("POST", "v1.0/state/statestore"),
    ("GET", "v1.0/state/statestore/key"),
    ("POST", "v1.0-alpha1/state/statestore/query"),
    ("POST", "v1.0/publish/pubsub/topic"),
    ("POST", "v1.0/publish/bulk/pubsub/topic"),
    ("POST", "v1.0-alpha1/publish/bulk/pubsub/topic"),
    ("POST", "v1.0/bindings/name"),
    ("GET", "v1.0/secrets/store/key"),
    ("POST", "v1.0/actors/type/id/state"),
    ("GET", "v1.0/actors/type/id/state/key"),
    ("PUT", "v1.0/actors/type/id/method/name"),
    ("POST", "v1.0/actors/type/id/reminders/name"),
    ("GET", "v1.0/configuration/store"),
    ("GET", "v1.0-alpha1/configuration/store"),
    ("POST", "v1.0-alpha1/lock/store"),
    ("POST", "v1.0-alpha1/unlock/store"),
    ("PUT", "v1.0-alpha1/crypto/component/encrypt"),
    ("POST", "v1.0-alpha1/conversation/name/converse"),
    ("POST", "v1.0-alpha2/conversation/name/converse"),
    ("GET", "v1.0/jobs/name"),
    ("POST", "v1.0-alpha1/jobs/name"),
    ("POST", "v1.0/shutdown"),
]


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    """Open a client of daprd's HTTP API without a token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports['dapr HTTP']}", timeout=5) as client:
        yield client


def with_token(stack: Stack) -> dict[str, str]:
    """Return the header that daprd requires."""
    return {"dapr-api-token": stack.token}


def test_daprd_requires_the_token(stack: Stack, http: httpx.Client) -> None:
    """A web page cannot send it, so it cannot start, terminate or purge; a tool reads the file."""
    path = "v1.0/workflows/dapr/order_workflow/start?instanceID=forged"
    for refused in (http.post(path), http.post(path, headers={"dapr-api-token": "guessed"})):
        assert refused.status_code == 401
    assert http.get("v1.0/metadata").status_code == 401
    assert http.get("v1.0/metadata", headers=with_token(stack)).status_code == 200
    with (
        closing(DaprGateway(f"127.0.0.1:{stack.ports['dapr gRPC']}")) as gateway,
        pytest.raises(FlowdeckError),
    ):
        gateway.state("forged")


def test_the_data_are_private(stack: Stack) -> None:
    """Folders are 0700, files 0600: the ledger, the log files, Dapr's state, the token."""
    data = stack.folder / "data"
    modes = {path: path.stat().st_mode & 0o777 for path in (data, *data.rglob("*"))}
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}
    names = {path.name for path in modes}
    assert {"ledger.db", "worker.log", "dapr.db", "dapr-api-token", "scheduler"} <= names


@pytest.mark.parametrize(("method", "path"), DENIED_PATHS)
def test_http_apis_that_nobody_uses_are_denied(
    stack: Stack, http: httpx.Client, method: str, path: str
) -> None:
    """Also with the token: daprd does not know their paths."""
    answer = http.request(method, path, headers=with_token(stack), json={})
    assert answer.status_code in {404, 405}, answer.text
    assert "ERR_" not in answer.text  # an error of the API itself


def test_grpc_apis_that_nobody_uses_are_denied(stack: Stack) -> None:
    """Every method of the runtime's API is unimplemented, except those that are needed."""
    served = set()
    with open_channel(f"127.0.0.1:{stack.ports['dapr gRPC']}") as channel:
        for method in dapr_pb2.DESCRIPTOR.services_by_name["Dapr"].methods:
            if method.server_streaming or method.client_streaming or "Workflow" in method.name:
                continue
            request = message_factory.GetMessageClass(method.input_type)()
            call: grpc.UnaryUnaryMultiCallable[Any, bytes] = channel.unary_unary(
                f"/dapr.proto.runtime.v1.Dapr/{method.name}",
                request_serializer=type(request).SerializeToString,
            )
            try:
                call(request, timeout=5, metadata=tuple(with_token(stack).items()))
            except grpc.RpcError as error:
                details = error.details() or ""
                is_unknown = "dapr-app-id" in details  # to this daprd: it would be for another
                if error.code() is grpc.StatusCode.UNIMPLEMENTED or is_unknown:
                    continue
            served.add(method.name)
    assert served <= SERVED
    assert "GetMetadata" in served


def test_etcd_is_not_where_a_web_page_looks_for_it(stack: Stack) -> None:
    """It allows all pages to read and write, so it listens at a random loopback address."""
    port = stack.ports["scheduler etcd client"]
    with pytest.raises(httpx.ConnectError):
        http_client.post(f"http://127.0.0.1:{port}/v3/kv/range", json={"key": "AA=="})
    scheduler = stack.process("scheduler")
    assert scheduler
    listening = {each.laddr for each in scheduler.net_connections() if each.status == "LISTEN"}
    (address,) = (each.ip for each in listening if each.port == port)
    allowed = http_client.get(f"http://{address}:{port}/version", headers=FOREIGN).headers
    assert allowed["access-control-allow-origin"] == "*"  # if not, the random address can go


def test_everything_of_ours_works(stack: Stack) -> None:
    """The health check reads the metadata and the list of jobs."""
    with closing(stack.gateway()) as gateway:
        health = gateway.health()
    assert (health.problems, health.workers) == ((), 1)


def test_spans_of_other_pages_are_refused(stack: Stack) -> None:
    """The endpoint of the running recorder accepts daprd's requests only."""
    url = f"http://127.0.0.1:{stack.ports['placement'] + 10}/api/v2/spans"
    assert http_client.post(url, content=b"[]").status_code == 415
    foreign = {"content-type": "application/json", **FOREIGN}
    assert http_client.post(url, content=b"[]", headers=foreign).status_code == 403
