"""Reservations the processes of the Procfile, restarts what dies, ends them all together.

Our own, after a look at what exists: honcho ends everything when one process ends; supervisord
prints lines without names; circus loses signals that come while it starts a process, and the last
words of a process that dies.
"""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from system.console import Console

GRACE = 8.0  # seconds that a process has to end by itself
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 4.0  # seconds before a process is started again
LAST_WORDS = 1.0  # seconds to read what is left, should a runaway still hold the pipe
STEADY = 10.0  # seconds after which a process counts as one that runs
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


class Supervisor:
    """Runs commands until a signal ends them; blocks in `run`."""

    def __init__(
        self,
        commands: Mapping[str, str],
        folder: Path,
        environment: dict[str, str],
        console: Console,
    ) -> None:
        self._commands = commands
        self._folder = folder
        self._environment = environment
        self._console = console
        self._end = asyncio.Event()
        # Should this process be killed, the kernel ends its children: no port stays taken.
        self._prefix = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

    def run(self) -> None:
        """Run everything until SIGINT, SIGTERM, SIGQUIT, or the terminal is closed."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        for number in ENDING:
            under_nohup = number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
            if not under_nohup:
                asyncio.get_running_loop().add_signal_handler(number, self._end.set)
        await asyncio.gather(*(self._keep(*each) for each in self._commands.items()))

    async def _keep(self, name: str, command: str) -> None:
        """Run a command again whenever it ends, after a pause that grows if it ends at once."""
        loop, pause = asyncio.get_running_loop(), SHORTEST_PAUSE
        while not self._end.is_set():
            started = loop.time()
            ending = await self._run_once(name, command)
            if self._end.is_set():
                return
            self._console.say(f"{name} ended ({ending}): starting it again.")
            pause = SHORTEST_PAUSE if loop.time() - started > STEADY else pause
            await self._ended_within(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run_once(self, name: str, command: str) -> str:
        """Run a command until it ends or everything does, and return how it ended."""
        # A pipe of our own: with asyncio's, waiting for a process is waiting for its pipe.
        read_end, write_end = os.pipe()
        reading = asyncio.create_task(self._read(name, read_end))
        try:
            process = await self._spawn(command, write_end)
        except OSError as error:
            return str(error)
        finally:
            os.close(write_end)
        await self._wait_for(process)
        _signal_group(process, signal.SIGKILL)  # what it may have started, and left behind
        await asyncio.wait((reading,), timeout=LAST_WORDS)
        reading.cancel()
        return _ending_of(await process.wait())

    async def _spawn(self, command: str, output: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._prefix,
            *("sh", "-c", f"exec {command}"),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            cwd=self._folder,
            env=self._environment,
            start_new_session=True,  # a Ctrl-C reaches the supervisor alone
        )

    async def _wait_for(self, process: Process) -> None:
        """Wait until a process has ended, by itself or, when everything ends, by a signal."""
        ends = asyncio.create_task(self._end.wait())
        exits = asyncio.create_task(process.wait())
        await asyncio.wait((ends, exits), return_when=asyncio.FIRST_COMPLETED)
        ends.cancel()
        if not exits.done():
            _signal_group(process, signal.SIGTERM)
            await asyncio.wait((exits,), timeout=GRACE)
            exits.cancel()

    async def _read(self, name: str, pipe: int) -> None:
        """Show what a process writes, to its last word."""
        lines, reader = self._console.lines(name), asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
        )
        try:
            while piece := await reader.read(65536):
                lines.feed(piece)
        finally:
            transport.close()
            lines.close()

    async def _ended_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), seconds)


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _ending_of(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
