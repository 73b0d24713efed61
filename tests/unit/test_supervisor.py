"""The supervisor runs, restarts and ends real processes; it runs in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from operations.errors import EXIT_DO_NOT_RESTART
from system.supervisor import ENDING
from tests.waiting import eventually

MAIN = """
import json, os, sys
from pathlib import Path
from system.console import Console
from system.supervisor import SupervisorLimits, Plan, Supervisor
limits = SupervisorLimits(grace=0.5, shortest_pause=0.005, longest_pause=0.005, last_output=0.2,
                steady=float(sys.argv[4]))
commands = json.loads(sys.argv[1])
plan = Plan(commands, Path(sys.argv[2]), dict(os.environ), Path(sys.argv[3]), ["needed"], limits)
Supervisor(plan, Console(list(commands))).run()
"""
SLEEPER = "sh -c 'echo pid $$; exec sleep 60'"
STUBBORN = """sh -c 'trap "" TERM; echo pid $$; while :; do sleep 0.1; done'"""


@dataclass(frozen=True)
class System:
    """A running supervisor, its console and its log files."""

    process: "subprocess.Popen[bytes]"
    output: Path
    logs: Path

    def lines(self) -> list[str]:
        """Return the lines of the console."""
        return self.output.read_text().splitlines()

    def log(self, name: str) -> list[str]:
        """Return the lines of a process's log file."""
        return (self.logs / f"{name}.log").read_text().splitlines()

    def line(self, wanted: str) -> str:
        """Wait for a line of the console that matches the pattern `wanted`, and return it."""
        return eventually(
            lambda: next((line for line in self.lines() if re.search(wanted, line)), None),
            20,
            f"the line {wanted!r}",
        )

    def pids(self, count: int) -> list[int]:
        """Wait until the commands have written `count` process ids, and return the ids."""
        return eventually(
            lambda: (len(pids := self._pids()) >= count and pids) or None, 20, f"{count} processes"
        )

    def _pids(self) -> list[int]:
        lines = [line for file in self.logs.glob("*.log") for line in self.log(file.stem)]
        return [int(line.split()[-1]) for line in lines if re.fullmatch(r"pid \d+", line)]


Start = Callable[..., System]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a system; a supervisor that still runs is killed at the end."""
    with _starter(tmp_path, []) as starter:
        yield starter


@pytest.fixture
def start_in_the_background(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a system as a script's `&` does: with SIGINT ignored."""
    with _starter(tmp_path, ["env", "--ignore-signal=INT"]) as starter:
        yield starter


@pytest.fixture
def start_under_nohup(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a system as `nohup` does."""
    with _starter(tmp_path, ["nohup"]) as starter:
        yield starter


@contextmanager
def _starter(folder: Path, before: list[str]) -> Iterator[Start]:
    started: list[System] = []

    def start(commands: dict[str, str], cwd: str = ".", steady: float = 60) -> System:
        output, logs = folder / "output", folder / "logs"
        arguments = [json.dumps(commands), str(folder / cwd), str(logs), str(steady)]
        with output.open("w") as file:
            process = subprocess.Popen(
                [*before, sys.executable, "-c", MAIN, *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        started.append(System(process, output, logs))
        return started[-1]

    yield start
    for system in started:
        system.process.kill()
        system.process.wait()


def is_gone(pid: int) -> bool:
    """Return whether a process has ended; in a container without init it stays a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: list[int]) -> None:
    """Wait until all of these processes have ended."""
    eventually(lambda: all(map(is_gone, pids)), 10, f"the end of {pids}")


def test_the_application_s_lines_are_shown_with_its_name(start: Start) -> None:
    """The console shows stdout and stderr of the worker; other output is only in its file."""
    system = start({"worker": "sh -c 'echo out; echo err >&2; exec sleep 60'", "b": SLEEPER})
    assert system.line("out$") == "worker   | out"
    assert system.line("err$") == "worker   | err"
    system.pids(1)
    assert system.log("worker") == ["out", "err"]
    assert len(system.lines()) == 2


