"""`python -m system.dapr` builds Dapr; `python -m system.dapr daprd` runs daprd."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from operations.errors import InvalidInput
from operations.private_files import keep_private
from system.dapr.build import HERE, Site, ensure
from system.dapr.commands import NEEDS, command, variables
from system.dapr.errors import DaprError
from system.dapr.installed import version_of
from system.dapr.settings import LOOPBACK, DaprSettings

WAIT = 30.0  # seconds to wait for another process; then this one ends, and is started again


def main(arguments: list[str], site: Site = HERE) -> None:
    """Build Dapr, or replace this process by a process of Dapr."""
    if arguments and arguments[0] not in NEEDS:
        sys.exit(f"Unknown process {arguments[0]!r}; expected one of {', '.join(NEEDS)}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends a build as well
    try:
        settings = DaprSettings.load()
        binaries = ensure(_report, site)
        if arguments:
            become(arguments[0], binaries, settings)
        _report(f"Dapr {version_of(binaries / 'daprd')} is in {binaries}.")
    except (DaprError, InvalidInput) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def become(process: str, binaries: Path, settings: DaprSettings) -> None:
    """Wait for the processes that `process` needs, then replace this process by it."""
    arguments = command(process, binaries, settings)  # before the folder changes
    keep_private(settings.data)
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


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
