"""Asks a sidecar about itself, in a process of its own: only the gateway speaks to Dapr."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from operations.errors import EXIT_DO_NOT_RESTART
from system.dapr.settings import PROJECT
from system.preconditions import CannotStart

_ASK = (sys.executable, "-m", "operations.gateway")


@dataclass(frozen=True)
class SidecarReport:
    """The sidecar's answer; `workers` is None if their number is unknown."""

    app_id: str
    version: str
    workers: int | None
    problems: tuple[str, ...]


def ask_sidecar(environment: Mapping[str, str]) -> SidecarReport | str:
    """Return the report of the sidecar at `DAPR_GRPC_ENDPOINT`, or why it does not answer.

    Raise `CannotStart` if a setting is invalid.
    """
    answer = subprocess.run(
        _ASK, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return _report(answer.stdout)
    reason = answer.stderr.strip() or "The sidecar could not be asked."
    if answer.returncode == EXIT_DO_NOT_RESTART:
        raise CannotStart(reason.replace("DAPR_GRPC_ENDPOINT", "SIDECAR"))
    return reason.splitlines()[-1]


def wait_for_sidecar(
    environment: Mapping[str, str], is_ending: Callable[[], bool]
) -> SidecarReport | None:
    """Return the report of the sidecar when it answers, None if the system ends before."""
    with subprocess.Popen(
        [*_ASK, "--wait"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # a Ctrl-C reaches the supervisor alone
    ) as process:
        while process.poll() is None:
            if is_ending():
                process.kill()
            time.sleep(0.1)
        output = process.stdout.read() if process.stdout else ""
    return None if process.returncode else _report(output)


def _report(output: str) -> SidecarReport:
    found = json.loads(output)
    return SidecarReport(**{**found, "problems": tuple(found["problems"])})
