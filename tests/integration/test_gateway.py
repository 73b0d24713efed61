"""The gateway against the real engine: calls that no endpoint of the order application makes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from operations.errors import DaprRefused
from operations.gateway import DaprGateway, open_channel
from operations.gateway.stubs import pb, service
from operations.model import Status
from tests.integration.stack import Stack, unique
from tests.waiting import eventually

ORDER = json.dumps({"order_id": "ORDER001", "amount": 1.25, "items": ["pen"]})


@pytest.fixture
def channel(stack: Stack) -> Iterator[grpc.Channel]:
    """Open a channel for calls that the gateway does not make."""
    with open_channel(f"127.0.0.1:{stack.ports['dapr gRPC']}") as channel:
        yield channel


def listed(gateway: DaprGateway, page_size: int) -> list[str]:
    """Return the ids on all pages."""
    page = gateway.ids(page_size)
    ids = list(page.ids)
    while page.next:
        page = gateway.ids(page_size, page.next)
        ids += page.ids
    return ids


def is_finished(gateway: DaprGateway, instance_id: str) -> bool:
    """Return whether the instance has ended."""
    instance = gateway.state(instance_id)
    return instance is not None and instance.status.is_finished


def test_every_instance_is_on_some_page(gateway: DaprGateway) -> None:
    """All pages together have all instances, with small and with large pages."""
    started = {unique(f"PAGE{number}") for number in range(5)}
    for instance_id in started:
        gateway.start("no_such_workflow", instance_id, "{}")
        eventually(lambda name=instance_id: is_finished(gateway, name), 15, "the instance ends")  # type: ignore[misc]
    assert started <= set(listed(gateway, 2))
    assert started <= set(listed(gateway, 1000))


def test_an_id_that_breaks_the_list_is_named_until_it_is_purged(
    stack: Stack, gateway: DaprGateway, channel: grpc.Channel
) -> None:
    """The error names the id and the remedy, and the remedy works."""
    instance_id = unique("BROKEN||LIST")
    gateway.start("no_such_workflow", instance_id, "{}")
    try:
        eventually(lambda: is_finished(gateway, instance_id), 15, "the instance ends")
        with pytest.raises(DaprRefused, match="Terminate that instance and purge it") as raised:
            gateway.ids()
        assert repr(instance_id) in str(raised.value)
        gateway.terminate(instance_id)
    finally:
        request = pb.PurgeInstancesRequest(instanceId=instance_id)
        service.TaskHubSidecarServiceStub(channel).PurgeInstances(  # type: ignore[no-untyped-call]
            request, timeout=5, metadata=[("dapr-api-token", stack.token)]
        )
    assert instance_id not in gateway.ids().ids


def test_a_scheduled_start_waits_for_its_time(gateway: DaprGateway) -> None:
    """The instance is PENDING until it is due; then its history has the scheduled time."""
    instance_id = unique("SOON")
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    gateway.start("no_such_workflow", instance_id, ORDER, scheduled_for=due)
    pending = gateway.state(instance_id)
    assert pending
    assert (pending.status, pending.workflow, pending.created_at) == (Status.PENDING, "", None)
    assert gateway.history(instance_id) == ()
    eventually(lambda: is_finished(gateway, instance_id), 15, "the instance runs when it is due")
    history = gateway.history(instance_id)
    (started,) = (event for event in history if event.kind == "executionStarted")
    assert (started.name, started.payload, started.fire_at) == ("no_such_workflow", ORDER, due)
    assert history[0].timestamp >= due


def test_the_worker_is_counted(gateway: DaprGateway) -> None:
    """The health of the engine has one worker."""
    assert gateway.health().workers == 1
