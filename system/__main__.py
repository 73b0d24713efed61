"""`python -m system` runs Flowdeck until Ctrl-C.

`python -m system demo` runs it with workflows that start by themselves, `python -m system logs`
follows its log files, and `python -m system attach` runs Flowdeck for another application.
"""

import logging
import os
import signal
import sys
from pathlib import Path

from dashboard.settings import DashboardSettings
from operations.errors import InvalidInput
from operations.private_files import keep_private
from operations.settings import OperationsSettings
from system.attach.attach import attach
from system.console import Console
from system.dapr.api_token import write_token
from system.dapr.build import ensure
from system.dapr.commands import NEEDS
from system.dapr.errors import DaprError
from system.dapr.settings import LOOPBACK, PROJECT, DaprSettings
from system.demo import PROCESS, use_own_data
from system.environment import http_url, python_environment
from system.preconditions import CannotStart, check_folders, check_ports, lock_data
from system.supervisor import Plan, Supervisor, read_procfile
from system.welcome import announce_when_ready
from worker.settings import WorkerSettings

STOPPED = "Stopped; nothing is lost."


def main(arguments: list[str]) -> None:
    """Run the system, follow the log files of its processes, or attach to an application."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's `&` ignores it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends a build as well
    logging.raiseExceptions = False  # a full disk costs log lines, and nothing else
    commands = read_procfile(PROJECT / "Procfile")
    is_demo = arguments == ["demo"]
    if is_demo:
        commands |= PROCESS
    console = Console(list(commands))
    try:
        if arguments == ["logs"]:
            follow_logs(DaprSettings.load().logs)
        if arguments[:1] == ["attach"]:
            attach(arguments[1:])
            console.say(STOPPED)
        else:
            if is_demo:
                use_own_data()
            run(commands, console)
    except (DaprError, CannotStart, InvalidInput) as error:
        console.say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:  # before the supervisor runs; exit code 0, else make adds a line
        console.say(STOPPED)


def run(commands: dict[str, str], console: Console) -> None:
    """Check what the system needs, build Dapr if it is missing, and run everything until a signal.

    Raises `InvalidInput`, `CannotStart` and `DaprError`.
    """
    dapr, worker, page = DaprSettings.load(), WorkerSettings.load(), DashboardSettings.load()
    # An invalid value is refused once, not in each restarted process.
    operations = OperationsSettings.load()
    check_folders(dapr.resources, operations.ledger_url)
    with lock_data(dapr.data):
        check_ports(ports(dapr, worker, page))
        ensure(console.say)
        keep_private(dapr.data)
        console.say(f"Starting. The full output is in {dapr.logs}; `make logs` follows it.")
        announce_when_ready(console, worker, page)
        token = write_token(dapr.data, operations.api_token)
        variables = environment(dapr, worker, token)
        plan = Plan(commands, PROJECT, variables, dapr.logs, end_last=NEEDS)
        Supervisor(plan, console).run()
    console.say(STOPPED)


def follow_logs(folder: Path) -> None:
    """Replace this process by `tail -F`; raises `CannotStart` if no log file exists."""
    files = sorted(folder.glob("*.log"))
    if not files:
        raise CannotStart(f"No log files in {folder}: `make run` writes them.")
    os.execvp("tail", ["tail", "-n", "20", "-F", *map(str, files)])  # noqa: S606, S607


def ports(dapr: DaprSettings, worker: WorkerSettings, page: DashboardSettings) -> dict[str, int]:
    """Return every port that the system listens on, by its use."""
    return {
        **dapr.ports,
        "traces": dapr.trace_port,
        "REST API": worker.port,
        "dashboard": page.page_port,
    }


def environment(dapr: DaprSettings, worker: WorkerSettings, token: str) -> dict[str, str]:
    """Return the variables of every process: this Python, the data, the addresses, the token."""
    return {
        **python_environment(),
        "FLOWDECK_HOME": str(dapr.home.resolve()),
        "FLOWDECK_SPANS_PORT": str(dapr.trace_port),
        "FLOWDECK_WORKER_URL": http_url(worker.api_host, worker.port),
        "FLOWDECK_DAPR_MAX_BODY_SIZE": dapr.dapr_max_body_size,
        "DAPR_GRPC_ENDPOINT": f"{LOOPBACK}:{dapr.ports['dapr gRPC']}",
        "DAPR_API_TOKEN": token,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
