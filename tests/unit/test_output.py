"""Output of processes: all lines go to a file, and important ones to the console."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from system.console import Console
from system.output import LAST_LINES, Output

TEXT = "first\nsecond: größer\r\n\nlast\n".encode()
LINES = ["first", "second: größer", "", "last"]
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in <module>',
    "ValueError: no paper",
]


def own_line(level: str, text: str, logger: str = "worker.orders") -> str:
    """Return a text line as `operations.logs` writes it."""
    return f"2026-11-28T21:43:12.588831Z [{level:<9}] {text} [{logger}] instance_id=order_A"


def dapr_line(level: str, text: str) -> str:
    """Return a log line of Dapr."""
    return f'time="2026-11-28T21:43:09.095394512Z" level={level} msg="{text}" app_id=a ver=1.18.2'


@pytest.fixture
def console() -> Console:
    """Return the console of a system that is ready."""
    console = Console(["worker", "daprd"])
    console.is_ready = True
    return console


class Shown:
    """Feeds lines of a process to the console; returns the shown ones, with T for times."""

    def __init__(self, console: Console, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._console, self._folder, self._capsys = console, folder, capsys

    def __call__(self, name: str, *lines: str) -> list[str]:
        """Return the lines that the console shows, without the name of the process."""
        output = Output(self._console, name, self._folder)
        output.reset()
        output.feed("".join(f"{line}\n" for line in lines).encode())
        output.close()
        printed = self._capsys.readouterr().out.splitlines()
        assert all(line.startswith(name) for line in printed)
        return [re.sub(r"\b\d\d:\d\d:\d\d\b", "T", line.split("| ")[-1]) for line in printed]


@pytest.fixture
def shown(console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return a function from lines of a process to the lines that the console shows."""
    return Shown(console, tmp_path, capsys)


@pytest.fixture
def worker(console: Console, tmp_path: Path) -> Iterator[Output]:
    """Return the worker's output."""
    with closing(Output(console, "worker", tmp_path)) as output:
        output.reset()
        yield output


