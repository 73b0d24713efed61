"""Ports of tests that run at the same time in several processes of pytest-xdist."""

import os

_PER_PROCESS = 500


def first_port(port: int) -> int:
    """Return the first port of a block; `port` is the one that the first process uses."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return port + _PER_PROCESS * int(worker.removeprefix("gw"))
