"""Starts the processes of the Procfile, restarts those that die, and ends them, Dapr last.

Written here because the alternatives do less: honcho ends everything when one process ends;
supervisord prints lines without names; circus loses signals that arrive while it starts a process,
and the last lines of a process that dies.
"""

import asyncio
import os
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from operations.errors import EXIT_DO_NOT_RESTART
from system.console import Console
from system.output import Output

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")


@dataclass(frozen=True)
class SupervisorLimits:
    """How long the supervisor waits, in seconds."""

    grace: float = 8.0
    """From SIGTERM to SIGKILL."""
    shortest_pause: float = 0.2
    longest_pause: float = 4.0
    """Before a process is started again: doubles from the shortest to the longest pause."""
    steady: float = 10.0
    """From the restart of a process until it counts as running again."""
    last_output: float = 1.0
    """For the output of a dead process, because its runaway child may keep the pipe open."""


@dataclass(frozen=True)
class Plan:
    """What the supervisor runs, and how."""

    commands: Mapping[str, str]
    folder: Path
    environment: Mapping[str, str]
    logs: Path
    end_last: Collection[str] = ()
    """The processes that the others need: they are ended after the others."""
    limits: SupervisorLimits = field(default_factory=SupervisorLimits)


def read_procfile(path: Path) -> dict[str, str]:
    """Return the command of each process, by name.

    Raises `ValueError` for a line that is neither `name: command`, nor blank, nor a comment, and
    for a name given twice.
    """
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if not found:
            raise ValueError(f"{path}:{number}: found {line!r}, expected `name: command`.")
        name, command = found.groups()
        if name in commands:
            raise ValueError(f"{path}:{number}: found a second process {name!r}, expected one.")
        commands[name] = command
    return commands


class Supervisor:
    """Runs a plan until a signal ends it; blocks in `run`."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._limits = plan.limits
        self._console = console
        self._outputs = {name: Output(console, name, plan.logs) for name in plan.commands}
        self._end, self._end_the_rest = asyncio.Event(), asyncio.Event()
        # If this process is killed, the kernel ends its children, so no port stays taken.
        self._prefix = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

    def run(self) -> None:
        """Run all processes until SIGINT, SIGTERM or SIGQUIT, or until the terminal is closed."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        for number in ENDING:
            under_nohup = number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
            if not under_nohup:
                asyncio.get_running_loop().add_signal_handler(number, self._stop)
        needed = [name for name in self._plan.commands if name in self._plan.end_last]
        await asyncio.gather(
            self._run_dependents([name for name in self._plan.commands if name not in needed]),
            *(self._keep(name, self._end_the_rest) for name in needed),
        )
        for output in self._outputs.values():
            output.close()

    async def _run_dependents(self, names: list[str]) -> None:
        """Run the processes that need the others, and end the others after them."""
        await asyncio.gather(*(self._keep(name, self._end) for name in names))
        await self._end.wait()  # also if all of these processes stay stopped
        self._end_the_rest.set()

    def _stop(self) -> None:
        if not self._end.is_set():
            self._console.say("Stopping.")
        self._console.is_ending = True
        self._end.set()

    async def _keep(self, name: str, end: asyncio.Event) -> None:
        """Run a process again whenever it ends, after a pause that grows if it ends at once."""
        loop, pause, is_first = asyncio.get_running_loop(), self._limits.shortest_pause, True
        while not end.is_set():
            started = loop.time()
            announcement = (
                None
                if is_first
                else loop.call_later(self._limits.steady, self._announce_restart, name)
            )
            ending = await self._run_once(name, end)
            if announcement:
                announcement.cancel()
            if self._end.is_set() or self._stays_stopped(name, ending):
                return
            if loop.time() - started > self._limits.steady:
                pause = self._limits.shortest_pause
            await _wait(end, pause)
            pause, is_first = min(2 * pause, self._limits.longest_pause), False

    def _announce_restart(self, name: str) -> None:
        if not self._console.is_ending:
            self._console.say(f"{name} is running again.")

    def _stays_stopped(self, name: str, ending: int | str) -> bool:
        """Report how a process ended; return True if it must not be started again."""
        last_lines = self._outputs[name].last_lines
        about = " Its last lines:" if last_lines else ""
        self._console.say(f"{name} ended ({_description(ending)}).{about}")
        for line in last_lines:
            self._console.line(name, f"  {line}")
        if ending == EXIT_DO_NOT_RESTART:
            self._console.say(
                f"{name} stays stopped: starting it again cannot help. Everything else continues.\n"
                f"Correct what the last lines of {name} say, then stop Flowdeck and start it again."
            )
            return True
        self._console.say(f"Starting {name} again.")
        return False

    async def _run_once(self, name: str, end: asyncio.Event) -> int | str:
        """Run a process until it ends or `end` is set.

        Returns its exit code, negative for a signal, or why it could not be started.
        """
        # A pipe of our own: with asyncio's, `Process.wait` also waits until the pipe is closed.
        read_end, write_end = os.pipe()
        self._outputs[name].reset()
        reading = asyncio.create_task(self._read(name, read_end))
        try:
            process = await self._spawn(self._plan.commands[name], write_end)
        except OSError as error:
            return str(error)
        finally:
            os.close(write_end)
        await self._wait_for(name, process, end)
        _signal_group(process, signal.SIGKILL)  # the child processes that it left behind
        await asyncio.wait((reading,), timeout=self._limits.last_output)
        reading.cancel()
        return await process.wait()

    async def _spawn(self, command: str, output: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._prefix,
            *("sh", "-c", f"exec {command}"),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            cwd=self._plan.folder,
            env=self._plan.environment,
            start_new_session=True,  # a Ctrl-C reaches the supervisor alone
        )

    async def _wait_for(self, name: str, process: Process, end: asyncio.Event) -> None:
        """Wait until a process ends by itself, or end it once `end` is set."""
        ends = asyncio.create_task(end.wait())
        exits = asyncio.create_task(process.wait())
        await asyncio.wait((ends, exits), return_when=asyncio.FIRST_COMPLETED)
        ends.cancel()
        if exits.done():
            return
        _signal_group(process, signal.SIGTERM)
        await asyncio.wait((exits,), timeout=self._limits.grace)
        if not exits.done():
            self._console.say(f"{name} did not end within {self._limits.grace:g} s: killed.")
            exits.cancel()

    async def _read(self, name: str, pipe: int) -> None:
        """Pass the output of a process on until its pipe is closed."""
        output, reader = self._outputs[name], asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
        )
        try:
            while chunk := await reader.read(65536):
                output.feed(chunk)
        finally:
            transport.close()
            output.end()


async def _wait(end: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(end.wait(), seconds)


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _description(ending: int | str) -> str:
    if isinstance(ending, str):
        return ending
    return f"exit code {ending}" if ending >= 0 else f"signal {signal.Signals(-ending).name}"
