"""The three activities of an order."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.unit.conftest import LogLines
from worker.activities import InjectedFault, OrderActivities
from worker.orders import ConfirmationRequest, InventoryResult, Order, ProcessResult
from worker.settings import WorkerSettings

ORDER = Order(order_id="ORDER001", amount=99.99, items=["laptop", "mouse"])
REQUEST = ConfirmationRequest(
    order_id="ORDER001",
    process_result=ProcessResult(
        order_id="ORDER001", status="processed", total=109.989, processed_at=1.0
    ),
    inventory_result=InventoryResult(
        order_id="ORDER001", inventory_status="available", items_count=2, checked_at=1.0
    ),
)
TIMES = {"processed_at", "checked_at", "confirmed_at"}
ACTIVITIES = ["process_order", "check_inventory", "send_confirmation"]


class FakeActivityContext:
    """The runtime's context of an activity."""

    workflow_id = "order_ORDER001"


def activities(**settings: float) -> OrderActivities:
    """Return the activities; they take no time unless `settings` say otherwise."""
    at_once = {"process_seconds": 0.0, "check_seconds": 0.0, "confirm_seconds": 0.0}
    return OrderActivities(WorkerSettings.model_validate({**at_once, **settings}))


def call(activity: str, **settings: float) -> Coroutine[Any, Any, Any]:
    """Return the call of an activity with its input, to be awaited."""
    input_ = REQUEST if activity == "send_confirmation" else ORDER
    coroutine: Coroutine[Any, Any, Any] = getattr(activities(**settings), activity)(
        FakeActivityContext(), input_
    )
    return coroutine


def result(activity: str) -> dict[str, Any]:
    """Return what an activity returns, without its time."""
    returned: dict[str, Any] = asyncio.run(call(activity)).model_dump()
    return {name: value for name, value in returned.items() if name not in TIMES}


def test_processing_computes_the_total() -> None:
    """The total is the amount plus a tenth of it."""
    assert result("process_order") == {
        "order_id": "ORDER001",
        "status": "processed",
        "total": 109.989,
    }


def test_checking_counts_the_items() -> None:
    """Every item is available."""
    assert result("check_inventory") == {
        "order_id": "ORDER001",
        "inventory_status": "available",
        "items_count": 2,
    }


def test_confirming_sends_a_message() -> None:
    """The message to the customer has the number of items and the rounded total."""
    assert result("send_confirmation") == {
        "confirmation_sent": True,
        "order_id": "ORDER001",
        "message": "Order confirmed with 2 items. Total: $109.99",
    }


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_result_has_its_time(activity: str) -> None:
    """The time is in seconds since 1970, rounded to milliseconds."""
    returned = asyncio.run(call(activity)).model_dump()
    (seconds,) = (value for name, value in returned.items() if name in TIMES)
    assert seconds == round(seconds, 3)
    assert seconds == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_an_activity_may_run_twice(activity: str) -> None:
    """A second execution returns the same result."""
    assert result(activity) == result(activity)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_fault_rate_of_one_always_fails(activity: str) -> None:
    """The message of the injected failure names the setting."""
    with pytest.raises(InjectedFault, match=r"FLOWDECK_FAULT_RATE is 1\.0"):
        asyncio.run(call(activity, fault_rate=1.0))


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_fault_rate_of_zero_never_fails(activity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the lowest random number causes a failure."""
    monkeypatch.setattr("random.random", lambda: 0.0)
    assert asyncio.run(call(activity, fault_rate=0.0))


@pytest.mark.parametrize(
    ("activity", "setting"),
    [
        ("process_order", "process_seconds"),
        ("check_inventory", "check_seconds"),
        ("send_confirmation", "confirm_seconds"),
    ],
)
def test_an_activity_waits_without_blocking(activity: str, setting: str) -> None:
    """It waits as long as its own setting says, without blocking the event loop."""

    async def give_up() -> None:
        await asyncio.wait_for(call(activity, **{setting: 3600}), timeout=0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())


@pytest.mark.parametrize(
    ("activity", "sentence"),
    [
        ("process_order", "[Activity 1 - PARALLEL] Processing order"),
        ("check_inventory", "[Activity 2 - PARALLEL] Checking inventory for order"),
        ("send_confirmation", "[Activity 3 - SEQUENTIAL] Sending confirmation with data"),
    ],
)
def test_an_activity_logs_its_sentence(activity: str, sentence: str, log_lines: LogLines) -> None:
    """The log has the specification's sentence and the instance, but not the order."""
    log_lines.configure("info")
    asyncio.run(call(activity))
    (event,) = log_lines.events()
    assert (event["event"], event["instance_id"]) == (sentence, "order_ORDER001")
    assert "payload" not in event


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_an_activity_logs_its_input_only_at_debug(activity: str, log_lines: LogLines) -> None:
    """At level debug the payload is in the log."""
    log_lines.configure("debug")
    asyncio.run(call(activity))
    payloads = [event["payload"] for event in log_lines.events() if "payload" in event]
    assert [payload["order_id"] for payload in payloads] == ["ORDER001"]
