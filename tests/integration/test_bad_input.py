"""Invalid requests over HTTP, on the real engine."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from operations.gateway import DaprGateway
from tests.http_client import http_client
from tests.integration.stack import RECOVERY, Stack, unique
from tests.waiting import eventually

JSON_CONTENT = {"content-type": "application/json"}
GOOD = {"order_id": "GOOD", "amount": 1.25, "items": ["pen"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": ""}, "order_id"),
        ({"order_id": "a||b"}, "order_id"),
        ({"order_id": "-a"}, "order_id"),
        ({"order_id": "x" * 59}, "order_id"),
        ({"order_id": 7}, "order_id"),
        ({"amount": "99.99"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.001}, "amount"),
        ({"amount": 1000000.01}, "amount"),
        ({"amount": None}, "amount"),
        ({"items": []}, "items"),
        ({"items": "pen"}, "items"),
        ({"items": ["pen", ""]}, "items[1]"),
        ({"items": ["a\nb"]}, "items[0]"),
        ({"items": ["x" * 201]}, "items[0]"),
        ({"items": ["pen"] * 501}, "items"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_value_is_named(stack: Stack, change: dict[str, Any], field: str) -> None:
    """The answer is 422, and names the field, the value found and the value expected."""
    answer = stack.post("/workflow/start", {**GOOD, **change})
    assert answer.status_code == 422
    (invalid,) = answer.json()["detail"]
    assert invalid["field"] == field
    assert invalid["expected"]
    assert invalid["message"].startswith(f"{field}: found ")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_an_invalid_number_is_named(stack: Stack, amount: str) -> None:
    """Numbers that only Python accepts in JSON, and numbers that are too large, are 422."""
    body = f'{{"order_id": "GOOD", "amount": {amount}, "items": ["pen"]}}'
    answer = http_client.post(
        f"{stack.url}/workflow/start", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["field"] == "amount"


@pytest.mark.parametrize("field", ["order_id", "amount", "items"])
def test_a_missing_field_is_named(stack: Stack, field: str) -> None:
    """The answer names the missing field and the value expected."""
    answer = stack.post("/workflow/start", {k: v for k, v in GOOD.items() if k != field})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"].startswith(f"{field}: found nothing, expected ")


def test_a_body_over_one_mebibyte_is_refused_before_it_is_read(stack: Stack) -> None:
    """A body over 1 MiB is 413, with a content-length or streamed."""
    start = f"{stack.url}/workflow/start"
    chunks = (b"x" * 65536 for _ in range(64))
    assert http_client.post(start, content=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert http_client.post(start, content=chunks).status_code == 413


@pytest.mark.parametrize(
    ("path", "size"), [("start", 1_200_000), ("raise/order_x", 5 * 1024 * 1024)]
)
def test_an_ordinary_client_sees_why_its_body_is_refused(
    stack: Stack, path: str, size: int
) -> None:
    """It reads the answer only after it has sent its body, so the server must not close before."""
    for _ in range(20):  # a reset depends on what the kernel has sent so far
        connection = http.client.HTTPConnection("127.0.0.1", stack.api_port, timeout=10)
        with closing(connection):
            connection.request("POST", f"/workflow/{path}", b"x" * size, JSON_CONTENT)
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["error"]) == (413, "BodyTooLarge")


@pytest.mark.parametrize("path", ["status", "pause", "resume", "terminate"])
@pytest.mark.parametrize("instance_id", ["order_nobody", "a||b", "a::b", "é", "x" * 300])
def test_an_unknown_id_is_not_found(stack: Stack, path: str, instance_id: str) -> None:
    """Every endpoint answers 404 to an id that no instance has."""
    method = "GET" if path == "status" else "POST"
    answer = http_client.request(method, f"{stack.url}/workflow/{path}/{instance_id}")
    assert answer.status_code == 404
    assert answer.json()["error"] == "UnknownInstance"


def test_the_same_order_again_returns_the_running_order(stack: Stack) -> None:
    """The same id and body again is 200 with the running order; no second order starts."""
    order = {**GOOD, "order_id": unique("SAME")}
    first = stack.post("/workflow/start", order)
    again = stack.post("/workflow/start", order)
    assert (first.json()["status"], again.json()["status"]) == ("started", "already_running")
    assert again.json()["instance_id"] == first.json()["instance_id"]


def test_another_order_with_the_id_is_refused(stack: Stack) -> None:
    """The same id with another body is 409, and the running order is not changed."""
    order_id = unique("OTHER")
    instance_id = stack.start_order(order_id, 10.0)
    answer = stack.post("/workflow/start", {**GOOD, "order_id": order_id})
    assert (answer.status_code, answer.json()["error"]) == (409, "InstanceExists")
    done = stack.wait_for(instance_id, "COMPLETED")
    assert done["output"]["process_result"]["total"] == 11.0


def test_a_finished_order_is_never_erased(stack: Stack) -> None:
    """The id of a finished order is 409 with any body; Dapr alone would erase the order."""
    order_id = unique("DONE")
    instance_id = stack.start_order(order_id)
    done = stack.wait_for(instance_id, "COMPLETED")
    same = {"order_id": order_id, "amount": 99.99, "items": ["laptop", "mouse"]}
    assert stack.post("/workflow/start", same).status_code == 409
    assert stack.post("/workflow/start", {**same, "amount": 5}).status_code == 409
    assert stack.status(instance_id) == done
    for action in ("pause", "resume", "terminate"):
        assert stack.post(f"/workflow/{action}/{instance_id}").status_code == 409
    assert stack.status(instance_id) == done


def test_the_same_start_at_the_same_moment_gives_one_order(
    stack: Stack, gateway: DaprGateway
) -> None:
    """Of twenty equal requests at once, one is `started`, and nineteen are `already_running`."""
    order = {**GOOD, "order_id": unique("ONCE")}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stack.post("/workflow/start", order), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    statuses = sorted(answer.json()["status"] for answer in answers)
    assert statuses == ["already_running"] * 19 + ["started"]
    instance_id = answers[0].json()["instance_id"]
    stack.wait_for(instance_id, "COMPLETED")
    kinds = [event.kind for event in gateway.history(instance_id)]
    assert kinds.count("executionStarted") == 1


def test_a_pending_order_can_only_be_terminated(stack: Stack) -> None:
    """Pause and resume are 409, because they would start the order; it stays pending."""
    instance_id = stack.start_order_in(timedelta(hours=1), unique("LATER"))
    for action in ("pause", "resume"):
        assert stack.post(f"/workflow/{action}/{instance_id}").status_code == 409
        assert stack.status(instance_id)["status"] == "PENDING"
    answer = stack.post(f"/workflow/terminate/{instance_id}")
    assert (answer.status_code, answer.json()["changed"]) == (200, True)
    assert stack.status(instance_id)["status"] == "TERMINATED"


@pytest.mark.slow
def test_a_start_with_an_unknown_outcome_can_be_repeated(stack: Stack) -> None:
    """A suspended scheduler leaves the outcome unknown; the same request again is safe."""
    order = {**GOOD, "order_id": unique("UNKNOWN")}
    with stack.frozen("scheduler"):
        answer = stack.post("/workflow/start", order)
        assert (answer.status_code, answer.json()["error"]) == (503, "OutcomeUnknown")
        assert "again is safe" in answer.json()["detail"]
        again = stack.post("/workflow/start", order)
        assert again.status_code in (
            200,
            503,
        )  # the engine may have the instance, but cannot run it
        code, body = stack.health()
        assert (code, body["problems"]) == (503, ["the scheduler does not answer the sidecar"])
    stack.wait_until_healthy(RECOVERY)
    eventually(lambda: stack.post("/workflow/start", order).is_success, 30, "the start succeeds")
    stack.wait_for(f"order_{order['order_id']}", "COMPLETED", RECOVERY)


def test_resuming_a_running_order_changes_nothing(stack: Stack) -> None:
    """An action on an instance that has the wanted status is 200 with `changed: false`."""
    instance_id = stack.start_order(unique("RESUME"))
    answer = stack.post(f"/workflow/resume/{instance_id}")
    assert (answer.status_code, answer.json()["changed"]) == (200, False)
