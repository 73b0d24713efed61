"""How processes are run, restarted and ended: real ones, under a supervisor in its own process."""

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
from system.supervisor import Limits, Plan, Supervisor
limits = Limits(grace=0.5, shortest_pause=0.005, longest_pause=0.005, last_output=0.2,
                steady=float(sys.argv[4]))
commands = json.loads(sys.argv[1])
plan = Plan(commands, Path(sys.argv[2]), dict(os.environ), Path(sys.argv[3]), ["needed"], limits)
Supervisor(plan, Console(list(commands))).run()
"""
SLEEPER = "sh -c 'echo pid $$; exec sleep 60'"
STUBBORN = """sh -c 'trap "" TERM; echo pid $$; while :; do sleep 0.1; done'"""


@dataclass(frozen=True)
class System:
    """A supervisor that runs, its console and its log files."""

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
        """Return a line of the console once it is written; `wanted` is a pattern."""
        return eventually(
            lambda: next((line for line in self.lines() if re.search(wanted, line)), None),
            20,
            f"the line {wanted!r}",
        )

    def pids(self, count: int) -> list[int]:
        """Return the process ids that the commands have written, once there are `count`."""
        return eventually(
            lambda: (len(pids := self._pids()) >= count and pids) or None, 20, f"{count} processes"
        )

    def _pids(self) -> list[int]:
        lines = [line for file in self.logs.glob("*.log") for line in self.log(file.stem)]
        return [int(line.split()[-1]) for line in lines if re.fullmatch(r"pid \d+", line)]


Reservation = Callable[..., System]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Reservation]:
    """Return what starts a system; whatever still runs at the end is killed."""
    with _starter(tmp_path, []) as starter:
        yield starter


@pytest.fixture
def start_in_the_background(tmp_path: Path) -> Iterator[Reservation]:
    """Return what starts a system as a script's `&` does: with SIGINT ignored."""
    with _starter(tmp_path, ["env", "--ignore-signal=INT"]) as starter:
        yield starter


@pytest.fixture
def start_under_nohup(tmp_path: Path) -> Iterator[Reservation]:
    """Return what starts a system as `nohup` does."""
    with _starter(tmp_path, ["nohup"]) as starter:
        yield starter