@pytest.mark.parametrize("length", [1, 2, 3, 7, 1024])
def test_pieces_of_any_length_become_whole_lines(
    worker: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    """A piece may end anywhere, even within a multi-byte character."""
    for start in range(0, len(TEXT), length):
        worker.feed(TEXT[start : start + length])
    assert (tmp_path / "worker.log").read_text().splitlines() == LINES
    printed = [line.partition("|")[2].strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == LINES


def test_bytes_that_are_not_utf_8_are_replaced(worker: Output, tmp_path: Path) -> None:
    """Each such byte becomes a replacement character; the next line is not affected."""
    worker.feed(b"caf\xe9\xff\nnext\n")
    assert (tmp_path / "worker.log").read_text().splitlines() == ["caf��", "next"]


def test_the_end_writes_an_unfinished_line_once(worker: Output, tmp_path: Path) -> None:
    """Output without a line break at its end is written as a line."""
    worker.feed(b"bye")
    worker.end()
    worker.end()
    assert (tmp_path / "worker.log").read_text() == "bye\n"


def test_a_new_process_continues_the_file_but_not_the_last_lines(
    worker: Output, tmp_path: Path
) -> None:
    """`last_lines` has only lines of the new process, and at most `LAST_LINES`."""
    worker.feed(b"old\n")
    worker.reset()
    worker.feed("".join(f"{n}\n" for n in range(LAST_LINES + 5)).encode())
    assert worker.last_lines == [str(n) for n in range(5, LAST_LINES + 5)]
    assert (tmp_path / "worker.log").read_text().startswith("old\n0\n")


def test_a_full_file_is_rotated(console: Console, tmp_path: Path) -> None:
    """Endless output takes two files of bounded size."""
    with closing(Output(console, "daprd", tmp_path, largest_file=1000)) as output:
        for _ in range(500):
            output.feed(b"a line of some length\n")
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes.keys() == {"daprd.log", "daprd.log.1"}
    assert all(size <= 1000 for size in sizes.values())


def test_lines_of_the_worker_are_shown_in_short_form(shown: Shown) -> None:
    """The short form has the time of day, the message and the instance."""
    line = own_line("info", "[Activity 1 - PARALLEL] Processing order", "worker.activities")
    assert shown("worker", line) == [
        "T [Activity 1 - PARALLEL] Processing order instance_id=order_A"
    ]


def test_information_of_the_workers_libraries_stays_in_its_file(shown: Shown) -> None:
    """Information of uvicorn and of the SDK is not about a step of an order."""
    lines = [own_line("info", "Started", name) for name in ("uvicorn.error", "durabletask-worker")]
    assert shown("worker", *lines) == []


@pytest.mark.parametrize("name", ["recorder", "dashboard"])
def test_information_of_other_processes_stays_in_their_files(shown: Shown, name: str) -> None:
    """The console shows only their warnings and errors."""
    assert shown(name, own_line("info", "all is well", "operations.x")) == []
    assert shown(name, own_line("warning", "slow", "operations.x")) == [
        "T WARNING slow instance_id=order_A"
    ]


@pytest.mark.parametrize("level", ["info", "warning"])
def test_information_and_warnings_of_dapr_stay_in_its_files(shown: Shown, level: str) -> None:
    """On one machine no action is needed for Dapr's warnings, such as mTLS being off."""
    assert shown("daprd", dapr_line(level, "mTLS is disabled")) == []


@pytest.mark.parametrize("level", ["error", "fatal"])
def test_errors_of_dapr_are_shown_in_short_form(shown: Shown, level: str) -> None:
    """The short form has the level and the message, but not the fields."""
    line = dapr_line(level, 'no \\"statestore\\" here')
    assert shown("daprd", line) == [f'T {level.upper()} no "statestore" here']


def test_a_repeated_error_of_dapr_is_shown_once(shown: Shown) -> None:
    """Without a scheduler, the sidecar writes the same error twice a second."""
    jobs, state = dapr_line("error", "no scheduler"), dapr_line("error", "no state store")
    lines = shown("daprd", jobs, jobs, dapr_line("info", "retrying"), jobs, state, state, jobs)
    assert lines == ["T ERROR no scheduler", "T ERROR no state store", "T ERROR no scheduler"]


def test_an_error_of_dapr_that_comes_back_is_shown_again(
    console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the same outage only if the error was written within the last minute."""
    with closing(Output(console, "daprd", tmp_path, repeated=0.0)) as output:
        output.feed(f"{dapr_line('error', 'no scheduler')}\n".encode() * 2)
    assert capsys.readouterr().out.count("no scheduler") == 2


def test_an_error_is_shown_again_after_a_restart(
    console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next process reports its own errors."""
    with closing(Output(console, "daprd", tmp_path)) as output:
        for _ in range(2):
            output.reset()
            output.feed(f"{dapr_line('error', 'no scheduler')}\n".encode() * 2)
    assert capsys.readouterr().out.count("no scheduler") == 2


def test_errors_of_etcd_are_shown(shown: Shown) -> None:
    """The scheduler's etcd writes JSON lines with a level."""
    error, warning = '{"level":"error","msg":"disk full"}', '{"level":"warn","msg":"slow"}'
    assert shown("scheduler", warning, error, "2026/11/28 21:43:13 Marking") == [error]


@pytest.mark.parametrize("name", ["worker", "recorder"])
def test_json_lines_follow_the_same_rules(shown: Shown, name: str) -> None:
    """FLOWDECK_LOG_FORMAT=json changes the form of the lines, not which are shown."""
    info = '{"event": "An order arrived", "level": "info", "logger": "worker.orders"}'
    warning = info.replace("info", "warning")
    assert shown(name, info, warning) == ([info, warning] if name == "worker" else [warning])


def test_a_traceback_is_shown_with_its_message(shown: Shown) -> None:
    """Lines without a level belong to the line before them."""
    lines = [own_line("error", "Failed"), *TRACEBACK, own_line("info", "fine", "other"), "details"]
    assert shown("recorder", *lines) == ["T ERROR Failed instance_id=order_A", *TRACEBACK]


def test_the_line_after_a_warning_of_the_same_logger_is_shown(shown: Shown) -> None:
    """It says that the service is back; later lines are shown no more."""
    lines = [
        own_line("info", "before", "operations.health"),
        own_line("warning", "sidecar is away", "operations.health"),
        own_line("info", "other", "operations.x"),
        own_line("info", "sidecar is back", "operations.health"),
        own_line("info", "after", "operations.health"),
    ]
    assert [line.split(" instance")[0] for line in shown("recorder", *lines)] == [
        "T WARNING sidecar is away",
        "T sidecar is back",
    ]


def test_warnings_during_the_start_stay_in_the_file(shown: Shown, console: Console) -> None:
    """While the system starts, services wait for each other; only errors are shown."""
    console.is_ready = False
    lines = [own_line("warning", "worker is away"), own_line("error", "Failed")]
    assert shown("recorder", *lines) == ["T ERROR Failed instance_id=order_A"]


def test_errors_while_the_system_ends_stay_in_the_file(
    shown: Shown, console: Console, tmp_path: Path
) -> None:
    """Processes that end lose their connections to each other."""
    console.is_ending = True
    assert shown("worker", own_line("error", "connection lost"), *TRACEBACK) == []
    assert "ValueError: no paper" in (tmp_path / "worker.log").read_text()


def test_messages_of_the_system_have_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a message starts with the name."""
    Console(["placement"]).say("ready\nat once")
    assert capsys.readouterr().out == "flowdeck  | ready\nflowdeck  | at once\n"
