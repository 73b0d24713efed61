"""`python -m system` runs Flowdeck on this machine until Ctrl-C."""

import fcntl
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.settings import DashboardSettings
from engine.build import ensure
from engine.commands import LOOPBACK
from engine.errors import EngineError
from engine.settings import PROJECT, EngineSettings
from operations.errors import InvalidInput
from operations.settings import OperationsSettings
from system.console import Console
from system.ports import taken_ports
from system.procfile import read_procfile
from system.supervisor import Supervisor
from system.welcome import announce_when_ready
from worker.settings import WorkerSettings


class CannotStart(Exception):
    """The system cannot start; the message says why and what to do."""


def main() -> None:
    """Check what the system needs, then run it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's `&` has it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends a build too
    commands = read_procfile(PROJECT / "Procfile")
    console = Console(list(commands))
    try:
        engine, worker = EngineSettings.load(), WorkerSettings.load()
        page = DashboardSettings.load()
        OperationsSettings.load()  # the processes': refused here, not again and again there
        with _alone_on(engine.data):
            _check_ports(engine, worker, page)
            ensure(console.say)
            announce_when_ready(console, worker, page)
            Supervisor(commands, PROJECT, _environment(engine), console).run()
    except (EngineError, CannotStart, InvalidInput) as error:
        console.say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def _alone_on(data: Path) -> Iterator[None]:
    """Hold the data folder, which two engines must never share."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        opened = (data / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"{error}.\nSet FLOWDECK_HOME to a folder to write to.") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"Process {lock.read().strip()} runs Flowdeck on {data} already.\n"
                "Stop it, or set FLOWDECK_HOME to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _check_ports(engine: EngineSettings, worker: WorkerSettings, page: DashboardSettings) -> None:
    settings = (
        "FLOWDECK_PAGE_PORT, FLOWDECK_API_PORT, FLOWDECK_SPANS_PORT, or FLOWDECK_ENGINE_PORTS "
        "(the first of the engine's ten)"
    )
    ports = {
        **engine.ports,
        "traces": engine.spans,
        "REST API": worker.port,
        "dashboard": page.page_port,
    }
    for port, times in Counter(ports.values()).items():
        if times > 1:
            users = " and of ".join(name for name, each in ports.items() if each == port)
            raise CannotStart(f"Port {port} is that of {users}: set {settings}.")
    taken = taken_ports(ports)
    if taken:
        raise CannotStart("\n".join([*taken, f"Stop who holds it, or set {settings}."]))


def _environment(engine: EngineSettings) -> dict[str, str]:
    """Return what every process is given: this Python, and where the sidecar and the data are."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "no_proxy": ",".join(filter(None, [_without_proxy(), LOOPBACK])),
        "FLOWDECK_HOME": str(engine.home.resolve()),
        "FLOWDECK_SPANS_PORT": str(engine.spans),
        "DAPR_GRPC_ENDPOINT": f"{LOOPBACK}:{engine.ports['dapr gRPC']}",
    }


def _without_proxy() -> str:
    """Return what is reached without a proxy already; gRPC would ask one even for 127.0.0.1."""
    return os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""


if __name__ == "__main__":
    main()