def test_processes_run_in_the_folder_without_input(start: Start, tmp_path: Path) -> None:
    """A process starts in the given folder, and its stdin is empty."""
    system = start({"worker": "sh -c 'echo in $(pwd); cat; echo end of input; exec sleep 60'"})
    system.line(f"in {re.escape(str(tmp_path))}$")
    system.line("end of input$")


def test_a_process_that_is_killed_is_started_again(start: Start) -> None:
    """The console shows the signal and the last lines; the other process is not restarted."""
    system = start({"victim": SLEEPER, "other": "sleep 60"})
    (first,) = system.pids(1)
    os.kill(first, signal.SIGKILL)
    assert system.pids(2)[1] != first
    assert system.lines() == [
        "flowdeck | victim ended (signal SIGKILL). Its last lines:",
        f"victim   |   pid {first}",
        "flowdeck | Starting victim again.",
    ]


def test_a_restarted_process_is_announced(start: Start) -> None:
    """The console announces a process that runs steadily after a restart, not the first start."""
    system = start({"victim": SLEEPER}, steady=0.05)
    os.kill(system.pids(1)[0], signal.SIGKILL)
    assert system.line("running") == "flowdeck | victim is running again."
    assert len([line for line in system.lines() if "running again" in line]) == 1


def test_a_process_that_ends_is_started_again(start: Start) -> None:
    """The console shows the exit code; a process without output has no last lines."""
    system = start({"a": "sh -c 'sleep 0.2; exit 3'"})
    assert system.line("a ended") == "flowdeck | a ended (exit code 3)."


def test_a_process_that_a_restart_cannot_help_stays_stopped(start: Start) -> None:
    """The console shows the reason and what to do; other processes are still restarted."""
    command = f"sh -c 'echo wrong schema; exit {EXIT_DO_NOT_RESTART}'"
    system = start({"stopped": command, "victim": SLEEPER})
    system.line("start it again")
    for count in (1, 2, 3):
        os.kill(system.pids(count)[-1], signal.SIGKILL)
    system.pids(4)
    assert system.log("stopped") == ["wrong schema"]
    shown = [line for line in system.lines() if "stopped" in line]
    assert shown[:2] == [
        "flowdeck | stopped ended (exit code 78). Its last lines:",
        "stopped  |   wrong schema",
    ]
    assert shown[2].startswith("flowdeck | stopped stays stopped: starting it again cannot help.")
    assert shown[3].startswith("flowdeck | Correct what the last lines of stopped say")
    assert len(shown) == 4


def test_a_system_whose_processes_all_stay_stopped_waits_for_ctrl_c(start: Start) -> None:
    """The system does not end, so its console stays readable."""
    system = start({"stopped": f"sh -c 'exit {EXIT_DO_NOT_RESTART}'", "needed": SLEEPER})
    system.line("stays stopped")
    os.kill(system.pids(1)[0], signal.SIGKILL)
    system.pids(2)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0


def test_a_needed_process_ends_after_its_users(start: Start, tmp_path: Path) -> None:
    """The sidecar runs until the processes that need it have ended."""
    loop = "TERM; echo pid $$; while :; do sleep 0.05; done"
    user = f"""sh -c 'trap "sleep 0.2; echo user >> ends; exit" {loop}'"""
    needed = f"""sh -c 'trap "echo needed >> ends; exit" {loop}'"""
    system = start({"needed": needed, "user": user})
    system.pids(2)
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0
    assert (tmp_path / "ends").read_text().split() == ["user", "needed"]


def test_processes_that_die_at_once_lose_no_line(start: Start) -> None:
    """All output of a dead process is written before its end is reported, on each restart."""
    system = start(dict.fromkeys("abc", "seq 9000"))
    for name in "abc":
        eventually(lambda n=name: len(_ends(system, n)) > 3, 60, f"four ends of {name}")  # type: ignore[misc]
    system.process.terminate()
    system.process.wait(timeout=10)
    for name in "abc":
        numbers = list(map(int, system.log(name)))
        whole = len(numbers) // 9000
        assert numbers[: whole * 9000] == [*range(1, 9001)] * whole
        assert whole >= len(_ends(system, name))
    before = [a for a, b in pairwise(system.lines()) if b.startswith("flowdeck | Starting")]
    assert all(line.endswith("|   9000") for line in before)
    assert "running again" not in system.output.read_text()


