"""Attaches Flowdeck to an application: checks, starts its processes, and reports."""

import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from operations.errors import InvalidInput
from operations.private_files import keep_private
from system.attach.companion import companion_command, describe, find_daprd
from system.attach.folders import Folders
from system.attach.options import AttachOptions, parse
from system.attach.probe import SidecarReport, ask_sidecar, wait_for_sidecar
from system.attach.report import found_text, waiting_text, welcome_text
from system.attach.settings import AttachSettings
from system.console import Console
from system.dapr.commands import SPANS_EVERY
from system.dapr.settings import LOOPBACK, PROJECT
from system.environment import python_environment
from system.preconditions import check_ports, lock_data
from system.supervisor import Plan, Supervisor
from system.welcome import wait_until_answered

COMPANION = "companion"
COMMANDS = {
    "api": "python -m api",
    "recorder": "python -m operations.recorder",
    "dashboard": "python -m dashboard",
}
"""Flowdeck's processes for an application that has a sidecar and workers of its own."""


def attach(arguments: list[str]) -> None:
    """Run Flowdeck for another application until a signal ends it.

    Settings come from the command line and the environment, never from the folder's `.env`, which
    may be the application's. Raise `CannotStart`, `DaprError` and `InvalidInput`.
    """
    os.environ.setdefault("FLOWDECK_ENV_FILE", "")
    options, settings = parse(arguments), AttachSettings.load()
    names = [COMPANION, *COMMANDS] if options.companion else list(COMMANDS)
    Attachment(options, settings, Console(names, application="recorder")).run()


@dataclass(frozen=True)
class Attachment:
    """Flowdeck on the sidecar of an application, or on a companion that it starts."""

    options: AttachOptions
    settings: AttachSettings
    console: Console

    def run(self) -> None:
        """Run the processes until a signal; raise `CannotStart`, `DaprError`, `InvalidInput`."""
        environment, companion = self._environment(), self.options.companion
        daprd = find_daprd(companion.daprd) if companion else None
        if daprd:
            self.console.say(describe(daprd))
        report = None if companion else self._ask(environment)
        folder = self._folder(report)
        keep_private(self.settings.data)
        with lock_data(folder):
            check_ports(self._ports)
            environment |= self._data(folder, report)
            commands = dict(COMMANDS)
            if companion and daprd:
                command = companion_command(companion, daprd, folder, self.settings)
                commands = {COMPANION: command, **COMMANDS}
            self.console.say(f"Starting. The ledger and the log files are in {folder}.")
            arguments = (environment, folder, report)
            threading.Thread(target=self._announce, args=arguments, daemon=True).start()
            plan = Plan(commands, PROJECT, environment, folder / "logs", end_last={COMPANION})
            Supervisor(plan, self.console).run()

    @property
    def _address(self) -> str:
        if self.options.companion:
            return f"{LOOPBACK}:{self.settings.companion_ports['companion gRPC']}"
        return self.options.sidecar

    @property
    def _ports(self) -> dict[str, int]:
        ports = self.settings.ports
        return {**ports, **self.settings.companion_ports} if self.options.companion else ports

    def _environment(self) -> dict[str, str]:
        """Return the variables of every process, except those about the folder of the data."""
        settings, environment = self.settings, python_environment("localhost", "::1")
        token = _token_in(self.options.token_file) or settings.api_token
        if self.options.companion:
            token = token or secrets.token_urlsafe(32)  # nobody else needs the companion
            environment |= {"FLOWDECK_COMPANION": "true", "OTEL_BSP_SCHEDULE_DELAY": SPANS_EVERY}
        return {
            **environment,
            **({"DAPR_API_TOKEN": token} if token else {}),
            "DAPR_GRPC_ENDPOINT": self._address,
            "FLOWDECK_ORDERS": "false",
            "FLOWDECK_SPANS_PORT": str(settings.spans_port),
            "FLOWDECK_API_PORT": str(settings.api_port),
            "FLOWDECK_PAGE_PORT": str(settings.page_port),
        }

    def _data(self, folder: Path, report: SidecarReport | None) -> dict[str, str]:
        """Return the variables about the data; a ledger that the user has named is kept."""
        ledger = self.settings.ledger_url or f"sqlite:///{folder / 'ledger.db'}"
        app_id = report.app_id if report else self._folders.application(folder)
        return {
            "FLOWDECK_HOME": str(folder),
            "FLOWDECK_LEDGER_URL": ledger,
            "FLOWDECK_ATTACHED_APP_ID": app_id,
        }

    def _ask(self, environment: dict[str, str]) -> SidecarReport | None:
        """Ask the sidecar, and print its report, or that it is away."""
        answer = ask_sidecar(environment)
        if isinstance(answer, str):
            self.console.say(waiting_text(self._address, answer))
            return None
        self.console.say(found_text(answer, is_companion=False))
        return answer

    @property
    def _folders(self) -> Folders:
        companion = self.options.companion
        place = companion.placement if companion else self._address
        return Folders(self.settings.data, place)

    def _folder(self, report: SidecarReport | None) -> Path:
        companion = self.options.companion
        app_id = companion.app_id if companion else report and report.app_id
        return self._folders.of(app_id) if app_id else self._folders.last_used()

    def _announce(
        self, environment: dict[str, str], folder: Path, report: SidecarReport | None
    ) -> None:
        """Print the addresses once the pages answer, and the sidecar's report if it was away."""
        console, is_companion = self.console, self.options.companion is not None
        if not wait_until_answered(console, self.settings.addresses):
            return
        console.say(welcome_text(self.settings, is_companion=is_companion))
        console.is_ready = True
        if report is None:
            report = wait_for_sidecar(environment, lambda: console.is_ending)
            if report:
                console.say(found_text(report, is_companion=is_companion))
        if report:
            self._folders.identify(folder, report.app_id)


def _token_in(file: Path | None) -> str | None:
    """Return the token in a file; raise `InvalidInput` if there is none."""
    if file is None:
        return None
    try:
        token = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise InvalidInput("--token-file", str(file), "a file with the token") from error
    if not token:
        raise InvalidInput("--token-file", str(file), "a file with the token")
    return token
