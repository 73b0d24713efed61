"""An application with a short workflow for each feature of Dapr Workflow, and with the demo's.

`python -m tests.integration.richapp` runs it against the sidecar at `DAPR_GRPC_ENDPOINT`. Every
activity takes the seconds of its input, so that a test can act while the activity runs.
"""

import asyncio
import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import grpc
from dapr.conf.helpers import GrpcEndpoint
from dapr.ext.workflow import (
    DaprWorkflowContext,
    RetryPolicy,
    WorkflowActivityContext,
    WorkflowRuntime,
    when_all,
    when_any,
)
from pydantic import BaseModel

from operations.gateway import open_channel
from operations.settings import OperationsSettings
from worker.demo.activities import DemoActivities
from worker.demo.workflows import WORKFLOWS as DEMO_WORKFLOWS

EVENT = "approval"
"""The external event that workflows wait for."""
PATCH, VERSION = "work-first", "second"
"""The patch of the workflow `patched`, and the version of the workflow `versioned`."""
GENERATIONS = 3
SIDECAR_TIMEOUT = 60.0  # seconds to wait for the sidecar

Steps = Generator[Any, Any, Any]

RETRIES = RetryPolicy(
    first_retry_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    max_number_of_attempts=4,
)


class Failing(BaseModel):
    """How often an activity fails before it succeeds, and how many seconds each attempt takes."""

    failures: int = 2
    seconds: float = 0.0


class FanOut(BaseModel):
    """How many activities run at once, and how many seconds each takes."""

    activities: int
    seconds: float = 0.0


class Activities:
    """The activities; `flaky` counts its failures in memory."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()

    async def work(self, _: WorkflowActivityContext, seconds: float) -> float:
        """Sleep for `seconds`, and return them."""
        await asyncio.sleep(seconds)
        return seconds

    async def flaky(self, context: WorkflowActivityContext, failing: Failing) -> int:
        """Fail `failing.failures` times in this instance, then return that number."""
        await asyncio.sleep(failing.seconds)
        instance = context.workflow_id
        if self._failed[instance] < failing.failures:
            self._failed[instance] += 1
            raise ConnectionError(f"Failure {self._failed[instance]} of {failing.failures}.")
        return self._failed.pop(instance, 0)

    async def fail(self, _: WorkflowActivityContext, reason: str) -> None:
        """Raise `ValueError` with the reason."""
        raise ValueError(reason)


def parallel(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Run two activities at once, then one; set the custom status before each step."""
    context.set_custom_status("two at once")
    both = yield when_all([_work(context, seconds), _work(context, seconds)])
    context.set_custom_status("one after")
    last = yield _work(context, seconds)
    return [*both, last]


def fan_out(context: DaprWorkflowContext, fan: FanOut) -> Steps:
    """Run `fan.activities` activities at once."""
    results = yield when_all([_work(context, fan.seconds) for _ in range(fan.activities)])
    return len(results)


def retrying(context: DaprWorkflowContext, failing: Failing) -> Steps:
    """Run an activity that fails at first, under a retry policy."""
    return (yield context.call_activity("flaky", input=failing, retry_policy=RETRIES))


def failing(context: DaprWorkflowContext, reason: str) -> Steps:
    """Run an activity that fails, and fail with it."""
    yield context.call_activity("fail", input=reason)