def _ends(system: System, name: str) -> list[str]:
    return [line for line in system.lines() if f"{name} ended" in line]


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_everything(start: Start, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM, SIGQUIT and a closed terminal end all processes, and none is restarted."""
    system = start({"a": SLEEPER, "b": SLEEPER, "c": SLEEPER})
    pids = system.pids(3)
    system.process.send_signal(number)
    assert system.process.wait(timeout=10) == 0
    assert all(map(is_gone, pids))
    assert system.lines() == ["flowdeck | Stopping."]


def test_a_command_that_cannot_be_started_is_tried_again(start: Start, tmp_path: Path) -> None:
    """The console shows that a folder is missing; once the folder exists, the process starts."""
    system = start({"a": SLEEPER}, "later")
    system.line("a ended .*No such file or directory")
    (tmp_path / "later").mkdir()
    assert system.pids(1)


def test_a_runaway_child_with_the_pipe_delays_nothing(start: Start) -> None:
    """A grandchild that keeps the pipe open, in a session of its own, delays no restart or end."""
    system = start({"a": "sh -c 'setsid sleep 30 & echo pid $$; sleep 0.2; exit 1'"})
    system.pids(2)
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0


def test_a_signal_during_the_start_ends_everything(start: Start) -> None:
    """SIGTERM ends the system also while processes are being started."""
    late = {f"late-{n}": "sleep 60" for n in range(20)}
    system = start({"early": "sh -c 'kill -TERM $PPID; exec sleep 60'", **late})
    assert system.process.wait(timeout=10) == 0


def test_the_last_output_before_the_end_is_kept(start: Start) -> None:
    """A process gets SIGTERM first, and its output until its end is in its file."""
    polite = """sh -c 'trap "echo bye; exit" TERM; echo pid $$; while :; do sleep 0.1; done'"""
    system = start({"polite": polite})
    system.pids(1)
    system.process.terminate()
    system.process.wait(timeout=10)
    assert "bye" in system.log("polite")


def test_a_process_that_ignores_sigterm_is_killed(start: Start) -> None:
    """After the grace period neither the process nor its children are left."""
    system = start({"stubborn": STUBBORN, "a": SLEEPER})
    pids = system.pids(2)
    children = [child.pid for pid in pids for child in psutil.Process(pid).children()]
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0
    all_gone(pids + children)
    assert "flowdeck | stubborn did not end within 0.5 s: killed." in system.lines()


def test_a_second_signal_during_the_end_changes_nothing(start: Start) -> None:
    """A second Ctrl-C leaves no process behind."""
    system = start({"stubborn": STUBBORN})
    pids = system.pids(1)
    system.process.send_signal(signal.SIGINT)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0
    all_gone(pids)


def test_the_kernel_ends_the_processes_of_a_killed_supervisor(start: Start) -> None:
    """SIGKILL of the supervisor leaves no process, not even one that ignores SIGTERM."""
    system = start({"stubborn": STUBBORN, "a": SLEEPER})
    pids = system.pids(2)
    system.process.kill()
    all_gone(pids)


def test_a_closed_terminal_does_not_end_it_under_nohup(start_under_nohup: Start) -> None:
    """If SIGHUP was ignored at the start, it stays ignored."""
    system = start_under_nohup({"a": SLEEPER})
    (first,) = system.pids(1)
    system.process.send_signal(signal.SIGHUP)
    os.kill(first, signal.SIGKILL)
    assert len(system.pids(2)) == 2


def test_ctrl_c_ends_the_process_of_a_script(start_in_the_background: Start) -> None:
    """If SIGINT was ignored at the start, as under a script's `&`, it still ends all processes."""
    system = start_in_the_background({"a": SLEEPER})
    pids = system.pids(1)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0
    all_gone(pids)


def test_the_supervisor_opens_no_port(start: Start, tmp_path: Path) -> None:
    """The supervisor opens no TCP or UDP port, and writes only its logs."""
    system = start({"a": SLEEPER})
    system.pids(1)
    assert psutil.Process(system.process.pid).net_connections(kind="inet") == []
    assert {file.name for file in tmp_path.iterdir()} == {"logs", "output"}
