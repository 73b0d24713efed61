"""How an instance is read around an action: until it is as it should be, and after the call."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from operations.errors import (
    ASK_AGAIN,
    DaprRefused,
    DaprUnavailable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import Gateway
from operations.model import Action, Instance, Status

SETTLING = 0.5  # seconds to wait for a confirmed action to show
BETWEEN_READS = 0.05  # seconds


@contextmanager
def after_the_call(call: str, remedy: str = ASK_AGAIN) -> Iterator[None]:
    """Read what came of a call that was made: where that fails, `OutcomeUnknown` is raised."""
    try:
        yield
    except (DaprUnavailable, DaprRefused, UnknownInstance) as error:
        raise OutcomeUnknown(call, str(error).rstrip("."), remedy) from error


def begun(gateway: Gateway, action: Action, instance_id: str) -> Instance:
    """Return the instance, once it is known whether it has begun; raises `UnknownInstance`.

    For some milliseconds every start looks like one in the future, which only terminate may touch:
    anything else would begin it at once.
    """

    def known(instance: Instance) -> bool:
        return action is Action.TERMINATE or instance.status is not Status.PENDING

    return read_until(gateway, known, instance_id)


def read_until(gateway: Gateway, enough: Callable[[Instance], bool], instance_id: str) -> Instance:
    """Read until the instance is as it should be, but not for long; raises `UnknownInstance`."""
    deadline = time.monotonic() + SETTLING
    while True:
        instance = gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        if enough(instance) or time.monotonic() > deadline:
            return instance
        time.sleep(BETWEEN_READS)
