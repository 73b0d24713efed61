"""`python -m engine` builds the engine; `python -m engine daprd` becomes that process."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from engine.build import ensure
from engine.commands import LOOPBACK, NEEDS, command, variables
from engine.errors import EngineError
from engine.installed import version_of
from engine.settings import EngineSettings
from operations.errors import InvalidInput

WAIT = 30.0  # seconds for what a process needs; then it ends, and is started again


def main(arguments: list[str]) -> None:
    """Build the engine, or replace this process by one of the engine's."""
    if arguments and arguments[0] not in NEEDS:
        sys.exit(f"Unknown process {arguments[0]!r}; expected one of {', '.join(NEEDS)}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends a build too
    try:
        settings = EngineSettings.load()
        binaries = ensure(_say)
        if arguments:
            become(arguments[0], binaries, settings)
        _say(f"Dapr {version_of(binaries / 'daprd')} is in {binaries}.")
    except (EngineError, InvalidInput) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def become(process: str, binaries: Path, settings: EngineSettings) -> None:
    """Wait for what `process` needs, then replace this one by it."""
    arguments = command(process, binaries, settings)  # before the folder changes
    settings.data.mkdir(parents=True, exist_ok=True)
    os.environ.update(variables(settings))
    for name in NEEDS[process]:
        _wait_for(name, settings.ports[name])
    os.chdir(settings.home)
    sys.stdout.flush()
    os.execv(arguments[0], arguments)  # noqa: S606 - no shell is wanted


def _wait_for(name: str, port: int) -> None:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"No {name} on {LOOPBACK}:{port} after {WAIT:.0f} seconds.")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
