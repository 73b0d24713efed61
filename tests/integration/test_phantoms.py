"""Forced purges of instances to which events are raised all the time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic

import grpc
import pytest

from operations.errors import HistoryLost, OutcomeUnknown, UnknownInstance
from operations.model import Status
from tests.integration.rich import Rich
from tests.waiting import eventually

pytestmark = pytest.mark.slow

EVENTS = 50  # a second


@contextmanager
def storm(rich: Rich, instance_id: str) -> Iterator[list[int]]:
    """Raise events to an instance; the list has one item for each."""
    raised: list[int] = []
    over = threading.Event()

    def rain() -> None:
        due = monotonic()
        while not over.wait(max(0.0, due - monotonic())):
            with suppress(grpc.RpcError):
                rich.raise_event(instance_id, "drop", str(len(raised)))
            raised.append(1)
            due += 1 / EVENTS

    thread = threading.Thread(target=rain)
    thread.start()
    try:
        yield raised
    finally:
        over.set()
        thread.join()


def is_purged(rich: Rich, instance_id: str) -> bool:
    """Purge an instance by force; return False if Dapr could not read it in that moment."""
    try:
        rich.gateway.purge(instance_id, force=True, timeout=10)
    except OutcomeUnknown:
        return False
    except UnknownInstance:
        pass
    return True


def purge_in_a_storm(rich: Rich) -> str:
    """Purge an instance by force between two seconds of events, and return its id."""
    instance_id = rich.start("looping", "1")
    rich.recorded(instance_id, Status.RUNNING, 20)
    with storm(rich, instance_id) as raised:
        eventually(lambda: len(raised) > EVENTS, 20, "a second of events")
        eventually(partial(is_purged, rich, instance_id), 20, f"{instance_id} is purged")
        before = len(raised)
        eventually(lambda: len(raised) > before + EVENTS, 20, "another second of events")
    return instance_id


def test_a_forced_purge_in_a_storm_of_events_leaves_one_run(rich: Rich) -> None:
    """Dapr may write a purged instance back, without an execution; it never hides the real run."""
    for instance_id in [purge_in_a_storm(rich) for _ in range(10)]:
        eventually(partial(is_gone, rich, instance_id), 60, "the engine has lost it")
        run = rich.recorded(instance_id, Status.UNKNOWN, 20)
        assert run.execution_id
        assert run.purged_at
        assert rich.ledger.runs.adjacent_runs(run) == (None, None)


def is_gone(rich: Rich, instance_id: str) -> bool:
    """Return True if the engine has no instance with an id.

    Dapr may have written it back without its first events. Then no purge helps, and its rows are
    deleted as docs/operating.md says.
    """
    try:
        return rich.gateway.state(instance_id) is None
    except HistoryLost:
        rich.delete_rows(instance_id)
        return False
