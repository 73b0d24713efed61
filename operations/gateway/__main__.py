"""`python -m operations.gateway` prints, as JSON, what the sidecar reports of itself."""

import json
import os
import sys
import time
from contextlib import closing

from operations.errors import EXIT_DO_NOT_RESTART, FlowdeckError, InvalidInput
from operations.gateway.dapr import DaprGateway, open_gateway
from operations.settings import OperationsSettings

TIMEOUT = 3.0  # seconds for each call
ASK_EVERY = 1.0  # seconds between two questions with `--wait`


def main(arguments: list[str]) -> None:
    """Print the application, the version, the number of workers and the problems.

    Without an answer, print the reason to standard error and end with exit code 1; with exit code
    78 if a setting is invalid. With `--wait`, ask until there is an answer or the parent ends.
    """
    try:
        gateway = open_gateway(OperationsSettings.load(), read_timeout=TIMEOUT)
        with closing(gateway):
            report = _wait(gateway) if arguments == ["--wait"] else _ask(gateway)
    except FlowdeckError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_DO_NOT_RESTART if isinstance(error, InvalidInput) else 1)
    sys.stdout.write(f"{json.dumps(report)}\n")


def _ask(gateway: DaprGateway) -> dict[str, object]:
    health = gateway.health()
    return {
        "app_id": gateway.app_id(),
        "version": health.version,
        "workers": health.workers,
        "problems": [problem.reason for problem in health.problems],
    }


def _wait(gateway: DaprGateway) -> dict[str, object]:
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            return _ask(gateway)
        except FlowdeckError:
            time.sleep(ASK_EVERY)
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
