"""An instance with all that it has started below it, as the engine has them."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from operations.errors import NotFinished, TooManyDescendants
from operations.gateway import Gateway
from operations.records import Snapshot
from operations.snapshots import read_snapshot, read_snapshot_or_state

MOST = 1000  # descendants that are looked at in one go


def family_of(gateway: Gateway, root: Snapshot, go_on: Callable[[], None]) -> tuple[Snapshot, ...]:
    """Return an instance and its descendants that the engine still has, parents first.

    A workflow that continued as new has forgotten the children of its earlier generations. Before
    each read of a descendant `go_on` is called, which may raise. Raises `TooManyDescendants`.
    """
    found, waiting = {root.instance.instance_id: root}, deque(children_in(root))
    while waiting:
        child_id = waiting.popleft()
        go_on()
        child = None if child_id in found else read_snapshot(gateway, child_id)
        if child is None:
            continue
        found[child_id] = child
        waiting.extend(children_in(child))
        if len(found) > MOST + 1:  # the root is one of them
            raise TooManyDescendants(root.instance.instance_id, MOST)
    return tuple(found.values())


def children_in(snapshot: Snapshot) -> Iterator[str]:
    """Yield the ids of the children that a history tells of."""
    for event in snapshot.history or ():
        if event.kind == "childWorkflowInstanceCreated" and event.instance_id:
            yield event.instance_id


def ensure_finished(family: tuple[Snapshot, ...]) -> None:
    """Raise `NotFinished` if a descendant has not ended."""
    root, *descendants = family
    for each in descendants:
        if not each.instance.status.is_finished:
            raise NotFinished(root.instance.instance_id, each.instance.instance_id)


def read_root(gateway: Gateway, instance_id: str) -> Snapshot | None:
    """Return the instance, with a history of no events if the engine cannot send its own."""
    seen = read_snapshot_or_state(gateway, instance_id)
    return replace(seen, history=seen.history or ()) if seen else None
