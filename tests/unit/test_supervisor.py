"""How processes are run, restarted and ended: real ones, supervised by a process of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from system.supervisor import ENDING
from tests.waiting import eventually

MAIN = """
import json, os, sys
from pathlib import Path
from system import supervisor
from system.console import Console
supervisor.GRACE, supervisor.SHORTEST_PAUSE, supervisor.LONGEST_PAUSE = 0.5, 0.005, 0.005
commands = json.loads(sys.argv[1])
console = Console(list(commands))
supervisor.Supervisor(commands, Path(sys.argv[2]), dict(os.environ), console).run()
"""
SLEEPER = "sh -c 'echo pid $$; exec sleep 60'"
STUBBORN = """sh -c 'trap "" TERM; echo pid $$; while :; do sleep 0.1; done'"""


@dataclass(frozen=True)
class System:
    """A supervisor that runs, and what it has written."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def lines(self) -> list[str]:
        """Return what the supervisor has written."""
        return self.output.read_text().splitlines()

    def line(self, wanted: str) -> str:
        """Return a line once it is written; `wanted` is a pattern."""
        return eventually(
            lambda: next((line for line in self.lines() if re.search(wanted, line)), None),
            20,
            f"the line {wanted!r}",
        )

    def pids(self, count: int) -> list[int]:
        """Return the process ids that the commands told, once there are `count`."""
        return eventually(
            lambda: (len(pids := self._told()) >= count and pids) or None, 20, f"{count} processes"
        )

    def _told(self) -> list[int]:
        return [int(line.split()[-1]) for line in self.lines() if re.search(r"\| pid \d+$", line)]


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

    def start(commands: dict[str, str], cwd: str = ".") -> System:
        output = folder / "output"
        with output.open("w") as file:
            process = subprocess.Popen(
                [*before, sys.executable, "-c", MAIN, json.dumps(commands), str(folder / cwd)],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        started.append(System(process, output))
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


def test_each_line_has_its_process_s_name(start: Reservation) -> None:
    """What a process writes, on stdout and stderr, appears after its name."""
    system = start({"talker": "sh -c 'echo out; echo err >&2; exec sleep 60'", "b": SLEEPER})
    assert system.line("out$") == "talker   | out"
    assert system.line("err$") == "talker   | err"
    assert system.line("pid").startswith("b        | pid")


def test_processes_run_in_the_folder_without_input(start: Reservation, tmp_path: Path) -> None:
    """A process starts in the given folder, and reads nothing from the terminal."""
    system = start({"a": "sh -c 'echo in $(pwd); cat; echo end of input; exec sleep 60'"})
    system.line(f"in {re.escape(str(tmp_path))}$")
    system.line("end of input$")


def test_a_process_that_is_killed_is_started_again(start: Reservation) -> None:
    """The restart is said, with the signal; the other process is left alone."""
    system = start({"victim": SLEEPER, "other": "sleep 60"})
    (first,) = system.pids(1)
    os.kill(first, signal.SIGKILL)
    assert system.pids(2)[1] != first
    assert system.line("victim ended") == (
        "flowdeck | victim ended (signal SIGKILL): starting it again."
    )
    assert "other ended" not in system.output.read_text()


def test_a_process_that_ends_is_started_again(start: Reservation) -> None:
    """The restart is said, with the exit code."""
    system = start({"a": "sh -c 'sleep 0.2; exit 3'"})
    assert system.line("a ended") == "flowdeck | a ended (exit code 3): starting it again."


def test_processes_that_die_at_once_lose_no_line(start: Reservation) -> None:
    """All of a dead process's output appears, before its end is said, however often it dies."""
    system = start(dict.fromkeys("abc", "seq 9000"))
    for name in "abc":
        eventually(lambda n=name: len(_ends(system, n)) > 3, 60, f"four ends of {name}")  # type: ignore[misc]
    lines = system.lines()
    for name in "abc":
        own = [line for line in lines if line.startswith(f"{name}  ")]
        last = max(i for i, line in enumerate(own) if line.endswith("| 9000"))
        numbers = [int(line.split()[-1]) for line in own[: last + 1]]
        assert numbers == [*range(1, 9001)] * (len(numbers) // 9000)


def _ends(system: System, name: str) -> list[str]:
    return [line for line in system.lines() if f"{name} ended" in line]


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_everything(start: Reservation, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM, SIGQUIT and a closed terminal end all processes; no restart is said."""
    system = start({"a": SLEEPER, "b": SLEEPER, "c": SLEEPER})
    pids = system.pids(3)
    system.process.send_signal(number)
    assert system.process.wait(timeout=10) == 0
    assert all(map(is_gone, pids))
    assert all(re.search(r"\| pid \d+$", line) for line in system.lines())


def test_a_command_that_cannot_be_started_is_tried_again(
    start: Reservation, tmp_path: Path
) -> None:
    """A folder that is not there is said; when it is there, the process starts."""
    system = start({"a": SLEEPER}, "later")
    system.line("No such file or directory.*starting it again")
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
    """SIGTERM comes first, and what a process writes then appears."""
    polite = """sh -c 'trap "echo bye; exit" TERM; echo pid $$; while :; do sleep 0.1; done'"""
    system = start({"polite": polite})
    system.pids(1)
    system.process.terminate()
    system.process.wait(timeout=10)
    assert "polite   | bye" in system.lines()


def test_a_process_that_ignores_sigterm_is_killed(start: Reservation) -> None:
    """After the grace no process is left, nor its children."""
    system = start({"stubborn": STUBBORN, "a": SLEEPER})
    pids = system.pids(2)
    children = [child.pid for pid in pids for child in psutil.Process(pid).children()]
    system.process.terminate()
    assert system.process.wait(timeout=10) == 0
    all_gone(pids + children)


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
    """The supervisor opens no port, neither TCP nor UDP, and no file."""
    system = start({"a": SLEEPER})
    system.pids(1)
    assert psutil.Process(system.process.pid).net_connections(kind="inet") == []
    assert [file.name for file in tmp_path.iterdir()] == ["output"]