def sleeping(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Wait for a timer."""
    yield context.create_timer(timedelta(seconds=seconds))


def waiting(context: DaprWorkflowContext, _: None) -> Steps:
    """Wait for the event without a timeout."""
    return (yield context.wait_for_external_event(EVENT))


def waiting_until(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Wait for the event or for a timer of the workflow."""
    event = context.wait_for_external_event(EVENT)
    first = yield when_any([event, context.create_timer(timedelta(seconds=seconds))])
    return event.get_result() if first == event else "timed out"


def waiting_at_most(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Wait for the event with the SDK's timeout."""
    try:
        return (yield context.wait_for_external_event(EVENT, timeout=timedelta(seconds=seconds)))
    except TimeoutError:
        return "timed out"


def parent(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Run `parallel` as a child."""
    return (yield context.call_child_workflow(parallel, input=seconds))


def repeating(context: DaprWorkflowContext, child_id: str) -> Steps:
    """Run `parallel` as a child with this id, and again with the same id after the event."""
    yield context.call_child_workflow(parallel, input=0.1, instance_id=child_id)
    yield context.wait_for_external_event(EVENT)
    yield context.call_child_workflow(parallel, input=0.1, instance_id=child_id)


def parent_of_failing(context: DaprWorkflowContext, reason: str) -> Steps:
    """Run `failing` as a child, and fail with it."""
    yield context.call_child_workflow(failing, input=reason)


def with_children(context: DaprWorkflowContext, children: int) -> Steps:
    """Run `children` child workflows at once, which do nothing."""
    yield when_all([context.call_child_workflow(leaf) for _ in range(children)])


def leaf(_: DaprWorkflowContext, __: None) -> None:
    """End at once."""


def continuing(context: DaprWorkflowContext, generation: int) -> Steps:
    """Run one activity in each generation, and continue as new until the last."""
    yield _work(context, 0.5)
    if generation < GENERATIONS:
        context.continue_as_new(generation + 1)
        return None
    return generation


def looping(context: DaprWorkflowContext, generation: int) -> Steps:
    """Continue as new five times a second, for ever, with the events that nobody waited for."""
    yield context.create_timer(timedelta(seconds=0.2))
    context.continue_as_new(generation + 1, save_events=True)


def waiting_for_any(context: DaprWorkflowContext, names: list[str]) -> Steps:
    """Wait for the first of several events."""
    events = [context.wait_for_external_event(name) for name in names]
    return (yield when_any(events)).get_result()


def with_slow_turn(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Block the first turn for `seconds`, then wait for the event, and then for a timer.

    Whatever arrives during the first turn is processed in one turn.
    """
    if not context.is_replaying:
        time.sleep(seconds)
    yield context.wait_for_external_event(EVENT)
    yield context.create_timer(timedelta(seconds=0.2))


def escalating(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Wait for the event or for a timer of half a second; if the timer wins, work."""
    event = context.wait_for_external_event(EVENT)
    timer = context.create_timer(timedelta(seconds=0.5))
    if (yield when_any([event, timer])) == timer:
        yield _work(context, seconds)


def forgetful(context: DaprWorkflowContext, seconds: float) -> Steps:
    """Start an activity that nothing awaits, and wait for the event."""
    _work(context, seconds)
    yield context.wait_for_external_event(EVENT)


def versioned(context: DaprWorkflowContext, _: None) -> Steps:
    """Work, in the only version of the workflow."""
    yield _work(context, 0)


def patched(context: DaprWorkflowContext, _: None) -> Steps:
    """Work if the patch is applied, which it is in a new instance."""
    if context.is_patched(PATCH):
        yield _work(context, 0)


def calling(context: DaprWorkflowContext, app_id: str) -> Steps:
    """Run an activity and a child workflow of another application, which has the same code."""
    yield context.call_activity("work", input=0, app_id=app_id)
    return (yield context.call_child_workflow("parallel", input=0, app_id=app_id))


WORKFLOWS: tuple[Callable[[DaprWorkflowContext, Any], Steps | None], ...] = (
    parallel,
    fan_out,
    retrying,
    failing,
    sleeping,
    waiting,
    waiting_until,
    waiting_at_most,
    waiting_for_any,
    parent,
    repeating,
    parent_of_failing,
    with_children,
    leaf,
    continuing,
    looping,
    with_slow_turn,
    escalating,
    forgetful,
    patched,
    calling,
)


def build(endpoint: str) -> WorkflowRuntime:
    """Return a runtime with all workflows and activities, not yet started."""
    address = GrpcEndpoint(endpoint)
    runtime = WorkflowRuntime(host=address.hostname, port=address.port)
    for workflow in (*WORKFLOWS, *DEMO_WORKFLOWS):
        runtime.register_workflow(workflow)
    runtime.register_versioned_workflow(
        versioned, name="versioned", version_name=VERSION, is_latest=True
    )
    activities = Activities()
    own: tuple[Callable[..., Any], ...] = (activities.work, activities.flaky, activities.fail)
    for activity in (*own, *DemoActivities(pace=0.01).all):
        runtime.register_activity(activity)
    return runtime


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    endpoint = OperationsSettings.load().endpoint
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with open_channel(endpoint) as channel:
        grpc.channel_ready_future(channel).result(timeout=SIDECAR_TIMEOUT)
    runtime = build(endpoint)
    runtime.start()  # type: ignore[no-untyped-call]
    stopping.wait()
    runtime.shutdown()  # type: ignore[no-untyped-call]


def _work(context: DaprWorkflowContext, seconds: float) -> Any:
    return context.call_activity("work", input=seconds)


if __name__ == "__main__":
    main()
