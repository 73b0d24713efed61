"""The specification's three scenarios, over HTTP, on the real engine."""

from concurrent.futures import ThreadPoolExecutor

from tests.integration.stack import Stack, unique


def test_an_order_runs_from_start_to_end(stack: Stack) -> None:
    """An order is RUNNING at once and COMPLETED later, with the specification's output."""
    order_id = unique("COMPLETE")
    order = {"order_id": order_id, "amount": 99.99, "items": ["laptop", "mouse"]}
    started = stack.post("/workflow/start", order)
    instance_id = f"order_{order_id}"
    assert started.json() == {
        "status": "started",
        "instance_id": instance_id,
        "order_data": order,
        "message": "Workflow is executing. Use /workflow/status/{instance_id} to check progress",
    }
    running = stack.status(instance_id)
    assert running["runtime_status"] == "WorkflowStatus.RUNNING"
    assert running["output"] is None
    assert running["custom_status"] == "processing the order and checking the inventory"

    done = stack.wait_for(instance_id, "COMPLETED")
    assert set(done) == {
        "instance_id",
        "runtime_status",
        "status",
        "created_at",
        "last_updated",
        "output",
    }
    assert done["created_at"].endswith("Z")
    assert done["last_updated"].endswith("Z")
    output = done["output"]
    assert output["process_result"]["total"] == 109.989
    assert output["inventory_result"]["items_count"] == 2
    assert output["confirmation"]["message"] == "Order confirmed with 2 items. Total: $109.99"
    assert output["execution_summary"] == {
        "parallel_activities": ["process_order", "check_inventory"],
        "sequential_activities": ["send_confirmation"],
        "total_activities": 3,
    }


def test_a_paused_order_stays_where_it_is_until_it_is_resumed(stack: Stack) -> None:
    """Running activities finish, but no other starts until the resume; then the order completes."""
    instance_id = stack.start_order(unique("PAUSE"))
    paused = stack.post(f"/workflow/pause/{instance_id}").json()
    assert (paused["status"], paused["changed"]) == ("paused", True)
    assert stack.status(instance_id)["status"] == "SUSPENDED"
    assert stack.post(f"/workflow/pause/{instance_id}").json()["changed"] is False

    other = stack.start_order(unique("OTHER"))  # while it runs, the paused order must not continue
    stack.wait_for(other, "COMPLETED")
    assert stack.status(instance_id)["status"] == "SUSPENDED"

    resumed = stack.post(f"/workflow/resume/{instance_id}").json()
    assert (resumed["status"], resumed["changed"]) == ("resumed", True)
    stack.wait_for(instance_id, "COMPLETED")


def test_five_orders_at_once_complete(stack: Stack) -> None:
    """Five orders started at the same moment all complete, each with its own total."""
    ids = [unique(f"BATCH00{number}") for number in range(1, 6)]
    with ThreadPoolExecutor(5) as pool:
        instances = list(pool.map(stack.start_order, ids, [100.0, 200.0, 300.0, 400.0, 500.0]))
    totals = [
        stack.wait_for(each, "COMPLETED")["output"]["process_result"]["total"] for each in instances
    ]
    assert totals == [110.0, 220.0, 330.0, 440.0, 550.0]


def test_a_terminated_order_ends_at_once(stack: Stack) -> None:
    """A terminated order is TERMINATED, has no output, and can be neither paused nor resumed."""
    instance_id = stack.start_order(unique("TERM"))
    terminated = stack.post(f"/workflow/terminate/{instance_id}").json()
    assert (terminated["status"], terminated["changed"]) == ("terminated", True)
    assert stack.status(instance_id)["output"] is None
    assert stack.post(f"/workflow/terminate/{instance_id}").json()["changed"] is False
    assert stack.post(f"/workflow/pause/{instance_id}").status_code == 409
    assert stack.post(f"/workflow/resume/{instance_id}").status_code == 409


def test_a_suspended_order_can_be_terminated(stack: Stack) -> None:
    """A suspended order becomes TERMINATED."""
    instance_id = stack.start_order(unique("SUSTERM"))
    stack.post(f"/workflow/pause/{instance_id}")
    assert stack.post(f"/workflow/terminate/{instance_id}").json()["changed"] is True
    assert stack.status(instance_id)["status"] == "TERMINATED"