@contextmanager
def _starter(folder: Path, before: list[str]) -> Iterator[Reservation]:
    started: list[System] = []

    def start(commands: dict[str, str], cwd: str = ".", steady: float = 60) -> System:
        output, logs = folder / "output", folder / "logs"
        given = [json.dumps(commands), str(folder / cwd), str(logs), str(steady)]
        with output.open("w") as file:
            process = subprocess.Popen(
                [*before, sys.executable, "-c", MAIN, *given],
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
    """Whether a process has ended; a container may lack who buries it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: list[int]) -> None:
    """Wait until all of these processes have ended."""
    eventually(lambda: all(map(is_gone, pids)), 10, f"the end of {pids}")


def test_the_application_s_lines_are_shown_with_its_name(start: Reservation) -> None:
    """Its stdout and stderr appear on the console; another process's output only in its file."""
    system = start({"worker": "sh -c 'echo out; echo err >&2; exec sleep 60'", "b": SLEEPER})
    assert system.line("out$") == "worker   | out"
    assert system.line("err$") == "worker   | err"
    system.pids(1)
    assert system.log("worker") == ["out", "err"]
    assert len(system.lines()) == 2


def test_processes_run_in_the_folder_without_input(start: Reservation, tmp_path: Path) -> None:
    """A process starts in the given folder, and reads nothing from the terminal."""
    system = start({"worker": "sh -c 'echo in $(pwd); cat; echo end of input; exec sleep 60'"})
    system.line(f"in {re.escape(str(tmp_path))}$")
    system.line("end of input$")


def test_a_process_that_is_killed_is_started_again(start: Reservation) -> None:
    """The console says so, with the signal and the last lines; the other process is left alone."""
    system = start({"victim": SLEEPER, "other": "sleep 60"})
    (first,) = system.pids(1)
    os.kill(first, signal.SIGKILL)
    assert system.pids(2)[1] != first
    assert system.lines() == [
        "flowdeck | victim ended (signal SIGKILL). Its last lines:",
        f"victim   |   pid {first}",
        "flowdeck | Starting victim again.",
    ]


def test_a_process_that_came_back_is_announced(start: Reservation) -> None:
    """Once it runs steadily; the first start is no news."""
    system = start({"victim": SLEEPER}, steady=0.05)
    os.kill(system.pids(1)[0], signal.SIGKILL)
    assert system.line("running") == "flowdeck | victim is running again."
    assert len([line for line in system.lines() if "running again" in line]) == 1


def test_a_process_that_ends_is_started_again(start: Reservation) -> None:
    """The console says so, with the exit code; without output, no last lines are announced."""
    system = start({"a": "sh -c 'sleep 0.2; exit 3'"})
    assert system.line("a ended") == "flowdeck | a ended (exit code 3)."


def test_a_process_that_a_restart_cannot_help_stays_stopped(start: Reservation) -> None:
    """The console says why and what to do; the others are still started again."""
    command = f"sh -c 'echo wrong schema; exit {EXIT_DO_NOT_RESTART}'"
    system = start({"stopped": command, "victim": SLEEPER})
    system.line("start it again")
    for count in (1, 2, 3):
        os.kill(system.pids(count)[-1], signal.SIGKILL)
    system.pids(4)
    assert system.log("stopped") == ["wrong schema"]
    said = [line for line in system.lines() if "stopped" in line]
    assert said[:2] == [
        "flowdeck | stopped ended (exit code 78). Its last lines:",
        "stopped  |   wrong schema",
    ]
    assert said[2].startswith("flowdeck | stopped stays stopped: starting it again cannot help.")
    assert said[3].startswith("flowdeck | Correct what the last lines of stopped say")
    assert len(said) == 4


def test_a_system_whose_processes_all_stay_stopped_waits_for_ctrl_c(start: Reservation) -> None:
    """Its console stays open for who has to read it."""
    system = start({"stopped": f"sh -c 'exit {EXIT_DO_NOT_RESTART}'", "needed": SLEEPER})
    system.line("stays stopped")
    os.kill(system.pids(1)[0], signal.SIGKILL)
    system.pids(2)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0


def test_what_others_need_ends_after_them(start: Reservation, tmp_path: Path) -> None:
    """The sidecar is there until its users have ended, so that none of them loses it."""
    loop = "TERM; echo pid $$; while :; do sleep 0.05; done"
    user = f"""sh -c 'trap "sleep 0.2; echo user >> ends; exit" {loop}'"""
    needed = f"""sh -c 'trap "echo needed >> ends; exit" {loop}'"""
    system = start({"needed": needed, "user": user})
    system.pids(2)
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0
    assert (tmp_path / "ends").read_text().split() == ["user", "needed"]


def test_processes_that_die_at_once_lose_no_line(start: Reservation) -> None:
    """All of a dead process's output is written before its end is said, however often it dies."""
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
def test_a_signal_ends_everything(start: Reservation, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM, SIGQUIT and a closed terminal end all processes; nothing is restarted."""
    system = start({"a": SLEEPER, "b": SLEEPER, "c": SLEEPER})
    pids = system.pids(3)
    system.process.send_signal(number)
    assert system.process.wait(timeout=10) == 0
    assert all(map(is_gone, pids))
    assert system.lines() == ["flowdeck | Stopping."]


def test_a_command_that_cannot_be_started_is_tried_again(
    start: Reservation, tmp_path: Path
) -> None:
    """The console says that a folder is missing; once it exists, the process starts."""
    system = start({"a": SLEEPER}, "later")
    system.line("a ended .*No such file or directory")
    (tmp_path / "later").mkdir()
    assert system.pids(1)


def test_a_runaway_that_holds_the_pipe_holds_nobody_up(start: Reservation) -> None:
    """A grandchild in a session of its own, still writing, neither stops a restart nor the end."""
    system = start({"a": "sh -c 'setsid sleep 30 & echo pid $$; sleep 0.2; exit 1'"})
    system.pids(2)
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0


def test_a_signal_amid_the_start_ends_everything(start: Reservation) -> None:
    """SIGTERM is heeded also while processes are being started."""
    late = {f"late-{n}": "sleep 60" for n in range(20)}
    system = start({"early": "sh -c 'kill -TERM $PPID; exec sleep 60'", **late})
    assert system.process.wait(timeout=10) == 0


def test_a_process_may_say_goodbye(start: Reservation) -> None:
    """SIGTERM comes first, and the last output of a process is in its file."""
    polite = """sh -c 'trap "echo bye; exit" TERM; echo pid $$; while :; do sleep 0.1; done'"""
    system = start({"polite": polite})
    system.pids(1)
    system.process.terminate()
    system.process.wait(timeout=10)
    assert "bye" in system.log("polite")


def test_a_process_that_ignores_sigterm_is_killed(start: Reservation) -> None:
    """After the grace no process is left, nor its children."""
    system = start({"stubborn": STUBBORN, "a": SLEEPER})
    pids = system.pids(2)
    children = [child.pid for pid in pids for child in psutil.Process(pid).children()]
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0
    all_gone(pids + children)
    assert "flowdeck | stubborn did not end within 0.5 s: killed." in system.lines()


def test_a_second_signal_amid_the_end_changes_nothing(start: Reservation) -> None:
    """Who presses Ctrl-C twice still leaves no process."""
    system = start({"stubborn": STUBBORN})
    pids = system.pids(1)
    system.process.send_signal(signal.SIGINT)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0
    all_gone(pids)


def test_the_kernel_ends_what_a_killed_supervisor_ran(start: Reservation) -> None:
    """SIGKILL of the supervisor leaves no process, not even one that ignores SIGTERM."""
    system = start({"stubborn": STUBBORN, "a": SLEEPER})
    pids = system.pids(2)
    system.process.kill()
    all_gone(pids)


def test_a_closed_terminal_does_not_end_it_under_nohup(start_under_nohup: Reservation) -> None:
    """Where SIGHUP was ignored at the start, it stays ignored."""
    system = start_under_nohup({"a": SLEEPER})
    (first,) = system.pids(1)
    system.process.send_signal(signal.SIGHUP)
    os.kill(first, signal.SIGKILL)
    assert len(system.pids(2)) == 2


def test_ctrl_c_ends_what_a_script_started(start_in_the_background: Reservation) -> None:
    """Where SIGINT was ignored at the start, as for a script's `&`, it still ends all."""
    system = start_in_the_background({"a": SLEEPER})
    pids = system.pids(1)
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(timeout=10) == 0
    all_gone(pids)


def test_nobody_can_talk_to_the_supervisor(start: Reservation, tmp_path: Path) -> None:
    """The supervisor opens no port, neither TCP nor UDP, and writes its logs alone."""
    system = start({"a": SLEEPER})
    system.pids(1)
    assert psutil.Process(system.process.pid).net_connections(kind="inet") == []
    assert {file.name for file in tmp_path.iterdir()} == {"logs", "output"}
