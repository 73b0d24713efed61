"""`python -m worker.demo` starts the runs of `make demo`: first a mix, then one after the other."""

import signal
import threading
from collections import deque
from contextlib import closing
from datetime import UTC, datetime

import structlog

from operations.actions import ActionContext, Actions, StartRequest
from operations.errors import FlowdeckError, InvalidInput, Unavailable, stay_stopped
from operations.gateway import Gateway, open_gateway
from operations.ledger import Ledger, open_ledger
from operations.logs import configure_logs
from operations.model import Actor
from operations.records import Filter
from operations.settings import OperationsSettings
from worker.demo.mix import Mix, Wanted
from worker.demo.workflows import APPROVAL

MAX_REFUNDS = 6  # that wait before the oldest is approved
RETRY = 0.5  # seconds between two checks whether the engine and a worker are ready
DEMO = ActionContext(Actor("demo", "operator"))

log = structlog.get_logger(__name__)


class Traffic:
    """Starts instances, and decides about refunds, until `stopping` is set."""

    def __init__(self, actions: Actions, mix: Mix, stopping: threading.Event) -> None:
        self._actions = actions
        self._mix = mix
        self._stopping = stopping
        self._refunds: deque[str] = deque()

    def run(self, *, is_new: bool) -> None:
        """Start the first mix if the demo `is_new`, and then one instance after the other."""
        for wanted in self._mix.first() if is_new else ():
            if not self._stopping.is_set():
                self._start(wanted)
        while not self._stopping.wait(self._mix.pause()):
            self._start(self._mix.next())
            if len(self._refunds) > MAX_REFUNDS:
                self._approve(self._refunds.popleft())

    def _start(self, wanted: Wanted) -> None:
        at = datetime.now(UTC) + wanted.start_in if wanted.start_in else None
        request = StartRequest(wanted.workflow, wanted.instance_id, wanted.payload, at)
        try:
            self._actions.start(request, DEMO)
            if wanted.is_paused:
                self._actions.pause(wanted.instance_id, DEMO)
        except FlowdeckError as error:
            log.info(f"cannot start {wanted.instance_id}", reason=str(error))
        else:
            if wanted.workflow == "refund":
                self._refunds.append(wanted.instance_id)

    def _approve(self, instance_id: str) -> None:
        try:
            self._actions.raise_event(instance_id, APPROVAL, '{"approved": true}', DEMO)
        except FlowdeckError as error:  # a viewer may have decided
            log.info(f"cannot approve {instance_id}", reason=str(error))


def is_ready(gateway: Gateway, ledger: Ledger) -> bool:
    """Return True once a worker is connected and the ledger can be read."""
    try:
        ledger.ping()
        return bool(gateway.health().workers)
    except FlowdeckError:
        return False


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = OperationsSettings.load()
        configure_logs(settings)
        gateway = open_gateway(settings)
    except InvalidInput as error:
        stay_stopped(error)
    with closing(gateway):
        while not stopping.wait(RETRY):
            try:
                ledger = open_ledger(settings.ledger, gateway.app_id)
            except Unavailable:  # another process may be creating it
                continue
            with closing(ledger):
                while not is_ready(gateway, ledger) and not stopping.wait(RETRY):
                    pass
                is_new = not ledger.search.page(Filter(), limit=1).runs
                Traffic(Actions(gateway, ledger), Mix(), stopping).run(is_new=is_new)


if __name__ == "__main__":
    main()
