"""Where the lines of a process go: all of them to its file, what matters to the console."""

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


def ours(level: str, text: str, logger: str = "worker.orders") -> str:
    """Return a line of `operations.logs`."""
    return f"2026-11-28T21:43:12.588831Z [{level:<9}] {text} [{logger}] instance_id=order_A"


def dapr(level: str, text: str) -> str:
    """Return a line of Dapr's."""
    return f'time="2026-11-28T21:43:09.095394512Z" level={level} msg="{text}" app_id=a ver=1.18.2'


@pytest.fixture
def console() -> Console:
    """Return the console of a system that is ready."""
    console = Console(["worker", "daprd"])
    console.is_ready = True
    return console


class Shown:
    """Passes lines on, and returns what the console shows of them, times replaced by T."""

    def __init__(self, console: Console, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._console, self._folder, self._capsys = console, folder, capsys

    def __call__(self, name: str, *lines: str) -> list[str]:
        """Return what the console shows, without the name."""
        output = Output(self._console, name, self._folder)
        output.reset()
        output.feed("".join(f"{line}\n" for line in lines).encode())
        output.close()
        printed = self._capsys.readouterr().out.splitlines()
        assert all(line.startswith(name) for line in printed)
        return [re.sub(r"\b\d\d:\d\d:\d\d\b", "T", line.split("| ")[-1]) for line in printed]


@pytest.fixture
def shown(console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return a function that tells what the console shows of a process's lines."""
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
    """Where a piece ends, even within a letter, changes neither the file nor the console."""
    for start in range(0, len(TEXT), length):
        worker.feed(TEXT[start : start + length])
    assert (tmp_path / "worker.log").read_text().splitlines() == LINES
    printed = [line.partition("|")[2].strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == LINES


def test_bytes_that_are_no_utf_8_are_replaced(worker: Output, tmp_path: Path) -> None:
    """Bytes that are not text are shown as such, and the next line is whole."""
    worker.feed(b"caf\xe9\xff\nnext\n")
    assert (tmp_path / "worker.log").read_text().splitlines() == ["caf��", "next"]


def test_the_end_writes_an_unfinished_line_once(worker: Output, tmp_path: Path) -> None:
    """Output without an end of line is a line, once."""
    worker.feed(b"bye")
    worker.end()
    worker.end()
    assert (tmp_path / "worker.log").read_text() == "bye\n"


def test_a_new_process_continues_the_file_but_not_the_last_lines(
    worker: Output, tmp_path: Path
) -> None:
    """The last lines are those of the process that ended, and no more than a few."""
    worker.feed(b"old\n")
    worker.reset()
    worker.feed("".join(f"{n}\n" for n in range(LAST_LINES + 5)).encode())
    assert worker.last_lines == [str(n) for n in range(5, LAST_LINES + 5)]
    assert (tmp_path / "worker.log").read_text().startswith("old\n0\n")


def test_a_full_file_is_rotated(console: Console, tmp_path: Path) -> None:
    """Output that never ends takes two files of a bounded size."""
    with closing(Output(console, "daprd", tmp_path, largest_file=1000)) as output:
        for _ in range(500):
            output.feed(b"a line of some length\n")
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes.keys() == {"daprd.log", "daprd.log.1"}
    assert all(size <= 1000 for size in sizes.values())


def test_steps_of_the_application_are_shown_in_short(shown: Shown) -> None:
    """The worker's lines show the time of day, the sentence and the instance."""
    line = ours("info", "[Activity 1 - PARALLEL] Processing order", "worker.activities")
    assert shown("worker", line) == [
        "T [Activity 1 - PARALLEL] Processing order instance_id=order_A"
    ]


def test_what_libraries_say_of_the_worker_stays_in_its_file(shown: Shown) -> None:
    """Neither uvicorn's nor the SDK's information is a step of an order."""
    lines = [ours("info", "Started", name) for name in ("uvicorn.error", "durabletask-worker")]
    assert shown("worker", *lines) == []


@pytest.mark.parametrize("name", ["recorder", "dashboard"])
def test_information_of_other_processes_stays_in_their_files(shown: Shown, name: str) -> None:
    """Only their warnings and errors are shown."""
    assert shown(name, ours("info", "all is well", "operations.x")) == []
    assert shown(name, ours("warning", "slow", "operations.x")) == [
        "T WARNING slow instance_id=order_A"
    ]


@pytest.mark.parametrize("level", ["info", "warning"])
def test_information_and_warnings_of_dapr_stay_in_its_files(shown: Shown, level: str) -> None:
    """On one machine its warnings ask for nothing: mTLS is off."""
    assert shown("daprd", dapr(level, "mTLS is disabled")) == []


@pytest.mark.parametrize("level", ["error", "fatal"])
def test_errors_of_dapr_are_shown_in_short(shown: Shown, level: str) -> None:
    """With the level and the message, without the fields."""
    line = dapr(level, 'no \\"statestore\\" here')
    assert shown("daprd", line) == [f'T {level.upper()} no "statestore" here']


def test_errors_of_etcd_are_shown(shown: Shown) -> None:
    """The scheduler's etcd writes JSON, with levels of its own."""
    error, warning = '{"level":"error","msg":"disk full"}', '{"level":"warn","msg":"slow"}'
    assert shown("scheduler", warning, error, "2026/11/28 21:43:13 Marking") == [error]


@pytest.mark.parametrize("name", ["worker", "recorder"])
def test_json_lines_of_ours_follow_the_same_rule(shown: Shown, name: str) -> None:
    """FLOWDECK_LOG_FORMAT=json changes the form of the lines, not which are shown."""
    info = '{"event": "An order came", "level": "info", "logger": "worker.orders"}'
    warning = info.replace("info", "warning")
    assert shown(name, info, warning) == ([info, warning] if name == "worker" else [warning])


def test_a_traceback_is_not_torn_apart(shown: Shown) -> None:
    """Lines without a level belong to the message before them, shown or not."""
    lines = [ours("error", "Failed"), *TRACEBACK, ours("info", "fine", "other"), "details"]
    assert shown("recorder", *lines) == ["T ERROR Failed instance_id=order_A", *TRACEBACK]


def test_who_warns_also_says_when_it_is_over(shown: Shown) -> None:
    """After a warning of a logger, its information is shown too: that the part is back."""
    lines = [
        ours("info", "before", "operations.health"),
        ours("warning", "sidecar is away", "operations.health"),
        ours("info", "other", "operations.x"),
        ours("info", "sidecar is back", "operations.health"),
    ]
    assert [line.split(" instance")[0] for line in shown("recorder", *lines)] == [
        "T WARNING sidecar is away",
        "T sidecar is back",
    ]


def test_warnings_of_the_start_stay_in_the_file(shown: Shown, console: Console) -> None:
    """Until the system is ready, parts that wait for each other are no news; errors are."""
    console.is_ready = False
    lines = [ours("warning", "worker is away"), ours("error", "Failed")]
    assert shown("recorder", *lines) == ["T ERROR Failed instance_id=order_A"]


def test_the_end_is_quiet(shown: Shown, console: Console, tmp_path: Path) -> None:
    """Once the system ends, errors of processes that lose each other are only in the files."""
    console.is_ending = True
    assert shown("worker", ours("error", "connection lost"), *TRACEBACK) == []
    assert "ValueError: no paper" in (tmp_path / "worker.log").read_text()


def test_the_system_speaks_in_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a message has the system's name before it."""
    Console(["placement"]).say("ready\nat once")
    assert capsys.readouterr().out == "flowdeck  | ready\nflowdeck  | at once\n"
